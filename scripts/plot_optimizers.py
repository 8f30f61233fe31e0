#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Energy against CPU time for every optimiser on the standard problem, each with the best of a few learning rates.

usage: plot_optimizers.py VMC PICTURE.png

Runs configs/twoparticles.ini without a stopping rule, three seeds per method, and draws the distance from the ansatz's floor.
Needs h5py, numpy and matplotlib.
"""
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import matplotlib
    import numpy
except ImportError as missing:
    sys.exit(f'{missing}: this script needs h5py, matplotlib and numpy (Debian: python3-h5py, python3-matplotlib; then /usr/bin/python3 {sys.argv[0]} …)')

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

FLOOR = 3.07861376  # data/reference.csv, rbm-amp-s1-h2
METHODS = {  # method: (iterations, learning rates to choose from)
    'sgd': (1000, [0.05, 0.1, 0.2, 0.4]),
    'momentum': (1000, [0.01, 0.03, 0.05, 0.1]),
    'adam': (1000, [0.01, 0.02, 0.05, 0.1]),
    'sr': (150, [0.05, 0.1, 0.2, 0.3]),
}
SEEDS = (1, 2, 3)
CONFIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'configs', 'twoparticles.ini')


def train(vmc, folder, method, iterations, rate, seed):
    output = os.path.join(folder, 'run.h5')
    subprocess.run([vmc, '--config', CONFIG, '-q', '--force', '--threads', '1', '--output', output, '--progress', 'never'] +
                   [word for setting in (f'optimizer.method={method}', f'optimizer.iterations={iterations}', f'optimizer.learning_rate={rate}',
                                         'optimizer.stop=never', f'run.seed={seed}', 'measure.samples=1024') for word in ('--set', setting)],
                   check=True)
    with h5py.File(output) as file:
        energy = file['training/energy'][:]
        seconds = file['result/training_cpu_time'][()] * numpy.arange(1, len(energy) + 1) / len(energy)
    return seconds, energy


def smooth(energy, window):
    return numpy.convolve(energy, numpy.ones(window) / window, mode='valid')


def main():
    vmc, picture = os.path.abspath(sys.argv[1]), sys.argv[2]
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    with tempfile.TemporaryDirectory() as folder:
        for method, (iterations, rates) in METHODS.items():
            tried = {}
            for rate in rates:
                runs = [train(vmc, folder, method, iterations, rate, seed) for seed in SEEDS]
                # time until the smoothed energy first lies within 1e-3 of the floor, the slowest seed's
                window = iterations // 50 + 1
                late = []
                for seconds, energy in runs:
                    there = numpy.nonzero(smooth(energy, window) <= FLOOR + 1e-3)[0]
                    late.append(seconds[there[0] + window - 1] if len(there) else numpy.inf)
                tried[rate] = (max(late), runs, window)
            rate = min(tried, key=lambda r: tried[r][0])
            time, runs, window = tried[rate]
            print(f'{method:9s} best rate {rate}: within 1e-3 of the floor after {time:.2f} s in the slowest of {len(SEEDS)} seeds')
            for k, (seconds, energy) in enumerate(runs):
                axes.plot(seconds[window - 1:], numpy.maximum(smooth(energy, window) - FLOOR, 1e-4), color=f'C{list(METHODS).index(method)}',
                          label=f'{method}, rate {rate}' if k == 0 else None, linewidth=1)
    axes.set(xscale='log', yscale='log', xlabel='CPU time of training / s', ylabel='energy above the ansatz\'s minimum / ħω₀',
             title='Two electrons, 2D, RBM with 2 hidden units', ylim=(1e-4, 1))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


main()
