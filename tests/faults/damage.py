#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged files as the program meets them: resumed, and as wavefunction.load.

    damage.py VMC SHIM N [SEED]

Bytes are flipped or the end is cut off. The program refuses the file (65, or 78), or does what it would have done with the good one, to the bit; it
never crashes or hangs. Then a newer format, and other programs' files.
"""
import random
import sys

import h5py
from bench import Bench, content, differences, fail


def damage(good):
    data = bytearray(good)
    if random.random() < 0.2:
        return bytes(data[:random.randrange(len(data))])
    size = 1 if random.random() < 0.7 else random.randrange(1, 64)
    at = random.choice([random.randrange(len(data)), random.randrange(min(4096, len(data))), len(data) - 1 - random.randrange(200)])
    for k in range(at, min(at + size, len(data))):
        data[k] ^= random.randrange(1, 256) if random.random() < 0.5 else 1 << random.randrange(8)
    return bytes(data)


def main(vmc, shim, count, seed=1):
    random.seed(int(seed))
    refused = harmless = 0
    with Bench(vmc, shim) as bench:
        looks = bench.counts('-t', '1')[0]
        whole = content(bench.path())
        bench.path().rename(bench.path('good.h5'))
        bench.run('-t', '1', shim={'CUT_AT': looks * 2 // 3, 'CUT_HOW': 15, 'CUT_TIMES': 2})
        stopped = bench.path().read_bytes()
        bench.path().unlink()
        load = ['--set', f'wavefunction.load={bench.path("bad.h5")}', '--set', 'optimizer.iterations=0', '--set', 'measure.samples=640']
        bench.path('bad.h5').write_bytes(bench.path('good.h5').read_bytes())
        assert bench.run(*load, output='load.h5').returncode == 0
        loaded = content(bench.path('load.h5'))
        for k in range(int(count)):
            if k % 2:
                bench.path('bad.h5').write_bytes(damage(bench.path('good.h5').read_bytes()))
                done, result, expected = bench.run(*load, '--force', output='load.h5'), bench.path('load.h5'), loaded
            else:
                bench.path().write_bytes(damage(stopped))
                done, result, expected = bench.run('--resume', '-t', '1'), bench.path(), whole
            if done.returncode not in (0, 65, 78):
                fail('mutation', k, 'exit', done.returncode, done.stderr)
            if done.returncode == 0 and differences(expected, content(result)):
                fail('mutation', k, 'taken, with wrong data:', differences(expected, content(result)))
            refused += done.returncode != 0
            harmless += done.returncode == 0
        bench.path().write_bytes(stopped)
        with h5py.File(bench.path(), 'a') as file:
            file.attrs['format_version'] = 3
        done = bench.run('--resume')
        if done.returncode != 65 or 'newer version' not in done.stderr:
            fail('newer format:', done)
        for text in (b'', b'\x89HDF\r\n\x1a\n', b'no results at all' * 100):
            bench.path().write_bytes(text)
            if bench.run('--resume').returncode != 65 or bench.path().read_bytes() != text:
                fail('foreign file')
    if refused < 0.8 * int(count):
        fail('of', count, 'damaged files only', refused, 'were refused: what was not damaged?')
    print(f'{count} damaged files: {refused} refused, {harmless} read as the good one (the damage was in the seal); newer format and foreign files refused')


if __name__ == '__main__':
    main(*sys.argv[1:])
