#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where default trainings end, and after how much CPU time: two builds of the program side by side.

usage: plot_training.py NEW OLD PICTURE [SEEDS [RESULTS]]

Bosons with Coulomb forces in two dimensions, omega = 1, widths fixed at 1. One panel per case; energies above the lowest of the
case, which for two particles is the noiseless optimiser's (optimizer.method = exact). Prints the table that docs/optimizers.md has. RESULTS: a JSON
file of runs; those that it has are not run again, the others are added.
"""
import json
import os
import subprocess
import sys
import tempfile

import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt

# particles, units, error asked for
CASES = [(2, 2, 2e-4), (2, 16, 2e-4), (2, 64, 2e-4), (6, 12, 2e-3), (20, 40, 9e-3)]


def kept(path, key, make):
    """What the file has under this key, or what `make` gives, which is then added."""
    results = {}
    if path and os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            results = json.load(file)
    if key not in results:
        results[key] = make()
        if path:
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(results, file, indent=1)
    return results[key]


def run(vmc, folder, settings):
    command = [vmc, '--config', os.path.join(folder, 'base.ini'), '--json', '--quiet', '--force', '--threads', '1', '--output', os.path.join(folder, 'run.h5')]
    for setting in settings:
        command += ['--set', setting]
    done = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {key: done[key] for key in ('energy', 'energy_error', 'training_cpu_time')}


def main():
    new, old, picture = (os.path.abspath(path) for path in sys.argv[1:4])
    seeds, results = int(sys.argv[4]) if len(sys.argv) > 4 else 3, sys.argv[5] if len(sys.argv) > 5 else None
    figure, axes = plt.subplots(1, len(CASES), figsize=(3 * len(CASES), 3), layout='constrained')
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, 'base.ini'), 'w', encoding='utf-8') as ini:
            ini.write('[system]\nparticles = 2\ndimensions = 2\nomega = 1\ninteraction = coulomb\n[rbm]\nsigma = 1\n')
        for axis, (particles, hidden, error) in zip(axes, CASES):
            case = [f'system.particles={particles}', f'rbm.hidden={hidden}', 'measure.samples=3e6', f'measure.target_error={error}']
            found = {}
            for name, vmc in (('before', old), ('after', new)):
                found[name] = [kept(results, f'{name}, {particles}, {hidden}, seed {seed}', lambda: run(vmc, folder, case + [f'run.seed={seed}']))
                               for seed in range(1, seeds + 1)]
            if particles == 2 and hidden <= 8:
                exact = case[:2] + ['measure.samples=1e5', f'measure.target_error={error}', 'optimizer.method=exact']
                found['exact'] = [kept(results, f'exact, {particles}, {hidden}', lambda: run(new, folder, exact))]
            floor = 3.07861376 if particles == 2 else min(r['energy'] for runs in found.values() for r in runs)
            for name, mark in (('before', 'x'), ('after', 'o'), ('exact', '*')):
                runs = found.get(name, [])
                if not runs:
                    continue
                cpu, above = [r['training_cpu_time'] for r in runs], [r['energy'] - floor for r in runs]
                axis.errorbar(cpu, above, yerr=[r['energy_error'] for r in runs], fmt=mark, label=name)
                print(f'| {particles}, {hidden} | {name} | ' + ', '.join(f'{r["energy"]:.5f}({r["energy_error"]:.0e})' for r in runs) + ' | ' +
                      ', '.join(f'{t:.2f}' for t in cpu) + ' s |', flush=True)
            highest = max(r['energy'] + r['energy_error'] for runs in found.values() for r in runs) - floor
            longest = max(r['training_cpu_time'] for runs in found.values() for r in runs)
            axis.set(title=f'{particles} particles, {hidden} units', xlabel='CPU time of training (s)', xlim=(0, 1.15 * longest))
            axis.set_yscale('symlog', linthresh=5 * error)
            axis.set_ylim(-5 * error, max(2 * highest, 5 * error))
            axis.set_yticks([0] + [tick for tick in (1e-3, 1e-2, 1e-1, 1) if 2 * error < tick < 2 * highest])
            axis.minorticks_off()
            axis.axhline(0, color='grey', linewidth=0.5)
    axes[0].set_ylabel('energy above the lowest')
    axes[0].legend()
    figure.savefig(picture, dpi=110)


main()
