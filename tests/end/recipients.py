#!/usr/bin/python3
"""One message with 1,000 recipients at one domain: one connection, transactions of at most
100 recipients (RFC 5321, 4.5.3.1.8), every recipient once; and each has a fate of its own."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
COUNT = 1000


def all_good(tern, sink):
    recipients = [f'r{i}@many.test' for i in range(COUNT)]
    tern.send_smtp('ann@tern.test', recipients, endlab.message('many'))
    tern.wait_queue_empty()
    got = [r for m in sink.messages for r in m.recipients]
    lab.equal(len(got), COUNT, '1,000 recipients: as many deliveries')
    lab.equal(sorted(got), sorted(recipients), 'and every recipient once')
    lab.equal(sink.connections, 1, 'over one connection')
    lab.equal([len(m.recipients) for m in sink.messages], [100] * 10, 'in transactions of 100')
    lab.equal(len({m.data for m in sink.messages}), 1, 'all with the same text')
    lab.equal(len(tern.wait_log(r'^delivery \d+: success: ', COUNT)), COUNT,
              'and a line in the log for each')


def mixed(tern, sink):
    """Of ten one is refused for good and one for now."""
    def name(i):
        return {3: '550.', 7: '451.'}.get(i % 10, '') + f'm{i}@mixed.test'
    recipients = [name(i) for i in range(COUNT)]
    tern.alias('ann', './ann/')
    sink.messages.clear()
    before = sink.connections
    tern.send_smtp('ann@tern.test', recipients, endlab.message('mixed'))
    history = endlab.History(tern, endlab.id_of(tern, recipients[0]))
    bounce = tern.wait_maildir('alias/ann')[0]
    history.wait(1, 'bounced')
    got = [r for m in sink.messages for r in m.recipients]
    lab.equal(sorted(got), sorted(r for r in recipients if r[0] == 'm'),
              'mixed answers: each recipient that was accepted is delivered once')
    lab.equal(sink.connections - before, 1, 'over one connection')
    lab.ok(max(len(m.recipients) for m in sink.messages) <= 100, 'in transactions of at most 100')
    for kind, digit in (('delivered', None), ('deferred', 7), ('failed', 3)):
        found = sorted(i for e in history.events(kind) for i in e.recipients)
        want = [i for i in range(COUNT) if i % 10 == digit or digit is None and i % 10 not in (3, 7)]
        lab.equal(found, want, f'the history says {kind} for the right ones, each once')
    failed = [r for r in recipients if r.startswith('550')]
    lab.equal([r for r in failed if f'Final-Recipient: rfc822; {r}\n'.encode() not in bounce], [],
              'one bounce names all that failed')
    lab.equal((bounce.count(b'Final-Recipient:'), len(tern.maildir('alias/ann'))), (len(failed), 1),
              'and no others, and there is no second bounce')
    lab.equal(tern.status()['queue']['deferred'], 1, 'the message waits for those that were deferred')
    lab.equal(sorted(r for r in sink.rcpt_times if len(sink.rcpt_times[r]) != 1), [],
              'no recipient was asked for twice')


with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.up()
    all_good(tern, sink)
    mixed(tern, sink)
lab.end()
