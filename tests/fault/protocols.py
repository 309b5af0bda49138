#!/usr/bin/python3
"""What the programs tell each other, cut, changed and made up: a daemon that hears it from a
less trusted side goes on and serves the others, in bounded time; one that hears it from a
more trusted side ends loudly, having done nothing."""
import os
import random
import socket
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [HERE, os.path.join(HERE, 'smtpd')]
import faultlab
import locallab
import queuelab
import remotelab
import sendlab
import smtpdlab
import ternlab
from sendlab import field

lab = ternlab.Tap()
CHANCE = random.Random(faultlab.SEED)
MANY = 3000 if faultlab.LONG else 300
MESSAGE, ENVELOPE = b'Subject: x\n\nhello\n' * 10, b'Fa@b.example\0Tc@d.example\0\0'
GOOD = b'good@here.test'


def damaged(data, count):
    """The data cut at each place, and changed at random."""
    for length in range(len(data)):
        yield data[:length]
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(CHANCE.randrange(1, 4)):
            changed[CHANCE.randrange(len(changed))] = CHANCE.randrange(256)
        yield bytes(changed)


def spent(pid):
    """Seconds of processor of a process and the children that it waited for."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rpartition(')')[2].split()
    return sum(map(int, fields[11:15])) / 100


def queue_clients():
    """Clients of the queue's service."""
    whole = queuelab.submission(MESSAGE, ENVELOPE, b'vnetwork\0')
    frames = [struct.pack('>cI', letter, length) + b'x' * min(length, 100)
              for letter in (b'O', b'M', b'E', b'X', b'\0')
              for length in (0, 1, 1024, 1025, 65536, 65537, 2 ** 31, 2 ** 32 - 1)]
    tries = [*damaged(whole, MANY), *frames, os.urandom(100000), b'\0' * 100000,
             b'E' + whole[1:], queuelab.frame(b'E', ENVELOPE) + queuelab.frame(b'M', MESSAGE),
             queuelab.frame(b'O', b'v\0' * 400) * 3, queuelab.frame(b'M', b'') * 20000]
    with queuelab.Home() as home, queuelab.Service(home) as service:
        taken = 0
        for data in tries:
            with service.connect() as client:
                client.socket.settimeout(ternlab.PATIENCE)
                try:
                    client.send(data)
                    client.socket.shutdown(socket.SHUT_WR)
                    while answer := client.answer():
                        taken += answer[0] == 0
                except (BrokenPipeError, ConnectionError):
                    pass
        ternlab.wait_until(lambda: len(home.names()) == taken, 'only whole messages')
        entries = home.entries()  # each of them is sealed and agrees
        lab.equal(len(entries), taken, f'{len(tries)} odd clients of tern-queue: only what it '
                  f'acknowledged is there ({taken})')
        home.clear()
        with service.connect() as client:
            lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 0, '... and it serves the next one')
        lab.ok(spent(service.child.pid) < 10, f'... after {spent(service.child.pid):.1f} s')
        faultlab.result('protocol', 'tern-queue', len(tries), len(entries) - taken)


def trigger():
    """Whoever can write to the trigger."""
    with sendlab.World() as world, world.send() as send:
        send.run(send.quiet(0.1), 10)
        fd = os.open(world.file('queue/lock/trigger'), os.O_WRONLY)
        lines = b''.join(b'%d\n' % n for n in range(1, 20000)) + b'9' * 100000 + b'\n' + \
            b'\0' * 5000 + b'\n-1\n18446744073709551615\n18446744073709551616\n0\n\n\n' + \
            os.urandom(50000)
        view = memoryview(lines)
        os.set_blocking(fd, False)
        while view:
            try:
                view = view[os.write(fd, view[:60000]):]
            except BlockingIOError:
                send.run(seconds=0.02)
        os.close(fd)
        send.run(send.quiet(0.3), 20)
        id = world.put('m', MESSAGE, b's@from.test', [GOOD])
        world.trigger(id)  # perhaps into the middle of a line: then a scan would find it
        world.trigger(id)
        lab.ok(send.run(lambda: world.delivered[id, GOOD], ternlab.PATIENCE), 'garbage in the trigger')
        lab.ok(spent(send.child.pid) < 3, f'... costs {spent(send.child.pid):.2f} s')
        faultlab.result('protocol', 'trigger', 20006, int(send.code is not None))


def control():
    """The tools of the queue, towards tern-send."""
    requests = [field(b'state', b'1'), field(b'counts'), field(b'destinations'),
                field(b'replies'), field(b'hold', b'1'), field(b'remove', b'1', b'2')]
    with sendlab.World() as world:
        os.makedirs(world.file('run/send'))
        id = world.put('m', MESSAGE, b's@from.test', [b'later9x@r1.test'])
        with world.send() as send:
            send.run(send.quiet(0.2), 10)

            def try_connect():
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                folder = os.open(world.file('run/send'), os.O_RDONLY)
                try:
                    s.settimeout(1)
                    s.connect(f'/proc/self/fd/{folder}/socket')
                    return s
                except BlockingIOError:  # tern-send is not as fast as we are
                    s.close()
                    send.run(seconds=0.01)
                    return None
                finally:
                    os.close(folder)

            def connect():
                return ternlab.wait_until(try_connect, 'a place at the socket of tern-send')

            count = 0
            silent = []
            for data in [d for r in requests for d in damaged(r, MANY // 20)] + \
                    [os.urandom(n) for n in (1, 100, 60000)] + [b'1\0' * 30000]:
                if data.startswith((b'remove', b'hold')) and b'%d' % id in data:
                    continue
                count += 1
                if count % 8 == 1:
                    for s in silent:
                        s.close()
                    silent = [connect() for _ in range(12)]
                try:
                    s = connect()
                    s.send(data or b'\0', socket.MSG_DONTWAIT)
                    s.close()
                except OSError:
                    pass
                send.run(seconds=0.001)
            late = world.put('late', MESSAGE, b's@from.test', [GOOD])
            world.trigger(late)
            lab.ok(send.run(lambda: world.delivered[late, GOOD], ternlab.PATIENCE),
                   f'{count} odd requests of tools: tern-send goes on')
            lab.ok(os.path.exists(world.mess(id)), '... and its mail is there')
            lab.ok(spent(send.child.pid) < 5, f'... after {spent(send.child.pid):.1f} s')
            for s in silent:
                s.close()
            faultlab.result('protocol', 'control', count, int(send.code is not None))


def ends_with(argv, packets, home, fds=0, **options):
    """The exit codes for each packet on descriptor 0, from the side it trusts."""
    codes = []
    for packet in packets:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            child = subprocess.Popen(argv, stdin=theirs, cwd=home, stderr=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL,
                                     env={'PATH': os.environ['PATH'], 'TERNHOME': home}, **options)
        with ours, open('/dev/null') as null:
            socket.send_fds(ours, [packet], [null.fileno()] * fds)
        try:
            codes.append(child.wait(ternlab.PATIENCE))
        finally:
            faultlab.stop(child)
    return codes


def trusted_side():
    """send's word to workers, spawners, clean and bounce: whatever is no job ends them."""
    job = field(1, 1700000000000000, 10, 0, 0, b'example.net', b's@x', b'r@example.net')
    odd = [b'x', b'\0', job[:-1], job[:20], b'-' + job, job.replace(b'10', b'1x'),
           field(1, 1, 1, 2, 0, b'd', b's', b'r'), field(*[1] * 7), os.urandom(1000),
           field(1, 1, 1, 0, 0, b'd', b's', *[b'r@d'] * 101), b'9' * 30 + b'\0' * 9]
    with remotelab.Home() as home:
        codes = ends_with([os.path.join(ternlab.BIN, 'tern-remote'), '-w', 'example.net'], odd,
                          home.path, fds=1)
        lab.equal(set(codes), {100}, 'what is no job ends tern-remote with 100')
        lab.equal(set(ends_with([os.path.join(ternlab.BIN, 'tern-remote'), '-w', 'example.net'],
                                [job], home.path)), {100}, '... and a job without a message')
        requests = [b'x', b'\0', field(1), field(1, b''), field(b'x', b'd'), field(1, b'd', b'e'),
                    field(1, b'd' * 1003), field(1, b'd')[:-1], b'1' * 5000]
        lab.equal(set(ends_with([os.path.join(ternlab.BIN, 'tern-rspawn')], requests, home.path)),
                  {100}, 'what is no request ends tern-rspawn with 100')
    with locallab.User() as user:
        user.maildir()
        argv = [locallab.LOCAL, '-w', '--', 'joe', user.home, 'joe', '', '', 'example.org',
                './Maildir/']
        codes = ends_with(argv, odd, user.tern, fds=1, **locallab.AS_USER)
        lab.equal(set(codes), {100}, 'what is no job ends tern-local with 100')
        lab.equal(user.files('Maildir/new'), [], '... and nothing is delivered')
    with queuelab.Home() as home:
        names = [b'../../control/me', b'/etc/passwd', b'0', b'-1', b'+1', b' 1', b'01', b'1 2',
                 b'!!1', b'!../x', b'', b'1' * 21, b'1\0', b'18446744073709551616']
        codes = []
        for name in names:
            child = subprocess.Popen([os.path.join(ternlab.BIN, 'tern-clean')],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, env=home.environment())
            out, _ = child.communicate(name + b'\n', ternlab.PATIENCE)
            codes.append((child.returncode, out))
        lab.equal([c for c in codes if c != (100, b'')], [],
                  'what is no id ends tern-clean with 100, and it removes nothing')
        lab.ok(os.path.exists(home.file('control/me')), '... least of all what is not its own')
    faultlab.result('protocol', 'trusted-side', len(odd) * 2 + len(requests) + len(names) + 1, 0)


ANSWERS = [b'', b'\n', b'0', b'0\n', b'-1 x\n', b'0x0 1 2\n', b'1e1 x\n', b' 0 1 2\n', b'+0 1 2\n',
           b'250 ok\n', b'K\n', b'0 ' + b'x' * 400 + b'\n', b'x' * 100000, b'\0' * 500,
           b'99999999999999999999 x\n', b'53 full\n', b'91 wrong\n', b'31 no\n', b'0\t1 2\n',
           b'0 1 2', b'0 \0\n']


class OddQueue(smtpdlab.Home):
    """Answers once, and is gone."""

    def _serve(self, connection, stream):
        envelope = b''
        while not envelope.endswith(b'\0\0'):
            letter, length = struct.unpack('>cI', stream.read(5))
            data = stream.read(length)
            if letter == b'R':
                connection.sendall(self.room)
            envelope += data if letter == b'E' else b''
        connection.sendall(self.answer)


def queue_answers():
    """What is not the queue's "taken" is never a 250; nor is a queue that is gone."""
    wrong = []
    for answer in ANSWERS:
        with OddQueue() as home:
            home.answer = answer
            with smtpdlab.Command(home) as client:
                client.socket.settimeout(ternlab.PATIENCE)
                client.hello()
                client.begin()
                client.send(b'Subject: x\r\n\r\nhello\r\n.\r\n')
                reply = client.reply()
            if not reply.startswith(('4', '5') if answer.startswith((b'91', b'31')) else '4'):
                wrong.append((answer[:30], reply))
    lab.equal(wrong, [], f'{len(ANSWERS)} odd answers of the queue: never 250, and not final')
    faultlab.result('protocol', 'queue-answer', len(ANSWERS), len(wrong))


queue_clients()
trigger()
control()
trusted_side()
queue_answers()
lab.end()
