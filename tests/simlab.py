"""tern-send with a clock of ours (tests/fault/simulated.c): days pass in no time, nothing is
waited for, and the same calls in the same order give the same run.

    with simlab.World() as world:
        id = world.put('m', b'Subject: x\\n\\nhello\\n', b's@from.test', [b'joe@r.test'])
        with world.send(worker=Worker) as send:
            send.settle()           # until it has nothing to do
            send.advance(300)       # five minutes later
"""
import mmap
import os
import select
import socket
import struct
import subprocess
import time

import sendlab
import spoollab
import ternlab

FOREVER = 2**63 - 1
ENDED = 137
SETTLE_ROUNDS = 20000
PATIENCE = 60  # seconds, for an answer of a program that is never idle
START = 2100000000  # when a world begins: later than any clock that a kernel goes by


def library():
    """tests/fault/simulated.c, compiled when it is not."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fault', 'simulated.c')
    path = os.path.join(ternlab.BUILD, 'tests', 'fault', 'simulated.so')
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        own = f'{path}.{os.getpid()}'
        subprocess.run(['cc', '-O1', '-shared', '-fPIC', '-o', own, source, '-ldl'], check=True)
        os.rename(own, path)
    return path


class Clock:
    """The two clocks of a world, in seconds since 1970 and since some time."""
    WALL, MONOTONIC, END_AT, CALLS = range(4)

    def __init__(self, path):
        with open(path, 'wb') as f:
            f.write(bytes(64))
        with open(path, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), 64)
        self[self.WALL] = START * 1000000
        self[self.MONOTONIC] = 5000 * 1000000

    def __getitem__(self, word):
        return struct.unpack_from('=Q', self.map, 8 * word)[0]

    def __setitem__(self, word, value):
        struct.pack_into('=Q', self.map, 8 * word, value)

    @property
    def now(self):
        return self[self.WALL] // 1000000

    @property
    def monotonic(self):
        return self[self.MONOTONIC] / 1000000

    def advance(self, seconds):
        for word in (self.WALL, self.MONOTONIC):
            self[word] += round(seconds * 1000000)

    def jump(self, seconds):
        """The wall clock alone is set."""
        self[self.WALL] += round(seconds * 1000000)


class World(sendlab.World):
    def __init__(self, **control):
        super().__init__(**control)
        self.clock = Clock(self.file('clock'))
        self.next_id = self.clock[Clock.WALL] - 1000000000
        self.used = set()  # ids: no two messages have one, not even one after the other
        os.makedirs(self.file('run/send'))

    def __exit__(self, *rest):
        self.clock.map.close()
        super().__exit__(*rest)

    def send(self, **options):
        return Send(self, **options)

    def arrive(self, message, sender, recipients, data=None):
        """A message comes now, and nobody is told."""
        id = self.clock[Clock.WALL]
        while id in self.used:
            id += 1
        self.used.add(id)
        self.put(None, message, sender, recipients, id=id, data=data)
        os.utime(self.mess(id), (self.clock.now, self.clock.now))
        return id


class Spins(Exception):
    """A program that is never done."""


class Send(sendlab.Send):
    """One life. Nothing happens but in settle."""

    def __init__(self, world, env=None, **options):
        self.ours, theirs = sendlab.pair()
        super().__init__(world, env={'LD_PRELOAD': library(), 'SIM_SOCKET': '9',
                                     'SIM_CLOCK': world.file('clock'), **(env or {})},
                         descriptors={9: theirs}, **options)
        self.until = FOREVER  # when it would go on by itself: milliseconds of its clock
        self.asked = []       # (client's socket, what is to be done with the answer)

    def close(self):
        self.ours.close()
        super().close()

    def ask(self):
        """Lets it run until it has nothing to do; returns whether it lives."""
        end = time.monotonic() + PATIENCE
        try:
            self.ours.send(b'?')
            while not (ready := select.select([self.ours, self.log_in], [], [], PATIENCE)[0]) or \
                    self.ours not in ready:
                self.read_log()  # a full pipe would stop it
                if time.monotonic() > end:
                    raise Spins(self.log[-500:])
            answer = self.ours.recv(8)
        except ConnectionError:
            answer = b''
        if len(answer) == 8:
            self.until = struct.unpack('=q', answer)[0]
            return True
        self.reap()
        return False

    def sources(self):
        found = {self.lspawn.fileno(): lambda: self.spawn(sendlab.LOCAL, self.lspawn),
                 self.rspawn.fileno(): lambda: self.spawn(sendlab.REMOTE, self.rspawn),
                 self.bounce.fileno(): self.make_bounce, self.log_in: self.read_log}
        if self.clean_in is not None:
            found[self.clean_in] = self.clean
        if not self.is_ready:
            found[self.ready_in] = self.read_ready
        for worker in self.workers:
            found[worker.fileno()] = worker.ready
        return found

    def play(self):
        """Whatever tern-send has said is heard, once; returns whether there was something."""
        sources = self.sources()
        poll = select.poll()
        for fd in sources:
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(0)]
        heard = False
        for fd in sorted(ready, key=list(sources).index):
            source = sources[fd]
            owner = getattr(source, '__self__', None)
            if isinstance(owner, sendlab.Worker) and owner not in self.workers:
                continue
            if source() is not False and fd != self.log_in:
                heard = True
        return heard

    def settle(self):
        """Until it has nothing to do, and nobody has anything to say. Returns whether it lives."""
        for _ in range(SETTLE_ROUNDS):
            if self.code is not None or not self.ask():
                self.drain()
                return False
            if not self.play():
                return True
        raise Spins('no end: ' + self.log[-500:].decode())

    def drain(self):
        """What it said before it ended."""
        for fd, source in self.sources().items():
            if fd not in (self.lspawn.fileno(), self.rspawn.fileno()):
                while select.select([fd], [], [], 0)[0] and source() not in (False, None):
                    pass

    def advance(self, seconds):
        """Time passes, and tern-send wakes up each time it wants to."""
        clock = self.world.clock
        end = clock[Clock.MONOTONIC] + round(seconds * 1000000)
        alive = self.settle()
        while alive and clock[Clock.MONOTONIC] < end:
            step = min(end, max(self.until * 1000, clock[Clock.MONOTONIC] + 1000)) \
                - clock[Clock.MONOTONIC]
            clock.advance(step / 1000000)
            alive = self.settle()
        return alive

    def step(self):
        """To the next time at which tern-send wants to do something."""
        clock = self.world.clock
        if self.until != FOREVER:
            clock.advance(max(self.until * 1000 - clock[Clock.MONOTONIC], 1000) / 1000000)
        return self.settle()

    def request(self, word, *ids):
        """A tool's question to the control socket, and the answer; None: it has ended."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(PATIENCE)
            try:
                s.connect(self.world.file('run/send/socket'))
                s.send(sendlab.field(word, *ids))
                while not select.select([s], [], [], 0)[0]:
                    if not self.ask():
                        return None
                return s.recv(sendlab.PACKET) or None
            except ConnectionError:
                return None


def history(world, id):
    """The lines of a history: (time, word, attempt, numbers of recipients, next, text)."""
    try:
        with open(world.mess(id, 'hist'), 'rb') as f:
            data = f.read()
    except FileNotFoundError:
        return []
    return lines(data)


def lines(data):
    found = []
    for line in data.split(b'\n')[:-1]:
        crc, _, rest = line.partition(b' ')
        if crc != b'%08x' % spoollab.crc32c(rest) or len(rest) < 8:
            continue
        time, word, attempt, ranges, next, _, _, text = rest.split(b' ', 7)
        numbers = []
        for piece in ranges.split(b','):
            first, _, last = piece.partition(b'-')
            numbers += range(int(first), int(last or first) + 1)
        found.append((int(time), word.decode(), int(attempt), numbers, int(next), text))
    return found
