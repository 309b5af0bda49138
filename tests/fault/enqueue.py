#!/usr/bin/python3
"""tern-queue, as a command and as a service, with faults: what is acknowledged is there, sealed
and whole; of what is not there is nothing, or all of it."""
import os
import signal
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import queuelab
import ternlab

lab = ternlab.Tap()
QUEUE = os.path.join(ternlab.BIN, 'tern-queue')
MESSAGE = b'Subject: x\n\n' + b'a line of the message\n' * 7000
ENVELOPE = b'Fa@b.example\0Tc@d.example\0Te@f.example\0\0'
SEAL = re.compile(rb'tern1 [0-9a-f]{16} [0-9a-f]{16} [0-9a-f]{8}\n\Z')


def judge_queue(home, acknowledged, point, kept=0):
    """What is wrong with what lies there; kept more messages may."""
    names = home.names()
    data = [open(name, 'rb').read() for name in names]
    sealed = [d for d in data if SEAL.search(d)]
    whole = [d for d in sealed if queuelab.Entry(d).message == MESSAGE
             and queuelab.Entry(d).values(b'T') == [b'c@d.example', b'e@f.example']]
    home.clear()
    if len(whole) < acknowledged:
        return f'I1: {acknowledged} acknowledged, {len(whole)} there'
    if len(sealed) != len(whole):
        return 'I9: sealed, but not whole'
    if len(whole) > acknowledged + kept:
        return f'I3: {acknowledged} acknowledged, {len(whole)} there'
    # After a kill there may be remnants; after an error of unlink too.
    if point.fault != 'KILL' and len(names) != len(sealed) and not point.name.startswith('unlink'):
        return f'I6: left: {len(names) - len(sealed)}'
    return None


def command(prefix, home):
    return queuelab.run_command(home, [*prefix, QUEUE], MESSAGE, ENVELOPE)


def judge_command(point):
    with queuelab.Home() as home:
        code, _, _ = command(faultlab.inject(point), home)
        if point.name == 'short' and code != 0:
            return f'exit {code}: short and interrupted calls are no fault'
        if code == 0 and faultlab.is_sync_error(point):
            return 'acknowledged, though it could not be made durable'
        if 11 <= code <= 40:
            return f'exit {code}, which is permanent, by a fault of ours'
        # Killed, or failing, after all was done: 0 or 1 message.
        wrong = judge_queue(home, code == 0, point, kept=code != 0)
        code, _, error = command([], home)
        return wrong or (f'I7: then {code}: {error}' if code else judge_queue(home, 1, point))


def good_command(prefix):
    with queuelab.Home() as home:
        code, _, error = command(prefix, home)
        lab.equal((code, error), (0, ''), 'command, without a fault')


def talk(home, count, patience=ternlab.PATIENCE):
    """Messages by one connection after the other; how many were acknowledged, and the worst
    code."""
    done, worst = 0, 0
    for _ in range(2):
        try:
            with home.client() as client:
                client.socket.settimeout(patience)
                for _ in range(count):
                    answer = client.submit(MESSAGE, ENVELOPE)
                    if answer is None:
                        break
                    done += answer[0] == 0
                    worst = answer[0] or worst
        except OSError:
            pass
    return done, worst


class Home(queuelab.Home):
    def client(self):
        return queuelab.Client(self)


def workers_end(service):
    """A close that strace makes fail is not made at all: a worker may then hold its parent's
    end of their socket, and does not hear that the parent is gone."""
    try:
        os.killpg(service.child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def judge_service(point):
    prefix, attach = faultlab.split(point)
    with Home() as home:
        service = queuelab.Service(home, prefix=prefix, start_new_session=True)
        try:
            if service.ready:
                with faultlab.Attached(service.child.pid, attach):
                    done, worst = talk(home, 2, 10)  # some faults leave it waiting
            else:
                done, worst = 0, 0
        finally:
            service.stop()
            workers_end(service)
        if point.name == 'short' and done != 4:
            return f'{done} of 4, {worst}: short and interrupted calls are no fault'
        if done == 4 and faultlab.is_sync_error(point) and point.n in (1, 2):  # each worker
            return 'acknowledged, though it could not be made durable'
        if 11 <= worst <= 40:
            return f'answer {worst}, which is permanent, by a fault of ours'
        wrong = judge_queue(home, done, point, kept=2)
        with queuelab.Service(home):
            done, worst = talk(home, 1)
        return wrong or (None if done == 2 else f'I7: then {done}, {worst}') or \
            judge_queue(home, 2, point)


def good_service(prefix, attach):
    with Home() as home:
        with queuelab.Service(home, prefix=prefix) as service, \
                faultlab.Attached(service.child.pid, attach):
            lab.equal(talk(home, 2), (4, 0), 'service, without a fault')


faultlab.sweeps(lab, 'tern-queue', good_command, judge_command, syscall=100, malloc=15, short=6)
faultlab.sweeps(lab, 'tern-queue', good_service, judge_service, syscall=60, malloc=10, short=4,
                service=True)
lab.end()
