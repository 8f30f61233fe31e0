#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmc-mpi beside vmc: the same bits on any ranks and threads, stopped and resumed on others, and the same exit codes.

    ranks.py VMC SHIM VMC_MPI MPIRUN some|all

A signal comes to one rank or to all of them, in every phase; a long pass is cut although only one rank knows; rank 0 alone meets an error.
"""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy

from bench import NEVER, OFTEN, Bench, content, default_signals, differences, fail
from resume import PHASES

METHODS = (('langevin', 'sr', 'rbm'), ('metropolis', 'adam', 'rbm, pade-jastrow'), ('gibbs', 'momentum', 'rbm'), ('hmc\ntemperatures = 1, 1.7\nwarm_up = momentum-diffusion', 'sr', 'rbm'))
# as root, with more ranks than processors; without a search for fast networks, and without a second of patience after an exit code
OPEN_MPI = {'OMPI_ALLOW_RUN_AS_ROOT': '1', 'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1', 'OMPI_MCA_rmaps_base_oversubscribe': '1',
            'OMPI_MCA_pml': 'ob1', 'OMPI_MCA_btl': 'self,vader', 'OMPI_MCA_odls_base_sigkill_timeout': '0'}
LONG = ('--set', 'optimizer.samples=1e11', '--set', 'optimizer.iterations=2')


class Ranks(Bench):
    """The commands of a Bench, by so many ranks; 0: by vmc."""

    def __init__(self, vmc, shim, vmc_mpi, mpirun, **more):
        super().__init__(vmc, shim, **more)
        self.vmc_mpi, self.mpirun, self.ranks = os.path.abspath(vmc_mpi), mpirun, 0
        self.environment = OPEN_MPI
        self.ini.write_text(self.ini.read_text().replace('walkers = 64', 'walkers = 256').replace('samples = 12800', 'samples = 51200'))

    def __exit__(self, *failure):
        """Ranks that hang outlive mpirun: what still works in this folder is ended."""
        for path in Path('/proc').glob('[0-9]*'):
            try:
                if str(self.folder).encode() in (path / 'cmdline').read_bytes() and int(path.name) != os.getpid():
                    os.kill(int(path.name), signal.SIGKILL)
            except OSError:
                continue
        super().__exit__(*failure)

    def command(self, *options, output='run.h5'):
        alone = super().command(*options, output=output)
        return [self.mpirun, '-n', str(self.ranks), self.vmc_mpi, *alone[1:]] if self.ranks else alone

    def on(self, ranks, *options, **more):
        self.ranks = ranks
        done = self.run(*options, **more)
        self.ranks = 0
        return done

    def processes(self, ranks):
        """Numbers of the processes, by rank, as soon as all of them run."""
        found, end = {}, time.monotonic() + 60
        while len(found) < ranks:
            if time.monotonic() > end:
                fail('the ranks do not start')
            for path in Path('/proc').glob('[0-9]*'):
                try:
                    mine = str(self.folder).encode() in (path / 'cmdline').read_bytes() and os.readlink(path / 'exe') == self.vmc_mpi
                    words = dict(word.split(b'=', 1) for word in (path / 'environ').read_bytes().split(b'\0') if b'=' in word) if mine else {}
                except OSError:
                    continue
                rank = words.get(b'OMPI_COMM_WORLD_RANK', words.get(b'PMI_RANK'))
                if rank is not None:
                    found[int(rank)] = int(path.name)
        return found


def check(bench, whole, *what):
    wrong = differences(whole, content(bench.path()))
    if wrong:
        fail(*what, 'differs:', wrong)
    if bench.leftovers():
        fail(*what, 'left behind:', bench.leftovers())


def bits(arguments, method, launches):
    """So many ranks and threads, for one sampler and optimiser."""
    with Ranks(*arguments, sampler=method[0], optimizer=method[1], factors=method[2]) as bench:
        bench.run('-t', '1')
        whole = content(bench.path())
        for ranks, threads in launches:
            done = bench.on(ranks, '--force', '-t', str(threads), '--set', f'run.checkpoint_interval={OFTEN if threads > 1 else NEVER}')
            if done.returncode != 0:
                fail(*method, ranks, 'ranks, exit', done.returncode, done.stderr)
            check(bench, whole, *method, ranks, 'ranks,', threads, 'threads')
    return len(launches)


def grows(arguments):
    """So many parameters that training waits before its samples grow, until all ranks agree that it should."""
    more = [word for key in ('system.particles=8', 'rbm.hidden=16', 'sampler.walkers=1024', 'optimizer.samples=8192', 'optimizer.starts=1', 'optimizer.stop=plateau',
                             'optimizer.learning_rate=0.5', 'optimizer.iterations=75', 'run.seed=1') for word in ('--set', key)]
    with Ranks(*arguments) as bench:
        bench.run('-t', '1', *more)
        whole = content(bench.path())
        samples = numpy.frombuffer(whole['/training/samples'][2])
        if not 68 <= (samples == 8192).sum() < 75:
            fail('samples grow after', (samples == 8192).sum(), 'iterations, not from 68 to 74')
        done = bench.on(2, '--force', '-t', '1', *more)
        if done.returncode != 0:
            fail('samples that grow, exit', done.returncode, done.stderr)
        check(bench, whole, 'samples that grow')


def revives(arguments):
    """Hidden units without influence begin anew on all ranks alike."""
    more = [word for key in ('system.particles=3', 'rbm.hidden=6', 'rbm.init_scale=3', 'sampler.walkers=256', 'optimizer.samples=1280', 'optimizer.starts=1',
                             'optimizer.iterations=60', 'optimizer.stop=plateau', 'measure.samples=5120') for word in ('--set', key)]
    with Ranks(*arguments) as bench:
        for seed in range(1, 33):
            with_seed = ('-t', '1', '--force', *more, '--set', f'run.seed={seed}')
            told = subprocess.run([word for word in bench.command(*with_seed) if word != '-q'], capture_output=True, text=True)
            if 'begin anew' in told.stderr:
                break
        else:
            fail('no units begin anew with any of 32 seeds')
        whole = content(bench.path())
        done = bench.on(2, *with_seed)
        if done.returncode != 0:
            fail('units that begin anew, exit', done.returncode, done.stderr)
        check(bench, whole, 'units that begin anew')


def cuts(arguments, shares):
    """Stopped by a signal to one rank or to all, after such shares of the looks at the clock, and resumed on other ranks."""
    seen = dict.fromkeys(PHASES, 0)
    with Ranks(*arguments) as bench:
        path = bench.path('counts')
        bench.on(2, '-t', '1', shim={'SHIM_COUNT': path, 'CUT_RANK': 1})
        looks, whole = int(path.read_text().split()[0]), content(bench.path())
        bench.path().unlink()
        bench.run('-t', '1')
        check(bench, whole, 'vmc')
        for turn, share in enumerate(shares):
            who, how = ('1', 'all', '0')[turn % 3], (signal.SIGUSR1, signal.SIGTERM)[turn % 2]
            what = ('a signal', int(how), 'to', who, 'after', share)
            bench.path().unlink()
            done = bench.on(2, '-t', '1', '--set', f'run.checkpoint_interval={OFTEN if turn % 2 else NEVER}', shim={
                'CUT_AT': int(share * looks), 'CUT_HOW': int(how), 'CUT_TIMES': 1 + turn % 2, 'CUT_RANK': who})
            if done.returncode != 75:
                fail(*what, 'exit', done.returncode, done.stderr)
            for phase in PHASES:
                seen[phase] += phase in done.stderr
            again = bench.on((0, 3, 0, 4, 1)[turn % 5], '--resume', '-t', str(1 + turn % 2))
            if again.returncode != 0:
                fail(*what, 'resumed: exit', again.returncode, again.stderr)
            check(bench, whole, *what)
    if sum(n > 0 for n in seen.values()) < min(len(shares), len(PHASES)) - (len(shares) == len(PHASES)):
        fail('stopped only', seen)
    return f'stopped by a signal to one rank or all, and resumed: {seen}'


def long_pass(arguments, ranks, to, most):
    """One rank alone learns of the wish; the pass under way would take hours."""
    with Ranks(*arguments) as bench:
        bench.ranks = ranks
        process = subprocess.Popen(bench.command(*LONG, '-t', '1'), env=os.environ | bench.environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=default_signals)
        pids = bench.processes(ranks)
        while not Path(f'{bench.path()}.lock').exists():  # rank 0 is about to run
            time.sleep(0.02)
        time.sleep(1)
        start = time.monotonic()
        os.kill(pids[to], signal.SIGTERM)
        while not bench.path().exists() and time.monotonic() - start < 60:
            time.sleep(0.02)
        took = time.monotonic() - start
        said = process.communicate(timeout=60)[1]
        if process.returncode != 75 or took > most:
            fail('a long pass: saved after', took, 's, exit', process.returncode, said)
    return took


def texts(program):
    """These need no MPI to be started."""
    usage, version = (subprocess.run([program, option], check=True, capture_output=True, text=True).stdout for option in ('--help', '-V'))
    library = re.search(r'MPI +(.*)', version)[1]
    if library not in usage or 'vmc-mpi --config' not in usage or max(map(len, usage.splitlines())) > 80:
        fail(version, usage)


def errors(arguments, more):
    tried = 0
    with Ranks(*arguments) as bench:
        texts(bench.vmc_mpi)
        (bench.folder / 'locked.h5.lock').mkdir()  # no lock can be made here
        for options, output, code in ((('--set', 'system.omgea=1'), 'x.h5', 78), ((), 'none/x.h5', 74), ((), 'locked.h5', 73),
                                      (('--set', 'wavefunction.load=none.h5'), 'x.h5', 66), (('--bogus',), 'x.h5', 2))[:5 if more else 3]:
            done = bench.on(2, *options, output=output, timeout=60)
            if done.returncode != code or done.stderr.count('vmc-mpi: ') > 1 + (code == 78):
                fail(options, output, 'exit', done.returncode, 'for', code, done.stderr)
            tried += 1
        (bench.folder / 'locked.h5.lock').rmdir()
        if more:
            bench.path().write_bytes(b'no results at all')
            done = bench.on(2, '--resume', timeout=60)
            if done.returncode != 65:
                fail('a foreign file resumed: exit', done.returncode, done.stderr)
            bench.path().unlink()
            tried += 1 + disk(bench)
            killed(bench)
            sweep(bench)
            strangers(bench)
    return tried


def disk(bench):
    """Rank 0 cannot write: at every call in turn."""
    calls = bench.counts('-t', '1')[1]
    bench.path().unlink()
    happened, tried, counts = 0, 0, bench.path('failed')
    for call in range(1, calls + 1, 2):
        for left in bench.folder.glob('run.h5*'):
            left.unlink()
        done = bench.on(2, '-t', '1', timeout=60, shim={'FAIL_AT': call, 'FAIL_HOW': 28, 'SHIM_COUNT': counts, 'CUT_RANK': 0})
        tried += 1
        happened += counts.exists() and int(counts.read_text().split()[2]) > 0
        counts.unlink(missing_ok=True)
        if done.returncode not in (0, 74):
            fail('write', call, 'exit', done.returncode, done.stderr)
    for left in bench.folder.glob('run.h5*'):
        left.unlink()
    if happened < 0.8 * tried:
        fail('of', tried, 'writes that were to fail only', happened, 'failed')
    return tried


def gone(lock):
    """Waits for the end of the process that holds the lock: mpirun kills what is left and does not."""
    holder = re.search(r'pid (\d+)', lock.read_text()) if lock.exists() else None
    end = time.monotonic() + 30
    while holder and Path('/proc', holder[1]).exists():
        if time.monotonic() > end:
            fail('a rank outlives mpirun')
        time.sleep(0.02)


def killed(bench):
    """A rank is gone: all end, and what was saved is gone on with."""
    bench.run('-t', '1')
    whole = content(bench.path())
    bench.path().unlink()
    for rank in (0, 1):
        done = bench.on(2, '-t', '1', '--set', f'run.checkpoint_interval={OFTEN}', timeout=60,
                        shim={'CUT_AT': 400, 'CUT_HOW': int(signal.SIGKILL), 'CUT_RANK': rank})
        if done.returncode == 0:
            fail('rank', rank, 'was not killed before the end')
        gone(bench.path('run.h5.lock'))
        again = bench.on(2, '--resume', timeout=60)
        if again.returncode != 0:
            fail('killed rank', rank, 'resumed: exit', again.returncode, again.stderr)
        check(bench, whole, 'killed rank', rank)
        bench.path().unlink()


def sweep(bench):
    """Points by all ranks together, one after the other; a second time they are skipped."""
    more = ['--set', 'sweep.system.omega=0.5 | 1']
    bench.run(*more, output='alone.h5')
    for ranks, words in ((2, ''), (3, 'skipped 2 points')):
        bench.ranks = ranks
        command = [word for word in bench.command(*more, output='both.h5') if word != '-q']
        done = subprocess.run(command, env=os.environ | bench.environment, capture_output=True, text=True, timeout=60, preexec_fn=default_signals)
        bench.ranks = 0
        if done.returncode != 0 or words not in done.stderr or done.stdout.count('energy') != 1:
            fail('sweep:', ranks, 'ranks, exit', done.returncode, done.stdout, done.stderr)
    for point in ('0000', '0001'):
        wrong = differences(content(bench.path(f'alone-{point}.h5')), content(bench.path(f'both-{point}.h5')))
        if wrong:
            fail('sweep: point', point, 'differs:', wrong)


def doubled(arguments):
    """Series so long that neighbours are averaged, cut twice after that and resumed on other ranks."""
    more = ('-t', '1', '--set', 'measure.samples=4000000')
    with Ranks(*arguments, sampler='gibbs', optimizer='adam') as bench:
        looks = bench.counts(*more)[0]
        whole = content(bench.path())
        bench.path().unlink()
        for ranks, share in ((2, 0.7), (4, 0.15), (3, None)):
            shim = {'CUT_AT': int(share * looks / ranks), 'CUT_HOW': int(signal.SIGUSR1), 'CUT_RANK': ranks - 1} if share else None
            done = bench.on(ranks, *more, '--resume', shim=shim)
            if done.returncode != (75 if share else 0):
                fail('long series,', ranks, 'ranks, exit', done.returncode, done.stderr)
        check(bench, whole, 'long series')


def strangers(bench):
    """A rank whose processor seems to lack what the others have; nothing to see where all lack it."""
    bench.ranks = 1
    command = bench.command()
    old = ['env', 'GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX2_Usable', *command[3:]]
    alike = subprocess.run([*old, '-V'], capture_output=True, text=True).stdout == subprocess.run([*command[3:], '-V'], capture_output=True, text=True).stdout
    done = subprocess.run([*command, ':', '-n', '1', *old], env=os.environ | bench.environment, capture_output=True, text=True, timeout=60)
    bench.ranks = 0
    if done.returncode != (0 if alike else 70) or (not alike and 'fused multiply-add' not in done.stderr):
        fail('processors that differ: exit', done.returncode, done.stderr)
    bench.path().unlink(missing_ok=True)


def main(*arguments):
    *arguments, how = arguments
    start, every = time.monotonic(), how == 'all'
    launches = [(ranks, threads) for ranks in (1, 2, 4) for threads in (1, 2)] + [(3, 2), (9, 1)]
    n = sum(bits(arguments, method, launches if every else some)
            for method, some in zip(METHODS, ([(4, 2)], [(2, 1)], [(1, 2)])))
    print(f'{n} runs on 1 to {9 if every else 4} ranks and 1 or 2 threads: all with the bits of vmc; {time.monotonic() - start:.1f} s', flush=True)
    grows(arguments)
    revives(arguments)
    if every:
        doubled(arguments)
    # one in each phase, or many
    print(cuts(arguments, [((k + 4) / 44) ** 2 for k in range(38)] if every else (0.05, 0.2, 0.265, 0.65)), f'{time.monotonic() - start:.1f} s', flush=True)
    for ranks, to in ((2, 1), (2, 0), (9, 8)) if every else ((2, 1),):
        took = long_pass(arguments, ranks, to, 2 if every else 10)
        print(f'a pass of hours of {ranks} ranks: saved {took:.2f} s after a signal to rank {to}', flush=True)
    print(f'{errors(arguments, every)} errors: the same exit code as vmc; {time.monotonic() - start:.1f} s')


if __name__ == '__main__':
    main(*sys.argv[1:])
