#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is cut anywhere and resumed has the bits of one that was not; and so has one with checkpoints at every boundary, on any threads.

    resume.py VMC SHIM CUT_POINTS each|all|some [sampler optimizer]

For every way of cutting (SIGINT, SIGTERM, SIGKILL, --max-time) so many cut points, spread over each of the four phases or over all of the run; some: by SIGTERM and SIGKILL alone. Every
second cut does not wait for the end of a pass, in a run that takes a state at every boundary. The cut run and the resumed one have different
numbers of threads.
"""
import signal
import sys

from bench import NEVER, OFTEN, Bench, content, differences, fail

PHASES = ('burn-in before training', 'in training', 'burn-in before measuring', 'in measuring')
WAYS = {'INT': signal.SIGINT, 'TERM': signal.SIGTERM, 'KILL': signal.SIGKILL, 'max-time': 'time'}


def phase_at(bench, look):
    done = bench.run('-t', '1', '--force', shim={'CUT_AT': look, 'CUT_HOW': int(signal.SIGTERM)})
    return next((k for k, phase in enumerate(PHASES) if phase in done.stderr), len(PHASES)) if done.returncode == 75 else len(PHASES)


def phase_ranges(bench, total):
    """First look at the clock of every phase, by bisection."""
    starts = [1]
    for phase in range(1, len(PHASES) + 1):
        low, high = starts[-1], total + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if phase_at(bench, middle) >= phase else (middle + 1, high)
        starts.append(low)
    return list(zip(starts, starts[1:]))


def cut(bench, way, look, soon, threads):
    how = WAYS[way]
    shim = {'CUT_AT': look, 'CUT_HOW': how if how == 'time' else int(how), 'CUT_TIMES': 2 if soon else 1}
    bench.path().unlink(missing_ok=True)
    options = ['-t', str(threads), '--set', f'run.checkpoint_interval={OFTEN if soon or way == "KILL" else NEVER}']
    return bench.run(*options, *(['--max-time', '1000000'] if way == 'max-time' else []), shim=shim)


def long_series(vmc, shim):
    """Series so long that neighbours are averaged, cut after that."""
    more = ('-t', '1', '--set', 'measure.samples=125000', '--set', 'measure.series_values=1024')
    with Bench(vmc, shim, 'gibbs', 'adam') as bench:
        looks = bench.counts(*more)[0]
        whole = content(bench.path())
        done = bench.run(*more, '--force', shim={'CUT_AT': looks * 7 // 10, 'CUT_HOW': int(signal.SIGTERM)})
        again = bench.run(*more, '--resume')
        wrong = differences(whole, content(bench.path()))
        if (done.returncode, again.returncode) != (75, 0) or wrong:
            fail('long series:', done, again, wrong)


def busy_machine(vmc, shim):
    """--check, with a second between any two looks at the clock: iterations that take more than its budget are not cut."""
    with Bench(vmc, shim) as bench:
        done = bench.run('--check', '-t', '1', '--set', 'optimizer.samples=1000000', shim={'CUT_AT': 1, 'CUT_HOW': 'time'})
        if done.returncode != 0 or 'per draw' not in done.stdout:
            fail('--check on a busy machine:', done)


def main(vmc, shim, points, spread, sampler='langevin', optimizer='sr', factors='rbm'):
    points, tried, stopped = int(points), 0, {}
    ways = ('TERM', 'KILL') if spread == 'some' else tuple(WAYS)
    if sampler == 'langevin':  # once is enough
        long_series(vmc, shim)
        busy_machine(vmc, shim)
    with Bench(vmc, shim, sampler, optimizer, factors=factors) as bench:
        total = bench.counts('-t', '1')[0]
        whole = content(bench.path())
        bench.run('--force', '-t', '2', '--set', f'run.checkpoint_interval={OFTEN}')
        wrong = differences(whole, content(bench.path()))
        if wrong:
            fail('checkpoints at every boundary change', wrong)
        for threads in (2, 3, 4, 8, 16) if points > 1 else (3,):
            bench.run('--force', '-t', str(threads))
            wrong = differences(whole, content(bench.path()))
            if wrong:
                fail(threads, 'threads change', wrong)
        for way in ('INT', 'TERM')[-len(ways):]:
            done = cut(bench, way, 1, False, 1)
            if done.returncode != 75:
                fail('at the first look at the clock', way, done.returncode, done.stderr)
        phases = dict(zip(PHASES, phase_ranges(bench, total))) if spread == 'each' else {'the run': (1, total)}
        print('looks at the clock:', {phase: high - low for phase, (low, high) in phases.items()})
        for phase, (low, high) in phases.items():
            if high == low:  # optimizer.method = exact draws nothing before it measures
                continue
            for way in ways:
                for k in range(points):
                    look = low + (high - low) * (2 * k + 1) // (2 * points)
                    if way == 'max-time':  # the first look is where its time begins
                        look = max(look, 2)
                    done = cut(bench, way, look, k % 2, 1 + k % 2)
                    if done.returncode not in ((-9, 0) if way == 'KILL' else (75, 0)):
                        fail(phase, way, look, done.returncode, done.stderr)
                    stopped[way] = stopped.get(way, 0) + (done.returncode != 0)
                    again = bench.run('--resume', '-t', str(1 + (k + 1) % 3))
                    if again.returncode != 0:
                        fail(phase, way, look, 'resumed:', again.returncode, again.stderr)
                    wrong = differences(whole, content(bench.path()))
                    if wrong:
                        fail(phase, way, look, 'differs:', wrong)
                    if bench.leftovers():
                        fail(phase, way, look, 'left behind:', bench.leftovers())
                    tried += 1
    # the last looks of a run with other threads may not come
    if any(stopped.get(way, 0) < 0.8 * tried / len(ways) for way in ways):
        fail('too few of', tried, 'runs were really cut:', stopped)
    print(f'{sampler}, {optimizer}: {tried} runs cut and resumed, all with the bits of the whole one; really cut: {stopped}')


if __name__ == '__main__':
    main(*sys.argv[1:])
