#!/usr/bin/python3
"""Who does the work, as the kernel sees it: no process is made for a message, no process serves
two clients, and 250 is said after two fsyncs."""
import collections
import os
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import endlab
import ternlab

lab = ternlab.Tap()
COUNT = 1000
FEW = 60 # processes and connections; there would be COUNT of them
NEW_PROCESS = 'execve,execveat,fork,vfork,clone,clone3'


def one_message(port, number, source='127.0.0.1'):
    """A connection, a message, a goodbye. Returns the reply to the text."""
    text = endlab.message(f'n{number}').decode()
    with socket.create_connection(('127.0.0.1', port), ternlab.PATIENCE, (source, 0)) as s, \
            s.makefile('rb') as lines:
        def command(words):
            s.sendall(words.encode() + b'\r\n')
            return reply()

        def reply():
            line = lines.readline()
            while line[3:4] == b'-':
                line = lines.readline()
            return line
        reply()
        command('EHLO client.test')
        command('MAIL FROM:<ann@tern.test>')
        command(f'RCPT TO:<r{number}@relay.test>')
        command('DATA')
        answer = command(text + '.')
        command('QUIT')
    return answer


def no_new_processes(tern, sink):
    for i in range(3):
        one_message(tern.port, f'warm{i}')
    sink.wait(3)
    pids = tern.processes()
    with endlab.Strace(pids, '-e', f'trace={NEW_PROCESS},fsync,fdatasync', '-e',
                       'signal=none') as trace:
        taken = sum(one_message(tern.port, i).startswith(b'250') for i in range(COUNT))
        sink.wait(3 + COUNT)
        tern.wait_queue_empty()
        names = {str(pid): tern.name_of(pid) for pid in tern.processes()}
        trace.stop()
        lines = trace.lines()
    lab.equal(taken, COUNT, f'{COUNT} messages from one client, each over a connection of its own')
    made = [l for l in lines if re.search(r'\b(execve|execveat|fork|vfork|clone3?)\(', l)]
    execs = [l for l in made if 'exec' in l]
    # A destination has 20 workers at most; one that has had nothing to do for five seconds leaves,
    # and may be needed again. A client may come back before its worker has said that it is free.
    lab.ok(len(execs) <= FEW, f'execs, by strace: {len(execs)}')
    lab.ok(len(made) - len(execs) <= FEW, f'forks, by strace: {len(made) - len(execs)}')
    syncs = collections.Counter(names.get(l.split()[0]) for l in lines if re.search(r'\bf(data)?sync\(', l))
    lab.equal(syncs['tern-queue'], 2 * COUNT, 'two fsyncs for each message')
    lab.ok(syncs.total() - 2 * COUNT <= COUNT,
           f"and at most one more to make its end last: {dict(syncs)}")
    workers = {m[1] for m in tern.log_matches(r'^smtpd: pid (\d+) ip=127\.0\.0\.1 event=accept', 'smtpd')}
    lab.ok(len(workers) <= 5, f'few processes served the one client: {len(workers)}')
    lab.ok(sink.connections <= FEW, f'the relay saw few connections: {sink.connections}')


def one_client_one_process(tern):
    """Twenty clients at once, several messages each."""
    failed = []

    def client(address):
        for i in range(10):
            if not one_message(tern.port, i, address).startswith(b'250'):
                failed.append(address)
    addresses = [f'127.0.0.{i}' for i in range(2, 22)]
    threads = [threading.Thread(target=client, args=(a,)) for a in addresses]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    lab.equal(failed, [], '20 clients with addresses of their own: all is taken')
    served = collections.defaultdict(set)
    ternlab.wait_until(lambda: len(tern.log_matches(r' ip=127\.0\.0\.([2-9]|[12]\d) event=accept', 'smtpd')) == 200,
                       '200 lines in the log of smtpd')
    for m in tern.log_matches(r'^smtpd: pid (\d+) ip=(\S+) event=accept', 'smtpd'):
        served[m[1]].add(m[2])
    lab.equal({p: a for p, a in served.items() if len(a) != 1}, {}, 'no process ever served two of them')
    lab.ok(set(addresses) <= set.union(*served.values()), 'and each was served')


def destinations_do_not_share(tern, sink):
    """A worker of tern-remote has one destination."""
    with endlab.Strace(tern.processes('tern-rspawn') + tern.processes('tern-remote'), '-e',
                       'trace=sendto,write', '-s', '200') as trace:
        before = len(sink.messages)
        with tern.smtp() as session:
            for i in range(4):
                for j in range(10):
                    session.sendmail('ann@tern.test', [f'x@d{j}.test'], endlab.message(f'd{i}{j}'))
        sink.wait(before + 40)
        tern.wait_queue_empty()
        trace.stop()
        lines = trace.lines()
    asked = collections.defaultdict(set)
    for line in lines:
        for domain in re.findall(r'RCPT TO:<x@(d\d\.test)>', line):
            asked[line.split()[0]].add(domain)
    lab.equal(len(set.union(set(), *asked.values())), 10, 'mail for ten destinations at once')
    lab.equal({p: d for p, d in asked.items() if len(d) != 1}, {}, 'no process ever served two of them')


def fsyncs_before_250(tern):
    """The order of the system calls of the queue's worker."""
    one_message(tern.port, 'warm')
    tern.wait_queue_empty()
    pids = tern.processes('tern-queue')
    with endlab.Strace(pids, '-e', 'trace=openat,open,creat,fsync,fdatasync,write,writev,pwrite64,'
                       'sendto,sendmsg,close,unlink,unlinkat,rename,link', '-s', '60', '-y') as trace:
        reply = one_message(tern.port, 'order').decode()
        tern.wait_queue_empty()
        trace.stop()
        lines = trace.lines()
    id = re.search(r'id (\d+)', reply)[1]
    entry = f'queue/mess/{int(id) % 64}/{id}'
    print('\n'.join(f'# {line}' for line in lines), flush=True)

    def place(pattern):
        return [i for i, line in enumerate(lines) if re.search(pattern, line)]
    create = place(rf'open(at)?\(.*{entry}".*O_CREAT\|O_EXCL|open(at)?\(.*{entry}".*O_EXCL')
    file_sync = place(rf'f(data)?sync\(\d+<[^>]*/{entry}>')
    directory_sync = place(rf'f(data)?sync\(\d+<[^>]*/queue/mess/{int(id) % 64}>')
    trigger = place(rf'write\(\d+<[^>]*trigger>, "{id}')
    answer = place(rf'(write|sendto|sendmsg|writev)\(.*"0 {id}')
    lab.equal([len(x) for x in (create, file_sync, directory_sync, trigger, answer)], [1] * 5,
              'one file created, one fsync of it, one of its directory, one word to send, one answer')
    lab.ok(create < file_sync < directory_sync < trigger < answer, 'in this order')
    lab.equal(len(place(r'\bf(data)?sync\(')), 2, 'and no other fsync')
    writes = [i for i in place(rf'write[v6\d]*\(\d+<[^>]*/{entry}>') if i > file_sync[0]]
    lab.equal(writes, [], 'nothing is written to the entry after its fsync')


why = endlab.Strace.missing()
with ternlab.Sink() as sink, ternlab.Instance() as tern:
    tern.control('smtproutes', f':127.0.0.1:{sink.port}')
    # Sessions are not kept over a change of routes, and a file that is younger than the clock
    # of its file system can tell counts as changing.
    os.utime(tern.path('control/smtproutes'), (1, 1))
    tern.up()
    if why:
        lab.skip('no process is made for a message', why)
    else:
        no_new_processes(tern, sink)
    one_client_one_process(tern)
    if why:
        lab.skip('one destination, one process', why)
        lab.skip('two fsyncs before 250', why)
    else:
        destinations_do_not_share(tern, sink)
        fsyncs_before_250(tern)
lab.end()
