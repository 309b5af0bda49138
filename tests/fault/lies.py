#!/usr/bin/python3
"""tern-send and workers that lie to it: it goes on, wastes no processor, mixes nothing up,
and what the liar had is tried again by an honest one."""
import fcntl
import os
import re
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import spoollab
import ternlab
from sendlab import field

lab = ternlab.Tap()
SECONDS = ternlab.PATIENCE
EVIL, GOOD = b'evil@here.test', b'good@here.test'
LINE = re.compile(
    r'new msg \d+|info msg \d+: bytes \d+ from <[!-~]*> qp \d+ uid \d+|end msg \d+|'
    r'starting delivery \d+: msg \d+ to (local|remote) [!-~]+|'
    r'delivery \d+: (success|deferral|failure): [!-~]*|delivery \d+: report mangled, will defer|'
    r'attempt msg \d+: delivery \d+ recipients \d+ host [!-~]+ address [!-~]+( [a-z]+ \d+){6}|'
    r'status: local \d+/\d+ remote \d+/\d+( exitasap)?|status: exiting|'
    r'(bounce msg \d+ qp \d+|bounce of msg \d+ is msg \d+)|(alert|warning): [ -~]+')


def report(job, *verdicts, number=None, host=b'h', address=b'a'):
    return field(number if number is not None else job[0], host, address, *verdicts)


# What a lying worker says to a job with one recipient, instead of the truth.
SAYINGS = {
    'another job': lambda j: report(j, b'Kx', number=int(j[0]) + 1),
    'the job before': lambda j: report(j, b'Kx', number=int(j[0]) - 1),
    'job 0': lambda j: report(j, b'Kx', number=0),
    'a negative job': lambda j: report(j, b'Kx', number=-1),
    'a job of 30 digits': lambda j: report(j, b'Kx', number=10 ** 29),
    'a job that is no number': lambda j: report(j, b'Kx', number=b'1x'),
    'no verdict': lambda j: report(j),
    'facts that are none': lambda j: report(j, b'Kx', b'A', b'x'),
    'a port over the limit': lambda j: report(j, b'Kx', b'A', 65536, 250, 0, 0, 0, 0),
    'two verdicts': lambda j: report(j, b'Kx', b'Kx'),
    '100 verdicts': lambda j: report(j, *[b'Kx'] * 100),
    '101 verdicts': lambda j: report(j, *[b'Kx'] * 101),
    '5000 verdicts': lambda j: report(j, *[b'K'] * 5000),
    'a verdict without a letter': lambda j: report(j, b''),
    'an unknown verdict': lambda j: report(j, b'Xx'),
    'a small letter': lambda j: report(j, b'kx'),
    'a text of 513 bytes': lambda j: report(j, b'K' + b'x' * 513),
    'a host of 513 bytes': lambda j: report(j, b'Kx', host=b'h' * 513),
    'no NUL at the end': lambda j: report(j, b'Kx')[:-1],
    'one byte': lambda j: b'x',
    'one NUL': lambda j: b'\0',
    'random bytes': lambda j: bytes(range(256)) * 10,
    '128 KiB': lambda j: report(j, b'K' + b'x' * 128 * 1024),
    '190 KiB': lambda j: b'1' * 190 * 1024,
    'another form': lambda j: report(j, b'Kx') + b'y\0',
}


class Liar(sendlab.Worker):
    """Honest to all but the evil destination."""

    def work(self, job, fd):
        if self.destination != EVIL:
            super().work(job, fd)
            return
        os.close(fd)
        self.send.world.lies += 1
        self.lie(job)


def saying(words):
    class Says(Liar):
        def lie(self, job):
            self.say(words(job))
    return Says


class Truncates(Liar):
    """Each report cut at another place."""
    at = 0

    def lie(self, job):
        words = report(job, b'Kok')
        Truncates.at = (Truncates.at + 1) % len(words)
        self.say(words[:Truncates.at] or b'\0')


class Floods(Liar):
    """Right and wrong reports without end, as many as go in."""

    def lie(self, job):
        for _ in range(2000):
            if not self.say(report(job, b'Zflood')):
                break


class FloodsBefore(Liar):
    """Reports before there is a job."""

    def __init__(self, *args):
        super().__init__(*args)
        if self.destination == EVIL:
            for number in range(200):
                self.say(field(number, b'', b'', b'Kx'))

    def lie(self, job):
        self.close()


class Descriptors(Liar):
    """A right report, with descriptors."""

    def lie(self, job):
        self.say(report(job, b'Zwith descriptors'), fds=[0, 0, 0, 0])


class ManyDescriptors(Liar):
    def lie(self, job):
        self.say(report(job, b'Zwith descriptors'), fds=[0] * 250)


class Closes(Liar):
    def lie(self, job):
        self.close()


class ClosesAtOnce(Liar):
    """Gone before the first job."""

    def __init__(self, *args):
        super().__init__(*args)
        self.gone = self.destination == EVIL
        if self.gone:
            self.socket.shutdown(socket.SHUT_RDWR)

    def lie(self, job):
        self.close()


class ClosesAfter(Liar):
    """A report, and gone."""

    def lie(self, job):
        self.say(report(job, b'Zgone'))
        self.close()


class Names(Liar):
    """Texts that would be lines of the log or of the history."""

    def lie(self, job):
        self.say(report(job, b'Z\nend msg 1\n\x1b[2Jend %s%d\xff\x7f', host=b'-\n- x',
                        address=b'\n12345678 1 delivered 1 0 0 - - x\n'))


LIARS = {name: saying(words) for name, words in SAYINGS.items()}
LIARS |= {'reports cut at each length': Truncates, 'reports without end': Floods,
          'reports before the job': FloodsBefore, 'four descriptors': Descriptors,
          '250 descriptors': ManyDescriptors, 'closing instead': Closes,
          'closing before': ClosesAtOnce, 'closing after': ClosesAfter,
          'texts like lines': Names}
DEFERRED = ('four descriptors', 'closing after', 'texts like lines', 'reports without end')


def lie(name):
    """What is wrong when the workers of one destination lie so."""
    evil, good = (60 if name == 'reports cut at each length' else 8), 8
    with sendlab.World() as world:
        world.lies = 0
        for n in range(evil):
            world.put(f'e{n}', b'Subject: evil\n\nx\n', b's@from.test', [EVIL])
            if n < good:
                world.put(f'g{n}', b'Subject: good\n\nx\n', b's@from.test', [GOOD])
        with world.send(worker=LIARS[name]) as send:
            send.run(send.quiet(0.3), SECONDS)
            files = len(os.listdir(f'/proc/{send.child.pid}/fd'))
            alive = send.code is None
            late = world.put('late', b'Subject: late\n\nx\n', b's@from.test', [GOOD])
            world.trigger(late)
            came = send.run(lambda: world.delivered[late, GOOD], SECONDS)
            send.signal(signal.SIGTERM)
            send.run(lambda: send.code is not None, SECONDS)
        log, code, usage = send.log.decode('latin-1'), send.code, send.usage
        if not alive or code != 0:
            return f'tern-send ended with {code}: {log[-300:]}'
        if not came:
            return 'a later message of another destination does not come through'
        if faultlab.processor_seconds(usage) > 1:
            return f'{faultlab.processor_seconds(usage):.1f} s of processor'
        if files > 40:
            return f'{files} descriptors'
        odd = [line for line in log.splitlines() if not LINE.fullmatch(line)]
        if odd:
            return f'in the log: {odd[:3]!r}'
        if len(world.names()) < evil:
            return f'{evil - len(world.names())} messages of the liar count as done'
        if any(len(world.delivered[world.ids[f"g{n}"], GOOD]) != 1 for n in range(good)):
            return 'a message of another destination did not come once'
        return sendlab.recover(world) or world.violations(extra=0)


class DoesNotRead(sendlab.Worker):
    """Reads its first job alone."""

    def ready(self):
        job = self.receive()
        if job:
            self.number = int(job[0][0])
            os.close(job[1])
            self.send.workers.remove(self)
            self.send.world.kept.append(self)


def does_not_read():
    """Jobs that are reported when they are given, and not read: a socket that is full must not
    stop tern-send."""
    with sendlab.World(concurrencyremote='1') as world:
        world.kept = []
        people = [b'%d' % n + b'x' * 900 + b'@evil.test' for n in range(100)]
        for n in range(20):
            world.put(f'e{n}', b'x\n', b's@from.test', people)
        with world.send(worker=DoesNotRead) as send:
            send.run(lambda: world.kept, SECONDS)
            for n in range(40):
                given = (n + 1) * len(people)
                if not send.run(lambda: send.log.count(b'starting delivery') >= given, 2):
                    break
                world.kept[0].say(field(world.kept[0].number + n, b'', b'', *[b'Zno'] * 100))
            send.worker_type = sendlab.Worker
            late = world.put('late', b'x\n', b's@from.test', [GOOD])
            world.trigger(late)
            came = send.run(lambda: world.delivered[late, GOOD], SECONDS)
            for worker in world.kept:
                worker.socket.close()
        return bool(came)


class Hangs(Liar):
    """Keeps its job for ever."""

    def lie(self, job):
        pass


def hangs():
    """One local address must not have all places of its channel."""
    with sendlab.World() as world:
        world.lies = 0
        for n in range(60):
            world.put(f'e{n}', b'x\n', b's@from.test', [EVIL])
        with world.send(worker=Hangs) as send:
            send.run(send.quiet(0.3), SECONDS)
            late = world.put('late', b'x\n', b's@from.test', [GOOD])
            world.trigger(late)
            return bool(send.run(lambda: world.delivered[late, GOOD], SECONDS))


class LyingSend(sendlab.Send):
    """The spawners, tern-clean and tern-bounce, which tern-send trusts to keep to their
    protocols: it must not go on as if they had."""
    lie = None

    def spawn(self, channel, sock):
        if self.lie and self.lie[0] == 'spawn':
            try:
                packet = sock.recv(sendlab.PACKET)
                if packet:
                    sock.send(self.lie[1](sendlab.fields(packet)))
            except ConnectionError:  # tern-send ended over the lie before
                return False
            return bool(packet)
        return super().spawn(channel, sock)

    def clean_answer(self, mark, id):
        answer = super().clean_answer(mark, id)
        return self.lie[1](answer) if self.lie and self.lie[0] == 'clean' else answer

    def bounce_answer(self, id):
        return self.lie[1](id) if self.lie and self.lie[0] == 'bounce' else \
            super().bounce_answer(id)


PEERS = {
    'a spawner: another number': ('spawn', lambda f: field(int(f[0]) + 1, b'K')),
    'a spawner: no socket': ('spawn', lambda f: field(f[0], b'K')),
    'a spawner: garbage': ('spawn', lambda f: b'garbage'),
    'a spawner: no letter': ('spawn', lambda f: field(f[0], b'')),
    'tern-clean: another answer': ('clean', lambda answer: b'?'),
    'tern-clean: two answers': ('clean', lambda answer: answer * 2),
    'tern-bounce: another message': ('bounce', lambda id: field(id + 1, b'Kx')),
    'tern-bounce: garbage': ('bounce', lambda id: b'garbage'),
    'tern-bounce: no letter': ('bounce', lambda id: field(id, b'')),
}


def peer(name):
    with sendlab.World() as world:
        world.put('a', b'x\n', b's@from.test', [GOOD])
        world.put('b', b'x\n', b's@from.test', [b'never@here.test'])
        with LyingSend(world) as send:
            send.lie = PEERS[name]
            send.run(send.quiet(0.5), SECONDS)
            if send.code is None:
                send.signal(signal.SIGKILL)
            elif send.code != 111:
                return f'ended with {send.code}'
        return sendlab.recover(world) or world.violations(extra=1)


class Refuses(sendlab.Send):
    """Spawners that have no workers now."""
    requests = 0

    def spawn(self, channel, sock):
        packet = sock.recv(sendlab.PACKET)
        if packet:
            self.requests += 1
            sock.send(field(sendlab.fields(packet)[0], b'Tno worker now'))


def refuses():
    """How many workers are asked for, for ten messages of one destination, in three seconds."""
    with sendlab.World() as world:
        for n in range(10):
            world.put(f'm{n}', b'x\n', b's@from.test', [b'a@r1.test'])
        with Refuses(world) as send:
            send.run(lambda: send.requests, SECONDS)
            send.run(send.quiet(0.5), 3)
            return send.requests


faultlab.sweep(lab, 'lies', 'tern-send', [*LIARS], lie, sample=len(LIARS))
faultlab.sweep(lab, 'lies-peers', 'tern-send', [*PEERS], peer, sample=len(PEERS))
lab.ok(does_not_read(), 'a worker that reports jobs which it does not read stops nobody else')
def few_descriptors():
    """300 destinations, 64 descriptors: all is delivered in the end. What can not be handed over
    because too many descriptors of this user are under way, whoever's they are, is tried again
    some minutes later, or when someone says so."""
    with sendlab.World() as world:
        for n in range(300):
            world.put(f'm{n}', b'x\n', b's@from.test', [b'a@r%d.test' % n])
        with world.send(prefix=['prlimit', '--nofile=64']) as send:
            for _ in range(20):
                if not send.run(world.is_empty, SECONDS / 20):
                    send.signal(signal.SIGALRM)
            return world.is_empty()


asked = refuses()
lab.ok(1 <= asked <= 30, f'for ten messages that get no worker {asked} are asked for')
lab.ok(few_descriptors(), 'with 64 descriptors all is delivered')
lab.ok(hangs(), 'workers that keep their jobs leave places to others')
lab.end()
