#!/usr/bin/python3
"""tern init, up, down and status: an instance is complete, comes up wherever it is,
survives what happens to it, and says what is wrong."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')


def tern_command(*arguments, **more):
    return subprocess.run([TERN, *arguments], capture_output=True, text=True, timeout=100, **more)


def tree(path):
    """What is there, with mode, size and time of change."""
    found = {}
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            st = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (st.st_mode, st.st_size, st.st_mtime_ns, st.st_ino)
    return found


lab = ternlab.Tap()

# The folder.
with ternlab.Instance() as tern:
    before = tree(tern.home)
    again = tern_command('init', *(['--user', str(tern.uid), '--copy'] if tern.root else []), tern.home)
    lab.equal((again.returncode, tree(tern.home)), (0, before), 'init a second time changes nothing')
    for name in ('queue/mess/0', 'queue/mess/63', 'queue/hist/63', 'queue/bad', 'run/queue',
                 'control/me', 'alias/.qmail-postmaster', 'service/send/run', 'bin/tern-queue'):
        lab.ok(os.path.exists(tern.path(name)), f'init makes {name}')
    lab.ok(not os.path.exists(tern.path('control/rcpthosts')), 'but no rcpthosts')
    lab.equal(os.lstat(tern.path('queue/lock/trigger')).st_mode, 0o10620, 'the trigger is a fifo, 0620')
    owners = {os.lstat(path).st_uid for path in before}
    lab.equal(owners, {tern.uid}, 'all of it belongs to its user')
    lab.equal(tern_command('status', tern.home).returncode, 1, 'status of what does not run: exit 1')
    lab.ok('not running' in tern_command('down', tern.home).stdout, 'down of what does not run says so')

    # Wrong use.
    lab.equal(tern_command().returncode, 100, 'no command: exit 100')
    lab.equal(tern_command('nonsense').returncode, 100, 'an unknown command: exit 100')
    lab.equal(tern_command('up', '--nonsense', tern.home).returncode, 100, 'an unknown option: exit 100')
    missing = tern_command('up', tern.path('nowhere'))
    lab.ok(missing.returncode == 100 and 'tern init' in missing.stderr,
           'up of a folder that is not there: exit 100, and what to do')
    incomplete = tern_command('up', tern.path('alias'))
    lab.ok(incomplete.returncode == 100 and 'not a complete instance' in incomplete.stderr,
           'up of a folder that is no instance: exit 100')
    if tern.root:
        refused = tern_command('init', tern.top + '/other')
        lab.ok(refused.returncode == 100 and '--user' in refused.stderr,
               'root gets no instance of its own, but is told of --user')
        refused = tern_command('init', '--user', '0', tern.top + '/other')
        lab.equal(refused.returncode, 100, 'nor by --user 0')
        refused = tern_command('init', '--user', '61001', tern.home)
        lab.equal(refused.returncode, 100, 'nor is an instance given to another user')

# Up and down, deeper than a socket's path may be.
with ternlab.Instance(path='deep' + 'x' * 150 + '/home') as tern:
    tern.up()
    status = tern.status()
    lab.equal(sorted(s['name'] for s in status['services'] if s['up'] and s['ready']),
              ['queue', 'send', 'smtpd', 'verify'], 'all services are ready in a folder with a long path')
    lab.equal(tern_command('status', tern.home).returncode, 0, 'status: exit 0')
    lab.ok({os.stat(f'/proc/{pid}').st_uid for pid in tern.processes()} == {tern.uid},
           'every process is the user\'s')
    environment = open(f"/proc/{tern.processes('tern-send')[0]}/environ").read().split('\0')
    names = {line.partition('=')[0] for line in environment} - {'', 'PATH', 'TERNHOME', 'TZ', 'PWD',
             'OLDPWD', 'SHLVL', '_', 'LD_LIBRARY_PATH', 'LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS'}
    lab.equal(names, set(), 'the services have nothing of the caller\'s environment')
    pids = [s['pid'] for s in status['services']]
    tern.up()
    lab.equal([s['pid'] for s in tern.status()['services']], pids, 'up a second time changes nothing')

    # s6-svscan is killed: its supervisors are healed away.
    tern.kill('s6-svscan')
    ternlab.wait_until(lambda: not tern.processes('s6-svscan'), 's6-svscan to be gone')
    lost = tern_command('status', tern.home)
    lab.ok(lost.returncode == 1 and 'tern up' in lost.stdout, 'status sees that s6-svscan was killed')
    tern.up()
    lab.ok(all(s['ready'] for s in tern.status()['services']), 'and up mends it')
    lab.equal(len(tern.processes('s6-svscan')), 1, 'with one s6-svscan')
    lab.equal(len(tern.processes('tern-send')), 1, 'and one tern-send')
    tern.kill('s6-svscan')
    ternlab.wait_until(lambda: not tern.processes('s6-svscan'), 's6-svscan to be gone')
    done = tern.down()
    lab.equal((done.returncode, tern.processes()), (0, []), 'down mends it too')

    # Moved elsewhere, it still works.
    moved = os.path.join(tern.top, 'moved')
    os.rename(tern.home, moved)
    tern.home, tern.bin = moved, os.path.join(moved, 'bin')
    tern.up()
    lab.ok(all(s['ready'] for s in tern.status()['services']), 'an instance can be moved')

# In the foreground, for containers and systemd.
with ternlab.Instance() as tern:
    process = tern.popen('tern', 'up', '--foreground', tern.home)
    ternlab.wait_until(lambda: os.path.exists(tern.path('service/send/supervise/status')) and all(
        s['ready'] for s in tern.status()['services']), 'all to be ready')
    lab.equal(tern.name_of(process.pid), 's6-svscan', 'up --foreground becomes s6-svscan')
    process.send_signal(signal.SIGTERM)
    lab.equal(process.wait(100), 0, 'which ends well on TERM')
    lab.equal(tern.processes(), [], 'with all the rest')

# Wrong settings: the service stays down and says why.
with ternlab.Instance() as tern:
    tern.control('concurrencyremote', 'many')
    up = tern_command('up', tern.home)
    lab.ok(up.returncode == 1 and 'stays down' in up.stdout, 'up says which service stays down')
    lab.ok(tern.log_matches('control/concurrencyremote:1: .*many'), 'its log says file and line')
    lab.ok(tern.log_matches('s6-svc -u service/send'), 'and how to go on')
    tern.control('concurrencyremote')
    tern.s6('s6-svc', '-u', 'service/send')
    ternlab.wait_until(lambda: all(s['ready'] for s in tern.status()['services']), 'the service to come up')
    lab.ok(True, 'mended, it comes up')

    # Down lets go of what hangs, when forced.
    for name in ('tern-send', 's6-supervise', 's6-svscan'):
        tern.kill(name, signal.SIGSTOP)
    done = tern.down(force=True)
    lab.equal((done.returncode, tern.processes()), (0, []), 'down --force ends what hangs, and supervisors that do not answer')
lab.end()
