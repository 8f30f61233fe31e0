#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as a user meets it: options, messages, exit codes, files, terminals.

    check_cli.py path/to/vmc [unittest options]
"""
import fcntl
import json
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'support'))
import left_out  # noqa: E402

VMC = ''
SMALL = '''\
; two particles, measured briefly
[system]
particles = 2
dimensions = 2
[sampler]
walkers = 32
burn_in = 20
[optimizer]
iterations = 5
samples = 320
[measure]
samples = 3200
'''
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f]')


def environment(**more):
    keep = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'OMP_NUM_THREADS', 'SLURM_CPUS_PER_TASK')}
    return {**keep, **more}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.write('small.ini', SMALL)

    def write(self, name, text):
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def vmc(self, *options, code=0, env=None, **more):
        done = subprocess.run([VMC, *options], cwd=self.folder, capture_output=True, timeout=300, env=environment(**(env or {})), **more)
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, f'{options}\n{done.out}\n{done.err}')
        return done

    def files(self):
        return sorted(p.name for p in self.folder.iterdir())


class Usage(Case):
    def test_wrong_usage(self):
        for options, said in [
                ([], '--config FILE'), (['--confg', 'x'], "did you mean '--config'?"), (['--bogus'], "unknown option '--bogus'"),
                (['-x'], "unknown option '-x'"), (['--config'], 'needs a value'),
                (['--config', 'a', '--config', 'b'], 'given twice'), (['--config', 'small.ini', '-t', '0'], 'out of range'),
                (['--config', 'small.ini', '-t', '2x'], 'not a number'), (['--config', 'small.ini', '--progress', 'allways'], 'auto, always, never'),
                (['--json=1'], "'--json' takes no value"), (['--config', 'small.ini', '--set', 'a=1'], 'SECTION.KEY=VALUE'),
                (['--config', 'small.ini', '-o', ''], 'needs a file name'), (['--help-config', 'rmb'], "did you mean 'rbm'?"),
                (['--resume'], '--config FILE'), (['--config', 'small.ini', '--max-time', '5x'], 'not a length of time'),
                (['--config', 'small.ini', '--resume', '--force'], 'give one of them')]:
            done = self.vmc(*options, code=2)
            self.assertIn(said, done.err)
            self.assertEqual(done.out, '')
        self.assertEqual(self.files(), ['small.ini'])

    def test_a_file_is_a_configuration(self):
        self.assertEqual(self.vmc('small.ini', '--print-config').out, self.vmc('--config', 'small.ini', '--print-config').out)
        self.assertIn('none.ini: cannot be read', self.vmc('none.ini', code=66).err)
        for options, said in [(['small.ini', 'b.ini'], "unexpected argument 'b.ini': the configuration is already 'small.ini'"),
                              (['small.ini', '--config', 'b.ini'], "unexpected argument 'small.ini'"), (['swep'], 'did you mean vmc sweep?'),
                              (['mrege', 'a.h5', 'b.h5'], 'did you mean vmc merge?')]:
            self.assertIn(said, self.vmc(*options, code=2).err)
        self.write('merg', SMALL)  # a file of that name is no mistyped command
        self.assertEqual(self.vmc('merg', '--check').err, '')

    def test_options_that_do_not_apply(self):
        for options, said in [(['merge', 'a.h5', 'b.h5', '--check'], '--check does not apply to vmc merge; it applies to vmc FILE'),
                              (['merge', 'a.h5', 'b.h5', '--task', '3'], '--task does not apply to vmc merge; it applies to vmc FILE, vmc sweep list, vmc sweep script'),
                              (['small.ini', '--per-job', '2'], '--per-job does not apply to vmc FILE; it applies to vmc sweep script'),
                              (['sweep', 'list', 'small.ini', '--resume'], '--resume does not apply to vmc sweep list')]:
            self.assertIn(said, self.vmc(*options, code=2).err)
        self.assertIn('a.h5: cannot be read', self.vmc('-q', 'merge', 'b.h5', 'a.h5', code=66).err)  # before the command as after it
        self.assertEqual(self.files(), ['small.ini'])

    def test_help_on_commands(self):
        everything = self.vmc('help').out
        self.assertEqual(everything, self.vmc('--help').out)
        self.assertEqual(self.vmc('help', 'merge').out, self.vmc('merge', '--help').out)
        for words in (['merge'], ['sweep', 'list'], ['sweep', 'script'], ['help']):
            self.assertIn('vmc ' + ' '.join(words), everything)
            one = self.vmc('help', *words).out
            self.assertTrue(one.startswith('Usage: vmc ' + ' '.join(words)))
            self.assertLessEqual(max(map(len, one.splitlines())), 80)
        self.assertNotIn('--task', self.vmc('help', 'merge').out)
        self.assertTrue(self.vmc('help', 'rbm').out.startswith('[rbm]'))
        for word in ('sweep list FILE', 'sweep script FILE', '[sweep]'):
            self.assertIn(word, self.vmc('help', 'sweep').out)
        self.assertIn("no section 'nix'", self.vmc('help', 'nix', code=2).err)
        self.assertIn('did you mean vmc sweep', self.vmc('help', 'swep', 'list', code=2).err)
        self.vmc('help', 'merge', 'rbm', code=2)

    def test_texts(self):
        self.assertIn('--help-config', self.vmc('-h').out)
        self.assertLessEqual(max(map(len, self.vmc('--help').out.splitlines())), 80)
        version = self.vmc('-V').out
        for word in ('vmc ', 'revision', 'compiler', 'HDF5', 'GSL', 'instruction set'):
            self.assertIn(word, version)

    def test_help_config(self):
        everything = self.vmc('--help-config').out
        for word in ('[system]', '[rbm]', '[interaction]  with system.interaction = coulomb', 'particles', 'required', 'unit: ', 'auto or one of metropolis'):
            self.assertIn(word, everything)
        self.assertLessEqual(max(map(len, everything.splitlines())), 80)
        one = self.vmc('--help-config', 'system').out
        self.assertEqual(one, self.vmc('--help-config=system').out)
        self.assertTrue(one.startswith('[system]') and '[rbm]' not in one)


class Configuration(Case):
    def test_files(self):
        self.assertIn('No such file', self.vmc('--config', 'none.ini', code=66).err)
        self.assertIn('Is a directory', self.vmc('--config', '.', code=66).err)
        self.assertIn('larger than', self.vmc('--config', '/dev/zero', code=78).err)

    def test_all_mistakes_at_once(self):
        self.write('bad.ini', '[system]\nparticles : 2\nomgea = 1\n[sampler]\nwalkers = 1000\n[x]\n')
        done = self.vmc('--config', 'bad.ini', '--set', 'run.seed=-1', code=78)
        for said in ('bad.ini:2: [system] particles: `key : value`', "bad.ini:3: [system] omgea: there is no such key", "did you mean 'omega'?",
                     'bad.ini:5: [sampler] walkers:', 'take 992 or 1024', 'bad.ini:6: [x]: ', '--set: [run] seed:',
                     'bad.ini:1: [system] dimensions: missing', 'vmc: 6 mistakes'):
            self.assertIn(said, done.err)
        self.assertEqual(self.files(), ['bad.ini', 'small.ini'])

    def test_bytes_do_not_reach_the_terminal(self):
        self.write('bad.ini', b'[system]\n\x1b[31m = 1\nx\x00y = \xff\n')
        self.assertIsNone(CONTROL.search(self.vmc('--config', 'bad.ini', code=78).err))
        self.assertIsNone(CONTROL.search(self.vmc('--config', 'no\x1b[31mne.ini', code=66).err))

    def test_printed_config_reads_back(self):
        first = self.vmc('--config', 'small.ini', '--set', 'system.interaction=soft-coulomb', '--set', 'system.omega=0.1,0.30000000000000004',
                         '--print-config').out
        self.write('printed.ini', first)
        self.assertEqual(self.vmc('--config', 'printed.ini', '--print-config').out, first)
        self.assertIn('0.30000000000000004', first)

    def test_set_wins_last_and_notes_what_is_ignored(self):
        done = self.vmc('--config', 'small.ini', '-s', 'run.seed=5', '-s', 'run.seed=6', '-s', 'optimizer.beta1=0.5', '--print-config')
        self.assertIn('seed = 6', done.out)
        self.assertIn('note: --set: [optimizer] beta1: belongs to method = adam', done.err)
        self.assertEqual(self.vmc('--config', 'small.ini', '-q', '-s', 'optimizer.beta1=0.5', '--print-config').err, '')

    def test_fermions_need_an_antisymmetric_factor(self):
        for more in ([], ['--check']):
            done = self.vmc('small.ini', '-s', 'system.statistics=fermions', '-s', 'system.particles=3', *more, code=78)
            self.assertIn('[system] statistics: fermions need an antisymmetric factor', done.err)
        # two electrons with opposite spin: no exchange to be antisymmetric in
        self.assertIn('2 fermions in 2 dimensions, 1 with spin up', self.vmc('small.ini', '-s', 'system.statistics=fermions').out)
        self.assertIn('2 bosons in 2 dimensions', self.vmc('small.ini', '--force').out)

    def test_a_factor_that_would_be_1(self):
        common = ['small.ini', '--check', '-s', 'system.interaction=soft-coulomb', '-s', 'wavefunction.factors=gaussian, pade-jastrow']
        self.assertIn('[pade-jastrow] cusp = auto: this pair force has no cusp', self.vmc(*common, code=78).err)
        self.assertIn('valid', self.vmc(*common, '-s', 'pade-jastrow.cusp=0.5').out)

    def test_check(self):
        done = self.vmc('--config', 'small.ini', '--check')
        for word in ('valid', 'memory', 'results file', 'CPU time'):
            self.assertIn(word, done.out)
        estimate = json.loads(self.vmc('--config', 'small.ini', '--check', '--json').out)
        self.assertGreater(estimate['memory'], 0)
        self.assertEqual(self.files(), ['small.ini'])


class Run(Case):
    def test_summary(self):
        done = self.vmc('--config', 'small.ini')
        for label in ('energy', 'exact value', 'variance', 'kinetic energy', 'trap energy', 'virial ratio', 'acceptance', 'autocorrelation time',
                      'effective samples', 'R-hat', 'wall time', 'CPU time', 'threads', 'results'):
            self.assertRegex(done.out, rf'(?m)^{label} +\S')
        self.assertLessEqual(max(map(len, done.out.splitlines())), 80)
        self.assertIsNone(CONTROL.search(done.out + done.err))
        self.assertEqual(done.err, '')  # shorter than half a minute, and no terminal
        self.assertEqual(self.files(), ['small.h5', 'small.ini'])

    def test_observables_that_cannot_be(self):
        common = ['--config', 'small.ini', '--check', '--set', 'system.dimensions=1', '--set', 'system.interaction=none']
        done = self.vmc(*common, '--set', 'observables.kinds=density-2d, distances', code=78)
        self.assertIn('[observables] kinds: density-2d needs two or three dimensions', done.err)
        self.vmc(*common, '--set', 'observables.kinds=auto')

    def test_doubts(self):
        """Walkers of a few draws cannot vouch for their error; many draws of them can."""
        common = ['--config', 'small.ini', '--force', '--set', 'optimizer.iterations=0', '--set', 'sampler.walkers=960']
        self.assertIn('short chains', self.vmc(*common, '--set', 'measure.samples=2880').out)
        self.assertNotIn('short chains', self.vmc(*common, '--set', 'measure.samples=4e5').out)

    def test_json(self):
        def refuse(word):
            raise AssertionError(word)
        result = json.loads(self.vmc('--config', 'small.ini', '--json', '-o', 'a"\xe9\n.h5').out, parse_constant=refuse)
        self.assertEqual(result['output'], 'a"\xe9\n.h5')
        self.assertTrue({'energy', 'energy_error', 'known', 'pair', 'r_hat', 'n_samples', 'wall_time'} <= set(result))
        self.assertIsInstance(result['n_samples'], int)
        self.assertEqual(result['known'][0]['kind'], 'exact')
        raw = subprocess.run([VMC, '--config', 'small.ini', '--json', '-o', b'b\xff.h5'], cwd=self.folder, capture_output=True, check=True)
        self.assertEqual(json.loads(raw.stdout)['output'], 'b\ufffd.h5')

    def test_quiet(self):
        done = self.vmc('--config', 'small.ini', '-q')
        self.assertEqual((done.out, done.err, self.files()), ('', '', ['small.h5', 'small.ini']))

    def test_threads(self):
        self.assertRegex(self.vmc('--config', 'small.ini', '-t', '3').out, r'(?m)^threads +3$')
        for name in ('OMP_NUM_THREADS', 'SLURM_CPUS_PER_TASK'):
            self.assertIn(f'1 ({name})' if len(os.sched_getaffinity(0)) > 1 else '1 (',
                          self.vmc('--config', 'small.ini', env={name: '1,2'}).out)

    def test_complete_file_is_kept(self):
        self.vmc('--config', 'small.ini', '-o', 'x.h5')
        first = (self.folder / 'x.h5').read_bytes()
        self.assertIn('kept as x.1.h5', self.vmc('--config', 'small.ini', '-o', 'x.h5').err)
        self.assertEqual((self.folder / 'x.1.h5').read_bytes(), first)
        self.assertIn('kept as x.2.h5', self.vmc('--config', 'small.ini', '-o', 'x.h5').err)
        self.vmc('--config', 'small.ini', '-o', 'x.h5', '--force')
        self.assertEqual(self.files(), ['small.ini', 'x.1.h5', 'x.2.h5', 'x.h5'])

    def test_other_files_are_not_overwritten(self):
        self.write('notes.txt', 'precious')
        self.assertIn('--force', self.vmc('--config', 'small.ini', '-o', 'notes.txt', code=73).err)
        self.vmc('--config', 'small.ini', '-o', 'small.ini', '--force', code=73)
        self.assertEqual((self.folder / 'notes.txt').read_text(), 'precious')
        self.assertEqual((self.folder / 'small.ini').read_text(), SMALL)
        self.vmc('--config', 'small.ini', '-o', 'notes.txt', '--force')

    def test_unfinished_file_is_not_overwritten(self):
        try:
            import h5py
        except ImportError:
            self.skipTest('h5py is not installed')
        with h5py.File(self.folder / 'x.h5', 'w') as file:
            file.attrs['status'] = 'running'
        said = self.vmc('--config', 'small.ini', '-o', 'x.h5', code=73).err
        self.assertIn('--force', said)

    def test_places_that_cannot_be_written(self):
        (self.folder / 'folder').mkdir()
        for output, said in [('folder', 'it is a folder'), ('folder/', 'it is a folder'), ('none/x.h5', 'make the folder first'), ('/dev/null', 'no ordinary file'),
                             ('/proc/x.h5', 'cannot be written'), ('x' * 300 + '.h5', 'File name too long'), ('small.ini/x.h5', 'Not a directory'),
                             ('none/', 'names a folder')]:
            done = self.vmc('--config', 'small.ini', '-o', output, code=74)
            self.assertIn(said, done.err)
            self.assertEqual(done.out, '')
        self.assertEqual(self.files(), ['folder', 'small.ini'])

    def test_closed_pipe_ends_output_not_the_run(self):
        for options in ([], ['--json']):
            (self.folder / 'p.h5').unlink(missing_ok=True)
            process = subprocess.Popen([VMC, '--config', 'small.ini', '-o', 'p.h5', '--force', *options], cwd=self.folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.close()
            err = process.stderr.read()
            process.stderr.close()
            self.assertEqual((process.wait(), err), (0, b''))
            self.assertIn('p.h5', self.files())

    def test_full_device(self):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([VMC, '--config', 'small.ini'], cwd=self.folder, stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 74)
        self.assertIn(b'standard output', done.stderr)

    def test_closed_descriptors(self):
        done = subprocess.run(['sh', '-c', f'exec "{VMC}" --config small.ini <&- >&- 2>&-'], cwd=self.folder)
        self.assertEqual(done.returncode, 0)
        self.assertEqual((self.folder / 'small.h5').read_bytes()[:8], b'\x89HDF\r\n\x1a\n')

    def test_closed_standard_error(self):
        done = subprocess.run(['sh', '-c', f'exec "{VMC}" --config small.ini --progress always 2>&-'], cwd=self.folder, stdout=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0)


class Progress(Case):
    def on_terminal(self, columns, *options, env=None):
        """stderr on a terminal of so many columns; what was written there."""
        try:
            ours, theirs = pty.openpty()
        except OSError as error:  # containers without /dev/pts
            self.skipTest(f'no terminal can be opened here: {error}')
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        process = subprocess.Popen([VMC, '--config', 'small.ini', '-o', 'p.h5', '--force', *options], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=theirs, env=environment(TERM='xterm', **(env or {})))
        os.close(theirs)
        text = b''
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        os.close(ours)
        return process.wait(), text.decode()

    def test_one_updating_line_that_fits(self):
        for columns in (120, 80, 40, 20, 5):
            code, text = self.on_terminal(columns)
            self.assertEqual(code, 0)
            self.assertIn('\r', text)
            self.assertNotIn('\n', text)
            self.assertNotIn('\x1b', text)
            self.assertLess(max(map(len, text.split('\r'))), columns)
            self.assertEqual(text.split('\r')[-2].strip(), '')  # wiped at the end

    def test_never_and_quiet(self):
        self.assertEqual(self.on_terminal(80, '--progress', 'never'), (0, ''))
        self.assertEqual(self.on_terminal(80, '-q'), (0, ''))

    def test_plain_lines_where_there_is_no_terminal(self):
        done = self.vmc('--config', 'small.ini', '--progress', 'always')
        self.assertIsNone(CONTROL.search(done.err))
        self.assertRegex(done.err, r'(?m)^train \d+/5')
        self.assertRegex(done.err, r'(?m)^measuring \d+ %, \d+ of 3200 samples')

    def test_colour_only_on_terminals_that_want_it(self):
        code, text = self.on_terminal(80, '--set', 'system.particles')
        self.assertEqual(code, 2)
        self.assertIn('\x1b[', text)
        self.assertNotIn('\x1b', self.on_terminal(80, '--set', 'system.particles', env={'NO_COLOR': '1'})[1])
        self.assertNotIn('\x1b', self.vmc('--set', 'system.particles', code=2).err)


if __name__ == '__main__':
    VMC = os.path.abspath(sys.argv.pop(1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    left_out.main()
