#!/usr/bin/python3
"""tern-send killed, or refused by the system, at each of its system calls, without memory at
each allocation, with short and interrupted calls: after one more start in peace every message
has been delivered or bounced, whole, and nothing is left."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import ternlab

lab = ternlab.Tap()


def judge(point):
    with sendlab.World(warnafter='1') as world:
        broken = sendlab.fill(world)
        trouble = sendlab.life(world, faultlab.inject(point))
        return trouble or sendlab.recover(world) or \
            world.violations(extra=point.name != 'short', aside=[broken],
                             # Of a success that there was no memory to write down nobody is told.
                             reported=point.name not in ('malloc', 'as', 'mmap', 'brk'))


def good(prefix):
    with sendlab.World(warnafter='1') as world:
        broken = sendlab.fill(world)
        trouble = sendlab.life(world, prefix, settle=True)
        lab.equal(trouble, None, 'a life without a fault')
        lab.equal(world.all_settled(), True, '... settles everything')
        lab.equal([sum(world.warned.values()), sum(world.reported.values())], [1, 2],
                  '... and tells of what is late and what was delivered')
        lab.equal(sendlab.recover(world) or world.violations(extra=0, aside=[broken]), None,
                  '... exactly once')


def signals(n):
    """All reads from the n-th on fail: then also those of signals."""
    return judge(faultlab.Point('read', f'{n}+', 'EIO'))


faultlab.sweeps(lab, 'tern-send', good, judge, syscall=80, malloc=30, short=6, workers=6)
if faultlab.strace_works():
    faultlab.sweep(lab, 'syscall-signals', 'tern-send', [*range(4, 16)], signals, 12)
lab.end()
