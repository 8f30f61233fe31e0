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


def machine(dice, hidden):
    return {'rbm.hidden': dice.choice(hidden), 'rbm.representation': dice.choice(['amplitude', 'amplitude', 'probability']),
            'rbm.train_sigma': dice.choice(['yes', 'no'])}


def bosons(dice):
    """An RBM alone, 1 to 6 particles, any force."""
    particles, dimensions = dice.choice([1, 2, 2, 2, 3, 4, 5, 6]), dice.choice([1, 2, 2, 3])
    forces = ['none', 'coulomb', 'coulomb', 'harmonic', 'soft-coulomb', 'gaussian'] if dimensions > 1 else ['none', 'harmonic', 'soft-coulomb', 'gaussian']
    return {'system.particles': particles, 'system.dimensions': dimensions, 'system.interaction': dice.choice(forces) if particles > 1 else 'none',
            **machine(dice, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64])}


def products(dice):
    """Bosons with Coulomb forces and a Padé–Jastrow factor."""
    factors = dice.choice(['rbm, pade-jastrow', 'rbm, pade-jastrow', 'gaussian, pade-jastrow'])
    return {'system.particles': dice.choice([2, 3, 6]), 'system.dimensions': dice.choice([2, 3]), 'system.interaction': 'coulomb',
            'wavefunction.factors': factors, **(machine(dice, [1, 2, 4, 8]) if 'rbm' in factors else {})}


def electrons(dice):
    """Determinants with pairs, backflow, shared units."""
    units = dice.choice([False, True])
    settings = {'system.particles': dice.choice([2, 2, 6]), 'system.dimensions': 2, 'system.interaction': 'coulomb', 'system.statistics': 'fermions',
                'wavefunction.factors': 'slater, pade-jastrow' + (', rbm' if units else '')}
    if units:
        settings.update({'rbm.hidden': 2, 'rbm.sharing': dice.choice(['environment', 'pairs'])})
    if settings['system.particles'] == 6 and dice.choice([False, True]):
        settings['slater.backflow'] = 'exponential'
    return settings


def cores(dice):
    """Hard spheres, disks and rods; and 1 / r^2 on a line."""
    dimensions = dice.choice([1, 2, 3, 3])
    if dimensions == 1 and dice.choice([False, True]):
        return {'system.particles': dice.choice([2, 3, 5]), 'system.dimensions': 1, 'system.interaction': 'inverse-square', 'wavefunction.factors': 'gaussian, power'}
    units = dice.choice(['', ', rbm'])
    return {'system.particles': dice.choice([2, 3, 5]), 'system.dimensions': dimensions, 'system.interaction': 'hard-sphere', 'interaction.diameter': 0.3,
            'wavefunction.factors': 'gaussian, hard-core' + (', power' if dimensions < 3 else '') + units, **({'rbm.sharing': 'environment'} if units else {})}


KINDS = [bosons, bosons, bosons, bosons, products, products, electrons, cores]


def draw(dice):
    """Settings of one run, and the trap's quantum."""
    settings = dice.choice(KINDS)(dice)
    omega = dice.choice([0.1, 0.3, 0.5, 1, 1, 2, 5, 10]) if settings['system.interaction'] != 'hard-sphere' else 1
    settings['system.omega'] = omega
    settings['optimizer.samples'] = dice.choice([4096, 8192])
    settings['optimizer.method'] = dice.choice(['sr'] * 14 + ['sgd', 'adam'])
    if settings['optimizer.method'] != 'sr':
        settings['optimizer.iterations'] = 300
    if 'slater' not in settings.get('wavefunction.factors', '') and 'hard-core' not in settings.get('wavefunction.factors', ''):
        settings['sampler.method'] = dice.choice(['auto', 'langevin', 'metropolis'])
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
                print(f'{k}: {one["energy"]:.6f}({one["energy_error"]:.1e}) did not converge in {one["iterations"]}: {settings}', flush=True)
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
