#!/usr/bin/python3
"""tern route: what it says is what tern-remote does, with the lines that decided."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import dnslab
import remotelab
import ternlab

ZONE = '''$ORIGIN zone.example.
$TTL 60
@ IN SOA ns.zone.example. root.zone.example. 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
plain IN MX 10 mx1
plain IN MX 20 mx2
mx1 IN A 198.51.100.1
mx2 IN A 198.51.100.2
nomx IN A 198.51.100.3
nullmx IN MX 0 .
loop IN MX 10 mx1
loop IN MX 20 tern.test.
loop IN MX 30 mx2
ours IN MX 10 tern.test.
local IN MX 10 lo
lo IN A 127.0.0.1
relay IN A 127.0.0.1
'''

lab = ternlab.Tap()


class Answer:
    def __init__(self, done):
        self.code, self.text = done.returncode, done.stdout.decode()
        self.errors = done.stderr.decode()

    def has(self, *wanted, code=0, name):
        """Each is a whole line, without what is before it."""
        lines = [line.strip() for line in self.text.splitlines()]
        if not lab.ok(self.code == code and all(w in lines for w in wanted), name):
            print(f'# exit {self.code}, wanted {code} and {wanted}\n' +
                  ''.join(f'#  {line}\n' for line in (self.text + self.errors).splitlines()))

    def lacks(self, word, name):
        lab.ok(word not in self.text, name) or print(f'# {self.text}')


def main(tern):
    def route(*argv, input=b''):
        return Answer(tern.run('tern', 'route', *argv, input=input))

    # Local.
    tern.control('virtualdomains', '# a comment', 'v.example:vv', '.v.example:', 'one@x.example:alias')
    tern.alias('list', './list/')
    tern.alias('vv-default', './v/')
    route('list@tern.test').has('delivery: local', 'because: control/locals:1', 'account: alias',
                                'file: .qmail-list', name='a local address, its account and file')
    route('nosuch@tern.test').has('result: would bounce: there is no such address (#5.1.1)', code=100,
                                  name='one that is not there')
    route('joe@v.example').has('because: control/virtualdomains:2', 'local address: vv-joe@v.example',
                               'file: .qmail-vv-default', name='a virtual domain')
    route('joe@sub.v.example').has('delivery: remote', 'because: control/virtualdomains:3', code=111,
                                   name='an exception of one')
    tern.control('locals')
    route('list@tern.test').has('because: control/me:1', name='without locals it is me')
    tern.control('locals', 'tern.test', 'localhost')

    # MX.
    route('a@plain.zone.example').has(
        'delivery: remote', 'because: no line of control/locals or control/virtualdomains has it',
        'route: no line: the mail hosts in DNS', 'found: MX 10 mx1.zone.example',
        'host: mx1.zone.example [198.51.100.1] port 25, rank 0',
        'host: mx2.zone.example [198.51.100.2] port 25, rank 1', 'helo: tern.test',
        'retry: default: attempts within queuelifetime, after 5m, 10m, 20m, 40m, 1h, 2h, 4h',
        'throttle: default: 20 connections',
        'result: would connect to mx1.zone.example [198.51.100.1] port 25', name='MX')
    route('a@nomx.zone.example').has('found: no MX: the domain itself is the host',
                                     'result: would connect to nomx.zone.example [198.51.100.3] port 25',
                                     name='no MX')
    route('a@nullmx.zone.example').has(
        'found: MX 0 .: null',
        'result: would bounce: nullmx.zone.example takes no mail: its MX is null (#5.1.10)', code=100,
        name='null MX')
    loop = route('a@loop.zone.example')
    loop.has('found: MX 20 tern.test: this host; it and worse ones are left out',
             'host: mx1.zone.example [198.51.100.1] port 25, rank 0', name='our own name ends the list')
    loop.lacks('[198.51.100.2]', 'and what is after it is no host')
    lab.equal(route('a@ours.zone.example').code, 100, 'we are the best MX: it would bounce')
    route('a@local.zone.example').has('found: address 127.0.0.1 is left out: mail can not be sent to such an address',
                                      code=100, name='an address that is left out')
    lab.equal(route('a@nowhere.zone.example').code, 100, 'no such domain')
    lab.equal(route('a@dead.example').code, 111, 'no answer: it would wait')
    lab.equal(route('a@plain.zone.example', 'a@nullmx.zone.example', 'a@dead.example').code, 111,
              'of several answers the worst')

    # Routes.
    tern.control('smtproutes', '.example:first', 'foo.example:127.0.0.1:26,127.0.0.2+[::1]',
                 '.example:127.0.0.3 helo=out.test bind=127.0.0.9', '!@:127.0.0.4',
                 'bad.test:a:b', ':127.0.0.5:2525')
    tern.control('senderroutes', '@boss.test:127.0.0.6', 'ann@boss.test: helo=ann.test', ':')
    tern.control('retry', 'foo.example:3:1m,90s')
    tern.control('throttle', '.example:5:100/1m')
    route('a@foo.example').has(
        'route: control/smtproutes:2: 127.0.0.1 port 26, then 127.0.0.2 port 25 or ::1 port 25',
        'shadowed: control/smtproutes:1: .example:first: a later line has the same key',
        'shadowed: control/smtproutes:3: .example:127.0.0.3 helo=out.test bind=127.0.0.9: less specific',
        'shadowed: control/smtproutes:6: :127.0.0.5:2525: less specific',
        'retry: control/retry:1: 3 attempts, after 1m, 90s',
        'throttle: control/throttle:1: 5 connections, 100 messages in 1m',
        'host: 127.0.0.1 [127.0.0.1] port 26, rank 0',
        'result: would connect to 127.0.0.1 [127.0.0.1] port 26', name='a route, and what it shadows')
    route('a@x.example').has('route: control/smtproutes:3: 127.0.0.3 port 25', 'helo: out.test',
                             'source IPv4: 127.0.0.9', name='its options')
    route('a@bad.test').has(
        'result: would wait: control/smtproutes:5: the port is not a number from 1 to 65535: a:b (#4.3.5)',
        code=111, name='a line that is wrong')
    route('--from', 'bob@boss.test', 'a@foo.example').has(
        'sender: bob@boss.test', 'route: control/senderroutes:1: 127.0.0.6 port 25',
        'shadowed: control/senderroutes:3: :: less specific',
        'shadowed: control/smtproutes:6: :127.0.0.5:2525: control/senderroutes goes before it',
        name='a route of the sender')
    route('--from', 'ann@boss.test', 'a@x.example').has(
        'sender route: control/senderroutes:2', 'route: control/smtproutes:3: 127.0.0.3 port 25',
        'helo: ann.test', 'source IPv4: 127.0.0.9', name='options of the sender go first')
    route('--from', '<>', 'a@foo.example').has('route: control/smtproutes:4: 127.0.0.4 port 25',
                                               name='the null sender')
    route('a@foo.example').lacks('127.0.0.4', 'of which nothing is said without it')
    tern.control('relayhost', '127.0.0.7:587')
    route('--from', 'bob@boss.test', 'a@foo.example').has(
        'route: control/relayhost:1: 127.0.0.7 port 587',
        'shadowed: control/senderroutes:1: @boss.test:127.0.0.6: control/relayhost goes before it',
        'shadowed: control/smtproutes:2: foo.example:127.0.0.1:26,127.0.0.2+[::1]: control/relayhost goes before it',
        name='relayhost goes before all')
    tern.control('relayhost')

    # As JSON.
    answer = json.loads(route('--json', 'a@foo.example').text)
    lab.equal((answer['recipient'], answer['delivery'], len(answer['shadowed']), len(answer['host'])),
              ('a@foo.example', 'remote', 3, 3), '--json')
    many = [json.loads(line) for line in route('--json', 'a@foo.example', 'list@tern.test').text.splitlines()]
    lab.equal([a['delivery'] for a in many], ['remote', 'local'], 'an object a line')
    odd = route('--json', 'a"\\\n@foo.example')
    lab.equal(json.loads(odd.text)['recipient'], 'a"\\\n@foo.example', 'of any address')

    # As far as RCPT.
    for script, code, result in (
            ({}, 0, 'result: the server takes this recipient; nothing was sent'),
            ({'RCPT': [b'550 no such user\r\n']}, 100, 'result: would bounce'),
            ({'RCPT': [b'450 later\r\n']}, 111, 'result: would wait'),
            ({'MAIL': b'550 not you\r\n'}, 100, 'result: would bounce'),
            ({'greeting': b'421 busy\r\n'}, 111, 'result: would wait'),
            ({'EHLO': remotelab.PIPELINING}, 0, 'result: the server takes this recipient; nothing was sent')):
        with remotelab.Peer(script) as peer:
            tern.control('smtproutes', f':127.0.0.1:{peer.port}')
            answer = route('--connect', '--from', 's@boss.example', 'r@there.example')
            answer.has(result, code=code, name=f'--connect, {script}: {result}')
            if not script:
                answer.has('dialogue: 127.0.0.1 > MAIL FROM:<s@boss.example>', 'dialogue: 127.0.0.1 < 250 sender',
                           'dialogue: 127.0.0.1 > QUIT', name='and the dialogue')
                answer.lacks('DATA', 'without DATA')
            lab.equal(peer.texts, [], 'nothing was sent')
    tern.control('smtproutes', f':127.0.0.1:{ternlab.free_port()}')
    route('--connect', 'r@there.example').has('result: would wait', code=111, name='--connect to nobody')

    # LMTP
    path = os.path.join(tern.top, 'lmtp')
    tern.control('smtproutes', f':lmtp:{path},lmtp:127.0.0.1:2424+lmtp:[::1]')
    route('a@there.example').has(
        f'route: control/smtproutes:1: {path} by LMTP, then 127.0.0.1 port 2424 by LMTP or ::1 port 24 by LMTP',
        f'host: {path} by LMTP, rank 0', 'host: 127.0.0.1 [127.0.0.1] port 2424 by LMTP, rank 1',
        'host: ::1 [::1] port 24 by LMTP, rank 1', f'result: would connect to {path} by LMTP', name='LMTP')
    for script, code, result in (
            ({'LHLO': b'250 store\r\n'}, 0, 'result: the server takes this recipient; nothing was sent'),
            ({'LHLO': b'250 store\r\n', 'RCPT': b'550 who\r\n'}, 100, 'result: would bounce')):
        with remotelab.Peer(script, path=path) as peer:
            answer = route('--connect', 'r@there.example')
            answer.has(result, f'dialogue: {path} > LHLO tern.test', code=code, name=f'--connect by LMTP: {result}')
        os.unlink(path)

    # What failed lately is tried last.
    now = int(time.time())
    tern.control('smtproutes', ':127.0.0.1:2501,127.0.0.1:2502')
    tern.write('run/remote/health', f'127.0.0.1 2501 9 {now}'.ljust(79) + '\n' +
               f'127.0.0.1 2502 1 {now - 7200}'.ljust(79) + '\n', 0o600)
    failed = route('a@there.example')
    failed.has('host: 127.0.0.1 [127.0.0.1] port 2502, rank 1, failed 1 time',
               'result: would connect to 127.0.0.1 [127.0.0.1] port 2502', name='a relay that failed is not the first')
    lab.ok('port 2501, rank 0, failed 9 times, tried last for ' in failed.text, 'but the last')
    tern.write('run/remote/health', '', 0o600)

    # What is wrong with DNS servers concerns those who need them.
    servers = open(tern.path('control/dnsservers')).read().strip()
    tern.control('dnsservers', 'wrong')
    route('a@there.example').has('result: would connect to 127.0.0.1 [127.0.0.1] port 2501', name='not a relay by address')
    tern.control('smtproutes')
    wrong = route('a@plain.zone.example')
    lab.ok(wrong.code == 111 and 'result: would wait: control/dnsservers:1: ' in wrong.text and '(#4.3.5)' in wrong.text,
           'mail that needs DNS waits') or print('#', wrong.text)
    tern.control('dnsservers', servers)

    # From where, as whom: what it says is done.
    with remotelab.Peer({}) as peer:
        tern.control('smtproutes', f':127.0.0.1:{peer.port} bind=127.0.0.1 helo=wrong.test')
        tern.control('senderroutes', '@boss.test: helo=boss.test')
        route('--connect', '--from', 'x@boss.test', 'r@there.example').has(
            'dialogue: 127.0.0.1 > EHLO boss.test', 'source IPv4: 127.0.0.1', name='helo= is said')
        tern.control('smtproutes', f':127.0.0.1:{peer.port} bind=198.51.100.77')
        route('--connect', 'r@there.example').has('result: would wait', code=111,
                                                  name='an address that is not ours: the mail waits')
    tern.control('senderroutes')

    # Another file.
    candidate = tern.write('candidate', ':x;25\n.a:b|c|d\na@b:c\n*.x:y\nnocolon\nq:1:2:3\nq:z\nw.:y\n')
    checked = Answer(tern.run('tern', 'route', '--check', candidate))
    for line, part in ((1, 'error: {}:1: a port follows a colon'), (2, 'error: {}:2: a user and a password'),
                       (3, 'warning: {}:3: this never matches'), (4, 'warning: {}:4: this never matches'),
                       (5, 'warning: {}:5: this line does not count'), (6, 'error: {}:6: two colons'),
                       (6, 'warning: {}:6: line 7 has the same key'), (8, 'warning: {}:8: this never')):
        lab.ok(part.format(candidate) in checked.text, f'--check, line {line}: {part}')
    lab.equal(checked.code, 100, '--check of a file with errors: exit 100')
    tern.write('candidate', 'a@b:c\n')
    lab.equal(tern.run('tern', 'route', '--check', candidate).returncode, 1, 'with warnings: exit 1')
    tern.write('candidate', 'a.example:c\n:z helo=z.test\n')
    lab.equal(tern.run('tern', 'route', '--check', candidate).returncode, 0, 'with neither: exit 0')
    lab.equal(tern.run('tern', 'route', '--check', candidate + 'x').returncode, 100, 'without the file: exit 100')
    old = tern.write('old', 'a.example:c\n:y\n')
    addresses = b'x@a.example\nx@b.example\n<> x@b.example\nlist@tern.test\n\n'
    diff = route('--diff', old, candidate, input=addresses)
    diff.has('x@b.example', 'old: y port 25', 'new: z port 25 as z.test', code=1, name='--diff')
    diff.lacks('x@a.example', 'what is the same is not said')
    diff.lacks('list@tern.test', 'nor what is local')
    lab.equal(route('--diff', old, old, input=addresses).code, 0, '--diff of one file: exit 0')

    # Compiled.
    table = [f'd{i}.example:127.0.0.1:{1000 + i % 1000}' for i in range(100000)]
    tern.control('smtproutes', *table, ':127.0.0.2')
    os.utime(tern.path('control/smtproutes'), (1000000000, 1000000000))
    compiled = tern.run('tern', 'routes', 'compile', tern.home)
    lab.equal((compiled.returncode, compiled.stdout), (0, b'control/smtproutes.cdb: 100001 routes\n'),
              'routes compile')
    route('a@D99999.example').has('route: control/smtproutes:100000: 127.0.0.1 port 1999',
                                  name='a compiled route')
    calls = reads(tern, 'd50000.example')
    lab.ok(set(calls) == {'mmap'} and len(calls) <= 2, '100,001 routes cost no reading, only a mapping') or print('#', calls)
    os.chmod(tern.path('control/smtproutes'), 0)
    done = remotelab_try(tern, 'd7.example')
    lab.ok(b'port 1007' in done, 'tern-remote finds it without the text') or print('#', done)
    os.chmod(tern.path('control/smtproutes'), 0o644)
    with open(tern.path('control/smtproutes'), 'a') as file:
        file.write('d7.example:127.0.0.1:7\n')
    lab.ok(b'port 7:' in remotelab_try(tern, 'd7.example'), 'a text that was changed goes before')
    with open(tern.path('control/smtproutes'), 'a') as file:
        file.write('d8.example:127.0.0.1:x\n')
    before = os.stat(tern.path('control/smtproutes.cdb')).st_ino
    refused = tern.run('tern', 'routes', 'compile', tern.home)
    lab.ok(refused.returncode == 100 and b'control/smtproutes:100003: the port' in refused.stdout,
           'routes compile refuses a bad line, and names it')
    lab.equal(os.stat(tern.path('control/smtproutes.cdb')).st_ino, before, 'and leaves the old one')

    # Wrong use.
    for argv in ((), ('--from',), ('--nonsense', 'a@b'), ('--check',), ('--diff', old), ('--dir', '/nowhere', 'a@b')):
        lab.equal(route(*argv).code, 100, f'route {argv}: exit 100')
    lab.equal(tern.run('tern', 'routes', 'nonsense').returncode, 100, 'routes nonsense: exit 100')


def reads(tern, domain):
    """The calls by which tern-remote reads or maps a file of routes; again if the file is new."""
    log = tern.write('strace', '')
    tern.run('/usr/bin/strace', '-y', '-o', log, '-e', 'trace=read,pread64,readv,mmap',
             os.path.join(ternlab.BIN, 'tern-remote'), '-n', domain, 's@tern.test', f'r@{domain}')
    with open(log) as file:
        return [line.split('(')[0] for line in file if 'control/smtproutes' in line]


def remotelab_try(tern, domain):
    """The conversation of tern-remote that only tries."""
    done = tern.run('tern-remote', '-n', domain, 's@tern.test', f'r@{domain}')
    return done.stderr + done.stdout


port, at = ternlab.free_port(), ternlab.free_port()
server = dnslab.nsd(port, {'zone.example': ZONE})
resolver = dnslab.unbound(at, {'zone.example': port, 'dead.example': ternlab.free_port()}, 'zone.example')
try:
    with ternlab.Instance() as instance:
        instance.control('dnsservers', f'127.0.0.1:{at}')
        main(instance)
finally:
    resolver.close()
    server.close()
lab.end()
