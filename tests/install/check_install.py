#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs into an empty folder and uses nothing but what is there: the program, pkg-config, the headers, the library, the manual page,
the examples.

    check_install.py BUILD SOURCE
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))
import left_out  # noqa: E402

BUILD, SOURCE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError('%s: exit %d\n%s%s' % (' '.join(map(str, command)), done.returncode, done.stdout, done.stderr))
    return done.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name) / 'root'
        run('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', cls.root)
        cls.programs = [path for path in cls.root.rglob('bin/vmc')]
        cls.prefix = cls.programs[0].parent.parent
        cls.libraries = next(cls.root.rglob('libvmc.so')).parent

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_program_and_examples(self):
        configs = self.prefix / 'share/vmc/configs'
        names = {path.name for path in (SOURCE / 'configs').glob('*.ini')}
        self.assertEqual({path.name for path in configs.glob('*.ini')}, names)
        self.assertTrue((self.prefix / 'share/vmc/reference.csv').is_file())
        # the run path of an installed program names the final prefix, which is not where it is now
        environment = dict(os.environ, LD_LIBRARY_PATH=str(self.libraries))
        said = run(self.prefix / 'bin/vmc', '--config', configs / 'twoparticles.ini', '-s', 'measure.samples=1e5', '--json', '-o', 'x.h5',
                   '-t', '1', '-q', cwd=self.folder.name, env=environment)
        self.assertIn('"energy"', said)

    def test_manual_pages(self):
        page = next(self.root.rglob('man1/vmc.1'))
        text = page.read_text()
        for section in ('NAME', 'SYNOPSIS', 'EXIT STATUS', 'FILES', 'EXAMPLE'):
            self.assertTrue('.SH ' + section in text.replace('"', ''), section)

    def compile(self, compiler):
        if not shutil.which(compiler):
            self.skipTest('there is no ' + compiler)
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.libraries / 'pkgconfig'), PKG_CONFIG_SYSROOT_DIR=str(self.root))
        flags = run('pkg-config', '--cflags', '--libs', 'vmc', env=environment).split()
        program = pathlib.Path(self.folder.name) / ('energy-' + compiler)
        said = run(compiler, '-Wall', '-Wextra', '-Werror', SOURCE / 'tests/install/energy.c', *flags, '-o', program)
        self.assertEqual(said, '')
        energy, error = map(float, run(program, SOURCE / 'configs/twoparticles.ini', cwd=self.folder.name,
                                       env=dict(os.environ, LD_LIBRARY_PATH=str(self.libraries))).split())
        # the floor of this ansatz (data/reference.csv), 5 standard errors and what training leaves
        self.assertLess(abs(energy - 3.07861), 5 * error + 3e-4)

    def test_a_users_program_with_gcc(self):
        self.compile('gcc')

    def test_a_users_program_with_clang(self):
        self.compile('clang')

    def test_every_header_by_itself(self):
        include = next(self.root.rglob('include/vmc'))
        for header in sorted(include.glob('*.h')):
            run('gcc', '-std=gnu17', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-I', include.parent, '-x', 'c', '-',
                input='#include <vmc/%s>\n' % header.name)


left_out.main(argv=sys.argv[:1])
