#!/usr/bin/python3
"""From the MX of a domain to the host that takes its mail."""
import contextlib
import tempfile

import dns.rcode
import dns.rdatatype

import dnslab
import ternlab
from remotelab import CLOSE, Home, Peer, Worker, command, matches

tap = ternlab.Tap()
ZONE = {
    'two.test': {'MX': ['10 one.test.', '20 other.test.']},
    'reverse.test': {'MX': ['20 one.test.', '10 other.test.']},
    'one.test': {'A': ['127.0.0.1']},
    'other.test': {'A': ['127.0.0.2']},
    'nomx.test': {'A': ['127.0.0.2']},
    'null.test': {'MX': ['0 .']},
    'loop.test': {'MX': ['10 me.test.', '20 one.test.']},
    'backup.test': {'MX': ['10 one.test.', '20 me.test.', '30 other.test.']},
    'me.test': {'A': ['127.0.0.3']},
}


SOA = [('test.', 'SOA', 'ns.test. root.test. 1 3600 600 86400 60')]
soa = ()  # what comes with an answer that there is nothing


def respond(query, tcp):
    question = query.question[0]
    name = question.name.to_text().rstrip('.')
    kind = dns.rdatatype.to_text(question.rdtype)
    if name == 'broken.test':
        return [dnslab.answer(query, rcode=dns.rcode.SERVFAIL)]
    if name not in ZONE:
        return [dnslab.answer(query, rcode=dns.rcode.NXDOMAIN)]
    values = ZONE[name].get(kind)
    return [dnslab.answer(query, (name + '.', kind, *values)) if values else dnslab.answer(query, authority=soa)]


# The domain; the verdict; connections to 127.0.0.1 and 127.0.0.2; what is said
CASES = [
    ('two.test', 'K', [1, 0], 'accepted'),
    ('reverse.test', 'K', [0, 1], 'accepted'),
    ('nomx.test', 'K', [0, 1], 'accepted'),
    ('[127.0.0.2]', 'K', [0, 1], 'accepted'),
    ('backup.test', 'K', [1, 0], 'accepted'),
    ('null.test', 'D', [0, 0], r'#5\.1\.10'),
    ('loop.test', 'D', [0, 0], r'#5\.4\.6'),
    ('nowhere.test', 'D', [0, 0], r'#5\.1\.2'),
    ('broken.test', 'T', [0, 0], r'#4\.4\.3'),
]


@contextlib.contextmanager
def pair(script):
    """A peer at 127.0.0.1 and one at 127.0.0.2, at a port that is free at both."""
    for _ in range(100):
        one = Peer(script)
        try:
            other = Peer({}, address='127.0.0.2', port=one.port)
        except OSError:
            one.__exit__()
            continue
        with one, other:
            yield one, other
        return
    raise RuntimeError('no port is free at both addresses')


def settings(home, server, port):
    home.control('dnsservers', f'127.0.0.1:{server.port}')
    home.control('smtpport', str(port))
    home.control('allowloopback', '1')


with dnslab.Responder(respond) as server:
    for domain, verdict, connections, pattern in CASES:
        with pair({}) as (one, other), Home() as home:
            settings(home, server, one.port)
            with Worker(home, domain) as w:
                answers = w.deliver(['a@' + domain])
            good = [one.connections, other.connections] == connections
            if not tap.ok(matches(answers, verdict, pattern) and good, f'{domain}: {verdict}'):
                print(f'# {answers} {one.connections} {other.connections}')
            answers = command(home, ['a@' + domain], destination=domain)
            want = verdict.replace('T', 'Z')
            tap.ok(matches(answers, want, pattern), f'{domain}: {want}, as a command')

    with pair({'greeting': CLOSE}) as (one, other), Home() as home:
        settings(home, server, one.port)
        with Worker(home, 'two.test') as w:
            w.job(['a@two.test'])
            _, host, address, answers = w.report(host=True)
        tap.equal((answers[0].verdict, host, address), ('K', 'other.test', '127.0.0.2'),
                  'the second MX, by name and address')
    with Peer({}) as one, Home(logdetail='1') as home, tempfile.TemporaryFile() as errors:
        settings(home, server, one.port)
        with Worker(home, 'two.test', errors) as w:
            w.deliver(['a@two.test'], message=1234567)
        errors.seek(0)
        log = errors.read().decode()
        good = all(line.startswith('tern-remote: msg 1234567: ') for line in log.splitlines())
        for part in (f'dns two.test MX from 127.0.0.1:{server.port} by udp: no error, 2 records',
                     '10 one.test', '20 other.test', 'dns one.test A from', '1 records', ': 127.0.0.1\n',
                     'dns one.test AAAA from', '0 records', f'127.0.0.1 connecting to one.test port {one.port}\n'):
            good = good and part in log
        tap.ok(good, 'logdetail: questions to DNS and what they brought') or print('#', log)
    with Peer({}) as one, Home(helohost='x') as home:
        settings(home, server, one.port)
        with Worker(home, 'two.test') as w:
            for _ in range(5):
                w.deliver(['a@two.test'])
            asked = server.count('two.test')
            w.deliver(['a@two.test'])
        tap.equal(server.count('two.test'), asked, 'an open session asks DNS no more')

    # What a worker has learned it keeps: the server ends the session after each message. Five
    # times the same would be asked without that; once more is asked whatever is answered too late.
    ends = {'END': (b'250 taken\r\n', CLOSE)}
    for soa in (SOA, ()):
        with dnslab.Responder(respond) as counted, Peer(ends) as one, Home() as home:
            settings(home, counted, one.port)
            with Worker(home, 'two.test') as w:
                answers = [w.deliver(['a@two.test'])[0].verdict for _ in range(5)]
            tap.equal((answers, one.connections), (['K'] * 5, 5), 'five messages, five connections')
            tap.ok(counted.count('two.test') < 5, 'what there is was not asked five times')
            nothing = [sum(q[2] == name and q[3] == dns.rdatatype.AAAA for q in counted.seen)
                       for name in ('one.test', 'other.test')]
            tap.ok(max(nothing) < 5 if soa else min(nothing) >= 5,
                   'nor what there is not' if soa else 'but what there is not, without SOA') or print('#', nothing)
tap.end()
