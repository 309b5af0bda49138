"""A room of its own for one system: mounts, network, processes.

The room's /usr is the machine's with the system's packages over it; /etc,
/run and /dev are its own, in memory; /var and /home are folders on the disk
that is measured. Its network is a loopback with 10.99.0.0/16 besides (hosts
that answer) and 10.98.0.0/16 (hosts that are dead). All of it ends with the
first process of the room, whatever happens.
"""
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 1, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1

HOST = 'bench.test'
LOCAL_USERS = 100
USERS = {  # the same in each room; nobody of these needs an account outside
    'root': 0, 'daemon': 1, 'bin': 2, 'sys': 3, 'mail': 8, 'nobody': 65534,
    'postfix': 301, 'postdrop': 302, 'Debian-exim': 303, 'opensmtpd': 304, 'opensmtpq': 305,
    'ternd': 311, 'ternq': 312, 'terns': 313, 'ternr': 314, 'ternb': 315, 'ternp': 316,
    'ternl': 317, 'terna': 318, 'alias': 321, 'qmaild': 322, 'qmaill': 323, 'qmailp': 324,
    'qmailq': 325, 'qmailr': 326, 'qmails': 327}
GROUPS = {'tern': 310, 'qmail': 328, 'nofiles': 329, 'adm': 4, 'tty': 5, 'nogroup': 65534}
FIRST_LOCAL_UID = 1000


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), what)


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda s: None if s is None else s.encode()
    os.makedirs(target, exist_ok=True)
    check(LIBC.mount(encode(source), encode(target), encode(kind), flags, encode(data)),
          f'mount {source} on {target}')


def bind(source, target):
    mount(source, target, None, MS_BIND | MS_REC)


def write(path, text, mode=0o644, uid=0, gid=0):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)
    os.chmod(path, mode)
    os.chown(path, uid, gid)


def folder(path, mode=0o755, uid=0, gid=0):
    os.makedirs(path, exist_ok=True)
    os.chmod(path, mode)
    os.chown(path, uid, gid)


def etc(top):
    """The accounts, names and hosts of the room."""
    passwd = [f'{n}:x:{i}:{i}::/nonexistent:/usr/sbin/nologin' for n, i in USERS.items()]
    passwd += [f'u{i}:x:{FIRST_LOCAL_UID + i}:{FIRST_LOCAL_UID + i}::/home/u{i}:/bin/sh'
               for i in range(LOCAL_USERS)]
    group = [f'{n}:x:{i}:' for n, i in list(USERS.items()) + list(GROUPS.items())]
    group += [f'u{i}:x:{FIRST_LOCAL_UID + i}:' for i in range(LOCAL_USERS)]
    write(f'{top}/passwd', '\n'.join(passwd) + '\n')
    write(f'{top}/group', '\n'.join(group) + '\n')
    write(f'{top}/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
    write(f'{top}/hosts', f'127.0.0.1 localhost {HOST}\n')
    write(f'{top}/resolv.conf', 'nameserver 127.0.0.1\n')
    write(f'{top}/mailname', HOST + '\n')
    write(f'{top}/services', 'smtp 25/tcp\n')
    write(f'{top}/aliases', '')
    for name in 'ld.so.cache', 'localtime', 'ld.so.conf':
        if os.path.exists(f'/etc/{name}'):
            shutil.copy(f'/etc/{name}', f'{top}/{name}')
    if os.path.isdir('/etc/alternatives'):
        shutil.copytree('/etc/alternatives', f'{top}/alternatives', symlinks=True)


def network():
    """Loopback, the hosts that answer, and those that do not."""
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['ip', 'address', 'add', '10.97.0.1/32', 'dev', 'lo'], check=True)
    subprocess.run(['ip', 'route', 'add', 'local', '10.99.0.0/16', 'dev', 'lo'], check=True)
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'dead0', 0x1001))  # TUNSETIFF
    subprocess.run(['ip', 'link', 'set', 'dead0', 'up'], check=True)
    subprocess.run(['ip', 'route', 'add', '10.98.0.0/16', 'dev', 'dead0', 'src', '10.97.0.1'],
                   check=True)
    return fd


def furnish(spec, top):
    """Mounts all that the room consists of below top."""
    check(LIBC.mount(None, b'/', None, MS_REC | MS_PRIVATE, None), 'private mounts')
    mount('room', top, 'tmpfs', 0, 'mode=755')
    for name in 'bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32':
        if os.path.islink(f'/{name}'):
            os.symlink(f'usr/{name}', f'{top}/{name}')
        elif os.path.isdir(f'/{name}'):
            bind(f'/{name}', f'{top}/{name}')
    lower = [p for p in spec['packages'] if os.path.isdir(p)] + ['/usr']
    if len(lower) == 1:
        bind('/usr', f'{top}/usr')
    else:
        mount('usr', f'{top}/usr', 'overlay', MS_RDONLY, 'lowerdir=' + ':'.join(lower))
    for name in 'var', 'home':
        folder(f"{spec['disk']}/{name}")
        bind(f"{spec['disk']}/{name}", f'{top}/{name}')
    for name in 'spool', 'log', 'lib', 'mail', 'tmp':
        folder(f'{top}/var/{name}')
    os.makedirs(f'{top}/etc')
    etc(f'{top}/etc')
    os.makedirs(f'{top}/run')
    if not os.path.islink(f'{top}/var/run'):
        os.symlink('/run', f'{top}/var/run')
    folder(f'{top}/tmp', 0o1777)
    folder(f'{top}/root', 0o700)
    mount('proc', f'{top}/proc', 'proc')
    bind('/sys', f'{top}/sys')
    for name in 'null', 'zero', 'full', 'random', 'urandom', 'tty', 'net/tun':
        os.makedirs(os.path.dirname(f'{top}/dev/{name}'), exist_ok=True)
        open(f'{top}/dev/{name}', 'w').close()
        check(LIBC.mount(f'/dev/{name}'.encode(), f'{top}/dev/{name}'.encode(), None, MS_BIND,
                         None), f'/dev/{name}')
    os.symlink('/proc/self/fd', f'{top}/dev/fd')
    folder(f'{top}/dev/shm', 0o1777)
    for name in 'tools', 'postfix', 'tern', 'notqmail':
        if spec.get(name):
            bind(spec[name], f'{top}/{name}')
    bind(os.path.dirname(os.path.abspath(__file__)), f'{top}/bench')


def enter(spec, work):
    """Becomes the room's second process and calls work there; the first only waits. Returns
    the exit code to the process that came in, when all of the room is gone."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    check(LIBC.unshare(NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET), 'unshare')
    socket.sethostname(HOST)
    top = f"{spec['disk']}/room"
    os.makedirs(top, exist_ok=True)
    first = os.fork()
    if first:
        return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    worker = os.fork()
    if worker:
        while True:
            pid, status = os.wait()
            if pid == worker:
                os._exit(os.waitstatus_to_exitcode(status) & 0xff)
    code = 1
    try:
        furnish(spec, top)
        os.chroot(top)
        os.chdir('/')
        os.umask(0o022)
        os.environ.clear()
        os.environ.update(PATH='/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL='C')
        spec['tun'] = network()
        work(spec)
        code = 0
    except BaseException:
        import traceback
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
