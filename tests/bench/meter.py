"""What a system uses: processor, memory, fsyncs."""
import os
import threading
import time

TICK = os.sysconf('SC_CLK_TCK')


class Group:
    """All processes of a system: a control group where the kernel has version 2 of these, else
    whatever lives in the room besides ourselves."""

    def __init__(self, path):
        self.path = path
        self.ours = {1, os.getpid()}

    def join(self):
        """Called by the first process of the system, before it becomes that."""
        if self.path:
            with open(f'{self.path}/cgroup.procs', 'w') as f:
                f.write('0')

    def pids(self):
        if self.path:
            with open(f'{self.path}/cgroup.procs') as f:
                return {int(line) for line in f} - {0}
        return {int(name) for name in os.listdir('/proc') if name.isdigit()} - self.ours

    def cpu(self):
        """(user, system) seconds so far, those of ended processes included."""
        if self.path:
            with open(f'{self.path}/cpu.stat') as f:
                stat = dict(line.split() for line in f)
            return int(stat['user_usec']) / 1e6, int(stat['system_usec']) / 1e6
        user = system = 0
        for pid in self.pids():
            ticks = stat_fields(pid)[11:15]
            user += ticks[0] + ticks[2]
            system += ticks[1] + ticks[3]
        orphans = stat_fields(1)[13:15]
        return (user + orphans[0]) / TICK, (system + orphans[1]) / TICK

    def memory(self):
        """(bytes, processes): the proportional set sizes of all processes."""
        total = count = 0
        for pid in self.pids():
            try:
                with open(f'/proc/{pid}/smaps_rollup') as f:
                    for line in f:
                        if line.startswith('Pss:'):
                            total += int(line.split()[1]) * 1024
                            count += 1
                            break
            except (OSError, IndexError):
                pass  # it has just ended
        return total, count


def stat_fields(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return [int(x) if x.lstrip('-').isdigit() else 0
                    for x in f.read().rpartition(')')[2].split()]
    except OSError:
        return [0] * 20


class Peak(threading.Thread):
    """Looks at the memory of a group several times a second. Only in runs of which the speed
    does not count."""

    def __init__(self, group):
        super().__init__(daemon=True)
        self.group = group
        self.bytes = self.processes = 0
        self.ending = threading.Event()

    def look(self):
        size, count = self.group.memory()
        self.bytes = max(self.bytes, size)
        self.processes = max(self.processes, count)

    def run(self):
        while not self.ending.wait(0.2):
            self.look()

    def end(self):
        self.ending.set()
        self.join()
        self.look()


class Fsyncs:
    """The fsync calls of a process and all it started, by the kernel's tracing. The process
    that stands outside makes it, the one in the room marks where the load begins and ends."""
    CALLS = ('fsync', 'fdatasync', 'sync', 'syncfs', 'sync_file_range', 'msync')

    def __init__(self, instance):
        self.path = instance

    @classmethod
    def prepare(cls, name, pid):
        """Returns None where the kernel has no such tracing."""
        for top in '/sys/kernel/tracing', '/sys/kernel/debug/tracing':
            path = f'{top}/instances/{name}'
            try:
                os.mkdir(path)
            except OSError:
                continue
            try:
                for file, value in ([('options/event-fork', '1'), ('buffer_size_kb', '8192'),
                                     ('set_event_pid', str(pid))] +
                                    [(f'events/syscalls/sys_enter_{call}/enable', '1')
                                     for call in cls.CALLS]):
                    with open(f'{path}/{file}', 'w') as f:
                        f.write(value)
            except OSError:
                os.rmdir(path)
                continue
            return cls(path)
        return None

    def mark(self, word):
        with open(f'{self.path}/trace_marker', 'w') as f:
            f.write(f'bench {word}\n')

    def count(self):
        """{program: {call: times}} between the marks."""
        found, inside = {}, False
        with open(f'{self.path}/trace', errors='replace') as f:
            for line in f:
                if 'bench begin' in line:
                    inside = True
                elif 'bench end' in line:
                    inside = False
                elif inside and ': sys_' in line:
                    program = line[:24].rpartition('-')[0].strip() or '?'
                    call = line.partition(': sys_')[2].partition('(')[0]
                    calls = found.setdefault(program, {})
                    calls[call] = calls.get(call, 0) + 1
        return found

    def remove(self):
        try:
            os.rmdir(self.path)
        except OSError:
            pass


def wait_quiet(group, seconds=3):
    """Until the system has hardly anything left to do."""
    deadline = time.monotonic() + seconds
    before = sum(group.cpu())
    while time.monotonic() < deadline:
        time.sleep(0.15)
        now = sum(group.cpu())
        if now - before < 0.003:
            return
        before = now
