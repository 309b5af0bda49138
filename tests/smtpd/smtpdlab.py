"""What the tests of tern-smtpd share: a home whose queue only remembers, the
program as a command and as a service, and a client that says exactly what it is told."""
import os
import re
import select
import socket
import subprocess
import threading

import fakequeue
import ternlab


class Home(fakequeue.FakeHome):
    """A FakeHome whose queue serves many connections at once."""

    def __init__(self, **control):
        settings = {'me': 'mx.test', 'locals': 'local.test', 'recipientcheck': '0'}
        settings.update(control)
        self.sessions = []
        super().__init__(**settings)
        os.mkdir(os.path.join(self.path, 'run', 'smtpd'))

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._session, args=(connection,), daemon=True)
            self.sessions.append(thread)
            thread.start()

    def settle(self):
        """Until all that was sent by programs that have ended has been read."""
        super().settle()
        for thread in list(self.sessions):
            thread.join(ternlab.PATIENCE)

    def _session(self, connection):
        try:
            with connection, connection.makefile('rb') as stream:
                self._serve(connection, stream)
        except OSError:
            pass

    def environment(self, more=None):
        clean = {'PATH': os.environ['PATH'], 'TERNHOME': self.path}
        if 'TMPDIR' in os.environ:
            clean['TMPDIR'] = os.environ['TMPDIR']
        clean.update(more or {})
        return clean


class Client:
    """One side of an SMTP conversation."""

    def __init__(self, connection):
        self.socket = connection
        self.socket.settimeout(ternlab.PATIENCE)
        self.lines = self.socket.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """The next reply, its lines joined by newlines; '' at the end of input."""
        text = []
        while True:
            try:
                line = self.lines.readline()
            except ConnectionResetError:
                line = b''
            if not line:
                return ''
            assert line.endswith(b'\r\n'), line
            text.append(line[:-2].decode())
            if line[3:4] != b'-':
                return '\n'.join(text)

    def ask(self, command):
        self.send(command + '\r\n')
        return self.reply()

    def hello(self):
        """Reads the greeting and says EHLO."""
        greeting = self.reply()
        self.ask('EHLO client.test')
        return greeting

    def begin(self, sender='a@far.test', recipients=('x@local.test',)):
        """A transaction up to and with 354."""
        self.ask(f'MAIL FROM:<{sender}>')
        for recipient in recipients:
            self.ask(f'RCPT TO:<{recipient}>')
        return self.ask('DATA')

    def ended(self):
        """Whether the other side closes and says nothing more."""
        return self.reply() == ''


class Command(Client):
    """tern-smtpd as a command on a socket; the client's address comes by the environment."""

    def __init__(self, home, address='192.0.2.7', tool=(), **environment):
        ours, theirs = socket.socketpair()
        more = {'TCPREMOTEIP': address, **environment}
        self.process = subprocess.Popen(
            [*tool, os.path.join(ternlab.BIN, 'tern-smtpd')], stdin=theirs, stdout=theirs,
            stderr=subprocess.PIPE, env=home.environment(more))
        theirs.close()
        super().__init__(ours)

    def close(self):
        """Ends it; the log is then in self.log."""
        super().close()
        self.log = self.process.stderr.read().decode()
        self.process.stderr.close()
        self.code = self.process.wait(ternlab.PATIENCE)


class Service:
    """tern-listen and tern-smtpd -s, on a port of their own."""

    def __init__(self, home, addresses='127.0.0.1:0', before=()):
        self.log_path = os.path.join(home.path, 'log')
        ready, readiness = os.pipe()
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                [*before, os.path.join(ternlab.BIN, 'tern-listen'), addresses,
                 os.path.join(ternlab.BIN, 'tern-smtpd'), '-s', '-d', str(readiness)],
                stdin=subprocess.DEVNULL, stderr=log, pass_fds=[readiness],
                env=home.environment())
        os.close(readiness)
        select.select([ready], [], [], ternlab.PATIENCE)
        self.ready = os.read(ready, 10)
        # A program before it keeps the descriptor too.
        self.ready_closed = self.ready and not before and os.read(ready, 10) == b''
        os.close(ready)
        ports = re.findall(r'listening on (\S+):(\d+)\n', self.log())
        self.addresses = [(host.strip('[]'), int(port)) for host, port in ports]
        self.port = self.addresses[0][1] if self.addresses else None

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(ternlab.PATIENCE)

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def wait_log(self, pattern, count=1):
        def enough():
            found = re.findall(pattern, self.log(), re.M)
            return found if len(found) >= count else None
        return ternlab.wait_until(enough, f'{count} x {pattern!r} in the log')

    def connect(self, source='127.0.0.1'):
        return Client(socket.create_connection(('127.0.0.1', self.port), ternlab.PATIENCE,
                                               (source, 0)))

    def workers(self):
        """The pids of the workers alive."""
        pids = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/stat') as f:
                    fields = f.read().rpartition(')')[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != 'Z':
                pids.append(int(pid))
        return pids
