#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a training that says it has converged had not: the share of false "converged" over runs of all kinds.

usage: converged.py VMC [RUNS [FIRST]]

Systems, wave functions and seeds are drawn from a fixed stream. Every run that ends as converged goes on from its parameters for three times as many
iterations, whatever the slopes. False is where that ends lower by more than five standard errors of the difference and by 3e-4 (in units of the
trap's quantum). Asked: at most 1 % of them. A case that lies between two minima is counted too: the list says which they are, so that they can be
looked at one by one.
"""
import json
import os
import random
import subprocess
import sys
import tempfile


def draw(dice):
    """Settings of one run, and the trap's quantum."""
    particles, dimensions = dice.choice([1, 2, 2, 2, 3, 4, 6]), dice.choice([1, 2, 2, 3])
    omega = dice.choice([0.1, 0.5, 1, 1, 2, 5])
    forces = ['none', 'coulomb', 'coulomb', 'harmonic', 'soft-coulomb', 'gaussian'] if dimensions > 1 else ['none', 'harmonic', 'soft-coulomb', 'gaussian']
    force = dice.choice(forces) if particles > 1 else 'none'
    factors = dice.choice(['rbm', 'rbm', 'rbm', 'rbm, pade-jastrow', 'gaussian, pade-jastrow']) if force == 'coulomb' else 'rbm'
    settings = {'system.particles': particles, 'system.dimensions': dimensions, 'system.omega': omega, 'system.interaction': force,
                'wavefunction.factors': factors}
    if 'rbm' in factors:
        settings['rbm.hidden'] = dice.choice([1, 2, 3, 4, 6, 8, 12, 16])
        settings['rbm.representation'] = dice.choice(['amplitude', 'amplitude', 'probability'])
        settings['rbm.train_sigma'] = dice.choice(['yes', 'no'])
    settings['optimizer.samples'] = dice.choice([4096, 8192])
    settings['sampler.method'] = dice.choice(['langevin', 'langevin', 'metropolis'])
    return settings, omega


def run(vmc, folder, settings, seed, more, name):
    command = [vmc, '--config', os.path.join(folder, 'empty.ini'), '--json', '--quiet', '--force', '--threads', '1', '--progress', 'never',
               '--output', os.path.join(folder, name), '--set', f'run.seed={seed}']
    for key, value in {**settings, **more}.items():
        command += ['--set', f'{key}={value}']
    done = subprocess.run(command, capture_output=True, text=True)
    return json.loads(done.stdout) if done.stdout.startswith('{') else {'wrong': done.stderr.strip()[:200]}


def main():
    vmc, runs, first = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200, int(sys.argv[3]) if len(sys.argv) > 3 else 0
    dice, converged, false, stopped, refused, cpu = random.Random(17), 0, [], 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, 'empty.ini'), 'w', encoding='utf-8').close()
        for k in range(first + runs):
            settings, omega = draw(dice)
            if k < first:
                continue
            measure = {'measure.samples': 3e5, 'measure.target_error': 5e-5 * omega * settings['system.particles']}
            one = run(vmc, folder, settings, k + 1, measure, 'one.h5')
            if 'wrong' in one:
                refused += 1
                print(k, settings, one['wrong'], flush=True)
                continue
            if not one['converged']:
                stopped += 1
                continue
            converged += 1
            more = run(vmc, folder, settings, k + 100001, {**measure, 'wavefunction.load': os.path.join(folder, 'one.h5'), 'optimizer.stop': 'never',
                                                           'optimizer.iterations': int(3 * one['iterations'])}, 'more.h5')
            cpu += one['cpu_time'] + more['cpu_time']
            fall, error = one['energy'] - more['energy'], (one['energy_error'] ** 2 + more['energy_error'] ** 2) ** 0.5
            if fall > 5 * error and fall > 3e-4 * omega:
                false.append(k)
                print(f'{k}: {one["energy"]:.6f}({one["energy_error"]:.1e}) after {one["iterations"]}, then {more["energy"]:.6f}({more["energy_error"]:.1e}), '
                      f'{fall / omega:.1e} omega, {fall / error:.0f} errors lower: {settings}', flush=True)
    print(f'{converged} converged, {stopped} did not, {refused} were refused; false: {len(false)} {false}, {len(false) / max(1, converged):.1%}; '
          f'{cpu:.0f} s of CPU time')
    sys.exit(0 if converged and len(false) <= 0.01 * converged else 1)


main()
