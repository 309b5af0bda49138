#!/usr/bin/python3
"""What a message of a busy client costs tern-smtpd: counted by strace."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Home, Service

MESSAGES = 1000
CALLS_MAX = 40  # of all processes of the service, for one message and its connection

lab = ternlab.Tap()


def trace(home):
    path = os.path.join(home.path, 'trace')
    service = Service(home, before=('strace', '-f', '-D', '-q', '-o', path))
    good = 0
    for _ in range(MESSAGES):
        with service.connect() as client:
            client.reply()
            client.ask('EHLO c')
            client.send('MAIL FROM:<a@far.test>\r\nRCPT TO:<x@local.test>\r\nDATA\r\n')
            client.reply(), client.reply(), client.reply()
            client.send('x\r\n.\r\nQUIT\r\n')
            good += client.reply().startswith('250 2.0.0')
            client.reply()
            client.ended()
        home.take()
    service.stop()
    lab.equal(good, MESSAGES, f'{MESSAGES} messages, a connection each')

    def complete():
        with open(path) as f:
            text = f.read()
        return text if f'{service.process.pid} +++ exited' in re.sub(' +', ' ', text) else None
    return ternlab.wait_until(complete, 'the end of the trace')


if not shutil.which('strace'):
    lab.skip('what a message costs', 'no strace here')
    lab.end()
with Home() as the_home:
    text = trace(the_home)
    calls = re.findall(r'^\d+ +(\w+)\(', text, re.M)
    after = calls[calls.index('accept4'):]
    forks = sum(after.count(name) for name in ('clone', 'clone3', 'fork', 'vfork'))
    lab.equal(sum(after.count(name) for name in ('execve', 'execveat')), 0, 'no exec')
    lab.ok(forks <= 10, f'few forks ({forks}) for all of them')
    each = len(after) / MESSAGES
    lab.ok(each <= CALLS_MAX, f'{each:.1f} system calls a message, at most {CALLS_MAX}')
lab.end()
