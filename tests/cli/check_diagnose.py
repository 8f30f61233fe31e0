#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmc diagnose and vmc show: good runs are called good, planted faults are named, and the file and the summary say the same.

    check_diagnose.py path/to/vmc [--good N] [unittest options]

--good N: also counts the false alarms of N short good runs, each from training to result, of the systems in configs/ with different seeds and
sizes; at most 1 % of them may be called anything but good.
"""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy

VMC = ''
GOOD = 0
CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CONFIG = """[system]
particles = 2
dimensions = 2
interaction = coulomb
[wavefunction]
factors = gaussian, pade-jastrow
[sampler]
walkers = 64
[optimizer]
iterations = 100
[measure]
samples = 60000
"""
# what is done to a run, and what has to be found
FAULTS = {
    'stuck walkers': ('sampler.method=metropolis', 'sampler.step=60', 'sampler.move=all'),
    'few moves accepted': ('sampler.method=metropolis', 'sampler.step=30'),
    'steps too short': ('sampler.method=metropolis', 'sampler.step=0.002'),
    'walkers disagree': ('sampler.step=0.001',),
    'divergent trajectories': ('sampler.method=hmc', 'sampler.step=2.3', 'sampler.trajectory=60'),
    'few exchanges between temperatures': ('sampler.temperatures=1, 16',),
    'few effective samples': ('measure.samples=64', 'sampler.step=0.01'),
    'short chains': ('sampler.step=0.003', 'measure.samples=6400'),
    'training not converged': ('optimizer.iterations=2',),
    'far above the exact energy': ('optimizer.iterations=0', 'gaussian.alpha=2'),
}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.place.name)
        (cls.folder / 'dot.ini').write_text(CONFIG)
        cls.run_one('good.h5')

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    @classmethod
    def vmc(cls, *options):
        return subprocess.run([VMC, *options], cwd=cls.folder, capture_output=True, text=True, timeout=300, check=False)

    @classmethod
    def run_one(cls, name, *sets):
        done = cls.vmc('--config', 'dot.ini', '-o', name, '--force', *(word for key in sets for word in ('--set', key)))
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done

    def judge(self, name):
        done = self.vmc('diagnose', '--json', name)
        found = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if found['verdict'] == 'good' else 1, done.stderr)
        with h5py.File(self.folder / name, 'r') as file:
            self.assertEqual(file['/result/verdict'][()].decode(), found['verdict'])
        return found


class Diagnose(Case):
    def test_good(self):
        self.assertEqual(self.judge('good.h5')['findings'], [])
        self.assertIn('good.h5: good', self.vmc('diagnose', 'good.h5').stdout)

    def test_faults_are_named(self):
        for name, sets in FAULTS.items():
            with self.subTest(fault=name):
                summary = self.run_one('fault.h5', *sets).stdout
                found = self.judge('fault.h5')
                self.assertIn(name, [finding['name'] for finding in found['findings']])
                self.assertNotEqual(found['verdict'], 'good')
                self.assertRegex(summary, f"verdict +{found['verdict']}")
                self.assertIn(f' {name}: ', ' '.join(summary.split()))
                for finding in found['findings']:
                    self.assertGreater(len(finding['what']), 20)
                    self.assertGreater(len(finding['remedy']), 10)

    def test_several_files(self):
        self.run_one('fault.h5', *FAULTS['training not converged'])
        done = self.vmc('diagnose', 'good.h5', 'fault.h5')
        self.assertEqual(done.returncode, 1)
        self.assertIn('good.h5: good', done.stdout)
        self.assertIn('fault.h5: doubtful', done.stdout)
        self.assertIn('What to do: go on with --resume', ' '.join(done.stdout.split()))

    def test_what_is_no_result(self):
        (self.folder / 'text.h5').write_text('no')
        self.assertEqual(self.vmc('diagnose', 'text.h5').returncode, 65)
        self.assertEqual(self.vmc('diagnose', 'missing.h5').returncode, 66)
        with h5py.File(self.folder / 'foreign.h5', 'w') as file:
            file['x'] = [1, 2, 3]
        for command in 'diagnose', 'show':
            done = self.vmc(command, 'foreign.h5')
            self.assertEqual(done.returncode, 65)
            self.assertIn('no results file of this program', done.stderr)
        self.vmc('merge', 'both.h5', 'good.h5')
        for command in 'diagnose', 'show':
            done = self.vmc(command, 'both.h5')
            self.assertEqual(done.returncode, 78)
            self.assertIn('merged from runs', done.stderr)

    def test_show(self):
        done = self.vmc('show', 'good.h5')
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ('interaction = coulomb', 'walkers = 64', 'exact value           3;', 'verdict               good', 'complete, begun'):
            self.assertIn(words, done.stdout)
        for default in ('shift', 'step = ', 'iterations = 1000'):
            self.assertNotIn(default, done.stdout.split('results')[0])
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)


# examples that are good when they are short, too (chains of some 50 autocorrelation times and more): bosons and fermions, one to three dimensions,
# every force, sampler and kind of factor
QUICK = ('anisotropic', 'calogero', 'dot_polarised', 'gaussian_well', 'hardcore_10', 'hardcore_10_elliptical', 'harmonic_bosons', 'harmonic_fermions',
         'noninteracting_1d_1', 'noninteracting_2d_2', 'softcoulomb_1d', 'tonks', 'twoparticles', 'twoparticles_gibbs', 'twoparticles_jastrow',
         'twoparticles_jastrow_3d', 'twoparticles_langevin', 'twoparticles_metropolis', 'twoparticles_metropolis_all', 'twoparticles_probability',
         'twoparticles_sigma')
LONG = ('dot_3d_8', 'dot_6', 'dot_elliptical', 'gaussian_repulsion', 'harmonic_bosons_10', 'noninteracting_3d_10')
KINDS = 4 * QUICK + LONG


class Alarms(Case):
    def test_false_alarms(self):
        alarms, counts = [], {}
        for n in range(GOOD):
            kind, walkers, draws = KINDS[n % len(KINDS)], (32, 64, 128)[n % 5 % 3], (500, 700, 1000)[n % 7 % 3]
            done = self.vmc('--config', str(CONFIGS / f'{kind}.ini'), '-t', '1', '-o', 'again.h5', '--force', '-q', '--set', f'run.seed={1000 + n}',
                            '--set', f'sampler.walkers={walkers}', '--set', f'measure.samples={draws * walkers}')
            self.assertEqual(done.returncode, 0, done.stderr)
            found = self.judge('again.h5')
            if n % 50 == 0:
                print(n, counts, flush=True)
            counts[found['verdict']] = counts.get(found['verdict'], 0) + 1
            if found['verdict'] != 'good':
                alarms.append((kind, 1000 + n, walkers, draws, [finding['what'] for finding in found['findings']]))
                print(*alarms[-1], flush=True)
        print(f'{len(alarms)} alarms in {GOOD} good runs of {len(QUICK + LONG)} kinds: {counts}', flush=True)
        self.assertLessEqual(len(alarms), 0.01 * GOOD)


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    if '--good' in sys.argv:
        at = sys.argv.index('--good')
        GOOD = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    else:
        del Alarms
    unittest.main()
