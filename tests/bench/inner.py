"""One run of one workload on one system: what happens inside the room. Reads what to do as JSON
from its argument and prints what came out as a line of JSON."""
import json
import os
import signal
import sys
import time

import room
from meter import Fsyncs, Group, Peak, wait_quiet
from systems import BACKLOG_DOMAIN, SYSTEMS
from workloads import WORKLOADS, Tools, Trouble, greeted, wait

MARKER = '/var/backlog-is-ready'


class Meter:
    """What the system used from begin on."""

    def __init__(self, group, tracing):
        self.group, self.tracing = group, tracing
        self.note = {}
        self.before = (0, 0)

    def begin(self):
        wait_quiet(self.group)
        if self.tracing:
            self.tracing.mark('begin')
        self.before = self.group.cpu()

    def end(self):
        wait_quiet(self.group)
        after = self.group.cpu()
        if self.tracing:
            self.tracing.mark('end')
        return {'cpu_user': after[0] - self.before[0], 'cpu_system': after[1] - self.before[1]}


def stop(group):
    """Ends all of a system, politely at first."""
    for number in signal.SIGTERM, signal.SIGKILL:
        for pid in group.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 5
        while group.pids() and time.monotonic() < deadline:
            time.sleep(0.02)


def prepare(system, group, tools, count):
    """Fills the queue. Where we do not write its files from nothing, a real deferred message of
    that system is what we copy."""
    if hasattr(system, 'template'):
        system.start()
        wait(greeted, 'the system to greet', 30)
        tools.source(1, f'bob@{BACKLOG_DOMAIN}', size=1024)
        wait(system.template, 'a message to be deferred', 60, 0.1)
        time.sleep(1)
        stop(group)
    system.fill(count)
    open(MARKER, 'w').close()
    os.sync()
    time.sleep(1)


def work(spec):
    group = Group(spec['cgroup'])
    tools = Tools(group)
    tools.dns()
    workload = WORKLOADS[spec['workload']]()
    options = dict(workload.option)
    if options.get('backlog'):
        options['backlog'] = spec['backlog']
    system = SYSTEMS[spec['system']](group, **options)
    system.configure()
    if options.get('backlog') and not os.path.exists(MARKER):
        began = time.monotonic()
        prepare(system, group, tools, spec['backlog'])
        print(json.dumps({'prepared': time.monotonic() - began}), flush=True)
    peak = Peak(group) if spec['instrument'] else None
    if peak:
        peak.start()
    began = time.monotonic()
    system.start()
    wait(greeted, 'the system to greet', 120)
    startup = time.monotonic() - began
    system.started()
    meter = Meter(group, Fsyncs(spec['tracing']) if spec['tracing'] else None)
    try:
        result = workload.run(tools, system, meter, spec['count'])
        result.update(meter.end())
        if spec['instrument'] and hasattr(workload, 'check'):
            result['found'] = workload.check(system)
    except Exception:
        for path in system.log_files():
            print(f'--- {path}', file=sys.stderr)
            with open(path, errors='replace') as f:
                print(''.join(f.readlines()[-8:]), file=sys.stderr)
        raise
    result.update(meter.note)
    result['startup'] = startup
    if peak:
        peak.end()
        result['memory'] = peak.bytes
        result['processes'] = max(peak.processes, result.get('processes', 0))
    print(json.dumps(result), flush=True)


if __name__ == '__main__':
    sys.stdin.readline()  # until the tracing knows us
    sys.exit(room.enter(json.loads(sys.argv[1]), work))
