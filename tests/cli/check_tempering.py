#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two far humps of |psi|^2: walkers that cannot cross are found out, and with temperatures the energy is the exact one. What hmc learns is used again.

    check_tempering.py VMC configs/two_humps.ini

The exact energy is that of vmc verify, which allows 4 standard errors: a false alarm in 6e-5 of runs, were the seed not fixed.
"""
import json
import os
import subprocess
import sys
import tempfile


def run(vmc, config, folder, *settings):
    command = [vmc, config, '-q', '--json', '--force', '-t', '1', '-o', os.path.join(folder, 'run.h5')]
    for setting in settings:
        command += ['--set', setting]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)
    verified = subprocess.run([vmc, 'verify', os.path.join(folder, 'run.h5')], capture_output=True, text=True, timeout=60)
    print(settings, 'E =', result['energy'], '+-', result['energy_error'], 'R-hat', result['r_hat'], 'effective', result['effective_samples'],
          'swaps', result['swap_acceptance'], 'verify', verified.returncode)
    return result, verified.returncode


def learnt_once(vmc, config, folder):
    """hmc learns in the first burn-in; who loads its file learns nothing, but for a sampler with other temperatures."""
    first = run(vmc, config, folder, 'sampler.method=hmc', 'measure.samples=1e4')[0]
    kept = os.path.join(folder, 'kept.h5')
    os.rename(os.path.join(folder, 'run.h5'), kept)
    load = ('sampler.method=hmc', 'measure.samples=1e4', f'wavefunction.load={kept}', 'run.seed=7', 'sampler.burn_in=20')
    again, other = run(vmc, config, folder, *load)[0], run(vmc, config, folder, *load, 'sampler.temperatures=1, 2')[0]
    assert again['step'] == first['step']
    assert other['step'] != first['step']
    extended = subprocess.run([vmc, config, '-q', '--json', '-t', '1', '-o', kept, '--resume', '--set', 'sampler.method=hmc', '--set', 'measure.samples=2e4'],
                              capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(extended.stdout)['step'] == first['step']


def main(vmc, config):
    vmc = os.path.abspath(vmc)
    with tempfile.TemporaryDirectory() as folder:
        for method in ('metropolis', 'langevin', 'hmc'):
            tempered, verified = run(vmc, config, folder, f'sampler.method={method}')
            assert verified == 0
            assert tempered['r_hat'] < 1.05
            assert 0.4 < tempered['swap_acceptance'] < 0.8
            assert tempered['effective_samples'] > 10000
        for method in ('metropolis', 'langevin', 'hmc'):
            plain, verified = run(vmc, config, folder, f'sampler.method={method}', 'sampler.temperatures=1')
            assert verified == 1
            assert plain['r_hat'] > 1.2
            assert plain['effective_samples'] <= 256, 'walkers that have not met count as one sample each'
            assert plain['swap_acceptance'] is None
            assert plain['verdict'] == 'bad'
        learnt_once(vmc, config, folder)
        # from far off it is the same
        far, verified = run(vmc, config, folder, 'sampler.spread=8')
        assert verified == 0 and far['r_hat'] < 1.05


if __name__ == '__main__':
    main(*sys.argv[1:])
