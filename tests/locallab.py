"""What the tests of local delivery share: a user with a home, tern-local as a
command and as a worker, and a queue that takes what is forwarded.

    with locallab.User() as user:
        user.maildir()
        done = user.deliver(b'Subject: x\\n\\nhello\\n')
        assert done.returncode == 0 and user.mail()

As root the user is a uid without an account; otherwise it is whoever runs the
tests. All waits have an end.
"""
import array
import os
import shutil
import socket
import subprocess
import tempfile
import threading

import ternlab

PATIENCE = ternlab.PATIENCE
LOCAL = os.path.join(ternlab.BIN, 'tern-local')
ROOT = os.geteuid() == 0
UID = ternlab.TEST_UID if ROOT else os.geteuid()
GID = UID if ROOT else os.getegid()
AS_USER = dict(user=UID, group=GID, extra_groups=[]) if ROOT else {}
MESSAGE = b'From: a@example.net\nSubject: test\n\nhello\n'


class User:
    """A home, and beside it a home of tern with nothing but run/queue."""

    def __init__(self, uid=UID):
        self.uid = uid
        self.top = tempfile.mkdtemp(prefix='tern-local.')
        os.chmod(self.top, 0o755)
        self.home = os.path.join(self.top, 'home')
        self.tern = os.path.join(self.top, 'tern')
        for path in (self.home, self.tern, self.tern + '/run', self.tern + '/run/queue'):
            os.mkdir(path, 0o755)
            self.own(path)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        os.chmod(self.home, 0o755)
        shutil.rmtree(self.top)

    def own(self, path):
        if ROOT:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def write(self, name, data, mode=0o600):
        path = self.path(name)
        with open(path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        self.own(path)
        return path

    def read(self, name):
        try:
            with open(self.path(name), 'rb') as f:
                return f.read()
        except FileNotFoundError:
            return None

    def maildir(self, name='Maildir'):
        for part in ('', 'tmp', 'new', 'cur'):
            path = self.path(name, part)
            os.mkdir(path, 0o700)
            self.own(path)

    def files(self, name):
        return sorted(os.listdir(self.path(name)))

    def mail(self, name='Maildir'):
        """The messages in new/, in the order of their names."""
        return [self.read(os.path.join(name, 'new', file)) for file in self.files(name + '/new')]

    def clear(self):
        """Back to an empty home."""
        for name in os.listdir(self.home):
            path = self.path(name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def command(self, local='joe', dash='', ext='', domain='example.org',
                sender='sender@example.net', default='./Maildir/', options=()):
        return [LOCAL, *options, '--', 'joe', self.home, local, dash, ext, domain, sender, default]

    def deliver(self, message=MESSAGE, tool=(), environment=None, program=None, **address):
        """Runs tern-local with the message in a file; returns what subprocess.run does."""
        with tempfile.TemporaryFile() as f:
            f.write(message)
            f.seek(0)
            return subprocess.run([*tool, *(program or self.command(**address))], stdin=f,
                                  capture_output=True, cwd='/', timeout=PATIENCE,
                                  env={'TERNHOME': self.tern, 'SECRET': 'x',
                                       'PATH': os.environ['PATH'], **(environment or {})},
                                  **AS_USER)


class Queue:
    """The queue service's end of wire/submission.h, which keeps what it gets."""

    def __init__(self, user, answer=b'0 1700000000000000 4711\n'):
        self.answer = answer
        self.messages = []  # pairs of message and envelope
        self.connections = 0
        self.path = os.path.join(user.tern, 'run/queue/socket')
        self.listener = socket.socket(socket.AF_UNIX)
        old = os.getcwd()
        os.chdir(user.tern)  # the path may be too long for a socket
        try:
            self.listener.bind('run/queue/socket')
        finally:
            os.chdir(old)
        os.chmod(self.path, 0o777)
        self.listener.listen()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)
        os.unlink(self.path)

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile('rb') as frames:
                try:
                    self._serve(connection, frames)
                except OSError:
                    pass

    def _serve(self, connection, frames):
        message, envelope = b'', b''
        while True:
            header = frames.read(5)
            if len(header) < 5:
                return
            data = frames.read(int.from_bytes(header[1:], 'big'))
            message += data if header[:1] == b'M' else b''
            envelope += data if header[:1] == b'E' else b''
            if envelope.endswith(b'\0\0'):
                self.messages.append((message, envelope))
                connection.sendall(self.answer)
                message, envelope = b'', b''


class Worker:
    """tern-local -w, and send's end of its socket."""

    def __init__(self, user, local='joe', dash='', ext='', domain='example.org',
                 default='./Maildir/', tool=(), home=None):
        self.address = f'{local}@{domain}'.encode()
        self.number = 0
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        with theirs:
            self.process = subprocess.Popen(
                [*tool, LOCAL, '-w', '--', 'joe', home or user.home, local, dash, ext, domain,
                 default],
                stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                cwd=user.tern, env={'TERNHOME': user.tern, 'PATH': os.environ['PATH']}, **AS_USER)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()

    def close(self):
        """Returns the exit code and what it logged."""
        self.socket.close()
        try:
            log, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, log

    def send(self, fd, length, sender=b'sender@example.net', recipients=None, eight=0, utf8=0,
             wishes=()):
        self.number += 1
        packet = b''.join(field + b'\0' for field in [
            b'%d' % self.number, b'1700000000000000', b'%d' % length, b'%d' % eight, b'%d' % utf8,
            self.address, sender, *(recipients or [self.address]), *((b'', *wishes) if wishes else ())])
        self.send_raw(packet, [fd])
        return self.number

    def send_raw(self, packet, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]
        self.socket.sendmsg([packet], ancillary if fds else [])

    def report(self):
        """The next report: its number, and a list of letter and text."""
        fields = self.socket.recv(128 * 1024).split(b'\0')
        if fields == [b'']:
            return None
        return int(fields[0]), [(f[:1].decode(), f[1:]) for f in fields[3:-1]]

    def deliver(self, message=MESSAGE, **more):
        """One job from a file that goes on after the message; returns letter and text."""
        with tempfile.TemporaryFile() as f:
            f.write(message + b'T not part of the message\0')
            f.flush()
            number = self.send(f.fileno(), len(message), **more)
            position = f.tell()
            got, verdicts = self.report()
            assert got == number and f.tell() == position
        return verdicts[0]
