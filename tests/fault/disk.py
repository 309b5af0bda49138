#!/usr/bin/python3
"""A disk without a free byte, or without an inode, under tern-send and tern-local: all waits,
and is done once there is room."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import locallab
import sendlab
import spoollab
import ternlab

lab = ternlab.Tap()


class Disk:
    """A small file system of its own. Raises OSError where one can not be mounted."""

    def __init__(self, options):
        self.path = tempfile.mkdtemp(prefix='tern-disk.')
        os.chmod(self.path, 0o755)
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tern-test', self.path],
                              capture_output=True)
        if done.returncode != 0:
            os.rmdir(self.path)
            raise OSError(done.stderr.decode())
        self.old, tempfile.tempdir = tempfile.tempdir, self.path

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        tempfile.tempdir = self.old
        os.chdir('/')
        subprocess.run(['umount', self.path], check=True)
        os.rmdir(self.path)

    def fill(self):
        """Takes what is left of it."""
        os.mkdir(os.path.join(self.path, 'filler'))
        n = 0
        try:
            while True:
                with open(os.path.join(self.path, 'filler', str(n)), 'wb', buffering=0) as f:
                    n += 1
                    while not self.full_inodes():
                        f.write(b'x' * 4096)
        except OSError:
            pass

    def full_inodes(self):
        """Whether this is the disk that is to run out of inodes: then its files are empty."""
        return os.statvfs(self.path).f_files < 5000

    def free(self):
        shutil.rmtree(os.path.join(self.path, 'filler'))


KINDS = {'no space': 'size=4m', 'no inodes': 'size=50m,nr_inodes=400'}


def send(name):
    with Disk(KINDS[name]) as disk, sendlab.World() as world:
        broken = sendlab.fill(world)
        now = int(time.time())
        for n in range(5):
            world.put(f'd{n}', b'x\n', b's@from.test', [b'later1x@r5.test', b'never@r5.test'])
            world.put(f'h{n}', b'x\n', b's@from.test', [b'later1x@r5.test', b'never@r5.test'],
                      history=spoollab.event(b'deferred', b'0-1', next=now - 5), due=now - 5)
        open(world.file('queue/lock/send'), 'w').close()  # of its last start
        disk.fill()
        with world.send() as send:
            full = send.run(lambda: b'can not be written, will try again' in send.log, ternlab.PATIENCE)
            send.run(send.quiet(0.3), 10)
            early = [pair for pair in world.expected if world.bounced[pair] and
                     not os.path.exists(world.mess(pair[0], 'hist')) and
                     os.path.exists(world.mess(pair[0]))]  # gone before its history: done
            disk.free()
            done = send.run(lambda: world.all_settled() or send.signal(14), ternlab.PATIENCE)
            send.run(send.quiet(0.3), 10)
            lab.ok(send.code is None, f'tern-send, {name}: it goes on')
            lab.ok(full, '... and says what it could not write')
            lab.equal(early, [], '... nobody is told of a failure that is not on disk')
            lab.ok(done, '... with room again all is done without a restart')
            send.signal(15)
            send.run(lambda: send.code is not None, ternlab.PATIENCE)
        wrong = sendlab.recover(world) or world.violations(extra=0, aside=[broken])
        lab.equal(wrong, None, '... once')
        faultlab.result('full-disk', 'tern-send', 1, int(bool(wrong)))


def local(name):
    text = b'Subject: x\n\n' + b'a line of the message\n' * 3000
    with Disk(KINDS[name]) as disk, locallab.User() as user:
        user.maildir()
        user.write('.qmail', './Maildir/\n')
        user.write('.qmail-mbox', './mbox\n')
        tempfile.tempdir = disk.old  # the message itself is elsewhere
        disk.fill()
        done = user.deliver(text)
        lab.equal((done.returncode, user.mail(), os.listdir(user.path('Maildir', 'tmp'))),
                  (111, [], []), f'tern-local, {name}: later, and nothing is left')
        mbox = user.deliver(text, local='joe-mbox', dash='-', ext='mbox')
        lab.equal((mbox.returncode, user.read('mbox') or b''), (111, b''), '... in a mbox too')
        disk.free()
        done = user.deliver(text)
        mbox = user.deliver(text, local='joe-mbox', dash='-', ext='mbox')
        lab.equal((done.returncode, len(user.mail()), mbox.returncode), (0, 1, 0),
                  '... with room again it is delivered')
        faultlab.result('full-disk', 'tern-local', 2, 0)


try:
    with Disk('size=1m'):
        pass
    for kind in KINDS:
        send(kind)
        local(kind)
except OSError as error:
    lab.skip('full disks', f'needs root and mount: {error}'.replace('\n', ' '))
lab.end()
