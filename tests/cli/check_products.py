#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program says of products of factors and pair forces, and of samplers that serve them badly.

    check_products.py VMC

A product that cannot be right is refused, and what the refusal advises is then taken. What is legal but costly is said when the run
begins. Samplers that seldom take particles on a line past one another give the same energy, where the particles are identical: five
means within 4 standard errors (with other seeds one of them would fail in 3 of 10,000 runs of the test).
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

INI = '[sampler]\nwalkers = 32\nburn_in = 20\n[optimizer]\niterations = 0\n[measure]\nsamples = 320\n'

SPHERES, COULOMB, FERMIONS = 'system.interaction=hard-sphere', 'system.interaction=coulomb', 'system.statistics=fermions'
INVERSE = 'system.interaction=inverse-square'


def product(particles, dimensions, factors, *more):
    return [f'system.particles={particles}', f'system.dimensions={dimensions}', f'wavefunction.factors={factors}', *more]


# settings, what the refusal says, and what it advises
REFUSED = [
    (product(3, 3, 'gaussian', SPHERES), 'add hard-core', ['wavefunction.factors=gaussian, hard-core']),
    (product(3, 3, 'gaussian, hard-core', SPHERES, 'interaction.diameter=0.3', 'hard-core.diameter=0.2'), 'smaller than the spheres',
     ['hard-core.diameter=auto']),
    (product(3, 2, 'gaussian', INVERSE, 'interaction.lambda=3'), 'power.mu = 2.449', ['wavefunction.factors=gaussian, power']),
    (product(3, 1, 'gaussian, power', INVERSE, 'power.mu=1.5'), 'power.mu = 2', ['power.mu=2']),
    (product(3, 1, 'gaussian', COULOMB), 'add power', ['wavefunction.factors=gaussian, power']),
    (product(3, 1, 'gaussian', COULOMB), 'soft-coulomb', ['system.interaction=soft-coulomb']),
    (product(3, 1, 'gaussian', SPHERES, 'interaction.diameter=0'), 'add power', ['wavefunction.factors=gaussian, power']),
    (product(6, 2, 'gaussian', FERMIONS), 'antisymmetric', ['wavefunction.factors=slater']),
    (product(6, 2, 'slater'), 'statistics = fermions', [FERMIONS]),
    (product(6, 2, 'slater, rbm', FERMIONS), 'rbm', ['rbm.sharing=environment']),
    (product(5, 2, 'slater', FERMIONS), 'do not fill shells', ['slater.orbitals_down=0 0, 1 0']),
    (product(4, 2, 'slater', FERMIONS, 'slater.orbitals_up=0 0, 0 0', 'slater.orbitals_down=0 0, 1 0'), 'is there twice',
     ['slater.orbitals_up=0 0, 1 0']),
    (product(3, 3, 'gaussian, power', COULOMB), 'leave the factor out', ['wavefunction.factors=gaussian']),
    (product(3, 3, 'gaussian, pade-jastrow', 'system.interaction=gaussian'), 'cusp', ['wavefunction.factors=gaussian, gaussian-pair']),
]

# settings, and what is said (nothing: None)
NOTED = [
    (product(3, 1, 'gaussian, hard-core', SPHERES), 'add power'),
    (product(3, 2, 'gaussian, hard-core', SPHERES), 'add power'),
    (product(3, 3, 'gaussian, hard-core', SPHERES), None),
    (product(3, 1, 'gaussian, hard-core, power', SPHERES), None),
    (product(3, 2, 'gaussian, hard-core, power', SPHERES), None),
    (product(3, 2, 'gaussian, hard-core, power', SPHERES, 'power.mu=1'), 'use power.mu = auto'),
    (product(3, 3, 'gaussian, hard-core, power', SPHERES, 'power.mu=1'), 'leave power out'),
    (product(3, 2, 'gaussian, power', 'power.mu=1'), 'leave power out'),
    (product(3, 2, 'gaussian, pade-jastrow', COULOMB, 'pade-jastrow.cusp=0.5'), 'the right cusp is 1'),
    (product(3, 2, 'gaussian, pade-jastrow', COULOMB), None),
    (product(3, 2, 'rbm, power', INVERSE, 'sampler.method=gibbs'), 'walkers stick'),
    (product(3, 2, 'rbm, power', INVERSE, 'sampler.method=exact'), 'walkers stick'),
    (product(3, 2, 'rbm, power', INVERSE, 'sampler.method=metropolis'), None),
    (product(3, 2, 'rbm, pade-jastrow', COULOMB, 'sampler.method=gibbs'), None),
    (product(3, 1, 'rbm, power', INVERSE), 'seldom pass one another'),
    (product(3, 1, 'gaussian, rbm, power', INVERSE, 'rbm.sharing=environment'), None),
    (product(3, 2, 'rbm, power', INVERSE), None),
    (product(1, 1, 'rbm'), None),
]

NOT_OURS = 'control variates'  # what these cost is said as well


class Check:
    def __init__(self, vmc, folder):
        self.vmc, self.config, self.out = str(Path(vmc).resolve()), folder / 'run.ini', folder / 'out.h5'
        self.config.write_text(INI, encoding='utf-8')

    def run(self, words):
        command = [self.vmc, str(self.config), '--json', '--progress', 'never', '--force', '--threads', '1', '--output', str(self.out)]
        for word in words:
            command += ['--set', word]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        notes = [line for line in done.stderr.splitlines() if line and NOT_OURS not in line and 'orbitals of spin' not in line]
        return done, notes


def hold(good, *words):
    if not good:
        print('FAILED:', *words)
        sys.exit(1)


def refused(check):
    for words, said, remedy in REFUSED:
        done, _ = check.run(words)
        hold(done.returncode == 78 and said in done.stderr, words, done.returncode, done.stderr)
        done, notes = check.run(words + remedy)
        hold(done.returncode == 0 and not notes, words, remedy, done.returncode, done.stderr)


def noted(check):
    for words, said in NOTED:
        done, notes = check.run(words)
        hold(done.returncode == 0, words, done.stderr)
        hold(len(notes) == 1 and said in notes[0] if said else not notes, words, said, notes)


def orders(check):
    """A stretched exact state of lambda = 2: E = (alpha + 1 / alpha) / 2 times the exact energy, however seldom orders change."""
    alpha, particles = 0.8, 4
    exact = (alpha + 1 / alpha) / 2 * (particles / 2 + particles * (particles - 1))
    for method in ['sampler.method=metropolis'], ['sampler.method=metropolis', 'sampler.move=all'], ['sampler.method=langevin'], \
            ['sampler.method=langevin', 'sampler.move=particle'], ['sampler.method=hmc']:
        done, _ = check.run(product(particles, 1, 'gaussian, power', INVERSE, f'gaussian.alpha={alpha}', 'measure.controls=none', *method,
                                    'measure.samples=2e5', 'sampler.walkers=128', 'sampler.burn_in=200'))
        result = json.loads(done.stdout)
        off = (result['energy'] - exact) / result['energy_error']
        print(f'{" ".join(method)}: {result["energy"]:.4f} +- {result["energy_error"]:.4f}, {off:+.1f} standard errors from {exact}')
        hold(abs(off) < 4 and result['energy_error'] < 0.03, method, result['energy'], exact)


def main(vmc):
    with tempfile.TemporaryDirectory() as folder:
        check = Check(vmc, Path(folder))
        for test in refused, noted, orders:
            test(check)
            print(f'{test.__name__}: passed')


if __name__ == '__main__':
    main(*sys.argv[1:])
