#!/usr/bin/python3
"""An instance whose parts belong to different users, as in a real installation: who runs as
whom, what each may read, and the way into the queue for a user of the machine."""
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab
from userslab import (STRANGER, TERN, TERNA, TERNB, TERND, TERNP, TERNQ, TERNR, TERNS,
                      give_owners)

lab = ternlab.Tap()
# Who each program runs as, and whether it is in the group that may see the queue.
PROGRAMS = (('tern-smtpd', {TERND}, False), ('tern-queue', {TERNQ}, True), ('tern-send', {TERNS}, True),
            ('tern-clean', {TERNQ}, True), ('tern-rspawn', {TERNR}, False), ('tern-remote', {TERNR}, False),
            ('tern-bounce', {TERNB}, False), ('tern-start', {0}, None), ('tern-lspawn', {0, TERNP}, None),
            ('tern-local', {TERNA}, False))


def identity(pid):
    """(all uids, all groups) of a process."""
    with open(f'/proc/{pid}/status') as f:
        fields = dict(line.split(':', 1) for line in f.read().splitlines())
    return ({int(n) for n in fields['Uid'].split()},
            {int(n) for n in fields['Gid'].split() + fields['Groups'].split()},
            int(fields['NoNewPrivs']))


def as_user(uid, *argv, **more):
    def become():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    return subprocess.run(argv, preexec_fn=become, capture_output=True, timeout=ternlab.PATIENCE, **more)


def service(tern, *options):
    """The service tree of such an instance is root's."""
    subprocess.run(['s6-svc', *options, 'service/queue'], cwd=tern.home, check=True,
                   timeout=ternlab.PATIENCE)


def who_is_who(tern):
    for name, uids, in_group in PROGRAMS:
        seen = [identity(p) for p in tern.processes(name)]
        lab.ok(seen and all(u <= uids and len(u) == 1 for u, _, _ in seen),
               f'{name} runs as {sorted(set.union(set(), *(u for u, _, _ in seen)))}')
        if in_group is not None:
            lab.equal({TERN in g for _, g, _ in seen}, {in_group},
                      f"{name} is {'' if in_group else 'not '}of the group that may look into the queue")
    for name in ('tern-smtpd', 'tern-remote'):
        worst = [p for p in tern.processes(name)
                 if ternlab.Instance.name_of(p) and identity(p)[2] == 0]
        parents = 1 if name == 'tern-smtpd' else 0
        lab.ok(len(worst) <= parents, f'{name}, which talks to strangers, can gain no privileges')


def who_sees_what(tern):
    """The queue, as the users of the programs that talk to strangers would try it."""
    id = tern.queue()[0]
    entry = tern.path('queue/mess', str(id % 64), str(id))
    for name, uid in (('smtpd', TERND), ('remote', TERNR), ('bounce', TERNB), ('a user', STRANGER)):
        denied = [path for path in (entry, tern.path('queue/hist', str(id % 64), str(id)),
                                    tern.path('queue/lock/trigger'))
                  if as_user(uid, 'test', '-r', path).returncode == 0
                  or as_user(uid, 'test', '-w', path).returncode == 0]
        lab.equal(denied, [], f'{name} can neither read nor write the queue')
    mode = os.stat(entry)
    lab.equal((mode.st_uid, mode.st_gid, stat.S_IMODE(mode.st_mode)), (TERNQ, TERN, 0o640),
              'an entry belongs to the queue, readable for its group')
    hist = os.stat(tern.path('queue/hist', str(id % 64), str(id)))
    lab.equal((hist.st_uid, stat.S_IMODE(hist.st_mode) & 0o007), (TERNS, 0),
              'a history to send, for nobody else')


def a_user_sends(tern, sink):
    """With the queue service, and without it by the setuid program."""
    def send(subject, path='sendmail'):
        done = as_user(STRANGER, tern.path('bin', path), '-f', 'bob@tern.test', 'a@relay.test',
                       input=endlab.message(subject).replace(b'\r\n', b'\n'),
                       env=tern.environment())
        return done.returncode, done.stderr
    count = len(sink.messages)
    lab.equal(send('service')[0], 0, 'a user sends mail through the service')
    data = sink.wait(count + 1)[-1].data
    lab.ok(f'uid {STRANGER}'.encode() in data.split(b'\r\n\r\n')[0], 'and the Received line knows who')
    service(tern, '-wD', '-T', '30000', '-d')
    code, error = send('setuid')
    lab.ok(code != 0 and not tern.queue()[1:],
           'without the service and with $TERNHOME: the setuid program does not go where a user '
           f'says; exit {code}, {error.decode().strip()}')
    service(tern, '-u')
    endlab.wait_ready(tern)


def main():
    with ternlab.Sink() as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.control('retry', ':0:1h')
        for box in ('box', 'ann'):
            tern.alias(box, f'./{box}/')
        give_owners(tern)
        tern.up()
        lab.ok(True, 'it starts')
        send = [('relay', 'a@relay.test'), ('local', 'box@tern.test'), ('later', '451.a@relay.test'),
                ('never', '550.a@relay.test')]
        for subject, recipient in send:
            tern.send_smtp('ann@tern.test', [recipient], endlab.message(subject))
        sink.wait(1)
        tern.wait_maildir('alias/box')
        lab.ok(b'550' in tern.wait_maildir('alias/ann')[0], 'mail is relayed, delivered and bounced')
        ternlab.wait_until(lambda: len(tern.queue()) == 1 and len(tern.queue('hist')) == 1, 'one to wait')
        who_is_who(tern)
        who_sees_what(tern)
        a_user_sends(tern, sink)
        lab.equal(tern.log_matches(r'^(warning|alert)|fatal'), [], 'and there was no complaint')


if os.geteuid() == 0:
    main()
else:
    lab.skip('an instance of several users', 'only root can make one')
lab.end()
