"""Faults for the tests in tests/fault: one at each system call of a program, by strace; its
n-th allocation failing, and short and interrupted calls, by tests/fault/preload.c.

    faultlab.sweeps(lab, 'tern-x', good, judge, syscall=100, malloc=20, short=10)

good(prefix) runs the program without a fault, the prefix before its command, to see what
calls it makes. judge(point) runs it under faultlab.inject(point), then once more in peace,
and returns what is wrong, or None. In a short run a sample of so many points is taken, with
TERN_LONG=1 all of them; TERN_SEED chooses another sample.
"""
import collections
import contextlib
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import traceback

import ternlab

LONG = bool(os.environ.get('TERN_LONG'))
SEED = os.environ.get('TERN_SEED', '1')
WORKERS = 4  # most of a point is waiting

CALL = re.compile(
    r'^(?:\[pid +(?P<pid>\d+)\] |(?P<number>\d+) +)?(?P<name>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+|\?)')
ERRORS = ('ENOSPC', 'EIO', 'EINTR', 'EMFILE', 'ENOMEM')
MEMORY = ('mmap', 'brk', 'mremap')
# What fails for no reason of ours, or changes nothing when it fails.
NOT_FAILED = ('execve', 'exit_group', 'rt_sigreturn', 'munmap', 'mprotect', 'getpid', 'getppid',
              'getuid', 'geteuid', 'getgid', 'getegid', 'arch_prctl', 'set_tid_address',
              'set_robust_list', 'rseq', 'prlimit64', 'clock_gettime', 'wait4', 'umask')

Point = collections.namedtuple('Point', 'name n fault')


def place():
    """Where files and fsync cost nothing, since kills and errors need no disk."""
    return os.environ.get('TERN_FAULT_PLACE') or (
        '/dev/shm' if os.access('/dev/shm', os.W_OK) else None)


def strace_works():
    return shutil.which('strace') and subprocess.run(
        ['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode == 0


def calls_of(path):
    """The calls of a trace: name, arguments, result."""
    found = []
    with open(path, errors='replace') as f:
        for line in f:
            match = CALL.match(line)
            if match:
                found.append((match['name'], match['rest'], match['result']))
    return found


def baseline(path, loader=True):
    """How often each call is made: a pair, by the loader (of a trace that has it) and in all.
    Of several processes the one that makes most of a call counts, as strace counts them."""
    counts, loaded = collections.defaultdict(collections.Counter), collections.Counter()
    with open(path, errors='replace') as f:
        for line in f:
            match = CALL.match(line)
            if not match:
                continue
            pid, name = match['pid'] or match['number'], match['name']
            counts[pid][name] += 1
            if loader and name == 'munmap':  # ld.so.cache: the last thing of the loader
                loaded, loader = collections.Counter(counts[pid]), False
    names = {name for count in counts.values() for name in count}
    return {name: (loaded[name], max(count[name] for count in counts.values()))
            for name in names}


def faults_of(name):
    if name in MEMORY:
        return ('KILL', 'ENOMEM')
    if name in NOT_FAILED:
        return ('KILL',)
    return ('KILL', *ERRORS)


def points(base, skip=()):
    found = []
    for name, (first, count) in sorted(base.items()):
        if name in skip:
            continue
        for n in range(first + 1, count + 1):
            found += [Point(name, n, fault) for fault in faults_of(name)]
    return found


def forever(base, skip=('poll',)):
    """From the n-th call on it always fails: at the first, and in the middle."""
    found = []
    for name, (first, count) in sorted(base.items()):
        if name not in skip and len(faults_of(name)) > 2:
            for n in sorted({first + 1, (first + 1 + count) // 2} if count > first else ()):
                found += [Point(name, f'{n}+', fault) for fault in ERRORS if fault != 'EINTR']
    return found


def preload():
    """The library of tests/fault/preload.c, compiled when it is not."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fault', 'preload.c')
    library = os.path.join(ternlab.BUILD, 'tests', 'fault', 'preload.so')
    if not os.path.exists(library) or os.path.getmtime(library) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(library), exist_ok=True)
        subprocess.run(['cc', '-O1', '-shared', '-fPIC', '-o', f'{library}.{os.getpid()}', source,
                        '-ldl'], check=True)
        os.rename(f'{library}.{os.getpid()}', library)
    return library


def preloaded(program=None, **settings):
    """A prefix that runs a command with the library."""
    if program:
        settings['FAULT_PROGRAM'] = program[:15]
    return ['env', f'LD_PRELOAD={preload()}', *(f'{k}={v}' for k, v in settings.items())]


class Attached:
    """strace at a running service and all its children to come."""

    def __init__(self, pid, arguments):
        self.child = None
        if arguments is None:
            return
        self.child = subprocess.Popen(['strace', '-f', *arguments, '-p', str(pid)],
                                      stderr=subprocess.PIPE)
        if b'attached' not in self.child.stderr.readline():
            raise RuntimeError('strace does not attach')

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        if self.child:
            self.child.send_signal(signal.SIGTERM)
            self.child.stderr.read()
            self.child.stderr.close()
            self.child.wait()


def split(point):
    """For a service: what to write before its command, and what to attach to it when it runs."""
    if point.name in ('malloc', 'short', *LIMITS):
        return inject(point), None
    return [], ['-o', '/dev/null', *inject(point)[5:]]


# Few descriptors, little memory, a short file (what is longer ends the process).
LIMITS = {'nofile': range(3, 21), 'as': range(2 << 20, 34 << 20, 1 << 20),
          'fsize': (0, 1, 100, 1000, 5000, 65535, 65536, 70000)}


def limits():
    return [Point(kind, n, 'KILL' if kind == 'fsize' else 'limit')
            for kind, numbers in LIMITS.items() for n in numbers]


def is_sync_error(point):
    """Whether what was to be made durable was not: never a success."""
    return point.name in ('fsync', 'fdatasync') and point.fault in ('EIO', 'ENOSPC')


def inject(point):
    """What to write before the command."""
    if point.name in LIMITS:
        return ['prlimit', f'--{point.name}={point.n}', '--core=0']
    if point.name == 'malloc':
        return preloaded(point.fault, FAULT_MALLOC=point.n)
    if point.name == 'short':
        return preloaded(point.fault, FAULT_SEED=point.n)
    how = 'signal=KILL' if point.fault == 'KILL' else f'error={point.fault}'
    return ['strace', '-D', '-qq', '-o', '/dev/null', '-e', f'trace={point.name}', '-e',
            f'inject={point.name}:{how}:when={point.n}']


def choose(all_points, sample):
    """All of them, or so many: each call and each fault as evenly as may be. What could not
    be made durable is always among them."""
    if LONG or len(all_points) <= sample:
        return all_points
    chance = random.Random(SEED)
    groups = collections.defaultdict(list)
    chosen = [point for point in all_points if isinstance(point, Point) and
              is_sync_error(point)][:sample]
    for point in [point for point in all_points if point not in chosen]:
        groups[getattr(point, 'name', None), getattr(point, 'fault', None)].append(point)
    order = list(groups.values())
    chance.shuffle(order)
    for group in order:
        chance.shuffle(group)
    while len(chosen) < sample:
        for group in order:
            if group and len(chosen) < sample:
                chosen.append(group.pop())
    return chosen


def _judged(task):
    judge, point = task
    folder = tempfile.mkdtemp(prefix='tern-fault.', dir=place())
    os.chmod(folder, 0o755)  # programs run as other users
    old = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        return point, judge(point)
    except Exception:  # of the test, or a program that did not do what it must
        return point, traceback.format_exc()
    finally:
        os.chdir('/')
        tempfile.tempdir = old
        shutil.rmtree(folder, ignore_errors=True)


_tasks = []


def _judged_at(i):
    return _judged(_tasks[i])


def sweep(lab, method, program, all_points, judge, sample, workers=WORKERS):
    """Judges the points, says what was wrong with which, and the result in a line."""
    global _tasks
    chosen = choose(all_points, sample)
    _tasks = [(judge, point) for point in chosen]
    wrong = []
    with multiprocessing.get_context('fork').Pool(workers) as pool:
        for point, trouble in pool.imap_unordered(_judged_at, range(len(chosen))):
            if trouble:
                wrong.append((point, trouble))
    lab.equal(len(wrong), 0, f'{program}, {method}: {len(chosen)} of {len(all_points)} points')
    for point, trouble in wrong[:20]:
        print(f'# {describe(point)}: {trouble}'.replace('\n', '\n#   '), flush=True)
    result(method, program, len(chosen), len(wrong))
    return wrong


def sweeps(lab, program, good, judge, syscall=0, malloc=0, short=0, skip=(), workers=WORKERS,
           service=False):
    """One sweep of each kind. Of a service good gets a prefix and what to attach."""
    with tempfile.TemporaryDirectory(prefix='tern-fault.', dir=place()) as folder:
        os.chmod(folder, 0o777)
        if syscall and strace_works():
            trace = os.path.join(folder, 'trace')
            if service:
                good([], ['-o', trace])
            else:
                good(['strace', '-D', '-qq', '-o', trace])
            base = baseline(trace, loader=not service)
            sweep(lab, 'syscall', program, points(base, skip) + forever(base, ('poll', *skip)),
                  judge, syscall, workers)
        elif syscall:
            lab.skip(f'{program}: faults at each call', 'needs strace')
        if malloc:
            count = os.path.join(folder, 'count')
            good(preloaded(program, FAULT_COUNT=count), *([None] if service else []))
            with open(count, 'rb') as f:
                n = struct.unpack('=Q', f.read())[0]
            sweep(lab, 'malloc', program,
                  [Point('malloc', i + 1, program) for i in range(n)] +
                  [Point('malloc', f'{i + 1}+', program) for i in range(0, n, 5)],
                  judge, malloc, workers)
    if shutil.which('prlimit'):
        everything = limits()
        sweep(lab, 'limits', program, everything, judge, len(everything), workers)
    if short:
        seeds = 200 if LONG else short
        sweep(lab, 'short-io', program, [Point('short', i + 1, program) for i in range(seeds)],
              judge, seeds, workers)


def describe(point):
    return ' '.join(map(str, point)) if isinstance(point, tuple) else str(point)


def result(method, program, count, violations):
    """For the table in the manual."""
    print(f'# result: {method} {program} points {count} violations {violations}', flush=True)


def limit(kind, value):
    """For preexec_fn: a resource limit."""
    return lambda: resource.setrlimit(kind, (value, value))


def processor_seconds(usage):
    return usage.ru_utime + usage.ru_stime


def stop(child):
    """Ends a process of ours for certain."""
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def asked(prefix, program, folder, **identity):
    """A program that is asked by packets on its standard input: our end of the socket, at whose
    close it has to end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(ternlab.PATIENCE)
    with theirs:
        child = subprocess.Popen([*prefix, os.path.join(ternlab.BIN, program)], stdin=theirs, cwd=folder,
                                 stderr=subprocess.DEVNULL, env={'PATH': os.environ['PATH']}, **identity)
    try:
        yield ours
    finally:
        ours.close()
        try:
            child.wait(ternlab.PATIENCE)
        finally:
            stop(child)
