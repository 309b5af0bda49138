"""Entries and histories as they lie in the queue (src/wire/seal.h, history.h), made by hand."""
TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def entry(message, sender, recipients, before=(), uid=0):
    """A sealed entry; a recipient is an address, or (address, records before it)."""
    records = [b'u%d' % uid, b'p4711', b'vlocal', *before, b'F' + sender]
    for recipient in recipients:
        if isinstance(recipient, tuple):
            records += recipient[1]
            recipient = recipient[0]
        records.append(b'T' + recipient)
    envelope = b''.join(record + b'\0' for record in records)
    return message + envelope + b'tern1 %016x %016x %08x\n' % (
        len(message), len(envelope), crc32c(message + envelope))


def event(what, recipients, text=b'', host=b'-', address=b'-', time=1700000000, attempt=1, next=0):
    """A line of a history; recipients is a list of ranges such as b'0-2,7'."""
    line = b'%d %s %d %s %d %s %s %s' % (time, what, attempt, recipients, next, host, address, text)
    return b'%08x %s\n' % (crc32c(line), line)
