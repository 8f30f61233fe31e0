#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard error after one second of CPU time, for dots at fixed parameters.

    second.py VMC [SEEDS [SECTION.KEY=VALUE...]]

One run per seed and dot, measuring for about a second. Prints mean and scatter over the seeds of error * sqrt(CPU time of measuring), and what it is
made of: error * sqrt(samples), which does not depend on the machine, and the least CPU time per sample. Fails where an energy is more than 4 errors
off its reference or error * sqrt(samples) is above its bound.
"""
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# electrons, omega, alpha, beta, samples, bound of error * sqrt(samples); energy and its error, where known
DOTS = [(6, 1, 0.92294, 0.55872, 4e6, 0.50, (20.19079, 0.00028)),
        (12, 0.28, 0.81010, 0.37763, 1.2e6, 0.40, None),
        (20, 1, 0.83970, 0.73336, 4e5, 1.40, None)]
CONFIG = ('[system]\nparticles = {}\ndimensions = 2\nomega = {}\nstatistics = fermions\ninteraction = coulomb\n[wavefunction]\nfactors = slater, pade-jastrow\n'
          '[slater]\nalpha = {}\ntrain = no\n[pade-jastrow]\nbeta = {}\ntrain = no\n[measure]\nsamples = {:.0f}\n')


def measure(vmc, folder, seed, sets):
    words = [vmc, '--config', str(folder / 'dot.ini'), '-t', '1', '--json', '-q', '--force', '-o', str(folder / 'x.h5'), '-s', f'run.seed={seed}']
    for entry in sets:
        words += ['-s', entry]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main():
    vmc, seeds, sets = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10, sys.argv[3:]
    good = True
    with tempfile.TemporaryDirectory() as name:
        for particles, omega, alpha, beta, samples, bound, reference in DOTS:
            (Path(name) / 'dot.ini').write_text(CONFIG.format(particles, omega, alpha, beta, samples))
            runs = [measure(vmc, Path(name), seed, sets) for seed in range(1, seeds + 1)]
            second = [run['energy_error'] * math.sqrt(run['measuring_cpu_time']) for run in runs]
            sample = statistics.mean(run['energy_error'] * math.sqrt(run['n_samples']) for run in runs)
            least = min(run['measuring_cpu_time'] / run['n_samples'] for run in runs)
            energy = statistics.mean(run['energy'] for run in runs)
            error = math.sqrt(sum(run['energy_error'] ** 2 for run in runs)) / seeds
            scatter = statistics.stdev(second) if seeds > 1 else 0
            off = abs(energy - reference[0]) > 4 * math.hypot(error, reference[1]) if reference else False
            if off or sample > bound:
                good = False
            print(f'{particles} electrons, omega = {omega}: {statistics.mean(second):.3g} +- {scatter:.2g} after 1 s; error sqrt(n) = {sample:.4f}, at least '
                  f'{1e9 * least:.0f} ns a sample: {sample * math.sqrt(least):.3g}; E = {energy:.6g} +- {error:.1g}{" OFF" if off else ""}'
                  f'{" LESS EFFICIENT" if sample > bound else ""}', flush=True)
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
