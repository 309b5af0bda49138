#!/usr/bin/python3
"""tern-smtpd as a command: what one client, good or hostile, is answered."""
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Command, Home

lab = ternlab.Tap()
TEXT = 'Subject: x\r\n\r\nhello\r\n'


def session(home, *steps, name=None, **environment):
    """Each step is a command and how its reply begins."""
    with Command(home, **environment) as client:
        client.hello()
        for command, want in steps:
            got = client.ask(command)
            if not got.startswith(want):
                break
        else:
            got = want = ''
    lab.ok(got.startswith(want), name or f'{steps[-1][0][:70]} -> {steps[-1][1]}')
    if not got.startswith(want):
        print(f'#  got: {got!r}\n# want: {want!r} to {command!r}')
    return client


def greetings(home):
    with Command(home) as client:
        lab.equal(client.reply(), '220 mx.test ESMTP tern', 'the greeting')
        lab.equal(client.ask('HELO client.test'), '250 mx.test', 'HELO')
        lab.equal(client.ask('ehlo client.test'),
                  '250-mx.test\n250-PIPELINING\n250-8BITMIME\n250-SIZE 0\n250-DSN\n'
                  '250-SMTPUTF8\n250-CHUNKING\n250-LIMITS RCPTMAX=1000\n'
                  '250 ENHANCEDSTATUSCODES', 'EHLO')
        lab.equal(client.ask('QUIT'), '221 2.0.0 mx.test closes', 'QUIT')
        lab.ok(client.ended(), 'the connection is closed after QUIT')
    lab.equal(client.code, 0, 'the command exits 0')
    home.control('smtpgreeting', 'other.test no UCE')
    with Command(home) as client:
        lab.equal(client.reply(), '220 other.test no UCE ESMTP tern', 'control/smtpgreeting')
    os.unlink(os.path.join(home.path, 'control', 'smtpgreeting'))


def syntax(home):
    for command, reply in (
            ('NOOP', '250 2.0.0'), ('noop anything', '250 2.0.0'), ('RSET', '250 2.0.0'),
            ('RSET x', '501 5.5.4'), ('VRFY root', '252 2.5.0'), ('HELP', '214 2.0.0'),
            ('QUIT now', '501 5.5.4'), ('EXPN list', '502 5.5.1'), ('STARTTLS', '502 5.5.1'),
            ('AUTH PLAIN AAAA', '502 5.5.1'), ('FOO', '500 5.5.2'), ('', '500 5.5.2'),
            ('GET / HTTP/1.0', '500 5.5.2'), ('NOOP \0', '500 5.5.2'), ('NOOP a\rb', '500 5.5.2'),
            ('EHLO', '501 5.5.4'), ('HELO', '501 5.5.4'), ('EHLO ' + 'h' * 255, '250'),
            ('EHLO ' + 'h' * 256, '501 5.5.4'), ('EHLO \u00fc', '501 5.5.4'),
            ('MAIL FROM:<a@b>', '250 2.1.0'), ('mail from: <a@b>  ', '250 2.1.0'),
            ('MAIL FROM:a@b', '250 2.1.0'), ('MAIL FROM:<>', '250 2.1.0'),
            ('MAIL FROM:<@r.test:a@b>', '250 2.1.0'), ('MAIL FROM:<"a b"@c>', '250 2.1.0'),
            ('MAIL FROM', '501 5.1.7'), ('MAIL TO:<a@b>', '501 5.1.7'),
            ('MAIL FROM:<a@b', '501 5.1.7'), ('MAIL FROM:<a b@c>', '501 5.1.7'),
            ('MAIL FROM:<a>', '553 5.1.8'), ('MAIL FROM:<\u00fc@b>', '553 5.6.7'),
            ('MAIL FROM:<' + 'a' * 1000 + '@b>', '250 2.1.0'),
            ('MAIL FROM:<' + 'a' * 1001 + '@b>', '501 5.1.3'),
            ('MAIL FROM:<a@b> FOO=1', '555 5.5.4'), ('MAIL FROM:<a@b> SMTPUTF8', '250'),
            ('MAIL FROM:<a@b> RET=FULL', '250'),
            ('MAIL FROM:<a@b> BODY=7BIT', '250'), ('MAIL FROM:<a@b> body=8bitmime', '250'),
            ('MAIL FROM:<a@b> BODY=8BITMIME SIZE=5', '250'),
            ('MAIL FROM:<a@b> BODY=BINARYMIME', '501 5.5.4'), ('MAIL FROM:<a@b> BODY', '501 5.5.4'),
            ('MAIL FROM:<a@b> BODY=7BIT BODY=7BIT', '501 5.5.4'),
            ('MAIL FROM:<a@b> SIZE=1 SIZE=1', '501 5.5.4'),
            ('MAIL FROM:<a@b> SIZE=', '501 5.5.4'), ('MAIL FROM:<a@b> SIZE=-1', '501 5.5.4'),
            ('MAIL FROM:<a@b> SIZE=99999999999999999999', '250'),
            ('MAIL FROM:<a@b> SIZE=999999999999999999999', '501 5.5.4'),
            ('RCPT TO:<x@local.test>', '503 5.5.1'), ('DATA', '503 5.5.1')):
        session(home, (command, reply))
    begin = ('MAIL FROM:<a@b>', '250')
    good = ('RCPT TO:<x@local.test>', '250 2.1.5')
    for command, reply in (
            ('RCPT TO:<x@LOCAL.test>', '250'), ('RCPT TO:<@a,@b:x@local.test>', '250'),
            ('RCPT TO:<"x y"@local.test>', '250'), ('RCPT TO:x@local.test', '250'),
            ('RCPT TO:<postmaster>', '250'), ('RCPT TO:<PostMaster>', '250'),
            ('RCPT TO:<postmaster@local.test>', '250'),
            ('RCPT TO:<>', '501 5.1.3'), ('RCPT FROM:<x@local.test>', '501 5.1.3'),
            ('RCPT TO:<x@local.test> NOTIFY=NEVER', '250'),
            ('RCPT TO:<\u00fc@local.test>', '553 5.6.7'),
            ('MAIL FROM:<c@d>', '503 5.5.1'), ('DATA', '503 5.5.1')):
        session(home, begin, (command, reply))
    session(home, begin, good, ('DATA x', '501 5.5.4'))
    session(home, begin, good, ('EHLO again', '250'), good[:1] + ('503',),
            name='EHLO forgets the transaction')
    session(home, begin, good, ('RSET', '250'), ('DATA', '503'), name='RSET forgets it too')
    session(home, begin, good, ('RSET', '250'), begin, ('DATA', '503'),
            name='and its recipients')
    with Command(home) as client:
        client.reply()
        lab.ok(client.ask('MAIL FROM:<a@b>').startswith('503 5.5.1'), 'MAIL before EHLO is refused')


def lines(home):
    for total, reply in ((2047, '250'), (2048, '250'), (2049, '500 5.5.2')):
        with Command(home) as client:
            client.hello()
            client.send('NOOP ' + 'x' * (total - 7) + '\r\nNOOP\r\n')
            lab.ok(client.reply().startswith(reply), f'a line of {total} bytes -> {reply}')
            lab.ok(client.ended() if reply > '5' else client.reply() == '250 2.0.0 ok',
                   '  and then')
    with Command(home) as client:
        client.hello()
        client.send('x' * 100000)
        lab.ok(client.reply().startswith('500 5.5.2') and client.ended(),
               'a line without an end is refused in time')
    for bad in ('NOOP\nNOOP\r\n', '\nQUIT\r\n', 'NOOP\r\r\n\nNOOP\r\n'):
        with Command(home) as client:
            client.hello()
            client.send(bad)
            replies = []
            while True:
                replies.append(client.reply())
                if not replies[-1]:
                    break
            lab.ok(replies[-2].startswith('500 5.5.2') and '250 2.0.0 ok' not in replies,
                   f'{bad!r}: a bare LF closes')
    with Command(home) as client:
        client.hello()
        for byte in 'NOOP\r\n':
            client.send(byte)
        lab.equal(client.reply(), '250 2.0.0 ok', 'a command that comes byte by byte')


def relaying(home):
    """From a stranger: local.test is ours, far.test is not."""
    refused = ['a@far.test', 'a%far.test@local.test', 'a@far.test@local.test',
               '"a@far.test"@local.test', 'far.test!a@local.test', '@local.test:a@far.test',
               '@local.test,@far.test:a@far.test', 'a%far.test', 'far.test!a', '"a%far.test"',
               '"a@far.test"', 'a@far.test.', 'a@[192.0.2.1]', 'a%far.test@[192.0.2.1]',
               'a@192.0.2.1', 'a@', '@far.test', 'a@local.test%far.test', 'a@far.test\\@local.test',
               'a@far.test (c)@local.test', '<a@far.test>', 'a@localhost', 'a@local.test.far.test',
               'a@notlocal.test', 'a@xlocal.test', 'a@.local.test', 'a@sub.local.test', 'a',
               'a@mx.test', 'a@far.test\0@local.test', 'postmaster@far.test']
    for address in refused:
        with Command(home) as client:
            client.hello()
            client.ask('MAIL FROM:<>')
            got = client.ask(f'RCPT TO:<{address}>')
            lab.ok(got.startswith('5'), f'RCPT TO:<{address}> is refused')
    session(home, ('MAIL FROM:<x@local.test>', '250'), ('RCPT TO:<a@far.test>', '553 5.7.1'),
            name='a local sender opens nothing')
    home.control('rcpthosts', 'Listed.test\n.suffix.test')
    for address, reply in (('a@listed.TEST', '250'), ('a@x.suffix.test', '250'),
                           ('a@suffix.test', '553'), ('a@local.test', '553'),
                           ('a@x.listed.test', '553'), ('postmaster', '250')):
        session(home, ('MAIL FROM:<>', '250'), (f'RCPT TO:<{address}>', reply),
                name=f'rcpthosts: {address} -> {reply}')
    os.unlink(os.path.join(home.path, 'control', 'rcpthosts'))
    home.control('virtualdomains', 'virtual.test:joe\n.wild.test:wild\nnot.wild.test:')
    for address, reply in (('a@virtual.test', '250'), ('a@b.wild.test', '250'),
                           ('a@not.wild.test', '553'), ('a@wild.test', '553')):
        session(home, ('MAIL FROM:<>', '250'), (f'RCPT TO:<{address}>', reply),
                name=f'virtualdomains: {address} -> {reply}')
    os.unlink(os.path.join(home.path, 'control', 'virtualdomains'))
    session(home, ('MAIL FROM:<a>', '250'), ('RCPT TO:<a@far.test>', '250'),
            ('RCPT TO:<a>', '250'), ('RCPT TO:<a%b@far.test>', '250'),
            name='RELAYCLIENT may send anywhere', RELAYCLIENT='')
    home.control('badmailfrom', 'bad@far.test\n@worse.test')
    for address, reply in (('bad@far.test', '553 5.7.1'), ('BAD@FAR.test', '553 5.7.1'),
                           ('good@far.test', '250'), ('any@worse.test', '553 5.7.1'),
                           ('any@not.worse.test', '250'), ('', '250')):
        session(home, (f'MAIL FROM:<{address}>', reply), name=f'badmailfrom: <{address}> -> {reply}')
    os.unlink(os.path.join(home.path, 'control', 'badmailfrom'))


def rules(home):
    home.control('access', '192.0.2.:allow,RELAYCLIENT="@suffix.test",DATABYTES="100"\n'
                           '192.0.2.66:deny\n2001:db8::/32:allow,RELAYCLIENT=""')
    with Command(home, address='192.0.2.66') as client:
        got = client.reply()
        lab.ok(got.startswith('554 ') and client.ended(), 'who is denied is told so')
    lab.ok('ip=192.0.2.66 event=refuse reason=access reply="554' in client.log, 'and it is logged')
    with Command(home, address='192.0.2.7') as client:
        client.reply()
        lab.ok('250-SIZE 100\n' in client.ask('EHLO c'), 'DATABYTES of the rule')
        client.begin(recipients=['a@far.test'])
        client.send('x\r\n.\r\n')
        lab.ok(client.reply().startswith('250 2.0.0 ok '), 'a client of the rule may relay')
    lab.equal(home.take().recipients, [b'a@far.test@suffix.test'], 'and the value is appended')
    session(home, ('MAIL FROM:<>', '250'), ('RCPT TO:<a@far.test>', '250'),
            address='2001:db8::1', name='IPv6 networks')
    session(home, ('MAIL FROM:<>', '250'), ('RCPT TO:<a@far.test>', '553'),
            address='198.51.100.1', name='other clients may not')
    os.unlink(os.path.join(home.path, 'control', 'access'))


def messages(home):
    with Command(home) as client:
        client.hello()
        lab.ok(client.begin('s@far.test', ['x@local.test', 'y@local.test']).startswith('354 '),
               'DATA')
        client.send(TEXT + '..dot\r\n...\r\n\xe9\r\n.\r\n')
        lab.ok(client.reply().startswith('250 2.0.0 ok '), 'a message is taken')
        got = home.take()
        lab.equal(got.message, 'Subject: x\n\nhello\n.dot\n..\n\xe9\n'.encode(), 'its text')
        lab.equal(got.origin, b'vnetwork\0hclient.test\0a192.0.2.7\0wESMTP\0', 'where it is from')
        lab.equal(got.envelope, b'Fs@far.test\0Tx@local.test\0Ty@local.test\0\0', 'its envelope')
        lab.ok(client.ask('DATA').startswith('503'), 'the transaction is over')
        client.ask('MAIL FROM:<> BODY=8BITMIME')
        client.ask('RCPT TO:<postmaster>')
        client.ask('DATA')
        client.send('.\r\n')
        reply = client.reply().split()
        lab.equal(reply[:3] + reply[4:], '250 2.0.0 ok qp 4711 id 1700000000000000'.split(),
                  'the form of the last reply')
        got = home.take()
        lab.equal((got.message, got.envelope), (b'', b'b8\0F\0Tpostmaster@mx.test\0\0'),
                  'an empty 8-bit bounce to postmaster')
        client.ask('QUIT')
    accepts = [l for l in client.log.splitlines() if 'event=accept' in l]
    lab.equal([re.sub(r' ms=\d+$', '', line) for line in accepts], [f'smtpd: pid {client.process.pid} ip=192.0.2.7 event=accept '
                        f'id=1700000000000000 size={size} from=<{sender}> rcpts={count}'
                        for size, sender, count in ((35, 's@far.test', 2), (0, '', 1))], 'the log')
    with Command(home) as client:
        client.reply()
        client.ask('HELO old.test')
        client.begin()
        client.send('x\r\n.\r\n')
        client.reply()
    lab.equal(home.take().origin, b'vnetwork\0hold.test\0a192.0.2.7\0wSMTP\0', 'after HELO: SMTP')
    with Command(home) as client:
        client.hello()
        client.send('MAIL FROM:<a@b>\r\nRCPT TO:<x@local.test>\r\nRCPT TO:<y@far.test>\r\nDATA\r\n')
        replies = [client.reply()[:9] for _ in range(4)]
        lab.equal(replies, ['250 2.1.0', '250 2.1.5', '553 5.7.1', '354 go ah'], 'pipelining')
        client.send(TEXT + '.\r\nMAIL FROM:<>\r\nRCPT TO:<z@local.test>\r\nDATA\r\n')
        replies = [client.reply()[:9] for _ in range(4)]
        lab.equal(replies, ['250 2.0.0', '250 2.1.0', '250 2.1.5', '354 go ah'],
                  'the next message in the same packet')
        client.send('second\r\n.\r\nQUIT\r\n')
        replies = [client.reply()[:9] for _ in range(2)]
        lab.equal(replies, ['250 2.0.0', '221 2.0.0'], 'and QUIT')
    lab.equal([home.take().recipients for _ in range(2)], [[b'x@local.test'], [b'z@local.test']],
              'both arrive')
    with Command(home) as client:
        client.hello()
        client.begin()
        client.send('x\r\n')
    lab.ok(home.is_idle(), 'a message that breaks off is not queued')
    lab.ok('event=lost reason="end of input"' in client.log, 'and the log says so')
    with Command(home) as client:
        client.hello()
        client.send('MAIL FROM:<a@b>\r\nRCPT TO:<y@far.test>\r\nDATA\r\nQUIT\r\n')
        replies = [client.reply()[:9] for _ in range(4)]
        lab.equal(replies, ['250 2.1.0', '553 5.7.1', '503 5.5.1', ''],
                  'what follows a refused DATA is not read as commands')


def smuggling(home):
    for sequence in (b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\n.\r', b'\r.\r', b'\r.\r\n', b'\r.\n',
                     b'\r\n.\r\r\n', b'\r\r\n.\r\r\n', b'\r\r\n.\r\n', b'\n.\r\r\n', b'\n\n.\n\n',
                     b'\r\n.\n\n', b'\n\r.\r\n', b'\r\n.\r\0\n', b'\r\n.\0\r\n', b'\r\n\0.\r\n',
                     b'\r\n\0.\0\r\n'):
        with Command(home) as client:
            client.hello()
            client.begin()
            client.send(b'line' + sequence +
                        b'MAIL FROM:<evil@far.test>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n'
                        b'evil\r\n.\r\nQUIT\r\n')
            lab.ok(client.reply().startswith('550 5.6.11 ') and client.ended() and home.is_idle(),
                   f'{sequence!r} in the text is refused and ends it')


def limits(home):
    home.control('databytes', '100')
    for size, reply in ((99, '250'), (100, '250'), (101, '552 5.3.4')):
        session(home, (f'MAIL FROM:<a@b> SIZE={size}', reply), name=f'SIZE={size} -> {reply}')
        with Command(home) as client:
            client.hello()
            client.begin()
            client.send('..' + 'x' * (size - 3) + '\r\n.\r\n')
            lab.ok(client.reply().startswith(reply), f'{size} bytes of text -> {reply}')
            if reply == '250':
                home.take()
            lab.ok(client.ask('NOOP') == '250 2.0.0 ok' and home.is_idle(), '  and it goes on')
    with Command(home, DATABYTES='0') as client:
        client.hello()
        client.begin()
        client.send('x' * 2000000 + '\r\n.\r\n')
        lab.ok(client.reply().startswith('250'), 'DATABYTES of the environment: no limit')
        lab.equal(len(home.take().message), 2000001, 'one line of two million bytes')
    os.unlink(os.path.join(home.path, 'control', 'databytes'))
    home.control('maxrecipients', '2')
    with Command(home) as client:
        client.hello()
        client.ask('MAIL FROM:<a@b>')
        replies = [client.ask(f'RCPT TO:<{i}@local.test>')[:9] for i in range(30)]
        lab.equal(replies, ['250 2.1.5'] * 2 + ['452 4.5.3'] * 28, 'maxrecipients')
        client.ask('DATA')
        client.send('x\r\n.\r\n')
        lab.ok(client.reply().startswith('250'), 'the message goes to those accepted')
    lab.equal(home.take().recipients, [b'0@local.test', b'1@local.test'], 'and to them alone')
    os.unlink(os.path.join(home.path, 'control', 'maxrecipients'))
    with Command(home) as client:
        client.hello()
        replies = [client.ask('FOO')[:9] for _ in range(20)]
        lab.equal((replies, client.reply()[:9], client.ended()),
                  (['500 5.5.2'] * 20, '421 4.7.0', True), 'twenty errors are enough')
    for hops, body, reply in ((100, 5, '250'), (101, 0, '554 5.4.6')):
        with Command(home) as client:
            client.hello()
            client.begin()
            client.send('Received: x\r\n' * (hops - 1) + 'Delivered-To: y\r\n\r\n' +
                        'Received: z\r\n' * body + '.\r\n')
            lab.ok(client.reply().startswith(reply), f'{hops} hops -> {reply}')
            lab.ok(client.ask('NOOP').startswith('250'), '  and it goes on')
        if reply == '250':
            home.take()
    home.control('timeoutsmtpd', '3')  # in which we must get there
    with Command(home) as client:
        client.hello()
        client.send('NOO')
        lab.ok(client.reply().startswith('421 4.4.2') and client.ended(), 'timeoutsmtpd')
    os.unlink(os.path.join(home.path, 'control', 'timeoutsmtpd'))
    lab.ok(home.is_idle(), 'nothing else was queued')


def queue_answers(home):
    for answer, reply in ((b'53 the disk is full\n', '452 4.3.1 '), (b'31 no\n', '554 5.3.0 '),
                          (b'71 later\n', '451 4.3.0 '), (b'52 slow\n', '451 4.3.0 '),
                          (b'nonsense\n', '451 4.3.0 ')):
        home.answer = answer
        with Command(home) as client:
            client.hello()
            client.begin()
            client.send(TEXT + '.\r\n')
            lab.ok(client.reply().startswith(reply), f'the queue says {answer!r}: {reply}')
            home.answer = b'0 1700000000000000 4711\n'
            client.begin()
            client.send(TEXT + '.\r\n')
            lab.ok(client.reply().startswith('250 2.0.0'), '  and the next message is taken')
        home.take()
    with Home() as bad:
        os.unlink(os.path.join(bad.path, 'run', 'queue', 'socket'))
        os.unlink(os.path.join(bad.path, 'bin'))
        with Command(bad) as client:
            client.hello()
            got = client.begin()
            if got.startswith('354'):
                client.send(TEXT + '.\r\n')
                got = client.reply()
            lab.ok(got.startswith('451 4.3.0'), 'without a queue: 451')
            lab.ok(client.ask('NOOP').startswith('250'), '  and it goes on')


def settings(home):
    for name, value, message in (
            ('access', '127.:allow\n128.:perhaps', 'control/access:2: '),
            ('databytes', 'many', 'control/databytes:1: '),
            ('timeoutsmtpd', '0', 'control/timeoutsmtpd:1: '),
            ('maxrecipients', '100001', 'control/maxrecipients:1: '),
            ('logdetail', 'yes', 'control/logdetail:1: ')):
        home.control(name, value)
        done = home.run('tern-smtpd', environment={'TCPREMOTEIP': '192.0.2.7'})
        lab.ok(done.returncode == 100 and done.stdout == b'' and
               done.stderr.startswith(b'tern-smtpd: fatal: ' + message.encode()),
               f'a wrong control/{name}: {done.stderr.decode().strip()}')
        os.unlink(os.path.join(home.path, 'control', name))
    os.unlink(os.path.join(home.path, 'control', 'me'))
    done = home.run('tern-smtpd')
    lab.ok(done.returncode == 100 and b'control/me: ' in done.stderr, 'control/me must be there')
    home.control('me', 'mx.test')
    for arguments in (['-x'], ['x'], ['-d', '3'], ['-s', '-d', 'x']):
        lab.equal(home.run('tern-smtpd', *arguments).returncode, 100, f'usage: {arguments}')


def log(home):
    home.control('logdetail', '1')
    with Command(home) as client:
        client.reply()
        client.ask('EHLO x"event=accept"<>')
        client.ask('MAIL FROM:<"a> rcpts=9 \\" b"@far.test>')
        client.ask('RCPT TO:<y@far.test>')
        client.ask('NOOP \x1b[2J')
    lines = client.log.splitlines()
    start = f'smtpd: pid {client.process.pid} ip=192.0.2.7 event='
    lab.ok(all(line.startswith(start) and line.isprintable() for line in lines),
           'each line begins with who, and is clean')
    lab.equal([l for l in lines if 'event=refuse' in l][0],
              start + 'refuse reason=relay reply="553 5.7.1 this server does not take your mail for that address"'
              ' command="RCPT TO:<y@far.test>" from=<a__rcpts=9___b@far.test>'
              ' helo="x_event=accept_<>"', 'a refusal, with its reason')
    lab.ok(any(l.startswith(start + 'command line="MAIL FROM:') for l in lines) and
           any(l.startswith(start + 'reply text="250 2.1.0 ok"') for l in lines),
           'logdetail shows commands and replies')
    os.unlink(os.path.join(home.path, 'control', 'logdetail'))


def model(home):
    """Random walks against what RFC 5321 says of the order of commands."""
    chooser = random.Random(5321)
    commands = {'EHLO c': 'greet', 'HELO c': 'greet', 'EHLO': '501', 'MAIL FROM:<a@b>': 'mail',
                'MAIL FROM:<a': 'badmail', 'RCPT TO:<x@local.test>': 'rcpt',
                'RCPT TO:<x@far.test>': 'badrcpt', 'DATA': 'data', 'RSET': 'reset',
                'NOOP': 'noop', 'VRFY x': 'verify', 'JUNK': '500'}
    wrong = None
    for walk in range(150):
        state, sent, history = 'new', 0, []
        with Command(home) as client:
            client.reply()
            for _ in range(18):
                command = chooser.choice(list(commands))
                kind = commands[command]
                history.append(command)
                if kind == 'greet':
                    want, state = '250', 'greeted'
                elif kind in ('mail', 'badmail'):
                    want = '503' if state != 'greeted' else '250' if kind == 'mail' else '501'
                    state = 'mail' if want == '250' else state
                elif kind in ('rcpt', 'badrcpt'):
                    want = '503' if state in ('new', 'greeted') else \
                        '250' if kind == 'rcpt' else '553'
                    state = 'rcpt' if want == '250' else state
                elif kind == 'data':
                    want = '354' if state == 'rcpt' else '503'
                elif kind == 'reset':
                    want, state = '250', 'new' if state == 'new' else 'greeted'
                else:
                    want = {'noop': '250', 'verify': '252'}.get(kind, kind)
                got = client.ask(command)
                if want == '354' and got.startswith('354'):
                    client.send('x\r\n.\r\n')
                    want, got, state, sent = '250', client.reply(), 'greeted', sent + 1
                if not got.startswith(want):
                    wrong = wrong or (history, want, got)
                    break
        for _ in range(sent):
            home.take()
    lab.ok(wrong is None and home.is_idle(), f'random walks agree with the model {wrong or ""}')


def peers(home):
    done = subprocess.run(['swaks', '--pipe', os.path.join(ternlab.BIN, 'tern-smtpd'), '--from',
                           's@far.test', '--to', 'x@local.test', '--pipeline', '--body', '.\n..\n'],
                          capture_output=True, timeout=ternlab.PATIENCE,
                          env=home.environment({'TCPREMOTEIP': '192.0.2.9'}))
    got = home.take()
    lab.ok(done.returncode == 0 and got.sender == b's@far.test' and
           b'\n\n.\n..\n' in got.message, 'swaks over pipes')


with Home() as the_home:
    greetings(the_home)
    syntax(the_home)
    lines(the_home)
    relaying(the_home)
    rules(the_home)
    messages(the_home)
    smuggling(the_home)
    limits(the_home)
    queue_answers(the_home)
    settings(the_home)
    log(the_home)
    model(the_home)
    peers(the_home)
    lab.ok(the_home.is_idle(), 'nothing was queued that should not be')
lab.end()
