"""tern-send alone, on a real queue: what it talks to (tern-lspawn, tern-rspawn and their
workers, tern-clean, tern-bounce) is played here, in the formats of src/wire, and what they
got is written down.

    with sendlab.World() as world:
        world.put('m', b'Subject: x\\n\\nhello\\n', b's@from.test', [b'joe@here.test'])
        with world.send() as send:
            send.run(send.is_empty)

What a recipient's server says is chosen by the local part: later2... defers the first two
times, trouble1... has trouble of its own once, never... refuses for good, null... dies
with the job; all others take the message.
"""
import array
import collections
import errno
import fcntl
import hashlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import faultlab
import spoollab
import ternlab

SEND = os.path.join(ternlab.BIN, 'tern-send')
LOCAL, REMOTE = 'local', 'remote'
PACKET = 200 * 1024


class Wrong(Exception):
    """A program said or did what it must not."""


def fields(packet):
    if not packet.endswith(b'\0'):
        raise Wrong(f'not a packet of fields: {packet[:80]!r}')
    return packet[:-1].split(b'\0')


def field(*values):
    return b''.join((v if isinstance(v, bytes) else str(v).encode()) + b'\0' for v in values)


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def parse_entry(data):
    """Message, and the recipients in their order."""
    line = data[-49:].split()
    size = int(line[1], 16)
    records = data[size:-49].split(b'\0')
    return data[:size], [r[1:] for r in records if r[:1] == b'T']


def replay(data, count):
    """The words of the last event of each recipient, by its number."""
    state = {}
    for line in data.split(b'\n')[:-1]:
        crc, _, rest = line.partition(b' ')
        if crc != b'%08x' % spoollab.crc32c(rest) or len(rest) < 8:
            continue
        word, ranges = rest.split(b' ')[1], rest.split(b' ')[3]
        for piece in ranges.split(b','):
            first, _, last = piece.partition(b'-')
            for n in range(int(first), int(last or first) + 1):
                state[n] = word.decode()
    return {n: word for n, word in state.items() if n < count}


class World:
    """A home with a queue, and the ledger of what went in and came out."""

    def __init__(self, **control):
        self.path = tempfile.mkdtemp(prefix='tern-send.', dir=tempfile.tempdir or faultlab.place())
        for name in ('control', 'queue/lock', 'queue/bad'):
            os.makedirs(self.file(name))
        for kind in ('mess', 'hist'):
            os.mkdir(self.file('queue', kind))
            for shard in range(64):
                os.mkdir(self.file('queue', kind, str(shard)))
        os.mkfifo(self.file('queue/lock/trigger'), 0o622)
        for name, value in {'me': 'here.test', 'locals': 'here.test', **control}.items():
            self.control(name, value)
        self.ids = {}        # by the name of the message
        self.expected = {}   # (id, recipient): digest
        self.delivered = collections.defaultdict(list)
        self.asked = collections.Counter()
        self.bounced, self.reported, self.warned = (collections.Counter() for _ in range(3))
        self.next_id = int((time.time() - 100) * 1000000)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        shutil.rmtree(self.path)

    def file(self, *names):
        return os.path.join(self.path, *names)

    def control(self, name, value):
        with open(self.file('control', name), 'w') as f:
            f.write(value + '\n')

    def mess(self, id, kind='mess'):
        return self.file('queue', kind, str(id % 64), str(id))

    def new_id(self, name=None):
        self.next_id += 1000003
        if name:
            self.ids[name] = self.next_id
        return self.next_id

    def put(self, name, message, sender, recipients, history=None, due=1, data=None, id=None):
        """An entry, whole unless data says otherwise."""
        id = id or self.new_id(name)
        whole = spoollab.entry(message, sender, recipients)
        with open(self.mess(id), 'wb') as f:
            f.write(whole if data is None else data)
        if history is not None:
            with open(self.mess(id, 'hist'), 'wb') as f:
                f.write(history)
            os.utime(self.mess(id, 'hist'), (due, due))
        if data is None or data == whole:
            for recipient in recipients:
                if isinstance(recipient, tuple):
                    recipient = recipient[0]
                self.expected[id, recipient] = digest(message)
        return id

    def trigger(self, id):
        """Says so, if there is anyone to hear it: a tern-send that has just ended hears nothing."""
        try:
            fd = os.open(self.file('queue/lock/trigger'), os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        try:
            os.write(fd, b'%d\n' % id)
        except BrokenPipeError:
            pass
        finally:
            os.close(fd)

    def names(self, kind='mess'):
        return sorted(int(name) for shard in os.listdir(self.file('queue', kind))
                      for name in os.listdir(self.file('queue', kind, shard)))

    def is_empty(self):
        return not self.names('mess') and not self.names('hist')

    def send(self, **options):
        return Send(self, **options)

    def settled(self, pair):
        return bool(self.delivered[pair]) or bool(self.bounced[pair])

    def all_settled(self):
        return all(self.settled(pair) for pair in self.expected)

    def violations(self, extra=1, aside=(), reported=True):
        """The invariants after recovery; the reasons, or None. Reports of success need not be
        there without `reported`."""
        wrong = []
        queued = set(self.names())
        for pair, want in self.expected.items():
            id, recipient = pair
            got = self.delivered[pair]
            if not got and not self.bounced[pair] and id not in queued:
                wrong.append(f'I1: lost: {id} {recipient}')
            if any(d != want for d in got):
                wrong.append(f'I2: changed: {id} {recipient}')
            if len(got) > 1 + extra:
                wrong.append(f'I4: {len(got)} copies: {id} {recipient}')
            if self.bounced[pair] > 1 + extra:
                wrong.append(f'I5: {self.bounced[pair]} bounces: {id} {recipient}')
            if self.warned[pair] > 1 + extra or self.reported[pair] > 1 + extra:
                wrong.append(f'I5: {self.warned[pair]} warnings, {self.reported[pair]} reports: '
                             f'{id} {recipient}')
            asked = recipient.startswith(b'asked')
            if (self.reported[pair] and not asked) or \
                    (reported and asked and not self.reported[pair] and id not in queued):
                wrong.append(f'{self.reported[pair]} reports: {id} {recipient}')
            if self.bounced[pair] and not recipient.startswith(b'never'):
                wrong.append(f'bounced without an answer: {id} {recipient}')
            if self.bounced[pair] and got:
                wrong.append(f'bounced and delivered: {id} {recipient}')
        for pair in [*self.delivered, *self.bounced]:
            if pair not in self.expected and (self.delivered[pair] or self.bounced[pair]):
                wrong.append(f'I3: nobody sent: {pair}')
        if not self.is_empty():
            wrong.append(f'I6: left: {self.names()} {self.names("hist")}')
        if sorted(os.listdir(self.file('queue/bad'))) != sorted(map(str, aside)):
            wrong.append(f'set aside: {os.listdir(self.file("queue/bad"))}, not {list(aside)}')
        return '; '.join(wrong) or None


def high(fd):
    """Out of the way of 3 to 7."""
    new = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(fd)
    return new


def pair():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for s in (a, b):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * PACKET)
    return a, high(b.detach())


class Worker:
    """The other end of a worker's socket. A subclass lies."""

    def __init__(self, send, channel, destination, sock):
        self.send, self.channel, self.destination, self.socket = send, channel, destination, sock

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.send.forget(self)
        self.socket.close()

    def receive(self):
        """The next job: a tuple, with the descriptor; None at the end."""
        try:
            packet, fds, _, _ = socket.recv_fds(self.socket, PACKET, 4)
        except ConnectionError:
            packet, fds = b'', []
        if not packet:
            self.close()
            return None
        if len(fds) != 1:
            raise Wrong(f'a job with {len(fds)} descriptors')
        return fields(packet), fds[0]

    def ready(self):
        job = self.receive()
        if job:
            self.work(*job)

    def work(self, job, fd):
        number, id, length, destination = int(job[0]), int(job[1]), int(job[2]), job[5]
        if destination != self.destination:
            raise Wrong(f'{destination} for the worker of {self.destination}')
        message = os.pread(fd, length, 0)
        os.close(fd)
        recipients = job[7:job.index(b'', 7) if b'' in job[7:] else None]  # then what is wished
        verdicts = [self.send.verdict(id, recipient, message) for recipient in recipients]
        if None in verdicts:
            self.close()
            return
        self.report(number, verdicts)

    def report(self, number, verdicts, host=b'mx.test', address=b'127.0.0.9', fds=()):
        self.say(field(number, host, address, *verdicts), fds)

    def say(self, packet, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else []
        try:
            self.socket.sendmsg([packet], ancillary, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionError):
            return False
        return True


class Send:
    """One life of tern-send and its surroundings."""

    def __init__(self, world, prefix=(), env=None, worker=Worker, preexec=None, program=SEND,
                 descriptors=None):
        self.world, self.worker_type = world, worker
        self.workers, self.log = [], b''
        self.asked = []  # for notices: (id, kind)
        self.alive_fakes = True
        self.activity = time.monotonic()
        self.clean_partial = b''
        self.lspawn, l = pair()
        self.rspawn, r = pair()
        self.bounce, b = pair()
        request_in, request_out = map(high, os.pipe())
        answer_in, answer_out = map(high, os.pipe())
        ready_in, ready_out = map(high, os.pipe())
        log_in, log_out = map(high, os.pipe())
        self.clean_in, self.clean_out = request_in, answer_out
        self.ready_in, self.log_in = ready_in, log_in
        mapping = {2: log_out, 3: l, 4: r, 5: request_out, 6: answer_in, 7: b, 8: ready_out,
                   **(descriptors or {})}

        def child():
            for target, fd in mapping.items():
                os.dup2(fd, target)
            if preexec:
                preexec()

        clean = {'PATH': os.environ['PATH'], 'LSAN_OPTIONS': 'detect_leaks=0', **(env or {})}
        try:
            self.child = subprocess.Popen([*prefix, program, '-d', '8'], cwd=world.path,
                                          preexec_fn=child, close_fds=False,
                                          stdin=subprocess.DEVNULL, env=clean)
        finally:
            for fd in mapping.values():
                os.close(fd)
        self.is_ready = False
        self.code = None
        self.usage = None
        self.waited_for_log = True
        for fd in (request_in, log_in, ready_in):
            os.set_blocking(fd, False)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()

    def close(self):
        if self.code is None:
            os.kill(self.child.pid, signal.SIGKILL)
            self.reap()
        self.read_log()
        for worker in list(self.workers):
            worker.close()
        for s in (self.lspawn, self.rspawn, self.bounce):
            s.close()
        for fd in (self.clean_in, self.clean_out, self.ready_in, self.log_in):
            if fd is not None:
                os.close(fd)

    def reap(self, options=0):
        """Whether it has ended."""
        if self.code is None:
            pid, status, usage = os.wait4(self.child.pid, options)
            if pid:
                self.code = self.child.returncode = os.waitstatus_to_exitcode(status)
                self.usage = usage
        return self.code is not None

    def signal(self, number):
        if not self.reap(os.WNOHANG):
            os.kill(self.child.pid, number)

    def is_empty(self):
        return self.world.is_empty()

    def quiet(self, seconds):
        """A condition for run: nothing has happened for so long, once it is ready."""
        return lambda: self.is_ready and time.monotonic() - self.activity > seconds

    def run(self, until=lambda: False, seconds=ternlab.PATIENCE):
        """Plays all the others until the condition holds; returns whether it does. Returns
        False when tern-send ends or the time is over."""
        deadline = time.monotonic() + seconds
        self.activity = time.monotonic()
        while True:
            if self.code is not None or self.reap(os.WNOHANG):
                self.serve(0)
                return bool(until())
            if until():
                return True
            if time.monotonic() > deadline:
                return False
            self.serve(0.02)

    def serve(self, seconds):
        """Whatever is ready now."""
        sources = {self.lspawn.fileno(): lambda: self.spawn(LOCAL, self.lspawn),
                   self.rspawn.fileno(): lambda: self.spawn(REMOTE, self.rspawn),
                   self.bounce.fileno(): self.make_bounce, self.log_in: self.read_log}
        if self.clean_in is not None:
            sources[self.clean_in] = self.clean
        if not self.is_ready:
            sources[self.ready_in] = self.read_ready
        for worker in self.workers:
            sources[worker.fileno()] = worker.ready
        poll = select.poll()
        for fd in sources:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(seconds * 1000):
            source = sources[fd]
            if getattr(source, '__self__', None) in self.workers or fd in sources:
                if isinstance(getattr(source, '__self__', None), Worker) and \
                        source.__self__ not in self.workers:
                    continue
                if self.reap(os.WNOHANG) and fd in (self.lspawn.fileno(), self.rspawn.fileno(),
                                                    self.bounce.fileno()):
                    continue  # its end has closed
                if source() is not False:
                    self.activity = time.monotonic()

    def forget(self, worker):
        if worker in self.workers:
            self.workers.remove(worker)

    def read_ready(self):
        try:
            self.is_ready = os.read(self.ready_in, 10) == b'\n' or self.is_ready
        except BlockingIOError:
            pass
        return self.is_ready

    def read_log(self):
        try:
            while piece := os.read(self.log_in, 65536):
                self.log += piece
        except BlockingIOError:
            pass

    # The spawners.

    def spawn(self, channel, sock):
        try:
            packet = sock.recv(PACKET)
        except ConnectionError:
            packet = b''
        if not packet:
            self.reap(os.WNOHANG)
            return False
        number, destination = fields(packet)
        ours, theirs = pair()
        try:
            socket.send_fds(sock, [field(number, b'K')], [theirs])
        except OSError:
            ours.close()
            return False
        finally:
            os.close(theirs)
        self.workers.append(self.worker_type(self, channel, destination, ours))
        return True

    def verdict(self, id, recipient, message):
        """What the recipient's server says, which the ledger keeps."""
        world = self.world
        pair = id, recipient
        world.asked[pair] += 1
        if recipient.startswith(b'never'):
            return b'Dno such user'
        if recipient.startswith(b'null') and world.asked[pair] == 1:
            return None
        for word, letter in ((b'later', b'Z'), (b'trouble', b'T')):
            match = re.match(word + rb'(\d+)', recipient)
            if match and world.asked[pair] <= int(match[1]):
                return letter + b'not yet'
        world.delivered[pair].append(digest(message))
        return b'Ktaken'

    # tern-clean.

    def clean(self):
        try:
            data = os.read(self.clean_in, 65536)
        except BlockingIOError:
            return False
        if not data:
            os.close(self.clean_in)
            self.clean_in = None
            return False
        lines = (self.clean_partial + data).split(b'\n')
        self.clean_partial = lines.pop()
        for line in lines:
            match = re.fullmatch(rb'(!?)(\d+)', line)
            if not match:
                raise Wrong(f'asked of tern-clean: {line!r}')
            answer = self.clean_answer(match[1], int(match[2]))
            try:
                os.write(self.clean_out, answer)
            except BrokenPipeError:
                pass
        return True

    def clean_answer(self, mark, id):
        world = self.world
        if mark:
            if os.path.lexists(world.mess(id)):
                os.rename(world.mess(id), world.file('queue/bad', str(id)))
            return b'+'
        for kind in ('mess', 'hist'):
            if os.path.lexists(world.mess(id, kind)):
                os.unlink(world.mess(id, kind))
        return b'+'

    # tern-bounce.

    def make_bounce(self):
        try:
            packet, fds, _, _ = socket.recv_fds(self.bounce, PACKET, 4)
        except ConnectionError:
            packet, fds = b'', []
        if not packet:
            return False
        id, kind = int(fields(packet)[0]), fields(packet)[1]
        self.asked.append((id, kind))
        if len(fds) != 2:
            raise Wrong(f'a bounce with {len(fds)} descriptors')
        entry, history = (os.pread(fd, os.fstat(fd).st_size, 0) for fd in fds)
        for fd in fds:
            os.close(fd)
        _, recipients = parse_entry(entry)
        told = [n for n in self.told(kind, replay(history, len(recipients)), len(recipients))
                if kind != b'S' or recipients[n].startswith(b'asked')]
        ledger = {b'F': self.world.bounced, b'S': self.world.reported, b'W': self.world.warned}[kind]
        for n in told:
            ledger[id, recipients[n]] += 1
        answer = self.bounce_answer(id) if told else field(id, b'Tits history names nothing')
        try:
            self.bounce.send(answer)
        except OSError:
            pass
        return True

    @staticmethod
    def told(kind, state, count):
        """The numbers of those in a state that a notice of this kind is about."""
        words = {b'F': ('failed',), b'S': ('delivered', 'relayed', 'expanded'),
                 b'W': (None, 'deferred', 'trouble', 'warned', 'retry')}[kind]
        return [n for n in range(count) if state.get(n) in words]

    def bounce_answer(self, id):
        return field(id, b'K%d 4711' % (id + 1))


def recover(world, seconds=ternlab.PATIENCE, **options):
    """A second life in peace, until nothing is left. Returns what is wrong with it, or None."""
    with world.send(**options) as send:
        deadline = time.monotonic() + seconds
        send.run(lambda: send.is_ready, seconds)
        while not world.is_empty():
            send.run(world.is_empty, 0.05)
            if send.code is not None:
                return f'I7: ended with {send.code}: {send.log.decode()[-300:]}'
            if time.monotonic() > deadline:
                return f'I8: not done after {seconds} s: {send.log.decode()[-600:]}'
            send.signal(signal.SIGALRM)
        send.signal(signal.SIGTERM)
        send.run(lambda: send.code is not None, seconds)
        if send.code != 0:
            return f'did not end after TERM: {send.code}'
    return None


def fill(world):
    """A bit of everything; returns the broken one."""
    text = b'Subject: %d\n\n' + b'hello\n' * 20
    world.put('local', text % 1, b's@from.test', [b'joe@here.test'])
    world.put('remote', text % 2, b's@from.test', [b'a@r1.test', b'later1b@r1.test', b'c@r2.test'])
    world.put('bounce', text % 3, b's@from.test', [b'never@r3.test'])
    now = int(time.time())
    half = world.put('half', text % 4, b's@from.test', [b'done@r1.test', b'open@r1.test'],
                     history=spoollab.event(b'delivered', b'0') +
                     spoollab.event(b'deferred', b'1', next=now - 5), due=now - 5)
    world.delivered[half, b'done@r1.test'].append(world.expected[half, b'done@r1.test'])
    data = bytearray(spoollab.entry(text % 5, b's@from.test', [b'joe@here.test']))
    data[10] ^= 1
    broken = world.put('broken', text % 5, b's@from.test', [b'joe@here.test'], data=bytes(data))
    done = world.new_id()
    with open(world.mess(done, 'hist'), 'wb') as f:
        f.write(spoollab.event(b'delivered', b'0'))
    world.put('asked', text % 7, b's@from.test', [
        (b'asked.a@here.test', [b'NSUCCESS']), (b'asked.b@r2.test', [b'NSUCCESS,FAILURE'])])
    world.put('mixed', text % 6, b'', [b'null1@r4.test', b'trouble1@here.test', b'jim@here.test'])
    return broken


def life(world, prefix, quiet=0.2, seconds=10, settle=False):
    """One life: what is there, a new message by the trigger, a retry of all, the end; with
    settle not before all is done."""
    with world.send(prefix=prefix) as send:
        send.run(send.quiet(quiet), seconds)
        if send.code is None:
            text = b'Subject: new\n\nby the trigger\n'
            world.trigger(world.put('new', text, b's@from.test', [b'kim@here.test', b'k@r1.test']))
            send.run(send.quiet(quiet), seconds)
        for _ in range(2):
            if send.code is None and not world.is_empty():
                send.signal(signal.SIGALRM)
                send.run(send.quiet(quiet), seconds)
        if settle:
            send.run(lambda: world.all_settled() or send.signal(signal.SIGALRM))
        if send.code is None:
            send.signal(signal.SIGTERM)
            send.run(lambda: send.code is not None)
        ended = send.code
        usage = send.usage
    if ended is None:
        return 'did not end after TERM: ' + send.log.decode()[-500:]
    if faultlab.processor_seconds(usage) > 2:
        return f'{faultlab.processor_seconds(usage):.1f} s of processor'
    return None
