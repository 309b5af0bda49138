#!/usr/bin/python3
"""One message each way: by SMTP and by sendmail, to a relay and to a Maildir; one
that is deferred and one that is bounced."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

HEADER = (b'From: Ann <ann@tern.test>\r\nTo: you@example.org\r\nSubject: smoke\r\n'
          b'Date: Sat, 21 Nov 2026 19:27:46 +0000\r\nMessage-ID: <1@tern.test>\r\n\r\n')
TEXT = HEADER + b'Hello,\r\n.a dot\r\n..two\r\n\r\nAnn\r\n'

lab = ternlab.Tap()
with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.alias('box', './box/')
    tern.alias('ann', './ann/')
    tern.up()
    lab.ok(all(s['up'] and s['ready'] for s in tern.status()['services']),
           'tern up: all services are up and ready')

    tern.send_smtp('ann@tern.test', ['bob@example.org'], TEXT)
    message = sink.wait(1)[0]
    lab.ok(message.data.endswith(TEXT), 'SMTP to a relay: the bytes are the same')
    lab.ok(message.data.startswith(b'Received: '), 'and a Received line is before them')
    lab.equal((message.sender, message.recipients), ('ann@tern.test', ['bob@example.org']),
              'with the envelope it was sent with')

    tern.send_smtp('ann@tern.test', ['box@tern.test'], TEXT)
    local = TEXT.replace(b'\r\n', b'\n')
    lab.ok(tern.wait_maildir('alias/box')[0].endswith(local), 'SMTP to a Maildir: the same bytes')

    tern.sendmail('-t', '-f', 'ann@tern.test', input=local)
    lab.ok(sink.wait(2)[1].data.endswith(TEXT), 'sendmail to a relay: the same bytes')
    tern.sendmail('-f', 'ann@tern.test', 'box@tern.test', input=local)
    lab.ok(tern.wait_maildir('alias/box', 2)[-1].endswith(local), 'sendmail to a Maildir: the same bytes')
    tern.wait_queue_empty()
    lab.ok(True, 'then the queue is empty')

    tern.send_smtp('ann@tern.test', ['451.later@example.org'], TEXT)
    tern.wait_log(r'^delivery \d+: deferral: .*451')
    lab.equal(len(tern.queue()), 1, 'a message that is deferred stays in the queue')
    lab.equal(tern.status()['queue']['deferred'], 1, 'and tern status counts it')
    tern.send_smtp('ann@tern.test', ['550.gone@example.org'], TEXT)
    bounce = tern.wait_maildir('alias/ann')[0]
    lab.ok(b'550' in bounce and b'Final-Recipient: rfc822; 550.gone@example.org' in bounce,
           'a failure comes back to the sender with the remote words')

    done = tern.down()
    lab.equal(done.returncode, 0, 'tern down stops it')
    lab.equal(tern.processes(), [], 'and nothing of it is left')
lab.end()
