#!/usr/bin/python3
"""The disk dies in service: from its n-th write or flush on, all fail. What was acknowledged
before is there when the disk is read again, and everything else is refused for now."""
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crashlab
import ledger
import powercut
import ternlab

LONG = crashlab.LONG
REFUSALS = 6  # after so many the disk has been dead long enough
CLIENTS = 3
FOR_EVER = 1e9  # what was delivered from a dead disk can not be noted: I4 says nothing of it


def client(run, number, stop):
    recipients = (['ok-TAG@remote.test'], ['box@tern.test', 'later1-TAG@remote.test'])
    count = 0
    while not stop.is_set():
        count += 1
        if number == 0 and count % 2:
            run.sendmail(recipients[count // 2 % 2])
        else:
            run.smtp(recipients[count % 2])


def load_until_death(run, operations):
    """Mail from several clients; the disk dies; they go on for a while."""
    run.world.base()
    disks = run.world.record()
    run.book.mark = disks.mark
    os.symlink(disks.path('mark'), run.mark_link)
    run.tern.up()
    stop = threading.Event()
    threads = [threading.Thread(target=client, args=(run, n, stop)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        ternlab.wait_until(lambda: run.book.facts().acked, 'the first message')
        disks.die_after(operations)
        ternlab.wait_until(lambda: sum(e.words[0] in ('refused', 'unknown')
                                       for e in list(run.book.events)) >= REFUSALS,
                           'refusals of the dead disk')
    finally:
        stop.set()
        for thread in threads:
            thread.join(ternlab.PATIENCE)
    run.book.mark = None
    run.world.uncover()  # tern down looks at the queue, and a dead XFS does not even show its folders
    run.tern.down()
    run.world.detach()
    run.world.recording.close()
    run.world.recording = None
    return crashlab.read_log(run.stage.path('log'))


def wrong_refusals(book):
    """Answers other than "not now": an explicit 5xx would make a sender give up."""
    for event in book.events:
        if event.words[0] == 'refused' and not (
                event.words[2].startswith('4') or event.words[2] == '75'):
            yield f'E {" ".join(event.words)}: that is not "not now"'


def die(stage, kind, workload, operations, recover, sync_skipped=None):
    """Returns (violations, images)."""
    run = powercut.Run(stage, kind, workload, sync_skipped)
    try:
        records = load_until_death(run, operations)
        wrong = list(wrong_refusals(run.book))
        events = list(run.book.events)
        replay = crashlab.Replay(run.world.bases, records, 0)
        files = [f'{base}.cut' for base in run.world.bases]
        chosen = [max((i for i in replay.images if i.how == how), key=lambda i: i.at)
                  for how in ('all', 'none')]
        for image in replay.make(sorted(chosen, key=lambda i: i.at), files):
            wrong += run.look(files, [(events, time.time())], FOR_EVER)
            if recover:
                wrong += run.recover(files, events, time.time(), FOR_EVER)
        if not sync_skipped:
            for line in wrong[:10]:
                print(f'# dead after {operations} operations: {line}', flush=True)
        acked = len(ledger.Facts(events).acked)
        print(f'#   dead after {operations} operations: {acked} of {len(run.book.messages)} '
              'messages acknowledged', flush=True)
        return wrong, len(chosen)
    finally:
        run.close()


def main():
    lab = ternlab.Tap()
    kinds = ['ext4', 'xfs', 'btrfs'] if LONG else ['ext4']
    for kind in kinds:
        why = crashlab.missing(kind)
        if why:
            lab.skip(f'a dying disk with {kind}', why)
            continue
        choice = random.Random(1)
        points = [choice.randrange(1, 300) for _ in range(60 if LONG else 8)]
        violations, images = [], 0
        with crashlab.Stage() as stage:
            for n, operations in enumerate(points):
                found, looked = die(stage, kind, ('mixed', 'elsewhere')[n % 2], operations, True)
                violations += found
                images += looked
            print(f'result: dying-disk {kind} mixed points {len(points)} images {images} '
                  f'violations {len(violations)}', flush=True)
            lab.equal(violations, [], f'{kind}: what was acknowledged before the disk died is there')
            found, looked = die(stage, kind, 'mixed', 100, False, 'entry')
            print(f'result: dying-disk {kind} mixed-without-fsync-of-entry points 1 '
                  f'images {looked} violations {len(found)}', flush=True)
            lab.ok(any(line.startswith('I1') for line in found),
                   f'{kind}: it is noticed when the fsync of the entry is left out')
    lab.end()


if __name__ == '__main__':
    main()
