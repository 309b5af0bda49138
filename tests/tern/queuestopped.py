#!/usr/bin/python3
"""The tools of the queue while no tern-send runs: orders on the files, check and repair."""
import fcntl
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')
lab = ternlab.Tap()
HELLO = b'Subject: x\r\n\r\nhello\r\n'


def queue(tern, *arguments):
    return subprocess.run([TERN, 'queue', *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=tern.environment(), timeout=ternlab.PATIENCE)


def order(tern, *arguments):
    return json.loads(queue(tern, *arguments, '--json').stdout)


def problems(tern):
    done = queue(tern, 'check', '--json')
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {line['path']: line['problem'] for line in lines if 'path' in line}


def mess(message, kind='mess'):
    return f'queue/{kind}/{message % 64}/{message}'


with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('rcpthosts', 'example.net')
    tern.control('retry', ':0:1h')
    tern.up()
    names = ['hold', 'rm', 'bounce', 'retry', 'keep']
    for name in names:
        tern.send_smtp(f'{name}@example.org', [f'451.{name}@example.net'], HELLO)
    tern.wait_log('deferral', len(names))
    ternlab.wait_until(lambda: len(tern.queue('hist')) == len(names), 'the histories')
    # One that nothing has happened to.
    tern.s6('s6-svc', '-wD', '-d', 'service/send')
    tern.send_smtp('new@example.org', ['451.new@example.net'], HELLO)
    tern.down()
    ids = {}
    for line in queue(tern, 'ls', '--json').stdout.splitlines():
        message = json.loads(line)
        ids[message['sender'].partition('@')[0]] = int(message['id'])
    lab.equal(sorted(ids), sorted([*names, 'new']), 'ls of a stopped queue')
    lab.equal(order(tern, 'ls', '--state', 'waiting')['sender'], 'new@example.org', 'what was not yet tried is waiting')

    # Orders on the files.
    lab.equal(order(tern, 'hold', '--sender', 'hold@*')['done'], 1, 'hold')
    lab.equal(order(tern, 'hold', str(ids['new']))['done'], 1, 'hold what nothing has happened to')
    lab.equal(order(tern, 'release', str(ids['keep']))['nothing'], 1, 'release what is not held')
    lab.equal(order(tern, 'rm', '--sender', 'rm@*')['done'], 1, 'rm')
    lab.ok(ids['rm'] not in tern.queue() + tern.queue('hist'), 'the files are gone')
    lab.equal(order(tern, 'bounce', '--sender', 'bounce@*')['done'], 1, 'bounce')
    lab.equal(order(tern, 'retry', '--sender', 'retry@*')['done'], 1, 'retry')
    owners = {os.lstat(tern.path(mess(i, 'hist'))).st_uid for i in tern.queue('hist')}
    lab.equal(owners, {tern.uid}, "histories belong to the queue's user")
    lab.equal(problems(tern), (0, {}), 'check: no problem')
    lab.equal(json.loads(queue(tern, 'top', '--count', '1', '--json').stdout)['running'], False, 'top says that nothing runs')

    # The lock: no tern-send starts meanwhile, and none of us beside it.
    with open(tern.path('queue/lock/send'), 'r+') as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for command in (['hold', '--all'], ['rm', '--all'], ['repair']):
            done = queue(tern, *command)
            lab.ok(done.returncode == 111 and f'process {os.getpid()}' in done.stderr, f'{command[0]}: not while another has the lock')
        lab.equal(queue(tern, 'ls').returncode, 0, 'ls all the same')

    # What was done is what tern-send finds.
    asked = {name: len(sink.rcpt_times.get(f'451.{name}@example.net', [])) for name in [*names, 'new']}
    tern.up()
    tern.wait_log('^bounce of msg')
    ternlab.wait_until(lambda: len(sink.rcpt_times['451.retry@example.net']) > asked['retry'], 'the retry')
    ternlab.wait_until(lambda: ids['bounce'] not in tern.queue(), 'the end of the bounced message')
    ternlab.wait_until(lambda: order(tern, 'top', '--count', '1')['hold'] == 2, 'the holds')
    ternlab.wait_until(lambda: [m for m in sink.messages if m.sender == ''], 'the bounce')
    lab.ok('451.new@example.net' not in sink.rcpt_times, 'what was held before its first try is not tried')
    lab.equal(len(sink.rcpt_times['451.hold@example.net']), asked['hold'], 'nor what was held later')
    lab.equal([m.recipients for m in sink.messages if m.sender == ''], [['bounce@example.org']], 'one bounce')
    lab.equal(order(tern, 'release', str(ids['new']))['done'], 1, 'release')
    ternlab.wait_until(lambda: '451.new@example.net' in sink.rcpt_times, 'its first try')
    ternlab.wait_until(lambda: tern.queue('hist') == tern.queue(), 'the deferral')
    tern.down()

    # Damage of every kind: check names each, repair mends it.
    left = sorted(tern.queue())
    broken, misplaced, mode, damaged, unsealed = left[0], left[1], left[2], left[3], 1000000000000000
    with open(tern.path(mess(broken)), 'r+b') as f:
        f.seek(20)
        byte = f.read(1)
        f.seek(20)
        f.write(bytes([byte[0] ^ 1]))
    wrong = f'queue/mess/{(misplaced + 1) % 64}/{misplaced}'
    os.rename(tern.path(mess(misplaced)), tern.path(wrong))
    os.chmod(tern.path(mess(mode)), 0o644)
    with open(tern.path(mess(damaged, 'hist')), 'ab') as f:
        f.write(b'half a li')
    tern.write(mess(17, 'hist'), b'', 0o640)
    tern.write(mess(unsealed), b'Received: half', 0o640)
    os.utime(tern.path(mess(unsealed)), (1, 1))
    tern.write('queue/mess/5/README', b'foreign', 0o640)
    os.chmod(tern.path('queue/hist/7'), 0o700)
    os.rmdir(tern.path('queue/bad'))
    code, found = problems(tern)
    lab.equal(code, 1, 'check: exit 1')
    for path, part in ((mess(broken), 'broken'), (wrong, 'wrong folder'), (mess(mode), 'mode 0644'),
                       (mess(damaged, 'hist'), 'damaged'), (mess(unsealed), 'broke off'),
                       ('queue/mess/5/README', 'nothing of tern'), ('queue/hist/7', 'mode 0700'), ('queue/bad', 'missing')):
        lab.ok(part in found.get(path, ''), f'check: {path}: {part}: {found.get(path)}')
    dry = queue(tern, 'repair', '--dry-run')
    lab.ok('set aside' in dry.stdout and os.path.exists(tern.path(mess(broken))), 'repair --dry-run says what it would do')
    done = queue(tern, 'repair')
    lab.ok(done.returncode == 111 and 'README: is nothing of tern' in done.stdout, 'repair leaves what is foreign, and says so')
    os.unlink(tern.path('queue/mess/5/README'))
    lab.ok(os.path.exists(tern.path(f'queue/bad/{broken}')), 'the broken entry is set aside')
    lab.ok(os.path.exists(tern.path(mess(misplaced))), 'the misplaced one is where it belongs')
    lab.ok(not os.path.exists(tern.path(mess(17, 'hist'))) and not os.path.exists(tern.path(mess(unsealed))), 'remnants are gone')
    code, found = problems(tern)
    found.pop(mess(damaged, 'hist'), None)  # which costs nothing, and ends with the message
    lab.equal(found, {}, 'check finds nothing else')
    lab.equal(queue(tern, 'repair').stdout, 'nothing to mend\n', 'a second repair has nothing to do')

    # A copy, made as anybody would, works elsewhere: the owners are another machine's.
    taken = [b'250 2.1.5 ok']
    with ternlab.Sink(answer=lambda verb, rest: taken[0] if verb == 'RCPT' else None) as there, ternlab.Instance() as other:
        before = queue(tern, 'ls', '--json').stdout
        ways = [['cp', '-r'], ['cp', '-a']] + ([['rsync', '-a']] if shutil.which('rsync') else [])
        for way in ways:
            shutil.rmtree(other.path('queue'))
            subprocess.run([*way, tern.path('queue'), other.home], check=True)
            if tern.root:
                subprocess.run(['chown', '-R', '12345:12345', other.path('queue')], check=True)
            lab.equal(queue(other, 'repair').returncode, 0, f'repair of a queue copied by {" ".join(way)}')
            code, found = problems(other)
            found.pop(mess(damaged, 'hist'), None)
            lab.equal(found, {}, 'and it is as it should be')
            lab.equal(queue(other, 'ls', '--json').stdout, before, 'with the same messages')
        waiting = sorted(int(json.loads(line)['id']) for line in before.splitlines())
        lab.ok(waiting, f'{len(waiting)} messages wait in it')
        other.control('smtproutes', f':127.0.0.1:{there.port}')
        other.up()
        lab.equal(order(other, 'release', '--all')['failed'] + order(other, 'retry', '--all')['failed'], 0, 'a tern-send works on it')
        other.wait_queue_empty()
        lab.equal(len(there.messages), len(waiting), 'and delivers all')
lab.end()
