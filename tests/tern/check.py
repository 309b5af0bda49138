#!/usr/bin/python3
"""tern check: a new instance is good; what is wrong is found, with file, line and fix; the
table of settings knows all that the manual names, with their ranges."""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
lab = ternlab.Tap()

# file, its lines, what is found: (level, line, part of what it says)
CASES = (
    ('concurrencyremote', ['many'], ('error', 1, 'many')),
    ('queuelifetime', ['7 days'], ('error', 1, '7 days')),
    ('ratemessages', ['100'], ('error', 1, '100')),
    ('ratemessages', ['100/1h'], None),
    ('helohost', ['a..b'], ('error', 1, 'a..b')),
    ('helohost', [''], None),
    ('me', [''], ('error', None, 'is missing or empty')),
    ('locals', ['tern.test', 'a@b.example'], ('warning', 2, 'a@b.example')),
    ('locals', ['a.example b.example'], ('warning', 1, 'a blank')),
    ('rcpthosts', ['*.example.org'], ('warning', 1, '* means nothing')),
    ('rcpthosts', ['.example.org', 'example.org'], None),
    ('virtualdomains', ['tern.test:x'], ('warning', 1, 'is in control/locals')),
    ('virtualdomains', ['v.example'], ('warning', 1, 'no colon')),
    ('virtualdomains', ['v.example:a', 'V.example:b'], ('warning', 1, 'line 2 has the same key')),
    ('smtproutes', [':relay;25'], ('error', 1, 'a port follows a colon')),
    ('smtproutes', ['a:b', ':relay:587|user|pass'], ('error', 2, 'a user and a password')),
    ('smtproutes', ['a:b', 'a:c'], ('warning', 1, 'line 2 has the same key')),
    ('smtproutes', ['a:relay helo=b'], None),
    ('smtproutes', ['tern.test:relay'], ('warning', 1, 'is in control/locals')),
    ('smtproutes', ['user@example.org:relay'], ('warning', 1, 'not addresses')),
    ('smtproutes', [':lmtp:host:25'], ('error', 1, 'port 25 is not for LMTP')),
    ('smtproutes', ['a:lmtp:/'], ('error', 1, 'a path has 2 to 107 bytes')),
    ('smtproutes', ['a:lmtp:/run/lmtp', 'b:lmtp:host:24+lmtp:[::1],lmtp:24'], None),
    ('senderroutes', ['example.org:relay'], ('warning', 1, 'a sender without domain')),
    ('senderroutes', ['@example.org:relay auth=x'], ('error', 1, 'an option that is not known')),
    ('senderroutes', ['@example.org:relay', 'a@example.org:', '.example.org: bind=::1'], None),
    ('relayhost', ['hub:0'], ('error', 1, 'the port')),
    ('relayhost', ['hub'], ('note', 1, 'senderroutes and smtproutes do not count')),
    ('retry', ['a:b'], ('error', 1, 'the number of attempts')),
    ('retry', [':3:5m', '# x', 'a:3:5x'], ('error', 3, 'an interval')),
    ('retry', ['a:3:5m', 'x'], ('warning', 2, 'no colon')),
    ('timeoutphases', ['# x', 'data:1m', 'date:1m'], ('error', 3, 'is not greeting, hello')),
    ('timeoutphases', ['end:0'], ('error', 1, 'a duration from 1s to 1d')),
    ('timeoutphases', ['end:1d', 'block: 30s'], None),
    ('remotesession', ['1w'], ('error', 1, '1w')),
    ('throttle', ['a:0'], ('error', 1, 'the number of connections')),
    ('access', ['1.2.3.4:alow'], ('error', 1, '1.2.3.4:alow')),
    ('access', [':allow,RELAYCLIENT=""'], ('warning', 1, 'an open relay')),
    ('access', [':allow', '10.:allow,RELAYCLIENT=""'], None),
    ('proxyhosts', ['host.example'], ('error', 1, 'host.example')),
    ('dnsservers', ['ns.example'], ('error', 1, 'not an address')),
    ('smtplisten', ['25'], ('error', 1, 'not an address with a port')),
    ('smtplisten', ['[::]:25', '127.0.0.1:2525', 'unix:run/x'], None),
    ('smtproute', ['a:b'], ('warning', None, 'is it smtproutes?')),
    ('locales', ['a'], ('warning', None, 'is it locals?')),
    ('something', ['a'], ('note', None, 'nothing reads')),
    ('routetests', ['* x@tern.test -> local', '<> x@far.example -> mx'], None),
    ('routetests', ['* x@far.example -> relay'], ('error', 1, 'it goes to the mail hosts in DNS, expected was relay')),
    ('routetests', ['* x@tern.test -> mx'], ('error', 1, 'it is delivered here')),
    ('routetests', ['* x@far.example -> local'], ('error', 1, 'expected was local')),
    ('routetests', ['x@far.example -> mx'], ('error', 1, 'not a test')),
    ('routetests', ['a b'], ('error', 1, 'not a test')),
)
EXITS = {'error': 100, 'warning': 1, 'note': 0}


def check(tern):
    done = tern.run('tern', 'check', '--json', tern.home)
    return done.returncode, json.loads(done.stdout)['findings']


def findings_of(tern, name):
    return [f for f in check(tern)[1] if f['file'] == f'control/{name}']


with ternlab.Instance() as tern:
    code, found = check(tern)
    lab.equal((code, [(f['level'], f['file']) for f in found]), (0, [('note', 'control/rcpthosts')]),
              'a new instance: only the note that rcpthosts is not there')
    text = tern.run('tern', 'check', tern.home)
    lab.ok(text.returncode == 0 and b'taken for locals and virtualdomains only' in text.stdout,
           'which says what that means')
    for name, lines, wanted in CASES:
        path = tern.path('control', name)
        before = open(path).read() if os.path.exists(path) else None
        tern.control(name, *lines)
        code, found = check(tern)
        found = [(f['level'], f.get('line'), f['what'], f.get('fix')) for f in found
                 if f['file'] == f'control/{name}']
        if wanted is None:
            lab.equal(found, [], f'{name} {lines}: good')
        else:
            level, line, part = wanted
            good = any(f[0] == level and f[1] == line and part in f[2] and (f[3] or level == 'note')
                       for f in found)
            lab.ok(good and code == EXITS[level], f'{name} {lines}: {level}: {part}') or print('#', code, found)
        tern.control(name) if before is None else tern.write(f'control/{name}', before)

    # Routes that a test expects.
    tern.control('smtproutes', 'far.example:One:26+two,three', ':hub helo=x')
    tern.control('senderroutes', '@boss.test:boss')
    tern.control('routetests', '* x@far.example -> one:26+two:25,three', '* x@y -> hub',
                 'a@boss.test x@far.example -> boss', '<> x@y -> hub')
    lab.equal(findings_of(tern, 'routetests'), [], 'tests that hold')
    tern.control('smtproutes', 'far.example:lmtp:one:26')
    tern.control('routetests', '* x@far.example -> lmtp:one:26')
    lab.equal(findings_of(tern, 'routetests'), [], 'a route by LMTP')
    tern.control('routetests', '* x@far.example -> one:26')
    lab.equal(len(findings_of(tern, 'routetests')), 1, 'is not one by SMTP')
    tern.control('smtproutes', 'far.example:One:26+two,three', ':hub helo=x')
    tern.control('routetests', '* x@far.example -> one:26,two,three')
    lab.equal(len(findings_of(tern, 'routetests')), 1, 'equals are not alternatives')
    for name in ('routetests', 'senderroutes'):
        tern.control(name)

    # What is compiled.
    os.utime(tern.path('control/smtproutes'), (1000000000, 1000000000))
    tern.run('tern', 'routes', 'compile', tern.home, check=True)
    lab.equal(findings_of(tern, 'smtproutes.cdb'), [], 'a compiled file is good')
    tern.control('smtproutes', ':other')
    lab.ok('does not count' in findings_of(tern, 'smtproutes.cdb')[0]['what'], 'until the text changes')
    os.unlink(tern.path('control/smtproutes.cdb'))

    # Who may change it.
    os.chmod(tern.path('control/me'), 0o646)
    lab.equal([(f['level'], f['fix']) for f in findings_of(tern, 'me')], [('error', 'chmod o-w')],
              'everyone may write to it')
    os.chmod(tern.path('control/me'), 0o644)
    os.symlink('nowhere', tern.path('control/allowloopback'))
    lab.equal([f['level'] for f in findings_of(tern, 'allowloopback')][:1], ['error'], 'a link to nowhere')
    os.unlink(tern.path('control/allowloopback'))

    # What workers remember of relays.
    health = tern.path('run/remote/health')
    os.mkdir(health)
    lab.equal([(f['level'], f['what']) for f in check(tern)[1] if f['file'] == 'run/remote/health'],
              [('warning', 'is no file')], 'a folder in the place of a file')
    os.rmdir(health)
    tern.write('run/remote/health', '')
    lab.equal([f for f in check(tern)[1] if f['file'] == 'run/remote/health'], [], 'a file there')

    # Room for new mail.
    for name in ('diskfloor', 'inodefloor'):
        tern.control(name, '18014398509481983')
        code, found = check(tern)
        at = [f for f in found if f['file'] == 'queue/mess']
        lab.ok(code == 100 and len(at) == 1 and name in at[0]['what'],
               f'a disk below control/{name} is told') or print('#', code, found)
        tern.control(name)

    # The manual and the table.
    with open(os.path.join(TOP, 'man', 'tern-control.5')) as file:
        manual = file.read()
    ranges = {}
    for item in re.split(r'^\.It Pa ', manual, flags=re.M)[1:]:
        names = item.splitlines()[0].replace('\\&', '').replace(' ,', '').split()
        limits = re.search(r'^(\d+[smhd]?) to (\d+[smhd]?)\.$', item, re.M)
        for name in names:
            if '/' not in name:
                ranges[name] = limits and limits.groups()
    unknown = [name for name in ranges if not os.path.exists(tern.path('control', name))]
    for name in unknown:
        tern.control(name, '')
    told = [f['file'] for f in check(tern)[1] if 'nothing reads' in f['what']]
    lab.equal(told, [], 'every setting of tern-control(5) is known')
    for name in unknown:
        tern.control(name)

    def over(value):
        return f"{int(value.rstrip('smhd')) + 1}{value.lstrip('0123456789')}"
    for name, limits in sorted(ranges.items()):
        if limits:
            tern.control(name, limits[1])
            at = findings_of(tern, name)
            tern.control(name, over(limits[1]))
            above = findings_of(tern, name)
            tern.control(name)
            lab.ok(at == [] and len(above) == 1, f'{name} goes up to {limits[1]}') or print('#', at, above)

    for argv in (('--nonsense',), ('a', 'b'), ('--json', '--nonsense')):
        lab.equal(tern.run('tern', 'check', *argv).returncode, 100, f'check {argv}: exit 100')
lab.end()
