#!/usr/bin/python3
"""How a destination is treated: one probe while nobody answers, its mail at once when somebody
does; control/throttle; and one that never answers delays nobody."""
import os
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
    for number, recipient in enumerate(recipients):
        tern.send_smtp(SENDER, [recipient], endlab.message(f'{number} {recipient}'))


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
    crowd = {'now': 0, 'most': 0}
    lock = threading.Lock()

    def answer(verb, rest):
        with lock:
            if verb == b'MAIL':
                crowd['now'] += 1
                crowd['most'] = max(crowd['most'], crowd['now'])
            elif verb in (b'.', b'END'):
                crowd['now'] -= 1
        return None

    with ternlab.Sink(answer=answer) as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.control('throttle', 'two.test:2', 'rate.test:5:10/2s', 'wrong.test:x')
        tern.up()
        tern.wait_log(r'control/throttle:3: the number of connections')
        lab.ok(True, 'a wrong line of control/throttle is named')
        send(tern, *[f'u{n}@two.test' for n in range(30)])
        sink.wait(30)
        lab.ok(sink.connections <= 2, f'two.test got its mail over {sink.connections} connections')
        began = time.monotonic()
        send(tern, *[f'u{n}@rate.test' for n in range(15)])
        sink.wait(45)
        lab.ok(time.monotonic() - began > 1.9,
               '15 messages at 10 in 2 seconds, 5 of them at once, take at least 2 seconds')
        tern.wait_queue_empty()


def silent():
    """A server that takes connections and never says a word."""
    mute = socket.create_server(('127.0.0.1', 0), backlog=64)
    with ternlab.Sink() as sink, ternlab.Instance() as tern:
        tern.control('smtproutes', f'mute.test:127.0.0.1:{mute.getsockname()[1]}',
                     f':127.0.0.1:{sink.port}')
        tern.control('concurrencyremote', '10')
        tern.up()
        send(tern, *[f'u{n}@mute.test' for n in range(40)])
        tern.wait_log(r'starting delivery \d+: .*@mute.test')
        send(tern, *[f'u@{n}.test' for n in range(98)])
        sink.wait(98)
        lab.ok(not tern.log_matches(r'delivery \d+: deferral'),
               '98 destinations get their mail while one keeps silent with 40 messages')
        tern.down(force=True)
    mute.close()


unreachable()
hastened()
throttled()
silent()
lab.end()
