#!/usr/bin/python3
"""Each kind of damage to a stopped queue: what check says of it, what repair does about it, and
that no other message suffers."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import spoollab
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')
FIRST, SECOND = 1700000000000000, 1700000000000001  # the one that is damaged, and a witness
OLD = 1700000000
lab = ternlab.Tap()


def queue(tern, *arguments):
    done = subprocess.run([TERN, 'queue', *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=tern.environment(), timeout=ternlab.PATIENCE)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def name(kind, message=FIRST, shard=None):
    return f'queue/{kind}/{message % 64 if shard is None else shard}/{message}'


class Queue:
    """A queue of two deferred messages; the damage is done by its methods."""

    def __init__(self, tern):
        self.tern = tern
        for kind in ('mess', 'hist', 'bad'):
            for folder, folders, files in os.walk(tern.path('queue', kind), topdown=False):
                for entry in files + [f for f in folders if kind == 'bad' or len(f) > 2]:
                    path = os.path.join(folder, entry)
                    if os.path.isdir(path) and not os.path.islink(path):
                        shutil.rmtree(path)
                    else:
                        os.unlink(path)
        for message in (FIRST, SECOND):
            tern.write(name('mess', message), spoollab.entry(b'Subject: x\n\nhello\n', b'a@example.org', [b'b@example.net']), 0o640)
            tern.write(name('hist', message), spoollab.event(b'deferred', b'0', b'later', next=1800000000), 0o640)

    def path(self, kind):
        return self.tern.path(name(kind))

    def cut(self, kind, length):
        os.truncate(self.path(kind), length)

    def flip(self, kind, at):
        with open(self.path(kind), 'r+b') as f:
            data = bytearray(f.read())
            data[at] ^= 1
            f.seek(0)
            f.write(data)

    def replace(self, kind, make):
        os.unlink(self.path(kind))
        make(self.path(kind))

    def folder(self, path):
        self.tern.folder(os.path.relpath(path, self.tern.home))

    def move(self, kind):
        os.rename(self.path(kind), self.tern.path(name(kind, shard=63)))

    def link(self, kind):
        os.link(self.path(kind), self.tern.path('link'))

    def chmod(self, path, mode):
        os.chmod(self.tern.path(path), mode)

    def chown(self, path):
        os.lchown(self.tern.path(path), 0, 0)


ASIDE, KEPT, GONE, LEFT = 'set aside', 'kept', 'gone', 'left alone'
LOST = 'has lost its seal'
BROKEN = 'is broken'
NO_FILE = 'is not a plain file'
MODE, OWNER, KIND = 'has the mode', 'belongs to the wrong user', 'another kind of file'

# What is done, which path check names, with which words, and what becomes of the message.
rows = [
    ('a message cut to nothing', lambda q: q.cut('mess', 0), name('mess'), LOST, ASIDE),
    ('one cut in its text', lambda q: q.cut('mess', 12), name('mess'), LOST, ASIDE),
    ('one cut by its last byte', lambda q: q.cut('mess', os.path.getsize(q.path('mess')) - 1), name('mess'), LOST, ASIDE),
    ('one made a gigabyte long', lambda q: q.cut('mess', 1 << 30), name('mess'), LOST, ASIDE),
    ('a byte of its text', lambda q: q.flip('mess', 3), name('mess'), BROKEN, ASIDE),
    ('a byte of its envelope', lambda q: q.flip('mess', 25), name('mess'), BROKEN, ASIDE),
    ('a byte of its checksum', lambda q: q.flip('mess', -3), name('mess'), BROKEN, ASIDE),
    ('a byte of its first word', lambda q: q.flip('mess', -46), name('mess'), BROKEN, ASIDE),
    ('a folder in its place', lambda q: q.replace('mess', q.folder), name('mess'), NO_FILE, ASIDE),
    ('a fifo', lambda q: q.replace('mess', os.mkfifo), name('mess'), NO_FILE, ASIDE),
    ('a link to another message', lambda q: q.replace('mess', lambda p: os.symlink(q.tern.path(name('mess', SECOND)), p)),
     name('mess'), NO_FILE, ASIDE),
    ('a second name', lambda q: q.link('mess'), name('mess'), NO_FILE, LEFT),
    ('a wrong mode', lambda q: q.chmod(name('mess'), 0o666), name('mess'), MODE, KEPT),
    ('a wrong folder', lambda q: q.move('mess'), name('mess', shard=63), 'wrong folder', KEPT),
    ('a history cut in its line', lambda q: q.cut('hist', 20), name('hist'), '1 damaged line', 'deferral forgotten'),
    ('a byte of it', lambda q: q.flip('hist', 12), name('hist'), '1 damaged line', 'deferral forgotten'),
    ('a folder in the place of a history', lambda q: q.replace('hist', q.folder), name('hist'), NO_FILE, 'deferral forgotten'),
    ('a fifo there', lambda q: q.replace('hist', os.mkfifo), name('hist'), NO_FILE, 'deferral forgotten'),
    ('a link there', lambda q: q.replace('hist', lambda p: os.symlink('/etc/passwd', p)), name('hist'), NO_FILE, 'deferral forgotten'),
    ('a history in a wrong folder', lambda q: q.move('hist'), name('hist', shard=63), 'wrong folder', KEPT),
    ('a wrong mode of a history', lambda q: q.chmod(name('hist'), 0o600), name('hist'), MODE, KEPT),
    ('a wrong mode of a folder', lambda q: q.chmod('queue/mess/5', 0o777), 'queue/mess/5', MODE, KEPT),
    ('a folder that is missing', lambda q: os.rmdir(q.tern.path('queue/hist/5')), 'queue/hist/5', 'is missing', KEPT),
    ('queue/bad that is missing', lambda q: os.rmdir(q.tern.path('queue/bad')), 'queue/bad', 'is missing', KEPT),
    ('no trigger', lambda q: os.unlink(q.tern.path('queue/lock/trigger')), 'queue/lock/trigger', 'is missing', KEPT),
    ('no lock', lambda q: os.unlink(q.tern.path('queue/lock/send')), 'queue/lock/send', 'is missing', KEPT),
    ('a lock of a wrong mode', lambda q: q.chmod('queue/lock/send', 0o666), 'queue/lock/send', MODE, KEPT),
]
if os.geteuid() == 0:
    rows += [
        ('a message of another user', lambda q: q.chown(name('mess')), name('mess'), OWNER, KEPT),
        ('a history of another user', lambda q: q.chown(name('hist')), name('hist'), OWNER, KEPT),
        ('a folder of another user', lambda q: q.chown('queue/hist/5'), 'queue/hist/5', OWNER, KEPT),
    ]

with ternlab.Instance() as tern:
    def found():
        """What check says: its exit code, path by path, how many there are."""
        code, lines, error = queue(tern, 'check', '--json')
        return code, {line['path']: line['problem'] for line in lines[:-1]}, error

    def listed():
        return {int(message['id']): message['state'] for message in queue(tern, 'ls', '--json')[1]}

    Queue(tern)
    lab.equal((found(), listed()), ((0, {}, ''), {FIRST: 'deferred', SECOND: 'deferred'}), 'nothing is damaged')
    for what, damage, path, words, becomes in rows:
        damage(Queue(tern))
        code, problems, error = found()
        unreadable = words == OWNER and code == 111  # to who asks
        good = (unreadable or (code == 1 and not error)) and words in problems.get(path, '')
        before = listed()
        dry = queue(tern, 'repair', '--dry-run', '--json')
        good = good and listed() == before and found()[1] == problems
        code, lines, error = queue(tern, 'repair', '--json')
        left, now = found()[1], listed()
        good = good and code == (111 if becomes is LEFT else 0) and now.get(SECOND) == 'deferred'
        if becomes is ASIDE:
            good = good and os.path.lexists(tern.path(f'queue/bad/{FIRST}')) and FIRST not in now and left == {}
        elif becomes is KEPT:
            good = good and now.get(FIRST) == 'deferred' and left == {}
        elif becomes is LEFT:
            good = good and list(left) == [path]
        else:
            good = good and now.get(FIRST) == 'waiting'  # a damaged line costs a try, and ends with the message
            good = good and (left == {} or list(left) == [path])
        if not lab.ok(good, f'{what}: {words}; {becomes}'):
            print(f'# {problems} -> {dry} {code} {lines} {error} -> {left} {now}', flush=True)
        if os.path.exists(tern.path('link')):
            os.unlink(tern.path('link'))
    Queue(tern)
    lab.equal((found(), listed()), ((0, {}, ''), {FIRST: 'deferred', SECOND: 'deferred'}), 'nothing is left of it all')

    # What is no message at all.
    tern.write(name('hist', 17), b'', 0o640)
    os.utime(tern.path(name('hist', 17)), (OLD, OLD))
    tern.write(name('mess', 18), b'Received: half', 0o640)
    tern.write(name('mess', 19), b'Received: half', 0o640)
    os.utime(tern.path(name('mess', 19)), (OLD, OLD))
    tern.write('queue/mess/5/README', b'foreign', 0o640)
    code, lines, error = queue(tern, 'repair', '--json')
    lab.equal((code, {line['path'] for line in lines[:-1]}),
              (111, {name('hist', 17), name('mess', 19), 'queue/mess/5/README'}), 'remnants are removed, what is foreign is left alone')
    lab.equal([os.path.exists(tern.path(p)) for p in (name('hist', 17), name('mess', 18), name('mess', 19), 'queue/mess/5/README')],
              [False, True, False, True], 'what may be arriving is kept')
    os.unlink(tern.path('queue/mess/5/README'))

    # Folders that can not be read to their end.
    for command, code in (('check', 111), ('repair', 111), ('repair --dry-run', 0)):
        if not faultlab.strace_works():
            lab.skip(f'{command} of folders that can not be read', 'no strace')
            continue
        done = subprocess.run(['strace', '-qq', '-o', '/dev/null', '-e', 'trace=getdents64', '-e',
                               'inject=getdents64:error=EIO:when=2+2', TERN, 'queue', *command.split()],
                              capture_output=True, text=True, timeout=ternlab.PATIENCE,
                              env={**tern.environment(), 'LSAN_OPTIONS': 'detect_leaks=0'})
        lab.ok(done.returncode == code and 'unable to read queue/mess/7: ' in done.stderr,
               f'{command} of folders that can not be read: {done.returncode}')
lab.end()
