"""What the benchmark needs before it can begin: packages of the peers, programs of ours."""
import glob
import os
import platform
import subprocess
import sys

from systems import SYSTEMS

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
HOME = '/var/tern'  # where tern lives in its room


def fatal(what):
    sys.exit(f'bench: fatal: {what}')


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          **more).stdout.strip()


def unpack(cache, package):
    """Fetches a package of Debian and unpacks it below the cache, if it is not there."""
    place = f'{cache}/peers/{package}'
    if os.path.isdir(place):
        return place
    debs = f'{cache}/deb'
    os.makedirs(debs, exist_ok=True)
    os.chmod(debs, 0o777)
    for attempt in 'once', 'after an update':
        if subprocess.run(['apt-get', '-qq', 'download', package], cwd=debs,
                          stderr=subprocess.DEVNULL).returncode == 0:
            break
        subprocess.run(['apt-get', '-qq', 'update'], stdout=subprocess.DEVNULL)
    deb = glob.glob(f'{debs}/{package}_*.deb')
    if not deb:
        fatal(f'apt-get download {package} fails')
    os.makedirs(place + '.new', exist_ok=True)
    subprocess.run(['dpkg', '-x', deb[0], place + '.new'], check=True)
    with open(f'{place}.new/version', 'w') as f:
        f.write(output('dpkg-deb', '-f', deb[0], 'Version'))
    os.rename(place + '.new', place)
    return place


def libraries(cache, package):
    """Unpacks the libraries that the programs of a package miss on this machine."""
    place = unpack(cache, package)
    more = []
    programs = output('find', place, '-type', 'f', '-perm', '-u+x').split()
    path = ':'.join(glob.glob(f'{place}/usr/lib/*/') + glob.glob(f'{place}/usr/lib/postfix'))
    missing = [line for p in programs for line in
               output('ldd', p, env=dict(os.environ, LD_LIBRARY_PATH=path)).split('\n')
               if 'not found' in line]
    if missing:
        depends = output('dpkg-deb', '-f', glob.glob(f'{cache}/deb/{package}_*.deb')[0], 'Depends')
        for name in depends.split(','):
            name = name.split()[0].split(':')[0]
            if name.startswith('lib') and not output('dpkg-query', '-W', '-f', '${Version}', name):
                more.append(unpack(cache, name))
    return [place] + more


def build(cache, tree):
    """Builds tern as make does for everyone, and the tools; returns their folders."""
    target = f'{cache}/build'
    tools = [f'{target}/tests/bench/{name}' for name in ('source', 'sink', 'makequeue')]
    command = ['make', '-s', f'-j{os.cpu_count()}', f'B={target}', f'HOME_LINE={HOME}', 'all'] + tools
    if subprocess.run(command, cwd=tree, stdout=sys.stderr).returncode:
        fatal('the build fails: ' + ' '.join(command))
    shim = ['cc', '-O2', '-shared', '-fPIC', '-o', f'{target}/tests/bench/backlog.so',
            f'{HERE}/shim/backlog.c']
    if subprocess.run(shim).returncode:
        fatal('the build fails: ' + ' '.join(shim))
    return target, f'{target}/tests/bench'


def prepare(cache, systems, tree, notqmail=None):
    """Returns what each room is told (room.furnish)."""
    if os.geteuid():
        fatal('needs root, for rooms with mounts and networks of their own')
    subprocess.run(['sh', f'{TOP}/tests/packages.sh', 'build', 'demo'], check=True)
    tern, tools = build(cache, tree)
    packages = {name: [f'{p}/usr' for package in SYSTEMS[name].packages
                       for p in libraries(cache, package)] for name in systems}
    postfix = unpack(cache, 'postfix')  # smtp-source and smtp-sink
    if notqmail and not os.path.exists(f'{notqmail}/qmail-start'):
        fatal(f'{notqmail}: no qmail-start in it; build notqmail there first')
    return {'tern': tern, 'tools': tools, 'postfix': postfix, 'packages': packages,
            'notqmail': notqmail and os.path.abspath(notqmail)}


def versions(cache, systems, tree, notqmail):
    found = {}
    for name in systems:
        if name == 'tern':
            commit = output('git', '-C', tree, 'log', '-1', '--format=%h')
            changed = output('git', '-C', tree, 'status', '--porcelain', '--', 'src')
            found[name] = commit + (' and changes' if changed else '')
        elif name == 'notqmail':
            found[name] = output('head', '-n', '1', f'{notqmail}/VERSION.md').split(' ')[-1]
        else:
            with open(f'{cache}/peers/{SYSTEMS[name].packages[0]}/version') as f:
                found[name] = f.read()
    return found


def disk(cache):
    """The file system that is measured, how it is mounted, and whether it has a journal."""
    kind, device, options = output('findmnt', '-n', '-r', '-o', 'FSTYPE,SOURCE,OPTIONS', '-T',
                                   cache).split()[:3]
    journal = ''
    if kind == 'ext4':
        found = glob.glob(f'/proc/fs/jbd2/{os.path.basename(device)}-*')
        journal = ' with a journal' if found else ' without a journal'
    return f'{kind}{journal} ({options})'


def machine(cache):
    """What the figures depend on."""
    cpu = 'unknown'
    with open('/proc/cpuinfo') as f:
        for line in f:
            if line.startswith('model name'):
                cpu = line.partition(':')[2].strip()
                break
    with open('/proc/meminfo') as f:
        memory = int(f.readline().split()[1]) // 1024
    with open('/etc/os-release') as f:
        release = dict(line.strip().split('=', 1) for line in f if '=' in line)
    return {'cpu': f'{os.cpu_count()} x {cpu}', 'memory': f'{memory} MB',
            'kernel': platform.release(),
            'system': release.get('PRETTY_NAME', 'unknown').strip('"') + ' ' +
                      output('cat', '/etc/debian_version'),
            'disk': disk(cache),
            'compiler': output('head', '-n', '1', f'{TOP}/conf-cc') + ', ' +
                        output('cc', '--version').split('\n')[0]}
