#!/usr/bin/python3
"""How a destination is treated: one probe while nobody answers, its mail at once when somebody
does; control/throttle; and those that never answer delay nobody."""
import os
import re
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
SENDER = 'ann@tern.test'


def send(tern, *recipients):
    with tern.smtp() as session:
        for number, recipient in enumerate(recipients):
            session.sendmail(SENDER, [recipient], endlab.message(f'{number}-{recipient}'))


def unreachable():
    port = ternlab.free_port()
    with ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{port}')
        tern.control('retry', 'dead.test:0:20s,1h')
        tern.up()
        send(tern, 'a@dead.test')
        tern.wait_log(r'delivery \d+: deferral: Unable_to_connect')
        send(tern, 'b@dead.test', 'c@dead.test')
        tern.wait_log(r'delivery \d+: deferral: Not_tried_again_so_soon:_Unable_to_connect', 2)
        lab.ok(len(tern.log_matches(r'deferral: Unable_to_connect')) == 1,
               'where nobody answers, one message asks for all')
        with ternlab.Sink(port=port) as sink:
            send(tern, 'd@dead.test')
            # Deferred too, unless the time of the probe has come; ALRM makes it come.
            tern.wait_log(r'new msg', 4)
            tern.signal_send(ternlab.signal.SIGALRM)
            came = {m.recipients[0] for m in sink.wait(4)}
            lab.equal(sorted(came), ['a@dead.test', 'b@dead.test', 'c@dead.test', 'd@dead.test'],
                      'ALRM tries all of it whatever was found out before')
            tern.wait_queue_empty()


def hastened():
    port = ternlab.free_port()
    with ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{port}')
        tern.control('retry', 'dead.test:0:1h,2s')  # asked again after a second, due in an hour
        tern.up()
        send(tern, 'a@dead.test')
        tern.wait_log(r'deferral: Unable_to_connect')
        with ternlab.Sink(port=port) as sink:
            # A message that meets the second of rest waits an hour as well: another goes on.
            for number in range(50):
                send(tern, f'n{number}@dead.test')
                if sink.messages:
                    break
                time.sleep(0.1)
            sink.wait(number + 2)
            lab.ok(True, 'what was deferred while nobody answered goes out when somebody does')
            tern.wait_queue_empty()


def throttled():
    crowd = endlab.Crowd()
    with ternlab.Sink(answer=crowd) as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.control('throttle', 'two.test:2', 'rate.test:5:100/1s', 'wrong.test:x')
        tern.up()
        tern.wait_log(r'control/throttle:3: the number of connections')
        lab.ok(True, 'a wrong line of control/throttle is named')
        crowd.hold(2)
        send(tern, *[f'u{n}@two.test' for n in range(30)])
        crowd.release()
        sink.wait(30)
        lab.equal(crowd.most_of['two.test'], 2, 'two.test got its mail over two connections at once')
        began = time.monotonic()
        send(tern, *[f'u{n}@rate.test' for n in range(105)])
        sink.wait(135)
        # Five at a time whenever something else wakes tern-send would take minutes.
        lab.ok(time.monotonic() - began > 0.95,
               '105 messages at 100 a second, 5 of them at once, take at least a second')
        tern.wait_queue_empty()


class Drip:
    """A server that greets with a byte a second, and so never gets anywhere."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        clients = []
        self.listener.settimeout(0.2)
        while not self.over.wait(1):
            try:
                while True:
                    clients.append(self.listener.accept()[0])
            except OSError:
                pass
            for client in clients:
                try:
                    client.send(b'2')
                except OSError:
                    pass
        for client in clients:
            client.close()
        self.listener.close()


def full():
    """A port at which connections are neither taken nor refused; keep what comes first."""
    listener = socket.create_server(('127.0.0.1', 0), backlog=0)
    at = listener.getsockname()
    waiting = []
    while True:  # until the kernel takes no more on our behalf
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(at)
        waiting.append(s)
        if not select.select([], [s], [], 0.2)[1]:
            return (listener, waiting), at[1]


def others_go_on():
    """Of 101 destinations one is dead, one says nothing and one a byte a second, each with many
    messages. The other 98 share what is left of the connections, which is most of them, and
    none of their messages waits for any of those three."""
    mute = socket.create_server(('127.0.0.1', 0), backlog=64)
    drip, crowd = Drip(), endlab.Crowd()
    keep, dead = full()
    bad = {'mute.test': mute.getsockname()[1], 'drip.test': drip.port, 'dead.test': dead}
    with ternlab.Sink(answer=crowd) as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', *(f'{name}:127.0.0.1:{port}' for name, port in bad.items()),
                     f':127.0.0.1:{sink.port}')
        tern.control('concurrencyremote', '30')
        tern.control('timeoutconnect', '1h')
        tern.up()
        for name in bad:
            send(tern, *[f'u{n}@{name}' for n in range(40)])
        for name in bad:
            tern.wait_log(rf'^starting delivery \d+: .*@{name}$', 5)
        others = [f'u@{n}.test' for n in range(98)]
        crowd.hold(15)
        send(tern, *others, *others)
        crowd.release()
        lab.ok(True, '15 others are served at once, of 30, while those three have 5 each')
        came = sink.wait(2 * len(others))
        lab.equal(sorted(m.recipients[0] for m in came), sorted(others * 2),
                  '98 destinations get two messages each, once')
        log = tern.log()
        lab.equal([line for line in log if 'deferral' in line or 'failure' in line], [],
                  'at the first attempt, and before any of those three has an answer')
        taken = {name: sum(1 for line in log if re.match(rf'starting delivery .*@{name}$', line))
                 for name in bad}
        lab.equal(taken, dict.fromkeys(bad, 5), 'none of which was given more than a new one gets')
    drip.over.set()
    mute.close()
    del keep


unreachable()
hastened()
throttled()
others_go_on()
lab.end()
