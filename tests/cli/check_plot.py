#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmc plot: a picture of every kind, of one file, several and a merged sweep; or it says what to install.

    check_plot.py path/to/vmc [unittest options]
"""
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'support'))
import left_out  # noqa: E402

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
        for kind in KINDS[-2:]:  # the last one has them all
            with self.subTest(kind=kind):
                self.assert_picture('one.png', 'dot.h5', '--what', kind)
        self.assert_picture('two.svg', 'dot.h5', 'many-0003.h5')

    @unittest.skipUnless(shutil.which('gnuplot'), 'there is no gnuplot')
    def test_gnuplot(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.assert_picture('one.png', 'dot.h5', '--what', kind, '--with', 'gnuplot')
        self.assert_picture('two.svg', 'dot.h5', 'many-0003.h5', '--with', 'gnuplot')
        self.assertNotIn('warning', self.vmc('plot', 'dot.h5', '--with', 'gnuplot', '-o', 'three.png').stderr)
        self.assert_picture('sweep.png', 'all.h5', '--by', 'rbm.hidden', '--with', 'gnuplot')
        self.assertEqual(self.vmc('plot', 'dot.h5', '--with', 'gnuplot', '-o', 'one.jpg').returncode, 2)

    def test_known_energies(self):
        """The exact energy is a line in the panel of training."""
        self.assert_picture('known.svg', 'dot.h5', '--what', 'training')
        self.assertIn('exact 3', (self.folder / 'known.svg').read_text())

    def test_follow(self):
        """Begun before there is a file; at its end when the run is."""
        following = subprocess.Popen([VMC, 'plot', 'late.h5', '--follow', '--what', 'training', '-o', 'late.png'], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            time.sleep(1)
            self.assertIsNone(following.poll())
            done = self.vmc('--config', 'dot.ini', '-o', 'late.h5', '-q', '--set', 'run.checkpoint_interval=0.2', '--set', 'measure.samples=1e6')
            self.assertEqual(done.returncode, 0, done.stderr)
            out, notes = following.communicate(timeout=60)
        finally:
            following.kill()
        self.assertEqual(following.returncode, 0, notes)
        self.assertIn('waiting for late.h5', notes)
        self.assertGreaterEqual(out.count('late.png'), 1)
        self.assertGreater((self.folder / 'late.png').stat().st_size, 5000)
        self.assertEqual([path.name for path in self.folder.glob('.late*')], [])

    def test_nobody_to_draw(self):
        (self.folder / 'empty').mkdir(exist_ok=True)
        done = self.vmc('plot', 'dot.h5', '--with', 'gnuplot', env={'PATH': str(self.folder / 'empty')})
        self.assertEqual(done.returncode, 66)
        for word in 'python3-matplotlib', 'gnuplot-nox', 'pip install':
            self.assertIn(word, done.stderr)

    def test_sweep(self):
        self.assert_picture('sweep.png', 'all.h5')
        self.assert_picture('sweep.svg', 'all.h5', '--by', 'rbm.hidden,system.omega')
        self.assert_picture('panels.svg', 'all.h5', '--by', 'rbm.hidden')  # the other key is panels
        words = (self.folder / 'panels.svg').read_text()
        self.assertTrue('system.omega = 0.5' in words and 'system.omega = 1' in words)
        done = self.vmc('plot', 'all.h5', '--by', 'rbm.nothing')
        self.assertEqual(done.returncode, 66)
        self.assertIn('rbm.hidden', done.stderr)

    def test_ticks(self):
        """Of counts at whole numbers, of frequencies wherever gnuplot likes; what it is told, kept by a script in its place."""
        (self.folder / 'bin').mkdir(exist_ok=True)
        (self.folder / 'bin' / 'gnuplot').write_text('#!/bin/sh\n[ "$1" = --version ] || cat "$@" > told.gp\n')
        (self.folder / 'bin' / 'gnuplot').chmod(0o755)
        for key, ticks in (('rbm.hidden', '1'), ('system.omega', 'auto')):
            (self.folder / 'told.gp').unlink(missing_ok=True)
            self.vmc('plot', 'all.h5', '--by', key, '--with', 'gnuplot', '-o', 'none.png', env={'PATH': f'{self.folder}/bin:/usr/bin:/bin'})
            told = (self.folder / 'told.gp').read_text()
            self.assertGreater(told.count('set xtics'), 0)
            self.assertEqual(told.count('set xtics'), told.count(f'set xtics {ticks}\n'), told)

    def test_wrong(self):
        done = self.vmc('plot', 'missing.h5')
        self.assertEqual(done.returncode, 66)
        self.assertIn('missing.h5', done.stderr)
        self.assertNotIn('Traceback', done.stderr)


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    left_out.main()
