#!/usr/bin/python3
"""What tern-inject makes of a header and of its environment."""
import email.utils
import os
import pwd
import re
import resource
import time

import fakequeue
import ternlab

tap = ternlab.Tap()
home = fakequeue.FakeHome(me='host.test', defaultdomain='example.test', plusdomain='plus.test')
account = pwd.getpwuid(os.getuid())
USER = {'USER': 'ann'}


def lines(message):
    """The fields of a message, unfolded, in order."""
    header = message.partition(b'\n\n')[0].decode()
    return re.sub(r'\n(?=[ \t])', '', header).split('\n')


def printed(message, *argv, **environment):
    done = home.run('tern-inject', '-n', *argv, input=message, check=0,
                    environment={**USER, **environment})
    return done.stdout


def field(message, name):
    """The bodies of all fields of that name."""
    return [line.partition(':')[2].strip() for line in lines(message)
            if line.partition(':')[0].lower() == name.lower()]


def sent(message, *argv, **environment):
    home.run('tern-inject', *argv, input=message, check=0, environment={**USER, **environment})
    return home.take()


FULL = (b'Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@x>\nFrom: a@b.c\nTo: d@e.f\n'
        b'Subject: x\n\nbody\n')

try:
    # A complete message stays as it is.
    tap.equal(printed(FULL), FULL, 'a complete message is not changed')
    tap.equal(printed(FULL.replace(b'\n', b'\r\n')), FULL, 'CR LF becomes LF')
    tap.equal(printed(FULL[:-1]), FULL[:-1], 'a last line without its newline stays so')
    body = bytes(range(128, 256)) + b'\0\n.\n..\nFrom x\n>From x\n\r\r\n\rx\r'
    tap.equal(printed(FULL + body), FULL + body.replace(b'\r\n', b'\n'),
              'the body is kept byte for byte')
    odd = FULL.replace(b'Subject: x', b'Subject: =?utf-8?q?x?=\n\ty\nX-Odd : a\nX-Latin: \xe9')
    tap.equal(printed(odd), odd, 'RFC 2047 words, folds and 8-bit stay')

    # What is missing is added.
    before = int(time.time())
    got = printed(b'Subject: x\n\nbody\n')
    date = email.utils.parsedate_to_datetime(field(got, 'date')[0]).timestamp()
    tap.ok(before <= date <= time.time(), 'Date is now')
    tap.ok(re.fullmatch(r'<\d+\.\d+\.[\w-]{16}@host\.test>', field(got, 'message-id')[0]),
           'Message-ID is made')
    tap.ok(field(got, 'message-id') != field(printed(b'Subject: x\n\n'), 'message-id'),
           'and no two are the same')
    tap.equal(field(got, 'cc'), ['recipient list not shown: ;'], 'a Cc that names nobody')
    tap.equal(email.utils.parseaddr(field(got, 'from')[0])[1], 'ann@host.test', 'From is made')
    tap.equal(len(lines(got)), 5, 'and nothing else')
    for message, why in [(b'', 'no message at all'), (b'\n', 'an empty line')]:
        got = printed(message)
        tap.ok(got.endswith(b'\n\n') and field(got, 'date'), f'{why}: a header is made')
    for message, body, why in [
            (b'hello\nworld\n', b'hello\nworld\n', 'no header'),
            (b'hello', b'hello', 'one line without a newline'),
            (b'To: a@b.c\nhello\n', b'hello\n', 'no blank line'),
            (b'To: a@b.c\n\nhello\n', b'hello\n', 'a blank line'),
            (b' To: a@b.c\n\nx\n', b' To: a@b.c\n\nx\n', 'a header that begins folded'),
            (b'From the start\nit went\n', b'From the start\nit went\n', 'text, not a mailbox'),
            (b'From x Mon Jan 1\nTo: a@b.c\n\nhello\n', b'hello\n', 'a line of a mailbox'),
            (b'>From x Mon Jan 1\nTo: a@b.c\n\nhello\n', b'hello\n', 'a quoted one'),
            (b'From : a@b.c\n\nhello\n', b'hello\n', 'From with a blank'),
            (b'To: a@b.c', b'', 'a header that breaks off')]:
        got = printed(message)
        tap.equal(got.partition(b'\n\n')[2], body, f'{why}: the body')
        tap.equal([line for line in lines(got) if not re.match(r'[!-9;-~]+ ?: ', line)], [],
                  f'{why}: the header holds only fields')

    # Addresses are completed.
    for written, complete in [
            ('ann', 'ann@host.test'), ('ann@x', 'ann@x.example.test'), ('ann@x.y', 'ann@x.y'),
            ('ann@x+', 'ann@x.plus.test'), ('ann@x.y+', 'ann@x.y.plus.test'),
            ('ann@x.y.', 'ann@x.y'), ('ann@localhost', 'ann@localhost'),
            ('ann@HOST.test', 'ann@HOST.test'), ('ann@[192.0.2.1]', 'ann@[192.0.2.1]'),
            ('Ann <ann> (me), bob', 'Ann <ann@host.test> (me), bob@host.test'),
            ('<ann>', '<ann@host.test>'), ('(c) ann (d) , x', '(c) ann@host.test (d) , x@host.test'),
            ('g: ann, "b c"@x;', 'g: ann@host.test, "b c"@x.example.test;'),
            ('<@r:ann@x>', '<@r:ann@x.example.test>'), ('ann @ x', 'ann @ x.example.test'),
            ('', ''), ('John Doe', 'John Doe')]:
        got = printed(f'To: z@z.z\nReply-To: {written}\n\n'.encode())
        tap.equal(field(got, 'reply-to'), [complete], f'{written!r} is completed')
    tap.equal(field(printed(b'To: ann@x\n\n', QMAILDEFAULTDOMAIN='other.test'), 'to'),
              ['ann@x.other.test'], 'QMAILDEFAULTDOMAIN')
    tap.equal(field(printed(b'To: ann@x+\n\n', QMAILPLUSDOMAIN='other.test'), 'to'),
              ['ann@x.other.test'], 'QMAILPLUSDOMAIN')
    tap.equal(field(printed(b'To: ann\n\n', QMAILDEFAULTHOST='other'), 'to'),
              ['ann@other.example.test'], 'QMAILDEFAULTHOST, and its own domain')
    tap.ok(field(printed(b'To: ann\n\n', QMAILIDHOST='id.test'), 'message-id')[0]
           .endswith('@id.test>'), 'QMAILIDHOST')

    # Who gets it.
    both = b'To: a@b.c, g: d@e.f;\nCc: "x y"@z.z\nBcc: h@i.j\nApparently-To: k@l.m\n\n'
    named = ['a@b.c', 'd@e.f', 'x y@z.z', 'h@i.j', 'k@l.m']
    for argv, want in [([], named), (['r@s.t'], ['r@s.t']), (['-A'], named), (['-h'], named),
                       (['-h', 'r@s.t'], named), (['-H', 'r@s.t'], ['r@s.t'] + named),
                       (['-a', 'r@s.t'], ['r@s.t']), (['-N', 'r,s t@u'], ['r,s t@u.example.test'])]:
        tap.equal([r.decode() for r in sent(both, *argv).recipients], want, f'{argv}: recipients')
    resent = (b'To: a@b.c\nBcc: d@e.f\nResent-To: g@h.i\nResent-Bcc: j@k.l\nResent-From: m@n.o\n'
              b'From: p@q.r\n\n')
    got = sent(resent)
    tap.equal(got.recipients, [b'g@h.i', b'j@k.l'], 'a resent message goes to whom it is resent')
    names = sorted(line.partition(':')[0] for line in lines(got.message))
    tap.equal(names, ['From', 'Resent-Date', 'Resent-From', 'Resent-Message-ID', 'Resent-To', 'To'],
              'and gets Resent- fields, no Bcc')

    # What does not go out.
    got = printed(FULL.replace(b'Subject', b'Bcc: a@b.c,\n d@e.f\nContent-Length: 7\n'
                               b'Return-Path: <x@y.z>\nResent-Bcc: g\nSubject'))
    tap.ok(not re.search(rb'(?m)^(Bcc|Content-Length|Return-Path|Resent-Bcc| d@)', got),
           'Bcc, Resent-Bcc, Content-Length and Return-Path are left out')

    # The sender.
    for message, argv, environment, want, why in [
            (FULL, [], {}, 'ann@host.test', 'USER'),
            (FULL, [], {'LOGNAME': 'log'}, 'ann@host.test', 'USER before LOGNAME'),
            (FULL, [], {'MAILUSER': 'bob', 'MAILHOST': 'x.y'}, 'bob@x.y', 'MAILUSER, MAILHOST'),
            (FULL, [], {'QMAILUSER': 'q', 'MAILUSER': 'bob', 'QMAILHOST': 'h', 'MAILHOST': 'x.y'},
             'q@h.example.test', 'QMAILUSER, QMAILHOST'),
            (FULL, [], {'QMAILSUSER': 's', 'QMAILSHOST': 't.t', 'QMAILUSER': 'q'}, 's@t.t',
             'QMAILSUSER, QMAILSHOST'),
            (b'Return-Path: <rp@x>\n' + FULL, [], {'QMAILSUSER': 's'}, 'rp@x.example.test',
             'Return-Path before the environment'),
            (b'Return-Path: <>\n' + FULL, [], {}, '', 'an empty Return-Path'),
            (b'Return-Path: <rp@x>\n' + FULL, ['-f', 'f@g'], {}, 'f@g.example.test',
             '-f before Return-Path'),
            (b'Return-Path: <rp@x>\n' + FULL, [], {'QMAILINJECT': 's'}, 'ann@host.test',
             'QMAILINJECT=s'),
            (FULL, [], {'QMAILINJECT': 'r'}, 'ann-@host.test-@[]', 'QMAILINJECT=r'),
            (FULL, ['-f', '#@[]'], {}, '#@[]', 'the sender of double bounces')]:
        tap.equal(sent(message, *argv, **environment).sender.decode(), want, why)
    tap.ok(re.fullmatch(rb'ann-\d+\.\d+@host\.test', sent(FULL, QMAILINJECT='m').sender),
           'QMAILINJECT=m')
    tap.ok(re.fullmatch(rb'ann-\d+\.\d+-@host\.test-@\[\]', sent(FULL, QMAILINJECT='rm').sender),
           'QMAILINJECT=rm')

    # The author.
    for environment, want in [
            ({'QMAILNAME': 'Ann Lee'}, 'Ann Lee <ann@host.test>'),
            ({'MAILNAME': 'M', 'NAME': 'N'}, 'M <ann@host.test>'), ({'NAME': 'N'}, 'N <ann@host.test>'),
            ({'NAME': 'Lee, "A"'}, '"Lee, \\"A\\"" <ann@host.test>'),
            ({'NAME': 'A\nBcc: x'}, '"A Bcc: x" <ann@host.test>'),
            ({'NAME': 'J\u00f6'}, '=?utf-8?q?J=C3=B6?= <ann@host.test>'),
            ({'NAME': 'N (x)', 'QMAILINJECT': 'c'}, 'ann@host.test (N \\(x\\))'),
            ({'NAME': 'N', 'QMAILUSER': 'a b'}, 'N <"a b"@host.test>')]:
        tap.equal(field(printed(b'To: a@b.c\n\n', **environment), 'from'), [want], f'From by {environment}')
    got = home.run('sendmail', '-F', 'Full Name', '-f', 'x@y.z', 'a@b.c', input=b'\n', check=0)
    tap.equal(field(home.take().message, 'from'), ['Full Name <x@y.z>'], 'From by -F and -f')
    home.run('sendmail', '-f', '', 'a@b.c', input=b'\n', check=0)
    got = field(home.take().message, 'from')[0]
    gecos = account.pw_gecos.split(',')[0].replace('&', account.pw_name.capitalize())
    tap.equal(email.utils.parseaddr(got), (gecos, f'{account.pw_name}@host.test'),
              'From by the account')
    tap.equal(field(printed(FULL, NAME='N', QMAILINJECT='f'), 'from'), ['N <ann@host.test>'],
              'QMAILINJECT=f')
    tap.ok(field(printed(FULL, QMAILINJECT='i'), 'message-id') != ['<1@x>'], 'QMAILINJECT=i')
    done = home.run('tern-inject', 'a@b', input=FULL, environment={'USER': 'a\nb'})
    tap.ok(done.returncode == 100, 'a user name with a newline is refused')

    # Mailing lists.
    lists = os.path.join(home.path, 'lists')
    with open(lists, 'w') as f:
        f.write('list@x.y\nD@E.F\n')
    message = b'To: A <a>, list2@x.y\nCc: d@e.f\n\n'
    tap.equal(field(printed(message, QMAILMFTFILE=lists), 'mail-followup-to'),
              ['a@host.test, list2@x.y, d@e.f'], 'Mail-Followup-To for a list of ours')
    tap.equal(field(printed(b'To: a@b.c\n\n', QMAILMFTFILE=lists), 'mail-followup-to'), [],
              'and not for others')
    tap.equal(field(printed(b'Mail-Followup-To: z@z.z\n' + message, QMAILMFTFILE=lists),
                    'mail-followup-to'), ['z@z.z'], 'nor over one that is there')

    # Refusals.
    for argv, message, why in [(['-z'], FULL, 'an unknown option'), (['-f'], FULL, '-f alone'),
                               ([], b'Subject: x\n\n', 'no recipients'),
                               ([], b'To: John Doe\n\n', 'a To that is none'),
                               ([], b'To: "a\1b"@c.d\n\n', 'a control character'),
                               (['-a'], FULL, '-a without recipients')]:
        done = home.run('tern-inject', *argv, input=message)
        tap.ok(done.returncode == 100 and done.stderr.count(b'\n') == 1, f'{why}: exit 100')
    tap.ok(home.is_idle(), 'nothing of that was queued')

    # Limits.
    limit = 10 * 1024 * 1024
    for size, code in [(limit - 1, 0), (limit, 0), (limit + 1, 100), (2 * limit, 100)]:
        filler = b'X: ' + b'x' * (size - len(FULL.partition(b'\n\n')[0]) - 5) + b'\n'
        done = home.run('tern-inject', input=filler + FULL)
        tap.equal(done.returncode, code, f'a header of {size} bytes: exit {code}')
        if code == 0:
            tap.ok(home.take().message == filler + FULL, 'it is whole')
    done = home.run('tern-inject', 'a@b.c', input=b'x' * 2 * limit, check=0)
    tap.ok(len(home.take().body()) == 2 * limit, 'one endless line without a header is a body')

    def small():
        resource.setrlimit(resource.RLIMIT_AS, (40 << 20, 40 << 20))
    done = home.run('tern-inject', input=FULL + b'x\n' * (50 << 20), preexec_fn=small)
    tap.ok(done.returncode == 0 and len(home.take().message) == len(FULL) + (100 << 20),
           'a body of 100 MiB goes through 40 MiB of memory')
finally:
    home.__exit__()
tap.end()
