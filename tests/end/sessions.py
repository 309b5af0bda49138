#!/usr/bin/python3
"""Servers that end a session, at any point, through the whole system: one that was idle costs no
attempt; anything else is tried again, and the history says what happened."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab
from remotelab import CLOSE, RESET, Peer

lab = ternlab.Tap()
SENDER = 'ann@tern.test'
LEAVING = (b'421 4.3.2 going down\r\n', CLOSE)

# How a server ends the session when it has a message: nothing of that may cost an attempt.
IDLE = (
    ('closes it', {'END': (b'250 taken\r\n', CLOSE)}),
    ('resets it', {'END': (b'250 taken\r\n', RESET)}),
    ('says 421 and closes it', {'END': (b'250 taken\r\n421 4.4.2 idle for too long\r\n', CLOSE)}),
    ('says 421 when asked', {'RSET': LEAVING, 'MAIL': [b'250 sender\r\n', LEAVING]}),
    ('closes it when asked', {'RSET': CLOSE, 'MAIL': [b'250 sender\r\n', CLOSE]}),
)
MESSAGES = 4

# What the first connection does; what the history then says. The second one goes well.
FIRST = (
    ('421 as greeting', {'greeting': LEAVING}, '421 4.3.2 going down'),
    ('421 to EHLO and HELO', {'EHLO': LEAVING, 'HELO': LEAVING}, None),
    ('421 to MAIL', {'MAIL': LEAVING}, '421 4.3.2 going down'),
    ('421 to RCPT', {'RCPT': LEAVING}, '421 4.3.2 going down'),
    ('421 to DATA', {'DATA': LEAVING}, '421 4.3.2 going down'),
    ('421 to the text', {'END': LEAVING}, '421 4.3.2 going down'),
    ('closed as greeting', {'greeting': CLOSE}, 'closed the connection'),
    ('closed at MAIL', {'MAIL': CLOSE}, 'closed the connection instead of answering MAIL'),
    ('closed at RCPT', {'RCPT': CLOSE}, 'closed the connection instead of answering RCPT'),
    ('closed at DATA', {'DATA': CLOSE}, 'closed the connection instead of answering DATA'),
    ('closed at the text', {'END': CLOSE}, 'Possible duplicate!'),
    ('reset at MAIL', {'MAIL': RESET}, '#4.4.2'),
    ('reset at the text', {'END': RESET}, 'Possible duplicate!'),
    ('garbage as greeting', {'greeting': b'\x00\xff garbage\r\n'}, 'makes no sense'),
    ('garbage to EHLO', {'EHLO': b'yes?\r\n'}, 'makes no sense'),
    ('garbage to MAIL', {'MAIL': b'2\r\n'}, 'makes no sense'),
    ('garbage to RCPT', {'RCPT': b'999 what\r\n'}, 'makes no sense'),
    ('garbage to DATA', {'DATA': b'<html>\r\n'}, 'makes no sense'),
    ('garbage to the text', {'END': b'\x80\x81\r\n'}, 'makes no sense'),
    ('a line without end to MAIL', {'MAIL': b'250 ' + b'x' * 200000}, 'makes no sense'),
    ('lines without end to RCPT', {'RCPT': b'250-x\r\n' * 10000}, 'makes no sense'),
)


def idle_sessions(tern, peers):
    """One message after the other, each when the one before is out of the queue."""
    for number in range(MESSAGES):
        for name in peers:
            tern.send_smtp(SENDER, [f'u{number}@{name}'], endlab.message(f'{number}-{name}'))
        tern.wait_log('^end msg ', (number + 1) * len(peers))
    for (what, _), (name, peer) in zip(IDLE, peers.items()):
        lab.equal(len(peer.texts), MESSAGES, f'a server that {what} after each message: {MESSAGES} arrive once')
        lab.ok(peer.connections >= MESSAGES, f'over {peer.connections} connections')
    lab.equal(tern.log_matches('deferral|failure|warning'), [], 'and no attempt has failed')
    lab.equal([line for line in tern.log() if line.startswith('starting')][MESSAGES * len(peers):], [],
              'nor was one repeated')


def first_fails(tern, peers):
    histories = {}
    for name in peers:
        tern.send_smtp(SENDER, [f'u@{name}'], endlab.message(name))
    for (what, _, words), name in zip(FIRST, peers):
        if words:
            histories[name] = endlab.History(tern, endlab.id_of(tern, f'u@{name}'))
            histories[name].wait(1, 'deferred')
    tern.signal_send(signal.SIGALRM)
    tern.wait_queue_empty()
    for (what, _, words), (name, peer) in zip(FIRST, peers.items()):
        whole = [t for t in peer.texts if t.endswith(b'Hello.\r\n.\r\n')]
        arrived = 1 + (words == 'Possible duplicate!' or 'to the text' in what)
        lab.equal(len(whole), arrived, f'{what}: the message arrives at the second connection')
        if words:
            event = histories[name].events()[0]
            lab.ok((event.event, event.attempt) == ('deferred', 1) and words in event.text and
                   event.address == '127.0.0.1',
                   f'{what}: the history says so: {event.text[:150]}')
        else:
            lab.equal(tern.log_matches(rf'deferral.*{name}'), [], f'{what}: in the same attempt')


def start(scripts, prefix):
    return {f'{prefix}{i}.test': Peer(*s) for i, s in enumerate(scripts)}


idle = start([(script,) for _, script in IDLE], 'idle')
first = start([(script, {}) for _, script, _ in FIRST], 'first')
try:
    with ternlab.Instance() as tern:
        tern.control('smtproutes', *(f'{name}:127.0.0.1:{peer.port}'
                                     for name, peer in {**idle, **first}.items()))
        tern.control('retry', ':0:1h')
        tern.up()
        idle_sessions(tern, idle)
        first_fails(tern, first)
finally:
    for peer in [*idle.values(), *first.values()]:
        peer.__exit__()
lab.end()
