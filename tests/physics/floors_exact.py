#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training by the closed form against the floors in data/reference.csv, as a table for docs/referee.md.

    floors_exact.py VMC REFERENCE_CSV [MOST_UNITS]

Every row of two particles with an RBM alone, up to so many hidden units (default 6): from 16 starts the energy in closed form, as `vmc verify` says it
of the results, must reach the floor to 1e-7, and stay above it where it is known to be the minimum. CPU times are
printed and not judged: they depend on what else the machine does.
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

vmc, table, most = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 6
CLOSE = 1e-7
INI = '''[system]
particles = 2
dimensions = {dimensions}
omega = {omega}
interaction = coulomb
[wavefunction]
factors = rbm
[rbm]
hidden = {hidden}
representation = {representation}
sigma = {sigma}
train_sigma = {train_sigma}
[sampler]
method = gibbs
walkers = 64
[optimizer]
method = exact
iterations = 5000
[measure]
samples = 12800
'''


def train(folder, text, starts):
    config, output = Path(folder) / 'run.ini', Path(folder) / 'run.h5'
    config.write_text(text, encoding='utf-8')
    done = subprocess.run([vmc, '--config', config, '-o', output, '--force', '--json', '-t', '1', '--set', f'optimizer.starts={starts}'],
                          capture_output=True, text=True, check=True)
    exact = subprocess.run([vmc, 'verify', '--json', output], capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    return json.loads(exact.stdout)['energy']['closed_form'], find(result, 'training_cpu_time'), find(result, 'iterations')


def find(tree, name):
    if isinstance(tree, dict):
        for key, value in tree.items():
            found = value if key == name else find(value, name)
            if found is not None:
                return found
    return None


def sigma_of(row):
    omega = float(row['omega'].split(';')[0])
    values = {'': 'auto', '1': '1', '1/sqrt(2)': '0.70710678118654757', '1/sqrt(omega)': repr(omega ** -0.5)}
    return values[row['sigma']]


def main():
    wrong = 0
    print(f'{"floor":24}{"in the table":>16}{"from 16 starts":>17}{"from 4":>16}{"CPU, 4 starts":>15}{"iterations":>12}')
    with open(table, encoding='utf-8') as file, tempfile.TemporaryDirectory() as folder:
        for row in csv.DictReader(file):
            if row['factors'] != 'rbm' or row['particles'] != '2' or int(row['hidden'].rstrip('+')) > most or row['quantity'] != 'energy':
                continue
            text = INI.format(dimensions=row['dimensions'], omega=row['omega'].replace(';', ', '), hidden=row['hidden'].rstrip('+'),
                              representation=row['representation'], sigma=sigma_of(row), train_sigma=row['train_sigma'])
            floor = float(row['value'])
            many = train(folder, text, 16)[0]
            few, seconds, iterations = train(folder, text, 4)
            good = many <= floor + CLOSE and (row['relation'] == '<=' or many >= floor - float(row['uncertainty']) - 1e-9)
            wrong += not good
            print(f'{row["id"]:24}{floor:16.8f}{many:17.10f}{few:16.8f}{seconds:13.3f} s{iterations:12.0f}{"" if good else "  WRONG"}', flush=True)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
