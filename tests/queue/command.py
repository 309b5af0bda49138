#!/usr/bin/python3
"""tern-queue as a command: qmail-queue's contract."""
import os
import re
import resource
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import queuelab
import ternlab

lab = ternlab.Tap()
ENVELOPE = b'Fa@b.example\0Tc@d.example\0\0'
MESSAGE = b'Subject: x\n\nhello\n'


def refused(home, code, name, message=MESSAGE, envelope=ENVELOPE, **options):
    got = home.command(message, envelope, **options)
    lab.equal(got[0], code, name)
    lab.equal(home.names(), [], f'... and nothing is left')
    return got


def accepted(home, name, message=MESSAGE, envelope=ENVELOPE, **options):
    code, said, error = home.command(message, envelope, **options)
    lab.equal((code, said, error), (0, b'', ''), name)
    return home.take_entry()


with queuelab.Home() as home:
    trigger = os.open(home.file('queue/lock/trigger'), os.O_RDWR | os.O_NONBLOCK)
    code, _, _ = home.command(MESSAGE, ENVELOPE)
    lab.equal(code, 0, 'a message is taken')
    name = home.names()[0]
    ident = os.path.basename(name)
    status = os.stat(name)
    lab.equal(oct(status.st_mode & 0o7777), '0o640', 'its mode')
    lab.equal(int(ident) % 64, int(os.path.basename(os.path.dirname(name))), 'its folder')
    lab.equal(os.read(trigger, 100), f'{ident}\n'.encode(), 'send is told its id')
    os.close(trigger)
    entry = home.take_entry()
    lab.equal(entry.message, MESSAGE, 'its text')
    lab.equal(entry.values(b'F') + entry.values(b'T'), [b'a@b.example', b'c@d.example'], 'envelope')
    lab.equal(entry.values(b'u') + entry.values(b'v'), [str(os.getuid()).encode(), b'local'],
              'who brought it')
    lab.ok(re.fullmatch(
        rb'Received: \(tern %s invoked by uid %d\)\n  by me\.example id %s;\n'
        rb'  (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000\n'
        % (entry.values(b'p')[0], os.getuid(), ident.encode()), entry.received), 'Received field')

    # The layout of the envelope.
    for envelope, code, name in (
            (b'', 54, 'no envelope'),
            (b'F', 54, 'a sender that breaks off'),
            (b'Fa\0', 54, 'an envelope without its last NUL'),
            (b'Fa\0Tb\0', 54, 'an envelope with recipients without its last NUL'),
            (b'Fa\0Tb', 54, 'a recipient that breaks off'),
            (b'\0', 91, 'an envelope without a sender'),
            (b'Ta\0Fb\0\0', 91, 'a recipient before the sender'),
            (b'Fa\0Fb\0\0', 91, 'two senders'),
            (b'Fa\0 Tb\0\0', 91, 'a record without a letter'),
            (b'F' + b'x' * 1003 + b'\0\0', 11, 'a sender of 1003 bytes'),
            (b'F' + b'x' * 5000 + b'\0\0', 11, 'a sender of 5000 bytes'),
            (b'F\0T' + b'x' * 1003 + b'\0\0', 11, 'a recipient of 1003 bytes'),
            (b'F\0Ta\0T' + b'x' * 1003 + b'\0\0', 11, 'a second recipient of 1003 bytes'),
            (b'b' + b'8' * 1024 + b'\0F\0\0', 91, 'another record of 1024 bytes'),
            (b'Zx\0' * 6000 + b'F\0\0', 91, 'very much before the sender')):
        refused(home, code, name, envelope=envelope)
    for envelope, records, name in (
            (b'F\0\0', [b'F'], 'a null sender and no recipient'),
            (b'F\0T\0\0', [b'F', b'T'], 'an empty recipient'),
            (b'F\0Ta\0\0Tb\0', [b'F', b'Ta'], 'what follows the last NUL counts nothing'),
            (b'F' + b'x' * 1002 + b'\0\0', [b'F' + b'x' * 1002], 'a sender of 1002 bytes'),
            (b'F\0T' + b'x' * 1002 + b'\0\0', [b'F', b'T' + b'x' * 1002], 'a recipient as long'),
            (b'U\0b8\0Qx\0F\0Nnever\0Ta\0\0', [b'U', b'b8', b'Qx', b'F', b'Nnever', b'Ta'],
             'further records are kept in their place'),
            (b'u0\0p1\0vnetwork\0hx\0a192.0.2.1\0wSMTP\0F\0\0', [b'F'],
             "the queue's own records are not taken from a client")):
        entry = accepted(home, name, envelope=envelope)
        lab.equal([r for r in entry.records if r[:1] not in (b'u', b'p', b'v')], records,
                  '... and is stored so')
        lab.equal(len(entry.values(b'u') + entry.values(b'p') + entry.values(b'v')), 3,
                  '... with one u, p and v')
    many = b''.join(b'Tuser%d@example.org\0' % i for i in range(20000))
    entry = accepted(home, '20,000 recipients', envelope=b'F\0' + many + b'\0')
    lab.equal(len(entry.values(b'T')), 20000, '... are stored')

    # The text.
    for message, want, name in (
            (b'', b'', 'an empty message'),
            (b'a', b'a\n', 'a missing last newline is added'),
            (b'a\r\nb\r\n', b'a\nb\n', 'CR LF becomes LF'),
            (b'a\rb\r\r\nc\r', b'a b\nc \n', 'other CR becomes a blank'),
            (b'a\0b\n', b'a\0b\n', 'NUL stays'),
            (b'From me\n.\n..\n', b'From me\n.\n..\n', 'dots and From stay'),
            (b'x' * 1000000, b'x' * 1000000 + b'\n', 'a line of a million bytes'),
            (b'\r\n' * 500000, b'\n' * 500000, '500,000 empty lines with CR LF'),
            (b'\r' * 200001 + b'\n', b'\n', '200,001 CR before one LF')):
        lab.ok(accepted(home, name, message=message).message == want, '... as it should be')
    for message, envelope, want, name in (
            (b'a\x7f\n', b'F\0\0', [], 'text of 7 bits gets no body record'),
            (b'a\x80\n', b'F\0\0', [b'8'], 'text of 8 bits gets one'),
            (b'a' * 200000 + b'\xff', b'F\0\0', [b'8'], '... wherever the byte is'),
            (b'a\x80\n', b'b7\0F\0\0', [b'7'], 'what the client says of it stands')):
        lab.equal(accepted(home, name, message, envelope).values(b'b'), want, '... exactly')

    # The origin.
    origin = home.environment(
        TERN_ORIGIN='vnetwork\nhmx.example\na2001:db8::1\nwESMTP\n')
    entry = accepted(home, 'an origin in the environment', env=origin)
    lab.equal(entry.values(b'v') + entry.values(b'h') + entry.values(b'a') + entry.values(b'w'),
              [b'network', b'mx.example', b'2001:db8::1', b'ESMTP'],
              '... is believed from whom it is the business')
    lab.ok(entry.received.startswith(
        b'Received: from mx.example ([IPv6:2001:db8::1])\n  by me.example with ESMTP id '),
        '... and stands in the Received field')

    # The reason.
    big = b'F\0' + (b'T' + b'x' * 1000 + b'\0') * 70000 + b'\0'
    got = refused(home, 82, 'an envelope over 64 MiB, with descriptor 6', envelope=big)
    lab.ok(got[1].startswith(b'D') and len(got[1]) <= 255, '... and the reason is told there')
    got = refused(home, 31, 'the same without descriptor 6', envelope=big, reason=False)
    lab.equal(got[1], b'', '... is told nowhere')
    with open(home.file('six'), 'w+b') as six:
        refused(home, 31, 'a file on descriptor 6', envelope=big, reason=False,
                preexec=lambda: os.dup2(six.fileno(), 6))
        lab.equal(os.fstat(six.fileno()).st_size, 0, '... is not written to')

    # Trouble on this side.
    home.set_me('')
    lab.ok('control/me' in refused(home, 55, 'an empty control/me')[2], '... named on stderr')
    home.set_me('two words\n')
    refused(home, 55, 'a name with a blank')
    os.unlink(home.file('control/me'))
    refused(home, 55, 'no control/me')
    os.mkdir(home.file('control/me'))
    refused(home, 55, 'control/me is a folder')
    os.rmdir(home.file('control/me'))
    home.set_me('me.example\n')
    refused(home, 61, 'a home that is not there',
            env=dict(home.environment(), TERNHOME='/nonexistent'))
    os.rename(home.file('queue/mess'), home.file('queue/gone'))
    refused(home, 62, 'no queue')
    os.mkdir(home.file('queue/mess'))
    refused(home, 64, 'a queue without its folders')
    os.rmdir(home.file('queue/mess'))
    os.rename(home.file('queue/gone'), home.file('queue/mess'))
    for limit in (0, 1, 100, 4096, 100000):
        refused(home, 53, f'a file may have {limit} bytes only', message=b'x' * 200000,
                preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    refused(home, 54, 'descriptor 0 is a folder',
            preexec=lambda: os.dup2(os.open('/', os.O_RDONLY), 0))
    refused(home, 54, 'descriptor 0 is closed', preexec=lambda: os.close(0))
    refused(home, 54, 'descriptor 1 is closed', preexec=lambda: os.close(1))
    entry = accepted(home, 'descriptor 2 is closed', preexec=lambda: os.close(2))
    lab.equal(entry.message, MESSAGE, '... and nothing strange is in the message')
    for number, how in ((signal.SIGALRM, 'its time is up'), (signal.SIGTERM, 'it is ended')):
        held = subprocess.Popen([os.path.join(ternlab.BIN, 'tern-queue')], stdin=subprocess.PIPE,
                                env=home.environment(), preexec_fn=lambda: os.dup2(0, 1))
        held.stdin.write(b'x' * 300000)
        held.stdin.flush()
        ternlab.wait_until(home.names, 'the file of the arrival')
        held.send_signal(number)
        lab.equal(held.wait(ternlab.PATIENCE), 52, how)
        lab.equal(home.names(), [], '... and nothing is left')
        held.stdin.close()
    ignored = subprocess.Popen([os.path.join(ternlab.BIN, 'tern-queue')], stdin=subprocess.PIPE,
                               env=home.environment(), preexec_fn=lambda: os.dup2(0, 1))
    ignored.stdin.write(b'x' * 300000)
    ignored.stdin.flush()
    ternlab.wait_until(home.names, 'the file of the arrival')
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        ignored.send_signal(number)
    ignored.stdin.close()
    lab.equal(ignored.wait(ternlab.PATIENCE), 54, 'HUP, INT and QUIT do not end it')
    lab.equal(home.names(), [], '... the end of its input does, and nothing is left')

    done = subprocess.run([os.path.join(ternlab.BIN, 'tern-queue'), '-x'], capture_output=True)
    lab.equal(done.returncode, 100, 'an unknown option')

lab.end()
