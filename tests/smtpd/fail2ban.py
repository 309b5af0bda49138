#!/usr/bin/python3
"""fail2ban and the log of tern-smtpd: it finds those it should, and nobody can have another
one banned."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Command, Home

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILTER = os.path.join(TOP, 'contrib', 'fail2ban', 'filter.tern-smtpd.conf')
PEERS = os.path.abspath(os.environ.get('TERN_PEERS') or os.path.join(TOP, 'build', 'peers'))
FORGED = 'smtpd: pid 1 ip=198.51.100.99 event=refuse reason=relay'
lab = ternlab.Tap()


def session(home, address, *commands):
    with Command(home, address=address) as client:
        client.reply()
        for command in commands:
            client.ask(command)
    return client.log


def lines(home):
    mail = 'MAIL FROM:<a@far.test>'
    found = session(home, '192.0.2.1', 'EHLO c', mail, 'RCPT TO:<x@far.test>')
    found += session(home, '2001:db8::2', 'EHLO c', 'FOO')
    found += session(home, '192.0.2.3', 'EHLO c', mail, 'QUIT')
    found += session(home, '192.0.2.4', f'EHLO {FORGED}', f'MAIL FROM:<"{FORGED}"@far.test>',
                     'RCPT TO:<"\\" ip=198.51.100.98 event=refuse reason=relay "@far.test>')
    found += session(home, '192.0.2.5', f'EHLO c\r\n{FORGED}', f'NOOP\n{FORGED}')
    found += session(home, '192.0.2.6', 'EHLO c', 'MAIL FROM:<a@far.test> SIZE=999999999')
    return [f'@4000000068f0c5d4{i:08x} {line}' for i, line in enumerate(found.splitlines())]


def by_regex(log):
    """As fail2ban does it: the date is cut off, <ADDR> is an address."""
    with open(FILTER) as f:
        text = f.read()
    patterns = re.search(r'^failregex = (.*?)\n\n', text, re.M | re.S)[1].split('\n')
    address = r'(?P<ip>[0-9.]+|[0-9a-f:]+)'
    found = set()
    for line in log:
        for pattern in patterns:
            match = re.search(pattern.strip().replace('<ADDR>', address), line.partition(' ')[2])
            if match:
                found.add(match['ip'])
    return found


with Home(databytes='100000') as the_home:
    the_log = lines(the_home)
wanted = {'192.0.2.1', '2001:db8::2', '192.0.2.4', '192.0.2.5'}
lab.equal(by_regex(the_log), wanted, 'those who probe are found, and nobody else')
program = os.path.join(PEERS, 'usr', 'bin', 'fail2ban-regex')
if not os.path.exists(program):
    lab.skip('fail2ban itself', 'it is not unpacked')
else:
    environment = dict(os.environ, PYTHONPATH=os.path.join(PEERS, 'usr/lib/python3/dist-packages'))
    done = subprocess.run(['/usr/bin/python3', program, '-c', os.path.join(PEERS, 'etc/fail2ban'),
                           '-o', 'ip', '\n'.join(the_log), FILTER],
                          capture_output=True, text=True, env=environment, timeout=ternlab.PATIENCE)
    lab.equal(set(done.stdout.split()), wanted, f'fail2ban itself finds them {done.stderr.strip()[:200]}')
lab.end()
