"""What tern-send must do, as a small model: of each recipient whether it is pending, failed or
done, how often it was tried, when it is due. Whoever plays the others tells the model what they
said (said, noted, told, order_apply, jumped), and asks it about all that tern-send does (job,
bounce_asked, remove_asked) and has written (check). What does not follow is a Violation.
"""
import collections
import os

import simlab

DAY = 86400
TROUBLE_DELAY = 60
BOUNCES_AT_ONCE = 8
PENDING, FAILED, DONE = 'pending', 'failed', 'done'
JUMP_FROM = 5  # seconds; less is the usual correction of a clock
SLACK = 60     # seconds, for many of these
DEFAULT_RULE = (0, [300, 600, 1200, 2400, 3600, 7200, 14400])
State = collections.namedtuple('State', 'status attempts next when')


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
        self.retry, self.lifetime = {}, 7 * DAY
        self.life_begins()

    def life_begins(self):
        self.dead = {}  # destination: monotonic time
        self.dead_ids = collections.defaultdict(set)
        self.refusals = {}  # text of a spawner: destination
        self.stopping = False
        self.jumps = []  # forward: [the time then, seconds]
        self.back = 0    # seconds, in this life
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

    def late_by(self, state):
        return min(self.back, max(0, state.next - state.when))

    def is_due(self, r):
        now = self.clock.now
        return r.early or r.state.next <= now or r.state.next - now > self.longest() or \
            r.state.when > now or r.waited is not None and r.waited <= self.clock.monotonic + 1

    def jumped(self, seconds):
        """The clock has been set; what waited goes on waiting as long as it would have, or by
        that time longer, but never by more than its interval."""
        self.back += max(0, -seconds)
        for message in self.alive():
            for r in message.recipients:
                if r.waited is None and not r.flying and seconds < -JUMP_FROM:
                    r.waited = self.clock.monotonic + max(
                        0, r.state.next - self.clock.now + seconds)
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
        if message.held or message.order or message.bouncing or \
                monotonic < message.late or monotonic < message.known:
            for r in message.recipients:  # which may not be late before that is over
                r.waited = None if r.waited is None else max(r.waited, monotonic)
            return
        busy = self.run.busy_destinations()
        due = [r for r in message.recipients
               if r.state.status == PENDING and not r.flying and (
                   r.state.next < self.clock.now or r.forced or
                   r.waited is not None and
                   r.waited + SLACK + self.late_by(r.state) < monotonic)]
        for r in due:
            destination = destination_of(r.address)
            demand(destination in busy or self.is_dead(destination),
                   f'{message.id} {r.address}: overlooked: due for '
                   f'{self.clock.now - r.state.next} s{", forced" * r.forced}')
        if message.flying() or self.waits_for_worker(message):
            return
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
