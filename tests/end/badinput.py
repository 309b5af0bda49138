#!/usr/bin/python3
"""Control files that are wrong, unreadable or not there; a full disk; a broken entry. Each is
said with its place and reason, and none of them loses mail or stops more than it must."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
SENDER = 'ann@tern.test'
MISSING, UNREADABLE, FOLDER = object(), object(), object()

# What stops the start of a service, and what its log then says.
STARTS = (
    ('queue', 'me', MISSING, r'control/me: is missing or empty'),
    ('queue', 'me', '', r'control/me: is missing or empty'),
    ('queue', 'me', 'not a host', r'control/me:1: .*: not a host'),
    ('queue', 'me', UNREADABLE, r'control/me: can not be read: Permission denied'),
    ('smtpd', 'me', MISSING, r'control/me: is missing or empty'),
    ('smtpd', 'databytes', 'many', r'control/databytes:1: is not a number .*: many'),
    ('smtpd', 'timeoutsmtpd', '0', r'control/timeoutsmtpd:1: is not a duration .*: 0'),
    ('smtpd', 'concurrencyincoming', '0', r'control/concurrencyincoming:1: is not a number from 1 .*: 0'),
    ('smtpd', 'access', '# one\n127.:maybe', r'control/access:2: .*'),
    ('smtpd', 'locals', UNREADABLE, r'control/locals: can not be read: Permission denied'),
    ('smtpd', 'rcpthosts', FOLDER, r'control/rcpthosts: is not a regular file'),
    ('smtpd', 'smtplisten', '127.0.0.1:smtp', r'control/smtplisten:1: .*'),
    ('send', 'me', MISSING, r'control/me: is missing or empty'),
    ('send', 'queuelifetime', 'soon', r'control/queuelifetime:1: is not a duration .*: soon'),
    ('send', 'concurrencyremote', '-1', r'control/concurrencyremote:1: is not a number .*: -1'),
    ('send', 'virtualdomains', UNREADABLE, r'control/virtualdomains: can not be read: Permission denied'),
    ('send', 'locals', FOLDER, r'control/locals: is not a regular file'),
)


@contextlib.contextmanager
def setting(tern, name, value):
    """Has control/name be so for a while."""
    path, kept = tern.path('control', name), tern.path('control', f'{name}.kept')
    if os.path.exists(path):
        os.rename(path, kept)
    if value is FOLDER:
        tern.folder(f'control/{name}')
    elif value is UNREADABLE:
        tern.write(f'control/{name}', 'secret\n', 0)
    elif value is not MISSING:
        tern.write(f'control/{name}', f'{value}\n')
    try:
        yield
    finally:
        if value is FOLDER:
            os.rmdir(path)
        elif value is not MISSING:
            os.unlink(path)
        if os.path.exists(kept):
            os.rename(kept, path)


def is_up(tern, service):
    return tern.s6('s6-svstat', '-o', 'up,ready', f'service/{service}').strip() == 'true true'


def start_is_refused(tern, service, name, value, pattern):
    shown = {MISSING: 'missing', UNREADABLE: 'unreadable', FOLDER: 'a folder'}.get(value, repr(value))
    tern.s6('s6-svc', '-wD', '-T', '30000', '-d', f'service/{service}')
    before = len(tern.log(service))
    with setting(tern, name, value):
        tern.s6('s6-svc', '-u', f'service/{service}')
        ternlab.wait_until(lambda: [l for l in tern.log(service)[before:] if 'it stays down' in l],
                           f'{service} to give up')
        said = [l for l in tern.log(service)[before:] if re.search(pattern, l)]
        state = ternlab.wait_until(
            lambda: (s := tern.s6('s6-svstat', '-o', 'up,exitcode', f'service/{service}').split())[0] == 'false' and s,
            f'{service} to be down')
        lab.equal((bool(said), state[1]), (True, '100'),
                  f'{service}, control/{name} {shown}: exit 100, down; {(said or tern.log(service)[before:])[0]}')
    tern.s6('s6-svc', '-u', f'service/{service}')
    ternlab.wait_until(lambda: is_up(tern, service), f'{service} to be ready again')


def reload_keeps(tern, sink):
    """HUP with a wrong value."""
    for service, name, value, pattern in (
            ('smtpd', 'databytes', 'many', r'control/databytes:1: .*many'),
            ('smtpd', 'access', 'nobody:deny', r'control/access:1: .*'),
            ('queue', 'me', '', r'control/me: is missing')):
        before = len(tern.log(service))
        with setting(tern, name, value):
            tern.s6('s6-svc', '-h', f'service/{service}')
            said = ternlab.wait_until(
                lambda: [l for l in tern.log(service)[before:] if re.search(pattern, l)],
                f'{service} to complain of {name}')[0]
            count = len(sink.messages)
            tern.send_smtp(SENDER, ['a@relay.test'], endlab.message('reload'))
            sink.wait(count + 1)
            lab.ok(is_up(tern, service), f'{service}, HUP with a wrong control/{name}: works on; {said}')


def lines_stand_alone(tern, sink):
    """A wrong line of smtproutes or retry is the trouble of its domain alone."""
    with setting(tern, 'smtproutes', f'bad.test:relay:port\n.worse.test:[::1\nwrong.test:127.0.0.1 tls=maybe\n'
                                     f':127.0.0.1:{sink.port}'):
        histories = {}
        for line, domain in ((1, 'bad.test'), (2, 'even.worse.test'), (3, 'wrong.test')):
            tern.send_smtp(SENDER, [f'a@{domain}'], endlab.message('bad'))
            history = endlab.History(tern, endlab.id_of(tern, f'a@{domain}'))
            event = history.wait(1)[0]
            lab.ok(event.event == 'trouble' and f'control/smtproutes:{line}:' in event.text,
                   f'smtproutes, line {line} is wrong: mail for {domain} waits; {event.text}')
            histories[domain] = history
        count = len(sink.messages)
        tern.send_smtp(SENDER, ['a@good.test'], endlab.message('good'))
        lab.equal(sink.wait(count + 1)[-1].recipients, ['a@good.test'], 'and the other lines work')
    tern.signal_send(signal.SIGALRM)
    sink.wait(count + 4)
    tern.wait_queue_empty()
    lab.ok(True, 'when the lines are mended the mail goes out')

    with setting(tern, 'retry', '# comment\nfive.test:often:5m\n:0:1h'):
        tern.signal_send(signal.SIGHUP)
        said = tern.wait_log(r'^warning: .*control/retry:2: .*')[0][0]
        lab.ok('often' in said, f'retry, line 2 is wrong: {said}')
    tern.signal_send(signal.SIGHUP)


def read_when_needed(tern, sink):
    """Settings of the programs that deliver: mail waits, and the log says why."""
    for name, value, pattern in (('timeoutconnect', 'long', 'control/timeoutconnect:1:.*long'),
                                 ('helohost', UNREADABLE, 'control/helohost:_?.*Permission'),
                                 ('smtproutes', UNREADABLE, 'control/smtproutes:.*Permission')):
        before = len(tern.log())
        count = len(sink.messages)
        who = f'a@{name}.test'
        with setting(tern, name, value):
            tern.send_smtp(SENDER, [who], endlab.message('waits'))
            said = ternlab.wait_until(
                lambda: [l for l in tern.log()[before:] if re.search(pattern, l)],
                f'a complaint of {name}')[0]
            event = endlab.History(tern, endlab.id_of(tern, who)).wait(1)[0]
            lab.equal(event.event, 'trouble', f'control/{name}: mail waits; {said}')
        tern.signal_send(signal.SIGALRM)
        sink.wait(count + 1)
        tern.wait_queue_empty()


def nothing_stays(tern, what):
    ternlab.wait_until(lambda: not tern.queue(), f'an empty queue after {what}')
    lab.equal(tern.queue(), [], 'and nothing is left in the queue')


def smtp_reply(tern, recipient, text):
    with tern.smtp() as session:
        session.ehlo()
        session.mail(SENDER)
        session.rcpt(recipient)
        return session.data(text)


def queue_command(tern, text):
    """Its exit code."""
    folder = tern.path('run')
    envelope = os.path.join(tern.top, 'envelope')
    with open(envelope, 'wb') as f:
        f.write(b'F' + SENDER.encode() + b'\0Tbox@tern.test\0\0')
    os.chmod(envelope, 0o644)
    with open(envelope, 'rb') as f:
        process = tern.popen('tern-queue', stdin=subprocess.PIPE, stdout=f, stderr=subprocess.PIPE)
        _, error = process.communicate(text, ternlab.PATIENCE)
    return process.returncode, error.decode()


@contextlib.contextmanager
def small_disk(tern, options):
    """Has queue/mess on a small file system of its own, with the same folders; the queue service
    is started there, for it may only write where it was started."""
    tern.s6('s6-svc', '-wD', '-T', '30000', '-d', 'service/queue')
    mess = tern.path('queue/mess')
    status = os.stat(mess)
    shards = {n: os.stat(os.path.join(mess, n)) for n in os.listdir(mess)}
    subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tern-test', mess], check=True,
                   capture_output=True)
    try:
        for path, s in ((mess, status), *((os.path.join(mess, n), s) for n, s in shards.items())):
            os.makedirs(path, exist_ok=True)
            os.chown(path, s.st_uid, s.st_gid)
            os.chmod(path, s.st_mode & 0o7777)
        tern.s6('s6-svc', '-wU', '-T', '30000', '-u', 'service/queue')
        yield mess
        tern.s6('s6-svc', '-wD', '-T', '30000', '-d', 'service/queue')
    finally:
        subprocess.run(['umount', '-l', mess], check=True)
        tern.s6('s6-svc', '-u', 'service/queue')


def full(tern, what):
    """Everybody is told to come again later."""
    small = endlab.message('small')
    code, words = smtp_reply(tern, 'box@tern.test', small)
    lab.equal(code, 452, f'{what}, SMTP: {code} {words.decode()}')
    nothing_stays(tern, what)
    done = tern.sendmail('-f', SENDER, 'box@tern.test', input=small, check=False)
    lab.equal(done.returncode, 75, f'{what}, sendmail exits 75: {done.stderr.decode().strip()}')
    nothing_stays(tern, what)
    code, error = queue_command(tern, small)
    lab.equal(code, 53, f'{what}, tern-queue exits 53: {error.strip()}')
    nothing_stays(tern, what)


def fill(path):
    with open(path, 'wb', buffering=0) as f:
        with contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))


def disk_full(tern):
    if os.geteuid() != 0:
        lab.skip('a full disk', 'only root can mount a small file system')
        return
    tern.s6('s6-svc', '-wD', '-T', '30000', '-d', 'service/send')
    tern.control('diskfloor', '0')  # to get there
    tern.control('inodefloor', '0')
    try:
        with small_disk(tern, 'size=1m') as mess:
            large = endlab.message('large', 'A line of a large message.\r\n' * 60000)
            code, words = smtp_reply(tern, 'box@tern.test', large)
            lab.equal(code, 452, f'the disk gets full in mid-message: {code} {words.decode()}')
            nothing_stays(tern, 'a large message')
            fill(os.path.join(mess, 'filler'))
            full(tern, 'the disk is full')
            os.unlink(os.path.join(mess, 'filler'))
            code, words = smtp_reply(tern, 'box@tern.test', endlab.message('again'))
            lab.equal((code, len(tern.queue())), (250, 1), 'there is room again: it is taken')
        with small_disk(tern, 'nr_inodes=66'): # the root, the shards, and one file
            queue_command(tern, endlab.message('first'))
            lab.equal(len(tern.queue()), 1, 'room for one file')
            code, words = smtp_reply(tern, 'box@tern.test', endlab.message('second'))
            lab.equal((code, len(tern.queue())), (452, 1),
                      f'and none for a second one: {code} {words.decode()}')
    except subprocess.CalledProcessError as e:
        lab.skip('a full disk', f'mount: {e.stderr.decode().strip()}')
    tern.s6('s6-svc', '-u', 'service/send')
    endlab.wait_ready(tern)


def broken_entry(tern, sink):
    """One bad file in the queue, and one good one."""
    for name in ('451.bad', '451.good'):
        tern.send_smtp(SENDER, [f'{name}@relay.test'], endlab.message(name))
    bad, good = (endlab.id_of(tern, f'{n}@relay.test') for n in ('451.bad', '451.good'))
    for id in (bad, good):
        endlab.History(tern, id).wait(1, 'deferred')
    tern.s6('s6-svc', '-wD', '-T', '30000', '-d', 'service/send')
    path = tern.path('queue/mess', str(bad % 64), str(bad))
    with open(path, 'r+b') as f:
        data = bytearray(f.read())
        data[len(data) // 2] ^= 1
        f.seek(0)
        f.write(data)
    tern.write('queue/mess/0/core', 'not a message')
    tern.write('queue/mess/1/65', 'Received: an arrival that broke off just now\n')
    tern.s6('s6-svc', '-u', 'service/send')
    ternlab.wait_until(lambda: is_up(tern, 'send'), 'send to be ready')

    def alarmed():
        tern.signal_send(signal.SIGALRM)
        return os.path.exists(tern.path('queue/bad', str(bad)))
    ternlab.wait_until(alarmed, 'the broken entry to be set aside')
    with open(tern.path('queue/bad', str(bad)), 'rb') as f:
        lab.equal(f.read(), bytes(data), 'a broken entry is moved to queue/bad, as it is')
    lab.ok(tern.wait_log(rf'^warning: msg {bad}: broken entry'), 'and the log names it')
    lab.equal(tern.status()['queue']['bad'], 1, 'and tern status counts it')
    count = len(sink.messages)
    tern.send_smtp(SENDER, ['a@relay.test'], endlab.message('on'))
    sink.wait(count + 1)
    ternlab.wait_until(lambda: len(sink.rcpt_times['451.good@relay.test']) > 1, 'the good message')
    lab.ok(True, 'the other mail goes on')
    lab.ok(os.path.exists(tern.path('queue/mess/0/core')) and os.path.exists(tern.path('queue/mess/1/65')),
           'what is no message, and what may be arriving, is left alone')
    os.unlink(tern.path('queue/mess/0/core'))
    os.unlink(tern.path('queue/mess/1/65'))
    shutil.rmtree(tern.path('queue/bad'))
    tern.folder('queue/bad')


with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('retry', ':0:1h')
    tern.alias('box', './box/')
    with setting(tern, 'databytes', 'many'):
        done = subprocess.run([os.path.join(tern.bin, 'tern'), 'up', tern.home], capture_output=True,
                              text=True, timeout=100)
        lab.ok(done.returncode != 0 and re.search(r'smtpd +down', done.stdout),
               f'tern up with a wrong setting: exit {done.returncode}, and it says which service is down')
        lab.equal([is_up(tern, s) for s in ('queue', 'send')], [True, True], 'the others are up')
    tern.s6('s6-svc', '-u', 'service/smtpd')
    endlab.wait_ready(tern)
    for service, name, value, pattern in STARTS:
        start_is_refused(tern, service, name, value, pattern)
    with setting(tern, 'me', MISSING):
        done = tern.sendmail('-f', SENDER, 'box@tern.test', input=b'Subject: x\n\n', check=False)
        lab.ok(done.returncode == 78 and b'control/me' in done.stderr,
               f'sendmail without control/me: exit {done.returncode}, {done.stderr.decode().strip()}')
    reload_keeps(tern, sink)
    lines_stand_alone(tern, sink)
    read_when_needed(tern, sink)
    disk_full(tern)
    broken_entry(tern, sink)
lab.end()
