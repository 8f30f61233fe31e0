#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the program once more, with sanitizers, below the build folder, and runs tests with it.

    check_sanitizers.py memory SOURCE FOLDER [TEST...]     unit tests with AddressSanitizer and UndefinedBehaviorSanitizer
    check_sanitizers.py threads SOURCE FOLDER [TEST...]    runs with several threads, and those unit tests that have them,
                                                           with clang's ThreadSanitizer and libarcher, which tells it what
                                                           OpenMP's barriers order

A sanitizer that sees nothing would pass: a small program with a fault of its own has to be found first, and the same one
without it has not to be. What a machine lacks is said, and the test is skipped.
"""
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

OVERFLOW = '''#include <stdlib.h>
int main(int argc, char **argv)
{
    int *x = calloc((size_t)argc + 3, sizeof *x), sum = 2147483600;
    (void)argv;
    for (int k = 0; k < argc + 3 + BEYOND; k++)
        sum += x[k];
    sum += argc * ADDED;
    free(x);
    return sum == 0;
}
'''
RACE = '''#include <unistd.h>
int main(void)
{
    double sum = 0, part[64] = { 0 };
#pragma omp parallel for num_threads(4) schedule(dynamic, 1)
    for (int k = 0; k < 64; k++) {
        part[k] = k;
        usleep(1000);
        if (SHARED)
            sum += k;
    }
    for (int k = 0; k < 64; k++)
        sum += part[k];
    return sum == 1;
}
'''
# Unit tests that take minutes under a sanitizer, with the part of them that is run: a cmocka filter each.
PARTS = {'run': ['test_file', 'test_hopeless', 'test_recovers', 'test_load', 'test_schedules'], 'sampler': [], 'resume': [], 'warm-up': []}
RUNS = {
    'plain': '',
    'fermions': '[system]\nparticles = 6\nstatistics = fermions\n[wavefunction]\nfactors = slater, pade-jastrow, rbm\n',
    'environment': '[system]\nparticles = 4\n[wavefunction]\nfactors = rbm\n[rbm]\nsharing = environment\n',
    'tempered': '[sampler]\nmethod = hmc\ntemperatures = 1, 1.5\n',
    'gibbs': '[system]\ninteraction = none\n[sampler]\nmethod = gibbs\n[optimizer]\nmethod = adam\n',
    'observed': '[observables]\nkinds = one-body, density-2d, pair-distribution\ninterval = 2\n[sampler]\nmethod = langevin\n',
}
HEAD = '[system]\nparticles = 2\n[sampler]\nwalkers = 256\nburn_in = 20\n[optimizer]\niterations = 6\nsamples = 2560\n[measure]\nsamples = 25600\n'


def skip(reason):
    print('skipped: ' + reason)
    sys.exit(77)


def found_in(said):
    """The first report of a sanitizer; None without one."""
    match = re.search(r'(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error).*(\n.*){0,12}', said)
    return match and match.group()


def run(command, limit=1200, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit, errors='replace', **options)
    return done.returncode, done.stdout


def judge(compiler, flags, text, planted, environment):
    """Whether the fault `planted` (macros) of a program is found, and nothing without it."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / 'planted.c'
        source.write_text(text)
        for macros in planted:
            code, said = run([*compiler, '-g', '-O1', *flags, *['-D%s=%d' % pair for pair in macros.items()], source, '-o', source.with_suffix('')])
            if code != 0:
                skip('%s cannot build with %s:\n%s' % (compiler[0], ' '.join(flags), said[-600:]))
            code, said = run([source.with_suffix('')], env=environment)
            if bool(found_in(said)) != any(macros.values()):
                sys.exit('a program with %s: %s' % (macros, said or 'nothing was found'))


def build(source, folder, compiler, options):
    if not (folder / 'build.ninja').exists():
        shutil.rmtree(folder, ignore_errors=True)
        code, said = run(['meson', 'setup', folder, source, '-Dlevels=false', '-Dmpi=disabled', '-Doptimization=1', '-Ddebug=true', '-Db_ndebug=false',
                          '-Db_lundef=false', *options], env=dict(os.environ, CC=' '.join(compiler)))
        if code != 0:
            sys.exit(said)
    tests = {test['name']: test for test in json.loads(run(['meson', 'introspect', '--tests', folder])[1])
             if re.search(r'(^|/)tests/test_\w+$', test['cmd'][0]) and 'vmc:unit' in test['suite'] and len(test['cmd']) == 1}
    return tests


def make(folder, tests):
    code, said = run(['ninja', '-C', folder, 'src/vmc', *[re.search(r'tests/test_\w+$', test['cmd'][0]).group() for test in tests]])
    if code != 0:
        sys.exit(said[-4000:])


def ask(name, command, folder, environment, failures):
    code, said = run(command, cwd=folder, env=environment)
    report = found_in(said)
    print('%-30s %s' % (name, 'found something' if report else 'fails (%d)' % code if code else 'fine'), flush=True)
    if report or code:
        failures.append('%s:\n%s' % (name, report or said[-3000:]))


def unit_tests(tests, folder, environment, failures):
    for name, test in tests.items():
        for part in PARTS.get(name, [None]):
            ask(name if part is None else '%s, %s' % (name, part), test['cmd'] + ([part] if part else []), folder,
                dict(environment, **test['env']), failures)


def memory(source, folder, compiler, asked):
    flags = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    # what HDF5 and OpenMP keep until the end is theirs
    environment = dict(os.environ, ASAN_OPTIONS='detect_leaks=0:detect_stack_use_after_return=1', UBSAN_OPTIONS='print_stacktrace=1')
    judge(compiler, flags, OVERFLOW, [{'BEYOND': 0, 'ADDED': 0}, {'BEYOND': 1, 'ADDED': 0}, {'BEYOND': 0, 'ADDED': 1000}], environment)
    tests = build(source, folder, compiler, ['-Db_sanitize=address,undefined', '-Dc_args=-fno-sanitize-recover=all'])
    tests = {name: test for name, test in tests.items() if not asked or name in asked}
    make(folder, tests.values())
    failures = []
    unit_tests(tests, folder, environment, failures)
    return failures


def threads(source, folder, _, asked):
    compiler = os.environ.get('CLANG', 'clang').split()
    if not shutil.which(compiler[0]):
        skip('there is no clang')
    resources = run([*compiler, '-print-resource-dir'])[1].strip()
    archers = [path for place in (os.path.join(resources, '../..'), '/usr/lib/llvm-*/lib') for path in glob.glob(os.path.join(place, 'libarcher.so'))]
    if not archers:
        skip('there is no libarcher (on Debian, Ubuntu: libomp-dev), without which barriers of OpenMP look like races')
    environment = dict(os.environ, OMP_TOOL_LIBRARIES=os.path.realpath(archers[0]), TSAN_OPTIONS='ignore_noninstrumented_modules=1:history_size=4')
    judge(compiler, ['-fopenmp', '-fsanitize=thread'], RACE, [{'SHARED': 0}, {'SHARED': 1}], environment)
    tests = build(source, folder, compiler, ['-Db_sanitize=thread'])
    tests = {name: test for name, test in tests.items() if name in (asked or ('run', 'optimizer'))}
    make(folder, tests.values())
    failures = []
    with tempfile.TemporaryDirectory() as place:
        for name, text in RUNS.items():
            (pathlib.Path(place) / (name + '.ini')).write_text(merged(HEAD, text))
            ask('%s, 4 threads' % name, [folder / 'src/vmc', name + '.ini', '-q', '-t', '4'], place, environment, failures)
    if 'run' in tests:
        ask('run, test_threads', [*tests['run']['cmd'], 'test_threads'], folder, dict(environment, **tests['run']['env']), failures)
    return failures


def merged(*texts):
    """One INI text of several: keys of the later ones win."""
    sections = {}
    for line in '\n'.join(texts).splitlines():
        if line.startswith('['):
            section = sections.setdefault(line, {})
        elif line:
            name, value = line.split(' = ', 1)
            section[name] = value
    return ''.join('%s\n%s\n' % (head, '\n'.join('%s = %s' % pair for pair in keys.items())) for head, keys in sections.items())


def main():
    kind, source, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3]).resolve()
    failures = {'memory': memory, 'threads': threads}[kind](source, folder, os.environ.get('CC', 'cc').split(), sys.argv[4:])
    print('\n\n'.join(failures))
    sys.exit(1 if failures else 0)


main()
