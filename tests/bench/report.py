"""Tables from raw results: lines of JSON, one a run (run says which)."""
import json
import os
import re
import statistics

from systems import SYSTEMS
from workloads import WORKLOADS

TITLES = {
    'relay': 'Relay: 4 KiB messages, a new connection each, 20 sessions',
    'relay-warm': 'Relay: 100 messages per connection, 20 sessions',
    'relay-100k': 'Relay: 100 KiB messages, a new connection each, 20 sessions',
    'latency': 'Latency: one session, a new connection each, from the 250 to the arrival',
    'accept': 'Accept only: 4 KiB messages, 20 sessions, delivery held',
    'fanout': 'Fan-out: one message to 10,000 recipients in 100 domains with a mail host each',
    'local-1': 'Local: 4 KiB messages into the Maildir of one user, 20 sessions',
    'local-100': 'Local: 4 KiB messages into the Maildirs of 100 users, 20 sessions',
    'slow': 'Slow world: 1,000 destinations, 200 ms for each answer, 1 of 100 dead',
    'backlog': 'Backlog: relay while deferred messages wait',
    'backlog-1m': 'Backlog: relay while a million deferred messages wait',
    'idle': 'Idle: memory of all processes with 1,000 open connections'}

# What is wanted of tern: name, workload, how it is computed, at least or at most.
TARGETS = (
    ('relay: messages/s against the best other', 'relay', 'rate', 'at least', 3),
    ('relay: CPU per message against the best other', 'relay', 'cpu', 'at most', 1 / 3),
    ('accept: messages/s against the best other', 'accept', 'rate', 'at least', 2.5),
    ('fan-out: recipients/s against the best other', 'fanout', 'rate', 'at least', 2),
    ('local, one user: messages/s against the best other', 'local-1', 'rate', 'at least', 2),
    ('local, 100 users: messages/s against the best other', 'local-100', 'rate', 'at least', 2),
    ('latency: median against the best other', 'latency', 'rate', 'at most', 1),
    ('backlog: peak memory against Postfix', 'backlog', 'memory', 'at most', 0.25),
    ('idle: memory against Postfix', 'idle', 'rate', 'at most', 0.25))

INTRODUCTION = '''\
# Results

How fast tern is beside other mail servers, on one machine, in one go, the systems in turns.
`tests/bench/run` makes this page; its text says what is measured, and `tests/bench/README`
how to read it. The raw results are in `results`, a line for each run.
'''

NOTES = '''\
Same file system, same fsync for all. The median is that of the rounds; the spread is from the
lowest to the highest. "tern: times" is how many times better tern is. CPU is of all processes of
the system, not of the tools. Memory (the sum of the proportional set sizes) and fsyncs are from
a watched run whose speed does not count.

- Since 2026-11-22 what a run leaves on the disk stays until all are over. On ext4 without a journal to create a file
  takes longer the more files were removed there in the last minutes, so that each run would be slowed
  by the removal of what the one before it left.
- Before its 250 tern fsyncs the file and its directory; Postfix the file; Exim two files and, for
  one of them, the directory; OpenSMTPD nothing at all, so a crash loses what it has accepted. Where
  that is so, the targets do not compare with it.
- Into a Maildir tern fsyncs the file and the directory, the others the file at most.
- Postfix: in_flow_delay=0, 100 processes; held mail goes to its hold queue.
- Exim: in relay and local a queue runner is started each second, 4 at a time, and nothing is delivered
  on arrival: that is about twice as fast in bulk. Elsewhere it delivers on arrival, 20 at a time of one
  message, and starts a queue runner each 30 minutes, the first at the start. No message logs.
  Held mail by queue_only.
- OpenSMTPD: 20 connections to a host without a pause between them (it waits 5 s), 1,000 messages in
  one, 1,000 waiting connections instead of 5 (without that it stalls for seconds in each run). It sends
  the end of a message in a packet of its own, which waits for an acknowledgement, 40 ms later.
- With a backlog OpenSMTPD reads its queue bit by bit after the start, so its memory there is that of
  a part of the messages.
- Exim answers QUIT after 200 ms, hoping that the client closes first, so 20 sessions with a new
  connection for each message can not bring more than 100 a second.
- notqmail: under tcpserver, a process for each connection and one for each message, as it is run.
  Before its 250 it fsyncs the message and the envelope, and no directory; into a Maildir the file.
- Logs: tern, Exim and notqmail write theirs to files; Postfix and OpenSMTPD call syslog, and nobody listens.
- At most 100 connections at once to other servers, 20 to one, for tern and Postfix; Exim and
  notqmail have no limit for one, OpenSMTPD its own.
'''


def load(paths):
    """(machines, runs, failures); of a workload that was measured again, the last call counts."""
    machines, calls, failures = [], {}, []
    for path in paths:
        with open(path) as f:
            for line in f:
                entry = json.loads(line)
                if entry['kind'] == 'machine':
                    machines.append(entry)
                elif entry['kind'] == 'failure':
                    failures.append(entry)
                else:
                    key = entry['workload'], entry['system']
                    if entry['round'] == 0 or (entry['round'] == 1 and entry['instrument']):
                        calls[key] = []
                        failures = [x for x in failures if (x['workload'], x['system']) != key]
                    calls.setdefault(key, []).append(entry)
    return machines, calls, failures


class Figures:
    """What several runs of one system on one workload say."""

    def __init__(self, runs):
        self.runs = runs
        watched = [r for r in runs if r['instrument']]
        self.watched = watched and sorted(watched, key=lambda r: r['memory'])[len(watched) // 2]
        self.counted = [r for r in runs if not r['instrument']] or runs
        self.rates = [r['rate'] for r in self.counted]
        self.rate = statistics.median(self.rates)
        self.cpu = statistics.median(self.per_thousand(r) for r in self.counted)
        self.user = statistics.median(1000 * r['cpu_user'] / r['count'] for r in self.counted)
        self.startup = statistics.median(r['startup'] for r in self.counted)
        self.memory = self.watched['memory'] if self.watched else None
        self.processes = self.watched['processes'] if self.watched else None
        self.fsyncs = None
        if self.watched and self.watched.get('fsyncs') is not None:
            self.fsyncs = sum(n for calls in self.watched['fsyncs'].values()
                              for n in calls.values()) / self.watched['count']

    @staticmethod
    def per_thousand(run):
        return 1000 * (run['cpu_user'] + run['cpu_system']) / run['count']

    def median(self, field):
        values = [r[field] for r in self.counted if field in r]
        return statistics.median(values) if values else None


def number(value, digits=None):
    if value is None:
        return '-'
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f'{value:,.{digits}f}'


def megabytes(value):
    return number(value / 1e6 if value is not None else None)


# Columns that only some workloads have: title, field, factor.
MORE = {
    'relay': [('accepted/s', 'accept_rate', 1)],
    'relay-warm': [('accepted/s', 'accept_rate', 1)],
    'relay-100k': [('accepted/s', 'accept_rate', 1)],
    'latency': [('p99, ms', 'p99', 1), ('messages/s', 'per_second', 1),
                ('ms until the next', 'smtp_ms', 1)],
    'fanout': [('transactions', 'transactions', 1), ('connections', 'connections', 1),
               ('until the 250, s', 'accept_seconds', 1)],
    'local-1': [('accepted/s', 'accept_rate', 1)],
    'local-100': [('accepted/s', 'accept_rate', 1)],
    'slow': [('half of them after, s', 'half_seconds', 1), ('all after, s', 'seconds', 1),
             ('missing after 30 s', 'missing', 1)],
    'backlog': [('start, s', 'startup', 1), ('MB after the start', 'memory_before', 1e-6),
                ('bytes each', 'bytes_each', 1)],
    'backlog-1m': [('start, s', 'startup', 1), ('MB after the start', 'memory_before', 1e-6),
                   ('bytes each', 'bytes_each', 1)],
    'idle': [('KB for each', 'kb_each', 1), ('MB before', 'idle_before', 1)]}


def table(workload, figures):
    kind = WORKLOADS[workload]
    of = 'recipient' if workload == 'fanout' else 'message'
    more = MORE.get(workload, [])
    head = ['', f'median, {kind.unit}', 'spread', 'tern: times', f'CPU s per 1,000 {of}s',
            'of it user', f'fsyncs per {of}', 'peak memory, MB', 'processes'] + [m[0] for m in more]
    rows = [head, ['---'] + ['---:'] * (len(head) - 1)]
    tern = figures.get('tern')
    for system in SYSTEMS:
        if system not in figures:
            continue
        f = figures[system]
        times = '-'
        if tern and system != 'tern' and f.rate and tern.rate:
            times = number(tern.rate / f.rate if kind.better == 'more' else f.rate / tern.rate, 2)
        rows.append([system, number(f.rate), f'{number(min(f.rates))} to {number(max(f.rates))}',
                     times, number(f.cpu, 2), number(f.user, 2), number(f.fsyncs, 2),
                     megabytes(f.memory), number(f.processes, 0)] +
                    [number(None if f.median(m[1]) is None else f.median(m[1]) * m[2])
                     for m in more])
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def promises_less(workload, figures):
    """Whether a message that was accepted is lost when the power fails: none was fsynced."""
    return (WORKLOADS[workload].unit == 'messages/s' and figures.fsyncs is not None and
            figures.fsyncs < 0.5)


def targets(all_figures):
    rows = ['| target | wanted | measured | |', '| --- | ---: | ---: | --- |']
    for title, workload, field, sense, wanted in TARGETS:
        figures = all_figures.get(workload, {})
        peers = {s: f for s, f in figures.items() if s != 'tern'}
        if 'tern' not in figures or not peers:
            continue
        if title.endswith('Postfix'):
            peer = 'postfix'
        else:
            peers = {s: f for s, f in peers.items() if not promises_less(workload, f)}
            if not peers:
                continue
            better = max if WORKLOADS[workload].better == 'more' else min
            peer = better(peers, key=lambda s: peers[s].rate)
        if peer not in peers or not getattr(peers[peer], field):
            continue
        ratio = getattr(figures['tern'], field) / getattr(peers[peer], field)
        met = ratio >= wanted if sense == 'at least' else ratio <= wanted
        rows.append(f'| {title} ({peer}) | {sense} {wanted:.3g} | {ratio:.2f} | '
                    f'{"met" if met else "**missed**"} |')
    return '\n'.join(rows) if len(rows) > 2 else ''


def raw_figures(figures):
    lines = []
    for system, f in figures.items():
        counts = sorted({r['count'] for r in f.counted})
        lines.append(f'    {system}: {" ".join(number(r) for r in f.rates)} '
                     f'({", ".join(str(c) for c in counts)} each)')
    return '\n'.join(lines)


def section(paths):
    """The text of one day's measurement, without its heading; and the heading."""
    machines, calls, failures = load(paths)
    grouped = {}
    for (workload, system), runs in calls.items():
        grouped.setdefault(workload, {})[system] = Figures(runs)
    out = []
    if machines:
        m = machines[-1]
        versions = {n: v for each in machines for n, v in each['versions'].items()}
        out.append(f"{m['cpu']}, {m['memory']}; {m['system']}, Linux {m['kernel']}; "
                   f"{m['disk']}; {m['compiler']}. " +
                   ', '.join(f'{n} {v}' for n, v in sorted(versions.items())) + '.\n')
        if machines[0]['load'] > 1:
            out.append(f"**The machine was not idle when this began (load {machines[0]['load']:.1f}): "
                       'the figures say little.**\n')
        elif len(machines) > 1:  # one after the other: each finds the load of the one before it
            out.append(f'{len(machines)} calls; the load when they began: ' +
                       ', '.join(f"{x['load']:.1f}" for x in machines) + '.\n')
    watched_only = [w for w, fs in grouped.items()
                    if all(r['instrument'] and r['round'] == 0 for f in fs.values() for r in f.runs)]
    if watched_only:
        out.append(f'Only watched runs, no measured ones: {", ".join(watched_only)}.\n')
    summary = targets(grouped)
    if summary:
        out.append(summary + '\n')
    for workload in WORKLOADS:
        if workload not in grouped:
            continue
        title = TITLES[workload]
        sizes = {r['backlog'] for f in grouped[workload].values() for r in f.runs} - {0}
        if sizes:
            title += f' ({", ".join(f"{s:,}" for s in sorted(sizes))})'
        out.append(f'### {title}\n\n{table(workload, grouped[workload])}\n\n'
                   f'Raw, {WORKLOADS[workload].unit}:\n\n{raw_figures(grouped[workload])}\n')
    for f in failures:
        out.append(f"Failed: {f['workload']}, {f['system']}, round {f['round']}.\n")
    day = machines[-1]['time'][:10] if machines else 'undated'
    return day, '\n'.join(out)


def text(paths):
    """The tables alone."""
    return section(paths)[1]


def write(paths, target):
    """Puts the section of its day into the page, instead of an earlier one of that day."""
    day, body = section(paths)
    sections = {}
    if os.path.exists(target):
        with open(target) as f:
            for part in re.split(r'^## ', f.read(), flags=re.M)[1:]:
                heading, _, rest = part.partition('\n')
                sections[heading.strip()] = rest.strip() + '\n'
    sections.pop('How it was measured', None)
    sections[day] = body.strip() + '\n'
    with open(target + '.new', 'w') as f:
        f.write(INTRODUCTION)
        f.write('\n## How it was measured\n\n' + NOTES)
        for heading in sorted(sections, reverse=True):
            f.write(f'\n## {heading}\n\n{sections[heading]}')
    os.replace(target + '.new', target)
