#!/usr/bin/python3
"""I8: how long tern-send needs after a kill until it goes on, with many messages in the queue.
What it may cost is checked as its own processor time, which does not depend on what else the
machine does; the time on the clock is said too."""
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
MESSAGES = 10000 if faultlab.LONG else 2000
MOST = 5 * MESSAGES / 10000  # seconds of processor
TEXT = b'Subject: restart\n\nhello\n'
DUE = b'due@here.test'


def fill(world):
    """All wait for an hour but the last, which a scan finds last. Returns its id."""
    now = int(time.time())
    whole = spoollab.entry(TEXT, b's@from.test', [b'a@r1.test', b'b@r2.test'])
    history = spoollab.event(b'deferred', b'0-1', b'later', next=now + 3600)
    for n in range(MESSAGES):
        world.put(f'm{n}', TEXT, b'', [], data=whole, history=history, due=now + 3600)
    return world.put('due', TEXT, b's@from.test', [DUE], due=now - 5,
                     history=spoollab.event(b'deferred', b'0', b'later', next=now - 5))


def life(world, id):
    """Until the message that is due has been delivered; seconds on the clock, and of processor."""
    began = time.monotonic()
    with world.send() as send:
        came = send.run(lambda: world.delivered[id, DUE])
        took = time.monotonic() - began
        send.signal(signal.SIGKILL)
        send.run(lambda: send.code is not None)
        return came, took, faultlab.processor_seconds(send.usage)


with sendlab.World() as world:
    id = fill(world)
    came, took, spent = life(world, id)
    lab.ok(came, f'{MESSAGES} messages: the one that is due is delivered')
    lab.ok(spent <= MOST, f'... for {spent:.2f} s of processor of at most {MOST:.1f}')
    id = world.put('again', TEXT, b's@from.test', [DUE], due=int(time.time()) - 5,
                   history=spoollab.event(b'deferred', b'0', b'later', next=1))
    came, again, spent = life(world, id)
    lab.ok(came and spent <= MOST, f'after a kill: for {spent:.2f} s of processor')
    waiting = {world.ids[f'm{n}'] for n in range(MESSAGES)}
    lab.equal(len(waiting - set(world.names())), 0, 'all that waits is still there')
    print(f'# result: restart tern-send messages {MESSAGES} milliseconds {again * 1000:.0f} '
          f'processor {spent * 1000:.0f}')
lab.end()
