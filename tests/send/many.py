#!/usr/bin/python3
"""One message to ten thousand recipients (with TERN_LONG a hundred thousand), half of them at one
destination, some deferred at first; tern-send is killed in the middle of it. Each has the message
once, but for those that were on their way when it was killed; and what memory, connections and
the history come to. In simulated time (tests/simlab.py)."""
import collections
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import simlab
import ternlab

lab = ternlab.Tap()
COUNT = 100000 if faultlab.LONG else 10000
DESTINATIONS = COUNT // 50
CONNECTIONS = 100
JOB_MAX = 100
MEMORY_EACH = 600   # bytes for each recipient, beside the message
HISTORY_EACH = 40
TEXT = b'Subject: to all\n\nhello\n'


class Worker(sendlab.Worker):
    job = None

    def work(self, job, fd):
        os.close(fd)
        self.job = int(job[0]), [field for field in job[7:] if b'@' in field]
        self.send.jobs += 1
        self.send.largest = max(self.send.largest, len(self.job[1]))

    def finish(self):
        number, recipients = self.job
        self.job = None
        words = []
        for recipient in recipients:
            first = recipient not in self.send.delivered and recipient not in self.send.deferred
            if recipient.startswith(b'later') and first:
                self.send.deferred.add(recipient)
                words.append(b'Zlater')
            else:
                self.send.delivered[recipient] += 1
                words.append(b'Ktaken')
        self.report(number, words)


class Send(simlab.Send):
    def __init__(self, world, delivered, deferred):
        self.jobs = self.largest = self.most = 0
        self.delivered, self.deferred = delivered, deferred
        super().__init__(world, worker=Worker)

    def round(self):
        """Each worker that has a job answers. Returns how many had."""
        busy = [worker for worker in self.workers if worker.job]
        self.most = max(self.most, len(self.workers))
        for worker in busy:
            worker.finish()
        self.settle()
        return len(busy)

    def memory(self):
        with open(f'/proc/{self.child.pid}/status') as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith('VmHWM'))


def recipients():
    for n in range(COUNT):
        name = b'later%d' % n if n % 7 == 0 else b'u%d' % n
        yield name + (b'@big.test' if n % 2 else b'@d%d.test' % (n % DESTINATIONS))


def main():
    everybody = list(recipients())
    delivered, deferred, in_flight = collections.Counter(), set(), set()
    with simlab.World(retry=':0:5m', concurrencyremote=str(CONNECTIONS)) as world:
        with Send(world, delivered, deferred) as send:
            send.settle()
            before = send.memory()
        id = world.arrive(TEXT, b's@from.test', everybody)
        with Send(world, delivered, deferred) as send:
            send.settle()
            while sum(delivered.values()) < COUNT // 3 and send.round():
                pass
            in_flight = {name for worker in send.workers if worker.job for name in worker.job[1]}
            lab.ok(sum(delivered.values()) >= COUNT // 3, 'a third is delivered')
            send.signal(signal.SIGKILL)
            for worker in [worker for worker in send.workers if worker.job]:
                worker.finish()  # which nobody hears of any more
        with Send(world, delivered, deferred) as send:
            send.settle()
            size = 0
            while not world.is_empty():
                if not send.round() and send.until == simlab.FOREVER:
                    break
                if os.path.exists(world.mess(id, 'hist')):
                    size = os.path.getsize(world.mess(id, 'hist'))
                if not any(worker.job for worker in send.workers):
                    send.step()
            lab.ok(world.is_empty(), f'a message to {COUNT} is delivered and gone')
            lab.equal(len(delivered), COUNT, '... to each of them')
            twice = {name for name, times in delivered.items() if times > 1}
            lab.ok(twice and twice <= in_flight and max(delivered.values()) <= 2,
                   f'... once, but for {len(twice)} that were on their way when it was killed')
            lab.ok(len(deferred) >= COUNT // 7, f'... {len(deferred)} of them after a deferral')
            lab.ok(send.largest <= JOB_MAX, f'never more than {JOB_MAX} in a job')
            lab.ok(send.most <= CONNECTIONS, f'never more than {CONNECTIONS} connections')
            each = (send.memory() - before) / COUNT
            lab.ok(each < MEMORY_EACH, f'{each:.0f} bytes of memory for each recipient')
            lab.ok(0 < size / COUNT < HISTORY_EACH,
                   f'{size / COUNT:.1f} bytes of history for each recipient')
            lab.equal([line for line in send.log.split(b'\n') if b'alert' in line], [], 'no alert')


main()
lab.end()
