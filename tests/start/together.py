#!/usr/bin/python3
"""tern-start: when one of its children dies all are stopped and s6 starts them afresh;
HUP and ALRM reach tern-send; TERM ends all."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

CHILDREN = ('tern-send', 'tern-clean', 'tern-lspawn', 'tern-rspawn', 'tern-bounce')

lab = ternlab.Tap()


def pids(tern):
    return {name: tern.processes(name) for name in (*CHILDREN, 'tern-start')}


def is_fresh(tern, old):
    """Whether each runs once, and none is of the old ones."""
    new = pids(tern)
    return all(len(new[name]) == 1 and new[name] != old[name] for name in new) and all(
        s['ready'] for s in tern.status()['services']) and new


with ternlab.Instance() as tern:
    tern.alias('box', './box/')
    tern.up()
    old = pids(tern)
    lab.ok(all(len(p) == 1 for p in old.values()), 'each child runs once')
    for name in (*CHILDREN, 'tern-start'):
        tern.kill(name)
        tern.wait_log(f'^tern-start: warning: bin/{name} was killed' if name != 'tern-start' else '^status: exiting')
        new = ternlab.wait_until(lambda: is_fresh(tern, old), f'all to be fresh after the end of {name}')
        lab.ok(True, f'kill -9 of {name}: all are started afresh and ready')
        old = new

    tern.control('concurrencyremote', '7')
    tern.signal_send(signal.SIGHUP)
    tern.send_smtp('', ['box@tern.test'], b'Subject: x\r\n\r\nx\r\n')
    tern.wait_log(r'^status: local \d+/\d+ remote \d+/7$')
    lab.ok(True, 'HUP reaches tern-send')

    tern.s6('s6-svc', '-wD', '-d', '-T', '60000', 'service/send')
    lab.equal([p for ps in pids(tern).values() for p in ps], [], 'TERM ends all')
    lab.equal(tern.s6('s6-svstat', '-o', 'exitcode', 'service/send').strip(), '0', 'and tern-start exits 0')
    done = tern.run('tern-start', '-d', '2')
    lab.equal(done.returncode, 100, 'a descriptor below 3: exit 100')
    done = tern.run('tern-start', 'x')
    lab.equal(done.returncode, 100, 'an argument: exit 100')
    tern.control('me')
    done = tern.run('tern-start')
    lab.equal(done.returncode, 100, 'a child that exits 100: exit 100')
    lab.ok(b'control/me' in done.stderr, 'after its reason')
    lab.ok(not any(tern.processes(name) for name in CHILDREN), 'and no child is left')
lab.end()
