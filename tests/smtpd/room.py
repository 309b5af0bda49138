#!/usr/bin/python3
"""tern-smtpd when the queue has too little room: MAIL is refused for now, by the size that it
announces, and the queue is not asked more often than needed."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Home, Service

lab = ternlab.Tap()
FULL = '452 4.3.1 the queue has too little room for this message now'
GOOD = '250 2.1.0 ok'
LARGE = 64 * 1024


def mail(client, size=None):
    client.ask('RSET')
    return client.ask('MAIL FROM:<a@far.test>' + (f' SIZE={size}' if size is not None else ''))


def deliver(client):
    client.ask('RSET')
    return client.begin() and client.ask('Subject: x\r\n\r\nhello\r\n.')


with Home() as home, Service(home) as service:
    with service.connect() as client:
        client.hello()
        home.room = b'53 full\n'
        lab.equal([mail(client), mail(client, LARGE - 1)], [GOOD, GOOD],
                  'a small message is no reason to ask the queue')
        lab.equal(mail(client, LARGE), FULL, 'a large one is refused when there is no room')
        lab.equal(mail(client), FULL, '... and then a small one')
        home.room = b'0 200000\n'
        ternlab.wait_until(lambda: mail(client) == GOOD, 'the queue to be asked again')
        lab.equal([mail(client, size) for size in (0, 199999, 200000, 10 ** 19, 10 ** 20 - 1)],
                  [GOOD, GOOD, FULL, FULL, FULL], 'the size counts')
        lab.ok(deliver(client).startswith('250 2.0.0'), 'what has room is taken')
        home.take()
        lab.ok(home.is_idle(), '... once')
        home.room = b'71 too many clients\n'
        ternlab.wait_until(lambda: mail(client, 200000) == GOOD, 'an answer that is none')
        lab.ok(deliver(client).startswith('250 2.0.0'), 'an answer that is none refuses nothing')
        home.take()
        home.room = b'53 full\n'
        ternlab.wait_until(lambda: mail(client, LARGE) == FULL, 'a queue that is full')
        home.room = b''
        ternlab.wait_until(lambda: mail(client, 300000) == GOOD, 'a queue that says nothing of its room')
        lab.ok(deliver(client).startswith('250 2.0.0'), 'a queue that says nothing holds up nobody for long')
        home.take()
    service.wait_log(r'event=refuse reason=queue reply="452 4\.3\.1', 5)
    lab.ok(True, 'the refusals are in the log')
with Home() as home, Service(home) as service, service.connect() as client:
    client.hello()
    os.unlink(os.path.join(home.path, 'run/queue/socket'))
    lab.equal(mail(client, LARGE), GOOD, 'nor does a queue that is not there')
lab.end()
