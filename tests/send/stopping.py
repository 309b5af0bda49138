#!/usr/bin/python3
"""The end after TERM: what is under way is heard of, also when a worker that has nothing more to
do dies meanwhile; none of it is done twice afterwards."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import sendlab
import simlab
import ternlab

lab = ternlab.Tap()
TEXT = b'Subject: x\n\nhello\n'
VERP = b'list-@from.test-@[]'  # each recipient is a job of its own


class Worker(sendlab.Worker):
    """Keeps its job until it is told."""
    job = None

    def work(self, job, fd):
        os.close(fd)
        self.job = int(job[0])

    def finish(self):
        number, self.job = self.job, None
        self.report(number, [b'Ktaken'])


def worker_of(send, destination):
    return next(w for w in send.workers if w.destination == destination)


def dies_in_the_end(others):
    """One whose batch was not begun anew dies, while `others` have jobs."""
    with simlab.World() as world:
        half = world.arrive(TEXT, VERP, [b'a@half.test', b'b@half.test'])
        ids = [world.arrive(TEXT, b's@from.test', [b'u@r%d.test' % n]) for n in range(others)]
        with world.send(worker=Worker) as send:
            send.settle()
            first = worker_of(send, b'half.test')
            send.signal(signal.SIGTERM)
            send.settle()
            first.finish()
            send.settle()
            lab.equal(first.job, None, 'after TERM a worker has no further job')
            first.close()
            send.settle()
            for n in range(others):
                lab.equal(send.code, None, f'it waits for {others - n}')
                worker_of(send, b'r%d.test' % n).finish()
                send.settle()
            lab.equal((send.code, world.names()), (0, [half]), '... and ends, when all have said')


dies_in_the_end(1)
dies_in_the_end(3)
lab.end()
