"""What the tests in Python share: an instance of tern of their own, and SMTP
servers for it to talk to.

    import ternlab
    lab = ternlab.Tap()
    with ternlab.Sink() as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.up()
        tern.send_smtp('a@example.org', ['b@example.net'], b'Subject: x\\r\\n\\r\\nhello\\r\\n')
        message = sink.wait(1)[0]
        lab.ok(message.data.endswith(b'hello\\r\\n'), 'the message arrives')
    lab.end()

All waits have an end. Whatever was started is stopped, and what is left behind
by mistake is an error of the test.
"""
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.path.abspath(os.environ.get('TERN_BUILD') or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'build'))
BIN = os.path.join(BUILD, 'bin')
PATIENCE = float(os.environ.get('TERN_PATIENCE', '60'))  # seconds, for anything
TEST_UID = 61000  # who an instance belongs to when root runs the tests


class Tap:
    """TAP for a test file in Python."""

    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        return bool(good)

    def equal(self, got, want, name):
        if not self.ok(got == want, name):
            print(f'#  got: {got!r}\n# want: {want!r}', flush=True)
        return got == want

    def skip(self, name, why):
        self.count += 1
        print(f'ok {self.count} - {name} # SKIP {why}', flush=True)

    def end(self):
        print(f'1..{self.count}')
        sys.exit(1 if self.failed else 0)


class Timeout(Exception):
    """Something did not happen within PATIENCE."""


def wait_until(condition, what, seconds=None):
    """Calls condition until it gives something true, and returns that."""
    deadline = time.monotonic() + (seconds or PATIENCE)
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Timeout(f'waited {seconds or PATIENCE:.0f} s in vain for {what}')
        time.sleep(0.02)


_held = []


def free_port(host='127.0.0.1'):
    """A port for a server that is started later. It stays ours until the test ends: a socket
    that is bound to it but does not listen keeps the kernel from giving it to others, and
    neither keeps a server with SO_REUSEADDR from it nor answers."""
    held = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((host, 0))
    _held.append(held)
    return held.getsockname()[1]


class Instance:
    """An instance in a temporary folder: tern init, settings, tern up, tern down."""

    def __init__(self, path=None, programs=BIN):
        self.root = os.geteuid() == 0
        self.uid = TEST_UID if self.root else os.geteuid()
        self.top = tempfile.mkdtemp(prefix='tern-test.')
        os.chmod(self.top, 0o755)
        self.home = os.path.join(self.top, path or 'home')
        os.makedirs(os.path.dirname(self.home), exist_ok=True)
        command = [os.path.join(programs, 'tern'), 'init']
        if self.root:
            command += ['--user', str(self.uid), '--copy']
        try:
            subprocess.run(command + [self.home], check=True, stdout=subprocess.DEVNULL)
        except BaseException:
            shutil.rmtree(self.top, ignore_errors=True)
            raise
        self.bin = os.path.join(self.home, 'bin')
        self.port = free_port()
        self.control('smtplisten', f'127.0.0.1:{self.port}')
        self.control('me', 'tern.test')
        self.control('locals', 'tern.test', 'localhost')

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind:
            self.show_logs()
        self.close()

    # Settings and files.

    def path(self, *names):
        return os.path.join(self.home, *names)

    def write(self, name, data, mode=0o644):
        """Writes a file of the instance, owned by its user; makes its folders."""
        path = self.path(name)
        self.folder(os.path.dirname(name))
        with open(path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        if self.root:
            os.chown(path, self.uid, self.uid)
        return path

    def folder(self, name):
        if name and not os.path.isdir(self.path(name)):
            self.folder(os.path.dirname(name))
            os.mkdir(self.path(name))
            if self.root:
                os.chown(self.path(name), self.uid, self.uid)

    def control(self, name, *lines):
        """Sets control/name to the lines; with none, removes it."""
        if lines:
            self.write(f'control/{name}', ''.join(f'{line}\n' for line in lines))
        elif os.path.exists(self.path('control', name)):
            os.unlink(self.path('control', name))

    def alias(self, name, *lines):
        """alias/.qmail-name; a Maildir in it such as ./box/ is made."""
        self.write(f'alias/.qmail-{name}', ''.join(f'{line}\n' for line in lines), 0o600)
        for line in lines:
            if re.fullmatch(r'\./[\w.-]+/', line):
                for part in ('tmp', 'new', 'cur'):
                    self.folder(f'alias/{line[2:]}{part}')

    # Running it.

    def environment(self, **more):
        environment = {k: v for k, v in os.environ.items() if not k.startswith('TERN')}
        environment.update(TERNHOME=self.home, **more)
        return environment

    def _become(self):
        if self.root:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)

    def run(self, *argv, input=b'', check=False, **more):
        """Runs a program of the instance (or a path) as its user, TERNHOME set."""
        program = argv[0] if '/' in argv[0] else os.path.join(self.bin, argv[0])
        return subprocess.run([program, *argv[1:]], input=input, capture_output=True,
                              env=self.environment(**more), cwd=self.home, check=check,
                              timeout=PATIENCE, preexec_fn=self._become)

    def popen(self, *argv, **more):
        program = argv[0] if '/' in argv[0] else os.path.join(self.bin, argv[0])
        return subprocess.Popen([program, *argv[1:]], env=self.environment(), cwd=self.home,
                                preexec_fn=self._become, **more)

    def up(self):
        done = subprocess.run([os.path.join(self.bin, 'tern'), 'up', self.home],
                              capture_output=True, text=True, timeout=100)
        if done.returncode != 0:
            self.show_logs()
            raise RuntimeError(f'tern up: exit {done.returncode}: {done.stdout}{done.stderr}')

    def down(self, force=False):
        options = ['--force'] if force else []
        return subprocess.run([os.path.join(self.bin, 'tern'), 'down', *options, self.home],
                              capture_output=True, text=True, timeout=100)

    def close(self):
        """Stops it, sees that nothing is left, removes it."""
        try:
            done = self.down(force=True)
            if done.returncode != 0:
                print(f'# tern down: {done.stdout}{done.stderr}'.rstrip(), flush=True)
            try:
                wait_until(lambda: not self.processes(), 'the end of all processes')
            except Timeout:
                left = {pid: self.name_of(pid) for pid in self.processes()}
                for pid in left:
                    os.kill(pid, signal.SIGKILL)
                raise RuntimeError(f'left behind: {left}') from None
        finally:
            shutil.rmtree(self.top, ignore_errors=True)

    def signal_send(self, number):
        """HUP, ALRM or TERM to the delivery side."""
        names = {signal.SIGHUP: '-h', signal.SIGALRM: '-a', signal.SIGTERM: '-t'}
        self.s6('s6-svc', names[number], 'service/send')

    def s6(self, *argv):
        return subprocess.run(argv, cwd=self.home, capture_output=True, text=True,
                              timeout=100, check=True, preexec_fn=self._become).stdout

    def status(self):
        done = subprocess.run([os.path.join(self.bin, 'tern'), 'status', '--json', self.home],
                              capture_output=True, text=True, timeout=PATIENCE)
        return json.loads(done.stdout)

    # Its processes.

    @staticmethod
    def name_of(pid):
        try:
            with open(f'/proc/{pid}/comm') as f:
                return f.read().strip()
        except OSError:
            return ''

    def processes(self, name=None):
        """The pids of what belongs to this instance (of that name), oldest first. The kernel
        cuts names at 15 bytes."""
        found = []
        for pid in map(int, filter(str.isdigit, os.listdir('/proc'))):
            if name and self.name_of(pid) != name[:15]:
                continue
            try:
                with open(f'/proc/{pid}/stat') as f:
                    fields = f.read().rpartition(')')[2].split()
                with open(f'/proc/{pid}/environ', 'rb') as f:
                    ours = f'TERNHOME={self.home}\0'.encode() in f.read()
                cwd = os.readlink(f'/proc/{pid}/cwd')
            except OSError:
                continue
            ours = ours or cwd == self.home or cwd.startswith(self.home + '/')
            if ours and fields[0] not in 'ZX' and pid != os.getpid():
                found.append((int(fields[19]), pid))
        return [pid for _, pid in sorted(found)]

    def kill(self, name, number=signal.SIGKILL):
        """Kills the processes of that name; returns their pids."""
        pids = self.processes(name)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        return pids

    # Putting messages in.

    def smtp(self, source='127.0.0.1', port=None, host='127.0.0.1'):
        """An smtplib session; source can be another loopback address."""
        return smtplib.SMTP(host, port or self.port, local_hostname='client.test',
                            timeout=PATIENCE, source_address=(source, 0))

    def send_smtp(self, sender, recipients, data, source='127.0.0.1'):
        """Hands in a message by SMTP, its bytes as they are (CR LF line ends)."""
        with self.smtp(source) as session:
            session.ehlo()
            for code, words in [session.mail(sender), *map(session.rcpt, recipients),
                                session.data(data)]:
                if code != 250:
                    raise smtplib.SMTPResponseException(code, words)

    def sendmail(self, *argv, input=b'', check=True, **more):
        done = self.run('sendmail', *argv, input=input, **more)
        if check and done.returncode != 0:
            raise RuntimeError(f'sendmail: exit {done.returncode}: {done.stderr.decode()}')
        return done

    # Seeing what happens.

    def log(self, service='send'):
        """The lines that the service has logged, without their time stamps."""
        folder = self.path('log', service)
        names = sorted(n for n in os.listdir(folder) if n.startswith('@')) + ['current']
        lines = []
        for name in names:
            try:
                with open(os.path.join(folder, name), errors='replace') as f:
                    lines += [re.sub(r'^@[0-9a-f]{24} ', '', line.rstrip('\n')) for line in f]
            except FileNotFoundError:
                pass
        return lines

    def log_matches(self, pattern, service='send'):
        return [m for m in map(re.compile(pattern).search, self.log(service)) if m]

    def wait_log(self, pattern, count=1, service='send', seconds=None):
        """Waits until count lines match; returns the matches."""
        def enough():
            found = self.log_matches(pattern, service)
            return found if len(found) >= count else None
        return wait_until(enough, f'{count} x {pattern!r} in the log of {service}', seconds)

    def queue(self, kind='mess'):
        """The ids in queue/mess (or hist)."""
        return sorted(int(name) for shard in range(64)
                      for name in os.listdir(self.path('queue', kind, str(shard))))

    def wait_queue_empty(self, seconds=None):
        wait_until(lambda: not self.queue('mess') and not self.queue('hist'),
                   'an empty queue', seconds)

    def maildir(self, name):
        """The messages in a Maildir below the instance ("alias/box"), as bytes, by age."""
        folder = self.path(name, 'new')
        messages = []
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, file), 'rb') as f:
                messages.append(f.read())
        return messages

    def wait_maildir(self, name, count=1, seconds=None):
        return wait_until(lambda: len(self.maildir(name)) >= count and self.maildir(name),
                          f'{count} messages in {name}', seconds)

    def show_logs(self, lines=40):
        for service in ('queue', 'smtpd', 'send'):
            for line in self.log(service)[-lines:] if os.path.isdir(self.path('log')) else []:
                print(f'# {service}: {line}', flush=True)


class Message:
    """What a Sink accepted (or refused after DATA)."""

    def __init__(self, sender, recipients, data, peer, connection, options):
        self.sender, self.recipients, self.data = sender, recipients, data
        self.peer, self.connection, self.options = peer, connection, options
        self.time = time.monotonic()


class Sink:
    """An SMTP server in a thread, with line ends and dots as they came but for dot stuffing.

    What it answers is chosen by the local part of a recipient: "CODE..." such as
    451.later@x or 550.gone@x is refused with that code at RCPT; data451...@x is taken
    at RCPT and the message refused with 451 after DATA. Or by `answer`, a function of
    the verb and the rest of the command, which returns a reply such as
    b'451 4.3.0 no', b'' to say nothing and close, or None for the usual.
    """

    def __init__(self, host='127.0.0.1', port=0, greeting=b'220 sink.test ESMTP',
                 extensions=(b'PIPELINING', b'8BITMIME', b'SIZE 50000000', b'ENHANCEDSTATUSCODES'),
                 answer=None):
        self.greeting, self.extensions, self.answer = greeting, extensions, answer
        self.messages, self.commands = [], []
        self.connections = 0
        self.rcpt_times = {}  # when each recipient was asked for
        self._lock = threading.Condition()
        self._closing = False
        self._sessions = set()
        self._listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ':' in host else socket.AF_INET, backlog=256)
        self.host, self.port = host, self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()

    def close(self):
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            try:
                session.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(PATIENCE)

    def wait(self, count=1, seconds=None):
        """Waits until so many messages have come; returns them all."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.messages) >= count, seconds or PATIENCE):
                raise Timeout(f'{len(self.messages)} of {count} messages came to the sink')
            return list(self.messages)

    def _accept(self):
        while not self._closing:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._sessions.add(connection)
            threading.Thread(target=self._serve, args=(connection, peer, number),
                             daemon=True).start()

    def _serve(self, connection, peer, number):
        try:
            with connection, connection.makefile('rb') as lines:
                self._session(connection, lines, peer, number)
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._sessions.discard(connection)

    def _reply_to(self, verb, rest):
        """The reply of the answer function or None."""
        return self.answer(verb, rest) if self.answer else None

    def _session(self, connection, lines, peer, number):
        greeting = self._reply_to('CONNECT', b'')
        if greeting == b'':
            return
        connection.sendall((greeting or self.greeting) + b'\r\n')
        sender, recipients, options = None, [], b''
        while True:
            line = lines.readline(100000)
            if not line:
                return
            with self._lock:
                self.commands.append((number, line))
            word, _, rest = line.rstrip(b'\r\n').partition(b' ')
            verb = word.upper().decode('ascii', 'replace')
            address = re.match(rb'(?:FROM|TO):<([^>]*)>(.*)', rest, re.I)
            address, options_here = address.groups() if address else (rest, b'')
            reply = self._reply_to(verb, rest)
            if reply == b'':
                return
            if verb == 'RCPT':
                with self._lock:
                    self.rcpt_times.setdefault(address.decode(), []).append(time.monotonic())
                code = re.match(rb'[45]\d\d', address)
                if reply is None and code:
                    reply = code.group() + b' ' + code.group()[:1] + b'.0.0 as you asked'
                if reply is None or reply.startswith(b'2'):
                    recipients.append(address.decode())
            elif verb == 'MAIL' and (reply is None or reply.startswith(b'2')):
                sender, recipients, options = address.decode(), [], options_here
            elif verb in ('RSET', 'EHLO', 'HELO'):
                sender, recipients = None, []
            elif verb == 'QUIT':
                connection.sendall((reply or b'221 2.0.0 bye') + b'\r\n')
                return
            elif verb == 'DATA' and reply is None:
                if not recipients:
                    reply = b'554 5.5.1 no recipients'
                else:
                    connection.sendall(b'354 go on\r\n')
                    reply = self._data(lines, sender, recipients, peer, number, options)
                    if reply == b'':
                        return
                    sender, recipients = None, []
            if reply is None and verb == 'EHLO':
                names = [b'sink.test', *self.extensions]
                reply = b'\r\n'.join(b'250' + (b'-' if i < len(names) - 1 else b' ') + name
                                     for i, name in enumerate(names))
            connection.sendall((reply or b'250 2.0.0 ok') + b'\r\n')

    def _data(self, lines, sender, recipients, peer, number, options):
        data = bytearray()
        while True:
            line = lines.readline()
            if not line:
                return b''
            if line == b'.\r\n':
                break
            data += line[1:] if line.startswith(b'.') else line
        reply = self._reply_to('.', bytes(data))
        for recipient in recipients:
            refusal = re.match(r'data([45]\d\d)', recipient)
            if refusal and reply is None:
                reply = f'{refusal[1]} {refusal[1][0]}.0.0 as you asked'.encode()
        if reply is None or reply.startswith(b'2'):
            with self._lock:
                self.messages.append(
                    Message(sender, recipients, bytes(data), peer, number, options))
                self._lock.notify_all()
        return reply
