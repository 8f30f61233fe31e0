#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole program under AddressSanitizer and UndefinedBehaviorSanitizer: short runs of every sampler, optimiser, factor, force and command,
and all commands of tests/recorded/runs.py but those that need faults of the system.

    check_runs.py VMC_SANITIZED ROOT

Every run has to end with its code, without a word of a sanitizer. Nothing is said here of the results; that is for the other tests.
"""
import itertools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FEW = '[optimizer]\niterations = {iterations}\nsamples = 128\n[measure]\nsamples = 320\n[sampler]\nwalkers = 32\nburn_in = 8\n'
TWO = 'system.particles=2 system.dimensions=2 system.interaction=coulomb'
# as many temperatures as there may be
LADDER = 'sampler.temperatures=1,1.1,1.2,1.3,1.4,1.5,1.6,1.7'
RUNS = [  # settings, separated by blanks
    f'{TWO} sampler.method=metropolis sampler.move=particle optimizer.method=sgd optimizer.clip=0.1 optimizer.schedule=cosine',
    f'{TWO} sampler.method=metropolis sampler.move=all sampler.proposal=normal optimizer.method=momentum optimizer.schedule=inverse {LADDER}',
    f'{TWO} sampler.method=langevin sampler.move=all optimizer.method=adam {LADDER}',
    f'{TWO} sampler.method=langevin sampler.move=particle optimizer.solver=cg optimizer.momentum=0.5',
    f'{TWO} sampler.method=gibbs optimizer.solver=minsr sampler.thin=2',
    f'{TWO} sampler.method=hmc sampler.warm_up=momentum-diffusion optimizer.solver=cholesky {LADDER}',
    f'{TWO} sampler.method=exact optimizer.method=exact rbm.train_sigma=yes optimizer.starts=2 optimizer.iterations=8',
    f'{TWO} optimizer.starts=3 rbm.representation=probability rbm.hidden=3',
    # a start that is grown, one whose units are shared out
    f'{TWO} sampler.method=exact optimizer.method=exact rbm.hidden=7 optimizer.starts=4',
    # more draws than there is room for, which is halved
    'system.particles=1 system.dimensions=1 wavefunction.factors=gaussian measure.samples=1280 measure.series_values=1024',
    'system.particles=3 system.dimensions=1 system.interaction=soft-coulomb wavefunction.factors=gaussian,pade-jastrow pade-jastrow.cusp=0.5 observables.kinds=auto',
    'system.particles=3 system.dimensions=3 system.interaction=harmonic wavefunction.factors=gaussian,gaussian-pair observables.kinds=one-body',
    'system.particles=3 system.dimensions=1 system.interaction=inverse-square interaction.lambda=2 wavefunction.factors=gaussian,power',
    'system.particles=4 system.dimensions=3 system.interaction=hard-sphere interaction.diameter=0.1 wavefunction.factors=gaussian,hard-core',
    'system.particles=2 system.dimensions=2 system.interaction=gaussian wavefunction.factors=gaussian,rbm rbm.sharing=pairs',
    'system.particles=6 system.dimensions=2 system.statistics=fermions system.interaction=coulomb wavefunction.factors=slater,pade-jastrow,rbm '
    'slater.backflow=exponential slater.mixing=yes rbm.sharing=environment slater.train_backflow_length=yes',
    'system.particles=8 system.dimensions=3 system.statistics=fermions system.interaction=coulomb wavefunction.factors=slater,pade-jastrow '
    'slater.backflow=two-scales sampler.method=metropolis',
]
LEARNS = [
    'learn.data=x.csv learn.hidden=3 learn.iterations=20 learn.chains=64',
    'learn.data=x.csv learn.hidden=2 learn.iterations=20 learn.chains=64 learn.negative=metropolis learn.method=momentum',
    'learn.data=x.csv learn.hidden=2 learn.negative=exact learn.method=exact learn.starts=2',
    'learn.data=s.csv learn.visible=spins learn.negative=exact learn.method=exact learn.posterior_samples=2000',
    'learn.data=b.csv learn.visible=binary learn.hidden=4 learn.iterations=20 learn.chains=64',
    # too many states to sum over
    'learn.data=w.csv learn.visible=binary learn.hidden=25 learn.iterations=5 learn.chains=64 learn.ais_chains=64 learn.ais_steps=50',
]
SWEEP = FEW.format(iterations=2) + '[system]\nparticles = 2\ndimensions = 2\n[sweep]\nsystem.omega = 0.5 | 1\nrbm.hidden = 1:3:2\n'


class Place:
    def __init__(self, program, folder):
        self.program, self.folder, self.tried, self.failures = program, Path(folder), 0, []

    def run(self, *words, codes=(0,), within='.', env={}):
        done = subprocess.run([self.program, *words], cwd=self.folder / within, capture_output=True, text=True, timeout=600, errors='replace',
                              stdin=subprocess.DEVNULL, env={**os.environ, 'OMP_NUM_THREADS': '2', **env})
        said = done.stdout + done.stderr
        self.tried += 1
        if done.returncode not in codes or 'Sanitizer' in said or 'runtime error' in said:
            self.failures.append(f'{" ".join(words)}: exit code {done.returncode}\n{said[-3000:]}')
            print('FAIL', self.failures[-1], flush=True)
        return said


def settings(text):
    return [word for pair in text.split() for word in ('--set', pair)]


def runs(place):
    for k, text in enumerate(RUNS):
        ini = place.folder / f'{k}.ini'
        ini.write_text(FEW.format(iterations=5))
        words = [ini.name, '-q', *settings(text)]
        place.run(*words)
        # stopped at once, gone on with, and longer
        place.run(*words, '-o', 'cut.h5', '--force', '--max-time', '0.02s', codes=(0, 75))
        place.run(*words, '-o', 'cut.h5', '--resume', '--set', 'measure.samples=1600')
    for command in (['show', '0.h5'], ['diagnose', '0.h5'], ['verify', '0.h5'], ['show', '--json', '15.h5'], ['plot', '0.h5', '-o', 'p.png']):
        place.run(*command, codes=(0, 1, 2, 65, 78))
    place.run('0.ini', *settings(RUNS[0]), '--check', '--json')
    place.run('0.ini', *settings(RUNS[0]), '--check', '--set', 'measure.positions=40')
    place.run('1.ini', *settings(RUNS[0]), '-o', 'loaded.h5', '--set', 'wavefunction.load=0.h5')
    place.run('0.ini', '--print-config', *settings(RUNS[15]))


def sweeps(place):
    (place.folder / 's.ini').write_text(SWEEP)
    place.run('s.ini', '--json')
    for words in (['sweep', 'list', 's.ini'], ['sweep', 'script', 's.ini'], ['s.ini', '--task', '1', '--force'], ['s.ini', '-j', '2', '--force'],
                  ['merge', 'all.h5', *(f's-{k:04}.h5' for k in range(4))], ['show', 'all.h5'], ['plot', 'all.h5']):
        place.run(*words, codes=(0, 2, 65, 66, 78) if words[0] in ('show', 'plot') else (0,))


def learns(place):
    (place.folder / 'x.csv').write_text(''.join(f'{(k * 7) % 11 - 5.5},{(k * 5) % 13 - 6.25}\n' for k in range(200)))
    (place.folder / 's.csv').write_text(''.join(f'{1 if k % 3 else -1},{1 if k % 2 else -1}\n' for k in range(200)))
    (place.folder / 'b.csv').write_text(''.join(','.join(str((k * j) % 11 % 2) for j in range(1, 9)) + '\n' for k in range(200)))
    (place.folder / 'w.csv').write_text(''.join(','.join(str((k * j + k // j) % 13 % 2) for j in range(1, 27)) + '\n' for k in range(100)))
    for k, text in enumerate(LEARNS):
        (place.folder / f'l{k}.ini').write_text('[learn]\n')
        words = ['learn', f'l{k}.ini', '-q', *settings(text)]
        place.run(*words)
        place.run(*words, '-o', 'cut-l.h5', '--force', '--max-time', '0.02s', codes=(0, 75))
        place.run(*words, '-o', 'cut-l.h5', '--resume')
    place.run('show', 'l0.h5')


def mistakes(place):
    """Texts that are wrong, files that are damaged."""
    place.run('nix.ini', codes=(66,))
    place.run('0.ini', '--set', 'system.omgea=1', codes=(78,))
    whole = (place.folder / '0.h5').read_bytes()
    for k in range(12):
        at = (k * 7919 + 100) % len(whole)
        (place.folder / 'bad.h5').write_bytes(whole[:at] if k % 3 == 0 else whole[:at] + bytes([whole[at] ^ 1 << k % 8]) + whole[at + 1:])
        place.run('show', 'bad.h5', codes=(0, 65, 66, 78))


def recorded(place, folder):
    """The commands of `recorded runs`, which have to end with the codes that they ended with there."""
    sys.path.insert(0, str(folder))
    from runs import RUNS
    codes = {}
    for line in (folder / 'recorded.txt').read_text().splitlines():
        if line.startswith('== '):
            codes[line[3:]] = []
            name = line[3:]
        elif line.startswith('$ '):
            codes[name].append(int(line.rsplit(' -> ', 1)[1]))
    for k, (name, run) in enumerate(RUNS.items()):
        within = place.folder / f'recorded-{k}'
        within.mkdir()
        for path, text in run.get('files', {}).items():
            (within / path).parent.mkdir(exist_ok=True)
            (within / path).write_text(text)
            (within / path).chmod(0o755 if text.startswith('#!') else 0o644)
        assert len(codes[name]) == len(run['commands']), name
        for command, code in zip(run['commands'], codes[name]):
            env = dict(word.split('=', 1) for word in itertools.takewhile(re.compile(r'[A-Z_]+=').match, command))
            if any(word.startswith(('CUT_', 'FAIL_', 'CLOCK_')) for word in env):
                break
            place.run(*command[len(env):], codes=(code,), within=within.name, env=env)


def main(program, root):
    with tempfile.TemporaryDirectory(prefix='vmc-sanitized-') as folder:
        place = Place(os.path.abspath(program), folder)
        runs(place)
        sweeps(place)
        learns(place)
        mistakes(place)
        recorded(place, Path(root) / 'tests/recorded')
    print(f'{place.tried} commands under sanitizers, {len(place.failures)} of them failed')
    return 1 if place.failures else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
