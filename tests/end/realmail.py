#!/usr/bin/python3
"""Real messages go in by SMTP and by sendmail, and come out at two other servers and in a
Maildir with the same content.

The messages: those of Debian's libpython3.11-testsuite, and spamassassin's samples. What may
differ, and nothing else:

  SMTP     A file with bare LFs goes in with CR LFs, as clients do it; the last line gets its
           end. What comes out has, before it, one Received field; in the Maildir Return-Path
           and Delivered-To as well, and LFs.
  sendmail The same, and what the command does to a header (RFC 5321, 6.4; sendmail(8)): the
           line "From user date" of a mailbox goes, and a header that is not ended by an empty
           line gets one; Return-Path, Bcc and Content-Length go; at its end are added From,
           Date, Message-ID and Cc where there is none, with "Resent-" in a resent message; an
           address without a domain gets one.

As they are in the files, with bare LFs, none may go in by SMTP; nor may pictures and sounds."""
import glob
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from aiosmtpd.controller import Controller

import endlab
import ternlab

lab = ternlab.Tap()
SENDER = 'ann@tern.test'
DATA = '/usr/lib/python3.11/test/test_email/data'
SAMPLES = 'usr/share/doc/spamassassin/examples/sample-*.txt'
TRACE = re.compile(rb'Received: [^\n]*\n(?:[ \t][^\n]*\n)*')
REMOVED = {b'return-path', b'bcc', b'resent-bcc', b'content-length'}
ADDED = {b'date', b'message-id', b'from', b'cc'}


def name_of(path):
    return re.sub(r'[^a-z0-9]+', '-', os.path.basename(path).lower()).strip('-')


def files():
    mails = glob.glob(os.path.join(DATA, 'msg_*.txt'))
    samples = glob.glob('/' + SAMPLES) or glob.glob(os.path.join(endlab.PEERS, SAMPLES))
    others = set(glob.glob(os.path.join(DATA, '*'))) - set(mails)
    def load(paths):
        return {name_of(p): open(p, 'rb').read() for p in sorted(paths)}
    return load(mails), load(samples), load(others)


def as_lf(data):
    """As it is in the queue: LF line ends, the last one too."""
    data = re.sub(rb'\r+\n', b'\n', data)
    return data if data.endswith(b'\n') or not data else data + b'\n'


class OtherServer:
    """aiosmtpd: takes everything, keeps the bytes by recipient."""

    def __init__(self):
        self.got = {}
        self.controller = Controller(self, '127.0.0.1', ternlab.free_port())

    async def handle_DATA(self, server, session, envelope):
        for recipient in envelope.rcpt_tos:
            self.got.setdefault(recipient, []).append(envelope.original_content)
        return '250 taken'

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *rest):
        self.controller.stop()


def say_data(tern, recipients, data):
    """Hands in the bytes as they are, dots stuffed; returns the reply to them."""
    with socket.create_connection(('127.0.0.1', tern.port), ternlab.PATIENCE) as s, \
            s.makefile('rb') as lines:
        def reply():
            line = lines.readline()
            while line[3:4] == b'-':
                line = lines.readline()
            return line.decode().rstrip()
        reply()
        for command in ('EHLO client.test', f'MAIL FROM:<{SENDER}>',
                        *[f'RCPT TO:<{r}>' for r in recipients], 'DATA'):
            s.sendall(command.encode() + b'\r\n')
            answer = reply()
            if answer[0] not in '23':
                return answer
        try:
            s.sendall(re.sub(rb'(?m)^\.', b'..', data) + b'.\r\n')
        except OSError:
            pass
        return reply()


def places(name, way):
    return [f'{name}.{way}@sink.test', f'{name}.{way}@aio.test', f'box-{name}.{way}@tern.test']


class Outcome:
    """What came out, by the recipient; in LF form where it was CR LF and nothing else."""

    def __init__(self, tern, sink, aio):
        self.found = {}
        for m in sink.messages:
            for r in m.recipients:
                self.add(r, m.data, b'\r\n')
        for r, texts in aio.got.items():
            for data in texts:
                self.add(r, data, b'\r\n')
        for data in tern.maildir('alias/box'):
            top = re.match(rb'Return-Path: <ann@tern\.test>\nDelivered-To: ([^\n]+)\n', data)
            self.add(top[1].decode(), data[top.end():], b'\n')

    def add(self, recipient, data, line_end):
        if line_end == b'\r\n':
            clean = re.search(rb'(?<!\r)\n|\r(?!\n)', data) is None
            data = data.replace(b'\r\n', b'\n') if clean else b'bare CR or LF: ' + data
        trace = TRACE.match(data)
        self.found.setdefault(recipient, []).append(
            data[trace.end():] if trace and b' id ' in trace[0] else b'no trace: ' + data)


def header_split(data):
    """(the fields of a header, the body) as sendmail sees them in LF text."""
    mailbox = re.match(rb'>?From [^\n]*\n(?=[!-9;-~]+[ \t]*:)', data)
    data = data[mailbox.end():] if mailbox else data
    fields = []
    while True:
        field = re.match(rb'([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t]+[^\n]*)*\n', data)
        if not field:
            break
        fields.append((field[1].lower(), field[0]))
        data = data[field.end():]
    return fields, data[1:] if data.startswith(b'\n') else data


def sendmail_differs(before, after):
    """What sendmail changed beyond what it may; and a list of what it did that it may."""
    fields, body = header_split(before)
    fields_after, body_after = header_split(after)
    wrong, did = [], []
    if body != body_after:
        wrong.append('the body')
    kept = [f for f in fields if f[0] not in REMOVED]
    did += ['removed ' + f[0].decode() for f in fields if f[0] in REMOVED]
    prefix = b'resent-' if any(f[0].startswith(b'resent-') for f in fields) else b''
    for (name, whole), (_, got) in zip(kept, fields_after):
        if whole == got:
            continue
        if whole == got.replace(b'@tern.test', b''):
            did.append('completed ' + name.decode())
        else:
            wrong.append(name.decode())
    names = {f[0] for f in fields}
    for name, _ in fields_after[len(kept):]:
        if not name.startswith(prefix) or name[len(prefix):] not in ADDED or name in names:
            wrong.append('added ' + name.decode())
        did.append('added ' + name.decode())
    if len(fields_after) < len(kept):
        wrong.append('fields are missing')
    return wrong, did


def compare(messages, outcome, what):
    """By SMTP: the same bytes at all three places."""
    for index, place in enumerate(('the sink', 'aiosmtpd', 'the Maildir')):
        bad = [name for name, data in messages.items()
               if outcome.found.get(places(name, 'smtp')[index]) != [as_lf(data)]]
        lab.equal(bad, [], f'{what}, SMTP to {place}: {len(messages)} messages, the same bytes')
    for index, place in enumerate(('the sink', 'aiosmtpd', 'the Maildir')):
        bad = {}
        for name, data in messages.items():
            texts = outcome.found.get(places(name, 'sendmail')[index], [])
            wrong, did = sendmail_differs(as_lf(data), texts[0]) if len(texts) == 1 else \
                ([f'{len(texts)} copies'], [])
            if wrong:
                bad[name] = wrong
            if did and index == 0:
                print(f'# {name}: sendmail {", ".join(did)}', flush=True)
        lab.equal(bad, {}, f'{what}, sendmail to {place}: {len(messages)} messages, '
                  'the same but for what sendmail may do')


def refusals(tern, raw):
    """As they are: nothing with a bare CR, a bare LF or a NUL goes in."""
    wrong = {}
    legal = 0
    for name, data in raw.items():
        want = None
        bad = re.search(rb'\0|(?<!\r)\n|\r(?!\n)', data)
        if bad:
            want = '550 5.6.11'
        elif not data.endswith(b'\r\n'):
            continue # such text has no end
        reply = say_data(tern, ['void@tern.test'], data)
        if not reply.startswith(want or '250'):
            wrong[name] = reply
        legal += not want
        print(f'# {name}, as it is: {reply}', flush=True)
    lab.equal(wrong, {}, f'{len(raw) - legal} files with bare CR, bare LF or NUL: each refused with 550 5.6.11')
    tern.wait_queue_empty()
    lab.equal(len(tern.maildir('alias/void')), legal, 'and none of them is delivered')


def go(mails, samples, others):
    with OtherServer() as aio, ternlab.Sink() as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f'sink.test:127.0.0.1:{sink.port}',
                     f'aio.test:127.0.0.1:{aio.controller.port}')
        tern.alias('box-default', './box/')
        tern.alias('void', './void/')
        tern.alias('ann', './ann/')
        tern.up()
        everything = {**mails, **samples}
        replies, failed = {}, {}
        for name, data in everything.items():
            reply = say_data(tern, places(name, 'smtp'), as_lf(data).replace(b'\n', b'\r\n'))
            if not reply.startswith('250'):
                replies[name] = reply
            done = tern.sendmail('-i', '-f', SENDER, *places(name, 'sendmail'), input=data, check=False)
            if done.returncode:
                failed[name] = done.stderr
        lab.equal(replies, {}, f'SMTP takes all {len(everything)}')
        lab.equal(failed, {}, f'sendmail takes all {len(everything)}')
        tern.wait_queue_empty()
        outcome = Outcome(tern, sink, aio)
        if mails:
            compare(mails, outcome, 'test_email')
        if samples:
            compare(samples, outcome, 'spamassassin')
        lab.equal(len(tern.maildir('alias/ann')), 0, 'nothing bounced')
        refusals(tern, {**everything, **others})


mails, samples, others = files()
if not mails:
    lab.skip('the messages of test_email', f'no {DATA}: install libpython3.11-testsuite')
if not samples:
    lab.skip("spamassassin's samples", f'no {SAMPLES}: run tests/packages.sh peer')
if mails or samples:
    go(mails, samples, others)
lab.end()
