#!/usr/bin/python3
"""tern-lspawn and tern-rspawn with faults: whoever asks for a worker gets one that works, or
hears "not now", or the spawner ends; nothing is final, and in peace all is delivered."""
import array
import functools
import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import locallab
import remotelab
import ternlab

lab = ternlab.Tap()
TEXTS = [b'Subject: %d\n\na line\n' % n for n in range(2)]


def fields(*values):
    return b''.join((v if isinstance(v, bytes) else str(v).encode()) + b'\0' for v in values)


def receive(sock):
    """A packet as fields, and its descriptors; no fields when the other side is gone."""
    try:
        packet, fds, _, _ = socket.recv_fds(sock, 200000, 4)
    except ConnectionError:
        packet, fds = b'', []
    return packet.split(b'\0')[:-1], fds


def job(worker, number, destination, text):
    """One message to a worker; the letter of its report, '' when it is gone."""
    with remotelab.tempfile.TemporaryFile() as f:
        f.write(text)
        f.flush()
        packet = fields(number, 1700000000000001 + number, len(text), 0, 0, destination, b's@far.test',
                        destination if b'@' in destination else b'x@' + destination)
        try:
            worker.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                       array.array('i', [f.fileno()]))])
        except ConnectionError:
            return ''
        said, _ = receive(worker)
    return said[3][:1].decode() if len(said) > 3 else ''


class Home:
    """Where the workers deliver to."""

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.home.__exit__()

    def life(self, prefix, wanted=range(2)):
        """Two workers, a message for each: the letters of answer and report."""
        letters = ['', '']
        with faultlab.asked(prefix, self.program, self.path, **self.identity) as ours:
            for n in wanted:
                try:
                    ours.send(fields(n + 1, self.destinations[n]))
                except ConnectionError:
                    break
                said, fds = receive(ours)
                if not said:
                    break
                letters[n] = said[1][:1].decode()
                if len(fds) != (letters[n] == 'K') or int(said[0]) != n + 1:
                    raise RuntimeError(f'{said} with {len(fds)} descriptors')
                if fds:
                    with socket.socket(fileno=fds[0]) as worker:
                        worker.settimeout(ternlab.PATIENCE)
                        letters[n] += job(worker, n + 1, self.destinations[n], TEXTS[n])
        return letters


class Local(Home):
    program, identity = 'tern-lspawn', locallab.AS_USER
    destinations = [b'box@here.test', b'box-more@here.test']

    def __init__(self):
        self.home = user = locallab.User()  # its home of tern is ours
        self.path = user.tern
        for name in ('control', 'run/lookup', 'alias', 'alias/box', 'alias/box/tmp',
                     'alias/box/new', 'alias/box/cur'):
            os.mkdir(os.path.join(self.path, name))
            user.own(os.path.join(self.path, name))
        shutil.copytree(ternlab.BIN, os.path.join(self.path, 'bin'), symlinks=True)
        for name, text in (('control/me', 'here.test\n'), ('alias/.qmail-default', './box/\n')):
            user.own(user.write(os.path.join(self.path, name), text))

    def taken(self):
        folder = os.path.join(self.path, 'alias/box/new')
        texts = [open(os.path.join(folder, name), 'rb').read() for name in os.listdir(folder)]
        return [sum(got.endswith(text) for got in texts) for text in TEXTS]


class Remote(Home):
    program, identity = 'tern-rspawn', {}
    destinations = [b'one.test', b'two.test']

    def __init__(self):
        self.peer = remotelab.Peer({})
        self.peer.__enter__()
        self.home = remotelab.Home(smtproutes=f':127.0.0.1:{self.peer.port}', timeoutremote='10')
        self.path = self.home.path
        os.symlink(ternlab.BIN, os.path.join(self.path, 'bin'))

    def __exit__(self, *rest):
        self.peer.__exit__()
        super().__exit__()

    def taken(self):
        return [sum(got.endswith(text.replace(b'\n', b'\r\n') + b'.\r\n')
                    for got in self.peer.texts) for text in TEXTS]


def judge(kind, point):
    with kind() as home:
        letters = home.life(faultlab.inject(point))
        if any('D' in said for said in letters):
            return f'{letters}: final, by a fault of ours'
        if point.name == 'short' and letters != ['KK', 'KK']:
            return f'{letters}: short and interrupted calls are no fault'
        first = home.taken()
        for n in range(2):
            if first[n] > 1 or first[n] < (letters[n] == 'KK'):
                return f'{letters}, taken {first}'
        again = [n for n in range(2) if letters[n] != 'KK']
        then = home.life([], again)
        if any(then[n] != 'KK' for n in again):
            return f'I7: then {then}'
        return None if all(1 <= count <= 2 for count in home.taken()) else f'I1: {home.taken()}'


def good(kind, prefix):
    with kind() as home:
        lab.equal((home.life(prefix), home.taken()), (['KK', 'KK'], [1, 1]), 'without a fault')


for kind in (Local, Remote):
    faultlab.sweeps(lab, kind.program, functools.partial(good, kind), functools.partial(judge, kind),
                    syscall=40, malloc=10, short=3)
lab.end()
