#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads that touch the same memory without order, looked for by clang's ThreadSanitizer with Archer, which tells it of OpenMP's barriers.

    check_races.py path/to/the/source path/to/a/folder

In the folder the program is built for this; short runs with two to four threads must be free of races. Then faults are planted in
the program, one race each, and each must be found: a detector that sees nothing would pass as well.
"""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT, PLACE = (pathlib.Path(word).resolve() for word in sys.argv[1:])
TREE, BUILD = PLACE / 'source', PLACE / 'build'
RACY = '''#include <omp.h>
#include <stdio.h>
int main(void)
{
    double sum = 0, part[2] = { 0 };
#pragma omp parallel for num_threads(2) schedule(static) %s
    for (int k = 0; k < 20000; k++)
        sum += k;
#pragma omp parallel num_threads(2)
    part[omp_get_thread_num()] = sum;
    return !(part[0] + part[1] + sum > 0);
}
'''
SHORT = ['optimizer.iterations=3', 'optimizer.samples=2048', 'measure.samples=8192', 'sampler.walkers=256', 'sampler.burn_in=20',
         'optimizer.stop=never']
# name, configuration or None, threads, settings
RUNS = [
    ('metropolis', 'twoparticles_jastrow', 2, ['sampler.method=metropolis', 'observables.kinds=density-radial, pair-distribution']),
    ('metropolis, all', 'twoparticles', 3, ['sampler.method=metropolis', 'sampler.move=all', 'optimizer.method=adam']),
    ('langevin', 'dot_6_backflow', 4, ['sampler.method=langevin']),
    ('langevin, one particle', 'harmonic_bosons', 2, ['sampler.method=langevin', 'sampler.move=particle', 'optimizer.method=momentum']),
    ('gibbs', 'twoparticles', 3, ['sampler.method=gibbs', 'rbm.representation=probability', 'optimizer.method=sgd']),
    ('hmc', 'twoparticles', 4, ['sampler.method=hmc', 'sampler.temperatures=1, 1.7', 'sampler.warm_up=momentum-diffusion']),
    ('exact', 'twoparticles', 2, ['sampler.method=exact', 'optimizer.method=exact', 'optimizer.starts=2']),
    ('temperatures', 'two_humps', 3, ['sampler.method=metropolis', 'sampler.temperatures=1, 1.5, 2.2']),
    ('starts', 'twoparticles', 4, ['rbm.hidden=4', 'optimizer.starts=2']),
]
LEARN = '''[learn]
data = %s
visible = spins
hidden = 11
negative = %s
steps = 5
chains = 1024
samples = 10000
iterations = 4
posterior = no
'''
# file, text that is there once, what takes its place, the run that must notice
PLANTED = [
    ('src/run/ensemble_burn_in.c', ' reduction(+ : accepted)', '', 'temperatures'),
    ('src/run/ensemble_pass.c', 'memset(group->gradient_sums, 0', 'memset(ensemble->group[ensemble->first_group].gradient_sums, 0', 'langevin'),
    ('src/run/ensemble_pass.c', '        struct rows rows;\n        struct ensemble_group own', '        static struct rows rows;\n        struct ensemble_group own',
     'hmc'),
    ('src/learn/passes.c', ' reduction(+ : accepted)', '', 'learn'),
]


def skip(why):
    print('skipped:', why)
    sys.exit(77)


def text_of(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def find_archer():
    resources = text_of(['clang', '-print-resource-dir']).stdout.strip()
    places = [folder / 'libarcher.so' for folder in pathlib.Path(resources).parents]
    return next((place for place in places if place.exists()), None)


def environment(archer):
    # what OpenMP's library itself copies and clears is ordered by means that the sanitizer does not know
    (PLACE / 'suppressions').write_text('called_from_lib:libomp.so\ncalled_from_lib:libarcher.so\n')
    # later versions of meson ask UndefinedBehaviorSanitizer to abort, which ThreadSanitizer would obey, too
    return dict(os.environ, OMP_TOOL_LIBRARIES=str(archer), TSAN_OPTIONS=f'suppressions={PLACE}/suppressions exitcode=66', UBSAN_OPTIONS='',
                OMP_WAIT_POLICY='passive')


def find_detector():
    """(what goes before a command, its environment); a program of ten lines with and without a race has to be judged rightly."""
    if not shutil.which('clang'):
        skip('there is no clang')
    archer = find_archer()
    if not archer:
        skip('there is no libarcher.so beside clang (Debian: libomp-dev)')
    env = environment(archer)
    for name, clause in (('racy', ''), ('clean', 'reduction(+ : sum)')):
        (PLACE / (name + '.c')).write_text(RACY % clause)
        built = text_of(['clang', '-g', '-O1', '-fopenmp', '-fsanitize=thread', name + '.c', '-o', name], cwd=PLACE)
        if built.returncode != 0:
            skip('clang cannot build a program with -fopenmp -fsanitize=thread:\n' + built.stderr)
    for before in ([], ['setarch', '-R']):  # addresses at random may lie where the sanitizer has no room for them
        racy, clean = (text_of([*before, './' + name], cwd=PLACE, env=env) for name in ('racy', 'clean'))
        if clean.returncode == 0 and racy.returncode == 66 and 'data race' in racy.stderr:
            return before, env
    skip('the detector does not tell a race from none here:\n' + racy.stderr + clean.stderr)


def copy_tree():
    """The program's source without its tests, with loops shared out beforehand: where threads fetch their next turn, one may take all of a short loop."""
    for path in [ROOT / 'meson.build', ROOT / 'meson_options.txt'] + [p for folder in ('src', 'include', 'scripts', 'data', 'configs')
                                                                      for p in sorted((ROOT / folder).rglob('*')) if p.is_file()]:
        target, content = TREE / path.relative_to(ROOT), path.read_bytes().replace(b'schedule(dynamic, 1)', b'schedule(static)')
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            shutil.copymode(path, target)


def build():
    if not (BUILD / 'build.ninja').exists():  # width 1: the sanitizer does not look at registers of more than two doubles
        compiler = 'ccache clang' if shutil.which('ccache') else 'clang'
        done = text_of(['meson', 'setup', BUILD, TREE, '-Db_sanitize=thread', '-Db_lundef=false', '-Dlevels=false', '-Dtests=false',
                 '-Dmpi=disabled', '-Dwidth1=true', '-Doptimization=1', '-Ddebug=true'], env=dict(os.environ, CC=compiler))
        if done.returncode != 0:
            sys.exit(done.stdout[-4000:] + done.stderr)
    built = text_of(['ninja', '-C', BUILD, 'src/vmc'])
    if built.returncode != 0:
        sys.exit(built.stdout[-4000:] + built.stderr)


def commands(name):
    """The command lines of a run."""
    vmc = [str(BUILD / 'src/vmc')]
    if name == 'learn':
        return [[*vmc, 'learn', '--config', f'{negative}.ini', '-t', '4', '--force'] for negative in ('gibbs', 'exact')]
    for title, config, threads, settings in RUNS:
        if title == name:
            values = [word for setting in SHORT + settings for word in ('-s', setting)]
            return [[*vmc, str(ROOT / 'configs' / f'{config}.ini'), '-o', 'run.h5', '--force', '-t', str(threads), *values]]
    return None


def run(name, before, env):
    """(whether a race was found, what was printed)"""
    said, found = '', False
    for command in commands(name):
        done = text_of([*before, *command], cwd=PLACE, env=env, timeout=300)
        said += done.stdout + done.stderr
        found = found or done.returncode == 66 or 'WARNING: ThreadSanitizer' in done.stderr
        if done.returncode not in (0, 66):
            sys.exit(f'{name}: ended with {done.returncode}:\n{said}')
    return found, said


def main():
    PLACE.mkdir(parents=True, exist_ok=True)
    before, env = find_detector()
    copy_tree()
    build()
    (PLACE / 'x.csv').write_text(''.join(','.join(str(2 * (k * k // 7 >> b & 1) - 1) for b in range(11)) + '\n' for k in range(12000)))
    for negative in ('gibbs', 'exact'):
        (PLACE / f'{negative}.ini').write_text(LEARN % ('x.csv', negative))
    failed = 0
    for name in [row[0] for row in RUNS] + ['learn']:
        found, said = run(name, before, env)
        print(('race    ' if found else 'clean   ') + name, flush=True)
        if found:
            print(said)
        failed += found
    for file, old, new, name in PLANTED:
        target = TREE / file
        original = target.read_text()
        assert original.count(old) == 1, f'{file} has "{old}" {original.count(old)} times, not once'
        target.write_text(original.replace(old, new))
        try:
            build()
            found, said = run(name, before, env)
        finally:
            target.write_text(original)
        print(('found   ' if found else 'MISSED  ') + f'the race planted in {file}, by {name}', flush=True)
        failed += not found
    sys.exit(failed > 0)


main()
