#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages do what they say: every command and every piece of Python in README.md and docs/*.md is executed, in the order of the page; and docs/format.md is what
scripts/format.py makes of files that were just written.

    check_docs.py path/to/vmc [unittest options]

Runs are made short: a `vmc` in front of the real one adds few iterations and samples. What installs, builds or tests the program itself, and what needs several
machines, is left out: see ELSEWHERE.
"""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

VMC = ''
ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = re.compile(r'^(meson|ninja|mpirun|srun|sudo|scripts/(test|quickstart|setup|benchmark|reproduce|samplers|mutate|aarch64-root)|ssh|git|GLIBC_TUNABLES=)')
SHORT = '--set optimizer.iterations=3 --set optimizer.samples=2048 --set measure.samples=2048 --set sampler.burn_in=5 --set measure.target_error=0'
SHIM = f'''#!/bin/sh
case "$1" in
sweep|merge|diagnose|plot|show|verify|help|learn) exec "$REAL_VMC" "$@";;
esac
case "$*" in
*.ini*--resume*|*--resume*.ini*) exec "$REAL_VMC" "$@" -q;;
*.ini*) exec "$REAL_VMC" "$@" {SHORT} -q;;
esac
exec "$REAL_VMC" "$@"
'''
SBATCH = '#!/bin/sh\nexec vmc --config configs/sweep_omega_hidden.ini\n'
MODULES = {'h5py', 'pandas', 'xarray', 'arviz'}


def blocks(page):
    """Language and text of every fenced block, and of indented ones as language ''."""
    lines, fence, text = page.read_text(encoding='utf-8').splitlines(), None, []
    for line in [*lines, '']:
        mark = re.match(r'^```(\w*)', line)
        if mark and fence is None:
            fence, text = mark[1], []
        elif mark:
            yield fence, '\n'.join(text)
            fence = None
        elif fence is not None:
            text.append(line)
        elif line.startswith('    '):
            yield '', line.strip()


def commands(page):
    for language, text in blocks(page):
        if language not in ('', 'sh', 'bash', 'console'):
            continue
        for line in text.splitlines():
            line = re.sub(r'\s{2,}#.*$|\s+# .*$', '', line.strip().removeprefix('$ '))
            if re.match(r'^(build/src/)?vmc |^scripts/|^python3 ', line) and not ELSEWHERE.match(line):
                yield line


class Docs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.place.name)
        (cls.folder / 'bin').mkdir()
        (cls.folder / 'build').mkdir()
        for name, text in (('vmc', SHIM), ('sbatch', SBATCH), ('python3', f'#!/bin/sh\nexec {sys.executable} "$@"\n')):
            (cls.folder / 'bin' / name).write_text(text)
            (cls.folder / 'bin' / name).chmod(0o755)
        os.symlink(cls.folder / 'bin', cls.folder / 'build' / 'src')
        for name in 'configs', 'scripts', 'data':
            os.symlink(ROOT / name, cls.folder / name)
        small = '[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n'
        for name, text in (('big.ini', small), ('point.ini', small + '[sweep]\nsystem.omega = 0.5 | 1\n'), ('FILE', small + '[sweep]\nrbm.hidden = 1 | 2\n'), ('run.ini', small), ('dot.ini', small), ('jastrow.ini', small),
                           ('hidden.ini', small + '[sweep]\nrbm.hidden = 1 | 2\nrun.seed = 1:2:2\n')):
            (cls.folder / name).write_text(text)
        cls.environment = {**os.environ, 'PATH': f'{cls.folder / "bin"}:{os.environ["PATH"]}', 'REAL_VMC': VMC, 'MPLBACKEND': 'Agg'}
        cls.environment.pop('SLURM_JOB_ID', None)
        for name in 'configs/twoparticles.ini', 'run.ini', 'point.ini':
            subprocess.run([VMC, name, '-q', *SHORT.split()], cwd=cls.folder, check=True, timeout=200)
        subprocess.run([VMC, 'merge', 'all.h5', 'point-0000.h5', 'point-0001.h5', '-q'], cwd=cls.folder, check=True, timeout=200)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def execute(self, line):
        return subprocess.run(['bash', '-c', line], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=200)

    def test_commands(self):
        count = 0
        for page in [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]:
            for line in commands(page):
                with self.subTest(page=page.name, command=line):
                    done = self.execute(line)
                    allowed = (0, 1) if re.search(r'vmc (diagnose|verify)', line) else (0,)
                    self.assertIn(done.returncode, allowed, done.stdout[-500:] + done.stderr[-1500:])
                    count += 1
        print(f'{count} commands', flush=True)
        self.assertGreater(count, 20)

    def test_python(self):
        left, count = set(), 0
        for page in (ROOT / 'docs' / 'analysis.md', ROOT / 'docs' / 'results.md'):
            before = 'import matplotlib\nmatplotlib.use("Agg")\nimport h5py, numpy\na, b, w, sigma = numpy.zeros(4), numpy.zeros(2), numpy.zeros((4, 2)), numpy.ones(2)\n'
            for language, text in blocks(page):
                if language != 'python':
                    continue
                needed = {name for name in MODULES if re.search(rf'import .*\b{name}\b', text)}
                missing = {name for name in needed if importlib.util.find_spec(name) is None}
                if missing:
                    left |= missing
                    continue
                for engine in ('h5netcdf', 'netcdf4') if 'engine=' in text else ('',):
                    with self.subTest(page=page.name, text=text, engine=engine):
                        chosen = re.sub("engine='h5netcdf'", f"engine='{engine}'", text) if engine else text
                        done = subprocess.run([sys.executable, '-c', before + chosen], cwd=self.folder, capture_output=True, text=True, timeout=200, env=self.environment)
                        if 'open_datatree' in done.stderr:  # xarray of 2024.10 and later
                            left.add('xarray.open_datatree')
                        else:
                            self.assertEqual(done.returncode, 0, done.stderr)
                            count += 1
        print(f'{count} pieces of Python; not here: {", ".join(sorted(left)) or "nothing"}', flush=True)
        self.assertGreater(count, 3)

    def test_format(self):
        made = self.folder / 'format.md'
        subprocess.run([sys.executable, str(ROOT / 'scripts' / 'format.py'), VMC, str(made)], check=True, timeout=200)
        self.assertEqual(made.read_text(), (ROOT / 'docs' / 'format.md').read_text(), 'fields have changed: scripts/format.py build/src/vmc docs/format.md')

    def test_links(self):
        """Pages and pictures that a page names are there."""
        count = 0
        for page in [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]:
            for target in re.findall(r'\]\(([^)#:]+)\)', page.read_text(encoding='utf-8')):
                self.assertTrue((page.parent / target).exists(), f'{page.name}: {target}')
                count += 1
        self.assertGreater(count, 40)


if __name__ == '__main__':
    VMC = str(Path(sys.argv.pop(1)).resolve())
    unittest.main()
