#!/usr/bin/python3
"""tern-queue when its disk has too little room: it takes no mail but bounces, says so before a
message comes, and takes mail again once there is room."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import queuelab
import ternlab
from queuelab import frame

lab = ternlab.Tap()
MESSAGE = b'Subject: x\n\nhello\n'
ENVELOPE = b'Fa@b.example\0Tc@d.example\0\0'
NETWORK = b'vnetwork\0hmx.example\0a192.0.2.1\0wESMTP\0'
DISK = (53, 'too little of the disk is free, see control/diskfloor')
INODES = (53, 'too few inodes are free, see control/inodefloor')
MOST = 18014398509481983  # KiB: more than any disk has


def configure(home, **settings):
    for name, value in settings.items():
        with open(home.file('control/' + name), 'w') as f:
            f.write(f'{value}\n')


def ask(client):
    client.send(frame(b'R', b''))
    return client.answer()


def is_room(answer, least=1):
    return answer is not None and answer[0] == 0 and int(answer[1]) >= least


def floors():
    """Each floor, as a service and as a command; 0 is none."""
    for settings, want in (({'diskfloor': MOST}, DISK), ({'inodefloor': MOST}, INODES),
                           ({'diskfloor': MOST, 'inodefloor': MOST}, INODES),
                           ({'diskfloor': 0, 'inodefloor': 0}, None),
                           ({'diskfloor': 1, 'inodefloor': 1}, None)):
        with queuelab.Home() as home:
            configure(home, **settings)
            with queuelab.Service(home) as service, service.connect() as client:
                room = ask(client)
                if want is None:
                    lab.ok(is_room(room), f'{settings}: there is room')
                else:
                    lab.equal(room, want, f'{settings}: there is none')
                for origin in (None, NETWORK):
                    answer = client.submit(MESSAGE, ENVELOPE, origin=origin)
                    lab.ok(answer[0] == 0 if want is None else answer == want, '... for a message')
                lab.equal(client.submit(MESSAGE, ENVELOPE, origin=b'vbounce\0')[0], 0,
                          '... but for a bounce')
                lab.equal(len(home.names()), 3 if want is None else 1, '... and no other is there')
                lab.ok(ask(client) is not None, '... and the connection goes on')
            home.clear()
            code, _, error = home.command(MESSAGE, ENVELOPE)
            if want is None:
                lab.equal((code, len(home.names())), (0, 1), '... nor for the command')
            else:
                lab.ok((code, home.names()) == (53, []) and want[1] in error, '... for the command')


def garbage():
    """A question that is none ends the connection."""
    with queuelab.Home() as home, queuelab.Service(home) as service:
        for bytes_sent, name in ((frame(b'R', b'x'), 'with bytes'),
                                 (frame(b'O', NETWORK) + frame(b'R', b''), 'after an origin'),
                                 (frame(b'M', MESSAGE) + frame(b'R', b''), 'within a message'),
                                 (frame(b'E', ENVELOPE[:5]) + frame(b'R', b''),
                                  'within an envelope')):
            with service.connect() as client:
                client.send(bytes_sent)
                lab.equal(client.answer(), None, f'a question {name} ends the connection')
        with service.connect() as client:
            lab.ok(is_room(ask(client)), '... and the next one is served')


def wrong():
    """A wrong value stops the start."""
    for name, value in (('diskfloor', 'x'), ('diskfloor', MOST + 1), ('inodefloor', -1)):
        with queuelab.Home() as home:
            configure(home, **{name: value})
            with queuelab.Service(home) as service:
                lab.equal((service.ready, service.child.wait(ternlab.PATIENCE)), (False, 100),
                          f'{name} {value} stops the service')
            lab.equal(home.command(MESSAGE, ENVELOPE)[0], 55, '... and the command')


def comes(client, condition, name):
    """The service looks at its disk again and again."""
    ternlab.wait_until(lambda: condition(ask(client)), name)
    lab.ok(True, name)


def small_disk():
    """A file system that runs full, and is emptied, under a service."""
    disk = tempfile.mkdtemp(prefix='tern-disk.')
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m,nr_inodes=1000,mode=755',
                           'tern-test', disk], capture_output=True)
    if done.returncode != 0:
        os.rmdir(disk)
        lab.skip('a small disk', 'needs root and mount')
        return
    try:
        with queuelab.Home(disk) as home:
            filler = home.file('filler')
            configure(home, diskfloor=1024, inodefloor=100)
            with queuelab.Service(home) as service, service.connect() as client:
                lab.ok(is_room(ask(client), 6 << 20), 'an empty disk has room')
                lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 0, '... for a message')
                with open(filler, 'wb') as f:
                    f.write(bytes(7 << 20))
                comes(client, lambda room: room == DISK, 'nearly full it has none')
                lab.equal(client.submit(MESSAGE, ENVELOPE), DISK, '... for a message')
                os.unlink(filler)
                fill_inodes(home)
                comes(client, lambda room: room == INODES, 'nor with few inodes')
                shutil.rmtree(filler)
                comes(client, is_room, 'with room again it says so')
                lab.equal(client.submit(MESSAGE, ENVELOPE)[0], 0, '... and takes a message')
            os.chdir('/')
    finally:
        os.chdir('/')
        subprocess.run(['umount', disk], check=True)
        os.rmdir(disk)


def fill_inodes(home):
    os.mkdir(home.file('filler'))
    while os.statvfs(home.path).f_ffree > 50:
        open(home.file(f'filler/{len(os.listdir(home.file("filler")))}'), 'w').close()


floors()
garbage()
wrong()
small_disk()
lab.end()
