#!/usr/bin/python3
"""tern why: the life of a message from queue and logs, also when it is gone."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')
lab = ternlab.Tap()


def why(tern, *arguments):
    return subprocess.run([TERN, 'why', *arguments], capture_output=True, text=True,
                          env=tern.environment(), timeout=ternlab.PATIENCE)


def in_order(text, *parts):
    """Each part is in the text, behind the one before."""
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at == -1:
            print(f'# missing {part!r} in {text}', flush=True)
            return False
    return True


with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('rcpthosts', 'example.net')
    tern.up()
    tern.send_smtp('gone@example.org', ['ok@example.net'], b'Subject: x\r\n\r\nhello\r\n')
    gone = tern.wait_log(r'^end msg (\d+)')[0][1]
    tern.send_smtp('two@example.org', ['451.b@example.net', '550.c@example.net'], b'Subject: y\r\n\r\nhello\r\n')
    bounce = tern.wait_log(r'^bounce of msg (\d+) is msg (\d+)')[0]
    there = bounce[1]
    ternlab.wait_until(lambda: len(tern.queue()) == 1, 'the bounce')

    shown = why(tern, gone)
    lab.ok(shown.returncode == 0 and in_order(
        shown.stdout, f'message {gone}: not in the queue\n', 'it came by SMTP: ', 'ip=127.0.0.1 ',
        'from <gone@example.org>', 'a delivery begins to remote ok@example.net\n',
        'the delivery to remote ok@example.net: success: 127.0.0.1 accepted message./Remote host said: 250', 'it leaves the queue\n'),
        'a message that is gone')
    lab.equal(len(re.findall('the delivery to', shown.stdout)), 1, 'and nothing of another')
    lab.ok(re.search(r'^  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  it leaves', shown.stdout, re.M), 'with times')
    shown = why(tern, there)
    lab.ok(in_order(shown.stdout, f'message {there}: deferred\n', 'sender: <two@example.org>', '451.b@example.net: pending, 1 attempt,',
                    '550.c@example.net: done', '550.c@example.net failed by 127.0.0.1', 'the sender was told',
                    'next: a try at ', 'the logs:\n', f'its sender is told: the bounce is msg {bounce[2]}'), 'one that is there')
    lab.ok(why(tern, 'OK@example.net').stdout == why(tern, gone).stdout, 'by the address of a recipient')
    lab.ok(f'message {gone}:' in why(tern, 'gone@example.org').stdout, 'by that of the sender')
    lab.ok(in_order(why(tern, 'two@example.org').stdout, f'message {there}:', f'message {bounce[2]}:'),
           'from and to an address: the message and its bounce')
    objects = [json.loads(line) for line in why(tern, '--json', 'two@example.org').stdout.splitlines()]
    lab.equal([o['id'] for o in objects], [there, bounce[2]], '--json: an object a message')
    lab.equal((objects[0]['queue']['state'], objects[1]['queue']), ('deferred', None), 'with what the queue knows of it')
    lab.equal([e['event'] for e in objects[0]['log'] if e['event'] != 'attempt'],
              ['accepted', 'new', 'info', 'delivery', 'delivery', 'result', 'result', 'bounce'], 'and what the logs say')
    lab.ok(any(e['text'].startswith('to remote 550.c@example.net: failure: ') and e['time'] > 1e9
               for e in objects[0]['log']), 'each result with its recipient and time')
    for unknown in ('17', 'nobody@example.net'):
        done = why(tern, unknown)
        lab.ok(done.returncode == 1 and done.stdout == '' and 'nothing is known' in done.stderr, f'unknown: {unknown}')
    for wrong in ([], ['--nonsense'], ['1', '2'], ['']):
        lab.equal(why(tern, *wrong).returncode, 100, f'wrong use: {wrong}')

    # Archives of the log, and hostile lines.
    before = why(tern, gone).stdout
    tern.down()
    lab.equal(why(tern, gone).stdout, before, 'the same when nothing runs')
    folder = tern.path('log/send')
    os.rename(f'{folder}/current', f'{folder}/@400000006b0000000000000a.s')
    tern.write('log/send/current', b'delivery 1: success: \xff\x1b[31m\nstarting delivery x: msg y\n@40\ninfo msg : <\n'
               b'end msg 99999999999999999999999\nstarting delivery 1: msg ' + gone.encode() + b' to remote \x1b[2J' +
               b'x' * 20000 + b'\n')
    shown = why(tern, gone).stdout
    lab.ok(shown.startswith(before) and '\x1b' not in shown, 'archives are read, hostile bytes made harmless')

    # More than there is room for: some is left out, and that is said.
    os.unlink(f'{folder}/@400000006b0000000000000a.s')
    for deliveries, left_out in ((1000, ''), (1001, '1 lines of the logs are left out')):
        tern.write('log/send/current', b''.join(b'starting delivery %d: msg %s to local a@b\n' % (n, gone.encode())
                                                for n in range(deliveries)) +
                   b''.join(b'delivery %d: success: done\n' % n for n in range(deliveries)))
        done = why(tern, gone)
        lab.ok(done.stdout.count('the delivery to local a@b: success') == 1000 and
               (left_out in done.stderr if left_out else not done.stderr), f'{deliveries} deliveries at once')
    line = b'new msg ' + gone.encode() + b' ' + b'y' * 4000 + b'\n'
    with open(tern.path('log/send/current'), 'ab') as f:
        f.write(line * 5000)
    done = why(tern, gone)
    lab.ok(done.returncode == 0 and re.search(r'\d+ lines of the logs are left out', done.stderr), 'a log of 20 MB about one message')
lab.end()
