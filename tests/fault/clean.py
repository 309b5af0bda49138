#!/usr/bin/python3
"""tern-clean with faults: what it says is done is done, a message never outlives its history,
and nothing else is touched."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import queuelab
import ternlab

lab = ternlab.Tap()
FIRST = 1767225600000000
DONE, BROKEN, OTHERS = range(FIRST, FIRST + 6), FIRST + 6, range(FIRST + 64, FIRST + 70)
REQUESTS = b''.join(b'%d\n' % i for i in DONE) + b'!%d\n' % BROKEN


def fill(home):
    for ident in (*DONE, BROKEN, *OTHERS):
        for kind in ('mess', 'hist'):
            with open(home.file(f'queue/{kind}/{ident % 64}/{ident}'), 'w') as f:
                f.write(kind)


def kinds(home, ident):
    return [kind for kind in ('mess', 'hist')
            if os.path.exists(home.file(f'queue/{kind}/{ident % 64}/{ident}'))]


def run(home, prefix):
    """Exit code, and what it answered."""
    child = subprocess.Popen([*prefix, os.path.join(ternlab.BIN, 'tern-clean')],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env=home.environment(), bufsize=0)
    try:
        out, _ = child.communicate(REQUESTS, ternlab.PATIENCE)
    finally:
        faultlab.stop(child)
    return child.returncode, out


def violations(home, answers):
    bad = home.file(f'queue/bad/{BROKEN}')
    for ident, answer in zip(DONE, answers):
        if answer == ord('+') and kinds(home, ident):
            return f'said to be done: {ident}: {kinds(home, ident)}'
    if answers[6:7] == b'+' and ('mess' in kinds(home, BROKEN) or not os.path.exists(bad)):
        return 'said to be set aside'
    if any(kinds(home, ident) == ['mess'] for ident in (*DONE, *OTHERS)):
        return 'a message without its history'
    if any(len(kinds(home, ident)) != 2 for ident in OTHERS):
        return 'another message is touched'
    if 'mess' not in kinds(home, BROKEN) and not os.path.exists(bad):
        return 'the broken one is lost'
    return None


def judge(point):
    with queuelab.Home() as home:
        fill(home)
        code, answers = run(home, faultlab.inject(point))
        wrong = violations(home, answers)
        if point.name == 'short' and (code, answers) != (0, b'+' * 7):
            return f'{code}, {answers}: short and interrupted calls are no fault'
        code, answers = run(home, [])
        return wrong or violations(home, answers) or \
            (None if (code, answers) == (0, b'+' * 7) else f'I7: then {code}: {answers}')


def good(prefix):
    with queuelab.Home() as home:
        fill(home)
        lab.equal(run(home, prefix), (0, b'+' * 7), 'without a fault')


faultlab.sweeps(lab, 'tern-clean', good, judge, syscall=80, malloc=5, short=5)
lab.end()
