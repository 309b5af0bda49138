#!/usr/bin/python3
"""When tern-send asks for notices of delay and of success, and what it does while there are none."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import sendlab
import spoollab
import ternlab

lab = ternlab.Tap()
TEXT = b'Subject: x\n\nhello\n'
AGE = 100  # seconds: of what a world's messages are, about


class Refusing(sendlab.Send):
    """Its tern-bounce can queue nothing."""

    def bounce_answer(self, id):
        return sendlab.field(id, b'Tdisk full')


class Killed(sendlab.Send):
    """It does not live to hear of a notice."""

    def bounce_answer(self, id):
        self.signal(signal.SIGKILL)
        self.reap()
        return super().bounce_answer(id)


def tried(world, id, recipient, times=1):
    return lambda: world.asked[id, recipient] >= times


def one(warnafter, sender=b's@from.test', recipient=b'later9@r1.test', history=None, kind=b'W'):
    """How often a notice of this kind was asked for, for one recipient tried twice."""
    with sendlab.World(warnafter=warnafter) as world:
        id = world.put('m', TEXT, sender, [recipient], history)
        plain = recipient[0] if isinstance(recipient, tuple) else recipient
        with world.send() as send:
            send.run(tried(world, id, plain))
            for n in (2, 3):  # the second is over when the third begins
                def again():
                    send.signal(signal.SIGALRM)
                    return tried(world, id, plain, n)()
                send.run(again)
            return [kind for _, kind in send.asked].count(kind)


def who_is_warned():
    def told():
        return spoollab.event(b'deferred', b'0', next=1) + \
            spoollab.event(b'warned', b'0', time=int(time.time()) - 60)

    lab.equal(one('1'), 1, 'what is late is told once, however often it is tried')
    lab.equal(one('0'), 0, '0: never')
    lab.equal(one('1h'), 0, 'not before its time')
    lab.equal(one('10,20'), 1, 'two times that have passed make one warning')
    lab.equal(one('5,10', history=told()), 0, 'none after a restart')
    lab.equal(one('10,90', history=told()), 1, 'but for the next time')
    for sender in (b'', b'#@[]', b'list-@from.test-@[]'):
        lab.equal(one('1', sender), 0, f'<{sender.decode()}> is not warned')
    for wish, times in ((b'NEVER', 0), (b'SUCCESS,FAILURE', 0), (b'DELAY', 1), (b'SUCCESS,DELAY', 1)):
        lab.equal(one('1', recipient=(b'later9@r1.test', [b'N' + wish])), times, f'NOTIFY={wish.decode()}')
    lab.equal(one('1', b'list-@from.test-@[]', (b'later9@r1.test', [b'NDELAY'])), 1,
              'the sender of a list who asks is warned')


def in_time():
    """A warning does not wait for the next attempt."""
    with sendlab.World(warnafter=str(AGE + 2), retry=':0:1h') as world:
        id = world.put('m', TEXT, b's@from.test', [b'later9@r1.test', b'done@r1.test'])
        with world.send() as send:
            lab.ok(send.run(lambda: send.asked), 'a warning comes at its time')
            lab.equal(world.asked[id, b'later9@r1.test'], 1, 'and no attempt with it')


def without_room():
    """A full disk: neither delivery nor bounce wait for a warning."""
    with sendlab.World(warnafter='1', retry=':0:2s') as world:
        id = world.put('m', TEXT, b's@from.test', [b'later2.a@r1.test', b'later2.b@here.test'])
        with Refusing(world) as send:
            lab.ok(send.run(world.is_empty), 'a message goes out though its warning can not be queued')
            lab.ok((id, b'W') in send.asked and b'a notice of it can not be queued' in send.log,
                   'which was asked for, and the log says why there is none')


def killed():
    """What is not yet in the history is told a second time, and not a third."""
    with sendlab.World(warnafter='1') as world:
        id = world.put('m', TEXT, b's@from.test', [
            b'later9@r1.test', (b'asked@r2.test', [b'NSUCCESS'])])
        with Killed(world) as send:
            send.run()
            lab.equal(send.asked, [(id, b'S')], 'killed')
        with world.send() as send:
            send.run(lambda: b'delay notice of' in send.log)
            lab.equal(send.asked, [(id, b'S'), (id, b'W')], 'what was on its way is asked for again')
        with world.send() as send:
            send.run(send.quiet(0.3))
            lab.equal(send.asked, [], 'what the history says was told is not told again')
        lab.equal((world.reported[id, b'asked@r2.test'], world.warned[id, b'later9@r1.test']), (2, 1),
                  'what was on its way is told twice')
        lab.equal(world.asked[id, b'asked@r2.test'], 1, 'and nothing is delivered again for that')


def kinds():
    """Each kind has a notice of its own."""
    with sendlab.World(warnafter='1') as world:
        id = world.put('m', TEXT, b's@from.test', [
            b'later9@r1.test', (b'asked@r1.test', [b'NSUCCESS']), b'never@r1.test', b'plain@r1.test'])
        with world.send() as send:
            send.run(lambda: len(send.asked) == 3)
            lab.equal(send.asked, [(id, b'F'), (id, b'S'), (id, b'W')], 'failure, success, delay')
            lab.equal([dict(ledger) for ledger in (world.bounced, world.reported, world.warned)],
                      [{(id, b'never@r1.test'): 1}, {(id, b'asked@r1.test'): 1},
                       {(id, b'later9@r1.test'): 1}], 'each about its own')


def limits():
    with sendlab.World(ratebounces='3/1d', ratebouncesdomain='5/1d') as world:
        for n in range(20):
            world.put(f'a{n}', TEXT, b'a@from.test', [b'never@r1.test'])
        for n in range(20):
            world.put(f'b{n}', TEXT, b'b@from.test', [b'never@r1.test'])
        world.put('c', TEXT, b'c@else.test', [b'never@r1.test'])
        world.put('n', TEXT, b'd@from.test', [(b'never@r1.test', [b'NNEVER'])])
        with world.send() as send:
            lab.ok(send.run(lambda: sum(world.asked.values()) == 42 and len(world.names()) == 35),
                   '3 to one, 2 more to the domain, 1 elsewhere, and 1 that nobody gets')
            send.run(send.quiet(0.3))
            lab.equal((sum(world.bounced.values()), len(world.names())), (7, 35), 'the others wait')
            lab.equal(send.log.count(b'notices wait'), 2, 'which the log says once for each limit')
        world.control('ratebounces', '1000/1h')
        world.control('ratebouncesdomain', '1000/1h')
        with world.send() as send:
            lab.ok(send.run(world.is_empty), 'they go when there is room')
        lab.equal(set(world.bounced.values()), {1}, 'each once')


def stale():
    """What the limits held up for too long is dropped; what is only old is not."""
    old = spoollab.event(b'failed', b'0', time=int(time.time()) - 9 * 86400)
    with sendlab.World(ratebounces='1/1d') as world:
        for n in range(3):
            world.put(f'm{n}', TEXT, b'a@from.test', [b'never@r1.test'], history=old)
        with world.send() as send:
            lab.ok(send.run(world.is_empty), 'all of it goes')
            lab.equal((sum(world.bounced.values()), send.log.count(b'is dropped')), (1, 2),
                      'one by a notice, the others with a line in the log')


who_is_warned()
in_time()
without_room()
killed()
kinds()
limits()
stale()
lab.end()
