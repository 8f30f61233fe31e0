#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of results files; `vmc plot` runs this with the Python that is there.

    plot.py [--what KIND] [--output PICTURE] FILE.h5...

KIND is one of overview (the default), training, blocking, series, density, plane, pairs, sweep. The picture is PNG, SVG or PDF by its name; default FILE.png.
Several files share each panel. A merged file is drawn as a sweep: energy against the first swept key, the second one as colours, further
ones as panels, seeds put together as bands of their standard error.
"""
import argparse
import itertools
import os
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
    if isinstance(value, (float, numpy.floating)):
        return f'{value:.6g}'
    return value.decode() if isinstance(value, bytes) else str(value)


def band(data, errors):
    """A band of one standard error; nothing where there is none."""
    return data - errors, data + errors


KNOWN = {}  # file: [(label, energy)], what vmc knows of the system
DASHES = ['--', ':', '-.', (0, (5, 1, 1, 1, 1, 1))]


def draw_known(axes, file, low, high):
    """Lines at known energies, and how far down and up they reach."""
    for k, (label, value) in enumerate(KNOWN.get(file.filename, [])):
        words = f'{label} {value:.6g}'
        if words not in axes.get_legend_handles_labels()[1]:
            axes.axhline(value, color='black', linewidth=0.9, linestyle=DASHES[(k + 1) % 4], label=words)
        low, high = min(low, value), max(high, value)
    return low, high


def draw_training(axes, file, name, colour, _mark):
    if '/training/energy' not in file or len(file['/training/energy']) == 0:
        return False
    group = file['training']
    step, energy, error = group['iteration'][:], group['energy'][:], group['energy_error'][:]
    axes.fill_between(step, *band(energy, error), color=colour, alpha=0.3, linewidth=0)
    axes.plot(step, energy, color=colour, linewidth=1, label=name)
    if '/result/energy' in file and numpy.isfinite(file['/result/energy'][()]):
        axes.axhline(file['/result/energy'][()], color=colour, linewidth=0.8, linestyle='--')
    low, high = draw_known(axes, file, *numpy.nanpercentile(energy, [0, 95]))
    if hasattr(axes, 'reach'):
        low, high = min(low, axes.reach[0]), max(high, axes.reach[1])
    axes.reach = low, high
    if high > low:
        axes.set_ylim(low - 0.1 * (high - low), high + 0.2 * (high - low))
    axes.set(xlabel='training iteration', ylabel='energy' + unit(group['energy']), title='training (dashed: measured)')
    return True


def draw_blocking(axes, file, name, colour, mark):
    if '/measurement/blocking' not in file:
        return False
    group = file['/measurement/blocking']
    axes.errorbar(group['draws'][:], group['error'][:], group['error_error'][:], color=colour, marker=mark, markersize=4, linewidth=1, capsize=2, label=name)
    if '/result/energy_error' in file:
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
        value = numpy.where(met & (error < 0.5), value, numpy.nan)  # a gap, not a line across it
        style = '-' if k == 0 else '--'
        axes.fill_between(where, *band(value, error), color=colour, alpha=0.3, linewidth=0)
        axes.plot(where, value, color=colour, linewidth=1, linestyle=style, label=name + words)
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


PANELS_MOST = 16


def by_size(values):
    """Distinct values as texts, in order of size where they are numbers."""
    try:
        return sorted(set(map(text, values)), key=float)
    except ValueError:
        return sorted(set(map(text, values)))


def put_together(energy, error):
    """Mean of runs that differ by their seed, and its standard error: from their scatter, but no less than their error bars say."""
    n = len(energy)
    scatter = energy.std(ddof=1) / n ** 0.5 if n > 1 else 0
    return energy.mean(), max(scatter, (error ** 2).sum() ** 0.5 / n)


def draw_group(axes, where, energy, error, numeric, style):
    """One colour: points and a band of their errors; where the axis is no number, points alone."""
    places = sorted(set(where))
    mean, bar = numpy.array([put_together(energy[where == place], error[where == place]) for place in places]).T
    if numeric and len(places) > 1:
        axes.fill_between(places, mean - bar, mean + bar, color=style['color'], alpha=0.25, linewidth=0)
    axes.errorbar(places, mean, bar, markersize=5, capsize=3, linewidth=1 if numeric else 0, elinewidth=1, **style)


def draw_sweep(file, by):
    table = file['table']
    swept = swept_keys(table)
    keys = (by or swept[:2])[:2]
    if not keys:
        sys.exit('vmc plot: the runs of this merged file have the same settings; name a key with --by SECTION.KEY')
    for key in keys:
        if key not in table:
            sys.exit(f'vmc plot: the merged table has no column {key}; it has {", ".join(sorted(name for name in table if "." in name))}')
    panel_keys = [key for key in swept if key not in keys]
    column = {key: numpy.array([text(value) for value in table[key][:]]) for key in {*keys, *panel_keys}}
    panels = [one for one in itertools.product(*(by_size(column[key]) for key in panel_keys))
              if numpy.all([column[key] == value for key, value in zip(panel_keys, one)], axis=0).any() or not panel_keys]
    if len(panels) > PANELS_MOST:
        sys.exit(f'vmc plot: {len(panels)} panels, one for each value of {" and ".join(panel_keys)}, are too many; merge fewer runs, or choose other keys with --by')
    energy, error = table['energy'][:], table['energy_error'][:]
    numeric = numpy.issubdtype(table[keys[0]].dtype, numpy.number)
    names = by_size(column[keys[0]])
    where = table[keys[0]][:].astype(float) if numeric else numpy.array([names.index(value) for value in column[keys[0]]], dtype=float)
    groups = by_size(column[keys[1]]) if len(keys) > 1 else ['']
    colours = COLOURS if len(groups) <= len(COLOURS) else [matplotlib.colors.to_hex(one) for one in pyplot.cm.viridis(numpy.linspace(0, 0.95, len(groups)))]
    columns = min(len(panels), 3 if len(panels) != 4 else 2)
    rows = -(-len(panels) // columns)
    size = (7, 4.6) if len(panels) == 1 else (4.4 * columns, 3.4 * rows + 0.3)
    figure, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout='constrained', sharex=True)
    for axes, values in zip(grid.flat, panels):
        here = numpy.isfinite(energy) & numpy.isfinite(where)
        for key, value in zip(panel_keys, values):
            here &= column[key] == value
        for k, group in enumerate(groups):
            mine = here & (column[keys[1]] == group) if len(keys) > 1 else here
            if mine.any():
                draw_group(axes, where[mine], energy[mine], error[mine], numeric,
                           {'color': colours[k % len(colours)], 'marker': MARKS[k % 7], 'label': f'{keys[1]} = {group}' if len(keys) > 1 else None})
        if not numeric:
            axes.set_xticks(range(len(names)), names)
        elif where.min() > 0 and where.max() > 50 * where.min():
            axes.set_xscale('log')
        elif (where == numpy.floor(where)).all():
            axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
        axes.set(xlabel=keys[0] + unit(table[keys[0]]), ylabel='energy' + unit(table['energy']),
                 title=', '.join(f'{key} = {value}' for key, value in zip(panel_keys, values)))
    for axes in grid.flat[len(panels):]:
        axes.set_axis_off()
    if len(keys) > 1:
        grid.flat[0].legend(frameon=False, fontsize='small', ncols=1 + len(groups) // 9)
    return figure


def open_file(name):
    if not os.path.exists(name):
        sys.exit(f'vmc plot: {name}: no such file')
    try:
        return h5py.File(name, 'r')
    except OSError as wrong:
        sys.exit(f'vmc plot: {name}: {wrong}')


def picture_of(names, options):
    opened = [(Path(name).stem, open_file(name)) for name in names]
    if 'table' in opened[0][1]:
        figure = draw_sweep(opened[0][1], options.by.split(',') if options.by else None)
    elif options.what == 'sweep':
        sys.exit(f'vmc plot: {names[0]}: is not merged from runs; make such a file with vmc merge')
    else:
        figure = draw_panels(opened, [options.what] if options.what in PANELS else list(PANELS))
    for _, file in opened:
        file.close()
    return figure


def save(figure, output):
    """A viewer sees the old picture or the new one."""
    place = Path(output)
    beside = place.with_name(f'.{place.stem}.{os.getpid()}{place.suffix}')
    try:
        figure.savefig(beside)
        os.replace(beside, place)
    except (OSError, ValueError) as wrong:
        beside.unlink(missing_ok=True)
        sys.exit(f'vmc plot: {output}: {wrong}')
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(prog='vmc plot', description=__doc__.split('\n\n')[0])
    parser.add_argument('files', nargs='+', metavar='FILE.h5')
    parser.add_argument('--what', choices=['overview', *PANELS, 'sweep'], default='overview')
    parser.add_argument('--output', '-o')
    parser.add_argument('--by', metavar='SECTION.KEY[,SECTION.KEY]', help='of a merged file: along the axis, then as colours')
    parser.add_argument('--known', nargs=3, action='append', default=[], metavar=('FILE', 'LABEL', 'ENERGY'), help='a line in the panel of training')
    options = parser.parse_args()
    for name, label, value in options.known:
        KNOWN.setdefault(name, []).append((label, float(value)))
    matplotlib.rcParams.update({'font.size': 10, 'axes.titlesize': 10, 'savefig.dpi': 150, 'axes.spines.top': False, 'axes.spines.right': False,
                                'svg.fonttype': 'none'})
    output = options.output or Path(options.files[0]).stem + '.png'
    save(picture_of(options.files, options), output)
    print(output)


if __name__ == '__main__':
    main()
