#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmc plot: a picture of every kind, of one file, several and a merged sweep; or it says what to install.

    check_plot.py path/to/vmc [unittest options]
"""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

VMC = ''
CONFIG = """[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
walkers = 64
[optimizer]
iterations = 5
[measure]
samples = 6400
"""
KINDS = ('training', 'blocking', 'series', 'density', 'plane', 'pairs', 'overview')


class Plot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.place.name)
        (cls.folder / 'dot.ini').write_text(CONFIG)
        (cls.folder / 'many.ini').write_text(CONFIG + '[sweep]\nsystem.omega = 0.5 | 1\nrbm.hidden = 1 | 2\nrun.seed = 1 | 2\n')
        for options in (['--config', 'dot.ini'], ['--config', 'many.ini'], ['merge', 'all.h5', *(f'many-{k:04}.h5' for k in range(8))]):
            done = cls.vmc(*options, '-q')
            if done.returncode != 0:
                raise AssertionError(done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    @classmethod
    def vmc(cls, *options, **more):
        return subprocess.run([VMC, *options], cwd=cls.folder, capture_output=True, text=True, timeout=200, check=False, **more)

    def assert_picture(self, name, *options):
        done = self.vmc('plot', *options, '-o', name)
        self.assertEqual(done.returncode, 0, done.stderr)
        start = (self.folder / name).read_bytes()[:100]
        self.assertTrue(start.startswith(b'\x89PNG') if name.endswith('png') else b'<?xml' in start, start)
        self.assertGreater((self.folder / name).stat().st_size, 5000)

    def test_kinds(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.assert_picture('one.png', 'dot.h5', '--what', kind)
        self.assert_picture('two.svg', 'dot.h5', 'many-0003.h5')

    def test_sweep(self):
        self.assert_picture('sweep.png', 'all.h5')
        self.assert_picture('sweep.svg', 'all.h5', '--by', 'rbm.hidden,system.omega')
        done = self.vmc('plot', 'all.h5', '--by', 'rbm.nothing')
        self.assertEqual(done.returncode, 66)
        self.assertIn('rbm.hidden', done.stderr)

    def test_wrong(self):
        done = self.vmc('plot', 'missing.h5')
        self.assertEqual(done.returncode, 66)
        self.assertIn('missing.h5', done.stderr)
        self.assertNotIn('Traceback', done.stderr)


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
