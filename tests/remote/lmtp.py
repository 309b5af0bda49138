#!/usr/bin/python3
"""Relays that are spoken to by LMTP, at a port and at a Unix socket: a result for each recipient."""
import os
import tempfile
import time

import ternlab
from remotelab import CLOSE, PIPELINING, RESET, Home, Peer, Worker, command, matches, worker

tap = ternlab.Tap()
OK, LATER, NEVER = b'250 ok\r\n', b'450 full\r\n', b'550 gone\r\n'
WORDS = b'250-peer\r\n250 SIZE 1000000\r\n'
CHUNKING = WORDS.replace(b'SIZE', b'CHUNKING\r\n250-PIPELINING\r\n250 SIZE').replace(b'250 CH', b'250-CH')
FORMS = (('', WORDS), (' (pipelined)', PIPELINING), (' (BDAT)', CHUNKING))
DUPLICATE = r'Possible duplicate!'

# name, script, verdicts, what a text must match
CASES = [
    ('all are taken', {}, 'KKK', r'accepted message.[\n/]Remote host said: 250 taken'),
    ('one of each', {'END': [OK, LATER, NEVER]}, 'KZD', '450 full'),
    ('one of each, in another order', {'END': [NEVER, OK, LATER]}, 'DKZ', '550 gone'),
    ('all are refused', {'END': NEVER}, 'DDD', 'does not like message.*550 gone'),
    ('all are deferred', {'END': LATER}, 'ZZZ', 'does not take message for now.*450 full'),
    ('some are refused before', {'RCPT': [OK, NEVER, OK, LATER], 'END': [LATER, OK]}, 'ZDKZ',
     'does not like recipient.*550 gone'),
    ('one of two is left', {'RCPT': [NEVER, OK], 'END': [NEVER]}, 'DD', 'does not like message'),
    ('lost after the first reply', {'END': [OK, CLOSE]}, 'KZZ', DUPLICATE),
    ('lost after the second reply', {'END': [NEVER, LATER, CLOSE]}, 'DZZ', DUPLICATE),
    ('lost before any reply', {'END': CLOSE}, 'ZZ', DUPLICATE),
    ('reset in a reply', {'END': [OK, (b'25', RESET)]}, 'KZ', DUPLICATE),
    ('421 in the middle', {'END': [OK, (b'421 bye\r\n', CLOSE)]}, 'KZZ', '421 bye'),
    ('nonsense in the middle', {'END': [OK, b'ok\r\n', OK]}, 'KZZ', 'makes no sense'),
    ('one reply too many', {'END': [OK, OK + OK]}, 'KZ', 'makes no sense'),
    ('a code of unknown commands after the first reply', {'END': [OK, b'504 no\r\n', OK]}, 'KDK',
     'does not like message.*504 no'),
    ('nobody is accepted', {'RCPT': NEVER, 'DATA': b'503 nobody\r\n'}, 'DD', 'does not like recip'),
    ('nobody, and 354', {'RCPT': NEVER}, 'DD', 'does not like recipient'),
    ('LHLO 500', {'LHLO': b'500 what\r\n'}, 'ZZ', 'my name was refused.*500 what'),
    ('LHLO 421', {'LHLO': b'421 later\r\n'}, 'Z', '421 later'),
    ('MAIL 550', {'MAIL': NEVER}, 'DD', 'does not like sender'),
    ('MAIL 450', {'MAIL': LATER}, 'ZZ', 'sender was refused for now'),
    ('RCPT closed', {'RCPT': [OK, CLOSE]}, 'ZZ', 'closed the connection instead of answering RCPT'),
]

for (name, script, verdicts, pattern) in CASES:
    for form, words in FORMS:
        recipients = [f'r{i}@example.net' for i in range(len(verdicts))]
        with Peer({'LHLO': words, **script}) as peer, \
                Home(smtproutes=f':lmtp:127.0.0.1:{peer.port}') as home:
            answers = command(home, recipients), worker(home, recipients)
            good = [matches(a, verdicts, pattern) for a in answers]
        if not tap.ok(all(good), f'{name}{form}'):
            print(f'# {good} {answers}')

for form, words in FORMS:
    with Peer({'LHLO': words, 'END': [OK, NEVER, LATER, OK]}) as peer, \
            Home(smtproutes=f':lmtp:127.0.0.1:{peer.port} helo=helo.test') as home, Worker(home) as w:
        answers = [w.deliver(['a@example.net', 'b@example.net']) for _ in range(2)]
        w.end()
        verbs = [c.split(' ')[0] for c in peer.commands if not c.startswith('RCPT')]
        text = 'BDAT' if 'BDAT' in form else 'DATA'
        tap.equal(''.join(a.verdict for both in answers for a in both), 'KDZK',
                  f'two messages, each reply in its place{form}')
        tap.equal((peer.connections, verbs, peer.commands[0]),
                  (1, ['LHLO', 'MAIL', text, 'MAIL', text, 'QUIT'], 'LHLO helo.test'),
                  f'in one session{form}')

# A Unix socket
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'lmtp')
    with Peer({'LHLO': WORDS, 'END': [OK, NEVER]}, path=path) as peer, \
            Home(smtproutes=f'example.net:lmtp:{path}', confinement='1') as home:
        recipients = ['a@example.net', 'b@example.net']
        tap.ok(matches(worker(home, recipients), 'KD', f'^{path} does not like message'),
               'a Unix socket')
        tap.ok(matches(command(home, recipients), 'KD', f'^{path} accepted message'),
               'and as a command')
        with Worker(home) as w:
            w.job(recipients)
            _, host, address, _ = w.report(host=True)
        tap.equal((host, address), (path, path), 'the path is who said it')
    with Home(smtproutes=f'example.net:lmtp:{path}') as home:
        tap.ok(matches(worker(home, ['a@example.net']), 'Z', f'connect to {path}: Connection refused'),
               'a socket that nobody listens at')
    os.unlink(path)
    with Home(smtproutes=f'example.net:lmtp:{path}') as home:
        tap.ok(matches(worker(home, ['a@example.net']), 'Z', f'connect to {path}: No such file'),
               'a socket that is not there')
    with Peer({'LHLO': WORDS}) as backup, \
            Home(smtproutes=f'example.net:lmtp:{path},lmtp:127.0.0.1:{backup.port}') as home:
        tap.ok(matches(worker(home, ['a@example.net']), 'K', '127.0.0.1 accepted'),
               'and the next relay is tried')

    # A worker that had no route to a socket when it started may not open one.
    with Peer({'LHLO': WORDS}, path=path) as peer, Peer({}) as other, \
            Home(smtproutes=f':127.0.0.1:{other.port}') as home:
        with Worker(home) as w:
            first = w.deliver(['a@example.net'])
            home.control('smtproutes', f':lmtp:{path}')
            time.sleep(1.1)  # an open session looks at the routes once a second
            second = w.deliver(['a@example.net'])
            tap.equal((first[0].verdict, second[0].verdict, w.process.wait(ternlab.PATIENCE)),
                      ('K', 'T', 0), 'a route that newly leads to a socket needs a new worker')
        tap.ok(peer.connections == 0 and matches(worker(home, ['a@example.net']), 'K', path),
               'which may open it')
    os.unlink(path)
    for name, control in (('relayhost', {'relayhost': f'lmtp:{path}'}),
                          ('a route of the sender', {'senderroutes': f'@example.org:lmtp:{path}'}),
                          ('an empty key', {'smtproutes': f':lmtp:{path}'})):
        with Peer({'LHLO': WORDS}, path=path) as peer, Home(**control) as home:
            tap.ok(matches(worker(home, ['a@example.net']), 'K', path), f'a socket by {name}')
        os.unlink(path)
    with Peer({'LHLO': WORDS}, path=path) as peer, Home(smtproutes=f'!@:lmtp:{path}') as home:
        tap.ok(matches(worker(home, ['a@example.net'], sender=''), 'K', path),
               'a socket for the null sender')
    os.unlink(path)
tap.end()
