#!/usr/bin/python3
"""Who may do what with tern-smtpd, and how much: lists of hosts, senders and
recipients, lists in DNS, rates, times, and what the log says of each refusal."""
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import dnslab
import ternlab
from smtpdlab import Command, Home, Service

lab = ternlab.Tap()


class Controls:
    """Settings for a while."""

    def __init__(self, home, **values):
        self.home, self.values = home, values

    def path(self, name):
        return os.path.join(self.home.path, 'control', name)

    def __enter__(self):
        self.before = {}
        for name, value in self.values.items():
            if os.path.exists(self.path(name)):
                with open(self.path(name)) as f:
                    self.before[name] = f.read().rstrip('\n')
            self.home.control(name, value)

    def __exit__(self, *rest):
        for name in self.values:
            os.unlink(self.path(name))
        for name, value in self.before.items():
            self.home.control(name, value)


def code(reply):
    return ' '.join(reply.split()[:2])


def lists(home):
    with Controls(home, badhelo='bad.test\n.worse.test\nlocalhost',
                  badmailfrom='evil@far.test\n@spam.test\n.spam.example',
                  badrcptto='old@local.test\n@gone.test\n.gone.example',
                  locals='local.test\ngone.test\na.gone.example'):
        with Command(home) as client:
            client.reply()
            for name, want in (('bad.test', '550'), ('BAD.test', '550'), ('x.worse.test', '550'),
                               ('worse.test', '250'), ('xbad.test', '250'), ('localhost', '550'),
                               ('good.test', '250')):
                for verb in ('HELO', 'EHLO'):
                    lab.equal(client.ask(f'{verb} {name}')[:3], want, f'{verb} {name}: {want}')
            for sender, want in (('evil@far.test', '553 5.7.1'), ('EVIL@Far.test', '553 5.7.1'),
                                 ('a@spam.test', '553 5.7.1'), ('a@x.spam.test', '250 2.1.0'),
                                 ('a@x.spam.example', '553 5.7.1'), ('a@spam.example', '250 2.1.0'),
                                 ('a@xspam.test', '250 2.1.0'), ('good@far.test', '250 2.1.0')):
                client.ask('RSET')
                lab.equal(code(client.ask(f'MAIL FROM:<{sender}>')), want, f'from {sender}: {want}')
            for recipient, want in (('old@local.test', '550 5.7.1'), ('new@local.test', '250 2.1.5'),
                                    ('a@gone.test', '550 5.7.1'), ('a@a.gone.example', '550 5.7.1')):
                lab.equal(code(client.ask(f'RCPT TO:<{recipient}>')), want,
                          f'to {recipient}: {want}')
        words = re.findall(r'event=refuse reason=(\w+) ', client.log)
        lab.equal(words, ['helo'] * 8 + ['sender'] * 4 + ['recipient'] * 3,
                  'the log has a word for each')


def denied(home):
    with Controls(home, access='192.0.2.1:deny\n192.0.2.2:deny,REASON="call us, 555"'):
        for address, words in (('192.0.2.1', 'this server does not talk to your address'),
                               ('192.0.2.2', 'call us, 555')):
            with Command(home, address=address) as client:
                lab.equal((client.reply(), client.reply()), ('554 5.7.1 ' + words, ''),
                          f'denied: {words}')
            lab.ok('reason=access' in client.log, 'as the log says')


def more_hosts(home):
    for name in ('queue/mess', 'service'):
        os.makedirs(os.path.join(home.path, name), exist_ok=True)
    if os.geteuid() == 0:
        os.chown(os.path.join(home.path, 'queue/mess'), ternlab.TEST_UID, ternlab.TEST_UID)
    domains = [f'host{i}.example.net' for i in range(2000)] + ['Upper.Test', '.many.test']
    with Controls(home, rcpthosts='local.test', morercpthosts='# many\n' + '\n'.join(domains)):
        home.run('tern', 'morercpthosts', home.path, check=0)
        with Command(home) as client:
            client.hello()
            client.ask('MAIL FROM:<a@far.test>')
            for domain, want in (('local.test', '250'), ('host0.example.net', '250'),
                                 ('HOST1999.Example.NET', '250'), ('host2000.example.net', '553'),
                                 ('upper.test', '250'), ('a.b.many.test', '250'),
                                 ('many.test', '553'), ('x.host0.example.net', '553')):
                lab.equal(client.ask(f'RCPT TO:<a@{domain}>')[:3], want, f'{domain}: {want}')
        path = os.path.join(home.path, 'control', 'morercpthosts.cdb')
        with open(path, 'r+b') as f:
            f.write(b'\xff' * 2048)
        with Command(home) as client:
            client.hello()
            client.ask('MAIL FROM:<a@far.test>')
            lab.equal(code(client.ask('RCPT TO:<a@host0.example.net>')), '451 4.3.5',
                      'a table that is broken: later')
            lab.equal(client.ask('RCPT TO:<a@local.test>')[:3], '250', 'and no harm to others')
        os.unlink(path)


def dns_lists(home):
    table = {'2.2.0.192.bl.test': '127.0.0.2', '3.2.0.192.bl.test': '127.0.0.1',
             '4.2.0.192.bl.test': '127.255.255.254', '5.2.0.192.bl.test': '127.0.0.9',
             '6.2.0.192.two.test': '127.0.0.4', '7.2.0.192.bl.test': '192.0.2.99',
             '1.' + '0.' * 23 + '8.b.d.0.1.0.0.2.bl.test': '127.0.0.3'}
    silent = []

    def answer(query, tcp):
        name = query.question[0].name.to_text().rstrip('.').lower()
        if silent:
            return []
        if name in table:
            return [dnslab.answer(query, (name + '.', 'A', table[name]))]
        return [dnslab.answer(query, rcode=3)]

    def first(address):
        with Command(home, address=address) as client:
            client.hello()
            client.ask('MAIL FROM:<a@far.test>')
            reply = client.ask('RCPT TO:<x@local.test>')
        return reply, client.log

    with dnslab.Responder(answer) as server, Controls(
            home, dnsservers=f'127.0.0.1:{server.port}', dnsbls='bl.test:2-8\ntwo.test',
            timeoutreverse='0', access='192.0.2.20:allow,NOLIMITS=""\n192.0.2.21:allow,RELAYCLIENT=""'):
        for address, want in (('192.0.2.2', '554 5.7.1'), ('192.0.2.6', '554 5.7.1'),
                              ('2001:db8::1', '554 5.7.1'), ('192.0.2.9', '250 2.1.5'),
                              ('192.0.2.5', '250 2.1.5')):
            reply, log = first(address)
            lab.equal(code(reply), want, f'{address}: {want}')
            lab.equal('reason=blocklist' in log, want[0] == '5', 'as the log says')
        lab.ok('listed by bl.test' in first('192.0.2.2')[0], 'the reply names the list')
        for address in ('192.0.2.3', '192.0.2.4', '192.0.2.7'):
            reply, log = first(address)
            lab.ok(reply[:3] == '250' and 'event=alarm list="bl.test" what=unusable' in log,
                   f'{address}: an answer that is no listing raises an alarm')
        before = len(server.seen)
        first('192.0.2.20'), first('192.0.2.21')
        lab.equal(server.seen[before:], [], 'some clients are not asked for')
        silent.append(True)
        reply, log = first('192.0.2.2')
        lab.ok(reply[:3] == '250' and log.count('what=silent') == 2,
               'lists that do not answer list nobody')
        silent.clear()
        with Controls(home, access='127.0.0.5:allow'):
            table['5.0.0.127.two.test'] = '127.0.0.2'
            with Service(home) as service:
                for _ in range(2):
                    with service.connect('127.0.0.5') as client:
                        client.hello()
                        client.ask('MAIL FROM:<a@far.test>')
                        lab.equal(code(client.ask('RCPT TO:<x@local.test>')), '554 5.7.1',
                                  'a confined worker asks too')
                asked = sum(1 for q in server.seen if q[2] == '5.0.0.127.two.test')
                service.wait_log(r'ip=127\.0\.0\.5 event=refuse', 2)
                workers = set(re.findall(r'pid (\d+) ip=127\.0\.0\.5 ', service.log()))
                lab.equal(asked, len(workers), 'and once for all connections that it serves')


def counts(home):
    with Controls(home, maxmessages='2', maxerrors='4'):
        with Command(home) as client:
            client.hello()
            for _ in range(2):
                client.begin()
                client.send('x\r\n.\r\n')
                client.reply()
            lab.equal(code(client.ask('MAIL FROM:<>')), '452 4.7.1', 'no third message')
        with Command(home) as client:
            client.hello()
            replies = [code(client.ask('FOO')) for _ in range(4)]
            lab.equal(replies + [code(client.reply()), client.reply()],
                      ['500 5.5.2'] * 4 + ['421 4.7.0', ''], 'maxerrors')
    for _ in range(2):
        home.take()


def rates(home):
    ask = ('MAIL FROM:<a@far.test>', 'RCPT TO:<x@local.test>', 'RSET')
    with Controls(home, ratemessages='4/1d', raterecipients='6/1d',
                  access='127.0.0.8:allow,NOLIMITS=""'), Service(home) as service:
        clients = [service.connect('127.0.0.2') for _ in range(6)]
        for client in clients:
            client.hello()
        lab.equal([code(client.ask(ask[0])) for client in clients],
                  ['250 2.1.0'] * 4 + ['450 4.7.1'] * 2,
                  'connections at the same time share the limit of messages')
        replies = [code(client.ask(ask[1])) for client in clients[:4] for _ in range(2)]
        lab.equal(replies, ['250 2.1.5'] * 6 + ['450 4.7.1'] * 2, 'and that of recipients')
        for client in clients:
            client.close()
        with service.connect('127.0.0.3') as client:
            client.hello()
            lab.equal([client.ask(line)[:3] for line in ask], ['250'] * 3,
                      'another client has limits of his own')
        with service.connect('127.0.0.8') as client:
            client.hello()
            lab.equal([client.ask(line)[:3] for line in ask * 9], ['250'] * 27, 'NOLIMITS')
        service.wait_log(r'ip=127\.0\.0\.2 event=refuse reason=rate reply="450', 4)
    with Controls(home, rateconnections='3/1d', rateerrors='5/1d'), Service(home) as service:
        def greeting(source):
            with service.connect(source) as client:
                reply = client.reply()
                client.ask('QUIT') if reply[:1] == '2' else None
                return reply[:9]
        lab.equal([greeting('127.0.0.2')[:3] for _ in range(5)], ['220'] * 3 + ['421'] * 2,
                  'a fourth connection a day is refused with a reply')
        with service.connect('127.0.0.3') as client:
            client.hello()
            for _ in range(5):
                client.ask('FOO')
            client.ask('QUIT')

        def is_refused():
            return greeting('127.0.0.3') == '421 4.7.0'
        lab.ok(ternlab.wait_until(is_refused, 'a refusal'), 'so is who made too many errors')
        service.wait_log(r'^smtpd: pid \d+ ip=127\.0\.0\.3 event=busy limit=(errors|rate)$')
        service.wait_log(r'^smtpd: pid \d+ ip=127\.0\.0\.2 event=busy limit=rate$', 2)
    with Controls(home, concurrencyclient='2'), Service(home, '127.0.0.1:0,[::1]:0') as service:
        port = service.addresses[1][1]
        held = [socket.create_connection(('::1', port)) for _ in range(3)]
        texts = [s.recv(100)[:3] for s in held]
        lab.equal(texts, [b'220', b'220', b'421'], 'a network has so many connections')
        for s in held:
            s.close()


def delays(home):
    with Controls(home, greetdelay='1', access='192.0.2.8:allow,NOLIMITS=""'):
        with Command(home) as client:
            client.send('EHLO early\r\n')
            lab.equal((code(client.reply()), client.reply()), ('554 5.5.1', ''),
                      'who talks before the greeting is refused')
        lab.ok('reason=early' in client.log, 'as the log says')
        began = time.monotonic()
        with Command(home) as client:
            lab.equal(client.reply()[:4], '220 ', 'who waits is greeted')
            lab.ok(time.monotonic() - began >= 1, 'after the delay')
        with Command(home, address='192.0.2.8') as client:
            client.send('EHLO early\r\n')
            lab.equal(client.reply()[:4], '220 ', 'with NOLIMITS nobody waits')
    with Controls(home, tarpit='1'):
        with Command(home) as client:
            client.hello()
            began = time.monotonic()
            replies = [client.ask('FOO')[:3] for _ in range(4)]
            lab.ok(replies == ['500'] * 4 and time.monotonic() - began >= 1,
                   'a refusal takes its time after three others')


def slow(home):
    with Controls(home, timeoutsmtpd='3', timeoutdata='3', mindatarate='1000'):
        for name, prepare, drop in (
                ('bytes of a command', lambda c: c.hello(), 'N'),
                ('bytes of a text', lambda c: (c.hello(), c.begin()), 'x\r\n')):
            with Command(home) as client:
                prepare(client)
                client.socket.settimeout(0.1)
                reply = b''
                deadline = time.monotonic() + ternlab.PATIENCE
                while not reply and time.monotonic() < deadline:
                    try:
                        client.send(drop)
                        reply = client.socket.recv(100)
                    except TimeoutError:
                        pass
                lab.equal(reply[:9], b'421 4.4.2', f'{name} that drip do not hold us')
            lab.ok('reason=slow' in client.log, 'as the log says')
    with Controls(home, timeoutdata='4', mindatarate='1000'):  # it may take us a while to go on
        with Command(home) as client:
            client.hello()
            client.begin()
            began = time.monotonic()
            while time.monotonic() - began < 5:
                client.send('x' * 998 + '\r\n')
                time.sleep(0.05)
            client.send('.\r\n')
            lab.equal(client.reply()[:3], '250', 'a text that flows is let through')
        home.take()
    with Controls(home, timeoutsession='3'):
        with Command(home) as client:
            client.hello()
            replies = set()
            deadline = time.monotonic() + ternlab.PATIENCE
            while time.monotonic() < deadline:
                reply = client.ask('NOOP')
                if not reply.startswith('250'):
                    break
            lab.equal(code(reply), '421 4.4.2', 'a session without a message has an end')


def wrong(home):
    for name, value in (('ratemessages', '5'), ('rateconnections', '0/1h'), ('maxerrors', '0'),
                        ('greetdelay', '61'), ('tarpit', '2m'), ('mindatarate', '-1'),
                        ('dnsbls', 'bl.test:1'), ('recipientcheck', '2'), ('timeoutdata', '0')):
        with Controls(home, **{name: value}):
            with Command(home) as client:
                client.reply()
            lab.ok(client.code == 100 and f'control/{name}:1: ' in client.log,
                   f'{name} {value}: {client.log.strip()}')


with Home() as the_home:
    for part in (lists, denied, more_hosts, dns_lists, counts, rates, delays, slow, wrong):
        part(the_home)
lab.end()
