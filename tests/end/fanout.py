#!/usr/bin/python3
"""One message to 10,000 recipients in 200 domains; and many messages to one destination: how many
connections there are, and that each gets its mail once."""
import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
DOMAINS, EACH = 200, 50
AT_ONCE = 40       # concurrencyremote
TRANSACTION = 100  # recipients at most, says tern-send(8)
FIRST = 5          # connections of a destination that has not answered yet, says tern-throttle(5)
ALLOWED = 12       # of one.test
MANY = 300


def wide(tern, sink, crowd):
    recipients = [f'u{i}@d{j}.test' for i in range(EACH) for j in range(DOMAINS)]
    endlab.hand_in(tern, endlab.message('wide', 'x' * 1000 + '\r\n'), '', [(r, '') for r in recipients])
    messages = sink.wait(DOMAINS)
    tern.wait_queue_empty()
    got = collections.Counter(r for m in sink.messages for r in m.recipients)
    lab.ok(got == collections.Counter(recipients), f'{len(recipients)} recipients: each gets it once')
    lab.equal({d: n for d, n in collections.Counter(
        r.partition('@')[2] for m in messages for r in m.recipients[:1]).items()
        if n > -(-EACH // TRANSACTION)}, {}, 'in one transaction for each domain')
    lab.ok(all(len({r.partition('@')[2] for r in m.recipients}) == 1 for m in messages),
           'none with recipients of two domains')
    print(f'# result: fan-out of {len(recipients)} recipients in {DOMAINS} domains: '
          f'{sink.connections} connections, {crowd.most} at once')
    lab.ok(sink.connections <= DOMAINS, f'over {sink.connections} connections, one for each domain at most')
    lab.ok(crowd.most <= AT_ONCE, f'{crowd.most} at once, of {AT_ONCE}')
    lab.equal(tern.log_matches('deferral|failure'), [], 'at the first attempt')


def deep(tern, sink, crowd):
    """The first connections are held until there are as many as a new destination gets, then
    again until there are as many as it may have."""
    def send(begin, end):
        with tern.smtp() as session:
            session.ehlo()
            for i in range(begin, end):
                session.sendmail('ann@tern.test', [f'u{i}@one.test'], endlab.message(f'deep{i}'))
    before = len(sink.messages)
    crowd.hold(FIRST)
    send(0, MANY // 2)
    tern.wait_log(r'^new msg ', 1 + MANY // 2)
    first = crowd.most_of['one.test']
    crowd.release()
    lab.ok(first <= FIRST, f'one.test: {first} connections before it has answered, of {FIRST}')
    sink.wait(before + MANY // 2)
    crowd.hold(ALLOWED)
    send(MANY // 2, MANY)
    crowd.release()
    messages = sink.wait(before + MANY)[before:]
    tern.wait_queue_empty()
    lab.equal(sorted(m.recipients[0] for m in messages), sorted(f'u{i}@one.test' for i in range(MANY)),
              f'{MANY} messages for one destination: each arrives once')
    lab.equal(crowd.most_of['one.test'], ALLOWED,
              f'over as many connections at once as control/throttle allows, and never more')
    carried = collections.Counter(m.connection for m in messages)
    print(f'# {len(carried)} connections, which carried {sorted(carried.values())}')


crowd = endlab.Crowd()
with ternlab.Sink(answer=crowd) as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('concurrencyremote', str(AT_ONCE))
    tern.control('maxrecipients', str(DOMAINS * EACH))
    tern.control('throttle', f'one.test:{ALLOWED}')
    tern.up()
    wide(tern, sink, crowd)
    deep(tern, sink, crowd)
lab.end()
