#!/usr/bin/python3
"""tern-local with a fault at each system call or allocation, and short calls: what it reports
as delivered is there, once and whole; what it does not is there, whole, after one more try."""
import functools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import locallab
import ternlab

lab = ternlab.Tap()
TEXT = b'From: a@example.net\nSubject: fault\n\n' + b'a line of the message\n' * 4000 + b'From me\n'
PLACES = {
    'maildir': './Maildir/\n',
    'mbox': './mbox\n',
    'forward': '&else@example.net\n',
    'program': f'|cat >$PPID.$$.out; mv $PPID.$$.out $$.program\n',
    'several': './Maildir/\n|cat >$$.out; mv $$.out $$.program\n&else@example.net\n./mbox\n',
}
FROM = b'From me\n'


class Box:
    """Where the message may have come, and how often."""

    def __init__(self, kind):
        self.kind = kind
        self.user = locallab.User()
        self.user.maildir()
        self.user.write('.qmail', PLACES[kind])
        self.queue = locallab.Queue(self.user)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.queue.__exit__()
        self.user.__exit__()

    def copies(self):
        """The texts at each place; broken ones too, but for what tmp/ or a .out may hold."""
        user = self.user
        found = {'maildir': user.mail(), 'forward': [m for m, _ in self.queue.messages]}
        found['program'] = [user.read(n) for n in os.listdir(user.home) if n.endswith('.program')]
        mbox = (b'\n' + (user.read('mbox') or b'')).split(b'\nFrom ')[1:]
        found['mbox'] = [text.partition(b'\n')[2] for text in mbox]
        wanted = PLACES if self.kind == 'several' else [self.kind]
        return {place: texts for place, texts in found.items() if place in wanted}

    def whole(self, place, text):
        if place == 'mbox':
            return text.endswith(TEXT.replace(FROM, b'>' + FROM) + b'\n') or \
                text.endswith(TEXT.replace(FROM, b'>' + FROM))
        return text.endswith(TEXT)

    def violations(self, least, most, torn=()):
        """What is wrong with the places; torn names those where a part may be left."""
        wrong = []
        for place, texts in self.copies().items():
            whole = [t for t in texts if self.whole(place, t)]
            if len(whole) != len(texts) and place not in torn:
                wrong.append(f'I2: {place}: a part of the message')
            if not least <= len(whole) <= most:
                wrong.append(f'{"I1" if len(whole) < least else "I4"}: {place}: {len(whole)}')
        return '; '.join(wrong)

    def left(self):
        return os.listdir(self.user.path('Maildir', 'tmp'))

    def deliver(self, tool=()):
        """One job for a worker; the letter of its report, or None when it died."""
        with locallab.Worker(self.user, tool=tool) as worker:
            worker.socket.settimeout(ternlab.PATIENCE)
            try:
                return worker.deliver(TEXT)[0]
            except (TypeError, ConnectionError):  # no report, no reader
                return None


def judge(kind, point):
    with Box(kind) as box:
        letter = box.deliver(faultlab.inject(point))
        if letter == 'K' and faultlab.is_sync_error(point):
            return 'delivered, though it could not be made durable'
        if letter == 'K':
            return box.violations(1, 1) or None
        if letter == 'D':
            return 'bounced by a fault of ours'
        if point.name == 'short':
            return f'{letter}: short and interrupted calls are no fault'
        # A mailbox is appended to in place: what a kill leaves there is a part.
        torn = ['mbox'] if point.fault == 'KILL' or 'truncate' in point.name else []
        wrong = box.violations(0, 1, torn)
        if point.fault != 'KILL' and box.left() and not point.name.startswith('unlink'):
            wrong = wrong or f'left in tmp: {box.left()}'
        again = box.deliver()
        if again != 'K':
            return f'I7: then {again}'
        return wrong or box.violations(1, 2, torn) or None


def sweeps(kind):
    def good(prefix):
        with Box(kind) as box:
            lab.equal(box.deliver(prefix), 'K', f'{kind}, without a fault')
            lab.equal(box.violations(1, 1), '', '... once')

    faultlab.sweeps(lab, 'tern-local', good, functools.partial(judge, kind), syscall=60,
                    malloc=10, short=4)


for kind in PLACES:
    sweeps(kind)
lab.end()
