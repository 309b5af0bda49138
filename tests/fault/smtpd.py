#!/usr/bin/python3
"""tern-smtpd with faults: 250 means that the queue has it, whole; no fault of ours is a reply
that is final."""
import os
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [HERE, os.path.join(HERE, 'smtpd')]
import faultlab
import smtpdlab
import ternlab

lab = ternlab.Tap()
TEXTS = [b'Subject: %d\r\n\r\n..\r\n' % n + b'a line of message %d\r\n' % n * 3000 + b'.\r\n'
         for n in range(2)]
STORED = [text[:-3].replace(b'\r\n..', b'\r\n.').replace(b'\r\n', b'\n') for text in TEXTS]


def session(home, prefix):
    """Two messages. The codes of the replies to their texts ('' for none), and all replies."""
    codes, replies = ['', ''], []
    with smtpdlab.Command(home, tool=prefix) as client:
        client.socket.settimeout(ternlab.PATIENCE)
        try:
            replies.append(client.hello())
            for n, text in enumerate(TEXTS):
                for command in ('MAIL FROM:<a@far.test>', 'RCPT TO:<x@local.test>', 'DATA'):
                    replies.append(client.ask(command))
                    if replies[-1][:1] not in '23':
                        break
                if not replies[-1].startswith('354'):
                    client.ask('RSET')
                    continue
                client.send(text)
                codes[n] = client.reply()[:3]
                replies.append(codes[n])
            client.ask('QUIT')
        except (OSError, AssertionError):
            pass
    return codes, replies


def queued(home):
    """How often each text is in the queue; -1 when one is not whole."""
    home.settle()
    counts = [0, 0]
    while not home.is_idle():
        got = home.take()
        of = [n for n, text in enumerate(STORED) if got.message.endswith(text)]
        if len(of) != 1 or got.recipients != [b'x@local.test'] or got.sender != b'a@far.test':
            return -1
        counts[of[0]] += 1
    return counts


def judge(point):
    with smtpdlab.Home() as home:
        codes, replies = session(home, faultlab.inject(point))
        first = queued(home)
        if first == -1:
            return 'I2: what is queued is not what was sent'
        if point.name == 'short' and codes != ['250', '250']:
            return f'{replies}: short and interrupted calls are no fault'
        if any(reply.startswith('5') for reply in replies):
            return f'{replies}: final, by a fault of ours'
        for n in range(2):
            if first[n] > 1 or (codes[n] == '250' and first[n] != 1):
                return f'{codes[n]}, but {first[n]} in the queue'
        codes, replies = session(home, [])
        if codes != ['250', '250'] or queued(home) != [1, 1]:
            return f'I7: then {replies}'
        return None


def good(prefix):
    with smtpdlab.Home() as home:
        lab.equal((session(home, prefix)[0], queued(home)), (['250', '250'], [1, 1]),
                  'without a fault')


faultlab.sweeps(lab, 'tern-smtpd', good, judge, syscall=120, malloc=40, short=8)
lab.end()
