#!/usr/bin/python3
"""Which of several hosts gets the message, and what is said when none takes it."""
import ternlab
from remotelab import CLOSE, PIPELINING, RESET, Home, Peer, command, matches, worker

tap = ternlab.Tap()
GOOD, PIPE = {}, {'EHLO': PIPELINING}
NONE = None  # nobody listens

# What the hosts do, in order of preference; the verdict; who is connected to; what is said
CASES = [
    ('the first takes it', [GOOD, GOOD], 'K', [1, 0], 'accepted'),
    ('the first can not be reached', [NONE, GOOD], 'K', [0, 1], 'accepted'),
    ('greeting 421', [{'greeting': (b'421 x\r\n', CLOSE)}, GOOD], 'K', [1, 1], ''),
    ('greeting 450', [{'greeting': b'450 x\r\n'}, GOOD], 'K', [1, 1], ''),
    ('greeting 554', [{'greeting': b'554 x\r\n'}, GOOD], 'K', [1, 1], ''),
    ('no greeting', [{'greeting': CLOSE}, GOOD], 'K', [1, 1], ''),
    ('HELO refused', [{'EHLO': b'550 x\r\n', 'HELO': b'550 x\r\n'}, GOOD], 'K', [1, 1], ''),
    ('MAIL 451', [{'MAIL': b'451 x\r\n'}, GOOD], 'K', [1, 1], ''),
    ('MAIL 451, pipelined', [{'MAIL': b'451 x\r\n', **PIPE}, GOOD], 'K', [1, 1], ''),
    ('MAIL 421', [{'MAIL': (b'421 x\r\n', CLOSE)}, GOOD], 'K', [1, 1], ''),
    ('MAIL reset', [{'MAIL': RESET}, GOOD], 'K', [1, 1], ''),
    ('MAIL 550 is final', [{'MAIL': b'550 x\r\n'}, GOOD], 'D', [1, 0], '550 x'),
    ('RCPT 550 is final', [{'RCPT': b'550 x\r\n'}, GOOD], 'D', [1, 0], '550 x'),
    ('RCPT 450 waits', [{'RCPT': b'450 x\r\n'}, GOOD], 'Z', [1, 0], '450 x'),
    ('RCPT 421', [{'RCPT': [b'550 x\r\n', (b'421 x\r\n', CLOSE)]}, GOOD], 'DK', [1, 1], ''),
    ('RCPT closed', [{'RCPT': CLOSE}, GOOD], 'K', [1, 1], ''),
    ('DATA closed', [{'DATA': CLOSE}, GOOD], 'K', [1, 1], ''),
    ('DATA 451 waits', [{'DATA': b'451 x\r\n'}, GOOD], 'Z', [1, 0], '451 x'),
    ('closed after the text is not tried elsewhere', [{'END': CLOSE}, GOOD], 'Z', [1, 0],
     'Possible duplicate!'),
    ('closed in the text neither', [{'DATA': (b'354 x\r\n', CLOSE)}, GOOD], 'Z', [1, 0], ''),
    ('451 after the text neither', [{'END': b'451 x\r\n'}, GOOD], 'Z', [1, 0], '451 x'),
    ('nobody there', [NONE, NONE], 'Z', [0, 0], 'Connection refused'),
    ('words count more than silence', [{'greeting': b'450 x\r\n'}, NONE], 'Z', [1, 0], '450 x'),
    ('all say 554', [{'greeting': b'554 x\r\n'}, {'greeting': b'554 x\r\n'}], 'D', [1, 1], '554 x'),
    ('the best says 554, the other is away', [{'greeting': b'554 x\r\n'}, NONE], 'D', [1, 0], '554'),
    ('the other says 554', [NONE, {'greeting': b'554 x\r\n'}], 'Z', [0, 1], '554 x'),
]
for how in (command, worker):
    for name, scripts, verdicts, connections, pattern in CASES:
        peers = [Peer() if s is NONE else Peer(s) for s in scripts]
        with Home() as home:
            relays = ','.join(f'127.0.0.1:{p.port}' for p in peers)
            home.control('smtproutes', f'example.net:{relays}')
            answers = how(home, [f'r{i}@example.net' for i in range(len(verdicts))])
        for p in peers:
            p.__exit__()
        good = matches(answers, verdicts, pattern) and [p.connections for p in peers] == connections
        if not tap.ok(good, f'{name} ({how.__name__})'):
            print(f'# {answers} {[p.connections for p in peers]}')

# Equals
for scripts, verdict in (([b'554 x\r\n', b'554 x\r\n'], 'D'), ([b'554 x\r\n', b'450 x\r\n'], 'Z')):
    peers = [Peer({'greeting': s}) for s in scripts]
    with Home(smtproutes=':' + '+'.join(f'127.0.0.1:{p.port}' for p in peers)) as home:
        answers = command(home, ['a@example.net'])
    tap.ok(matches(answers, verdict, '') and all(p.connections == 1 for p in peers),
           f'equals that greet with {scripts}')
    for p in peers:
        p.__exit__()

# Explicit answers without a host
with Home() as home:
    home.control('smtproutes', 'example.net:nosuchhost.invalid')
    home.control('dnsservers', f'127.0.0.1:{ternlab.free_port()}')
    tap.ok(matches(worker(home, ['a@example.net']), 'T', ''), 'DNS that does not answer is trouble')
tap.end()
