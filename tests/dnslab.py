"""DNS servers for tests: one that sends whatever bytes a test wants, and real
ones (nsd, unbound) on loopback ports; and the tools that ask them.
"""
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

import dns.flags
import dns.message
import dns.query
import dns.rrset

import ternlab

TOOLS = os.path.join(ternlab.BUILD, 'tests', 'tools')


class Responder:
    """Answers on one port of 127.0.0.1, UDP and TCP. handler(query, tcp) returns
    the packets to send; over TCP they get their length in front, unless a
    packet is a tuple of one element: that is sent as it is."""

    def __init__(self, handler):
        self.handler = handler
        self.seen = []  # (source port, id, name, type, tcp, edns)
        self.lock = threading.Lock()
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(('127.0.0.1', 0))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self.tcp.bind(('127.0.0.1', self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.tcp.listen(50)
        for run in (self._udp, self._tcp):
            threading.Thread(target=run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.udp.close()
        self.tcp.close()

    def count(self, name):
        with self.lock:
            return sum(1 for q in self.seen if q[2] == name)

    def _note(self, data, peer, tcp):
        """The query; None for what another program on this machine meant for someone else."""
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or not query.question:
            return None
        question = query.question[0]
        with self.lock:
            self.seen.append((peer[1], query.id, question.name.to_text().rstrip('.'),
                              question.rdtype, tcp, query.edns))
        return query

    def _udp(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            query = self._note(data, peer, False)
            for packet in query and self.handler(query, False) or ():
                if callable(packet):  # for what only the one who knows the peer can do
                    packet(peer)
                else:
                    self.udp.sendto(packet, peer)

    def _tcp(self):
        while True:
            try:
                connection, peer = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._tcp_one, args=(connection, peer), daemon=True).start()

    def _tcp_one(self, connection, peer):
        with connection:
            data = connection.recv(4096)
            query = self._note(data[2:], peer, True)
            for packet in query and self.handler(query, True) or ():
                if isinstance(packet, tuple):
                    connection.sendall(packet[0])
                else:
                    connection.sendall(struct.pack('>H', len(packet)) + packet)


def answer(query, *records, rcode=0, flags=0, limit=65535, authority=()):
    """The bytes of an answer: records are (name, type, value, ...), and so are those of authority."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    response.flags |= flags
    for name, kind, *values in records:
        response.answer.append(dns.rrset.from_text(name, 60, 'IN', kind, *values))
    for name, kind, *values in authority:
        response.authority.append(dns.rrset.from_text(name, 60, 'IN', kind, *values))
    return response.to_wire(max_size=limit)


class Control:
    """A folder with control/ for the tools."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix='tern-dns.')
        os.mkdir(os.path.join(self.path, 'control'))
        return self

    def __exit__(self, *rest):
        shutil.rmtree(self.path)

    def set(self, name, *lines):
        with open(os.path.join(self.path, 'control', name), 'w') as file:
            file.write(''.join(line + '\n' for line in lines))

    def unset(self, name):
        os.unlink(os.path.join(self.path, 'control', name))

    def tool(self, *argv):
        """Runs a tool. Returns its lines but for the trace, and those of the trace."""
        done = subprocess.run([os.path.join(TOOLS, argv[0]), *argv[1:]], cwd=self.path,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=ternlab.PATIENCE * 3)
        lines = done.stdout.decode('utf-8', 'replace').splitlines()
        lines += done.stderr.decode('utf-8', 'replace').splitlines()
        if done.returncode not in (0, 100):
            lines.append(f'exit code {done.returncode}')
        trace = [line for line in lines if line.startswith('trace ')]
        return [line for line in lines if not line.startswith('trace ')], trace


class Server:
    """nsd or unbound in a folder of its own, in the foreground."""

    def __init__(self, program, config, files=()):
        self.path = tempfile.mkdtemp(prefix='tern-dns.')
        os.chmod(self.path, 0o755)
        for name, text in dict(files, config=config).items():
            with open(os.path.join(self.path, name), 'w') as file:
                file.write(text.replace('@PATH@', self.path))
        self.log = open(os.path.join(self.path, 'log'), 'wb')
        self.process = subprocess.Popen(
            [shutil.which(program, path='/usr/sbin:/usr/bin:/sbin:/bin'), '-d', '-c',
             os.path.join(self.path, 'config')], stdout=self.log, stderr=self.log)

    def wait_ready(self, port, name):
        query = dns.message.make_query(name, 'SOA')

        def ready():
            try:
                return dns.query.udp(query, '127.0.0.1', port=port, timeout=1)
            except Exception:
                if self.process.poll() is not None:
                    with open(os.path.join(self.path, 'log')) as file:
                        raise RuntimeError('it ended: ' + file.read())
                time.sleep(0.05)
                return None
        ternlab.wait_until(ready, f'a DNS server on port {port}')

    def close(self):
        self.process.terminate()
        self.process.wait(ternlab.PATIENCE)
        self.log.close()
        shutil.rmtree(self.path)


def nsd(port, zones):
    """nsd with zones given as {name: text}."""
    config = f'''server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  database: ""
  zonesdir: "@PATH@"
  pidfile: "@PATH@/pid"
  xfrdfile: "@PATH@/xfrd"
  zonelistfile: "@PATH@/zonelist"
  logfile: "@PATH@/nsd.log"
remote-control:
  control-enable: no
'''
    files = {}
    for name, text in zones.items():
        config += f'zone:\n  name: "{name}"\n  zonefile: "{name}.zone"\n'
        files[f'{name}.zone'] = text
    server = Server('nsd', config, files)
    server.wait_ready(port, next(iter(zones)))
    return server


def unbound(port, stubs, ready):
    """unbound that asks the servers of {zone: port} for those zones; ready is a zone that answers."""
    config = f'''server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  username: ""
  chroot: ""
  directory: "@PATH@"
  pidfile: "@PATH@/pid"
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  do-ip6: no
remote-control:
  control-enable: no
'''
    for zone, at in stubs.items():
        config += f'stub-zone:\n  name: "{zone}"\n  stub-addr: 127.0.0.1@{at}\n'
    server = Server('unbound', config)
    server.wait_ready(port, ready)
    return server
