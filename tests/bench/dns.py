"""The DNS of a room. dN.test and sN.test have the mail hosts mx.dN.test and mx.sN.test, whose
addresses are 10.99.x.y, but 10.98.x.y for an sN that ends in 99; nothing else exists.
"""
import re
import socket
import struct

A, MX = 1, 15


def answer(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode('latin-1').lower())
        at += 1 + query[at]
    kind, = struct.unpack_from('!H', query, at + 1)
    question = query[12:at + 5]
    match = re.fullmatch(r'(mx\.)?([ds])(\d{1,4})\.test', '.'.join(labels))
    code, data = 3, b''
    if match:
        code, number = 0, int(match[3])
        if kind == MX and not match[1]:
            data = struct.pack('!HH', 10, 0)[:2] + b'\x02mx\xc0\x0c'
        elif kind == A and match[1]:
            net = 98 if match[2] == 's' and number % 100 == 99 else 99
            data = bytes([10, net, number >> 8, number & 255])
    head = query[:2] + struct.pack('!HHHHH', 0x8580 | code, 1, 1 if data else 0, 0, 0)
    if data:
        question += b'\xc0\x0c' + struct.pack('!HHIH', kind, 1, 300, len(data)) + data
    return head + question


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('127.0.0.1', 53))
print('ready', flush=True)
while True:
    query, client = server.recvfrom(4096)
    try:
        server.sendto(answer(query), client)
    except (IndexError, struct.error):
        pass
