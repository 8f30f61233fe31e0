#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often training with the default settings ends at the ansatz's floor: several seeds per row, and a table.

usage: floors.py VMC [SEEDS [ROW ...]]

Every row must end at or below its bound in all seeds but one in eight, with an error of at most 1e-4, and no run may lie below the exact energy
by more than four standard errors. CPU time is printed, not judged. The floors are those of data/reference.csv (quadrature and BFGS).
"""
import json
import os
import subprocess
import sys
import tempfile

BASE = """
[system]
particles = 2
dimensions = 2
omega = 1
interaction = coulomb
"""
SIGMA1 = ['rbm.sigma=1']
FREE = ['rbm.train_sigma=yes']
PROBABILITY = ['rbm.representation=probability']
# name, settings, bound, exact energy
ROWS = [
    ('amplitude, sigma 1, 2', SIGMA1 + ['rbm.hidden=2'], 3.0789, 3),
    ('probability, sigma 1/sqrt 2, 2', PROBABILITY + ['rbm.hidden=2'], 3.0652, 3),
    ('amplitude, sigma trained, 2', FREE + ['rbm.hidden=2'], 3.0747, 3),
    ('probability, sigma trained, 2', FREE + PROBABILITY + ['rbm.hidden=2'], 3.0604, 3),
    ('amplitude, sigma trained, 4', FREE + ['rbm.hidden=4'], 3.0523, 3),
    ('amplitude, sigma trained, 8', FREE + ['rbm.hidden=8'], 3.0312, 3),
    ('amplitude, sigma trained, 16', FREE + ['rbm.hidden=16'], 3.031, 3),
    ('omega 0.1, sigma auto, 2', ['system.omega=0.1', 'rbm.hidden=2'], 0.46769 + 0.0003, 0.4407918880141),
    ('3D, omega 0.5, sigma auto, 3', ['system.dimensions=3', 'system.omega=0.5', 'rbm.hidden=3'], 2.01575 + 0.0003, 2),
    ('10 free particles in 3D', ['system.particles=10', 'system.dimensions=3', 'system.interaction=none'], 15.001, 15),
]


def run(vmc, folder, settings, seed):
    command = [vmc, '--config', os.path.join(folder, 'base.ini'), '--json', '--force', '--threads', '1', '--output', os.path.join(folder, 'run.h5'),
               '--set', f'run.seed={seed}', '--set', 'measure.samples=1e8', '--set', 'measure.target_error=9.9e-5', '--progress', 'never']
    for setting in settings:
        command += ['--set', setting]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def row_is_good(vmc, folder, seeds, row):
    name, settings, bound, exact = row
    runs = [run(vmc, folder, settings, seed) for seed in range(1, seeds + 1)]
    energies = [r['energy'] for r in runs]
    reached = sum(e <= bound for e in energies)
    good = reached >= seeds - max(1, seeds // 8) and all(r['energy_error'] <= 1e-4 for r in runs)
    good = good and all(r['energy'] > exact - 4 * r['energy_error'] - 1e-9 for r in runs)
    print(f'{name:32s} bound {bound:.5f}  reached {reached}/{seeds}  lowest {min(energies):.5f}  highest {max(energies):.5f}  '
          f'error <= {max(r["energy_error"] for r in runs):.1e}  iterations {min(r["iterations"] for r in runs)}-'
          f'{max(r["iterations"] for r in runs)}  CPU {min(r["cpu_time"] for r in runs):.2f}-{max(r["cpu_time"] for r in runs):.2f} s'
          f'{"" if good else "   NOT REACHED"}', flush=True)
    return good


def main():
    vmc, seeds, wanted = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8, sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'base.ini'), 'w', encoding='utf-8') as ini:
            ini.write(BASE)
        results = [row_is_good(vmc, folder, seeds, row) for k, row in enumerate(ROWS) if not wanted or str(k) in wanted]
    sys.exit(0 if all(results) else 1)


main()
