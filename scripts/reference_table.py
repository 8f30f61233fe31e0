#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""data/reference.csv -> the C table that src/reference/reference.c includes. Run by the build.

    reference_table.py data/reference.csv reference_table.h

Every cell is checked; a bad one stops the build with its row's id. The columns are described in data/README.md.
"""
import csv
import re
import sys

COLUMNS = ('id particles dimensions omega statistics interaction interaction_values factors representation hidden sigma train_sigma '
           'fixed quantity value relation uncertainty kind source').split()
NAMES = {'P', 'D', 'omega', 'omega_x', 'omega_y', 'omega_z', 'kappa', 'lambda', 'alpha'}
QUANTITIES = 'energy variance kinetic trap pair mean_distance'.split()
CHOICES = {
    'statistics': {'any': 'REFERENCE_ANY', 'bosons': 'REFERENCE_BOSONS', 'fermions': 'REFERENCE_FERMIONS'},
    'kind': {k: 'REFERENCE_' + k.upper().replace('-', '_') for k in ('exact', 'minimum', 'fixed-parameter', 'literature')},
    'relation': {'=': 'false', '<=': 'true'},
    'train_sigma': {'': 'false', 'no': 'false', 'yes': 'true'},
}
TOKEN = re.compile(r'\s*(?:(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?)|(?P<name>[A-Za-z_]+)|(?P<sign>[-+*/()]))')


def expression(text):
    """Arithmetic in NAMES, pi and sqrt as C in doubles: 2/3 is 2.0/3.0."""
    out, at = [], 0
    while at < len(text):
        token = TOKEN.match(text, at)
        if not token:
            raise ValueError(f'{text!r} is no arithmetic expression')
        at = token.end()
        number, name, sign = token.group('number', 'name', 'sign')
        if number:
            out.append(number if re.search('[.e]', number) else number + '.0')
        elif name in NAMES:
            out.append('t->' + name)
        elif name == 'pi':
            out.append('3.14159265358979323846')
        elif name == 'sqrt' or sign:
            out.append(name or sign)
        else:
            raise ValueError(f'{text!r}: unknown name {name}')
    return ''.join(out)


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"' if text else 'NULL'


def values(section, text):
    """"kappa=0.5;gaussian.alpha=any" -> initialisers of struct reference_value; NAN stands for any."""
    rows = []
    for item in filter(None, text.split(';')):
        name, number = item.split('=')
        number = 'NAN' if number == 'any' else expression(number)
        rows.append(f'{{ "{section}{name}", {number} }}')
    return rows


def omega(text):
    """(number of frequencies, their initialiser): 0 any one frequency, 4 any anisotropic trap."""
    if text in ('any', 'each'):
        return (0 if text == 'any' else 4), '{ 0 }'
    given = [expression(item) for item in text.split(';')]
    return len(given), '{ ' + ', '.join(given) + ' }'


def function(number, what, text):
    return f'static double {what}_{number}(const struct terms *t) {{ (void)t; return {expression(text)}; }}'


def main(source, target):
    with open(source, encoding='utf-8', newline='') as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise SystemExit(f'{source}: columns must be {",".join(COLUMNS)}')
        rows = list(reader)
    functions, table, seen = [], [], set()
    for number, row in enumerate(rows):
        try:
            if None in row or None in row.values() or row['id'] in seen or not row['id']:
                raise ValueError('wrong number of cells, or an id used twice')
            seen.add(row['id'])
            choice = {column: names[row[column]] for column, names in CHOICES.items()}
            if row['quantity'] not in QUANTITIES:
                raise ValueError(f'unknown quantity {row["quantity"]}')
            for what in ('value', 'uncertainty'):
                functions.append(function(number, what, row[what]))
            sigma = 'NULL'
            if row['sigma']:
                functions.append(function(number, 'sigma', row['sigma']))
                sigma = f'sigma_{number}'
            n_omega, omegas = omega(row['omega'])
            system = values('interaction.', row['interaction_values'])
            fixed = values('', row['fixed'])
            if len(system) + len(fixed) > 4:
                raise ValueError('more than four values')
            count = {column: 0 if row[column] == 'any' else int(row[column]) for column in ('particles', 'dimensions')}
            hidden = row['hidden']
            table.append(
                f'    {{ .id = {quoted(row["id"])}, .particles = {count["particles"]}, .dimensions = {count["dimensions"]}, '
                f'.n_omega = {n_omega}, .omega = {omegas}, .statistics = {choice["statistics"]}, '
                f'.interaction = {quoted(row["interaction"])},\n'
                f'      .n_values = {len(system) + len(fixed)}, .n_system_values = {len(system)}, '
                f'.values = {{ {", ".join(system + fixed) or "{ NULL, 0 }"} }},\n'
                f'      .factors = {quoted(row["factors"])}, .representation = {quoted(row["representation"])}, '
                f'.hidden = {int(hidden.rstrip("+") or 0)}, .hidden_or_more = {str(hidden.endswith("+")).lower()}, '
                f'.sigma = {sigma}, .train_sigma = {choice["train_sigma"]},\n'
                f'      .quantity = {quoted(row["quantity"])}, .value = value_{number}, .uncertainty = uncertainty_{number}, '
                f'.upper_bound = {choice["relation"]}, .kind = {choice["kind"]}, .source = {quoted(row["source"])} }},')
        except (KeyError, ValueError) as error:
            raise SystemExit(f'{source}: {row["id"]}: {error}') from None
    with open(target, 'w', encoding='utf-8') as file:
        print('// SPDX-License-Identifier: GPL-3.0-or-later', '// Made from data/reference.csv by scripts/reference_table.py.', '',
              *functions, '', 'static const struct row rows[] = {', *table, '};', sep='\n', file=file)


if __name__ == '__main__':
    main(*sys.argv[1:])
