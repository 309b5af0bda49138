#!/usr/bin/python3
"""tern-lspawn: whose mail an address is, and as whom its worker runs. As root in
a mount namespace with a passwd file of its own."""
import array
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import ternlab
from locallab import MESSAGE, ROOT

INSIDE = 'TERN_TEST_NAMESPACE'
if ROOT and INSIDE not in os.environ and shutil.which('unshare'):
    if subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode == 0:
        os.environ[INSIDE] = '1'
        os.execvp('unshare', ['unshare', '-m', sys.executable, os.path.abspath(__file__)])

tap = ternlab.Tap()
ALIAS, LOOKUP, JOE, JANE, LONG = range(61000, 61005)
PRIVATE = ROOT and INSIDE in os.environ


class Spawner:
    """tern-lspawn in a home of tern, and send's end of its socket."""

    def __init__(self, home, uid=None, tool=()):
        self.number = 0
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(ternlab.PATIENCE)
        identity = dict(user=uid, group=uid, extra_groups=[]) if uid else {}
        with theirs:
            self.process = subprocess.Popen(
                [*tool, os.path.join(ternlab.BIN, 'tern-lspawn')], stdin=theirs, cwd=home,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **identity)

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.close()

    def close(self):
        self.socket.close()
        _, log = self.process.communicate(timeout=ternlab.PATIENCE)
        return self.process.returncode, log

    def ask(self, destination):
        """A worker's socket, or the letter and the text of the refusal."""
        self.number += 1
        self.socket.send(b'%d\0%s\0' % (self.number, destination.encode('utf-8', 'surrogateescape')))
        packet, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_LEN(64))
        fields = packet.split(b'\0')
        assert int(fields[0]) == self.number
        fds = array.array('i')
        for _, _, data in ancillary:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        if fields[1][:1] == b'K':
            return socket.socket(fileno=fds[0])
        assert not fds
        return fields[1][:1].decode(), fields[1][1:].decode()

    def deliver(self, destination, message=MESSAGE):
        """One delivery: letter and text of the worker's report, or of the refusal."""
        worker = self.ask(destination)
        if isinstance(worker, tuple):
            return worker
        address = destination.encode('utf-8', 'surrogateescape')
        with worker, tempfile.TemporaryFile() as f:
            worker.settimeout(ternlab.PATIENCE)
            f.write(message)
            f.flush()
            packet = b'1\0002\0%d\0000\0000\0%s\0s@example.net\0%s\0' % (
                len(message), address, address)
            try:
                worker.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                           array.array('i', [f.fileno()]))])
                fields = worker.recv(128 * 1024).split(b'\0')
            except (BrokenPipeError, ConnectionResetError):
                fields = [b'']
            if fields == [b'']:
                return '', 'the worker ended'
            return fields[3][:1].decode(), fields[3][1:].decode(errors='replace')


def folder(path, uid=None, mode=0o755):
    os.makedirs(path, exist_ok=True)
    os.chmod(path, mode)
    if ROOT:
        os.chown(path, uid or 0, uid or 0)
    return path


def write(path, text, uid=None):
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, 0o644)
    if ROOT:
        os.chown(path, uid or 0, uid or 0)


def make_tern(top, alias, lookup):
    home = folder(os.path.join(top, 'tern'), alias)
    for name, uid in (('bin', alias), ('control', alias), ('run', alias), ('run/lookup', lookup),
                      ('alias', alias)):
        folder(os.path.join(home, name), uid)
    os.symlink(os.path.join(ternlab.BIN, 'tern-local'), os.path.join(home, 'bin/tern-local'))
    return home


# Says who it is and what it was told; a report can be compared with it.
SAY = '|echo $(id -u):$(id -G) $USER $LOCAL $EXT ${DEFAULT-none} $HOME\n'


def root_tests(top):
    tern = make_tern(top, ALIAS, LOOKUP)
    homes = {name: folder(os.path.join(top, name), uid) for name, uid in (
        ('joe', JOE), ('jane', JANE), ('long', LONG), ('zero', JOE), ('foreign', JANE))}
    long_name = 'l' * 31
    too_long = 'l' * 32
    write(os.path.join(top, 'passwd'), ''.join(f'{line}\n' for line in (
        'root:x:0:0::/root:/bin/sh', f'toor:x:0:{JOE}::{homes["joe"]}:/bin/sh',
        f'joe:x:{JOE}:{JOE}::{homes["joe"]}:/bin/sh',
        f'jane-doe:x:{JANE}:{JANE}::{homes["jane"]}:/bin/sh',
        f'{long_name}:x:{LONG}:{LONG}::{homes["long"]}:/bin/sh',
        f'{too_long}:x:{LONG}:{LONG}::{homes["long"]}:/bin/sh',
        f'group0:x:{JOE}:0::{homes["joe"]}:/bin/sh',
        f'foreign:x:{JOE}:{JOE}::{homes["foreign"]}:/bin/sh',
        f'away:x:{JOE}:{JOE}::{top}/away:/bin/sh',
        f'listed:x:{JOE}:{JOE}::{top}/away:/bin/sh',
        f'daemonic:x:{JOE}:{JOE}::/nonexistent:/bin/sh')))
    write(os.path.join(top, 'group'), f'root:x:0:joe\nwheel:x:27:joe,jane-doe\njoe:x:{JOE}:\n')
    for name in ('passwd', 'group'):
        subprocess.run(['mount', '--bind', os.path.join(top, name), f'/etc/{name}'], check=True)
    write(os.path.join(homes['joe'], '.qmail'), SAY, JOE)
    write(os.path.join(homes['joe'], '.qmail-default'), SAY, JOE)
    write(os.path.join(homes['jane'], '.qmail'), SAY, JANE)
    write(os.path.join(homes['long'], '.qmail'), SAY, LONG)
    write(os.path.join(tern, 'alias/.qmail-default'), SAY, ALIAS)
    write(os.path.join(tern, 'alias/.qmail-listed'), SAY, ALIAS)

    alias = f'{ALIAS}:{ALIAS} alias'
    alias_home = os.path.join(tern, 'alias')
    with Spawner(tern) as spawner:
        for address, who in (
                ('joe', f'{JOE}:{JOE} joe joe none {homes["joe"]}'),
                ('JOE', f'{JOE}:{JOE} joe JOE none {homes["joe"]}'),
                ('joe-List.x', f'{JOE}:{JOE} joe joe-List.x List.x List.x {homes["joe"]}'),
                ('joe-', f'{JOE}:{JOE} joe joe- {homes["joe"]}'),
                ('joe-a-b', f'{JOE}:{JOE} joe joe-a-b a-b a-b {homes["joe"]}'),
                ('jane-doe', f'{JANE}:{JANE} jane-doe jane-doe none {homes["jane"]}'),
                (long_name, f'{LONG}:{LONG} {long_name} {long_name} none {homes["long"]}'),
                (too_long, f'{alias} {too_long} {too_long} {too_long} {alias_home}'),
                ('nobody.here', f'{alias} nobody.here nobody.here nobody.here {alias_home}'),
                ('jane', f'{alias} jane jane jane {alias_home}'),
                ('root', f'{alias} root root root {alias_home}'),
                ('toor', f'{alias} toor toor toor {alias_home}'),
                ('root-x', f'{alias} root-x root-x root-x {alias_home}'),
                ('foreign', f'{alias} foreign foreign foreign {alias_home}'),
                ('daemonic', f'{alias} daemonic daemonic daemonic {alias_home}'),
                ('listed', f'{alias} listed listed none {alias_home}'),
                ('-f', f'{alias} -f -f -f {alias_home}'),
                ('--', f'{alias} -- -- -- {alias_home}'),
                ('../joe', f'{alias} ../joe ../joe ../joe {alias_home}'),
                ('a@b', f'{alias} a@b a@b a@b {alias_home}'),
                ('x' * 300, f'{alias} {"x" * 300} {"x" * 300} '),
                ('\xe9', f'{alias} \xe9 \xe9 \xe9 {alias_home}'),
                ('', f'{alias} {alias_home}')):
            letter, text = spawner.deliver(f'{address}@example.org')
            said = ' '.join(text.split('\n')[0].split())
            if len(address) == 300:
                tap.ok(letter == 'K' and said.startswith(f'{alias} xxx'), 'a local part of 300 bytes')
            else:
                tap.equal((letter, said), ('K', who), f'{address[:40]}@ is {who.split()[1][:20]}\'s')
        for address, words in (('away', 'home of user away'), ('away-x', 'home of user away'),
                               ('group0', 'group0')):
            letter, text = spawner.deliver(f'{address}@example.org')
            tap.ok(letter == 'T' and words in text, f'{address}@ waits: {text}')
        letter, text = spawner.ask('joe')
        tap.equal(letter, 'T', 'an address without a domain waits')
        folder(os.path.join(top, 'away'), JOE)
        letter, text = spawner.deliver('away@example.org')
        tap.ok(letter == 'T' and 'Maildir' in text, 'the home is back: the default delivery')
        for part in ('', 'tmp', 'new', 'cur'):
            folder(os.path.join(top, 'away/Box', part), JOE)
        write(os.path.join(tern, 'control/defaultdelivery'), './Box/\n')
        tap.equal(spawner.deliver('away@example.org')[0], 'K', 'a new control/defaultdelivery')
        file, = os.scandir(os.path.join(top, 'away/Box/new'))
        tap.equal((file.stat().st_uid, file.stat().st_gid), (JOE, JOE), 'mail belongs to the user')
        write(os.path.join(tern, 'control/defaultdelivery'), './\0\n')
        tap.equal(spawner.deliver('away@example.org')[0], 'K', 'a wrong one: the old one stays')
        os.unlink(os.path.join(tern, 'control/defaultdelivery'))

        for path, what in (('alias', 'alias/'), ('run/lookup', 'run/lookup')):
            os.chown(os.path.join(tern, path), 0, 0)
            letter, text = spawner.deliver('nobody@example.org')
            tap.ok(letter == 'T' and path in text, f'{what} is root\'s: {text}')
            os.chown(os.path.join(tern, path), ALIAS if path == 'alias' else LOOKUP, ALIAS)
        os.chown(os.path.join(tern, 'alias'), ALIAS, 0)
        tap.equal(spawner.deliver('nobody@example.org')[0], 'T', 'alias/ has root\'s group')
        os.chown(os.path.join(tern, 'alias'), ALIAS, ALIAS)
        os.rename(os.path.join(tern, 'bin/tern-local'), os.path.join(tern, 'bin/away'))
        tap.equal(spawner.deliver('joe@example.org')[0], '', 'no program: the worker ends')
        os.rename(os.path.join(tern, 'bin/away'), os.path.join(tern, 'bin/tern-local'))
        tap.equal(spawner.deliver('joe@example.org')[0], 'K', 'and is there again')
        code, log = spawner.close()
        tap.ok(code == 0 and b'bin/tern-local' in log and b'defaultdelivery' in log,
               'exit 0; the log names what was wrong')

    with Spawner(tern) as spawner:
        spawner.socket.send(b'garbage')
        code, log = spawner.close()
        tap.ok(code == 100 and b'fatal' in log, 'garbage from send: exit 100')
    write(os.path.join(tern, 'control/defaultdelivery'), './\0\n')
    with Spawner(tern) as spawner:
        code, log = spawner.close()
        tap.ok(code == 100 and b'control/defaultdelivery:1' in log, 'a wrong setting stops the start')
    os.unlink(os.path.join(tern, 'control/defaultdelivery'))

    # what is unknown to root
    if not shutil.which('strace'):
        tap.skip('privileges', 'strace is not installed')
        return
    trace = os.path.join(top, 'trace')
    with Spawner(tern, tool=['strace', '-ff', '-o', trace]) as spawner:
        spawner.deliver('joe@example.org')
    asked = ran = 0
    for name in os.listdir(top):
        with open(os.path.join(top, name), errors='replace') if name.startswith('trace.') \
                else open(os.devnull) as f:
            text = f.read()
        at = [text.find(call) for call in ('setgroups(1, [', 'setgid(', 'setuid(')]
        ids = [re.findall(rf'{call}\((?:1, \[)?(\d+)', text)[:1] for call in
               ('setgroups', 'setgid', 'setuid')]
        if '"/etc/passwd"' in text and 'execve(' not in text:
            asked += -1 < at[0] < at[1] < at[2] < text.find('"/etc/passwd"') and \
                ids[2] == [str(LOOKUP)]
        if 'execve("bin/tern-local"' in text:
            ran += -1 < at[0] < at[1] < at[2] < text.find('execve("bin/tern-local"') and \
                ids == [[str(JOE)]] * 3
    tap.equal(asked, 1, 'accounts are looked up by a process that has given up its privileges')
    tap.equal(ran, 1, 'groups, group and user are set before tern-local runs')


def user_tests(top):
    uid = ALIAS if ROOT else os.geteuid()
    tern = make_tern(top, uid, uid)
    for part in ('', 'tmp', 'new', 'cur'):
        folder(os.path.join(tern, 'alias/Maildir', part), uid)
    write(os.path.join(tern, 'alias/.qmail-default'), './Maildir/\n', uid)
    with Spawner(tern, uid=uid if ROOT else None) as spawner:
        tap.equal(spawner.deliver('no.such.user-x@example.org'), ('K', 'did 1+0+0\n'),
                  'one user: what is nobody\'s goes to alias/')
        tap.equal(len(os.listdir(os.path.join(tern, 'alias/Maildir/new'))), 1, 'and is there')
        if PRIVATE:
            letter, text = spawner.deliver('joe@example.org')
            tap.ok(letter == 'T' and 'another user' in text, f'another user\'s mail waits: {text}')
        tap.equal(spawner.close(), (0, b''), 'exit 0, nothing logged')


with tempfile.TemporaryDirectory(prefix='tern-lspawn.') as top:
    os.chmod(top, 0o755)
    if PRIVATE:
        root_tests(folder(os.path.join(top, 'root')))
    else:
        tap.skip('tern-lspawn as root', 'needs root and mount namespaces')
    user_tests(folder(os.path.join(top, 'user')))
tap.end()
