#!/usr/bin/python3
"""What a sender wants in notices (RFC 3461), from the command that says it to the next
server or the bounce."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import email
import email.policy

import endlab
import ternlab
from endlab import hand_in

lab = ternlab.Tap()
OFFERED = (b'PIPELINING', b'8BITMIME', b'SIZE 50000000', b'ENHANCEDSTATUSCODES', b'SMTPUTF8')


def commands(sink):
    return [line.decode().rstrip() for _, line in sink.commands if line[:4] in (b'MAIL', b'RCPT')]


def passed_on(tern, sink):
    hand_in(tern, endlab.message('on', 'x\r\n'), ' RET=HDRS ENVID=QQ+2B314',
            [('a@dsn.test', ' NOTIFY=delay,SUCCESS ORCPT=rfc822;Old+2Bname@old.test'),
             ('b@dsn.test', ' NOTIFY=NEVER'), ('c@dsn.test', '')])
    sink.wait()
    said = commands(sink)
    lab.ok(re.fullmatch(r'MAIL FROM:<ann@tern\.test> SIZE=\d+ RET=HDRS ENVID=QQ\+2B314', said[0]),
           f'MAIL: {said[0]}')
    lab.equal(said[1:], ['RCPT TO:<a@dsn.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Old+2Bname@old.test',
                         'RCPT TO:<b@dsn.test> NOTIFY=NEVER', 'RCPT TO:<c@dsn.test>'],
              'each recipient keeps its own')
    hand_in(tern, endlab.message('on', 'x\r\n').replace(b'Subject: ', 'Subject: \u00fc '.encode()),
            ' SMTPUTF8 BODY=8BITMIME', [('\u00fc@dsn.test', ' ORCPT=utf-8;\u00fc@old.test')])
    sink.wait(2)
    said = [line.decode().rstrip() for _, line in sink.commands if line[:4] in (b'MAIL', b'RCPT')]
    lab.ok(said[4].endswith(' BODY=8BITMIME SMTPUTF8') and
           said[5] == 'RCPT TO:<\u00fc@dsn.test> ORCPT=utf-8;\u00fc@old.test', 'in UTF-8 too')
    lab.ok('Subject: \u00fc '.encode() in sink.messages[1].data and
           b'with UTF8SMTP id' in sink.messages[1].data, 'and its header')
    hand_in(tern, endlab.message('on', '\u00fc\r\n'), ' SMTPUTF8 BODY=8BITMIME', [('d@plain.test', '')])


def not_passed_on(tern, sink):
    message = sink.wait()[0]
    lab.ok(b'SMTPUTF8' not in message.options, 'SMTPUTF8 that nothing in the message needs is not asked for')
    hand_in(tern, endlab.message('off', 'x\r\n'), ' RET=HDRS ENVID=x',
            [('a@plain.test', ' NOTIFY=NEVER ORCPT=rfc822;old@old.test')])
    sink.wait(2)
    lab.ok(re.fullmatch(r'MAIL FROM:<ann@tern\.test> SIZE=\d+', commands(sink)[-2]) and
           commands(sink)[-1] == 'RCPT TO:<a@plain.test>', 'a server without DSN is not asked')


def bounced(tern):
    text = endlab.message('back', 'The body.\r\n')
    hand_in(tern, text, ' RET=HDRS ENVID=QQ+2B314',
            [('550.never@plain.test', ' NOTIFY=NEVER'), ('550.delay@plain.test', ' NOTIFY=DELAY'),
             ('550.told@plain.test', ' NOTIFY=FAILURE ORCPT=rfc822;Old+2Bname@old.test'),
             ('550.also@plain.test', '')])
    data = tern.wait_maildir('alias/ann')[0]
    bounce = email.message_from_bytes(data, policy=email.policy.default)
    words, status, original = bounce.get_payload()
    fields = status.get_payload()
    lab.equal(fields[0]['Original-Envelope-Id'], 'QQ+314', 'ENVID comes back decoded')
    lab.equal([f['Final-Recipient'] for f in fields[1:]],
              ['rfc822; 550.told@plain.test', 'rfc822; 550.also@plain.test'],
              'NOTIFY says whose failures are told')
    lab.equal([f['Original-Recipient'] for f in fields[1:]], ['rfc822;Old+name@old.test', None], 'ORCPT')
    lab.equal(original.get_content_type(), 'text/rfc822-headers', 'RET=HDRS: the header alone')
    lab.ok(b'The body.' not in data, 'and nothing of the body')
    tern.wait_queue_empty()
    hand_in(tern, text, ' RET=FULL', [('550.full@plain.test', '')])
    data = tern.wait_maildir('alias/ann', 2)[1]
    lab.ok(b'The body.' in data, 'RET=FULL: all of it')
    hand_in(tern, text, '', [('550.never@plain.test', ' NOTIFY=NEVER')])
    tern.wait_log('550.never@plain.test', 2)
    tern.wait_queue_empty()
    lab.equal(len(tern.maildir('alias/ann')), 2, 'NOTIFY=NEVER: nobody is told')
    lab.equal(len(tern.log_matches(r'^no bounce of msg \d+: its sender wants none$')), 1, 'the log says so')
    hand_in(tern, text.replace(b'Subject: ', 'Subject: \u00fc '.encode()), ' SMTPUTF8 BODY=8BITMIME',
            [('x@nowhere.test', '')])
    data = tern.wait_maildir('alias/ann', 3)[2]
    lab.ok(b'Status: 5.6.7' in data and b'internationalized' in data,
           'what needs SMTPUTF8 goes to no server without it, and the sender is told')


with ternlab.Sink(extensions=OFFERED + (b'DSN',)) as dsn, ternlab.Sink() as plain, \
        ternlab.Instance() as the_tern:
    the_tern.control('smtproutes', f'dsn.test:127.0.0.1:{dsn.port}\n:127.0.0.1:{plain.port}')
    the_tern.control('access', '127.:allow,RELAYCLIENT=""')
    the_tern.alias('ann', './ann/')
    the_tern.up()
    passed_on(the_tern, dsn)
    not_passed_on(the_tern, plain)
    bounced(the_tern)
lab.end()
