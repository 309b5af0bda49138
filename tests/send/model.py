#!/usr/bin/python3
"""tern-send against a small model of what it must do. Each run is a random sequence of
arrivals, answers of workers, orders, settings, restarts, deaths at any call and jumps of the
clock; the model knows of each recipient whether it is pending, failed or done, how often it was
tried and when it is due. What tern-send starts, writes down and removes must follow from that,
to the second, and what is due must be under way whenever it has nothing more to do. Time is
simulated (tests/simlab.py); the model is tests/sendmodel.py.

    tests/send/model.py             some runs; thousands with TERN_LONG
    tests/send/model.py SEED        that run, told step by step
"""
import collections
import multiprocessing
import os
import random
import signal
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import simlab
import ternlab
from sendmodel import BOUNCES_AT_ONCE, DAY, DONE, FAILED, TROUBLE_DELAY, Message, Model, \
    Violation, demand, destination_of

RUNS = int(os.environ.get('TERN_RUNS') or (5000 if faultlab.LONG else 80))
STEPS = 60
SCAN_SECONDS = 1500


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
LIFETIMES = [7 * DAY, DAY, 3600, 600]
DESTINATIONS = [b'r1.test', b'r2.test', b'r3.test', b'x.r4.test', b'here.test']


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
