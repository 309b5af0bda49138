"""The ledger: what was sent, what was promised, what has arrived, and whether that
agrees.

    book = ledger.Ledger()
    with ledger.Sink(book) as sink, ternlab.Instance() as tern:
        ...
        message = book.write('ann@tern.test', ['ok@remote.test', 'box@tern.test'])
        book.send_smtp(tern, message)          # notes the try, and the 250
        ...
        held = ledger.Holdings()
        held.add_queue(tern.home)              # what is still queued
        held.add_maildir(tern.path('alias/box'))
        wrong = book.check(book.facts(), held, time.time())

A message is known everywhere by its tag, which it carries in X-Ledger. Whatever
happens is noted as an event, at the moment from which on it counts:

    try TAG              before the first byte is sent
    ack TAG              after the whole 250, or exit 0
    refused TAG CODE     after another answer; unknown TAG: the answer never came
    got TAG RECIPIENT    by a sink, when it has the message and before it says so
    wrong I2 WORDS       by a sink, when what it got is not what was sent

With `mark` an event is also written there (a file of a recording disk), so that the
order of events and writes is known.

The invariants:
  I1 each acknowledged recipient is delivered, bounced or still queued
  I2 the bytes delivered, or queued, are those sent, after our own header lines
  I3 nothing appears that was not sent
  I4 after one crash at most one extra copy, and only of deliveries in flight, or of
     the last WINDOW seconds before a power cut
  I5 a bounce for each recipient that failed; at most one further bounce, and one extra
     copy of each, under the conditions of I4
  I6 nothing stays in the queue once all is settled
  I7 all this without a human: that is how the tests run
  I8 the time of a restart, which is tests/fault/restart.py's: here a machine may be slow
  I9 no message is shown to tern-send before it is durable: tests/crash/trace.py
"""
import collections
import os
import random
import re
import smtplib
import subprocess
import threading
import time

import ternlab

QUEUESTATE = os.path.join(ternlab.BUILD, 'tests', 'tools', 'queuestate')
WINDOW = 4.0  # seconds: the one of I4, and what a loaded machine may be late by
TRACE = re.compile(rb'(?:(?:Received|Delivered-To|Return-Path):.*\n(?:[ \t].*\n)*)*', re.I)
TAG = re.compile(rb'^X-Ledger: (\S+)', re.M)
FINAL_RECIPIENT = re.compile(rb'^Final-Recipient: rfc822; *(\S+)', re.M)
MESSAGE_ID = re.compile(rb'^Message-ID: *(\S+)', re.M | re.I)
DELIVERED_TO = re.compile(rb'^Delivered-To: *(\S+)', re.M)
MAILDIR_TIME = re.compile(r'(\d+)\.M(\d+)')


class Message:
    """What was sent: its text with LF line ends, no more than its tag tells of it elsewhere."""

    def __init__(self, tag, sender, recipients, text):
        self.tag, self.sender, self.recipients, self.text = tag, sender, recipients, text


Event = collections.namedtuple('Event', 'time words')
Copy = collections.namedtuple('Copy', 'tag recipient time')
Bounce = collections.namedtuple('Bounce', 'tag recipient id time')  # id: of the bounce itself


class Facts:
    """What is known to have happened up to a moment."""

    def __init__(self, events=()):
        self.tried, self.acked, self.got, self.problems = set(), set(), [], []
        for event in events:
            self.add(event)

    def add(self, event):
        verb, tag, *rest = event.words
        if verb == 'try':
            self.tried.add(tag)
        elif verb == 'ack':
            self.acked.add(tag)
        elif verb == 'got':
            self.got.append(Copy(tag, rest[0], event.time))
        elif verb == 'wrong':
            self.problems.append(' '.join(event.words[1:]))


class Read:
    """A message found somewhere: whose it is, and what is wrong with its bytes."""

    def __init__(self, book, data):
        data = data.replace(b'\r\n', b'\n')
        tag = TAG.search(data)
        self.tag = tag[1].decode('ascii', 'replace') if tag else None
        self.problem = None
        self.failed = [r.decode() for r in FINAL_RECIPIENT.findall(data)]
        message_id = MESSAGE_ID.search(data)
        self.id = message_id[1].decode('ascii', 'replace') if message_id else None
        delivered_to = DELIVERED_TO.search(data)
        self.delivered_to = delivered_to[1].decode() if delivered_to else None
        message = book.messages.get(self.tag)
        if not message:
            self.problem = f'I3 a message that nobody sent: {data[:60]!r}'
        elif not self.failed and data[TRACE.match(data).end():] != message.text:
            self.problem = f'I2 other bytes than those of {self.tag}: {len(data)} bytes'


class Holdings:
    """What is in a queue and in mailboxes at some moment. Read now, judged later."""

    def __init__(self, book):
        self.book = book
        self.copies = []                          # in mailboxes
        self.bounces = []                         # in mailboxes
        self.open = collections.Counter()         # (tag, recipient) pending or failed
        self.open_bounces = collections.Counter() # (tag, failed recipient, id of the bounce)
        self.problems = []
        self.good = set()                         # paths of the entries that are whole
        self.left = []                            # names in the queue that are no good entry

    def add_queue(self, home):
        """All of home/queue, through the eyes of tern-send."""
        done = subprocess.run([QUEUESTATE], cwd=home, capture_output=True, text=True)
        if done.returncode != 0:
            self.problems.append(f'queuestate: exit {done.returncode} {done.stderr}')
        read = None
        for line in done.stdout.splitlines():
            kind, rest = line.split(' ', 1)
            if kind == 'entry':
                read = self._entry(home, rest)
            elif kind == 'recipient' and read:
                status, _, address = rest.split(' ', 2)
                self._recipient(read, status, address)
            elif kind != 'recipient':
                self.left.append(line)

    def _entry(self, home, rest):
        entry, result, length, _ = rest.split(' ', 3)
        path = os.path.join(home, 'queue', 'mess', str(int(entry) % 64), entry)
        if result != 'good':
            self.left.append(f'{result} {path} {os.path.getsize(path)} bytes')
            return None
        self.good.add(path)
        with open(path, 'rb') as f:
            read = Read(self.book, f.read(int(length)))
        if read.problem:
            self.problems.append(f'{read.problem} (queue {entry})')
        return read if read.tag in self.book.messages else None

    def _recipient(self, read, status, address):
        message = self.book.messages[read.tag]
        expected = [message.sender] if read.failed else message.recipients
        if address not in expected:
            self.problems.append(f'I3 {read.tag} is queued for {address}, to whom it was not sent')
        elif status == 'done':
            return
        elif read.failed:
            for recipient in read.failed:
                self.open_bounces[read.tag, recipient, read.id] += 1
        else:
            self.open[read.tag, address] += 1

    def add_maildir(self, path):
        """What a reader of the Maildir sees: new/ and cur/."""
        for part in ('new', 'cur'):
            folder = os.path.join(path, part)
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                stamp = MAILDIR_TIME.match(name)
                when = int(stamp[1]) + int(stamp[2]) / 1e6 if stamp else 0
                with open(os.path.join(folder, name), 'rb') as f:
                    self.add_copy(f.read(), when=when)

    def add_copy(self, data, recipient=None, when=0):
        """A message in a mailbox; its recipient is that of Delivered-To if not given."""
        read = Read(self.book, data)
        if read.problem:
            self.problems.append(f'{read.problem} (mailbox)')
        if read.tag not in self.book.messages:
            return
        for failed in read.failed:
            self.bounces.append(Bounce(read.tag, failed, read.id, when))
        if not read.failed:
            self.copies.append(Copy(read.tag, recipient or read.delivered_to, when))


class Ledger:
    def __init__(self, mark=None, seed=1):
        self.messages = {}
        self.events = []
        self.mark = mark  # a function that takes bytes
        self.random = random.Random(seed)
        self._lock = threading.Lock()

    # Writing down.

    def note(self, *words):
        with self._lock:
            if self.mark:
                self.mark((' '.join(words) + '\n').encode())
            self.events.append(Event(time.time(), words))

    def facts(self):
        with self._lock:
            return Facts(self.events)

    def write(self, sender, recipients, size=None):
        """A new message; "TAG" in a recipient becomes its tag. Its size is random if not given."""
        with self._lock:
            return self._write(sender, recipients, size)

    def _write(self, sender, recipients, size):
        tag = f't{len(self.messages) + 1}'
        if size is None:
            size = self.random.choice((1, 100, 3000, 4096, 9000, 20000))
        head = (f'From: <{sender}>\nTo: undisclosed-recipients:;\nSubject: {tag}\n'
                f'Date: Sat, 21 Nov 2026 19:27:46 +0000\nMessage-ID: <{tag}@tern.test>\n'
                f'X-Ledger: {tag}\n\n').encode()
        body = bytearray()
        while len(body) < size:
            body += self.random.choice((b'.', b'From ', b'')) + self.random.randbytes(30).hex().encode()
            body += b'\n'
        recipients = [r.replace('TAG', tag) for r in recipients]
        message = Message(tag, sender, recipients, head + bytes(body[:size - 1]) + b'\n')
        self.messages[tag] = message
        return message

    # Sending. Each returns whether it was acknowledged.

    def send_smtp(self, tern, message):
        self.note('try', message.tag)
        try:
            tern.send_smtp(message.sender, message.recipients, message.text.replace(b'\n', b'\r\n'))
        except smtplib.SMTPResponseException as refusal:
            self.note('refused', message.tag, str(refusal.smtp_code))
            return False
        except (OSError, smtplib.SMTPException):
            self.note('unknown', message.tag)
            return False
        self.note('ack', message.tag)
        return True

    def send_sendmail(self, tern, message):
        self.note('try', message.tag)
        try:
            done = tern.run('sendmail', '-i', '-f', message.sender, '--', *message.recipients,
                            input=message.text)
        except (OSError, subprocess.TimeoutExpired):
            self.note('unknown', message.tag)
            return False
        if done.returncode != 0:
            self.note('refused', message.tag, str(done.returncode))
            return False
        self.note('ack', message.tag)
        return True

    # Judging.

    def check(self, facts, held, now, window=WINDOW, settled=False, crashes=1):
        """What is wrong, as a list of lines. `now` is the time of the cut, the last of `crashes`;
        settled: all is said and done, so that the queue must be empty and a failed recipient
        have its bounce."""
        wrong = held.problems + facts.problems
        times = collections.defaultdict(list)
        for copy in facts.got + held.copies:
            times[copy.tag, copy.recipient].append(copy.time)
        bounces = collections.defaultdict(list)  # by bounce
        bounced = collections.defaultdict(list)  # by recipient: each bounce once
        for bounce in held.bounces:
            bounces[bounce.tag, bounce.recipient, bounce.id].append(bounce.time)
        for tag, recipient, ident in {**bounces, **held.open_bounces}:
            bounced[tag, recipient].append(min(bounces[tag, recipient, ident], default=now))
        for tag in facts.acked:
            for recipient in self.messages[tag].recipients:
                key = tag, recipient
                if not (times[key] or bounced[key] or held.open[key]):
                    wrong.append(f'I1 {tag} for {recipient} was acknowledged and is lost')
        for key, when in list(times.items()):
            wrong += self._count(facts, 'I4', 'copies', *key, when, held.open[key], now, window,
                                 crashes)
        for key, when in list(bounced.items()):
            wrong += self._count(facts, 'I5', 'bounces', *key, when, held.open[key], now, window,
                                 crashes)
        for (tag, recipient, ident), when in list(bounces.items()):
            wrong += self._count(facts, 'I5', 'copies of a bounce', tag, recipient, when,
                                 held.open_bounces[tag, recipient, ident], now, window,
                                 crashes)
        for tag, recipient, *_ in [*held.open, *held.open_bounces]:
            if tag not in facts.tried:
                wrong.append(f'I3 {tag} is queued before it was sent')
        if settled:
            wrong += [f'I6 left in the queue: {name}' for name in held.left]
            wrong += [f'I6 still queued: {key}' for key in [*held.open, *held.open_bounces]]
        return wrong

    def _count(self, facts, invariant, what, tag, recipient, when, still, now, window, crashes):
        if not when:
            return
        if tag not in facts.tried or recipient not in self.messages[tag].recipients:
            yield f'I3 {tag} arrived for {recipient}, to whom it was not sent'
        if invariant == 'I5' and not recipient.startswith('fail'):
            yield f'I5 {tag} was bounced for {recipient}, which nobody refused'
        copies = len(when) + still
        before = sorted(t for t in when if t <= now)
        if copies > 1 + crashes:
            yield f'{invariant} {copies} {what} of {tag} for {recipient}'
        elif copies == 2 and before and now - before[0] > window:
            yield (f'{invariant} {tag} for {recipient}: 2 {what}, the first '
                   f'{now - before[0]:.1f} s before the crash')


class Sink(ternlab.Sink):
    """A server that notes what it got, before it says so. A recipient chooses its answer by
    the local part: "later2-..." is refused with 451 twice and then taken, "fail-..." always
    refused with 550; all others are taken."""

    def __init__(self, book, **more):
        self.book = book
        self.asked = collections.Counter()
        super().__init__(answer=self._answer, **more)

    def _answer(self, verb, rest):
        if verb != 'RCPT':
            return None
        address = re.search(rb'<([^>]*)>', rest)[1].decode()
        later = re.match(r'later(\d+)-', address)
        self.asked[address] += 1
        if later and self.asked[address] <= int(later[1]):
            return b'451 4.0.0 later'
        return b'550 5.0.0 never' if address.startswith('fail-') else None

    def _data(self, lines, sender, recipients, peer, number, options):
        reply = super()._data(lines, sender, recipients, peer, number, options)
        if reply is None or reply.startswith(b'2'):
            with self._lock:  # other connections bring theirs at the same time
                ours = next(m for m in self.messages if m.connection == number)
                self.messages.remove(ours)
            data = ours.data
            read = Read(self.book, data)
            if read.problem:
                self.book.note('wrong', *read.problem.split())
            for recipient in recipients:
                self.book.note('got', str(read.tag), recipient)
        return reply
