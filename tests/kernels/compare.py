#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs that should print the same, and says where they do not.

    compare.py PROGRAM...

A program that this processor has no instructions for is left out and named; two at least must be left.
"""
import signal
import subprocess
import sys
from pathlib import Path


def main(programs):
    said = {}
    for program in programs:
        run = subprocess.run([program], capture_output=True, text=True, check=False)
        if run.returncode == -signal.SIGILL:
            print(f'{Path(program).name}: not for this processor')
        elif run.returncode != 0:
            raise SystemExit(f'{program}: exit {run.returncode}\n{run.stdout[-2000:]}{run.stderr}')
        else:
            said[Path(program).name] = run.stdout.splitlines()
    if len(said) < 2:
        raise SystemExit('nothing to compare')
    first, *others = said
    wrong = 0
    for other in others:
        differing = [k for k, lines in enumerate(zip(said[first], said[other])) if lines[0] != lines[1]]
        wrong += bool(differing) or len(said[first]) != len(said[other])
        print(f'{first} and {other}: {len(said[first])} and {len(said[other])} lines, {len(differing)} differ')
        for k in differing[:5]:
            head = next(line for line in reversed(said[first][:k + 1]) if not line.startswith(' '))
            print(f'  {head}\n    {said[first][k]}\n    {said[other][k]}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
