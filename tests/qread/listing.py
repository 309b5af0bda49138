#!/usr/bin/python3
"""The queue as tern-qread, tern-qstat and mailq show it."""
import json
import os

import fakequeue
import spoollab
import ternlab

tap = ternlab.Tap()
home = fakequeue.FakeHome(me='host.test')
os.chmod(home.path, 0o755)
for kind in ('mess', 'hist'):
    for shard in range(64):
        os.makedirs(os.path.join(home.path, 'queue', kind, str(shard)), mode=0o755)
UTC = {'TZ': 'UTC'}


def put(kind, number, data):
    path = os.path.join(home.path, 'queue', kind, str(number % 64), str(number))
    with open(path, 'wb') as f:
        f.write(data)
    return path


def run(program, *argv, **more):
    return home.run(program, *argv, environment=UTC, **more)


def listing(program, *argv):
    done = run(program, *argv)
    if done.returncode or done.stderr:
        raise RuntimeError(f'{program}: {done.returncode}: {done.stderr}')
    return done.stdout.decode()


try:
    tap.equal(listing('mailq'), 'Mail queue is empty\n', 'mailq of an empty queue')
    tap.equal(listing('sendmail', '-bp'), 'Mail queue is empty\n', 'sendmail -bp is mailq')
    tap.equal(listing('tern-qread'), '', 'tern-qread of an empty queue')
    tap.equal(listing('mailq', '--json'), '', 'mailq --json of an empty queue')
    tap.equal(listing('tern-qstat'), 'messages in queue: 0\n'
              'messages in queue but not yet preprocessed: 0\n', 'tern-qstat of an empty queue')

    # One deferred, one that nothing has happened to, one that is done, one arriving.
    body = b'Subject: x\n\n' + b'x' * 2000 + b'\n'
    first, second, third, fourth = (1700000000000000 + n for n in range(4))
    put('mess', first, spoollab.entry(body, b'ann@example.org',
                                      [b'bob@example.net', b'c@host.test', b'd@x.y', b'e@x.y']))
    later = b'192.0.2.1 does not like recipient./Remote host said: 451 4.7.1 later'
    put('hist', first, spoollab.event(b'delivered', b'1') + spoollab.event(
        b'deferred', b'0', later, b'mx.example.net', b'192.0.2.1', attempt=2, next=1700000300) +
        spoollab.event(b'trouble', b'2-3', b'no DNS', attempt=0, next=1700000060))
    put('mess', second, spoollab.entry(body, b'', [b'z@host.test'], uid=12345))
    put('mess', third, spoollab.entry(body, b'a@b', [b'z@host.test']))
    put('hist', third, spoollab.event(b'delivered', b'0'))
    put('mess', fourth, b'Received: half a mess')
    tap.equal(listing('mailq'),
              '-Queue ID-------- --Size-- ----Arrival Time---- -Sender/Recipient-------\n'
              '1700000000000000      2013 Tue Nov 14 22:13:20  ann@example.org\n'
              f'                  ({later.decode()})\n'
              '                  (next try Tue Nov 14 22:18:20, attempt 3)\n'
              '                                                bob@example.net\n'
              '                  (no DNS)\n'
              '                  (next try Tue Nov 14 22:14:20, attempt 1)\n'
              '                                                d@x.y\n'
              '                                                e@x.y\n'
              '\n'
              '1700000000000001      2013 Tue Nov 14 22:13:20  MAILER-DAEMON\n'
              '                                                z@host.test\n'
              '\n'
              '-- 3 Kbytes in 2 Requests.\n', 'mailq: reasons, next tries, what is left')
    tap.equal(listing('mailq', '-v', '-Ac'), listing('mailq'), 'mailq takes options')
    tap.equal(listing('tern-qread', '--mailq'), listing('mailq'), 'tern-qread --mailq')
    tap.equal(listing('tern-qread'),
              '14 Nov 2023 22:13:20 GMT  #1700000000000000  2013  <ann@example.org> \n'
              '  done\tlocal\tc@host.test\n\tremote\tbob@example.net\n'
              '\tremote\td@x.y\n\tremote\te@x.y\n'
              '14 Nov 2023 22:13:20 GMT  #1700000000000001  2013  <> \n\tlocal\tz@host.test\n',
              'tern-qread: the form of qmail-qread')
    tap.equal(listing('tern-qstat'), 'messages in queue: 4\n'
              'messages in queue but not yet preprocessed: 1\n', 'tern-qstat counts')
    objects = [json.loads(line) for line in listing('tern-qread', '--json').splitlines()]
    tap.equal(objects[0]['recipients'][0], {
        'address': 'bob@example.net', 'where': 'remote', 'status': 'pending', 'attempts': 2,
        'next': 1700000300, 'when': 1700000000, 'host': 'mx.example.net',
        'host_address': '192.0.2.1', 'reason': later.decode()}, '--json: a recipient')
    del objects[1]['recipients']
    tap.equal(objects[1], {'id': '1700000000000001', 'arrival': 1700000000, 'size': 2013,
                           'sender': '', 'via': 'local', 'uid': 12345,
                          'held': 0, 'active': 0}, '--json: a message')

    # Held, and released again.
    put('hist', second, spoollab.event(b'held', b'0', b'by uid 0', time=1700000009))
    shown = listing('mailq')
    tap.ok(f'\n{second}! ' in shown and f'\n{first} ' in shown, 'mailq marks what is held')
    tap.equal([json.loads(line)['held'] for line in listing('mailq', '--json').splitlines()],
              [0, 1700000009], '--json says since when')
    put('hist', second, spoollab.event(b'held', b'0') + spoollab.event(b'released', b'0'))
    tap.ok('!' not in listing('mailq'), 'but not what was released')

    # A failure that is being told, and hostile bytes.
    os.unlink(os.path.join(home.path, 'queue', 'mess', str(second % 64), str(second)))
    put('hist', first, spoollab.event(b'failed', b'0-3', b'gone'))
    tap.ok('<ann@example.org>  bouncing\n  done\tlocal\t' in listing('tern-qread'), 'bouncing')
    tap.ok('(gone)\n                  (failed; the sender is being told)\n' in listing('mailq'),
           'mailq says so')
    tap.ok(listing('mailq').endswith('\n-- 1 Kbytes in 1 Request.\n'), 'one request')
    put('mess', first, spoollab.entry(body, b'a"\\\x1b[2J\xff@b', [b'j\xc3\xb6@\xed\xa0\x80\x7f']))
    put('hist', first, b'torn')
    tap.ok('\x1b' not in listing('mailq') + listing('tern-qread') + listing('mailq', '--json'),
           'no escape reaches the terminal')
    tap.ok(listing('tern-qread').endswith('  <a"\\_[2J_@b> \n\tremote\tj__@____\n'), 'tern-qread has a _ for them, as qmail-qread')
    message = json.loads(listing('tern-qread', '--json'))
    tap.equal((message['sender'], message['recipients'][0]['address']),
              ('a"\\\x1b[2J\ufffd@b', 'j\u00f6@\ufffd\ufffd\ufffd\x7f'), 'and JSON stays JSON')

    # What can not be read.
    path = put('mess', first, spoollab.entry(body, b'a@b', [b'c@d'])[:-3] + b'x0\n')
    done = run('tern-qread')
    tap.ok(done.returncode == 111 and b'msg 1700000000000000' in done.stderr and
           done.stdout == b'', 'a broken entry is a warning, and 111')
    tap.equal(run('mailq').returncode, 75, 'as mailq 75')
    os.unlink(path)
    for argv, code in [(['tern-qread', '-x'], 100), (['tern-qread', 'x'], 100),
                       (['mailq', '--x'], 64), (['mailq', 'x'], 64)]:
        tap.equal(run(*argv).returncode, code, f'{argv}: {code}')
    home.control('locals', '\0')
    done = run('tern-qread')
    tap.ok(done.returncode == 111 and b'control/locals:1' in done.stderr, 'a wrong setting')
    os.unlink(os.path.join(home.path, 'control', 'locals'))

    # Who sees what.
    put('mess', first, spoollab.entry(body, b'mine@b', [b'c@d'], uid=61234))
    put('mess', second, spoollab.entry(body, b'other@b', [b'c@d'], uid=61235))
    if os.geteuid() == 0:
        shown = run('tern-qread', user=61234, group=61234, extra_groups=[]).stdout
        tap.ok(b'mine@b' in shown and b'other@b' not in shown, 'people see their own messages')
        os.chown(os.path.join(home.path, 'queue', 'hist'), 61234, -1)
        shown = run('tern-qread', user=61234, group=61234, extra_groups=[]).stdout
        tap.ok(b'mine@b' in shown and b'other@b' in shown, "tern-send's user sees all")
    else:
        tap.skip('people see their own messages', 'needs root')
    os.rename(os.path.join(home.path, 'queue', 'mess', '7'), os.path.join(home.path, 'q7'))
    done = run('tern-qread')
    tap.ok(done.returncode == 111 and b'queue' in done.stderr, 'a queue that is not whole: 111')
    done = home.run('mailq', environment={'TERNHOME': '/nowhere'})
    tap.ok(done.returncode == 75 and b'/nowhere' in done.stderr, 'no home: 75')

    # Many.
    os.rename(os.path.join(home.path, 'q7'), os.path.join(home.path, 'queue', 'mess', '7'))
    for n in range(1000):
        put('mess', first + 100 + n, spoollab.entry(b'\n', b's%d@b' % n, [b'c@d']))
    shown = listing('tern-qread', '--json').splitlines()
    tap.equal([json.loads(line)['sender'] for line in shown],
              ['mine@b', 'other@b'] + [f's{n}@b' for n in range(1000)], '1002, oldest first')
finally:
    home.__exit__()
tap.end()
