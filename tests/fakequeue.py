"""A home with settings and a queue service that only remembers what it is given
(src/wire/submission.h), for tests of the programs that hand in messages.

    with FakeHome(me='host.test') as home:
        done = home.run('sendmail', '-t', input=b'To: a@b\\n\\nhello\\n')
        submission = home.take()       # .origin .message .sender .recipients .records
"""
import os
import queue
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import ternlab


class Submission:
    """One message with its envelope."""

    def __init__(self, origin, message, envelope):
        self.origin, self.message, self.envelope = origin, message, envelope
        assert envelope.endswith(b'\0\0'), envelope
        self.records = [(r[:1].decode(), r[1:]) for r in envelope[:-2].split(b'\0')]
        self.sender = dict(self.records).get('F')
        self.recipients = [value for letter, value in self.records if letter == 'T']

    def record(self, letter):
        return [value for name, value in self.records if name == letter]

    def header(self):
        return self.message.partition(b'\n\n')[0] + b'\n'

    def body(self):
        return self.message.partition(b'\n\n')[2]


class FakeHome:
    def __init__(self, **control):
        self.path = tempfile.mkdtemp(prefix='tern-test.')
        os.makedirs(os.path.join(self.path, 'control'))
        os.makedirs(os.path.join(self.path, 'run', 'queue'))
        os.symlink(ternlab.BIN, os.path.join(self.path, 'bin'))
        for name, value in control.items():
            self.control(name, value)
        self.answer = b'0 1700000000000000 4711\n'
        self.room = b'0 18446744073709551615\n'
        self.submissions = queue.Queue()
        self._folder = os.open(os.path.join(self.path, 'run', 'queue'), os.O_RDONLY)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f'/proc/self/fd/{self._folder}/socket')
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(ternlab.PATIENCE)
        os.close(self._folder)
        shutil.rmtree(self.path)

    def control(self, name, value):
        with open(os.path.join(self.path, 'control', name), 'w') as f:
            f.write(value + '\n')

    def run(self, program, *argv, input=b'', check=None, environment=None, **more):
        """Runs a program of the build here; check is the exit code that it must have."""
        clean = {'PATH': os.environ['PATH'], 'TERNHOME': self.path}
        clean.update(environment or {})
        done = subprocess.run([program, *argv], executable=os.path.join(ternlab.BIN, program),
                              input=input, capture_output=True, env=clean,
                              timeout=ternlab.PATIENCE, **more)
        if check is not None and done.returncode != check:
            raise RuntimeError(f'{program} {argv}: exit {done.returncode}: {done.stderr}')
        return done

    def take(self):
        """The next submission."""
        return self.submissions.get(timeout=ternlab.PATIENCE)

    def is_idle(self):
        """Whether nothing was handed in that was not taken."""
        return self.submissions.empty()

    def settle(self):
        """Until all that was sent so far has been read: connections are served one by one."""
        with socket.socket(socket.AF_UNIX) as last:
            last.settimeout(ternlab.PATIENCE)
            last.connect(f'/proc/self/fd/{self._folder}/socket')
            last.shutdown(socket.SHUT_WR)
            last.recv(1)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with connection, connection.makefile('rb') as stream:
                    self._serve(connection, stream)
            except ConnectionError:  # it was killed
                pass

    def _serve(self, connection, stream):
        parts = {letter: bytearray() for letter in (b'O', b'M', b'E')}
        while True:
            header = stream.read(5)
            if len(header) < 5:
                return
            letter, length = struct.unpack('>cI', header)
            if letter == b'R':
                connection.sendall(self.room)
                continue
            parts[letter] += stream.read(length)
            if letter == b'E' and parts[b'E'].endswith(b'\0\0'):
                if self.answer.startswith(b'0 '):
                    self.submissions.put(Submission(*map(bytes, parts.values())))
                try:
                    connection.sendall(self.answer)
                except OSError:
                    return
                parts = {letter: bytearray() for letter in parts}
