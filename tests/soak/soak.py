#!/usr/bin/python3
"""Mail from eight clients to all kinds of recipients while a process of tern is killed every
second and all of them, with their supervision, every half a minute. Then the ledger is settled:
what was acknowledged has arrived whole or came back, and each second copy has its reason.

Takes 45 seconds and the time to settle; with TERN_LONG set 20 minutes, with TERN_SOAK as many
seconds as that says."""
import collections
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ledger
import ternlab

SECONDS = int(os.environ.get('TERN_SOAK') or (1200 if os.environ.get('TERN_LONG') else 45))
RESTART_EVERY = min(30, SECONDS / 3)
CLIENTS = 8
LARGEST = 900_000
LATER, SILENT = 0.10, 0.05  # shares of the recipients, and of the messages, of the sinks
SETTLE = 300                # seconds for what is still queued in the end
SENDER = 'bounces@tern.test'
# A recipient of each kind. "fail" is refused for good, and comes back to SENDER.
KINDS = ('box@tern.test', 'prog@tern.test', 'forward@tern.test', 'ok-TAG@remote.test',
         'ok-TAG@other.test', 'fail-TAG@remote.test')
WEIGHTS = (3, 2, 2, 5, 3, 1)
SUPERVISION = ('s6-svscan', 's6-supervise')
NEVER_DELIVER = ('tern-smtpd', 'tern-verify', 's6-log')  # their end is no reason for a second copy

TAKE = """#!/bin/sh
# A program as a mailbox.
t=$(mktemp {kept}/tmp.XXXXXX) && cat >"$t" && mv "$t" {kept}/message.$$."$(date +%s%N)" || exit 111
"""


class Sink(ledger.Sink):
    """Takes some recipients later, and sometimes takes a message and then says nothing."""

    def _answer(self, verb, rest):
        if verb == 'RCPT' and random.random() < LATER:
            return b'451 4.0.0 later'
        return super()._answer(verb, rest)

    def _data(self, lines, sender, recipients, *rest):
        reply = super()._data(lines, sender, recipients, *rest)
        if reply is None and random.random() < SILENT:
            for recipient in recipients:
                self.book.note('silent', recipient)
            return b''
        return reply


class Clients:
    """Each message is handed in once, whatever the answer."""

    def __init__(self, tern, book):
        self.tern, self.book = tern, book
        self.stop = threading.Event()
        self.errors = []
        self.threads = [threading.Thread(target=self._client, args=(n,)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _size(choice):
        """Mostly small; all that is kept is kept in memory, to be compared."""
        if choice.random() < 0.02:
            return choice.randint(20_000, LARGEST)
        return int(20_000 ** choice.random())

    def _client(self, number):
        choice = random.Random(number)
        try:
            while not self.stop.is_set():
                wanted = choice.choices(KINDS, WEIGHTS, k=choice.choice((1, 1, 1, 2, 3)))
                message = self.book.write(SENDER, sorted(set(wanted)), self._size(choice))
                send = self.book.send_sendmail if choice.random() < 0.05 else self.book.send_smtp
                self.stop.wait(0.2 if send(self.tern, message) else 0.5)
        except Exception as error:
            self.errors.append(error)

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(2 * ternlab.PATIENCE)


class Killer:
    """Remembers whom it killed, and when."""

    def __init__(self, tern):
        self.tern = tern
        self.kills, self.restarts = [], []  # (time, name); times

    def kill_one(self):
        """First the name, so that a lonely daemon is hit as often as one of many workers."""
        by_name = collections.defaultdict(list)
        for pid in self.tern.processes():
            by_name[self.tern.name_of(pid)].append(pid)
        names = sorted(name for name in by_name if name and name not in SUPERVISION)
        if not names:
            return
        name = random.choice(names)
        try:
            os.kill(random.choice(by_name[name]), signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills.append((time.time(), name))

    def _kill_all(self):
        """Those first that would start the others again."""
        for name in SUPERVISION:
            self.tern.kill(name)
        def killed():
            pids = self.tern.processes()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids
        ternlab.wait_until(killed, 'the end of all that was killed')

    def restart(self):
        """By turns with nobody left to tidy up, and by our own last resort."""
        self.restarts.append(time.time())
        if len(self.restarts) % 2:
            self._kill_all()
        else:
            done = self.tern.down(force=True)
            if done.returncode != 0:
                raise RuntimeError(f'tern down --force: {done.stdout}{done.stderr}')
        self.restarts.append(time.time())
        self.tern.up()

    def work(self, seconds):
        began = now = time.monotonic()
        next_kill, next_restart = began + 1, began + RESTART_EVERY
        while now < began + seconds:
            time.sleep(max(0, min(next_kill, next_restart) - now))
            if time.monotonic() >= next_restart:
                self.restart()
                next_restart += RESTART_EVERY
            else:
                self.kill_one()
            now = time.monotonic()
            next_kill = max(now, next_kill + 1) if now >= next_kill else next_kill

    def distance(self, when):
        """Seconds between this time and the nearest death of something that may have delivered."""
        times = [t for t, name in self.kills if name not in NEVER_DELIVER] + self.restarts
        return min((abs(t - when) for t in times), default=float('inf'))


def holdings(tern, book, kept):
    held = ledger.Holdings(book)
    held.add_queue(tern.home)
    for box in ('box', 'bounces'):
        held.add_maildir(tern.path('alias', box))
    # What arrives there was sent to forward@tern.test.
    forwarded = ledger.Holdings(book)
    forwarded.add_maildir(tern.path('alias/forwarded'))
    held.problems += forwarded.problems
    held.copies += [copy._replace(recipient='forward@tern.test') for copy in forwarded.copies]
    for name in os.listdir(kept):
        if name.startswith('message.'):
            path = os.path.join(kept, name)
            with open(path, 'rb') as f:
                held.add_copy(f.read(), 'prog@tern.test', os.stat(path).st_mtime)
    return held


def explain(book, facts, held, killer):
    """Returns (number of second copies, those without a reason)."""
    times = collections.defaultdict(list)
    for copy in facts.got + held.copies:
        times['copy', copy.tag, copy.recipient].append(copy.time)
    for bounce in held.bounces:
        times['bounce', bounce.tag, bounce.recipient].append(bounce.time)
    silent = collections.Counter(e.words[1] for e in book.events if e.words[0] == 'silent')
    by_sink, by_death, unexplained = 0, [], []
    for key, when in times.items():
        extra = len(when) - 1
        told = min(extra, silent[key[2]])
        by_sink += told
        # Of the others each, but for the last, was made when something died.
        far = sorted(map(killer.distance, sorted(when)[:extra]))[:extra - told]
        by_death += [d for d in far if d <= ledger.WINDOW]
        if far and far[-1] > ledger.WINDOW:
            unexplained.append(f'{key}: {len(when)} copies at {sorted(when)}, of which '
                               f'{told} unanswered by the sink, {far} s from a death')
    print(f'# second copies: {by_sink} because the sink took one and said nothing, '
          f'{len(by_death)} of deliveries at most {max(by_death, default=0):.1f} s from a death, '
          f'{len(unexplained)} without a reason', flush=True)
    return by_sink + len(by_death) + len(unexplained), unexplained


def prepare(tern, sinks):
    tern.control('smtproutes', *(f'{domain}:127.0.0.1:{sink.port}'
                                 for domain, sink in zip(('remote.test', 'other.test'), sinks)))
    tern.control('retry', ':0:1s')
    for limit in ('ratebounces', 'ratebouncesdomain'):  # all come back to one
        tern.control(limit, '1000000000/1s')
    for box in ('box', 'bounces', 'forwarded'):
        tern.alias(box, f'./{box}/')
    tern.alias('forward', '&forwarded@tern.test')
    tern.write('kept/.keep', '')
    kept = tern.path('kept')
    tern.alias('prog', '|' + tern.write('take', TAKE.format(kept=kept), 0o755))
    return kept


def settle(tern, clients, killer):
    """From load to an empty queue; says what stands in the way."""
    try:
        killer.work(SECONDS)
    finally:
        clients.finish()
    queued = len(tern.queue())
    began = time.monotonic()
    tern.wait_queue_empty(SETTLE)
    print(f'# {queued} messages were queued when the load ended, gone after '
          f'{time.monotonic() - began:.0f} s', flush=True)


def main():
    lab = ternlab.Tap()
    book = ledger.Ledger()
    with Sink(book) as one, Sink(book) as two, ternlab.Instance() as tern:
        kept = prepare(tern, (one, two))
        tern.up()
        killer = Killer(tern)
        settle(tern, Clients(tern, book), killer) # clients start here
        lab.ok(True, 'the queue is empty in the end, by itself')
        facts, held = book.facts(), holdings(tern, book, kept)
        deaths = len(killer.kills) + len(killer.restarts)
        wrong = book.check(facts, held, time.time(), float('inf'), settled=True, crashes=deaths)
        count, unexplained = explain(book, facts, held, killer)
        bad = os.listdir(tern.path('queue/bad'))
    lost = [line for line in wrong if line.startswith('I1')]
    for line in wrong[:20]:
        print(f'# {line}', flush=True)
    answers = collections.Counter(' '.join(e.words[:1] + e.words[2:]) for e in book.events
                                  if e.words[0] in ('ack', 'refused', 'unknown'))
    print(f'# answers to clients: {dict(answers)}')
    print(f'# killed: {dict(collections.Counter(name for _, name in killer.kills))}')
    print(f'result: soak {SECONDS} messages {len(facts.acked)} kills {len(killer.kills)} restarts '
          f'{len(killer.restarts) // 2} lost {len(lost)} duplicates {count}', flush=True)
    lab.ok(len(facts.acked) > SECONDS, f'{len(facts.acked)} messages are acknowledged')
    lab.equal(wrong[:5], [], 'each arrives whole or comes back, and nothing else does')
    lab.equal(unexplained, [], f'{count} second copies have a reason')
    lab.equal(bad, [], 'no entry was found broken')
    lab.end()


if __name__ == '__main__':
    main()
