#!/usr/bin/python3
"""What a server offers is used, what it lacks is no surprise, and no limit of a session is
passed: CHUNKING, LIMITS, 8BITMIME, SMTPUTF8, SIZE, the messages and the age of a session."""
import concurrent.futures
import itertools
import random

import ternlab
from remotelab import (CHUNKING, CLOSE, PIPELINING, RESET, SILENCE, TEXT, Home, Peer, Worker,
                       command, matches, worker)

tap = ternlab.Tap()
OK = b'250 ok\r\n'
PLAIN_CHUNKING = b'250-peer\r\n250 CHUNKING\r\n'
WIRE = TEXT.replace(b'\n', b'\r\n')
DUPLICATE = 'Possible duplicate!'


def relay(peer, **control):
    return Home(smtproutes=f':127.0.0.1:{peer.port}', **control)


def verbs(peer):
    return [c.split(' ')[0] for c in peer.commands]


def recipients(n):
    return [f'r{i}@example.net' for i in range(n)]


def verdicts(answers):
    return ''.join(a.verdict for a in answers)


# BDAT: name, script, verdicts, what a text must match. A script without EHLO offers CHUNKING.
CHUNK_CASES = [
    ('all goes well', {}, 'KKK', '^127.0.0.1 accepted message.*250 taken'),
    ('some are refused', {'RCPT': [OK, b'550 who\r\n', b'450 later\r\n']}, 'KDZ', '550 who'),
    ('all are refused', {'RCPT': b'550 who\r\n'}, 'DD', '550 who'),
    ('refused', {'END': b'554 spam\r\n'}, 'DD', 'does not like message.*554 spam'),
    ('deferred', {'END': b'451 later\r\n'}, 'Z', 'does not take message for now.*451 later'),
    ('closed', {'END': CLOSE}, 'ZZ', DUPLICATE),
    ('reset', {'END': RESET}, 'Z', DUPLICATE),
    ('cut off', {'END': (b'250 o', CLOSE)}, 'Z', DUPLICATE),
    ('two answers', {'END': OK + OK}, 'Z', 'makes no sense'),
    ('354', {'END': b'354 go on\r\n'}, 'Z', 'makes no sense'),
    ('421', {'END': (b'421 bye\r\n', CLOSE)}, 'Z', '421 bye'),
    ('farewell', {'END': (b'250 taken\r\n421 bye\r\n', CLOSE)}, 'K', 'taken'),
    ('MAIL refused', {'MAIL': b'550 not you\r\n'}, 'D', 'not you'),
    ('no answer', {'END': SILENCE}, 'Z', 'no answer in time'),
    ('closed before the text', {'RCPT': (CLOSE,)}, 'Z', r'instead of answering RCPT. \(#4.4.2\)'),
]


def chunk_case(case):
    (name, script, want, pattern), how, words = case
    with Peer({'EHLO': words, **script}) as peer, relay(peer) as home:
        if name == 'no answer':
            home.control('timeoutremote', '1')
        answers = how(home, recipients(len(want)))
    return ('DATA' not in verbs(peer) and matches(answers, want, pattern),
            f'BDAT, {name} ({how.__name__}{", pipelined" * (words is CHUNKING)})', answers)


def together(cases, run):
    """Runs the cases eight at a time, since some wait for a time to run out."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for good, name, answers in pool.map(run, cases):
            if not tap.ok(good, name):
                print('#', answers)


together(itertools.product(CHUNK_CASES, (command, worker), (CHUNKING, PLAIN_CHUNKING)), chunk_case)

with Peer({'EHLO': CHUNKING}) as peer, relay(peer) as home, Worker(home) as w:
    cases = [(b'', b''), (b'x', b'x\r\n'), (b'.\n..\n', b'.\r\n..\r\n'), (b'a\r\nb\rc\n', b'a\r\nb c\r\n')]
    for text, _ in cases:
        w.deliver(['a@example.net'], text=text)
    tap.equal(peer.texts, [want for _, want in cases], 'BDAT: no dots, and line ends')
    tap.equal([c for c in peer.commands if c.startswith('BDAT')],
              [f'BDAT {len(want)} LAST' for _, want in cases], 'each with its length')
    tap.equal(peer.connections, 1, 'in one session')
for size in (65535, 65536, 65537, 131072, 1200000):
    big = bytes(random.choices(b'.ab\n', k=size))
    want = b''.join(line + b'\r\n' for line in big.removesuffix(b'\n').split(b'\n'))
    with Peer({'EHLO': CHUNKING.replace(b'1000000', b'9000000')}) as peer, relay(peer) as home:
        answers = worker(home, ['a@example.net'], text=big)
        chunks = [c.split() for c in peer.commands if c.startswith('BDAT')]
        tap.ok(matches(answers, 'K', 'taken') and peer.texts == [want], f'BDAT of {size} bytes')
        tap.ok(all(len(c) == 2 for c in chunks[:-1]) and chunks[-1][2:] == ['LAST'] and
               sum(int(c[1]) for c in chunks) == len(want), f'in chunks ({size})')
BIG = b'x' * 200000
for name, chunk, want, pattern in (
        ('refused', b'552 enough\r\n', 'D', 'does not like message.*552 enough'),
        ('deferred', b'452 full\r\n', 'Z', 'does not take message for now.*452 full'),
        ('closed', CLOSE, 'Z', 'closed the connection|died'),
        ('421', (b'421 bye\r\n', CLOSE), 'Z', '421 bye'),
        ('nonsense', b'354 what\r\n', 'Z', 'makes no sense')):
    with Peer({'EHLO': CHUNKING, 'BDAT': [OK, chunk, b'503 no\r\n'], 'END': b'503 no\r\n'}) as peer, \
            relay(peer) as home:
        answers = worker(home, ['a@example.net'], text=BIG)
        if not tap.ok(matches(answers, want, pattern), f'a chunk before the last one: {name}'):
            print('#', answers)
with Peer({'EHLO': CHUNKING}) as peer, relay(peer, remotechunking='0') as home:
    tap.ok(matches(worker(home, ['a@example.net']), 'K', '') and 'DATA' in verbs(peer),
           'remotechunking 0: DATA')

for code in (500, 502, 504):
    broken = {'EHLO': CHUNKING, 'BDAT': b'%d what\r\n' % code, 'END': b'%d what\r\n' % code}
    for size in (10, 200000):
        with Peer(broken, {'EHLO': CHUNKING}) as peer, relay(peer) as home, Worker(home) as w:
            got = verdicts(w.deliver(recipients(2), text=b'x' * size)) + verdicts(w.deliver(recipients(1)))
            tap.equal((got, peer.connections, verbs(peer).count('DATA')), ('KKK', 2, 2),
                      f'{code} to BDAT: by DATA from then on ({size} bytes)')
for code in (499, 505):
    with Peer({'EHLO': CHUNKING, 'END': b'%d no\r\n' % code}) as peer, relay(peer) as home:
        tap.ok(worker(home, recipients(1))[0].verdict in 'ZD' and peer.connections == 1, f'{code} is an answer')
with Peer({'LHLO': CHUNKING, 'END': [b'500 what\r\n', OK]}, {'LHLO': CHUNKING, 'END': [OK, b'450 b\r\n']}) as peer, \
        Home(smtproutes=f':lmtp:127.0.0.1:{peer.port}') as home:
    tap.equal(verdicts(worker(home, recipients(2))), 'KZ', '500 to BDAT by LMTP')

# Servers that pipeline in their own ways
QUIRKS = [
    ('answers held back until DATA', {'MAIL': b'', 'RCPT': b'', 'DATA': OK * 4 + b'354 go on\r\n'}, 'KKK'),
    ('answers held back, one refused', {'MAIL': b'', 'RCPT': b'',
                                        'DATA': OK + b'550 who\r\n' + OK + b'354 go on\r\n'}, 'DK'),
    ('all refused, and DATA', {'MAIL': b'', 'RCPT': b'', 'DATA': OK + b'550 who\r\n' * 2 + b'554 none\r\n'}, 'DD'),
    ('bytes one by one', {'RCPT': (b'2', b'5', b'0', b'-', b'a\r', b'\n250', b' b\r', b'\n')}, 'KK'),
    ('two answers in one piece', {'MAIL': b'', 'RCPT': [OK + OK, OK]}, 'KK'),
    ('one answer for all', {'RCPT': [OK, b'', b''], 'DATA': b'354 go on\r\n'}, 'ZZZ'),
    ('a line without end after 354', {'DATA': b'354 go on\r\nand', 'END': b'250 taken\r\n'}, 'Z'),
    ('421 between answers', {'RCPT': [OK, (b'421 bye\r\n', CLOSE)]}, 'ZZ'),
]
for name, script, want in QUIRKS:
    with Peer({'EHLO': PIPELINING, **script}) as peer, relay(peer) as home:
        answers = worker(home, recipients(len(want)))
    if not tap.ok(verdicts(answers) == want, f'pipelining: {name}'):
        print('#', answers)

# LIMITS
LIMITS = PIPELINING.replace(b'SIZE', b'LIMITS %s\r\n250 SIZE').replace(b'250 LIM', b'250-LIM')
for name, words in (('DATA', LIMITS), ('BDAT', LIMITS.replace(b'PIPELINING', b'CHUNKING'))):
    with Peer({'EHLO': words % b'RCPTMAX=3 MAILMAX=5'}) as peer, relay(peer) as home, Worker(home) as w:
        tap.equal(verdicts(w.deliver(recipients(10))), 'K' * 10, f'RCPTMAX=3 and ten recipients ({name})')
        tap.equal([verbs(peer).count(v) for v in ('MAIL', 'RCPT', 'RSET', 'EHLO')], [4, 10, 0, 1],
                  f'in four transactions of one session ({name})')
        tap.equal(verdicts(w.deliver(recipients(10))) + f' {peer.connections}', 'K' * 10 + ' 2',
                  f'MAILMAX=5: the rest in another session ({name})')
    fates = [OK, b'550 a\r\n', b'450 b\r\n', b'550 c\r\n', b'550 d\r\n', OK, OK]
    with Peer({'EHLO': words % b'rcptmax=2', 'RCPT': fates, 'DATA': [b'354 go\r\n', b'503 no\r\n', b'354 go\r\n'],
               'END': [OK, b'554 spam\r\n', b'451 later\r\n'] if name == 'BDAT' else
               [OK, b'554 spam\r\n']}) as peer, relay(peer) as home:
        answers = worker(home, recipients(7))
        tap.equal(verdicts(answers)[:6], 'KDZDDD', f'each transaction has its own answers ({name})')
    with Peer({'EHLO': words % b'RCPTMAX=1', 'END': [OK, CLOSE]}) as peer, relay(peer) as home:
        answers = worker(home, recipients(4))
        tap.ok(matches(answers, 'KZZZ', DUPLICATE) and 'ended before' in answers[3].text,
               f'a session that ends between transactions ({name})')
        tap.ok(matches(command(home, recipients(1)), 'K', 'accepted'), f'as a command ({name})')
    with Peer({'EHLO': words % b'RCPTMAX=1', 'MAIL': [OK, b'550 enough\r\n']}) as peer, relay(peer) as home:
        tap.equal(verdicts(command(home, recipients(3))), 'KDZ', f'MAIL refused later on ({name})')
for odd in (b'', b'RCPTMAX', b'RCPTMAX=', b'RCPTMAX=0', b'RCPTMAX=x MAILMAX=-1', b'X=1 =2 RCPTDOMAINMAX=1',
            b'RCPTMAX=99999999999999999999'):
    with Peer({'EHLO': LIMITS % odd}) as peer, relay(peer) as home, Worker(home) as w:
        got = verdicts(w.deliver(recipients(5))) + verdicts(w.deliver(recipients(1)))
        tap.equal((got, peer.connections, verbs(peer).count('MAIL')), ('K' * 6, 1, 2),
                  f'LIMITS {odd.decode()} limits nothing')
for words in (PIPELINING, CHUNKING, b'250 peer\r\n'):
    script = {'EHLO': words, 'RCPT': [OK, OK, b'452 too many\r\n', b'452 too many\r\n', OK,
                                      b'452 4.2.2 mailbox full\r\n', b'452 full\r\n'],
              'DATA': [b'354 go\r\n', b'354 go\r\n', b'503 no\r\n']}
    with Peer(script) as peer, relay(peer) as home:
        answers = worker(home, recipients(4))
        tap.ok(matches(answers, 'KKKZ', '452 full') and verbs(peer).count('MAIL') == 3,
               'recipients over the limit of a transaction are offered in the next one')

# What a server lacks
with Peer({'EHLO': b'250 peer\r\n'}) as peer, relay(peer) as home, Worker(home) as w:
    tap.ok(matches(w.deliver(['a@example.net'], text=b'x\xff\n', eight=1), 'K', ''),
           '8-bit text goes out as it is')
    tap.equal(peer.texts, [b'x\xff\r\n.\r\n'], 'to each byte')
with Peer({'EHLO': b'250 peer\r\n'}) as peer, relay(peer, remote8bit='0') as home, Worker(home) as w:
    tap.ok(matches(w.deliver(['a@example.net'], text=b'x\xff\n', eight=1), 'D', r'8-bit text. \(#5.6.3\)'),
           'remote8bit 0: it does not')
    tap.ok(matches(w.deliver(['a@example.net']), 'K', '') and peer.connections == 1,
           'but 7-bit text in the same session')
    w.end()
    tap.ok(matches(command(home, ['a@example.net'], text=b'x\xff\n'), 'D', '#5.6.3'), 'as a command')
with Peer({'EHLO': PIPELINING}) as peer, relay(peer, remote8bit='0') as home:
    tap.ok(matches(worker(home, ['a@example.net'], text=b'x\xff\n', eight=1), 'K', ''),
           'nor does it matter where 8BITMIME is offered')
with Peer({'EHLO': PIPELINING}) as peer, relay(peer) as home, Worker(home) as w:
    tap.ok(matches(w.deliver(['a@example.net'], utf8=1), 'D', r'internationalized mail. \(#5.6.7\)') and
           verbs(peer) == ['EHLO'], 'SMTPUTF8 is needed and not offered')
with Peer({'EHLO': b'250-peer\r\n250 SMTPUTF8\r\n'}) as peer, relay(peer) as home, Worker(home) as w:
    tap.ok(matches(w.deliver(['a@example.net'], utf8=1), 'K', '') and
           peer.commands[1].endswith(' SMTPUTF8'), 'and when it is')

# How much a session gets
with Peer({'EHLO': PIPELINING}) as peer, relay(peer, remotemessages='2') as home, Worker(home) as w:
    got = ''.join(verdicts(w.deliver(['a@example.net'])) for _ in range(5))
    tap.equal((got, peer.connections, verbs(peer).count('QUIT')), ('KKKKK', 3, 2), 'remotemessages 2')
with Peer({'EHLO': PIPELINING}) as peer, relay(peer, remotesession='1') as home, Worker(home) as w:
    w.deliver(['a@example.net'])
    ternlab.wait_until(lambda: verdicts(w.deliver(['a@example.net'])) == 'K' and peer.connections > 1,
                       'a new session after a second')
    tap.ok(True, 'remotesession 1s')

# How long which answer is waited for
STEPS = [('greeting', 'greeting'), ('hello', 'EHLO'), ('mail', 'MAIL'), ('rcpt', 'RCPT'), ('data', 'DATA'),
         ('block', 'BDAT'), ('end', 'END')]


def silent_case(case):
    phase, step = case
    with Peer({'EHLO': CHUNKING if step == 'BDAT' else PIPELINING, step: SILENCE}) as peer, \
            relay(peer, timeoutphases=f'# x\n{phase} : 1s') as home:
        answers = worker(home, ['a@example.net'], text=b'x' * 900000)
    return matches(answers, 'Z', 'no answer in time'), f'timeoutphases {phase}:1s', answers


together(STEPS, silent_case)
for line in ('data', 'data:', 'data:0', 'data:2d', 'data:x', 'date:1s', ':1s'):
    with Peer({}) as peer, relay(peer, timeoutphases=f'mail:1m\n{line}') as home:
        tap.ok(matches(worker(home, ['a@example.net']), 'T', 'control/timeoutphases:2: ') and
               peer.connections == 0, f'timeoutphases {line}: an error')
tap.end()
