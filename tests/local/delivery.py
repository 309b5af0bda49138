#!/usr/bin/python3
"""tern-local as a command: every kind of line, the search for .qmail files,
loops, counts and exit codes."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import locallab
import ternlab
from locallab import MESSAGE

tap = ternlab.Tap()
TRACE = b'Return-Path: <sender@example.net>\nDelivered-To: joe@example.org\n'


def check(user, name, code, says=None, want=b'', **address):
    """Runs a delivery; compares its exit code and what it says where that belongs."""
    done = user.deliver(**address)
    said = done.stdout if code == 0 else done.stderr
    good = done.returncode == code and want in said and (says is None or said == says)
    if not tap.ok(good, name):
        print(f'# {done}', flush=True)
    return done


def without_date(mbox):
    return re.sub(rb'^(From \S+) \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$', rb'\1 DATE', mbox,
                  flags=re.M)


with locallab.User() as user:
    # Maildir
    user.maildir()
    check(user, 'no .qmail: the default delivery', 0, b'did 1+0+0\n')
    tap.equal(user.mail(), [TRACE + MESSAGE], 'a Maildir gets trace lines and the bytes')
    size = len(TRACE + MESSAGE)
    tap.ok(re.fullmatch(rf'\d+\.M\d+P\d+Q\d+\..+,S={size}', user.files('Maildir/new')[0]),
           'the name of a file in a Maildir holds its size')
    tap.equal(os.stat(user.path('Maildir/new', user.files('Maildir/new')[0])).st_mode & 0o777,
              0o600, 'a delivered file is its owner\'s alone')
    tap.equal(user.files('Maildir/tmp'), [], 'nothing stays in tmp')
    check(user, 'a null sender', 0, sender='')
    tap.ok(any(m.startswith(b'Return-Path: <>\n') for m in user.mail()), 'its Return-Path')
    check(user, 'a sender that needs quotes', 0, sender='a "b\\@example.net')
    tap.ok(any(m.startswith(b'Return-Path: <"a \\"b\\\\"@example.net>\n') for m in user.mail()),
           'its Return-Path is quoted')
    check(user, 'a newline in the sender', 0, sender='a\nb@example.net')
    tap.ok(any(m.startswith(b'Return-Path: <"a_b"@example.net>\n') for m in user.mail()),
           'makes no line of its own')
    user.write('.qmail', './Maildir/\n./Second/\n')
    check(user, 'a Maildir that is not there', 111, want=b'./Second/')
    user.clear()
    check(user, 'the default Maildir is not there', 111, want=b'(#4.2.1)')

    # mbox
    user.write('.qmail', './box\n')
    message = b'Subject: x\n\nFrom here\n>From there\n>>From x\nFromage\n >From\n>x\nFro\nFrom '
    check(user, 'an mbox', 0, b'did 1+0+0\n', message=message)
    tap.equal(without_date(user.read('box')),
              b'From sender@example.net DATE\n' + TRACE +
              b'Subject: x\n\n>From here\n>>From there\n>>>From x\nFromage\n >From\n>x\nFro\n'
              b'>From \n\n', 'From lines are quoted, the last line is ended')
    user.write('box', b'')
    check(user, 'an mbox, null sender', 0, message=b'a: b\n\n>', sender='')
    got = without_date(user.read('box'))
    tap.ok(got.startswith(b'From MAILER-DAEMON DATE\nReturn-Path: <>\n') and
           got.endswith(b'\n\n>\n\n'), 'its From line is MAILER-DAEMON\'s')
    user.write('box', b'')
    check(user, 'blanks in the sender', 0, message=b'a: b\n\n', sender='a b\tc@x')
    tap.ok(user.read('box').startswith(b'From a-b-c@x '), 'become dashes in the From line')
    before = user.read('box')
    check(user, 'a second message', 0)
    tap.ok(user.read('box').startswith(before) and len(user.read('box')) > len(before) and
           before.endswith(b'\n\n'), 'is appended after a blank line')
    user.write('.qmail', './no/box\n')
    check(user, 'an mbox in a folder that is not there', 111, want=b'./no/box')
    big = b'a: b\n\n' + b''.join(b'From %070d\n' % n for n in range(5000))
    user.clear()
    user.write('.qmail', './box\n')
    check(user, 'a large mbox message', 0, message=big)
    tap.equal(user.read('box').split(TRACE)[1].replace(b'\n>From ', b'\nFrom '), big + b'\n',
              'is quoted across pieces')

    # several, comments, order
    user.clear()
    user.maildir()
    user.write('.qmail', '# first\n./Maildir/\n\n|cat > seen\n./box\n# last\n')
    check(user, 'several instructions', 0, b'did 2+0+1\n')
    tap.ok(len(user.mail()) == 1 and user.read('seen') == MESSAGE and b'hello' in user.read('box'),
           'all are followed, the program reads the bytes without trace lines')
    user.write('.qmail', './Maildir/\n|exit 111\n./box\n')
    os.unlink(user.path('box'))
    check(user, 'a failure stops', 111)
    tap.ok(len(user.mail()) == 2 and user.read('box') is None, 'after what was done before it')
    user.write('.qmail', '')
    check(user, 'an empty .qmail is the default', 0, b'did 1+0+0\n')
    user.write('.qmail', '# only a comment\n')
    check(user, 'a comment alone throws mail away', 0, b'did 0+0+0\n')
    user.write('.qmail', '\n./Maildir/\n')
    check(user, 'a blank first line', 111, want=b'blank')

    # the search
    user.clear()
    user.maildir()
    for name in ('.qmail-list', '.qmail-list-default', '.qmail-a:b', '.qmail-x-default'):
        user.write(name, f'|echo file {name} rest "${{DEFAULT-none}}"\n')
    for ext, name, rest in (('list', '.qmail-list', 'none'), ('LIST', '.qmail-list', 'none'),
                            ('list-Sub-x', '.qmail-list-default', 'Sub-x'),
                            ('list-', '.qmail-list-default', ''),
                            ('a.b', '.qmail-a:b', 'none'), ('a/b', '.qmail-a:b', 'none'),
                            ('x-y-z', '.qmail-x-default', 'y-z'),
                            ('x-' + 'y' * 400, '.qmail-x-default', 'y' * 400),
                            ('x-default', '.qmail-x-default', 'default')):
        check(user, f'extension {ext[:20]}', 0, f'file {name} rest {rest}\ndid 0+0+1\n'.encode(),
              local=f'joe-{ext}', dash='-', ext=ext)
    for ext in ('nobody', 'lis', 'a', '../x', 'listx-default', ''):
        check(user, f'no file for extension "{ext}"', 100,
              b'Sorry, no mailbox here by that name. (#5.1.1)\n', local=f'joe-{ext}', dash='-',
              ext=ext)
    user.write('.qmail-default', '|echo "$DEFAULT"\n')
    check(user, 'the default of all', 0, b'No-Body.x\ndid 0+0+1\n', local='joe-No-Body.x', dash='-',
          ext='No-Body.x')
    check(user, 'a dash and nothing', 0, b'\ndid 0+0+1\n', local='joe-', dash='-', ext='')

    # loops
    user.clear()
    user.maildir()
    looping = b'Received: x\nDelivered-To: joe@example.org\nSubject: x\n\nhello\n'
    check(user, 'a loop', 100, b'This message is looping: it already has my Delivered-To line. '
          b'(#5.4.6)\n', message=looping)
    check(user, 'a loop in other case', 100, message=looping.replace(b'joe@', b'JOE@'))
    for name, message in (
            ('someone else\'s line', looping.replace(b'joe@', b'joe2@')),
            ('a longer line', looping.replace(b'.org', b'.org.uk')),
            ('a shorter line', looping.replace(b'example.org', b'example.or')),
            ('the line in the body', b'a: b\n\n' + looping)):
        check(user, f'no loop: {name}', 0, message=message)
    deep = b''.join(b'X-%d: %s\n' % (i, b'y' * 70) for i in range(3000))
    check(user, 'a loop far down in a large header', 100, message=deep + looping)
    for shift in range(0, 33, 4):
        pad = 65536 - shift
        message = b'X: ' + b'y' * (pad - 4) + b'\n' + b'Delivered-To: joe@example.org\n\nx\n'
        check(user, f'a loop across the end of a piece ({shift})', 100, message=message)

    # the counts of -n
    user.write('.qmail', './Maildir/\n./box\n|cat\n&a@example.net\nb@example.net\n')
    before = user.files('Maildir/new')
    check(user, 'a dry run says what would happen', 0,
          b'maildir ./Maildir/\nmbox ./box\nprogram cat\nforward a@example.net\n'
          b'forward b@example.net\ndid 2+2+1\n', options=['-n'])
    tap.ok(user.files('Maildir/new') == before and user.read('box') is None, 'and does nothing')

    # messages of odd shapes
    user.clear()
    user.maildir()
    for name, message in (('an empty message', b''), ('no newline at the end', b'a: b\n\nx'),
                          ('NUL and 8-bit', b'a: b\n\n\0\xff\n'),
                          ('one piece', b'x' * 65536), ('one byte more', b'x' * 65537),
                          ('three pieces', b'y' * 196608), ('5 MB', b'z' * 5000000)):
        check(user, name, 0, message=message)
        got = [m for m in user.mail() if m == TRACE + message]
        tap.ok(len(got) == 1, f'{name}: the bytes')

    # use
    tap.ok(user.deliver(program=[locallab.LOCAL]).returncode == 100, 'no arguments: 100')
    tap.ok(user.deliver(program=user.command() + ['x']).returncode == 100, 'too many: 100')
    check(user, 'the longest sender', 0, sender='x' * 1002)
    check(user, 'a sender too long', 100, sender='x' * 1003)
    if locallab.ROOT:
        import subprocess
        done = subprocess.run(user.command(), stdin=subprocess.DEVNULL, capture_output=True)
        tap.ok(done.returncode == 100 and b'root' in done.stderr, 'never as root')
    else:
        tap.skip('never as root', 'needs root')
tap.end()
