#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How runs end where something is in the way, seen from the command line.

    check_ends.py VMC

A last write that fails, a terminal that closes, folders that cannot be written, special files, points that another process holds.
"""
import json
import math
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

INI = '''\
[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
walkers = 64
burn_in = 20
[optimizer]
iterations = 3
samples = 640
[measure]
samples = 64000
'''
SWEEP = '[sweep]\nsystem.omega = 0.5 | 1 | 2\n'
FOREIGN = 'host elsewhere\nplace other/1\npid 99\nstarted 1\njob -\nrestart 0\n'
LONG = ('--set', 'measure.samples=640000000')
NOBODY = 65534
SMALL_FILES = 20000  # bytes: enough for a lock, too few for results


class Check:
    def __init__(self, vmc):
        self.vmc = os.path.abspath(vmc)
        self.folder = Path(tempfile.mkdtemp(prefix='vmc-ends-'))
        self.folder.chmod(0o755)
        (self.folder / 'run.ini').write_text(INI)
        (self.folder / 'sweep.ini').write_text(INI + SWEEP)

    def command(self, *words, config='run.ini'):
        return [self.vmc, '--config', config, '-t', '1', *words]

    def run(self, *words, config='run.ini', **more):
        return subprocess.run(self.command(*words, config=config), cwd=self.folder, capture_output=True, text=True, timeout=120, **more)

    def begin(self, *words, **more):
        process = subprocess.Popen(self.command(*words), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        until = time.monotonic() + 60
        while not (self.folder / 'run.h5.lock').exists():
            self.hold(process.poll() is None and time.monotonic() < until, 'the run did not begin')
            time.sleep(0.01)
        return process

    def clear(self):
        for path in self.folder.glob('*.h5*'):
            path.unlink()

    @staticmethod
    def hold(good, *words):
        if not good:
            print('FAILED:', *words)
            sys.exit(1)


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILES, SMALL_FILES))


def last_write(check):
    """An hour of work is not lost with the file: its result is said."""
    done = check.run(preexec_fn=small_files)
    check.hold(done.returncode == 74, 'file size limit: exit', done.returncode, done.stderr)
    check.hold('energy' in done.stdout and 'not saved' in done.stdout, 'file size limit: no summary', done.stdout)
    done = check.run('--json', preexec_fn=small_files)
    said = json.loads(done.stdout)
    check.hold(done.returncode == 74 and said['status'] == 'unsaved' and said['output'] is None and math.isfinite(said['energy']),
               'file size limit: JSON', done.stdout)
    done = check.run('--json', config='sweep.ini', preexec_fn=small_files)
    first = json.loads(done.stdout)[0]
    check.hold(done.returncode == 74 and first['status'] == 'failed' and math.isfinite(first['energy']), 'file size limit: sweep', done.stdout)
    check.hold('point 0 (omega = 0.5)' in done.stderr, 'an error in a sweep does not name the point:', done.stderr)
    check.clear()


def hang_up(check):
    process = check.begin(*LONG, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
    process.send_signal(signal.SIGHUP)
    said = process.communicate(timeout=60)[1]
    check.hold(process.returncode == 75 and 'SIGHUP' in said and (check.folder / 'run.h5').exists(), 'SIGHUP: exit', process.returncode, said)
    check.clear()
    process = check.begin('--set', 'measure.samples=640000', preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    said = process.communicate(timeout=60)[1]
    check.hold(process.returncode == 0, 'SIGHUP under nohup: exit', process.returncode, said)
    check.clear()


def interrupt(check):
    """Ctrl-C is answered at once, and says what another one does."""
    process = check.begin(*LONG, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    check.hold(process.returncode == 75 and 'stopping and saving (Ctrl-C again: do not wait)' in said, 'SIGINT: exit', process.returncode, said)
    check.hold(max(map(len, said.splitlines())) < 200, 'SIGINT: lines', said)
    check.clear()


def mode_and_group(check):
    path = check.folder / 'run.h5'
    check.run('-q')
    group = 1 if os.geteuid() == 0 else path.stat().st_gid
    os.chown(path, -1, group)
    for mode in (0o640, 0o664, 0o600):
        path.chmod(mode)
        done = check.run('-q', '--force')
        now = path.stat()
        check.hold(done.returncode == 0 and stat.S_IMODE(now.st_mode) == mode and now.st_gid == group,
                   f'publishing over a file of mode {mode:o} and group {group} leaves {stat.S_IMODE(now.st_mode):o}, {now.st_gid}')
    check.clear()


def unwritable_folder(check):
    """As somebody else, where this is root's."""
    check.run('-q')
    check.folder.chmod(0o555)
    more = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []} if os.geteuid() == 0 else {}
    try:
        done = check.run('--resume', **more)
        grown = check.run('--resume', '--set', 'measure.samples=128000', **more)
    except PermissionError:
        return 'not tried as another user, who may not run the program here'
    finally:
        check.folder.chmod(0o755)
    check.hold(done.returncode == 0 and 'energy' in done.stdout, 'resume of a complete run: exit', done.returncode, done.stderr)
    check.hold(grown.returncode == 74 and 'cannot be written' in grown.stderr, 'what is to be extended: exit', grown.returncode, grown.stderr)
    check.clear()
    return 'a complete run is resumed in a folder that cannot be written'


def special_files(check):
    check.run('-q')
    pipe = check.folder / 'pipe.h5'
    os.mkfifo(pipe)
    for force in ((), ('--force',)):
        done = subprocess.run([check.vmc, 'merge', *force, 'pipe.h5', 'run.h5'], cwd=check.folder, capture_output=True, text=True, timeout=60)
        check.hold(done.returncode == 74 and 'no ordinary file' in done.stderr, 'merge onto a FIFO: exit', done.returncode, done.stderr)
    check.hold(stat.S_ISFIFO(pipe.stat().st_mode), 'the FIFO was replaced')
    check.clear()


def held_points(check):
    """A second process on a sweep: points that the first one holds have not failed."""
    (check.folder / 'sweep-0001.h5.lock').write_text(FOREIGN)
    done = check.run(config='sweep.ini')
    check.hold(done.returncode == 73, 'a held point: exit', done.returncode, done.stderr)
    check.hold('failed' not in done.stdout + done.stderr and 'held by another run' in done.stdout, 'a held point counts as failed:', done.stdout)
    check.hold('point 1 (omega = 1)' in done.stderr and 'process 99 on elsewhere' in done.stderr, 'a held point is not named:', done.stderr)
    check.hold(all((check.folder / f'sweep-000{k}.h5').exists() == (k != 1) for k in range(3)), 'the other points were not run')
    check.clear()


def refused_set(check):
    """A run that is refused says nothing of files that it has not moved."""
    check.run('-q')
    done = check.run('--set', 'wavefunction.load=nowhere.h5')
    check.hold(done.returncode == 66 and 'nowhere.h5' in done.stderr and 'kept as' not in done.stderr, 'a refused run:', done.returncode, done.stderr)
    check.hold([p.name for p in check.folder.glob('*.h5')] == ['run.h5'], 'a refused run moved a file')
    done = check.run('--set', 'run.seed=2')
    check.hold(done.returncode == 0 and 'kept as run.1.h5' in done.stderr, 'a file that was moved is not named:', done.stderr)
    check.clear()


def words(check):
    """Chains that have not met are named, good ones are not; a value that agrees is said to agree."""
    harmonic = ('--set', 'optimizer.iterations=0', '--set', 'system.interaction=none', '--set', 'sampler.method=metropolis', '--set', 'measure.samples=128000')
    bad = check.run('--force', *harmonic, '--set', 'rbm.sigma=0.9', '--set', 'sampler.step=0.03').stdout
    check.hold('walkers disagree' in ' '.join(bad.split()), 'a step far too small passes without a word about chains:', bad)
    good = check.run('--force', *harmonic, '--set', 'rbm.sigma=0.9').stdout
    check.hold('walkers disagree' not in good, 'a false alarm:', good)
    check.hold('2 bosons in 2 dimensions, or two electrons in their singlet' in ' '.join(good.split()), 'the system is not named:', good)
    long = check.run('--force', '--set', 'optimizer.iterations=2', '--set', 'measure.samples=64000').stdout
    check.hold('training has not reached it' in ' '.join(long.split()), 'an energy far above the known minimum passes without a word:', long)
    check.clear()


def main(vmc):
    check = Check(vmc)
    try:
        for part in (last_write, hang_up, interrupt, mode_and_group, special_files, held_points, refused_set, words):
            part(check)
        print('ends of runs are as they should be;', unwritable_folder(check))
    finally:
        shutil.rmtree(check.folder, ignore_errors=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
