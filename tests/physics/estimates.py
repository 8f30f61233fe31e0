#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `vmc --check` says against what happens.

    estimates.py VMC CONFIG...

Per iteration, per draw (CPU time) and memory: within a factor of 1.5 of a run's own. The total: an upper bound of the whole run, training on its
plateaus included. Prints a table. Where it is quick, times are the least of three on both sides: what other programs do to a processor comes and
goes. With --parts the whole runs are left out. "30 particles" stands for a configuration made here.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FACTOR = 1.5
QUICK = 10  # s of CPU time that one look at a configuration takes
LARGE = '[system]\nparticles = 30\ndimensions = 3\ninteraction = coulomb\n[rbm]\nhidden = 60\n'


class Case:
    def __init__(self, vmc, config, folder):
        self.vmc, self.config, self.folder = vmc, config, folder

    def run(self, *sets):
        """JSON of a run, and the most memory it had."""
        words = [self.vmc, '--config', self.config, '-t', '1', '--json', '-q', '--force', '-o', str(self.folder / 'x.h5')]
        for entry in sets:
            words += ['-s', entry]
        with tempfile.TemporaryFile() as out:
            child = os.posix_spawn(self.vmc, words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
            _, status, used = os.wait4(child, 0)
            out.seek(0)
            if status:
                sys.exit(f'FAILED: {words}')
            return json.loads(out.read()), 1024 * used.ru_maxrss

    def check(self):
        """What is said, and how often everything is to be done."""
        said, times = self.check_once(), 1
        if 3 * draws_of(said) * said['draw_time'] + 60 * (said['iteration_time'] or 0) < QUICK:
            times = 3
        for more in (self.check_once() for _ in range(1, times)):
            for key in ('iteration_time', 'draw_time'):
                said[key] = said[key] and min(said[key], more[key])
        return said, times

    def check_once(self):
        done = subprocess.run([self.vmc, '--config', self.config, '-t', '1', '--json', '--check'], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


def draws_of(said):
    """Enough for a difference of times, and no more where a draw is dear."""
    return min(max(1000, said['draws']), max(100, int(2 / said['draw_time'])))


def happened(case, said, times, whole):
    """CPU time of an iteration and of a draw, as differences of runs of two lengths, so that what is done once cancels."""
    few = (4, 8) if said['iteration_time'] and said['iteration_time'] > 0.3 else (10, 40)

    def difference(key, first, second):
        return min(case.run(*second)[0][key] for _ in range(times)) - min(case.run(*first)[0][key] for _ in range(times))

    iteration = None
    if said['iterations']:
        short, long = (('optimizer.stop=never', f'optimizer.iterations={n}', f'measure.samples={said["walkers"]}') for n in few)
        iteration = difference('training_cpu_time', short, long) / (few[1] - few[0])
    draws = draws_of(said)
    short, long = (('optimizer.iterations=0', f'measure.samples={n * draws * said["walkers"]}') for n in (1, 2))
    draw = difference('measuring_cpu_time', short, long) / draws
    if whole:
        result, memory = case.run()
        return iteration, draw, memory, result['cpu_time'], result['iterations']
    return iteration, draw, case.run('optimizer.stop=never', 'optimizer.iterations=8')[1], None, None


def number(value):
    return '–' if value is None else f'{value:.2g}' if value < 100 else f'{value:.0f}'


def main(vmc, *configs):
    bad = []
    whole = '--parts' not in configs
    configs = [c for c in configs if c != '--parts']
    print('| | ms per iteration: said, seen | µs per draw: said, seen | MB: said, seen | s in all: at most, seen |\n|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder:
        for config in configs:
            large = config == '30 particles'
            if large:
                config = str(Path(folder) / 'large.ini')
                Path(config).write_text(LARGE)
            case = Case(os.path.abspath(vmc), config, Path(folder))
            said, times = case.check()
            iteration, draw, memory, total, iterations = happened(case, said, times, whole and not large)
            name = '30 particles in 3D, 60 units' if large else Path(config).stem
            pairs = (said['iteration_time'], iteration, 1e3), (said['draw_time'], draw, 1e6), (said['memory'], memory, 1e-6)
            cells = [f'{number(a and a * unit)}, {number(b and b * unit)}' for a, b, unit in pairs]
            print(f'| {name} | ' + ' | '.join(cells) + f' | {number(said["cpu_time"])}, {number(total)} |', flush=True)
            for what, (a, b, _) in zip(('iteration', 'draw', 'memory'), pairs):
                if b is not None and not 1 / FACTOR < a / b < FACTOR:
                    bad.append(f'{name}: {what}: said {a:.3g}, seen {b:.3g}')
            if total is not None and total > said['cpu_time']:
                bad.append(f'{name}: in all: at most {said["cpu_time"]:.3g} s said, {total:.3g} s seen')
    for line in bad:
        print('FAILED:', line)
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main(*sys.argv[1:])
