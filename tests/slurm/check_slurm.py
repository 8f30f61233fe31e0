#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps and MPI on a real Slurm cluster of one node, started here as root and ended afterwards.

    check_slurm.py path/to/vmc SOURCE_ROOT [NAME=path/to/vmc-mpi]... [array|limit|ranks]

- a job array of 200 points, five of them killed while they run; submitted again it completes, and the merged table has 200 rows;
- a job that is told of its time limit, stops, is queued again, and ends with the same bits as a run that was never stopped;
- srun with two ranks, of every vmc-mpi given: the bits of one process, also when a signal stops it and one process goes on.

Installs slurm-wlm and munge where they are missing. Exit code 77 (skipped) with the reason where that cannot be done.
"""
import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POINTS, KILLED = 200, {7, 51, 98, 143, 199}
SMALL = '''\
[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
walkers = 32
[optimizer]
iterations = 60
samples = 4096
stop = never
[measure]
samples = 60000
[sweep]
system.omega = 0.2:2:20
rbm.hidden = 1:10:10
'''
LONG = '''\
[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
walkers = 256
[optimizer]
iterations = 30000
stop = never
[measure]
samples = 4000000
[run]
checkpoint_interval = 5
[sweep]
system.omega = 1 | 0.5
'''


def say(text):
    print(f'{time.strftime("%H:%M:%S")}  {text}', flush=True)


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)
    say(f'ok: {what}')


def install():
    if shutil.which('sbatch') and shutil.which('munged'):
        return
    if not shutil.which('apt-get'):
        skip('slurm-wlm and munge are not installed, and there is no apt-get')
    command = ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '-qq', '--no-install-recommends', 'slurm-wlm', 'munge']
    done = subprocess.run(command, env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        skip(f'slurm-wlm and munge cannot be installed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}')


class Cluster:
    def __init__(self, vmc, root):
        self.vmc, self.script = vmc, Path(root) / 'scripts' / 'slurm-cluster'
        self.folder = Path(tempfile.mkdtemp(prefix='vmc-slurm-'))
        self.work = self.folder / 'work'
        self.work.mkdir()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(('SLURM', 'SBATCH', 'OMP_'))}

    def __enter__(self):
        done = subprocess.run([self.script, 'start', self.folder / 'cluster'], capture_output=True, text=True)
        if done.returncode != 0:
            self.__exit__()
            skip(f'the cluster does not start: {done.stderr.strip()}')
        self.environment['SLURM_CONF'] = re.search(r'SLURM_CONF=(.*)', done.stdout)[1]
        say(f'{self.run("sinfo", "--version").strip()}, {self.run("sinfo", "-h", "-o", "%D node, %c processors, %T").strip()}')
        return self

    def __exit__(self, *failure):
        if any(failure):
            for log in sorted(self.work.glob('*.log'))[:3]:
                print(f'--- {log.name}\n{log.read_text()[-2000:]}')
        subprocess.run([self.script, 'stop', self.folder / 'cluster'], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command, code=0):
        done = subprocess.run(list(map(str, command)), cwd=self.work, env=self.environment, capture_output=True, text=True)
        if done.returncode != code:
            raise AssertionError(f'{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    def submit(self, script):
        (self.work / 'job.sh').write_text(script)
        return re.search(r'\d+', self.run('sbatch', 'job.sh'))[0]

    def wait(self, job, look=lambda: None, most=900):
        end = time.time() + most
        while self.run('squeue', '-h', '-j', job).strip():
            if time.time() > end:
                raise AssertionError(f'job {job} does not end:\n' + self.run('squeue'))
            for _ in range(20):
                look()
                time.sleep(0.02)


def running(vmc, tasks):
    """(number of the process, point) of those that run one of these points."""
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes().decode(errors='replace').split('\0')
        except OSError:
            continue
        if words[0] == vmc and '--task' in words and words[words.index('--task') + 1] in map(str, tasks):
            yield int(path.parts[2]), int(words[words.index('--task') + 1])


def array(cluster):
    (cluster.work / 'small.ini').write_text(SMALL)
    script = cluster.run(cluster.vmc, 'sweep', 'script', 'small.ini', '--time', '5')
    left = set(KILLED)

    def kill():
        for pid, task in running(cluster.vmc, left) if left else ():
            time.sleep(0.1)  # somewhere in the middle
            try:
                os.kill(pid, signal.SIGKILL)
                left.discard(task)
            except ProcessLookupError:
                pass

    start = time.time()
    job = cluster.submit(script)
    say(f'array {job} of {POINTS} tasks submitted')
    cluster.wait(job, kill)
    say(f'array {job} ended after {time.time() - start:.0f} s; killed with signal 9: {sorted(KILLED - left)}')
    expect(not left, 'five tasks were killed')
    states = [line.split()[-1] for line in cluster.run(cluster.vmc, 'sweep', 'list', 'small.ini').splitlines()[1:]]
    say(f'sweep list: {states.count("complete")} complete, {states.count("do")} to do, {states.count("unfinished")} unfinished')
    expect(states.count('complete') == POINTS - len(KILLED), 'all but the killed ones are complete')
    before = {path: path.stat().st_mtime_ns for path in cluster.work.glob('small-*.h5')}

    start = time.time()
    job = cluster.submit(script)
    cluster.wait(job)
    say(f'array {job}, the same script again, ended after {time.time() - start:.0f} s')
    states = [line.split()[-1] for line in cluster.run(cluster.vmc, 'sweep', 'list', 'small.ini').splitlines()[1:]]
    expect(states == ['complete'] * POINTS, 'all are complete')
    kept = sum(path.stat().st_mtime_ns == when for path, when in before.items())
    expect(kept >= POINTS - len(KILLED), f'{kept} files were not touched again')
    cluster.run(cluster.vmc, 'merge', 'small.h5', *sorted(cluster.work.glob('small-[0-9][0-9][0-9][0-9].h5')))
    with open(cluster.work / 'small.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    expect(len(rows) == POINTS, f'the merged table has {POINTS} rows')
    expect(all(abs(float(row['system.omega']) - (0.2 + k // 10 * 1.8 / 19)) < 1e-9 and int(row['rbm.hidden']) == k % 10 + 1
               for k, row in enumerate(rows)), 'every row has its own values')
    expect(all(row['status'] == 'complete' and float(row['energy_error']) > 0 for row in rows), 'every row has an energy')


def results(path):
    """Everything in the file that does not tell of the clock or the machine."""
    import h5py
    found = {}
    with h5py.File(path) as file:
        def visit(name, item):
            if isinstance(item, h5py.Dataset) and not re.search(r'^(provenance|checkpoint)/|_time$|memory_per_walker', name):
                found[name] = item[()].tobytes() if item.dtype.kind != 'O' else repr(item[()])
        file.visititems(visit)
    return found


def time_limit(cluster):
    (cluster.work / 'long.ini').write_text(LONG)
    script = cluster.run(cluster.vmc, 'sweep', 'script', 'long.ini', '--task', '1', '--time', '1')
    script = script.replace('USR1@60', 'USR1@50')  # a limit of a minute, of which it is told after ten seconds
    start = time.time()
    job = cluster.submit(script)
    cluster.wait(job)
    log = ''.join(path.read_text() for path in cluster.work.glob(f'long-{job}_*.log'))
    say(f'job {job} ended after {time.time() - start:.0f} s; its log:')
    for line in log.splitlines():
        print(f'    {line}')
    turns = log.count('the same command continues it')
    expect(turns >= 1, f'it was stopped and queued again {turns} time{"s" if turns > 1 else ""}')
    cluster.run(cluster.vmc, '--config', 'long.ini', '--task', '1', '-o', 'whole.h5', '-q', '-t', '1')
    same_bits(cluster, 'long-0001.h5', 'whole-0001.h5', 'the same bits as a run that was never stopped')


def same_bits(cluster, one, other, what):
    one, other = results(cluster.work / one), results(cluster.work / other)
    differing = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    expect(not differing, f'{what}, in {len(one)} data sets {differing or ""}')


def ranks(cluster):
    """Two ranks of every MPI library there is: in one go, and told to stop."""
    import h5py
    (cluster.work / 'ranks.ini').write_text(LONG.split('[sweep]')[0].replace('30000', '1000'))
    cluster.run(cluster.vmc, '--config', 'ranks.ini', '-o', 'alone.h5', '-q', '-t', '1')
    for name, program in cluster.mpi.items():
        kind = re.search(r'--mpi=(\w+)', cluster.run(program, '--help'))[1]
        said = re.search(r'MPI +(.*)', cluster.run(program, '-V'))[1]
        start = time.time()
        command = ['srun', '--ntasks=2', '--overcommit', f'--mpi={kind}', program, '--config', 'ranks.ini', '-q', '-t', '1']
        cluster.run(*command, '-o', f'{name}.h5')
        with h5py.File(cluster.work / f'{name}.h5') as file:
            expect(file['provenance/ranks'][()] == 2, f'{said}: srun --mpi={kind} with two ranks, {time.time() - start:.0f} s')
        same_bits(cluster, f'{name}.h5', 'alone.h5', 'the same bits as one process')
        job = cluster.submit('#!/bin/bash\n#SBATCH --ntasks=2 --overcommit --output=ranks.log\n'
                             + shlex.join([*command, '-o', f'{name}-stopped.h5', '--set', 'run.checkpoint_interval=0.2']) + '\necho "exit code $?"\n')
        told = []

        def tell():
            if not told and (cluster.work / f'{name}-stopped.h5').exists():
                told.append(cluster.run('scancel', '--signal=USR1', job))

        cluster.wait(job, tell, 120)
        log = (cluster.work / 'ranks.log').read_text()
        expect('exit code 75' in log, 'told to stop by SIGUSR1: ' + log.splitlines()[0])
        cluster.run(cluster.vmc, '--config', 'ranks.ini', '-o', f'{name}-stopped.h5', '-q', '-t', '1', '--resume')
        same_bits(cluster, f'{name}-stopped.h5', 'alone.h5', 'resumed by one process: the same bits')


def main(vmc, root, *words):
    if os.geteuid() != 0:
        skip('starting a cluster takes root')
    install()
    only = [word for word in words if '=' not in word]
    with Cluster(os.path.realpath(vmc), root) as cluster:
        cluster.mpi = {name: os.path.realpath(path) for name, path in (word.split('=', 1) for word in words if '=' in word)}
        for name, part in (('array', array), ('limit', time_limit), ('ranks', ranks)):
            if not only or name in only:
                part(cluster)


if __name__ == '__main__':
    main(*sys.argv[1:])
