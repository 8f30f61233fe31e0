#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a results file, as docs/results.md says.

    check_file.py path/to/vmc [all] [unittest options]
"""
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import h5py
import numpy

VMC, ALL = '', False
INI = '''\
[system]
particles = 3
dimensions = 2
interaction = coulomb
[sampler]
method = metropolis
walkers = 32
burn_in = 20
[optimizer]
iterations = 6
samples = 320
[measure]
samples = 3200
'''
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ')


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix='vmc-file-'))
        (cls.folder / 'run.ini').write_text(INI)
        cls.vmc('-o', 'whole.h5', env={'SLURM_JOB_ID': '4711'})

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def vmc(cls, *options, code=0, env=None):
        environment = {**{k: v for k, v in os.environ.items() if not k.startswith('SLURM_')}, **(env or {})}
        done = subprocess.run([VMC, 'run.ini', '-q', *options], cwd=cls.folder, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == code, (options, done)
        return done

    def open(self, name):
        file = h5py.File(self.folder / name, 'r')
        self.addCleanup(file.close)
        return file

    def test_heading(self):
        file = self.open('whole.h5')
        self.assertEqual(file.attrs['format_version'], 2)
        self.assertTrue(numpy.issubdtype(file.attrs['format_version'].dtype, numpy.integer))
        self.assertEqual(file.attrs['status'], 'complete')
        for name in 'created', 'modified':
            self.assertRegex(file.attrs[name], TIME)

    def test_created_stays_and_modified_does_not(self):
        shutil.copy(self.folder / 'whole.h5', self.folder / 'more.h5')
        before = dict(self.open('whole.h5').attrs)
        time.sleep(1.1)
        self.vmc('-o', 'more.h5', '--resume', '--set', 'measure.samples=6400')
        after = dict(self.open('more.h5').attrs)
        self.assertEqual(after['created'], before['created'])
        self.assertGreater(after['modified'], before['modified'])

    def test_draws_count_draws(self):
        self.vmc('-o', 'long.h5', '--set', 'measure.samples=200000', '--set', 'optimizer.iterations=0')
        for name, draws in ('whole.h5', 100), ('long.h5', 6250):
            series = self.open(name)['/measurement']
            block = series['block'][()]
            self.assertEqual(block > 1, draws > 100)
            numpy.testing.assert_array_equal(series['draw'][()], numpy.arange(0, draws, block))
            self.assertEqual(series['energy'].dims[1][0], series['draw'])

    def test_units(self):
        for method, unit in ('metropolis', 'a_0'), ('langevin', '1/omega_0'):
            name = method + '.h5'
            self.vmc('-o', name, '--set', f'sampler.method={method}')
            file = self.open(name)
            for path in '/result/step', '/checkpoint/measuring/step', '/config/sampler/step':
                self.assertEqual(file[path].attrs['units'], file['/result/step'].attrs['units'])
            self.assertEqual(file['/result/step'].attrs['units'], unit)
        self.assertEqual(file['/result/energy'].attrs['units'], 'hbar omega_0')

    def test_histograms_are_compressed_integers(self):
        counts = self.open('whole.h5')['/checkpoint/measuring/histogram_counts']
        self.assertEqual(counts.dtype, numpy.int64)
        self.assertEqual(counts.compression, 'gzip')
        self.assertGreater(counts[()].sum(), 0)
        self.assertLess(counts.id.get_storage_size(), 0.1 * counts.size * 8)

    def test_coordinates_have_particle_and_dimension(self):
        file = self.open('whole.h5')
        for path in '/wavefunction/rbm', '/checkpoint/measuring', '/checkpoint/training':
            numpy.testing.assert_array_equal(file[path]['coordinate_particle'][()], [0, 0, 1, 1, 2, 2])
            numpy.testing.assert_array_equal(file[path]['coordinate_dimension'][()], [0, 1, 0, 1, 0, 1])
        self.assertEqual(file['/wavefunction/rbm/w'].attrs['coordinates'], 'coordinate_particle coordinate_dimension')

    def test_provenance(self):
        provenance = self.open('whole.h5')['/provenance']
        read = {name: provenance[name].asstr()[()] for name in ('command_line', 'start', 'job', 'blas_kernel')}
        self.assertEqual(read['command_line'], f'{VMC} run.ini -q -o whole.h5')
        self.assertRegex(read['start'], TIME)
        self.assertEqual(read['job'], '4711')
        self.assertTrue(read['blas_kernel'])
        self.vmc('-o', "it's.h5")
        self.assertEqual(self.open("it's.h5")['/provenance/command_line'].asstr()[()], f"{VMC} run.ini -q -o 'it'\\''s.h5'")
        self.assertEqual(self.open("it's.h5")['/provenance/job'].asstr()[()], '')

    def test_complete_file_keeps_what_extending_needs(self):
        kept = self.open('whole.h5')['/checkpoint']
        self.assertEqual(set(kept), {'training', 'measuring'})
        self.assertNotIn('value_under_way', kept['measuring'])
        self.vmc('-o', 'cosine.h5', '--set', 'optimizer.schedule=cosine')  # its rates depend on how many iterations there are
        self.assertEqual(set(self.open('cosine.h5')['/checkpoint']), {'measuring'})

    def test_one_body(self):
        """Four bosons bound by harmonic pairs on a line: natural occupations P (1 - t) t^n in closed form (tests/unit/test_one_body.c).

        Four numbers within 4 errors: with other seeds one of them would fail once in 4,000 runs."""
        particles, kappa = 4, 0.5
        wide = (1 + particles * kappa) ** 0.5
        c = (1 - wide) / particles
        d = c * c * (particles - 1) / (wide + c * (particles - 1))
        ratio = (wide + c - d / 2) / (d / 2)
        t = ratio - (ratio ** 2 - 1) ** 0.5
        (self.folder / 'pairs.ini').write_text(
            f'[system]\nparticles = 4\ndimensions = 1\ninteraction = harmonic\n[interaction]\nkappa = {kappa}\n[wavefunction]\n'
            f'factors = gaussian, gaussian-pair\n[gaussian-pair]\ngamma = {(wide - 1) / (2 * particles):.17g}\n[optimizer]\niterations = 0\n'
            '[observables]\nkinds = one-body, density-radial\ninterval = 2\n[measure]\nsamples = 4e5\n')
        done = subprocess.run([VMC, 'pairs.ini', '-q'], cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = self.open('pairs.h5')['/observables']
        occupation, error = seen['natural_occupation'][:], seen['natural_occupation_error'][:]
        self.assertLess(error[0], 0.02)
        for n in range(4):
            self.assertLess(abs(occupation[n] - particles * (1 - t) * t ** n), 4 * error[n], n)
        self.assertAlmostEqual(occupation.sum(), numpy.trace(seen['one_body'][:]), places=9)
        numpy.testing.assert_array_equal(seen['one_body_quanta'][:, 0], numpy.arange(10))
        self.assertNotIn('/observables/one_body', self.open('whole.h5'))  # only where it is asked for

    def test_sizes(self):
        """A default file takes at most 2 MB; with `all` that of ten particles, too, and the record of a sweep's point in a merged file at most 0.5 MB."""
        for name, system in (('two', 'particles = 2\ndimensions = 2\ninteraction = coulomb\n'), ('ten', 'particles = 10\ndimensions = 3\n')):
            (self.folder / f'{name}.ini').write_text('[system]\n' + system)
            done = subprocess.run([VMC, f'{name}.ini', '-q', '--set', 'optimizer.iterations=20'], cwd=self.folder, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLess((self.folder / f'{name}.h5').stat().st_size, 2e6)
            if not ALL:
                return
        (self.folder / 'points.ini').write_text('[system]\nparticles = 2\ndimensions = 2\n[optimizer]\niterations = 10\n[sweep]\nsystem.omega = 0.5 | 1 | 2\n')
        for words in (['points.ini'], ['merge', 'points.h5', *(f'points-{k:04}.h5' for k in range(3))]):
            done = subprocess.run([VMC, *words, '-q'], cwd=self.folder, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess((self.folder / 'points-0000.h5').stat().st_size, 1.2e6)
        self.assertLess((self.folder / 'points.h5').stat().st_size, 3 * 0.5e6)

    def reads_while_it_saves(self, settings, least):
        """The run with these settings, read by 8 readers `least` times at least and until it has ended; the statuses that they saw."""
        process = subprocess.Popen([VMC, 'run.ini', '-q', '--force', '-o', 'watched.h5', *settings], cwd=self.folder, stderr=subprocess.PIPE, text=True)
        path, seen, wrong, reads = self.folder / 'watched.h5', set(), [], []
        lock = threading.Lock()

        def read():
            ended = False
            while not ended or len(reads) < least:
                ended = process.poll() is not None  # the last read of all begins after that
                if not path.exists():
                    if ended:
                        return
                    time.sleep(0.01)
                    continue
                reads.append(path)
                try:
                    content = path.read_bytes()  # h5py is not for threads
                    with lock, h5py.File(io.BytesIO(content), 'r') as file:
                        seen.add(file.attrs['status'])
                        file['/config/resolved'][()], file['/checkpoint']  # before training begins there is no /training
                except (OSError, KeyError) as why:
                    wrong.append(why)
                if not ALL:
                    time.sleep(0.01)  # leave the processor to the run
        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.assertEqual((process.wait(), process.stderr.read(), wrong), (0, '', []))
        process.stderr.close()
        self.assertGreaterEqual(len(reads), least)
        return seen

    def test_many_reads(self):
        """While a run saves again and again, every one of 60 (or 1000) reads by 8 readers finds a complete file, and the result is that of a quiet run."""
        samples, seen = 6e5 if ALL else 6e4, set()
        while 'running' not in seen and samples < 1e8:  # until it was read between two saves, however fast the machine is
            (self.folder / 'watched.h5').unlink(missing_ok=True)
            settings = ('--set', f'measure.samples={samples}', '--set', 'run.checkpoint_interval=0.02')
            seen = self.reads_while_it_saves(settings, 1000 if ALL else 60)
            self.assertIn('complete', seen)
            samples *= 4
        self.assertIn('running', seen)
        self.vmc('--force', '-o', 'quiet.h5', *settings)
        for name in 'energy', 'energy_error':
            self.assertEqual(self.open('watched.h5')[f'/result/{name}'][()], self.open('quiet.h5')[f'/result/{name}'][()])

    def test_what_a_sampler_learnt_is_looked_at(self):
        """A file without digest, as h5py leaves it, may hold anything: widths and steps that cannot be are refused."""
        hmc = ['--set', 'sampler.method=hmc', '--set', 'sampler.temperatures=1,2', '--set', 'optimizer.iterations=0', '--set', 'measure.samples=32']
        self.vmc('-o', 'hmc.h5', *hmc)
        with self.open('hmc.h5') as file:
            rungs, numbers = file['/sampler/learnt'].shape
            step, width = 0, int(numpy.argmax(file['/sampler/learnt'][0] == file['/sampler/width'][0]))
            self.assertEqual(rungs, 2)
            numpy.testing.assert_array_equal(file['/sampler/learnt'][0, width:width + 6], file['/sampler/width'][:])
        load = [*hmc, '--set', 'wavefunction.load=other.h5', '-o', 'loaded.h5', '--force']
        for place, value in [(None, 0), *(((rung, number), bad) for rung in range(2) for number in (step, width, width + 5) for bad in (0, -1, numpy.nan, numpy.inf))]:
            shutil.copy(self.folder / 'hmc.h5', self.folder / 'other.h5')
            with h5py.File(self.folder / 'other.h5', 'r+') as file:
                del file.attrs['digest']
                if place:
                    file['/sampler/learnt'][place] = value
            done = self.vmc(*load, code=65 if place else 0)
            self.assertEqual('other.h5: /sampler/learnt holds a value that cannot be' in done.stderr, bool(place), (place, value, done.stderr))

    def test_samples_left_out_are_told_apart(self):
        file = self.open('whole.h5')
        self.assertEqual((file['/result/n_bad'][()], file['/result/n_bad_training'][()]), (0, 0))
        numpy.testing.assert_array_equal(file['/training/bad'][()], numpy.zeros(6))


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    if sys.argv[1:2] == ['all']:
        ALL = True
        sys.argv.pop(1)
    unittest.main()
