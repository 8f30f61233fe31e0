#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results files of every format there has been, the present one included, as programs of November 2026 wrote them: read, resumed, extended, merged
and loaded from.

    check_formats.py path/to/vmc [all] [unittest options]

Without `all` the present format, which everything else is tested with, is left out.

The files of format N, in tests/data/formats/N, were made with tests/data/formats/dot.ini: one complete (with --set measure.samples=512), one stopped
after 15 of 40 iterations, and one stopped after 64 draws of measuring. Energies are compared with those of the kept files, five standard errors
apart at most.
"""
import gzip
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy

VMC = ''
DATA = Path(__file__).resolve().parent.parent / 'data' / 'formats'
COMPLETE = ('--set', 'measure.samples=512')


class Case(unittest.TestCase):
    FORMAT = 1

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for packed in (DATA / str(self.FORMAT)).glob('*.h5.gz'):
            (self.folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        (self.folder / 'dot.ini').write_bytes((DATA / 'dot.ini').read_bytes())

    def vmc(self, *options, code=0):
        done = subprocess.run([VMC, *options], cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, f'{options}\n{done.stdout}\n{done.stderr}')
        return done

    def resume(self, name, *options, code=0):
        return self.vmc('--config', 'dot.ini', '-o', name, '--resume', *options, code=code)

    def read(self, name, *paths):
        with h5py.File(self.folder / name, 'r') as file:
            return [file.attrs[path] if '/' not in path else file[path][()] for path in paths]

    def energy(self, name):
        return numpy.array(self.read(name, '/result/energy', '/result/energy_error'), dtype=float)

    def agree(self, first, second):
        self.assertLess(abs(first[0] - second[0]), 5 * numpy.hypot(first[1], second[1]), (first, second))


class Format1(Case):
    # draws looked at in all where measuring goes on after 64 of 200: the histograms of format 1 begin anew
    LOOKED_AT = (96, 144, 192)

    def test_number_of_the_format(self):
        self.assertEqual({int(self.read(path.name, 'format_version')[0]) for path in self.folder.glob('*.h5')}, {self.FORMAT})

    def test_is_shown_and_judged(self):
        for name in ('complete.h5', 'measuring.h5', 'training.h5'):
            self.assertIn('interaction = soft-coulomb', self.vmc('show', name).stdout)
        found = json.loads(self.vmc('diagnose', '--json', 'complete.h5', code=1).stdout)
        self.assertEqual((found['verdict'], [finding['name'] for finding in found['findings']]), ('doubtful', ['few effective samples']))

    def test_complete_is_finished(self):
        before = (self.folder / 'complete.h5').read_bytes()
        done = self.resume('complete.h5', *COMPLETE)
        self.assertIn('nothing left to do', done.stderr)
        self.assertIn('%.3f' % self.energy('complete.h5')[0], done.stdout)
        self.assertEqual((self.folder / 'complete.h5').read_bytes(), before)

    def test_complete_is_extended(self):
        before = self.energy('complete.h5')
        self.resume('complete.h5', '--set', 'measure.samples=12800')
        status, samples, iterations = self.read('complete.h5', 'status', '/result/n_samples', '/training/iteration')
        self.assertEqual((status, samples, len(iterations)), ('complete', 12800, 40))
        self.agree(before, self.energy('complete.h5'))

    def test_complete_is_trained_on(self):
        history, = self.read('complete.h5', '/training/energy')
        self.resume('complete.h5', *COMPLETE, '--set', 'optimizer.iterations=50')
        status, longer = self.read('complete.h5', 'status', '/training/energy')
        self.assertEqual((status, len(longer)), ('complete', 50))
        numpy.testing.assert_array_equal(longer[:40], history)

    def test_another_configuration_is_refused(self):
        before = (self.folder / 'complete.h5').read_bytes()
        done = self.resume('complete.h5', *COMPLETE, '--set', 'rbm.hidden=3', code=78)
        self.assertIn('[rbm] hidden', done.stderr)
        self.assertEqual((self.folder / 'complete.h5').read_bytes(), before)

    def test_training_goes_on(self):
        paths = ('/training/energy', '/training/parameters', '/training/gradient_norm')
        before, complete = self.read('training.h5', *paths), self.energy('complete.h5')
        self.resume('training.h5')
        status, samples = self.read('training.h5', 'status', '/result/n_samples')
        self.assertEqual((status, samples), ('complete', 6400))
        for old, new in zip(before, self.read('training.h5', *paths)):
            self.assertEqual((len(old), len(new)), (15, 40))
            numpy.testing.assert_array_equal(new[:15], old)
        self.agree(complete, self.energy('training.h5'))

    def test_measuring_goes_on(self):
        paths = [f'/measurement/{name}' for name in ('energy', 'local_energy', 'kinetic', 'trap', 'pair', 'kinetic_gradient', 'virial')]
        before, complete = self.read('measuring.h5', *paths), self.energy('complete.h5')
        self.resume('measuring.h5')
        status, samples, counted = self.read('measuring.h5', 'status', '/result/n_samples', '/observables/n_samples')
        self.assertEqual((status, samples), ('complete', 6400))
        self.assertEqual(counted, 32 * len(self.LOOKED_AT))
        for old, new in zip(before, self.read('measuring.h5', *paths)):
            self.assertEqual((old.shape, new.shape), ((32, 64), (32, 200)))
            numpy.testing.assert_array_equal(new[:, :64], old)
        self.agree(complete, self.energy('measuring.h5'))

    def test_merged_as_they_are_and_when_resumed(self):
        names = ('complete.h5', 'measuring.h5', 'training.h5')
        self.vmc('merge', 'old.h5', *names)
        energies = [self.energy(name)[0] for name in names]
        numpy.testing.assert_array_equal(self.read('old.h5', '/table/energy')[0], energies)
        self.assertEqual(self.read('old.h5', 'status')[0], 'stopped')
        self.resume('measuring.h5')
        self.resume('training.h5')
        self.vmc('merge', 'new.h5', *names)
        self.assertEqual(self.read('new.h5', 'status')[0], 'complete')
        numpy.testing.assert_array_equal(self.read('new.h5', '/table/energy')[0], [self.energy(name)[0] for name in names])

    def test_wave_function_is_loaded(self):
        for name in ('complete.h5', 'measuring.h5'):
            self.vmc('--config', 'dot.ini', '-o', 'loaded.h5', '--force', '--set', f'wavefunction.load={name}', '--set', 'optimizer.iterations=0')
            for part in 'a', 'b', 'w', 'sigma':
                path = '/wavefunction/rbm/' + part
                numpy.testing.assert_array_equal(self.read('loaded.h5', path)[0], self.read(name, path)[0])
            self.agree(self.energy(name), self.energy('loaded.h5'))

    def test_point_of_a_sweep_is_known(self):
        sweep = (self.folder / 'dot.ini').read_text() + '[sweep]\nsystem.omega = 1 | 2\n'
        (self.folder / 'many.ini').write_text(sweep)
        (self.folder / 'complete.h5').rename(self.folder / 'many-0000.h5')
        said = self.vmc('sweep', 'list', 'many.ini', *COMPLETE).stdout
        self.assertRegex(said, r'many-0000\.h5 +complete')
        self.assertRegex(said, r'many-0001\.h5 +to do')
        done = self.vmc('--config', 'many.ini', *COMPLETE, '--task', '0')
        self.assertIn('skipped 1 point already complete', done.stderr)
        self.vmc('--config', 'many.ini', '--set', 'sampler.thin=2', *COMPLETE, '--task', '0', code=78)


class Format2(Format1):
    FORMAT = 2
    LOOKED_AT = (0, 48, 96, 144, 192)


class Present(Case):
    def test_there_are_files_of_the_present_format(self):
        """Who changes the format keeps files of the one before, and adds some of the new one (docs/contributing.md)."""
        self.vmc('--config', 'dot.ini', '-o', 'new.h5', *COMPLETE)
        present = int(self.read('new.h5', 'format_version')[0])
        self.assertEqual(sorted(int(folder.name) for folder in DATA.iterdir() if folder.is_dir()), list(range(1, present + 1)))


class Given(Case):
    """Only what the configuration gives is compared; what it does not give is as the run was begun."""

    def test_what_is_not_given_stays(self):
        thin = ('--set', 'sampler.thin=2', '--set', 'optimizer.shift=0.02')
        self.vmc('--config', 'dot.ini', '-o', 'thin.h5', *thin)
        before = (self.folder / 'thin.h5').read_bytes()
        done = self.resume('thin.h5')
        self.assertRegex(done.stderr, r'\[sampler\] thin = 2, .*thin\.h5')
        self.assertRegex(done.stderr, r'\[optimizer\] shift = 0.02')
        self.assertIn('nothing left to do', done.stderr)
        self.assertEqual((self.folder / 'thin.h5').read_bytes(), before)
        self.resume('thin.h5', '--set', 'measure.samples=12800')
        self.vmc('--config', 'dot.ini', '-o', 'once.h5', '--set', 'measure.samples=12800', *thin)
        numpy.testing.assert_array_equal(*(self.read(name, '/measurement/energy')[0] for name in ('thin.h5', 'once.h5')))

    def test_what_is_given_is_compared(self):
        self.vmc('--config', 'dot.ini', '-o', 'thin.h5', '--set', 'sampler.thin=2')
        self.assertIn("[sampler] thin was '2' and is now '1'", self.resume('thin.h5', '--set', 'sampler.thin=1', code=78).stderr)
        # a choice that is given brings keys of its own, and is refused as such
        done = self.resume('thin.h5', '--set', 'system.interaction=none', code=78)
        self.assertIn("[system] interaction was 'soft-coulomb' and is now 'none'", done.stderr)

    def test_another_way_to_write_it_is_the_same(self):
        self.vmc('--config', 'dot.ini', '-o', 'same.h5')
        for same in ('sampler.walkers=3.2e1', 'interaction.softening=1e-0', 'rbm.sigma=auto'):
            self.assertIn('nothing left to do', self.resume('same.h5', '--set', same).stderr)

    def test_choice_that_is_not_given_stays(self):
        ini = (self.folder / 'dot.ini').read_text().replace('method = sr\n', '').replace('interaction = soft-coulomb\n', '')
        (self.folder / 'dot.ini').write_text(ini)
        choices = ('--set', 'optimizer.method=adam', '--set', 'system.interaction=soft-coulomb', '--set', 'interaction.softening=0.5')
        self.vmc('--config', 'dot.ini', '-o', 'choice.h5', *choices)
        said = self.resume('choice.h5').stderr
        for key in ('optimizer] method = adam', 'system] interaction = soft-coulomb', 'interaction] softening = 0.5'):
            self.assertIn(key, said)

    def test_point_of_a_sweep_that_was_begun(self):
        with open(self.folder / 'dot.ini', 'a') as file:
            file.write('[sweep]\nsystem.omega = 1 | 2\n')
        self.vmc('--config', 'dot.ini', '--set', 'sampler.thin=2')
        done = self.vmc('--config', 'dot.ini')
        self.assertIn('skipped 2 points already complete', done.stderr)


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    if sys.argv[1:2] == ['all']:
        sys.argv.pop(1)
    else:
        del Format2
    unittest.main()
