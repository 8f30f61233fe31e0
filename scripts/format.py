#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/format.md: every field of a results file, from files that the program has just written.

    format.py path/to/vmc docs/format.md
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py

RUNS = {
    'two electrons': '[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[observables]\nkinds = density-radial, density-2d, '
                     'pair-distribution, distances, one-body\n[measure]\npositions = 64\nsamples = 3200\n',
    'a dot': '[system]\nparticles = 3\nspin_up = 2\ndimensions = 2\ninteraction = coulomb\nstatistics = fermions\n[wavefunction]\n'
             'factors = slater, pade-jastrow\n[slater]\norbitals_up = 0 0, 1 0\n[measure]\nsamples = 3200\n',
}
COMMON = '[sampler]\nwalkers = 32\nburn_in = 10\n[optimizer]\niterations = 4\nsamples = 320\n'
GROUPS = {
    '/result': 'What was measured. Means have a standard error beside them; a number that does not apply is NaN.',
    '/training': 'One value per iteration.',
    '/measurement': 'The series behind the result, one row per walker. A value is the mean over `block` draws.',
    '/measurement/blocking': 'The blocking curve, of all draws.',
    '/observables': 'Densities, distances and the one-body density matrix; docs/estimators.md says how they are defined and normalised.',
    '/positions': 'Configurations, where `measure.positions` asks for them.',
    '/wavefunction': 'Parameters of the factors in use; others have theirs likewise.',
    '/provenance': 'Where the file comes from.',
    '/config': 'Besides these, one data set per key: `/config/<section>/<key>`, with its unit and meaning (`vmc --help-config`).',
}
HEAD = '''# The format of a results file, field by field

Made by `scripts/format.py` from files of two electrons and of a dot of three, and compared with such files by a test; a run has those fields that
apply to it. In brackets: the axes of an array, each a data set of its own beside it. How to read it: docs/analysis.md; how it is written, and what
guards it: docs/results.md.
'''


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def axes(data):
    if data.ndim == 0:
        return ''
    names = [data.dims[k][0].name.rsplit('/', 1)[1] if len(data.dims[k]) > 0 else data.name.rsplit('/', 1)[1] for k in range(data.ndim)]
    return ' [' + ', '.join(names) + ']'


def group_of(path):
    fitting = [group for group in GROUPS if path == group or path.startswith(group + '/')]
    return max(fitting, key=len) if fitting else None


def collect(file, rows):
    def visit(name, data):
        path = '/' + name
        group = group_of(path)
        if not isinstance(data, h5py.Dataset) or group is None or (group == '/config' and path.count('/') > 2):
            return
        unit = text(data.attrs.get('units', ''))
        meaning = text(data.attrs.get('long_name', '')).replace('|', r'\|')
        rows[group].setdefault(path[len(group):].lstrip('/') or path, (axes(data), '' if unit == '1' else unit, meaning))
    file.visititems(visit)


def write(vmc):
    rows = {group: {} for group in GROUPS}
    with tempfile.TemporaryDirectory() as folder:
        for name, ini in RUNS.items():
            path = Path(folder) / (name.replace(' ', '_') + '.ini')
            path.write_text(ini + COMMON, encoding='utf-8')
            subprocess.run([str(vmc), path.name, '-q'], cwd=folder, check=True, timeout=200)
            with h5py.File(path.with_suffix('.h5'), 'r') as file:
                collect(file, rows)
    out = [HEAD]
    for group, fields in rows.items():
        out += [f'## `{group}`', '', GROUPS[group], '', '| field | unit | meaning |', '|---|---|---|']
        out += [f'| `{name}`{axes_} | {unit} | {meaning} |' for name, (axes_, unit, meaning) in fields.items()] + ['']
    return '\n'.join(out)


if __name__ == '__main__':
    page = write(Path(sys.argv[1]).resolve())
    Path(sys.argv[2]).write_text(page, encoding='utf-8')
