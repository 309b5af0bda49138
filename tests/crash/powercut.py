#!/usr/bin/python3
"""The power is cut at every moment of the life of a queue: the disk writes down all that
happens to it, and then holds whatever it may hold after a cut. Nothing that was
acknowledged is lost."""
import collections
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crashlab
import ledger
import ternlab

LONG = crashlab.LONG
BOXES = ('box', 'bounces')
SENDER = 'bounces@tern.test'
QUIET = 5  # seconds after which everything that is done must be durable; more than ledger.WINDOW

TAKE = """#!/bin/sh
# A program as a mailbox: keeps the message, and says so where the order of things is known.
t=$(mktemp {kept}/tmp.XXXXXX) && cat >"$t" || exit 111
tag=$(sed -n 's/^X-Ledger: //p' "$t" | head -n 1)
echo "got $tag prog@tern.test" >>{mark} || exit 111
mv "$t" {kept}/message.$$
"""


def accept(run, rounds):
    """Nothing is delivered: what counts is the queue."""
    for n in range(6 * rounds):
        run.smtp(['ok-TAG@remote.test'], size=100000 if n == 3 else None)
    for n in range(3 * rounds):
        run.sendmail(['ok-TAG@remote.test', 'box@tern.test'])


def mixed(run, rounds):
    """Local, remote, both; deferrals; bounces; a program."""
    for n in range(2 * rounds):
        run.smtp(['box@tern.test'])
        run.smtp(['ok-TAG@remote.test'])
        run.smtp(['ok-TAG@remote.test', 'box@tern.test', 'later1-TAG@remote.test'])
        run.smtp(['fail-TAG@remote.test', 'ok-TAG@other.test', 'later1-TAG@other.test'])
        run.smtp(['box@tern.test', 'ok-TAG@remote.test', 'later1-TAG@slow.test'])
    run.sendmail(['prog@tern.test', 'box@tern.test'])


def history(run, rounds):
    for n in range(4 * rounds):
        run.smtp(['ok-TAG@remote.test', 'later1-TAG@remote.test', 'later2-TAG@other.test',
                  'box@tern.test'])
        run.smtp(['box@tern.test', 'ok-TAG@remote.test', 'later1-TAG@slow.test'])


def bounce(run, rounds):
    for n in range(4 * rounds):
        run.smtp(['fail-TAG@remote.test'])
        run.smtp(['fail-TAG@remote.test', 'fail-TAG@other.test', 'ok-TAG@remote.test',
                  'later1-TAG@remote.test'])


def elsewhere(run, rounds):
    for n in range(5 * rounds):
        run.smtp(['box@tern.test'])
        run.smtp(['box@tern.test', 'ok-TAG@remote.test', 'later1-TAG@remote.test'])


Workload = collections.namedtuple('Workload', 'do disks settings')
WORKLOADS = {
    'accept': Workload(accept, 1, {'concurrencyremote': '0', 'concurrencylocal': '0'}),
    'mixed': Workload(mixed, 1, {}),
    'history': Workload(history, 1, {}),
    'bounce': Workload(bounce, 1, {}),
    'elsewhere': Workload(elsewhere, 2, {}),
}


class Run:
    """One workload on recording disks, and what can be made of its log."""

    def __init__(self, stage, kind, name, sync_skipped=None):
        self.stage, self.kind, self.name = stage, kind, name
        self.workload = WORKLOADS[name]
        self.book = ledger.Ledger()
        self.sink = ledger.Sink(self.book)
        self.world = crashlab.World(stage, kind, self.workload.disks)
        self.tern = self.world.tern
        self.mark_link = stage.path('mark')
        self.kept = stage.folder('kept')
        self.slow = 0  # messages that stay
        os.chmod(self.kept, 0o777)
        for what, value in self.workload.settings.items():
            self.tern.control(what, value)
        self.tern.control('smtproutes', f':127.0.0.1:{self.sink.port}')
        self.tern.control('retry', ':0:1s', 'slow.test:0:1h')
        for box in BOXES:
            self.tern.alias(box, f'./{box}/')
        self.tern.alias('prog', '|' + self.tern.write(
            'take', TAKE.format(kept=self.kept, mark=self.mark_link), 0o755))
        if sync_skipped:
            crashlab.skip_sync(self.tern, sync_skipped)

    def smtp(self, recipients, size=None):
        self.slow += any(r.endswith('@slow.test') for r in recipients)
        self.book.send_smtp(self.tern, self.book.write(SENDER, recipients, size))

    def sendmail(self, recipients):
        self.book.send_sendmail(self.tern, self.book.write(SENDER, recipients))

    def record(self, rounds, halves=2, quiet=QUIET):
        self.world.base()
        disks = self.world.record()
        os.symlink(disks.path('mark'), self.mark_link)
        self.book.mark = disks.mark
        self.tern.up()
        for n in range(halves):  # the second half meets what the first has left behind
            self.workload.do(self, rounds)
            if not self.workload.settings:
                ternlab.wait_until(lambda: len(self.tern.queue()) == self.slow,
                                   'the delivery of all but what waits for an hour')
            time.sleep(quiet)
            self.book.note('quiet', str(n))
        self.book.mark = None
        self.tern.down()
        self.world.detach()
        self.world.recording.close()
        self.world.recording = None
        return crashlab.read_log(self.stage.path('log'))

    def look(self, files, moments, window=ledger.WINDOW):
        """What is wrong with what is on the disks now."""
        try:
            self.world.attach(files, crashlab.MS_RDONLY, bind=False)
        except OSError as error:
            return [f'the file system is broken: {error}']
        try:
            held = self.world.holdings(self.book, BOXES)
        finally:
            self.world.detach()
        wrong = []
        for events, when in moments:
            wrong += self.book.check(ledger.Facts(events), held, when, window)
        return wrong

    def recover(self, files, events, when, window=ledger.WINDOW):
        """The same with tern at work until all is settled."""
        self.book.events = list(events)
        os.unlink(self.mark_link)
        open(self.mark_link, 'w').close()
        os.chmod(self.mark_link, 0o666)
        for name, value in self.workload.settings.items():
            self.tern.control(name)
        self.world.attach(files)
        try:
            log = crashlab.settle(self.tern)
            held = self.world.holdings(self.book, BOXES)
        finally:
            self.world.detach()
        for line in open(self.mark_link):
            self.book.note(*line.split())
        wrong = self.book.check(self.book.facts(), held, when, window, settled=True)
        for line in log.splitlines()[-8:] if wrong else []:
            print(f'# {line}')
        return wrong

    def programs_held(self):
        """What is wrong with the bytes that programs got."""
        for name in os.listdir(self.kept):
            if name.startswith('message.'):
                with open(os.path.join(self.kept, name), 'rb') as f:
                    problem = ledger.Read(self.book, f.read()).problem
                if problem:
                    yield problem

    def close(self):
        try:
            self.world.close()
        finally:
            self.sink.close()
            if os.path.lexists(self.mark_link):
                os.unlink(self.mark_link)
            for name in os.listdir(self.kept):
                os.unlink(os.path.join(self.kept, name))


def report(run, points, images, recovered, violations, control=''):
    print(f'result: power-cut {run.kind} {run.name}{control} points {points} images {images} '
          f'recovered {recovered} violations {violations}', flush=True)


def cut(stage, kind, name, rounds, subsets, images, recoveries, sync_skipped=None, label=''):
    """Returns how many violations there were of each invariant."""
    run = Run(stage, kind, name, sync_skipped)
    try:
        records = run.record(rounds) if not sync_skipped else \
            run.record(rounds, 1, QUIET if sync_skipped == 'hist' else 0)
        replay = crashlab.Replay(run.world.bases, records, subsets)
        files = [f'{base}.cut' for base in run.world.bases]
        chosen = replay.sample(images)
        every = max(1, len(chosen) // recoveries) if recoveries else 0
        recovered = points = 0
        violations = collections.Counter()
        shown = set()
        for n, image in enumerate(replay.make(chosen, files)):
            moments = list(replay.moments(image))
            points += len(moments)
            wrong = run.look(files, moments)
            if every and n % every == 0:
                recovered += 1
                wrong += run.recover(files, *moments[-1])
            violations.update(line.split()[0] for line in wrong)
            for line in wrong:
                if line not in shown and len(shown) < 12 and not label:
                    shown.add(line)
                    print(f'# image {image.how} after record {image.at}: {line}', flush=True)
        violations.update(line.split()[0] for line in run.programs_held())
        acked = len(run.book.messages)
        report(run, points, len(chosen), recovered, sum(violations.values()), label)
        print(f'#   of {len(replay.images)} images of {len(records)} records, {acked} messages')
        return violations
    finally:
        run.close()


# (workload, rounds, subsets of each moment, images, of them recovered)
SHORT = [('accept', 1, 2, 120, 5), ('mixed', 1, 2, 160, 10), ('elsewhere', 1, 2, 120, 6)]
LONG_RUNS = [('accept', 6, 4, 1500, 30), ('mixed', 5, 4, 2500, 60), ('history', 4, 4, 1500, 40),
             ('bounce', 4, 4, 1500, 40), ('elsewhere', 5, 4, 2000, 40)]
# (workload, the fsync left out, the invariant that must be seen broken). That of the entry's
# directory is not among them: on these file systems the fsync of a new file carries its name;
# tests/crash/trace.py, which knows no file system, finds it.
CONTROLS = [('elsewhere', 'new', 'I1'), ('accept', 'entry', 'I1'), ('mixed', 'hist', 'I4')]


def main():
    lab = ternlab.Tap()
    kinds = ['ext4', 'xfs', 'btrfs'] if LONG else ['ext4']
    for kind in kinds:
        why = crashlab.missing(kind)
        if why:
            lab.skip(f'power cuts on {kind}', why)
            continue
        with crashlab.Stage() as stage:
            for name, rounds, subsets, images, recoveries in LONG_RUNS if LONG else SHORT:
                share = 1 if kind == 'ext4' else 5
                violations = cut(stage, kind, name, rounds, subsets, images // share,
                                 recoveries // share)
                lab.equal(dict(violations), {}, f'{kind}, {name}: nothing is lost')
            for name, what, invariant in CONTROLS if LONG else CONTROLS[:1]:
                violations = cut(stage, kind, name, 1, 2, 25, 0, what, f'-without-fsync-of-{what}')
                lab.ok(violations[invariant], f'{kind}: it is noticed when the fsync of {what} is '
                       f'left out: {dict(violations)}')
    lab.end()


if __name__ == '__main__':
    main()
