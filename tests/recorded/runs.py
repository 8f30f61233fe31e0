# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run and recorded: name -> files that lie there, and commands. As short as shows a rule at work, on both sides of it where it has two."""

SHORT = ('[system]\nparticles = 2\ndimensions = 2\n[optimizer]\niterations = 12\nsamples = 128\n[measure]\nsamples = 1600\npositions = 10\n'
         '[sampler]\nwalkers = 32\nburn_in = 12\n[observables]\nkinds = none\n')
TWO = 'system.interaction=coulomb'
DOT = 'system.particles=6 system.statistics=fermions system.interaction=coulomb wavefunction.factors=slater,pade-jastrow'


def words(text):
    return [word for pair in text.split() for word in ('--set', pair)]


def one(text, *more):
    """A run of SHORT with settings, and further commands."""
    return {'files': {'r.ini': SHORT}, 'commands': [['r.ini', '-v', *words(text)], *more]}


def learning(data, text, *more):
    return {'files': {'x.csv': data, 'l.ini': '[learn]\ndata = x.csv\n'}, 'commands': [['learn', 'l.ini', *words(text)], ['show', 'l.h5'], *more]}


REAL = ''.join(f'{(k * 7) % 11 - 5.5},{(k * 5) % 13 - 6.25}\n' for k in range(200))
SPINS = ''.join(f'{1 if k % 3 else -1},{1 if k % 2 else -1}\n' for k in range(200))
BITS = ''.join(','.join(str((k * j) % 11 % 2) for j in range(1, 9)) + '\n' for k in range(200))
WIDE = ''.join(','.join(str((k * j + k // j) % 13 % 2) for j in range(1, 27)) + '\n' for k in range(100))  # too many states to sum over
SWEEP = SHORT + '[sweep]\nsystem.omega = 0.5 | 1\nrbm.hidden = 1:3:2\n'
POINTS = [f's-{k:04}.h5' for k in range(4)]

# keeps what it is told, and leaves something to be found as a picture
GNUPLOT = """#!/bin/sh
[ "$1" = --version ] && echo 'gnuplot 5.4' && exit
cat "$@" | tee -a told.gp | sed -n "s/^set output '\\(.*\\)'/\\1/p" | while read -r name; do echo picture >"$name"; done
"""
SEEN = f'{TWO} observables.kinds=auto'

RUNS = {
    # training from end to end: plateau, refinement, several starts, steps back, giving up, averaging
    'plateau': one(f'{TWO} observables.kinds=auto optimizer.iterations=150 optimizer.samples=256', ['show', 'r.h5'], ['diagnose', 'r.h5'],
                   ['verify', 'r.h5'], ['verify', '--json', 'r.h5'], ['diagnose', '--json', 'r.h5']),
    'starts': one(f'{TWO} rbm.hidden=3 optimizer.iterations=130 optimizer.samples=64'),
    'starts, asked': one(f'{TWO} optimizer.starts=3 optimizer.iterations=9 rbm.train_sigma=yes rbm.sigma=0.9'),
    'starts, apart': one('system.particles=3 rbm.hidden=4 system.omega=1.3 system.interaction=coulomb optimizer.iterations=105 optimizer.samples=64'),
    'units anew': one(f'{TWO} system.particles=3 rbm.hidden=6 rbm.init_scale=1.8 optimizer.starts=1 optimizer.iterations=80'),
    'dead units': one(f'{TWO} system.particles=4 rbm.hidden=8 rbm.init_scale=1.5 interaction.strength=20 optimizer.starts=1 optimizer.iterations=60'),
    'sgd': one(f'{TWO} optimizer.method=sgd optimizer.clip=0.1 optimizer.schedule=cosine optimizer.iterations=40'),
    'sgd, plateau': one('optimizer.method=sgd rbm.hidden=1 rbm.sigma=1.2 optimizer.iterations=600 optimizer.samples=64'),
    'momentum': one(f'{TWO} optimizer.method=momentum optimizer.schedule=inverse optimizer.decay=0.3'),
    'adam': one(f'{TWO} optimizer.method=adam optimizer.stop=never optimizer.iterations=60 rbm.representation=probability'),
    'too fast': one(f'{TWO} optimizer.method=sgd optimizer.learning_rate=40 optimizer.iterations=20'),
    'given up': one('optimizer.method=sgd optimizer.learning_rate=1e300 rbm.init_scale=1'),
    'exact': one(f'{TWO} optimizer.method=exact optimizer.iterations=10 sampler.method=exact', ['verify', 'r.h5'], ['diagnose', 'r.h5']),
    'exact, width': one('system.particles=1 system.dimensions=1 rbm.train_sigma=yes rbm.sigma=1.3 optimizer.method=exact optimizer.starts=2'),
    'exact, grown and shared out': one(f'{TWO} rbm.hidden=7 rbm.train_sigma=yes optimizer.method=exact optimizer.starts=4 optimizer.iterations=5 measure.samples=64'),
    'trap': one('rbm.sigma=1 optimizer.iterations=200', ['verify', 'r.h5'], ['diagnose', 'r.h5']),
    'known by one energy': one('system.particles=3 system.dimensions=1 system.interaction=inverse-square interaction.lambda=2 optimizer.iterations=0 wavefunction.factors=gaussian,power gaussian.alpha=1.7 measure.samples=6400', ['diagnose', 'r.h5'], ['show', 'r.h5']),
    'narrow beside a core': one('system.particles=3 wavefunction.factors=gaussian,hard-core,gaussian-pair gaussian.train=no '
                                'gaussian.alpha=3 optimizer.starts=1 hard-core.diameter=0.3', ['diagnose', 'r.h5']),
    'narrow': one(f'{TWO} system.particles=3 wavefunction.factors=gaussian,pade-jastrow gaussian.train=no gaussian.alpha=3 optimizer.starts=1', ['diagnose', 'r.h5']),
    # how sr solves
    'sr, cholesky': one(f'{TWO} optimizer.solver=cholesky optimizer.shift=0.05 optimizer.shift_decay=0.9 optimizer.shift_least=0.02 optimizer.starts=1'),
    'sr, cg': one(f'{TWO} optimizer.solver=cg optimizer.momentum=0.5 optimizer.tolerance=1e-4 optimizer.starts=1 optimizer.iterations=5 optimizer.max_step=0.02'),
    'sr, minsr': one(f'{TWO} optimizer.solver=minsr optimizer.shift=0.1 optimizer.samples=32 optimizer.iterations=2 rbm.hidden=16 optimizer.starts=1'),
    # samplers
    'metropolis': one(f'{TWO} sampler.method=metropolis sampler.thin=3 observables.kinds=density-radial,density-2d,pair-distribution,distances,one-body observables.interval=4'),
    'metropolis, all': one(f'{TWO} sampler.method=metropolis sampler.move=all sampler.proposal=normal sampler.temperatures=1,1.4,2'),
    'langevin': one(f'{TWO} sampler.method=langevin sampler.move=particle measure.controls=none system.dimensions=1 system.interaction=soft-coulomb'),
    'langevin, tempered': one(f'{TWO} sampler.method=langevin sampler.temperatures=1,1.5 rbm.hidden=5 optimizer.starts=1 sampler.spread=3'),
    'gibbs': one(f'{TWO} sampler.method=gibbs rbm.hidden=4 optimizer.starts=1'),
    'hmc': one(f'{TWO} sampler.method=hmc sampler.trajectory=2 sampler.warm_up=momentum-diffusion optimizer.iterations=6'),
    'hmc, tempered': one('sampler.method=hmc sampler.temperatures=1,2 system.dimensions=1 rbm.hidden=2 optimizer.iterations=6'),
    'exact sampler': one('sampler.method=exact rbm.hidden=3 rbm.representation=probability optimizer.starts=1 sampler.step=0.3'),
    # factors, forces
    'one particle': one('observables.kinds=auto system.particles=1 system.dimensions=1 wavefunction.factors=gaussian gaussian.alpha=0.8', ['diagnose', 'r.h5']),
    'line': one('observables.kinds=auto system.particles=3 system.dimensions=1 system.interaction=soft-coulomb interaction.softening=0.7 '
                'wavefunction.factors=gaussian,pade-jastrow pade-jastrow.cusp=0.5', ['diagnose', 'r.h5']),
    'springs': one('system.particles=3 system.dimensions=3 system.omega=1,1.2,0.8 system.interaction=harmonic wavefunction.factors=gaussian,gaussian-pair gaussian.alpha=0.8 optimizer.iterations=2 measure.controls=none'),
    'inverse square': one('system.particles=3 system.dimensions=1 system.interaction=inverse-square interaction.lambda=2 '
                          'wavefunction.factors=gaussian,power power.train=yes power.mu=1.7 gaussian.alpha=0.8 optimizer.iterations=2'),
    'hard spheres': one('observables.kinds=auto system.particles=4 system.dimensions=3 system.interaction=hard-sphere interaction.diameter=0.3 '
                        'wavefunction.factors=gaussian,hard-core'),
    'well': one('system.interaction=gaussian interaction.height=-2 interaction.width=0.5 wavefunction.factors=gaussian,rbm rbm.sharing=pairs '
                'rbm.vectors=no'),
    'backflow': one(f'{DOT} slater.backflow=exponential slater.mixing=yes slater.train_backflow_length=yes optimizer.iterations=24'),
    # hardly room for all
    'dense cores': one('system.particles=12 system.interaction=hard-sphere interaction.diameter=0.55 wavefunction.factors=gaussian,hard-core optimizer.iterations=0 '
                       'measure.samples=64 sampler.burn_in=0'),
    # parameters that join late come first
    'units first': one('system.particles=6 system.statistics=fermions system.interaction=coulomb wavefunction.factors=rbm,slater,pade-jastrow rbm.sharing=environment '
                       'rbm.hidden=1 slater.backflow=exponential optimizer.iterations=8'),
    # a force without strength has no cusp, and yet its energy is known without looking at pairs
    'no strength': one('system.particles=3 system.interaction=coulomb interaction.strength=0 wavefunction.factors=gaussian,pade-jastrow pade-jastrow.cusp=0.5 '
                       'optimizer.iterations=4'),
    'environment': one(f'{DOT},rbm rbm.sharing=environment optimizer.iterations=24 system.spin_up=3'),
    # more samples than metrics of products are made of at once
    'many samples': one(f'{DOT} sampler.walkers=640 optimizer.samples=640 optimizer.iterations=2 measure.samples=640'),
    'shells': one(f'{DOT} observables.kinds=auto sampler.method=metropolis optimizer.iterations=4 sampler.burn_in=70', ['diagnose', 'r.h5']),
    'shells in space': one(f'{DOT} system.particles=8 system.dimensions=3 slater.backflow=two-scales optimizer.iterations=4 sampler.method=metropolis'),
    'orbitals': one('system.particles=3 system.statistics=fermions system.spin_up=3 wavefunction.factors=slater system.omega=1,1.3 slater.alpha=0.8 '
                    'optimizer.method=adam optimizer.iterations=2'),
    # goes on, loads, ends early
    'extended': one(SEEN, ['r.ini', '--resume', *words(SEEN), '--set', 'measure.samples=4800'], ['r.ini', '--resume', *words(SEEN)],
                    ['r.ini', '-o', 'm.h5', *words(f'{TWO} wavefunction.load=r.h5 rbm.hidden=4 optimizer.iterations=5')],
                    ['r.ini', '-o', 'n.h5', *words(f'{TWO} wavefunction.load=r.h5 optimizer.iterations=0 measure.target_error=0.02 measure.samples=1e6')]),
    'long series': one('observables.kinds=auto optimizer.iterations=3 measure.samples=160000 measure.series_values=1024 observables.interval=11 observables.bins=20 '
                       'observables.range=3'),
    'sweep': {'files': {'s.ini': SWEEP},
              'commands': [['sweep', 'list', 's.ini'], ['sweep', 'script', 's.ini', '--per-job', '3', '--time', '00:10:00'], ['s.ini', '--json'],
                           ['s.ini', '--task', '1'], ['s.ini', '--check'], ['sweep', 'list', 's.ini'], ['merge', 'all.h5', *POINTS], ['show', 'all.h5']],
              'beside': POINTS},  # files that are not looked at
    'room': one('system.particles=10 system.dimensions=3 rbm.hidden=100 rbm.sigma=1.1 optimizer.method=momentum optimizer.iterations=410 optimizer.samples=32 measure.samples=32'),
    'not symmetric': one('system.particles=3 system.statistics=fermions system.spin_up=3 wavefunction.factors=slater,rbm wavefunction.allow_unsymmetric=yes',
                         ['diagnose', 'r.h5'], ['verify', 'r.h5']),
    'few draws': one(f'{TWO} measure.samples=64 optimizer.iterations=0', ['diagnose', 'r.h5'], ['verify', 'r.h5']),
    'no mixing': one(f'{TWO} optimizer.starts=1 sampler.method=metropolis sampler.step=0.01 optimizer.iterations=3', ['diagnose', 'r.h5']),
    'loads others': one(TWO, *(['r.ini', '-o', f'{k}.h5', '-q', *words('wavefunction.load=r.h5 optimizer.iterations=0 measure.samples=64 ' + text)]
                               for k, text in enumerate(('system.particles=3', 'system.dimensions=3', 'rbm.hidden=1', 'rbm.hidden=2', 'rbm.representation=probability',
                                                         'wavefunction.factors=gaussian', 'wavefunction.factors=gaussian,rbm', 'rbm.sigma=2', 'rbm.sigma=1,2',
                                                         'sampler.method=metropolis', 'sampler.method=hmc', 'system.omega=2')))),
    # learning
    'learn, chains': learning(REAL, 'learn.hidden=3 learn.iterations=40 learn.chains=64 learn.held_out=0.25'),
    'learn, momentum': learning(REAL, 'learn.iterations=30 learn.chains=32 learn.negative=metropolis learn.method=momentum learn.clip=0.5 learn.steps=2'),
    'learn, exact': learning(REAL, 'learn.negative=exact learn.method=exact learn.starts=2 learn.iterations=40 learn.representation=amplitude'),
    'learn, sgd': learning(REAL, 'learn.negative=exact learn.method=sgd learn.iterations=25 learn.schedule=inverse learn.train_sigma=no learn.sigma=3,4 '
                           'learn.dimensions=2 learn.samples=50'),
    'learn, spins': learning(SPINS, 'learn.visible=spins learn.negative=exact learn.method=exact learn.posterior=yes learn.posterior_samples=1600'),
    'learn, bits': learning(BITS, 'learn.visible=binary learn.hidden=4 learn.iterations=30 learn.ais_chains=32 learn.ais_steps=40 learn.prior=0.7'),
    'learn, no partition': learning(BITS, 'learn.visible=binary learn.hidden=2 learn.iterations=20 learn.chains=32 learn.partition=no'),
}
# keys that no run above sets
RUNS.update({
    'fixed': one('wavefunction.factors=gaussian,rbm gaussian.train=no rbm.hidden=1 sampler.jumps=no rbm.train_sigma=no'),
    'nothing to train': one(f'{TWO} wavefunction.factors=gaussian gaussian.train=no', ['show', 'r.h5'], ['r.ini', '--check', *words('wavefunction.factors=gaussian gaussian.train=no')]),
    'pairs, fixed': one('system.particles=3 system.interaction=harmonic wavefunction.factors=gaussian,gaussian-pair gaussian-pair.gamma=0.1 '
                        'gaussian-pair.train=no optimizer.method=adam optimizer.beta1=0.7 optimizer.beta2=0.9 measure.controls=none'),
    'cusp, fixed': one(f'{DOT} pade-jastrow.beta=0.6 pade-jastrow.train=no slater.alpha=0.9 slater.train=no slater.backflow=exponential '
                       'slater.backflow_length=0.8 optimizer.iterations=3'),
    'cores': one('system.particles=4 system.dimensions=3 system.interaction=hard-sphere interaction.diameter=0.3 wavefunction.factors=gaussian,hard-core '
                 'hard-core.diameter=0.35 sampler.method=metropolis sampler.step=0.6 optimizer.iterations=2'),
    'weights, long': one(f'{TWO} system.particles=4 rbm.hidden=6 interaction.strength=10 rbm.init_scale=2 optimizer.iterations=4 measure.samples=3200'),
    'target': one('optimizer.iterations=0 wavefunction.factors=gaussian gaussian.alpha=0.8 measure.target_error=0.02 measure.samples=1e6 measure.controls=none'),
    'learn, keys': learning(REAL, 'learn.method=momentum learn.momentum=0.5 learn.schedule=inverse learn.decay=0.1 learn.init_scale=0.5 learn.iterations=20 '
                                  'learn.chains=32', ['learn', 'l.ini', '--check'], ['learn', 'l.ini', '--json', '-o', 'j.h5'], ['diagnose', 'l.h5'],
                            ['verify', 'l.h5'], ['learn', 'l.ini', '--resume', *words('learn.iterations=30')], ['learn', 'l.ini', '--print-config']),
    'learn, adam': learning(BITS, 'learn.visible=binary learn.beta1=0.5 learn.beta2=0.8 learn.iterations=20 learn.chains=32 learn.hidden=3 learn.negative=metropolis '
                                  'learn.prior=2 learn.learning_rate=0.05 learn.schedule=constant learn.held_out=0'),
    'learn, many': learning(BITS, 'learn.visible=binary learn.hidden=9 learn.iterations=5 learn.chains=32', ['learn', 'l.ini', '--resume', *words('learn.iterations=9')]),
    'learn, no first number': learning(' ,1\n', 'learn.iterations=1'),
    'learn, annealed': learning(WIDE, 'learn.visible=binary learn.hidden=25 learn.iterations=6 learn.chains=32 learn.ais_chains=32 learn.ais_steps=30'),
    'learn, annealed widths': learning(REAL, 'learn.hidden=25 learn.iterations=4 learn.chains=32 learn.ais_chains=32 learn.ais_steps=30'),
    'learn, posterior': learning(BITS, 'learn.visible=binary learn.hidden=2 learn.negative=exact learn.method=exact learn.iterations=30 learn.posterior=yes '
                                       'learn.posterior_samples=640', ['learn', 'l.ini', '--json', '-o', 'j.h5', *words('learn.partition=no')]),
    # ends before the end: by a signal, by the clock, with a disk that is full; and what goes on from there
    'cut, training': {'files': {'r.ini': SHORT}, 'commands': [
        ['CUT_AT=60', 'CUT_HOW=15', 'r.ini', *words(TWO)], ['show', 'r.h5'], ['diagnose', 'r.h5'], ['verify', 'r.h5'], ['plot', 'r.h5', '--with', 'gnuplot'],
        ['r.ini', '-q', *words(TWO)], ['CUT_AT=20', 'CUT_HOW=2', 'r.ini', '--json', '--resume', *words(TWO)], ['r.ini', '--json', '--resume', *words(TWO)]]},
    'cut, measuring': {'files': {'r.ini': SHORT}, 'commands': [
        ['CUT_AT=330', 'CUT_HOW=time', 'r.ini', '-v', '--max-time', '1h', *words(f'{TWO} measure.samples=64000 observables.kinds=auto')], ['show', 'r.h5'], ['diagnose', 'r.h5'],
        ['verify', 'r.h5'], ['diagnose', '--json', 'r.h5'], ['merge', 'm.h5', 'r.h5'],
        ['CUT_AT=90', 'CUT_HOW=1', 'r.ini', '--resume', *words(f'{TWO} measure.samples=64000 observables.kinds=auto')]]},
    'cut, exact': {'files': {'r.ini': SHORT}, 'commands': [
        ['CUT_AT=6', 'CUT_HOW=15', 'r.ini', *words(f'{TWO} optimizer.method=exact optimizer.iterations=20')], ['diagnose', 'r.h5'],
        ['r.ini', '--resume', *words(f'{TWO} optimizer.method=exact optimizer.iterations=20')]]},
    'cut, sweep': {'files': {'s.ini': SWEEP}, 'commands': [
        ['CUT_AT=300', 'CUT_HOW=15', 's.ini'], ['sweep', 'list', 's.ini'], ['sweep', 'list', 's.ini', '--json', '--task', '1-2'],
        ['CUT_AT=150', 'CUT_HOW=time', 's.ini', '--json', '--max-time', '2h'], ['s.ini', '--set', 'sampler.thin=2'], ['sweep', 'list', 's.ini', '--set', 'sampler.thin=2'],
        ['s.ini', '--jobs', '2']], 'beside': POINTS},
    'cut, learning': {'files': {'l.ini': '[learn]\ndata = x.csv\niterations = 60\nchains = 32\n', 'x.csv': REAL}, 'commands': [
        ['CUT_AT=30', 'CUT_HOW=15', 'learn', 'l.ini'], ['show', 'l.h5'], ['diagnose', 'l.h5'], ['CUT_AT=25', 'CUT_HOW=time', 'learn', 'l.ini', '--resume', '--json', '--max-time', '1h'],
        ['learn', 'l.ini', '--resume', '--json']]},
    'not written': {'files': {'r.ini': SHORT, 's.ini': SWEEP, 'l.ini': '[learn]\ndata = x.csv\niterations = 6\nchains = 32\n', 'x.csv': REAL}, 'commands': [
        [f'FAIL_AT={k}', 'FAIL_HOW=28', 'FAIL_ON=1', *command] for k in (3, 7) for command in
        (['r.ini', '-o', f'r{k}.h5'], ['r.ini', '--json', '-o', f'j{k}.h5'], ['s.ini', '--task', '0-1', '-o', f's{k}.h5'], ['learn', 'l.ini', '-o', f'l{k}.h5'])]},
    # what a program that draws is told
    'drawn': {'files': {'r.ini': SHORT + 'range = 3\nbins = 12\n', 'bin/gnuplot': GNUPLOT}, 'commands': [
        ['r.ini', '-q', *words(f'{SEEN} optimizer.iterations=40 measure.samples=32000')], ['r.ini', '-q', '-o', 'one.h5', *words('system.particles=1 system.dimensions=1 observables.kinds=auto')],
        *(['PATH=bin:/usr/bin:/bin', 'plot', '--with', 'gnuplot', *command] for command in
          (['r.h5'], ['r.h5', 'one.h5', '-o', 'two.svg'], ['one.h5', '--what', 'density', '-o', 'x.pdf'], ['r.h5', 'r.h5', '--what', 'training'], ['one.h5', '--what', 'pairs'],
           ['r.h5', '--by', 'rbm.hidden'], ['r.h5', '--what', 'sweep'], ['nix.h5'], ['r.h5', '--what', 'nix'], ['r.h5', '-o', 'x.jpg'],
           *(['r.h5', '--what', kind, '-o', kind + '.png'] for kind in ('training', 'blocking', 'series', 'density', 'plane', 'pairs', 'overview'))))]},
    'drawn, sweep': {'files': {'s.ini': SWEEP.replace('1:3:2', '1 | 3\nrun.seed = 1 | 2'), 'bin/gnuplot': GNUPLOT}, 'commands': [
        ['s.ini', '-q', *words('optimizer.iterations=0 measure.samples=320')], ['merge', 'all.h5', '-q', *(f's-{k:04}.h5' for k in range(8))],
        *(['PATH=bin:/usr/bin:/bin', 'plot', 'all.h5', '--with', 'gnuplot', *command] for command in
          ([], ['--by', 'system.omega'], ['--by', 'rbm.hidden,system.omega', '-o', 'x.pdf'], ['--by', 'run.seed,rbm.hidden'], ['--by', 'rbm.nix'], ['--by', 'rbm.hidden,rbm.hidden'],
           ['--what', 'training']))], 'beside': ['all.h5', *(f's-{k:04}.h5' for k in range(8))]},
})
# of these all that a run goes on with, too
CHECKPOINTS = ('cut, training', 'cut, learning', 'plateau', 'starts, asked', 'metropolis, all', 'hmc, tempered', 'backflow', 'long series', 'learn, momentum')


# what `auto` and the like become, and what is refused
RESOLVED = ['', 'system.particles=13 system.interaction=coulomb', 'system.particles=20 system.interaction=coulomb', 'system.dimensions=3 rbm.sigma=1,2,3',
            'system.omega=1,2', 'optimizer.method=adam sampler.method=hmc', 'optimizer.method=exact rbm.hidden=12', f'{DOT} slater.backflow=two-scales']
RUNS['resolved'] = {'files': {'r.ini': '[system]\nparticles = 2\ndimensions = 2\n'}, 'commands': [['r.ini', '--print-config', *words(text)] for text in RESOLVED]}
RUNS['checked'] = {'files': {'r.ini': SHORT}, 'commands': [['r.ini', '--check', *words(text)] for text in
                   (TWO, 'optimizer.method=exact rbm.hidden=13', 'optimizer.iterations=0 measure.positions=100000 sampler.temperatures=1,2')]}
REFUSED = ['system.particles=0', 'system.particles=4097', 'system.dimensions=4', 'system.omega=0', 'system.omega=1,2,3', 'system.omega=-1', 'rbm.sigma=1,2,3',
           'rbm.hidden=100001', 'system.interaction=hard-sphere', 'system.statistics=fermions system.particles=3',
           'system.interaction=harmonic interaction.kappa=-0.5', 'system.interaction=inverse-square interaction.lambda=0.49', 'sampler.walkers=31',
           'sampler.walkers=48', 'sampler.temperatures=2,1', 'sampler.temperatures=1,1', 'sampler.temperatures=1,17', 'sampler.trajectory=2',
           'sampler.method=hmc sampler.trajectory=101', 'sampler.method=gibbs wavefunction.factors=gaussian', 'sampler.method=exact rbm.hidden=40',
           'optimizer.method=exact wavefunction.factors=gaussian', 'optimizer.momentum=1', 'optimizer.shift_decay=0', 'optimizer.shift_decay=1.01',
           'optimizer.tolerance=1', 'measure.controls=none,linear', 'measure.controls=cusp', 'measure.samples=0', 'observables.bins=1', 'observables.bins=2001',
           'observables.kinds=pair-distribution system.particles=1', 'wavefunction.factors=rbm,rbm', 'wavefunction.factors=hard-core', 'wavefunction.load=nix.h5',
           'wavefunction.factors=slater', 'run.seed=18446744073709551616', 'run.seed=18446744073709551615', 'system.omgea=1', 'nix.a=1', 'rbm.sharing=pairs system.particles=1',
           'system.spin_up=1', f'{DOT} system.particles=5', f'{DOT} system.spin_up=7', 'measure.series_values=1023', 'sampler.spread=1000000',
           # at the bounds of the rules that are not ranges
           'sampler.walkers=64 sampler.method=exact wavefunction.factors=pade-jastrow', 'sampler.method=exact wavefunction.factors=gaussian,rbm',
           'sampler.method=gibbs wavefunction.factors=gaussian,rbm', 'sampler.method=exact sampler.temperatures=1,2', 'rbm.sharing=environment',
           'wavefunction.factors=gaussian,rbm rbm.sharing=environment rbm.hidden=65', 'wavefunction.factors=gaussian,rbm rbm.sharing=pairs rbm.hidden=65',
           'rbm.sharing=pairs', 'rbm.envelope=no', 'wavefunction.factors=gaussian,power', 'wavefunction.factors=gaussian,power power.mu=0.01',
           'wavefunction.factors=gaussian,power power.mu=0', 'wavefunction.factors=gaussian,power power.mu=-0.01',
           f'{DOT} system.spin_up=6 slater.backflow=exponential', f'{DOT} slater.orbitals_up=0 slater.orbitals_down=0', f'{DOT} system.statistics=bosons',
           f'{DOT},rbm', f'{DOT} slater.backflow=two-scales observables.kinds=one-body', f'{DOT} system.spin_up=4',
           'system.particles=2 system.statistics=fermions system.spin_up=2', 'wavefunction.factors=slater,gaussian,rbm,power,pade-jastrow,hard-core,gaussian-pair,rbm',
           'sweep.a=1', 'rbm=3', 'rbm.nix=', 'system.interaction=harmonic interaction.strength=1', 'interaction.strength=1',
           'system.interaction=coulomb interaction.strength=-1', 'system.interaction=coulomb interaction.strength=0 wavefunction.factors=gaussian,pade-jastrow',
           'optimizer.method=exact rbm.sharing=pairs', 'optimizer.method=exact system.interaction=soft-coulomb', 'optimizer.method=exact rbm.hidden=22',
           'rbm.sigma=-1', 'rbm.sigma=nan', 'rbm.sigma=inf', 'rbm.sigma=1e400', 'rbm.sigma=1,', 'rbm.sigma=', 'sampler.walkers=1e3', 'sampler.walkers=0x40',
           'sampler.walkers=96.5', 'optimizer.stages=maybe', 'optimizer.method=', 'measure.controls=', 'measure.controls=linear,linear',
           'measure.controls=linear,quadratic,cusp,pair', 'observables.kinds=auto,density-radial']
RUNS['refused'] = {'files': {'r.ini': SHORT.replace('iterations = 12', 'iterations = 1')}, 'commands': [['r.ini', '--check', *words(text)] for text in REFUSED] +
                   [['r.ini', *text.split()] for text in ('--nix', '--task 1', '-t 0', '-j 2', '--max-time 1x', '--max-time 0', '--json=1', 'b.ini', '-t', '-q -v --check',
                                                          '--set rbm.hidden', '--progress nix', '--pro never', '--p never', '--max-time 2d', '--max-time 1h30m', '--json', '--what nix',
                                                          '--per-job 2', '--resume --force', '--task 0-3', '-t 1000000', '-o', '-o a.h5 --check', '--check --print-config')] +
                   [['merge', 'o.h5'], ['merge', 'o.h5', 'nix.h5'], ['show'], ['show', 'nix.h5'], ['show', 'r.ini'], ['diagnose', 'nix.h5'], ['plot'], ['learn'],
                    ['learn', 'r.ini'], ['sweep', 'list', 'r.ini'], ['sweep', 'nix'], ['verify'], ['help', 'nix'], ['shwo', 'r.h5'], ['nix.ini']]}
LEARNING = ['learn.dimensions=3', 'learn.sigma=1,2,3', 'learn.hidden=30 learn.negative=exact learn.visible=binary', 'learn.visible=spins learn.method=exact',
            'learn.visible=binary', 'learn.data=one.csv', 'learn.data=flat.csv', 'learn.data=equal.csv learn.visible=spins learn.negative=exact learn.method=exact',
            'learn.data=equal.csv learn.visible=spins learn.negative=exact learn.method=exact learn.prior=1', 'learn.data=words.csv', 'learn.data=ragged.csv',
            'learn.data=nix.csv', 'learn.data=below/x.csv', 'learn.data=nix.h5:a', 'learn.held_out=0.999', 'learn.held_out=1', 'learn.chains=48', 'learn.method=exact',
            'learn.negative=exact learn.method=exact learn.samples=10', 'learn.data=few.csv', 'learn.posterior=yes', 'learn.steps=0', 'system.particles=2',
            'learn.data=single.csv learn.visible=spins', 'learn.learning_rate=1e9 learn.iterations=200']
RUNS['learning, refused'] = {
    'files': {'l.ini': '[learn]\ndata = x.csv\niterations = 2\nchains = 32\n', 'w.ini': '[learn]\ndata = x.csv\n[sweep]\nlearn.hidden = 1 | 2\n', 'x.csv': REAL,
              'one.csv': '1,2\n', 'flat.csv': '1,2\n1,3\n1,4\n', 'equal.csv': '1,1\n-1,-1\n1,1\n-1,-1\n' * 5, 'words.csv': 'a,b\n1,2\n', 'ragged.csv': '1,2\n1\n',
              'few.csv': '1,2\n2,3\n3,1\n', 'single.csv': '1\n-1\n' * 5},
    'commands': [['learn', 'l.ini', '-q', '--force', *words(text)] for text in LEARNING] + [['learn', 'w.ini'], ['l.ini'], ['learn', 'l.ini', '--check']]}
TABLES = {'many keys': ''.join(f'{key} = 2\n' for key in ('system.omega', 'rbm.hidden', 'rbm.sigma', 'run.seed', 'measure.samples', 'sampler.thin', 'sampler.spread',
                                                              'optimizer.samples', 'optimizer.clip', 'optimizer.iterations', 'sampler.burn_in', 'rbm.init_scale',
                                                              'observables.bins', 'observables.interval', 'observables.range', 'system.dimensions', 'sampler.step')),
          'many values': 'run.seed = 1:100001:100001\n', 'one': 'rbm.hidden = 3\n', 'words': 'sampler.method = "gibbs" | langevin\nsystem.omega = 0.5,1 | 1\n',
          'empty': 'rbm.hidden = 1 | \n', 'backwards': 'rbm.hidden = 5:1:3\n', 'halves': 'rbm.hidden = 1:4:3\n', 'real': 'system.omega = 0.1:0.5:5\n',
          'count': 'system.omega = 1:2:1\n', 'twice': 'system.omega = 1 | 2\nsystem.omega = 3 | 4\n', 'itself': 'sweep.omega = 1 | 2\n', 'bad': 'rbm.hidden = 1 | x\n',
          'nix': 'system.omgea = 1 | 2\n', 'letters': 'a.b = 1\nrbm.h = 1\nr.hidden = 2\n.a = 1\na. = 1\n', 'refused': 'system.dimensions = 3 | 4\n'}
RUNS['sweeps, listed'] = {'files': {f'{name}.ini': f'{SHORT}[sweep]\n{text}' for name, text in TABLES.items()},
                          'commands': [['sweep', 'list', f'{name}.ini'] for name in TABLES] + [['sweep', 'script', 'real.ini', '-o', 'it''s here/a b.h5', '-q'],
                                       ['sweep', 'script', 'real.ini', '--per-job', '5'], ['sweep', 'script', 'real.ini', '--per-job', '6'],
                                       ['sweep', 'list', 'real.ini', '--json'], ['real.ini', '--task', '5'], ['real.ini', '--task', '3-2'],
                                       ['real.ini', '--task', '0', '--max-time', '1s', '-q'], ['real.ini', '--print-config', '--task', '4']]}
RUNS['said'] = {'files': {}, 'commands': [['help', name] for name in ('merge', 'rbm', 'sampler', 'nix')]}
# widths and steps that a file's sampler has learnt, and for whom they are none
HMC = 'sampler.method=hmc sampler.temperatures=1,2 sampler.burn_in=60 optimizer.iterations=0 measure.samples=64 wavefunction.load=r.h5'
RUNS['loads what was learnt'] = one('sampler.method=hmc sampler.temperatures=1,2 sampler.burn_in=60 optimizer.iterations=1 optimizer.samples=32 measure.samples=64', *(
    ['r.ini', '-o', f'{k}.h5', *words(f'{HMC} {text}')] for k, text in enumerate(('', 'sampler.step=0.3', 'sampler.temperatures=1,3', 'sampler.temperatures=1', 'sampler.method=langevin'))))
RUNS['resumed otherwise'] = {'files': {'r.ini': SHORT.replace('12', '2'), 's.ini': SHORT}, 'commands': [['r.ini', '-q', *words('measure.samples=320')]] + [
    ['r.ini', '--resume', *words(f'measure.samples=320 {text}')] for text in (
        '', 'rbm.hidden=3', 'system.omega=1.0000001', 'system.omega=1 rbm.hidden=2', 'sampler.walkers=64', 'measure.samples=319', 'optimizer.iterations=1',
        'optimizer.schedule=cosine', 'measure.target_error=1', 'measure.target_error=0.5', 'measure.target_error=2', 'wavefunction.factors=gaussian', 'run.seed=2',
        'run.checkpoint_interval=7', 'optimizer.iterations=3')] +
    [['r.ini', '-o', 'nix.h5', '--resume', '-q'], ['r.ini', '-o', 's.ini', '--resume'], ['r.ini'], ['r.ini', '--force', '-q'], ['r.ini', '-o', 'nix/o.h5'], ['r.ini', '-o', '.']]}
RUNS['learning otherwise'] = {'files': {'l.ini': '[learn]\ndata = x.csv\niterations = 2\nchains = 32\n', 'x.csv': REAL, 'y.csv': REAL[:-2] + '0\n', 'below/l.ini': '[learn]\ndata = z.csv\n',
                                        'below/z.csv': BITS, 'r.ini': SHORT.replace('12', '1')}, 'commands': [
    ['learn', 'l.ini', '-q'], ['r.ini', '-q', *words('measure.samples=32')], *(['learn', 'l.ini', '--resume', *words(text)] for text in (
        '', 'learn.hidden=3', 'learn.iterations=1', 'learn.data=y.csv', 'learn.sigma=1', 'run.checkpoint_interval=1e-9 learn.iterations=5')), ['learn', 'l.ini'],
    ['learn', 'l.ini', '-o', 'r.h5', '--resume'], ['learn', 'l.ini', '-o', 'n.h5', '--resume', '-q'],
    ['learn', 'below/l.ini', '-o', 'b.h5', *words('learn.visible=binary learn.hidden=3 learn.iterations=4 learn.chains=32 learn.steps=3')],
    *(['learn', 'below/l.ini', '-o', 'c.h5', '--check', *words(f'learn.data={name}')] for name in ('l.ini', 'r.h5', 'r.h5:/training/energy', 'r.h5:/result', 'below', '../x.csv'))]}
RUNS['merged, refused'] = {'files': {'r.ini': SHORT.replace('12', '0').replace('1600', '32'), 'a.csv': 'mine\n', 'd.h5/x': ''}, 'commands': [
    ['r.ini', '-q'], *(['merge', *command] for command in (
        ['r.h5', 'r.h5'], ['a.h5', 'r.h5'], ['a.h5', 'r.h5', '--force'], ['a.h5', 'r.h5', '-q'], ['d.h5', 'r.h5'], ['r.ini', 'r.h5'], ['m.h5', 'r.h5', 'r.h5', './r.h5'], ['m.h5', 'r.ini'],
        ['m.h5', 'a.h5', 'r.h5'], ['nix/m.h5', 'r.h5'], ['r.ini/m.h5', 'r.h5'], ['n' * 245 + '.h5', 'r.h5']))], 'beside': ['a.h5', 'd.h5']}
# what tells the third from the first two, and the fourth from the third
RUNS['merged, alike'] = {'files': {'r.ini': SHORT.replace('12', '0').replace('1600', '32')}, 'commands': [
    *(['r.ini', '-q', '-o', f'{k}.h5', *words(text)] for k, text in enumerate(('run.seed=1', 'run.seed=1', 'run.seed=1 sampler.thin=2', 'run.seed=1 sampler.thin=2 rbm.init_scale=0.3'))),
    ['merge', 'm.h5', *(f'{k}.h5' for k in range(4))]], 'beside': [f'{k}.h5' for k in range(4)]}
# every way to move with weights of several factors, nodes and cores
PRODUCTS = {'cores': 'system.particles=4 system.dimensions=3 system.interaction=hard-sphere interaction.diameter=0.3 wavefunction.factors=gaussian,hard-core',
            'nodes': f'{DOT},gaussian-pair', 'machine': f'{TWO} wavefunction.factors=gaussian,pade-jastrow,rbm'}
MOVES = {'hmc': 'sampler.method=hmc sampler.step=0.3', 'langevin': 'sampler.method=langevin', 'langevin one': 'sampler.method=langevin sampler.move=particle',
         'walk': 'sampler.method=metropolis sampler.move=all', 'hot': 'sampler.method=metropolis sampler.temperatures=1,2'}
RUNS['products, moved'] = {'files': {'r.ini': SHORT.replace('iterations = 12', 'iterations = 0').replace('1600', '320')}, 'commands': [
    ['r.ini', '--json', '-o', f'{product}, {way}.h5', *words(f'{PRODUCTS[product]} {MOVES[way]}')] for product in PRODUCTS for way in MOVES],
    'beside': [f'{product}, {way}.h5' for product in PRODUCTS for way in MOVES]}
RUNS['drawn, ticks'] = {'files': {'s.ini': SHORT.replace('12', '0').replace('1600', '32') + '[sweep]\nsampler.thin = 1 | 13\n', 'bin/gnuplot': GNUPLOT}, 'commands': [
    command for last in (13, 14) for command in (
        ['s.ini', '-q', '--force', '-o', f'{last}.h5', *words(f'sweep.sampler.thin=1|{last}')], ['merge', 'all.h5', '-q', '--force', f'{last}-0000.h5', f'{last}-0001.h5'],
        ['PATH=bin:/usr/bin:/bin', 'plot', 'all.h5', '--with', 'gnuplot'])], 'beside': ['all.h5', *(f'{last}-{k:04}.h5' for last in (13, 14) for k in range(2))]}


class Dice:
    """The same in every version of Python: a linear congruence, of which the high bits are used."""

    def __init__(self, seed):
        self.state = seed

    def one_of(self, *words):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        return words[(self.state >> 33) % len(words)]


SYSTEMS = (TWO, f'{TWO} rbm.hidden=4', f'{TWO} system.particles=3 rbm.train_sigma=yes', 'system.omega=1,1.4 rbm.sigma=0.9,1.1 rbm.hidden=1', f'{TWO} rbm.representation=probability',
           'system.dimensions=1 system.particles=3 system.interaction=soft-coulomb interaction.softening=0.6', f'{TWO} system.dimensions=3 wavefunction.factors=rbm,pade-jastrow',
           f'{TWO} wavefunction.factors=gaussian,rbm rbm.sharing=pairs', f'{TWO} wavefunction.factors=gaussian,pade-jastrow',
           'system.particles=3 system.dimensions=1 system.interaction=inverse-square interaction.lambda=2 wavefunction.factors=gaussian,power',
           'system.particles=4 system.interaction=hard-sphere interaction.diameter=0.2 wavefunction.factors=gaussian,hard-core',
           'system.particles=3 system.interaction=harmonic interaction.kappa=0.3 wavefunction.factors=gaussian,gaussian-pair', DOT, f'{DOT} slater.backflow=exponential',
           f'{DOT},rbm rbm.sharing=environment rbm.hidden=1', 'system.particles=4 system.dimensions=3 system.statistics=fermions system.spin_up=4 wavefunction.factors=slater',
           'system.particles=5 system.interaction=gaussian interaction.height=1.5 rbm.hidden=3')
SAMPLERS = ('metropolis', 'metropolis sampler.move=all', 'metropolis sampler.proposal=normal', 'metropolis sampler.move=all sampler.proposal=normal', 'langevin',
            'langevin sampler.move=particle', 'hmc', 'hmc sampler.trajectory=0.7')
METHODS = ('sr', 'sr', 'sr', 'sgd', 'momentum', 'adam', 'sr optimizer.solver=cg', 'sr optimizer.solver=minsr optimizer.samples=48', 'sr optimizer.momentum=0.6')


def by_dice(seed):
    """Settings that no one would think of together."""
    dice = Dice(seed)
    text = f'{dice.one_of(*SYSTEMS)} sampler.method={dice.one_of(*SAMPLERS)} optimizer.method={dice.one_of(*METHODS)} run.seed={seed}'
    for key, *values in (('sampler.thin', 1, 2, 5), ('sampler.walkers', 32, 32, 64, 96), ('sampler.temperatures', 1, 1, '1,1.5', '1,1.3,2.1'), ('sampler.spread', 1, 2),
                         ('sampler.burn_in', 5, 20, 40), ('sampler.warm_up', 'plain', 'plain', 'momentum-diffusion'), ('optimizer.iterations', 2, 5, 9),
                         ('optimizer.schedule', 'constant', 'inverse', 'cosine'), ('optimizer.clip', 0, 0.2), ('optimizer.starts', 1, 1, 2),
                         ('optimizer.stop', 'plateau', 'never'), ('optimizer.stages', 'yes', 'no'), ('measure.samples', 96, 640, 3200),
                         ('measure.controls', 'auto', 'auto', 'none', 'linear'), ('measure.positions', 0, 7), ('measure.series_values', 1024, 1048576),
                         ('observables.kinds', 'none', 'auto', 'auto', 'density-radial,distances'), ('observables.interval', 1, 3), ('observables.bins', 8, 21)):
        value = dice.one_of(*values)
        if value != values[0]:
            text += f' {key}={value}'
    return one(text)


RUNS.update({f'by dice, {seed}': by_dice(seed) for seed in range(1, 31)})

SAMPLES = ((REAL, ''), (REAL, ' learn.dimensions=2 learn.sigma=3,4'), (REAL, ' learn.representation=amplitude'), (REAL, ' learn.train_sigma=no'),
           (BITS, ' learn.visible=binary'), (BITS, ' learn.visible=binary learn.prior=0.8'), (SPINS, ' learn.visible=spins'))


def learned_by_dice(seed):
    """The same; where there can be one, with a posterior."""
    dice = Dice(seed)
    data, text = dice.one_of(*SAMPLES)
    exact = dice.one_of(False, True)
    method = dice.one_of('sgd', 'momentum', 'adam', *(['exact learn.starts=2'] * 3 if exact else []))
    text += f' learn.method={method} run.seed={seed} learn.negative={"exact" if exact else dice.one_of("gibbs", "metropolis")}'
    if exact and data != REAL:
        text += f' learn.posterior=yes learn.posterior_samples=640 learn.prior={dice.one_of(0.5, 1)}' + dice.one_of('', '', ' learn.partition=no')
    for key, *values in (('learn.hidden', 2, 1, 4), ('learn.steps', 1, 3), ('learn.chains', 32, 96), ('learn.iterations', 8, 3, 25), ('learn.samples', 'auto', 40),
                         ('learn.schedule', 'constant', 'inverse', 'cosine'), ('learn.clip', 0, 0.3), ('learn.held_out', 0.1, 0, 0.4), ('learn.ais_chains', 32, 64),
                         ('learn.ais_steps', 20, 50), ('learn.init_scale', 0.05, 0.4)):
        if not (key == 'learn.hidden' and data == SPINS):
            text += f' {key}={dice.one_of(*values)}'
    return learning(data, text, ['learn', 'l.ini', '--json', '-o', 'j.h5', '-q', *words(f'{text} learn.iterations=2')])


RUNS.update({f'learned by dice, {seed}': learned_by_dice(seed) for seed in range(1, 17)})

# the clock goes by looks: what runs are said to take, how far they are said to be, and when they are saved
CLOCK = ['CLOCK_STEP=3000']
CHECKED = ('', 'optimizer.iterations=100000', 'optimizer.iterations=0 measure.samples=100000', 'optimizer.starts=3 sampler.burn_in=5000', 'optimizer.method=exact rbm.hidden=6',
           'sampler.warm_up=momentum-diffusion sampler.burn_in=300', 'optimizer.iterations=1', 'sampler.temperatures=1,2 sampler.thin=3 optimizer.method=adam')
RUNS['clock, checked'] = {'files': {'r.ini': SHORT}, 'commands': [[*CLOCK, 'r.ini', '--check', *more, *words(f'{TWO} {text}')] for text in CHECKED for more in ([], ['--json'])]}
RUNS['clock, run'] = {'files': {'r.ini': SHORT}, 'commands': [[*CLOCK, 'r.ini', '--progress', 'always', '-v', *words(f'{TWO} optimizer.iterations=60 measure.samples=32000')]]}
RUNS['clock, starts'] = {'files': {'r.ini': SHORT}, 'commands': [[*CLOCK, 'r.ini', '--progress', 'always', *words(f'{TWO} optimizer.starts=2 optimizer.iterations=20 run.checkpoint_interval=0.2 '
                                                                                                          'sampler.temperatures=1,1.5 sampler.burn_in=60 measure.target_error=0.05')]]}
RUNS['clock, exact'] = {'files': {'r.ini': SHORT}, 'commands': [[*CLOCK, 'r.ini', '--progress', 'always', *words(f'{TWO} optimizer.method=exact optimizer.starts=3 optimizer.iterations=30')]]}
RUNS['clock, sweep'] = {'files': {'s.ini': SWEEP}, 'commands': [[*CLOCK, 's.ini', '--progress', 'always'], [*CLOCK, 's.ini', '--check'], [*CLOCK, 's.ini', '--check', '--json'],
                                                                [*CLOCK, 's.ini', '--force', '--max-time', '2s']], 'beside': POINTS}
RUNS['clock, learning'] = {'files': {'l.ini': '[learn]\ndata = x.csv\niterations = 60\nchains = 32\n', 'x.csv': REAL, 'b.csv': BITS}, 'commands': [
    [*CLOCK, 'learn', 'l.ini', '--progress', 'always'], [*CLOCK, 'learn', 'l.ini', '--check', '--json'],
    [*CLOCK, 'learn', 'l.ini', '-o', 'p.h5', '--progress', 'always', *words('learn.data=b.csv learn.visible=binary learn.negative=exact learn.method=exact learn.posterior=yes '
                                                                            'learn.posterior_samples=640 learn.iterations=9')]]}
RUNS['clock, refined'] = {'files': {'r.ini': SHORT}, 'commands': [[*CLOCK, 'r.ini', '--progress', 'always', *words(f'{TWO} optimizer.iterations=200 optimizer.starts=1 {text}')]
                                                                  for text in ('optimizer.samples=96', 'optimizer.method=adam optimizer.samples=32')]}
# all kinds of starts, with one unit to an axis and several
for name, text in {'line': 'system.dimensions=1 system.interaction=soft-coulomb system.omega=1.7 rbm.hidden=3', 'plane': 'system.interaction=coulomb system.omega=1,1.3 rbm.hidden=6',
                   'space': 'system.dimensions=3 system.interaction=coulomb system.omega=1,1.4,0.7 rbm.hidden=11', 'sites': 'system.particles=3 system.interaction=coulomb rbm.hidden=13',
                   'sites in space': 'system.particles=4 system.dimensions=3 system.interaction=coulomb system.omega=1,1.2,1.5 rbm.hidden=9'}.items():
    RUNS[f'starts, {name}'] = one(f'{text} rbm.train_sigma=yes optimizer.starts=6 optimizer.iterations=2 optimizer.samples=32 sampler.burn_in=10 measure.samples=32')
RUNS['learn, long posterior'] = learning(SPINS, 'learn.visible=spins learn.hidden=1 learn.negative=exact learn.method=exact learn.posterior=yes learn.posterior_samples=17000')


def cut_by_dice(seed):
    """Ends three times wherever it is, with all that it goes on with."""
    dice = Dice(seed)
    run = by_dice(7919 * seed)
    text = run['commands'][0][2:] + words(f'run.checkpoint_interval={dice.one_of(0.1, 600)}')
    return {**run, 'commands': [[*CLOCK, f'CUT_AT={dice.one_of(20, 40, 70, 110) * (1 + k)}', f'CUT_HOW={dice.one_of("15", "2", "time")}', 'r.ini', '-v', '--resume', '--max-time', '1h', *text]
                                for k in range(3)] + [['show', 'r.h5']]}


CUT_BY_DICE = {f'clock, cut by dice, {seed}': cut_by_dice(seed) for seed in range(1, 6)}
RUNS.update(CUT_BY_DICE)
CHECKPOINTS += tuple(CUT_BY_DICE)
RUNS['more shells'] = one(f'{DOT} system.particles=12 optimizer.iterations=2 optimizer.samples=32 measure.samples=32 sampler.burn_in=5')
