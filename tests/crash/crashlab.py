"""What the tests of crashes share: a mount namespace of their own, recording disks,
images of what was on them at a moment, and an instance of tern whose queue and
mailboxes are there.

Everything lives in one tmpfs that only this process and its children see, and loop
devices free themselves, so that nothing can be left behind however a test ends.
"""
import ctypes
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ledger
import ternlab

HERE = os.path.dirname(os.path.abspath(__file__))
LONG = bool(os.environ.get('TERN_LONG'))
TOOLS = os.path.join(ternlab.BUILD, 'tests', 'crash')
UNIT = 4096
MIB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 1, 4096, 16384, 1 << 18, 2
LOOP_CTL_GET_FREE, LOOP_CONFIGURE, LO_FLAGS_AUTOCLEAR = 0x4C82, 0x4C0A, 4

# Each is slow to write by itself, so that only what is asked for is on the disk.
FILE_SYSTEMS = {
    'ext4': (32 * MIB, ['mkfs.ext4', '-q', '-F', '-b', '4096', '-m', '0', '-J', 'size=4', '-e',
                        'remount-ro', '-E', 'lazy_itable_init=0,lazy_journal_init=0'], 'commit=60'),
    'xfs': (304 * MIB, ['mkfs.xfs', '-q', '-f', '-K'], 'nouuid'),
    'btrfs': (128 * MIB, ['mkfs.btrfs', '-q', '-f', '-K'], 'commit=60'),
}


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f'{what}: {os.strerror(number)}')


def mount(source, target, kind=None, flags=0, options=None):
    encode = lambda s: s.encode() if s else None
    check(libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags),
                     encode(options)), f'mount {source} on {target}')


def unmount(target, flags=0):
    """Waits for what still looks at it, such as a process about to end."""
    for _ in range(3000):
        if libc.umount2(target.encode(), flags) == 0:
            return
        if ctypes.get_errno() != 16:  # EBUSY
            break
        time.sleep(0.02)
    check(-1, f'unmount {target}')


def loop_attach(path):
    """A loop device for the file; it is free again when nobody uses it. Returns its name and an
    open descriptor, to be closed once it is mounted."""
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    with open('/dev/loop-control') as control:
        for _ in range(6000):
            name = f'/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}'
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            info = struct.pack('=5Q4I64s64s32s2Q', 0, 0, 0, 0, 0, 0, 0, 0, LO_FLAGS_AUTOCLEAR,
                               path[-63:].encode(), b'', b'', 0, 0)
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE,
                            struct.pack('=2I', backing, 0) + info + bytes(64))
                os.close(backing)
                return name, device
            except OSError:  # another test was faster
                os.close(device)
                time.sleep(0.01)
    raise RuntimeError('no free loop device')


def mount_image(path, target, kind, flags=0):
    name, device = loop_attach(path)
    try:
        mount(name, target, kind, flags, FILE_SYSTEMS[kind][2])
    finally:
        os.close(device)


def missing(*file_systems):
    """Why this machine can not do it; None when it can."""
    if os.geteuid() != 0:
        return 'needs root'
    for path in ('/dev/fuse', '/dev/loop-control'):
        if not os.path.exists(path):
            return f'needs {path}'
    known = open('/proc/filesystems').read().split()
    for kind in file_systems:
        if kind not in known and subprocess.run(['modprobe', '-q', kind]).returncode != 0:
            return f'this kernel has no {kind}'
        if not shutil.which(FILE_SYSTEMS[kind][1][0]):
            return f'needs {FILE_SYSTEMS[kind][1][0]}'
    if subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode != 0:
        return 'needs mount namespaces'
    return build('recorddisk', '-D_FILE_OFFSET_BITS=64', '-isystem', '/usr/include/fuse3',
                 libraries=['-lfuse3'])


def build(name, *flags, libraries=(), source=None):
    """Makes a tool of tests/crash. Returns what stands in the way, or None."""
    os.makedirs(TOOLS, exist_ok=True)
    source = os.path.join(HERE, source or f'{name}.c')
    new = os.path.join(TOOLS, f'.{name}.{os.getpid()}')
    done = subprocess.run(['cc', '-O2', '-g', '-std=c11', '-Wall', '-Wextra', *flags, '-o', new,
                           source, *libraries], capture_output=True, text=True)
    if done.returncode != 0:
        return f'{name} can not be built: {done.stderr.splitlines()[0] if done.stderr else "?"}'
    os.rename(new, os.path.join(TOOLS, name))
    return None


# What a negative control leaves out: of which program, of a file or a directory, and which.
SYNCS = {
    'entry': ('tern-queue', 'f', '*/queue/mess/*'),
    'directory': ('tern-queue', 'd', '*/queue/mess/*'),
    'mail': ('tern-local', 'f', '*/tmp/*'),
    'new': ('tern-local', 'd', '*/new'),
    'hist': ('tern-send', 'f', '*/queue/hist/*'),
    'hist-directory': ('tern-send', 'd', '*/queue/hist/*'),
}


def skip_sync(tern, what):
    """Replaces one program of the instance by itself without these fsyncs."""
    program, kind, path = SYNCS[what]
    name = f'nosync-{what}'
    why = build(name, '-shared', '-fPIC', f"-DNOSYNC_TYPE='{kind}'", f'-DNOSYNC_PATH="{path}"',
                libraries=['-ldl'], source='nosync.c')
    if why:
        raise RuntimeError(why)
    library = os.path.join(tern.top, name)
    shutil.copy(os.path.join(TOOLS, name), library)
    os.chmod(library, 0o755)
    real = os.path.join(tern.bin, program)
    os.rename(real, f'{real}.real')
    with open(real, 'w') as f:
        f.write(f'#!/bin/sh\nLD_PRELOAD={library} exec {real}.real "$@"\n')
    os.chmod(real, 0o755)


class Stage:
    """The tmpfs, in a namespace of our own. `with` it comes and goes."""

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit('terminated'))
        check(libc.unshare(CLONE_NEWNS), 'unshare')
        mount('none', '/', None, MS_REC | MS_PRIVATE)
        self.top = tempfile.mkdtemp(prefix='tern-crash.')
        mount('tern-crash', self.top, 'tmpfs', 0, 'mode=755,size=4g')
        self.old_tempdir, tempfile.tempdir = tempfile.tempdir, self.top
        return self

    def __exit__(self, *_):
        tempfile.tempdir = self.old_tempdir
        for line in reversed(open('/proc/self/mounts').read().splitlines()):
            target = line.split()[1].encode().decode('unicode_escape')
            if target.startswith(self.top + '/'):
                print(f'# still mounted: {target}', flush=True)
                unmount(target, MNT_DETACH)
        try:
            unmount(self.top)
        except OSError:
            unmount(self.top, MNT_DETACH)
            raise
        finally:
            os.rmdir(self.top)

    def path(self, *names):
        return os.path.join(self.top, *names)

    def folder(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)


def make_image(path, kind, target, fill):
    """A new file system in a file, with what fill(target) puts there."""
    size, mkfs, _ = FILE_SYSTEMS[kind]
    with open(path, 'wb') as f:
        f.truncate(size)
    subprocess.run([*mkfs, path], check=True, stdout=subprocess.DEVNULL)
    mount_image(path, target, kind)
    try:
        fill(target)
    finally:
        unmount(target)


# Record kinds of recorddisk.c.
WRITE, FLUSH, ZERO, MARK = range(4)


class Disks:
    """The recording disks of a run, one for each base image."""

    def __init__(self, stage, bases):
        self.bases = bases
        self.fuse = stage.folder('fuse')
        self.log = stage.path('log')
        self.images = [f'{base}.live' for base in bases]
        for base, image in zip(bases, self.images):
            subprocess.run(['cp', '--sparse=always', base, image], check=True)
        self.process = subprocess.Popen(
            [os.path.join(TOOLS, 'recorddisk'), self.fuse, self.log, *self.images])
        ternlab.wait_until(lambda: self.process.poll() is not None or
                           os.path.exists(self.path('mark')), 'the recording disk')
        self.mark_fd = os.open(self.path('mark'), os.O_WRONLY | os.O_CLOEXEC)

    def path(self, name):
        return os.path.join(self.fuse, name)

    def mark(self, data):
        os.write(self.mark_fd, data)

    def die_after(self, operations):
        with open(self.path('control'), 'wb', buffering=0) as f:
            f.write(f'die {operations}\n'.encode())

    def close(self):
        os.close(self.mark_fd)
        unmount(self.fuse)
        self.process.wait(ternlab.PATIENCE)


class Record:
    __slots__ = ('kind', 'disk', 'offset', 'length', 'time', 'data')


def read_log(path):
    with open(path, 'rb') as f:
        log = f.read()
    records, at = [], 0
    while at < len(log):
        r = Record()
        r.kind, r.disk, r.offset, r.length, nanoseconds = struct.unpack_from('=IIQQQ', log, at)
        r.time = nanoseconds / 1e9
        at += 32
        r.data = None
        if r.kind in (WRITE, MARK):
            r.data = log[at:at + r.length]
            at += r.length
        records.append(r)
    return records


class Image:
    """What a state is: how made, after which record, and the records up to the next state of this
    kind, at each of which it may be judged."""

    def __init__(self, how, at, seed=0):
        self.how, self.at, self.seed = how, at, seed
        self.until = None
        self.has_mark = self.is_quiet = False


class Replay:
    """Makes the images of a log: for each moment the one where all pending writes have reached the
    disk, the one where none has, and some where any of them have."""

    def __init__(self, bases, records, subsets, seed=1):
        self.records = records
        self._run_cache = {}
        self.base = []
        for base in bases:
            with open(base, 'rb') as f:
                self.base.append(f.read())
        self.used = [{i for i in range(0, len(b), UNIT) if b.count(0, i, i + UNIT) != len(b[i:i + UNIT])}
                     for b in self.base]
        for r in records:
            if r.kind == WRITE:
                self.used[r.disk].update(range(r.offset // UNIT * UNIT, r.offset + r.length, UNIT))
        self.images = self._plan(subsets, random.Random(seed))

    def _plan(self, subsets, choice):
        images, open_images = [], {}

        def state(how, at):
            image = Image(how, at, choice.random())
            images.append(image)
            open_images.setdefault(how, []).append(image)

        def ends(at, *kinds):
            for how in kinds:
                for image in open_images.pop(how, []):
                    image.until = at

        state('none', -1)
        pending = [0] * len(self.base)
        for at, r in enumerate(self.records):
            if r.kind in (WRITE, ZERO):
                pending[r.disk] += 1
                ends(at, 'all', 'some')
                state('all', at)
                for _ in range(subsets if sum(pending) > 1 else 0):
                    state('some', at)
            elif r.kind == FLUSH and pending[r.disk]:
                pending[r.disk] = 0
                ends(at, 'none', 'some')
                state('none', at)
            elif r.kind == MARK:
                for group in open_images.values():
                    for image in group:
                        image.has_mark = True
                        image.is_quiet |= r.data.startswith(b'quiet')
        ends(len(self.records), 'all', 'none', 'some')
        return images

    def sample(self, count, seed=1):
        """That many images; first those of quiet times, then those in whose time something happened."""
        choice = random.Random(seed)
        quiet = [i for i in self.images if i.is_quiet]
        count -= len(quiet)
        marked = [i for i in self.images if i.has_mark and not i.is_quiet]
        others = [i for i in self.images if not i.has_mark]
        if len(marked) > count * 3 // 4:
            marked = choice.sample(marked, min(len(marked), max(count * 3 // 4, count - len(others))))
        others = choice.sample(others, min(len(others), count - len(marked)))
        return sorted(quiet + marked + others, key=lambda i: i.at)

    def make(self, images, files):
        """Writes each image in turn to the files, and yields it."""
        disks = [bytearray(b) for b in self.base]
        pending = [[] for _ in self.base]
        at = -1
        for image in images:
            while at < image.at:
                at += 1
                r = self.records[at]
                if r.kind in (WRITE, ZERO):
                    pending[r.disk].append(r)
                elif r.kind == FLUSH:
                    for old in pending[r.disk]:
                        self._apply(disks[r.disk], old)
                    pending[r.disk].clear()
            choice = random.Random(image.seed)
            for number, path in enumerate(files):
                self._write(path, number, disks[number], pending[number], image.how, choice)
            yield image

    @staticmethod
    def _apply(disk, r, units=None):
        data = r.data if r.kind == WRITE else bytes(r.length)
        if units is None:
            disk[r.offset:r.offset + r.length] = data
            return
        for start in units:
            first, last = max(start, r.offset), min(start + UNIT, r.offset + r.length)
            disk[first:last] = data[first - r.offset:last - r.offset]

    def _write(self, path, number, durable, pending, how, choice):
        disk, changed = durable, None
        if how != 'none' and pending:
            changed = sorted({u for r in pending
                              for u in range(r.offset // UNIT * UNIT, r.offset + r.length, UNIT)})
            kept = [(u, durable[u:u + UNIT]) for u in changed]
            for r in pending:
                units = range(r.offset // UNIT * UNIT, r.offset + r.length, UNIT)
                self._apply(disk, r, None if how == 'all'
                            else [u for u in units if choice.random() < 0.5])
        with open(path, 'wb', buffering=0) as f:
            f.truncate(len(disk))
            for first, last in self._runs(number):
                f.seek(first)
                f.write(memoryview(disk)[first:last])
        if changed is not None:
            for u, old in kept:
                disk[u:u + UNIT] = old

    def _runs(self, number):
        if number not in self._run_cache:
            runs = []
            for u in sorted(self.used[number]):
                if runs and runs[-1][1] == u:
                    runs[-1][1] = u + UNIT
                else:
                    runs.append([u, u + UNIT])
            self._run_cache[number] = runs
        return self._run_cache[number]

    def moments(self, image):
        """(events before it, its time) for each moment at which this is what was on the disk: the
        record that made it, and each mark until the next."""
        events = [r for r in self.records[:image.at + 1] if r.kind == MARK]
        events = [ledger.Event(r.time, tuple(r.data.decode().split())) for r in events]
        first = self.records[image.at].time if image.at >= 0 else self.records[0].time
        yield list(events), first
        for r in self.records[image.at + 1:image.until]:
            if r.kind == MARK:
                events.append(ledger.Event(r.time, tuple(r.data.decode().split())))
                yield list(events), r.time


def is_sealed(path):
    with open(path, 'rb') as f:
        f.seek(max(0, os.path.getsize(path) - 49))
        return f.read().startswith(b'tern1 ')


def settle(tern, seconds=120):
    """Starts the delivery side on what is there until the queue is empty; what is left of
    arrivals is made as old as it must be to be removed. Returns its log."""
    old = time.time() - 37 * 3600
    for shard in range(64):
        folder = tern.path('queue', 'mess', str(shard))
        for path in [os.path.join(folder, name) for name in os.listdir(folder)]:
            if not is_sealed(path):
                os.utime(path, (old, old))
    with tempfile.TemporaryFile() as log:
        queue = start_ready(tern, log, 'tern-listen', 'unix:run/queue/socket', './bin/tern-queue',
                            '-s', '-d')
        process = start_ready(tern, log, 'tern-start', '-d')
        deadline = time.monotonic() + seconds
        pause = 0.1
        while process.poll() is None and time.monotonic() < deadline and \
                (tern.queue('mess') or tern.queue('hist')):
            time.sleep(pause)
            pause = min(pause * 1.3, 1)
            process.send_signal(signal.SIGALRM)  # try everything now
        for program in (process, queue):
            program.send_signal(signal.SIGTERM)
            program.wait(ternlab.PATIENCE)
        ternlab.wait_until(lambda: not tern.processes(), 'the end of all processes')
        log.seek(0)
        return log.read().decode(errors='replace')


def start_ready(tern, log, *argv):
    """Starts a program whose last argument is -d, and waits until it says that it is ready."""
    ready, tell = os.pipe()
    process = tern.popen(*argv, str(tell), stderr=log, stdin=subprocess.DEVNULL, pass_fds=[tell])
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return process


class World:
    """An instance whose queue and mailboxes (alias/) are on disks that can be cut off.

    disks=1: both on one; 2: the mailboxes on another file system. Programs, settings and logs
    are on the tmpfs: they are not what is tested.
    """

    def __init__(self, stage, kind, disks=1):
        self.stage, self.kind = stage, kind
        self.tern = ternlab.Instance()
        self.places = {'queue': 0, 'alias': disks - 1}
        self.mounts = [stage.folder(f'mount{n}') for n in range(disks)]
        self.recording = None
        self.mounted = []

    def base(self):
        """Moves queue and alias to new file systems."""
        self.bases = []
        for number, target in enumerate(self.mounts):
            def fill(target, number=number):
                for name, place in self.places.items():
                    if place == number:
                        subprocess.run(['cp', '-a', self.tern.path(name), target], check=True)
            path = self.stage.path(f'base{number}')
            make_image(path, self.kind, target, fill)
            self.bases.append(path)

    def record(self):
        """The real run: on recording disks."""
        self.recording = Disks(self.stage, self.bases)
        self.attach([self.recording.path(f'disk{n}') for n in range(len(self.bases))])
        return self.recording

    def attach(self, files, flags=0, bind=True):
        self.mounted = []
        for path, target in zip(files, self.mounts):
            mount_image(path, target, self.kind, flags)
            self.mounted.append(target)
        if bind:
            for name, place in self.places.items():
                mount(os.path.join(self.mounts[place], name), self.tern.path(name), None, MS_BIND)
                self.mounted.append(self.tern.path(name))

    def uncover(self):
        """Takes the disks away from the instance, but not from who uses them already."""
        for target in [t for t in self.mounted if t not in self.mounts]:
            unmount(target, MNT_DETACH)
            self.mounted.remove(target)

    def detach(self):
        while self.mounted:
            unmount(self.mounted.pop())

    def holdings(self, book, boxes):
        """What is on the disks, without looking through the instance."""
        held = ledger.Holdings(book)
        held.add_queue(self.mounts[0])
        for box in boxes:
            held.add_maildir(os.path.join(self.mounts[self.places['alias']], 'alias', box))
        return held

    def close(self):
        try:
            if self.mounted:
                self.uncover()
                self.tern.down(force=True)
                self.detach()
            if self.recording:
                self.recording.close()
        finally:
            self.tern.close()
