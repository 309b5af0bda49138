#!/usr/bin/python3
"""tern-queue as a service: what its clients, good and hostile, see."""
import os
import re
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import queuelab
import ternlab
from queuelab import frame, submission

lab = ternlab.Tap()
MESSAGE = b'Subject: x\n\nhello\n'
ENVELOPE = b'Fa@b.example\0Tc@d.example\0\0'
ORIGIN = b'vnetwork\0hmx.example\0a192.0.2.1\0wESMTP\0'


def taken(home, answer, name):
    """The entry of a submission that must have been taken."""
    lab.ok(answer and answer[0] == 0, name)
    entry = home.take_entry()
    return entry


def origins(home, client):
    """The Received field and the stored records for each way to say where it came from."""
    for origin, start, name in (
            (b'vnetwork\0hmx.example\0a192.0.2.1\0wESMTP\0',
             b'Received: from mx.example ([192.0.2.1])\n  by me.example with ESMTP id ', 'IPv4'),
            (b'vnetwork\0hmx.example\0a2001:db8::1\0wSMTP\0',
             b'Received: from mx.example ([IPv6:2001:db8::1])\n  by me.example with SMTP id ',
             'IPv6'),
            (b'vnetwork\0h[192.0.2.7]\0a192.0.2.1\0wSMTP\0',
             b'Received: from [192.0.2.7] ([192.0.2.1])\n', 'an address literal as a name'),
            (b'vnetwork\0h' + b'x' * 255 + b'\0a192.0.2.1\0wSMTP\0',
             b'Received: from ' + b'x' * 255 + b' (', 'a name of 255 bytes'),
            (b'vnetwork\0h' + b'x' * 256 + b'\0a192.0.2.1\0wSMTP\0',
             b'Received: from unknown (', 'a name of 256 bytes'),
            (b'vnetwork\0h\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (', 'no name'),
            (b'vnetwork\0ha\r\nX-Evil: 1\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (',
             'a name with CR LF'),
            (b'vnetwork\0ha\nb\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (', '... LF'),
            (b'vnetwork\0ha(b\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (', '... a bracket'),
            (b'vnetwork\0ha;b\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (', '... a semicolon'),
            (b'vnetwork\0ha b\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (', '... a blank'),
            (b'vnetwork\0h\xc3\xa4\0a192.0.2.1\0wSMTP\0', b'Received: from unknown (', '... 8 bits'),
            (b'vnetwork\0hmx\0a1.2.3.4)\n\0wSMTP\0', b'Received: from mx\n  by me.example with SMTP ',
             'an address that is none'),
            (b'vnetwork\0hmx\0a192.0.2.1\0wE SMTP\0', b'Received: from mx ([192.0.2.1])\n  by me.example id ',
             'a protocol that is none'),
            (b'vbounce\0', b'Received: (tern %d invoked for bounce)\n  by me.example id ', 'a bounce'),
            (b'vlocal\0hx\0', b'Received: (tern %d invoked by uid %d)\n  by me.example id ', 'local'),
            (b'', b'Received: (tern %d invoked by uid %d)\n  by me.example id ', 'nothing'),
            (b'v', b'Received: (tern %d invoked by uid %d)\n', 'a record that breaks off')):
        answer = client.submit(MESSAGE, ENVELOPE, origin=origin)
        entry = taken(home, answer, f'origin: {name}')
        numbers = (int(answer[1].split()[1]), os.getuid())[:start.count(b'%')]
        lab.ok(entry.received.startswith(start % numbers if numbers else start) and
               re.fullmatch(rb'Received: [^\r\n]+\n  by [^\r\n]+;\n  [^\r\n]+\n', entry.received) and
               entry.message == MESSAGE, '... makes the Received field')


def good(home, service):
    with service.connect() as client:
        answer = client.submit(MESSAGE, ENVELOPE)
        lab.ok(answer[0] == 0 and re.fullmatch(r'\d+ \d+', answer[1]), 'a message is taken')
        ident, pid = answer[1].split()
        lab.equal([os.path.basename(n) for n in home.names()], [ident], '... under that id')
        entry = home.take_entry()
        lab.equal(entry.values(b'p'), [pid.encode()], '... by that process')
        for piece in (1, 3, 1000):
            entry = taken(home, client.submit(MESSAGE * 50, ENVELOPE, ORIGIN, piece),
                          f'frames of {piece} bytes')
            lab.ok(entry.message == MESSAGE * 50, '... make the same message')
        for byte in submission(MESSAGE, ENVELOPE, ORIGIN):
            client.send(bytes([byte]))
        taken(home, client.answer(), 'a submission byte by byte')
        client.send(submission(MESSAGE, ENVELOPE) * 3)
        lab.equal([client.answer()[0] for _ in range(3)], [0] * 3, 'three at once')
        lab.equal([e.message for e in home.entries()], [MESSAGE] * 3, '... are three messages')
        home.clear()
        client.send(frame(b'M', b'') + frame(b'M', MESSAGE) + frame(b'M', b'') + frame(b'E', b'') +
                    frame(b'E', ENVELOPE))
        taken(home, client.answer(), 'empty frames')
        client.send(frame(b'E', ENVELOPE))
        lab.equal(taken(home, client.answer(), 'no message frame').message, b'', '... is empty')
        big = b'0123456789abcde\n' * 640 * 1024
        entry = taken(home, client.submit(big, ENVELOPE), 'a message of 10 MiB')
        lab.ok(entry.message == big, '... byte for byte')
        with open(f'/proc/{client_worker(answer)}/status') as f:
            peak = int(re.search(r'VmHWM:\s+(\d+) kB', f.read()).group(1))
        lab.ok(peak < 12 * 1024, f'... in bounded memory ({peak} KiB)')
        origins(home, client)


def client_worker(answer):
    return int(answer[1].split()[1])


def wrong(home, service):
    """What ends in an answer, and what in the end of the connection; never in a message."""
    for data, code, name in (
            (submission(b'x', b'Ta\0\0'), 91, 'a malformed envelope'),
            (submission(b'x', b'F\0F\0\0'), 91, 'two senders'),
            (submission(b'x', b'F\0T' + b'x' * 1003 + b'\0\0'), 11, 'a long recipient'),
            (b'GET / HTTP/1.0\r\n\r\n', None, 'another protocol'),
            (b'\0' * 100, None, 'zeros'),
            (b'\xff' * 100, None, 'ones'),
            (b'M\0\1\0\1' + b'x' * 65537, None, 'a frame of 65,537 bytes'),
            (b'M\xff\xff\xff\xff', None, 'a frame of 4 GiB'),
            (b'M\x80\0\0\0', None, 'a frame of 2 GiB'),
            (frame(b'Q', b'x'), None, 'an unknown frame'),
            (frame(b'O', b'vlocal\0') * 2, None, 'the origin twice'),
            (frame(b'M', b'x') + frame(b'O', b'vlocal\0'), None, 'the origin late'),
            (frame(b'O', b'x' * 4097), None, 'an origin of 4097 bytes'),
            (frame(b'E', b'F') + frame(b'M', b'x'), None, 'text after the envelope'),
            (submission(b'x', ENVELOPE + b'more'), None, 'more after the envelope in its frame')):
        with service.connect() as client:
            try:
                client.send(data)
            except ConnectionError:
                pass
            answer = client.answer()
            lab.equal(answer[0] if answer else None, code, name)
            lab.equal(client.answer(), None, '... ends the connection')
            lab.equal(home.names(), [], '... and nothing is left')
    with service.connect() as client:
        lab.equal(client.submit(b'x', b'Zy\0' * 6000 + b'F\0\0')[0], 91, 'very much before the sender')
        lab.equal(home.names(), [], '... and nothing is left')
        taken(home, client.submit(MESSAGE, ENVELOPE, b'h' + b'x' * 4094 + b'\0'),
              'an origin of 4096 bytes')
        whole = submission(MESSAGE, ENVELOPE, ORIGIN)
    for at in range(1, len(whole)):
        with service.connect() as client:
            client.send(whole[:at])
            client.socket.shutdown(socket.SHUT_WR)
            if client.answer() is not None:
                break
    else:
        at = None
    ternlab.wait_until(lambda: not home.names(), 'the arrivals that broke off to be removed')
    lab.equal(at, None, 'a submission cut anywhere is no message')


def many(home, service):
    """Twenty clients at once, each with twenty messages."""
    answers = []

    def one(number):
        with queuelab.Client(home) as client:
            for i in range(20):
                text = b'%d %d\n' % (number, i) * 300
                answers.append((client.submit(text, ENVELOPE), text))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lab.equal([a for a, _ in answers if a[0] != 0], [], '20 clients at once: all taken')
    ids = {a[1].split()[0] for a, _ in answers}
    lab.equal(len(ids), 400, '... 400 ids')
    lab.equal(sorted(e.message for e in home.entries()), sorted(t for _, t in answers),
              '... 400 messages, whole')
    home.clear()


with queuelab.Home() as home:
    with queuelab.Service(home) as service:
        lab.ok(service.ready, 'the service says that it is ready')
        good(home, service)
        wrong(home, service)
        many(home, service)
        with service.connect() as client:
            taken(home, client.submit(MESSAGE, ENVELOPE), 'after all that it takes a message')
        home.set_me('changed.example\n')
        service.child.send_signal(signal.SIGHUP)

        def renamed():
            with service.connect() as other:
                other.submit(MESSAGE, ENVELOPE)
            return b'by changed.example id' in home.take_entry().received

        lab.ok(ternlab.wait_until(renamed, 'the new name'), 'HUP: control/me is read again')
        lab.equal(service.stop(), 0, 'TERM ends it')
    home.set_me('a b\n')
    with queuelab.Service(home) as service:
        lab.ok(not service.ready, 'with a wrong control/me it is not ready')
        lab.equal(service.child.wait(ternlab.PATIENCE), 100, '... and stays down')
        with open(home.file('log')) as log:
            lab.ok('control/me:1' in log.read(), '... naming the file and the line')

lab.end()
