#!/usr/bin/python3
"""tern-send when the wall clock jumps by years: each message is tried once before its time is
used up, none waits longer than the longest interval, and no time is wasted."""
import glob
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import spoollab
import ternlab

lab = ternlab.Tap()
LIBRARY = next(iter(glob.glob('/usr/lib/*/faketime/libfaketime.so.1')), None)
TEXT = b'Subject: clock\n\nhello\n'
YEAR = 366 * 86400
PATIENCE = int(ternlab.PATIENCE)


class Send(sendlab.Send):
    def close(self):
        super().close()
        for name in ('faketime_shm_', 'sem.faketime_sem_'):  # of the library, which can not
            if os.path.exists(f'/dev/shm/{name}{self.child.pid}'):
                os.unlink(f'/dev/shm/{name}{self.child.pid}')


class World(sendlab.World):
    """Its clock is `offset` seconds from ours, which can be changed while tern-send runs."""

    def __init__(self, retry):
        super().__init__(retry=retry)
        self.offset = 0
        self.jump(0)

    def jump(self, seconds):
        self.offset += seconds
        with open(self.file('control/faketime.new'), 'w') as f:
            f.write(f'{self.offset:+d}\n')
        os.rename(self.file('control/faketime.new'), self.file('control/faketime'))

    def send(self):
        return Send(self, env={
            'LD_PRELOAD': LIBRARY, 'FAKETIME_TIMESTAMP_FILE': self.file('control/faketime'),
            'FAKETIME_NO_CACHE': '1', 'DONT_FAKE_MONOTONIC': '1', 'NO_FAKE_STAT': '1'})


def ticks(send):
    with open(f'/proc/{send.child.pid}/stat') as f:
        fields = f.read().rpartition(')')[2].split()
    return int(fields[11]) + int(fields[12])


def running(name, seconds, retry, wait):
    """A jump while messages wait for their next attempt."""
    with World(retry) as world:
        ids = [world.put(f'm{n}', TEXT, b's@from.test', [b'later1%d@r%d.test' % (n, n % 3)])
               for n in range(10)]
        with world.send() as send:
            ok = send.run(lambda: len(world.asked) == 10 and send.is_ready, PATIENCE)
            send.run(send.quiet(0.2), 5)
            lab.ok(ok, f'{name}: all are deferred')
            asked = sum(world.asked.values())
            world.jump(seconds)
            before, began = ticks(send), time.monotonic()
            ok = send.run(lambda: all(world.asked[pair] >= 2 for pair in world.expected), wait)
            lab.ok(ok, f'{name}: each is tried again within {wait} s')
            if not ok:
                print(f'# {sum(world.asked.values()) - asked} of 10')
            send.run(send.quiet(0.5), 5)
            late = world.put('late', TEXT, b's@from.test', [b'good@r9.test'],
                             id=int((time.time() + world.offset) * 1000000))
            world.trigger(late)
            lab.ok(send.run(lambda: world.delivered[late, b'good@r9.test'], PATIENCE),
                   f'{name}: new mail is delivered')
            send.run(seconds=1)
            spent = (ticks(send) - before) / 100
            lab.ok(spent < 0.2 + 0.1 * (time.monotonic() - began),
                   f'{name}: {spent:.2f} s of processor')
            lost = [id for id in ids
                    if not os.path.exists(world.mess(id)) and not any(
                        world.settled(pair) for pair in world.expected if pair[0] == id)]
            lab.equal(lost, [], f'{name}: none is lost')
            early = [pair for pair in world.expected
                     if world.bounced[pair] and world.asked[pair] < 2]
            lab.equal(early, [], f'{name}: none is given up without another attempt')


def start(name, due, retry, wait, later=0):
    """A start with messages whose next attempt is far in the future, or far in the past; the
    clock then goes on by `later` seconds."""
    with World(retry) as world:
        id = world.put('m', TEXT, b's@from.test', [b'good@r1.test'], due=int(time.time()) + due,
                       history=spoollab.event(b'deferred', b'0', b'later',
                                              time=int(time.time()) + due - 60,
                                              next=int(time.time()) + due))
        with world.send() as send:
            send.run(send.quiet(0.3), wait)
            world.jump(later)
            send.signal(signal.SIGHUP)  # it looks at the clock
            ok = send.run(lambda: world.delivered[id, b'good@r1.test'], wait)
            lab.ok(ok, f'{name}: the message is tried within {later + wait} s of the start')


if LIBRARY:
    for jump, word in ((10 * YEAR, 'ten years on'), (-YEAR, 'a year back')):
        running(f'{word}, 3 s apart', jump, ':0:3s', PATIENCE)
    # The longest interval is the last of the built-in ones, four hours and a sixteenth.
    start('next attempt in a year', YEAR, ':0:3s', PATIENCE, later=4 * 3600 + 900)
    start('next attempt ten years ago', -10 * YEAR, ':0:3s', PATIENCE)
else:
    lab.skip('a clock that jumps', 'needs libfaketime')
lab.end()
