#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call that makes, writes, flushes, closes, renames, links or removes a file fails in turn; and the disk is really full.

    writes.py VMC SHIM fast|some|all

The program ends with 74 (or 0 where the call did not matter and the results are whole), never by a signal; the old file is there, byte for byte;
a retry works. Then the same with kill -9 before each call.
"""
import errno
import os
import resource
import subprocess
import sys

from bench import NEVER, OFTEN, Bench, content, differences, fail


class Case:
    """new: a complete older file stands in the way; resume: goes on from one stopped after a share of the run, with a checkpoint at every boundary."""

    def __init__(self, bench, kind, share):
        self.bench, self.kind, self.share = bench, kind, share
        self.options = ['-t', '1', '--set', f'run.checkpoint_interval={NEVER if kind == "new" else OFTEN}']
        if kind == 'resume':
            self.options += ['--resume']
        self.old = None

    def prepare(self):
        for path in self.bench.folder.glob('*.h5*'):
            path.unlink()
        if self.old is None:
            looks = self.bench.counts('-t', '1')[0]
            self.whole = content(self.bench.path())
            if self.kind == 'resume':
                self.bench.path().unlink()
                done = self.bench.run('-t', '1', shim={'CUT_AT': int(looks * self.share), 'CUT_HOW': 15, 'CUT_TIMES': 2})
                assert done.returncode == 75, done
            self.old = self.bench.path().read_bytes()
        self.bench.path().write_bytes(self.old)

    def check(self, done, what):
        bench = self.bench
        if done.returncode not in (0, 74) and not (done.returncode == -9 and 'kill' in what):
            fail(self.kind, what, 'exit', done.returncode, done.stderr)
        files = [p for p in bench.folder.glob('*.h5')]
        if done.returncode == 0 and differences(self.whole, content(bench.path())):
            fail(self.kind, what, 'exit 0 with other results', differences(self.whole, content(bench.path())))
        for path in files:
            if path.read_bytes() != self.old:
                content(path)  # opens
        kept = any(p.read_bytes() == self.old for p in files)
        if self.kind == 'new' and not kept:
            fail(self.kind, what, 'the old file is gone', os.listdir(bench.folder))
        if self.kind == 'resume' and not bench.path().exists():
            fail(self.kind, what, 'the file is gone', os.listdir(bench.folder))
        if done.returncode == 74 and not done.stderr.strip():
            fail(self.kind, what, 'silent')
        again = bench.run(*self.options, '--set', f'run.checkpoint_interval={NEVER}')
        if again.returncode != 0 or differences(self.whole, content(bench.path())):
            fail(self.kind, what, 'retry:', again.returncode, again.stderr, os.listdir(bench.folder))
        if bench.leftovers():
            fail(self.kind, what, 'left behind:', bench.leftovers())


def full_disk(case):
    """A limit on the size of files: the kernel also sends SIGXFSZ."""
    case.prepare()
    done = subprocess.run(case.bench.command(*case.options), capture_output=True, text=True, timeout=120,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
    if done.returncode != 74:
        fail(case.kind, 'file size limit', done.returncode, done.stderr)
    case.check(done, 'file size limit')


def small_disk(bench):
    folder = bench.path('small')
    folder.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', folder], capture_output=True).returncode:
        return 'no file system could be mounted for a really full disk'
    try:
        done = bench.run('-t', '1', output='small/run.h5')
        left = os.listdir(folder)
    finally:
        subprocess.run(['umount', folder], check=True)
    if done.returncode != 74 or left:
        fail('full disk:', done.returncode, done.stderr, left)
    return 'a full disk: exit 74, nothing left on it'


def main(vmc, shim, how):
    tried = harmless = happened = 0
    with Bench(vmc, shim) as bench:
        for kind in ('new', 'resume'):
            case = Case(bench, kind, 0.95 if how == 'fast' else 0.67)
            case.prepare()
            calls = bench.counts(*case.options)[1]
            ways = [(errno.ENOSPC, False), ('kill', False)] if how != 'all' else [
                (errno.ENOSPC, False), (errno.EIO, False), (errno.ENOSPC, True), (errno.EIO, True), ('kill', False)]
            for way, lasting in ways:
                step = 1 if how == 'all' else (5 if how == 'fast' else 2) if kind == 'new' and way != 'kill' else max(1, calls // 2)
                for call in range(1, calls + 1, step):
                    case.prepare()
                    counts = bench.path('failed')
                    shim_says = {'FAIL_AT': call, 'FAIL_HOW': way, 'SHIM_COUNT': counts, **({'FAIL_ON': '1'} if lasting else {})}
                    done = bench.run(*case.options, shim=shim_says)
                    case.check(done, f'{way} at call {call} of {calls}')
                    tried += 1
                    harmless += done.returncode == 0
                    happened += done.returncode == -9 if way == 'kill' else int(counts.read_text().split()[2]) > 0
                    counts.unlink(missing_ok=True)
            full_disk(case)
        said = small_disk(bench)
    # of the last calls some hang on the clock, and may not come
    if happened < 0.9 * tried:
        fail('of', tried, 'failures only', happened, 'happened')
    print(f'{happened} of {tried} failures at write calls happened: exit 74, or 0 with whole results ({harmless}); old files intact, retries work; {said}')


if __name__ == '__main__':
    main(*sys.argv[1:])
