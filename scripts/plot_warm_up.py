#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quantiles of walkers before and after a warm-up by momentum diffusion, against those of the mixture they should sample.

usage: plot_warm_up.py TEST_WARM_UP PICTURE.png

TEST_WARM_UP is build/tests/test_warm_up, which prints them. Walkers that are where they should be lie on the diagonal. Needs numpy and matplotlib.
"""
import re
import subprocess
import sys

try:
    import matplotlib
    import numpy
except ImportError as missing:
    sys.exit(f'{missing}: this script needs matplotlib and numpy (Debian: python3-matplotlib; then /usr/bin/python3 {sys.argv[0]} …)')

matplotlib.use('Agg')
from matplotlib import pyplot  # noqa: E402

TITLES = {'from one point': 'all walkers from x = 0', 'dispersed': 'from twelve widths of the trap'}
STAGES = {  # printed name: (label, colour, marker)
    'start': ('start', '#999999', 's'),
    'after momentum diffusion': ('after momentum diffusion', '#d55e00', '^'),
    'after the exact phase': ('after Metropolis at T = 1 and 3.5', '#0072b2', 'o'),
}


def read(text):
    """{start: {stage: quantiles}}"""
    found, start = {}, None
    for line in text.splitlines():
        if line in TITLES:
            start = found.setdefault(line, {})
        numbers = re.findall(r'-?\d+\.\d+', line)
        if start is not None and len(numbers) == 10:
            start[line[:line.index(numbers[0])].strip()] = numpy.array([float(number) for number in numbers])
    return found


def main(program, picture):
    done = subprocess.run([program], capture_output=True, text=True, check=True, env={'CMOCKA_TEST_FILTER': 'test_mixture'})
    found = read(done.stdout + done.stderr)
    figure, panels = pyplot.subplots(1, 2, figsize=(9, 4.4), sharex=True, sharey=True)
    for panel, (start, title) in zip(panels, TITLES.items()):
        target = found[start]['target']
        panel.plot([-4, 13], [-4, 13], color='black', linewidth=0.8)
        for stage, (label, colour, marker) in STAGES.items():
            panel.plot(target, found[start][stage], color=colour, marker=marker, markersize=5, linewidth=1, label=label)
        panel.set(title=title, xlabel='quantile of the target (a₀)', xlim=(-2.5, 11.5), ylim=(-6, 12))
    panels[0].set_ylabel('quantile of the walkers (a₀)')
    panels[0].legend(frameon=False, loc='upper left', fontsize=9)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
