#!/usr/bin/python3
"""When and how often a destination is tried: control/retry, queuelifetime, what counts as an
attempt, and the signals ALRM, HUP and TERM."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
SENDER = 'ann@tern.test'
RETRY = ('five.test:5:2s',      # by the clock
         'kept.test:4:1h',      # only when told to
         'trouble.test:2:1s', 'nodns.test:2:1s', 'broken.test:2:1s',
         'long.test:0:1s',
         ':0:1h')


def send(tern, recipient, subject=None):
    tern.send_smtp(SENDER, [recipient], endlab.message(subject or recipient.replace('@', '-')))


def alarm_until(tern, condition, what):
    """Right after a start a message may not have been found yet when ALRM comes."""
    def again():
        tern.signal_send(signal.SIGALRM)
        return condition()
    ternlab.wait_until(again, what)


def wait_bounce(tern, recipient):
    return ternlab.wait_until(
        lambda: [m for m in tern.maildir('alias/ann')
                 if f'Final-Recipient: rfc822; {recipient}'.encode() in m],
        f'the bounce of {recipient}')[0]


def five_attempts(tern, sink, history):
    """:5:2s means: five attempts two seconds apart, then a bounce."""
    bounce = wait_bounce(tern, '451.five@five.test')
    events = history.events()
    lab.equal([(e.event, e.attempt) for e in events][:5],
              [('deferred', 1), ('deferred', 2), ('deferred', 3), ('deferred', 4), ('failed', 5)],
              ':5:2s: four deferrals and the fifth attempt is the last')
    lab.equal([e.next - e.time for e in events[:4]], [2] * 4, 'each next attempt two seconds on')
    lab.ok(all(b.time >= a.next for a, b in zip(events[:4], events[1:])), 'and none before its time')
    lab.equal(len(sink.rcpt_times['451.five@five.test']), 5, 'the server was asked exactly five times')
    lab.ok(b'451' in bounce and b'as you asked' in bounce and b'last attempt' in bounce,
           'the bounce has the words of the server and says why it is final')
    story = tern.wait_log(rf'^(starting delivery \d+:|bounce|end) msg {history.id}\b', 7)
    lab.equal([m[0].split()[0] for m in story], ['starting'] * 5 + ['bounce', 'end'],
              'so says the log: five deliveries, a bounce, the end')


def count_is_kept(tern, sink):
    """The number of attempts survives kill -9 of tern-send."""
    who = '451.kept@kept.test'
    send(tern, who)
    history = endlab.History(tern, endlab.id_of(tern, who))
    history.wait(1, 'deferred')
    tern.signal_send(signal.SIGALRM)
    history.wait(2, 'deferred')
    lab.ok(True, 'ALRM: what waits for an hour is tried now')
    before = set(tern.processes('tern-send'))
    tern.kill('tern-send')
    ternlab.wait_until(lambda: set(tern.processes('tern-send')) - before, 'a new tern-send')
    endlab.wait_ready(tern)
    lab.equal(tern.status()['queue']['deferred'] >= 1, True,
              'tern-send was killed: s6 starts it again, and the message is there')
    alarm_until(tern, lambda: len(sink.rcpt_times[who]) >= 3, 'the third attempt')
    history.wait(3, 'deferred')
    tern.signal_send(signal.SIGALRM)
    wait_bounce(tern, who)
    lab.equal([e.attempt for e in history.events() if e.event != 'bounced'], [1, 2, 3, 4],
              'the attempts are counted on')
    lab.equal(len(sink.rcpt_times[who]), 4, 'with attempts 4 the server was asked exactly four times')


def trouble_does_not_count(tern, sink, histories):
    """What goes wrong on our side is tried again and never an attempt."""
    for domain, what in (('trouble.test', 'a bad line of smtproutes'), ('nodns.test', 'dead DNS')):
        events = histories[domain].wait(4)
        lab.equal([(e.event, e.attempt) for e in events[:4]], [('trouble', 0)] * 4,
                  f'{what}: four times trouble, no attempt, though attempts is 2')
    lab.ok(not any(b'trouble.test' in m or b'nodns.test' in m for m in tern.maildir('alias/ann')),
           'and no bounce')
    text = histories['trouble.test'].events()[0].text
    lab.ok('control/smtproutes:2' in text, f'the history names file and line: {text}')
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    for who in ('a@trouble.test', 'a@nodns.test'):
        ternlab.wait_until(lambda: any(m.recipients == [who] for m in sink.messages), who)
        lab.ok(True, f'{who} arrives when that is mended, without a signal')


def missing_program(tern, sink):
    """Without tern-remote mail waits."""
    if os.path.islink(tern.path('bin')):
        lab.skip('no tern-remote', 'the programs of this instance are not its own')
        return
    os.rename(tern.path('bin/tern-remote'), tern.path('bin/tern-remote.away'))
    send(tern, 'a@broken.test')
    history = endlab.History(tern, endlab.id_of(tern, 'a@broken.test'))
    events = history.wait(3)
    lab.equal([(e.event, e.attempt) for e in events[:3]], [('trouble', 0)] * 3,
              'no tern-remote: trouble, no attempt')
    os.rename(tern.path('bin/tern-remote.away'), tern.path('bin/tern-remote'))
    ternlab.wait_until(lambda: any(m.recipients == ['a@broken.test'] for m in sink.messages),
                       'a@broken.test')
    lab.ok(True, 'and the mail goes out when it is back')


def hup_rereads(tern, sink):
    """A domain becomes local; then a wrong value changes nothing."""
    who = '451box@new.test'
    tern.alias('451box', './box/')
    send(tern, who)
    history = endlab.History(tern, endlab.id_of(tern, who))
    history.wait(1, 'deferred')
    tern.control('locals', 'tern.test', 'localhost', 'new.test')
    tern.signal_send(signal.SIGHUP)
    tern.signal_send(signal.SIGALRM)
    tern.wait_maildir('alias/box')
    lab.ok(True, 'HUP: locals is read again, and holds for mail that was queued before')

    tern.control('queuelifetime', 'soon')
    tern.control('locals', 'tern.test', 'localhost')
    tern.signal_send(signal.SIGHUP)
    line = tern.wait_log(r'^alert: control/ is not read again.*')[0][0]
    lab.ok('control/queuelifetime:1' in line and 'soon' in line,
           f'HUP with a wrong value: file, line and reason in the log: {line}')
    send(tern, who, 'second')
    tern.wait_maildir('alias/box', 2)
    lab.ok(True, 'and all old settings hold')


def lifetime(tern):
    """A message is bounced when its time is over, attempts or not."""
    who = '451.old@long.test'
    tern.control('queuelifetime', '2s')
    tern.signal_send(signal.SIGHUP)
    send(tern, who)
    history = endlab.History(tern, endlab.id_of(tern, who))
    bounce = wait_bounce(tern, who)
    last = [e for e in history.events() if e.event != 'bounced'][-1]
    first = int(os.path.basename(history.path)) // 1000000
    lab.equal(last.event, 'failed', 'queuelifetime 2s: then it has failed')
    lab.ok(last.time >= first + 2, 'not before its time is over')
    lab.ok(b'too long' in bounce and b'451' in bounce,
           'the bounce says so, with the last words of the server')


def term_lets_finish(tern, sink, gate, reached):
    """TERM: what is being delivered is delivered, nothing new begins."""
    send(tern, 'slow@other.test', 'slow')
    ternlab.wait_until(reached.is_set, 'the slow message')
    tern.s6('s6-svc', '-d', 'service/send')
    send(tern, 'late@other.test', 'late')
    lab.equal(len(tern.processes('tern-send')), 1, 'TERM during a delivery: tern-send waits for it')
    gate.set()
    tern.s6('s6-svwait', '-d', '-t', str(int(ternlab.PATIENCE * 1000)), 'service/send')
    lab.equal([m.recipients for m in sink.messages].count(['slow@other.test']), 1,
              'the delivery is finished')
    tern.wait_log(r'^status: exiting$')
    log = tern.log()
    lab.equal(log[-1], 'status: exiting', 'the last line of the log says that it exits')
    stop = [i for i, line in enumerate(log) if line.endswith(' exitasap')]
    lab.ok(stop and not any(line.startswith('starting') for line in log[stop[0]:]),
           'and no delivery was begun meanwhile')
    tern.s6('s6-svc', '-u', 'service/send')
    ternlab.wait_until(lambda: any(m.recipients == ['late@other.test'] for m in sink.messages),
                       'the other message after the start')
    tern.wait_queue_empty()
    got = [m.recipients for m in sink.messages]
    lab.equal((got.count(['slow@other.test']), got.count(['late@other.test'])), (1, 1),
              'after the start the rest goes out, and nothing twice')


gate, reached = threading.Event(), threading.Event()


def answer(verb, rest):
    """The sink is slow with the message "slow"."""
    if verb == '.' and b'Subject: slow\r\n' in rest:
        reached.set()
        gate.wait(ternlab.PATIENCE)
    return None


with ternlab.Sink(answer=answer) as sink, ternlab.Instance() as tern:
    tern.control('retry', *RETRY)
    tern.control('smtproutes', f':127.0.0.1:{sink.port}', 'trouble.test:127.0.0.1:notaport',
                 'nodns.test:')
    tern.control('dnsservers', f'127.0.0.1:{ternlab.free_port()}')
    tern.alias('ann', './ann/')
    tern.up()
    send(tern, '451.five@five.test')
    five = endlab.History(tern, endlab.id_of(tern, '451.five@five.test'))
    histories = {}
    for domain in ('trouble.test', 'nodns.test'):
        send(tern, f'a@{domain}')
        histories[domain] = endlab.History(tern, endlab.id_of(tern, f'a@{domain}'))
    trouble_does_not_count(tern, sink, histories)
    five_attempts(tern, sink, five)
    count_is_kept(tern, sink)
    missing_program(tern, sink)
    tern.wait_queue_empty()
    hup_rereads(tern, sink)
    lifetime(tern)
    tern.wait_queue_empty()
    tern.control('queuelifetime', '7d')
    tern.signal_send(signal.SIGHUP)
    term_lets_finish(tern, sink, gate, reached)
lab.end()
