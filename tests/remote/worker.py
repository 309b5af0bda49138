#!/usr/bin/python3
"""A worker keeps its session for the next job as long as that is right, and says what is
wrong with ourselves as trouble."""
import os
import random
import socket
import tempfile
import time

import ternlab
from remotelab import (CLOSE, PIPELINING, TEXT, Home, Peer, Worker, command, matches)

tap = ternlab.Tap()
PLAIN = {}
PIPE = {'EHLO': PIPELINING}


def relay(peer, **control):
    return Home(smtproutes=f':127.0.0.1:{peer.port}', **control)


def verbs(peer):
    return [c.split(' ')[0] for c in peer.commands]


for name, script in ('', PLAIN), (' (pipelined)', PIPE):
    with Peer(script) as peer, relay(peer) as home:
        with Worker(home) as w:
            answers = [w.deliver([f'r{i}@example.net']) for i in range(5)]
            w.end()
        tap.ok(all(matches(a, 'K', 'accepted') for a in answers), f'five jobs{name}')
        tap.equal((peer.connections, verbs(peer)),
                  (1, ['EHLO'] + ['MAIL', 'RCPT', 'DATA'] * 5 + ['QUIT']),
                  f'in one session, with QUIT at the end{name}')
        tap.equal(w.process.returncode, 0, f'exit 0{name}')

    with Peer(script) as peer, relay(peer) as home, Worker(home) as w:
        for i in range(20):
            w.job([f'r{i}@example.net'], text=b'Subject: %d\n\n' % i)
        reports = [w.report(host=True) for i in range(20)]
        tap.equal([r[0] for r in reports], list(range(1, 21)), f'reports in order{name}')
        tap.equal({r[1:3] for r in reports}, {('127.0.0.1', '127.0.0.1')}, f'who took it{name}')
        tap.equal(peer.texts, [b'Subject: %d\r\n\r\n.\r\n' % i for i in range(20)],
                  f'the right texts{name}')

    recipients = [f'user{i}@example.net' for i in range(100)]
    with Peer(script) as peer, relay(peer) as home, Worker(home) as w:
        answers = w.deliver(recipients)
        tap.ok(matches(answers, 'K' * 100, 'accepted'), f'100 recipients{name}')
        tap.equal([c for c in peer.commands if not c.startswith('EHLO')],
                  ['MAIL FROM:<s@example.org> SIZE=24'] +
                  [f'RCPT TO:<{r}>' for r in recipients] + ['DATA'],
                  f'in one transaction{name}')
    fates = [random.choice([b'250 a\r\n', b'450 b\r\n', b'550 c\r\n']) for _ in range(100)]
    with Peer(dict(script, RCPT=fates)) as peer, relay(peer) as home, Worker(home) as w:
        answers = w.deliver(recipients)
        want = ''.join({b'2': 'K', b'4': 'Z', b'5': 'D'}[f[:1]] for f in fates)
        tap.equal(''.join(a.verdict for a in answers), want, f'100 recipients, mixed{name}')

    # Sessions that end while nobody uses them cost nothing.
    with Peer(script) as peer, relay(peer) as home, Worker(home) as w:
        first = w.deliver(['a@example.net'])
        peer.hang_up()
        second = w.deliver(['b@example.net'])
        tap.ok(first[0].verdict + second[0].verdict == 'KK' and peer.connections == 2,
               f'closed while idle{name}')
    farewell = dict(script, END=(b'250 taken\r\n421 enough\r\n', CLOSE))
    with Peer(farewell) as peer, relay(peer) as home, Worker(home) as w:
        answers = [w.deliver(['a@example.net'])[0].verdict for _ in range(3)]
        tap.equal((answers, peer.connections), (['K'] * 3, 3), f'a server that leaves{name}')
    once = dict(script, MAIL=[b'250 ok\r\n', (b'421 too many\r\n', CLOSE)])
    with Peer(once) as peer, relay(peer) as home, Worker(home) as w:
        answers = [w.deliver(['a@example.net'])[0].verdict for _ in range(3)]
        tap.equal((answers, peer.connections), (['K'] * 3, 3), f'421 to the second MAIL{name}')
    once = dict(script, MAIL=[b'250 ok\r\n', CLOSE])
    with Peer(once) as peer, relay(peer) as home, Worker(home) as w:
        answers = [w.deliver(['a@example.net'])[0].verdict for _ in range(3)]
        tap.equal((answers, peer.connections), (['K'] * 3, 3), f'closed at the second MAIL{name}')
    once = dict(script, MAIL=[b'250 ok\r\n', b'452 one a session\r\n'])
    with Peer(once) as peer, relay(peer) as home, Worker(home) as w:
        answers = [w.deliver(['a@example.net'])[0].verdict for _ in range(3)]
        tap.equal((answers, peer.connections), (['K'] * 3, 3), f'452 to the second MAIL{name}')
    with Peer(dict(script, MAIL=b'451 never\r\n')) as peer, relay(peer) as home, Worker(home) as w:
        tap.ok(matches(w.deliver(['a@example.net']), 'Z', '451 never') and peer.connections == 1,
               f'451 to the first MAIL is no reason to try again{name}')

    # What was left unfinished is reset before the next message.
    refusing = dict(script, RCPT=[b'550 who\r\n', b'250 ok\r\n'], DATA=[b'503 no\r\n', b'354 go\r\n']
                    if script else b'354 go\r\n')
    with Peer(refusing) as peer, relay(peer) as home, Worker(home) as w:
        answers = [w.deliver([f'{i}@example.net'])[0].verdict for i in range(2)]
        tap.equal((answers, peer.connections, verbs(peer).count('RSET')), (['D', 'K'], 1, 1),
                  f'RSET after a transaction without recipients{name}')
    if script:
        refusing = dict(script, RCPT=[b'550 who\r\n', b'250 ok\r\n'])
        with Peer(refusing) as peer, relay(peer) as home, Worker(home) as w:
            answers = [w.deliver([f'{i}@example.net'])[0].verdict for i in range(2)]
            tap.equal((answers, peer.connections, peer.texts), (
                ['D', 'K'], 1, [b'.\r\n', b'Subject: test\r\n\r\nhello\r\n.\r\n']),
                'a lone dot after 354 without recipients')

# Sizes, dots, eight bits
with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
    cases = [(b'', b'.\r\n'), (b'x', b'x\r\n.\r\n'), (b'.\n..\n.x\n', b'..\r\n...\r\n..x\r\n.\r\n'),
             (b'a\r\nb\rc\n', b'a\r\nb c\r\n.\r\n')]
    for text, want in cases:
        w.deliver(['a@example.net'], text=text)
    tap.equal(peer.texts, [want for _, want in cases], 'dots and line ends')
for size in (65535, 65536, 65537, 131072, 3000000):
    big = bytearray(random.choices(b'.ab\n', k=size))
    with Peer({'EHLO': b'250-peer\r\n250-PIPELINING\r\n250 SIZE 9000000\r\n'}) as peer, \
            relay(peer) as home, Worker(home) as w:
        answers = w.deliver(['a@example.net'], text=bytes(big))
        lines = bytes(big).split(b'\n')
        if not lines[-1]:
            lines.pop()
        want = b''.join((b'.' if line.startswith(b'.') else b'') + line + b'\r\n' for line in lines)
        tap.ok(matches(answers, 'K', '') and peer.texts[0] == want + b'.\r\n',
               f'a message of {size} bytes')
        unstuffed = sum(len(line) + 2 for line in lines)
        tap.ok(f'SIZE={unstuffed}' in peer.commands[1], f'its size is declared ({size})')
# In one piece: what comes after the whole text is in the kernel's hands answers all of it.
with Peer({'DATA': (b'354 go on\r\n552 enough\r\n', CLOSE)}) as peer, relay(peer) as home, \
        Worker(home) as w:
    answers = w.deliver(['a@example.net'], text=b'x' * 900000)
    tap.ok(answers[0].verdict in 'ZD', 'a server that refuses in mid-text has taken nothing')
with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
    w.deliver(['a@example.net'], text=b'x\xff\n', eight=1)
    w.deliver(['a@example.net'], sender='')
    tap.ok(peer.commands[1].endswith('SIZE=4 BODY=8BITMIME'), '8BITMIME when needed')
    tap.ok(peer.commands[4] == 'MAIL FROM:<> SIZE=24', 'the null sender')
with Peer({'EHLO': b'250 peer\r\n'}) as peer, relay(peer, helohost='helo.test') as home, \
        Worker(home) as w:
    w.deliver(['a@example.net'], text=b'x\xff\n', eight=1)
    tap.equal(peer.commands[:2], ['EHLO helo.test', 'MAIL FROM:<s@example.org>'],
              'helohost; no extension that was not offered')

# Addresses
with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
    answers = w.deliver(['a b@example.net', 'x@example.net\r\nRCPT TO:<y@example.net>',
                         '"q"@example.net'])
    tap.ok(matches(answers, 'KDK', r'can not carry this address. \(#5\.1\.3\)') and
           peer.commands[2:4] == ['RCPT TO:<"a b"@example.net>', r'RCPT TO:<"\"q\""@example.net>'],
           'quoted and impossible addresses')
    answers = w.deliver(['x\n@example.net'])
    tap.ok(matches(answers, 'D', r'#5\.1\.3') and len(peer.commands) == 5,
           'only impossible addresses')
    answers = w.deliver(['x@example.net'], sender='a\r\nb@example.org')
    tap.ok(matches(answers, 'D', r'#5\.1\.7'), 'an impossible sender')

# Routes that change take effect within a second, which is how often an open session looks.
def settle():
    time.sleep(1.1)


with Peer(PIPE) as one, Peer(PIPE) as two, relay(one) as home, Worker(home) as w:
    w.deliver(['a@example.net'])
    home.control('smtproutes', f'example.net:127.0.0.1:{two.port}')
    settle()
    w.deliver(['b@example.net'])
    home.control('relayhost', f'127.0.0.1:{one.port}')
    settle()
    w.deliver(['c@example.net'])
    tap.equal((one.connections, two.connections), (2, 1), 'a route that changes')

with Peer(PIPE) as one, Peer(PIPE) as two, relay(one) as home, Worker(home) as w:
    home.control('senderroutes', f'@two.test:127.0.0.1:{two.port}')
    for sender in ('a@one.test', 'a@two.test', 'b@two.test', 'a@one.test', 'a@one.test', ''):
        w.deliver(['a@example.net'], sender=sender)
    tap.equal((one.connections, two.connections), (2, 1), 'a route of some senders')
    home.control('senderroutes', '@two.test: helo=two.test')
    settle()
    for sender in ('a@one.test', 'a@two.test'):
        w.deliver(['a@example.net'], sender=sender)
    tap.equal((one.connections, two.connections), (3, 1), 'one session has one name')

# Our own troubles
TROUBLES = [
    ('a bad route', {'smtproutes': 'example.net:127.0.0.1:x'}, r'smtproutes:1'),
    ('an unknown option of a route', {'smtproutes': ':127.0.0.1:9 tls=yes'}, r'smtproutes:1'),
    ('a bad number', {'timeoutremote': 'long'}, r'control/timeoutremote:1'),
    ('no me', {'me': ''}, r'control/me'),
]
for name, control, pattern in TROUBLES:
    with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
        for file, value in control.items():
            home.control(file, value)
        tap.ok(matches(w.deliver(['a@example.net']), 'T', pattern), f'trouble: {name}')
        tap.ok(matches(command(home, ['a@example.net']), 'Z', pattern), f'{name}, as a command')
        tap.equal(peer.connections, 0, f'{name}: nobody is asked')
with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
    os.mkdir(os.path.join(home.path, 'control', 'relayhost'))
    tap.ok(matches(w.deliver(['a@example.net']), 'T', 'control/relayhost'), 'an unreadable file')
    os.rmdir(os.path.join(home.path, 'control', 'relayhost'))
with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
    answers = w.deliver(['a@example.net'], length=1000)
    tap.ok(matches(answers, 'T', r'can not be read'), 'an entry shorter than it says')
    tap.equal([t for t in peer.texts if t.endswith(b'.\r\n')], [], 'of which nothing was sent')
    tap.ok(matches(w.deliver(['a@example.net']), 'K', ''), 'and the next job is done')
with Peer() as peer, relay(peer) as home, Worker(home) as w:
    tap.ok(matches(w.deliver(['a@example.net']), 'Z', r'Connection refused. \(#4\.4\.1\)'),
           'a refused connection is the destination\'s')

# What does not come from tern-send as it should
def exit_code_after(action, destination='example.net'):
    with tempfile.TemporaryFile() as errors, Peer(PIPE) as peer, relay(peer) as home, \
            Worker(home, destination, errors) as w:
        action(w)
        code = w.process.wait(ternlab.PATIENCE)
        errors.seek(0)
        return code, errors.read().decode()


code, words = exit_code_after(lambda w: w.job(['a@example.org'], destination='example.org'))
tap.ok(code == 100 and 'another destination' in words, 'a job for another destination')
code, words = exit_code_after(lambda w: w.socket.send(b'junk'))
tap.ok(code == 100 and 'not a job' in words, 'no job')
job = b'1\x001\x001\x000\x000\x00example.net\0s@x\0a@example.net\0'
code, words = exit_code_after(lambda w: w.socket.send(job))
tap.ok(code == 100 and 'not a job' in words, 'a job without its message')
code, words = exit_code_after(lambda w: w.socket.send(b'1' * 131073))
tap.ok(code == 100, 'a packet over the limit')
code, words = exit_code_after(lambda w: w.socket.shutdown(socket.SHUT_WR))
tap.equal((code, words), (0, ''), 'no job at all')
code, _ = exit_code_after(lambda w: (w.job(['a@EXAMPLE.net'], destination='EXAMPLE.net'),
                                     w.report(), w.socket.shutdown(socket.SHUT_WR)))
tap.equal(code, 0, 'a destination in other letters is the same')

# The facts of an attempt, for the log of tern-send
with Peer(PIPE) as peer, relay(peer) as home, Worker(home) as w:
    w.deliver(['a@example.net'])
    facts = w.facts
    tap.equal((facts['port'], facts['code'], facts['bytes']), (peer.port, 250, 27), 'port, code and bytes')
    w.deliver(['b@example.net'])
    tap.equal((w.facts['dns'], w.facts['connect'], w.facts['bytes']), (0, 0, 27),
              'in an open session there is no time for DNS and a connection')
    tap.ok(matches(w.deliver(['b@example.net'], sender='x\n@y'), 'D', '') and
           set(w.facts.values()) == {0}, 'nobody was asked')
with Peer({'greeting': b'421 busy\r\n'}) as peer, relay(peer) as home, Worker(home) as w:
    w.deliver(['a@example.net'])
    tap.equal((w.facts['port'], w.facts['code'], w.facts['bytes']), (peer.port, 421, 0), '421 at once')
with Peer() as peer, relay(peer) as home, Worker(home) as w:
    w.deliver(['a@example.net'])
    tap.equal((w.facts['port'], w.facts['code'], w.facts['bytes']), (peer.port, 0, 0), 'no connection')
with Peer({'END': CLOSE}) as peer, relay(peer) as home, Worker(home) as w:
    w.deliver(['a@example.net'])
    tap.equal((w.facts['code'], w.facts['bytes']), (0, 27), 'no answer to the text')
with Peer({'greeting': b'450 busy\r\n'}) as peer, Peer() as away, \
        Home(smtproutes=f':127.0.0.1:{peer.port},127.0.0.1:{away.port}') as home, Worker(home) as w:
    tap.ok(matches(w.deliver(['a@example.net']), 'Z', '450 busy') and
           (w.facts['port'], w.facts['code']) == (peer.port, 450), 'those of the host that is quoted')

# The log in detail
with tempfile.TemporaryFile() as errors, Peer(PIPE) as peer, relay(peer, logdetail='1') as home:
    with Worker(home, errors=errors) as w:
        w.deliver(['a@example.net'], message=1234567)
    errors.seek(0)
    log = errors.read().decode()
    tap.ok(all(line.startswith('tern-remote: msg 1234567: ') for line in log.splitlines()),
           'the log names the message')
    for part in ('connecting', '< 220 peer ESMTP', '> EHLO me.test', '< 250-PIPELINING',
                 '> RCPT TO:<a@example.net>', '< 354 go on', '> (the message)', '< 250 taken'):
        tap.ok(part in log, f'the log says {part}')
    tap.ok('hello' not in log, 'but no word of the message')
tap.end()
