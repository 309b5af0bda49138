#!/usr/bin/python3
"""All tools at once while mail flows: none stops it, none says what is not so, and in the end
the counters agree with what was sent."""
import collections
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')
SESSIONS, MESSAGES = 3, 200
lab = ternlab.Tap()
wrong = []  # (arguments, what was wrong)


def run(tern, *arguments):
    """A tool's exit code and output; what ends otherwise than by exiting is wrong."""
    program = [TERN, *arguments] if arguments[0] in ('queue', 'why', 'metrics', 'status') else \
        [os.path.join(tern.bin, arguments[0]), *arguments[1:]]
    done = subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=tern.environment(), timeout=ternlab.PATIENCE)
    return done.returncode, done.stdout, done.stderr


def expect(tern, *arguments, codes=(0,), pattern=''):
    code, out, err = run(tern, *arguments)
    if code not in codes or not re.search(pattern, out, re.M):
        wrong.append((arguments, code, out[-300:], err[-300:]))
    return out


def send(tern, session):
    """One session of SMTP after the other, a recipient each; each eighth is for a tool."""
    kinds = ['hold', 'rm', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok']
    with tern.smtp() as smtp:
        for n in range(MESSAGES):
            smtp.sendmail('source@example.org', [f'{kinds[n % 8]}{session}x{n}@example.net'],
                          b'Subject: x\r\n\r\nhello\r\n')


def watched(function, *arguments):
    """A thread whose trouble is not lost."""
    def body():
        try:
            function(*arguments)
        except Exception as trouble:  # whatever it is, the test has failed
            wrong.append((function.__name__, repr(trouble)))
    return threading.Thread(target=body)


def look(tern, stop, rounds):
    """Tools that change nothing; of a message that goes meanwhile nothing is said, or that it is gone."""
    while not stop.is_set():
        lines = expect(tern, 'queue', 'ls', '--json').splitlines()
        expect(tern, 'queue', 'ls', pattern=r'^\d+ messages?, ')
        for line in lines[:2]:
            message = json.loads(line)['id']
            expect(tern, 'queue', 'show', message, codes=(0, 111))
            # Nothing is known of one that has gone and whose lines the logger has yet to write.
            expect(tern, 'why', '--json', message, codes=(0, 1), pattern=r'\A({"id":"%s"|\Z)' % message)
        expect(tern, 'queue', 'shape', '--json')
        expect(tern, 'queue', 'check', pattern=': no problems')
        expect(tern, 'queue', 'top', '--count', '1', pattern='; local ')
        expect(tern, 'mailq', pattern=r'^(-- \d+ Kbytes in \d+ Requests?\.|Mail queue is empty)$')
        expect(tern, 'tern-qread')
        expect(tern, 'tern-qstat', pattern='^messages in queue: ')
        expect(tern, 'metrics', pattern='^tern_send_up 1$')
        expect(tern, 'status', pattern='^queue: ')
        rounds.append(1)


def change(tern, stop, rounds):
    """Orders to what is waiting, in flight or gone."""
    while not stop.is_set():
        for command, pattern in (('hold', 'hold*'), ('rm', 'rm*'), ('retry', '*'), ('release', 'hold*')):
            done = expect(tern, 'queue', command, '--recipient', pattern, '--json', pattern='"failed":0')
            if not done.startswith(f'{{"order":"{command}"'):
                wrong.append((command, done))
        rounds.append(1)


with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    tern.control('rcpthosts', 'example.net')
    tern.up()
    stop, looks, changes = threading.Event(), [], []
    tools = [watched(look, tern, stop, looks), watched(change, tern, stop, changes)]
    sources = [watched(send, tern, s) for s in range(SESSIONS)]
    try:
        for thread in tools + sources:
            thread.start()
        for thread in sources:
            thread.join()
        ternlab.wait_until(lambda: wrong or (looks and changes), 'a round of each tool')
    finally:
        stop.set()
        for thread in tools:
            thread.join()
    for problem in wrong[:5]:
        print(f'# {problem}', flush=True)
    lab.equal(len(wrong), 0, f'{len(looks)} rounds of looking, {len(changes)} of changing: each tool as it should')
    expect(tern, 'queue', 'release', '--all')
    tern.wait_queue_empty()

    got = collections.Counter(r for message in sink.messages for r in message.recipients)
    lab.equal([r for r, times in got.items() if times != 1], [], 'nobody gets a message twice')
    kinds = collections.Counter(re.match('[a-z]+', r)[0] for r in got)
    lab.equal((kinds['ok'], kinds['hold']), (SESSIONS * MESSAGES * 6 // 8, SESSIONS * MESSAGES // 8),
              'what was held, released or retried is delivered as all else')
    lab.ok(kinds['rm'] <= SESSIONS * MESSAGES // 8 and kinds['source'] == 0, 'what was removed is not, and nobody is told')

    # What the programs counted is what was sent.
    all_sent, delivered = SESSIONS * MESSAGES, sum(kinds.values())

    def settled():
        text = run(tern, 'metrics')[1]
        v = {name: float(value) for name, value in re.findall(r'^([^# ]\S*(?:\{[^}]*\})?) (\S+)$', text, re.M)}
        return v if v['tern_messages_ended_total'] == all_sent else None
    v = ternlab.wait_until(settled, 'the counts')
    for name, want in {
            'tern_messages_received_total{via="smtp"}': all_sent,
            'tern_messages_received_total{via="bounce"}': 0,
            'tern_smtpd_messages_total': all_sent,
            'tern_delivery_attempts_total{channel="remote",result="success"}': delivered,
            'tern_delivery_attempts_total{channel="remote",result="failure"}': 0,
            'tern_delivery_latency_seconds_count{channel="remote"}': delivered,
            'tern_queue_messages{state="active"}': 0,
            'tern_queue_messages{state="hold"}': 0,
            'tern_queue_size_bytes': 0,
            'tern_concurrency_active{channel="remote"}': 0}.items():
        lab.equal(v.get(name), want, f'{name} {want}')
lab.end()
