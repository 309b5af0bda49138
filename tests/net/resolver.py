#!/usr/bin/python3
"""What the resolver makes of every kind of answer that a server, or someone
who pretends to be one, can send.
"""
import os
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import dns.flags
import dns.rdatatype

import dnslab
import ternlab
from dnslab import answer

GOOD = '192.0.2.1'


def with_id(packet, number):
    return struct.pack('>H', number & 0xffff) + packet[2:]


def good(query):
    return answer(query, (query.question[0].name, 'A', GOOD))


def truncated(query):
    return answer(query, flags=dns.flags.TC)


def tcp_case(reply):
    """Truncated over UDP; over TCP what reply makes of the query."""
    def handler(query, tcp):
        return reply(query) if tcp else [truncated(query)]
    return handler


def always(reply):
    return lambda query, tcp: [reply(query)]


def spoofed(query, tcp):
    """Before the answer, one from another port with everything right in it."""
    def send(peer):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(('127.0.0.1', 0))
            other.sendto(answer(query, (query.question[0].name, 'A', '192.0.2.66')), peer)
    return [send, good(query)]


def chained(last):
    """Names cN.x whose answers are one CNAME to the next, up to c<last>.x."""
    def handler(query, tcp):
        name = query.question[0].name.to_text()
        number = int(name[1:name.index('.')])
        if number == last:
            return [answer(query, (name, 'A', GOOD))]
        return [answer(query, (name, 'CNAME', f'c{number + 1}{name[name.index("."):]}'))]
    return handler


def raw_record(query, owner, kind, data, count=1):
    base = answer(query)
    head = base[:6] + struct.pack('>H', count) + b'\0\0' + b'\0\0'
    question = base[12:12 + len(query.question[0].name.to_wire()) + 4]
    return head + question + count * (owner + struct.pack('>HHIH', kind, 1, 60, len(data)) + data)


def raw(kind, data, owner=b'\xc0\x0c'):
    return always(lambda query: raw_record(query, owner, kind, data))


A, MX, TXT, TLSA = 1, 15, 16, 52


def loop_in_answer(query):
    name = query.question[0].name.to_text()
    return answer(query, (name, 'CNAME', 'b.loop.'), ('b.loop.', 'CNAME', name))


def chain_in_answer(query):
    name, records = query.question[0].name.to_text(), []
    for i in range(20):
        records.append((name, 'CNAME', f'{i}.chain.'))
        name = f'{i}.chain.'
    return answer(query, *records, (name, 'A', GOOD))


def without_edns(query, tcp):
    return [answer(query, rcode=1) if query.edns >= 0 else good(query)]


def many(query):
    return [answer(query, (query.question[0].name, 'A', *(f'10.0.{i // 250}.{i % 250}'
                                                         for i in range(4000))))]


def big_udp(query, tcp):
    return [answer(query, (query.question[0].name, 'A', *(f'10.0.{i // 250}.{i % 250}'
                                                         for i in range(3500))))]


def referral(query):
    packet = bytearray(answer(query))
    packet[2] &= ~0x04
    packet[3] &= ~0x80
    return bytes(packet)


FOUND = 'found 1 0 0'
TEMPORARY = 'temporary'
# name: (type, what the server does, how the first line of the result begins)
CASES = {
    'good.x': ('A', always(good), FOUND),
    'authentic.x': ('A', always(lambda q: answer(q, (q.question[0].name, 'A', GOOD),
                                                 flags=dns.flags.AD)), 'found 1 0 1'),
    'nodata.x': ('A', always(answer), 'no-data'),
    'nxdomain.x': ('A', always(lambda q: answer(q, rcode=3)), 'no-name'),
    'servfail.x': ('A', always(lambda q: answer(q, rcode=2)), TEMPORARY),
    'refused.x': ('A', always(lambda q: answer(q, rcode=5)), TEMPORARY),
    'notimp.x': ('A', always(lambda q: answer(q, rcode=4)), TEMPORARY),
    'rcode11.x': ('A', always(lambda q: answer(q, rcode=11)), TEMPORARY),
    'formerr.x': ('A', always(lambda q: answer(q, rcode=1)), TEMPORARY),
    'oldserver.x': ('A', without_edns, FOUND),
    'silent.x': ('A', lambda query, tcp: [], TEMPORARY),
    'empty.x': ('A', always(lambda q: b''), TEMPORARY),
    'short.x': ('A', always(lambda q: good(q)[:11]), TEMPORARY),
    'cut.x': ('A', always(lambda q: good(q)[:-12]), TEMPORARY),  # in the address: EDNS takes the last 11
    'echo.x': ('A', always(lambda q: q.to_wire()), TEMPORARY),
    'referral.x': ('A', always(referral), TEMPORARY),
    'strays.x': ('A', lambda q, tcp: [with_id(good(q), q.id + 1 + i) for i in range(20)] +
                 [b'', b'x', good(q)], FOUND),
    'flood.x': ('A', lambda q, tcp: [with_id(good(q), q.id + 1 + i) for i in range(64)],
                TEMPORARY),
    'spoofed.x': ('A', spoofed, FOUND),
    'question.x': ('A', always(lambda q: good(q).replace(b'question', b'Kuestion')), TEMPORARY),
    'case.x': ('A', always(lambda q: good(q).replace(b'case', b'CASE')), FOUND),
    'bigudp.x': ('A', big_udp, 'found 3500 0 0'),
    'tcp.x': ('A', tcp_case(lambda q: [good(q)]), FOUND),
    'tcpmany.x': ('A', tcp_case(many), 'found 4000 0 0'),
    'tcpcut.x': ('A', tcp_case(lambda q: [(struct.pack('>H', 500) + good(q),)]), TEMPORARY),
    'tcpcutlength.x': ('A', tcp_case(lambda q: [(b'\x01',)]), TEMPORARY),
    'tcpzero.x': ('A', tcp_case(lambda q: [(b'\0\0',)]), TEMPORARY),
    'tcpclosed.x': ('A', tcp_case(lambda q: []), TEMPORARY),
    'tcpid.x': ('A', tcp_case(lambda q: [with_id(good(q), q.id + 1)]), TEMPORARY),
    'tcptruncated.x': ('A', tcp_case(lambda q: [truncated(q)]), TEMPORARY),
    'tcpservfail.x': ('A', tcp_case(lambda q: [answer(q, rcode=2)]), TEMPORARY),
    'tcpfull.x': ('A', tcp_case(lambda q: [(b'\xff\xff' + good(q) +
                                           b'\0' * (65535 - len(good(q))),)]), FOUND),
    'cnameloop.x': ('A', always(loop_in_answer), TEMPORARY),
    'cnamechain.x': ('A', always(chain_in_answer), TEMPORARY),
    'c0.ten.x': ('A', chained(10), FOUND),
    'c0.eleven.x': ('A', chained(11), TEMPORARY),
    'pointerself.x': ('MX', raw(MX, b'\0\5\xc0\x2c'), TEMPORARY),
    'pointerpast.x': ('MX', raw(MX, b'\0\5\xff\xff'), TEMPORARY),
    'label64.x': ('MX', raw(MX, b'\0\5\x40' + b'a' * 64 + b'\0'), TEMPORARY),
    'mx0.x': ('MX', raw(MX, b''), TEMPORARY),
    'mx1.x': ('MX', raw(MX, b'\0'), TEMPORARY),
    'mx2.x': ('MX', raw(MX, b'\0\5'), TEMPORARY),
    'tlsa3.x': ('TLSA', raw(TLSA, b'\3\1\1'), TEMPORARY),
    'txt0.x': ('TXT', raw(TXT, b''), TEMPORARY),
    'a5.x': ('A', raw(A, b'12345'), TEMPORARY),
    'rdlength.x': ('A', always(lambda q: raw_record(q, b'\xc0\x0c', A, b'1234')[:-5] + b'\xff1234'),
                   TEMPORARY),
    'toofew.x': ('A', always(lambda q: good(q)[:6] + b'\xff\xff' + good(q)[8:]), TEMPORARY),
    'nul.x': ('MX', raw(MX, b'\0\5\3a\0b\0'), 'found 0 1 0'),
    'newline.x': ('MX', raw(MX, b'\0\5\3a\nb\0'), 'found 0 1 0'),
    'dot.x': ('MX', raw(MX, b'\0\5\3a.b\0'), 'found 0 1 0'),
    'space.x': ('MX', raw(MX, b'\0\5\3a b\0'), 'found 0 1 0'),
}


def handler(query, tcp):
    name = query.question[0].name.to_text().rstrip('.')
    if name not in CASES:  # a link of a chain
        name = 'c0' + name[name.index('.'):]
    return CASES[name][1](query, tcp)


def test_cases(tap, control):
    with dnslab.Responder(handler) as server:
        control.set('dnsservers', f'127.0.0.1:{server.port}')
        with ThreadPoolExecutor(16) as pool:  # those that wait do so together
            results = list(pool.map(lambda case: control.tool('lookup', case[0], case[1][0]),
                                    CASES.items()))
        for (name, (kind, _, want)), (lines, trace) in zip(CASES.items(), results):
            if not tap.ok(lines and lines[0].startswith(want), f'{name} {kind}: {want}'):
                print(f'#  got: {lines} {trace}')
        by_name = dict(zip(CASES, results))
        tap.ok('c0000201' in by_name['spoofed.x'][0][1], 'the packet of another port was not believed')
        tap.equal(len(by_name['nul.x'][0]), 1, 'a name with a NUL is not shown')
        tap.equal(server.count('servfail.x'), 1, 'who says SERVFAIL is not asked again')
        tap.equal(server.count('silent.x'), 2, 'who says nothing is asked twice')
        tap.equal([q[5] for q in server.seen if q[2] == 'silent.x'], [0, -1],
                  'the second time without EDNS')
        tap.equal(server.count('c0.eleven.x'), 1, 'a chain is followed, not begun again')
        tap.ok('timed out' in by_name['silent.x'][0][0], 'no answer: the reason is said')
        tap.ok('127.0.0.1' in by_name['silent.x'][0][0] and 'silent.x A' in by_name['silent.x'][0][0],
               'and what was asked of whom')


def test_unpredictable(tap, control):
    with dnslab.Responder(handler) as server:
        control.set('dnsservers', f'127.0.0.1:{server.port}')
        for _ in range(20):
            control.tool('lookup', 'good.x', 'A')
        tap.ok(len({q[0] for q in server.seen}) >= 15, 'questions come from ever other ports')
        tap.ok(len({q[1] for q in server.seen}) >= 15, 'with ever other ids')


def test_servers(tap, control):
    refusing = dnslab.Responder(always(lambda q: answer(q, rcode=5)))
    silent = dnslab.Responder(lambda query, tcp: [])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody, refusing, silent, \
            dnslab.Responder(handler) as server:
        nobody.bind(('127.0.0.1', 0))
        closed = nobody.getsockname()[1]
        nobody.close()
        control.set('dnsservers', f'127.0.0.1:{closed}', f'127.0.0.1:{refusing.port}',
                    f'127.0.0.1:{silent.port}', f'[::ffff:127.0.0.1]:{server.port}')
        lines, trace = control.tool('lookup', 'good.x', 'A')
        tap.equal(lines[0], FOUND, 'the fourth server is asked when the others fail')
        tap.equal(len(trace), 4, 'each of them was asked once')


def test_configuration(tap, control):
    def fatal(*servers):
        control.set('dnsservers', *servers)
        lines, _ = control.tool('lookup', 'good.x', 'A')
        return lines[0]
    tap.ok(fatal('# the one', '127.0.0.1:0').startswith('lookup: fatal: control/dnsservers:2: '),
           'port 0')
    tap.ok('control/dnsservers:1:' in fatal('127.0.0.1:65536'), 'port 65536')
    tap.ok('by address, not by name' in fatal('dns.example'), 'a name')
    tap.ok('control/dnsservers:1:' in fatal('[::1'), 'an open bracket')
    tap.ok('control/dnsservers:9: is one server too many' in fatal(*['127.0.0.1:1'] * 9),
           'nine servers')
    with dnslab.Responder(handler) as server:
        control.set('dnsservers', *['127.0.0.1:1'] * 7, f'127.0.0.1:{server.port}')
        tap.equal(control.tool('lookup', 'good.x', 'A')[0][0], FOUND, 'eight servers')
    control.set('dnsservers', '::1')
    tap.ok('from [::1]:53' in control.tool('lookup', 'good.x', 'A')[1][0],
           'an IPv6 address needs no brackets')


def main():
    tap = ternlab.Tap()
    with dnslab.Control() as control:
        test_cases(tap, control)
        test_unpredictable(tap, control)
        test_servers(tap, control)
        test_configuration(tap, control)
    tap.end()


main()
