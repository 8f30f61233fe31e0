#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory runs out: each piece that the program asks for is refused in turn, alone and with all that follow.

    memory.py VMC SHIM some|all [CASE...]

`some`: one piece of every line of the program that asks for memory, told apart by who called the function that it is in; and the last pieces of each
case, where files are put in place.

A command ends with 70 and a message that speaks of memory, or with 0 where the piece did not matter and the results are
whole; never by a signal, with a half-written file or a lock that stands in the way.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import content, differences

RUN = '''\
[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
walkers = 32
burn_in = 4
[optimizer]
iterations = 3
samples = 64
starts = 2
[measure]
samples = 320
positions = 4
'''
DOT = '''\
[system]
particles = 6
dimensions = 2
statistics = fermions
interaction = coulomb
[wavefunction]
factors = slater, pade-jastrow, rbm
[slater]
backflow = exponential
[rbm]
sharing = environment
[sampler]
walkers = 32
burn_in = 2
temperatures = 1, 2
[optimizer]
iterations = 1
samples = 32
[measure]
samples = 64
'''
LEARN = '[learn]\ndata = x.csv\niterations = 3\nchains = 32\nsamples = 20\n'
# name: commands that make ready, the command, and the file that it makes
CASES = {
    'run': ([], ['r.ini', '-o', 'o.h5'], 'o.h5'),
    'resumed': ([['r.ini', '-o', 'o.h5']], ['r.ini', '-o', 'o.h5', '--resume', '--set', 'measure.samples=640'], 'o.h5'),
    'product': ([], ['d.ini', '-o', 'o.h5'], 'o.h5'),
    'cg': ([], ['r.ini', '-o', 'o.h5', '--set', 'optimizer.solver=cg'], 'o.h5'),
    'minsr': ([], ['r.ini', '-o', 'o.h5', '--set', 'optimizer.solver=minsr'], 'o.h5'),
    'adam': ([], ['r.ini', '-o', 'o.h5', '--set', 'optimizer.method=adam', '--set', 'sampler.method=gibbs'], 'o.h5'),
    'hmc': ([], ['r.ini', '-o', 'o.h5', '--set', 'sampler.method=hmc', '--set', 'sampler.warm_up=momentum-diffusion'], 'o.h5'),
    'exact': ([], ['r.ini', '-o', 'o.h5', '--set', 'optimizer.method=exact'], 'o.h5'),
    'loaded': ([['r.ini', '-o', 'a.h5']], ['r.ini', '-o', 'o.h5', '--set', 'wavefunction.load=a.h5'], 'o.h5'),
    'merge': ([['s.ini']], ['merge', 'o.h5', 's-0000.h5', 's-0001.h5'], 'o.h5'),
    'sweep': ([], ['s.ini'], 's-0001.h5'),
    'list': ([], ['sweep', 'list', 's.ini'], None),
    'learn': ([], ['learn', 'l.ini', '-o', 'o.h5'], 'o.h5'),
    'bits': ([], ['learn', 'l.ini', '-o', 'o.h5', '--set', 'learn.data=b.csv', '--set', 'learn.hidden=3'], 'o.h5'),
    'show': ([['r.ini', '-o', 'a.h5']], ['show', 'a.h5'], None),
    'diagnose': ([['r.ini', '-o', 'a.h5']], ['diagnose', 'a.h5'], None),
    'verify': ([['r.ini', '-o', 'a.h5']], ['verify', 'a.h5'], None),
    'check': ([], ['r.ini', '--check'], None),
    'settings': ([], ['d.ini', '--print-config'], None),
    'mistake': ([], ['r.ini', '--check', '--set', 'system.omgea=1'], None),
}

def prepared(program, folder, before):
    (folder / 'r.ini').write_text(RUN)
    (folder / 'd.ini').write_text(DOT)
    (folder / 's.ini').write_text(RUN + '[sweep]\nsystem.omega = 0.5 | 1\n')
    (folder / 'l.ini').write_text(LEARN)
    (folder / 'b.csv').write_text(''.join(','.join(str((k * j) % 11 % 2) for j in range(1, 5)) + '\n' for k in range(40)))
    (folder / 'x.csv').write_text(''.join(f'{(k * 7) % 11 - 5.5},{(k * 5) % 13 - 6.25}\n' for k in range(40)))
    for command in before:
        assert run(program, folder, command, {}).returncode == 0, command


def run(program, folder, command, environment):
    return subprocess.run([program, *command, *(['-t', '1', '-q'] if command[0].endswith('.ini') else [])], cwd=folder, capture_output=True, text=True,
                          errors='replace', timeout=120, env={**os.environ, 'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', **environment})


class Case:
    def __init__(self, program, shim, name):
        self.program, self.shim, self.name = program, shim, name
        before, self.command, self.file = CASES[name]
        self.ready = tempfile.TemporaryDirectory(prefix='vmc-memory-')
        prepared(program, Path(self.ready.name), before)
        with tempfile.TemporaryDirectory(prefix='vmc-memory-') as folder:
            done, (self.pieces, _) = self.attempt(Path(folder), {'MEMORY_SITES': 'sites'})
            self.sites = (Path(folder) / 'sites').read_text().split()
            self.code, self.said = done.returncode, done.stdout
            self.whole = content(Path(folder) / self.file) if self.file else None

    def attempt(self, folder, environment):
        shutil.copytree(self.ready.name, folder, dirs_exist_ok=True)
        done = run(self.program, folder, self.command, {'LD_PRELOAD': self.shim, 'MEMORY_COUNT': 'count', **environment})
        count = folder / 'count'
        numbers = [int(word) for word in count.read_text().split()] if count.exists() else [0, 0]
        count.unlink(missing_ok=True)
        return done, numbers

    def judge(self, k, on):
        """What is wrong when piece k is refused, or None; and whether it was refused, and whether it mattered."""
        with tempfile.TemporaryDirectory(prefix='vmc-memory-') as name:
            folder = Path(name)
            done, (_, refused) = self.attempt(folder, {'MEMORY_AT': str(k), **({'MEMORY_ON': '1'} if on else {})})
            said = done.stdout + done.stderr
            where = f'{self.name}: piece {k} of {self.pieces}{" and all later ones" if on else ""}: exit code {done.returncode}: {said[-300:].strip()}'
            if done.returncode < 0 or refused == 0:
                return where
            if done.returncode not in (self.code, 70):
                return where + ' (another code)'
            if done.returncode == 70 and self.code != 70 and 'memory' not in done.stderr:
                return where + ' (says nothing of memory)'
            left = [x for x in os.listdir(folder) if '.tmp.' in x]
            if left:
                return where + f' (leaves {left})'
            if done.returncode == self.code and self.file:
                others = differences(self.whole, content(folder / self.file))
                if others and others != ['/result/verdict']:  # results that are whole but could not be judged
                    return where + f' (other results: {others[:4]})'
            if self.file and (folder / self.file).exists():
                content(folder / self.file)  # opens
            if any(x.endswith('.lock') for x in os.listdir(folder)) and run(self.program, folder, self.command, {}).returncode != self.code:
                return where + ' (leaves a lock that stands in the way)'
        return None


def main(program, shim, how, *names):
    program, shim = os.path.abspath(program), os.path.abspath(shim)
    tried, failures, seen = 0, [], set()
    with ThreadPoolExecutor(2) as pool:
        for name in names or CASES:
            case = Case(program, shim, name)
            assert len(case.sites) == case.pieces > 0, (name, len(case.sites), case.pieces)
            end = case.pieces - (60 if name == 'learn' else 3)  # where files are put in place
            new = {case.sites.index(site) + 1 for site in set(case.sites) - seen}
            seen.update(case.sites)
            jobs = [(k, on) for k in range(1, case.pieces + 1) if how == 'all' or k in new or k > end for on in (False, True)[:1 if how == 'some' else 2]]
            found = [what for what in pool.map(lambda job: case.judge(*job), jobs) if what]
            tried += len(jobs)
            print(f'{name}: {case.pieces} pieces, {len(jobs)} refusals, {len(found)} wrong', *found[:40], sep='\n  ', flush=True)
            failures += found
    print(f'{tried} refusals, of {len(seen)} lines that ask for memory, {len(failures)} ended wrongly')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
