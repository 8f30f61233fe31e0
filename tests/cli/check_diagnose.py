#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmc diagnose and vmc show: good runs are called good, planted faults are named, and the file and the summary say the same.

    check_diagnose.py path/to/vmc [--good N] [unittest options]

--good N: also counts the false alarms of N short good runs of different seeds and sizes; at most 1 % of them may be called anything but good.
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
                self.assertIn(name.split()[0], summary)
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
        self.vmc('merge', 'both.h5', 'good.h5')
        self.assertEqual(self.vmc('diagnose', 'both.h5').returncode, 78)

    def test_show(self):
        done = self.vmc('show', 'good.h5')
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ('interaction = coulomb', 'walkers = 64', 'exact value           3;', 'verdict               good', 'complete, begun'):
            self.assertIn(words, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)


class Alarms(Case):
    def test_false_alarms(self):
        """Walkers and samples vary; the parameters are those of one trained run."""
        alarms = []
        for seed in range(GOOD):
            walkers, samples = (32, 64, 128, 256)[seed % 4], (20000, 40000, 80000)[seed % 3]
            method = ('langevin', 'metropolis')[seed // 2 % 2]
            self.run_one('again.h5', 'wavefunction.load=good.h5', 'optimizer.iterations=0', f'run.seed={seed + 1}', f'sampler.walkers={walkers}',
                         f'measure.samples={samples}', f'sampler.method={method}')
            found = self.judge('again.h5')
            if found['verdict'] != 'good':
                alarms.append((seed, walkers, samples, method, [finding['name'] for finding in found['findings']]))
        print(f'{len(alarms)} alarms in {GOOD} good runs', *alarms, sep='\n', flush=True)
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
