#!/usr/bin/python3
"""Senders are told of failures (RFC 3464); failures of that go to doublebounceto; failures of
that end in the log."""
import email
import email.policy
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
SENDER = 'ann@tern.test'


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def parts(bounce):
    """(the words, the fields of the message, those of each recipient, the original)."""
    words, status, original = bounce.get_payload()
    blocks = status.get_payload()
    return words.get_content(), blocks[0], blocks[1:], original


seen = []


def wait_new(tern, box):
    """The message in the Maildir that was not there before."""
    def new():
        return [m for m in tern.maildir(f'alias/{box}') if m not in seen]
    found = ternlab.wait_until(new, f'a message in {box}')
    seen.extend(found)
    return found[0]


def one_recipient(tern):
    text = endlab.message('one', 'The body.\r\n', to='550.gone@example.org')
    tern.send_smtp(SENDER, ['550.gone@example.org'], text)
    data = wait_new(tern, 'ann')
    bounce = parse(data)
    lab.ok(data.startswith(b'Return-Path: <>\n'), 'a bounce has no sender')
    lab.equal(bounce.get_content_type(), 'multipart/report', 'it is a report')
    lab.equal(bounce['Content-Type'].params['report-type'], 'delivery-status', 'of a delivery')
    lab.equal(bounce['Auto-Submitted'], 'auto-replied', 'that nobody has to answer')
    lab.ok('MAILER-DAEMON@tern.test' in bounce['From'] and SENDER in bounce['To'], 'with From and To')
    lab.ok(bounce['Date'] and bounce['Message-ID'] and bounce['Subject'], 'and what else a header needs')
    lab.equal([d.__class__.__name__ for part in bounce.walk() for d in part.defects], [],
              'and no defect that a parser would find')
    lab.equal([p.get_content_type() for p in bounce.get_payload()],
              ['text/plain', 'message/delivery-status', 'message/rfc822'], 'it has three parts')
    words, per_message, recipients, original = parts(bounce)
    lab.ok('550.gone@example.org' in words and '550 5.0.0 as you asked' in words,
           'its words name the recipient and say what the server said')
    lab.equal(per_message['Reporting-MTA'], 'dns; tern.test', 'Reporting-MTA')
    lab.ok(per_message['Arrival-Date'], 'Arrival-Date')
    lab.equal(len(recipients), 1, 'one recipient')
    fields = recipients[0]
    lab.equal((fields['Final-Recipient'], fields['Action'], fields['Status']),
              ('rfc822; 550.gone@example.org', 'failed', '5.0.0'), 'Final-Recipient, Action, Status')
    lab.equal(fields['Diagnostic-Code'], 'smtp; 550 5.0.0 as you asked', 'Diagnostic-Code')
    lab.ok('127.0.0.1' in fields['Remote-MTA'], f"Remote-MTA: {fields['Remote-MTA']}")
    lab.ok(text.replace(b'\r\n', b'\n') in data, 'the original is there as it was')
    id = endlab.id_of(tern, '550.gone@example.org')
    tern.wait_log(rf'^end msg {id}$')
    log = tern.log()
    place = [i for i, l in enumerate(log) if re.match(rf'bounce msg {id} qp \d+$', l)]
    lab.equal(len(place), 1, 'the log says so in the words of qmail')
    child = re.search(rf'^bounce of msg {id} is msg (\d+)$', '\n'.join(log), re.M)
    lab.ok(child and any(l.startswith(f'info msg {child[1]}: ') and ' from <> ' in l for l in log),
           'and which message the bounce is')


def several_recipients(tern):
    failing = ['550.a@example.org', '550.b@example.org', '553.c@example.net', 'data550.d@other.test',
               'nobody@tern.test']
    tern.send_smtp(SENDER, ['fine@example.org', *failing, 'fine@example.net'], endlab.message('many'))
    bounce = parse(wait_new(tern, 'ann'))
    words, _, recipients, _ = parts(bounce)
    lab.equal(sorted(f['Final-Recipient'] for f in recipients), sorted('rfc822; ' + r for r in failing),
              'several that failed at several places: one bounce, all of them, and no others')
    status = {f['Final-Recipient'].split()[-1]: (f['Status'], f['Diagnostic-Code']) for f in recipients}
    lab.ok(status['553.c@example.net'][1].startswith('smtp; 553 5.0.0'), 'each with the code it got')
    lab.ok(status['data550.d@other.test'][1].startswith('smtp; 550 5.0.0'), 'also after the text')
    lab.ok(status['nobody@tern.test'][0].startswith('5.1.'),
           f"no such mailbox here: {status['nobody@tern.test']}")
    lab.ok(all(f'<{r}>' in words for r in failing), 'and the words name all')
    tern.wait_queue_empty()
    lab.equal(len(tern.maildir('alias/ann')), 2, 'the sender hears once')


def long_words(tern):
    tern.send_smtp(SENDER, ['long@example.org'], endlab.message('long'))
    words, _, recipients, _ = parts(parse(wait_new(tern, 'ann')))
    code = recipients[0]['Diagnostic-Code']
    lab.ok(code.startswith('smtp; 550') and 'first line' in code and 'second line' in code,
           f'a reply of several lines is all there: {code}')
    lab.equal(recipients[0]['Status'], '5.7.1', 'with its status')


def header_only(tern):
    tern.control('bouncemaxbytes', '2000')
    tern.send_smtp(SENDER, ['550.large@example.org'], endlab.message('large', 'A line of text.\r\n' * 500))
    bounce = parse(wait_new(tern, 'ann'))
    lab.equal(bounce.get_payload()[2].get_content_type(), 'text/rfc822-headers',
              'over bouncemaxbytes only the header goes back')
    part = bounce.get_payload()[2].get_payload()
    lab.ok('Subject: large' in part and 'A line of text.' not in part, 'all of it, and no body')
    tern.control('bouncemaxbytes')


def double_and_triple(tern):
    tern.send_smtp('550.sender@example.org', ['550.x@example.org'], endlab.message('double'))
    data = wait_new(tern, 'admin')
    bounce = parse(data)
    lab.ok(data.startswith(b'Return-Path: <#@[]>\n'), 'a bounce that fails goes to doublebounceto')
    _, _, recipients, _ = parts(bounce)
    lab.equal([f['Final-Recipient'] for f in recipients], ['rfc822; 550.sender@example.org'],
              'and says whom it did not reach')
    lab.ok(b'550.x@example.org' in data and b'Subject: double' in data, 'and what it was about')

    tern.send_smtp('', ['550.y@example.org'], endlab.message('null'))
    data = wait_new(tern, 'admin')
    lab.ok(b'Final-Recipient: rfc822; 550.y@example.org' in data,
           'so does the failure of a message without a sender')
    tern.wait_queue_empty()
    sent = len(tern.maildir('alias/ann')), len(tern.maildir('alias/admin'))

    tern.control('doublebouncehost', 'example.org')
    tern.control('doublebounceto', '550.admin')
    tern.send_smtp('', ['550.z@example.org'], endlab.message('triple'))
    found = tern.wait_log(r'^triple bounce: discarding bounce/(\d+)$')
    tern.wait_queue_empty()
    lab.equal(len(found), 1, 'a double bounce that fails is dropped, and the log says so')
    lab.ok(tern.log_matches(rf'^info msg {found[0][1]}: bytes \d+ from <#@\[\]>'), 'by its id')
    lab.equal((len(tern.maildir('alias/ann')), len(tern.maildir('alias/admin'))), sent,
              'and nobody hears of it')


def answer(verb, rest):
    if verb == 'RCPT' and b'<long@' in rest:
        return b'550-5.7.1 the first line\r\n550-5.7.1 the second line\r\n550 5.7.1 the last'
    return None


with ternlab.Sink(answer=answer) as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('doublebounceto', 'admin')
    tern.alias('ann', './ann/')
    tern.alias('admin', './admin/')
    tern.up()
    one_recipient(tern)
    several_recipients(tern)
    long_words(tern)
    header_only(tern)
    double_and_triple(tern)
lab.end()
