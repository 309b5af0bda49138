#!/usr/bin/python3
"""tern-send against a small model of what it must do. Each run is a random sequence of
arrivals, answers of workers, orders, settings, restarts, deaths at any call and jumps of the
clock; the model knows of each recipient whether it is pending, failed or done, how often it was
tried and when it is due. What tern-send starts, writes down and removes must follow from that,
to the second, and what is due must be under way whenever it has nothing more to do. Time is
simulated (tests/simlab.py).

    tests/send/model.py             some runs; thousands with TERN_LONG
    tests/send/model.py SEED        that run, told step by step
"""
import collections
import multiprocessing
import os
import random
import re
import signal
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import simlab
import ternlab

RUNS = int(os.environ.get('TERN_RUNS') or (5000 if faultlab.LONG else 80))
STEPS = 60
DAY = 86400
SCAN_SECONDS = 1500
TROUBLE_DELAY = 60
BOUNCES_AT_ONCE = 8
PENDING, FAILED, DONE = 'pending', 'failed', 'done'
RUNNING, HELD = 'running', 'held'
JUMP_FROM = 5  # seconds; less is the usual correction of a clock
SLACK = 60     # seconds, for many of these
State = collections.namedtuple('State', 'status attempts next when')

# What a server or a worker says, its letter and its class in control/retry.
SAID = b'1.2.3.4 said no. Remote host said: '
WORDS = [
    (b'Ktaken', ''), (b'Ktaken', ''), (b'Ktaken', ''),
    (b'Dno such user', ''), (b'Zlater', ''),
    (b'Z' + SAID + b'451 4.3.0 busy', '4xx'),
    (b'Z' + SAID + b'450 4.2.0 greylisted', 'greylist'),
    (b'Z' + SAID + b'450 4.2.0 greylisted, try again in 5 minutes', 'greylist'),
    (b'Znobody answers. (#4.4.1)', 'connect'),
    (b'Zthe connection was lost. (#4.4.2)', 'connect'),
    (b'ZDNS says nothing. (#4.4.3)', 'dns'),
    (b'Ttrouble of our own. (#4.3.0)', ''),
]
RETRIES = [
    {},
    {'': (5, [300])},
    {'': (3, [60]), 'r1.test': (0, [30, 600])},
    {'.test/connect': (0, [10]), 'r2.test/greylist': (4, [120, 3600]), '/4xx': (2, [900])},
    {'here.test': (2, [45]), '': (0, [1800, 7200])},
    {'': (0, [DAY]), '/dns': (0, [61])},
]
DEFAULT_RULE = (0, [300, 600, 1200, 2400, 3600, 7200, 14400])
LIFETIMES = [7 * DAY, DAY, 3600, 600]
DESTINATIONS = [b'r1.test', b'r2.test', b'r3.test', b'x.r4.test', b'here.test']


class Violation(Exception):
    pass


def demand(good, what):
    if not good:
        raise Violation(what)


class Recipient:
    """What is known of it, and what tern-send still has to write down."""

    def __init__(self, address):
        self.address = address
        self.base = self.state = State(PENDING, 0, 0, 0)
        self.steps = []  # (event, attempt, next, State after it)
        self.how = None
        self.flying = False
        self.early = False   # it may be tried before its time,
        self.forced = False  # and must
        self.ready = False   # it may wait for a worker
        self.waited = None   # when it is due by the clock that nobody sets

    def expect(self, event, attempt, next, state):
        self.steps.append((event, attempt, next, state))
        self.state = state


class Message:
    def __init__(self, id, text, recipients, known):
        self.id, self.text, self.known = id, text, known
        self.recipients = [Recipient(address) for address in recipients]
        self.held = self.held_base = False
        self.held_steps = []
        self.order = None     # waits until all deliveries have come back
        self.bouncing = False
        self.late = 0         # monotonic; until then nothing is due
        self.lines = 0        # of its history that were looked at
        self.removing = False
        self.alive = True

    def flying(self):
        return any(r.flying for r in self.recipients)

    def find(self, address):
        return next(r for r in self.recipients if r.address == address)


def destination_of(address):
    """Channel and name, as control/locals has it."""
    domain = address.rpartition(b'@')[2]
    return ('local', address) if domain == b'here.test' else ('remote', domain)


class Model:
    def __init__(self, run):
        self.run, self.clock = run, run.world.clock
        self.messages = {}
        self.retry, self.lifetime = {}, LIFETIMES[0]
        self.life_begins()

    def life_begins(self):
        self.dead = {}  # destination: monotonic time
        self.dead_ids = collections.defaultdict(set)
        self.refusals = {}  # text of a spawner: destination
        self.stopping = False
        self.jumps = []  # forward: [the time then, seconds]
        for message in self.alive():
            message.known = self.clock.monotonic
            message.bouncing = message.removing = False
            message.order, message.late = None, 0
            for r in message.recipients:
                r.flying = r.early = r.forced = r.ready = False
                r.waited = None

    def alive(self):
        return [m for m in self.messages.values() if m.alive]

    # --- the schedule ---

    def rule(self, domain, word):
        labels = domain.decode()
        keys = [labels, *(labels[i:] for i, c in enumerate(labels) if c == '.'), '']
        for key in keys:
            for full in ([f'{key}/{word}'] if word else []) + [key]:
                if full in self.retry:
                    return self.retry[full], True
        return DEFAULT_RULE, False

    def longest(self):
        found = max(i for _, intervals in [DEFAULT_RULE, *self.retry.values()] for i in intervals)
        return found + found // 16

    def outcome(self, message, r, words, word):
        """What must be written of this recipient: event, attempt, next, state."""
        now, letter = self.clock.now, words[:1]
        if letter in b'KD':
            attempts = r.state.attempts + 1
            status = DONE if letter == b'K' else FAILED
            return ('delivered' if letter == b'K' else 'failed', attempts, 0,
                    State(status, attempts, 0, now))
        counts = letter == b'Z'
        attempts = r.state.attempts + counts
        (most, intervals), is_said = self.rule(
            r.address.rpartition(b'@')[2], word if counts else '')
        expires = self.expires(message)
        if now >= expires or counts and most and attempts >= most:
            return 'failed', attempts, 0, State(FAILED, attempts, 0, now)
        interval = intervals[min(r.state.attempts, len(intervals) - 1)]
        if not is_said and word == 'greylist' and counts and r.state.attempts == 0:
            interval = 300 if b'5 minutes' in words else 60
        spread = interval // 16 if interval >= 60 else 0
        chance = (message.id * 0x9e3779b97f4a7c15 & 2**64 - 1) >> 32
        next = min(now + interval + (chance % (spread + 1) if spread else 0), expires)
        return ('deferred' if counts else 'trouble', attempts, next,
                State(PENDING, attempts, next, now))

    def expires(self, message):
        arrival = message.id // 1000000
        return arrival + self.lifetime + sum(s for then, s in self.jumps if arrival < then)

    def is_due(self, r):
        now = self.clock.now
        return r.early or r.state.next <= now or r.state.next - now > self.longest() or \
            r.state.when > now  # the clock has been set back since

    def jumped(self, seconds):
        if seconds > JUMP_FROM:
            self.jumps.append([self.clock.now, seconds])
        for jump in reversed(self.jumps if seconds < -JUMP_FROM else []):
            taken = min(-seconds, jump[1])
            jump[1] -= taken
            seconds += taken

    # --- what tern-send hears ---

    def said(self, message, addresses, words):
        """A worker's report, or its death: (words, class) for each recipient."""
        for address, (what, word) in zip(addresses, words):
            r = message.find(address)
            r.flying = False
            r.expect(*self.outcome(message, r, what, word))
            r.waited = self.clock.monotonic + r.state.next - self.clock.now
            if what[:1] == b'K':
                r.how = 'delivered'
        self.order_apply_waiting(message)

    def noted(self, destination, message, words, word):
        """What the first verdict of a report says of a remote destination."""
        if destination[0] == 'local' or words[:1] == b'T':
            return
        if b'(#4.4.1)' in words and words[:1] == b'Z':
            (_, intervals), _ = self.rule(destination[1], 'connect')
            self.dead[destination] = self.clock.monotonic + min(min(intervals) - 1, 60)
            self.dead_ids[destination].add(message.id)
            return
        self.dead.pop(destination, None)
        for id in self.dead_ids.pop(destination, ()):
            if not self.messages[id].flying() and not self.messages[id].bouncing:
                for r in self.messages[id].recipients:
                    r.early = True

    def is_dead(self, destination):
        return self.dead.get(destination, 0) > self.clock.monotonic

    def told(self, message, how):
        """The sender knows, or wants not to."""
        message.bouncing = False
        for r in message.recipients:
            if r.state.status == FAILED:
                r.expect('bounced', None, None, r.state._replace(status=DONE))
                r.how = how
        self.order_apply_waiting(message)

    def order_apply_waiting(self, message):
        if message.order and not message.flying() and not message.bouncing:
            order, message.order = message.order, None
            self.order_apply(message, order)

    def hold(self, message, held):
        message.held = held
        message.held_steps.append('held' if held else 'released')

    def order_apply(self, message, order):
        """Whether it changes anything."""
        now, changed = self.clock.now, False
        if order in ('hold', 'release') or order == 'bounce' and message.held:
            held = order == 'hold'
            changed = message.held != held
            if changed:
                self.hold(message, held)
        for r in message.recipients:
            pending = r.state.status == PENDING
            if order == 'retry' and pending:
                r.expect('retry', 0, 0, r.state._replace(next=0))
            elif order == 'remove' and r.state.status != DONE:
                r.expect('removed', 0, 0, r.state._replace(status=DONE))
                r.how = 'removed'
            elif order == 'bounce' and pending:
                r.expect('failed', r.state.attempts, 0, r.state._replace(
                    status=FAILED, next=0, when=now))
            else:
                continue
            changed = True
        return changed

    # --- what tern-send says ---

    def job(self, destination, id, addresses, text):
        message = self.messages.get(id)
        demand(message and message.alive and not message.removing, f'a job for {id}, which is gone')
        demand(not self.stopping, f'{id}: a job after TERM')
        demand(not message.held, f'{id}: tried though held')
        demand(not message.order, f'{id}: tried though it is to {message.order}')
        demand(text == message.text, f'{id}: another message')
        message.known = self.clock.monotonic
        for address in addresses:
            r = message.find(address)
            what = f'{id} {address.decode()}'
            demand(destination_of(address) == destination, f'{what}: for {destination}')
            demand(not r.flying, f'{what}: twice at once')
            demand(r.state.status == PENDING, f'{what}: tried though {r.state.status}')
            demand(self.is_due(r) or r.ready, f'{what}: tried {r.state.next - self.clock.now} s too early')
            r.flying, r.early, r.forced, r.ready, r.waited = True, False, False, False, None

    def read(self, message):
        """What has been written of it since."""
        found = simlab.history(self.run.world, message.id)
        for line in found[message.lines:]:
            self.line(message, *line)
        message.lines = max(message.lines, len(found))

    def line(self, message, time, event, attempt, numbers, next, text):
        what = f'{message.id}: its history says {event} {attempt} {numbers} {next} {text!r}'
        demand(time == self.clock.now, f'{what} at {time}')
        if event in ('held', 'released'):
            demand(message.held_steps[:1] == [event], f'{what}, which nobody ordered')
            message.held_steps.pop(0)
            message.held_base = event == 'held'
            return
        for number in numbers:
            demand(number < len(message.recipients), f'{what}: there are fewer')
            r = message.recipients[number]
            if not r.steps:
                self.refused(message, r, text, what)
            step = r.steps.pop(0)
            want = (event, attempt, next)
            demand(step[:3] == want or step[0] == event == 'bounced', f'{what}, not {step[:3]}')
            r.base = step[3]

    def refused(self, message, r, text, what):
        """What was never given to a worker."""
        destination = destination_of(r.address)
        soon = b'Not tried again so soon: '
        text = text.replace(b' I\'m not going to try again; this message has been in the queue too '
                            b'long. (#5.4.7)', b'')
        text = text.replace(b' I\'m not going to try again; that was the last attempt of '
                            b'control/retry. (#5.4.7)', b'')
        demand(not r.flying and not message.held and (self.is_due(r) or r.ready),
               f'{what}: what for?')
        r.ready = False
        if text.startswith(soon):
            demand(self.is_dead(destination), f'{what}: {destination} is not dead')
            self.dead_ids[destination].add(message.id)
            r.expect(*self.outcome(message, r, b'Z' + text, 'connect'))
            r.early, r.waited = False, None
            return
        demand(self.refusals.get(text, (None,))[0] == destination, f'{what}: who said that?')
        r.expect(*self.outcome(message, r, self.refusals[text][1] + text, ''))
        r.early, r.waited = False, None

    def bounce_asked(self, message, failed):
        demand(message.alive and not message.removing, f'a bounce of {message.id}, which is gone')
        self.read(message)
        want = [i for i, r in enumerate(message.recipients) if r.state.status == FAILED]
        demand(failed == want, f'{message.id}: a bounce for {failed}, not {want}')
        demand(not message.held, f'{message.id}: a bounce though held')
        message.bouncing = True

    def remove_asked(self, id):
        message = self.messages.get(id)
        if not message or not message.alive:
            return None
        if not os.path.exists(self.run.world.mess(id)):
            return message
        self.read(message)
        left = [r.address for r in message.recipients if r.state.status != DONE]
        demand(not left, f'{id}: removed, though {left} are not done')
        return message

    # --- what must be true when there is nothing more to do ---

    def check(self):
        bounces = sum(m.bouncing for m in self.alive())
        for message in self.alive():
            self.read(message)
            if message.removing:
                continue
            demand(os.path.exists(self.run.world.mess(message.id)), f'{message.id}: lost')
            demand(not message.held_steps, f'{message.id}: {message.held_steps} not written')
            for r in message.recipients:
                demand(not r.steps, f'{message.id} {r.address}: not written: {r.steps}')
            if not self.stopping:
                self.check_due(message, bounces)
        busy = self.run.busy_destinations()
        for message in self.alive():
            for r in message.recipients:
                r.forced = False
                r.ready = r.state.status == PENDING and not r.flying and not message.held and \
                    destination_of(r.address) in busy and (r.ready or self.is_due(r))

    def check_due(self, message, bounces):
        monotonic = self.clock.monotonic
        if message.held or message.order or message.bouncing or message.flying() or \
                monotonic < message.late or monotonic < message.known:
            return
        due = [r for r in message.recipients
               if r.state.status == PENDING and (
                   r.state.next < self.clock.now or r.forced or
                   r.waited is not None and r.waited + SLACK < monotonic)]
        if self.waits_for_worker(message):
            return
        for r in due:
            demand(self.is_dead(destination_of(r.address)),
                   f'{message.id} {r.address}: overlooked: due for '
                   f'{self.clock.now - r.state.next} s{", forced" * r.forced}')
        if not due and any(r.state.status == FAILED for r in message.recipients):
            demand(bounces >= BOUNCES_AT_ONCE, f'{message.id}: its failures are not told')
        demand(any(r.state.status != DONE for r in message.recipients),
               f'{message.id}: done and still there')

    def waits_for_worker(self, message):
        """Some of it may be ready for a destination that has enough to do."""
        busy = self.run.busy_destinations()
        return any(r.state.status == PENDING and (self.is_due(r) or r.ready) and
                   destination_of(r.address) in busy for r in message.recipients)

    def died(self):
        """What was not written down has not happened."""
        for message in self.alive():
            self.read(message)
            if not os.path.exists(self.run.world.mess(message.id)):
                demand(message.removing, f'{message.id}: lost')
            message.held, message.held_steps = message.held_base, []
            for r in message.recipients:
                r.state, r.steps = r.base, []
        self.life_begins()


class Worker(sendlab.Worker):
    """Keeps its job until the run says what becomes of it."""
    job = None

    def work(self, job, fd):
        number, id, length, destination = int(job[0]), int(job[1]), int(job[2]), job[5]
        demand(destination == self.destination, f'{destination} for {self.destination}')
        demand(self.job is None, 'a second job at a time')
        addresses = [field for field in job[7:] if b'@' in field]
        text = os.pread(fd, length, 0)
        os.close(fd)
        self.job = number, id, addresses
        self.send.run_of.model.job(self.place(), id, addresses, text)

    def place(self):
        return self.channel, self.destination

    def close(self):
        self.send.run_of.lost(self)
        super().close()


class Send(simlab.Send):
    def __init__(self, run):
        self.run_of = run
        self.requests, self.bounces = [], []
        super().__init__(run.world, worker=Worker)

    def settle(self):
        alive = super().settle()
        if alive:
            self.run_of.model.check()
        return alive

    def spawn(self, channel, sock):
        try:
            packet = sock.recv(sendlab.PACKET)
        except ConnectionError:
            packet = b''
        if not packet:
            return False
        self.requests.append((channel, sock, *sendlab.fields(packet)))
        if self.run_of.peace or self.run_of.chance.random() < 0.85:
            self.grant()
        return True

    def grant(self, refuse=False):
        channel, sock, number, destination = self.requests.pop(
            0 if refuse or self.run_of.peace else -1)
        run = self.run_of
        if refuse:
            words = run.chance.choice([b'Z', b'T', b'D']) + b'no worker %s. (#4.3.0)' % number
            run.model.refusals[words[1:]] = (channel, destination), words[:1]
            run.tell(f'refuses a worker for {destination}: {words}')
            self.say(sock, sendlab.field(number, words))
            return
        ours, theirs = sendlab.pair()
        try:
            sendlab.socket.send_fds(sock, [sendlab.field(number, b'K')], [theirs])
        except ConnectionError:
            ours.close()
        else:
            self.workers.append(Worker(self, channel, destination, ours))
        os.close(theirs)

    def clean_answer(self, mark, id):
        run = self.run_of
        demand(not mark, f'{id} is to be set aside')
        message = run.model.remove_asked(id)
        if message:
            message.removing = True
            if not run.peace and run.chance.random() < 0.1:
                run.tell(f'can not remove {id}')
                return b'!'
            for r in message.recipients:
                run.ends[r.how] += 1
            message.alive = False
        return super().clean_answer(mark, id)

    def make_bounce(self):
        try:
            packet, fds, _, _ = sendlab.socket.recv_fds(self.bounce, sendlab.PACKET, 4)
        except ConnectionError:
            return False
        if not packet:
            return False
        id = int(sendlab.fields(packet)[0])
        _, history = (os.pread(fd, os.fstat(fd).st_size, 0) for fd in fds)
        for fd in fds:
            os.close(fd)
        states = {}
        for _, word, _, numbers, _, _ in simlab.lines(history):
            if word not in ('held', 'released', 'retry'):
                states.update(dict.fromkeys(numbers, word))
        message = self.run_of.model.messages[id]
        self.run_of.model.bounce_asked(
            message, [n for n in sorted(states) if states[n] == 'failed'])
        self.bounces.append(message)
        if self.run_of.peace or self.run_of.chance.random() < 0.7:
            self.tell_sender()
        return True

    def tell_sender(self):
        run = self.run_of
        message = self.bounces.pop(0)
        letter = 'K' if run.peace else run.chance.choice('KKKTD')
        run.tell(f'bounce of {message.id}: {letter}')
        if letter == 'T':
            message.bouncing = False
            message.late = run.world.clock.monotonic + TROUBLE_DELAY + 10
            run.model.order_apply_waiting(message)
            answer = b'Tno disk'
        else:
            run.model.told(message, 'told' if letter == 'K' else 'dropped')
            answer = b'K4711 4711' if letter == 'K' else b'Dnot wanted'
        self.say(self.bounce, sendlab.field(message.id, answer))

    @staticmethod
    def say(sock, packet):
        try:
            sock.send(packet)
        except ConnectionError:
            pass  # it has just ended


class Run:
    """One random life of a queue."""

    def __init__(self, seed, loud=False):
        self.chance = random.Random(seed)
        self.loud = loud
        self.story = []
        self.peace = False
        self.ends = collections.Counter()
        self.arrivals = 0

    def tell(self, what):
        clock = self.world.clock
        self.story.append(f'{clock.now - simlab.START:>9} {what}')
        if self.loud:
            print('# ' + self.story[-1], flush=True)

    def busy_destinations(self):
        return {w.place() for w in self.send.workers if w.job} | \
            {(request[0], request[3]) for request in self.send.requests}

    def go(self):
        """Returns what is wrong, or None."""
        with simlab.World() as self.world:
            self.model = Model(self)
            self.send = Send(self)
            try:
                self.send.settle()
                for _ in range(STEPS):
                    self.step()
                self.end()
            except Violation as e:
                return f'{e}'
            except Exception:
                return traceback.format_exc() + self.send.log[-2000:].decode()
            finally:
                self.send.close()
        return None

    def step(self):
        action = self.chance.choices([a for _, a in ACTIONS], [n for n, _ in ACTIONS])[0]
        clock = self.world.clock
        doomed = self.chance.random() < 0.04
        if doomed:
            calls = self.chance.randint(1, 12)
            clock[clock.END_AT] = clock[clock.CALLS] + calls
            self.tell(f'to end at its call {calls} from here')
        action(self)
        if self.send.code is None and self.send.settle():
            clock[clock.END_AT] = 0
        else:
            self.ended()

    def ended(self):
        code = self.send.code
        demand(code == simlab.ENDED or code == -signal.SIGKILL or
               self.model.stopping and code == 0,
               f'ended with {code}: {self.send.log[-500:].decode()}')
        self.world.clock[self.world.clock.END_AT] = 0
        self.tell(f'a new life after {code}')
        self.send.close()
        self.model.died()
        self.send = Send(self)
        if self.send.settle():
            return
        self.ended()

    def lost(self, worker):
        pass

    # --- what may happen ---

    def arrive(self):
        addresses = {b'u%d@%s' % (self.chance.randrange(6), self.chance.choice(DESTINATIONS))
                     for _ in range(self.chance.choice([1, 1, 1, 2, 3, 5]))}
        addresses = self.chance.sample(sorted(addresses), len(addresses))
        self.arrivals += 1
        text = b'Subject: %d\n\nhello\n' % self.arrivals
        sender = self.chance.choice([b's@from.test', b's@from.test', b'', b'#@[]'])
        id = self.world.arrive(text, sender, addresses)
        told = self.chance.random() < 0.9
        self.tell(f'arrives {id} to {addresses}{"" if told else ", nobody tells"}')
        known = self.world.clock.monotonic + (0 if told else SCAN_SECONDS + 1)
        self.model.messages[id] = Message(id, text, addresses, known)
        if told:
            self.world.trigger(id)

    def workers_with(self, has_job):
        return [w for w in self.send.workers if bool(w.job) == has_job]

    def answer(self, words=None):
        working = self.workers_with(True)
        if not working:
            return
        worker = self.chance.choice(working)
        number, id, addresses = worker.job
        message = self.model.messages[id]
        first = self.chance.choice(WORDS)
        said = [words or self.chance.choice([first, self.chance.choice(WORDS)]) for _ in addresses]
        self.tell(f'{worker.destination} on {id} {addresses}: {[what for what, _ in said]}')
        worker.job = None
        worker.report(number, [what for what, _ in said])
        self.model.noted(worker.place(), message, *said[0])
        self.model.said(message, addresses, said)

    def several(self):
        for _ in range(self.chance.randint(2, 6)):
            self.answer()
            if not self.send.settle():
                return

    def worker_dies(self):
        if not self.send.workers:
            return
        worker = self.chance.choice(self.send.workers)
        self.tell(f'worker of {worker.destination} dies with {worker.job}')
        job = worker.job
        if job and self.chance.random() < 0.3:
            worker.say(b'nonsense')
        worker.job = None
        worker.close()
        if job:
            _, id, addresses = job
            self.model.said(self.model.messages[id], addresses,
                            [(b'Tdied', '')] * len(addresses))

    def spawner(self):
        if self.send.requests:
            self.send.grant(refuse=self.chance.random() < 0.5)

    def bouncer(self):
        if self.send.bounces:
            self.send.tell_sender()

    def wait(self):
        seconds = self.chance.choice([1, 5, 30, 61, 300, 700, 3600, 5 * 3600, 2 * DAY])
        self.tell(f'{seconds} s pass')
        self.send.advance(seconds)

    def wait_for_next(self):
        self.send.step()
        self.tell('until it moves')

    def jump(self):
        seconds = self.chance.choice([-4, 4, -60, 60, -3600, 3600, -DAY, DAY, -30 * DAY, 366 * DAY])
        self.world.clock.jump(seconds)
        self.model.jumped(seconds)
        self.tell(f'the clock is set by {seconds}')
        self.send.signal(signal.SIGHUP)

    def order(self):
        known = list(self.model.messages.values())
        if not known:
            return
        message = self.chance.choice(self.model.alive() or known) \
            if self.chance.random() < 0.9 else self.chance.choice(known)
        order = self.chance.choice(['hold', 'hold', 'release', 'release', 'retry', 'retry',
                                    'remove', 'bounce'])
        answer = self.send.request(order, message.id)
        self.tell(f'{order} {message.id}: {answer}')
        if answer is None:
            # It ended. What it has written it has done.
            if message.alive:
                self.model.order_apply(message, order)
            return
        self.ordered(message, order, answer.decode())

    def ordered(self, message, order, answer):
        what = f'{order} {message.id} is answered {answer}'
        gone = not message.alive or message.removing or \
            all(r.state.status == DONE for r in message.recipients)
        demand((answer == '?') <= gone, what)
        demand(answer in '+=w?', what)
        if gone or answer == '?':
            return
        message.known = min(message.known, self.world.clock.monotonic)
        if answer == 'w' and order != 'hold' and (message.flying() or message.bouncing):
            message.order = order
            return
        if message.order and order not in ('hold', 'release'):
            message.order = None
        changed = self.model.order_apply(message, order)
        demand(changed == (answer != '='), what)
        demand(answer != 'w' or order == 'hold' or
               any(r.state.status == FAILED for r in message.recipients), what)

    def alarm(self):
        self.tell('ALRM')
        busy = self.busy_destinations()
        self.model.dead.clear()
        for message in self.model.alive():
            if message.flying() or message.bouncing or message.held or message.removing or \
                    message.known > self.world.clock.monotonic:
                continue
            waits = self.model.waits_for_worker(message)
            for r in message.recipients:
                r.early = True
                r.forced = not waits and destination_of(r.address) not in busy
        self.send.signal(signal.SIGALRM)

    def settings(self):
        model = self.model
        model.retry = self.chance.choice(RETRIES)
        model.lifetime = self.chance.choice(LIFETIMES)
        self.world.control('retry', '\n'.join(
            f'{key}:{attempts}:{",".join(f"{i}s" for i in intervals)}'
            for key, (attempts, intervals) in model.retry.items()))
        self.world.control('queuelifetime', f'{model.lifetime}s')
        self.tell(f'settings {model.retry} {model.lifetime}')
        self.send.signal(signal.SIGHUP)

    def term(self):
        self.tell('TERM')
        self.send.signal(signal.SIGTERM)
        self.model.stopping = True
        while self.send.code is None and self.send.settle():
            if self.send.bounces:
                self.send.tell_sender()
            elif self.chance.random() < 0.2:
                self.worker_dies()
            elif self.workers_with(True):
                self.answer()
            else:
                self.send.step()

    def kill(self):
        self.tell('KILL')
        self.send.signal(signal.SIGKILL)
        self.send.settle()

    def end(self):
        """In peace all must leave."""
        self.peace = True
        self.tell('peace')
        for _ in range(200):
            while self.send.requests:
                self.send.grant()
            while self.send.bounces:
                self.send.tell_sender()
            while self.workers_with(True):
                self.answer(WORDS[0])
                self.send.settle()
            for message in self.model.alive():
                if message.held:
                    self.ordered(message, 'release',
                                 self.send.request('release', message.id).decode())
            self.send.settle()
            if self.world.is_empty():
                break
            self.alarm()
            self.send.settle()
            self.send.step()
        left = self.world.names(), self.world.names('hist')
        demand(left == ([], []), f'left: {left}: {self.send.log[-500:].decode()}')
        demand(not self.model.alive(), 'gone, though not done')
        demand(not os.listdir(self.world.file('queue/bad')), 'set aside')
        alerts = [line for line in self.send.log.split(b'\n') if line.startswith(b'alert')]
        demand(not alerts, f'{alerts}')
        self.term()
        demand(self.send.code == 0, f'ended with {self.send.code}')


ACTIONS = [(20, Run.arrive), (25, Run.answer), (10, Run.several), (4, Run.worker_dies),
           (6, Run.spawner), (6, Run.bouncer), (12, Run.wait), (10, Run.wait_for_next),
           (3, Run.jump), (14, Run.order), (3, Run.alarm), (3, Run.settings), (2, Run.term),
           (2, Run.kill)]


def judge(seed):
    run = Run(seed)
    try:
        wrong = run.go()
    except Exception:
        wrong = traceback.format_exc()
    return seed, wrong, run.story[-25:], run.ends


def main():
    lab = ternlab.Tap()
    if sys.argv[1:]:
        seed, *_ = map(int, sys.argv[1:])
        run = Run(seed, loud=True)
        lab.equal(run.go(), None, f'the run of seed {seed}')
        lab.end()
    simlab.library()
    first = int(os.environ.get('TERN_SEED', '1'))
    seeds = range(first, first + RUNS)
    ends, wrong = collections.Counter(), []
    with multiprocessing.get_context('fork').Pool(2) as pool:
        for seed, trouble, story, how in pool.imap_unordered(judge, seeds):
            ends += how
            if trouble:
                wrong.append((seed, trouble, story))
    lab.equal(len(wrong), 0, f'{RUNS} runs from seed {first} on')
    for seed, trouble, story in wrong[:5]:
        print(f'# seed {seed}: {trouble}\n'.replace('\n', '\n# ') + '\n#   '.join(story), flush=True)
    print('# recipients: ' + ', '.join(f'{n} {how}' for how, n in sorted(ends.items())))
    lab.ok(all(ends[how] > RUNS / 4 for how in ('delivered', 'told', 'removed')),
           'recipients end in each way')
    print(f'# result: model tern-send runs {RUNS} violations {len(wrong)}')
    lab.end()


if __name__ == '__main__':
    main()
