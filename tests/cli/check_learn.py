#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmc learn from outside: bad data, threads, stopping and resuming, the two nodes against quadrature, and a learned
machine as a wave function.

    check_learn.py path/to/vmc path/to/libshim.so [all] [TEST...]

Cuts and kills come at a given look at the clock (tests/faults/shim.c), so that they come whatever the machine does beside.
"""
import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy

VMC, SHIM = (str(Path(sys.argv.pop(1)).resolve()) for _ in range(2))
ALL = sys.argv[1:2] == ['all']  # every case, not some of each kind
if ALL:
    sys.argv.pop(1)
ROOT = Path(__file__).resolve().parents[2]
TWO_NODES = ROOT / 'configs' / 'learn_two_nodes.ini'


def pairs(n, w, seed):
    """n pairs of +-1 with p ~ e^(w s t)."""
    dice = random.Random(seed)
    alike = 1 / (1 + math.exp(-2 * w))
    return [(s, s if dice.random() < alike else -s) for s in (dice.choice((-1, 1)) for _ in range(n))]


def quadrature(n, total, partition):
    """Mean and width of w under e^(w total) (4 cosh w)^-n e^(-w^2 / 2), or without the cosh."""
    if not partition:
        return total, 1.0
    centre = math.atanh(total / n)
    width = 1 / math.sqrt(1 + n / math.cosh(centre) ** 2)
    w = centre + width * numpy.linspace(-12, 12, 48001)
    ln = w * total - n * (numpy.abs(w) + numpy.log1p(numpy.exp(-2 * numpy.abs(w)))) - w * w / 2
    p = numpy.exp(ln - ln.max())
    mean = (p * w).sum() / p.sum()
    return mean, math.sqrt((p * (w - mean) ** 2).sum() / p.sum())


def gaussian_samples(n, seed):
    """Of a machine with two coordinates and two hidden units."""
    dice = numpy.random.default_rng(seed)
    hidden = numpy.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    w, a, s = numpy.array([[2.0, -1.0], [0.5, 1.5]]), numpy.array([0.3, -0.2]), 0.7
    centre = a + hidden @ w.T
    ln = hidden @ numpy.array([-3.0, 0.2]) + ((centre ** 2 - a ** 2) / (2 * s * s)).sum(1)
    p = numpy.exp(ln - ln.max())
    return centre[dice.choice(4, size=n, p=p / p.sum())] + s * dice.normal(size=(n, 2))


def file_number(path, name):
    with h5py.File(path) as file:
        return file[name][()]


def default_signals():
    """A shell that begins the tests in the background has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        (self.path / name).write_text(text, encoding='utf-8')

    def config(self, text, name='a.ini'):
        self.write(name, '[learn]\n' + text)

    def learn(self, *arguments, code=0, config='a.ini'):
        run = subprocess.run([VMC, 'learn', '--config', str(config), '--progress', 'never', *arguments], cwd=self.path, capture_output=True, text=True,
                             timeout=300, check=False)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        return run

    def cut(self, look, how, code, *arguments):
        """Learning gets a signal at this look at the clock, and has to end with this code."""
        run = subprocess.run([VMC, 'learn', *arguments, '--quiet', '--progress', 'never'], cwd=self.path, capture_output=True, text=True, timeout=300,
                             check=False, preexec_fn=default_signals, env={**os.environ, 'LD_PRELOAD': SHIM, 'CUT_AT': str(look), 'CUT_HOW': str(int(how))})
        self.assertEqual(run.returncode, code, run.stderr)

    def result(self, *arguments, config='a.ini'):
        return json.loads(self.learn('--json', '--force', *arguments, config=config).stdout)

    def contents(self, name):
        """Everything in a file but clocks and the settings that may differ, as bytes."""
        found = {}

        def visit(path, item):
            if isinstance(item, h5py.Dataset) and not path.startswith(('provenance', 'config')):
                value = item[()]
                found[path] = value.tobytes() if hasattr(value, 'tobytes') else value
        with h5py.File(self.path / name) as file:
            file.visititems(visit)
        return found

    def write_gaussian(self, n=3000):
        numpy.savetxt(self.path / 'x.csv', gaussian_samples(n, 1), delimiter=',', fmt='%.9g')


class Data(Case):
    def refuse(self, text, *said, kind='gaussian', code=66):
        self.write('x.csv', text)
        self.config(f'data = x.csv\nvisible = {kind}\n')
        run = self.learn(code=code)
        for words in said:
            self.assertIn(words, run.stderr)
        self.assertFalse((self.path / 'a.h5').exists())

    def test_bad_text(self):
        self.refuse('1,2\n3,nan\n4,5\n', "x.csv:2: column 2: 'nan' is not finite")
        self.refuse('1,2\n3,inf\n4,5\n', "x.csv:2: column 2: 'inf' is not finite")
        self.refuse('1,2\n3,4\n4,5e999\n', "x.csv:3: column 2: '5e999' is not finite")
        self.refuse('1,2\nabc,4\n', "x.csv:2: column 1: 'abc' is not a number")
        self.refuse('1,2\n3,1.5x\n', "x.csv:2: column 2: '1.5x' is not a number")
        self.refuse('1,2\n3,\n', "x.csv:2: column 2: '' is empty")
        self.refuse('1,2\n3,4,5\n', 'x.csv:2: 3 columns, the lines before have 2')
        self.refuse('1,2\n3\n', 'x.csv:2: 1 column, the lines before have 2')
        self.refuse('', 'x.csv: holds no samples')
        self.refuse('# nothing\n\n', 'x.csv: holds no samples')
        self.refuse('x,y\n', 'x.csv: holds no samples')
        self.refuse('1,2\n', 'x.csv: holds one sample')
        self.refuse('x,y\n1,2\n1,3\n1,5\n', 'x.csv:2: column 1 is 1 from here to line 4, in all 3 samples')
        self.refuse('1,2\n3,\0 4\n', 'x.csv:2: holds a NUL byte')
        self.refuse('a,b\nc,d\n1,2\n', "x.csv:2: column 1: 'c' is not a number")

    def test_wrong_states(self):
        self.refuse('0,1\n1,0.5\n1,1\n', "x.csv:2: column 2: '0.5' is neither 0 nor 1", kind='binary')
        self.refuse('1,1\n1,-1\n-1,1\n', 'for -1 and 1 use visible = spins', kind='binary')
        self.refuse('1,1\n1,0\n-1,1\n', "x.csv:2: column 2: '0' is neither -1 nor 1; for 0 and 1 use visible = binary", kind='spins')
        self.refuse('1\n-1\n1\n', 'has one column', kind='spins')

    def test_many_mistakes_are_counted(self):
        self.write('x.csv', 'a,b\n' + 'x,y\n' * 20)
        self.config('data = x.csv\n')
        lines = self.learn(code=66).stderr.splitlines()
        self.assertLessEqual(len(lines), 8)

    def test_missing(self):
        self.config('data = no.csv\n')
        self.assertIn('no.csv: cannot be read', self.learn(code=66).stderr)
        self.config('data = .\n')
        self.assertIn('folder', self.learn(code=66).stderr)
        self.config('data = no.h5:/x\n')
        self.learn(code=66)

    def test_hdf5(self):
        values = numpy.arange(24.0).reshape(4, 3, 2)
        bad = values.copy()
        bad[1, 2, 0] = math.nan
        with h5py.File(self.path / 'x.h5', 'w') as file:
            file['good'] = values
            file['bad'] = bad
            file['constant'] = numpy.ones((5, 2))
            file['empty'] = numpy.zeros((0, 2))
            file['text'] = 'words'
            file['group/whole'] = numpy.arange(10).reshape(5, 2)
            file['one'] = 3.0
        for name, code, said in (('bad', 66, 'x.h5:/bad: sample 2, coordinate 5 (counted from 1): nan is not finite'),
                                 ('constant', 66, 'x.h5:/constant: column 2 is 1 in all 5 samples'), ('empty', 66, 'x.h5:/empty: holds no samples'),
                                 ('text', 65, '/text holds no numbers'), ('group', 65, '/group is a group, not a data set'),
                                 ('other', 66, 'there is no such data set'), ('one', 66, 'is a single number')):
            self.config(f'data = x.h5:/{name}\n')
            self.assertIn(said, self.learn(code=code).stderr)
        self.config('data = x.h5\n')
        self.assertIn('which data set?', self.learn(code=66).stderr)
        self.config('data = x.h5:good\nheld_out = 0\n')
        self.assertEqual(json.loads(self.learn('--check', '--json').stdout)['visible_units'], 6)
        self.config('data = x.h5:group/whole\n')
        self.assertEqual(json.loads(self.learn('--check', '--json').stdout)['visible_units'], 2)

    def test_always_equal_spins(self):
        self.write('x.csv', '1,1\n-1,-1\n' * 4)
        self.config('data = x.csv\nvisible = spins\nnegative = exact\nmethod = exact\nheld_out = 0\n')
        self.assertIn('columns 1 and 2 are equal in all samples', self.learn(code=66).stderr)
        self.learn('--set', 'learn.prior=1')

    def test_forms_of_text(self):
        """Comments, blanks, separators, ends of lines and a heading: the same samples."""
        found = []
        for text in ('1,2\n3,4\n5,7\n', '# c\nx, y\n1 , 2\n\n3,4 # d\n5,7', '1 2\n 3\t4\n5 7\n', '1;2\r\n3;4\r\n5;7\r\n'):
            self.write('x.csv', text)
            self.config('data = x.csv\nheld_out = 0\niterations = 2\n')
            self.learn('--force')
            found.append(self.contents('a.h5'))
            self.assertEqual(found[-1], found[0], text)
        with h5py.File(self.path / 'a.h5') as file:
            self.assertEqual((file['result/n_train'][()], file['result/n_visible'][()]), (3, 2))


class Ends(Case):
    methods = ('negative = gibbs\n', 'negative = metropolis\nmethod = momentum\nsteps = 2\n', 'negative = exact\nsamples = 200\n',
               'negative = exact\nmethod = exact\n')

    def test_threads_do_not_show(self):
        self.write_gaussian()
        for k, method in enumerate(self.methods):
            self.config(f'data = x.csv\nhidden = 3\niterations = 60\nchains = 256\n{method}', f'{k}.ini')
            files = []
            for threads in ('1', '3'):
                self.learn('--threads', threads, '--output', f'{k}-{threads}.h5', config=f'{k}.ini')
                files.append(self.contents(f'{k}-{threads}.h5'))
            self.assertTrue(len(files[0]) > 10)
            self.assertEqual(files[0], files[1])

    def test_stopped_and_resumed(self):
        """Cut at many moments: the file is the same to the last bit as without a cut."""
        self.write_gaussian()
        for k, method in enumerate(self.methods):
            self.config(f'data = x.csv\nhidden = 4\niterations = 240\nchains = 256\n{method}', f'{k}.ini')
            self.learn('--output', 'whole.h5', '--threads', '1', '--force', config=f'{k}.ini')
            (self.path / 'cut.h5').unlink(missing_ok=True)
            arguments = [f'{k}.ini', '--output', 'cut.h5', '--resume', '--threads', '2']
            for t, looks in enumerate((40, 60, 160, 1) if ALL else (60, 160)):
                self.cut(looks, (signal.SIGINT, signal.SIGTERM)[t % 2], 75, *arguments)
            self.learn(*arguments[1:], config=f'{k}.ini')
            self.assertEqual(self.contents('whole.h5'), self.contents('cut.h5'), method)

    def test_extended(self):
        """Half of the iterations, then all: as in one go, with a rate that does not look ahead."""
        self.write_gaussian()
        for k, method in enumerate(self.methods[:3]):
            self.config(f'data = x.csv\nhidden = 3\niterations = 80\nschedule = inverse\nchains = 64\n{method}', f'{k}.ini')
            self.learn('--output', 'whole.h5', '--force', config=f'{k}.ini')
            self.learn('--output', 'half.h5', '--force', '--set', 'learn.iterations=37', config=f'{k}.ini')
            self.learn('--output', 'half.h5', '--resume', config=f'{k}.ini')
            self.assertEqual(self.contents('whole.h5'), self.contents('half.h5'), method)

    def test_killed(self):
        """kill -9 loses nothing of what was saved."""
        self.write_gaussian()
        self.config('data = x.csv\nhidden = 3\niterations = 2000\n[run]\ncheckpoint_interval = 1e-9\n')
        done = 0
        for look in (30, 31, 50):
            self.cut(look, signal.SIGKILL, -signal.SIGKILL, 'a.ini', '--resume', '--threads', '1')
            with h5py.File(self.path / 'a.h5') as file:
                self.assertGreater(file['checkpoint/iteration'][()], done)
                done = file['checkpoint/iteration'][()]
        self.assertGreater(done, 0)

    def test_resume_refuses_another_job(self):
        self.write_gaussian(200)
        self.config('data = x.csv\niterations = 20\n')
        self.learn()
        self.assertIn('nothing left to do', self.learn('--resume').stderr)
        self.assertIn('[learn] steps = 3', self.learn('--resume', '--set', 'learn.steps=3', code=78).stderr)
        self.write('x.csv', (self.path / 'x.csv').read_text(encoding='utf-8') + '0,0\n')
        self.assertIn('samples are others', self.learn('--resume', code=78).stderr)
        self.write_gaussian(200)
        longer = json.loads(self.learn('--resume', '--set', 'learn.iterations=50', '--json').stdout)
        self.assertEqual(longer['iterations'], 50)
        self.learn(code=0)  # a complete file is kept
        self.assertTrue((self.path / 'a.1.h5').exists())

    def test_configuration(self):
        self.write_gaussian(200)
        self.config('data = x.csv\nhiden = 3\n')
        self.assertIn("did you mean 'hidden'?", self.learn(code=78).stderr)
        self.config('data = x.csv\niterations = 20\n')
        first = self.contents(json.loads(self.learn('--json').stdout)['output'])
        printed = self.learn('--print-config').stdout
        self.write('b.ini', printed)
        self.learn(config='b.ini')
        self.assertEqual(first, self.contents('b.h5'))


class TwoNodes(Case):
    def two_nodes(self, n, w, seed, *arguments):
        data = pairs(n, w, seed)
        self.write('x.csv', 's,t\n' + ''.join(f'{s},{t}\n' for s, t in data))
        return sum(s * t for s, t in data), self.result('--set', 'learn.data=x.csv', '--set', 'learn.posterior_samples=64000', *arguments,
                                                        config=TWO_NODES)

    def test_estimate_and_posterior(self):
        for n, w in ((1000, 0), (10000, 0), (100000, 0), (1000, 0.5), (10000, -1.2), (37, 1))[0 if ALL else 4:]:
            total, found = self.two_nodes(n, w, n + 5)
            self.assertAlmostEqual(found['estimate'][0], math.atanh(total / n), delta=1e-8)
            self.assertLess(abs(found['estimate'][0] - w), 4 * math.cosh(w) / math.sqrt(n))
            self.check(found, quadrature(n, total, True))

    def test_without_partition(self):
        for n, w in ((1000, 0), (10000, 0), (10000, 0.3))[0 if ALL else 2:]:
            total, found = self.two_nodes(n, w, n + 6, '--set', 'learn.partition=no')
            self.assertAlmostEqual(found['estimate'][0], total, delta=1e-6 * (1 + abs(total)))
            self.check(found, quadrature(n, total, False))

    def test_without_partition_step_by_step(self):
        """The slope of ln p~ is constant, that of the prior of width 1 is w / n: plain descent shortens their sum by 1 - rate / n at every step."""
        self.two_nodes(37, 0.5, 2, '--set', 'learn.partition=no', '--set', 'learn.posterior=no', '--set', 'learn.method=sgd', '--set', 'learn.iterations=9',
                       '--set', 'learn.schedule=constant', '--set', 'learn.learning_rate=2', '--output', 'steps.h5')
        norm = file_number(self.path / 'steps.h5', 'training/gradient_norm')
        self.assertEqual(len(norm), 9)
        numpy.testing.assert_allclose(norm[1:] / norm[:-1], 1 - 2 / 37, rtol=1e-12)

    def check(self, found, right):
        """Mean and width within 4 sigma of quadrature; 18 numbers in all, fixed seeds (with others once in 900 one would fail)."""
        for name, value in zip(('mean', 'width'), right):
            self.assertLess(abs(found[name][0] - value), 4 * found[name + '_error'][0], (name, value, found))
            self.assertLess(found[name + '_error'][0], 0.01 * right[1])
        self.assertLess(found['r_hat'][0], 1.01)

    def test_stopped_in_the_posterior(self):
        self.write('x.csv', ''.join(f'{s},{t}\n' for s, t in pairs(1000, 0.3, 3)))
        arguments = ['--set', 'learn.data=x.csv', '--set', 'learn.posterior_samples=60000', '--set', 'run.seed=4']
        self.learn('--output', 'whole.h5', *arguments, config=TWO_NODES)
        for looks in (20000, 10000):
            self.cut(looks, signal.SIGINT, 75, str(TWO_NODES), '--output', 'cut.h5', '--resume', *arguments)
        self.learn('--output', 'cut.h5', '--resume', *arguments, config=TWO_NODES)
        self.assertEqual(self.contents('whole.h5'), self.contents('cut.h5'))

    def test_wrong_model_is_refused(self):
        self.write_gaussian(100)
        self.config('data = x.csv\npartition = no\n')
        self.assertIn('[learn] partition', self.learn(code=78).stderr)
        _, found = self.two_nodes(100, 0, 1)
        self.assertLess(abs(found['estimate'][0]), 0.5)
        self.assertIn('ln Z was left out', self.learn('--set', 'learn.data=x.csv', '--set', 'learn.partition=no', '--force', config=TWO_NODES).stderr)


class Machines(Case):
    def test_held_out(self):
        """Samples that were not learned from are as likely as those that were."""
        self.write_gaussian()
        self.config('data = x.csv\nhidden = 2\nnegative = exact\nmethod = exact\nstarts = 2\n')
        found = self.result()
        self.assertEqual(found['samples_held_out'], 300)
        self.assertEqual(found['ln_partition_error'], 0)
        self.assertLess(abs(found['held_out'] - found['log_likelihood']), 5 * found['held_out_error'])

    def test_methods_agree(self):
        """Chains and sums lead to the same likelihood; noise leaves chains a little below the maximum."""
        self.write_gaussian(10000)
        best = None
        methods = ('negative = exact\nmethod = exact\n', 'negative = gibbs\n', 'negative = metropolis\n', 'negative = exact\niterations = 1500\n')
        for method in methods[:4 if ALL else 2]:
            self.config(f'data = x.csv\nhidden = 2\nheld_out = 0\n{method}')
            found = self.result()['log_likelihood']
            best = best or found
            self.assertLess(found, best + 1e-4, method)
            self.assertGreater(found, best - 2e-3, method)

    def test_no_iterations(self):
        """The machine that learning begins with, which is worse than what comes of it."""
        self.write_gaussian(300)
        for method in ('', 'negative = exact\nmethod = exact\n'):
            self.config(f'data = x.csv\niterations = 0\n{method}')
            first = self.result()
            self.assertEqual(first['iterations'], 0)
            self.assertLess(first['log_likelihood'], self.result('--set', 'learn.iterations=200')['log_likelihood'] - 0.01)

    def test_large_machine_is_annealed(self):
        """Weakly coupled layers: ln Z by annealing beside its expansion to second order about units that are independent."""
        dice = numpy.random.default_rng(2)
        numpy.savetxt(self.path / 'x.csv', (dice.random((400, 40)) < 0.3).astype(int), delimiter=',', fmt='%d')
        self.config('data = x.csv\nvisible = binary\nhidden = 30\niterations = 0\ninit_scale = 0.03\nais_chains = 128\nais_steps = 500\n')
        found = self.result()
        with h5py.File(self.path / 'a.h5') as file:
            a, b, w = (file['machine'][name][()] for name in 'abw')
        p, q = 1 / (1 + numpy.exp(-a)), 1 / (1 + numpy.exp(-b))
        free = numpy.log1p(numpy.exp(a)).sum() + numpy.log1p(numpy.exp(b)).sum()
        first = p @ w @ q
        second = 0.5 * ((p * (1 - p)) @ (w @ q) ** 2 + (q * (1 - q)) @ (p @ w) ** 2 + (p * (1 - p)) @ w ** 2 @ (q * (1 - q)))
        error = found['ln_partition_error']
        self.assertTrue(0 < error < 0.01)
        self.assertGreater(abs(first + second), 20 * error)
        self.assertLess(abs(found['ln_partition'] - free - first - second), 5 * error + 0.003, (found['ln_partition'], free, first, second))
        self.assertTrue(100 < file_number(self.path / 'a.h5', 'result/effective_chains') <= 128)

    def test_units_do_not_matter(self):
        """Samples in other units and moved: the same machine, moved; p changes by the volume alone."""
        x = gaussian_samples(2000, 3)
        found = []
        for k, values in enumerate((x, 1000 * x + 5000)):
            numpy.savetxt(self.path / f'{k}.csv', values, delimiter=',', fmt='%.17g')
            self.config(f'data = {k}.csv\niterations = 300\n')
            found.append(self.result('--output', f'{k}.h5'))
        self.assertAlmostEqual(found[1]['log_likelihood'] + 2 * math.log(1000), found[0]['log_likelihood'], delta=1e-6)
        with h5py.File(self.path / '0.h5') as one, h5py.File(self.path / '1.h5') as other:
            numpy.testing.assert_allclose(1000 * one['wavefunction/rbm/w'][()], other['wavefunction/rbm/w'][()], rtol=1e-5)
            numpy.testing.assert_allclose(1000 * one['wavefunction/rbm/a'][()] + 5000, other['wavefunction/rbm/a'][()], rtol=1e-6)

    def test_loads_as_wave_function(self):
        """|psi|^2 of the loaded machine is p: a run that samples it has the data's moments, in both representations."""
        dice = numpy.random.default_rng(4)
        x = dice.normal(size=(20000, 2, 2)) * 0.6 + 0.3 * dice.normal(size=(20000, 1, 1))
        x += numpy.where(dice.random((20000, 1, 1)) < 0.4, 1.5, -0.2)
        with h5py.File(self.path / 'x.h5', 'w') as file:
            file['positions'] = x
        for form in ('probability', 'amplitude'):
            self.config(f'data = x.h5:/positions\nhidden = 3\nnegative = exact\nmethod = exact\nstarts = 1\nrepresentation = {form}\n')
            self.learn('--force', '--output', f'{form}.h5')
            self.write('run.ini', '[system]\nparticles = 2\ndimensions = 2\n[wavefunction]\nfactors = rbm\n'
                       f'load = {form}.h5\n[rbm]\nhidden = 3\nrepresentation = {form}\ntrain_sigma = yes\n[sampler]\nmethod = exact\n'
                       '[optimizer]\niterations = 0\n[measure]\nsamples = 40000\npositions = 40000\n')
            run = subprocess.run([VMC, 'run.ini', '--force', '--quiet', '--progress', 'never'], cwd=self.path, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            with h5py.File(self.path / 'run.h5') as file:
                y = file['positions'][()].reshape(-1, 4)
            numpy.testing.assert_allclose(numpy.cov(y.T), numpy.cov(x.reshape(-1, 4).T), atol=0.05)
            numpy.testing.assert_allclose(y.mean(0), x.reshape(-1, 4).mean(0), atol=0.03)
        text = (self.path / 'run.ini').read_text(encoding='utf-8').replace('representation = amplitude', 'representation = probability')
        self.write('run.ini', text)
        run = subprocess.run([VMC, 'run.ini', '--force', '--quiet'], cwd=self.path, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 78)
        self.assertIn('set rbm.representation = amplitude', run.stderr)

    def test_other_commands(self):
        self.write_gaussian(200)
        self.config('data = x.csv\niterations = 20\n')
        self.learn()
        self.assertIn('ln p per sample', subprocess.run([VMC, 'show', 'a.h5'], cwd=self.path, capture_output=True, text=True, check=True).stdout)
        for command in 'diagnose', 'verify':
            run = subprocess.run([VMC, command, 'a.h5'], cwd=self.path, capture_output=True, text=True, check=False)
            self.assertEqual((run.returncode, run.stdout), (78, ''))
            self.assertIn('holds no results of one run', run.stderr)


class Whole(Case):
    """Every number of a file, against a naive program: this one. It sums over all states of the hidden units or of the samples."""

    def open(self, *arguments, name='whole.h5'):
        self.learn('--force', '--output', name, *arguments)
        file = h5py.File(self.path / name)
        self.addCleanup(file.close)
        return file

    def likelihoods(self, x, shape, theta):
        """ln p of samples, and ln Z: theta in the order a, b, w, ln sigma; shape: kind, hidden units, dimensions, copies."""
        kind, n, dimensions, copies = shape
        m = x.shape[1]
        if kind == 'spins':
            states = numpy.array(list(itertools.product((-1, 1), repeat=m)))
            couplings = numpy.zeros((m, m))
            couplings[numpy.triu_indices(m, 1)] = theta
            ln_z = numpy.log(numpy.exp(((states @ couplings) * states).sum(axis=1)).sum())
            return ((x @ couplings) * x).sum(axis=1) - ln_z, ln_z
        a, b, w = theta[:m], theta[m:m + n], theta[m + n:m + n + m * n].reshape(m, n)
        if kind == 'binary':
            ln = lambda v: v @ a + numpy.logaddexp(0, b + v @ w).sum(axis=1)
            ln_z = numpy.log(numpy.exp(ln(numpy.array(list(itertools.product((0, 1), repeat=m))))).sum())
            return ln(x) - ln_z, ln_z
        s2 = numpy.resize(numpy.exp(theta[m + n + m * n:]), m) ** 2
        hidden = numpy.array(list(itertools.product(range(copies + 1), repeat=n)))  # of two copies 0, 1 twice, or 2
        weight = numpy.where(hidden == 1, math.log(copies), 0).sum(axis=1)
        push = hidden @ w.T / copies
        ln_z = numpy.log(numpy.exp(weight + hidden @ b + copies * ((2 * a * push + push ** 2) / (2 * s2)).sum(axis=1)).sum())
        ln_z += 0.5 * numpy.log(2 * math.pi * s2 / copies).sum()
        ln = copies * (-(x - a) ** 2 / (2 * s2)).sum(axis=1) + copies * numpy.logaddexp(0, b + (x / s2) @ w).sum(axis=1)
        return ln - ln_z, ln_z

    def check(self, x, shape, text, widths=0, tolerance=1e-9):
        kind, n, dimensions, _ = shape
        m = x.shape[1]
        numpy.savetxt(self.path / 'x.csv', x, delimiter=',', fmt='%.17g')
        self.config(f'data = x.csv\nvisible = {kind}\n{text}')
        file = self.open()
        result, theta = file['result'], file['checkpoint/theta'][()]
        real = kind == 'gaussian'
        counts = {'n_train': len(x), 'n_held_out': 0, 'n_visible': m, 'n_hidden': n, 'n_parameters': len(theta), 'iterations': 7}
        self.assertEqual({name: result[name][()] for name in counts}, counts)
        self.assertEqual((file['checkpoint/iteration'][()], file['checkpoint/history'][()], file['checkpoint/converged'][()]), (7, 7, 0))
        self.assertEqual((file.attrs['status'], file['training/end'].asstr()[()]), ('complete', 'iterations'))
        # samples are centred and scaled, by one width or one per dimension; parameters are kept as those of the samples as they are
        centre, scale = numpy.zeros(m), numpy.ones(m)
        if real:
            centre = x.mean(axis=0)
            scale = numpy.resize(numpy.sqrt(((x - centre) ** 2).reshape(-1, 1 if widths == 1 else dimensions).mean(axis=0)), m)
        group = file['wavefunction/rbm' if real else 'machine']
        if kind == 'spins':
            w = group['w'][()]
            numpy.testing.assert_array_equal(w, w.T)
            numpy.testing.assert_array_equal(w[numpy.triu_indices(m, 1)], theta)
        else:
            sigma = numpy.resize(group['sigma'][()], m) if real else numpy.ones(m)
            w = group['w'][()] / scale[:, None]
            b = group['b'][()] + (centre / sigma ** 2) @ group['w'][()] * real
            own = numpy.concatenate([(group['a'][()] - centre) / scale, b, w.ravel(), numpy.log((sigma / scale)[:dimensions])[:widths]])
            numpy.testing.assert_allclose(theta, own, rtol=0, atol=1e-12 * (1 + abs(own).max()))
        if real:
            self.assertEqual(group.attrs['representation'], 'amplitude' if shape[3] == 2 else 'probability')
            full = theta if widths else numpy.concatenate([theta, numpy.log((sigma / scale)[:dimensions])])
        else:
            full = theta
            self.assertEqual(group.attrs['visible'], kind)
        ln, ln_z = self.likelihoods((x - centre) / scale, shape, full)
        ln = ln - numpy.log(scale).sum()
        self.assertAlmostEqual(result['ln_partition'][()], ln_z, delta=tolerance)
        self.assertEqual(result['ln_partition_error'][()], 0)
        self.assertAlmostEqual(result['log_likelihood'][()], ln.mean(), delta=tolerance)
        self.assertAlmostEqual(result['log_likelihood_error'][()], ln.std(ddof=1) / math.sqrt(len(x)), delta=tolerance)
        for name in 'held_out', 'held_out_error', 'effective_chains', 'posterior_acceptance':
            self.assertTrue(math.isnan(result[name][()]), name)
        # one iteration more: what it finds is what this file ends with, and its gradient that of finite differences
        more = self.open('--set', 'learn.iterations=8', name='more.h5')
        numpy.testing.assert_array_equal(more['training/iteration'][()], numpy.arange(8))
        self.assertAlmostEqual(more['training/log_likelihood'][7], ln.mean(), delta=tolerance)

        def mean(k, by):
            moved = full.copy()
            moved[k] += by
            return self.likelihoods((x - centre) / scale, shape, moved)[0].mean()
        slope = numpy.array([(mean(k, 1e-5) - mean(k, -1e-5)) / 2e-5 for k in range(len(theta))])
        self.assertAlmostEqual(more['training/gradient_norm'][7], numpy.linalg.norm(slope), delta=1e-7 * (1 + numpy.linalg.norm(slope)))
        # with samples held out: whoever they are, both parts together are all of them
        numpy.testing.assert_allclose(file['training/learning_rate'][()], 0.02 / (1 + 0.3 * numpy.arange(7)), rtol=1e-13)
        split = self.open('--set', 'learn.held_out=0.25', '--set', 'learn.iterations=0', name='split.h5')
        parts = [(split[f'result/n_{name}'][()], split[f'result/{mean}'][()], split[f'result/{mean}_error'][()])
                 for name, mean in (('train', 'log_likelihood'), ('held_out', 'held_out'))]
        self.assertEqual([part[0] for part in parts], [len(x) - len(x) // 4, len(x) // 4])
        return split, parts

    def compare(self, x, shape, split, parts):
        """Sums over all samples of ln p and its square, by the parameters of the file, in the units of the samples."""
        m, group = x.shape[1], split['wavefunction/rbm' if shape[0] == 'gaussian' else 'machine']
        if shape[0] == 'spins':
            theta = group['w'][()][numpy.triu_indices(m, 1)]
        else:
            theta = numpy.concatenate([group[name][()].ravel() for name in 'abw'])
            if shape[0] == 'gaussian':
                theta = numpy.concatenate([theta, numpy.log(group['sigma'][()])])
        ln, _ = self.likelihoods(x, shape, theta)
        self.assertAlmostEqual(sum(n * mean for n, mean, _ in parts), ln.sum(), delta=1e-8 * len(x))
        self.assertAlmostEqual(sum(n * (n - 1) * error ** 2 + n * mean ** 2 for n, mean, error in parts), (ln ** 2).sum(), delta=1e-7 * len(x))

    def test_all_numbers(self):
        dice = numpy.random.default_rng(6)
        common = 'negative = exact\nmethod = momentum\nlearning_rate = 0.02\nschedule = inverse\ndecay = 0.3\niterations = 7\nheld_out = 0\n'
        real = 2 + numpy.array([0.5, 3]) * (dice.normal(size=(120, 2)) + 1.5 * (dice.random((120, 1)) < 0.5))
        bits = (dice.random((160, 5)) < numpy.where(dice.random((160, 1)) < 0.4, 0.8, 0.3)).astype(float)
        for x, shape, text, widths in (
                (real, ('gaussian', 3, 1, 1), 'hidden = 3\n', 1),
                (real, ('gaussian', 2, 2, 2), 'hidden = 2\ndimensions = 2\nrepresentation = amplitude\n', 1),
                (real, ('gaussian', 2, 2, 1), 'hidden = 2\ndimensions = 2\ntrain_sigma = no\nsigma = 0.7, 2.5\n', 0),
                (bits, ('binary', 3, 1, 1), 'hidden = 3\n', 0),
                (2 * bits - 1, ('spins', 0, 1, 1), '', 0)):
            with self.subTest(shape=shape):
                split, parts = self.check(x, shape, common + text, widths)
                self.compare(x, shape, split, parts)


if __name__ == '__main__':
    unittest.main()
