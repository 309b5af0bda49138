#!/usr/bin/python3
"""What becomes of a message when the server misbehaves, at each step: as a command and
as a worker, with PIPELINING and without."""
import concurrent.futures
import itertools

import ternlab
from remotelab import (CLOSE, PIPELINING, RESET, SILENCE, Home, Peer, USUAL, command, matches, worker)

OK = b'250 ok\r\n'
DUPLICATE = 'Possible duplicate!'
LOST = r'closed the connection instead of answering .*\(#4\.4\.2\)'
NONSENSE = r'makes no sense as its answer to .*\(#4\.5\.0\)'
SLOW = r'no answer in time to .*\(#4\.4\.2\)'

# name, script, verdict for each recipient, what a text must match
CASES = [
    ('all goes well', {}, 'K', r'^127\.0\.0\.1 accepted message\.[\n/]Remote host said: 250 taken'),
    ('several recipients', {}, 'KKK', 'accepted message'),

    # The greeting
    ('greeting 220 of several lines', {'greeting': b'220-a\r\n220-\r\n220 b\r\n'}, 'K', ''),
    ('greeting in pieces', {'greeting': (b'2', b'2', b'0', b' x', b'\r', b'\n')}, 'K', ''),
    ('greeting 220 without text', {'greeting': b'220\r\n'}, 'K', ''),
    ('greeting 450', {'greeting': (b'450 busy\r\n', CLOSE)}, 'Z',
     r'^Connected to 127\.0\.0\.1 but greeting failed\.[\n/]Remote host said: 450 busy'),
    ('greeting 421', {'greeting': (b'421 busy\r\n', CLOSE)}, 'Z', 'greeting failed.*421 busy'),
    ('greeting 554', {'greeting': b'554 no mail here\r\n'}, 'D', 'greeting failed.*554 no mail'),
    ('greeting 250', {'greeting': OK}, 'Z', NONSENSE),
    ('greeting 354', {'greeting': b'354 ok\r\n'}, 'Z', NONSENSE),
    ('greeting 120', {'greeting': b'120 wait\r\n'}, 'Z', NONSENSE),
    ('greeting with changing codes', {'greeting': b'220-a\r\n554 b\r\n'}, 'Z', NONSENSE),
    ('greeting that never comes', {'greeting': CLOSE}, 'Z', LOST),
    ('greeting cut off', {'greeting': (b'220 hel', CLOSE)}, 'Z', LOST),
    ('greeting unfinished', {'greeting': (b'220-hello\r\n', CLOSE)}, 'Z', LOST),
    ('greeting, then reset', {'greeting': (b'220-hello\r\n', RESET)}, 'Z',
     LOST + '|reset by peer'),
    ('greeting of HTTP', {'greeting': b'HTTP/1.1 400 Bad Request\r\n'}, 'Z',
     NONSENSE + r'[\n/]Remote host said: HTTP/1.1 400'),
    ('greeting in TLS', {'greeting': b'\x15\x03\x01\x00\n'}, 'Z', NONSENSE),
    ('a line of 4096 bytes', {'greeting': b'220 ' + b'x' * 4090 + b'\r\n'}, 'K', ''),
    ('a line of 4097 bytes', {'greeting': b'220 ' + b'x' * 4091 + b'\r\n'}, 'Z', NONSENSE),
    ('a line without end', {'greeting': b'220 ' + b'x' * 200000}, 'Z', NONSENSE),
    ('100 lines', {'greeting': b'220-x\r\n' * 99 + b'220 x\r\n'}, 'K', ''),
    ('101 lines', {'greeting': b'220-x\r\n' * 100 + b'220 x\r\n'}, 'Z', NONSENSE),
    ('lines without end', {'greeting': b'220-x\r\n' * 100000}, 'Z', NONSENSE),
    ('two greetings', {'greeting': b'220 a\r\n220 b\r\n'}, 'Z', NONSENSE),
    ('no greeting in time', {'greeting': SILENCE}, 'Z', SLOW + '|connection'),

    # EHLO and HELO
    ('EHLO 500', {'EHLO': b'500 what\r\n'}, 'K', ''),
    ('EHLO 502', {'EHLO': b'502 not me\r\n'}, 'K', ''),
    ('EHLO 450', {'EHLO': b'450 later\r\n'}, 'K', ''),
    ('EHLO 250 alone', {'EHLO': b'250 peer\r\n'}, 'K', ''),
    ('EHLO 220', {'EHLO': b'220 peer\r\n'}, 'Z', NONSENSE),
    ('EHLO without answer', {'EHLO': SILENCE}, 'Z', SLOW),
    ('EHLO and HELO 550', {'EHLO': b'550 no\r\n', 'HELO': b'550 not you\r\n'}, 'Z',
     'my name was refused.*550 not you'),
    ('EHLO and HELO closed', {'EHLO': CLOSE, 'HELO': CLOSE}, 'Z', LOST),
    ('two answers to EHLO', {'EHLO': b'250 a\r\n250 b\r\n'}, 'Z', NONSENSE),
    ('SIZE too small', {'EHLO': b'250-peer\r\n250 SIZE 10\r\n'}, 'D', r'at most 10 .*\(#5\.3\.4\)'),
    ('SIZE exceeded by one', {'EHLO': b'250-peer\r\n250 SIZE 23\r\n'}, 'D', r'#5\.3\.4'),
    ('SIZE met exactly', {'EHLO': b'250-peer\r\n250 SIZE 24\r\n'}, 'K', ''),
    ('SIZE 0, that is no limit', {'EHLO': b'250-peer\r\n250 SIZE 0\r\n'}, 'K', ''),
    ('SIZE that is no number', {'EHLO': b'250-peer\r\n250 SIZE 1x\r\n'}, 'K', ''),

    # MAIL
    ('MAIL 451', {'MAIL': b'451 later\r\n'}, 'ZZ', 'sender was refused for now.*451 later'),
    ('MAIL 421', {'MAIL': (b'421 bye\r\n', CLOSE)}, 'ZZ', '421 bye'),
    ('MAIL 550', {'MAIL': b'550 not you\r\n'}, 'DD', 'does not like sender.*550 not you'),
    ('MAIL 220', {'MAIL': b'220 hm\r\n'}, 'Z', NONSENSE),
    ('MAIL 354', {'MAIL': b'354 hm\r\n'}, 'Z', NONSENSE),
    ('MAIL closed', {'MAIL': CLOSE}, 'Z', LOST),
    ('MAIL reset', {'MAIL': RESET}, 'Z', LOST),
    ('MAIL 250 cut off', {'MAIL': (b'250', CLOSE)}, 'Z', LOST),
    ('MAIL without answer', {'MAIL': SILENCE}, 'Z', SLOW),

    # RCPT
    ('RCPT 550', {'RCPT': b'550 who\r\n', 'DATA': b'503 no recipients\r\n'}, 'D',
     r'^127\.0\.0\.1 does not like recipient\.[\n/]Remote host said: 550 who'),
    ('RCPT 450', {'RCPT': b'450 later\r\n', 'DATA': b'503 no recipients\r\n'}, 'Z',
     'does not like recipient.*450 later'),
    ('RCPT each its own fate', {'RCPT': [b'550 who\r\n', OK, b'450 later\r\n', b'251 there\r\n']},
     'DKZK', 'accepted message'),
    ('RCPT 252', {'RCPT': b'252 maybe\r\n'}, 'K', ''),
    ('RCPT 550 and 354 to DATA', {'RCPT': b'550 who\r\n', 'END': b'554 no recipients\r\n'}, 'DD',
     'does not like recipient'),
    ('RCPT 550, 354 and 250 to nothing', {'RCPT': b'550 who\r\n'}, 'D', 'does not like'),
    ('RCPT 354', {'RCPT': b'354 hm\r\n'}, 'Z', NONSENSE),
    ('RCPT 220', {'RCPT': b'220 hm\r\n'}, 'Z', NONSENSE),
    ('RCPT 421', {'RCPT': [b'550 who\r\n', (b'421 bye\r\n', CLOSE)]}, 'DZ', '421 bye'),
    ('RCPT refused, then closed', {'RCPT': [b'550 who\r\n', CLOSE]}, 'DZ', LOST),
    ('RCPT refused for now, then closed', {'RCPT': [b'450 later\r\n', CLOSE]}, 'ZZ', LOST),
    ('RCPT refused, then 421 to DATA', {'RCPT': [b'550 who\r\n', OK], 'DATA': (b'421 bye\r\n', CLOSE)},
     'DZ', '421 bye'),
    ('RCPT closed', {'RCPT': [OK, CLOSE]}, 'ZZ', LOST),
    ('RCPT with two answers', {'RCPT': [OK + OK, OK]}, 'ZZ', NONSENSE),
    ('RCPT, one refused, with two answers', {'RCPT': [b'550 a\r\n550 b\r\n', OK]}, 'ZZ', NONSENSE),
    ('RCPT with too few answers', {'RCPT': [b'', OK]}, 'ZZ',
     SLOW + '|' + NONSENSE),

    # DATA
    ('DATA 451', {'DATA': b'451 later\r\n'}, 'ZZ', 'refused DATA for now.*451 later'),
    ('DATA 554', {'DATA': b'554 no\r\n'}, 'DD', 'refused DATA.*554 no'),
    ('DATA 554, one recipient refused', {'RCPT': [b'450 later\r\n', OK], 'DATA': b'554 no\r\n'},
     'ZD', 'refused DATA'),
    ('DATA 250', {'DATA': OK}, 'Z', NONSENSE),
    ('DATA 421', {'DATA': (b'421 bye\r\n', CLOSE)}, 'Z', '421 bye'),
    ('DATA closed', {'DATA': CLOSE}, 'Z', LOST),
    ('DATA without answer', {'DATA': SILENCE}, 'Z', SLOW),
    ('250 before the text', {'DATA': (b'354 go on\r\n250 taken\r\n',)}, 'Z', NONSENSE),
    ('closed in the text', {'DATA': (b'354 go on\r\n', CLOSE)}, 'Z', LOST),

    # After the text
    ('END 451', {'END': b'451 later\r\n'}, 'ZZ', 'does not take message for now.*451 later'),
    ('END 554', {'END': b'554 spam\r\n'}, 'DD', 'does not like message.*554 spam'),
    ('END 552 of several lines', {'END': b'552-a\r\n552 b\r\n'}, 'D', r'552-a[\n/]552 b'),
    ('END 250, one recipient refused', {'RCPT': [b'550 who\r\n', OK]}, 'DK', 'accepted'),
    ('END 250 in pieces', {'END': (b'2', b'5', b'0-x\r', b'\n250', b' y\r', b'\n')}, 'K', '250 y'),
    ('END 250 without text', {'END': b'250\r\n'}, 'K', ''),
    ('END 251', {'END': b'251 ok\r\n'}, 'K', ''),
    ('END 220', {'END': b'220 hm\r\n'}, 'Z', NONSENSE),
    ('END 200', {'END': b'200 hm\r\n'}, 'Z', NONSENSE),
    ('END 354', {'END': b'354 more\r\n'}, 'Z', NONSENSE),
    ('END 421', {'END': (b'421 bye\r\n', CLOSE)}, 'Z', '421 bye'),
    ('END closed', {'END': CLOSE}, 'ZZ', DUPLICATE),
    ('END reset', {'END': RESET}, 'Z', DUPLICATE),
    ('END 250 without line end, closed', {'END': (b'250', CLOSE)}, 'Z', DUPLICATE),
    ('END 250 with half a line end', {'END': (b'250 ok\r', CLOSE)}, 'Z', DUPLICATE),
    ('END 250- and closed', {'END': (b'250-ok\r\n', CLOSE)}, 'Z', DUPLICATE),
    ('END 250, then 550', {'END': b'250-a\r\n550 b\r\n'}, 'Z', DUPLICATE),
    ('END 25', {'END': b'25 ok\r\n'}, 'Z', DUPLICATE),
    ('END 2500', {'END': b'2500 ok\r\n'}, 'Z', DUPLICATE),
    ('END ok', {'END': b'ok\r\n'}, 'Z', DUPLICATE),
    ('END with NUL', {'END': b'\x00250 ok\r\n'}, 'Z', DUPLICATE),
    ('END with an empty line first', {'END': b'\r\n250 ok\r\n'}, 'Z', DUPLICATE),
    ('END with two answers', {'END': OK + OK}, 'Z', DUPLICATE),
    ('END 250 and farewell', {'END': (b'250 taken\r\n421 bye\r\n', CLOSE)}, 'K', '250 taken'),
    ('END without answer', {'END': SILENCE}, 'Z', SLOW),
    ('END byte by byte without end', {'END': (b'2', b'5', b'0', SILENCE)}, 'Z', SLOW),

    # What is shown
    ('words with control bytes', {'RCPT': b'550 \x1b[2J\x00\xc3\xbc\x7f\r!\r\n', 'DATA': b'503 x\r\n'},
     'D', r'550 \?\[2J\?\?\?\?\?!'),
    ('words without end', {'RCPT': b'550 ' + b'x' * 4000 + b'\r\n', 'DATA': b'503 x\r\n'}, 'D',
     r'(?s)^.{511,512}$'),
]


def run(case):
    (name, script, verdicts, pattern), how, pipelining = case
    script = dict(script)
    if pipelining and 'EHLO' not in script:
        script['EHLO'] = PIPELINING
    recipients = [f'r{i}@example.net' for i in range(len(verdicts))]
    slow = any(SILENCE in (b if isinstance(b, tuple) else (b,)) for b in script.values())
    slow = slow or name == 'RCPT with too few answers'
    with Peer(script) as peer, Home(smtproutes=f':127.0.0.1:{peer.port}') as home:
        if slow:
            home.control('timeoutremote', '1')
        answers = how(home, recipients)
    good = matches(answers, verdicts, pattern)
    good = good and all(len(a.text) <= 512 for a in answers)
    return good, f'{name} ({how.__name__}{", pipelined" if pipelining else ""})', answers


tap = ternlab.Tap()
runs = list(itertools.product(CASES, (command, worker), (False, True)))
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for good, name, answers in pool.map(run, runs):
        if not tap.ok(good, name):
            print(f'# {answers}')
tap.end()
