#!/usr/bin/python3
"""The tools of the queue while tern-send runs and mail flows."""
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')
lab = ternlab.Tap()
HELLO = b'Subject: x\r\n\r\nhello\r\n'


class Gate:
    """Lets the sink wait before it answers the end of a message to slow@..."""

    def __init__(self):
        self.open, self.reached = threading.Event(), threading.Event()

    def __call__(self, verb, rest):
        if verb == '.' and b'Subject: slow' in rest:
            self.reached.set()
            self.open.wait(ternlab.PATIENCE)
        return None


def queue(tern, *arguments, user=None, **more):
    return subprocess.run([TERN, 'queue', *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=ternlab.PATIENCE,
                          env={**tern.environment(), **more}, user=user, group=user,
                          extra_groups=None if user is None else [])


def objects(tern, *arguments):
    done = queue(tern, *arguments, '--json')
    if done.returncode:
        raise RuntimeError(f'{arguments}: {done.returncode}: {done.stderr}')
    return [json.loads(line) for line in done.stdout.splitlines()]


def order(tern, *arguments):
    return objects(tern, *arguments)[0]


def states(tern, *selection):
    return sorted(message['state'] for message in objects(tern, 'ls', *selection))


def send_held(tern, sender, recipient, body=HELLO):
    """A message that is deferred and then held; returns its id."""
    before = set(tern.queue())
    tern.send_smtp(sender, [recipient], body)
    new = ternlab.wait_until(lambda: set(tern.queue('hist')) - before, 'a deferral').pop()
    return new


gate = Gate()
with ternlab.Sink(answer=gate) as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('rcpthosts', 'example.net', 'example.com', 'load.test')
    tern.control('retry', ':0:1h')
    tern.up()

    # Mail flows through all that follows.
    stop = threading.Event()

    def load():
        n = 0
        while not stop.is_set():
            tern.send_smtp('load@example.org', [f'r{n}@load.test'], HELLO)
            n += 1
    loader = threading.Thread(target=load)
    loader.start()
    try:
        ids = {name: send_held(tern, f'{name}@example.org', f'451.{name}@example.net',
                               HELLO + b'x' * size + b'\r\n')
               for name, size in (('hold', 10), ('rm', 20000), ('bounce', 10), ('retry', 10))}
        other = send_held(tern, 'other@example.org', '450.other@example.com')
        deferred = ('--sender', '*@example.org', '--state', 'deferred')

        # Listing and selecting.
        def found(*selection):
            return sorted(int(m['id']) for m in objects(tern, 'ls', *selection))
        everything = sorted([*ids.values(), other])
        lab.equal(found(*deferred), everything, 'ls --state deferred')
        lab.equal(found('--domain', 'EXAMPLE.com', '--state', 'deferred'), [other], '--domain')
        lab.equal(found('--recipient', '451.*', '--state', 'deferred'), sorted(ids.values()), '--recipient with a *')
        lab.equal(found('--larger', '10k', '--state', 'deferred'), [ids['rm']], '--larger')
        lab.equal(found('--smaller=10k', *deferred), [i for i in everything if i != ids['rm']], '--smaller=')
        lab.equal(found('--older', '1d'), [], '--older')
        lab.equal(found('--younger', '1d', *deferred), everything, '--younger')
        lab.equal(found('--reason', 'SAID: 450', '--state', 'deferred'), [other], '--reason, without case')
        lab.equal(found(str(ids['rm']), str(other)), sorted([ids['rm'], other]), 'ids')
        lab.equal(found('--sender', ''), [], 'the empty sender')
        lab.equal(found(*deferred, '--limit', '2'), everything[:2], '--limit: the oldest')
        lines = queue(tern, 'ls', *deferred).stdout
        lab.ok('451 4.0.0 as you asked; next try in' in lines and re.search(r'^5 messages, ', lines, re.M),
               'ls says why, when next, and how many')
        for wrong in (['--older', 'x'], ['--state', 'x'], ['--nonsense'], ['12x'], ['--larger'], ['0'], ['--limit', '0']):
            lab.equal(queue(tern, 'ls', *wrong).returncode, 100, f'ls {" ".join(wrong)}: exit 100')
        missing = queue(tern, 'show', '17')
        lab.ok(missing.returncode == 111 and 'no such message' in missing.stderr, 'show what is not there')
        for nothing in ([], ['--limit', '3']):
            lab.equal(queue(tern, 'hold', *nothing).returncode, 100, f'an order without a selection: exit 100 {nothing}')
        lab.equal(queue(tern, 'nonsense').returncode, 100, 'an unknown command: exit 100')

        # Counts first; --dry-run changes nothing.
        dry = queue(tern, 'rm', '--dry-run', *deferred)
        lab.ok(dry.stdout.startswith('5 messages to remove, ') and 'nothing is changed' in dry.stdout, '--dry-run counts')
        lab.equal(found(*deferred), everything, 'and changes nothing')

        # Hold: over ALRM and a restart.
        lab.equal(order(tern, 'hold', '--sender', 'hold@*')['done'], 1, 'hold')
        lab.equal(order(tern, 'hold', '--sender', 'hold@*')['nothing'], 1, 'hold twice')
        lab.ok(f"\n{ids['hold']}! " in tern.run('mailq').stdout.decode(), 'mailq marks it with !')
        asked = len(sink.rcpt_times['451.hold@example.net'])
        asked_other = len(sink.rcpt_times['450.other@example.com'])
        tern.signal_send(signal.SIGALRM)
        ternlab.wait_until(lambda: len(sink.rcpt_times['450.other@example.com']) > asked_other, 'ALRM')
        pid = tern.processes('tern-send')
        tern.signal_send(signal.SIGTERM)
        ternlab.wait_until(lambda: tern.processes('tern-send') not in (pid, []), 'a new tern-send')
        ternlab.wait_until(lambda: states(tern, str(ids['hold'])) == ['held'] and
                           '"hold":1' in queue(tern, 'top', '--count', '1', '--json').stdout,
                           'the scan of the queue')
        lab.equal(len(sink.rcpt_times['451.hold@example.net']), asked, 'what is held is not tried, by ALRM or a restart')
        lab.equal(order(tern, 'retry', str(ids['hold']))['done'], 1, 'retry what is held')
        lab.equal(states(tern, str(ids['hold'])), ['held'], 'it stays held')
        lab.equal(order(tern, 'release', '--state', 'held')['done'], 1, 'release')
        ternlab.wait_until(lambda: len(sink.rcpt_times['451.hold@example.net']) > asked, 'the try')
        lab.ok(True, 'released, it is tried')

        # Retry, remove, bounce.
        asked = len(sink.rcpt_times['451.retry@example.net'])
        lab.equal(order(tern, 'retry', '--sender', 'retry@*')['done'], 1, 'retry')
        ternlab.wait_until(lambda: len(sink.rcpt_times['451.retry@example.net']) > asked, 'the retry')
        ternlab.wait_until(lambda: states(tern, str(ids['retry'])) == ['deferred'], 'the deferral')
        shown = objects(tern, 'show', str(ids['retry']))[0]
        lab.equal([e['event'] for e in shown['history'] if e['event'] == 'retry'], ['retry'], 'it is in the history')
        lab.equal(shown['recipients'][0]['attempts'], len(sink.rcpt_times['451.retry@example.net']),
                  'attempts go on being counted')
        lab.equal(order(tern, 'rm', str(ids['rm']))['done'], 1, 'rm')
        ternlab.wait_until(lambda: ids['rm'] not in tern.queue() + tern.queue('hist'), 'the removal')
        lab.equal(order(tern, 'bounce', '--sender', 'bounce@*')['done'], 1, 'bounce')
        ternlab.wait_until(lambda: ids['bounce'] not in tern.queue(), 'the bounce')
        bounces = ternlab.wait_until(lambda: [m for m in sink.messages if m.sender == ''], 'a bounce')
        lab.ok(bounces[0].recipients == ['bounce@example.org'] and
               b'administrator of this mail system has ended the delivery' in bounces[0].data and
               b'451.bounce@example.net' in bounces[0].data, 'the sender is told by whom and of what')
        lab.equal([m.recipients for m in sink.messages if m.sender == ''], [['bounce@example.org']],
                  'nobody is told of what was removed')
        lab.ok(len(tern.log_matches(r'^order msg \d+: (hold|release|retry|remove|bounce) by uid \d+$')) >= 6,
               'the log has each order')

        # In flight: what has begun goes on, nothing more begins.
        tern.send_smtp('slow@example.org', ['slow@example.net'], b'Subject: slow\r\n\r\nhello\r\n')
        gate.reached.wait(ternlab.PATIENCE)
        slow = found('--sender', 'slow@*')
        lab.equal(states(tern, str(slow[0])), ['active'], 'what is being delivered is active')
        lab.ok(f'\n{slow[0]}* ' in tern.run('mailq').stdout.decode(), 'mailq marks it with *')
        done = queue(tern, 'rm', str(slow[0]))
        lab.ok('1: when the deliveries under way have ended' in done.stdout, 'rm of what is in flight says so')
        gate.open.set()
        ternlab.wait_until(lambda: slow[0] not in tern.queue(), 'the delivery')
        lab.equal(sum(m.sender == 'slow@example.org' for m in sink.messages), 1, 'it is delivered once')
        gate.open.clear()
        gate.reached.clear()
        tern.send_smtp('slow@example.org', [f'slow{n}@example.net' for n in range(250)],
                       b'Subject: slow\r\n\r\nhello\r\n')
        gate.reached.wait(ternlab.PATIENCE)
        slow = found('--sender', 'slow@*')
        lab.equal(order(tern, 'hold', str(slow[0]))['later'], 1, 'hold of what is in flight')
        gate.open.set()
        ternlab.wait_until(lambda: states(tern, str(slow[0])) == ['held'] and
                           objects(tern, 'show', str(slow[0]))[0]['recipients'][0]['status'] == 'done', 'its end')
        lab.equal(sum(len(m.recipients) for m in sink.messages if m.sender == 'slow@example.org'), 101,
                  'the transaction that had begun ends, and no other begins')
        order(tern, 'release', str(slow[0]))
        ternlab.wait_until(lambda: slow[0] not in tern.queue(), 'the rest')
        lab.equal(len({r for m in sink.messages for r in m.recipients if r.startswith('slow')}), 251,
                  'released, the rest is delivered')

        # The other views.
        check = queue(tern, 'check')
        lab.ok(check.returncode == 0 and ': no problems; ' in check.stdout, f'check while mail flows: {check.stdout[-200:]}')
        lab.ok(re.search(rf'tern-send runs, process {tern.processes("tern-send")[0]}\n', check.stdout), 'check says who has the lock')
        repair = queue(tern, 'repair')
        lab.ok(repair.returncode == 111 and f'process {tern.processes("tern-send")[0]}' in repair.stderr,
               'repair of a running queue is refused')
        shape = objects(tern, 'shape', *deferred)
        lab.equal([(row['destination'], row['recipients'], row['minutes']['5']) for row in shape],
                  [('example.net', 2, 2), ('example.com', 1, 1)], 'shape')
        lab.ok(re.search(r'^example\.net +2 +2 ', queue(tern, 'shape', *deferred).stdout, re.M), 'shape as a table')
        top = queue(tern, 'top', '--count', '2', '--interval', '1').stdout.splitlines()
        lab.ok(len(top) == 2 and re.search(r' in [\d.]+/s out [\d.]+/s; .* deferred 3 ', top[1]), 'top prints lines where there is no terminal')
        lab.ok(float(re.search(r' in ([\d.]+)/s', top[1])[1]) > 0, 'with rates')
        screen = subprocess.run(['script', '-qec', f'{TERN} queue top --count 1', '/dev/null'], capture_output=True,
                                env={**tern.environment(), 'TERM': 'xterm', 'LINES': '20', 'COLUMNS': '70'},
                                stdin=subprocess.DEVNULL, timeout=ternlab.PATIENCE).stdout
        lines = re.sub(rb'\033\[[?0-9;]*[a-zA-Z]', b'', screen).replace(b'\r', b'').split(b'\n')
        lab.ok(b'\033[?1049h' in screen and screen.rstrip().endswith(b'\033[?1049l'), 'on a terminal it leaves the screen as it was')
        lab.ok(len(lines) <= 20 and max(map(len, lines)) <= 70, 'and keeps to its size')
        plain = subprocess.run(['script', '-qec', f'{TERN} queue top --count 1', '/dev/null'], capture_output=True,
                               env={**tern.environment(), 'TERM': 'xterm', 'NO_COLOR': '1'},
                               stdin=subprocess.DEVNULL, timeout=ternlab.PATIENCE).stdout
        lab.ok(b'\033[1m' in screen and b'\033[1m' not in plain, 'NO_COLOR leaves colours out')

        small = subprocess.run(['script', '-qec', f'stty rows 15 cols 60; {TERN} queue top --count 1', '/dev/null'],
                               capture_output=True, env={**tern.environment(), 'TERM': 'xterm'},
                               stdin=subprocess.DEVNULL, timeout=ternlab.PATIENCE).stdout
        lines = re.sub(rb'\033\[[?0-9;]*[a-zA-Z]', b'', small).split(b'\r\n')
        lab.ok(len(lines) <= 15 and max(map(len, lines)) == 60 and lines[0].startswith(b'tern queue  '),
               'it asks the terminal how large it is')
        terminal, other_end = pty.openpty()
        top = subprocess.Popen([TERN, 'queue', 'top', '--interval', '1h'], stdin=other_end, stdout=other_end,
                               env={**tern.environment(), 'TERM': 'xterm'})
        screen = b''
        while b'LAST ' not in screen and select.select([terminal], [], [], ternlab.PATIENCE)[0]:
            screen += os.read(terminal, 4096)
        lab.ok(b'LAST ' in screen, 'a screen is drawn')
        lab.equal(termios.tcgetattr(other_end)[3] & (termios.ICANON | termios.ECHO), 0, 'it takes keys as they are hit')
        os.write(terminal, b'q')
        lab.equal(top.wait(ternlab.PATIENCE), 0, 'q ends it')
        lab.ok(termios.tcgetattr(other_end)[3] & termios.ICANON, 'and the terminal is as it was')
        os.close(terminal)
        os.close(other_end)

        # Who may, and nonsense.
        if tern.root:
            refused = queue(tern, 'rm', '--all', user=61234)
            lab.ok(refused.returncode == 100 and not refused.stdout, 'another user may not')
        else:
            lab.skip('another user may not', 'needs root')
        os.chdir(tern.home)
        clients = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(12)]
        for client in clients:
            client.connect('run/send/socket')
            client.settimeout(ternlab.PATIENCE)
        for nonsense in (b'nonsense', b'hold\0', b'counts\0' + b'1\0', b'x' * 100000, b'state\0' + b'9\0' * 257):
            client = clients.pop()
            client.send(nonsense)
            try:
                answer = client.recv(100)
            except ConnectionResetError:
                answer = b''
            lab.equal(answer, b'', f'nonsense ends the connection: {nonsense[:20]}')
            client.close()
        deaf = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        deaf.connect('run/send/socket')
        deaf.settimeout(0.2)
        try:
            for _ in range(2000):
                deaf.send(b'counts\0')
        except OSError:
            pass
        lab.equal(states(tern, str(other)), ['deferred'], 'a client that never reads delays nobody')
        for client in clients + [deaf]:
            client.close()
        os.chdir('/')

        # A second tern-send.
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(5)]
        fds = [pair[0].fileno() for pair in pairs]
        script = ' '.join(f'{3 + i}<&{fd}' for i, fd in enumerate(fds))
        second = subprocess.run(['bash', '-c', f'exec {script}; exec bin/tern-send'], cwd=tern.home, pass_fds=fds,
                                env=tern.environment(), capture_output=True, text=True, timeout=ternlab.PATIENCE,
                                preexec_fn=tern._become)
        lab.ok(second.returncode == 111 and f'process {tern.processes("tern-send")[0]}' in second.stderr,
               'a second tern-send refuses to start, and says which process works on the queue')
        for pair in pairs:
            pair[0].close()
            pair[1].close()
    finally:
        gate.open.set()
        stop.set()
        loader.join()
    lab.equal(order(tern, 'rm', '--all')['failed'], 0, 'rm --all')
    tern.wait_queue_empty()
    lab.equal(queue(tern, 'ls').stdout, '0 messages, 0 B\n', 'and the queue is empty')
lab.end()
