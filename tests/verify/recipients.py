#!/usr/bin/python3
"""Whether a recipient exists: tern-verify by hand over accounts of its own (as
root, in a mount namespace), and tern-smtpd that asks its service."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import ternlab

ROOT = os.geteuid() == 0
INSIDE = 'TERN_TEST_NAMESPACE'
if ROOT and INSIDE not in os.environ and shutil.which('unshare'):
    if subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode == 0:
        os.environ[INSIDE] = '1'
        os.execvp('unshare', ['unshare', '-m', sys.executable, os.path.abspath(__file__)])

tap = ternlab.Tap()
ALIAS, LOOKUP, JOE, JANE = range(61000, 61004)
PRIVATE = ROOT and INSIDE in os.environ

BY_HAND = (  # local part, what is said of it
    ('joe', 'exists'), ('JOE', 'exists'), ('joe-list', 'exists'), ('joe-LIST', 'exists'),
    ('joe-none', 'does not exist'), ('joe-sub-anything', 'exists'), ('joe-sub', 'does not exist'),
    ('joe-', 'does not exist'), ('joe-a.b', 'exists'), ('joe-secret', 'exists'),
    ('jane', 'exists'), ('jane-anything', 'exists'),  # her home can not be seen
    ('known', 'exists'), ('unknown', 'does not exist'), ('def-x', 'exists'),
    ('away', 'is in trouble'), ('away-x', 'is in trouble'), ('root', 'does not exist'),
    ('daemonic', 'does not exist'), ('../../etc/passwd', 'does not exist'),
    ('joe-../../../etc/passwd', 'does not exist'), ('x' * 900, 'does not exist'),
    ('joe-' + 'x' * 900, 'does not exist'), ('\u00fc', 'does not exist'),
)


def folder(path, uid=0, mode=0o755):
    os.makedirs(path, exist_ok=True)
    os.chmod(path, mode)
    os.chown(path, uid, uid)
    return path


def write(path, text='', uid=0, mode=0o644):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    os.chown(path, uid, uid)


def by_hand(top):
    tern, joe, jane = (os.path.join(top, name) for name in ('tern', 'joe', 'jane'))
    for name, uid in (('', 0), ('/run', 0), ('/run/lookup', LOOKUP), ('/alias', ALIAS)):
        folder(tern + name, uid)
    folder(joe, JOE)
    folder(jane, JANE, 0o700)
    for name in ('list', 'sub-default', 'a:b'):
        write(f'{joe}/.qmail-{name}', uid=JOE)
    write(f'{joe}/.qmail-secret', uid=JOE, mode=0o600)
    for name in ('known', 'def-default'):
        write(f'{tern}/alias/.qmail-{name}', uid=ALIAS)
    write(f'{top}/passwd', f'root:x:0:0::/root:/bin/sh\njoe:x:{JOE}:{JOE}::{joe}:/bin/sh\n'
          f'jane:x:{JANE}:{JANE}::{jane}:/bin/sh\naway:x:{JOE}:{JOE}::{top}/away:/bin/sh\n'
          f'daemonic:x:{JOE}:{JOE}::/nonexistent:/bin/sh\n')
    subprocess.run(['mount', '--bind', f'{top}/passwd', '/etc/passwd'], check=True)
    done = subprocess.run([f'{ternlab.BIN}/tern-verify', *(name for name, _ in BY_HAND)],
                          env={'TERNHOME': tern, 'PATH': os.environ['PATH']},
                          capture_output=True, text=True, timeout=ternlab.PATIENCE)
    subprocess.run(['umount', '/etc/passwd'], check=True)
    lines = done.stdout.split('\n')
    for (name, words), line in zip(BY_HAND, lines):
        tap.ok(line == f'{name} {words}' or line.startswith(f'{name} {words}: '),
               f'{name[:40]} {words}')
    tap.equal(done.returncode, 111, 'trouble decides about the exit code')
    tap.equal(done.stderr, '', 'and nothing is said else')


def logged(tern, words):
    return ternlab.wait_until(lambda: any(words in line for line in tern.log('smtpd')), words)


def by_smtp():
    with ternlab.Instance() as tern:
        tern.control('access', '127.0.0.9:allow,RELAYCLIENT=""')
        tern.control('virtualdomains', 'v.test:v', 'whole.test:w', '.far.test:')
        tern.control('rcpthosts', 'tern.test', 'v.test', 'whole.test', 'backup.test')
        for name in ('known', 'v-known', 'w-default', 'postmaster'):
            tern.alias(name, '#')
        tern.up()
        cases = (
            ('known@tern.test', 250, '2.1.5'), ('unknown@tern.test', 550, '5.1.1'),
            ('Known@TERN.test', 250, '2.1.5'), ('known@v.test', 250, '2.1.5'),
            ('unknown@v.test', 550, '5.1.1'), ('anything@whole.test', 250, '2.1.5'),
            ('anybody@backup.test', 250, '2.1.5'), ('known@other.test', 553, '5.7.1'),
            ('postmaster', 250, '2.1.5'), ('unknown@tern.test', 550, '5.1.1'))
        for sender in ('a@far.test', ''):
            with tern.smtp('127.0.0.1') as session:
                session.ehlo()
                session.mail(sender)
                for address, code, status in cases:
                    got, words = session.rcpt(address)
                    tap.equal((got, words.decode().split()[0]), (code, status),
                              f'from <{sender}> to {address}: {code} {status}')
        with tern.smtp('127.0.0.9') as session:
            session.ehlo()
            session.mail('a@far.test')
            tap.equal(session.rcpt('unknown@tern.test')[0], 250, 'a relay client is not asked')
        tap.ok(logged(tern, 'event=refuse reason=unknown reply="550 5.1.1'),
               'the log names the reason')

        hostile(tern)

        subprocess.run(['s6-svc', '-d', tern.path('service/verify')], check=True)

        def is_down():
            with socket.socket(socket.AF_UNIX) as s:
                return s.connect_ex(tern.path('run/lookup/socket')) != 0
        ternlab.wait_until(is_down, 'the end of tern-verify')
        with tern.smtp('127.0.0.1') as session:
            session.ehlo()
            session.mail('a@far.test')
            got, words = session.rcpt('known@tern.test')
            tap.ok(got == 250 or words.startswith(b'4.3.0'), 'what was answered may be remembered')
            tap.equal(session.rcpt('other@tern.test')[0], 451, 'without tern-verify: later')
        tap.ok(logged(tern, 'event=trouble what="unable to verify a recipient" why='),
               'which is loud in the log')
        tern.control('recipientcheck', '0')
        subprocess.run(['s6-svc', '-h', tern.path('service/smtpd')], check=True)

        def accepted():
            with tern.smtp('127.0.0.1') as session:
                session.ehlo()
                session.mail('a@far.test')
                return session.rcpt('other@tern.test')[0] == 250
        tap.ok(ternlab.wait_until(accepted, 'the setting'), 'a setting turns it off')


def hostile(tern):
    """What is no question gets no answer, and the service lives on."""
    def ask(data):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(ternlab.PATIENCE)
            s.connect(tern.path('run/lookup/socket'))
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                return s.recv(1000)
            except (ConnectionResetError, BrokenPipeError):  # it may close before it has all
                return b''
    answers = [ask(data) for data in (b'', b'\0', b'R\0', b'Qx\0', b'R' + b'x' * 1003 + b'\0',
                                      b'R' + b'x' * 100000, b'Rx\0Ry\0', b'Rx')]
    tap.equal(answers, [b''] * 8, 'what is no question is not answered')
    tap.equal((ask(b'Rknown\0'), ask(b'Runknown\0')), (b'Y\0', b'N\0'), 'and questions are')


if PRIVATE:
    with tempfile.TemporaryDirectory(prefix='tern-test.') as the_top:
        os.chmod(the_top, 0o755)
        by_hand(the_top)
else:
    tap.skip('accounts of its own', 'needs root and mount namespaces')
by_smtp()
tap.end()
