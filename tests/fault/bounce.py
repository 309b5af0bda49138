#!/usr/bin/python3
"""tern-bounce with faults: a notice that it says is queued is, whole; any other is queued when
it is asked for again."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import fakequeue
import faultlab
import spoollab
import ternlab

lab = ternlab.Tap()
TEXTS = [b'From: ann@example.org\nSubject: %d\n\n' % n + b'a line of message %d\n' % n * 3000
         for n in range(2)]
ID = 1700000000123456
REFUSED = spoollab.event(b'failed', b'0', b'no such user', b'mx.example.net', b'192.0.2.1')
ENTRIES = [spoollab.entry(text, b'ann@example.org', [b'bob@example.net']) for text in TEXTS]


def run(home, prefix, wanted=range(2)):
    """The letters of the answers, by the number of the message."""
    letters = {}
    with faultlab.asked(prefix, 'tern-bounce', home.path) as ours:
        for n in wanted:
            fds = []
            for name, data in (('entry', ENTRIES[n]), ('history', REFUSED)):
                with open(os.path.join(home.path, name), 'wb') as f:
                    f.write(data)
                fds.append(os.open(f.name, os.O_RDONLY))
            try:
                socket.send_fds(ours, [b'%d\0F\0' % (ID + n)], fds)
                packet = ours.recv(2000)
            except ConnectionError:
                break
            finally:
                for fd in fds:
                    os.close(fd)
            if not packet:
                break
            number, text = packet.split(b'\0')[:2]
            if int(number) == ID + n:
                letters[n] = text[:1]
    return letters


def notices(home):
    """How many notices of each message are queued; -1 when one is not whole."""
    counts = [0, 0]
    home.settle()  # what was said by a program that is gone may still be on its way
    while not home.is_idle():
        got = home.take()
        of = [n for n, text in enumerate(TEXTS) if text in got.message]
        boundary = got.message.partition(b'boundary="')[2].partition(b'"')[0]
        if len(of) != 1 or got.recipients != [b'ann@example.org'] or got.sender != b'' or \
                not got.message.endswith(b'--' + boundary + b'--\n') or \
                b'bob@example.net' not in got.message or b'no such user' not in got.message:
            return -1
        counts[of[0]] += 1
    return counts


def judge(point):
    with fakequeue.FakeHome(me='host.test', bouncemaxbytes='1000000') as home:
        letters = run(home, faultlab.inject(point))
        if point.name == 'short' and letters != {0: b'K', 1: b'K'}:
            return f'{letters}: short and interrupted calls are no fault'
        if b'D' in letters.values():
            return 'nobody is told, by a fault of ours'
        first = notices(home)
        if first == -1:
            return 'I2: a notice that is not whole'
        for n in range(2):
            if letters.get(n) == b'K' and first[n] != 1:
                return f'{first[n]} notices, but it says K'
            if first[n] > 1:
                return f'I5: {first[n]} notices'
        again = [n for n in range(2) if letters.get(n) != b'K']
        if run(home, [], again) != {n: b'K' for n in again}:
            return 'I7: not queued when asked for again'
        return None if notices(home) == [n in again for n in range(2)] else 'I5: then'


def good(prefix):
    with fakequeue.FakeHome(me='host.test', bouncemaxbytes='1000000') as home:
        lab.equal((run(home, prefix), notices(home)), ({0: b'K', 1: b'K'}, [1, 1]),
                  'without a fault')


faultlab.sweeps(lab, 'tern-bounce', good, judge, syscall=100, malloc=30, short=6)
lab.end()
