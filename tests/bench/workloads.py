"""The workloads. Each gets a running room and says what came out, as a dictionary."""
import ctypes
import mmap
import os
import select
import socket
import statistics
import struct
import subprocess
import time

from room import FIRST_LOCAL_UID, LOCAL_USERS, folder
from systems import BACKLOG_DOMAIN, PORT

PATIENCE = 120  # seconds that a run may take in all
SOURCE_PORT = f'127.0.0.1:{PORT}'
DELAY = 200     # milliseconds, in the slow world


class Trouble(Exception):
    """A run that gives no figure."""


class Tally:
    """What a tool counts (tally.h)."""
    FIELDS = ('ready', 'connections', 'messages', 'recipients', 'failures', 'first', 'last', 'slots')

    def __init__(self, path):
        wait(lambda: os.path.exists(path) and os.path.getsize(path) >= 64, f'{path}', 10)
        with open(path, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), 0)
        wait(lambda: self.ready, 'a tool to be ready', 10)

    def __getattr__(self, name):
        return struct.unpack_from('=Q', self.map, 8 * self.FIELDS.index(name))[0]

    def times(self):
        return struct.unpack_from(f'={self.slots}Q', self.map, 64)


def wait(condition, what, seconds=PATIENCE, step=0.004):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Trouble(f'waited {seconds:.0f} s in vain for {what}')
        time.sleep(step)
    return result


class Tools:
    """The programs around the system; none of them counts as part of it."""

    def __init__(self, group):
        self.group = group
        self.counting = None

    def start(self, *command, **more):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)
        self.group.ours.add(process.pid)
        return process

    def of_postfix(self, name, *arguments, **more):
        return self.start(f'/postfix/usr/sbin/{name}', *arguments,
                          env=dict(os.environ, LD_LIBRARY_PATH='/postfix/usr/lib/postfix'), **more)

    def smtp_sink(self):
        self.counting = self.counting or SmtpSink(self)
        return self.counting

    def sink(self, where, slots=0, delay=0):
        self.start('/tools/sink', '-d', str(delay), '-n', str(slots), '-o', '/dev/shm/sink', *where)
        return Tally('/dev/shm/sink')

    def source(self, messages, recipient, sessions=20, per_connection=1, size=4096, recipients=1,
               modulus=1):
        """Sends all of it and waits; returns the tally."""
        process = self.start('/tools/source', '-s', str(sessions), '-m', str(messages),
                             '-n', str(per_connection), '-l', str(size), '-r', str(recipients),
                             '-k', str(modulus), '-t', recipient, '-o', '/dev/shm/source',
                             SOURCE_PORT, stderr=subprocess.PIPE, text=True)
        tally = Tally('/dev/shm/source')
        finish(process)
        return tally

    def dns(self):
        process = self.start('/usr/bin/python3', '/bench/dns.py', stdout=subprocess.PIPE)
        process.stdout.readline()


def finish(process):
    try:
        _, error = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Trouble(f'{process.args[0]} did not end')
    if process.returncode:
        raise Trouble(f'{process.args[0]} exits {process.returncode}: {(error or "").strip()}')


class SmtpSink:
    """Postfix's smtp-sink; its counters go to a file in memory."""

    def __init__(self, tools):
        self.file = open('/dev/shm/smtp-sink', 'w+b')
        tools.of_postfix('smtp-sink', '-c', '-u', 'nobody', '127.0.0.1:2525', '1000',
                         stdout=self.file)
        wait(lambda: reachable(2525), 'smtp-sink', 10)

    @property
    def messages(self):
        size = os.fstat(self.file.fileno()).st_size
        text = os.pread(self.file.fileno(), 200, max(0, size - 200))
        counts = [part for part in text.split(b'mesg=')[1:] if part.rstrip(b'\r\n ').isdigit()]
        return int(counts[-1]) if counts else 0


def reachable(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


def greeted():
    """Whether the system greets on its port."""
    try:
        with socket.create_connection(('127.0.0.1', PORT), 5) as s:
            s.settimeout(5)
            return s.recv(100).startswith(b'220')
    except OSError:
        return False


def smtp_source(tools, messages, size=4096, sessions=20):
    process = tools.of_postfix('smtp-source', '-s', str(sessions), '-m', str(messages), '-l',
                               str(size), '-f', 'ann@source.test', '-t', 'bob@sink.test',
                               SOURCE_PORT, stderr=subprocess.PIPE, text=True)
    finish(process)


def warm_up(tools, sink, count=40):
    """So that none starts cold: a few messages that do not count."""
    before = sink.messages
    smtp_source(tools, count)
    wait(lambda: sink.messages >= before + count, 'the messages that warm up', 60)


class Relay:
    """4 KiB messages over 20 sessions to a sink, end to end."""
    unit, better, first = 'messages/s', 'more', {'exim': 300, 'opensmtpd': 100}
    option = {'bulk': True}
    size, per_connection, sessions, warm = 4096, 1, 20, 40
    default_first = 600

    def run(self, tools, system, meter, count):
        sink = tools.smtp_sink()
        warm_up(tools, sink, min(self.warm, count))
        base = sink.messages
        meter.begin()
        began = time.monotonic()
        self.send(tools, count)
        accepted = time.monotonic()
        arrived = lambda: sink.messages - base >= count
        wait(arrived, f'{count} messages to arrive')
        ended = time.monotonic()
        return {'count': count, 'rate': count / (ended - began),
                'accept_rate': count / (accepted - began), 'seconds': ended - began}

    def send(self, tools, count):
        smtp_source(tools, count, self.size, self.sessions)


class RelayWarm(Relay):
    """The same with 100 messages per connection."""

    def send(self, tools, count):
        tools.source(count, 'bob@sink.test', per_connection=100)


class RelayBig(Relay):
    """The same with 100 KiB messages."""
    size = 100 * 1024


class Latency:
    """One session, a new connection each: from the 250 to the arrival at the sink."""
    unit, better, first = 'ms', 'less', {'exim': 40, 'opensmtpd': 60}
    option = {}
    default_first = 200

    def run(self, tools, system, meter, count):
        sink = tools.sink(['127.0.0.1:2525'], slots=count)
        smtp_source(tools, 20, sessions=1)
        wait(lambda: sink.messages >= 20, 'the messages that warm up', 60)
        meter.begin()
        source = tools.source(count, 'bob@sink.test', sessions=1)
        wait(lambda: sink.messages >= 20 + count, f'{count} messages to arrive')
        waits = sorted((there - taken) / 1e6 for taken, there in zip(source.times(), sink.times()))
        span = (sink.last - source.first) / 1e9
        return {'count': count, 'rate': statistics.median(waits),
                'p99': waits[min(len(waits) - 1, len(waits) * 99 // 100)],
                'per_second': count / span, 'seconds': span,
                'smtp_ms': (source.last - source.first) / 1e6 / count}


class Accept(Relay):
    """4 KiB messages over 20 sessions are taken; delivery is held."""
    option = {'hold': True}

    def run(self, tools, system, meter, count):
        before = system.queued()
        smtp_source(tools, self.warm)
        meter.begin()
        began = time.monotonic()
        smtp_source(tools, count)
        ended = time.monotonic()
        queued = system.queued() - before
        if not count <= queued <= count + self.warm:
            raise Trouble(f'{queued} messages are queued, not {count}')
        return {'count': count, 'rate': count / (ended - began), 'seconds': ended - began}


class FanOut:
    """One message to many recipients in 100 domains with a mail host each."""
    unit, better, first = 'recipients/s', 'more', {}
    option = {'mx': True}
    default_first = 1000
    fixed = 10000

    def run(self, tools, system, meter, count):
        sink = tools.sink(['0.0.0.0:25'])
        meter.begin()
        source = tools.source(1, 'u%u@d%k.test', recipients=count, modulus=100)
        wait(lambda: sink.recipients >= count, f'{count} recipients to be served')
        span = (sink.last - source.first) / 1e9
        return {'count': count, 'rate': count / span, 'seconds': span,
                'transactions': sink.messages, 'connections': sink.connections,
                'accept_seconds': (source.last - source.first) / 1e9, 'extra': sink.recipients - count}


class Watch:
    """Counts files that appear in folders named new."""
    IN_CREATE, IN_MOVED_TO, IN_NONBLOCK = 0x100, 0x80, 0o4000

    def __init__(self, folders):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(self.IN_NONBLOCK)
        self.count = 0
        for name in folders:
            if libc.inotify_add_watch(self.fd, name.encode(),
                                      self.IN_CREATE | self.IN_MOVED_TO) == -1:
                raise OSError(ctypes.get_errno(), name)

    def look(self):
        """Returns how many came so far."""
        try:
            data = os.read(self.fd, 1 << 20)
        except BlockingIOError:
            return self.count
        at = 0
        while at < len(data):
            _, mask, _, size = struct.unpack_from('=iIII', data, at)
            at += 16 + size
            if mask & 0x4000:
                raise Trouble('inotify lost events')
            self.count += 1
        return self.count


class Local:
    """4 KiB messages over 20 sessions into the Maildirs of system users."""
    unit, better, first = 'messages/s', 'more', {'exim': 300, 'opensmtpd': 100}
    option = {'bulk': True}
    default_first = 300
    users, warm = 1, 40

    def run(self, tools, system, meter, count):
        homes = [f'/home/u{i}' for i in range(LOCAL_USERS)]
        for i, home in enumerate(homes):
            folder(home, 0o700, FIRST_LOCAL_UID + i, FIRST_LOCAL_UID + i)
            for name in 'Maildir', 'Maildir/tmp', 'Maildir/new', 'Maildir/cur':
                folder(f'{home}/{name}', 0o700, FIRST_LOCAL_UID + i, FIRST_LOCAL_UID + i)
        watch = Watch([f'{home}/Maildir/new' for home in homes])
        tools.source(self.warm, 'u%k@local.test', modulus=self.users)
        wait(lambda: watch.look() >= self.warm, 'the messages that warm up', 60)
        meter.begin()
        began = time.monotonic()
        tools.source(count, 'u%k@local.test', modulus=self.users)
        accepted = time.monotonic()
        wait(lambda: watch.look() >= self.warm + count, f'{count} messages in Maildirs')
        ended = time.monotonic()
        return {'count': count, 'rate': count / (ended - began), 'seconds': ended - began,
                'accept_rate': count / (accepted - began)}


class LocalMany(Local):
    users = LOCAL_USERS


class SlowWorld:
    """One message for each of many destinations, each answer of which takes 200 ms; 1 of 100
    never answers at all. Until all others have theirs."""
    unit, better, first = 'messages/s', 'more', {}
    option = {'mx': True}
    default_first = 100
    fixed = 1000
    watched = True  # in each round: this is no question of speed
    limit = 30  # seconds; what has not arrived then counts as missing

    def run(self, tools, system, meter, count):
        sink = tools.sink(['0.0.0.0:25'], slots=count, delay=DELAY)
        meter.begin()
        source = tools.source(count, 'bob@s%k.test', modulus=count)
        live = count - count // 100
        try:
            wait(lambda: sink.messages >= live, f'{live} messages to arrive', self.limit)
        except Trouble:
            if sink.messages < live // 2:
                raise
        arrivals = sorted((t - source.first) / 1e9 for t in sink.times() if t)
        span = (sink.last - source.first) / 1e9
        return {'count': len(arrivals), 'rate': len(arrivals) / span, 'seconds': span,
                'half_seconds': arrivals[live // 2], 'missing': live - len(arrivals)}


class Backlog(Relay):
    """Relay, while many deferred messages wait in the queue."""
    option = {'backlog': True}
    keep = True
    backlog = 100000

    def run(self, tools, system, meter, count):
        meter.note['memory_before'] = meter.group.memory()[0]
        result = super().run(tools, system, meter, count)
        meter.note['bytes_each'] = meter.note['memory_before'] / system.backlog
        return result

    def check(self, system):
        """How many of them the system itself finds. All, unless it reads its queue bit by bit
        after its start."""
        waiting = system.waiting()
        if waiting > system.backlog + 1 or (waiting < system.backlog and not system.loads_slowly):
            raise Trouble(f'{waiting} messages wait, not {system.backlog}')
        return waiting


class Huge(Backlog):
    """The same with a million, for tern alone."""
    backlog = 1000000
    systems = ('tern',)
    rounds = 1


class Idle:
    """Open connections that have said EHLO and nothing more, each from an address of its own."""
    unit, better, first = 'MB', 'less', {}
    option = {'incoming': 1100}
    default_first = 100
    fixed = 1000
    watched = True
    AT_ONCE = 50

    def run(self, tools, system, meter, count):
        before = meter.group.memory()[0]
        meter.begin()
        began = time.monotonic()
        opened = []
        for start in range(0, count, self.AT_ONCE):
            some = [self.connect(i) for i in range(start, min(start + self.AT_ONCE, count))]
            for s in some:
                self.talk(s, None)
            for s in some:
                self.talk(s, b'EHLO idle.test\r\n')
            opened += some
        seconds = time.monotonic() - began
        after, processes = meter.group.memory()
        for s in opened:
            self.talk(s, b'NOOP\r\n')
        return {'count': count, 'rate': after / 1e6, 'seconds': seconds, 'idle_before': before / 1e6,
                'kb_each': (after - before) / 1000 / count, 'processes': processes}

    def connect(self, i):
        s = socket.socket()
        s.settimeout(30)
        s.bind((f'10.99.{i >> 8}.{i & 255}', 0))
        s.connect(('127.0.0.1', PORT))
        return s

    def talk(self, s, line):
        if line:
            s.sendall(line)
        reply = b''
        while not reply.endswith(b'\r\n') or reply[reply.rfind(b'\n', 0, -1) + 1:][3:4] == b'-':
            more = s.recv(4096)
            if not more:
                raise Trouble(f'a connection was closed after {reply!r}')
            reply += more
        if not reply.startswith(b'2'):
            raise Trouble(f'a connection got {reply!r}')


WORKLOADS = {
    'relay': Relay, 'relay-warm': RelayWarm, 'relay-100k': RelayBig, 'latency': Latency,
    'accept': Accept, 'fanout': FanOut, 'local-1': Local, 'local-100': LocalMany,
    'slow': SlowWorld, 'backlog': Backlog, 'backlog-1m': Huge, 'idle': Idle}
