#!/usr/bin/python3
"""Five thousand messages at once; then two thousand while every program of tern is killed in
turn. All arrive."""
import collections
import os
import re
import signal
import smtplib
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
COUNT = 5000
KILL_COUNT = 2000
postfix = endlab.Postfix()


def numbers_of(dump):
    """What smtp-sink wrote: for each message the ids that smtp-source and tern gave it."""
    with open(dump, 'rb') as f:
        text = f.read().decode('latin-1')
    return (re.findall(r'^Message-Id: <([^>]+)>', text, re.M | re.I),
            re.findall(r'\bid (\d{16})\b', text))


def five_thousand(folder):
    port = ternlab.free_port()
    dump = os.path.join(folder, 'dump')
    sink = postfix.start('smtp-sink', '-u', 'nobody', '-D', dump, f'127.0.0.1:{port}', '200') \
        if os.geteuid() == 0 else postfix.start('smtp-sink', '-D', dump, f'127.0.0.1:{port}', '200')
    try:
        with ternlab.Instance() as tern:
            tern.control('smtproutes', f':127.0.0.1:{port}')
            tern.up()
            began = time.monotonic()
            source = postfix.start('smtp-source', '-s', '20', '-m', str(COUNT), '-l', '4096',
                                   '-f', 'ann@tern.test', '-t', 'bob@relay.test',
                                   f'127.0.0.1:{tern.port}')
            lab.equal(source.wait(ternlab.PATIENCE), 0,
                      f'smtp-source: {COUNT} messages over 20 sessions are taken')
            taken = time.monotonic()
            tern.wait_queue_empty()
            done = time.monotonic()
            lab.ok(True, 'the queue is empty after')
            print(f'# {COUNT / (taken - began):.0f} messages/s taken, '
                  f'{COUNT / (done - began):.0f} messages/s relayed', flush=True)
            lab.equal(len(tern.wait_log(r'^end msg ', COUNT)), COUNT, 'each has its end in the log')
            lab.equal(tern.log_matches(r'^(warning|alert)|fatal'), [], 'and there was no complaint')
    finally:
        sink.terminate()
        sink.wait(ternlab.PATIENCE)
    theirs, ours = numbers_of(dump)
    lab.equal((len(theirs), len(set(theirs))), (COUNT, COUNT), 'all arrive once')
    lab.equal((len(ours), len(set(ours))), (COUNT, COUNT), 'each under an id of its own')


class Ledger:
    """What a few clients sent: each message has a name, and is sent again until it hears 250,
    as mail servers do it. `doubts` are the names whose text was handed in and got no answer, or
    a 451 because smtpd got none from the queue: there nobody can know, and the second copy is
    the price of not losing it."""

    def __init__(self, tern):
        self.tern = tern
        self.lock = threading.Lock()
        self.next = 0
        self.enough = threading.Event()
        self.taken, self.doubts, self.refused = set(), collections.Counter(), collections.Counter()
        self.errors = []
        self.threads = [threading.Thread(target=self._client, args=(f'127.0.0.{i + 2}',))
                        for i in range(8)]
        for t in self.threads:
            t.start()

    @staticmethod
    def recipient(name):
        """Every 10th goes to a mailbox, every 20th is refused by the relay and comes back."""
        number = int(name[1:])
        if number % 10 == 3:
            return 'box@tern.test'
        return f'550.{name}@relay.test' if number % 20 == 7 else f'{name}@relay.test'

    def _name(self):
        with self.lock:
            if self.enough.is_set() and self.next >= KILL_COUNT:
                return None
            self.next += 1
            return f'm{self.next}'

    def _client(self, address):
        session = None
        try:
            while name := self._name():
                deadline = time.monotonic() + ternlab.PATIENCE
                while name not in self.taken:
                    if time.monotonic() > deadline:
                        raise ternlab.Timeout(f'{name} is not taken')
                    session = self._try(session, address, name)
                time.sleep(0.02) # a steady stream, not a flood
        except Exception as e:
            self.errors.append(e)
        finally:
            if session:
                session.close()

    def _try(self, session, address, name):
        """One attempt. Returns the session for the next, or None when it broke."""
        sending = False
        try:
            session = session or self.tern.smtp(address)
            session.ehlo_or_helo_if_needed()
            text = endlab.message(name, 'x' * 70 + '\r\n')
            for command, argument in ((session.mail, 'ann@tern.test'),
                                      (session.rcpt, self.recipient(name))):
                code, words = command(argument)
                if code != 250:
                    raise smtplib.SMTPResponseException(code, words)
            sending = True
            code, words = session.data(text)
            if code == 250:
                self.taken.add(name)
                return session
            self.refused[code] += 1
            self.doubts[name] += 1
        except smtplib.SMTPResponseException as e:
            self.refused[e.smtp_code] += 1
        except (OSError, smtplib.SMTPException):
            if sending:
                self.doubts[name] += 1
        if session:
            session.close()
        time.sleep(0.05)
        return None

    def finish(self):
        self.enough.set()
        for t in self.threads:
            t.join(ternlab.PATIENCE)


VICTIMS = (('tern-smtpd', 'service'), ('tern-smtpd', 'worker'), ('tern-queue', 'service'),
           ('tern-queue', 'worker'), ('tern-send', 'program'), ('tern-start', 'service'),
           ('tern-rspawn', 'program'), ('tern-remote', 'worker'), ('tern-lspawn', 'program'),
           ('tern-clean', 'program'), ('tern-bounce', 'program'), ('tern-local', 'worker'))


def parent_name(tern, pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return tern.name_of(f.read().rpartition(')')[2].split()[1])
    except OSError:
        return ''


def victim_of(tern, name, which):
    for pid in tern.processes(name):
        # A worker whose parent was killed finishes its connection, as a child of nobody.
        is_worker = parent_name(tern, pid) not in ('s6-supervise', 'tern-start')
        if is_worker == (which == 'worker'):
            return pid
    return None


def kill_each(tern, sink):
    """Returns those that did not come back."""
    missing = []
    for name, which in VICTIMS:
        before = len(sink.messages)
        pid = ternlab.wait_until(lambda: victim_of(tern, name, which), f'a {name}')
        os.kill(pid, signal.SIGKILL)
        ternlab.wait_until(lambda: tern.name_of(pid) == '', f'the end of {name}')
        try:
            ternlab.wait_until(lambda: victim_of(tern, name, which), f'{name} again')
            endlab.wait_ready(tern)
            ternlab.wait_until(lambda: len(sink.messages) > before + 20, f'mail after {name}')
        except ternlab.Timeout as e:
            print(f'# {e}', flush=True)
            missing.append(name)
    return missing


def name_in(data):
    return re.search(rb'^Subject: (m\d+)\r?$', data, re.M)[1].decode()


def explain(arrivals, ledger):
    """Prints why some came more than once; returns the names for which there is no reason."""
    unexplained = []
    twice = {n: ids for n, ids in arrivals.items() if len(ids) > 1}
    by_client = by_delivery = 0
    for name, ids in twice.items():
        entries = len(set(ids))
        by_client += entries - 1
        by_delivery += len(ids) - entries
        if entries - 1 > ledger.doubts[name]:
            unexplained.append(name)
    print(f'# {len(twice)} of {len(arrivals)} came more than once: {by_client} copies because the '
          f'client got no answer to the text, or 451, and sent again; {by_delivery} '
          'because what delivered or noted the delivery was killed in between', flush=True)
    return unexplained, by_delivery


def while_killed():
    with ternlab.Sink() as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.control('retry', ':0:1s')
        tern.alias('box', './box/')
        tern.alias('ann', './ann/')
        tern.up()
        ledger = Ledger(tern)
        try:
            missing = kill_each(tern, sink)
        finally:
            ledger.finish()
        lab.equal(missing, [], f'{len(VICTIMS)} programs killed in turn: each is started again, and mail flows')
        lab.equal(ledger.errors, [], 'every client got rid of all its mail')
        tern.wait_queue_empty()
        lab.ok(True, 'the queue is empty after')
        arrivals = collections.defaultdict(list)
        for m in sink.messages:
            arrivals[name_in(m.data)] += endlab.received_ids(m.data)[-1:]
        for data in tern.maildir('alias/box') + tern.maildir('alias/ann'):
            # In a bounce the id of the original stands in the part that follows the report.
            ids = re.findall(rb'\bid (\d{16})\b', data)
            arrivals[name_in(data[data.index(b'\nSubject: m'):])].append(int(ids[-1]))
        lost = sorted(ledger.taken - set(arrivals))
        lab.equal(lost, [], f'{len(ledger.taken)} messages heard 250: all arrived or came back')
        lab.equal(sorted(set(arrivals) - ledger.taken), [], 'and no others')
        print(f'# replies other than 250 meanwhile: {dict(ledger.refused)}', flush=True)
        unexplained, by_delivery = explain(arrivals, ledger)
        lab.equal(unexplained, [], 'what was queued twice is what a client had to send twice')
        # At most what was under way at twelve deaths: 20 workers each to the relay, the box, the bounces.
        lab.ok(by_delivery <= 12 * 60, f'delivered twice: {by_delivery}, no more than what was under way')
        lab.equal([n for n in os.listdir(tern.path('queue', 'bad'))], [], 'no entry was found broken')


if postfix.missing():
    lab.skip(f'{COUNT} messages from smtp-source to smtp-sink', postfix.missing())
else:
    with tempfile.TemporaryDirectory(prefix='tern-load.') as folder:
        os.chmod(folder, 0o777)
        five_thousand(folder)
while_killed()
lab.end()
