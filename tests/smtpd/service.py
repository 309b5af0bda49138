#!/usr/bin/python3
"""tern-smtpd as a service: limits, settings, stop, and a process for each client."""
import os
import re
import signal
import smtplib
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
from smtpdlab import Home, Service

lab = ternlab.Tap()


def accept(client):
    """Hands in a message on an open session."""
    client.begin()
    client.send('x\r\n.\r\n')
    return client.reply().startswith('250 2.0.0 ok ')


def message(service, source='127.0.0.1'):
    """One message over a connection of its own, closed by the server before the next."""
    with service.connect(source) as client:
        client.hello()
        good = accept(client)
        client.ask('QUIT')
        return client.ended() and good


def pids_by_address(service):
    found = {}
    for pid, address in re.findall(r'^smtpd: pid (\d+) ip=(\S+) event=accept', service.log(), re.M):
        found.setdefault(address, set()).add(pid)
    return found


def clients(home):
    with Service(home) as service:
        lab.ok(service.ready == b'\n' and service.ready_closed, 'readiness is told, once')
        good = all(message(service) for _ in range(200))
        lab.ok(good, '200 messages over 200 connections')
        pids = pids_by_address(service)['127.0.0.1']
        lab.ok(len(pids) <= 10, f'a busy client is served by few processes ({len(pids)})')
        sources = [f'127.0.0.{i}' for i in range(2, 22)]
        good = all(message(service, source) for _ in range(5) for source in sources)
        lab.ok(good, '20 clients in turn')
        pids = pids_by_address(service)
        everyone = [pid for group in pids.values() for pid in group]
        lab.ok(len(pids) == 21 and len(everyone) == len(set(everyone)),
               'no process ever serves two of them')
        while not home.is_idle():
            home.take()
        with smtplib.SMTP('127.0.0.1', service.port, timeout=ternlab.PATIENCE) as peer:
            refused = peer.sendmail('a@far.test', ['x@local.test', 'y@far.test'],
                                    'Subject: x\r\n\r\n.dot\r\n')
        lab.ok(list(refused) == ['y@far.test'] and refused['y@far.test'][0] == 553,
               "Python's smtplib")
        got = home.take()
        lab.ok(got.message == b'Subject: x\n\n.dot\n' and got.recipients == [b'x@local.test'] and
               b'a127.0.0.1\0' in got.origin, 'what it sent')
        with service.connect() as client:
            client.hello()
            client.ask('MAIL FROM:<>')
            lab.ok(client.ask('RCPT TO:<x@[127.0.0.1]>').startswith('553'),
                   'our address as a domain, when control/me is not ours')
        lab.equal(service.stop(), 0, 'TERM: exit 0')
    home.control('localiphost', 'local.test')
    home.control('access', '127.0.0.66:deny\n127.0.0.77:allow,RELAYCLIENT=""')
    with Service(home) as service:
        with service.connect() as client:
            client.hello()
            client.ask('MAIL FROM:<>')
            lab.ok(client.ask('RCPT TO:<x@[127.0.0.1]>').startswith('250'), 'localiphost')
            lab.ok(client.ask('RCPT TO:<x@[127.0.0.2]>').startswith('553'), 'for our address only')
            client.ask('DATA')
            client.send('.\r\n')
            client.reply()
        lab.equal(home.take().recipients, [b'x@local.test'], 'replaces it')
        with service.connect('127.0.0.66') as client:
            lab.ok(client.reply().startswith('554') and client.ended(), 'control/access: deny')
        with service.connect('127.0.0.77') as client:
            client.hello()
            client.ask('MAIL FROM:<>')
            lab.ok(client.ask('RCPT TO:<x@far.test>').startswith('250'), 'control/access: relay')


def limits(home):
    home.control('concurrencyclient', '2')
    home.control('concurrencyincoming', '3')
    with Service(home) as service:
        one, two = service.connect(), service.connect()
        lab.ok(one.reply().startswith('220') and two.reply().startswith('220'), 'two connections')
        with service.connect() as three:
            lab.equal((three.reply()[:9], three.ended()), ('421 4.7.0', True),
                      'the third of one client is told to come later')
        service.wait_log(r'^smtpd: pid \d+ ip=127.0.0.1 event=busy limit=client$')
        other = service.connect('127.0.0.2')
        lab.ok(other.reply().startswith('220'), 'another client is served')
        with service.connect('127.0.0.3') as client:
            lab.equal((client.reply()[:9], client.ended()), ('421 4.7.0', True),
                      'until all places are taken')
        service.wait_log(r'^smtpd: pid \d+ ip=127.0.0.3 event=busy limit=total$')
        other.ask('QUIT')
        other.ended()
        other.close()

        def served():
            with service.connect('127.0.0.3') as client:
                return client.reply().startswith('220')
        ternlab.wait_until(served, 'the place of an idle worker of another client')
        lab.ok(True, 'an idle worker makes room for another client')
        lab.ok(one.ask('NOOP') == two.ask('NOOP') == '250 2.0.0 ok', 'the others are not disturbed')
        one.close()
        two.close()
    for name in ('concurrencyclient', 'concurrencyincoming'):
        os.unlink(os.path.join(home.path, 'control', name))


def reload(home):
    with Service(home) as service:
        old = service.connect()
        old.hello()
        home.control('locals', 'new.test')
        service.process.send_signal(signal.SIGHUP)

        def changed():
            with service.connect() as client:
                client.hello()
                client.ask('MAIL FROM:<>')
                return client.ask('RCPT TO:<x@new.test>').startswith('250')
        ternlab.wait_until(changed, 'the new settings')
        lab.ok(True, 'HUP: new connections see new settings')
        old.ask('MAIL FROM:<>')
        lab.ok(old.ask('RCPT TO:<x@local.test>').startswith('250'), 'one that was open goes on')
        old.close()
        home.control('databytes', 'x')
        service.process.send_signal(signal.SIGHUP)
        service.wait_log(r'^tern-smtpd: warning: control/databytes:1: ')
        service.wait_log(r'^tern-smtpd: warning: the settings stay as they were$')
        lab.ok(changed(), 'a wrong setting changes nothing, and the log says why')
        os.unlink(os.path.join(home.path, 'control', 'databytes'))
    home.control('databytes', 'x')
    service = Service(home)
    lab.equal((service.ready, service.stop()), (b'', 100), 'at the start it is fatal: exit 100')
    lab.ok('tern-smtpd: fatal: control/databytes:1: ' in service.log(), 'and the log says why')
    os.unlink(os.path.join(home.path, 'control', 'databytes'))
    home.control('locals', 'local.test')


def deaths(home):
    with Service(home) as service:
        client, other = service.connect(), service.connect('127.0.0.2')
        client.hello()
        other.hello()
        victims = service.workers()
        lab.equal(len(victims), 2, 'two clients, two processes')
        os.kill(min(victims), signal.SIGKILL)
        service.wait_log(r'^tern-smtpd: warning: worker \d+ was ended by signal 9$')
        lab.ok(message(service) and message(service, '127.0.0.2'), 'a worker that dies is replaced')
        client.close()
        other.close()
    with Service(home) as service:
        with service.connect() as client:
            client.hello()
            client.ask('MAIL FROM:<a@b>')
            service.process.terminate()
            lab.ok(client.reply().startswith('421 4.3.2') and client.ended(),
                   'TERM: a session that waits is told, after a while')
        lab.equal(service.process.wait(ternlab.PATIENCE), 0, 'and the service exits 0')
        lab.equal(service.workers(), [], 'no worker is left')
    service = Service(home)
    with service.connect() as client:
        client.hello()
        client.begin()
        client.send('first\r\n')
        service.process.terminate()
        service.process.poll()
        client.send('last\r\n.\r\n')
        lab.ok(client.reply().startswith('250 2.0.0'), 'a message that is on its way is taken')
        client.ask('QUIT')
    lab.equal(service.process.wait(ternlab.PATIENCE), 0, 'before the service ends')
    while not home.is_idle():
        home.take()


def confinement(home):
    with Service(home) as service, service.connect() as client:
        client.hello()
        accept(client)
        home.take()
        worker = service.workers()[0]
        with open(f'/proc/{worker}/status') as f:
            lab.ok('NoNewPrivs:\t1' in f.read(), 'a worker can gain no privileges')
        fds = sorted(int(n) for n in os.listdir(f'/proc/{worker}/fd'))
        lab.ok(len(fds) == 6, f'it has 0 to 2, parent, client and queue open: {fds}')
        lab.equal(os.readlink(f'/proc/{worker}/fd/0'), '/dev/null', 'its 0 is /dev/null')


with Home() as the_home:
    clients(the_home)
    limits(the_home)
    reload(the_home)
    deaths(the_home)
    confinement(the_home)
    lab.ok(the_home.is_idle(), 'nothing was queued that should not be')
lab.end()
