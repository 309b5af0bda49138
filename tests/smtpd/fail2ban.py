#!/usr/bin/python3
"""The filter for fail2ban against what tern-smtpd logs, by fail2ban's own tool: that
of the system, or else of the package, unpacked and not installed."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Command, Home

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILTER = os.path.join(TOP, 'contrib', 'fail2ban', 'filter.d', 'tern-smtpd.conf')
lab = ternlab.Tap()


def tool(folder):
    """The command and its environment; None where it can not be had."""
    if shutil.which('fail2ban-regex'):
        return ['fail2ban-regex'], os.environ
    for command in (['apt-get', 'download', 'fail2ban'], ['dpkg', '-x']):
        if command[0] == 'dpkg':
            command += glob.glob(f'{folder}/fail2ban_*.deb') + [f'{folder}/root']
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError):
            return None
    modules = os.path.join(folder, 'root/usr/lib/python3/dist-packages')
    return (['/usr/bin/python3', f'{folder}/root/usr/bin/fail2ban-regex'],
            {**os.environ, 'PYTHONPATH': modules, 'PYTHONDONTWRITEBYTECODE': '1'})


def logs():
    """What a server logs of clients good and bad."""
    lines = []
    with Home(badmailfrom='@spam.test', access='192.0.2.66:deny') as home:
        def run(address, *commands):
            with Command(home, address=address) as client:
                client.reply()
                for command in commands:
                    client.ask(command)
            lines.extend(client.log.splitlines())
        mail = 'MAIL FROM:<a@far.test>'
        run('192.0.2.1', 'EHLO good.test', mail, 'RCPT TO:<x@local.test>', 'QUIT')
        run('192.0.2.2', 'EHLO bad.test', mail, 'RCPT TO:<x@far.test>', 'QUIT')
        run('2001:db8::2', 'EHLO bad.test', mail, 'RCPT TO:<x@far.test>')
        run('192.0.2.3', 'EHLO bad.test', 'MAIL FROM:<a@spam.test>')
        run('192.0.2.66')
        forged = 'ip=192.0.2.9 event=refuse reason=relay '
        run('192.0.2.4', f'EHLO x"{forged}', f'MAIL FROM:<"{forged}"@far.test>', 'FOO',
            f'smtpd: pid 7 {forged}', f'NOOP\nsmtpd: pid 7 {forged}')
    lines.append('smtpd: pid 99 ip=192.0.2.5 event=busy limit=errors')
    lines.append('smtpd: pid 99 ip=192.0.2.6 event=busy limit=total')
    lines.append('smtpd: pid 99 ip=192.0.2.7 event=refuse reason=lookup reply="451 4.3.0 later"')
    return lines


with tempfile.TemporaryDirectory(prefix='tern-test.') as the_folder:
    found = tool(the_folder)
    if not found:
        lab.skip('the filter for fail2ban', 'no fail2ban here')
        lab.end()
    command, environment = found
    text = ''.join(f'@4000000065{i:06x}00000000 {line}\n' for i, line in enumerate(logs()))
    path = os.path.join(the_folder, 'current')
    with open(path, 'w') as f:
        f.write(text)
    done = subprocess.run([*command, '--out', 'ip', path, FILTER], capture_output=True,
                          text=True, env=environment, timeout=ternlab.PATIENCE)
    addresses = sorted(set(re.findall(r'^[0-9a-f.:]+$', done.stdout, re.M)))
    if not lab.equal(addresses, sorted(['192.0.2.2', '2001:db8::2', '192.0.2.3', '192.0.2.66',
                                        '192.0.2.4', '192.0.2.5']),
                     'those who are refused are found, and nobody whom they name'):
        print('# ' + (done.stdout + done.stderr + text).replace('\n', '\n# '))
    done = subprocess.run([*command, path, FILTER], capture_output=True, text=True,
                          env=environment, timeout=ternlab.PATIENCE)
    lab.ok(re.search(r'\[\d+\] \(?\{\^LN-BEG\}\)?TAI64N|\[\d+\] .*TAI64N', done.stdout),
           'the stamps of s6-log are understood')
lab.end()
