#!/usr/bin/python3
"""The manual is whole: every program and every setting that the source reads has its
place, and no page refers to one of ours that is not there."""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ternlab

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOREIGN = re.compile(r's6-|sh$|fail2ban|grep|tcp|fcntl|flock|sysexits|setlocale|chroot|landlock|seccomp|resolv|stat|strace|valgrind')


def read(path):
    with open(path) as f:
        return f.read()


lab = ternlab.Tap()
os.chdir(TOP)
pages = {os.path.basename(p): read(p) for p in glob.glob('man/*.[1-9]')}
documented = set()
for line in re.findall(r'^\.It Pa (.*)$', pages['tern-control.5'], re.M):
    documented |= set(re.sub(r'\\&', '', line).replace(',', ' ').split())

# All words in quotes on lines that load a setting.
reads = r'(?:control_(?:list|value|number|duration)_read|domainmap_load\w*|workers_setting|name_load|address_read|\w*rules_load|access_load_addresses)\('
settings = {}
for path in glob.glob('src/*/*.c'):
    if path.startswith(('src/lib/', 'src/policy/domainmap')):
        continue
    for call in re.findall(reads + r'([^;{]*)', read(path)):
        for name in set(re.findall(r'"([a-z]+)"', call)) - {'postmaster'}:  # a default
            settings[name] = path
sources = ''.join(map(read, glob.glob('src/*/*.c')))
for name in sorted(set(settings) | set(os.listdir('control'))):
    lab.ok(name in documented, f'{name} ({settings.get(name, "control/")}) is in tern-control(5)')
for name in sorted(documented - {'/var/tern/control'}):
    lab.ok(f'"{name}"' in sources, f'{name}, of tern-control(5), is read by a program')
for folder in sorted(os.path.basename(os.path.dirname(p)) for p in glob.glob('src/*/main.c')):
    name = 'tern' if folder == 'tern' else f'tern-{folder}'
    lab.ok(f'{name}.8' in pages or f'{name}.1' in pages, f'{name} has a page')
for page, text in sorted(pages.items()):
    wanted = {f'{name}.{section}' for name, section in re.findall(r'\.?\bXr (\S+) (\d)', text)
              if not FOREIGN.match(name)}
    lab.equal(sorted(wanted - set(pages)), [], f'{page} refers to pages that are there')

# Help is there for each command, and each option of the queue's tools is in their page.
def help_of(*words):
    return subprocess.run([os.path.join(ternlab.BIN, 'tern'), *words], capture_output=True, text=True, timeout=ternlab.PATIENCE)


for words, known in ((('help',), r'^tern (\w+) '), (('queue', '--help'), r'^tern queue (\w+) ')):
    shown = help_of(*words)
    for name in sorted(set(re.findall(known, shown.stdout, re.M))):
        command = [*words[:-1], name]
        done = help_of(*command, '--help')
        lab.ok(shown.returncode == done.returncode == 0 and done.stdout.startswith(f'tern {" ".join(command)} ') and not done.stderr,
               f'tern {" ".join(command)} --help')
for option in re.findall(r'\{"--([a-z-]+)",', read('src/tern/queueoptions.c')):
    lab.ok(re.search(rf'\bFl -{option}\b', pages['tern-queuetools.8']), f'--{option} is in tern-queuetools(8)')
lab.end()
