#!/usr/bin/python3
"""guarantees.py: not a test but a tool. Writes the figures of test runs into the RESULTS of
man/tern-guarantees.7: for each file (build/results.txt of a run; the first line says which) its
tables, in the order of the arguments.

    ./tests/run long && python3 tests/tools/guarantees.py build/results.txt
"""
import collections
import os
import re
import sys

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    'man', 'tern-guarantees.7')
METHODS = ('syscall', 'syscall-signals', 'malloc', 'limits', 'short-io', 'power-cut', 'trace',
           'dying-disk', 'full-disk', 'damage', 'lies', 'lies-peers', 'protocol')
CONTROL = '-without-fsync-of-'


def parse(path):
    """Its first line; by method and subject the sums of the numbers; the other lines."""
    with open(path) as f:
        head, *lines = f.read().splitlines()
    sums, others = collections.defaultdict(collections.Counter), []
    for line in lines:
        match = re.match(r'(\S+) (.+?) points (\d+)(.*)', line)
        if not match:
            others.append(line.split())
            continue
        method, subject, points, rest = match.groups()
        sums[method, subject]['points'] += int(points)
        for name, number in re.findall(r'(\w+) (\d+)', rest):
            sums[method, subject][name] += int(number)
    return head, sums, others


def table(names, rows):
    """Rows of as many words as there are columns."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(names, *rows)]
    yield '.Bl -column ' + ' '.join(f'"{"x" * width}"' for width in widths)
    yield '.It ' + ' Ta '.join(f'Sy {name}' for name in names)
    for row in rows:
        yield '.It ' + ' Ta '.join(row)
    yield '.El'


def numbers_of(sums):
    return [str(sums[name]) if name in sums else '-' for name in ('points', 'images', 'violations')]


def sentence(words):
    """What a line that is no row of the table says; None for what is told elsewhere."""
    if words[0] == 'soak':
        n = dict(zip(words[2::2], words[3::2]))
        yield '.It soak'
        yield (f'{words[1]} seconds: {n["messages"]} messages acknowledged, {n["kills"]} processes '
               f'killed, all of them {n["restarts"]} times; {n["lost"]} recipients lost, '
               f'{n["duplicates"]} second copies, each with its reason.')
    elif words[0] == 'restart':
        yield '.It restart'
        yield (f'{words[3]} messages that wait, and one that is due: it is delivered {words[5]} '
               f'milliseconds after the start, for {words[7]} milliseconds of processor.')


def section(path):
    head, sums, others = parse(path)
    plain, controls = [], []
    for (method, subject), numbers in sorted(
            (item for item in sums.items() if item[0][0] in METHODS),
            key=lambda item: (METHODS.index(item[0][0]), item[0][1])):
        subject, _, left_out = subject.partition(CONTROL)
        row = [method, subject.replace(' ', ', ')]
        if left_out:
            controls.append([*row, left_out, *numbers_of(numbers)])
        else:
            plain.append([*row, *numbers_of(numbers)])
    yield f'.Ss {head}'
    yield from table(['method', 'of', 'points', 'images', 'violations'], plain)
    fuzzers = [int(words[-1]) for words in others if words[0] == 'fuzz']
    mutants = sums.get(('negative-control', 'all'))
    lines = [line for words in others for line in sentence(words)]
    if fuzzers:
        lines += ['.It fuzz', f'{len(fuzzers)} fuzzers, {sum(fuzzers)} runs, nothing found.']
    if mutants:
        lines += ['.It negative controls', f'{mutants["points"]} programs that are wrong on '
                  f'purpose: {mutants["points"] - mutants["violations"]} of them found.']
    if lines:
        yield from ('.Bl -tag -width Ds', *lines, '.El')
    if controls:
        yield '.Pp'
        yield 'With one fsync left out, where violations have to be found:'
        yield from table(['method', 'of', 'left out', 'points', 'images', 'violations'], controls)


def main():
    with open(PAGE) as f:
        page = f.read()
    before, rest = page.split('.\\" Figures, by tests/tools/guarantees.py:\n')
    after = '.Sh SEE ALSO' + rest.split('.Sh SEE ALSO', 1)[1]
    with open(PAGE, 'w') as f:
        f.write(before + '.\\" Figures, by tests/tools/guarantees.py:\n')
        for path in sys.argv[1:]:
            f.writelines(line + '\n' for line in section(path))
        f.write(after)


main()
