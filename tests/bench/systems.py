"""The systems that are compared: how each is set up, started, and told to hold its mail.

Each listens on 127.0.0.1:2500 and relays to 127.0.0.1:2525, or with mx=True
to the mail hosts of the room's DNS. Mail for backlog.test goes to a port
where nobody listens. Mail for local.test goes to Maildirs of system users. All of
them may have 100 connections out at once, 20 of these to one destination.
"""
import glob
import json
import os
import shutil
import subprocess
import time

from room import HOST, FIRST_LOCAL_UID, LOCAL_USERS, GROUPS, USERS, folder, write

PORT = 2500
BACKLOG_DOMAIN = 'backlog.test'
LATER = 6 * 3600  # seconds until a message of the backlog is tried again


class Failed(Exception):
    """A system does not start."""


class System:
    packages = ()  # of Debian, unpacked below the room's /usr
    loads_slowly = False
    longer = 1  # how many times longer than others it is measured

    def __init__(self, group, bulk=False, hold=False, mx=False, incoming=0, backlog=0):
        self.group, self.bulk, self.hold, self.mx = group, bulk, hold, mx
        self.incoming, self.backlog = incoming, backlog

    def run(self, *command, **more):
        """Starts a program as part of the system and waits until it ends."""
        with open('/tmp/said', 'w+') as said:  # a daemon may keep it open
            done = subprocess.run(command, preexec_fn=self.group.join, stdin=subprocess.DEVNULL,
                                  stdout=said, stderr=subprocess.STDOUT, **more)
            if done.returncode:
                said.seek(0)
                raise Failed(f'{" ".join(command)} exits {done.returncode}: {said.read()}')

    def configure(self):
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    def started(self):
        """Called once it listens."""

    def fill(self, count):
        """Puts count deferred messages into the queue; the system has been configured and does
        not run. Only called when the folder of the queue is new."""
        raise NotImplementedError

    def queued(self):
        """How many messages are in the queue, roughly."""
        raise NotImplementedError

    def waiting(self):
        """How many messages are queued, as the system itself says."""
        raise NotImplementedError

    def log_files(self):
        return []

    @staticmethod
    def ask(*command):
        """What a program says that does not count as part of the system."""
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors='replace').stdout


def files_below(*folders):
    return sum(len(names) for top in folders for _, _, names in os.walk(top))


class Tern(System):
    name = 'tern'
    home = '/var/tern'

    def configure(self):
        if not os.path.exists(f'{self.home}/bin'):
            shutil.copytree('/tern/bin', f'{self.home}/bin', symlinks=True)
            os.chown(self.home, 0, 0)
        self.run(f'{self.home}/bin/tern', 'init')
        control = {
            'me': HOST, 'smtplisten': f'127.0.0.1:{PORT}', 'locals': 'local.test',
            'smtproutes': f'{BACKLOG_DOMAIN}:127.0.0.1:9\n' +
                          ('' if self.mx else ':127.0.0.1:2525\n'),
            'maxrecipients': '20000', 'concurrencyremote': '0' if self.hold else '100',
            'access': '127.:allow,RELAYCLIENT=""\n10.:allow,RELAYCLIENT=""'}
        if self.incoming:
            control['concurrencyincoming'] = str(self.incoming)
        for name, text in control.items():
            write(f'{self.home}/control/{name}', text + '\n')

    def start(self):
        self.run(f'{self.home}/bin/tern', 'up')

    def fill(self, count):
        self.run('/tools/makequeue', str(count), BACKLOG_DOMAIN, str(LATER), cwd=self.home)

    def queued(self):
        return files_below(f'{self.home}/queue/mess')

    def waiting(self):
        queue = json.loads(self.ask(f'{self.home}/bin/tern', 'status', '--json'))['queue']
        return queue['deferred'] - queue['bad']

    def log_files(self):
        return glob.glob(f'{self.home}/log/*/current') + glob.glob(f'{self.home}/run/svscan.log')


class Postfix(System):
    name = 'postfix'
    packages = ('postfix',)
    spool = '/var/spool/postfix'
    services = '''\
127.0.0.1:%(port)d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
'''

    def configure(self):
        settings = {
            'compatibility_level': '3.6', 'queue_directory': self.spool,
            'myhostname': HOST, 'mydestination': 'local.test',
            'mynetworks': '127.0.0.0/8 10.0.0.0/8', 'inet_interfaces': '127.0.0.1',
            'inet_protocols': 'ipv4', 'relayhost': '' if self.mx else '[127.0.0.1]:2525',
            'transport_maps': f'inline:{{{BACKLOG_DOMAIN}=smtp:[127.0.0.1]:9}}',
            'smtpd_relay_restrictions': 'permit_mynetworks, reject',
            'in_flow_delay': '0', 'default_process_limit': str(max(100, self.incoming)),
            'smtpd_recipient_limit': '20000', 'alias_maps': '', 'alias_database': '',
            'home_mailbox': 'Maildir/', 'local_destination_concurrency_limit': '20',
            'smtp_tls_security_level': 'none', 'smtpd_tls_security_level': 'none'}
        if self.hold:
            settings['smtpd_client_restrictions'] = 'check_client_access static:HOLD'
        write('/etc/postfix/main.cf', ''.join(f'{n} = {v}\n' for n, v in settings.items()))
        write('/etc/postfix/master.cf', self.services % {'port': PORT})
        for name in ('dynamicmaps.cf', 'postfix-files'):
            write(f'/etc/postfix/{name}', '')
        folder(self.spool)
        uid, drop = USERS['postfix'], USERS['postdrop']
        for name in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold',
                     'incoming', 'private', 'saved', 'trace'):
            folder(f'{self.spool}/{name}', 0o700, uid)
        folder(f'{self.spool}/maildrop', 0o730, uid, drop)
        folder(f'{self.spool}/public', 0o710, uid, drop)
        folder(f'{self.spool}/pid')
        folder('/var/lib/postfix', 0o755, uid, uid)

    def start(self):
        self.run('/usr/lib/postfix/sbin/master', '-w')

    def template(self):
        """A real deferred message and its log, which fill copies."""
        deferred = [os.path.join(at, name) for at, _, names in os.walk(f'{self.spool}/deferred')
                    for name in names]
        return deferred[0] if deferred else None

    def fill(self, count):
        source = self.template()
        with open(source, 'rb') as f:
            text = f.read()
        with open(source.replace('/deferred/', '/defer/'), 'rb') as f:
            log = f.read()
        os.unlink(source)
        uid, next_try = USERS['postfix'], time.time() + LATER
        for shard in '0123456789ABCDEF':
            folder(f'{self.spool}/deferred/{shard}', 0o700, uid)
            folder(f'{self.spool}/defer/{shard}', 0o700, uid)
        for i in range(count):
            # As of a message that came in microsecond i; the rest stands for the inode.
            name = f'{(i * 10) % 1000000:05X}{0x100000 + i:X}'
            for kind, content, mode in ('deferred', text, 0o700), ('defer', log, 0o600):
                path = f'{self.spool}/{kind}/{name[0]}/{name}'
                fd = os.open(path, os.O_WRONLY | os.O_CREAT, mode)
                os.write(fd, content)
                os.fchown(fd, uid, uid)
                os.close(fd)
            os.utime(f'{self.spool}/deferred/{name[0]}/{name}', (next_try, next_try))

    def queued(self):
        return files_below(*(f'{self.spool}/{name}' for name in
                             ('incoming', 'active', 'deferred', 'hold')))

    def waiting(self):
        last = self.ask('/usr/sbin/postqueue', '-p').strip().split('\n')[-1]
        return int(last.split()[-2]) if last.endswith(('Requests.', 'Request.')) else 0


class Exim(System):
    name = 'exim'
    packages = ('exim4-daemon-light', 'exim4-base')
    longer = 3  # its queue runners begin each second, which must not weigh much
    spool = '/var/spool/exim4'

    def configure(self):
        remote = '''\
mx:
  driver = dnslookup
  domains = ! local.test
  transport = smtp_mx
  self = send
''' if self.mx else '''\
relay:
  driver = manualroute
  domains = ! local.test
  route_list = * 127.0.0.1
  transport = smtp_sink
  self = send
'''
        write('/etc/exim4/exim4.conf', f'''\
exim_path = /usr/sbin/exim4
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = {HOST}
spool_directory = {self.spool}
log_file_path = /var/log/exim4/%slog
daemon_smtp_ports = {PORT}
local_interfaces = 127.0.0.1
disable_ipv6 = true
keep_environment =
acl_smtp_rcpt = accept
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
smtp_accept_max = {max(200, self.incoming)}
smtp_accept_queue = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 1000
queue_only = {'true' if self.hold or self.bulk else 'false'}
queue_run_max = 4
remote_max_parallel = 20
split_spool_directory = true
message_logs = false
begin routers
backlog:
  driver = manualroute
  domains = {BACKLOG_DOMAIN}
  route_list = * 127.0.0.1
  transport = smtp_dead
  self = send
{remote}
local:
  driver = accept
  check_local_user
  transport = maildir
begin transports
smtp_sink:
  driver = smtp
  port = 2525
  allow_localhost
smtp_mx:
  driver = smtp
  allow_localhost
smtp_dead:
  driver = smtp
  port = 9
  allow_localhost
maildir:
  driver = appendfile
  directory = $home/Maildir
  maildir_format
begin retry
* * F,7d,6h
''')
        uid = USERS['Debian-exim']
        for name in '', '/input', '/db', '/msglog':
            folder(self.spool + name, 0o750, uid, uid)
        folder('/var/log/exim4', 0o750, uid, uid)
        folder('/run/exim4', 0o755, uid, uid)

    def start(self):
        # In bulk, queue runners are twice as fast as a delivery process for each message.
        self.run('/usr/sbin/exim4', '-bd', '-q1s' if self.bulk else '-q30m')

    def template(self):
        heads = glob.glob(f'{self.spool}/input/*/*-H')
        return heads[0] if heads else None

    def fill(self, count):
        head = self.template()
        old = os.path.basename(head)[:-2]
        parts = [(kind, open(f'{head[:-1]}{kind}', 'rb').read()) for kind in 'HD']
        for kind, _ in parts:
            os.unlink(f'{head[:-1]}{kind}')
        digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
        uid = USERS['Debian-exim']
        for shard in digits:
            folder(f'{self.spool}/input/{shard}', 0o750, uid, uid)
        for i in range(count):
            middle, number = '', i
            for _ in range(6):
                middle, number = digits[number % 62] + middle, number // 62
            shard = digits[i % 62]  # the sixth character, which says the folder
            new = f'{old[:5]}{shard}-{middle}-{old[14:]}'
            for kind, content in parts:
                fd = os.open(f'{self.spool}/input/{shard}/{new}-{kind}',
                             os.O_WRONLY | os.O_CREAT, 0o640)
                os.write(fd, content.replace(old.encode(), new.encode()))
                os.fchown(fd, uid, uid)
                os.close(fd)

    def queued(self):
        return files_below(f'{self.spool}/input') // 2

    def waiting(self):
        return int(self.ask('/usr/sbin/exim4', '-bpc'))

    def log_files(self):
        return glob.glob('/var/log/exim4/*')


class OpenSMTPD(System):
    name = 'opensmtpd'
    packages = ('opensmtpd',)
    loads_slowly = True  # its queue, some hundred messages a second
    spool = '/var/spool/smtpd'

    def configure(self):
        write('/etc/smtpd.conf', f'''\
smtp max-message-size 50M
smtp limit max-rcpt 20000
mta limit max-conn-per-host 20
mta limit max-conn-per-route 20
mta limit conn-delay-route 0
mta limit reconn-delay-route 0
mta limit session-mail-max 1000
{'mta limit session-keepalive 0' if self.mx else ''}
listen on 127.0.0.1 port {PORT}
action "local" maildir
action "dead" relay host smtp://127.0.0.1:9
action "relay" relay{'' if self.mx else ' host smtp://127.0.0.1:2525'}
match from any for domain "local.test" action "local"
match from any for domain "{BACKLOG_DOMAIN}" action "dead"
match from any for any action "relay"
''')
        # It insists on the mode that Debian gives it when it is installed.
        shutil.copy('/usr/sbin/smtpctl', '/tmp/smtpctl')
        os.chown('/tmp/smtpctl', 0, USERS['opensmtpq'])
        os.chmod('/tmp/smtpctl', 0o2755)
        folder('/var/lib/opensmtpd/empty')
        folder('/var/spool')
        folder(self.spool, 0o711)

    def start(self):
        self.run('/usr/sbin/smtpd', env=dict(os.environ, LD_PRELOAD='/tools/backlog.so'))

    def started(self):
        if self.hold:
            self.run('/tmp/smtpctl', 'pause', 'mta')

    def template(self):
        for at, _, names in os.walk(f'{self.spool}/queue'):
            for name in names:
                if name == 'message':
                    envelopes = [n for n in names if n != 'message']
                    if envelopes and 'errorline' in open(f'{at}/{envelopes[0]}').read():
                        return at, envelopes[0]
        return None

    def fill(self, count):
        at, envelope = self.template()
        text = open(f'{at}/message', 'rb').read()
        record = open(f'{at}/{envelope}', 'rb').read()
        shutil.rmtree(at)
        uid, gid = USERS['opensmtpq'], 0
        for i in range(count):
            number = f'{0x10000000 + i * 2654435761 % 0xe0000000:08x}'
            place = f'{self.spool}/queue/{number[:2]}/{number}'
            os.makedirs(place, 0o700, exist_ok=True)
            for name, content in ('message', text), (number + envelope[8:], record):
                fd = os.open(f'{place}/{name}', os.O_WRONLY | os.O_CREAT, 0o600)
                os.write(fd, content)
                os.fchown(fd, uid, gid)
                os.close(fd)
            os.chown(place, uid, gid)
            os.chown(os.path.dirname(place), uid, gid)

    def queued(self):
        return sum('message' in names for _, _, names in os.walk(f'{self.spool}/queue'))

    def waiting(self):
        return self.ask('/tmp/smtpctl', 'show', 'queue').count('\n')


class NotQmail(System):
    """Its programs come from a folder in which someone built them (run --notqmail)."""
    name = 'notqmail'
    packages = ('ucspi-tcp',)
    home = '/var/qmail'
    split = 23
    programs = ('qmail-start', 'qmail-send', 'qmail-lspawn', 'qmail-rspawn', 'qmail-clean',
                'qmail-local', 'qmail-remote', 'qmail-smtpd', 'qmail-getpw', 'qmail-queue')

    def configure(self):
        queue, uids = USERS['qmailq'], GROUPS['qmail']
        for name in self.programs:
            folder(f'{self.home}/bin')
            shutil.copy(f'/notqmail/{name}', f'{self.home}/bin/{name}')
            os.chmod(f'{self.home}/bin/{name}', 0o755)
        os.chown(f'{self.home}/bin/qmail-queue', queue, uids)
        os.chmod(f'{self.home}/bin/qmail-queue', 0o4711)
        folder(f'{self.home}/alias', 0o755, USERS['alias'], uids)
        control = {
            'me': HOST, 'locals': 'local.test', 'rcpthosts': 'local.test',
            'smtproutes': f'{BACKLOG_DOMAIN}:[127.0.0.1]:9\n' +
                          ('' if self.mx else ':[127.0.0.1]:2525\n'),
            'concurrencyremote': '0' if self.hold else '100', 'concurrencylocal': '20'}
        for name, text in control.items():
            write(f'{self.home}/control/{name}', text + '\n')
        self.make_queue(queue, USERS['qmails'], uids)

    def make_queue(self, queue, send, group):
        top = f'{self.home}/queue'
        for name, mode, uid in (('', 0o750, queue), ('/pid', 0o700, queue), ('/intd', 0o700, queue),
                                ('/todo', 0o750, queue), ('/bounce', 0o700, send),
                                ('/lock', 0o750, queue), ('/mess', 0o750, queue),
                                ('/info', 0o700, send), ('/local', 0o700, send),
                                ('/remote', 0o700, send)):
            folder(top + name, mode, uid, group)
            if name in ('/mess', '/info', '/local', '/remote'):
                for shard in range(self.split):
                    folder(f'{top}{name}/{shard}', mode, uid, group)
        if not os.path.exists(f'{top}/lock/trigger'):
            write(f'{top}/lock/tcpto', '\0' * 1024, 0o644, USERS['qmailr'], group)
            write(f'{top}/lock/sendmutex', '', 0o600, send, group)
            os.mkfifo(f'{top}/lock/trigger')
            os.chmod(f'{top}/lock/trigger', 0o622)
            os.chown(f'{top}/lock/trigger', send, group)

    def daemon(self, log, *command, **more):
        """Neither of its daemons goes into the background by itself."""
        with open(log, 'a') as f:
            subprocess.Popen(command, preexec_fn=self.group.join, stdin=subprocess.DEVNULL,
                             stdout=f, stderr=f, cwd=self.home, **more)

    def start(self):
        path = dict(os.environ, PATH=f'{self.home}/bin:/usr/bin:/bin')
        self.daemon('/var/log/qmail-send', f'{self.home}/bin/qmail-start', './Maildir/', env=path)
        self.daemon('/var/log/qmail-smtpd', '/usr/bin/tcpserver', '-HR', '-l', HOST, '-b', '1000',
                    '-c', str(max(100, self.incoming)), '-u', str(USERS['qmaild']),
                    '-g', str(GROUPS['nofiles']), '127.0.0.1', str(PORT),
                    f'{self.home}/bin/qmail-smtpd', env=dict(path, RELAYCLIENT=''))

    def fill(self, count):
        top, ids = f'{self.home}/queue', (USERS['qmails'], GROUPS['qmail'])
        text = b'Subject: waits\n\n' + b'x' * 1000 + b'\n'
        next_try = time.time() + LATER
        for _ in range(count):
            fd = os.open(f'{top}/pid/new', os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(fd, text)
            os.fchown(fd, USERS['qmailq'], GROUPS['qmail'])
            number = os.fstat(fd).st_ino  # the name of a message there
            os.close(fd)
            place = f'{number % self.split}/{number}'
            os.rename(f'{top}/pid/new', f'{top}/mess/{place}')
            for kind, content in ('info', b'Fann@source.test\0'), ('remote', b'Tbob@%s\0' %
                                                                   BACKLOG_DOMAIN.encode()):
                fd = os.open(f'{top}/{kind}/{place}', os.O_WRONLY | os.O_CREAT, 0o600)
                os.write(fd, content)
                os.fchown(fd, *ids)
                os.close(fd)
            os.utime(f'{top}/remote/{place}', (next_try, next_try))

    def queued(self):
        return files_below(f'{self.home}/queue/mess')

    def waiting(self):
        return files_below(f'{self.home}/queue/remote')

    def log_files(self):
        return glob.glob('/var/log/qmail-*')


SYSTEMS = {s.name: s for s in (Tern, Postfix, Exim, OpenSMTPD, NotQmail)}
