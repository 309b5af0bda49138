"""For the tests of tern-remote: an SMTP server that misbehaves as told, and
tern-remote called in both of its ways.

A script says what the server does at each step, in pieces written one after
the other: bytes as they are, CLOSE, RESET, SILENCE (until the client leaves). What
it does not mention goes well. For RCPT and END (the end of the text, or the last chunk) a list
has one behaviour a command; its last one repeats. A script with LHLO is of an LMTP server, which
does END for each recipient it has accepted.
"""
import collections
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import ternlab

CLOSE, RESET, SILENCE = 'close', 'reset', 'silence'

USUAL = {
    'greeting': b'220 peer ESMTP\r\n', 'EHLO': b'250-peer\r\n250-8BITMIME\r\n250 SIZE 1000000\r\n',
    'HELO': b'250 peer\r\n', 'MAIL': b'250 sender\r\n', 'RCPT': b'250 recipient\r\n',
    'DATA': b'354 go on\r\n', 'END': b'250 taken\r\n', 'RSET': b'250 reset\r\n',
    'BDAT': b'250 chunk\r\n',
    'QUIT': (b'221 bye\r\n', CLOSE),
}
PIPELINING = b'250-peer\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n'
CHUNKING = PIPELINING.replace(b'PIPELINING', b'PIPELINING\r\n250-CHUNKING')


class Gone(Exception):
    """The connection has ended."""


class Peer:
    """Serves one connection after the other: the n-th by the n-th script, further ones by the
    last. With no script at all nobody answers at the port."""

    def __init__(self, *scripts, address='127.0.0.1', port=0, path=None):
        self.scripts = scripts
        self.commands = []  # of all connections, without line ends
        self.texts = []     # what came after 354, up to the end or the loss of the connection
        self.connections = 0
        self.changed = threading.Condition()
        self.current = None
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            os.chmod(path, 0o666)
            self.listener.listen(64)
        else:
            self.listener = socket.create_server((address, port), backlog=64)
            self.port = self.listener.getsockname()[1]
        if not scripts:
            self.listener.close()
            return
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        if not self.scripts:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()
        self.thread.join(ternlab.PATIENCE)

    def hang_up(self):
        """Closes the connection that is open, if one is."""
        try:
            self.current.shutdown(socket.SHUT_RDWR)
        except (AttributeError, OSError):
            pass

    def _accept(self):
        while True:
            try:
                self.current, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            script = self.scripts[min(self.connections, len(self.scripts)) - 1]
            try:
                with self.current:
                    Conversation(self, self.current, script)
            except (Gone, OSError):
                pass

    def wait(self, condition, what):
        with self.changed:
            if not self.changed.wait_for(condition, ternlab.PATIENCE):
                raise ternlab.Timeout(what)

    def heard(self, kind, value):
        with self.changed:
            kind.append(value)
            self.changed.notify_all()


class Conversation:
    def __init__(self, peer, connection, script):
        self.peer, self.connection, self.script = peer, connection, script
        self.buffer = b''
        self.count = collections.Counter()
        self.accepted = 0  # recipients of this transaction
        self.chunks = b''
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.do('greeting')
        while True:
            command = self.take(b'\r\n')
            self.peer.heard(self.peer.commands, command.decode('latin-1'))
            verb = command.split(b' ')[0].decode('latin-1')
            if verb == 'BDAT':
                self.chunk(command)
                continue
            said = self.do(verb)
            if said.startswith(b'354') or b'\r\n354' in said:
                self.text()
            if verb in ('MAIL', 'RSET'):
                self.accepted, self.chunks = 0, b''
            if verb == 'RCPT' and said.startswith(b'2'):
                self.accepted += 1

    def more(self):
        data = self.connection.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def take(self, end):
        while end not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(end)
        return head

    def text(self):
        try:
            while self.buffer != b'.\r\n' and b'\r\n.\r\n' not in self.buffer:
                self.more()
        except (Gone, OSError):
            self.peer.heard(self.peer.texts, self.buffer)
            raise
        if self.buffer.startswith(b'.\r\n'):
            text, self.buffer = b'', self.buffer[3:]
        else:
            text, _, self.buffer = self.buffer.partition(b'\r\n.\r\n')
            text += b'\r\n'
        self.peer.heard(self.peer.texts, text + b'.\r\n')
        self.end()

    def chunk(self, command):
        length = int(command.split()[1])
        while len(self.buffer) < length:
            self.more()
        self.chunks += self.buffer[:length]
        self.buffer = self.buffer[length:]
        if not command.endswith(b' LAST'):
            self.do('BDAT')
            return
        self.peer.heard(self.peer.texts, self.chunks)
        self.end()

    def end(self):
        for _ in range(self.accepted if 'LHLO' in self.script else 1):
            self.do('END')
        self.accepted, self.chunks = 0, b''

    def do(self, step):
        behaviour = self.script.get(step, USUAL.get(step, b'500 what\r\n'))
        if isinstance(behaviour, list):
            behaviour = behaviour[min(self.count[step], len(behaviour) - 1)]
        self.count[step] += 1
        said = b''
        for piece in behaviour if isinstance(behaviour, tuple) else (behaviour,):
            if piece == CLOSE:
                raise Gone
            if piece == RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                           struct.pack('ii', 1, 0))
                raise Gone
            if piece == SILENCE:
                while True:
                    self.more()
            self.connection.sendall(piece)
            said += piece
        return said


class Home:
    """A folder with control/ for tern-remote alone."""

    def __init__(self, **control):
        self.path = tempfile.mkdtemp(prefix='tern-remote.')
        os.mkdir(os.path.join(self.path, 'control'))
        self.control('me', 'me.test')
        self.control('timeoutremote', '20')
        for name, value in control.items():
            self.control(name, value)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        shutil.rmtree(self.path)

    def control(self, name, value):
        with open(os.path.join(self.path, 'control', name), 'w') as f:
            f.write(value + '\n')

    def message(self, text):
        """A descriptor of a file that holds the text."""
        file = tempfile.TemporaryFile(dir=self.path)
        file.write(text)
        file.flush()
        return file


Answer = collections.namedtuple('Answer', 'verdict text')
TEXT = b'Subject: test\n\nhello\n'


def command(home, recipients, text=TEXT, destination='example.net', sender='s@example.org'):
    """Runs tern-remote as a command. Returns an Answer for each recipient."""
    done = subprocess.run(
        [os.path.join(ternlab.BIN, 'tern-remote'), destination, sender, *recipients], input=text,
        capture_output=True, timeout=ternlab.PATIENCE, env=dict(os.environ, TERNHOME=home.path))
    if done.returncode or not done.stdout.endswith(b'\0'):
        raise RuntimeError(f'exit {done.returncode}: {done.stdout} {done.stderr}')
    reports = [Answer(r[:1], r[1:]) for r in done.stdout.decode('ascii')[:-1].split('\0')]
    message = reports.pop()
    if message.verdict not in 'KZD' or (reports and len(reports) != len(recipients)):
        raise RuntimeError(f'odd reports: {done.stdout}')
    verdicts = {'h': 'D', 's': 'Z'}
    reports = reports or [Answer('r', '')] * len(recipients)
    return [message if r.verdict == 'r' else Answer(verdicts[r.verdict], r.text) for r in reports]


class Worker:
    """tern-remote as a worker."""

    def __init__(self, home, destination='example.net', errors=None, tool=()):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.home, self.destination, self.number = home, destination, 0
        self.socket.settimeout(ternlab.PATIENCE)
        with theirs:
            self.process = subprocess.Popen(
                [*tool, os.path.join(ternlab.BIN, 'tern-remote'), '-w', destination], stdin=theirs,
                cwd=home.path, stderr=errors, env={'PATH': '/usr/bin:/bin'})

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.end()

    def end(self):
        """Closes its socket; returns its exit code."""
        self.socket.close()
        try:
            return self.process.wait(ternlab.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def job(self, recipients, text=TEXT, sender='s@example.org', destination=None, length=None,
            eight=0, utf8=0, message=1700000000000001):
        """Gives it a job."""
        self.number += 1
        length = len(text) if length is None else length
        fields = [self.number, message, length, eight, utf8, destination or self.destination, sender,
                  *recipients]
        packet = b''.join(str(f).encode('latin-1') + b'\0' for f in fields)
        with self.home.message(text) as file:
            socket.send_fds(self.socket, [packet], [file.fileno()])

    def report(self, host=False):
        """Waits for its report: an Answer for each recipient."""
        packet = self.socket.recv(200000)
        if not packet:
            raise RuntimeError('the worker has gone')
        fields = packet.decode('ascii').split('\0')[:-1]
        end = fields.index('A', 3)
        self.facts = dict(zip(('port', 'code', 'dns', 'connect', 'transfer', 'bytes'),
                              map(int, fields[end + 1:]), strict=True))
        answers = [Answer(f[0], f[1:]) for f in fields[3:end]]
        return (int(fields[0]), fields[1], fields[2], answers) if host else answers

    def deliver(self, recipients, **more):
        self.job(recipients, **more)
        return self.report()


def worker(home, recipients, text=TEXT, **more):
    """One job for a worker of its own. Returns an Answer for each recipient."""
    with Worker(home) as w:
        return w.deliver(recipients, text=text, **more)


def matches(answers, verdicts, pattern):
    """Whether the verdicts are these and some text matches."""
    return (''.join(a.verdict for a in answers) == verdicts and
            any(re.search(pattern, a.text, re.DOTALL) for a in answers))
