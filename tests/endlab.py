"""What the tests of the whole system share, on top of ternlab: the history of a message,
what the programs were seen to do, Postfix's test programs."""
import collections
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import ternlab

PEERS = os.path.abspath(os.environ.get('TERN_PEERS') or os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'build', 'peers'))


class Event:
    """A line of a history (tern-queue(5))."""

    def __init__(self, line):
        words = line.split(' ', 8)
        self.crc, self.time, self.event, self.attempt = words[0], int(words[1]), words[2], int(words[3])
        self.recipients = set()
        for part in words[4].split(','):
            first, _, last = part.partition('-')
            self.recipients.update(range(int(first), int(last or first) + 1))
        self.next, self.host, self.address = int(words[5]), words[6], words[7]
        self.text = words[8] if len(words) > 8 else ''

    def __repr__(self):
        return f'{self.event} {self.attempt} at {self.time} next {self.next} {self.text}'


class History:
    """The history of one message, also after it is gone: a second link to the file is kept."""

    def __init__(self, tern, id):
        self.id = id
        self.path = tern.path('queue', 'hist', str(id % 64), str(id))
        self.kept = os.path.join(tern.top, f'history.{id}')
        ternlab.wait_until(self._keep, f'the history of {id}')

    def _keep(self):
        try:
            os.link(self.path, self.kept)
        except FileNotFoundError:
            return False
        return True

    def events(self, kind=None):
        """All of it, or the lines of one kind. A line that is being written is not looked at."""
        with open(self.kept, errors='replace') as f:
            whole = f.read().rpartition('\n')[0]
        found = [Event(line) for line in whole.split('\n') if line]
        return [e for e in found if kind in (None, e.event)]

    def wait(self, count, kind=None, seconds=None):
        def enough():
            found = self.events(kind)
            return found if len(found) >= count else None
        return ternlab.wait_until(enough, f'{count} lines {kind or ""} in a history', seconds)


def id_of(tern, recipient):
    """The id of the message that was first tried for this recipient."""
    return int(tern.wait_log(rf'^starting delivery \d+: msg (\d+) to \w+ {re.escape(recipient)}$')[0][1])


def message(subject, body='Hello.\r\n', sender='ann@tern.test', to='you@example.org'):
    return (f'From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n'
            'Date: Sat, 21 Nov 2026 19:27:46 +0000\r\n'
            f'Message-ID: <{subject}@tern.test>\r\n\r\n{body}').encode('latin-1')


def hand_in(tern, text, mail='', recipients=(), sender='ann@tern.test'):
    """Hands in a message by SMTP with parameters of MAIL, and pairs of recipient and parameters."""
    with tern.smtp() as session:
        session.ehlo()
        for command in [f'MAIL FROM:<{sender}>{mail}', *(f'RCPT TO:<{r}>{p}' for r, p in recipients)]:
            session.send(command.encode() + b'\r\n')
            code, words = session.getreply()
            assert code == 250, (command, code, words)
        code, words = session.data(text)
        assert code == 250, words


def received_ids(data):
    """The ids under which tern queued a message on its way, last first."""
    return [int(m) for m in re.findall(rb'\bid (\d{15,17})\b', data.split(b'\n\r\n')[0].split(b'\n\n')[0])]


def wait_ready(tern, seconds=None):
    """Until all services are up and say that they are ready."""
    ternlab.wait_until(lambda: all(s['up'] and s['ready'] for s in tern.status()['services']),
                       'all services to be ready', seconds)


class Postfix:
    """smtp-source and smtp-sink of Postfix, which tests/packages.sh unpacks."""

    def __init__(self):
        self.bin = os.path.join(PEERS, 'usr', 'sbin')
        self.environment = dict(os.environ,
                                LD_LIBRARY_PATH=os.path.join(PEERS, 'usr', 'lib', 'postfix'))

    def missing(self):
        """Why they can not be used, or nothing."""
        path = os.path.join(self.bin, 'smtp-source')
        return '' if os.access(path, os.X_OK) else f'no {path}: run tests/packages.sh peer'

    def start(self, name, *argv, **more):
        return subprocess.Popen([os.path.join(self.bin, name), *argv], env=self.environment, **more)


class Strace:
    """strace attached to processes that run; gives the lines it wrote."""

    def __init__(self, pids, *options):
        self.folder = tempfile.mkdtemp(prefix='tern-strace.')
        self.output = os.path.join(self.folder, 'trace')
        attach = [word for pid in pids for word in ('-p', str(pid))]
        self.errors = open(os.path.join(self.folder, 'errors'), 'w+')
        self.process = subprocess.Popen(
            ['strace', '-f', '-o', self.output, *options, *attach], stderr=self.errors)
        self.pids = pids

    @staticmethod
    def missing():
        """Why processes can not be traced here, or nothing."""
        if not shutil.which('strace'):
            return 'strace is not installed'
        victim = subprocess.Popen(['sleep', '60'])
        try:
            done = subprocess.run(['timeout', '-s', 'INT', '1', 'strace', '-p', str(victim.pid)],
                                  capture_output=True, text=True)
            return '' if 'attached' in done.stderr else f'strace: {done.stderr.strip()}'
        finally:
            victim.kill()
            victim.wait()

    def _tracer(self, pid):
        try:
            with open(f'/proc/{pid}/status') as f:
                return int(re.search(r'^TracerPid:\s+(\d+)', f.read(), re.M)[1])
        except (OSError, TypeError):
            return -1

    def __enter__(self):
        ternlab.wait_until(lambda: all(self._tracer(p) for p in self.pids), 'strace to attach')
        return self

    def __exit__(self, *rest):
        self.stop()
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        """Detaches; then lines() has all."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(ternlab.PATIENCE)

    def lines(self):
        with open(self.output, errors='replace') as f:
            return f.read().splitlines()


class Crowd:
    """What a Sink answers with, to see how many transactions it is in at once, and whose. A
    transaction counts from its first recipient to just before the reply to its text."""

    def __init__(self):
        self.changed = threading.Condition()
        self.open = {}  # of each connection's thread: the domain it is about
        self.most = 0
        self.most_of = collections.Counter()  # of each domain
        self.held = 0

    def __call__(self, verb, rest):
        me = threading.get_ident()
        with self.changed:
            if verb == 'RCPT':
                self.open.setdefault(me, rest.rpartition(b'@')[2].split(b'>')[0].decode())
                domain = self.open[me]
                self.most = max(self.most, len(self.open))
                self.most_of[domain] = max(self.most_of[domain], list(self.open.values()).count(domain))
                self.changed.notify_all()
            elif verb == '.':
                self.changed.wait_for(lambda: self.held == 0, ternlab.PATIENCE)
                self.open.pop(me, None)
            elif verb == 'CONNECT':
                self.open.pop(me, None)  # the kernel gives the names of threads again
        return None

    def hold(self, count=1):
        """From now on nobody gets a reply to a text, until release() has seen so many at once."""
        with self.changed:
            self.held = count

    def release(self):
        """Waits until as many as hold() said are open at once, then lets all go."""
        with self.changed:
            came = self.changed.wait_for(lambda: len(self.open) >= self.held, ternlab.PATIENCE)
            held, self.held = self.held, 0
            self.changed.notify_all()
            if not came:
                raise ternlab.Timeout(f'{len(self.open)} of {held} transactions at once')
