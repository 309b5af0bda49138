#!/usr/bin/python3
"""The negative control: programs that are wrong on purpose, which these tests must find; what
does not find them is broken itself."""
import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import faultlab
import ternlab

lab = ternlab.Tap()
SOURCE = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'src')

# Program, the file and what is changed in it, the test that must find it.
MUTANTS = {
    'a report is taken for a success': (
        'send', 'send/worker.c', 'struct said said = {report->recipient[i].verdict,',
        'struct said said = {VERDICT_DELIVERED,', 'send.py'),
    'a failure is done without a notice': (
        'send', 'send/message.c', 'bounce_request(m, kind); return;', 'm->notice = kind; '
        'message_bounced(m, VERDICT_DELIVERED, span("1 1", 3)); return;', 'send.py'),
    'the number of a report does not matter': (
        'send', 'send/worker.c', 'report.number != w->job ||', '', 'lies.py'),
    'the socket of a worker blocks': (
        'send', 'send/worker.c', 'fcntl(socket, F_SETFL, O_NONBLOCK) == -1', '0', 'lies.py'),
    'a damaged entry is a message': (
        'send', 'spool/entry.c', 'crc32c(0, file, (size_t)n - SEAL_SIZE) != seal.crc', '0',
        'damage.py'),
    'an error of fdatasync does not matter': (
        'queue', 'spool/entry.c', 'fdatasync(w->fd) == 0', '(fdatasync(w->fd), 1)',
        'enqueue.py'),
    'an error of fsync of the directory does not matter': (
        'queue', 'spool/entry.c', 'if (durable_directory(directory) == 0) {',
        'if (durable_directory(directory) != -2) {', 'enqueue.py'),
    'an error of fsync of an mbox does not matter': (
        'local', 'local/mailbox.c', 'return fsync(fd);', 'return fsync(fd), 0;', 'local.py'),
    'an error of fsync of new/ does not matter': (
        'local', 'local/maildir.c', 'if (fsync(new_folder.fd) == -1)',
        'if (fsync(new_folder.fd) == -2)', 'local.py'),
    'an error of writing does not matter': (
        'local', 'local/maildir.c', 'failed = file_write(fd, mail) == -1;',
        'failed = file_write(fd, mail) == -2;', 'local.py'),
    'a message is removed after its history': (
        'clean', 'clean/main.c', 'spool_mess_path(path, id);\n\tif (!file_remove(path))',
        'spool_hist_path(path, id);\n\tfile_remove(path);\n\tspool_mess_path(path, id);\n'
        '\tif (!file_remove(path))', 'clean.py'),
    'a notice counts as queued': (
        'bounce', 'bounce/main.c', 'return result.code == QUEUE_OK ? VERDICT_DELIVERED',
        'return result.code != -1 ? VERDICT_DELIVERED', 'bounce.py'),
}


def build(folder, program, path, old, new):
    """A folder with the programs, one of them changed. The objects of the others are those of
    the build."""
    with open(os.path.join(SOURCE, path)) as f:
        text = f.read()
    if text.count(old) != 1:
        raise RuntimeError(f'{path} has changed: {old!r} is there {text.count(old)} times')
    changed = os.path.join(folder, os.path.basename(path))
    with open(changed, 'w') as f:
        f.write(text.replace(old, new))
    os.mkdir(os.path.join(folder, 'bin'))
    for name in os.listdir(ternlab.BIN):
        if name != f'tern-{program}':
            os.symlink(os.path.join(ternlab.BIN, name), os.path.join(folder, 'bin', name))
    own = os.path.join(ternlab.BUILD, program)
    objects = [os.path.join(own, name) for name in sorted(os.listdir(own))
               if name.endswith('.o') and
               not (path.startswith(program + '/') and name == os.path.basename(path)[:-1] + 'o')]
    archives = [os.path.join(ternlab.BUILD, f'{name}.a')
                for name in ('spool', 'service', 'net', 'policy', 'wire', 'lib')]
    archives = [name for name in archives if os.path.exists(name)]
    subprocess.run(['cc', '-O1', '-w', '-std=c11', '-D_XOPEN_SOURCE=700',
                    '-DTERN_HOME="/var/tern"', '-DTERN_VERSION="0"', f'-I{SOURCE}', '-o',
                    os.path.join(folder, 'bin', f'tern-{program}'), changed, *objects, *archives,
                    *archives, '-lskarnet'], check=True)


def judge(name):
    *mutation, test = MUTANTS[name]
    with tempfile.TemporaryDirectory(prefix='tern-mutant.', dir=faultlab.place(),
                                     ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        build(folder, *mutation)
        environment = {**os.environ, 'TERN_BUILD': folder, 'TERN_FAULT_PLACE': folder,
                       'TMPDIR': folder, 'TERN_PATIENCE': '10'}  # what is lost never comes
        environment.pop('TERN_LONG', None)
        # Once it has found something the rest of it is of no interest.
        child = subprocess.Popen([os.path.join(HERE, test)], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.STDOUT, env=environment,
                                 start_new_session=True)
        said = []
        for line in child.stdout:
            said.append(line)
            if line.startswith('not ok'):
                break
        os.killpg(child.pid, signal.SIGKILL)
        child.stdout.close()
        child.wait()
    if not said or not said[-1].startswith('not ok'):
        return f'{test} does not find it: {"".join(said[-10:])}'
    return None


def honest():
    """A build made in the same way, with nothing changed, passes."""
    with tempfile.TemporaryDirectory(prefix='tern-mutant.', dir=faultlab.place()) as folder:
        os.chmod(folder, 0o755)
        build(folder, 'clean', 'clean/main.c', 'int\nmain(', 'int\nmain(')
        return subprocess.run([os.path.join(HERE, 'clean.py')], stdout=subprocess.DEVNULL,
                              env={**os.environ, 'TERN_BUILD': folder}).returncode == 0


lab.ok(honest(), 'a build with nothing changed passes')
names = [*MUTANTS] if faultlab.LONG else [name for name in MUTANTS if name in (
    'a failure is done without a notice', 'an error of fdatasync does not matter',
    'an error of fsync of new/ does not matter', 'a message is removed after its history')]
faultlab.sweep(lab, 'negative-control', 'all', names, judge, len(names), workers=2)
lab.end()
