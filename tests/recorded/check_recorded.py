#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short runs of everything against what the program gave before: every number of the results files, and what is printed.

    check_recorded.py VMC SHIM [NAME...]              compares
    check_recorded.py VMC SHIM 2/5                    compares the second of five shares
    check_recorded.py VMC SHIM --write [NAME...]      records anew, and says what has changed

SHIM is tests/faults/shim.c as a library: words NAME=VALUE before a command are its environment, and where they ask for faults, the shim is preloaded.

`recorded.txt` beside this file does not say what is right, which is for other tests; it says that nothing has changed
unnoticed: a bound, a constant, a rule, one draw more. A results file depends on its configuration alone
(docs/architecture.md, section 5), but BLAS rounds differently on different processors: numbers are compared to
TOLERANCE. Who changes results on purpose looks at the differences, each of which has to be wanted, and records anew.
"""
import csv
import itertools
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy

from runs import CHECKPOINTS, RUNS

HERE = Path(__file__).resolve().parent
RECORD = HERE / 'recorded.txt'
TOLERANCE = 1e-5
# of a file: when and where a run was, and what it took
ANEW = re.compile(r'provenance|(^|/)(created|modified|digest|version|\w*cpu_time|wall_time|\w*seconds|begun|instruction_set)$|'
                  r'REFERENCE_LIST|DIMENSION_LIST')
DATED = re.compile(r'provenance|(^|/)(created|modified|digest|version|begun|instruction_set)$|REFERENCE_LIST|DIMENSION_LIST')  # where the clock goes by looks
SETS = re.compile(r'[A-Z_]+=')  # a word that sets the environment
NUMBER_OR_NOT = re.compile(r'-?\d+(\.\d+)?(e[-+]?\d+)?|-?nan|-?inf', re.I)
PICTURE = re.compile(r'\.\d+(?=\.(png|svg|pdf)\b)')  # the process whose picture it is
NUMBER = re.compile(r'-?\d+(?:\.\d+)?(?:e[-+]?\d+)?')
SAID_ELSEWHERE = ('units', 'long_name', 'CLASS', 'NAME', 'coordinates')  # attributes that docs/format.md lists
# of what is printed: the same
MASKS = [(re.compile(pattern, re.M), instead) for pattern, instead in [
    (r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', 'DATE'),
    (r'/tmp/[\w./-]*?/(?=[\w.-]+)', ''),
    (r'\b(\d+ (d|h|min) )*\d+(\.\d+)?(e-?\d+)? (s|min|h|d)\b', 'TIME'),
    (r'"(\w*cpu_time|wall_time|\w*seconds\w*)": [^,}\n]*', r'"\1": TIME'),
    (r'vmc \d+\.\d+\.\d+\S*', 'vmc'),
    (r'x86-64(-v\d)?|armv8\S*', 'LEVEL'),
    (r'^(wall time|CPU time|threads)\s.*$', ''),
    (r'\b[\d.]+ MB\b', 'MEMORY'),
    (r'[\w./-]*/src/vmc\b', 'vmc'),
    (r'"threads": \d+', '')]]
TIMES = ('TIME', '"\\1": TIME', '')  # what stands for times: shown where the clock goes by looks
ALWAYS = [(pattern, instead) for pattern, instead in MASKS if instead not in TIMES or 'threads"' in pattern.pattern or 'tmp' in pattern.pattern]
ALWAYS += [(re.compile(r'"memory\w*": [^,}\n]*'), ''), (re.compile(r'^threads\s.*$', re.M), '')]


def weighted(values):
    """A sum that every element moves, by a weight of its own, and the sum of its terms' sizes."""
    weights = 1 + numpy.arange(values.size) * 0.6180339887498949 % 1
    good = numpy.isfinite(values)
    parts = numpy.where(good, values, 0) * weights
    return float(parts.sum() + weights[~good].sum()), float(abs(parts).sum())


def lines_of_value(name, value):
    """`name shape number scale`, or `name text`."""
    array = numpy.asarray(value)
    if array.dtype.kind in 'iufb':
        number, scale = weighted(array.astype(float).ravel())
        shape = 'x'.join(map(str, array.shape)) or '-'
        yield f'{name} {shape} {number:.10g}' + (f' {scale:.3g}' if abs(number) < 0.1 * scale else '')
    elif array.dtype.kind in 'SUO':
        text = '|'.join(x.decode(errors='replace') if isinstance(x, bytes) else str(x) for x in array.ravel())
        yield f'{name} {text!r}' if len(text) < 60 else f'{name} {zlib.crc32(text.encode()):08x}'


def lines_of_file(path, checkpoints, anew=ANEW):
    with h5py.File(path, 'r') as file:
        names = ['']
        file.visit(names.append)
        for name in sorted(names):
            if name.startswith('config' if checkpoints else ('config', 'checkpoint')) or anew.search(name):
                continue
            item = file[name or '/']
            notes = sorted(item.attrs)
            if 'CLASS' in notes and item.dtype.kind in 'iu':  # a scale that counts
                continue
            yield from (line for key in notes if key not in SAID_ELSEWHERE and not anew.search(key)
                        for line in lines_of_value(f'{name}@{key}', item.attrs[key]))
            if isinstance(item, h5py.Dataset):
                yield from lines_of_value(name, item[()])


def lines_of_text(text, masks=MASKS):
    text = re.sub(r'\r|\x1b\[[0-9;?]*[A-Za-z]', '\n', text)  # a line that is written over
    for pattern, instead in masks:
        text = pattern.sub(instead, text)
    return ['| ' + ' '.join(line.split()) for line in text.splitlines() if line.strip()]


def lines_of_drawing(path):
    """What a program that draws was told: its commands, and blocks of numbers as what a data set is."""
    numbers = []
    for line in [*path.read_text().splitlines(), 'end']:
        words = line.split()
        if words and all(NUMBER_OR_NOT.fullmatch(word) for word in words):
            numbers += map(float, words)
            continue
        if numbers and not words:  # a gap in what is drawn
            numbers.append(math.nan)
            continue
        if numbers:
            yield from (f'| {path.name}: {value}' for value in lines_of_value('numbers', numbers))
            numbers = []
        if words:
            yield f'| {path.name}: {PICTURE.sub("", " ".join(words))}'


def lines_of_table(path):
    with path.open() as file:
        for row in csv.DictReader(file):
            yield f'| {path.name}: ' + ' '.join(f'{key}={value}' for key, value in row.items() if not ANEW.search(key))


def run(program, shim, name, place):
    """All lines of a run: its commands, and the files that they left."""
    lines = []
    for path, text in RUNS[name].get('files', {}).items():
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_text(text)
        (place / path).chmod(0o755 if text.startswith('#!') else 0o644)
    for command in RUNS[name]['commands']:
        own = dict(word.split('=', 1) for word in itertools.takewhile(SETS.match, command))
        preloaded = {'LD_PRELOAD': shim} if any(word.startswith(('CUT_', 'FAIL_', 'CLOCK_')) for word in own) else {}
        masks = ALWAYS if 'CLOCK_STEP' in own else MASKS
        done = subprocess.run([program, *command[len(own):]], cwd=place, capture_output=True, text=True, errors='replace', timeout=300,
                              stdin=subprocess.DEVNULL, env={**os.environ, 'OMP_NUM_THREADS': '1', 'NO_COLOR': '1', 'COLUMNS': '80', **preloaded, **own})
        lines += [f'$ {" ".join(command)} -> {done.returncode}', *lines_of_text(done.stdout, masks), *lines_of_text(done.stderr, masks)]
    for path in sorted(place.iterdir()):
        if path.suffix == '.h5' and path.name not in RUNS[name].get('beside', ()):
            lines += [f'{path.name}:{line}' for line in lines_of_file(path, name in CHECKPOINTS, DATED if name.startswith('clock, ') else ANEW)]
        elif path.suffix == '.csv' and path.name not in RUNS[name].get('files', {}):
            lines += lines_of_table(path)
        elif path.suffix == '.gp':
            lines += lines_of_drawing(path)
    return lines


def same(old, new):
    """Words are equal, numbers nearly."""
    if old == new:
        return True
    if NUMBER.split(old) != NUMBER.split(new):
        return False
    olds, news = NUMBER.findall(old), NUMBER.findall(new)
    if old.startswith('| '):  # printed with few digits: the last one may round to either side
        return all(printed_alike(a, b) for a, b in zip(olds, news))
    scale = max([abs(float(x)) for x in olds[-2:]]) if old.count(' ') == 3 else 0
    return all(a == b or abs(float(a) - float(b)) <= TOLERANCE * max(abs(float(a)), scale, 1e-3) for a, b in zip(olds, news))


def printed_alike(a, b):
    if a == b:
        return True
    if re.fullmatch(r'-?\d+', a) or re.fullmatch(r'-?\d+', b):
        return False
    last = 10.0 ** -len(re.search(r'\.(\d*)', a + '.').group(1)) if 'e' not in a else 0
    return abs(float(a) - float(b)) <= 1.01 * last + TOLERANCE * abs(float(a)) + 1e-15


def recorded():
    found, name = {}, None
    for line in RECORD.read_text().splitlines() if RECORD.exists() else []:
        if line.startswith('== '):
            name = line[3:]
            found[name] = []
        else:
            found[name].append(line)
    return found


def differences(old, new):
    if len(old) != len(new):
        missing, more = [line for line in old if line not in new], [line for line in new if line not in old]
        return [f'{len(new)} lines, {len(old)} recorded'] + ['- ' + line for line in missing] + ['+ ' + line for line in more]
    return [f'- {a}\n    + {b}' for a, b in zip(old, new) if not same(a, b)]


def wanted(words):
    """The sets that are named, those of a share (`2/5`: the second one of every five), or all."""
    names = [word for word in words if not word.startswith('--')]
    shares = [re.fullmatch(r'(\d+)/(\d+)', word) for word in names]
    if not any(shares):
        return names or list(RUNS)
    first, step = map(int, shares[0].groups())
    assert len(names) == 1 and 1 <= first <= step, names
    return list(RUNS)[first - 1::step]


def main(program, shim, *words):
    program, shim = os.path.abspath(program), os.path.abspath(shim)
    for number in (signal.SIGINT, signal.SIGHUP):  # ignored in the background or under nohup, and the commands would inherit that
        signal.signal(number, signal.SIG_DFL)
    version = subprocess.run([program, '--version'], capture_output=True, text=True).stdout
    if re.search(r'x86-64(?!-v[34])', version):
        print('skipped: this processor has no fused multiply-add, and other bits')
        return 77
    names = wanted(words)
    old, changed = recorded(), 0
    with tempfile.TemporaryDirectory(prefix='vmc-recorded-') as folder, ThreadPoolExecutor(1 if '--write' in words else 2) as pool:
        for name in names:
            (Path(folder) / name).mkdir()
        for name, lines in zip(names, pool.map(lambda name: run(program, shim, name, Path(folder) / name), names)):
            found = differences(old.get(name, []), lines)
            changed += bool(found)
            if found:
                print(f'[  FAILED  ] {name}: {len(found)} differences', *found[:12], sep='\n    ', flush=True)
            old[name] = lines
    if '--write' in words:
        RECORD.write_text(''.join(f'== {name}\n' + ''.join(line + '\n' for line in old[name]) for name in RUNS if name in old))
    print(f'{len(names)} recorded runs, {changed} of them differ' + ('; if that is wanted: check_recorded.py VMC SHIM --write' if changed else ''))
    return 1 if changed and '--write' not in words else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
