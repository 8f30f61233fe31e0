#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running mean and error of the plain and of the controlled energy, from one results file.

usage: plot_estimators.py RESULTS.h5 PICTURE.png

Few walkers and single draws show most: --set sampler.walkers=64 --set measure.samples=1e6. Needs h5py, numpy and matplotlib.
"""
import sys

try:
    import h5py
    import matplotlib
    import numpy
except ImportError as missing:
    sys.exit(f'{missing}: this script needs h5py, matplotlib and numpy (Debian: python3-h5py, python3-matplotlib; then /usr/bin/python3 {sys.argv[0]} …)')

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

SERIES = {  # data set: (label, colour)
    'local_energy': ('plain local energy', 'tab:red'),
    'energy': ('with control variates', 'tab:blue'),
}


def running(values):
    """Mean over all walkers and the draws so far, and its error from the scatter of the walkers' own means, which are independent."""
    walkers = numpy.cumsum(values, axis=1) / numpy.arange(1, values.shape[1] + 1)
    return walkers.mean(axis=0), walkers.std(axis=0, ddof=1) / numpy.sqrt(len(walkers))


def main(results, picture):
    with h5py.File(results) as file:
        series = {name: file['measurement'][name][:] for name in SERIES}
        block = int(file['measurement/block'][()])
    chains, draws = series['energy'].shape
    shown = numpy.unique(numpy.geomspace(min(20, draws), draws, 2000).astype(int)) - 1
    samples = (shown + 1) * chains * block
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 6.5), sharex=True, height_ratios=[3, 2])
    for name, (label, colour) in SERIES.items():
        mean, error = (value[shown] for value in running(series[name]))
        above.plot(samples, mean, color=colour, label=label, linewidth=1)
        above.fill_between(samples, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        below.loglog(samples, error, color=colour, linewidth=1)
        below.loglog(samples, error[0] * numpy.sqrt(samples[0] / samples), color=colour, linewidth=0.7, linestyle=':')
        largest = numpy.abs(series[name]).max()
        print(f'{label}: mean {mean[-1]:.6f} +- {error[-1]:.6f}, variance {series[name].var():.4f}, largest value {largest:.2f}')
    plain, plain_error = (value[shown] for value in running(series['local_energy']))
    half = numpy.max(numpy.abs(plain - plain[-1]) + plain_error)
    above.set_ylim(plain[-1] - half, plain[-1] + half)
    above.set_ylabel('running mean ± error / ħω₀')
    above.legend()
    below.set_ylabel('error / ħω₀')
    below.set_xlabel('samples')
    figure.tight_layout()
    figure.savefig(picture, dpi=100)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
