#!/usr/bin/python3
"""Homes, .qmail files and mailboxes that are broken, unsafe or change while a
delivery runs; many deliveries at once."""
import fcntl
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import locallab
import ternlab
from locallab import MESSAGE, User, Worker

tap = ternlab.Tap()


def defers(user, name, want=b'', **more):
    done = user.deliver(**more)
    good = done.returncode == 111 and want in done.stderr and len(done.stderr) < 1000
    if not tap.ok(good, name):
        print(f'# {done}', flush=True)


with User() as user:
    # the home
    user.maildir()
    for mode in (0o777, 0o757, 0o775, 0o1755, 0o000):
        if mode == 0 and not locallab.ROOT:
            continue
        os.chmod(user.home, mode)
        defers(user, f'a home of mode {mode:o}')
    os.chmod(user.home, 0o755)
    tap.equal(user.mail(), [], 'and nothing was delivered')
    done = user.deliver(program=[locallab.LOCAL, '--', 'joe', '/no/home', 'joe', '', '',
                                 'example.org', 's@x', './Maildir/'])
    tap.ok(done.returncode == 111 and b'/no/home' in done.stderr, 'no home')

    # .qmail
    for mode in (0o620, 0o602, 0o666):
        user.write('.qmail', './Maildir/\n', mode)
        defers(user, f'a .qmail of mode {mode:o}', b'writable')
    if locallab.ROOT:
        user.write('.qmail', './Maildir/\n', 0o600)
        os.chown(user.path('.qmail'), 0, 0)
        defers(user, 'a .qmail that can not be read', b'.qmail')
    os.unlink(user.path('.qmail'))
    os.mkfifo(user.path('.qmail'))
    os.chmod(user.path('.qmail'), 0o644)
    defers(user, 'a fifo', b'regular')
    os.unlink(user.path('.qmail'))
    os.mkdir(user.path('.qmail'))
    defers(user, 'a directory', b'regular')
    os.rmdir(user.path('.qmail'))
    os.symlink('/dev/zero', user.path('.qmail'))
    defers(user, 'a link to a device')
    os.unlink(user.path('.qmail'))
    os.symlink('.qmail', user.path('.qmail'))
    defers(user, 'a link to itself')
    os.unlink(user.path('.qmail'))
    user.write('real', './Maildir/\n')
    os.symlink('real', user.path('.qmail'))
    tap.equal(user.deliver().returncode, 0, 'a link to a file')
    os.unlink(user.path('.qmail'))
    comment = b'#' + b'x' * 9998 + b'\n'
    limit = 256 * 1024
    for size, code in ((limit - 1, 0), (limit, 0), (limit + 1, 111), (10000000, 111)):
        text = (b'./Maildir/\n' + comment * (size // len(comment) + 1))[:size]
        user.write('.qmail', text)
        tap.equal(user.deliver().returncode, code, f'a .qmail of {size} bytes: {code}')
    for name, text in (('a NUL', b'./Maildir/\n|echo \0 x\n'),
                       ('a line too long', b'./Maildir/\n#' + b'x' * 16384 + b'\n'),
                       ('an empty address', b'./Maildir/\n&\n')):
        user.write('.qmail', text)
        count = len(user.mail())
        defers(user, name, b'.qmail:2:')
        tap.equal(len(user.mail()), count, f'{name}: nothing above it is done')

    # Maildirs and mboxes that are none
    other = user.path('other')
    for part in ('', 'new', 'tmp'):
        user.clear()
        user.maildir('other')
        for kind in ('link', 'fifo', 'file', 'device', 'nothing', 'foreign'):
            path = user.path('Maildir', part).rstrip('/')
            subprocess.run(['rm', '-rf', user.path('Maildir')], check=True)
            if part:
                user.maildir()
                os.rmdir(path)
            if kind == 'link':
                os.symlink(os.path.join(other, part), path)
            elif kind == 'fifo':
                os.mkfifo(path)
            elif kind == 'file':
                user.write(os.path.relpath(path, user.home), b'')
            elif kind == 'device':
                os.symlink('/dev/null', path)
            elif kind == 'foreign':
                if not locallab.ROOT:
                    continue
                os.mkdir(path)
                for inner in () if part else ('tmp', 'new', 'cur'):
                    os.mkdir(os.path.join(path, inner))
                    os.chmod(os.path.join(path, inner), 0o777)
                os.chmod(path, 0o777)
            name = f'Maildir/{part} is a {kind}' if part else f'the Maildir is a {kind}'
            if kind == 'link' and not part:
                tap.equal(user.deliver().returncode, 0, 'the Maildir itself may be a link')
                tap.equal(len(user.mail('other')), 1, 'which is followed')
                continue
            defers(user, name)
            there = [f for d in ('other/new', 'other/tmp', 'Maildir/tmp', 'Maildir/new')
                     if os.path.isdir(user.path(d)) and not (d == 'other/new' and not part)
                     for f in os.listdir(user.path(d))]
            tap.equal(there, [], f'{name}: nothing is left')
    user.clear()
    user.write('.qmail', './box\n')
    os.mkfifo(user.path('box'))
    os.chmod(user.path('box'), 0o666)
    defers(user, 'an mbox that is a fifo', b'box')
    os.unlink(user.path('box'))
    os.symlink('/dev/null', user.path('box'))
    defers(user, 'an mbox that is a device', b'regular')
    os.unlink(user.path('box'))
    os.mkdir(user.path('box'))
    defers(user, 'an mbox that is a directory')
    os.rmdir(user.path('box'))

    # locks: a short one is waited for
    user.write('box', b'')
    for name, lock, unlock in (
            ('fcntl', lambda f: fcntl.lockf(f, fcntl.LOCK_EX), lambda f: fcntl.lockf(f, fcntl.LOCK_UN)),
            ('flock', lambda f: fcntl.flock(f, fcntl.LOCK_EX), lambda f: fcntl.flock(f, fcntl.LOCK_UN))):
        before = user.read('box')  # not later: closing a file drops fcntl's lock
        with open(user.path('box'), 'r+b') as f:
            lock(f)
            done = []
            thread = threading.Thread(target=lambda: done.append(user.deliver()))
            thread.start()
            thread.join(0.5)
            tap.ok(not done and os.path.getsize(user.path('box')) == len(before),
                   f'an mbox locked by {name} is waited for')
            unlock(f)
            thread.join(ternlab.PATIENCE)
            tap.ok(done and done[0].returncode == 0, 'and then written')

    # many at once
    user.clear()
    user.maildir()
    with tempfile.TemporaryFile() as f:
        f.write(MESSAGE)
        f.flush()
        workers = [Worker(user) for _ in range(8)]
        for worker in workers:
            for _ in range(40):
                worker.send(f.fileno(), len(MESSAGE))
        letters = {worker.report()[1][0][0] for worker in workers for _ in range(40)}
        for worker in workers:
            worker.close()
    tap.equal((letters, len(user.mail()), user.files('Maildir/tmp')), ({'K'}, 320, []),
              '8 workers, 320 deliveries: each is there, under a name of its own')
    user.write('.qmail', './box\n')
    with tempfile.TemporaryFile() as f:
        f.write(MESSAGE)
        f.flush()
        workers = [Worker(user) for _ in range(4)]
        for worker in workers:
            for _ in range(10):
                worker.send(f.fileno(), len(MESSAGE))
        letters = {worker.report()[1][0][0] for worker in workers for _ in range(10)}
        for worker in workers:
            worker.close()
    box = user.read('box')
    whole = re.findall(rb'^From \S+ .*\nReturn-Path: .*\nDelivered-To: .*\n' +
                       re.escape(MESSAGE) + rb'\n', box, re.M)
    tap.ok(letters == {'K'} and len(whole) == 40 and b''.join(whole) == box,
           '4 workers, 40 deliveries to one mbox: none is mixed with another')

    # a folder that is swapped all the time
    user.clear()
    user.maildir()
    user.maildir('other')
    stop = threading.Event()

    def swap():
        here, away = user.path('Maildir/new'), user.path('aside')
        while not stop.is_set():
            try:
                os.rename(here, away)
                os.symlink('../other/new', here)
                os.unlink(here)
                os.rename(away, here)
            except OSError:
                pass
            time.sleep(0.001)

    thread = threading.Thread(target=swap)
    thread.start()
    done = {'K': 0, 'T': 0}
    with Worker(user) as worker:
        for _ in range(1500):
            done[worker.deliver()[0]] += 1
    stop.set()
    thread.join(ternlab.PATIENCE)
    tap.ok(done['K'] and done['T'] and len(user.mail()) == done['K'] and user.mail('other') == [] and
           user.files('Maildir/tmp') == [],
           f'new/ swapped for a link, 1500 deliveries: never elsewhere ({done})')
tap.end()
