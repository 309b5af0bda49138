#!/usr/bin/python3
"""tern-remote by LMTP with servers that others wrote: Dovecot and aiosmtpd."""
import getpass
import grp
import os
import pwd
import subprocess
import tempfile

from aiosmtpd.controller import Controller, UnixSocketController
from aiosmtpd.lmtp import LMTP

import ternlab
from remotelab import Home, Worker, command, matches

tap = ternlab.Tap()
DOVECOT = '/usr/sbin/dovecot'
LMTPD = '/usr/lib/dovecot/lmtp'
TEXTS = [b'Subject: short\n\nx\n', b'Subject: dots\n\n.\n..\n.x\n', b'Subject: eight\n\n\xe4\xf6\n',
         b'Subject: big\n\n' + b'0123456789abcdef.\n.line\n' * 20000]


class Remember:
    """Has an answer of its own for each recipient, named in the address."""

    def __init__(self):
        self.texts = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('no'):
            return '550 5.1.1 nobody of that name'
        envelope.rcpt_tos.append(address)
        return '250 ok'

    async def handle_DATA(self, server, session, envelope):
        self.texts.append(envelope.content)
        return '\r\n'.join(f'{r[:3]} for {r}' for r in envelope.rcpt_tos)


def with_aiosmtpd(kind, route_of, **where):
    handler = Remember()

    class Server(kind):
        def factory(self):
            return LMTP(self.handler)
    server = Server(handler, **where)
    server.start()
    try:
        with Home(smtproutes=f':lmtp:{route_of(where)}') as home, Worker(home) as w:
            for text in TEXTS:
                eight = int(any(byte > 127 for byte in text))
                answers = w.deliver([f'{who}@example.net' for who in ('250', 'no', '450', '550', '250b')],
                                    text=text, eight=eight)
                tap.ok(matches(answers, 'KDZDK', '450 for 450@example.net') and
                       handler.texts[-1] == text.replace(b'\n', b'\r\n'),
                       f'aiosmtpd, {kind.__name__}: {text[9:text.index(10)].decode()}')
    finally:
        server.stop()


CONFIGURATION = '''
base_dir = {0}/run
state_dir = {0}/state
log_path = {0}/log
protocols = lmtp
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {internal}
mail_location = maildir:{0}/mail/%n
mail_uid = {uid}
mail_gid = {gid}
lmtp_save_to_detail_mailbox = no
postmaster_address = postmaster@example.net
passdb {{
  driver = passwd-file
  args = {0}/users
}}
userdb {{
  driver = passwd-file
  args = {0}/users
}}
service lmtp {{
  unix_listener {0}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
'''


class Dovecot:
    """One that takes mail for ann and bob, whose mailbox can not be written."""

    def __init__(self, folder):
        root = os.geteuid() == 0
        user = pwd.getpwnam('nobody' if root else getpass.getuser())
        self.folder, self.port = folder, ternlab.free_port()
        self.path = os.path.join(folder, 'lmtp')
        os.chmod(folder, 0o755)
        for name in ('run', 'state', 'mail', 'mail/ann', 'mail/bob'):
            os.mkdir(os.path.join(folder, name), 0o755)
        for name in ('mail', 'mail/ann'):
            os.chown(os.path.join(folder, name), user.pw_uid, user.pw_gid)
        os.chmod(os.path.join(folder, 'mail/bob'), 0o555)
        with open(os.path.join(folder, 'users'), 'w') as f:
            for name in ('ann', 'bob'):
                f.write(f'{name}@example.net:{{plain}}x:{user.pw_uid}:{user.pw_gid}::{folder}/mail/{name}::\n')
        internal = pwd.getpwnam('dovecot') if root else user
        with open(os.path.join(folder, 'conf'), 'w') as f:
            f.write(CONFIGURATION.format(
                folder, internal=internal.pw_name, uid=user.pw_uid, gid=user.pw_gid, port=self.port,
                internal_group='dovecot' if root else grp.getgrgid(user.pw_gid).gr_name))
        self.process = subprocess.Popen([DOVECOT, '-F', '-c', os.path.join(folder, 'conf')],
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        ternlab.wait_until(lambda: self.process.poll() is not None or os.path.exists(self.path), 'Dovecot')
        return self

    def __exit__(self, *rest):
        self.process.terminate()
        self.process.wait(ternlab.PATIENCE)

    def mail(self):
        new = os.path.join(self.folder, 'mail/ann/new')
        return {open(os.path.join(new, name), 'rb').read() for name in os.listdir(new)}


def with_dovecot(folder):
    with Dovecot(folder) as dovecot:
        if dovecot.process.poll() is not None:
            tap.skip('Dovecot', 'it does not start here: ' + open(os.path.join(folder, 'log')).read()[-300:])
            return
        for where in (f'lmtp:{dovecot.path}', f'lmtp:127.0.0.1:{dovecot.port}'):
            with Home(smtproutes=f':{where}') as home, Worker(home) as w:
                for text in TEXTS:
                    eight = int(any(byte > 127 for byte in text))
                    answers = w.deliver(['ann@example.net', 'eve@example.net', 'bob@example.net'],
                                        text=text, eight=eight)
                    good = matches(answers, 'KDZ', 'Saved') and matches(answers, 'KDZ', "doesn't exist")
                    if not tap.ok(good, f'Dovecot, {where[:6]}: {text[9:text.index(10)].decode()}'):
                        print('#', answers)
                    tap.ok(any(m.endswith(text) for m in dovecot.mail()), 'byte for byte in her mailbox')
                w.end()
                answers = command(home, ['ann@example.net', 'eve@example.net'])
                tap.ok(matches(answers, 'KD', ''), 'as a command')


with tempfile.TemporaryDirectory() as top:
    with_aiosmtpd(Controller, lambda where: f'{where["hostname"]}:{where["port"]}', hostname='127.0.0.1',
                  port=ternlab.free_port())
    with_aiosmtpd(UnixSocketController, lambda where: where['unix_socket'],
                  unix_socket=os.path.join(top, 'socket'))
    if os.access(LMTPD, os.X_OK):
        store = os.path.join(top, 'dovecot')
        os.chmod(top, 0o755)
        os.mkdir(store)
        with_dovecot(store)
    else:
        tap.skip('Dovecot', 'it is not there')
tap.end()
