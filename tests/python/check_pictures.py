#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that scripts/plot.py draws from files made up here: every point, band, mesh, label and colour, to six digits, against what it drew before.

    check_pictures.py PLOT RECORD            compares
    check_pictures.py PLOT RECORD --write    records anew

What pictures look like is for the eye; whether the numbers of a file are where they belong is for this test.
"""
import difflib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy
from matplotlib import colors
from matplotlib.collections import LineCollection, QuadMesh


def write(file, path, values, units='1'):
    file[path] = values
    file[path].attrs['units'] = units


def write_run(name, spins, shift=0.0):
    """A run of five iterations, six walkers with four draws, and densities in three bins; without spins: no observables but g."""
    energy = 'hbar omega_0'
    with h5py.File(name, 'w') as file:
        write(file, 'training/iteration', numpy.arange(1, 6))
        write(file, 'training/energy', numpy.array([9, 5, 4, numpy.nan, 3.5]) + shift, energy)
        write(file, 'training/energy_error', numpy.array([1, 0.5, 0.25, 0.125, 0.0625]), energy)
        write(file, 'result/energy', 3.25 + shift, energy)
        write(file, 'result/energy_error', 0.03125, energy)
        write(file, 'measurement/energy', numpy.arange(24).reshape(6, 4) ** 2 / 8 + shift, energy)
        write(file, 'measurement/draw', numpy.array([10, 20, 30, 40]))
        write(file, 'measurement/blocking/draws', numpy.array([1, 2, 4]))
        write(file, 'measurement/blocking/error', numpy.array([0.01, 0.02, 0.03]), energy)
        write(file, 'measurement/blocking/error_error', numpy.array([0.001, 0.002, 0.004]), energy)
        write(file, 'observables/distance', numpy.array([0, 0.5, 1.0, 1.5]), 'a_0')
        write(file, 'observables/pair_distribution', numpy.array([1, 2.0, 0, 1]), '1/a_0')
        for k, name in enumerate(['g', 'g_parallel', 'g_antiparallel'] if spins else ['g']):
            write(file, 'observables/' + name, numpy.array([0.5, 0.75, 1.0, 1.25]) + k)
            write(file, f'observables/{name}_error', numpy.array([0.1, 0.2, 0.3, 0.6 - 0.2 * k]))
        if spins:
            write(file, 'observables/radius', numpy.array([0.25, 0.75, 1.25]), 'a_0')
            write(file, 'observables/density_radial', numpy.array([0.5, 0.3, 0.1]), '1/a_0^2')
            write(file, 'observables/density_radial_error', numpy.array([0.05, 0.04, 0.03]), '1/a_0^2')
            write(file, 'observables/x_edges', numpy.array([-1.0, 0, 2]), 'a_0')
            write(file, 'observables/y_edges', numpy.array([-3.0, 0, 1, 5]), 'a_0')
            write(file, 'observables/density_2d', numpy.array([[1.0, 2, 3], [4, 5, 6]]), '1/a_0^2')


def write_table(name, columns):
    """Every combination of the columns' values; the energy is different in each."""
    grids = numpy.meshgrid(*(range(len(values)) for values in columns.values()), indexing='ij')
    n = grids[0].size
    with h5py.File(name, 'w') as file:
        for (key, values), grid in zip(columns.items(), grids):
            column = [values[k] for k in grid.ravel()]
            write(file, 'table/' + key, column, 'omega_0' if key == 'system.omega' else '1')
        energy = 3 + numpy.arange(n) ** 2 / 64
        energy[n // 2] = numpy.nan
        write(file, 'table/energy', energy, 'hbar omega_0')
        write(file, 'table/energy_error', 0.125 + numpy.arange(n) / 32, 'hbar omega_0')


def numbers(values):
    return ' '.join(f'{value + 0.0:.6g}' for value in numpy.asarray(numpy.ma.filled(numpy.ma.asarray(values, dtype=float), numpy.nan)).ravel())


def say_axes(axes):
    if axes.get_title() or axes.get_xlabel() or axes.axison:
        yield f'  "{axes.get_title()}", x: {axes.get_xlabel()} ({axes.get_xscale()}), y: {axes.get_ylabel()} ({axes.get_yscale()})'
    else:
        yield '  nothing'
    base, shared = getattr(axes.xaxis.get_transform(), 'base', None), len(axes.get_shared_x_axes().get_siblings(axes))
    whole = getattr(axes.xaxis.get_major_locator(), '_integer', False)
    if base or shared > 1 or whole:
        yield '    x:' + (f' of base {base:g}' if base else '') + (f' shared by {shared}' if shared > 1 else '') + (' whole numbers' if whole else '')
    low, high = axes.get_ylim()
    if not axes.get_autoscaley_on():
        yield f'    from {low:.6g}' + (f' to {high:.6g}' if axes.lines and hasattr(axes, 'reach') else '')
    for line in axes.lines:
        label = '' if line.get_label().startswith('_') else f'"{line.get_label()}" '
        yield f'    line {label}{colors.to_hex(line.get_color())} {line.get_linestyle()} {line.get_marker()} {line.get_linewidth():g}'
        yield from (f'      {axis} {numbers(values)}' for axis, values in zip('xy', (line.get_xdata(), line.get_ydata())))
    for collection in axes.collections:
        if isinstance(collection, QuadMesh):
            yield f'    mesh at {numbers(collection.get_coordinates())}'
            yield f'      {numbers(collection.get_array())}'
        elif isinstance(collection, LineCollection):
            yield '    bars ' + '; '.join(numbers(path.vertices) for path in collection.get_paths())
        else:  # a band; the order of its corners is matplotlib's
            corners = {tuple(corner) for path in collection.get_paths() for corner in path.vertices}
            yield f'    band {colors.to_hex(collection.get_facecolor()[0], keep_alpha=True)} ' + '; '.join(map(numbers, sorted(corners)))
    yield from (f'    text "{text.get_text()}"' for text in axes.texts)
    if axes.get_legend():
        yield f'    legend in {axes.get_legend()._ncols}: {"; ".join(text.get_text() for text in axes.get_legend().get_texts())}'
    if axes.get_xticklabels() and axes.xaxis.get_major_formatter().__class__.__name__ == 'FixedFormatter':
        yield f'    ticks {"; ".join(text.get_text() for text in axes.get_xticklabels())}'


def say_all(plot):
    def say(title, names, what='overview', by=None):
        yield title
        try:
            figure = plot.picture_of(names, SimpleNamespace(what=what, by=by))
        except SystemExit as refused:
            yield f'  refused: {str(refused).split("Unable to")[0]}'  # what follows is h5py's
            return
        yield f'  {figure.get_figwidth():g} x {figure.get_figheight():g}'
        for axes in figure.axes:
            yield from say_axes(axes)
        plot.pyplot.close(figure)

    write_run('spins.h5', True)
    write_run('plain.h5', False, shift=2.0)
    with h5py.File('empty.h5', 'w') as file:
        write(file, 'result/energy', 1.0)
    Path('text.h5').write_text('no HDF5')
    plot.KNOWN.update({'plain.h5': [('exact', 3.0), ('literature', 30.0), ('exact', 3.0)], 'spins.h5': [('exact', 3.0)]})
    for kind in [*plot.PANELS, 'overview']:
        yield from say(f'{kind} of one', ['spins.h5'], kind)
        yield from say(f'{kind} of two', ['plain.h5', 'spins.h5'], kind)
    yield from say('planes of four', ['spins.h5'] * 4, 'plane')
    yield from say('one without data', ['empty.h5'], 'training')
    yield from say('no sweep', ['plain.h5'], 'sweep')
    yield from say('no file', ['none.h5'])
    yield from say('no HDF5', ['text.h5'])
    hidden, seeds, methods = [2, 10, 9], [1, 2], ['sr', 'adam']
    omega = [0.1, 10.0, 0.5]
    write_table('three.h5', {'rbm.hidden': hidden, 'optimizer.method': methods, 'run.seed': seeds, 'system.omega': omega})
    for by in (None, 'system.omega', 'system.omega,rbm.hidden', 'optimizer.method', 'optimizer.method,run.seed', 'run.nothing'):
        yield from say(f'a sweep by {by}', ['three.h5'], by=by)
    write_table('same.h5', {'rbm.hidden': [2], 'run.seed': seeds})
    yield from say('a sweep of seeds', ['same.h5'])
    yield from say('a sweep of seeds by a key', ['same.h5'], by='rbm.hidden')
    colours = 'system.omega,rbm.hidden'
    for n in (8, 9):
        write_table('many.h5', {'system.omega': [1.0, 50.0], 'rbm.hidden': list(range(n)), 'sampler.step': [0.5 * k for k in range(4)]})
        yield from say(f'{n} colours, four panels', ['many.h5'], by=colours)
    for n, name in ((16, 'sixteen panels'), (17, 'seventeen panels')):
        write_table('more.h5', {'system.omega': [1.0, 50.5], 'rbm.hidden': [1, 2], 'sampler.step': [0.5 * k for k in range(n)]})
        yield from say(name, ['more.h5'], by=colours)


def main(script, record, *options):
    specification = importlib.util.spec_from_file_location('plot', script)
    plot = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(plot)
    record = Path(record).absolute()
    with tempfile.TemporaryDirectory(prefix='vmc-pictures-') as folder:
        os.chdir(folder)
        now = list(say_all(plot))
        os.chdir('/')
    if '--write' in options:
        record.write_text('\n'.join(now) + '\n')
        return 0
    before = record.read_text().splitlines()
    changed = list(difflib.unified_diff(before, now, 'before', 'now', lineterm='', n=2))
    print('\n'.join(line[:300] for line in changed[:60]) if changed else f'{len(now)} lines, as before')
    return 1 if changed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
