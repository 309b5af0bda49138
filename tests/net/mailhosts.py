#!/usr/bin/python3
"""From domains to the addresses that are tried: through unbound and nsd for
what real servers say, and a responder of our own for what they never would.
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import dnslab
import ternlab

MANY = '\n'.join(f'many IN MX {10 + i} m{i}\nm{i} IN A 198.51.{100 + i // 250}.{i % 250 + 1}'
                 for i in range(300))
CHAIN = '\n'.join(f'chain{i} IN CNAME chain{i + 1}' for i in range(20)) + '\nchain20 IN MX 10 mx1'
EQUAL = '\n'.join(f'equal IN MX 10 e{i}\ne{i} IN A 198.51.100.{i + 1}' for i in range(4))

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
only6 IN MX 10 six
six IN AAAA 2001:db8::6
both IN MX 10 dual
dual IN A 198.51.100.11
dual IN A 198.51.100.12
dual IN AAAA 2001:db8::11
dual IN AAAA 2001:db8::12
nullmx IN MX 0 .
nullmx IN A 198.51.100.4
nullandmore IN MX 0 .
nullandmore IN MX 10 mx1
aliasmx IN MX 10 alias
alias IN CNAME alias2
alias2 IN CNAME mx1
aliasdomain IN CNAME plain
loopalias IN CNAME loopalias2
loopalias2 IN CNAME loopalias
toloop IN MX 10 loopalias
toloopmore IN MX 10 loopalias
toloopmore IN MX 20 mx2
deep.under.empty IN TXT "what is between has no records"
literal IN MX 10 [198.51.100.9].
literalmore IN MX 10 [198.51.100.9].
literalmore IN MX 20 mx2
null10 IN MX 10 .
textonly IN TXT "no mail"
noaddress IN MX 10 textonly
noaddress IN MX 20 missing
dead1 IN MX 10 mx.refused.example.
dead2 IN MX 10 mx.refused.example.
dead2 IN MX 20 mx2
iptext IN MX 10 198.51.100.9.
iptextmore IN MX 10 198.51.100.9.
iptextmore IN MX 20 mx2
localhostmx IN MX 10 localhost.
underscore IN MX 10 under_score
under_score IN A 198.51.100.10
loopmx IN MX 10 loopaddr
loopaddr IN A 127.0.0.1
loopaddr IN A 0.0.0.0
loopaddr IN A 169.254.1.1
loopaddr IN A 224.0.0.1
loopaddr IN A 255.255.255.255
loopaddr IN AAAA ::1
loopaddr IN AAAA ::
loopaddr IN AAAA fe80::1
loopaddr IN AAAA ff02::1
loopaddr IN AAAA ::ffff:127.0.0.1
loopmore IN MX 10 loopaddr
loopmore IN MX 20 mx2
looponly IN A 127.0.0.1
ownname IN MX 5 mx1
ownname IN MX 10 me.zone.example.
ownname IN MX 10 mx2
ownname IN MX 20 nomx
ownbest IN MX 10 me.zone.example.
ownbest IN MX 20 mx1
me IN A 198.51.100.200
ownaddress IN MX 5 mx1
ownaddress IN MX 10 here
ownaddress IN MX 10 mx2
ownaddress IN MX 20 nomx
ownaddressbest IN MX 10 here
ownaddressbest IN MX 20 mx1
ownhost IN A @OWN@
here IN A @OWN@
*.wild IN MX 10 mx1
relay IN A 127.0.0.5
relay IN AAAA ::1
''' + MANY + '\n' + EQUAL + '\n' + CHAIN + '\n'


def own_address():
    """An address of this machine beside loopback, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('198.51.100.1', 9))
            address = probe.getsockname()[0]
            return None if address.startswith('127.') else address
        except OSError:
            return None


class Checks:
    def __init__(self, tap, control):
        self.tap, self.control = tap, control

    def hosts(self, domain):
        """The lines for a domain, without its name."""
        lines, self.trace = self.control.tool('mailhosts', '-v', domain)
        return [line[len(domain) + 1:] for line in lines]

    def found(self, domain, *want, name=None):
        self.tap.equal(self.hosts(domain), ['found', *want], name or domain)

    def fails(self, domain, want, name=None):
        got = self.hosts(domain)
        if not self.tap.ok(len(got) == 1 and got[0].startswith(want), name or f'{domain}: {want}'):
            print(f'#  got: {got}')


def test_real(c):
    c.found('plain.zone.example', 'mx1.zone.example 198.51.100.1 25 0',
            'mx2.zone.example 198.51.100.2 25 1', name='two MX in order')
    c.tap.equal([line.lower() for line in c.hosts('PLAIN.Zone.Example.')],
                ['found', 'mx1.zone.example 198.51.100.1 25 0',
                 'mx2.zone.example 198.51.100.2 25 1'], 'in other case, with a dot at the end')
    c.found('nomx.zone.example', 'nomx.zone.example 198.51.100.3 25 0',
            name='no MX: the host itself')
    c.found('only6.zone.example', 'six.zone.example 2001:db8::6 25 0', name='only AAAA')
    got = c.hosts('both.zone.example')
    c.tap.equal([':' in line for line in got[1:]], [True, False, True, False],
                'IPv6 and IPv4 in turn')
    c.tap.equal(len(set(got)), 5, 'each address once')
    c.fails('nullmx.zone.example', 'permanent 5.1.10 nullmx.zone.example ', 'null MX')
    c.found('nullandmore.zone.example', 'mx1.zone.example 198.51.100.1 25 0',
            name='a null MX beside another does not count')
    c.found('aliasmx.zone.example', 'alias.zone.example 198.51.100.1 25 0', name='CNAME at the MX')
    c.found('aliasdomain.zone.example', 'mx1.zone.example 198.51.100.1 25 0',
            'mx2.zone.example 198.51.100.2 25 1', name='CNAME at the domain')
    c.found('a.b.wild.zone.example', 'mx1.zone.example 198.51.100.1 25 0', name='a wildcard')
    c.fails('missing.zone.example', 'permanent 5.1.2 missing.zone.example does not exist')
    c.fails('textonly.zone.example', 'permanent 5.4.4 ')
    c.fails('noaddress.zone.example', 'permanent 5.4.4 ')
    c.fails('under.empty.zone.example', 'permanent 5.4.4 ', 'a name between others: it exists, without a record')
    c.fails('not.under.empty.zone.example', 'permanent 5.1.2 ', 'beside it: no such name')
    c.fails('null10.zone.example', 'permanent 5.1.10 ', 'null MX of another preference')
    c.fails('loopalias.zone.example', 'trouble 4.4.3 ', 'a loop of CNAMEs at the domain')
    c.fails('toloop.zone.example', 'trouble 4.4.3 ', 'a loop of CNAMEs at the MX')
    c.found('toloopmore.zone.example', 'mx2.zone.example 198.51.100.2 25 1', name='and another MX')
    c.found('chain12.zone.example', 'mx1.zone.example 198.51.100.1 25 0', name='eight CNAMEs')
    c.fails('chain0.zone.example', 'trouble 4.4.3 ', 'twenty CNAMEs')
    c.fails('dead.example', 'trouble 4.4.3 DNS gave no answer for dead.example MX')
    c.fails('refused.example', 'trouble 4.4.3 DNS gave no answer for refused.example MX')
    c.fails('dead1.zone.example', 'trouble 4.4.3 DNS gave no answer for mx.refused.example')
    c.found('dead2.zone.example', 'mx2.zone.example 198.51.100.2 25 1',
            name='an MX without an answer, another with one')
    got = c.hosts('many.zone.example')
    c.tap.equal(got[1:], [f'm{i}.zone.example 198.51.100.{i + 1} 25 {i}' for i in range(20)],
                '300 MX: the best twenty')
    c.tap.ok(any(' MX ' in line and ' by tcp: ' in line for line in c.trace), 'their list came by TCP')
    orders = {tuple(c.hosts('equal.zone.example')[1:]) for _ in range(12)}
    c.tap.ok(len(orders) > 3, 'equals come in ever other order')
    c.tap.equal({tuple(sorted(order)) for order in orders},
                {tuple(f'e{i}.zone.example 198.51.100.{i + 1} 25 0' for i in range(4))},
                'all of them, with one rank')


def test_names(c):
    c.fails('iptext.zone.example', 'permanent 5.4.4 ')
    c.found('iptextmore.zone.example', 'mx2.zone.example 198.51.100.2 25 0',
            name='an MX that is the text of an address does not count')
    c.fails('literal.zone.example', 'permanent 5.4.4 ', 'an address in brackets is no name of a host')
    c.found('literalmore.zone.example', 'mx2.zone.example 198.51.100.2 25 0', name='beside another')
    c.fails('localhostmx.zone.example', 'permanent 5.4.4 ')
    c.found('underscore.zone.example', 'under_score.zone.example 198.51.100.10 25 0')
    for domain in ('a..b', 'a b.example', 'x' * 64 + '.example', 'b\u00fccher.example', '.', ''):
        c.fails(domain, 'permanent 5.1.2 ', f'{domain!r} is no domain')


def test_own(c, own):
    c.fails('loopmx.zone.example', 'permanent 5.4.4 ')
    c.found('loopmore.zone.example', 'mx2.zone.example 198.51.100.2 25 1',
            name='addresses that are nobody\'s are left out')
    c.fails('looponly.zone.example', 'permanent 5.4.4 ')
    c.control.set('locals', 'ME.zone.example')
    c.found('ownname.zone.example', 'mx1.zone.example 198.51.100.1 25 0',
            name='our own name ends the list, before its equals')
    c.fails('ownbest.zone.example', 'permanent 5.4.6 ')
    c.fails('me.zone.example', 'permanent 5.4.6 ')
    c.control.unset('locals')
    c.found('me.zone.example', 'me.zone.example 198.51.100.200 25 0')
    if own:
        c.found('ownaddress.zone.example', 'mx1.zone.example 198.51.100.1 25 0',
                name='our own address ends the list, before its equals')
        c.fails('ownaddressbest.zone.example', 'permanent 5.4.6 ')
        c.fails('ownhost.zone.example', 'permanent 5.4.6 ')
        c.fails(f'[{own}]', 'permanent 5.4.6 ')
    else:
        c.tap.skip('our own address', 'this machine has only loopback')
    c.control.set('allowloopback', '1')
    c.control.set('smtpport', '2525')
    got = c.hosts('loopmx.zone.example')
    c.tap.equal(sorted(got[1:]), [f'loopaddr.zone.example {a} 2525 0'
                                  for a in ('127.0.0.1', '127.0.0.1', '::1')],
                'allowloopback and smtpport')
    c.found('[127.0.0.1]', '127.0.0.1 127.0.0.1 2525 0')
    c.control.unset('allowloopback')
    c.control.unset('smtpport')


def test_literals(c):
    c.found('[198.51.100.77]', '198.51.100.77 198.51.100.77 25 0')
    c.found('[IPv6:2001:db8::77]', '2001:db8::77 2001:db8::77 25 0')
    c.found('[ipv6:2001:DB8::77]', '2001:DB8::77 2001:db8::77 25 0')
    for literal in ('[198.51.100]', '[198.51.100.256]', '[', '[]', '[198.51.100.77', '[IPv6:x]',
                    '[198.51.100.77]x', '[mx1.zone.example]'):
        c.fails(literal, 'permanent 5.1.2 ')
    for literal in ('[127.0.0.1]', '[0.0.0.0]', '[IPv6:::1]', '[224.0.0.1]',
                    '[IPv6:fe80::1]', '[IPv6:::ffff:127.0.0.1]'):
        c.fails(literal, 'permanent 5.4.4 ')


def test_routes(c):
    def routed(relays):
        c.control.set('smtproutes', f'r.example:{relays}')
    routed('198.51.100.5:26')
    c.found('r.example', '198.51.100.5 198.51.100.5 26 0', name='a relay that is an address')
    c.tap.equal(c.trace, [], 'nothing is asked')
    routed('127.0.0.1:26,[::1]:27')
    c.found('r.example', '127.0.0.1 127.0.0.1 26 0', '::1 ::1 27 1',
            name='loopback is allowed where a route says so')
    routed('198.51.100.5:26 bind=2001:db8::5')
    c.fails('r.example', 'trouble 4.4.4 ', 'bind= of IPv6 leaves a relay of IPv4 alone')
    routed('relay.zone.example bind=0.0.0.0')
    c.found('r.example', 'relay.zone.example 127.0.0.5 25 0', name='and the other way')
    c.control.set('smtproutes', 'plain.zone.example: bind=::', 'both.zone.example: bind=::',
                  '[198.51.100.5]: bind=::')
    c.fails('plain.zone.example', 'trouble 4.4.4 ', 'bind= and MX without such an address: no bounce')
    c.tap.equal([':' in line for line in c.hosts('both.zone.example')[1:]], [True, True],
                'MX with bind= of IPv6')
    c.fails('[198.51.100.5]', 'trouble 4.4.4 ', 'bind= and an address of the other family')
    routed('relay.zone.example:26')
    c.found('r.example', 'relay.zone.example ::1 26 0', 'relay.zone.example 127.0.0.5 26 0',
            name='a relay with a name')
    c.tap.ok(not any(' MX ' in line for line in c.trace), 'its MX is not asked for')
    routed('localhost:26')
    c.found('r.example', 'localhost ::1 26 0', 'localhost 127.0.0.1 26 0', name='localhost')
    routed('198.51.100.1+198.51.100.2,198.51.100.3')
    orders = {tuple(c.hosts('r.example')[1:]) for _ in range(30)}
    c.tap.equal(len(orders), 2, 'equals share the load')
    c.tap.equal({order[2] for order in orders}, {'198.51.100.3 198.51.100.3 25 1'},
                'the alternative comes after them')
    routed('missing.zone.example,mx1.zone.example')
    c.tap.equal(c.hosts('r.example')[1:], ['mx1.zone.example 198.51.100.1 25 1'],
                'a relay that does not exist is passed over')
    routed('missing.zone.example')
    c.fails('r.example', 'trouble 4.4.4 ', 'no relay exists: that is not the mail\'s fault')
    routed('mx.refused.example')
    c.fails('r.example', 'trouble 4.4.3 ', 'no answer about the relay')
    routed('mx.refused.example,nomx.zone.example')
    c.tap.equal(c.hosts('r.example')[1:], ['nomx.zone.example 198.51.100.3 25 1'],
                'nor does that keep from the alternative')
    routed(','.join(f'198.51.100.{i}' for i in range(1, 33)))
    c.tap.equal(len(c.hosts('r.example')), 33, '32 relays, 32 addresses')
    routed(','.join(['relay.zone.example'] * 32))
    c.tap.equal([line.split()[3] for line in c.hosts('r.example')[1:]],
                [str(i) for i in range(32)], 'of 32 relays with two addresses, one each')
    c.control.set('smtproutes', 'plain.zone.example:', ':198.51.100.9')
    c.found('plain.zone.example', 'mx1.zone.example 198.51.100.1 25 0',
            'mx2.zone.example 198.51.100.2 25 1', name='an empty relay means MX')
    c.found('[198.51.100.77]', '198.51.100.9 198.51.100.9 25 0', name='the default takes literals too')
    c.control.unset('smtproutes')


def hostile(query, tcp):
    """500 MX with 20 addresses each, some with names that are no text."""
    name = query.question[0].name.to_text()
    kind = query.question[0].rdtype
    if kind == 15 and not tcp:
        return [dnslab.answer(query, flags=0x0200)]
    if kind == 15 and name == 'strange.x.':
        base = dnslab.answer(query)
        question = base[12:12 + len(query.question[0].name.to_wire()) + 4]
        names = (b'\3a\nb\0', b'\4e\0vi\0', b'\x08127.0.0.\0', b'\5\x1b[31m\0', b'\2$(\0')
        return [base[:6] + struct.pack('>HHH', len(names), 0, 0) + question + b''.join(
            b'\xc0\x0c' + struct.pack('>HHIHH', 15, 1, 60, len(n) + 2, 10) + n for n in names)]
    if kind == 15:
        return [dnslab.answer(query, (name, 'MX', *(f'{i} m{i}.x.' for i in range(500))))]
    if kind == 1 and name != 'empty.x.' and not name.startswith('m4'):
        return [dnslab.answer(query, (name, 'A', *(f'198.51.100.{i}' for i in range(1, 21))))]
    return [dnslab.answer(query)]


def test_hostile(c):
    with dnslab.Responder(hostile) as server:
        c.control.set('dnsservers', f'127.0.0.1:{server.port}')
        got = c.hosts('huge.x')
        c.tap.equal(len(got), 21, '500 MX with 20 addresses each: twenty are tried')
        c.tap.equal(len({line.split()[0] for line in got[1:]}), 3, 'of more than one host')
        c.tap.ok(len(server.seen) <= 10, 'and few questions asked')
        c.fails('strange.x', 'permanent 5.4.4 strange.x: its MX do not name a host')
    nothing = dnslab.Responder(lambda query, tcp: hostile(query, tcp)
                               if query.question[0].rdtype == 15 else [dnslab.answer(query)])
    with nothing as server:
        c.control.set('dnsservers', f'127.0.0.1:{server.port}')
        c.fails('huge.x', 'permanent 5.4.4 ', '500 MX without an address')
        c.tap.ok(len(server.seen) <= 2 + 80, 'at most forty of them are asked about')
    nxdomain = dnslab.Responder(lambda query, tcp: [dnslab.answer(query, rcode=3)]
                                if query.question[0].rdtype == 15 else
                                hostile(query, tcp))
    with nxdomain as server:
        c.control.set('dnsservers', f'127.0.0.1:{server.port}')
        c.tap.equal(len(c.hosts('odd.x')), 9,
                    'NXDOMAIN for MX from a server that has an address: it is used')


def main():
    tap = ternlab.Tap()
    own = own_address()
    authority, resolver, dead = (ternlab.free_port() for _ in range(3))
    nsd = dnslab.nsd(authority, {'zone.example': ZONE.replace('@OWN@', own or '127.0.0.1')})
    try:
        unbound = dnslab.unbound(resolver, {
            'zone.example': authority, 'refused.example': authority, 'dead.example': dead},
                                 'zone.example')
        try:
            with dnslab.Control() as control:
                checks = Checks(tap, control)
                control.set('dnsservers', f'127.0.0.1:{resolver}')
                test_real(checks)
                test_names(checks)
                test_own(checks, own)
                test_literals(checks)
                test_routes(checks)
                control.set('dnsservers', f'127.0.0.1:{authority}')
                checks.fails('elsewhere.example', 'trouble 4.4.3 ',
                             'a server that answers for its own zones alone')
                test_hostile(checks)
        finally:
            unbound.close()
    finally:
        nsd.close()
    tap.end()


main()
