#!/usr/bin/python3
"""Conversations with tern-smtpd: what a client sends, the replies, and what reaches the
queue. Each one as a command and as a service; a part of them cut at every place."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Command, Home, Service

lab = ternlab.Tap()

EHLO, HELO = 'EHLO c.test\r\n', 'HELO c.test\r\n'
MAIL, RCPT, DATA = 'MAIL FROM:<a@b>\r\n', 'RCPT TO:<x@local.test>\r\n', 'DATA\r\n'
TEXT, END = 'Subject: x\r\n\r\nhello\r\n', '.\r\n'
MESSAGE = ('Fa@b Tx@local.test', 'Subject: x\n\nhello\n')
READY = '220 250'  # the greeting and EHLO

CASES = []  # (name, bytes, replies, messages)


def case(name, text, replies, *messages):
    """replies: how each begins, "250:2.1.0" for "250 2.1.0"; messages: (envelope, text)."""
    CASES.append((name, text if isinstance(text, bytes) else text.encode(), replies.split(),
                  [(e.encode(), t if isinstance(t, bytes) else t.encode()) for e, t in messages]))


def orders():
    """Each command in each state of a session."""
    states = {'new': ('', '220'), 'greeted': (EHLO, READY), 'mail': (EHLO + MAIL, READY + ' 250'),
              'rcpt': (EHLO + MAIL + RCPT, READY + ' 250 250'),
              'chunks': (EHLO + MAIL + RCPT + 'BDAT 3\r\nx\r\n', READY + ' 250 250 250:2.0.0')}
    anywhere = {'EHLO d.test': '250-mx.test', 'HELO d.test': '250', 'RSET': '250:2.0.0',
                'NOOP': '250:2.0.0', 'NOOP with words': '250:2.0.0', 'VRFY x': '252:2.5.0',
                'HELP': '214:2.0.0', 'HELP MAIL': '214:2.0.0', 'QUIT': '221:2.0.0',
                'EXPN x': '502:5.5.1', 'STARTTLS': '502:5.5.1', 'AUTH PLAIN AAAA': '502:5.5.1',
                'ETRN x': '502:5.5.1', 'TURN': '502:5.5.1', 'XCLIENT a=b': '500:5.5.2',
                'PROXY TCP4 1.1.1.1 2.2.2.2 1 2': '500:5.5.2', 'RSET x': '501:5.5.4',
                'QUIT x': '501:5.5.4', 'EHLO': '501:5.5.4', 'HELO': '501:5.5.4', 'VRFY': '501:5.5.4'}
    only = {'MAIL FROM:<c@d>': ('greeted', '250:2.1.0'), 'RCPT TO:<y@local.test>': ('mail rcpt', '250:2.1.5'),
            'DATA x': ('rcpt', '501:5.5.4')}
    for state, (text, replies) in states.items():
        for command, reply in anywhere.items():
            case(f'{state}: {command}', text + command + '\r\n', f'{replies} {reply}')
        for command, (good, reply) in only.items():
            case(f'{state}: {command}', text + command + '\r\n',
                 f'{replies} {reply if state in good.split() else "503:5.5.1"}')
        if state != 'rcpt':
            case(f'{state}: DATA', text + 'DATA\r\n', f'{replies} 503:5.5.1')
        if state not in ('rcpt', 'chunks'):
            case(f'{state}: BDAT', text + 'BDAT 6 LAST\r\nRSET\r\nNOOP\r\n',
                 f'{replies} 503:5.5.1 250:2.0.0')
    again = EHLO + MAIL + RCPT + DATA + TEXT + END
    accepted = f'{READY} 250 250 354 250:2.0.0'
    case('two messages', again + MAIL + RCPT + DATA + TEXT + END, accepted + ' 250 250 354 250',
         MESSAGE, MESSAGE)
    case('RCPT after a message', again + RCPT, accepted + ' 503:5.5.1', MESSAGE)
    case('DATA after a message', again + 'DATA\r\n', accepted + ' 503:5.5.1', MESSAGE)
    case('EHLO in between', EHLO + MAIL + RCPT + EHLO + RCPT, f'{READY} 250 250 250 503:5.5.1')
    case('HELO after EHLO', EHLO + HELO + MAIL + RCPT + DATA + TEXT + END,
         f'{READY} 250 250 250 354 250', MESSAGE)
    case('RSET forgets recipients', EHLO + MAIL + RCPT + 'RSET\r\n' + MAIL + 'RCPT TO:<y@local.test>\r\n' +
         DATA + END, f'{READY} 250 250 250 250 250 354 250', ('Fa@b Ty@local.test', ''))
    case('two MAIL', EHLO + MAIL + 'MAIL FROM:<c@d>\r\n' + RCPT + DATA + END,
         f'{READY} 250 503:5.5.1 250 354 250', ('Fa@b Tx@local.test', ''))
    case('a MAIL that is refused', EHLO + 'MAIL FROM:<a\r\n' + RCPT + MAIL + RCPT + DATA + END,
         f'{READY} 501 503 250 250 354 250', ('Fa@b Tx@local.test', ''))
    case('QUIT ends', EHLO + 'QUIT\r\nNOOP\r\n', READY + ' 221:2.0.0')
    case('nothing', '', '220')
    case('half a command', EHLO + 'NOO', READY)


def syntax():
    for command, reply in (
            ('noop', '250'), ('NoOp', '250'), ('NOOP   ', '250'), ('NOOP \t', '250'), ('NOOPX', '500:5.5.2'),
            (' NOOP', '500:5.5.2'), ('\tNOOP', '500:5.5.2'), ('', '500:5.5.2'), (' ', '500:5.5.2'),
            ('QUIT  ', '221'), ('RSET ', '250'), ('NOOP \0', '500:5.5.2'), ('NO\0OP', '500:5.5.2'),
            ('NOOP \x7f', '500:5.5.2'), ('NOOP \x1b[2J', '500:5.5.2'), ('NOOP a\rb', '500:5.5.2'),
            ('\r', '500:5.5.2'), ('GET / HTTP/1.1', '500:5.5.2'), ('\u00fcber', '500:5.5.2'),
            ('EHLO  two.test', '250-'), ('EHLO one two', '250-'), ('EHLO [192.0.2.1]', '250-'),
            ('EHLO a' + 'b' * 254, '250-'), ('EHLO a' + 'b' * 255, '501'), ('EHLO \u00fc.test', '501'),
            ('EHLO a(b)', '250-'), ('ehlo c', '250-'), ('EhLo c', '250-'), ('HELO _', '250')):
        case(f'{command[:50]!r}', EHLO + command + '\r\n', f'{READY} {reply}')
    for size, reply in ((2047, '250 250'), (2048, '250 250'), (2049, '500:5.5.2'), (100000, '500:5.5.2')):
        case(f'a line of {size} bytes', EHLO + 'NOOP ' + 'x' * (size - 7) + '\r\nNOOP\r\n',
             f'{READY} {reply}')
    case('no line end', EHLO + 'x' * 40000, READY + ' 500:5.5.2')
    for bad in ('NOOP\nNOOP\r\n', '\nNOOP\r\n', 'NOOP\r\n\nNOOP\r\n', 'NOOP\n\rNOOP\r\n'):
        done = bad.startswith('NOOP\r\n')
        case(f'{bad!r}', EHLO + bad, READY + ' 250' * done + ' 500:5.5.2')


def senders():
    for parameters, reply, envelope in (
            ('<a@b>', '250:2.1.0', 'Fa@b'), (' <a@b>', '250', 'Fa@b'), ('a@b', '250', 'Fa@b'),
            ('<>', '250', 'F'), ('<a.b+c@d.e>', '250', 'Fa.b+c@d.e'), ('<"a"@b>', '250', 'Fa@b'),
            ('<"a b"@c>', '250', 'Fa b@c'), (r'<"a\"b"@c>', '250', 'Fa"b@c'), (r'<"\\"@c>', '250', 'F\\@c'),
            ('<@one,@two:a@b>', '250', 'Fa@b'), ('<a@[192.0.2.1]>', '250', 'Fa@[192.0.2.1]'),
            ('<a@[IPv6:2001:db8::1]>', '250', 'Fa@[IPv6:2001:db8::1]'), ('<A@B>', '250', 'FA@B'),
            ('<' + 'a' * 1000 + '@b>', '250', 'F' + 'a' * 1000 + '@b'),
            ('<a@b> SIZE=0', '250', 'Fa@b'), ('<a@b> size=99', '250', 'Fa@b'),
            ('<a@b>  SIZE=99  BODY=7BIT ', '250', 'Fa@b'), ('<a@b> BODY=8BITMIME', '250', 'b8 Fa@b'),
            ('<a@b> body=8bitmime', '250', 'b8 Fa@b'), ('<a@b> SMTPUTF8', '250', 'Fa@b'),
            ('<\u00fc@b> SMTPUTF8', '250', 'U F\u00fc@b'), ('<a@\u00fc.test> smtputf8', '250', 'U Fa@\u00fc.test'),
            ('<a@b> RET=FULL', '250', 'RFULL Fa@b'), ('<a@b> ret=hdrs', '250', 'Rhdrs Fa@b'),
            ('<a@b> ENVID=QQ+2B', '250', 'EQQ+2B Fa@b'),
            ('<a@b> RET=HDRS ENVID=' + 'x' * 100, '250', 'RHDRS E' + 'x' * 100 + ' Fa@b'),
            ('<> RET=FULL ENVID=x BODY=8BITMIME SIZE=1', '250', 'b8 RFULL Ex F')):
        case(f'MAIL FROM:{parameters[:60]}', EHLO + f'MAIL FROM:{parameters}\r\n' + RCPT + DATA + END,
             f'{READY} {reply} 250 354 250', (envelope + ' Tx@local.test', ''))
    for parameters, reply in (
            ('', '501:5.1.7'), ('<', '501:5.1.7'), ('<a@b', '501:5.1.7'), ('a@b>', '501:5.1.7'),
            ('<<a@b>>', '501:5.1.7'), ('<a@b>>', '501:5.1.7'), ('<a b@c>', '501:5.1.7'),
            ('<a@b c>', '501:5.1.7'), ('<a@>', '501:5.1.7'), ('<@b>', '501:5.1.7'), ('<a@b.>', '501:5.1.7'),
            ('<a@.b>', '501:5.1.7'), ('<a@b..c>', '501:5.1.7'), ('<"a@b>', '501:5.1.7'),
            ('<""@b>', '501:5.1.7'), ('<a@[192.0.2.256]>', '501:5.1.7'), ('<a@[1.2.3]>', '501:5.1.7'),
            ('<a@[IPv6:192.0.2.1]>', '501:5.1.7'), ('<a@[>', '501:5.1.7'), ('<@one:>', '501:5.1.7'),
            ('<@one,:a@b>', '501:5.1.7'), ('<a@b>SIZE=1', '501:5.1.7'), ('<a@b>,<c@d>', '501:5.1.7'),
            ('<a@' + 'b' * 64 + '>', '501:5.1.7'), ('<' + 'a' * 1001 + '@b>', '501:5.1.3'),
            ('<a>', '553:5.1.8'), ('<\u00fc@b>', '553:5.6.7'), ('<a@\u00fc.test>', '553:5.6.7'),
            ('<\u0085@b> SMTPUTF8', '553:5.6.7'),
            ('<a@b> FOO', '555:5.5.4'), ('<a@b> FOO=BAR', '555:5.5.4'), ('<a@b> AUTH=<>', '555:5.5.4'),
            ('<a@b> NOTIFY=NEVER', '555:5.5.4'), ('<a@b> =1', '501:5.5.4'), ('<a@b> SIZE=', '501:5.5.4'),
            ('<a@b> SIZE', '501:5.5.4'), ('<a@b> SIZE=-1', '501:5.5.4'), ('<a@b> SIZE=+1', '501:5.5.4'),
            ('<a@b> SIZE=1k', '501:5.5.4'), ('<a@b> SIZE=0x1', '501:5.5.4'), ('<a@b> SIZE=1 SIZE=1', '501:5.5.4'),
            ('<a@b> SIZE=100001', '552:5.3.4'), ('<a@b> SIZE=18446744073709551616', '552:5.3.4'),
            ('<a@b> SIZE=99999999999999999999', '552:5.3.4'), ('<a@b> SIZE=999999999999999999999', '501:5.5.4'),
            ('<a@b> BODY', '501:5.5.4'), ('<a@b> BODY=', '501:5.5.4'), ('<a@b> BODY=9BIT', '501:5.5.4'),
            ('<a@b> BODY=BINARYMIME', '501:5.5.4'), ('<a@b> BODY=7BIT BODY=7BIT', '501:5.5.4'),
            ('<a@b> SMTPUTF8=1', '501:5.5.4'), ('<a@b> SMTPUTF8 SMTPUTF8', '501:5.5.4'),
            ('<a@b> RET=ALL', '501:5.5.4'), ('<a@b> RET', '501:5.5.4'), ('<a@b> RET=FULL RET=FULL', '501:5.5.4'),
            ('<a@b> ENVID=', '501:5.5.4'), ('<a@b> ENVID=+00', '501:5.5.4'), ('<a@b> ENVID=a+0D+0A', '501:5.5.4'),
            ('<a@b> ENVID=+4', '501:5.5.4'), ('<a@b> ENVID=+2b', '501:5.5.4'),
            ('<a@b> ENVID=' + 'x' * 101, '501:5.5.4'), ('<a@b> ENVID=a=b', '501:5.5.4'),
            ('<a@b> ENVID=\u00fc', '501:5.5.4')):
        case(f'MAIL FROM:{parameters[:60]}', EHLO + f'MAIL FROM:{parameters}\r\n' + RCPT,
             f'{READY} {reply} 503')
    case('MAIL', EHLO + 'MAIL\r\n', READY + ' 501:5.1.7')
    case('MAIL TO', EHLO + 'MAIL TO:<a@b>\r\n', READY + ' 501:5.1.7')
    case('invalid UTF-8', EHLO.encode() + b'MAIL FROM:<\xfc@b> SMTPUTF8\r\n', READY + ' 553:5.6.7')
    case('overlong UTF-8', EHLO.encode() + b'MAIL FROM:<\xc0\xaf@b> SMTPUTF8\r\n', READY + ' 553:5.6.7')
    case('a surrogate', EHLO.encode() + b'MAIL FROM:<\xed\xa0\x80@b> SMTPUTF8\r\n', READY + ' 553:5.6.7')


def recipients():
    for parameters, reply, envelope in (
            ('<x@local.test>', '250:2.1.5', 'Tx@local.test'), (' x@LOCAL.TEST', '250', 'Tx@LOCAL.TEST'),
            ('<@a,@b:x@local.test>', '250', 'Tx@local.test'), ('<"x y"@local.test>', '250', 'Tx y@local.test'),
            ('<postmaster>', '250', 'Tpostmaster@mx.test'), ('<PostMaster>', '250', 'TPostMaster@mx.test'),
            ('<postmaster@local.test>', '250', 'Tpostmaster@local.test'),
            ('<x@local.test> NOTIFY=NEVER', '250', 'NNEVER Tx@local.test'),
            ('<x@local.test> notify=delay,success,failure', '250', 'NSUCCESS,FAILURE,DELAY Tx@local.test'),
            ('<x@local.test> ORCPT=rfc822;Old+2B@b', '250', 'Orfc822;Old+2B@b Tx@local.test'),
            ('<x@local.test> ORCPT=rfc822;y NOTIFY=FAILURE', '250', 'Orfc822;y NFAILURE Tx@local.test'),
            ('<x@local.test> ORCPT=rfc822;' + 'y' * 493, '250', 'Orfc822;' + 'y' * 493 + ' Tx@local.test')):
        case(f'RCPT TO:{parameters[:60]}', EHLO + MAIL + f'RCPT TO:{parameters}\r\n' + DATA + END,
             f'{READY} 250 {reply} 354 250', (f'Fa@b {envelope}', ''))
    for parameters, reply in (
            ('<>', '501:5.1.3'), ('', '501:5.1.3'), ('<x@local.test', '501:5.1.3'), ('<x', '501:5.1.3'),
            ('<x>', '553:5.1.3'), ('<\u00fc@local.test>', '553:5.6.7'), ('<x@far.test>', '553:5.7.1'),
            ('<' + 'x' * 1001 + '@local.test>', '501:5.1.3'),
            ('<x@local.test> SIZE=1', '555:5.5.4'), ('<x@local.test> FOO', '555:5.5.4'),
            ('<x@local.test> NOTIFY', '501:5.5.4'), ('<x@local.test> NOTIFY=', '501:5.5.4'),
            ('<x@local.test> NOTIFY=NEVER,SUCCESS', '501:5.5.4'), ('<x@local.test> NOTIFY=NOW', '501:5.5.4'),
            ('<x@local.test> NOTIFY=SUCCESS,SUCCESS', '501:5.5.4'),
            ('<x@local.test> NOTIFY=DELAY NOTIFY=DELAY', '501:5.5.4'),
            ('<x@local.test> ORCPT=x', '501:5.5.4'), ('<x@local.test> ORCPT=rfc822;', '501:5.5.4'),
            ('<x@local.test> ORCPT=rfc822;a+00', '501:5.5.4'), ('<x@local.test> ORCPT=rfc822;a+0Ab', '501:5.5.4'),
            ('<x@local.test> ORCPT=rfc822;a+4', '501:5.5.4'), ('<x@local.test> ORCPT=utf-8;\u00fc', '501:5.5.4'),
            ('<x@local.test> ORCPT=rfc822;' + 'y' * 494, '501:5.5.4')):
        case(f'RCPT TO:{parameters[:60]}', EHLO + MAIL + f'RCPT TO:{parameters}\r\n', f'{READY} 250 {reply}')
    case('a long xtext', EHLO + MAIL + 'RCPT TO:<x@local.test> ORCPT=rfc822;' + 'y' * 5000 + '\r\n',
         READY + ' 250 500:5.5.2')
    case('what belonged to a refused recipient is gone', EHLO + MAIL +
         'RCPT TO:<x@far.test> NOTIFY=NEVER ORCPT=rfc822;y\r\n' + RCPT + DATA + END,
         f'{READY} 250 553 250 354 250', ('Fa@b Tx@local.test', ''))
    case('a recipient in UTF-8', EHLO + 'MAIL FROM:<a@b> SMTPUTF8\r\nRCPT TO:<\u00fc@local.test> '
         'ORCPT=utf-8;\u00e9@x\r\n' + DATA + END, f'{READY} 250 250 354 250',
         ('U Fa@b Outf-8;\u00e9@x T\u00fc@local.test', ''))
    case('some are refused', EHLO + MAIL + 'RCPT TO:<y@far.test>\r\n' + RCPT + 'RCPT TO:<z@local.test>\r\n' +
         DATA + TEXT + END, f'{READY} 250 553 250 250 354 250',
         ('Fa@b Tx@local.test Tz@local.test', MESSAGE[1]))


def relaying():
    """The probes of an open relay: L is ours, F is not."""
    forms = ['a@F', 'a%F@L', 'a@F@L', '"a@F"@L', 'F!a@L', '@L:a@F', '@L,@F:a@F', 'a%F', 'F!a', '"a%F"',
             '"a@F"', 'a@F.', 'a@[192.0.2.1]', 'a@[192.0.2.99]', 'a%F@[192.0.2.99]', 'a@192.0.2.99', 'a@',
             '@F', 'a@L%F', 'a@F\0@L', r'a@F\@L', 'a@F (c)@L', '<<a@F>>', 'a@localhost', 'a@L.F', 'a@notL',
             'a@.L', 'a@xn--lcal-5qa.test', 'SRS0=x=y=F=a@F', '"F!a"@L', '@F:a%F@L', 'a@F,b@L', 'a@"L"']
    for form in forms:
        address = form.replace('F', 'far.test').replace('L', 'local.test')
        probes = [f'MAIL FROM:<{sender}>\r\nRCPT TO:<{address}>\r\nRSET\r\n'
                  for sender in ('', 'x@local.test', 'x@far.test', 'x@[192.0.2.7]')]
        case(f'relay: {address!r}', EHLO + ''.join(probes), READY + ' 250 5 250' * 4)
    case('relay: postmaster', EHLO + ''.join(
        f'MAIL FROM:<{s}>\r\nRCPT TO:<postmaster>\r\nRSET\r\n' for s in ('', 'x@local.test', 'x@far.test')),
        READY + ' 250 250 250' * 3)


def texts():
    begin, accepted = EHLO + MAIL + RCPT + DATA, f'{READY} 250 250 354 250:2.0.0'
    envelope = MESSAGE[0]
    for name, text, stored in (
            ('nothing', '', ''), ('an empty line', '\r\n', '\n'), ('a line', 'x\r\n', 'x\n'),
            ('dots', '..\r\n...\r\n.x\r\n x.\r\n', '.\n..\nx\n x.\n'),
            ('a dot and a blank', '. \r\n', ' \n'), ('a dot and a tab', '.\t\r\n', '\t\n'),
            ('a blank and a dot', ' .\r\n', ' .\n'), ('commands', 'QUIT\r\nRSET\r\n', 'QUIT\nRSET\n'),
            ('other line ends', 'a\x0b.\x0bb\x0c.\x0cc\x85.\x85\u2028.\u2028\r\n',
             'a\x0b.\x0bb\x0c.\x0cc\x85.\x85\u2028.\u2028\n'), ('tabs', '\ta\t\r\n', '\ta\t\n'),
            ('998 bytes', 'x' * 998 + '\r\n', 'x' * 998 + '\n'),
            ('a long line', 'x' * 65536 + '\r\n', 'x' * 65536 + '\n'),
            ('a header of many lines', 'A: b\r\n' * 5000 + '\r\n', 'A: b\n' * 5000 + '\n')):
        case(f'text: {name}', begin + text + END + 'NOOP\r\n', accepted + ' 250', (envelope, stored))
    case('text: Latin-1', begin.encode() + b'\xe9\r\n.\r\n', accepted, (envelope, b'\xe9\n'))
    case('text: a UTF-8 header', EHLO + 'MAIL FROM:<a@b> SMTPUTF8\r\n' + RCPT + DATA +
         'Subject: \u00fc\r\n\r\n.\r\n', accepted, ('U ' + envelope, 'Subject: \u00fc\n\n'))
    case('text: a UTF-8 body needs no SMTPUTF8', EHLO + 'MAIL FROM:<a@b> SMTPUTF8 BODY=8BITMIME\r\n' + RCPT +
         DATA + 'Subject: x\r\n\r\n\u00fc\r\n.\r\n', accepted, ('b8 ' + envelope, 'Subject: x\n\n\u00fc\n'))
    for name, text, reply in (
            ('100000 bytes', 'x' * 99998 + '\r\n', '250'), ('100001 bytes', 'x' * 99999 + '\r\n', '552:5.3.4'),
            ('100 hops', 'Received: x\r\n' * 100, '250'), ('101 hops', 'Received: x\r\n' * 101, '554:5.4.6'),
            ('101 hops, odd', 'received :x\r\n' * 50 + 'DELIVERED-TO\t:\r\n' * 51, '554:5.4.6'),
            ('101 of them in the body', '\r\n' + 'Received: x\r\n' * 101, '250'),
            ('101 of them folded', 'X: y\r\n' + ' Received: x\r\n' * 101, '250')):
        case(f'text: {name}', begin + text + END + 'NOOP\r\n', f'{READY} 250 250 354 {reply} 250:2.0.0',
             *[(envelope, text.replace('\r\n', '\n'))] * (reply == '250'))
    case('text: cut short', begin + 'x\r\n.\r', f'{READY} 250 250 354')
    case('text: pipelined though DATA is refused', EHLO + MAIL + DATA + 'QUIT\r\n.\r\n', READY + ' 250 503')
    for text in SMUGGLED:
        case(f'smuggled: {text!r}', begin.encode() + b'line' + text + SECOND, f'{READY} 250 250 354 550:5.6.11')
    for text in HARMLESS:
        stored = (b'line' + text + SECOND).replace(b'\r\n', b'\n').replace(b'\n.', b'\n')[:-1]
        case(f'only text: {text!r}', begin.encode() + b'line' + text + SECOND, accepted + ' 221',
             (envelope, stored.partition(b'\nQUIT')[0][:-1] + b'\n'))


# The rows of sequences that end a text for one server or another, and their end.
SMUGGLED = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\n.\r', b'\r.\r', b'\r.\r\n', b'\r.\n', b'\r\n.\r\r\n',
            b'\r\r\n.\r\r\n', b'\r\r\n.\r\n', b'\n.\r\r\n', b'\n\n.\n\n', b'\r\n.\n\n', b'\n\r.\r\n',
            b'\r\n.\r\0\n', b'\r\n.\0\r\n', b'\r\n\0.\r\n', b'\r\n\0.\0\r\n', b'\r\n.\rx\r\n', b'\rx', b'\0',
            b'\n', b'\r\n\n.\r\n', b'\r\n.\r\r\n.\r\n']
HARMLESS = [b'\r\n. \r\n', b'\r\n.\t\r\n', b'\r\n .\r\n', b'\r\n..\r\n', b'\x0b.\x0b', b'\x0c.\x0c', b'\x85.\x85',
            b'\xe2\x80\xa8.\xe2\x80\xa8']
SECOND = (b'MAIL FROM:<evil@far.test>\r\nRCPT TO:<y@local.test>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n')


def chunks():
    begin, ready = EHLO + MAIL + RCPT, f'{READY} 250 250'
    envelope = MESSAGE[0]
    for name, text, replies, stored in (
            ('one', 'BDAT 3 LAST\r\nx\r\n', '250:2.0.0', 'x\n'),
            ('two', 'BDAT 3\r\nx\r\nBDAT 3 LAST\r\ny\r\n', '250 250', 'x\ny\n'),
            ('an empty last one', 'BDAT 3\r\nx\r\nBDAT 0 LAST\r\n', '250 250', 'x\n'),
            ('only an empty one', 'BDAT 0 LAST\r\n', '250', ''),
            ('empty ones', 'BDAT 0\r\nBDAT 0\r\nBDAT 3 LAST\r\nx\r\n', '250 250 250', 'x\n'),
            ('lower case', 'bdat 3 last\r\nx\r\n', '250', 'x\n'),
            ('dots are text', 'BDAT 11 LAST\r\n.\r\n..x\r\n.\r\n', '250', '.\n..x\n.\n'),
            ('commands are text', 'BDAT 12 LAST\r\nQUIT\r\nRSET\r\n', '250', 'QUIT\nRSET\n'),
            ('cut in a line end', 'BDAT 2\r\nx\rBDAT 2 LAST\r\n\nyNOOP\r\n', '250 250 250', 'x\ny\n'),
            ('no last line end', 'BDAT 1 LAST\r\nx', '250', 'x\n'),
            ('NOOP in between', 'BDAT 3\r\nx\r\nNOOP\r\nBDAT 0 LAST\r\n', '250 250 250', 'x\n'),
            ('a large one', f'BDAT 100000 LAST\r\n{"x" * 99998}\r\n', '250', 'x' * 99998 + '\n'),
            ('many small ones', 'BDAT 1\r\nx' * 3000 + 'BDAT 2 LAST\r\n\r\n', '250 ' * 3001, 'x' * 3000 + '\n')):
        case(f'chunks: {name}', begin + text, f'{ready} {replies}', (envelope, stored))
    for name, text, replies in (
            ('RSET in between', 'BDAT 3\r\nx\r\nRSET\r\nBDAT 3 LAST\r\nx\r\n', '250 250 503:5.5.1'),
            ('EHLO in between', 'BDAT 3\r\nx\r\n' + EHLO + 'BDAT 3 LAST\r\nx\r\n', '250 250 503:5.5.1'),
            ('DATA after one', 'BDAT 3\r\nx\r\nDATA\r\n', '250 503:5.5.1'),
            ('RCPT after one', 'BDAT 3\r\nx\r\n' + RCPT, '250 503:5.5.1'),
            ('too large', f'BDAT 100001 LAST\r\n{"x" * 100001}NOOP\r\n', '552:5.3.4 250:2.0.0'),
            ('too large together', f'BDAT 100000\r\n{"x" * 100000}BDAT 1 LAST\r\nxNOOP\r\n', '250 552 250'),
            ('more after one that is too large', f'BDAT 100001\r\n{"x" * 100001}BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n',
             '552 503 250'),
            ('too many hops', 'BDAT 1313 LAST\r\n' + 'Received: x\r\n' * 101 + 'NOOP\r\n', '554:5.4.6 250'),
            ('far too large', 'BDAT 4294967301 LAST\r\nRSET\r\n', '421:4.7.0'),
            ('2^63', 'BDAT 9223372036854775808 LAST\r\nRSET\r\n', '421:4.7.0'),
            ('2^64 - 1', 'BDAT 18446744073709551615\r\nRSET\r\n', '421:4.7.0'),
            ('cut short', 'BDAT 10 LAST\r\nx\r\n', ''),
            ('a bare LF', 'BDAT 4 LAST\r\nx\ny\nNOOP\r\n', '550:5.6.11'),
            ('a bare CR', 'BDAT 4 LAST\r\nx\ry\rNOOP\r\n', '550:5.6.11'),
            ('a CR at the end', 'BDAT 2 LAST\r\nx\rNOOP\r\n', '550:5.6.11'),
            ('a CR at the end of one', 'BDAT 2\r\nx\rBDAT 1 LAST\r\ny', '250 550:5.6.11'),
            ('a NUL', 'BDAT 2 LAST\r\nx\0NOOP\r\n', '550:5.6.11')):
        case(f'chunks: {name}', begin + text, f'{ready} {replies}')
    for argument in ('', '-1', '-5', '+5', '5x', '5 LASTX', '5 LAST LAST', '5LAST', 'LAST', 'LAST 5', '0x5', '1e3',
                     '18446744073709551616', '18446744073709551621', '9' * 30, '5,LAST', '\u0665', '5\tLAST'):
        case(f'BDAT {argument}', begin + f'BDAT {argument}\r\nNOOP\r\nNOOP\r\n', f'{ready} 501:5.5.4')
    for text in SMUGGLED:
        body = b'line' + text + SECOND
        case(f'smuggled in a chunk: {text!r}', begin.encode() + b'BDAT %d LAST\r\n' % len(body) + body,
             f'{ready} 550:5.6.11')


orders()
syntax()
senders()
recipients()
relaying()
texts()
chunks()


def converse(client, data):
    """All replies, when everything was sent at once."""
    try:
        client.send(data)
        client.socket.shutdown(1)
    except OSError:  # it did not want to read more
        pass
    replies = []
    while True:
        reply = client.reply()
        if not reply:
            return replies
        replies.append(reply)


def agrees(replies, want):
    return len(replies) == len(want) and all(
        got.startswith(w.replace(':', ' ')) for got, w in zip(replies, want))


def check(name, home, replies, want, messages):
    got = []
    while not home.is_idle():
        one = home.take()
        got.append((one.envelope[:-2].replace(b'\0', b'\x01').replace(b' ', b'_'), one.message))
    wanted = [(e.replace(b'Tx y@', b'Tx_y@').replace(b'Fa b@', b'Fa_b@').replace(b' ', b'\x01'), t)
              for e, t in messages]
    good = agrees(replies, want) and got == wanted
    lab.ok(good, name)
    if not good:
        print(f'#  got: {replies}\n# want: {want}\n#  got: {str(got)[:300]}\n# want: {str(wanted)[:300]}')


def pieces(home):
    """Every case but the long ones, cut at every place, without sockets; not that of a refused
    DATA, after which the session ends if more has come, and only then."""
    chosen = [(name, data) for name, data, want, _ in CASES
              if len(data) < 3000 and 'DATA is refused' not in name]
    stdin = b''.join(b'%d\n%b' % (len(data), data) for _, data in chosen)
    done = subprocess.run([os.path.join(ternlab.BUILD, 'tests', 'smtpd', 'pieces')], input=stdin,
                          capture_output=True, timeout=ternlab.PATIENCE * 10)
    lines = [l for l in done.stdout.decode(errors='replace').splitlines() if l.startswith(('same', 'differs'))]
    lab.equal((done.returncode, len(lines)), (0, len(chosen)), 'all of them were cut')
    wrong = [(name, line) for (name, _), line in zip(chosen, lines) if not line.startswith('same')]
    runs = sum(int(line.split()[1]) for line in lines if line.startswith('same'))
    lab.equal(wrong, [], f'{len(chosen)} conversations in {runs} ways: none depends on how its bytes come')


with Home(databytes='100000', timeoutreverse='0') as the_home:
    for name, data, want, messages in CASES:
        with Command(the_home) as client:
            replies = converse(client, data)
        check(f'command: {name}', the_home, replies, want, messages)
    with Service(the_home) as service:
        for name, data, want, messages in CASES:
            with service.connect() as client:
                replies = converse(client, data)
            check(f'service: {name}', the_home, replies, want, messages)
    pieces(the_home)
lab.end()
