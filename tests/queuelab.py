"""A home with a queue and nothing running, for tests of tern-queue and tern-clean."""
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile

import ternlab

FIELDS = re.compile(rb'\A(?P<received>Received: .*?\n(?:[ \t].*?\n)*)(?P<message>.*)\Z', re.S)


class Entry:
    """A sealed entry: its parts, or None for what is not sealed."""

    def __init__(self, data):
        line = data[-49:].decode('ascii')
        version, message, envelope, _ = line.split()
        assert version == 'tern1' and line.endswith('\n')
        self.size, self.envelope_size = int(message, 16), int(envelope, 16)
        assert self.size + self.envelope_size + 49 == len(data)
        self.text = data[:self.size]
        records = data[self.size:self.size + self.envelope_size]
        assert records.endswith(b'\0')
        self.records = records[:-1].split(b'\0')
        match = FIELDS.match(self.text)
        self.received, self.message = match.group('received'), match.group('message')

    def values(self, letter):
        return [r[1:] for r in self.records if r[:1] == letter]


class Home:
    """queue/, control/me and what else tern-queue looks at, in a temporary folder."""

    def __init__(self, parent=None):
        self.path = tempfile.mkdtemp(prefix='tern-queue.', dir=parent)
        for name in ('control', 'alias', 'run/queue', 'run/smtpd', 'run/bounce', 'queue/lock',
                     'queue/bad', 'bin'):
            os.makedirs(self.file(name))
        for kind in ('mess', 'hist'):
            for shard in range(64):
                os.makedirs(self.file(f'queue/{kind}/{shard}'))
        os.mkfifo(self.file('queue/lock/trigger'), 0o622)
        self.set_me('me.example\n')
        os.symlink(os.path.join(ternlab.BIN, 'tern-queue'), self.file('bin/tern-queue'))

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        shutil.rmtree(self.path)

    def file(self, name):
        return os.path.join(self.path, name)

    def set_me(self, text):
        with open(self.file('control/me'), 'w') as f:
            f.write(text)

    def environment(self, **more):
        drop = ('TERN', 'QMAILQUEUE')
        env = {k: v for k, v in os.environ.items() if not k.startswith(drop)}
        env.update(TERNHOME=self.path, **more)
        return env

    def names(self):
        """All files of the queue, sealed or not."""
        return sorted(os.path.join(top, name)
                      for top, _, names in os.walk(self.file('queue/mess')) for name in names)

    def entries(self):
        return [Entry(open(name, 'rb').read()) for name in self.names()]

    def clear(self):
        for name in self.names():
            os.unlink(name)

    def take_entry(self):
        """The one entry, which is then removed; None when there is not exactly one."""
        entries = self.entries()
        self.clear()
        return entries[0] if len(entries) == 1 else None

    def command(self, message=b'', envelope=b'', **options):
        """Runs tern-queue as a command. Returns exit code, text on 6, text on 2."""
        return run_command(self, [os.path.join(ternlab.BIN, 'tern-queue')], message, envelope,
                           **options)


def run_command(home, argv, message, envelope, reason=True, env=None, preexec=None):
    m, e, r = os.pipe(), os.pipe(), os.pipe()

    def descriptors():
        os.dup2(e[0], 1)
        if reason:
            os.dup2(r[1], 6)
        else:
            os.close(6) if is_open(6) else None
        if preexec:
            preexec()

    child = subprocess.Popen(argv, stdin=m[0], stderr=subprocess.PIPE, close_fds=False,
                             env=env or home.environment(), preexec_fn=descriptors)
    for fd in (m[0], e[0], r[1]):
        os.close(fd)
    feed(m[1], message)
    feed(e[1], envelope)
    error = child.stderr.read()
    child.stderr.close()
    said = b''
    while piece := os.read(r[0], 1000):
        said += piece
    os.close(r[0])
    return child.wait(ternlab.PATIENCE), said, error.decode()


def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False


def feed(fd, data):
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view):]
    except BrokenPipeError:
        pass
    os.close(fd)


def frame(letter, data):
    return struct.pack('>cI', letter, len(data)) + data


def submission(message, envelope, origin=None, piece=65536):
    """A whole submission in frames."""
    out = frame(b'O', origin) if origin is not None else b''
    for letter, data in ((b'M', message), (b'E', envelope)):
        for at in range(0, len(data), piece):
            out += frame(letter, data[at:at + piece])
    return out


class Service:
    """tern-queue -s on run/queue/socket of a home."""

    def __init__(self, home, prefix=(), **options):
        self.home = home
        self.socket = home.file('run/queue/socket')
        listener = socket.socket(socket.AF_UNIX)
        folder = os.open(home.path, os.O_RDONLY)
        try:
            os.chdir(home.path)
            listener.bind('run/queue/socket')
        finally:
            os.close(folder)
        listener.listen(100)
        ready = os.pipe()
        os.set_inheritable(ready[1], True)
        self.log = open(home.file('log'), 'ab')
        self.child = subprocess.Popen(
            [*prefix, os.path.join(ternlab.BIN, 'tern-queue'), '-s', '-d', str(ready[1])],
            stdin=listener, stderr=self.log, env=home.environment(), pass_fds=(ready[1],),
            **options)
        listener.close()
        os.close(ready[1])
        self.ready = os.read(ready[0], 1) == b'\n'
        os.close(ready[0])

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.stop()

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
        code = self.child.wait(ternlab.PATIENCE)
        self.log.close()
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        return code

    def connect(self):
        return Client(self.home)


class Client:
    def __init__(self, home):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ternlab.PATIENCE)
        os.chdir(home.path)
        self.socket.connect('run/queue/socket')

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next line, as code and text; None at the end of the connection."""
        line = b''
        try:
            while not line.endswith(b'\n'):
                byte = self.socket.recv(1)
                if not byte:
                    return None
                line += byte
        except ConnectionError:
            return None
        code, _, text = line[:-1].decode().partition(' ')
        return int(code), text

    def submit(self, *args, **options):
        self.send(submission(*args, **options))
        return self.answer()
