#!/usr/bin/python3
"""tern-clean: what send sees, and what is left of a message."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import queuelab
import ternlab

lab = ternlab.Tap()


def message(home, ident, kinds=('mess', 'hist')):
    for kind in kinds:
        with open(home.file(f'queue/{kind}/{ident % 64}/{ident}'), 'w') as f:
            f.write(kind)


def left(home, ident):
    return [kind for kind in ('mess', 'hist')
            if os.path.exists(home.file(f'queue/{kind}/{ident % 64}/{ident}'))]


def start(home):
    return subprocess.Popen([os.path.join(ternlab.BIN, 'tern-clean')], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=home.environment(), bufsize=0)


def run(home, requests):
    child = start(home)
    out, err = child.communicate(requests, ternlab.PATIENCE)
    return child.returncode, out, err.decode()


with queuelab.Home() as home:
    ids = [1767225600000000 + n for n in range(300)]
    for ident in ids:
        message(home, ident)
    child = start(home)
    child.stdin.write(b'%d\n' % ids[0])
    lab.equal(child.stdout.read(1), b'+', 'a message is removed')
    lab.equal(left(home, ids[0]), [], '... with its history')
    child.stdin.write(b'%d\n' % ids[0])
    lab.equal(child.stdout.read(1), b'+', 'what is not there is removed')
    child.stdin.write(b'%d' % ids[1])
    child.stdin.write(b'\n%d\n%d\n' % (ids[2], ids[3]))
    lab.equal(b''.join(child.stdout.read(1) for _ in range(3)), b'+++', 'a request in two pieces')
    child.stdin.write(b''.join(b'%d\n' % i for i in ids[4:290]))
    answers = b''
    while len(answers) < 286:
        answers += child.stdout.read(286)
    lab.equal(answers, b'+' * 286, 'many requests at once')
    lab.equal([i for i in ids[:290] if left(home, i)], [], '... are all done')
    lab.equal([i for i in ids[290:] if not left(home, i)], [], '... and nothing else')
    child.stdin.write(b'!%d\n' % ids[290])
    lab.equal(child.stdout.read(1), b'+', 'an entry is set aside')
    lab.equal((left(home, ids[290]), os.listdir(home.file('queue/bad'))),
              (['hist'], [str(ids[290])]), '... into queue/bad')
    os.mkdir(home.file(f'queue/mess/{ids[291] % 64}/{ids[291]}.d'))
    os.unlink(home.file(f'queue/mess/{ids[291] % 64}/{ids[291]}'))
    os.mkdir(home.file(f'queue/mess/{ids[291] % 64}/{ids[291]}'))
    child.stdin.write(b'%d\n%d\n' % (ids[291], ids[292]))
    lab.equal(child.stdout.read(1) + child.stdout.read(1), b'!+',
              'what can not be removed is said so, and does not stop the next')
    lab.equal(left(home, ids[291]), ['mess', 'hist'], '... and its history stays')
    os.rename(home.file('queue/bad'), home.file('queue/gone'))
    child.stdin.write(b'!%d\n!%d\n' % (ids[293], ids[0]))
    lab.equal(child.stdout.read(1) + child.stdout.read(1), b'!+', 'without queue/bad')
    child.stdin.close()
    lab.equal(child.wait(ternlab.PATIENCE), 0, 'it ends when send does')
    child.stdout.close()
    child.stderr.close()

    for requests, name in ((b'x\n', 'a word'), (b'\n', 'nothing'), (b'-1\n', 'a negative number'),
                           (b'01\n', 'a leading zero'), (b'!\n', 'a mark alone'),
                           (b'18446744073709551616\n', 'a number of 65 bits'),
                           (b'1' * 30, 'a long one'), (b'1\0\n', 'a NUL'), (b'../1\n', 'a path'),
                           (b'1234', 'one cut short')):
        code, out, err = run(home, requests)
        lab.equal((code, out), (100, b''), f'it dies of {name}')
        lab.ok(err.startswith('tern-clean: fatal: descriptor 0: '), '... and says so')
    lab.equal(run(home, b'18446744073709551615\n')[:2], (0, b'+'), 'the largest id')
    os.rename(home.file('queue'), home.file('elsewhere'))
    lab.equal(run(home, b'1\n')[0], 100, 'without a queue it does not start')

lab.end()
