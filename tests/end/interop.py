#!/usr/bin/python3
"""Mail of many kinds through servers that others wrote: Postfix, Exim, OpenSMTPD and, by LMTP,
Dovecot. What they keep has the bytes that were handed in."""
import collections
import contextlib
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import peerlab
import ternlab

lab = ternlab.Tap()
SENDER = 'ann@tern.test'

BODIES = {
    'plain': b'Hello.\r\n',
    'empty': b'',
    'lines': b'\r\n\r\nbetween\r\n\r\n\r\n',
    'blanks': b'at the end \r\n\t\r\n \r\n  x\t\r\n',
    'dots': b'.\r\n..\r\n...\r\n.x\r\n..y\r\nz.\r\n.\r\n',
    'froms': b'From here\r\n>From there\r\nFrom: me\r\n',
    'eight': bytes(range(0xa0, 0x100)) + '\r\n\u00e4\u6f22\r\n'.encode(),
    'long': b'y' * 998 + b'\r\n.' + b'z' * 997 + b'\r\n',
    'big': b'0123456789abcdef\r\n.line\r\n' * 40000,  # 1,000,000 bytes
}
OVERLONG = b'y' * 5000 + b'\r\n.' + b'z' * 70000 + b'\r\nend\r\n'
GOOD, REFUSED, LATER = 40, 9, 9  # of 20 errors Postfix grows tired


def message(name, body, to):
    return (f'From: {SENDER}\r\nTo: {to}\r\nSubject: {name}\r\n'
            'Date: Sat, 21 Nov 2026 19:27:46 +0000\r\nMIME-Version: 1.0\r\n'
            'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n'
            f'Message-ID: <{name}@tern.test>\r\n\r\n').encode() + body


def copies(peer, name):
    """What it keeps of the message of that name."""
    subject = f'\nSubject: {name}\n'.encode()
    return [text for text in peer.box() if subject in text]


def wait_copies(peer, name, count):
    return ternlab.wait_until(lambda: len(copies(peer, name)) >= count and copies(peer, name),
                              f'{count} x {name} in the box of {peer.name}')


def each_kind(tern, peer, bodies):
    """Two recipients, one transaction: the sent bytes are the end of both copies."""
    texts = {name: message(name, body, f'ok1@{peer.name}.test') for name, body in bodies.items()}
    for name, text in texts.items():
        endlab.hand_in(tern, text, ' BODY=8BITMIME', [(f'{r}@{peer.name}.test', '') for r in ('ok1', 'ok2')])
    for name, text in texts.items():
        kept = wait_copies(peer, name, 2)
        lab.ok(len(kept) == 2 and all(k.endswith(text.replace(b'\r\n', b'\n')) for k in kept),
               f'{peer.name}: {name}')
        lab.equal(sorted(peerlab.recipient_of(k) for k in kept),
                  [f'ok1@{peer.name}.test', f'ok2@{peer.name}.test'], f'{peer.name}: {name}, for both')


def many(tern, peer, later):
    """Recipients of which some are refused for good, and some for now."""
    def names(word, count):
        return {f'{word}{i}@{peer.name}.test' for i in range(count)}
    text = message('many', b'To all of you.\r\n', 'all')
    given = names('ok', GOOD) | names('no', REFUSED) | (names('later', LATER) if later else set())
    endlab.hand_in(tern, text, '', [(r, '') for r in sorted(given, reverse=True)])
    kept = wait_copies(peer, 'many', GOOD)
    bounce = ternlab.wait_until(lambda: bounces(tern, peer), f'the bounce from {peer.name}')
    lab.equal(collections.Counter(map(peerlab.recipient_of, kept)), collections.Counter(names('ok', GOOD)),
              f'{peer.name}: {GOOD} of many get one copy each')
    failed = re.findall(rb'^Final-Recipient: rfc822; (\S+)$', b''.join(bounce), re.M)
    lab.equal(sorted(f.decode() for f in failed), sorted(names('no', REFUSED)),
              f'{peer.name}: one bounce names the {REFUSED} that it refused, and no other')
    if later:
        id = endlab.id_of(tern, f'later0@{peer.name}.test')
        waiting = endlab.History(tern, id).wait(1, 'deferred')
        lab.ok(len(set.union(*(e.recipients for e in waiting))) == LATER and
               all(e.address == '127.0.0.1' and ' 4.7.1 ' in e.text for e in waiting),
               f'{peer.name}: {LATER} wait, and the history says who and why: {waiting[0]}')
    return names('later', LATER)


def too_many_errors(tern, peer):
    """A server that hangs up after 20 refusals: they stand, so that the good come to their turn."""
    def names(word, count):
        return [f'{word}{i}.tired@{peer.name}.test' for i in range(count)]
    endlab.hand_in(tern, message('tired', b'To all of you.\r\n', 'all'), '',
                   [(r, '') for r in names('no', 30) + names('ok', 10)])
    id = endlab.id_of(tern, f'ok9.tired@{peer.name}.test')
    again = [0]

    def ended():
        if time.monotonic() > again[0]:  # an alarm can come too early for what was just deferred
            again[0] = time.monotonic() + 1
            tern.signal_send(signal.SIGALRM)
        return tern.log_matches(rf'^end msg {id}$')

    def refused():
        return {r for m in tern.maildir('alias/ann')
                for r in re.findall(rb'^Final-Recipient: rfc822; (no\d+\.tired@\S+)$', m, re.M)}
    ternlab.wait_until(ended, 'the end of a message to many who do not exist')
    ternlab.wait_until(lambda: len(refused()) >= 30, 'the bounces of those who do not exist')
    lab.ok(len(refused()) == 30 and 'too many errors' in peer.log(),
           f'{peer.name}: 30 are refused, though it hangs up after 20')
    lab.equal(sorted(map(peerlab.recipient_of, wait_copies(peer, 'tired', 10))), sorted(names('ok', 10)),
              f'{peer.name}: 10 among them get their mail')


def bounces(tern, peer):
    return [m for m in tern.maildir('alias/ann')
            if f'Final-Recipient: rfc822; no0@{peer.name}.test'.encode() in m]


def utf8(tern, peer, offered):
    """An address and a header in UTF-8."""
    text = message('utf8', 'Gr\u00fc\u00dfe\r\n'.encode(), '\u00fc@example.org')
    who = f'ok\u00fc@{peer.name}.test'
    endlab.hand_in(tern, text, ' SMTPUTF8 BODY=8BITMIME', [(who, '')])
    if offered:
        kept = wait_copies(peer, 'utf8', 1)
        lab.ok(kept[0].endswith(text.replace(b'\r\n', b'\n')) and peerlab.recipient_of(kept[0]) == who,
               f'{peer.name}: SMTPUTF8')
        return
    back = ternlab.wait_until(
        lambda: [m for m in tern.maildir('alias/ann')
                 if re.search(rf'^Final-Recipient: .*@{peer.name}.test'.encode(), m, re.M)],
        f'a bounce of {who}')[0]
    lab.ok(b'Status: 5.6.7' in back, f'{peer.name}: it does not offer SMTPUTF8, so the mail comes back')


def notified(tern, peer, *marks):
    """NOTIFY, ENVID and ORCPT reach a server that knows them: the notice is the server's. OpenSMTPD,
    which gives no marks back, takes what is said of one recipient for the next one too, and
    so gets one only."""
    recipients = [(f'ok1@{peer.name}.test', ' NOTIFY=SUCCESS ORCPT=rfc822;old+2Bname@old.test')]
    if marks:
        recipients.append((f'ok2@{peer.name}.test', ' NOTIFY=NEVER'))
    endlab.hand_in(tern, message('notify', b'x\r\n', 'ok1'), ' RET=HDRS ENVID=QQ+2B314', recipients)
    wait_copies(peer, 'notify', len(recipients))
    notice = ternlab.wait_until(
        lambda: [m for m in tern.maildir('alias/ann') if f'\nReporting-MTA: dns; {peer.name}.test\n'.encode() in m],
        f'a notice of {peer.name}')[0]
    lab.ok(b'Final-Recipient' in notice and all(m in notice for m in marks) and b'ok2@' not in notice,
           f'{peer.name}: DSN, with {marks or "what it tells"}')


def null_sender(tern, peer):
    endlab.hand_in(tern, message('null', b'A notice.\r\n', 'ok1'), '', [(f'ok1@{peer.name}.test', '')],
                   sender='')
    kept = wait_copies(peer, 'null', 1)[0]
    lab.ok(re.search(rb'^Return-path: <>$', kept, re.M | re.I) or
           f'from=<> to=<ok1@{peer.name}.test>' in peer.log(), f'{peer.name}: the null sender')


def all_is_well(tern, peer):
    """No attempt failed but for what the server was told to say."""
    lab.equal(tern.log_matches(rf'^(warning|alert)|fatal|confinement:|{peer.name}.*deferral: (?!.*4\.[27]\.[01])'),
              [], f'{peer.name}: and nothing went wrong')


def postfix(tern, peer):
    each_kind(tern, peer, dict(BODIES, overlong=OVERLONG))
    null_sender(tern, peer)
    utf8(tern, peer, True)
    notified(tern, peer, b'Original-Envelope-Id: QQ+314', b'old+name@old.test')
    too_many_errors(tern, peer)
    many(tern, peer, True)


def exim(tern, peer):
    each_kind(tern, peer, dict(BODIES, overlong=OVERLONG))
    null_sender(tern, peer)
    utf8(tern, peer, True)
    notified(tern, peer, b'Original-Envelope-ID: QQ+2B314', b'old+2Bname@old.test')  # as it came
    late = many(tern, peer, True)
    peer.open()
    tern.signal_send(signal.SIGALRM)
    kept = wait_copies(peer, 'many', GOOD + LATER)
    lab.ok(late <= set(map(peerlab.recipient_of, kept)) and len(kept) == GOOD + LATER,
           'exim: those that had to wait get it later, and nobody twice')


def opensmtpd(tern, peer):
    each_kind(tern, peer, BODIES)
    null_sender(tern, peer)
    utf8(tern, peer, False)
    notified(tern, peer)
    many(tern, peer, False)


def dovecot(tern, peer):
    """Each recipient has a result of its own, also after the text. The socket serves the same mail."""
    each_kind(tern, peer, BODIES)
    null_sender(tern, peer)
    utf8(tern, peer, False)
    many(tern, peer, False)
    endlab.hand_in(tern, message('full', b'To both.\r\n', 'ok1'), '',
                   [(f'{r}@{peer.name}.test', '') for r in ('ok1', 'okfull', 'ok2')])
    history = endlab.History(tern, endlab.id_of(tern, f'okfull@{peer.name}.test'))
    kept = wait_copies(peer, 'full', 2)
    deferred, delivered = history.wait(1, 'deferred')[0], history.wait(1, 'delivered')
    lab.equal((sorted(map(peerlab.recipient_of, kept)), deferred.recipients,
               set.union(*(e.recipients for e in delivered))),
              ([f'ok1@{peer.name}.test', f'ok2@{peer.name}.test'], {1}, {0, 2}),
              'dovecot: who can not have it waits, after the text as before it')
    lab.ok(' 451 4.2.0 ' in deferred.text, f'dovecot: and why: {deferred.text}')
    endlab.hand_in(tern, message('socket', b'By the socket.\r\n', 'ok1'), '', [('ok1@socket.test', '')])
    lab.equal(len(wait_copies(peer, 'socket', 1)), 1, 'dovecot: through its Unix socket')


PEERS = ((peerlab.Postfix, postfix), (peerlab.Exim, exim), (peerlab.OpenSMTPD, opensmtpd),
         (peerlab.Dovecot, dovecot))

with contextlib.ExitStack() as stack:
    tern = stack.enter_context(ternlab.Instance())
    there = []
    for kind, test in PEERS:
        why = peerlab.missing(kind.program)
        if why:
            lab.skip(kind.name, why)
        else:
            there.append((stack.enter_context(kind(tern.port)), test))
    tern.control('smtproutes', *(f'{peer.name}.test:{peer.relay()}' for peer, _ in there),
                 *(f'socket.test:lmtp:{peer.top}/lmtp' for peer, _ in there if peer.name == 'dovecot'))
    tern.control('retry', ':0:1h')
    tern.alias('ann', './ann/')
    tern.up()
    for peer, test in there:
        test(tern, peer)
        all_is_well(tern, peer)
lab.end()
