#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Densities of quantum dots, and where their wave functions change sign.

usage: plot_electrons.py VMC PICTURE.png

Runs configs/dot_6_backflow.ini and configs/dot_elliptical.ini, and the first with 12 and 20 electrons. Top: densities in the plane of the round dot
of 6 and of the elliptical one of 8. Bottom: radial densities, and for one configuration of the 6 electrons the nodes: lines where the wave function
changes sign as one of them, of spin up, moves and the others stay. Dashed without backflow, solid with it.
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

CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'configs')
LENGTH = 1.1  # slater.backflow_length
UP = 3        # electrons of spin up, of six


def run(vmc, folder, config, *overrides):
    output = os.path.join(folder, 'run.h5')
    words = [word for setting in (*overrides, 'measure.samples=400000') for word in ('--set', setting)]
    subprocess.run([vmc, '--config', os.path.join(CONFIGS, config + '.ini'), '-q', '--force', '--output', output, '--progress', 'never', *words],
                   check=True)
    with h5py.File(output) as file:
        found = {name: file['observables'][name][()] for name in ('density_2d', 'x_edges', 'y_edges', 'density_radial', 'radius')}
        found['lambda'] = float(file['wavefunction/slater/lambda'][0]) if 'lambda' in file['wavefunction/slater'] else 0.0
        found['positions'] = file['positions'][()] if 'positions' in file else None
        return found


def determinant(x, strength):
    """Of the electrons of spin up in orbitals 1, x, y, whose coordinates the electrons of spin down move; x [..., 6, 2]"""
    apart = x[..., :UP, None, :] - x[..., None, UP:, :]
    eta = strength * numpy.exp(-numpy.linalg.norm(apart, axis=-1) / LENGTH)
    moved = x[..., :UP, :] + (eta[..., None] * apart).sum(axis=-2)
    down = x[..., UP:, :] - (eta[..., None] * apart).sum(axis=-3)

    def one(y):
        return numpy.linalg.det(numpy.concatenate([numpy.ones_like(y[..., :1]), y], axis=-1))
    return one(moved) * one(down)


def draw_nodes(axes, positions, strength):
    line = numpy.linspace(-3, 3, 400)
    x = numpy.broadcast_to(positions, (line.size, line.size, *positions.shape)).copy()
    x[..., 0, 0], x[..., 0, 1] = line[None, :], line[:, None]
    solid = determinant(x, strength)
    axes.contourf(line, line, solid, levels=[-1e9, 0, 1e9], colors=['#dde6f4', '#ffffff'])
    axes.contour(line, line, solid, levels=[0], colors='#1f4e99', linewidths=1.6)
    axes.contour(line, line, determinant(x, 0), levels=[0], colors='#999999', linestyles='dashed', linewidths=1.2)
    axes.plot(*positions[1:UP].T, '^', color='#c03020', label='spin up')
    axes.plot(*positions[UP:].T, 'v', color='#207030', label='spin down')
    axes.set(title='nodes for the third electron of spin up', xlabel='x / a₀', ylabel='y / a₀', aspect='equal')
    axes.legend(loc='upper right', fontsize=8)


def draw_plane(axes, dot, title):
    mesh = axes.pcolormesh(dot['x_edges'], dot['y_edges'], dot['density_2d'].T, cmap='viridis')
    axes.set(title=title, xlabel='x / a₀', ylabel='y / a₀', aspect='equal', xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
    pyplot.colorbar(mesh, ax=axes, label='electrons per a₀²')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    vmc, picture = sys.argv[1:]
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 8.4), layout='constrained')
    with tempfile.TemporaryDirectory() as folder:
        round_dot = run(vmc, folder, 'dot_6_backflow', 'measure.positions=1')
        draw_plane(axes[0, 0], round_dot, '6 electrons, ω = 1')
        draw_plane(axes[0, 1], run(vmc, folder, 'dot_elliptical'), '8 electrons, ω = 1, 1.5')
        for size in 6, 12, 20:
            dot = round_dot if size == 6 else run(vmc, folder, f'dot_{size}')
            axes[1, 0].plot(dot['radius'], dot['density_radial'], label=f'{size} electrons')
        axes[1, 0].set(title='round dots, ω = 1', xlabel='r / a₀', ylabel='electrons per a₀²', xlim=(0, 5), ylim=(0, None))
        axes[1, 0].legend()
        draw_nodes(axes[1, 1], round_dot['positions'][0], round_dot['lambda'])
    figure.savefig(picture, dpi=110)


if __name__ == '__main__':
    main()
