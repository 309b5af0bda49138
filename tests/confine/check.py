#!/usr/bin/python3
"""tern check --confinement over a running instance, and what an administrator does to control/
under programs that can read nothing else."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
import userslab

lab = ternlab.Tap()
CALLS, ESCAPES, NONE = 'calls', 'escapes', 'none'
FILTERS = {('tern-smtpd', 'parent'): ESCAPES, ('tern-smtpd', 'worker'): CALLS,
           ('tern-queue', 'parent'): ESCAPES, ('tern-queue', 'worker'): CALLS,
           ('tern-send', ''): CALLS, ('tern-clean', ''): CALLS, ('tern-bounce', ''): CALLS,
           ('tern-rspawn', ''): ESCAPES, ('tern-remote', ''): CALLS, ('tern-lspawn', ''): NONE,
           ('tern-local', ''): NONE, ('tern-start', ''): CALLS, ('tern-verify', 'parent'): ESCAPES}
PASSING = {('tern-lspawn', 'lookup'), ('tern-verify', 'worker')}  # there for a moment, or not
POWERS = {'tern-lspawn': '000000e0', 'tern-start': '00000020'}  # SETUID, SETGID, KILL; KILL


def check(tern, *options):
    return subprocess.run([os.path.join(tern.bin, 'tern'), 'check', '--confinement', *options, tern.home],
                          capture_output=True, text=True, timeout=ternlab.PATIENCE)


def work(tern, sink, subject):
    """All programs have work; returns when it is done."""
    count = len(sink.messages)
    boxes = len(tern.maildir('alias/box'))
    with tern.smtp() as session:
        session.sendmail('ann@tern.test', ['box@tern.test', 'a@relay.test'],
                         f'Subject: {subject}\r\n\r\nhello\r\n'.encode())
        sink.wait(count + 1)
        tern.wait_maildir('alias/box', boxes + 1)
        return check(tern), json.loads(check(tern, '--json').stdout)


def table(tern, sink, own_users, where):
    text, said = work(tern, sink, where)
    lab.equal(text.returncode, 0, f'{where}: all is as confined as it should be')
    if text.returncode:
        print('# ' + text.stdout.replace('\n', '\n# '))
    filters = {(p['program'], p['part']): p['filter'] for p in said['processes']
               if (p['program'], p['part']) not in PASSING}
    lab.equal(filters, FILTERS, f'{where}: each process is shown with its filter')
    lab.ok(all(p['may_gain_privileges'] == (p['program'] in ('tern-lspawn', 'tern-local'))
               for p in said['processes']), f'{where}: who can gain privileges')
    if own_users:
        powers = {p['program']: p['capabilities'] for p in said['processes'] if int(p['capabilities'], 16)}
        lab.equal({name: int(n, 16) for name, n in powers.items()},
                  {name: int(n, 16) for name, n in POWERS.items()},
                  f'{where}: root is left with what it needs to become users and to end children')
    lab.ok(all(name in text.stdout for name, _ in FILTERS), f'{where}: and as a table')


def linked_settings(tern, sink, other):
    """A setting that is a link into another folder, and is replaced there."""
    folder = os.path.join(tern.top, 'etc')
    os.mkdir(folder)

    def route(port):
        with open(f'{folder}/new', 'w') as f:
            f.write(f':127.0.0.1:{port}\n')
        os.rename(f'{folder}/new', f'{folder}/routes')
    route(sink.port)
    os.unlink(tern.path('control/smtproutes'))
    os.symlink(f'{folder}/routes', tern.path('control/smtproutes'))
    # A worker that is warm may only read what was there when it began, and looks once a second.
    time.sleep(1.1)
    count = len(sink.messages)
    tern.send_smtp('ann@tern.test', ['a@relay.test'], b'Subject: linked\r\n\r\nx\r\n')
    tern.wait_log('deferral: control/smtproutes:_can_not_be_read')
    tern.signal_send(signal.SIGALRM)
    sink.wait(count + 1)
    lab.ok(True, 'control/smtproutes may become a link to a file elsewhere: the next attempt follows it')
    route(other.port)
    time.sleep(1.1)
    tern.send_smtp('ann@tern.test', ['a@relay.test'], b'Subject: replaced\r\n\r\nx\r\n')
    other.wait(1)
    lab.ok(True, 'and the new file there counts at the next attempt')


def turned_off(tern, sink):
    tern.control('confinement', '0')
    tern.up()
    text, said = work(tern, sink, 'off')
    lab.equal(text.returncode, 1, 'with control/confinement 0 it is less confined')
    lab.ok('control/confinement has turned all this off' in text.stdout, 'which is said, with the reason')
    lab.ok(not said['on'] and all(p['filter'] == NONE for p in said['processes']), 'there are no filters')
    lab.ok(all(p['may_gain_privileges'] is False for p in said['processes']
               if p['part'] == 'worker' or p['program'] == 'tern-remote'),
           'still who talks to strangers gains no privileges')


def run(where, own_users):
    with ternlab.Sink() as sink, ternlab.Sink() as other, ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.alias('box', './box/')
        if own_users:
            userslab.give_owners(tern)
        lab.equal(check(tern).returncode, 1, f'{where}: nothing to check, nothing runs')
        tern.up()
        table(tern, sink, own_users, where)
        if not own_users:
            linked_settings(tern, sink, other)
        for service in ('queue', 'smtpd', 'send'):
            lab.equal(tern.log_matches('confinement|warning|fatal', service), [],
                      f'{where}: {service} has met no refusal')
        tern.down()
        if not own_users:
            tern.control('smtproutes')
            tern.control('smtproutes', f':127.0.0.1:{sink.port}')
            turned_off(tern, sink)
            tern.down()


run('one user', False)
if os.geteuid() == 0:
    run('many users', True)
else:
    lab.skip('an instance of many users', 'only root can make one')
lab.equal(subprocess.run([os.path.join(ternlab.BIN, 'tern'), 'check', '--confined'],
                         capture_output=True).returncode, 100, 'another option is wrong use')
lab.end()
