#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text as an array of a C header: embed.py TEXT NAME OUTPUT."""
import sys

source, name, output = sys.argv[1:]
with open(source, 'rb') as file:
    numbers = [str(byte if byte < 128 else byte - 256) for byte in file.read()] + ['0']
lines = [', '.join(numbers[k:k + 30]) for k in range(0, len(numbers), 30)]
with open(output, 'w', encoding='ascii') as file:
    file.write(f'static const char {name}[] = {{\n    ' + ',\n    '.join(lines) + '\n};\n')
