#!/usr/bin/python3
"""Programs in .qmail files: what they get, what their exit codes mean, and that
none can hold up or flood a delivery."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import locallab
import ternlab
from locallab import MESSAGE

tap = ternlab.Tap()
PERMANENT = {100, 64, 65, 70, 76, 77, 78, 112}


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0] not in 'ZX'
    except FileNotFoundError:
        return False


with locallab.User() as user:
    def program(command, **more):
        user.write('.qmail', f'|{command}\n')
        return user.deliver(**more)

    # exit codes
    for code in range(0, 128):
        done = program(f'echo words; exit {code}')
        want = 0 if code in (0, 99) else 100 if code in PERMANENT else 111
        if done.returncode != want or b'words\n' not in done.stdout + done.stderr:
            tap.ok(False, f'exit {code}: {done}')
            break
    else:
        tap.ok(True, 'all exit codes from 0 to 127')
    tap.equal(program('exit 100').stderr, b'The program exited 100. (#5.3.0)\n',
              'a program that fails in silence is explained')
    tap.equal(program('echo no such user; exit 100').stderr, b'no such user\n',
              'one that says why is quoted')
    done = program('/no/such/program')
    tap.ok(done.returncode == 111 and b'exited 127' in done.stderr, 'a missing program defers')
    done = program('kill -9 $$')
    tap.ok(done.returncode == 111 and b'signal 9' in done.stderr, 'one ended by a signal defers')

    # 99
    user.maildir()
    with locallab.Queue(user) as queue:
        user.write('.qmail', '&a@example.net\n|exit 99\n./Maildir/\n&b@example.net\n')
        done = user.deliver()
        tap.equal((done.returncode, done.stdout), (0, b'did 0+1+1\nqp 4711\n'),
                  '99: what is above is done, forwards too')
        tap.ok(user.mail() == [] and queue.messages[0][1].endswith(b'\0Ta@example.net\0\0'),
               'what is below is not')

    # what it gets
    program('env >env; pwd >cwd; ls -l /proc/self/fd >fds; cat >one; exit 0',
            local='joe-A-b-c-D', dash='-', ext='A-b-c-D', domain='mail.x.example.org')
    tap.ok(user.read('env') is None, 'an extension does not use .qmail')
    user.write('.qmail-a-default', '|env >env; pwd >cwd; readlink /proc/self/fd/* >fds; exit 0\n')
    done = user.deliver(local='joe-A-b-c-D', dash='-', ext='A-b-c-D', domain='mail.x.example.org')
    tap.equal(done.returncode, 0, 'a program with everything')
    environment = dict(line.split('=', 1) for line in user.read('env').decode().split('\n')
                       if '=' in line)
    lines = environment.pop('UFLINE', '')
    tap.ok(lines.startswith('From sender@example.net ') , 'UFLINE')
    environment = {k: v for k, v in environment.items() if k not in ('PWD', 'SHLVL', '_', 'OLDPWD')}
    tap.equal(environment.pop('PATH', '').split(':')[:3], ['/usr/local/bin', '/usr/bin', '/bin'],
              'PATH is a plain one')
    tap.equal(environment, {
        'TERNHOME': user.tern, 'SENDER': 'sender@example.net', 'NEWSENDER': 'sender@example.net',
        'RECIPIENT': 'joe-A-b-c-D@mail.x.example.org', 'USER': 'joe', 'HOME': user.home,
        'LOCAL': 'joe-A-b-c-D', 'HOST': 'mail.x.example.org', 'HOST2': 'mail.x.example',
        'HOST3': 'mail.x', 'HOST4': 'mail', 'EXT': 'A-b-c-D', 'EXT2': 'b-c-D', 'EXT3': 'c-D',
        'EXT4': 'D', 'DEFAULT': 'b-c-D',
        'DTLINE': 'Delivered-To: joe-A-b-c-D@mail.x.example.org',
        'RPLINE': 'Return-Path: <sender@example.net>'}, 'the environment, and nothing else')
    tap.equal(user.read('cwd'), os.path.realpath(user.home).encode() + b'\n', 'the home')
    fds = user.read('fds').decode().split('\n')
    tap.ok(not any('socket' in fd or 'signal' in fd or user.top in fd for fd in fds
                   if not fd.endswith('/fds')), 'no descriptor of ours')
    program('id -G >groups')
    if locallab.ROOT:
        tap.equal(user.read('groups'), b'%d\n' % locallab.GID, 'no group but its own')
    else:
        tap.skip('no group but its own', 'needs root')
    program('umask >mask')
    tap.equal(user.read('mask').strip()[-3:], b'077', 'a private umask')
    user.write('.qmail', '|cat >one; echo junk >&0; exit 0\n|cat >two; exit 0\n')
    user.deliver()
    tap.ok(user.read('one') == user.read('two') == MESSAGE, 'each program has the whole message')
    program("head -c 5 >one; perl -e 'seek(STDIN,0,0); print <STDIN>' >two")
    tap.equal(user.read('two'), MESSAGE, 'the message can be read again from its start')
    for size in (1024 * 1024, 1024 * 1024 + 1, 3000000):
        message = b'a: b\n\n' + b'x' * (size - 6)
        program('wc -c >one', message=message)
        tap.equal(int(user.read('one')), size, f'a message of {size} bytes')
    tap.equal(program('exit 0', message=b'x' * 3000000).returncode, 0, 'one that reads nothing')
    tap.equal(program("perl -e 'print $SIG{PIPE}||q(default)' >one").returncode, 0, 'signals')
    tap.equal(user.read('one'), b'default', 'are as at the start of any program')
    tap.equal(program('test $$ = $(ps -o pgid= -p $$)').returncode, 0, 'a process group of its own')

    # what it says
    done = program('echo out; echo err >&2')
    tap.equal(done.stdout, b'out\nerr\ndid 0+0+1\n', 'both outputs are reported')
    done = program('yes | head -c 100000000; exit 111')
    tap.ok(done.returncode == 111 and 3900 < len(done.stderr) < 4100, 'a flood is cut')
    done = program("printf 'a\\0b'")
    tap.equal(done.stdout, b'a?b\ndid 0+0+1\n', 'a NUL does not cut it')

    # time
    begin = time.monotonic()
    # Long enough for a shell on a busy machine to write what it is asked to.
    done = program('echo $$ >pid; sleep 1000', options=['-t', '3'])
    tap.ok(done.returncode == 111 and b'too long' in done.stderr, 'one that hangs is ended')
    tap.ok(not alive(int(user.read('pid'))) and time.monotonic() - begin < 60, 'in time')
    done = program("trap '' TERM; sleep 1000 & echo $! >pid; wait; sleep 1000", options=['-t', '3'])
    tap.ok(done.returncode == 111 and b'too long' in done.stderr, 'one that ignores TERM too')
    ternlab.wait_until(lambda: not alive(int(user.read('pid'))), 'the end of the group')
    tap.ok(True, 'and all of its group')
    done = program('yes', options=['-t', '1'])
    tap.ok(done.returncode == 111 and b'too long' in done.stderr, 'an endless flood ends')
    done = program('sleep 1000 & echo $! >pid; exit 0')
    tap.equal((done.returncode, done.stdout), (0, b'did 0+0+1\n'),
              'a child that holds the output is not waited for')
    os.kill(int(user.read('pid')), signal.SIGKILL)
    done = program('exec >&- 2>&-; sleep 0.3; exit 100')
    tap.equal(done.returncode, 100, 'closing the output is not the end')
tap.end()
