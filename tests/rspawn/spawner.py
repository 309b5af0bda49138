#!/usr/bin/python3
"""tern-rspawn makes workers on request, sees how they end, and dies of nothing but its own
master's mistakes."""
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile

import ternlab
from remotelab import Home, Peer, Worker, matches

tap = ternlab.Tap()


class Spawner:
    def __init__(self, home):
        self.home, self.number = home, 0
        self.errors = tempfile.TemporaryFile(dir=home.path)
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(ternlab.PATIENCE)
        with theirs:
            self.process = subprocess.Popen(
                [os.path.join(ternlab.BIN, 'tern-rspawn')], stdin=theirs, cwd=home.path,
                stderr=self.errors, env=dict(os.environ, TERN_SECRET='x'))

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.end()

    def end(self):
        self.socket.close()
        code = self.process.wait(ternlab.PATIENCE)
        return code

    def request(self, destination):
        """Returns the verdict, the text and the worker's socket or None."""
        self.number += 1
        self.socket.send(f'{self.number}\0{destination}\0'.encode())
        packet, fds, _, _ = socket.recv_fds(self.socket, 5000, 1)
        number, text = packet.decode().split('\0')[:2]
        assert int(number) == self.number
        return text[0], text[1:], socket.socket(fileno=fds[0]) if fds else None

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def children(self):
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children') as f:
            return [int(pid) for pid in f.read().split()]


class Made(Worker):
    """A worker that tern-rspawn has made."""

    def __init__(self, home, its_socket, destination):
        self.home, self.socket, self.destination, self.number = home, its_socket, destination, 0
        its_socket.settimeout(ternlab.PATIENCE)


def home_with(peer=None, program='tern-remote'):
    home = Home(smtproutes=f':127.0.0.1:{peer.port}') if peer else Home()
    os.mkdir(os.path.join(home.path, 'bin'))
    if program:
        os.symlink(os.path.join(ternlab.BIN, program), os.path.join(home.path, 'bin/tern-remote'))
    return home


with Peer({}) as peer, home_with(peer) as home, Spawner(home) as spawner:
    workers = []
    for destination in ('example.net', '-w', '[192.0.2.1]'):
        verdict, text, its_socket = spawner.request(destination)
        tap.equal((verdict, text, its_socket is not None), ('K', '', True),
                  f'a worker for {destination}')
        workers.append(Made(home, its_socket, destination))
    for worker in workers:
        answers = worker.deliver(['a@example.net'])
        tap.ok(matches(answers, 'K', 'accepted'), f'that for {worker.destination} delivers')
        worker.socket.close()
    ternlab.wait_until(lambda: not spawner.children(), 'the end of the workers')
    tap.equal(spawner.log(), '', 'nothing to say of workers that end well')

    _, _, its_socket = spawner.request('example.org')
    pid = spawner.children()[0]
    ternlab.wait_until(lambda: ternlab.Instance.name_of(pid) == 'tern-remote', 'its exec')
    with open(f'/proc/{pid}/environ', 'rb') as f:
        tap.ok(b'TERN_SECRET' not in f.read(), 'a worker has no environment of ours')
    # It may just be reading a setting.
    ternlab.wait_until(lambda: sorted(os.listdir(f'/proc/{pid}/fd')) == ['0', '1', '2'],
                       'a worker without other descriptors')
    tap.ok(True, 'nor other descriptors')
    os.kill(pid, signal.SIGKILL)
    ternlab.wait_until(lambda: spawner.log(), 'the log')
    tap.ok(re.fullmatch(r'tern-rspawn: warning: worker \d+ for example.org was ended by signal 9\n',
                        spawner.log()), 'a worker that is killed is told of')
    tap.equal(its_socket.recv(10), b'', 'and its socket closed')
    its_socket.close()
    tap.equal(spawner.request('x' * 1002)[0], 'K', 'a destination at the limit')
    tap.equal(spawner.end(), 0, 'exit 0 when its master is gone')

with home_with() as home, Spawner(home) as spawner:
    _, _, its_socket = spawner.request('example.org')
    its_socket.send(b'junk')
    ternlab.wait_until(lambda: 'exited' in spawner.log(), 'the log')
    tap.ok(re.search(r'warning: worker \d+ for example.org exited 100\n', spawner.log()),
           'a worker that fails is told of')
    its_socket.close()
    # Not much lower: with other tests' descriptors on their way it may be ours that is one too many.
    resource.prlimit(spawner.process.pid, resource.RLIMIT_NOFILE, (100, 100))
    held = [spawner.request('example.org')[2] for _ in range(120)]
    tap.ok(None not in held, 'it keeps no socket of its workers')
    for its_socket in held:
        its_socket.close()
    resource.prlimit(spawner.process.pid, resource.RLIMIT_NOFILE, (3, 100))
    verdict, text, its_socket = spawner.request('example.org')
    tap.ok(verdict == 'T' and 'Unable to start a worker' in text and '(#4.3.0)' in text,
           'no descriptor left: trouble, and it says so')
    resource.prlimit(spawner.process.pid, resource.RLIMIT_NOFILE, (100, 100))
    verdict, text, its_socket = spawner.request('example.org')
    tap.equal(verdict, 'K', 'and goes on afterwards')
    its_socket.close()

with home_with(program=None) as home, Spawner(home) as spawner:
    verdict, text, its_socket = spawner.request('example.org')
    tap.ok(its_socket.recv(10) == b'', 'without the program the socket closes')
    ternlab.wait_until(lambda: 'exited' in spawner.log(), 'the log')
    tap.ok('unable to run bin/tern-remote: No such file' in spawner.log() and
           'exited 111' in spawner.log(), 'and the log says why')
    its_socket.close()

for name, packet in (('no request', b'junk'), ('no destination', b'1\0\0'),
                     ('a destination over the limit', b'1\0' + b'x' * 1003 + b'\0'),
                     ('too long a packet', b'1' * 5000), ('more than a request', b'1\0a\0b\0')):
    with home_with() as home, Spawner(home) as spawner:
        spawner.socket.send(packet)
        tap.equal(spawner.process.wait(ternlab.PATIENCE), 100, f'exit 100: {name}')
        tap.ok('is not a request' in spawner.log(), f'and it says so: {name}')
tap.end()
