#!/usr/bin/python3
"""A history that can not be written for a while: nobody is told of what is not on disk, and then
each notice is asked for once, also when another recipient's line brings the rest along."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import sendlab
import ternlab

lab = ternlab.Tap()
TEXT = b'Subject: stuck\n\nhello\n'
FAILED = b'its history can not be written, will try again'
LOCAL, REMOTE = b'never1@here.test', b'never2@r2.test'
AGAIN = 10  # seconds after which tern-send tries to write again


class Holds(sendlab.Worker):
    """Answers when it is told to."""

    def work(self, job, fd):
        self.send.held[self.channel] = (self, job, fd)


class Send(sendlab.Send):
    """Keeps the answers of tern-bounce back, too."""

    def __init__(self, *args, **more):
        self.held, self.requests = {}, 0
        super().__init__(*args, **more)

    def answer(self, channel):
        worker, job, fd = self.held.pop(channel)
        sendlab.Worker.work(worker, job, fd)

    def make_bounce(self):
        try:
            packet, fds, _, _ = socket.recv_fds(self.bounce, sendlab.PACKET, 4)
        except ConnectionError:
            return False
        for fd in fds:
            os.close(fd)
        self.requests += bool(packet)
        return bool(packet)


with sendlab.World() as world:
    id = world.put('m', TEXT, b's@from.test', [LOCAL, REMOTE])
    with Send(world, worker=Holds) as send:
        lab.ok(send.run(lambda: len(send.held) == 2), 'both recipients are under way')
        os.mkdir(world.mess(id, 'hist'))
        send.answer(sendlab.LOCAL)
        lab.ok(send.run(lambda: send.log.count(FAILED) >= 2), 'the first can not be written down')
        os.rmdir(world.mess(id, 'hist'))
        send.answer(sendlab.REMOTE)
        lab.ok(send.run(lambda: send.requests), 'with the second it can, and a notice is asked for')
        send.run(seconds=AGAIN + 2)
        lab.equal(send.requests, 1, 'once, also after it has been tried again')
        send.bounce.send(sendlab.field(id, b'K%d 4711' % (id + 1)))
        lab.ok(send.run(world.is_empty), '... and then the message is done')
        lab.ok(send.code is None, '... and tern-send goes on')
lab.end()
