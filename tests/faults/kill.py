#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments of a run that publishes all the time.

    kill.py VMC SHIM N [SEED]

After each of N kills the file opens in h5py, h5dump and the program itself, and holds no less than after the kill before. The run goes on from
there; whenever one comes to its end, it has the bits of an undisturbed one, and no temporary or lock is left.
"""
import random
import shutil
import subprocess
import sys
import time

import h5py
from bench import OFTEN, Bench, content, default_signals, differences, fail


def progress(path):
    if not path.exists():
        return (-1,)
    with h5py.File(path, 'r') as file:
        saved = file['checkpoint']
        last = saved['measuring'] if 'measuring' in saved else saved['training']
        numbers = [int(last[name][()]) if name in last else 0 for name in ('stage', 'burn_in', 'iterations', 'chunks')]
        file.visititems(lambda name, thing: thing[()] if isinstance(thing, h5py.Dataset) else None)
    return tuple(numbers)


def main(vmc, shim, kills, seed=1):
    random.seed(int(seed))
    h5dump = shutil.which('h5dump')
    killed = finished = during = absent = 0
    with Bench(vmc, shim, interval=OFTEN) as bench:
        begun = time.monotonic()
        bench.run('-t', '1')
        lasts = time.monotonic() - begun
        whole = content(bench.path())
        bench.path().unlink()
        before = progress(bench.path())
        while killed < int(kills):
            process = subprocess.Popen(bench.command('--resume', '-t', '2'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       preexec_fn=default_signals)
            try:
                process.wait(random.uniform(0, 0.3 * lasts))
            except subprocess.TimeoutExpired:
                process.kill()
            code = process.wait()
            if code == 0:
                finished += 1
                if finished > 5 + int(kills):
                    fail('only', killed, 'kills came before the end of a run')
                wrong = differences(whole, content(bench.path()))
                if wrong or bench.leftovers():
                    fail('a run that was killed and resumed differs in', wrong, 'or left', bench.leftovers())
                bench.path().unlink()
                before = progress(bench.path())
                continue
            if code != -9:
                fail('exit', code)
            killed += 1
            during += any('.h5.tmp.' in name for name in bench.leftovers())
            absent += not bench.path().exists()
            now = progress(bench.path())
            if now < before:
                fail('lost', before, now)
            before = now
            if h5dump and bench.path().exists() and subprocess.run([h5dump, '-d', '/result/energy', bench.path()], capture_output=True).returncode:
                fail('h5dump cannot read it')
    if absent == killed:
        fail('all kills came before the first file')
    print(f'{killed} of {kills} kills: every file opened in h5py{", h5dump" if h5dump else ""} and vmc, nothing lost; {during} in the middle of '
          f'publishing, {absent} before the first file; {finished} runs came to their end, with the bits of an undisturbed one')


if __name__ == '__main__':
    main(*sys.argv[1:])
