#!/usr/bin/python3
"""Power cuts in the strictest model of a file system: the data of a file is durable after
an fsync of that file, a name after an fsync of its directory, and everything else may
or may not have happened, in any combination. What tern does is traced; of each moment
the states are made where nothing of that kind has reached the disk, all of it, all but
one operation, and one alone.

A real file system does better in most ways; what depends on it is found here.
"""
import collections
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crashlab
import ledger
import ternlab

LONG = crashlab.LONG
BOXES = ('box', 'bounces')
SENDER = 'bounces@tern.test'
QUIET = 5  # seconds, more than ledger.WINDOW
TRACED = ('openat,open,creat,mkdir,mkdirat,write,writev,pwrite64,ftruncate,truncate,fsync,fdatasync,'
          'rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,chdir')
JUDGED = ('queue/mess', 'queue/hist', 'queue/bad', 'alias/box', 'alias/bounces')
LINE = re.compile(r'^(\d+) +(\d+\.\d+) (?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$')
UNFINISHED = ' <unfinished ...>'
RESULT = re.compile(r'\) += (-?\d+|\?)(?:<(.*)>)?(?: .*)?$')
QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r'^(-?\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>')

Call = collections.namedtuple('Call', 'pid time name arguments result')


def decode(text):
    return bytes.fromhex(text.replace('\\x', ''))


def read_calls(path):
    """The calls that succeeded, in the order in which they ended."""
    begun = {}
    with open(path, errors='replace') as f:
        for line in f:
            match = LINE.match(line.rstrip('\n'))
            if not match:
                continue
            pid, when, name, rest, resumed, tail = match.groups()
            if name and rest.endswith(UNFINISHED):
                begun[pid] = rest[:-len(UNFINISHED)]
                continue
            if resumed:
                name, rest = resumed, begun.pop(pid, '') + tail
            result = RESULT.search(rest)
            if result and result[1] not in ('-1', '?'):
                yield Call(pid, float(when), name, rest[:result.start()],
                           (int(result[1]), decode(result[2]) if result[2] and '\\x' in result[2] else b''))


class Operation:
    """A change that may or may not be on the disk: of a file's data, or of a name."""
    __slots__ = ('number', 'path', 'file', 'offset', 'data', 'durable', 'is_name')


class Model:
    """Files below `top` as the traced programs made them. What was there before is durable."""

    def __init__(self, top):
        self.parts = tuple(f'{top}/{part}/'.encode() for part in JUDGED)
        self.names = {}       # path -> file number, as the programs see it
        self.sizes = {}       # file number -> size
        self.operations = []
        self.moments = []     # (number of operations, of them durable, event or None, time)
        self.durable = []     # numbers of the operations that are durable, in that order

    def inside(self, path):
        return path.startswith(self.parts)

    def operation(self, path, file, offset=None, data=None):
        o = Operation()
        o.number, o.path, o.file, o.offset, o.data = len(self.operations), path, file, offset, data
        o.is_name, o.durable = offset is None, False
        self.operations.append(o)

    def create(self, path):
        if path not in self.names:
            self.names[path] = len(self.sizes)
            self.sizes[self.names[path]] = 0
            self.operation(path, self.names[path])

    def link(self, path, file):
        self.names[path] = file
        self.operation(path, file)

    def unlink(self, path):
        self.names.pop(path, None)
        self.operation(path, None)

    def write(self, path, data, offset=None):
        file = self.names.get(path)
        if file is None:
            return
        offset = self.sizes[file] if offset is None else offset
        self.sizes[file] = max(self.sizes[file], offset + len(data))
        self.operation(path, file, offset, data)

    def truncate(self, path, size):
        file = self.names.get(path)
        if file is not None:
            self.sizes[file] = size
            self.operation(path, file, size, None)

    def sync(self, path):
        file = self.names.get(path)
        for o in self.operations:
            if not o.durable and ((not o.is_name and o.file == file and file is not None) or
                                  (o.is_name and os.path.dirname(o.path) == path)):
                o.durable = True
                self.durable.append(o.number)

    def moment(self, when, event=None):
        """Something has changed, or happened."""
        now = (len(self.operations), len(self.durable))
        if event or not self.moments or self.moments[-1][:2] != now:
            self.moments.append((*now, event, when))


class Reader:
    """Feeds calls to the model. All writes to files of ours are at their end."""

    def __init__(self, model, home, marks):
        self.model, self.home, self.marks = model, home.encode(), marks.encode()
        self.folder = collections.defaultdict(lambda: self.home)

    def path(self, call, text):
        """The path of an argument, which may come after that of a descriptor."""
        descriptor = DESCRIPTOR.match(text.strip())
        folder = decode(descriptor[2]) if descriptor else self.folder[call.pid]
        return os.path.normpath(os.path.join(folder, decode(QUOTED.search(text)[1])))

    def paths(self, call):
        """The two of a rename or link."""
        texts = re.findall(r'(?:AT_FDCWD|\d+)<[^>]*>, *"[^"]*"|"[^"]*"', call.arguments)
        return [self.path(call, text) for text in texts]

    def take(self, call):
        model, arguments = self.model, call.arguments
        if call.name in ('openat', 'open', 'creat'):
            path = call.result[1]
            if model.inside(path) and ('O_CREAT' in arguments or call.name == 'creat'):
                model.create(path)
                if 'O_TRUNC' in arguments:
                    model.truncate(path, 0)
        elif call.name in ('write', 'writev', 'pwrite64', 'fsync', 'fdatasync', 'ftruncate'):
            descriptor = DESCRIPTOR.match(arguments)
            if not descriptor:
                return
            self.descriptor(call, decode(descriptor[2]), b''.join(
                decode(q) for q in QUOTED.findall(arguments[descriptor.end():])))
            return
        elif call.name == 'truncate':
            if model.inside(self.path(call, arguments)):
                model.truncate(self.path(call, arguments), int(arguments.rsplit(',', 1)[1]))
        elif call.name.startswith('unlink'):
            if model.inside(self.path(call, arguments)):
                model.unlink(self.path(call, arguments))
        elif call.name.startswith(('rename', 'link')):
            old, new = self.paths(call)
            if model.inside(new) and old in model.names:
                model.link(new, model.names[old])
                if call.name.startswith('rename'):
                    model.unlink(old)
        elif call.name == 'chdir':
            self.folder[call.pid] = self.path(call, arguments)
            return
        elif model.inside(self.path(call, arguments)):
            raise RuntimeError(f'the model does not know {call}')
        model.moment(call.time)

    def descriptor(self, call, path, data):
        model = self.model
        if path == self.marks:
            for line in data.decode().splitlines():
                model.moment(call.time, tuple(line.split()))
        elif path.endswith(b'/queue/lock/trigger') and call.name == 'write':
            for ident in data[:call.result[0]].split():
                model.moment(call.time, ('announced', ident.decode()))
        elif path in model.names:
            if call.name == 'ftruncate':
                model.truncate(path, int(call.arguments.rsplit(',', 1)[1]))
            elif call.name in ('fsync', 'fdatasync'):
                model.sync(path)
            else:
                offset = int(call.arguments.rsplit(',', 1)[1]) if call.name == 'pwrite64' else None
                model.write(path, data[:call.result[0]], offset)
            model.moment(call.time)
        elif call.name in ('fsync', 'fdatasync') and model.inside(path):
            model.sync(path)
            model.moment(call.time)


class States:
    """The trees that a cut may leave, each looked at once."""

    def __init__(self, model, world):
        self.model, self.world = model, world
        self.seen = {}
        self.on_disk = {}

    def tree(self, numbers):
        names, data = {}, {}
        for number in sorted(numbers):
            o = self.model.operations[number]
            if o.is_name and o.file is None:
                names.pop(o.path, None)
            elif o.is_name:
                names[o.path] = o.file
            else:
                content = data.setdefault(o.file, bytearray())
                if o.data is None:
                    del content[o.offset:]
                content.extend(bytes(max(0, o.offset - len(content))))
                if o.data is not None:
                    content[o.offset:o.offset + len(o.data)] = o.data
        return {path: bytes(data.get(file, b'')) for path, file in names.items()}

    def held(self, numbers):
        tree = self.tree(numbers)
        key = frozenset((path, hash(content)) for path, content in tree.items())
        if key not in self.seen:
            self.place(tree)
            self.seen[key] = self.world.look()
        return self.seen[key]

    def recover(self, numbers, events, when):
        """What is wrong after tern has worked on such a tree until all is settled."""
        world = self.world
        self.place(self.tree(numbers))
        world.book.events = list(events)
        log = crashlab.settle(world.tern)
        wrong = world.book.check(world.book.facts(), world.look(), when, settled=True)
        for line in log.splitlines()[-8:] if wrong else []:
            print(f'# {line}')
        world.clear()
        self.on_disk = {}
        return wrong

    def place(self, tree):
        for path in set(self.on_disk) - set(tree):
            os.unlink(path)
        for path, content in tree.items():
            if self.on_disk.get(path) != content:
                with open(path, 'wb') as f:
                    f.write(content)
                os.chown(path, self.world.tern.uid, self.world.tern.uid)
        self.on_disk = tree

    def subsets(self, moment):
        """(what kind of state, its operations)."""
        count, durable, _, _ = moment
        minimum = frozenset(self.model.durable[:durable])
        everything = frozenset(range(count))
        pending = sorted(everything - minimum)
        yield 'minimum', minimum
        if pending:
            yield 'all', everything
        if len(pending) > 1:
            for number in pending:
                yield 'minimum and one', minimum | {number}
                yield 'all but one', everything - {number}


class World:
    """An instance on the tmpfs, traced."""

    def __init__(self, stage, sync_skipped=None):
        self.stage = stage
        self.quiet = QUIET if sync_skipped in (None, 'hist', 'hist-directory') else 0
        self.book = ledger.Ledger()
        self.sink = ledger.Sink(self.book)
        self.tern = ternlab.Instance()
        self.marks = stage.path('marks')
        self.tern.control('smtproutes', f':127.0.0.1:{self.sink.port}')
        self.tern.control('retry', ':0:1s', 'slow.test:0:1h')
        for box in BOXES:
            self.tern.alias(box, f'./{box}/')
        if sync_skipped:
            crashlab.skip_sync(self.tern, sync_skipped)

    def script(self, messages):
        """What is traced: the delivery side, the queue service, and messages that go in by it or by
        the command, one after the other."""
        home, binary = self.tern.home, './bin'
        lines = [f'cd {home}', f'{binary}/tern-start 2>run/start.log & start=$!',
                 f'{binary}/tern-listen unix:run/queue/socket {binary}/tern-queue -s '
                 f'2>run/queue.log & queue=$!',
                 'while ! [ -S run/queue/socket ]; do sleep 0.1; done']
        for number, message in enumerate(messages):
            text = self.stage.path(f'{message.tag}.text')
            envelope = self.stage.path(f'{message.tag}.envelope')
            with open(text, 'wb') as f:
                f.write(message.text)
            with open(envelope, 'wb') as f:
                f.write(b'F' + message.sender.encode() + b'\0' + b''.join(
                    b'T' + r.encode() + b'\0' for r in message.recipients) + b'\0')
            inject = f'{binary}/sendmail -i -f {message.sender} -- {" ".join(message.recipients)} <{text}'
            if number % 2:
                inject = f'{binary}/tern-queue <{text} 1<{envelope}'
            lines.append(f'echo try {message.tag} >&9; {inject} && echo ack {message.tag} >&9')
        lines += ['while ! [ -e stop ]; do sleep 0.1; done', f'sleep {self.quiet}', 'echo quiet 0 >&9',
                  'kill $start $queue', 'wait $start $queue']
        return '\n'.join(lines)

    def record(self, messages, slow):
        trace = self.stage.path('trace')
        with open(self.marks, 'wb') as marks:
            os.chmod(self.marks, 0o666)
            with open(trace, 'wb'):
                os.chmod(trace, 0o666)
            process = self.tern.popen(
                '/bin/sh', '-c', f'exec strace -f -qq -ttt -y -xx -s 2000000 -o {trace} '
                f'-e trace={TRACED} -e signal=none /bin/sh -c "$0" 9>>{self.marks}',
                self.script(messages), stdin=subprocess.DEVNULL)
            try:
                ternlab.wait_until(lambda: process.poll() is not None or (
                    open(self.marks).read().count('ack') == len(messages) and
                    len(self.tern.queue()) == slow and
                    len(self.tern.queue('hist')) == slow), 'all deliveries')
                self.tern.write('stop', '')
                process.wait(ternlab.PATIENCE)
            finally:
                if process.poll() is None:
                    for pid in self.tern.processes():
                        os.kill(pid, 15)
                    process.wait(30)
        return trace

    def model(self, trace):
        home = self.tern.home
        model = Model(home)
        reader = Reader(model, home, self.marks)
        got = [event for event in self.book.events if event.words[0] in ('got', 'wrong')]
        for call in read_calls(trace):
            while got and got[0].time < call.time:
                model.moment(got[0].time, got.pop(0).words)
            reader.take(call)
        return model

    def clear(self):
        for part in JUDGED:
            for folder, _, names in os.walk(self.tern.path(part)):
                for name in names:
                    os.unlink(os.path.join(folder, name))

    def look(self):
        held = ledger.Holdings(self.book)
        held.add_queue(self.tern.home)
        for box in BOXES:
            held.add_maildir(self.tern.path('alias', box))
        return held

    def close(self):
        self.tern.close()
        self.sink.close()


def workload(book, rounds):
    """The messages, and how many of them stay in the queue."""
    messages, slow = [], 0
    for n in range(rounds):
        for recipients in (['box@tern.test'], ['ok-TAG@remote.test'],
                           ['ok-TAG@remote.test', 'box@tern.test', 'later1-TAG@remote.test'],
                           ['fail-TAG@remote.test', 'later1-TAG@remote.test'],
                           ['box@tern.test', 'ok-TAG@remote.test', 'later1-TAG@slow.test'],
                           *[['later1-TAG@remote.test', 'later1-TAG@slow.test']] * 3):
            slow += recipients[-1].endswith('@slow.test')
            messages.append(book.write(SENDER, recipients, 70000 if len(messages) == 3 else 2000))
    return messages, slow


def judge(world, model, show, recoveries):
    """Violations of each kind; points; states looked at."""
    states = States(model, world)
    violations, shown, events, points = collections.Counter(), set(), [], 0
    every = len(model.moments) // recoveries if recoveries else 0
    for moment in model.moments:
        _, _, event, when = moment
        points += 1
        if event and event[0] == 'announced':
            held = states.held(frozenset(model.durable[:moment[1]]))
            ident = event[1]
            path = world.tern.path('queue', 'mess', str(int(ident) % 64), ident)
            wrong = [] if path in held.good else [f'I9 {ident} is announced and not durable']
            found = [('minimum', wrong)]
        else:
            if event:
                events.append(ledger.Event(when, event))
            facts = ledger.Facts(events)
            found = [(kind, world.book.check(facts, states.held(numbers), when))
                     for kind, numbers in states.subsets(moment)]
            if every and points % every == 0:
                kind, numbers = random.Random(points).choice(list(states.subsets(moment)))
                found.append((f'{kind}, recovered', states.recover(numbers, events, when)))
        for kind, wrong in found:
            violations.update(line.split()[0] for line in wrong)
            for line in wrong:
                if show and line not in shown and len(shown) < 12:
                    shown.add(line)
                    print(f'# {kind}, at {moment[0]} operations ({event}): {line}', flush=True)
    return violations, points, len(states.seen)


def cut(stage, rounds, recoveries, sync_skipped=None, label=''):
    world = World(stage, sync_skipped)
    try:
        messages, slow = workload(world.book, rounds)
        trace = world.record(messages, slow)
        model = world.model(trace)
        world.clear()
        violations, points, images = judge(world, model, not label, recoveries)
        print(f'result: trace strict mixed{label} points {points} images {images} '
              f'recovered {recoveries} violations {sum(violations.values())}', flush=True)
        print(f'#   {len(messages)} messages, {len(model.operations)} operations')
        return violations
    finally:
        world.close()


# The fsync left out, the invariant that must be seen broken. The first is that which no file
# system of tests/crash/powercut.py shows to be missing.
CONTROLS = [('directory', 'I1'), ('entry', 'I1'), ('mail', 'I1'), ('new', 'I1'), ('hist', 'I4'),
            ('hist-directory', 'I4')]


def main():
    lab = ternlab.Tap()
    why = crashlab.missing() or (None if shutil.which('strace') else 'needs strace')
    if why:
        lab.skip('power cuts in the strict model', why)
        lab.end()
    with crashlab.Stage() as stage:
        lab.equal(dict(cut(stage, 4 if LONG else 1, 60 if LONG else 6)), {}, 'strict model: nothing is lost')
        for what, invariant in CONTROLS if LONG else CONTROLS[:1]:
            violations = cut(stage, 1, 0, what, f'-without-fsync-of-{what}')
            lab.ok(violations[invariant], f'it is noticed when the fsync of {what} is left out: '
                   f'{dict(violations)}')
    lab.end()


if __name__ == '__main__':
    main()
