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


def main(program, version, target):
    name = escaped(Path(target).stem)
    page = ['.\\" Made by scripts/manual.py from the program\'s own help.', f'.TH {name.upper()} 1 "" "vmc {version}" "User commands"',
            '.SH NAME', f'{name} \\- {NAME}']
    for title, text in sections(said(program, '--help')):
        page += [f'.SH "{escaped(title)}"', *preformatted(text)]
        if title == 'SYNOPSIS':
            page += ['.SH DESCRIPTION', DESCRIPTION.format(name)]
    page += ['.SH CONFIGURATION', *configuration(said(program, '--help-config'))]
    with open(target, 'w', encoding='utf-8') as file:
        file.write('\n'.join(page) + '\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
