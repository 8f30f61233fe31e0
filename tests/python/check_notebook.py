#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every cell of scripts/analysis.ipynb on fresh results: check_notebook.py path/to/vmc path/to/analysis.ipynb"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
VMC, NOTEBOOK = (Path(word).resolve() for word in sys.argv[1:3])
CONFIG = """[system]
particles = 2
dimensions = 2
interaction = coulomb
[sampler]
walkers = 64
[optimizer]
iterations = 5
[measure]
samples = 6400
"""

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    Path('one.ini').write_text(CONFIG)
    Path('many.ini').write_text(CONFIG + '[sweep]\nsystem.omega = 0.5 | 1\nrbm.hidden = 1 | 2\n')
    for words in (['--config', 'one.ini'], ['--config', 'many.ini'], ['merge', 'sweep.h5', *(f'many-{k:04}.h5' for k in range(4))]):
        subprocess.run([VMC, '-q', *words] if words[0] != 'merge' else [VMC, *words, '-q'], check=True, timeout=200)
    Path('methods.ini').write_text(CONFIG.replace('iterations = 5', 'iterations = 0') +
                                   '[wavefunction]\nload = one.h5\n[sweep]\nsampler.method = metropolis | langevin | gibbs\nrun.seed = 1:2:2\n')
    for words in (['--config', 'methods.ini', '-q'], ['merge', 'samplers.h5', *(f'methods-{k:04}.h5' for k in range(6)), '-q']):
        subprocess.run([VMC, *words], check=True, timeout=200)
    os.environ.update(VMC_RUN='one.h5', VMC_SWEEP='sweep.h5', VMC_SAMPLERS='samplers.h5')
    names, ran = {}, 0
    for cell in json.loads(NOTEBOOK.read_text(encoding='utf-8'))['cells']:
        if cell['cell_type'] == 'code':
            exec(compile(''.join(cell['source']), f'cell {ran}', 'exec'), names)
            ran += 1
    figures = len(names['pyplot'].get_fignums())
    assert ran == 7 and figures == 5, (ran, figures)
    names['seen'].close()
    names['training'].close()
print(f'{ran} cells, {figures} figures')
