#!/usr/bin/python3
"""tern-listen: what it binds, what it refuses, what the program gets."""
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

lab = ternlab.Tap()
LISTEN = os.path.join(ternlab.BIN, 'tern-listen')

# Shows the listening sockets it was given and every other descriptor.
SHOW = r'''
import os, socket, sys
count = int(os.environ['TERN_LISTENERS'])
for fd in [0, *range(10, 9 + count)]:
    s = socket.socket(fileno=os.dup(fd))
    print(fd, s.family.name, s.getsockname(), s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
          s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) if s.family == socket.AF_INET6 else '-')
    s.close()
def is_open(fd):
    try:
        return os.fstat(fd)
    except OSError:
        return None
print('open', [fd for fd in range(100) if is_open(fd)])
'''


def run(home, *arguments, program=(sys.executable, '-c', SHOW)):
    return subprocess.run([LISTEN, *arguments, *program], capture_output=True, text=True,
                          env={'PATH': os.environ['PATH'], 'TERNHOME': home},
                          stdin=subprocess.DEVNULL, timeout=ternlab.PATIENCE)


def refused(home, code, *arguments, **more):
    done = run(home, *arguments, **more)
    lab.ok(done.returncode == code and 'tern-listen: fatal: ' in done.stderr,
           f'{arguments}: exit {code}: {done.stderr.splitlines()[-1]}')
    return done


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


def usage(home):
    for arguments in ([], ['127.0.0.1:0'], ['-x', '127.0.0.1:0', 'true'],
                      ['-b', 'many', '127.0.0.1:0', 'true'], ['-m', '888', 'unix:s', 'true'],
                      ['-m', '1666', 'unix:s', 'true']):
        refused(home, 100, *arguments, program=())
    for address in ('', 'host:25', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '::1:25',
                    '[127.0.0.1]:25', '[::1]', 'unix:', ',127.0.0.1:0',
                    '127.0.0.256:25'):
        refused(home, 100, address)
    refused(home, 100, '-u', 'not/there', '127.0.0.1:0')
    refused(home, 100, '127.0.0.1:0', program=['./not-there'])
    refused(home, 100, ','.join(['127.0.0.1:0'] * 17))


def tcp(home):
    done = run(home, '127.0.0.1:0')
    lines = done.stdout.splitlines()
    port = re.fullmatch(r"0 AF_INET \('127.0.0.1', (\d+)\) 1 -", lines[0])
    lab.ok(port and done.stderr == f'tern-listen: listening on 127.0.0.1:{port[1]}\n',
           'one address, told in the log')
    lab.equal(lines[1], 'open [0, 1, 2]', 'nothing else is open')
    done = run(home, '127.0.0.1:0,127.0.0.2:0,127.0.0.3:0')
    lab.equal([line.split()[:3] for line in done.stdout.splitlines()[:3]],
              [['0', 'AF_INET', "('127.0.0.1',"], ['10', 'AF_INET', "('127.0.0.2',"],
               ['11', 'AF_INET', "('127.0.0.3',"]], 'three addresses')
    lab.ok('open [0, 1, 2, 10, 11]' in done.stdout, 'and nothing else')
    with socket.create_server(('127.0.0.1', 0)) as other:
        refused(home, 111, f'127.0.0.1:{other.getsockname()[1]}')
    with open(os.path.join(home, 'control', 'smtplisten'), 'w') as f:
        f.write('# where\n127.0.0.1:0\n\n127.0.0.2:0\n')
    lab.equal(len(re.findall(r'AF_INET ', run(home, '@smtplisten').stdout)), 2,
              'addresses from control/smtplisten')
    with open(os.path.join(home, 'control', 'smtplisten'), 'w') as f:
        f.write('127.0.0.1:0\nlocalhost:25\n')
    done = refused(home, 100, '@smtplisten')
    lab.ok('control/smtplisten:2: ' in done.stderr, 'a bad line is named')
    with open(os.path.join(home, 'control', 'smtplisten'), 'w') as f:
        f.write('# nothing\n')
    refused(home, 100, '@smtplisten')
    if not has_ipv6():
        lab.skip('[::1]', 'no IPv6 here')
        return
    lines = run(home, '[::1]:0').stdout.splitlines()
    lab.ok(lines[0].startswith("0 AF_INET6 ('::1', ") and lines[0].endswith(' 1 1'),
           'an IPv6 address is IPv6 only')


def unix(home):
    path = os.path.join(home, 'run', 's')
    done = run(home, '-m', '0666', 'unix:run/s')
    lab.ok(done.stdout.startswith("0 AF_UNIX run/s 1 -"), 'a Unix socket')
    lab.equal(stat.S_IMODE(os.stat(path).st_mode), 0o666, 'its mode')
    done = run(home, 'unix:run/s')
    lab.ok(done.returncode == 0 and stat.S_IMODE(os.stat(path).st_mode) == 0o600,
           'a stale one is replaced; the mode without -m is 0600')
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        refused(home, 111, 'unix:run/s')
        lab.ok(os.path.exists(path), 'one that is in use stays')
    os.unlink(path)
    with open(path, 'w') as f:
        f.write('precious')
    refused(home, 100, 'unix:run/s')
    lab.ok(os.path.exists(path), 'a file is not removed')
    os.unlink(path)
    refused(home, 100, 'unix:not/there')
    name = 'n' * 107
    lab.equal(run(home, 'unix:' + name).returncode, 0, 'a path of 107 bytes')
    os.unlink(os.path.join(home, name))
    refused(home, 100, 'unix:' + name + 'n')


def privileges(home):
    if os.geteuid() != 0:
        lab.skip('gives up root', 'not root')
        return
    os.chown(os.path.join(home, 'run'), 61001, 61002)
    os.chmod(home, 0o755)
    done = run(home, '-u', 'run', '127.0.0.1:0,unix:run/s', program=['/usr/bin/id'])
    lab.ok('uid=61001' in done.stdout and 'gid=61002' in done.stdout and
           'groups=61002' in done.stdout, 'root becomes the owner of the -u path')
    lab.equal(os.stat(os.path.join(home, 'run', 's')).st_uid, 61001, 'who makes the Unix socket')


with tempfile.TemporaryDirectory(prefix='tern-test.') as the_home:
    os.mkdir(os.path.join(the_home, 'run'))
    os.mkdir(os.path.join(the_home, 'control'))
    usage(the_home)
    tcp(the_home)
    unix(the_home)
    privileges(the_home)
lab.end()
