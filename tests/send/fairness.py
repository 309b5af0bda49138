#!/usr/bin/python3
"""Whose turn it is: counted in deliveries, not in seconds, by workers that each answer once a
round. One destination with very many messages does not delay a thousand with one each; new mail
goes before retries, never instead of them; local and remote limits are apart; many users share few
places without a program started for each message, and one that comes later gets one; a delivery
that takes long holds up no other; what waits outside comes in; the limit of workers is that of the
settings and the descriptors, also when workers were refused and lost. With TERN_LONG at full
size."""
import collections
import os
import resource
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import simlab
import spoollab
import ternlab

lab = ternlab.Tap()
TEXT = b'Subject: x\n\nhello\n'
BIG = 100000 if faultlab.LONG else 3000
SMALL = 1000 if faultlab.LONG else 200
BIG_NAME = b'big.test'
DESCRIPTORS = 16384


class Worker(sendlab.Worker):
    """Keeps its job until the end of the round."""
    job = None

    def __init__(self, send, channel, *rest):
        super().__init__(send, channel, *rest)
        send.started[channel] += 1

    def work(self, job, fd):
        os.close(fd)
        self.job = int(job[0]), int(job[1]), [field for field in job[7:] if b'@' in field]
        self.send.running[self.channel] += 1
        self.send.most[self.channel] = max(
            self.send.most[self.channel], self.send.running[self.channel])

    def finish(self, words=b'Ktaken'):
        number, id, recipients = self.job
        self.job = None
        self.send.running[self.channel] -= 1
        self.report(number, [words] * len(recipients))


class Send(simlab.Send):
    def __init__(self, world):
        self.running, self.most = collections.Counter(), collections.Counter()
        self.started = collections.Counter()
        self.order = []  # (id, destination), as they were started
        super().__init__(world, worker=Worker)

    def round(self):
        """Each worker with a job answers; returns (id, destination) of all that were answered."""
        busy = [worker for worker in self.workers if worker.job]
        answered = [(worker.job[1], worker.destination) for worker in busy]
        for worker in busy:
            worker.finish()
        self.settle()
        return answered


def file_limit():
    """As many descriptors as this needs, for us and for tern-send; what there really is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
    return want


def fill(world, count, name):
    return [world.put(None, TEXT, b's@from.test', [b'u@' + name]) for _ in range(count)]


def rounds_of_small(big):
    """In which round each of the small destinations has its message."""
    with simlab.World(concurrencyremote='100') as world:
        big_ids = set(fill(world, big, BIG_NAME))
        small = [b's%d.test' % n for n in range(SMALL)]
        for name in small:
            fill(world, 1, name)
        with Send(world) as send:
            send.settle()
            rounds, n, big_done = {}, 0, 0
            while len(rounds) < SMALL and n < 10 * SMALL:
                n += 1
                for id, destination in send.round():
                    if id in big_ids:
                        big_done += 1
                    else:
                        rounds[destination] = n
            return rounds, n, big_done


def big_and_small():
    alone, last_alone, _ = rounds_of_small(0)
    beside, last, big_done = rounds_of_small(BIG)
    lab.equal((len(alone), len(beside)), (SMALL, SMALL), f'{SMALL} destinations with one message')
    mean = sum(beside.values()) / SMALL - sum(alone.values()) / SMALL
    print(f'# alone: {last_alone} rounds; beside {BIG} to one destination: {last}, '
          f'{mean:.1f} later each, {big_done} of the many meanwhile')
    lab.ok(last <= 2 * last_alone + 3,
           f'... have it in {last} rounds beside {BIG} to another, {last_alone} alone')
    lab.ok(0 < big_done, '... which goes on as well')


def late_comer():
    """All of the many came first, and are being delivered."""
    with simlab.World(concurrencyremote='50') as world:
        fill(world, BIG, BIG_NAME)
        with Send(world) as send:
            send.settle()
            for _ in range(5):
                send.round()
            world.trigger(world.arrive(TEXT, b's@from.test', [b'u@late.test']))
            send.settle()
            for n in range(20):
                if (b'late.test') in [destination for _, destination in send.round()]:
                    break
            lab.ok(n <= 2, f'one that comes to {BIG} others is delivered in round {n + 1}')


def new_and_retried():
    with simlab.World(concurrencyremote='20') as world:
        due = world.clock.now - 10
        old = set()
        for n in range(400):
            old.add(world.put(None, TEXT, b's@from.test', [b'u@old%d.test' % n], due=due,
                              history=spoollab.event(b'deferred', b'0', b'later', next=due)))
        with Send(world) as send:
            send.settle()
            new = set()
            for n in range(400):
                new.add(world.arrive(TEXT, b's@from.test', [b'u@new%d.test' % n]))
                world.trigger(max(new))
            send.settle()
            send.round()
            answered = []
            while one := send.round():
                answered += [id for id, _ in one]
            lab.equal(len(answered), 780, 'new mail and retries: all are delivered')
            tried = sum(id in old for id in answered[:400])
            lab.ok(80 <= tried <= 150,  # a quarter, and what was under way
                   f'... {400 - tried} new ones and {tried} retries among the first 400')


def channels():
    with simlab.World(concurrencylocal='8', concurrencyremote='30') as world:
        for n in range(200):
            fill(world, 1, b'r%d.test' % n)
            world.put(None, TEXT, b's@from.test', [b'u%d@here.test' % n])
        with Send(world) as send:
            send.settle()
            lab.equal((send.running['local'], send.running['remote']), (8, 30),
                      'each channel has its limit')
            while any(worker.job for worker in send.workers if worker.channel == 'local'):
                for worker in [w for w in send.workers if w.job and w.channel == 'local']:
                    worker.finish()
                send.settle()
            lab.equal((send.running['local'], send.running['remote']), (0, 30),
                      'local mail is delivered while all remote workers are busy')
            while send.round():
                pass
            lab.equal((send.most['local'], send.most['remote']), (8, 30), 'never more')
            lab.ok(world.is_empty(), 'and all is delivered')
    with simlab.World(concurrencylocal='0', concurrencyremote='5') as world:
        fill(world, 3, b'r.test')
        world.put(None, TEXT, b's@from.test', [b'u@here.test'])
        with Send(world) as send:
            send.settle()
            while send.round():
                pass
            lab.equal(len(world.names()), 1, 'a limit of 0 holds that channel alone')


def users(count, each):
    """More users have mail than may be at work at once. Returns (workers started, the round in
    which the last of them had its first message, rounds, the most at once)."""
    with simlab.World(concurrencylocal='8') as world:
        for _ in range(each):
            for n in range(count):
                world.put(None, TEXT, b's@from.test', [b'u%d@here.test' % n])
        with Send(world) as send:
            send.settle()
            served, rounds, last = set(), 0, 0
            while answered := send.round():
                rounds += 1
                if not served.issuperset(d for _, d in answered):
                    last = rounds
                served.update(d for _, d in answered)
            lab.ok(world.is_empty() and len(served) == count,
                   f'{each} messages for each of {count} users are delivered')
            return send.started['local'], last, rounds, send.most['local']


def many_users():
    started, last, rounds, most = users(60, 30)
    lab.equal(most, 8, '... by 8 workers at once')
    lab.ok(started <= 108, f'... and {started} programs: those that are idle stay')
    started, last, rounds, most = users(150, 40)
    lab.equal(most, 8, '... by 8 workers at once')
    lab.ok(started <= 450, f'... and {started} programs')
    lab.ok(last <= rounds // 2,
           f'... the last of the users has the first message in round {last} of {rounds}')


def one_by_one(send, answers):
    """Workers answer one after another, that of the oldest job first; the destinations, in the
    order of their answers."""
    done = []
    for _ in range(answers):
        worker = min((w for w in send.workers if w.job), key=lambda w: w.job[0])
        done.append(worker.destination)
        worker.finish(b'Zlater')
        send.settle()
    return done


def late_users(count):
    """Four others have all places, and each of these comes free alone."""
    with simlab.World(concurrencylocal='8') as world:
        for n in range(4 * 40):
            world.put(None, TEXT, b's@from.test', [b'u%d@here.test' % (n % 4)])
        with Send(world) as send:
            send.settle()
            one_by_one(send, 20)
            late = [b'late%d@here.test' % n for n in range(count)]
            for name in late:
                world.trigger(world.arrive(TEXT, b's@from.test', [name]))
                send.settle()
            lab.ok(set(late) <= set(one_by_one(send, 30)),
                   f'{count} users whose mail comes while four have all places: '
                   'are among the next 30 deliveries')


def slow_delivery():
    """What came while all places were taken is started when they no longer are."""
    with simlab.World(concurrencylocal='8') as world:
        ids = [world.put(None, TEXT, b's@from.test', [b'u%d@here.test' % n])
               for n in range(8)]
        with Send(world) as send:
            send.settle()
            slow = next(w for w in send.workers if w.destination == b'u0@here.test')
            world.trigger(world.arrive(TEXT, b's@from.test', [b'u0@here.test']))
            send.settle()
            while busy := [w for w in send.workers if w.job and w != slow]:
                for worker in busy:
                    worker.finish()
                send.settle()
                send.advance(2)
            lab.equal(world.names(), [ids[0]],
                      'one delivery that takes long does not hold up others to that user')
            while send.round():
                pass
            lab.ok(world.is_empty(), '... and comes to its end as well')


class Failing(Send):
    """Of the workers that are asked for one in three is refused, while it is bad."""
    bad, asked_for = True, 0

    def spawn(self, channel, sock):
        self.asked_for += 1
        if not self.bad or self.asked_for % 3:
            return super().spawn(channel, sock)
        packet = sock.recv(sendlab.PACKET)
        if packet:
            sock.send(sendlab.field(sendlab.fields(packet)[0], b'Tno more'))
        return bool(packet)

    def bad_round(self):
        """Every other worker that has a job is lost."""
        for n, worker in enumerate([worker for worker in self.workers if worker.job]):
            if n % 2:
                self.running[worker.channel] -= 1
                worker.close()
            else:
                worker.finish()
        self.settle()


def bad_times(channel, address):
    """Workers refused and lost, and a limit that is changed while they run, leave no trace."""
    def put(world, name):
        for n in range(60):
            world.trigger(world.arrive(TEXT, b's@from.test', [address % (name, n)]))

    with simlab.World(**{f'concurrency{channel}': '8'}) as world:
        with Failing(world) as send:
            put(world, b'a')
            send.settle()
            for n in range(8):
                send.bad_round()
                world.control(f'concurrency{channel}', '3' if n in (3, 4) else '8')
                send.signal(signal.SIGHUP)
                send.settle()
            send.bad = False
            send.advance(30)  # those that are idle go
            while send.round() or world.names() and send.step():
                pass
            send.most.clear()
            put(world, b'b')
            send.settle()
            while send.round():
                pass
            lab.equal((send.most[channel], world.names()), (8, []),
                      f'{channel}: after bad times there are as many places as before')
            world.control(f'concurrency{channel}', '3')
            put(world, b'c')
            send.settle()
            send.signal(signal.SIGHUP)
            send.settle()
            send.round()
            send.most.clear()
            while send.round():
                pass
            lab.ok(send.most[channel] <= 3 and not world.names(),
                   '... and fewer, when the limit becomes less while workers run')


def held_outside():
    """So many wait outside for one destination, all but the last of them held meanwhile, that
    what is let in to it comes to nothing again and again."""
    with simlab.World(concurrencyremote='20') as world:
        for n in range(2000):
            fill(world, 1, b'r%d.test' % n)
        with Send(world) as send:
            send.settle()
            ids = fill(world, 600, BIG_NAME)
            for id in ids:
                world.trigger(id)
                send.settle()
            for at in range(0, 599, 200):
                send.request('hold', *ids[at:min(at + 200, 599)])
            while send.round():
                pass
            send.advance(60)
            while send.round():
                pass
            left = world.names()
            lab.ok(ids[-1] not in left and set(left) <= set(ids) and len(left) > 590,
                   'one that waits outside behind many that are held is delivered')


def thousand(descriptors):
    wanted = 1000
    possible = min(wanted, descriptors // 4)
    with simlab.World(concurrencyremote=str(wanted)) as world:
        for n in range(wanted + 100):
            fill(world, 1, b'r%d.test' % n)
        with Send(world) as send:
            send.settle()
            lab.equal(send.running['remote'], possible,
                      f'{possible} workers at once, with {descriptors} descriptors')
            while send.round():
                pass
            lab.ok(world.is_empty(), '... and all is delivered')


descriptors = file_limit()
big_and_small()
late_comer()
new_and_retried()
channels()
many_users()
for count in range(1, 4):
    late_users(count)
slow_delivery()
bad_times('local', b'%s%d@here.test')
bad_times('remote', b'u@%s%d.test')
held_outside()
thousand(descriptors)
lab.end()
