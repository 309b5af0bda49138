#!/usr/bin/python3
"""What senders hear of mail that is late or delivered (RFC 3461 to 3464), of whom, and how often:
warnings, success of each kind, lists and forwards, and the limits for all notices."""
import email
import email.policy
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
OFFERED = (b'PIPELINING', b'8BITMIME', b'SIZE 50000000', b'ENHANCEDSTATUSCODES')


def hand_in(tern, subject, recipients, sender='ann@tern.test', mail=()):
    """With smtplib; a recipient is an address, or (address, its options)."""
    with tern.smtp() as session:
        session.ehlo()
        for code, words in [
                session.mail(sender, mail),
                *(session.rcpt(*((r, ()) if isinstance(r, str) else r)) for r in recipients),
                session.data(endlab.message(subject, 'The body.\r\n'))]:
            assert code == 250, (code, words)


class Notice:
    def __init__(self, data):
        self.data = data
        self.message = email.message_from_bytes(data, policy=email.policy.default)
        words, status, self.original = self.message.get_payload()
        self.words = words.get_content()
        self.fields, *self.recipients = status.get_payload()
        self.subject = self.message['Subject']
        self.defects = [d for part in self.message.walk() for d in part.defects]

    def actions(self):
        return {f['Final-Recipient'].removeprefix('rfc822; '): f['Action'] for f in self.recipients}


def notices(tern, box, count, about=''):
    """The notices in a Maildir whose original has this subject, when there are so many."""
    def enough():
        found = [n for n in map(Notice, (m for m in tern.maildir(f'alias/{box}') if b'report' in m))
                 if f'Subject: {about}\n' in n.original.as_string()]
        return found if len(found) >= count else None
    return ternlab.wait_until(enough, f'{count} notices of {about} in {box}')


def success(tern, dsn):
    asked = ['NOTIFY=SUCCESS']
    hand_in(tern, 'success', [
        ('box@tern.test', asked + ['ORCPT=rfc822;old+2Bbox@old.test']), ('a@plain.test', asked),
        ('b@dsn.test', asked), ('silent@tern.test', []), ('never@tern.test', ['NOTIFY=NEVER']),
        ('forward@tern.test', ['NOTIFY=SUCCESS,FAILURE']), ('list@tern.test', asked)],
        mail=['RET=FULL', 'ENVID=QQ+2B314'])
    notice = notices(tern, 'ann', 1, 'success')[0]
    lab.equal(notice.actions(), {
        'box@tern.test': 'delivered', 'a@plain.test': 'relayed', 'forward@tern.test': 'expanded',
        'list@tern.test': 'delivered'}, 'one notice tells what became of each that asked')
    lab.equal((notice.subject, notice.message['Auto-Submitted'], notice.defects),
              ('delivery notice', 'auto-replied', []), 'its form')
    lab.ok(notice.data.startswith(b'Return-Path: <>\n'), 'it has no sender')
    lab.equal((notice.fields['Original-Envelope-Id'], notice.recipients[0]['Original-Recipient']),
              ('QQ+314', 'rfc822;old+box@old.test'), 'ENVID and ORCPT come back')
    lab.equal({f['Status'][:2] for f in notice.recipients}, {'2.'}, 'each status is a success')
    lab.equal(notice.original.get_content_type(), 'text/rfc822-headers',
              'only the header comes back, whatever RET says')
    said = [line.decode().split(None, 1)[1].strip() for _, line in dsn.commands
            if line.startswith(b'RCPT') and b'<b@' in line]
    lab.equal(said, ['TO:<b@dsn.test> NOTIFY=SUCCESS'], 'a server that knows DSN tells of its own')
    tern.wait_queue_empty()
    lab.equal(len(notices(tern, 'ann', 1, 'success')), 1, 'and there was no other notice')


def onward(dsn):
    """What the forwards and the list of the same message have sent."""
    said = {address: [line.decode().strip() for _, line in dsn.commands
                      if line.startswith(b'RCPT TO:<' + address)]
            for address in (b'f@', b'l@')}
    lab.equal(said[b'f@'], ['RCPT TO:<f@dsn.test> NOTIFY=FAILURE'],
              'a forward carries the wishes, but for success')
    lab.equal(said[b'l@'], ['RCPT TO:<l@dsn.test>'], 'what goes out of a list does not')
    message = [m for m in dsn.messages if m.recipients == ['f@dsn.test']][0]
    lab.ok(message.sender == 'ann@tern.test' and b' RET=FULL ENVID=QQ+2B314' in message.options,
           'nor its sender')
    message = [m for m in dsn.messages if m.recipients == ['l@dsn.test']][0]
    lab.ok(message.sender == 'list-owner-l=dsn.test@tern.test' and b'ENVID' not in message.options,
           'which has a sender of its own for each recipient')


def owners(tern):
    """Failures of what goes out of a list go to its owner, by the recipient's own address."""
    hand_in(tern, 'bounced list', ['gone@tern.test'])
    notice = Notice(tern.wait_maildir('alias/owners')[0])
    lab.equal(notice.actions(), {'550.gone@nowhere.tern.test': 'failed'}, 'a list hears of its failures')
    lab.ok(b'Delivered-To: gone-owner-@tern.test' in notice.data,
           'at the address of its sender without the mark, as in qmail')
    tern.wait_queue_empty()
    lab.equal([n for n in map(Notice, tern.maildir('alias/ann')) if 'gone' in n.words], [],
              'and who wrote to it does not')


def late(tern, plain):
    hand_in(tern, 'late', [
        '451.a@plain.test', ('451.b@plain.test', ['NOTIFY=DELAY', 'ORCPT=rfc822;b@old.test']),
        ('451.never@plain.test', ['NOTIFY=NEVER']), ('451.fail@other.test', ['NOTIFY=FAILURE']),
        '451.c@other.test', 'box@tern.test'])
    hand_in(tern, 'late null', ['451.null@plain.test'], sender='')
    notice = notices(tern, 'ann', 1, 'late')[0]
    want = {f'451.{name}': 'delayed' for name in ('a@plain.test', 'b@plain.test', 'c@other.test')}
    lab.equal((notice.actions(), notice.subject, notice.defects), (want, 'delay notice', []),
              'one warning names all that are late, but whose sender would not hear of it')
    fields = notice.recipients[1]
    lab.equal([fields[f] for f in ('Status', 'Original-Recipient', 'Diagnostic-Code')],
              ['4.0.0', 'rfc822;b@old.test', 'smtp; 451 4.0.0 as you asked'], 'with the reason')
    arrival, until = (email.utils.parsedate_to_datetime(f) for f in (
        notice.fields['Arrival-Date'], fields['Will-Retry-Until']))
    lab.equal((until - arrival).total_seconds(), 7 * 86400, 'and how long it is tried')
    lab.ok('Hi. This is' not in notice.words and 'has not yet been delivered' in notice.words,
           'nobody can take it for a bounce')

    id = [int(m[1]) for m in tern.wait_log(r'^delay notice of msg (\d+) is msg \d+$')]
    lab.equal(len(id), 1, 'the log names it')
    history = endlab.History(tern, id[0])
    history.wait(1, 'warned')
    lab.equal([sorted(e.recipients) for e in history.events('warned')], [[0, 1, 4]],
              'the history remembers who was told')
    for again in (1, 2):
        if again == 2:
            old = tern.processes('tern-send')
            tern.signal_send(signal.SIGTERM)
            ternlab.wait_until(lambda: tern.processes('tern-send') not in ([], old), 'a new tern-send')
        before = len(plain.rcpt_times['451.a@plain.test'])

        def tried():
            tern.signal_send(signal.SIGALRM)
            return len(plain.rcpt_times['451.a@plain.test']) > before
        ternlab.wait_until(tried, 'another attempt')
    lab.equal((len(notices(tern, 'ann', 1, 'late')), len(history.events('warned'))), (1, 1),
              'it is told once, whatever follows')
    done = tern.run('tern', 'queue', 'show', '--dir', tern.home, str(id[0]))
    lab.ok(b'the sender was told of the delay' in done.stdout, 'tern queue show says it in words')
    null = [m for m in tern.maildir('alias/admin') if b'late null' in m]
    lab.equal(null, [], 'a message without a sender is no matter for a warning')


def senders(tern):
    """Wishes of programs that people use."""
    text = endlab.message('by sendmail', 'x\r\n').replace(b'\r', b'')
    tern.sendmail('-N', 'success,delay', '-R', 'hdrs', '-V', 'mine', '-f', 'box@tern.test',
                  'silent@tern.test', input=text)
    notice = notices(tern, 'box', 1, 'by sendmail')[0]
    lab.equal((notice.actions(), notice.fields['Original-Envelope-Id']),
              ({'silent@tern.test': 'delivered'}, 'mine'), 'sendmail -N -V')
    for name, *argv in (
            ('msmtp', '--host=127.0.0.1', f'--port={tern.port}', '--from=box@tern.test',
             '--auth=off', '--tls=off', '--dsn-notify=success,failure', '--dsn-return=headers',
             'silent@tern.test'),
            ('swaks', '--server', f'127.0.0.1:{tern.port}', '--from', 'box@tern.test> ENVID=x',
             '--to', 'silent@tern.test> NOTIFY=SUCCESS ORCPT=rfc822;x',  # it writes the last >
             '--header', 'Subject: by swaks')):
        if not shutil.which(name):
            lab.skip(f'notices by {name}', 'it is not installed')
            continue
        text = endlab.message(f'by {name}', 'x\r\n').replace(b'\r', b'')
        done = tern.run(shutil.which(name), *argv, input=text if name == 'msmtp' else b'')
        lab.ok(done.returncode == 0 and notices(tern, 'box', 1, f'by {name}')[0].actions() == {
            'silent@tern.test': 'delivered'}, f'{name}: {done.stderr[-200:]}')


def limits(tern):
    """What is over the limit waits, and comes when there is room."""
    for n in range(6):
        hand_in(tern, 'storm', [f'550.storm{n}@plain.test'], sender='bob@tern.test')
    tern.wait_log(r'^warning: notices wait, since control/ratebounces .* bob@tern\.test$')
    tern.wait_log(r'^starting delivery \d+: msg \d+ to remote 550\.storm', 6)
    hand_in(tern, 'calm', ['550.calm@plain.test'], sender='box@tern.test')
    lab.equal(len(notices(tern, 'box', 1, 'calm')), 1, 'others are not kept waiting by a storm')
    lab.equal(len(notices(tern, 'bob', 2, 'storm')), 2, 'of which no more than the limit came')
    tern.control('ratebounces', '1000/1h')
    tern.signal_send(signal.SIGHUP)

    def all_told():
        tern.signal_send(signal.SIGALRM)
        return len(notices(tern, 'bob', 2, 'storm')) == 6
    ternlab.wait_until(all_told, 'the other bounces')
    lab.equal(sorted(r for n in notices(tern, 'bob', 6, 'storm') for r in n.actions()),
              [f'550.storm{n}@plain.test' for n in range(6)], 'each is told once, none is lost')


with ternlab.Sink(extensions=OFFERED + (b'DSN',)) as the_dsn, ternlab.Sink() as the_plain, \
        ternlab.Instance() as the_tern:
    the_tern.control('smtproutes', f'dsn.test:127.0.0.1:{the_dsn.port}\n:127.0.0.1:{the_plain.port}')
    the_tern.control('access', '127.:allow,RELAYCLIENT=""')
    the_tern.control('retry', ':0:1h')
    the_tern.control('warnafter', '1')
    the_tern.control('ratebounces', '2/1d')
    the_tern.control('doublebounceto', 'admin')
    for name in ('ann', 'bob', 'admin', 'box', 'silent', 'never'):
        the_tern.alias(name, f'./{name}/')
    the_tern.alias('forward', '&f@dsn.test')
    the_tern.alias('list', '&l@dsn.test')
    the_tern.alias('list-owner', './owners/')
    the_tern.alias('list-owner-default', './owners/')
    the_tern.alias('gone', '&550.gone@nowhere.tern.test')
    the_tern.alias('gone-owner', './owners/')
    the_tern.alias('gone-owner-default', './owners/')
    the_tern.up()
    success(the_tern, the_dsn)
    onward(the_dsn)
    owners(the_tern)
    late(the_tern, the_plain)
    limits(the_tern)
    senders(the_tern)
lab.end()
