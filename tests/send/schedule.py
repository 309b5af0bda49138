#!/usr/bin/python3
"""When tern-send tries again: five attempts five minutes apart, the built-in intervals, classes
of trouble, changes of the settings while messages wait, the lifetime, what is deferred together,
and a clock that is set. All in simulated time (tests/simlab.py)."""
import collections
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import simlab
import ternlab

lab = ternlab.Tap()
MINUTE, HOUR, DAY = 60, 3600, 86400
TEXT = b'Subject: x\n\nhello\n'
SAID = b'1.2.3.4 said no. Remote host said: '
BUILT_IN = [5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR]


class Send(simlab.Send):
    """All servers say the same; it is written down when who was asked."""

    def __init__(self, world, words):
        self.words, self.times, self.bounces = words, collections.defaultdict(list), {}
        super().__init__(world)

    def verdict(self, id, recipient, message):
        self.times[recipient].append(self.world.clock.monotonic)
        return self.words(recipient) if callable(self.words) else self.words

    def bounce_answer(self, id):
        self.bounces[id] = self.world.clock.monotonic
        return super().bounce_answer(id)

    def intervals(self, recipient):
        times = self.times[recipient]
        return [b - a for a, b in zip(times, times[1:])]


def fits(intervals, wanted):
    """Each as long as wanted, or up to a sixteenth longer; a shorter one than a minute to the
    second."""
    return len(intervals) == len(wanted) and all(
        want - 1 <= got <= want + (want // 16 if want >= MINUTE else 0) + 1
        for got, want in zip(intervals, wanted))


def check(name, intervals, wanted):
    if not lab.ok(fits(intervals, wanted), name):
        print(f'#  got: {intervals}\n# want: {wanted}')


def world(retry, **control):
    return simlab.World(**({'retry': retry} if retry else {}), **control)


def five():
    with world(':5:5m') as w:
        id = w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            send.advance(DAY)
            check('five attempts, five minutes apart', send.intervals(b'a@r.test'), [300] * 4)
            lab.equal(list(send.bounces), [id], 'then the sender is told')
            lab.equal(send.bounces[id], send.times[b'a@r.test'][-1], '... at once')
            lab.ok(w.is_empty(), '... and it is gone')
    with world(':1:5m') as w:
        w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            send.settle()
            lab.equal((len(send.times[b'a@r.test']), len(send.bounces)), (1, 1), 'one attempt is one')


def built_in():
    with world(None) as w:
        id = w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            began = w.clock.monotonic
            send.advance(8 * DAY)
            got = send.intervals(b'a@r.test')
            check('the built-in intervals', got[:7], BUILT_IN)
            check('... the last one repeats', got[7:-1], BUILT_IN[-1:] * (len(got) - 8))
            lab.ok(7 * DAY <= send.bounces[id] - began <= 7 * DAY + 1,
                   'the sender is told after the lifetime')
            lab.equal(send.bounces[id], send.times[b'a@r.test'][-1], '... which ends with an attempt')
    with world(None, queuelifetime='1h') as w:
        id = w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Ttrouble of ours. (#4.3.0)') as send:
            began = w.clock.monotonic
            send.advance(DAY)
            check('trouble of our own is no attempt', send.intervals(b'a@r.test')[:11], [300] * 11)
            lab.ok(HOUR <= send.bounces[id] - began <= HOUR + 1, '... but the lifetime ends it')


def classes():
    words = {
        b'connect@r.test': b'Znobody answers. (#4.4.1)',
        b'dns@r.test': b'ZDNS says nothing. (#4.4.3)',
        b'grey@r.test': b'Z' + SAID + b'450 4.2.0 greylisted',
        b'busy@r.test': b'Z' + SAID + b'451 4.3.0 busy',
        b'other@r.test': b'Zlater',
    }
    rules = {b'connect@r.test': 7, b'dns@r.test': 11, b'grey@r.test': 13, b'busy@r.test': 17,
             b'other@r.test': 19}
    for name, wanted in rules.items():
        with world('r.test/connect:0:7m\n.other/dns:0:1m\n/dns:0:11m\n/greylist:0:13m\n'
                   '/4xx:0:17m\n:0:19m') as w:
            w.arrive(TEXT, b's@from.test', [name])
            with Send(w, words.get) as send:
                send.advance(HOUR)
                got = send.intervals(name)
                check(f'a rule for {name.decode()}', got, [wanted * MINUTE] * len(got))
                lab.ok(len(got) >= 2, '... more than once')
    for hint, wanted in ((b'greylisted', 60), (b'greylisted, try again in 10 minutes', 600)):
        with world(None) as w:
            w.arrive(TEXT, b's@from.test', [b'a@r.test'])
            with Send(w, b'Z' + SAID + b'450 4.2.0 ' + hint) as send:
                send.advance(HOUR)
                check(f'without a rule: {hint.decode()}', send.intervals(b'a@r.test')[:2],
                      [wanted, 600])


def changes():
    with world(':0:10m') as w:
        id = w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            send.advance(11 * MINUTE)
            w.control('retry', ':0:20m')
            send.signal(signal.SIGHUP)
            send.advance(HOUR + 30 * MINUTE)
            got = send.intervals(b'a@r.test')
            check('new intervals hold for what waits', got[:4], [600, 600, 1200, 1200])
            w.control('retry', ':x:20m')
            send.signal(signal.SIGHUP)
            send.settle()
            lab.ok(b'control/retry' in send.log, 'a bad line is told')
            w.control('retry', ':3:20m')
            send.signal(signal.SIGHUP)
            send.advance(30 * MINUTE)
            lab.equal(list(send.bounces), [id], 'a smaller number of attempts holds as well')
    with world(':0:1h') as w:
        w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            send.advance(10 * MINUTE)
            w.control('queuelifetime', '30m')
            send.signal(signal.SIGHUP)
            send.advance(2 * HOUR)
            lab.equal((len(send.times[b'a@r.test']), len(send.bounces)), (2, 1),
                      'a shorter lifetime holds, after one more attempt')


def together():
    with world(':0:1h', concurrencyremote='500') as w:
        names = [b'a@r%d.test' % n for n in range(500)]
        for name in names:
            w.arrive(TEXT, b's@from.test', [name])
            w.clock.advance(0.013)
        with Send(w, b'Zlater') as send:
            send.advance(HOUR + 10 * MINUTE)
            got = [interval for name in names for interval in send.intervals(name)]
            check('500 that are deferred together', got, [HOUR] * 500)
            most = max(collections.Counter(int(t[1]) for t in send.times.values()).values())
            lab.ok(len({int(t[1]) for t in send.times.values()}) > 150 and most < 15,
                   f'... do not come back together: {most} in a second')


def clocks():
    for seconds, word in ((-DAY, 'a day back'), (-HOUR, 'an hour back'), (-400 * DAY, 'a year back')):
        with world(':0:30m') as w:
            w.arrive(TEXT, b's@from.test', [b'a@r.test'])
            with Send(w, b'Zlater') as send:
                send.advance(10 * MINUTE)
                w.clock.jump(seconds)
                send.signal(signal.SIGHUP)
                send.advance(3 * HOUR)
                check(f'{word}: as if nothing had been', send.intervals(b'a@r.test')[:4], [1800] * 4)
    with world(':0:30m') as w:
        w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            send.advance(10 * MINUTE)
            w.clock.jump(400 * DAY)
            send.signal(signal.SIGHUP)
            send.advance(3 * HOUR)
            check('a year on: an attempt at once, then as before', send.intervals(b'a@r.test')[:4],
                  [600, 1800, 1800, 1800])
            lab.ok(not send.bounces, '... and its lifetime is not over')
            send.advance(8 * DAY)
            lab.equal(len(send.bounces), 1, '... before it is')
    with world(':0:30m') as w:
        w.arrive(TEXT, b's@from.test', [b'a@r.test'])
        with Send(w, b'Zlater') as send:
            send.advance(MINUTE)
        w.clock.jump(-2 * DAY)
        with Send(w, b'Zlater') as send:
            began = w.clock.monotonic
            send.advance(DAY)
            lab.ok(send.times[b'a@r.test'][0] - began <= 4 * HOUR + 1,
                   'set back while it was down: no longer than the longest interval')


for part in (five, built_in, classes, changes, together, clocks):
    part()
lab.end()
