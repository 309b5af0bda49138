#!/usr/bin/python3
"""tern-remote with faults: what it reports as delivered was taken by the server, whole; only
what the server refused fails; all else is delivered by one more try."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import remotelab
import ternlab

lab = ternlab.Tap()
TEXTS = [b'Subject: %d\n\n.\n' % n + b'a line of message %d\n' % n * 4000 for n in range(2)]
WIRE = [text.replace(b'\n.', b'\n..').replace(b'\n', b'\r\n') + b'.\r\n' for text in TEXTS]
SCRIPT = {'EHLO': remotelab.PIPELINING, 'RCPT': [b'250 ok\r\n', b'550 5.1.1 no\r\n']}
PEOPLE = ['good@example.net', 'bad@example.net']


def run(home, prefix, wanted=range(2)):
    """The verdicts on each message, one a recipient; '' where there is no report."""
    found = ['', '']
    with remotelab.Worker(home, tool=prefix, errors=open(os.devnull)) as worker:
        worker.socket.settimeout(2 * ternlab.PATIENCE)
        for n in wanted:
            try:
                found[n] = ''.join(a.verdict for a in worker.deliver(PEOPLE, text=TEXTS[n]))
            except (RuntimeError, ConnectionError):
                break
    return found


class World:
    """Two relays, the first of which is down, which is remembered."""

    def __init__(self):
        self.down = socket.socket()
        self.down.bind(('127.0.0.1', 0))
        self.peer = remotelab.Peer({**SCRIPT, 'RCPT': [b'250 ok\r\n', b'550 5.1.1 no\r\n'] * 8})
        self.home = remotelab.Home(
            smtproutes=f':127.0.0.1:{self.down.getsockname()[1]},127.0.0.1:{self.peer.port}',
            timeoutremote='10', timeoutconnect='10')
        os.makedirs(os.path.join(self.home.path, 'run/remote'))
        with open(os.path.join(self.home.path, 'run/remote/health'), 'w'):
            pass

    def __enter__(self):
        self.peer.__enter__()
        return self

    def __exit__(self, *rest):
        self.peer.__exit__()
        self.home.__exit__()
        self.down.close()

    def taken(self):
        """How often each text was taken; -1 when one was that is not whole."""
        whole = [text for text in self.peer.texts if text.endswith(b'\r\n.\r\n')]
        if any(text not in WIRE for text in whole):
            return -1
        return [whole.count(text) for text in WIRE]


def judge(point):
    with World() as world:
        first = run(world.home, faultlab.inject(point))
        taken = world.taken()
        if taken == -1:
            return 'I2: the server took what is not the message'
        if point.name == 'short' and first != ['KD', 'KD']:
            return f'{first}: short and interrupted calls are no fault'
        for n in range(2):
            if first[n][:1] == 'K' and not taken[n]:
                return 'I1: delivered, but the server has not taken it'
            if first[n][:1] == 'D' or taken[n] > 1:
                return f'{first[n]}, taken {taken[n]} times'
        again = [n for n in range(2) if first[n][:1] != 'K']
        then = run(world.home, [], again)
        if any(then[n] != 'KD' for n in again):
            return f'I7: then {then}'
        total = world.taken()
        if total == -1 or any(not 1 <= count <= 2 for count in total):
            return f'I4: {total}'
        return None


def good(prefix):
    with World() as world:
        lab.equal((run(world.home, prefix), world.taken()), (['KD', 'KD'], [1, 1]),
                  'without a fault')


faultlab.sweeps(lab, 'tern-remote', good, judge, syscall=120, malloc=40, short=8)
lab.end()
