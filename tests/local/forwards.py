#!/usr/bin/python3
"""Forwards: one message for all addresses, its envelope, owners, and the
queue's answers."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import locallab
import ternlab
from locallab import MESSAGE

tap = ternlab.Tap()
TRACE = b'Delivered-To: joe@example.org\n'


def envelope(sender, *recipients):
    return b'F' + sender + b'\0' + b''.join(b'T' + r + b'\0' for r in recipients) + b'\0'


with locallab.User() as user:
    with locallab.Queue(user) as queue:
        user.write('.qmail', '&a@example.net\nb\n./box\n|cat >seen\n&"c d"@example.net\n')
        done = user.deliver()
        tap.equal((done.returncode, done.stdout), (0, b'did 1+3+1\nqp 4711\n'), 'forwards')
        tap.equal(queue.messages, [(TRACE + MESSAGE, envelope(
            b'sender@example.net', b'a@example.net', b'b', b'"c d"@example.net'))],
            'go as one message')
        user.write('.qmail', '&a@example.net\n')
        user.deliver(sender='')
        tap.equal(queue.messages[-1][1], envelope(b'', b'a@example.net'), 'a bounce stays a bounce')
        big = b'a: b\n\n' + b'x' * 3000000
        user.deliver(message=big)
        tap.ok(queue.messages[-1][0] == TRACE + big, 'a large message')

        # an executable file, +list
        user.write('.qmail', '&a@example.net\n', 0o700)
        tap.equal(user.deliver().returncode, 0, 'an executable .qmail may forward')
        for line in ('./box', './box/', '|true'):
            user.write('.qmail', f'&a@example.net\n{line}\n', 0o700)
            count = len(queue.messages)
            done = user.deliver()
            tap.ok(done.returncode == 111 and len(queue.messages) == count,
                   f'and nothing else: {line}')
            user.write('.qmail', f'+list\n&a@example.net\n{line}\n')
            done = user.deliver()
            tap.ok(done.returncode == 111 and b'.qmail:3:' in done.stderr and
                   len(queue.messages) == count, f'+list: no {line} after it')
        user.write('.qmail', './box\n+list\n&a@example.net\n')
        tap.equal(user.deliver().returncode, 0, '+list concerns what follows')

        # owners
        list_of = dict(local='joe-list', dash='-', ext='list')
        user.write('.qmail-list', '|echo $NEWSENDER\n&a@example.net\n')
        user.write('.qmail-list-owner', '&joe@example.org\n')
        done = user.deliver(**list_of)
        tap.ok(done.stdout.startswith(b'joe-list-owner@example.org\n') and
               queue.messages[-1][1] == envelope(b'joe-list-owner@example.org', b'a@example.net'),
               'an owner gets the failures of a list')
        user.write('.qmail-list-owner-default', '&joe@example.org\n')
        user.deliver(**list_of)
        tap.equal(queue.messages[-1][1],
                  envelope(b'joe-list-owner-@example.org-@[]', b'a@example.net'), 'VERP')
        for sender in (b'', b'#@[]'):
            user.deliver(sender=sender.decode(), **list_of)
            tap.equal(queue.messages[-1][1], envelope(sender, b'a@example.net'),
                      f'but not those of <{sender.decode()}>')

        # limits
        user.write('.qmail', ''.join(f'&a{i}@example.net\n' for i in range(5000)))
        user.deliver()
        tap.equal(queue.messages[-1][1].count(b'\0T'), 5000, 'the most addresses')
        user.write('.qmail', ''.join(f'&a{i}@example.net\n' for i in range(5001)))
        count = len(queue.messages)
        done = user.deliver()
        tap.ok(done.returncode == 111 and b':5001:' in done.stderr and
               len(queue.messages) == count, 'one more')

    # the queue's answers
    user.write('.qmail', '&a@example.net\n')
    for answer, code in ((b'31 no thanks\n', 100), (b'11 too long\n', 100), (b'40 x\n', 100),
                         (b'41 x\n', 111), (b'53 disk full\n', 111), (b'71 later\n', 111),
                         (b'91 x\n', 111), (b'gibberish\n', 111), (b'', 111)):
        with locallab.Queue(user, answer) as queue:
            if not answer:
                queue.listener.shutdown(2)
            done = user.deliver()
            tap.ok(done.returncode == code and b'Unable to forward' in done.stderr,
                   f'the queue says {answer!r}: {code}')
    done = user.deliver()
    tap.ok(done.returncode == 111 and b'Unable to forward' in done.stderr, 'no queue at all')
    done = user.deliver(environment={'TERNHOME': '/no/such/home'})
    tap.ok(done.returncode == 111 and b'home of tern' in done.stderr, 'no home of tern')

    # the command instead of the service
    os.mkdir(user.tern + '/bin')
    script = user.tern + '/bin/tern-queue'
    with open(script, 'w') as f:
        f.write('#!/bin/sh\ncat >../home/got.message\ncat <&1 >../home/got.envelope\nexit 0\n')
    os.chmod(script, 0o755)
    done = user.deliver()
    tap.ok(done.returncode == 0 and user.read('got.message') == TRACE + MESSAGE and
           user.read('got.envelope') == envelope(b'sender@example.net', b'a@example.net'),
           'the command tern-queue where no service listens')
tap.end()
