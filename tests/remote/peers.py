#!/usr/bin/python3
"""tern-remote against servers that others wrote: aiosmtpd, and Postfix's smtp-sink in its
many moods."""
import os
import subprocess
import tempfile

from aiosmtpd.controller import Controller

import ternlab
from remotelab import Home, Worker, command, matches

tap = ternlab.Tap()
MESSAGES = [b'Subject: short\n\nx\n', b'Subject: dots\n\n.\n..\n...x\n.\n', b'Subject: none\n\n',
            b'Subject: eight\n\n\xe4\xf6\xfc\n', b'Subject: long\n\n' + b'y' * 990 + b'\n',
            b'Subject: big\n\n' + b'0123456789abcdef.\n.line\n' * 50000]


class Remember:
    def __init__(self):
        self.messages = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('550'):
            return '550 5.1.1 nobody of that name'
        envelope.rcpt_tos.append(address)
        return '250 ok'

    async def handle_DATA(self, server, session, envelope):
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return '250 remembered'


handler = Remember()
server = Controller(handler, hostname='127.0.0.1', port=ternlab.free_port(),
                    server_kwargs={'data_size_limit': 10000000})
server.start()
with Home(smtproutes=f':127.0.0.1:{server.port}') as home:
    with Worker(home) as w:
        for text in MESSAGES:
            eight = int(any(byte > 127 for byte in text))
            answers = w.deliver(['a@example.net', '550@example.net', 'b@example.net'], text=text,
                                eight=eight)
            name = text[9:text.index(b'\n')].decode()
            tap.ok(matches(answers, 'KDK', 'nobody of that name'), f'aiosmtpd: {name}')
            want = ('s@example.org', ['a@example.net', 'b@example.net'],
                    text.replace(b'\n', b'\r\n'))
            tap.ok(handler.messages[-1] == want, f'aiosmtpd: {name}, bytes')
    tap.ok(matches(command(home, ['q q@example.net']), 'K', 'remembered'),
           'aiosmtpd: a quoted address')
    tap.ok(matches(command(home, ['a@example.net'], sender=''), 'K', ''), 'aiosmtpd: no sender')
    tap.ok(matches(command(home, ['a@example.net'], text=b'x\n' * 5000001), 'D', r'#5\.3\.4'),
           'aiosmtpd: too large')
server.stop()

# smtp-sink: options, verdict of each of two recipients, what a text must say
PEERS = os.environ.get('TERN_PEERS', '')
SINK = os.path.join(PEERS, 'usr/sbin/smtp-sink')
MOODS = [
    ([], 'KK', 'accepted message'),
    (['-p'], 'KK', ''),                  # without PIPELINING
    (['-8'], 'KK', ''),                  # without 8BITMIME
    (['-e'], 'KK', ''),                  # without EHLO
    (['-F'], 'KK', ''),                  # without XFORWARD
    (['-f', 'EHLO'], 'KK', ''),
    (['-r', 'RCPT'], 'ZZ', 'does not like recipient'),
    (['-f', 'RCPT'], 'DD', 'does not like recipient'),
    (['-r', 'MAIL'], 'ZZ', 'sender was refused for now'),
    (['-f', 'MAIL'], 'DD', 'does not like sender'),
    (['-r', 'DATA'], 'ZZ', 'refused DATA'),
    (['-f', 'DATA'], 'DD', 'refused DATA'),
    (['-r', '.'], 'ZZ', 'does not take message'),
    (['-f', '.'], 'DD', 'does not like message'),
    (['-r', 'CONNECT'], 'ZZ', 'greeting failed'),
    (['-f', 'CONNECT'], 'DD', 'greeting failed'),
    (['-q', 'RCPT'], 'ZZ', ''),          # hangs up
    (['-q', 'DATA'], 'ZZ', ''),
    (['-q', '.'], 'ZZ', 'Possible duplicate!'),
]


def sink(options):
    """Starts smtp-sink; returns it and its port."""
    port = ternlab.free_port()
    become = ['-u', 'nobody'] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [SINK, *become, *options, f'127.0.0.1:{port}', '100'], stderr=subprocess.DEVNULL,
        env=dict(os.environ, LD_LIBRARY_PATH=os.path.join(PEERS, 'usr/lib/postfix')))
    listening = f':{port:04X} 00000000:0000 0A'
    ternlab.wait_until(lambda: listening in open('/proc/net/tcp').read(), 'smtp-sink')
    return process, port


if not os.access(SINK, os.X_OK):
    tap.skip('smtp-sink', 'it is not there (TERN_PEERS)')
    tap.end()
for options, verdicts, pattern in MOODS:
    process, port = sink(options)
    try:
        with Home(smtproutes=f':127.0.0.1:{port}') as home:
            with Worker(home) as w:
                for time in ('', ', again'):
                    answers = w.deliver(['a@example.net', 'b@example.net'])
                    if not tap.ok(matches(answers, verdicts, pattern),
                                  f'smtp-sink {" ".join(options)}{time}'):
                        print(f'# {answers}')
    finally:
        process.terminate()
        process.wait()

# What smtp-sink writes down is what was given.
with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o777)
    process, port = sink(['-D', os.path.join(folder, 'mail')])
    try:
        with Home(smtproutes=f':127.0.0.1:{port}') as home, Worker(home) as w:
            for text in MESSAGES:
                w.deliver(['a@example.net'], text=text)
    finally:
        process.terminate()
        process.wait()
    with open(os.path.join(folder, 'mail'), 'rb') as f:
        mail = f.read()
    for text in MESSAGES:
        tap.ok(text in mail, f'smtp-sink: {text[9:text.index(10)].decode()}, bytes')
tap.end()
