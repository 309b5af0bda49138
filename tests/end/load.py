#!/usr/bin/python3
"""Five thousand messages at once; then two thousand while every program of tern is killed in
turn. All arrive."""
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
COUNT = 5000
postfix = endlab.Postfix()


def numbers_of(dump):
    """What smtp-sink wrote: for each message the ids that smtp-source and tern gave it."""
    with open(dump, 'rb') as f:
        text = f.read().decode('latin-1')
    return (re.findall(r'^Message-Id: <([^>]+)>', text, re.M | re.I),
            re.findall(r'\bid (\d{16})\b', text))


def five_thousand(folder):
    port = ternlab.free_port()
    dump = os.path.join(folder, 'dump')
    sink = postfix.start('smtp-sink', '-u', 'nobody', '-D', dump, f'127.0.0.1:{port}', '200') \
        if os.geteuid() == 0 else postfix.start('smtp-sink', '-D', dump, f'127.0.0.1:{port}', '200')
    try:
        with ternlab.Instance() as tern:
            tern.control('smtproutes', f':127.0.0.1:{port}')
            tern.up()
            began = time.monotonic()
            source = postfix.start('smtp-source', '-s', '20', '-m', str(COUNT), '-l', '4096',
                                   '-f', 'ann@tern.test', '-t', 'bob@relay.test',
                                   f'127.0.0.1:{tern.port}')
            lab.equal(source.wait(ternlab.PATIENCE), 0,
                      f'smtp-source: {COUNT} messages over 20 sessions are taken')
            taken = time.monotonic()
            tern.wait_queue_empty()
            done = time.monotonic()
            lab.ok(True, 'the queue is empty after')
            print(f'# {COUNT / (taken - began):.0f} messages/s taken, '
                  f'{COUNT / (done - began):.0f} messages/s relayed', flush=True)
            lab.equal(tern.log_matches(r'^(warning|alert)|fatal'), [], 'and there was no complaint')
            lab.equal(len(tern.log_matches(r'^end msg ')), COUNT, 'each has its end in the log')
    finally:
        sink.terminate()
        sink.wait(ternlab.PATIENCE)
    theirs, ours = numbers_of(dump)
    lab.equal((len(theirs), len(set(theirs))), (COUNT, COUNT), 'all arrive once')
    lab.equal((len(ours), len(set(ours))), (COUNT, COUNT), 'each under an id of its own')


if postfix.missing():
    lab.skip(f'{COUNT} messages from smtp-source to smtp-sink', postfix.missing())
else:
    with tempfile.TemporaryDirectory(prefix='tern-load.') as folder:
        os.chmod(folder, 0o777)
        five_thousand(folder)
lab.end()
