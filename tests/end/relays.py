#!/usr/bin/python3
"""Relays that die and come back: the backup gets the mail within the attempt, all workers know for
a while, also after a restart, and then the first one gets it again."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
destinations = iter(range(1000))


def send(tern, *sinks, to='u'):
    """One message for a destination of its own, so by a worker of its own. Returns which of the
    sinks got it."""
    before = [len(s.messages) for s in sinks]
    name = f'd{next(destinations)}.test'
    tern.send_smtp('ann@tern.test', [f'{to}@{name}'], endlab.message(name))
    tern.wait_log(rf'^starting delivery \d+: msg \d+ to remote .*@{name}$')
    tern.wait_queue_empty()
    return [i for i, s in enumerate(sinks) if len(s.messages) > before[i]]


def remembered(tern):
    """The slots of run/remote/health that are in use: address, port, failures, time."""
    with open(tern.path('run/remote/health')) as f:
        return [line.split() for line in f if line.strip()]


def rewrite(tern, change):
    """Changes the failures and times that are remembered, without a wait for hours to pass."""
    slots = remembered(tern)
    with open(tern.path('run/remote/health'), 'r+') as f:
        for address, port, failures, when in slots:
            failures, when = change(int(failures), int(when))
            f.write(f'{address} {port} {failures} {when}'.ljust(79) + '\n')


def attempts(tern):
    return len(tern.log_matches('^starting delivery'))


def first_dies(tern, port, backup):
    with ternlab.Sink(port=port) as first:
        lab.equal(send(tern, first, backup), [0], 'while the first relay answers it gets the mail')
    before = attempts(tern)
    lab.equal(send(tern, backup), [0], 'when it is dead the backup gets it')
    lab.equal((attempts(tern) - before, tern.log_matches('deferral|failure')), (1, []),
              'within the same attempt')
    slots = remembered(tern)
    lab.equal([slot[:2] for slot in slots], [['127.0.0.1', str(port)]],
              'run/remote/health remembers which one failed')


def others_know(tern, port, backup):
    rewrite(tern, lambda failures, when: (7, when))  # so that it is an hour's pause
    with ternlab.Sink(port=port) as first:
        lab.equal(send(tern, first, backup), [1], 'it is back: but another worker asks the backup first')
        tern.down()
        tern.up()
        lab.equal(send(tern, first, backup), [1], 'also after a restart')
        lab.equal(first.connections, 0, 'and nobody has bothered the first')
        rewrite(tern, lambda failures, when: (failures, when - 7200))
        lab.equal(send(tern, first, backup), [0], 'when its pause is over it gets the mail again')
        lab.equal(remembered(tern), [], 'and what was remembered is forgotten')
        lab.equal(send(tern, first, backup), [0], 'so do all others')


def refuses(tern, port, backup):
    """It answers, but not as it should."""
    for what, verb, reply in (('greets with 421', 'CONNECT', b'421 4.3.2 busy'),
                              ('refuses the sender for now', 'MAIL', b'451 4.3.0 later'),
                              ('closes the connection at DATA', 'DATA', b'')):
        rewrite(tern, lambda failures, when: (failures, when - 7200))

        def answer(said, rest, verb=verb, reply=reply):
            return reply if said == verb else None
        before = attempts(tern)
        with ternlab.Sink(port=port, answer=answer) as first:
            lab.equal(send(tern, first, backup), [1], f'when it {what}: the backup, too')
        lab.equal((attempts(tern) - before, tern.log_matches('deferral|failure')), (1, []),
                  'within the same attempt')
    rewrite(tern, lambda failures, when: (failures, when - 7200))
    with ternlab.Sink(port=port) as first:
        lab.equal(send(tern, first, backup, to='550.gone'), [], 'whom it refuses for good')
        lab.equal(backup.rcpt_times.keys() & {f'550.gone@d{next(destinations) - 1}.test'}, set(),
                  'the backup is not asked about')


def both_die(tern, port):
    with ternlab.Sink() as backup:
        tern.control('smtproutes', f':127.0.0.1:{port},127.0.0.1:{backup.port}')
        at = backup.port
    tern.send_smtp('ann@tern.test', ['u@both.test'], endlab.message('both'))
    tern.wait_log(rf'deferral: Unable_to_connect_to_127\.0\.0\.1_port_({port}|{at})')
    lab.ok(True, 'with all relays dead the mail waits')
    with ternlab.Sink(port=port) as first:
        tern.signal_send(signal.SIGALRM)
        first.wait(1)
        lab.ok(True, 'and goes to one that is still remembered as dead when there is no other')
        tern.wait_queue_empty()


def equals_share(tern):
    """Sessions are kept, but not so long that one of two gets more than its part."""
    count = 10000 if os.environ.get('TERN_LONG') else 3000
    postfix = endlab.Postfix()
    if postfix.missing():
        lab.skip('equals share the load', postfix.missing())
        return
    with ternlab.Sink() as one, ternlab.Sink() as other:
        tern.control('smtproutes', f':127.0.0.1:{one.port}+127.0.0.1:{other.port}')
        source = postfix.start('smtp-source', '-d', '-s', '10', '-m', str(count), '-f', 'ann@tern.test',
                               '-t', 'bob@equals.test', f'127.0.0.1:{tern.port}')
        lab.equal(source.wait(ternlab.PATIENCE * 3), 0, f'{count} messages are taken')
        tern.wait_queue_empty(ternlab.PATIENCE * 3)
        got = len(one.messages), len(other.messages)
        lab.ok(sum(got) == count and abs(got[0] - count / 2) < count / 20,
               f'of {count} messages two equals get {got[0]} and {got[1]}, within 10 % of each other, '
               f'over {one.connections} and {other.connections} connections')
        print(f'# result: balance of two equal relays over {count} messages: {got[0]} and {got[1]}')


with ternlab.Sink() as backup, ternlab.Instance() as tern:
    port = ternlab.free_port()
    tern.control('smtproutes', f':127.0.0.1:{port},127.0.0.1:{backup.port}')
    tern.control('retry', ':0:1h')
    tern.alias('ann', './ann/')
    tern.up()
    first_dies(tern, port, backup)
    others_know(tern, port, backup)
    refuses(tern, port, backup)
    both_die(tern, port)
    equals_share(tern)
lab.end()
