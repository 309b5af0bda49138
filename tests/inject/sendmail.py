#!/usr/bin/python3
"""The sendmail command as real programs call it, against a queue that remembers."""
import os
import pwd

import fakequeue
import ternlab

tap = ternlab.Tap()
home = fakequeue.FakeHome(me='host.test', defaultdomain='example.test', plusdomain='plus.test')
CRON = b'From: root (Cron Daemon)\nTo: root\nSubject: Cron\n\noutput\n'
MAIL = b'From: ann@example.org\nTo: bob@example.net\nBcc: eve@example.net\nSubject: x\n\n.\nbody\n'

# argv, the message, the sender, the recipients; whose call it is
CALLERS = [
    ('cron', ['-FCronDaemon', '-i', '-B8BITMIME', '-oem', 'root'], CRON, None, ['root@host.test']),
    ('anacron', ['-FAnacron', '-odi', 'root'], CRON, None, ['root@host.test']),
    ('mutt', ['-oem', '-oi', '-f', 'ann@example.org', '-N', 'failure,delay', '-R', 'hdrs', '--',
              'bob@example.net', 'c@example.net'], MAIL, 'ann@example.org',
     ['bob@example.net', 'c@example.net']),
    ('s-nail', ['-i', '-f', 'ann@example.org', '--', 'bob@example.net'], MAIL, 'ann@example.org',
     ['bob@example.net']),
    ('bsd-mailx', ['-i', '-t', '-f', 'ann@example.org', '-v'], MAIL, 'ann@example.org',
     ['bob@example.net', 'eve@example.net']),
    ('mailutils', ['-oi', '-f', 'user@host', '-t'], MAIL, 'user@host.example.test',
     ['bob@example.net', 'eve@example.net']),
    ('PHP', ['-t', '-i', '-fann@example.org'], MAIL, 'ann@example.org',
     ['bob@example.net', 'eve@example.net']),
    ('git send-email', ['-f', 'ann@example.org', '-i', 'bob@example.net', 'c@d'], MAIL,
     'ann@example.org', ['bob@example.net', 'c@d.example.test']),
    ('Email::Sender', ['-i', '-f', 'ann@example.org', '--', 'bob@example.net'], MAIL,
     'ann@example.org', ['bob@example.net']),
    ('MIME::Lite', ['-t', '-oi', '-oem', '-fann@example.org'], MAIL, 'ann@example.org',
     ['bob@example.net', 'eve@example.net']),
    ('fail2ban', ['-f', 'fail2ban@h.test', 'root@h.test'], MAIL, 'fail2ban@h.test',
     ['root@h.test']),
    ('logwatch', ['-t'], MAIL, None, ['bob@example.net', 'eve@example.net']),
    ('unattended-upgrades', ['-oi', '-t'], MAIL, None, ['bob@example.net', 'eve@example.net']),
    ('options in one word', ['-ti'], MAIL, None, ['bob@example.net', 'eve@example.net']),
    ('-t and arguments', ['-t', 'c@example.net'], MAIL, None,
     ['c@example.net', 'bob@example.net', 'eve@example.net']),
    ('options after an address are addresses', ['-i', 'root', '-v@x.y'], MAIL, None,
     ['root@host.test', '-v@x.y']),
    ('a list in one argument', ['a@x.y, "b c"@x.y,N <d@x.y>'], MAIL, None,
     ['a@x.y', 'b c@x.y', 'd@x.y']),
    ('the null sender', ['-f', '', 'a@x.y'], MAIL, '', ['a@x.y']),
    ('the null sender as <>', ['-f', '<>', 'a@x.y'], MAIL, '', ['a@x.y']),
    ('-r', ['-r', '<ann@example.org>', 'a@x.y'], MAIL, 'ann@example.org', ['a@x.y']),
    ('a list of recipients to be expanded', ['-f', 'l-@x.y-@[]', 'a@x.y'], MAIL, 'l-@x.y-@[]',
     ['a@x.y']),
    ('history', ['-oem', '-oep', '-oeq', '-oew', '-oee', '-em', '-odb', '-odi', '-odq', '-odX',
                 '-om', '-m', '-n', '-U', '-G', '-Am', '-Ac', '-L', 'tag', '-O', 'Timeout=1',
                 '-OX=y', '-p', 'x', '-x', '-h', '3', '-o7', '-o8', '-oQ/x', '-o', 'i', '-X',
                 '/dev/null', '-d', '-d0.4', '-E', '-J', '-bm', 'a@x.y'], MAIL, None, ['a@x.y']),
]
try:
    me = pwd.getpwuid(os.getuid()).pw_name
    for name, argv, message, sender, recipients in CALLERS:
        done = home.run('sendmail', *argv, input=message)
        if not tap.ok(done.returncode == 0, f'{name}: accepted'):
            print('#', done.stderr)
            continue
        got = home.take()
        tap.equal([r.decode() for r in got.recipients], recipients, f'{name}: recipients')
        tap.equal(got.sender.decode(), f'{me}@host.test' if sender is None else sender,
                  f'{name}: sender')
        tap.ok(b'\nBcc' not in got.message and got.body() == message.partition(b'\n\n')[2],
               f'{name}: the body is as it was, a lone dot included, and there is no Bcc')

    # Envelope records.
    home.run('sendmail', '-N', 'delay,Failure', '-R', 'full', '-V', 'id=1', 'a@x.y', 'b@x.y',
             input=MAIL, check=0)
    got = home.take()
    tap.equal([l for l, _ in got.records], ['R', 'E', 'F', 'N', 'T', 'N', 'T'],
              'DSN wishes stand before what they are about')
    tap.equal((got.record('R'), got.record('E'), got.record('N')),
              ([b'FULL'], [b'id+3D1'], [b'FAILURE,DELAY'] * 2), 'and in one form')
    home.run('sendmail', '-N', 'NEVER', 'a@x.y', input=MAIL, check=0)
    tap.equal(home.take().record('N'), [b'NEVER'], '-N never')
    home.run('sendmail', 'a@x.y', input=MAIL + b'\xff\n', check=0)
    tap.equal(home.take().record('b'), [b'8'], '8-bit bytes are declared')
    home.run('sendmail', '-B8BITMIME', 'a@x.y', input=MAIL, check=0)
    tap.equal(home.take().record('b'), [b'8'], '-B8BITMIME is kept')
    home.run('sendmail', 'a@x.y', input=MAIL, check=0)
    got = home.take()
    tap.equal((got.record('b'), got.record('U'), got.origin), ([], [], b'vlocal\0'),
              'a plain message needs nothing')
    home.run('sendmail', 'j\u00f6rg@x.y', input=MAIL, check=0)
    tap.equal(home.take().record('U'), [b''], 'an address in UTF-8 needs SMTPUTF8')

    # What is refused, with which code, and a line on standard error.
    for argv, message, code, words in [
            (['-bd'], b'', 64, 'tern up'), (['-bD'], b'', 64, 'tern up'),
            (['-bl'], b'', 64, 'tern up'), (['-bz'], b'', 64, '-bm'), (['-b'], b'', 64, '-bm'),
            (['-C', '/x', 'a@b'], MAIL, 78, 'TERNHOME'), (['-z', 'a@b'], MAIL, 64, '-z'),
            (['-f'], MAIL, 64, '-f'), (['-F'], MAIL, 64, '-F'),
            (['-f', 'a@b c@d', 'x@y'], MAIL, 64, 'sender'),
            (['-f', 'a@b,c@d', 'x@y'], MAIL, 64, 'sender'),
            (['-N', 'sometimes', 'a@b'], MAIL, 64, '-N'), (['-R', 'all', 'a@b'], MAIL, 64, '-R'),
            (['-V', 'x' * 101, 'a@b'], MAIL, 64, '-V'), (['-V', 'a b', 'a@b'], MAIL, 64, '-V'),
            (['-V', 'x' * 98 + '+', 'a@b'], MAIL, 64, '-V'),
            ([], MAIL, 64, '-t'), (['-t'], b'Subject: x\n\nx\n', 65, 'recipients'),
            (['-t'], b'To: undisclosed-recipients:;\n\nx\n', 65, 'recipients'),
            (['-t'], b'To: John Doe\n\nx\n', 65, 'To'), (['a b@c'], MAIL, 64, 'address'),
            (['a@b\nT'], MAIL, 64, 'address')]:
        done = home.run('sendmail', *argv, input=message)
        tap.ok(done.returncode == code and words.encode() in done.stderr and
               done.stderr.count(b'\n') == 1 and done.stderr.startswith(b'sendmail: fatal: '),
               f'{argv}: exit {code}, and one line why')
    tap.ok(home.is_idle(), 'nothing of that was queued')
    home.run('sendmail', '-V', 'x' * 100, 'a@b', input=MAIL, check=0)
    tap.equal(len(home.take().record('E')[0]), 100, 'the longest -V')

    # What the queue says.
    for answer, code in [(b'11 too long', 65), (b'31 no', 69), (b'51 memory', 71),
                         (b'52 timeout', 75), (b'53 disk full', 75), (b'54 broke off', 74),
                         (b'55 control', 78), (b'71 later', 75), (b'81 bug', 70), (b'91 bug', 70)]:
        home.answer = answer + b'\n'
        done = home.run('sendmail', 'a@b', input=MAIL)
        tap.ok(done.returncode == code and answer[3:] in done.stderr and
               done.stderr.count(b'\n') == 1, f'the queue answers {answer.decode()}: exit {code}')
    home.answer = b'0 1700000000000000 4711\n'
    tap.equal(home.run('sendmail', '-v', 'a@b', input=MAIL).stdout,
              b'the message is on disk as msg 1700000000000000\n', '-v says what became of it')
    home.take()

    # What is not sending.
    done = home.run('sendmail', '-bi')
    tap.ok(done.returncode == 0 and done.stdout, '-bi explains')
    tap.equal(home.run('sendmail', '-I').stdout, done.stdout, '-I is -bi')
    tap.equal(home.run('newaliases').stdout, done.stdout, 'so is newaliases')
    for argv in (['-q'], ['-qI123'], ['-qRexample.org'], ['-q30m'], ['-v', '-q']):
        tap.equal(home.run('sendmail', *argv).returncode, 0, f'{argv} is accepted')
    done = home.run('sendmail', '-bv', 'ann', 'bob@example.net')
    tap.equal(done.stdout.decode(), 'ann@host.test: delivered here as ann@host.test\n'
              'bob@example.net: sent by SMTP to the mail hosts of example.net\n', '-bv explains')
    home.control('smtproutes', 'example.net:a.test:26,b.test+c.test')
    done = home.run('sendmail', '-bv', 'bob@example.net')
    tap.equal(done.stdout.decode(), 'bob@example.net: sent by SMTP to a.test port 26, '
              'then b.test port 25 or c.test port 25 (control/smtproutes:1)\n',
              '-bv names the route and its line')

    session = (b'EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<q@other.test>\r\nDATA\r\n'
               b'Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n')
    done = home.run('sendmail', '-bs', input=session,
                    environment={'PROTO': 'TCP', 'TCPREMOTEIP': '192.0.2.1'})
    got = home.take()
    tap.ok(done.returncode == 0 and done.stdout.startswith(b'220 host.test '), '-bs speaks SMTP')
    tap.equal((got.sender, got.recipients, got.message),
              (b'a@b.c', [b'q@other.test'], b'Subject: x\n\n.\n'), '-bs may relay')
    tap.ok(b'192.0.2.1' not in got.origin, '-bs comes from here, whatever the environment says')

    # Configuration.
    os.unlink(os.path.join(home.path, 'control', 'me'))
    done = home.run('sendmail', 'a@b', input=MAIL)
    tap.ok(done.returncode == 78 and b'control/me' in done.stderr, 'without control/me: 78')
    done = home.run('tern-inject', 'a@b', input=MAIL)
    tap.ok(done.returncode == 111, 'as tern-inject: 111')
    done = home.run('sendmail', 'a@b', input=MAIL, environment={'TERNHOME': '/nowhere'})
    tap.ok(done.returncode == 78 and b'/nowhere' in done.stderr, 'without a home: 78')
    home.control('me', 'host.test')

    # Without the service and the program: try again later.
    home.__exit__()
    home = fakequeue.FakeHome(me='host.test')
    os.unlink(os.path.join(home.path, 'run', 'queue', 'socket'))
    os.unlink(os.path.join(home.path, 'bin'))
    done = home.run('sendmail', 'a@b', input=MAIL)
    tap.ok(done.returncode == 75 and b'tern status' in done.stderr, 'no queue at all: 75')
    done = home.run('sendmail', '-bp')
    tap.ok(done.returncode == 71 and b'tern-qread' in done.stderr, 'no tern-qread: 71')
finally:
    home.__exit__()
tap.end()
