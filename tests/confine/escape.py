#!/usr/bin/python3
"""Each program, in its place in a running instance, tries what it must not be able to do: in
an instance of one user, where only the confinement keeps the parts from each other, and, as
root, in one of many users. Needs a build of its own, with TERN_SELFTEST."""
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab
import userslab

lab = ternlab.Tap()
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN = 64  # CONFINE_RUN
READ_FILE = 'service/queue/run'

# What ends a process that is confined to a list of calls.
KILLED = {'exec', 'trace', 'packet-socket', 'become-root', 'chroot', 'handle', 'bpf', 'keys', 'mount',
          'write-memory', 'other-abi'}
# What it merely can not do.
REFUSED = {'read-queue', 'list-queue', 'read-maildir', 'read-file', 'read-etc', 'write-file',
           'remove-file', 'connect-out', 'abstract-socket', 'fork', 'signal', 'chown', 'new-code',
           'unknown-call'}
# What nobody can do who has no power of root, whatever else he may.
POWERLESS = {'packet-socket', 'become-root', 'chroot', 'chown', 'handle', 'bpf', 'mount'}
STRANGERS_FILES = {'read-queue', 'list-queue', 'read-maildir'}

# program, part, what it reaches of all that
CONFINED = (
    ('tern-smtpd', 'worker', set()),
    ('tern-queue', 'worker', {'list-queue'}),
    ('tern-send', '', {'read-queue', 'list-queue', 'read-etc'}),
    ('tern-clean', '', {'read-queue', 'list-queue'}),
    ('tern-bounce', '', {'read-etc'}),
    ('tern-remote', '', {'read-etc', 'connect-out'}),
    ('tern-start', '', {'signal'}),
)
# These run others, or let the system's libraries look up accounts. With users of their own they
# still can not reach what is not theirs.
RUNNERS = (
    ('tern-smtpd', 'parent', set()),
    ('tern-queue', 'parent', {'read-queue', 'list-queue'}),
    ('tern-rspawn', '', set()),
    ('tern-lspawn', 'lookup', set()),
    ('tern-lspawn', 'root', {'become-root'}),
    ('tern-local', '', set()),
)


def build():
    """The folder of the programs that try."""
    where = os.path.join(os.environ.get('TERN_MAKE') or ternlab.BUILD, 'selftest')
    line = open(os.path.join(TREE, 'conf-cc')).readline().strip()
    done = subprocess.run(['make', '-s', '-j', str(os.cpu_count()), f'B={where}',
                           f'CC_LINE={line} -DTERN_SELFTEST'],
                          cwd=TREE, capture_output=True, text=True, timeout=280)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return os.path.join(where, 'bin')


class World:
    """What the programs try to reach."""

    def __init__(self, tern, maildir_file):
        self.open = os.path.join(tern.top, 'open')
        os.mkdir(self.open)
        os.chmod(self.open, 0o777)
        for name in ('there', 'theirs'):
            with open(os.path.join(self.open, name), 'w') as f:
                f.write('x')
        theirs = '/etc/passwd'
        if tern.root:
            theirs = os.path.join(self.open, 'theirs')
            os.chown(theirs, userslab.STRANGER, userslab.STRANGER)
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=1000)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f'\0tern-escape-{os.getpid()}')
        self.abstract.listen(1000)
        self.bystander = tern.popen('/bin/sleep', '1000')
        id = tern.queue()[0]
        directory = tern.path(f'queue/mess/{id % 64}')
        self.attempts = {name: '' for name in KILLED | REFUSED}
        self.attempts.update({
            'read-queue': f'{directory}/{id}', 'list-queue': directory, 'read-maildir': maildir_file,
            'read-file': tern.path(READ_FILE), 'read-etc': '/etc/passwd',
            'write-file': f'{self.open}/new', 'remove-file': f'{self.open}/there',
            'connect-out': str(self.listener.getsockname()[1]),
            'abstract-socket': f'tern-escape-{os.getpid()}', 'exec': '/bin/true',
            'signal': str(self.bystander.pid), 'chroot': self.open, 'chown': theirs})
        # To remove the file comes last: others want to find it.
        order = sorted(self.attempts, key=lambda name: (name == 'remove-file', name))
        tern.write('selftest', ''.join(f'{name} {self.attempts[name]}\n' for name in order))

    def __enter__(self):
        return self

    def __exit__(self, *rest):
        self.bystander.kill()
        self.bystander.wait()
        self.listener.close()
        self.abstract.close()


def exercise(tern, sink):
    """Makes each program work once, before and with the self-test."""
    count = len(sink.messages)
    tern.send_smtp('ann@tern.test', ['box@tern.test', 'a@relay.test', '550.a@relay.test'],
                   b'Subject: x\r\n\r\nhello\r\n')
    sink.wait(count + 1)
    tern.wait_maildir('alias/box')
    tern.wait_maildir('alias/ann')


def results(tern):
    """{(program, part): {attempt: what came of it}}"""
    found = {}
    pattern = re.compile(r'^(tern-\w+): selftest: uid (\d+) may (\d+): ([\w-]+): (.*)$')
    for service in ('queue', 'smtpd', 'send'):
        for match in filter(None, map(pattern.match, tern.log(service))):
            program, uid, may, attempt, result = match.groups()
            part = ''
            if program in ('tern-smtpd', 'tern-queue'):
                part = 'parent' if int(may) & RUN else 'worker'
            if program == 'tern-lspawn':
                part = 'lookup' if int(may) == RUN else 'root'
            found.setdefault((program, part), {}).setdefault(attempt, set()).add(result)
    return found


def wait_results(tern, wanted):
    def all_there():
        found = results(tern)
        return found if all(set(found.get(w, ())) >= KILLED | REFUSED for w in wanted) else None
    return ternlab.wait_until(all_there, 'all to have tried all')


def judge_confined(found, where):
    for program, part, reaches in CONFINED:
        said = found[program, part]
        wrong = {a: said[a] for a in KILLED if said[a] != {'killed by 31'}}
        lab.equal(wrong, {}, f'{where}: {program} {part}: dies of what would be an escape')
        wrong = {a: said[a] for a in REFUSED - reaches
                 if 'reached' in said[a] or any('killed' in s for s in said[a])}
        lab.equal(wrong, {}, f'{where}: {program} {part}: is refused what is not its work')
        lab.equal({a for a in REFUSED if 'reached' in said[a]}, reaches,
                  f'{where}: {program} {part}: reaches {", ".join(sorted(reaches)) or "nothing"}')


def judge_runners(found, where, own_users):
    """With one user for all, what keeps them from files is only that nobody makes them try."""
    for program, part, reaches in RUNNERS:
        said = found[program, part]
        never = POWERLESS | (STRANGERS_FILES if own_users else set())
        if not own_users:
            reaches = set()
        lab.equal({a for a in never if 'reached' in said[a]}, reaches,
                  f'{where}: {program} {part}: has no power of root'
                  f'{", and not the files of others" if own_users else ""}')
    said = found['tern-rspawn', '']
    lab.equal([said[a] for a in ('mount', 'bpf', 'handle')], [{'killed by 31'}] * 3,
              f'{where}: tern-rspawn, which runs others, dies of what none of them needs')
    reached = {a for a in REFUSED | KILLED if 'reached' in said[a]}
    lab.ok(reached >= {'exec', 'fork', 'read-etc', 'write-file', 'connect-out', 'abstract-socket',
                       'new-code'},
           f'{where}: without a list of calls the attempts succeed, so they prove something')


def stranger_file(tern):
    """A letter in a mailbox of someone else; as one user, one of our own."""
    folder = os.path.join(tern.top, 'stranger')
    os.makedirs(os.path.join(folder, 'Maildir', 'new'))
    path = os.path.join(folder, 'Maildir', 'new', 'letter')
    with open(path, 'w') as f:
        f.write('secret')
    for p, mode in ((path, 0o600), (folder, 0o700)):
        os.chmod(p, mode)
    if tern.root:
        for p in (path, folder, f'{folder}/Maildir', f'{folder}/Maildir/new'):
            os.chown(p, userslab.STRANGER, userslab.STRANGER)
    return path


def run(programs, where, own_users):
    with ternlab.Sink() as sink, ternlab.Instance(programs=programs) as tern:
        tern.control('smtproutes', f':127.0.0.1:{sink.port}')
        tern.control('retry', ':0:1h')
        for box in ('box', 'ann'):
            tern.alias(box, f'./{box}/')
        if own_users:
            userslab.give_owners(tern)
        tern.up()
        tern.send_smtp('ann@tern.test', ['451.a@relay.test'], b'Subject: later\r\n\r\nx\r\n')
        ternlab.wait_until(lambda: tern.queue('hist'), 'one message to stay')
        tern.down()
        with World(tern, stranger_file(tern)):
            tern.up()
            exercise(tern, sink)
            found = wait_results(tern, [(program, part) for program, part, _ in CONFINED + RUNNERS])
            judge_confined(found, where)
            judge_runners(found, where, own_users)
            for service, program in (('smtpd', 'tern-smtpd'), ('send', 'tern-remote')):
                lab.ok(tern.log_matches(f'^{program}: warning: confinement: system call 9999 '
                                        r'\(unknown\) was refused', service),
                       f'{where}: a call that {program} does not know of is said in the log')
            tern.down()


programs = build()
run(programs, 'one user', False)
if os.geteuid() == 0:
    run(programs, 'many users', True)
else:
    lab.skip('an instance of many users', 'only root can make one')
lab.end()
