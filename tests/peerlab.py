"""Mail servers that others wrote, from packages that are only unpacked (tests/packages.sh peer),
each in a room of its own (tests/room) on a port of this machine's loopback.

    with peerlab.Postfix(tern.port) as peer:
        tern.control('smtproutes', f'postfix.test:127.0.0.1:{peer.port}')
        ...
        texts = peer.box()

All of them take mail for NAME.test, where NAME is their own, and keep it, a copy for each
recipient, in one Maildir: local parts that begin with "ok" exist; "later..." is refused for now where
the server can do that, by Exim until open() is called; all others are refused for good. What a
server itself has to say to senders goes to the port of tern that it is told.
"""
import glob
import os
import re
import shutil
import socket
import subprocess
import tempfile

import ternlab
from endlab import PEERS

TESTS = os.path.dirname(os.path.abspath(__file__))


def missing(program):
    """Why no server can run in a room here, or nothing. program: its path below PEERS, or of this
    machine."""
    if os.geteuid() != 0:
        return 'needs root, for a room with accounts of its own'
    if not os.path.exists(os.path.join(PEERS, program)):
        return f'no {os.path.join(PEERS, program)}: run tests/packages.sh peer test'
    tried = subprocess.run(['unshare', '--mount', '--pid', '--fork', 'mount', '--make-rprivate', '/'],
                           capture_output=True)
    return 'there are no rooms on this machine' if tried.returncode else ''


def room(top, script, peers=PEERS, stdout=subprocess.PIPE):
    """Runs a shell script in a room where the folder top is /work; stdout gets all that it
    says."""
    with open(os.path.join(top, 'script'), 'w') as f:
        f.write(script)
    return subprocess.Popen([os.path.join(TESTS, 'room'), peers, top, '/bin/sh', '/work/script'],
                            stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT)


class Server:
    """One of them. `files` are written into its /work, `script` starts it there."""
    name = ''
    program = ''   # by which it is seen whether the package is there
    folder = ''    # where below PEERS it was unpacked

    def __init__(self, tern_port):
        self.port, self.tern_port = ternlab.free_port(), tern_port
        self.top = tempfile.mkdtemp(prefix='tern-peer.')
        os.chmod(self.top, 0o755)
        for path in ('mail', 'mail/new', 'mail/cur', 'mail/tmp', 'log'):
            os.makedirs(os.path.join(self.top, path), exist_ok=True)
            os.chmod(os.path.join(self.top, path), 0o777)
        for name, text in self.files().items():
            with open(os.path.join(self.top, name), 'w') as f:
                f.write(text)
        self.output = open(os.path.join(self.top, 'log', 'output'), 'w+b')
        self.process = room(self.top, "exec 2>&1\ntrap 'exit 0' TERM\n" + self.script() + 'wait\n',
                            os.path.join(PEERS, self.folder), self.output)

    def files(self):
        raise NotImplementedError

    def script(self):
        raise NotImplementedError

    def __enter__(self):
        try:
            ternlab.wait_until(self._greets, f'{type(self).__name__} to greet')
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, failed, *rest):
        self.process.terminate()
        self.process.wait(ternlab.PATIENCE)
        if failed:
            self.show()
        self.output.close()
        shutil.rmtree(self.top)

    def relay(self):
        """It, as in smtproutes(5)."""
        return f'127.0.0.1:{self.port}'

    def _greets(self):
        if self.process.poll() is not None:
            raise RuntimeError(f'{type(self).__name__} has ended')
        try:
            with socket.create_connection(('127.0.0.1', self.port), ternlab.PATIENCE) as s:
                s.settimeout(ternlab.PATIENCE)
                return s.recv(3) == b'220'
        except ConnectionError:
            return False

    def log(self):
        """All that it has said."""
        text = ''
        for name in sorted(os.listdir(os.path.join(self.top, 'log'))):
            with open(os.path.join(self.top, 'log', name), errors='replace') as f:
                text += f.read()
        return text

    def show(self):
        print(''.join(f'# {line}\n' for line in self.log().splitlines()[-60:]), end='', flush=True)

    def open(self):
        """From now on "later..." is taken."""
        with open(os.path.join(self.top, 'open'), 'w'):
            pass

    def box(self):
        """What was delivered, as bytes with LF line ends."""
        texts = []
        folder = os.path.join(self.top, 'mail', 'new')
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), 'rb') as f:
                texts.append(f.read())
        return texts


def recipient_of(text):
    """The recipient that the server noted in its copy."""
    found = re.search(rb'^(?:Delivered-To|Envelope-to): <?([^\n]*?)>?$', text, re.M)
    return found and found[1].decode()


# What every Postfix runs (master(5)), and how it is started.
POSTFIX_SERVICES = '''\
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
'''

POSTFIX_START = '''\
mkdir -p /etc/postfix /var/spool/postfix
cp /work/master.cf /work/main.cf /etc/postfix/
: >/etc/postfix/dynamicmaps.cf
cd /var/spool/postfix
for f in active bounce corrupt defer deferred flush hold incoming private saved trace; do
	mkdir $f; chown 301 $f; chmod 700 $f
done
mkdir maildrop public pid
chown 301:302 maildrop public; chmod 730 maildrop; chmod 710 public
chown 301:301 /var/lib/postfix
export LD_LIBRARY_PATH=/usr/lib/postfix
/usr/lib/postfix/sbin/master -d &
'''


class Postfix(Server):
    name = 'postfix'
    program = 'usr/lib/postfix/sbin/master'

    def files(self):
        settings = {
            'compatibility_level': '3.6', 'myhostname': 'postfix.test', 'mydestination': '',
            'mynetworks': '127.0.0.0/8', 'inet_interfaces': '127.0.0.1', 'inet_protocols': 'ipv4',
            'relayhost': f'[127.0.0.1]:{self.tern_port}', 'alias_maps': '', 'alias_database': '',
            'smtp_tls_security_level': 'none', 'smtpd_tls_security_level': 'none',
            'smtp_host_lookup': 'native', 'maillog_file': '/work/log/mail',
            'maillog_file_prefixes': '/work', 'smtputf8_enable': 'yes',
            'virtual_mailbox_domains': 'postfix.test', 'virtual_mailbox_base': '/work',
            'virtual_mailbox_maps': 'regexp:{{/^"?ok/ mail/}}',
            'virtual_uid_maps': 'static:308', 'virtual_gid_maps': 'static:308',
            'smtpd_recipient_restrictions':
                'check_recipient_access regexp:{{/^later/ 450 4.7.1 later, please}}, permit_mynetworks, reject',
            'smtpd_client_connection_count_limit': '0', 'smtpd_error_sleep_time': '0',
            'local_recipient_maps': ''}
        return {'main.cf': ''.join(f'{n} = {v}\n' for n, v in settings.items()),
                'master.cf': POSTFIX_SERVICES + f'''\
127.0.0.1:{self.port} inet n - n - - smtpd
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
'''}

    def script(self):
        return POSTFIX_START


class Exim(Server):
    name = 'exim'
    program = 'exim4/usr/sbin/exim4'
    folder = 'exim4'

    def files(self):
        return {'exim4.conf': f'''\
exim_path = /usr/sbin/exim4
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = exim.test
spool_directory = /var/spool/exim4
log_file_path = /work/log/exim-%s
daemon_smtp_ports = {self.port}
local_interfaces = 127.0.0.1
disable_ipv6 = true
keep_environment =
acl_smtp_rcpt = rcpt
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
dsn_advertise_hosts = *
smtp_accept_max = 200
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 100
message_size_limit = 50M
begin acl
rcpt:
  accept domains = ! exim.test
  accept local_parts = ^ok
  defer local_parts = ^later
        condition = ${{if !exists{{/work/open}}}}
        message = 4.7.1 later, please
  accept local_parts = ^later
  deny message = 5.1.1 nobody of that name
begin routers
box:
  driver = accept
  domains = exim.test
  transport = box
back:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = smtp
  self = send
begin transports
box:
  driver = appendfile
  directory = /work/mail
  maildir_format
  user = Debian-exim
  envelope_to_add
  return_path_add
smtp:
  driver = smtp
  port = {self.tern_port}
  allow_localhost
begin retry
* * F,7d,6h
'''}

    def script(self):
        return '''\
mkdir -p /etc/exim4 /var/spool/exim4 /run/exim4
cp /work/exim4.conf /etc/exim4/exim4.conf
chown 303:303 /var/spool/exim4 /run/exim4
/usr/sbin/exim4 -bdf -q1h &
'''


class OpenSMTPD(Server):
    name = 'opensmtpd'
    program = 'opensmtpd/usr/sbin/smtpd'
    folder = 'opensmtpd'

    def files(self):
        return {'smtpd.conf': f'''\
smtp max-message-size 50M
smtp limit max-rcpt 10000
listen on 127.0.0.1 port {self.port} hostname opensmtpd.test
table boxes {{ "@" = "box" }}
action "box" maildir "/work/mail" virtual <boxes>
action "back" relay host smtp://127.0.0.1:{self.tern_port}
match from any for domain "opensmtpd.test" rcpt-to regex "^ok" action "box"
match from any for domain "tern.test" action "back"
'''}

    def script(self):
        return '''\
mkdir -p /var/lib/opensmtpd/empty
ln -s /run /var/run
cp /work/smtpd.conf /etc/smtpd.conf
chmod 600 /etc/smtpd.conf
mkdir -m 711 /var/spool/smtpd
/usr/sbin/smtpd -d &
'''


class Dovecot(Server):
    """Only LMTP, on its port and on the socket lmtp in its folder `top`. Knows ok0 to ok99, and
    okfull, for whom no message can be stored: that it says after the text."""
    name = 'dovecot'
    program = '/usr/lib/dovecot/lmtp'

    def relay(self):
        return f'lmtp:127.0.0.1:{self.port}'

    def box(self):
        """It notes no recipient when there are several, but has a Maildir for each."""
        texts = []
        for path in glob.glob(os.path.join(self.top, 'mail', '*', 'new', '*')):
            user = os.path.basename(os.path.dirname(os.path.dirname(path)))
            with open(path, 'rb') as f:
                texts.append(f'Delivered-To: {user}@dovecot.test\n'.encode() + f.read())
        return texts

    def files(self):
        return {'passwd': ''.join(f'ok{i}::308:308::/work/mail::\n' for i in range(100)) +
                          'okfull::308:308::/work/mail::userdb_mail=maildir:/proc/none\n',
                'dovecot.conf': f'''\
protocols = lmtp
base_dir = /run/dovecot
log_path = /dev/stderr
ssl = no
first_valid_uid = 1
mail_location = maildir:/work/mail/%n
lda_mailbox_autocreate = yes
lmtp_save_to_detail_mailbox = no
auth_username_format = %n
hostname = dovecot.test
passdb {{
  driver = static
}}
userdb {{
  driver = passwd-file
  args = username_format=%n /work/passwd
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.port}
  }}
  unix_listener /work/lmtp {{
    mode = 0666
  }}
}}
'''}

    def script(self):
        return '''\
cp /work/dovecot.conf /etc/dovecot.conf
/usr/sbin/dovecot -F -c /etc/dovecot.conf &
'''
