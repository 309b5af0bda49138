#!/usr/bin/python3
"""What stands between tern-smtpd and its client or its queue: proxies in front of it,
the client's name in DNS, a program in place of the queue."""
import os
import re
import socket
import struct
import sys
import threading

import dns.message
import dns.rcode
import dns.rrset

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import dnslab
import ternlab
from smtpdlab import Command, Home, Service

lab = ternlab.Tap()
PROXY = '127.0.0.9'
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def binary(command, family, addresses):
    return SIGNATURE + struct.pack('>BBH', command, family, len(addresses)) + addresses


def of_ipv4(client):
    return binary(0x21, 0x11, socket.inet_aton(client) + socket.inet_aton('127.0.0.1') +
                  struct.pack('>HH', 4660, 25))


def accept(client, text='x\r\n.\r\n'):
    client.begin()
    client.send(text)
    return client.reply().startswith('250 2.0.0 ok ')


def proxied(service, header, source=PROXY):
    client = service.connect(source)
    client.send(header)
    return client


def proxies(home):
    home.control('proxyhosts', PROXY + '\n127.0.0.32/27')
    home.control('access', '192.0.2.66:deny\n192.0.2.7:allow,DATABYTES="77"\n'
                           '127.0.0.9:allow,RELAYCLIENT=""')
    with Service(home) as service:
        for name, header, address in (
                ('version 1', b'PROXY TCP4 192.0.2.7 127.0.0.1 4660 25\r\n', '192.0.2.7'),
                ('version 1, IPv6', b'PROXY TCP6 2001:db8::1 ::1 4660 25\r\n', '2001:db8::1'),
                ('version 2', of_ipv4('192.0.2.7'), '192.0.2.7'),
                ('version 2, IPv6', binary(0x21, 0x21, socket.inet_pton(
                    socket.AF_INET6, '2001:db8::2') + bytes(16) + bytes(4)), '2001:db8::2'),
                ('version 2, with extras', binary(0x21, 0x11, socket.inet_aton('192.0.2.8') +
                                                  bytes(8) + b'\x04\0\x01x'), '192.0.2.8')):
            with proxied(service, header) as client:
                client.hello()
                lab.ok(accept(client), f'{name}: a message is taken')
                got = home.take()
                lab.ok(f'\0a{address}\0'.encode() in got.origin, f'{name}: from {address}')
                lab.ok(re.search(rf'ip={re.escape(address)} event=accept ', service.log()),
                       f'{name}: the log names it')
        with proxied(service, of_ipv4('192.0.2.7')) as client:
            client.reply()
            lab.ok('250-SIZE 77\n' in client.ask('EHLO c'), 'the rules of the client hold')
            client.ask('MAIL FROM:<>')
            lab.ok(client.ask('RCPT TO:<a@far.test>').startswith('553'),
                   'and not those of the proxy')
        with proxied(service, of_ipv4('192.0.2.66')) as client:
            lab.ok(client.reply().startswith('554') and client.ended(), 'one who is denied stays out')
        for byte in (False, True):
            with service.connect(PROXY) as client:
                header = b'PROXY TCP4 192.0.2.70 127.0.0.1 4660 25\r\nEHLO early\r\n'
                for piece in ([bytes([b]) for b in header] if byte else [header]):
                    client.send(piece)
                lab.ok(client.reply().startswith('220') and client.reply().startswith('250') and
                       accept(client) and b'a192.0.2.70\0' in home.take().origin,
                       'what follows the header is the client\'s' + ', byte by byte' * byte)
        for name, bad in (('none', b'EHLO x\r\n'), ('a bad one', b'PROXY TCP9 x\r\n'),
                          ('one after a command', b'EHLO x\r\nPROXY TCP4 192.0.2.7 1.1.1.1 1 1\r\n'),
                          ('a long one', b'PROXY UNKNOWN ' + b'x' * 200),
                          ('an endless binary one', binary(0x21, 0x11, b'x' * 9000)[:5000]),
                          ('one for UDP', binary(0x21, 0x12, bytes(12)))):
            with proxied(service, bad) as client:
                lab.ok(client.reply().startswith('421 4.7.0') and client.ended(),
                       f'a listed peer with a wrong header is refused: {name}')
        with proxied(service, b'PROXY TCP4 192.0.2.7 127.0.0.1 1 1\r\n', '127.0.0.2') as client:
            lab.ok(client.reply().startswith('220') and client.reply().startswith('500 5.5.2'),
                   'from others a header is an unknown command')
            client.ask('EHLO c')
            lab.ok(accept(client) and b'a127.0.0.2\0' in home.take().origin,
                   'and says nothing about them')
        for name, header in (('LOCAL', binary(0x20, 0, b'')), ('UNKNOWN', b'PROXY UNKNOWN\r\n')):
            with proxied(service, header) as client:
                client.hello()
                client.ask('MAIL FROM:<>')
                lab.ok(client.ask('RCPT TO:<a@far.test>').startswith('250'),
                       f'{name}: the proxy itself, with its own rules')
                client.ask('QUIT')
        lines = len(service.log().splitlines())
        with proxied(service, binary(0x20, 0, b'')) as client:
            client.reply()
        with proxied(service, binary(0x20, 0, b'')) as client:
            client.hello()
            client.ask('QUIT')
            client.ended()
        lab.equal(len(service.log().splitlines()), lines, 'a health check leaves no line')
        for _ in range(4):
            for client_address in ('192.0.2.100', '192.0.2.101'):
                with proxied(service, of_ipv4(client_address), '127.0.0.33') as client:
                    client.hello()
                    accept(client)
                    home.take()
                    client.ask('QUIT')
                    client.ended()
        pids = re.findall(r'^smtpd: pid (\d+) ip=192\.0\.2\.10[01] event=accept', service.log(), re.M)
        lab.ok(len(pids) == 8 and len(set(pids)) == 8,
               'a process that has served a proxied client serves no other connection')
    home.control('concurrencyclient', '2')
    home.control('rateerrors', '2/1h')
    with Service(home) as service:
        clients = [proxied(service, of_ipv4('192.0.2.7')) for _ in range(3)]
        replies = sorted(client.reply()[:9] for client in clients)
        lab.equal(replies, ['220 mx.te', '220 mx.te', '421 4.7.0'],
                  'a client behind a proxy has its limits')
        with proxied(service, of_ipv4('192.0.2.8')) as client:
            lab.ok(client.reply().startswith('220'), 'and leaves those of others')
        for client in clients:
            client.close()
        for _ in range(2):
            with proxied(service, of_ipv4('192.0.2.9')) as client:
                client.hello()
                client.ask('FOO')
                client.ask('QUIT')
                client.ended()

        def refused():
            with proxied(service, of_ipv4('192.0.2.9')) as client:
                return client.reply().startswith('421 4.7.0')
        ternlab.wait_until(refused, 'a refusal')
        lab.ok(True, 'its errors count')
        with proxied(service, of_ipv4('192.0.2.8')) as client:
            lab.ok(client.reply().startswith('220'), 'for it alone')
        service.wait_log(r'^smtpd: pid \d+ ip=192\.0\.2\.7 event=busy limit=client$')
        service.wait_log(r'^smtpd: pid \d+ ip=192\.0\.2\.9 event=busy limit=errors$')
    for name in ('proxyhosts', 'access', 'concurrencyclient', 'rateerrors'):
        os.unlink(os.path.join(home.path, 'control', name))
    home.control('proxyhosts', '127.0.0.0/8\nexample.org')
    done = home.run('tern-smtpd', environment={'TCPREMOTEIP': '192.0.2.7'})
    lab.ok(done.returncode == 100 and b'control/proxyhosts:2: ' in done.stderr,
           'a wrong control/proxyhosts')
    os.unlink(os.path.join(home.path, 'control', 'proxyhosts'))


class Names:
    """A DNS server: PTR and addresses from a table; it may hold its answers back."""

    def __init__(self, **records):
        self.records = {name.lower() + '.': value for name, value in records.items()}
        self.free = threading.Event()
        self.free.set()
        self.silent = False
        self.rcode = None

    def __call__(self, query, tcp):
        self.free.wait(ternlab.PATIENCE)
        if self.silent:
            return []
        question = query.question[0]
        answer = dns.message.make_response(query)
        found = [(kind, value) for kind, value in self.records.get(question.name.to_text().lower(), [])
                 if dns.rdatatype.from_text(kind) == question.rdtype]
        for kind, value in found:
            answer.answer.append(dns.rrset.from_text(question.name, 60, 'IN', kind, value))
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
        elif question.name.to_text().lower() not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return [answer.to_wire()]


def name_of(home, address, **environment):
    """The n record of a message from there; None without one."""
    with Command(home, address=address, **environment) as client:
        client.hello()
        accept(client)
    found = re.search(rb'\0n([^\0]*)\0', home.take().origin)
    return found and found[1].decode()


def names(home):
    six = '1' + '.0' * 23 + '.8.b.d.0.1.0.0.2.ip6.arpa'
    table = Names(**{
        '7.2.0.192.in-addr.arpa': [('PTR', 'Good.test.')],
        'good.test': [('A', '192.0.2.1'), ('A', '192.0.2.7')],
        '8.2.0.192.in-addr.arpa': [('PTR', 'good.test.')],
        '9.2.0.192.in-addr.arpa': [('PTR', 'nowhere.test.')],
        six: [('PTR', 'six.test.')],
        'six.test': [('AAAA', '2001:db8::1')],
        '10.2.0.192.in-addr.arpa': [('PTR', r'evil\(x\).test.')],
        r'evil\(x\).test': [('A', '192.0.2.10')]})
    with dnslab.Responder(table) as server:
        home.control('dnsservers', f'127.0.0.1:{server.port}')
        home.control('timeoutreverse', '30')
        lab.equal(name_of(home, '192.0.2.7'), 'Good.test', 'a name that leads back')
        lab.equal(name_of(home, '2001:db8::1'), 'six.test', 'one of IPv6')
        lab.equal(name_of(home, '192.0.2.8'), None, 'one that leads elsewhere is none')
        lab.equal(name_of(home, '192.0.2.9'), None, 'one that leads nowhere is none')
        lab.equal(name_of(home, '192.0.2.11'), None, 'there is none')
        before = len(server.seen)
        lab.equal(name_of(home, '192.0.2.7', TCPREMOTEHOST='told.test'), 'told.test',
                  'what our starter told is not asked for')
        name_of(home, '127.0.0.1')
        lab.equal(len(server.seen), before, 'nor is a name of this machine')
        home.control('timeoutreverse', '0')
        lab.ok(name_of(home, '192.0.2.7') is None and len(server.seen) == before,
               'timeoutreverse 0: nothing is asked')
        home.control('timeoutreverse', '30')
        table.free.clear()
        with Command(home) as client:
            client.hello()
            lab.equal(client.ask('MAIL FROM:<>'), '250 2.1.0 ok', 'no answer yet, and nobody waits')
            client.ask('RCPT TO:<x@local.test>')
            table.free.set()
            client.ask('DATA')
            client.send('.\r\n')
            client.reply()
        lab.ok(b'\0nGood.test\0' in home.take().origin, 'but the message does')
        home.control('timeoutreverse', '1')
        table.silent = True
        lab.equal(name_of(home, '192.0.2.7'), None, 'DNS that does not answer delays no message for long')
        home.control('timeoutreverse', '30')
        table.silent = False
        table.rcode = dns.rcode.SERVFAIL
        lab.equal(name_of(home, '192.0.2.7'), None, 'DNS in trouble')
        table.rcode = None
        home.control('proxyhosts', PROXY)
        with Service(home) as service, proxied(service, of_ipv4('192.0.2.7')) as client:
            client.hello()
            lab.ok(accept(client) and b'\0nGood.test\0' in home.take().origin,
                   'a confined worker asks too')
        os.unlink(os.path.join(home.path, 'control', 'proxyhosts'))
    os.unlink(os.path.join(home.path, 'control', 'dnsservers'))
    os.unlink(os.path.join(home.path, 'control', 'timeoutreverse'))
    home.control('dnsservers', 'name.test')
    done = home.run('tern-smtpd', environment={'TCPREMOTEIP': '192.0.2.7'})
    lab.ok(done.returncode == 100 and b'control/dnsservers:1: ' in done.stderr,
           'a wrong control/dnsservers')
    os.unlink(os.path.join(home.path, 'control', 'dnsservers'))


HOOK = '''#!/bin/sh
cat >message
cat <&1 >envelope
env >environment
{ read -r code; read -r words; } <orders
[ -z "$words" ] || printf '%s' "$words" >&6
exit "$code"
'''


def hooks(home):
    path = lambda name: os.path.join(home.path, name)
    with open(path('hook'), 'w') as f:
        f.write(HOOK)
    os.chmod(path('hook'), 0o755)
    home.control('access', '127.0.0.2:allow,QMAILQUEUE="hook",FLAVOUR="mild"\n'
                           '192.0.2.7:allow,QMAILQUEUE="hook",RELAYCLIENT=""\n127.0.0.3:allow')
    with open(path('orders'), 'w') as f:
        f.write('0\n')
    home.control('proxyhosts', PROXY)

    def read(name):
        with open(path(name), 'rb') as f:
            return f.read()

    with Service(home) as service:
        with service.connect('127.0.0.2') as client:
            client.hello()
            lab.ok(accept(client, 'Subject: x\r\n\r\nhello\r\n.\r\n'), 'a message for the program')
            lab.equal((read('message'), read('envelope')),
                      (b'Subject: x\n\nhello\n', b'Fa@far.test\0Tx@local.test\0\0'), 'is given to it')
            environment = read('environment').decode().splitlines()
            lab.ok({'TCPREMOTEIP=127.0.0.2', 'PROTO=TCP', 'FLAVOUR=mild'} <= set(environment),
                   'with an environment as under qmail')
            lab.ok(home.is_idle(), 'and not to the queue')
            for orders, reply in (
                    ('31', '554 5.3.0 '), ('71', '451 4.3.0 '), ('53', '452 4.3.1 '),
                    ('11', '554 5.3.0 '), ('81', '451 4.3.0 '), ('91', '451 4.3.0 '),
                    ('1', '451 4.3.0 '), ('82\nDno, thank you', '554 5.3.0 no, thank you'),
                    ('82\nZnot now', '451 4.3.0 not now'), ('82\nD5.7.1 spam', '554 5.7.1 spam'),
                    ('82\nZ4.7.1 wait', '451 4.7.1 wait'), ('82\nD4.7.1 odd', '554 5.3.0 4.7.1 odd'),
                    ('82\nD5.7.1', '554 5.3.0 5.7.1'), ('82', '451 4.3.0 '), ('82\nD', '554 5.3.0 ')):
                with open(path('orders'), 'w') as f:
                    f.write(orders + '\n')
                client.begin()
                client.send('x\r\n.\r\n')
                got = client.reply()
                lab.ok(got.startswith(reply), f'it exits {orders!r}: {got}')
        with open(path('orders'), 'w') as f:
            f.write('0\n')
        with service.connect('127.0.0.3') as client:
            client.hello()
            lab.ok(accept(client) and home.take(), 'other clients go to the queue')
        with proxied(service, of_ipv4('192.0.2.7')) as client:
            client.hello()
            client.begin(recipients=['a@far.test'])
            client.send('x\r\n.\r\n')
            lab.ok(client.reply().startswith('250') and b'Ta@far.test' in read('envelope') and
                   b'TCPREMOTEIP=192.0.2.7\n' in read('environment'), 'also by way of a proxy')
        with proxied(service, of_ipv4('192.0.2.8')) as client:
            client.hello()
            lab.ok(accept(client) and home.take(), 'where another client goes to the queue')
    with Command(home) as client:
        client.hello()
        lab.ok(accept(client) and b'a@far.test' in read('envelope'), 'as a command')
    os.unlink(path('orders'))
    for name in ('access', 'proxyhosts'):
        os.unlink(os.path.join(home.path, 'control', name))


with Home() as the_home:
    proxies(the_home)
    names(the_home)
    hooks(the_home)
    lab.ok(the_home.is_idle(), 'nothing was queued that should not be')
lab.end()
