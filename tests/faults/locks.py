#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a run that goes on, seen from outside.

    locks.py VMC SHIM [all]

Emptied, it costs nothing; taken over by a readable other, the results go under another name and that is said; a killed process that nobody
has waited for holds nothing; a refusal says which lock, whose, and what to do.
"""
import signal
import subprocess
import sys
import time

import h5py
from bench import OFTEN, Bench, content, default_signals, differences, fail

FOREIGN = 'host elsewhere\nplace other/1\npid 99\nstarted 1\njob -\nrestart 0\n'
LONG, WHOLE = ('--set', 'measure.samples=64000000'), ('--set', 'measure.samples=30000')


def begin(bench, *options):
    process = subprocess.Popen(bench.command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=default_signals)
    lock = bench.path('run.h5.lock')
    until = time.monotonic() + 60
    while not (lock.exists() and bench.path().exists()):
        if process.poll() is not None or time.monotonic() > until:
            fail('the run did not begin', process.communicate())
        time.sleep(0.01)
    return process, lock


def emptied(bench, times_over):
    bench.run('-t', '1', *WHOLE)
    whole = content(bench.path())
    bench.path().unlink()
    for k in range(times_over):
        process, lock = begin(bench, '-t', '1', *WHOLE)
        times = 0
        while process.poll() is None:
            if lock.exists():
                lock.write_text('')
                times += 1
            time.sleep(0.02)
        if times == 0:
            fail('a run ended before its lock could be emptied')
        said = process.communicate()
        if process.returncode:
            fail('a run with an emptied lock: exit', process.returncode, said)
        if differences(whole, content(bench.path())) or lock.exists() and lock.read_text():
            fail('a run with an emptied lock has other results, or left it behind')
        lock.unlink(missing_ok=True)
        bench.path().unlink()


def taken_over(bench, options):
    process, lock = begin(bench, '-t', '1', *options, *LONG)
    foreign = lock.with_suffix('.foreign')  # put in place at once: a lock that is seen empty would be the run's own again
    foreign.write_text(FOREIGN)
    foreign.replace(lock)
    said = process.communicate()[1]
    saved = bench.path('run.1.h5')
    if process.returncode != 73 or not saved.exists():
        fail('a lost lock: exit', process.returncode, said, sorted(p.name for p in bench.folder.iterdir()))
    for word in ('process 99 on elsewhere', 'run.h5.lock', str(saved), '--resume'):
        if word not in said:
            fail('a lost lock:', word, 'is not said in', said)
    with h5py.File(saved, 'r') as file:
        if file.attrs['status'] != 'stopped' or 'checkpoint' not in file:
            fail('a lost lock:', saved, 'cannot be gone on from')
    if lock.read_text() != FOREIGN or bench.path('run.1.h5.lock').exists():
        fail("a lost lock: another's was touched, or the new one left behind")
    for path in (lock, saved, bench.path()):
        path.unlink()


def refused(bench):
    process, lock = begin(bench, '-t', '1', *LONG)
    done = bench.run('--resume', '-t', '1', *LONG)
    if done.returncode != 73:
        fail('a second run: exit', done.returncode, done.stderr)
    for word in (str(process.pid), str(lock), '--output', 'remove'):
        if word not in done.stderr:
            fail('a refusal does not say', word, ':', done.stderr)
    process.send_signal(signal.SIGKILL)
    while open(f'/proc/{process.pid}/stat').read().rsplit(')', 1)[1].split()[0] != 'Z':
        time.sleep(0.01)
    done = bench.run('--resume', '-t', '1', '--max-time', '0.2s', *LONG)  # nobody has waited for the killed one
    process.wait()
    if done.returncode != 75:
        fail('a zombie holds the lock: exit', done.returncode, done.stderr)


def main(vmc, shim, how='once'):
    with Bench(vmc, shim, interval=OFTEN) as bench:
        emptied(bench, 5 if how == 'all' else 1)
        taken_over(bench, ())
        refused(bench)
    print('emptied locks cost nothing; a lost one sends the results to another name; a zombie holds nothing; refusals say what to do')


if __name__ == '__main__':
    main(*sys.argv[1:])
