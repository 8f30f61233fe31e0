#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of results files; `vmc plot` runs this with the Python that is there.

    plot.py [--what KIND] [--output PICTURE] FILE.h5...

KIND is one of overview (the default), training, blocking, series, density, plane, pairs, sweep. The picture is PNG, SVG or PDF by its name; default FILE.png.
Several files share each panel. A merged file is drawn as a sweep: energy against the first swept key, the second one as colours,
seeds put together as one point with their scatter as its error.
"""
import argparse
import sys
from pathlib import Path

try:
    import h5py
    import matplotlib
    import numpy
except ImportError as missing:
    sys.exit(f'vmc plot: Python has no {missing.name}; install it (Debian: apt install python3-matplotlib python3-h5py; '
             'elsewhere: pip install matplotlib h5py)')
matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402  (after the choice of a back end without a screen)

# Okabe and Ito's colours, told apart by the colour-blind and in grey
COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000']
MARKS = 'osD^vP*'
UNITS = {'omega_0': r'$\omega_0$', 'hbar omega_0': r'$\hbar\omega_0$', '(hbar omega_0)^2': r'$(\hbar\omega_0)^2$', 'a_0': '$a_0$',
         '1/a_0': '$1/a_0$', '1/a_0^2': '$1/a_0^2$', '1/a_0^3': '$1/a_0^3$'}


def unit(data):
    text = data.attrs.get('units', '1')
    text = text.decode() if isinstance(text, bytes) else text
    return '' if text == '1' else f' ({UNITS.get(text, text)})'


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def band(data, errors):
    """A band of one standard error; nothing where there is none."""
    return data - errors, data + errors


def draw_training(axes, file, name, colour, _mark):
    if '/training/energy' not in file:
        return False
    group = file['training']
    step, energy, error = group['iteration'][:], group['energy'][:], group['energy_error'][:]
    axes.fill_between(step, *band(energy, error), color=colour, alpha=0.3, linewidth=0)
    axes.plot(step, energy, color=colour, linewidth=1, label=name)
    axes.axhline(file['/result/energy'][()], color=colour, linewidth=0.8, linestyle='--')
    low, high = numpy.nanpercentile(energy, [0, 95])
    if high > low:
        axes.set_ylim(low - 0.1 * (high - low), high + 0.2 * (high - low))
    axes.set(xlabel='training iteration', ylabel='energy' + unit(group['energy']), title='training (dashed: measured)')
    return True


def draw_blocking(axes, file, name, colour, mark):
    if '/measurement/blocking' not in file:
        return False
    group = file['/measurement/blocking']
    axes.errorbar(group['draws'][:], group['error'][:], group['error_error'][:], color=colour, marker=mark, markersize=4, linewidth=1, capsize=2, label=name)
    axes.axhline(file['/result/energy_error'][()], color=colour, linewidth=0.8, linestyle='--')
    axes.set_xscale('log', base=2)
    axes.set_ylim(bottom=0)
    axes.set(xlabel='draws in a block', ylabel='error of the energy' + unit(group['error']), title='blocking (dashed: error bar)')
    return True


def draw_series(axes, file, name, colour, _mark):
    if '/measurement/energy' not in file:
        return False
    energy, draw = file['/measurement/energy'], file['/measurement/draw'][:]
    walkers = energy[:]
    for k in range(min(4, len(walkers))):
        axes.plot(draw, walkers[k], color=colour, linewidth=0.5, alpha=0.4)
    axes.plot(draw, walkers.mean(axis=0), color=colour, linewidth=1.5, label=name)
    axes.set(xlabel='draw', ylabel='energy' + unit(energy), title='four walkers, and the mean of all')
    return True


def draw_curve(axes, file, path, axis, name, colour):
    data = file['/observables/' + path]
    where, value, error = file['/observables/' + axis][:], data[:], file[f'/observables/{path}_error'][:]
    axes.fill_between(where, *band(value, error), color=colour, alpha=0.3, linewidth=0, step='mid')
    axes.plot(where, value, color=colour, linewidth=1, label=name)
    return unit(data)


def draw_density(axes, file, name, colour, _mark):
    if '/observables/density_radial' not in file:
        return False
    units = draw_curve(axes, file, 'density_radial', 'radius', name, colour)
    axes.set(xlabel='distance from the centre ($a_0$)', ylabel='density' + units, title='radial density')
    axes.set_ylim(bottom=0)
    return True


def draw_pairs(axes, file, name, colour, _mark):
    kinds = [('g_parallel', ', parallel spins'), ('g_antiparallel', ', antiparallel spins')] if '/observables/g_parallel' in file else [('g', '')]
    if '/observables/g' not in file:
        return False
    met = file['/observables/pair_distribution'][:] * file['/observables/distance'][:] > 0
    for k, (path, words) in enumerate(kinds):
        where, value, error = (file['/observables/' + part][:] for part in ('distance', path, path + '_error'))
        sure = met & (error < 0.5)
        style = '-' if k == 0 else '--'
        axes.fill_between(where[sure], *band(value[sure], error[sure]), color=colour, alpha=0.3, linewidth=0)
        axes.plot(where[sure], value[sure], color=colour, linewidth=1, linestyle=style, label=name + words)
    axes.axhline(1, color='grey', linewidth=0.6, linestyle=':')
    axes.set(xlabel='distance of two particles ($a_0$)', ylabel='$g$', title='pair distribution over the uncorrelated one')
    axes.set_ylim(bottom=0)
    return True


def draw_plane(axes, file, name, _colour, _mark):
    if '/observables/density_2d' not in file:
        return False
    data = file['/observables/density_2d']
    picture = axes.pcolormesh(file['/observables/x_edges'][:], file['/observables/y_edges'][:], data[:].T, cmap='viridis', rasterized=True)
    axes.figure.colorbar(picture, ax=axes, label='density' + unit(data))
    axes.set_aspect('equal')
    axes.set(xlabel='$x$ ($a_0$)', ylabel='$y$ ($a_0$)', title='density' + (': ' + name if name else ''))
    return True


PANELS = {'training': draw_training, 'blocking': draw_blocking, 'series': draw_series, 'density': draw_density, 'pairs': draw_pairs, 'plane': draw_plane}


def draw_panels(files, kinds):
    each = [(kind, [one]) for kind in kinds for one in files if kind == 'plane'] + [(kind, files) for kind in kinds if kind != 'plane']
    each.sort(key=lambda one: list(PANELS).index(one[0]))
    columns = min(3, len(each)) if len(each) != 4 else 2
    rows = -(-len(each) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(5 * columns, 3.8 * rows), squeeze=False, layout='constrained')
    for place, (kind, some) in zip(axes.flat, each):
        drawn = [PANELS[kind](place, file, name if len(files) > 1 else '', COLOURS[k % 7], MARKS[k % 7]) for k, (name, file) in enumerate(some)]
        if not any(drawn):
            place.text(0.5, 0.5, f'no data for "{kind}"', ha='center', transform=place.transAxes)
            place.set_axis_off()
        elif len(place.get_legend_handles_labels()[1]) > 0 and any(place.get_legend_handles_labels()[1]):
            place.legend(frameon=False, fontsize='small')
    for place in axes.flat[len(each):]:
        place.set_axis_off()
    return figure


def swept_keys(table):
    """Columns of settings that differ between runs, but for the seed."""
    keys = [name for name in table if '.' in name and name != 'run.seed' and len(table[name].shape) == 1]
    return [name for name in keys if len(set(map(text, table[name][:]))) > 1]


def draw_sweep(file, by):
    table = file['table']
    keys = by or swept_keys(table)[:2]
    if not keys:
        sys.exit('vmc plot: the runs of this merged file have the same settings; name a key with --by SECTION.KEY')
    for key in keys:
        if key not in table:
            sys.exit(f'vmc plot: the merged table has no column {key}; it has {", ".join(sorted(name for name in table if "." in name))}')
    energy, error = table['energy'][:], table['energy_error'][:]
    along, colours = table[keys[0]][:], [text(value) for value in table[keys[1]][:]] if len(keys) > 1 else [''] * len(energy)
    numeric = numpy.issubdtype(along.dtype, numpy.number)
    names = sorted(set(map(text, along)))
    where = along.astype(float) if numeric else numpy.array([names.index(text(value)) for value in along], dtype=float)
    figure, axes = pyplot.subplots(figsize=(7, 4.6), layout='constrained')
    groups = sorted(set(colours), key=lambda value: (len(value), value))
    for k, group in enumerate(groups):
        mine = numpy.array([colour == group for colour in colours])
        places = sorted(set(where[mine]))
        mean, bar = [], []
        for place in places:
            chosen = mine & (where == place)
            n = chosen.sum()
            mean.append(energy[chosen].mean())
            scatter = energy[chosen].std(ddof=1) / n ** 0.5 if n > 1 else 0
            bar.append(max(scatter, (error[chosen] ** 2).sum() ** 0.5 / n))
        axes.errorbar(places, mean, bar, color=COLOURS[k % 7], marker=MARKS[k % 7], markersize=5, capsize=3, linewidth=1 if numeric else 0,
                      elinewidth=1, label=f'{keys[1]} = {group}' if len(keys) > 1 else None)
    if not numeric:
        axes.set_xticks(range(len(names)), names)
    axes.set(xlabel=keys[0] + unit(table[keys[0]]), ylabel='energy' + unit(table['energy']))
    if len(keys) > 1:
        axes.legend(frameon=False)
    return figure


def main():
    parser = argparse.ArgumentParser(prog='vmc plot', description=__doc__.split('\n\n')[0])
    parser.add_argument('files', nargs='+', metavar='FILE.h5')
    parser.add_argument('--what', choices=['overview', *PANELS, 'sweep'], default='overview')
    parser.add_argument('--output', '-o')
    parser.add_argument('--by', metavar='SECTION.KEY[,SECTION.KEY]', help='of a merged file: along the axis, then as colours')
    options = parser.parse_args()
    opened = []
    for name in options.files:
        try:
            opened.append((Path(name).stem, h5py.File(name, 'r')))
        except OSError as wrong:
            sys.exit(f'vmc plot: {name}: {wrong}')
    matplotlib.rcParams.update({'font.size': 10, 'axes.titlesize': 10, 'savefig.dpi': 150, 'axes.spines.top': False, 'axes.spines.right': False})
    if 'table' in opened[0][1]:
        figure = draw_sweep(opened[0][1], options.by.split(',') if options.by else None)
    else:
        figure = draw_panels(opened, [options.what] if options.what in PANELS else list(PANELS))
    output = options.output or opened[0][0] + '.png'
    try:
        figure.savefig(output)
    except (OSError, ValueError) as wrong:
        sys.exit(f'vmc plot: {output}: {wrong}')
    print(output)


if __name__ == '__main__':
    main()
