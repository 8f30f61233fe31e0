# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fault tests share: a small run, the program with a preloaded shim, and files compared bit by bit."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy

SMALL = '''\
[system]
particles = 2
dimensions = 2
interaction = coulomb
[wavefunction]
factors = {factors}
[sampler]
method = {sampler}
walkers = 64
burn_in = 30
[optimizer]
method = {optimizer}
iterations = 6
samples = 640
stop = never
[measure]
samples = 12800
[run]
checkpoint_interval = {interval}
'''
OFTEN, NEVER = '1e-9', '1e9'
# times, and where and how the run was made
FREE = ('wall_time', 'cpu_time', '/provenance/threads', '/provenance/ranks', '/provenance/host', '/provenance/command_line', '/provenance/start', '/provenance/job',
        '/config/text', '/config/resolved', '/config/run/checkpoint_interval')


class Bench:
    def __init__(self, vmc, shim, sampler='langevin', optimizer='sr', interval=NEVER, factors='rbm'):
        self.vmc, self.shim = os.path.abspath(vmc), os.path.abspath(shim)
        self.folder = Path(tempfile.mkdtemp(prefix='vmc-faults-'))
        self.ini = self.folder / 'run.ini'
        self.environment = {}
        self.ini.write_text(SMALL.format(sampler=sampler, optimizer=optimizer, interval=interval, factors=factors))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name='run.h5'):
        return self.folder / name

    def command(self, *options, output='run.h5'):
        return [self.vmc, '--config', str(self.ini), '-o', str(self.path(output)), '-q', *options]

    def run(self, *options, output='run.h5', shim=None, timeout=1800, **more):
        keep = {k: v for k, v in os.environ.items() if not k.startswith(('CUT_', 'FAIL_', 'SHIM_', 'SLURM_'))} | self.environment
        if shim is not None:
            keep.update({'LD_PRELOAD': self.shim, **{k: str(v) for k, v in shim.items()}})
        return subprocess.run(self.command(*options, output=output), env=keep, capture_output=True, text=True, timeout=timeout,
                              preexec_fn=default_signals, **more)

    def counts(self, *options, **more):
        """Looks at the clock and file calls of a whole run."""
        path = self.path('counts')
        done = self.run(*options, shim={'SHIM_COUNT': path}, **more)
        assert done.returncode in (0, 75), done
        return [int(word) for word in path.read_text().split()]

    def leftovers(self):
        return sorted(p.name for p in self.folder.iterdir() if '.tmp.' in p.name or p.name.endswith('.lock'))


def default_signals():
    """Ignored ones would be inherited: from a shell that begins the tests in the background, from nohup."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)


def content(path):
    """Every data set as (type, shape, bytes)."""
    found = {}

    def visit(name, thing):
        name = '/' + name
        if isinstance(thing, h5py.Dataset) and not name.endswith(FREE):
            value = numpy.asarray(thing[()])
            found[name] = (str(thing.dtype), thing.shape, repr(value.tolist()) if value.dtype == object else value.tobytes())
    with h5py.File(path, 'r') as file:
        found['status'] = str(file.attrs['status'])
        file.visititems(visit)
    return found


def differences(a, b):
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def fail(*words):
    print('FAILED:', *words)
    sys.exit(1)
