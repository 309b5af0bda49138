#!/usr/bin/python3
"""tern-send killed, or refused by the system, at each of its system calls: after one more
start in peace every message has been delivered or bounced, whole, and nothing is left."""
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
PATIENCE = 10


def fill(world):
    """A bit of everything; returns the broken one."""
    text = b'Subject: %d\n\n' + b'hello\n' * 20
    world.put('local', text % 1, b's@from.test', [b'joe@here.test'])
    world.put('remote', text % 2, b's@from.test', [b'a@r1.test', b'later1b@r1.test', b'c@r2.test'])
    world.put('bounce', text % 3, b's@from.test', [b'never@r3.test'])
    now = int(time.time())
    half = world.put('half', text % 4, b's@from.test', [b'done@r1.test', b'open@r1.test'],
                     history=spoollab.event(b'delivered', b'0') +
                     spoollab.event(b'deferred', b'1', next=now - 5), due=now - 5)
    world.delivered[half, b'done@r1.test'].append(world.expected[half, b'done@r1.test'])
    data = bytearray(spoollab.entry(text % 5, b's@from.test', [b'joe@here.test']))
    data[10] ^= 1
    broken = world.put('broken', text % 5, b's@from.test', [b'joe@here.test'], data=bytes(data))
    done = world.new_id()
    with open(world.mess(done, 'hist'), 'wb') as f:
        f.write(spoollab.event(b'delivered', b'0'))
    world.put('mixed', text % 6, b'', [b'null1@r4.test', b'trouble1@here.test', b'jim@here.test'])
    return broken


def life(world, prefix, quiet=0.2):
    """One life: what is there, a new message by the trigger, a retry of all, the end."""
    with world.send(prefix=prefix) as send:
        send.run(send.quiet(quiet), PATIENCE)
        if send.code is None:
            text = b'Subject: new\n\nby the trigger\n'
            world.trigger(world.put('new', text, b's@from.test', [b'kim@here.test', b'k@r1.test']))
            send.run(send.quiet(quiet), PATIENCE)
        for _ in range(2):
            if send.code is None and not world.is_empty():
                send.signal(signal.SIGALRM)
                send.run(send.quiet(quiet), PATIENCE)
        if send.code is None:
            send.signal(signal.SIGTERM)
            send.run(lambda: send.code is not None, PATIENCE)
        ended = send.code
        usage = send.usage
    if ended is None:
        return 'did not end after TERM: ' + send.log.decode()[-500:]
    if faultlab.processor_seconds(usage) > 2:
        return f'{faultlab.processor_seconds(usage):.1f} s of processor'
    return None


def judge(point):
    with sendlab.World() as world:
        broken = fill(world)
        trouble = life(world, faultlab.inject(point))
        return trouble or sendlab.recover(world) or world.violations(aside=[broken])


def base():
    with sendlab.World() as world:
        broken = fill(world)
        trace = world.file('trace')
        trouble = life(world, ['strace', '-D', '-o', trace])
        lab.equal(trouble, None, 'a life without a fault')
        lab.equal(world.all_settled(), True, '... settles everything')
        lab.equal(sendlab.recover(world) or world.violations(extra=0, aside=[broken]), None,
                  '... exactly once')
        return faultlab.baseline(trace)


if faultlab.strace_works():
    points = faultlab.points(base())
    faultlab.sweep(lab, 'syscall', 'tern-send', points, judge, sample=160)
else:
    lab.skip('faults at each call of tern-send', 'needs strace')
lab.end()
