#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every number of `/measurement`, `/result`, `/observables` and `/training`, against a naive program: this one.

    check_whole.py path/to/vmc [unittest options]

It knows the wave function, reads the configurations that the run kept (all of them), and works out the rest: local
energies, means, errors by blocking, R-hat, histograms, batches, ratios. One coordinate in a trap is integrated on a grid.
"""
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy
from numpy.testing import assert_allclose

VMC = ''


# ---- quantiles, by bisection of integrals

def bisect(function, value, low, high):
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < value else (low, middle)
    return 0.5 * (low + high)


def chi_square(x, freedom):
    """Probability below x: the series of the incomplete gamma function."""
    a, x = freedom / 2, x / 2
    term = total = 1 / a
    for n in range(1, 500):
        term *= x / (a + n)
        total += term
    return total * math.exp(-x + a * math.log(x) - math.lgamma(a))


def student(freedom):
    """t such that Student's variable is within +-t as often as a normal one within +-1."""
    def within(t):
        y, step = numpy.linspace(-t, t, 4001, retstep=True)
        density = numpy.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - (freedom + 1) / 2 * numpy.log1p(y * y / freedom))
        density /= math.sqrt(freedom * math.pi)
        return step / 3 * (density[0] + density[-1] + 4 * density[1:-1:2].sum() + 2 * density[2:-1:2].sum())
    return bisect(within, math.erf(math.sqrt(0.5)), 0.5, 50)


# ---- what a series says

def blocking_error(series):
    """Blocks of 1, 2, 4, … values: the first level from which on neighbours are independent (docs/theory.md, section 6)."""
    chains, draws = series.shape
    levels, blocks, size = [], series - series.mean(), 1
    while blocks.shape[1] > 1:
        d = blocks - blocks.mean()
        n, m = d.size, d.shape[1]
        c0, c1 = (d * d).mean(), (d[:, 1:] * d[:, :-1]).sum() / (chains * (m - 1))
        levels.append((n, size, 1 - 1 / m, c0, c1, chains * (m - 1) * ((c1 + c0 / (n - 1)) / (c0 * n / (n - 1))) ** 2))
        m -= m % 2
        blocks, size = 0.5 * (blocks[:, 0:m:2] + blocks[:, 1:m:2]), 2 * size

    def variance(level):
        n, size, w, c0, c1, _ = level
        return n * size / (chains * draws) * (c0 + 2 * w * c1) / (n - 1 - 2 * w)
    for k, level in enumerate(levels):
        test = sum(later[5] for later in levels[k:])
        if level[0] >= 32 and test <= bisect(lambda x: chi_square(x, len(levels) - k), 0.99, 1e-9, 200) and variance(level) > 0:
            n, _, w, *_ = level
            return student((n - 1 - 2 * w) / (1 + 2 * w)) * math.sqrt(variance(level))
    return student(chains - 1) * series.mean(axis=1).std(ddof=1) / math.sqrt(chains)  # no plateau: whole chains


def r_hat(series):
    """Rank-normalised split R-hat, of the values and of their distances from the median (Vehtari et al. 2021)."""
    half = series.shape[1] // 2
    halves = numpy.concatenate([series[:, :half], series[:, -half:]])

    def of(values):
        _, which, counts = numpy.unique(values, return_inverse=True, return_counts=True)
        rank = (counts.cumsum() - (counts - 1) / 2)[which.ravel()]  # equal values share their mean rank
        normal = statistics.NormalDist()
        z = numpy.array([normal.inv_cdf((r - 0.375) / (values.size + 0.25)) for r in rank]).reshape(values.shape)
        return math.sqrt((half - 1) / half + z.mean(axis=1).var(ddof=1) / z.var(axis=1, ddof=1).mean())
    # the two values beside the median lie equally far from it, which takes a median of more digits
    distance = abs(halves - numpy.median(halves.astype(numpy.longdouble))).astype(float)
    return max(of(halves), of(distance))


# ---- a Boltzmann machine in a trap

class Machine:
    """psi = exp(-sum (x - a)^2 / 2 sigma^2) prod_j (1 + exp(b_j + sum_i x_i w_ij / sigma_i^2))"""

    def __init__(self, file, particles, omega, strength):
        rbm = file['/wavefunction/rbm']
        self.a, self.b, self.w = rbm['a'][()], rbm['b'][()], rbm['w'][()]
        self.s2 = numpy.resize(rbm['sigma'][()], len(omega)) ** 2
        self.s2, self.omega = numpy.tile(self.s2, particles), numpy.tile(omega, particles)
        self.particles, self.strength = particles, strength

    def parts(self, x):
        """Of configurations x [n, M]: kinetic energy, half the squared gradient, trap, pairs."""
        on = 1 / (1 + numpy.exp(-(self.b + (x / self.s2) @ self.w)))
        g = -(x - self.a) / self.s2 + on @ self.w.T / self.s2
        laplacian = (-1 / self.s2).sum() + (on * (1 - on)) @ (self.w ** 2 / self.s2[:, None] ** 2).sum(axis=0)
        r = x.reshape(len(x), self.particles, -1)
        pair = sum((self.strength / numpy.linalg.norm(r[:, p] - r[:, q], axis=1) for p in range(self.particles) for q in range(p)), numpy.zeros(len(x)))
        return -0.5 * ((g * g).sum(axis=1) + laplacian), 0.5 * (g * g).sum(axis=1), 0.5 * ((self.omega * x) ** 2).sum(axis=1), pair


def followed(step, b, sigma, widths=0):
    """The gradient that made a step of plain descent at rate 1: -T T^T times it, d theta = T d theta' of an RBM in amplitude form."""
    m, n, mu = len(sigma), len(b), 1 / (1 + numpy.exp(-numpy.asarray(b)))
    reduced = numpy.diag(numpy.concatenate([sigma, numpy.ones(n), numpy.repeat(sigma, n), numpy.full(widths, math.sqrt(widths / (2 * m)))]))
    for i in range(m):
        reduced[i, m + n + i * n:m + n + (i + 1) * n] = -sigma[i] * mu
    return -numpy.linalg.solve(reduced @ reduced.T, step)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix='vmc-whole-'))
        self.addCleanup(shutil.rmtree, self.folder)

    def vmc(self, text, name='run'):
        (self.folder / f'{name}.ini').write_text(text)
        done = subprocess.run([VMC, f'{name}.ini', '-q', '-t', '1'], cwd=self.folder, capture_output=True, text=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        file = h5py.File(self.folder / f'{name}.h5', 'r')
        self.addCleanup(file.close)
        return file

    def observed(self, file, x, omega, spin=None):
        """All of /observables from x [draw, walker, particle, dimension]: 32 batches of neighbouring walkers."""
        seen = {name: values[()] for name, values in file['/observables'].items()}
        draws, walkers, particles, dimensions = x.shape
        batch, widening, told = numpy.arange(walkers) * 32 // walkers, student(31), set()
        weight = numpy.full(32, draws * walkers / 32)
        self.assertEqual(seen['n_samples'], draws * walkers)

        def per_batch(values):
            """Sums over the draws, and over what other axes there are, [batch, …]."""
            total = numpy.zeros((32,) + values.shape[2:])
            numpy.add.at(total, batch, values.sum(axis=0))
            return total

        def mean(name, values):
            y = per_batch(values)
            error = widening * math.sqrt(32 / 31 * ((y - weight * y.sum() / weight.sum()) ** 2).sum()) / weight.sum()
            assert_allclose(seen[name], y.sum() / weight.sum(), rtol=1e-11, err_msg=name)
            assert_allclose(seen[name + '_error'], error, rtol=1e-8, err_msg=name)
            told.update((name, name + '_error'))

        def counts(values, edges):
            """[batch, bin] of values [draw, walker, which], and how many lie beyond."""
            bins = len(edges) - 1
            at = numpy.floor((values - edges[0]) / ((edges[-1] - edges[0]) / bins)).astype(int)
            found = numpy.zeros((32, bins + 1))
            numpy.add.at(found, (numpy.broadcast_to(batch[None, :, None], at.shape), numpy.where((at < 0) | (at >= bins), bins, at)), 1)
            return found[:, :-1], found[:, -1]

        def density(name, y, beyond, volume, w):
            share = y.sum(axis=0) / w.sum()
            scatter = 32 / 31 * ((y - w[:, None] * share) ** 2).sum(axis=0)
            more = max(1, scatter.sum() / y.sum())
            assert_allclose(seen[name].ravel(), share / volume, rtol=1e-10, err_msg=name)
            assert_allclose(seen[name + '_error'].ravel(), widening * numpy.sqrt(scatter + more) / (w.sum() * volume), rtol=1e-8, err_msg=name)
            assert_allclose(seen[name + '_outside'], beyond.sum() / w.sum(), rtol=1e-11, err_msg=name)
            told.update((name, name + '_error', name + '_outside'))

        def shells(edges):
            ball = {1: 2, 2: math.pi, 3: 4 * math.pi / 3}[dimensions] * edges ** dimensions
            return ball[1:] - ball[:-1]

        r = numpy.linalg.norm(x, axis=3)
        pairs = [(p, q) for q in range(particles) for p in range(q)]
        apart = numpy.stack([numpy.linalg.norm(x[:, :, p] - x[:, :, q], axis=2) for p, q in pairs], axis=2)
        mean('mean_radius', r.mean(axis=2))
        mean('mean_square_radius', (r * r).mean(axis=2))
        mean('mean_distance', apart.mean(axis=2))

        for name in ('radius', 'distance') + ('x', 'y') * (dimensions > 1):
            edges = seen[name + '_edges']
            assert_allclose(edges, numpy.linspace(edges[0], edges[-1], len(edges)), atol=1e-12)
            assert_allclose(seen[name], 0.5 * (edges[1:] + edges[:-1]), atol=1e-12)
            self.assertEqual(edges[0], -edges[-1] if name in 'xy' else 0)
            told.update((name, name + '_edges'))
        radii, distances = seen['radius_edges'], seen['distance_edges']
        y, beyond = counts(r, radii)
        density('density_radial', y, beyond, shells(radii), weight)

        if dimensions > 1:
            nx, ny = len(seen['x']), len(seen['y'])
            cell = [numpy.floor((x[..., d] - e[0]) / (e[1] - e[0])) for d, e in enumerate((seen['x_edges'], seen['y_edges']))]
            inside = (cell[0] >= 0) & (cell[0] < nx) & (cell[1] >= 0) & (cell[1] < ny)
            place = numpy.where(inside, cell[0] * ny + cell[1], nx * ny).astype(int)
            found = numpy.zeros((32, nx * ny + 1))
            numpy.add.at(found, (numpy.broadcast_to(batch[None, :, None], place.shape), place), 1)
            area = (seen['x_edges'][1] - seen['x_edges'][0]) * (seen['y_edges'][1] - seen['y_edges'][0])
            density('density_2d', found[:, :-1], found[:, -1], area, weight)

        # one particle after the other, taken from the next walker of its block of 32, among the others
        block = numpy.arange(walkers) // 32 * 32
        stranger = x[:, block + (numpy.arange(walkers) - block + 1) % 32]
        turn = numpy.arange(draws) % particles
        moved = stranger[numpy.arange(draws), :, turn]
        met = numpy.linalg.norm(x - moved[:, :, None], axis=3)
        of_stranger = numpy.broadcast_to(numpy.arange(particles)[None] != turn[:, None], (draws, particles))
        kinds = [('', lambda p, q: True)]
        if spin is not None:
            kinds += [('_parallel', lambda p, q: spin[p] == spin[q]), ('_antiparallel', lambda p, q: spin[p] != spin[q])]
        for kind, chosen in kinds:
            own = [k for k, (p, q) in enumerate(pairs) if chosen(p, q)]
            y, beyond = counts(apart[:, :, own], distances)
            density('pair_distribution' + kind, y, beyond, shells(distances), weight)
            u, far = numpy.zeros((32, len(distances) - 1)), numpy.zeros(32)
            for t in range(draws):
                others = [q for q in range(particles) if of_stranger[t, q] and chosen(q, turn[t])]
                more, beyond_too = counts(met[t:t + 1][:, :, others], distances)
                u, far = u + more, far + beyond_too
            w = (u.sum(axis=1) + far) / len(own)
            density('pair_distribution_uncorrelated' + kind, u, far, shells(distances), w)
            with numpy.errstate(divide='ignore', invalid='ignore'):
                share = y.sum(axis=0) / u.sum(axis=0)
                scale = w.sum() / weight.sum()
                scatter = 32 / 31 * ((y - share * u) ** 2).sum(axis=0)
                error = scale * widening * numpy.sqrt(scatter + 1 + share ** 2) / u.sum(axis=0)
            there = u.sum(axis=0) > 0
            for name, value in ('g' + kind, scale * share), ('g' + kind + '_error', error):
                assert_allclose(seen[name], numpy.where(there, value, numpy.nan), rtol=1e-8, err_msg=name)
                told.add(name)
        self.assertEqual(set(seen) - told, {'n_samples'})

    def test_electrons(self):
        """Three electrons in an anisotropic trap, all draws kept: whatever stands in the file follows from them."""
        omega, walkers, draws = [1, 0.7], 64, 128
        text = f'''
[system]
particles = 3
dimensions = 2
omega = 1, 0.7
interaction = coulomb
[interaction]
strength = 0.8
[wavefunction]
factors = rbm
[rbm]
hidden = 3
init_scale = 0.5
[sampler]
method = metropolis
walkers = {walkers}
burn_in = 50
[optimizer]
iterations = 0
[measure]
samples = {walkers * draws}
positions = {walkers * draws}
[observables]
interval = 1
bins = 40
range = 2.5
'''
        file = self.vmc(text)
        x = file['/positions'][()].reshape(draws, walkers, 3, 2)
        series = {name: file[f'/measurement/{name}'][()] for name in
                  ('energy', 'local_energy', 'kinetic', 'kinetic_gradient', 'trap', 'pair', 'virial')}
        kinetic, gradient, trap, pair = (part.reshape(draws, walkers).T for part in
                                         Machine(file, 3, omega, 0.8).parts(x.reshape(-1, 6)))
        self.assertEqual(file['/measurement/block'][()], 1)
        assert_allclose(series['local_energy'], kinetic + trap + pair, rtol=1e-11, atol=1e-11)
        assert_allclose(series['kinetic_gradient'], gradient, rtol=1e-11, atol=1e-11)
        assert_allclose(series['virial'], 2 * trap - pair, rtol=1e-11, atol=1e-11)
        # control variates have mean 0: the same means within the scatter of what they take away
        for name, plain in ('kinetic', kinetic), ('trap', trap), ('pair', pair), ('energy', kinetic + trap + pair):
            away = series[name] - plain
            self.assertGreater(away.var(), 0)
            self.assertLess(abs(away.mean()), 4.5 * away.mean(axis=1).std(ddof=1) / math.sqrt(walkers), name)
            self.assertLess(series[name].var(), plain.var(), name)
        self.result(file, series, walkers * draws)
        self.observed(file, x, omega)
        self.in_blocks(text, file, series)

    def in_blocks(self, text, whole, series):
        """With room for fewer values, means over several draws are kept: the same draws, the same result."""
        file = self.vmc(text.replace('positions', 'series_values = 1024\npositions'), 'blocks')
        block = file['/measurement/block'][()]
        self.assertGreaterEqual(block, 8)
        numpy.testing.assert_array_equal(file['/measurement/draw'][()], numpy.arange(0, 128, block))
        for name, values in series.items():
            chains, draws = values.shape
            means = values.reshape(chains, draws // block, block).mean(axis=2)
            assert_allclose(file[f'/measurement/{name}'][()], means, rtol=1e-10, atol=1e-10, err_msg=name)
            if name != 'virial':
                assert_allclose(file[f'/result/{name}'][()], whole[f'/result/{name}'][()], rtol=1e-10)
                assert_allclose(file[f'/result/{name}_error'][()], blocking_error(means), rtol=1e-6)
        for name in 'variance', 'estimator_variance', 'virial_ratio', 'n_samples', 'acceptance':
            assert_allclose(file[f'/result/{name}'][()], whole[f'/result/{name}'][()], rtol=1e-10, err_msg=name)
        for name in 'autocorrelation_time', 'effective_samples':  # of draws, whatever the values are
            self.assertLess(abs(file[f'/result/{name}'][()] / whole[f'/result/{name}'][()] - 1), 0.3, name)
        for name, values in whole['/observables'].items():
            numpy.testing.assert_array_equal(file['/observables'][name][()], values[()], err_msg=name)

    def result(self, file, series, samples):
        found = {name: values[()] for name, values in file['/result'].items()}
        for name, values in series.items():
            if name == 'virial':
                continue
            assert_allclose(found[name], values.mean(), rtol=1e-11, err_msg=name)
            assert_allclose(found[name + '_error'], blocking_error(values), rtol=1e-6, err_msg=name)
        assert_allclose(found['variance'], series['local_energy'].var(ddof=1), rtol=1e-9)
        assert_allclose(found['estimator_variance'], series['energy'].var(ddof=1), rtol=1e-9)
        w = 2 * series['trap'] - series['pair']
        ratio = 2 * series['kinetic'].mean() / w.mean()
        assert_allclose(found['virial_ratio'], ratio, rtol=1e-11)
        assert_allclose(found['virial_ratio_error'], blocking_error((2 * series['kinetic'] - ratio * w) / w.mean()), rtol=1e-6)
        assert_allclose(found['r_hat'], r_hat(series['energy']), rtol=1e-11)
        self.assertEqual((found['n_samples'], found['n_bad'], found['iterations'], found['plateau']), (samples, 0, 0, 1))
        # the autocorrelation time as the error says it, and what that makes of the samples
        tau = found['energy_error'] ** 2 / (found['estimator_variance'] / samples)
        self.assertLess(abs(found['autocorrelation_time'] / tau - 1), 0.25)
        self.assertLess(abs(found['autocorrelation_error'] / found['energy_error'] - 1), 0.12)
        self.assertLess(abs(found['effective_samples'] * tau / samples - 1), 0.25)
        level = file['/measurement/blocking']
        chains, draws = series['energy'].shape
        for k, size in enumerate(level['draws'][()]):
            m = draws // 2 ** k
            blocks = series['energy'][:, :m * 2 ** k].reshape(chains, m, -1).mean(axis=2)
            self.assertEqual((size, level['blocks'][k], level['level'][k]), (2 ** k, blocks.size, k))
            error = math.sqrt(m * 2 ** k / draws * blocks.var() / (blocks.size - 1))
            assert_allclose(level['error'][k], error, rtol=1e-6)
            assert_allclose(level['error_error'][k], error / math.sqrt(2 * (blocks.size - 1)), rtol=1e-6)

    def test_virial_of_other_forces(self):
        """A softened Coulomb force on a line is not homogeneous: its virial is a series of its own."""
        file = self.vmc('''
[system]
particles = 3
dimensions = 1
interaction = soft-coulomb
[interaction]
strength = 1.5
softening = 0.6
[rbm]
init_scale = 0.5
[sampler]
walkers = 64
[optimizer]
iterations = 0
[measure]
samples = 8192
positions = 8192
''')
        series = {name: file[f'/measurement/{name}'][()] for name in ('kinetic', 'virial', 'pair')}
        x = file['/positions'][()].reshape(128, 64, 3).transpose(1, 0, 2)
        gaps = [x[..., p] - x[..., q] for p, q in ((0, 1), (0, 2), (1, 2))]
        virial = (x * x).sum(axis=2) - sum(1.5 * gap ** 2 / (gap ** 2 + 0.36) ** 1.5 for gap in gaps)
        assert_allclose(series['virial'], virial, rtol=1e-11, atol=1e-11)
        ratio = 2 * series['kinetic'].mean() / virial.mean()
        assert_allclose(file['/result/virial_ratio'][()], ratio, rtol=1e-10)
        error = blocking_error((2 * series['kinetic'] - ratio * virial) / virial.mean())
        assert_allclose(file['/result/virial_ratio_error'][()], error, rtol=1e-6)

    def test_spins(self):
        """Four electrons up and one down: pairs of either kind."""
        walkers, draws = 32, 90
        file = self.vmc(f'''
[system]
particles = 5
spin_up = 4
dimensions = 3
statistics = fermions
interaction = coulomb
[wavefunction]
factors = slater, pade-jastrow
[sampler]
walkers = {walkers}
burn_in = 40
[optimizer]
iterations = 0
[measure]
samples = {walkers * draws}
positions = {walkers * draws}
[observables]
interval = 1
bins = 30
''')
        self.observed(file, file['/positions'][()].reshape(draws, walkers, 5, 3), [1, 1, 1], [0, 0, 0, 0, 1])

    def test_training(self):
        """One coordinate, on a grid: energies, variances and gradients of every iteration, and what follows from them."""
        file = self.vmc('''
[system]
particles = 1
dimensions = 1
omega = 1.3
[rbm]
hidden = 2
sigma = 0.7
init_scale = 0.8
[sampler]
method = gibbs
walkers = 64
[optimizer]
method = sgd
iterations = 6
learning_rate = 0.2
samples = 64000
stop = never
[measure]
samples = 64
''')
        row = {name: values[()] for name, values in file['/training'].items() if values.dtype.kind in 'fi'}
        theta, rate, norm = row['parameters'], row['learning_rate'], row['gradient_norm']
        self.assertEqual(theta.shape, (6, 5))
        x, step = numpy.linspace(-9, 9, 6001, retstep=True)
        for k in range(6):
            a, b, w, s2 = theta[k, 0], theta[k, 1:3], theta[k, 3:5], 0.49
            on = 1 / (1 + numpy.exp(-(b + numpy.outer(x, w) / s2)))
            psi = numpy.exp(-(x - a) ** 2 / (2 * s2)) * (1 + numpy.exp(b + numpy.outer(x, w) / s2)).prod(axis=1)
            p = psi ** 2 / (psi ** 2).sum()
            g = -(x - a) / s2 + on @ w / s2
            local = -0.5 * (g * g - 1 / s2 + (on * (1 - on)) @ w ** 2 / s2 ** 2) + 0.5 * (1.3 * x) ** 2
            energy = (p * local).sum()
            o = numpy.column_stack([(x - a) / s2, on, on * x[:, None] / s2])
            slope = 2 * ((p * (local - energy)) @ o)
            # errors of some 3e-3, by 64 walkers: 4.5 of them, Student's tails allowed for
            self.assertLess(abs(row['energy'][k] - energy), 5 * row['energy_error'][k])
            self.assertLess(row['energy_error'][k], 4 * math.sqrt(row['estimator_variance'][k] / 64000))
            self.assertGreater(row['energy_error'][k], 0.6 * math.sqrt(row['estimator_variance'][k] / 64000))
            self.assertLess(abs(row['variance'][k] / (p * (local - energy) ** 2).sum() - 1), 0.06)
            self.assertLess(row['estimator_variance'][k], row['variance'][k])
            self.assertLess(abs(norm[k] - numpy.linalg.norm(slope)), 0.03 * numpy.linalg.norm(slope) + 0.01)
            self.assertEqual((row['samples'][k], row['bad'][k], row['iteration'][k], row['kept_iteration'][k]), (64000, 0, k, k))
            self.assertEqual((row['acceptance'][k], rate[k]), (1, 0.2))
            if k + 1 < 6:  # steps of plain descent are the gradient
                gradient = followed((theta[k + 1] - theta[k]) / rate[k], b, [0.7])
                self.assertLess(numpy.abs(gradient - slope).max(), 0.03 * numpy.linalg.norm(slope) + 0.01)
                assert_allclose(norm[k], numpy.linalg.norm(gradient), rtol=1e-9)
                assert_allclose(row['expected'][k + 1], gradient @ (theta[k] - theta[k + 1]), rtol=1e-9)
            if 0 < k < 5:  # the new gradient along the last step
                assert_allclose(row['slope'][k], gradient @ (theta[k - 1] - theta[k]), rtol=1e-9)
        self.assertTrue(math.isnan(row['slope'][0]) and math.isnan(row['expected'][0]))
        # what is measured are the means of the parameters, the last step included
        rbm = file['/wavefunction/rbm']
        used = numpy.concatenate([rbm['a'][()], rbm['b'][()], rbm['w'][()].ravel()])
        assert_allclose(used, theta.mean(axis=0), rtol=1e-12, atol=1e-15)
        found = file['/result']
        self.assertEqual((found['iterations'][()], found['n_parameters'][()], found['steps_back'][()], found['n_bad_training'][()]), (6, 5, 0, 0))
        self.assertEqual(file['/training/end'].asstr()[()], 'iterations')

    def test_shared_width(self):
        """One width for two dimensions where the trap has one frequency: its slope is that of both; with two, each its own."""
        for omega, widths in ('1.2', 1), ('1.2, 0.9', 2):
            file = self.vmc(f'''
[system]
particles = 1
dimensions = 2
omega = {omega}
[rbm]
hidden = 1
train_sigma = yes
init_scale = 0.8
[sampler]
method = gibbs
walkers = 64
[optimizer]
method = sgd
iterations = 4
learning_rate = 0.1
samples = 64000
stop = never
[measure]
samples = 64
''', f'widths{widths}')
            theta, rate, norm = (file[f'/training/{name}'][()] for name in ('parameters', 'learning_rate', 'gradient_norm'))
            frequency = numpy.resize([float(word) for word in omega.split(',')], 2)
            self.assertEqual(theta.shape, (4, 5 + widths))
            self.assertEqual(file['/result/n_parameters'][()], 5 + widths)
            line = numpy.linspace(-7, 7, 281)
            x = numpy.stack(numpy.meshgrid(line, line), axis=-1).reshape(-1, 2)
            for k in range(3):
                a, b, w, s2 = theta[k, :2], theta[k, 2], theta[k, 3:5], numpy.resize(numpy.exp(theta[k, 5:]), 2) ** 2
                y = b + x @ (w / s2)
                on = 1 / (1 + numpy.exp(-y))
                p = (numpy.exp(-((x - a) ** 2 / (2 * s2)).sum(axis=1)) * (1 + numpy.exp(y))) ** 2
                p /= p.sum()
                g = -(x - a) / s2 + on[:, None] * w / s2
                laplacian = -(1 / s2).sum() + on * (1 - on) * (w ** 2 / s2 ** 2).sum()
                local = -0.5 * ((g * g).sum(axis=1) + laplacian) + 0.5 * ((frequency * x) ** 2).sum(axis=1)
                width = (x - a) ** 2 / s2 - 2 * on[:, None] * x * w / s2  # by the logarithm of each
                o = numpy.column_stack([(x - a) / s2, on, on[:, None] * x / s2, width.sum(axis=1) if widths == 1 else width])
                slope = 2 * ((p * (local - (p * local).sum())) @ o)
                gradient = followed((theta[k + 1] - theta[k]) / rate[k], [b], numpy.sqrt(s2), widths)
                self.assertLess(abs(gradient - slope).max(), 0.03 * numpy.linalg.norm(slope) + 0.015)
                assert_allclose(norm[k], numpy.linalg.norm(gradient), rtol=1e-9)

    def test_acceptance(self):
        """A normal |psi|^2 of width s^2 = 1 / (2 alpha): a move by d is accepted with probability erfc(|d| / sqrt(8) s), by whatever moves."""
        s, step = math.sqrt(1 / 1.6), 1.3
        d, width = numpy.linspace(0, 12, 20001, retstep=True)
        accepted = numpy.array([math.erfc(v / (math.sqrt(8) * s)) for v in d])
        expected = {
            ('particle', 'normal'): 2 / math.pi * math.atan(2 * s / step),
            ('particle', 'uniform'): (accepted * (d <= step)).sum() * width / step,
            ('all', 'normal'): (accepted * d / step ** 2 * numpy.exp(-d * d / (2 * step ** 2))).sum() * width,  # two coordinates: Rayleigh
        }
        for (move, proposal), share in expected.items():
            file = self.vmc(f'''
[system]
particles = 2
dimensions = 1
[wavefunction]
factors = gaussian
[gaussian]
alpha = 0.8
[sampler]
method = metropolis
move = {move}
proposal = {proposal}
step = {step}
walkers = 64
burn_in = 50
[optimizer]
method = sgd
iterations = 2
learning_rate = 1e-9
samples = 64000
stop = never
[measure]
samples = 64000
''', move + proposal)
            for found in (file['/result/acceptance'][()], *file['/training/acceptance'][()]):
                self.assertLess(abs(found - share), 0.012, (move, proposal))
            self.assertEqual(file['/result/step'][()], step)

    def test_thin(self):
        """Every third sweep is a draw: the same walkers, seen less often."""
        for method in 'metropolis', 'langevin':
            series = {}
            for thin in 1, 3:
                file = self.vmc(f'''
[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
method = {method}
step = 0.3
thin = {thin}
walkers = 32
burn_in = 0
[optimizer]
iterations = 0
[measure]
samples = {32 * 240 // thin}
controls = none
''', f'{method}{thin}')
                series[thin] = file['/measurement/local_energy'][()]
                assert_allclose(file['/measurement/energy'][()], series[thin], rtol=1e-12)
                self.assertEqual(file['/result/n_samples'][()], 32 * 240 // thin)
            # before it measures a run takes some draws of its own to fit the control variates: so many sweeps more
            first = int(numpy.argmin(abs(series[1][0] - series[3][0, 0])))
            self.assertGreater((240 - first) // 3, 10)
            assert_allclose(series[3][:, :(240 - first) // 3], series[1][:, first::3][:, :80], rtol=1e-9)

    def test_converged(self):
        """Training that refines and ends by itself: more samples, half the rate, and the mean of the last parameters."""
        file = self.vmc('''
[system]
particles = 2
dimensions = 2
omega = 2
interaction = coulomb
[rbm]
hidden = 1
[sampler]
walkers = 128
[optimizer]
iterations = 400
samples = 2560
[measure]
samples = 128
''')
        row = {name: values[()] for name, values in file['/training'].items() if values.dtype.kind in 'fi'}
        n, samples, rate, theta = len(row['energy']), row['samples'], row['learning_rate'], row['parameters']
        self.assertEqual((file['/training/end'].asstr()[()], file['/result/converged'][()], file['/result/steps_back'][()]), ('converged', 1, 0))
        self.assertEqual((file['/result/iterations'][()], theta.shape[0]), (n, n))
        self.assertLess(n, 400)
        since = int(numpy.argmax(samples > samples[0]))
        self.assertGreaterEqual(since, 24)
        assert_allclose(samples, numpy.where(numpy.arange(n) < since, 2560, 8 * 2560))
        assert_allclose(rate, numpy.where(numpy.arange(n) < since, 0.1, 0.05), rtol=1e-12)  # 0.2 / omega
        mean = numpy.zeros(theta.shape[1])
        for k, value in enumerate(theta[since:]):
            mean += (value - mean) / min(k + 1, 12)
        rbm = file['/wavefunction/rbm']
        assert_allclose(numpy.concatenate([rbm[name][()].ravel() for name in 'abw']), mean, rtol=1e-11, atol=1e-14)
        slopes = row['slope'][n - max((n - since) // 2, 12):]
        slopes = slopes[numpy.isfinite(slopes)]
        energies = row['energy'][n - max((n - since) // 2, 12):]
        (fall, _), ((variance, _), _) = numpy.polyfit(numpy.arange(len(energies)), energies, 1, cov=True)
        gain, error = min(((max(0, slopes.mean()) * n, slopes.std(ddof=1) / math.sqrt(len(slopes)) * n),
                           (max(0, -fall) * n, math.sqrt(variance) * n)), key=lambda way: way[0] + 2 * way[1])
        assert_allclose(file['/result/training_gain'][()], gain, rtol=1e-7)
        assert_allclose(file['/result/training_gain_error'][()], error, rtol=1e-7)

    def test_swings(self):
        """Steps that are too long for the curvature: the rate is halved until they are not, and stays there."""
        file = self.vmc('''
[system]
particles = 2
dimensions = 1
[wavefunction]
factors = gaussian
[gaussian]
alpha = 1.05
[sampler]
method = langevin
walkers = 256
[optimizer]
method = sgd
iterations = 40
learning_rate = 2.6
samples = 64000
stop = never
[measure]
samples = 64
''')
        rate, energy = file['/training/learning_rate'][()], file['/training/energy'][()]
        self.assertEqual(rate[0], 2.6)
        self.assertLess(rate[-10:].max(), 1.31)  # a step that is merely shortened recovers by a tenth per iteration
        self.assertLess(abs(energy[-10:] - 1).max(), 1e-3)


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
