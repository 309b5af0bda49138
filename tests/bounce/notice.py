#!/usr/bin/python3
"""Notices of failure: what they say, whom they go to, and how send gets them."""
import email
import email.policy
import os
import re
import socket
import subprocess

import fakequeue
import spoollab
import ternlab

tap = ternlab.Tap()
home = fakequeue.FakeHome(me='host.test')
ID = 1700000000123456
MESSAGE = (b'Received: x\nFrom: ann@example.org\nSubject: hello\nMIME-Version: 1.0\n'
           b'Content-Type: multipart/mixed; boundary=zz\n\n--zz\n\nbody\n--zz--\nafter\n')
REFUSED = spoollab.event(b'failed', b'0', b'192.0.2.1 does not like recipient./Remote host said: '
                         b'550-5.1.1 no/550 5.1.1 such user', b'mx.example.net', b'192.0.2.1')


def files(entry, history):
    paths = []
    for name, data in ((str(ID), entry), ('history', history)):
        paths.append(os.path.join(home.path, name))
        with open(paths[-1], 'wb') as f:
            f.write(data)
    return paths


def run(entry, history, *kind):
    """By hand: the whole process."""
    return home.run('tern-bounce', *files(entry, history), *kind)


def printed(entry, history, *kind):
    done = run(entry, history, *kind)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def parsed(data):
    """The fields, the text, the blocks of the status, the returned part."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    parts = list(message.iter_parts())
    blocks = [dict(block.items()) for block in parts[1].iter_parts()] or [
        dict(block.items()) for block in parts[1].get_payload()]
    return message, parts[0].get_content(), blocks, parts[2]


def returned(data):
    """The bytes of the last part after its Return-Path, as they are in the notice."""
    boundary = re.search(rb'boundary="([^"]+)"', data)[1]
    part = data.split(b'\n--' + boundary)[3]
    return part.partition(b'\n\n')[2]


class Send:
    """tern-send's side of the service."""

    def __enter__(self):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(ternlab.PATIENCE)
        self.process = subprocess.Popen(
            [os.path.join(ternlab.BIN, 'tern-bounce')], stdin=theirs, cwd=home.path,
            stderr=subprocess.PIPE, env={'PATH': os.environ['PATH']})
        theirs.close()
        return self

    def __exit__(self, *rest):
        self.socket.close()
        self.error = self.process.communicate(timeout=ternlab.PATIENCE)[1]
        self.code = self.process.returncode

    def ask(self, entry, history, number=ID, kind=b'F'):
        fds = [os.open(path, os.O_RDONLY) for path in files(entry, history)]
        socket.send_fds(self.socket, [b'%d\0%b\0' % (number, kind)], fds)
        for fd in fds:
            os.close(fd)
        answer = self.socket.recv(1024).split(b'\0')
        return int(answer[0]), answer[1][:1], answer[1][1:]


try:
    # One recipient, refused by a server.
    entry = spoollab.entry(MESSAGE, b'ann@example.org', [b'bob@example.net', b'eve@example.net'])
    data = printed(entry, REFUSED)
    message, text, blocks, part = parsed(data)
    tap.equal([message[f] for f in ('From', 'To', 'Subject', 'Auto-Submitted')],
              ['MAILER-DAEMON@host.test', 'ann@example.org', 'failure notice', 'auto-replied'],
              'the fields of a notice')
    tap.ok(message['Date'].datetime.year >= 2024 and
           re.fullmatch(r'<\d+\.\d+\.[\w-]{16}@host\.test>', message['Message-ID']),
           'Date and Message-ID')
    tap.equal((message.get_content_type(), message.get_param('report-type')),
              ('multipart/report', 'delivery-status'), 'multipart/report')
    tap.equal([p.get_content_type() for p in message.iter_parts()],
              ['text/plain', 'message/delivery-status', 'message/rfc822'], 'its three parts')
    tap.equal(text.split('\n\n')[1:-1],
              ['<bob@example.net>:\n192.0.2.1 does not like recipient.\n'
               'Remote host said: 550-5.1.1 no/550 5.1.1 such user'],
              'one paragraph for the one that failed, the server\'s words on a line')
    tap.ok(text.startswith('Hi. This is the tern program at host.test.\n') and
           text.split('\n\n')[-1].startswith('-'), 'QSBMF: its opening and its break')
    tap.equal(blocks[0], {'Reporting-MTA': 'dns; host.test',
                          'Arrival-Date': 'Tue, 14 Nov 2023 22:13:20 +0000'}, 'the message block')
    tap.equal(blocks[1:], [{
        'Final-Recipient': 'rfc822; bob@example.net', 'Action': 'failed', 'Status': '5.1.1',
        'Remote-MTA': 'dns; mx.example.net',
        'Diagnostic-Code': 'smtp; 550-5.1.1 no/550 5.1.1 such user',
        'Last-Attempt-Date': 'Tue, 14 Nov 2023 22:13:20 +0000'}], 'the recipient block')
    tap.equal(returned(data), b'Return-Path: <ann@example.org>\n' + MESSAGE,
              'the original is whole')
    tap.ok(b'Content-Transfer-Encoding' not in data, '7-bit needs no declaration')
    tap.ok(printed(entry, REFUSED) != data, 'no two have one boundary')

    # Many recipients, other reasons.
    entry = spoollab.entry(MESSAGE, b'ann@example.org', [b'r%d@x.y' % i for i in range(300)])
    history = (spoollab.event(b'failed', b'0-99,150', b'Gone. (#5.1.1)') +
               spoollab.event(b'delivered', b'100-149') +
               spoollab.event(b'deferred', b'151-200', b'later') +
               spoollab.event(b'failed', b'299', b'x/Remote host said: 451 4.7.1 later '
                              b"I'm not going to try again; that was the last. (#5.4.7)"))
    _, text, blocks, _ = parsed(printed(entry, history))
    tap.equal([b['Final-Recipient'] for b in blocks[1:]],
              [f'rfc822; r{i}@x.y' for i in (*range(100), 150, 299)], 'all that failed, only those')
    tap.equal(blocks[1]['Diagnostic-Code'], 'x-tern; Gone. (#5.1.1)', 'our own words')
    tap.equal((blocks[-1]['Status'], blocks[-1]['Diagnostic-Code']),
              ('5.4.7', 'smtp; 451 4.7.1 later'), 'a temporary reply after the last attempt')
    tap.ok("\nRemote host said: 451 4.7.1 later\nI'm not going" in text, 'in lines of their own')
    tap.equal(text.count('>:\n'), 102, 'a paragraph for each')
    _, _, blocks, _ = parsed(printed(entry, history + spoollab.event(b'bounced', b'0-99')))
    tap.equal(len(blocks) - 1, 2, 'those that were told are not told again')
    _, _, blocks, _ = parsed(printed(entry, history + b'torn line' + REFUSED[:-20]))
    tap.equal(len(blocks) - 1, 102, 'a damaged history says what it still says')

    # What the sender asked for.
    entry = spoollab.entry(MESSAGE, b'ann@example.org', [
        (b'a@x.y', [b'NNEVER']), (b'b@x.y', [b'NSUCCESS,DELAY']), (b'c@x.y', [b'NDELAY,FAILURE']),
        (b'd@x.y', [b'Orfc822;e+2Bf@z.z']), b'g@x.y'], before=[b'RHDRS', b'Eid+3D1'])
    message, _, blocks, part = parsed(printed(entry, spoollab.event(b'failed', b'0-4', b'no')))
    tap.equal([b['Final-Recipient'] for b in blocks[1:]],
              [f'rfc822; {name}@x.y' for name in 'cdg'], 'NOTIFY is heeded')
    tap.equal(blocks[0]['Original-Envelope-Id'], 'id=1', 'ENVID comes back')
    tap.equal(blocks[2]['Original-Recipient'], 'rfc822;e+f@z.z', 'ORCPT too')
    tap.equal(part.get_content_type(), 'text/rfc822-headers', 'RET=HDRS')

    # What is late.
    LATE = (spoollab.event(b'deferred', b'0', b'192.0.2.1 is busy./Remote host said: 451 4.2.1 later',
                           b'mx.example.net', b'192.0.2.1', next=9) +
            spoollab.event(b'delivered', b'1') + spoollab.event(b'failed', b'2', b'no') +
            spoollab.event(b'trouble', b'4', b'CNAME lookup failed. (#4.4.3)'))
    entry = spoollab.entry(MESSAGE, b'ann@example.org', [
        b'late@x.y', b'done@x.y', b'failed@x.y', (b'never@x.y', [b'NNEVER']), b'trouble@x.y',
        (b'failure@x.y', [b'NFAILURE']), (b'delay@x.y', [b'NSUCCESS,DELAY'])])
    home.control('queuelifetime', '2d')
    message, text, blocks, part = parsed(printed(entry, LATE, 'delay'))
    home.control('queuelifetime', '7d')
    tap.equal((message['Subject'], message['To'], part.get_content_type()),
              ('delay notice', 'ann@example.org', 'text/rfc822-headers'), 'a warning: its form')
    tap.equal([b['Final-Recipient'][8:] for b in blocks[1:]],
              ['late@x.y', 'trouble@x.y', 'delay@x.y'], 'all that are late whose sender would know')
    tap.equal(blocks[1], {
        'Final-Recipient': 'rfc822; late@x.y', 'Action': 'delayed', 'Status': '4.2.1',
        'Remote-MTA': 'dns; mx.example.net', 'Diagnostic-Code': 'smtp; 451 4.2.1 later',
        'Last-Attempt-Date': 'Tue, 14 Nov 2023 22:13:20 +0000',
        'Will-Retry-Until': 'Thu, 16 Nov 2023 22:13:20 +0000'}, 'what is said of one')
    tap.equal((blocks[2]['Status'], blocks[3]['Status'], 'Last-Attempt-Date' in blocks[3]),
              ('4.4.3', '4.0.0', False), 'of trouble of ours, and of none yet')
    tap.ok('until\nThu, 16 Nov 2023 22:13:20 +0000.' in text and 'Hi. This is' not in text,
           'until when it is tried; no greeting of QSBMF')
    _, _, blocks, _ = parsed(printed(entry, LATE + spoollab.event(b'warned', b'0,4,6'), 'delay'))
    tap.equal(len(blocks), 4, 'a second warning is about the same')

    # What was delivered.
    DONE = (spoollab.event(b'delivered', b'0', b'did 1+0+0/secret words of a program') +
            spoollab.event(b'relayed', b'1', b'x./Remote host said: 250 2.1.5 ok', b'mx.x.y') +
            spoollab.event(b'expanded', b'2', b'did 0+2+0') +
            spoollab.event(b'passed', b'3', b'x./Remote host said: 250 ok') +
            spoollab.event(b'delivered', b'4', b'') + spoollab.event(b'failed', b'5', b'no'))
    SUCCESS = [(name + b'@x.y', [b'NSUCCESS', b'Orfc822;old@' + name]) for name in (
        b'delivered', b'relayed', b'expanded', b'passed')] + [b'silent@x.y', (b'f@x.y', [b'NSUCCESS'])]
    entry = spoollab.entry(MESSAGE, b'ann@example.org', SUCCESS, before=[b'RFULL', b'Eid'])
    message, text, blocks, part = parsed(printed(entry, DONE, 'success'))
    tap.equal((message['Subject'], part.get_content_type(), blocks[0]['Original-Envelope-Id']),
              ('delivery notice', 'text/rfc822-headers', 'id'), 'a notice of success: its form')
    tap.equal([(b['Original-Recipient'][11:], b['Action'], b['Status']) for b in blocks[1:]],
              [(action, action, status) for action, status in (
                  ('delivered', '2.0.0'), ('relayed', '2.1.5'), ('expanded', '2.0.0'))],
              'each that was delivered, by how; not what another server tells of')
    tap.equal(blocks[2]['Diagnostic-Code'], 'smtp; 250 2.1.5 ok', "the server's words")
    tap.ok('secret' not in text and not any('Diagnostic-Code' in b for b in (blocks[1], blocks[3])),
           'but not those of the programs of a recipient')
    told = DONE + spoollab.event(b'reported', b'0-1')
    tap.equal([b['Action'] for b in parsed(printed(entry, told, 'success'))[2][1:]], ['expanded'],
              'those that were told are not told again')
    tap.equal(run(entry, spoollab.event(b'delivered', b'4'), 'success').returncode, 100,
              'what nobody asked for is not told')
    tap.equal(run(entry, DONE, 'joy').returncode, 100, 'no kind of notice: 100')

    # How much of the original.
    for size, kind in [(49999, 'message/rfc822'), (50000, 'message/rfc822'),
                       (50001, 'text/rfc822-headers')]:
        big = MESSAGE + b'x' * (size - len(MESSAGE) - 1) + b'\n'
        data = printed(spoollab.entry(big, b'a@b', [b'c@d']), REFUSED)
        tap.equal(parsed(data)[3].get_content_type(), kind, f'{size} bytes: {kind}')
        tap.equal(returned(data).partition(b'\n')[2],
                  big if size <= 50000 else MESSAGE.partition(b'\n\n')[0] + b'\n', 'all of it')
    home.control('bouncemaxbytes', '10')
    tap.equal(parsed(printed(spoollab.entry(MESSAGE, b'a@b', [b'c@d']), REFUSED))[3]
              .get_content_type(), 'text/rfc822-headers', 'bouncemaxbytes')
    big = b''.join(b'X-%d: %s\n' % (i, b'y' * 90) for i in range(60000)) + b'\nbody\n'
    data = returned(printed(spoollab.entry(big, b'a@b', [b'c@d']), REFUSED)).partition(b'\n')[2]
    tap.ok(65536 - 100 < len(data) <= 65536 and big.startswith(data) and data.endswith(b'y\n'),
           'an endless header is cut after a line')
    home.control('bouncemaxbytes', '10000000')
    data = returned(printed(spoollab.entry(big, b'a@b', [b'c@d']), REFUSED)).partition(b'\n')[2]
    tap.equal(data, big, 'unless it may come back whole')
    home.control('bouncemaxbytes', '0')
    tap.equal(parsed(printed(spoollab.entry(b'', b'a@b', [b'c@d']), REFUSED))[3]
              .get_content_type(), 'message/rfc822', '0: only what is empty is whole')
    home.control('bouncemaxbytes', '50000')
    for odd in (b'', b'no header at all', b'\n', b'\nbody only', b'A: b', b'A: b\n', b'A: b\n\n'):
        data = printed(spoollab.entry(odd, b'a@b', [b'c@d']), REFUSED)
        want = odd if odd.endswith(b'\n') or not odd else odd + b'\n'
        tap.equal(returned(data).partition(b'\n')[2], want, f'an original {odd!r}')
    eight = MESSAGE + b'\xff\n'
    message, _, _, part = parsed(printed(spoollab.entry(eight, b'a@b', [b'c@d']), REFUSED))
    tap.equal((message['Content-Transfer-Encoding'], part['Content-Transfer-Encoding']),
              ('8bit', '8bit'), '8-bit originals are declared')

    # Hostile words and addresses.
    entry = spoollab.entry(MESSAGE, b'a\nBcc: x@b', [b'x\n\n--y\r@c', b'"q" <r>@c\xc3\xb6'])
    data = printed(entry, spoollab.event(b'failed', b'0-1', b'\x1b[2J\r\0\xff%'))
    message, text, blocks, _ = parsed(data)
    tap.ok(message['Bcc'] is None and len(blocks) == 3 and '\x1b' not in text and b'\r' not in data,
           'control characters make no fields, parts or escapes')

    # Whom it goes to, by way of send.
    with Send() as send:
        for sender, notice_sender, recipient, why in [
                (b'ann@example.org', b'', b'ann@example.org', 'the sender'),
                (b'', b'#@[]', b'postmaster@host.test', 'no sender: a double bounce'),
                (b'list-owner-@x.y-@[]', b'', b'list-owner-@x.y', 'the owner of a list'),
                (b'list@x.y-@[]', b'', b'list@x.y', 'half a VERP'),
                (b'-@[]', b'', b'-@[]', 'and none'),
                (b'j\xc3\xb6@x.y', b'', b'j\xc3\xb6@x.y', 'an address in UTF-8')]:
            entry = spoollab.entry(MESSAGE, sender, [b'bob@example.net'])
            tap.equal(send.ask(entry, REFUSED), (ID, b'K', b'1700000000000000 4711'),
                      f'{why}: it is queued')
            got = home.take()
            tap.equal((got.sender, got.recipients, got.origin),
                      (notice_sender, [recipient], b'vbounce\0'), f'{why}: the envelope')
            tap.equal(bool(got.record('U')), b'\xc3' in sender, f'{why}: SMTPUTF8 or not')
        entry = spoollab.entry(MESSAGE, b'#@[]', [b'bob@example.net'])
        tap.equal(send.ask(entry, REFUSED)[1], b'D', 'a triple bounce is dropped')
        entry = spoollab.entry(MESSAGE, b'a@b', [(b'bob@example.net', [b'NNEVER'])])
        tap.equal(send.ask(entry, REFUSED)[1], b'D', 'so is what nobody wants to know')
        tap.ok(home.is_idle(), 'nothing came of those')
        for sender in (b'', b'#@[]', b'list-@x.y-@[]'):
            entry = spoollab.entry(MESSAGE, sender, [b'late@example.net'])
            tap.equal(send.ask(entry, LATE[:LATE.index(b'\n') + 1], kind=b'W')[1], b'D',
                      f'<{sender.decode()}> is not warned')
        for sender in (b'', b'#@[]'):
            entry = spoollab.entry(MESSAGE, sender, [(b'done@example.net', [b'NSUCCESS'])])
            tap.equal(send.ask(entry, spoollab.event(b'delivered', b'0'), kind=b'S')[1], b'T',
                      f'<{sender.decode()}> has nothing to hear of success')
        tap.ok(home.is_idle(), 'nothing came of those either')
        for sender, recipient in ((b'ann@example.org', b'ann@example.org'),
                                  (b'list-@x.y-@[]', b'list-@x.y')):
            entry = spoollab.entry(MESSAGE, sender, [(b'late@example.net', [b'NDELAY,SUCCESS'])])
            for history, kind in ((LATE, b'W'), (spoollab.event(b'delivered', b'0'), b'S')):
                tap.equal(send.ask(entry, history, kind=kind)[1], b'K', 'who asks is told')
                got = home.take()
                tap.equal((got.sender, got.recipients), (b'', [recipient]), 'as of failure')
        entry = spoollab.entry(eight, b'a@b', [b'bob@example.net'])
        send.ask(entry, REFUSED)
        tap.equal(home.take().record('b'), [b'8'], '8-bit is in the envelope')

        home.control('bouncefrom', 'nobody')
        home.control('bouncehost', 'b.test')
        home.control('doublebounceto', 'dbl')
        home.control('doublebouncehost', 'd.test')
        send.ask(spoollab.entry(MESSAGE, b'', [b'bob@example.net']), REFUSED)
        got = home.take()
        tap.equal((re.search(rb'(?m)^From: (.*)', got.message)[1], got.recipients),
                  (b'nobody@b.test', [b'dbl@d.test']), 'settings hold at once')

        # Trouble is never the end of a message.
        good = spoollab.entry(MESSAGE, b'a@b', [b'bob@example.net'])
        for entry, why in [(b'', 'an empty entry'), (MESSAGE, 'one without a seal'),
                           (good[:-1] + b'x', 'a broken seal'), (b'x' + good, 'one that is longer'),
                           (good[1:], 'one that is shorter')]:
            tap.equal(send.ask(entry, REFUSED)[1], b'T', f'{why}: asked again later')
        home.control('bouncemaxbytes', 'many')
        answer = send.ask(good, REFUSED)
        tap.ok(answer[1] == b'T' and b'control/bouncemaxbytes:1' in answer[2],
               'a wrong setting: later, with file and line')
        home.control('bouncemaxbytes', '50000')
        for refusal in (b'53 disk full\n', b'31 refused\n'):
            home.answer = refusal
            tap.equal(send.ask(good, REFUSED)[1:], (b'T', refusal[3:-1]),
                      f'the queue says {refusal.split()[0].decode()}: later')
        home.answer = b'0 1700000000000000 4711\n'
        tap.equal(send.ask(good, REFUSED)[1], b'K', 'and then it goes')
        home.take()
    tap.equal((send.code, send.error), (0, b''), 'it ends when send does')
    for packet, why in [(b'x\0F\0', 'no job'), (b'1\0F\0', 'a job without files'),
                        (b'1' * 2000, 'too long a packet')]:
        with Send() as send:
            send.socket.send(packet)
            tap.equal(send.process.wait(ternlab.PATIENCE), 100, f'{why}: it ends with 100')

    # By hand.
    tap.equal(run(spoollab.entry(MESSAGE, b'#@[]', [b'a@b']), REFUSED).returncode, 100,
              'nobody to tell: 100')
    tap.equal(run(good, b'').returncode, 100, 'nothing failed: 100')
    tap.equal(home.run('tern-bounce', 'x').returncode, 100, 'wrong use: 100')
    tap.equal(home.run('tern-bounce', '/nowhere', '/nowhere').returncode, 111, 'no file: 111')
finally:
    home.__exit__()
tap.end()
