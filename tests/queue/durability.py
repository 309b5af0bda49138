#!/usr/bin/python3
"""What is on disk before the answer, and what is left when it can not be."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import queuelab
import ternlab

lab = ternlab.Tap()
QUEUE = os.path.join(ternlab.BIN, 'tern-queue')
MESSAGE = b'Subject: x\n\nhello\n' * 200
ENVELOPE = b'Fa@b.example\0Tc@d.example\0\0'
NAMES = 'openat,open,creat,write,writev,pwrite64,fsync,fdatasync,sync_file_range,close,unlink,' \
        'unlinkat,rename,renameat,link,linkat,truncate,ftruncate,exit_group,sendto,sendmsg'


def order(home, calls, answer):
    """The calls that matter, as words, up to the answer."""
    words, kind = [], {}
    for name, rest, result in calls:
        first = rest.split(',')[0].strip()
        if name == 'openat' and 'queue/mess/' in rest and result != '-1':
            folder = 'O_DIRECTORY' in rest
            kind[result] = 'directory' if folder else 'entry'
            if not folder:
                words.append('create')
        elif name == 'openat' and 'queue/lock/trigger' in rest and result != '-1':
            kind[result] = 'trigger'
        elif name in ('write', 'fsync', 'fdatasync') and first in kind:
            words.append(f'{name} {kind[first]}')
        elif name == 'close':
            kind.pop(first, None)
        elif answer(name, rest):
            words.append('answer')
            break
        elif name in ('fsync', 'fdatasync', 'rename', 'link', 'unlink', 'truncate'):
            words.append(name)
    return words


WANT = ['create', 'write entry', 'fdatasync entry', 'fsync directory', 'write trigger', 'answer']


def the_order():
    with queuelab.Home() as home:
        trigger = os.open(home.file('queue/lock/trigger'), os.O_RDWR | os.O_NONBLOCK)
        trace = home.file('trace')
        code, _, _ = queuelab.run_command(
            home, ['strace', '-f', '-o', trace, '-e', f'trace={NAMES}', QUEUE], MESSAGE, ENVELOPE)
        lab.equal(code, 0, 'a message under strace')
        lab.equal(order(home, faultlab.calls_of(trace), lambda name, rest: name == 'exit_group'), WANT,
                  'command: one fdatasync of the entry, one fsync of its folder, before exit 0')
        with queuelab.Service(home, prefix=['strace', '-D', '-f', '-o', trace, '-e',
                                            f'trace={NAMES}']) as service:
            with service.connect() as client:
                for n in range(3):
                    lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 0, f'message {n + 1}')
        calls, words = faultlab.calls_of(trace), []
        begin = 0
        for end in [i for i, c in enumerate(calls) if c[0] == 'sendto' and '"0 ' in c[1]]:
            words.append(order(home, calls[begin:end + 1], lambda name, rest: name == 'sendto'))
            begin = end + 1
        trigger_known = [w for w in WANT if w != 'write trigger']
        lab.equal([[w for w in found if w != 'write trigger'] for found in words],
                  [trigger_known] * 3, 'service: the same for each of three messages')
        os.close(trigger)


def full_disk():
    """A file system of 1 MiB."""
    place = tempfile.mkdtemp(prefix='tern-queue.')
    mounted = os.geteuid() == 0 and subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=1m,mode=755', 'tern-test', place],
        capture_output=True).returncode == 0
    if not mounted:
        os.rmdir(place)
        lab.skip('a full disk', 'needs root and mount')
        return
    try:
        with queuelab.Home(place) as home:
            with open(home.file('control/diskfloor'), 'w') as f:
                f.write('0\n')
            code, _, error = home.command(b'x' * 2000000, ENVELOPE)
            lab.equal(code, 53, 'command: a message larger than the disk')
            lab.ok('No space left' in error, '... which it says')
            lab.equal(home.names(), [], '... and nothing is left')
            with queuelab.Service(home) as service, service.connect() as client:
                lab.equal(client.submit(b'x' * 2000000, ENVELOPE)[0], 53, 'service: the same')
                lab.equal(home.names(), [], '... and nothing is left')
                lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 0, 'a small one then is taken')
                with open(home.file('filler'), 'wb', buffering=0) as f:
                    try:
                        while f.write(b'x' * 4096):
                            pass
                    except OSError:
                        pass
                home.clear()
                with open(home.file('filler'), 'ab', buffering=0) as f:
                    try:
                        while f.write(b'x' * 4096):
                            pass
                    except OSError:
                        pass
                lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 53, 'a disk without a free byte')
                lab.equal(home.names(), [], '... and nothing is left')
                os.unlink(home.file('filler'))
                lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 0, 'with room again it goes on')
    finally:
        os.chdir('/')
        subprocess.run(['umount', place], check=True)
        os.rmdir(place)


if faultlab.strace_works():
    the_order()
else:
    lab.skip('the order of writing', 'needs strace')
full_disk()
lab.end()
