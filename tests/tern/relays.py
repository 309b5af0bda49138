#!/usr/bin/python3
"""tern relays: which relays failed lately, as the workers remember it."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

HOUR = 3600
lab = ternlab.Tap()


def slot(address, port, failures, failed):
    return f'{address} {port} {failures} {failed}'.ljust(79) + '\n'


def main(tern):
    def relays(*argv, code=0):
        done = tern.run('tern', 'relays', *argv)
        if done.returncode != code:
            lab.ok(False, f'relays {argv}: exit {done.returncode}, wanted {code}: {done.stderr}')
        return done.stdout.decode()

    def remember(*slots):
        tern.write('run/remote/health', ''.join(slots), 0o600)

    def memory():
        with open(tern.path('run/remote/health')) as file:
            return file.read()

    lab.equal(relays(), 'no relay or host has failed since it last worked\n', 'nothing is known at first')
    lab.equal(json.loads(relays('--json')), {'relays': []}, 'as JSON')
    now = int(time.time())
    # The longest pause is an hour, and the shortest ended long ago: the test may take as long as it likes.
    remember(slot('192.0.2.1', 25, 9, now), slot('2001:db8::1', 2525, 1, now - 5 * HOUR), 'garbage'.ljust(80),
             slot('192.0.2.1', 26, 2, now - 3 * HOUR), slot('192.0.2.3', 25, 1, now + 9 * HOUR), 'cut')
    lines = relays().splitlines()
    lab.equal([line.split(':')[0].split(' port')[0] for line in lines], ['2001', '192.0.2.1', '192.0.2.1', '192.0.2.3'],
              'what failed last is at the end')
    lab.ok(lines[0].startswith('2001:db8::1 port 2525: 1 failure, the last ') and
           lines[0].endswith('; tried again in its turn'), 'one whose time is over') or print('#', lines)
    lab.ok(lines[2].startswith('192.0.2.1 port 25: 9 failures') and '; tried last for ' in lines[2],
           'one that is tried last') or print('#', lines)
    lab.equal(lines[3], '192.0.2.3 port 25: 1 failure; tried again in its turn', 'one that fails tomorrow is not')
    answer = json.loads(relays('--json'))['relays']
    lab.equal(answer[2], {'address': '192.0.2.1', 'port': 25, 'failures': 9, 'failed': now, 'until': now + HOUR,
                          'last': True}, '--json')
    lab.equal([a['last'] for a in answer], [False, False, True, False], 'of each')
    lab.equal(relays('--json', tern.home), relays('--json'), 'of a folder')

    relays('forget', '192.0.2.1')
    lab.equal([line.split(' port')[0] for line in relays().splitlines()], ['2001:db8::1', '192.0.2.3'],
              'forget an address, at all ports')
    lab.equal(len(memory()), 5 * 80 + 3, 'the file stays as long as it was')
    relays('forget', '192.0.2.99', code=1)
    relays('forget', '--dir', tern.home, '192.0.2.99', '2001:DB8:0::1', code=1)
    lab.equal([line.split(' port')[0] for line in relays().splitlines()], ['192.0.2.3'], 'one known and one not')
    relays('forget', '--all')
    lab.equal(json.loads(relays('--json')), {'relays': []}, 'forget them all')
    remember('\0' * 100000)
    lab.equal(json.loads(relays('--json')), {'relays': []}, 'a file of something else')
    for argv in (('--nonsense',), ('a', 'b'), ('forget',), ('forget', '--nonsense'), ('forget', '--all', 'x'),
                 ('forget', 'relay.example'), ('/nowhere',)):
        lab.equal(tern.run('tern', 'relays', *argv).returncode, 100, f'relays {argv}: exit 100')


def in_service(tern):
    """As the workers of a running instance remember it, confined and as their own user."""
    dead = ternlab.free_port()
    with ternlab.Sink() as sink:
        tern.control('smtproutes', f':127.0.0.1:{dead},127.0.0.1:{sink.port}')
        tern.up()
        for count in (1, 2):
            tern.send_smtp('ann@tern.test', [f'a@d{count}.example'], b'Subject: x\r\n\r\nhello\r\n')
            sink.wait(count)
        known = json.loads(tern.run('tern', 'relays', '--json').stdout)['relays']
        lab.equal([(r['port'], r['failures']) for r in known], [(dead, 1)],
                  'two workers of two destinations, one failure')
        first = [m for m in tern.log('send') if 'confinement:' in m]
        lab.equal(first, [], 'no wall was met')
        tern.down()


with ternlab.Instance() as instance:
    main(instance)
    instance.write('run/remote/health', '', 0o600)
    in_service(instance)
lab.end()
