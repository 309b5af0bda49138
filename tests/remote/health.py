#!/usr/bin/python3
"""Relays that fail are tried last for a while, by all workers; equals share the load."""
import os
import socket

import ternlab
from remotelab import CLOSE, SILENCE, Home, Peer, Worker, command, matches, worker

tap = ternlab.Tap()
BUSY = {'greeting': (b'421 busy\r\n', CLOSE)}
SLOT, HOURS = 80, 7200


class Health(Home):
    """A home that has run/remote."""

    def __init__(self, **control):
        super().__init__(**control)
        os.makedirs(self.file('run/remote'))
        if os.geteuid() == 0:  # as root tern-remote makes no file
            open(self.file(), 'w').close()

    def file(self, name='run/remote/health'):
        return os.path.join(self.path, name)

    def route(self, relays):
        self.control('smtproutes', ':' + relays)

    def failures(self):
        """(port, failures) of each relay that failed."""
        with open(self.file()) as file:
            lines = [line.split() for line in file.read().splitlines()]
        return sorted((int(line[1]), int(line[2])) for line in lines if line)

    def later(self):
        """As if all of it had been hours ago."""
        with open(self.file()) as file:
            lines = [line.split() for line in file.read().splitlines()]
        with open(self.file(), 'w') as file:
            for line in lines:
                if line:
                    line[3] = str(int(line[3]) - HOURS)
                file.write(' '.join(line).ljust(SLOT - 1) + '\n')


def addresses(separator, *peers):
    return separator.join(f'127.0.0.1:{peer.port}' for peer in peers)


def delivered(answers, name, peers, connections):
    got = [peer.connections for peer in peers]
    if not tap.ok(matches(answers, 'K', 'accepted') and got == connections, name):
        print(f'# {answers} {got}, wanted {connections}')


def test_backup(how):
    with Peer(BUSY, BUSY, {}) as primary, Peer({}) as backup, Health() as home:
        home.route(addresses(',', primary, backup))
        peers, a = (primary, backup), ['a@example.net']
        delivered(how(home, a), f'{how.__name__}: the backup takes what the primary does not', peers, [1, 1])
        tap.equal(home.failures(), [(primary.port, 1)], 'it is remembered')
        delivered(how(home, a), 'the next goes to the backup at once', peers, [1, 2])
        home.later()
        delivered(how(home, a), 'later the primary is tried again', peers, [2, 3])
        tap.equal(home.failures(), [(primary.port, 2)], 'and failed twice')
        delivered(how(home, a), 'so it waits again', peers, [2, 4])
        home.later()
        delivered(how(home, a), 'the primary is back', peers, [3, 4])
        tap.equal(home.failures(), [], 'and nothing is held against it')
        delivered(how(home, a), 'it is used', peers, [4, 4])


def test_last_not_never():
    with Peer(BUSY, {}) as one, Peer(BUSY, BUSY, BUSY) as two, Health() as home:
        home.route(addresses(',', one, two))
        answers = worker(home, ['a@example.net'])
        tap.ok(matches(answers, 'Z', '421 busy'), 'both are busy')
        tap.equal(home.failures(), sorted([(one.port, 1), (two.port, 1)]), 'both are remembered')
        delivered(worker(home, ['a@example.net']), 'they are tried all the same, in their order', (one, two), [2, 1])
    with Peer(BUSY, {}) as one, Health() as home:
        home.route(addresses(',', one))
        tap.ok(matches(worker(home, ['a@example.net']), 'Z', '421 busy'), 'the only one is busy')
        delivered(worker(home, ['a@example.net']), 'it is tried again at once', (one,), [2])
    with Peer({'END': CLOSE}, {}) as primary, Peer({}) as backup, Health() as home:
        home.route(addresses(',', primary, backup))
        tap.ok(matches(worker(home, ['a@example.net']), 'Z', 'Possible duplicate'), 'lost after the text')
        delivered(worker(home, ['a@example.net']), 'the next attempt is not lost at the same place',
                  (primary, backup), [1, 1])
    for script in ({'RCPT': b'450 later\r\n'}, {'MAIL': b'550 no\r\n'}, {'END': b'451 later\r\n'}):
        with Peer(script) as primary, Peer({}) as backup, Health() as home:
            home.route(addresses(',', primary, backup))
            worker(home, ['a@example.net'])
            tap.equal(home.failures(), [], f'{script} is no failure of the relay')


def test_one_probes():
    with Peer(BUSY, {'greeting': SILENCE}) as primary, Peer({}) as backup, Health() as home:
        home.route(addresses(',', primary, backup))
        worker(home, ['a@example.net'])
        home.later()
        with Worker(home) as first:
            first.job(['a@example.net'])
            ternlab.wait_until(lambda: primary.connections == 2, 'the primary is tried')
            delivered(worker(home, ['a@example.net']), 'while one tries it no other does', (primary, backup), [2, 2])
            primary.hang_up()
            tap.ok(matches(first.report(), 'K', 'accepted'), 'who tried it went to the backup, too')
        tap.equal(home.failures(), [(primary.port, 2)], 'that was one failure')


def test_file():
    contents = (b'', b'\0' * 5000, b'x' * 100000, b'\xff\n' * 300, b'127.0.0.1 25 1 1', b' ' * 79 + b'\n')
    for content in contents:
        with Peer(BUSY) as primary, Peer({}) as backup, Health() as home:
            home.route(addresses(',', primary, backup))
            with open(home.file(), 'wb') as file:
                file.write(content)
            delivered(worker(home, ['a@example.net']), f'a file that begins {content[:9]}', (primary, backup), [1, 1])
            delivered(worker(home, ['a@example.net']), 'serves from then on', (primary, backup), [1, 2])
    for name, make in (('a folder', os.mkdir), ('a pipe', os.mkfifo), ('a link', lambda p: os.symlink('x', p)),
                       ('no folder to be in', lambda p: os.rmdir(os.path.dirname(p)))):
        with Peer(BUSY) as primary, Peer({}) as backup, Health() as home:
            home.route(addresses(',', primary, backup))
            if os.path.exists(home.file()):
                os.unlink(home.file())
            make(home.file())
            delivered(worker(home, ['a@example.net']), f'{name} in its place', (primary, backup), [1, 1])
            delivered(worker(home, ['a@example.net']), 'is as if nothing was known', (primary, backup), [2, 2])


def peer_beside_silence():
    """A peer, and at its port of ::1 a listener that is bound, but does not listen yet."""
    for _ in range(100):
        peer, listener = Peer({}), socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind(('::1', peer.port))
            return peer, listener
        except OSError:
            listener.close()
            peer.__exit__()
    raise RuntimeError('no port is free at both addresses')


def fill(listener):
    """Fills the listener: no packet to it is answered any more. Returns what holds it."""
    listener.listen(0)
    held = [listener]
    for _ in range(16):
        client = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        client.settimeout(0.5)
        held.append(client)
        try:
            client.connect(listener.getsockname())
        except socket.timeout:
            return held
    raise RuntimeError('the listener is never full')


def test_dead_ipv6():
    try:
        with socket.create_server(('::1', 0), family=socket.AF_INET6):
            pass
    except OSError:
        tap.skip('dead IPv6', 'there is no IPv6')
        return
    # Without connections to both at once this would take ten minutes, and then not again for one.
    peer, listener = peer_beside_silence()
    with peer, Health(timeoutconnect='600') as home:
        held = fill(listener)
        home.control('smtproutes', f':localhost:{peer.port}')
        for name in ('IPv6 does not answer: IPv4 does', 'and again'):
            with Worker(home) as w:
                w.job(['a@example.net'])
                _, host, address, answers = w.report(host=True)
            tap.equal((host, address, answers[0].verdict), ('localhost', '127.0.0.1', 'K'), name)
        with open(home.file()) as file:
            tap.equal([line.split()[0] for line in file.read().splitlines()], ['::1'], 'IPv6 is tried last now')
        for each in held:
            each.close()


def test_share():
    messages = 10000 if os.environ.get('TERN_LONG') else 200
    workers = 20 if os.environ.get('TERN_LONG') else 1
    with Peer({}) as one, Peer({}) as two, Peer(BUSY) as dead, Peer({}) as later, Health() as home:
        home.route(addresses('+', one, dead, two) + ',' + addresses('', later))
        for _ in range(workers):
            with Worker(home) as w:
                for _ in range(messages // workers):
                    w.deliver(['a@example.net'])
        counts = [len(peer.texts) for peer in (one, two)]
        tap.ok(sum(counts) == messages and max(counts) - min(counts) <= messages // 10,
               f'of {messages} messages equals get their part within a tenth') or print('#', counts)
        tap.ok(dead.connections >= 1 and later.connections == 0, 'without the one that is dead, or the alternative')
        tap.ok(one.connections + two.connections <= messages // 10 + workers, 'sessions are used again')
    with Peer({}) as one, Peer({}) as two, Health() as home:
        home.route(addresses(',', one, two))
        with Worker(home) as w:
            for _ in range(30):
                w.deliver(['a@example.net'])
        tap.equal([one.connections, two.connections], [1, 0], 'what is no equal stays with one session')


def test_cost():
    """One look at the file for a connection, and none for more messages over it."""
    with Peer({}) as one, Peer({}) as two, Health() as home:
        home.route(addresses(',', one, two))
        log = home.file('strace')
        tool = ['strace', '-y', '-o', log, '-e', 'trace=openat,pread64,pwrite64,fstat,newfstatat']
        with Worker(home, tool=tool) as w:
            for _ in range(5):
                w.deliver(['a@example.net'])
        with open(log) as file:
            calls = [line.split('(')[0] for line in file if 'remote/health' in line]
        tap.ok(calls.count('openat') == 1 and calls.count('pread64') == 1 and calls.count('pwrite64') == 0,
               'a good session: opened once, read once, never written') or print('#', calls)


def test_servers_not_needed():
    with Peer({}) as one, Health(dnsservers='this is wrong') as home:
        home.route(addresses(',', one))
        delivered(worker(home, ['a@example.net']), 'a wrong dnsservers does not stop a route to an address', (one,), [1])
        home.route(f'relay.example:{one.port}')
        tap.ok(matches(worker(home, ['a@example.net']), 'T', r'control/dnsservers:1: .*#4\.3\.5'),
               'a relay with a name waits, and it is said why')
        home.control('smtproutes', 'example.org:127.0.0.1')
        tap.ok(matches(worker(home, ['a@example.net']), 'T', r'control/dnsservers:1: .*#4\.3\.5'), 'MX as well')


test_backup(worker)
test_backup(command)
test_last_not_never()
test_one_probes()
test_file()
test_dead_ipv6()
test_share()
test_cost()
test_servers_not_needed()
tap.end()
