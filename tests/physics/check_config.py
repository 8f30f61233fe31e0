#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one configuration and compares its energy with what the file itself expects.

    check_config.py path/to/vmc configs/FILE.ini

The file says so in a comment:  ; expect: KIND VALUE within SLACK
    exact, minimum   the energy lies within VALUE - 4 errors and VALUE + SLACK + 4 errors
    above            the same, for a bound that the wave function cannot reach
and its error bar must be below SLACK, so that a run without precision does not pass. Seeds are fixed; were they not, a right run would fail once in 16,000
(4 errors to either side) or 30,000 (to one).
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def main(program, config):
    found = re.search(r'^; expect: (exact|minimum|above) (\S+) within (\S+)$', Path(config).read_text(encoding='utf-8'), re.MULTILINE)
    if not found:
        raise SystemExit(f'{config}: no expectation in it')
    value, slack = float(found[2]), float(found[3])
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([str(Path(program).resolve()), '--config', str(Path(config).resolve()), '--json', '--output', 'out.h5', '--progress', 'never', '--threads', '1'],
                             cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f'exit {run.returncode}\n{run.stdout}{run.stderr}')
    result = json.loads(run.stdout)
    energy, error = result['energy'], result['energy_error']
    print(f'{config}: E = {energy:.8f} +- {error:.1e}; expected {found[1]} {value} within {slack}')
    if not error < slack:
        raise SystemExit('the error bar is too large')
    if not value - 4 * error - 1e-12 <= energy <= value + slack + 4 * error:
        raise SystemExit('the energy is not as expected')


if __name__ == '__main__':
    main(*sys.argv[1:])
