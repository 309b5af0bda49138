#!/usr/bin/python3
"""Floods: whatever a stranger sends or holds, others are served and memory stays
bounded. Many idle connections, many recipients, a line without end, many
connections in turn, slow writers."""
import os
import resource
import selectors
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Home, Service

IDLE = 1000
IDLE_PRIVATE_MAX = 300  # KiB of each
BUSY_PRIVATE_MAX = 2048  # KiB of a process whatever it is sent
PARENT_PRIVATE_MAX = 8192
RECIPIENTS = 100000
CONNECTIONS = 10000
LINE = 1 << 30

lab = ternlab.Tap()


def private(pid):
    """KiB that the process has for itself; 0 when it has gone."""
    total = 0
    try:
        with open(f'/proc/{pid}/smaps_rollup') as f:
            for line in f:
                if line.startswith(('Private_Clean:', 'Private_Dirty:')):
                    total += int(line.split()[1])
    except OSError:
        return 0
    return total


def mail_passes(service, home, name, source='127.0.0.99'):
    """A whole message by a client of good standing."""
    with service.connect(source) as client:
        client.hello()
        client.begin()
        client.send('Subject: x\r\n\r\nx\r\n.\r\n')
        good = client.reply().startswith('250 2.0.0')
        client.ask('QUIT')
    home.take()
    lab.ok(good, f'mail passes {name}')


def sources(count):
    """Addresses of this machine, so that no client has too many connections."""
    return [f'127.0.{1 + i // 250}.{1 + i % 250}' for i in range(count)]


def greeting(port, source):
    s = socket.create_connection(('127.0.0.1', port), ternlab.PATIENCE, (source, 0))
    text = s.recv(200)
    while not text.endswith(b'\r\n'):
        text += s.recv(200)
    return s, text


def idle(home):
    home.control('concurrencyincoming', str(IDLE + 100))
    with Service(home) as service:
        held = []
        for source in sources(IDLE):
            s, text = greeting(service.port, source)
            s.sendall(b'EHLO idle.test\r\n')
            held.append(s)
        for s in held:
            text = b''
            while b'250 ENHANCEDSTATUSCODES\r\n' not in text and b'\r\n250 ' not in text:
                text += s.recv(1000)
        pids = service.workers()
        lab.equal(len(pids), IDLE, f'{IDLE} clients, a process each')
        sizes = sorted(private(pid) for pid in pids)
        lab.ok(sizes[-1] < IDLE_PRIVATE_MAX,
               f'private memory of an idle connection: {sizes[len(sizes) // 2]} KiB, at most '
               f'{sizes[-1]}, below {IDLE_PRIVATE_MAX}')
        lab.ok(private(service.process.pid) < PARENT_PRIVATE_MAX,
               f'of their parent: {private(service.process.pid)} KiB, below {PARENT_PRIVATE_MAX}')
        for _ in range(20):
            mail_passes(service, home, f'while {IDLE} are idle')
        for s in held:
            s.close()
    os.unlink(os.path.join(home.path, 'control', 'concurrencyincoming'))


def recipients(home):
    with Service(home) as service, service.connect('127.0.0.2') as client:
        client.hello()
        client.ask('MAIL FROM:<a@far.test>')
        pid = service.workers()[0]
        replies = {}

        def count():
            for _ in range(RECIPIENTS):
                code = client.reply()[:3]
                replies[code] = replies.get(code, 0) + 1
        reader = threading.Thread(target=count)
        reader.start()
        line = b'RCPT TO:<someone@local.test>\r\n'
        for _ in range(RECIPIENTS // 1000):
            client.send(line * 1000)
        mail_passes(service, home, 'while another names recipients')
        reader.join(ternlab.PATIENCE)
        lab.equal(replies, {'250': 1000, '452': RECIPIENTS - 1000},
                  f'{RECIPIENTS} recipients: so many are taken, the others are told')
        lab.ok(0 < private(pid) < BUSY_PRIVATE_MAX,
               f'in {private(pid)} KiB, below {BUSY_PRIVATE_MAX}')
        lab.ok(service.log().count('ip=127.0.0.2') <= 101, 'and the log does not grow with them')


def endless(home):
    """A line of 1 GiB: as a command it is refused at once; in a text it is read to the limit."""
    home.control('databytes', '1000000')
    block = b'x' * 65536
    for name, before, want in (('a command', (), ('500 5.5.2',)),
                               ('a text', ('MAIL FROM:<>', 'RCPT TO:<x@local.test>', 'DATA'),
                                ('552 5.3.4', '421 4.7.0'))):
        with Service(home) as service, service.connect('127.0.0.2') as client:
            client.hello()
            for command in before:
                client.ask(command)
            pid, sent, most = service.workers()[0], 0, 0
            try:
                while sent < LINE:
                    client.socket.sendall(block)
                    sent += len(block)
                    if sent % (1 << 24) == 0:
                        most = max(most, private(pid))
            except (BrokenPipeError, ConnectionResetError):
                pass
            lab.ok(sent < LINE // 4, f'{name} of 1 GiB: closed after {sent >> 10} KiB')
            lab.ok(most < BUSY_PRIVATE_MAX, f'and {most} KiB of memory')
            mail_passes(service, home, f'after {name} without end')
            log = service.wait_log(r'ip=127\.0\.0\.2 event=refuse reason=\w+ reply="(\d+ [\d.]+)')
            lab.ok(log[0] in want, f'the reason is in the log: {log[0]}')
    os.unlink(os.path.join(home.path, 'control', 'databytes'))


def in_turn(home):
    home.control('rateconnections', '2000/1d')
    with Service(home) as service:
        codes = {b'220': 0, b'421': 0}
        before, began = private(service.process.pid), time.monotonic()
        for i in range(CONNECTIONS):
            s, text = greeting(service.port, '127.0.0.2' if i % 2 else f'127.3.{i >> 8}.{i & 255}')
            codes[text[:3]] = codes.get(text[:3], 0) + 1
            s.close()
            if i % 2500 == 0:
                mail_passes(service, home, f'after {i} connections')
        # Others are taken, and of the busy one's 2000, and one more for each 43 seconds.
        more = codes[b'220'] - CONNECTIONS // 2 - 2000
        lab.ok(0 <= more <= (time.monotonic() - began) * 2000 / 86400 + 1 and
               sum(codes.values()) == CONNECTIONS,
               f'{CONNECTIONS} connections in turn: a busy client is refused, others are not: {codes}')
        after = private(service.process.pid)
        lab.ok(after < PARENT_PRIVATE_MAX,
               f'the parent has {after} KiB, {before} before, below {PARENT_PRIVATE_MAX}')
    os.unlink(os.path.join(home.path, 'control', 'rateconnections'))


def slow_writers(home):
    """As many as there may be of one client drip bytes; they are ended, others served."""
    for name, value in (('timeoutsmtpd', '3'), ('mindatarate', '1000'), ('concurrencyclient', '50')):
        home.control(name, value)
    with Service(home) as service:
        drips = selectors.DefaultSelector()
        for _ in range(50):
            s, _ = greeting(service.port, '127.0.0.2')
            drips.register(s, selectors.EVENT_READ)
        s, text = greeting(service.port, '127.0.0.2')
        s.close()
        lab.equal(text[:3], b'421', 'one more of them is refused with a reply')
        mail_passes(service, home, 'while they drip')
        ends = []

        def drip():
            for key in list(drips.get_map().values()):
                try:
                    key.fileobj.send(b'x')
                except OSError:
                    pass
            for key, _ in drips.select(0.1):
                ends.append(key.fileobj.recv(200)[:9])
                drips.unregister(key.fileobj)
                key.fileobj.close()
            return len(ends) == 50
        ternlab.wait_until(drip, 'their end')
        lab.equal(set(ends), {b'421 4.4.2'}, 'and each of them is ended with a reply')
        drips.close()
    for name in ('timeoutsmtpd', 'mindatarate', 'concurrencyclient'):
        os.unlink(os.path.join(home.path, 'control', name))


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
wanted = 3 * IDLE
if soft < wanted:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard >= 0 else wanted, hard))
with Home(timeoutreverse='0') as the_home:
    for part in (idle, recipients, endless, in_turn, slow_writers):
        part(the_home)
lab.end()
