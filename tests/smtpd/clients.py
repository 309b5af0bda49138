#!/usr/bin/python3
"""tern-smtpd and the clients that people use: what they send is what reaches the queue."""
import os
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import peerlab
import ternlab
from smtpdlab import Home, Service

lab = ternlab.Tap()

BODY = '.\n..\n.x\nFrom here\n' + 'y' * 990 + '\nlast\n'
TEXT = f'From: a@far.test\nTo: x@local.test\nSubject: a test\n\n{BODY}'


def run(*argv, text=TEXT, **more):
    return subprocess.run(argv, input=text.encode(), capture_output=True,
                          timeout=ternlab.PATIENCE * 2, **more)


def swaks_arrived(home, name, *argv):
    # It ends its data with an empty line.
    arrived(home, name, run(*argv), body=BODY + '\n')


def arrived(home, name, done=None, recipients=(b'x@local.test', b'y@local.test'), body=BODY):
    """One message, with that body."""
    try:
        got = home.take()
    except Exception:
        print(f'# {done}')
        lab.ok(False, f'{name}: a message arrives')
        return None
    lab.ok(got.sender == b'a@far.test' and sorted(got.recipients) == sorted(recipients) and
           got.body() == body.encode(), f'{name}: the message arrives as it was sent')
    if got.body() != body.encode():
        print(f'# {got.body()[:200]!r} ... {got.body()[-50:]!r}')
    return got


def by_hand(home, service):
    """Those that need no queue of their own."""
    server = f'127.0.0.1:{service.port}'
    common = ['swaks', '--server', '127.0.0.1', '--port', str(service.port), '--from', 'a@far.test',
              '--to', 'x@local.test,y@local.test', '--helo', 'client.test', '--data', '-']
    swaks_arrived(home, 'swaks', *common)
    swaks_arrived(home, 'swaks, pipelining', *common, '--pipeline')
    swaks_arrived(home, 'swaks, HELO', *common, '--protocol', 'SMTP')
    done = run('swaks', '--server', '127.0.0.1', '--port', str(service.port), '--from', 'a@far.test',
               '--to', 'y@far.test', '--quit-after', 'RCPT')
    lab.ok(done.returncode == 24 and b'553 5.7.1' in done.stdout, 'swaks: a recipient that is refused')
    done = run('msmtp', '--host=127.0.0.1', f'--port={service.port}', '--from=a@far.test', '--tls=off',
               '--auth=off', '--domain=client.test', 'x@local.test', 'y@local.test')
    arrived(home, 'msmtp', done)
    done = run('msmtp', '--host=127.0.0.1', f'--port={service.port}', '--from=a@far.test', '--tls=off',
               '--auth=off', 'y@far.test')
    lab.ok(done.returncode != 0 and b'553 5.7.1' in done.stderr, 'msmtp: a recipient that is refused')
    done = run('curl', '-sS', f'smtp://{server}/client.test', '--mail-from', 'a@far.test', '--mail-rcpt',
               'x@local.test', '--mail-rcpt', 'y@local.test', '--upload-file', '-', '--crlf')
    arrived(home, 'curl', done)
    done = run('curl', '-sS', f'smtp://{server}', '-X', 'VRFY x@local.test')
    lab.ok(done.returncode == 0, f'curl: VRFY {done.stderr.decode()}')
    with smtplib.SMTP('127.0.0.1', service.port, 'client.test', timeout=ternlab.PATIENCE) as peer:
        peer.sendmail('a@far.test', ['x@local.test', 'y@local.test'], TEXT,
                      ['body=8bitmime', 'ret=full', 'envid=q1'], ['notify=never'])
        lab.ok({'dsn', 'smtputf8', 'chunking', 'limits', 'pipelining', 'size', '8bitmime',
                'enhancedstatuscodes'} == set(peer.esmtp_features), 'smtplib sees all extensions')
    got = arrived(home, 'smtplib', '')
    lab.equal(got and got.envelope, b'b8\0Rfull\0Eq1\0Fa@far.test\0NNEVER\0Tx@local.test\0NNEVER\0'
              b'Ty@local.test\0\0', 'smtplib: with parameters')
    with smtplib.SMTP('127.0.0.1', service.port, 'client.test', timeout=ternlab.PATIENCE) as peer:
        peer.sendmail('\u00e4@far.test', ['\u00fc@local.test'], TEXT.replace('\n', '\r\n').encode(),
                      ['SMTPUTF8', 'BODY=8BITMIME'])
    got = home.take()
    lab.ok(got.sender == '\u00e4@far.test'.encode() and got.record('U') == [b''] and
           got.recipients == ['\u00fc@local.test'.encode()], 'smtplib: SMTPUTF8')


POSTFIX = 'set -e\nexec 2>&1\n' + peerlab.POSTFIX_START + '''\
until [ -S public/pickup ] && [ -S public/cleanup ]; do /bin/sleep 0.1; done
/usr/sbin/sendmail -i -f a@far.test x@local.test y@local.test </work/message
/usr/sbin/sendmail -i -f a@far.test -N never x@local.test </work/message
/usr/sbin/sendmail -i -f a@far.test y@far.test </work/message
wait
'''

EXIM = '''\
exec 2>&1
mkdir -p /etc/exim4 /var/spool/exim4 /var/log/exim4
cp /work/exim4.conf /etc/exim4/exim4.conf
chown -R 303:303 /var/spool/exim4 /var/log/exim4
/usr/sbin/exim4 -odi -oi -f a@far.test x@local.test y@local.test </work/message
/usr/sbin/exim4 -odi -oi -f a@far.test y@far.test </work/message
cat /var/log/exim4/mainlog
'''


def write(top, name, text):
    with open(os.path.join(top, name), 'w') as f:
        f.write(text)


def postfix(home, service, top):
    write(top, 'message', TEXT)
    write(top, 'master.cf', peerlab.POSTFIX_SERVICES)
    write(top, 'main.cf', f'''\
compatibility_level = 3.6
myhostname = client.test
mydestination =
relayhost = [127.0.0.1]:{service.port}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
smtp_tls_security_level = none
smtp_host_lookup = native
maillog_file = /var/log/mail
''')
    process = peerlab.room(top, POSTFIX)
    try:
        got = [home.take(), home.take()]
        got.sort(key=lambda m: len(m.recipients))
        lab.ok(all(m.body() == BODY.encode() and m.sender == b'a@far.test' for m in got) and
               sorted(got[1].recipients) == [b'x@local.test', b'y@local.test'],
               "Postfix's smtp: the messages arrive as they were sent")
        lab.ok(b'NNEVER\0' in got[0].envelope and
               b'Orfc822;x@local.test\0' in got[0].envelope, "Postfix's smtp: with what DSN says")
        bounce_refused = service.wait_log(r'event=refuse.*553 5\.7\.1.*RCPT TO:<y@far\.test>')
        lab.ok(bounce_refused, "Postfix's smtp: a recipient that is refused")
    finally:
        process.terminate()
        output = process.communicate(timeout=ternlab.PATIENCE)[0].decode()
        print(''.join(f'# {line}\n' for line in output.splitlines()), end='')


def exim(home, service, top):
    write(top, 'message', TEXT)
    write(top, 'exim4.conf', f'''\
exim_path = /usr/sbin/exim4
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = client.test
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
disable_ipv6 = true
keep_environment =
trusted_users = root
untrusted_set_sender = *
begin routers
relay:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = smtp
  self = send
begin transports
smtp:
  driver = smtp
  port = {service.port}
  allow_localhost
  hosts_try_chunking = *
begin retry
* * F,7d,6h
''')
    output = peerlab.room(top, EXIM, peerlab.PEERS + '/exim4').communicate(timeout=ternlab.PATIENCE)[0].decode()
    arrived(home, 'Exim', output)
    lab.ok(re.search(r'=> x@local\.test .* K C="250', output), 'Exim: in chunks')
    lab.ok(re.search(r'\*\* y@far\.test .*553 5\.7\.1', output), 'Exim: a recipient that is refused')
    print(''.join(f'# {line}\n' for line in output.splitlines()), end='')


def in_room(name, program, test, home, service):
    why = peerlab.missing(program)
    if why:
        lab.skip(name, why)
    else:
        top = tempfile.mkdtemp(prefix='tern-test.')
        try:
            test(home, service, top)
        finally:
            shutil.rmtree(top)


with Home() as the_home, Service(the_home) as the_service:
    by_hand(the_home, the_service)
    in_room("Postfix's smtp", 'usr/lib/postfix/sbin/smtp', postfix, the_home, the_service)
    in_room('Exim', 'exim4/usr/sbin/exim4', exim, the_home, the_service)
    lab.ok(the_home.is_idle(), 'nothing arrived that should not have')
lab.end()
