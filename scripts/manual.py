#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual page, from what the program says of itself, so that no list of options or keys is kept twice.

    manual.py path/to/PROGRAM VERSION PROGRAM.1
"""
import re
import subprocess
import sys
from pathlib import Path

NAME = r'variational Monte Carlo with Boltzmann machines'
DESCRIPTION = '''\
.B {}
finds ground states of particles in a harmonic trap by variational Monte Carlo: a wave function with parameters, a
restricted Boltzmann machine among them, is sampled by Markov chains, trained to lower its energy, and measured. A
configuration file says what to compute; the results go to an HDF5 file.'''


def said(program, option):
    return subprocess.run([program, option], check=True, capture_output=True, text=True).stdout.rstrip('\n').splitlines()


def escaped(line):
    line = line.replace('\\', r'\e').replace('-', r'\-')
    return r'\&' + line if line[:1] in ('.', "'") else line


def preformatted(lines):
    return ['.nf', *map(escaped, lines), '.fi']


def configuration(lines):
    """Text of --help-config: a line "[section]" at the margin starts a subsection."""
    out, pending = [], []
    for line in lines:
        if re.match(r'\[[\w-]+\]', line):
            out += preformatted(pending) if any(pending) else []
            out.append('.SS "' + escaped(line).replace('"', r'\(dq') + '"')
            pending = []
        else:
            pending.append(line)
    return out + preformatted(pending)


def sections(lines):
    """Text of --help: usage and description, then sections that start with a heading at the margin, "Options:"."""
    usage = [re.sub('^Usage: ', '       ', line)[7:] for line in lines[:lines.index('')]]
    yield 'SYNOPSIS', usage
    title, text = None, []
    for line in lines[lines.index(''):] + ['End:']:
        heading = re.fullmatch(r'([A-Z][\w -]*):', line)
        if heading and title:
            yield title, text
        if heading:
            title, text = heading[1].upper(), []
        else:
            text.append(line)


FILES = '''\
.TP
.I NAME.ini
the configuration; examples lie in the folder of the documentation
.TP
.I NAME.h5
the results of NAME.ini, written whole each time: a reader sees a complete file at any moment
.TP
.I NAME\\-0000.h5
the results of point 0 of a sweep
.TP
.I NAME.h5.lock
names the run that writes NAME.h5; gone when it ends
.TP
.I OUT.h5, OUT.csv
what vmc merge makes of many runs: one file, and its table as text
.TP
.I NAME.png
what vmc plot draws'''
EXAMPLES = [('run a configuration, with one entry changed', 'vmc dot.ini --set system.omega=0.5'),
            ('what would it take?', 'vmc dot.ini --check'),
            ('stop after half an hour, and go on later', 'vmc dot.ini --max-time 30m\nvmc dot.ini --resume'),
            ('may it be trusted? what does it look like?', 'vmc diagnose dot.h5\nvmc plot dot.h5'),
            ('all points of a sweep, four at a time, into one table and one picture',
             'vmc sweep.ini --jobs 4\nvmc merge all.h5 sweep-[0-9]*.h5\nvmc plot all.h5 --by system.omega,rbm.hidden'),
            ('the same on a cluster', 'vmc sweep script sweep.ini > job.sh\nsbatch job.sh')]


def examples():
    for words, lines in EXAMPLES:
        yield from ['.PP', escaped(words), '.PP', '.RS 4', *preformatted(lines.splitlines()), '.RE']


def main(program, version, target):
    name = escaped(Path(target).stem)
    page = ['.\\" Made by scripts/manual.py from the program\'s own help.', f'.TH {name.upper()} 1 "" "vmc {version}" "User commands"',
            '.SH NAME', f'{name} \\- {NAME}']
    for title, text in sections(said(program, '--help')):
        page += [f'.SH "{escaped(title)}"', *preformatted(text)]
        if title == 'SYNOPSIS':
            page += ['.SH DESCRIPTION', DESCRIPTION.format(name)]
    page += ['.SH CONFIGURATION', *configuration(said(program, '--help-config'))]
    page += ['.SH FILES', FILES, '.SH EXAMPLES', *examples()]
    with open(target, 'w', encoding='utf-8') as file:
        file.write('\n'.join(page) + '\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
