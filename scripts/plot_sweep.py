#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A result of a merged sweep over one swept key, one panel per value of another.

    plot_sweep.py all.h5 picture.png [--x rbm.hidden] [--panels system.omega] [--y energy] [--reference data/reference.csv]

Without --x and --panels the last and the first swept key are taken. --reference draws known exact energies of the same system. Needs h5py,
numpy and matplotlib (Debian: python3-matplotlib).
"""
import argparse
import csv
import sys
from fractions import Fraction

try:
    import h5py
    import matplotlib
    import numpy
except ImportError as missing:
    sys.exit(f'{missing}: this script needs h5py, matplotlib and numpy (Debian: python3-h5py, python3-matplotlib; then /usr/bin/python3 {sys.argv[0]} …)')

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

INK, SOFT, DATA = '#1f2430', '#8a8f99', '#2166ac'


class Table:
    """The group /table: one value per run."""

    def __init__(self, path):
        with h5py.File(path) as file:
            if 'table' not in file:
                raise SystemExit(f'{path}: has no table; make it with vmc merge')
            self.values, self.units, self.names = {}, {}, {}
            for name, column in file['table'].items():
                self.values[name] = column.asstr()[()] if column.dtype.kind == 'O' else column[()]
                self.units[name], self.names[name] = column.attrs.get('units', '1'), column.attrs.get('long_name', name)
            first = file['runs/0000/config']
            self.text = first['text'].asstr()[()]
            self.fixed = {f'{section}.{key}': item.attrs['text'] for section, group in first.items() if isinstance(group, h5py.Group)
                          for key, item in group.items() if 'text' in item.attrs}

    def swept(self):
        """Keys of [sweep] in their order; else the settings that differ."""
        lines = self.text.partition('[sweep]')[2].splitlines()[1:]
        keys = []
        for line in lines:
            if line.startswith('['):
                break
            keys += [line.partition('=')[0].strip()] if '=' in line and line[:1] not in ';#' else []
        return [key for key in keys if key in self.values] or [name for name in self.values if '.' in name and name != 'run.seed']

    def column(self, name):
        if name not in self.values:
            raise SystemExit(f'there is no column {name}; there are: {", ".join(self.values)}')
        return self.values[name]


def exact(path, table, row, y):
    """Exact values of the run in this row, from the table of known values."""
    if not path or y != 'energy':
        return None
    setting = lambda key: str(table.values[key][row]) if key in table.values else table.fixed[key]
    with open(path, newline='', encoding='utf-8') as file:
        for known in csv.DictReader(file):
            if known['kind'] != 'exact' or known['quantity'] != 'energy' or known['interaction_values'] not in ('', 'strength=1'):
                continue
            try:
                same = all(float(Fraction(known[name])) == float(setting(f'system.{name}')) for name in ('particles', 'dimensions', 'omega'))
                value = float(Fraction(known['value']))
            except ValueError:
                continue  # a formula, or "any"
            if same and known['interaction'] == setting('system.interaction'):
                return value
    return None


def label(table, name):
    unit = table.units[name]
    words = {'hbar omega_0': r'$\hbar\omega_0$', 'omega_0': r'$\omega_0$', 'a_0': r'$a_0$'}
    return name.partition('.')[2] or name, '' if unit == '1' else ' ' + words.get(unit, unit)


def panel(axes, table, rows, options):
    x, y = table.column(options.x)[rows], table.column(options.y)[rows]
    error = table.values.get(f'{options.y}_error')
    order = numpy.argsort(x)
    axes.errorbar(x[order], y[order], None if error is None else error[rows][order], color=DATA, marker='o', markersize=5, linewidth=1.5, capsize=3)
    known = exact(options.reference, table, rows[0], options.y)
    if known is not None:
        axes.axhline(known, color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.annotate('exact', (1, known), (-4, 4), xycoords=axes.get_yaxis_transform(), textcoords='offset points', ha='right', color=SOFT)
    axes.set_xticks(sorted(set(x)) if len(set(x)) <= 10 else axes.get_xticks())
    axes.ticklabel_format(axis='y', useOffset=False)
    axes.margins(y=0.12)
    axes.grid(axis='y', color='#e6e8eb', linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('merged')
    parser.add_argument('picture')
    parser.add_argument('--x')
    parser.add_argument('--panels')
    parser.add_argument('--y', default='energy')
    parser.add_argument('--reference')
    options = parser.parse_args()
    table = Table(options.merged)
    swept = table.swept()
    options.x = options.x or (swept[-1] if swept else parser.error('nothing was swept; give --x'))
    options.panels = options.panels or (swept[0] if swept[0] != options.x else None)
    over = table.column(options.panels) if options.panels else numpy.zeros(len(table.values['file']))
    values = sorted(set(over))
    columns = min(len(values), 2 if len(values) == 4 else 3)
    pyplot.rcParams.update({'font.size': 10, 'axes.edgecolor': SOFT, 'axes.labelcolor': INK, 'xtick.color': INK, 'ytick.color': INK})
    figure, panels = pyplot.subplots(-(-len(values) // columns), columns, figsize=(3.7 * columns, 2.6 * -(-len(values) // columns)), squeeze=False,
                                     sharex=True, layout='constrained')
    for axes in panels.flat[len(values):]:
        axes.set_visible(False)
    for value, axes in zip(values, panels.flat):
        panel(axes, table, numpy.flatnonzero(over == value), options)
        if options.panels:
            name, unit = label(table, options.panels)
            axes.set_title(f'{name} = {value:g}{unit}' if isinstance(value, float) else f'{name} = {value}', loc='left', fontsize=10, color=INK)
    figure.supxlabel('hidden units' if options.x == 'rbm.hidden' else ''.join(label(table, options.x)), fontsize=10, color=INK)
    name, unit = label(table, options.y)
    figure.supylabel(f'{name} ({unit.strip()})' if unit else name, fontsize=10, color=INK)
    figure.savefig(options.picture, dpi=130)


if __name__ == '__main__':
    main()
