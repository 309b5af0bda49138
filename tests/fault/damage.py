#!/usr/bin/python3
"""Files of the queue that are cut, changed, exchanged or no files at all, under a running
tern-send: nothing goes to a wrong address, nothing is lost in silence, and the rest goes on."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import faultlab
import sendlab
import spoollab
import ternlab

lab = ternlab.Tap()
SECONDS = 60
GOOD = b'good@here.test'
TEXT = b'From: s@from.test\nSubject: damage\n\nsome text\n'
FLIPS = range(8) if faultlab.LONG else (0, 5)


def variants(data):
    """Cut at each length, and each byte with a bit flipped: name and content."""
    for length in range(len(data)):
        yield f'cut {length}', data[:length]
    for at in range(len(data)):
        for bit in FLIPS:
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            yield f'flip {at}.{bit}', bytes(changed)


def run(world, ids, settled):
    """Lets tern-send work until all is settled and a later message has come. Returns its log
    and what is wrong."""
    with world.send() as send:
        send.run(lambda: send.is_ready and settled(), SECONDS)
        send.run(send.quiet(0.3), SECONDS)
        late = world.put('late', TEXT, b's@from.test', [GOOD])
        world.trigger(late)
        came = send.run(lambda: world.delivered[late, GOOD], SECONDS)
        before = os.times()
        with open(f'/proc/{send.child.pid}/stat') as f:
            spent = int(f.read().rpartition(')')[2].split()[11])
        send.run(seconds=0.5)
        with open(f'/proc/{send.child.pid}/stat') as f:
            spent = int(f.read().rpartition(')')[2].split()[11]) - spent
        send.signal(signal.SIGTERM)
        send.run(lambda: send.code is not None, SECONDS)
    trouble = None
    if not came:
        trouble = 'a later message does not come through'
    elif send.code != 0:
        trouble = f'ended with {send.code}'
    elif spent > 10:
        trouble = f'{spent} ticks of processor with nothing to do'
    return send.log.decode('latin-1'), trouble


def entries():
    """Each entry is broken: set aside and named in the log, or one whose arrival broke off."""
    whole = spoollab.entry(TEXT, b's@from.test', [b'first@here.test', b'second@r1.test'])
    with sendlab.World() as world:
        named, count = {}, 0
        for name, data in variants(whole):
            named[world.put(name, TEXT, b's@from.test', [], data=data)] = name
        cut = [id for id, name in named.items() if name.startswith('cut')]
        flipped = [id for id in named if id not in set(cut)]
        log, trouble = run(world, named, lambda: set(flipped) <= set(
            map(int, os.listdir(world.file('queue/bad')))))
        lab.equal(trouble, None, f'{len(named)} damaged entries: tern-send goes on')
        aside = set(map(int, os.listdir(world.file('queue/bad'))))
        wrong = [named[id] for id in flipped if id not in aside]
        lab.equal(wrong, [], f'all {len(flipped)} with a bit changed are set aside')
        quiet = [named[id] for id in aside if f'msg {id}: broken entry' not in log]
        lab.equal(quiet, [], 'what is set aside is in the log')
        lost = [named[id] for id in named if id not in aside and not os.path.exists(world.mess(id))]
        lab.equal(lost, [], f'all {len(cut)} that are cut are still there')
        extra = [pair for pair, got in world.delivered.items() if got and pair[1] != GOOD]
        lab.equal(extra, [], 'nothing of them goes anywhere')
        faultlab.result('damage', 'entry', len(named), len(wrong) + len(lost) + len(extra))


def broken_arrivals():
    """Cut entries of two days ago: removed with a word; where something was tried before, it
    was a message, and is set aside."""
    whole = spoollab.entry(TEXT, b's@from.test', [b'first@here.test'])
    then = time.time() - 2 * 86400
    with sendlab.World() as world:
        remnant = world.put('remnant', TEXT, b'', [], data=whole[:50])
        known = world.put('known', TEXT, b'', [], data=whole[:50],
                          history=spoollab.event(b'deferred', b'0', next=1))
        fresh = world.put('fresh', TEXT, b'', [], data=whole[:50])
        for id in remnant, known:
            os.utime(world.mess(id), (then, then))
        log, trouble = run(world, [], lambda: not os.path.exists(world.mess(remnant)))
        lab.equal(trouble, None, 'arrivals that broke off: tern-send goes on')
        lab.equal(f'msg {remnant}: what is left of an arrival' in log, True, 'an old one is named')
        lab.equal([os.path.exists(world.mess(id)) for id in (remnant, fresh)], [False, True],
                  '... and removed; a new one stays')
        bad = [name for name in os.listdir(world.file('queue/bad')) if name.isdigit()]
        lab.equal(bad, [str(known)], 'one that was tried before is set aside')


def histories():
    """Damaged lines count as not written: at worst a second copy, never a lost recipient."""
    people = [b'first@here.test', b'never2@r1.test', b'later0third@r1.test', b'fourth@r2.test']
    now = int(time.time())
    history = spoollab.event(b'deferred', b'0-3', b'not yet', next=now - 50, time=now - 99) + \
        spoollab.event(b'delivered', b'0', b'ok', b'mx.test', b'127.0.0.1') + \
        spoollab.event(b'failed', b'1', b'no') + spoollab.event(b'bounced', b'1') + \
        spoollab.event(b'deferred', b'2', b'not yet', next=now - 5)
    with sendlab.World() as world:
        named = {}
        for name, data in variants(history):
            id = world.put(name, TEXT, b's@from.test', people, history=data, due=now - 5)
            named[id] = name
            world.delivered[id, people[0]].append(sendlab.digest(TEXT))  # in its earlier life
            world.bounced[id, people[1]] += 1
        _, trouble = run(world, named, world.all_settled)
        lab.equal(trouble, None, f'{len(named)} damaged histories: tern-send goes on')
        lab.equal(sendlab.recover(world) or world.violations(), None,
                  'all are delivered or bounced, at most once more than before')
        faultlab.result('damage', 'history', len(named), int(bool(world.violations())))


def exchanged():
    """Entries under each other's name, one under two names, a history of someone else."""
    with sendlab.World() as world:
        a = world.put('a', TEXT + b'a\n', b's@from.test', [b'a@here.test'])
        b = world.put('b', TEXT + b'b\n', b's@from.test', [b'b@here.test'])
        os.rename(world.mess(a), world.file('x'))
        os.rename(world.mess(b), world.mess(a))
        os.rename(world.file('x'), world.mess(b))
        c = world.put('c', TEXT + b'c\n', b's@from.test', [b'c@here.test'])
        os.link(world.mess(c), world.mess(world.new_id()))
        _, trouble = run(world, [], world.is_empty)
        lab.equal(trouble, None, 'exchanged names: tern-send goes on')
        got = {}
        for (_, recipient), texts in world.delivered.items():
            if recipient != GOOD:
                got[recipient] = got.get(recipient, []) + texts
        lab.equal(got, {c + b'@here.test': [sendlab.digest(TEXT + c + b'\n')] * n
                        for c, n in ((b'a', 1), (b'b', 1), (b'c', 2))}, 'each goes where it says')


def foreign():
    """What is no message."""
    with sendlab.World() as world:
        things = {name: world.new_id() for name in
                  ('fifo', 'link', 'dangling', 'folder', 'socket', 'empty', 'sparse', 'sealed',
                   'unreadable', 'other')}
        at = {name: world.mess(id) for name, id in things.items()}
        whole = spoollab.entry(TEXT, b's@from.test', [b'first@here.test'])
        secret = world.file('secret')
        with open(secret, 'wb') as f:
            f.write(whole)
        os.mkfifo(at['fifo'])
        os.symlink(secret, at['link'])
        os.symlink('/nowhere', at['dangling'])
        os.mkdir(at['folder'])
        with socket.socket(socket.AF_UNIX) as s:
            folder = os.open(os.path.dirname(at['socket']), os.O_RDONLY)
            s.bind(f'/proc/self/fd/{folder}/{things["socket"]}')
            os.close(folder)
        for name in ('empty', 'sparse', 'sealed', 'unreadable', 'other'):
            open(at[name], 'wb').close()
        os.truncate(at['sparse'], 1 << 30)
        os.truncate(at['sealed'], 1 << 30)
        with open(at['sealed'], 'ab') as f:
            f.write(b'tern1 %016x %016x %08x\n' % ((1 << 30) - 100, 100, 1))
        os.truncate(at['unreadable'], 0)
        with open(at['unreadable'], 'wb') as f:
            f.write(whole)
        os.chmod(at['unreadable'], 0)
        with open(at['other'], 'wb') as f:
            f.write(whole)
        if os.geteuid() == 0:
            os.chown(at['other'], 12345, 12345)
        world.expected[things['other'], b'first@here.test'] = sendlab.digest(TEXT)
        for name in ('12x', '012', '-1', '99999999999999999999', 'x' * 200, '.hidden', '0'):
            open(os.path.join(os.path.dirname(at['fifo']), name), 'wb').close()
        for kind in ('fifo', 'folder'):  # as histories, of messages that are good
            id = world.put(f'hist {kind}', TEXT, b's@from.test', [b'h@here.test'])
            (os.mkfifo if kind == 'fifo' else os.mkdir)(world.mess(id, 'hist'))
        aside = {'fifo', 'link', 'dangling', 'folder', 'socket', 'sealed'}
        log, trouble = run(world, [], lambda: {str(things[n]) for n in aside} <= set(
            os.listdir(world.file('queue/bad'))))
        lab.equal(trouble, None, 'foreign objects: tern-send goes on')
        bad = set(os.listdir(world.file('queue/bad')))
        names = {name for name, id in things.items() if str(id) in bad}
        lab.equal(names, aside, 'what is no plain file, or sealed wrongly, is set aside')
        quiet = [n for n in aside if f'msg {things[n]}: broken entry' not in log]
        lab.equal(quiet, [], '... and named in the log')
        got = {pair[0] for pair, texts in world.delivered.items() if texts and pair[1] != GOOD}
        want = {things['other']}
        lab.equal(got - {things['unreadable']}, want,
                  'a sealed one is a message, whoever owns it; no other is')
        lab.ok(things['unreadable'] in got or f'msg {things["unreadable"]}: can not be read' in log,
               'one that may not be read waits, and is named in the log')
        for name in ('fifo', 'folder'):
            lab.equal(f'msg {world.ids["hist " + name]}: its history can not be read' in log, True,
                      f'a {name} in place of a history: later, and in the log')
        count = len(things) + 9
        faultlab.result('damage', 'foreign', count, len(names ^ aside))


def unreadable_folder():
    """A folder that can not be read is read again soon, not at the next scan."""
    with sendlab.World() as world:
        id = world.put('a', TEXT, b's@from.test', [GOOD])
        shard = os.path.dirname(world.mess(id))
        os.rename(shard, world.file('aside'))
        with world.send() as send:
            send.run(send.quiet(0.3), SECONDS)
            os.rename(world.file('aside'), shard)
            lab.ok(send.run(lambda: world.delivered[id, GOOD], 30),
                   'a folder that can not be read is read again soon')
            lab.ok(b'can not be read' in send.log, '... and named in the log')


def two_sends():
    with sendlab.World() as world, world.send() as first:
        first.run(first.quiet(0.1), SECONDS)
        with world.send() as second:
            second.run(lambda: second.code is not None, SECONDS)
        lab.equal(second.code, 111, 'a second tern-send on the same queue ends')
        lab.ok(f'process {first.child.pid}'.encode() in second.log, '... and names the first')
        id = world.put('a', TEXT, b's@from.test', [GOOD])
        world.trigger(id)
        lab.ok(first.run(lambda: world.delivered[id, GOOD], SECONDS), '... which goes on')


def copied():
    """cp -a of a queue is that queue."""
    now = int(time.time())
    with sendlab.World() as world, sendlab.World() as other:
        half = world.put('half', TEXT, b's@from.test', [b'done@r1.test', b'open@r1.test'],
                         history=spoollab.event(b'delivered', b'0') +
                         spoollab.event(b'deferred', b'1', next=now - 5), due=now - 5)
        world.put('new', TEXT, b's@from.test', [GOOD])
        os.system(f'rm -rf {other.path}/queue && cp -a {world.path}/queue {other.path}/queue')
        other.expected, other.next_id = world.expected, world.next_id
        other.delivered[half, b'done@r1.test'].append(sendlab.digest(TEXT))
        lab.equal(sendlab.recover(other) or other.violations(extra=0), None,
                  'a copied queue is delivered, and not what was done before')


entries()
broken_arrivals()
histories()
exchanged()
foreign()
unreadable_folder()
two_sends()
copied()
lab.end()
