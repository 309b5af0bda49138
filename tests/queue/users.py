#!/usr/bin/python3
"""Whom the queue believes what: clients with uids of their own."""
import collections
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import queuelab
import ternlab

lab = ternlab.Tap()
QUEUE, NETWORK, BOUNCE, SEND, ALIAS, STRANGER = range(61011, 61017)
MESSAGE, ENVELOPE = b'Subject: x\n\nhello\n', b'Fa@b\0Tc@d\0\0'
AS_NETWORK = b'vnetwork\0hmx.example\0a192.0.2.1\0wESMTP\0'
AS_BOUNCE = b'vbounce\0hx\0a192.0.2.9\0'

if os.geteuid() != 0:
    lab.skip('clients with uids of their own', 'needs root')
    lab.end()


def become(uid):
    def change():
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    return change


def submit_as(home, uid, origin):
    """By the service, in a process of that user."""
    pid = os.fork()
    if pid == 0:
        try:
            become(uid)()
            with queuelab.Client(home) as client:
                os._exit(client.submit(MESSAGE, ENVELOPE, origin)[0])
        finally:
            os._exit(111)
    _, status = os.waitpid(pid, 0)
    if status != 0:
        print(f'# uid {uid}: status {status}', flush=True)
    return home.take_entry()


def summary(entry):
    if not entry:
        return None
    facts = {'v': entry.values(b'v')[0].decode(), 'u': int(entry.values(b'u')[0]),
             'h': b''.join(entry.values(b'h')).decode(), 'from': 'other'}
    for text, word in ((b'Received: from mx.example ([192.0.2.1])\n', 'client'),
                       (b'invoked from network)', 'network'), (b'invoked for bounce)', 'bounce'),
                       (b'invoked by alias)', 'alias'),
                       (b'invoked by uid %d)' % facts['u'], 'uid')):
        if text in entry.received:
            facts['from'] = word
    return facts


with queuelab.Home() as home:
    os.chmod(home.path, 0o755)
    for name in ('queue/mess', *(f'queue/mess/{n}' for n in range(64)), 'run/queue'):
        os.chown(home.file(name), QUEUE, QUEUE)
    os.chown(home.file('queue/hist'), SEND, QUEUE)
    os.chown(home.file('run/smtpd'), NETWORK, NETWORK)
    os.chown(home.file('run/bounce'), BOUNCE, BOUNCE)
    os.chown(home.file('alias'), ALIAS, ALIAS)
    with queuelab.Service(home) as service:
        os.chmod(service.socket, 0o666)
        for uid, origin, via, how, helo in (
                (0, AS_NETWORK, 'network', 'client', 'mx.example'),
                (0, AS_BOUNCE, 'bounce', 'bounce', ''),
                (0, None, 'local', 'uid', ''),
                (NETWORK, AS_NETWORK, 'network', 'client', 'mx.example'),
                (NETWORK, None, 'network', 'network', ''),
                (NETWORK, AS_BOUNCE, 'network', 'network', ''),
                (BOUNCE, AS_BOUNCE, 'bounce', 'bounce', ''),
                (BOUNCE, AS_NETWORK, 'bounce', 'bounce', ''),
                (SEND, AS_BOUNCE, 'bounce', 'bounce', ''),
                (ALIAS, AS_NETWORK, 'local', 'alias', ''),
                (STRANGER, AS_NETWORK, 'local', 'uid', ''),
                (STRANGER, AS_BOUNCE, 'local', 'uid', ''),
                (STRANGER, None, 'local', 'uid', '')):
            name = (origin or b'nothing').partition(b'\0')[0].decode()
            lab.equal(summary(submit_as(home, uid, origin)),
                      {'v': via, 'u': uid, 'h': helo, 'from': how},
                      f'uid {uid} says {name}: {via}, {how}')

        # Workers are the queue's user, and none serves two users.
        with service.connect() as client:
            pid = int(client.submit(MESSAGE, ENVELOPE)[1].split()[1])
            with open(f'/proc/{pid}/status') as f:
                status = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
            lab.equal((status['Uid'].split(), status['Groups'].split()),
                      ([str(QUEUE)] * 4, [str(QUEUE)]), "a worker is the queue's user, for ever")
            lab.equal(status['NoNewPrivs'], '1', '... and gains no privilege')
            home.clear()
        served = collections.defaultdict(list)  # by each process

        def is_again():
            """A worker must have said that it is free before it can be chosen again."""
            for uid in (0, STRANGER):
                served[submit_as(home, uid, None).values(b'p')[0]].append(uid)
            return all(any(uids.count(uid) > 1 for uids in served.values()) for uid in (0, STRANGER))
        ternlab.wait_until(is_again, 'a warm worker to be used again')
        lab.ok(True, 'a warm worker serves its user again')
        served[submit_as(home, ALIAS, None).values(b'p')[0]].append(ALIAS)
        lab.equal([uids for uids in served.values() if len(set(uids)) > 1], [], '... and nobody else')

    # The setuid command: its home is the one it was built for.
    program = home.file('tern-queue')
    shutil.copy(os.path.join(ternlab.BIN, 'tern-queue'), program)
    os.chown(program, QUEUE, QUEUE)
    os.chmod(program, 0o4755)
    built_for = [line for line in open(os.path.join(os.path.dirname(queuelab.__file__), '..',
                                                    'conf-home')).read().split('\n')][0]
    if os.path.exists(built_for):
        lab.skip('a setuid command', f'{built_for} is in use')
    else:
        code, _, error = queuelab.run_command(home, [program], MESSAGE, ENVELOPE,
                                              preexec=become(STRANGER))
        lab.equal((code, home.names()), (61, []), 'a setuid command does not believe TERNHOME')
        lab.ok(built_for in error, '... but takes the home it was built for')

lab.end()
