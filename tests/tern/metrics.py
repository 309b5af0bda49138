#!/usr/bin/python3
"""tern metrics: what the programs counted, as Prometheus reads it."""
import os
import re
import shutil
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TERN = os.path.join(ternlab.BIN, 'tern')
PEERS = os.environ.get('TERN_PEERS', os.path.join(os.path.dirname(ternlab.BUILD), 'build/peers'))
lab = ternlab.Tap()


def metrics(tern, *arguments):
    return subprocess.run([TERN, 'metrics', *arguments], capture_output=True, text=True,
                          env=tern.environment(), timeout=ternlab.PATIENCE)


def values(text):
    return {name: float(value) for name, value in re.findall(r'^([^# ]\S*(?:\{[^}]*\})?) (\S+)$', text, re.M)}


with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f'.byname.test:\n:127.0.0.1:{sink.port}')
    tern.control('rcpthosts', 'example.net')
    tern.control('access', '127.:allow')
    tern.control('dnsservers', '127.0.0.1:9')  # where nobody answers
    tern.alias('box', './box/')
    tern.up()
    tern.send_smtp('a@example.org', ['ok@example.net', '451.later@example.net', '550.gone@example.net'],
                   b'Subject: x\r\n\r\nhello\r\n')
    tern.sendmail('box', input=b'Subject: y\n\nhello\n')
    try:
        tern.send_smtp('a@example.org', ['x@elsewhere.test'], b'')
    except smtplib.SMTPResponseException:
        pass
    tern.wait_log('^bounce of msg')
    ternlab.wait_until(lambda: len(tern.queue()) == 1, 'all but one delivered')

    def settled():
        v = values(metrics(tern).stdout)
        return v if v.get('tern_messages_ended_total') == 2 else None
    v = ternlab.wait_until(settled, 'the counts')
    text = metrics(tern).stdout
    for name, want in {
            'tern_send_up': 1,
            'tern_queue_messages{state="deferred"}': 1,
            'tern_queue_messages{state="hold"}': 0,
            'tern_messages_received_total{via="smtp"}': 1,
            'tern_messages_received_total{via="sendmail"}': 1,
            'tern_messages_received_total{via="bounce"}': 1,
            'tern_delivery_attempts_total{channel="remote",result="success"}': 2,
            'tern_delivery_attempts_total{channel="remote",result="deferral"}': 1,
            'tern_delivery_attempts_total{channel="remote",result="failure"}': 1,
            'tern_delivery_attempts_total{channel="local",result="success"}': 1,
            'tern_delivery_latency_seconds_count{channel="remote"}': 2,
            'tern_delivery_latency_seconds_bucket{channel="remote",le="+Inf"}': 2,
            'tern_bounces_total{kind="single"}': 1,
            'tern_concurrency_limit{channel="remote"}': 100,
            'tern_smtpd_connections_total{tls="none"}': 2,
            'tern_smtpd_messages_total': 1}.items():
        lab.equal(v.get(name), want, f'{name} {want}')
    lab.equal(v['tern_smtpd_rejects_total{code="5xx",reason="relay"}'], 1, 'a refusal by smtpd, and its reason')
    lab.ok(v['tern_queue_size_bytes'] > 100 and v['tern_queue_fs_free_bytes'] > 0 and
           v['tern_queue_fs_free_inodes'] > 0 and 'tern_build_info{version="' in text, 'sizes and version')
    lab.ok(0 <= v['tern_queue_oldest_message_age_seconds{state="deferred"}'] < 600, 'the age of the oldest')
    lab.ok('example' not in text, 'no label holds a domain or an address')
    tool = shutil.which('promtool', path=f'{PEERS}/usr/bin:{os.environ["PATH"]}')
    lab.ok(tool, 'there is a promtool')
    done = subprocess.run([tool or 'false', 'check', 'metrics'], input=text, capture_output=True, text=True)
    lab.equal((done.returncode, done.stdout + done.stderr), (0, ''), 'promtool check metrics')

    # A file for node_exporter: whole, readable, in a folder that is the caller's.
    path = os.path.join(tern.top, 'tern.prom')
    with open(path, 'w') as f:
        f.write('old')
    done = metrics(tern, '--textfile', path)
    lab.equal((done.returncode, done.stdout), (0, ''), '--textfile says nothing')
    lab.ok(values(open(path).read()).keys() == v.keys() and os.stat(path).st_mode & 0o777 == 0o644, 'and writes all of it')
    lab.equal([n for n in os.listdir(tern.top) if n.startswith('tern.prom')], ['tern.prom'], 'and leaves nothing else')
    lab.equal(metrics(tern, '--textfile', '/nowhere/x').returncode, 111, 'a file that can not be written: 111')
    lab.equal(metrics(tern, '--nonsense').returncode, 100, 'wrong use: 100')

    # What DNS is asked, and by nobody answered; and a name that can not be one.
    tern.sendmail('x@a.byname.test', input=b'Subject: z\n\nhello\n')
    tern.sendmail(f'x@{"a" * 64}.byname.test', input=b'Subject: z\n\nhello\n')
    for rcode in 'servfail', 'nxdomain':
        name = f'tern_dns_errors_total{{rcode="{rcode}"}}'
        lab.ok(ternlab.wait_until(lambda: values(metrics(tern).stdout).get(name) == 1, name), name)

    # What counts events goes on over a restart of smtpd, and begins anew with send.
    tern.s6('s6-svc', '-wR', '-r', 'service/smtpd')
    tern.s6('s6-svc', '-wR', '-r', 'service/send')
    v = values(metrics(tern).stdout)
    lab.equal(v['tern_smtpd_messages_total'], 1, 'smtpd counts on')
    lab.equal(v['tern_messages_received_total{via="smtp"}'], 0, 'send begins anew')
    tern.down()
    v = values(metrics(tern).stdout)
    lab.ok(v['tern_send_up'] == 0 and v['tern_smtpd_messages_total'] == 1 and
           'tern_queue_messages{state="deferred"}' not in v, 'when tern-send does not run, it says so and nothing else of it')
lab.end()
