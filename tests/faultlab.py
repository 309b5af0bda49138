"""Faults for the tests in tests/fault: one at each system call of a program, by strace;
and the line that says what came of them.

    base = faultlab.baseline(trace)            # what strace -o wrote of a good run
    points = faultlab.points(base)             # every (call, n, fault)
    faultlab.sweep(lab, 'syscall', 'tern-x', points, judge, sample=100)

judge(point) runs the program under faultlab.inject(point), then once more in peace, and
returns what is wrong, or None. In a short run a sample of the points is taken, with
TERN_LONG=1 all of them; TERN_SEED chooses another sample.
"""
import collections
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import traceback

LONG = bool(os.environ.get('TERN_LONG'))
SEED = os.environ.get('TERN_SEED', '1')
WORKERS = 4  # most of a point is waiting

CALL = re.compile(
    r'^(?:\[pid +\d+\] |\d+ +)?(?P<name>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+|\?)')
ERRORS = ('ENOSPC', 'EIO', 'EINTR', 'EMFILE', 'ENOMEM')
MEMORY = ('mmap', 'brk', 'mremap')
# What fails for no reason of ours, or changes nothing when it fails.
NOT_FAILED = ('execve', 'exit_group', 'rt_sigreturn', 'munmap', 'mprotect', 'getpid', 'getppid',
              'getuid', 'geteuid', 'getgid', 'getegid', 'arch_prctl', 'set_tid_address',
              'set_robust_list', 'rseq', 'prlimit64', 'clock_gettime', 'wait4')

Point = collections.namedtuple('Point', 'name n fault')


def place():
    """Where files and fsync cost nothing, since kills and errors need no disk."""
    return '/dev/shm' if os.access('/dev/shm', os.W_OK) else None


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


def baseline(path):
    """How often each call is made: a pair, by the loader and in all. A trace of one process."""
    counts, loader = collections.Counter(), None
    for name, rest, _ in calls_of(path):
        counts[name] += 1
        if name == 'munmap' and loader is None:  # ld.so.cache: the last thing of the loader
            loader = collections.Counter(counts)
    loader = loader or collections.Counter()
    return {name: (loader[name], count) for name, count in counts.items()}


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


def inject(point, follow=False):
    """What to write before the command."""
    how = 'signal=KILL' if point.fault == 'KILL' else f'error={point.fault}'
    return ['strace', '-D', *(['-f'] if follow else []), '-qq', '-o', '/dev/null', '-e',
            f'trace={point.name}', '-e', f'inject={point.name}:{how}:when={point.n}']


def choose(all_points, sample):
    """All of them, or so many: each call and each fault as evenly as may be."""
    if LONG or len(all_points) <= sample:
        return all_points
    chance = random.Random(SEED)
    groups = collections.defaultdict(list)
    for point in all_points:
        groups[getattr(point, 'name', None), getattr(point, 'fault', None)].append(point)
    order = list(groups.values())
    chance.shuffle(order)
    for group in order:
        chance.shuffle(group)
    chosen = []
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
    for point, trouble in wrong[:20]:
        print(f'# {describe(point)}: {trouble}'.replace('\n', '\n#   '), flush=True)
    lab.equal(len(wrong), 0, f'{program}, {method}: {len(chosen)} of {len(all_points)} points')
    result(method, program, len(chosen), len(wrong))
    return wrong


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
