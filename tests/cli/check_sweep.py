#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sweeps and merging as a user meets them.

    check_sweep.py path/to/vmc [all] [unittest options]

With `all` every case, and what takes long.
"""
import configparser
import csv
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'support'))
import left_out  # noqa: E402

try:
    import h5py
    import numpy
except ImportError:
    h5py = None

VMC, ALL = '', False
SWEEP = '''\
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
[sweep]
system.omega = 0.5 | 1
rbm.hidden = 1:3:3
'''
QUICK = SWEEP.replace('iterations = 5', 'iterations = 5\nstarts = 1').replace('[sweep]', '[observables]\nkinds = none\n[sweep]')
CONTROL = re.compile(r'[\x00-\x08\x0b-\x1f\x7f]')
POINTS = [f's-{k:04}.h5' for k in range(6)]


def environment(**more):
    keep = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'OMP_NUM_THREADS', 'SLURM_CPUS_PER_TASK')}
    return {**keep, **more}


SERIES = ('local_energy', 'kinetic', 'kinetic_gradient', 'trap', 'pair', 'virial')  # of the run's own file alone


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / 's.ini').write_text(QUICK)

    def vmc(self, *options, code=0, env={'OMP_NUM_THREADS': '1'}, prefix=()):
        done = subprocess.run([*prefix, VMC, *options], cwd=self.folder, capture_output=True, text=True, timeout=300, env=environment(**env))
        self.assertEqual(done.returncode, code, f'{options}\n{done.stdout}\n{done.stderr}')
        return done

    def files(self, pattern='*.h5'):
        return sorted(p.name for p in self.folder.glob(pattern))

    def damage(self, name):
        path = self.folder / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


class Sweep(Case):
    def test_all_points_then_none(self):
        first = self.vmc('--config', 's.ini', '--progress', 'always')
        self.assertEqual(self.files(), POINTS)
        self.assertRegex(first.stdout, r'point  omega  hidden  energy +variance +wall time +verdict +status\n0      0\.5    1 ')
        self.assertEqual(first.stdout.count(' done\n'), 6)
        for k in range(1, 7):
            self.assertRegex(first.stderr, rf'(?m)^point {k}/6(, .* left)?  train \d+/5')
        self.assertIsNone(CONTROL.search(first.stdout + first.stderr))
        before = {name: (self.folder / name).read_bytes() for name in POINTS}
        again = self.vmc('--config', 's.ini')
        self.assertIn('skipped 6 points already complete: 0-5', again.stderr)
        self.assertEqual(again.stdout.count(' already complete\n'), 6)
        self.assertEqual(before, {name: (self.folder / name).read_bytes() for name in self.files()})

    def test_task(self):
        self.vmc('--config', 's.ini', '--task', '4')
        self.assertEqual(self.files(), ['s-0004.h5'])
        self.vmc('--config', 's.ini', '--task', '1-2', '-o', 'out.h5')
        self.assertEqual(self.files(), ['out-0001.h5', 'out-0002.h5', 's-0004.h5'])
        for task, said in [('6', 'no point 6; the sweep in s.ini has 6 points, from 0 to 5'), ('4-6', 'no point 6'), ('2-1', 'ends before it starts'),
                           ('x', 'not a number'), ('1-', 'has no value'), ('-1', 'has no value')]:
            self.assertIn(said, self.vmc('--config', 's.ini', f'--task={task}', code=2).stderr)
        (self.folder / 'one.ini').write_text(QUICK[:QUICK.index('[sweep]')])
        self.assertIn('no [sweep] section', self.vmc('--config', 'one.ini', '--task', '0', code=2).stderr)

    def test_a_point_is_the_run_it_stands_for(self):
        self.vmc('--config', 's.ini', '--task', '4')
        (self.folder / 'p.ini').write_text(self.vmc('--config', 's.ini', '--task', '4', '--print-config').stdout)
        self.vmc('--config', 'p.ini')
        self.assertIn('choose a point with --task K', self.vmc('--config', 's.ini', '--print-config', code=2).stderr)
        if h5py is None:
            self.skipTest('h5py is not installed')
        with h5py.File(self.folder / 's-0004.h5') as a, h5py.File(self.folder / 'p.h5') as b:
            self.assertEqual(a['/config/resolved'][()], b['/config/resolved'][()])
            self.assertEqual((a['/config/system/omega'][()], a['/config/rbm/hidden'][()], a['/config/run/seed'][()]), (1, 2, 5))
            self.assertEqual(a['/result/energy'][()], b['/result/energy'][()])
            self.assertTrue(numpy.array_equal(a['/measurement/energy'][()], b['/measurement/energy'][()]))

    def test_broken_points_are_done_again(self):
        self.vmc('--config', 's.ini')
        self.damage('s-0002.h5')
        os.truncate(self.folder / 's-0003.h5', 100)
        (self.folder / 's-0005.h5').unlink()
        self.assertEqual(re.findall(r'(to do|damaged|complete)$', self.vmc('sweep', 'list', 's.ini').stdout, re.M),
                         ['complete', 'complete', 'damaged', 'damaged', 'complete', 'to do'])
        done = self.vmc('--config', 's.ini')
        self.assertIn('s-0002.h5: damaged', done.stderr)
        self.assertIn('skipped 3 points already complete: 0-1, 4', done.stderr)
        self.assertEqual(done.stdout.count(' done\n'), 3)
        self.assertEqual(self.files(), POINTS)

    def test_another_config_is_refused(self):
        self.vmc('--config', 's.ini', '--task', '0-1')
        done = self.vmc('--config', 's.ini', '--task', '0-2', '--set', 'sampler.thin=2', code=78)
        self.assertIn("s-0000.h5: [sampler] thin was '1' and is now '2'", done.stderr)
        self.assertIn('2 of 3 points failed', done.stderr)
        self.assertEqual(self.files(), POINTS[:3])  # the third was free
        self.vmc('--config', 's.ini', '--task', '0-1', '--set', 'run.checkpoint_interval=5')
        self.assertIn(' other config\n', self.vmc('sweep', 'list', 's.ini', '-s', 'sampler.thin=2').stdout)
        self.vmc('--config', 's.ini', '--task', '0-1', '--set', 'sampler.thin=2', '--force')

    def test_a_stopped_sweep_goes_on(self):
        (self.folder / 'whole').mkdir()
        more = ('--set', 'measure.samples=1000000', '--set', 'optimizer.iterations=1')
        self.vmc('--config', 's.ini', *more, '--task', '0-1', '-t', '1', '-o', 'whole/s.h5')
        stop = self.vmc('--config', 's.ini', *more, '--task', '0-1', '-t', '1', '--json', '--max-time', '0.02s', code=75)
        self.assertIn('the same command continues it', stop.stderr)
        self.assertEqual([p['status'] for p in json.loads(stop.stdout)], ['stopped', 'not run'])
        self.assertIn('unfinished', self.vmc('sweep', 'list', 's.ini', *more).stdout)
        self.vmc('--config', 's.ini', *more, '--task', '0-1')
        if h5py is None:
            self.skipTest('h5py is not installed')
        for name in ('s-0000.h5', 's-0001.h5'):
            with h5py.File(self.folder / name) as a, h5py.File(self.folder / 'whole' / name) as b:
                self.assertTrue(numpy.array_equal(a['/measurement/energy'][()], b['/measurement/energy'][()]))

    def test_one_failure_does_not_keep_the_others(self):
        (self.folder / 's-0001.h5').mkdir()
        done = self.vmc('--config', 's.ini', '--json', code=74)
        self.assertEqual([p['status'] for p in json.loads(done.stdout)], ['complete', 'failed'] + 4 * ['not run'])  # cannot write: the end
        self.assertIn('1 of 6 points failed', done.stderr)

    def test_json(self):
        points = json.loads(self.vmc('--config', 's.ini', '--json').stdout)
        self.assertEqual([p['point'] for p in points], list(range(6)))
        self.assertEqual(points[4]['values'], {'system.omega': 1, 'rbm.hidden': 2})
        self.assertTrue(all(p['status'] == 'complete' and p['energy_error'] > 0 and p['pair'] == 0 for p in points))
        self.assertEqual(points, json.loads(self.vmc('--config', 's.ini', '--json', '-q').stdout))
        self.assertEqual(points[2:3], json.loads(self.vmc('--config', 's.ini', '--json', '--task', '2').stdout))
        listed = json.loads(self.vmc('sweep', 'list', 's.ini', '--json').stdout)
        self.assertEqual([(p['output'], p['status']) for p in listed], [(name, 'complete') for name in POINTS])

    def test_side_by_side(self):
        """The same results as one after the other; a failure of one point is told and keeps nobody else; a wish to stop comes to all."""
        keys = ('energy', 'energy_error', 'variance', 'point', 'values', 'status')
        first = [{key: p[key] for key in keys} for p in json.loads(self.vmc('--config', 's.ini', '--json').stdout)]
        kept = (self.folder / POINTS[3]).read_bytes()
        for name in POINTS[:3] + POINTS[4:]:
            (self.folder / name).unlink()
        done = self.vmc('--config', 's.ini', '--json', '--jobs', '3')
        self.assertEqual([{key: p[key] for key in keys} for p in json.loads(done.stdout)], first)
        self.assertEqual((self.folder / POINTS[3]).read_bytes(), kept)
        self.assertIn('skipped 1 point already complete: 3', done.stderr)
        for name in POINTS:
            (self.folder / name).unlink()
        (self.folder / POINTS[1]).mkdir()  # cannot be written
        done = self.vmc('--config', 's.ini', '--json', '-j', '2', code=74)
        self.assertEqual(json.loads(done.stdout)[1]['status'], 'failed')
        self.assertIn('point 1 (', done.stderr)
        (self.folder / POINTS[1]).rmdir()
        process = subprocess.Popen([VMC, '--config', 's.ini', '--force', '-j', '2', '--set', 'measure.samples=1e10'], cwd=self.folder, text=True,
                                   env=environment(OMP_NUM_THREADS='1'), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while len(self.files('*.lock')) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        out, notes = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 75, notes)
        self.assertEqual(out.count(' stopped'), 2, out)
        self.assertEqual(notes.count('stopping and saving'), 1, notes)
        (self.folder / 'one.ini').write_text('[system]\nparticles = 1\ndimensions = 1\n')
        self.assertIn('no [sweep] section', self.vmc('--config', 'one.ini', '--jobs', '2', code=2).stderr)

    def test_check(self):
        done = self.vmc('--config', 's.ini', '--check')
        self.assertIn('all 6 points are valid', done.stdout)
        self.assertEqual(len(json.loads(self.vmc('--config', 's.ini', '--check', '--json', '--task', '1-2').stdout)), 2)
        self.assertEqual(self.files(), [])

    def test_the_example(self):
        example = Path(__file__).resolve().parents[2] / 'configs' / 'sweep_omega_hidden.ini'
        points = json.loads(self.vmc('sweep', 'list', str(example), '--json').stdout)
        self.assertEqual(len(points), 16)
        self.assertEqual(points[6]['values'], {'system.omega': 0.5, 'rbm.hidden': 4})
        if ALL:
            self.assertIn('all 16 points are valid', self.vmc('--config', str(example), '--check').stdout)

    def test_mistakes(self):
        (self.folder / 'bad.ini').write_text('[system]\nparticles : 2\ndimensions = 2\n[sweep]\nsystem.omgea = 1 | 2\nrbm.hidden = 1 | x\n')
        for command in (['--config', 'bad.ini'], ['sweep', 'list', 'bad.ini'], ['sweep', 'script', 'bad.ini'], ['--config', 'bad.ini', '--task', '0']):
            done = self.vmc(*command, code=78)
            for said in ('bad.ini:2: [system] particles: `key : value`', 'bad.ini:5: [system] omgea: there is no such key', "did you mean 'omega'?",
                         "bad.ini:6: [rbm] hidden: 'x' is not a number"):
                self.assertIn(said, done.stderr)
        for options, said in [(['sweep'], 'vmc sweep list FILE'), (['sweep', 'lst', 's.ini'], 'vmc sweep list FILE'), (['sweep', 'list'], 'which sweep?'),
                              (['sweep', 'list', 's.ini', 'x.ini'], 'the configuration is already'), (['swep', 'list', 's.ini'], 'did you mean vmc sweep?'),
                              (['--config', 's.ini', '--per-job', '2'], 'applies to vmc sweep script'), (['sweep', 'script', 's.ini', '--time', '2h'], 'not a time limit'),
                              (['sweep', 'script', 's.ini', '--per-job', '0'], 'out of range'), (['merge'], 'nothing to merge'), (['merge', 'a.h5'], 'nothing to merge')]:
            self.assertIn(said, self.vmc(*options, code=2).stderr)
        self.assertEqual(self.vmc('sweep', 'list', 'none.ini', code=66).stdout, '')
        self.assertIn('start:stop:count', self.vmc('--help-config', 'sweep').stdout)


class Script(Case):
    def array_of(self, script):
        """Runs the script for every index of its array with the scheduler's commands replaced; what they were called with."""
        (self.folder / 'bin').mkdir(exist_ok=True)
        for name, body in (('srun', 'shift\nexec "$@"\n'), ('scontrol', 'echo "$@" >> requeued\n')):
            (self.folder / 'bin' / name).write_text('#!/bin/sh\n' + body)
            (self.folder / 'bin' / name).chmod(0o755)
        (self.folder / 'job.sh').write_text(script)
        last = int(re.search(r'(?m)^#SBATCH --array=0-(\d+)$', script)[1])
        for k in range(last + 1):
            done = subprocess.run(['bash', 'job.sh'], cwd=self.folder, capture_output=True, text=True, env=environment(
                PATH=f'{self.folder}/bin:' + os.environ['PATH'], SLURM_ARRAY_TASK_ID=str(k), SLURM_CPUS_PER_TASK='1', SLURM_JOB_ID=str(100 + k)))
            self.assertEqual(done.returncode, 0, done.stderr)
        return last + 1

    def test_runs_every_point_once(self):
        cases = [(['--task', '4-5'], 2, POINTS[4:]), (['--per-job', '4'], 2, POINTS), ([], 6, POINTS), (['--per-job', '2', '--task', '1-5'], 3, POINTS[1:])]
        for options, jobs, points in cases[:4 if ALL else 2]:
            script = self.vmc('sweep', 'script', 's.ini', *options).stdout
            self.assertEqual(self.array_of(script), jobs)
            self.assertEqual(self.files(), points)
            for name in self.files():
                (self.folder / name).unlink()

    def test_contents(self):
        script = self.vmc('sweep', 'script', 's.ini', '--time', '2-12', '-t', '4', '-s', "wavefunction.load=it's $HOME").stdout
        for line in ('#SBATCH --time=2-12', '#SBATCH --cpus-per-task=4', '#SBATCH --signal=USR1@60', '#SBATCH --requeue', '#SBATCH --array=0-5'):
            self.assertIn(line + '\n', script)
        self.assertIn(r"""--set 'wavefunction.load=it'\''s $HOME'""", script)

    @unittest.skipUnless(shutil.which('shellcheck'), 'there is no shellcheck')
    def test_shellcheck(self):
        for options in ([], ['--per-job', '3']):
            script = self.vmc('sweep', 'script', 's.ini', *options).stdout
            done = subprocess.run(['shellcheck', '-'], input=script, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_queues_again_when_stopped(self):
        script = self.vmc('sweep', 'script', 's.ini', '--task', '0').stdout
        script = re.sub(r'(?m)^srun (.|\\\n)*?\n(?=status)', '(exit 75)\n', script)
        self.array_of(script)
        self.assertEqual((self.folder / 'requeued').read_text(), 'requeue 100\n')


@unittest.skipIf(h5py is None, 'h5py is not installed')
class Merge(Case):
    @classmethod
    def setUpClass(cls):
        """One sweep for all: every test works on copies."""
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.done = Path(folder.name)
        (cls.done / 's.ini').write_text(SWEEP)  # with all that is observed
        subprocess.run([VMC, '--config', 's.ini', '-q'], cwd=cls.done, check=True, timeout=300, env=environment(OMP_NUM_THREADS='1'))

    def setUp(self):
        super().setUp()
        for name in POINTS:
            shutil.copyfile(self.done / name, self.folder / name)

    def test_everything_is_there(self):
        done = self.vmc('merge', 'all.h5', *POINTS)
        self.assertIn('6 runs in all.h5 and all.csv', done.stderr)
        with h5py.File(self.folder / 'all.h5') as merged:
            self.assertEqual(merged.attrs['status'], 'complete')
            for k, name in list(enumerate(POINTS))[:: 1 if ALL else 3]:
                with h5py.File(self.folder / name) as single:
                    self.same(single, merged[f'runs/{k:04}'])
            table = merged['table']
            self.assertEqual(table['system.omega'][()].tolist(), [0.5, 0.5, 0.5, 1, 1, 1])
            self.assertEqual(table['rbm.hidden'][()].tolist(), [1, 2, 3, 1, 2, 3])
            self.assertEqual(table['run.seed'][()].tolist(), [1, 2, 3, 4, 5, 6])
            self.assertEqual(table['energy'].dims[0][0].name, '/table/run')
            self.assertEqual(table['energy'].attrs['units'], 'hbar omega_0')
            energies = table['energy'][()].tolist()
        with open(self.folder / 'all.csv', newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0])[:8], ['run', 'file', 'status', 'verdict', 'system.omega', 'rbm.hidden', 'run.seed', 'energy'])
        self.assertTrue(all(row['verdict'] in ('good', 'doubtful', 'bad') for row in rows))
        self.assertEqual([float(row['energy']) for row in rows], energies)
        self.assertEqual([row['rbm.hidden'] for row in rows], ['1', '2', '3', '1', '2', '3'])

    def test_settings_of_points(self):
        """What a point's file keeps of its configuration: the text of the sweep, with this point's values, beside every default."""
        for k, (omega, hidden) in enumerate(itertools.product((0.5, 1), (1, 2, 3))):
            with h5py.File(self.folder / POINTS[k]) as file:
                resolved = configparser.ConfigParser(inline_comment_prefixes=None, interpolation=None)
                resolved.read_string(file['config/resolved'].asstr()[()])
                given = configparser.ConfigParser()
                given.read_string(SWEEP[:SWEEP.index('[sweep]')] + f'[rbm]\nhidden = {hidden}\n[run]\nseed = {1 + k}\n')
                given['system']['omega'] = f'{omega:g}'
                for section in given.sections():
                    for key, value in given[section].items():
                        self.assertEqual(resolved[section][key].split(' ;')[0].strip(), value)
                self.assertEqual(set(resolved.sections()), {name for name in file['config'] if name not in ('text', 'resolved')})
                n = 0
                for section in resolved.sections():
                    self.assertEqual(set(resolved[section]), set(file['config'][section]))
                    for key, line in resolved[section].items():
                        value, _, unit = (part.strip() for part in line.partition(' ;'))
                        item = file['config'][section][key]
                        self.assertEqual((item.attrs['text'], item.attrs.get('setting', value)), (value, value), key)
                        if unit:
                            self.assertEqual(item.attrs['units'], unit)
                        if item.dtype.kind in 'if' and value not in ('auto', 'yes', 'no'):
                            self.assertEqual(item[()], float(value), key)
                            n += 1
                        elif item.dtype.kind == 'O':
                            self.assertEqual(item.asstr()[()], value)
                self.assertGreater(n, 20)

    def test_table_is_the_runs(self):
        """Every column of the table, in both files, from the files of the points."""
        self.vmc('merge', 'all.h5', *reversed(POINTS))
        runs = [h5py.File(self.folder / name) for name in POINTS]
        for run in runs:
            self.addCleanup(run.close)
        with open(self.folder / 'all.csv', newline='') as file:
            rows = list(csv.DictReader(file))
        with h5py.File(self.folder / 'all.h5') as merged:
            table = merged['table']
            self.assertEqual(list(rows[0]), list(table))
            self.assertEqual([name for name in runs[0]['result'] if name not in ('verdict', 'training_stop')], list(table)[7:])
            order = [POINTS.index(name) for name in table['file'].asstr()[()]]
            for name, column in table.items():
                if name == 'run':
                    right = list(range(6))
                elif name in ('file', 'status', 'verdict'):
                    right = [{'file': POINTS[k], 'status': runs[k].attrs['status'], 'verdict': runs[k]['result/verdict'].asstr()[()]}[name] for k in order]
                    self.assertEqual(column.asstr()[()].tolist(), right)
                else:
                    paths = 'config/' + name.replace('.', '/') if '.' in name else 'result/' + name
                    right = [runs[k][paths][()] for k in order]
                    numpy.testing.assert_array_equal(column[()], right, name)
                    self.assertEqual((column.attrs['units'], column.attrs['long_name']), (runs[0][paths].attrs['units'], runs[0][paths].attrs['long_name']))
                written = [row[name] for row in rows]
                if isinstance(right[0], str):
                    self.assertEqual(written, right)
                else:
                    numpy.testing.assert_array_equal([float(word or 'nan') for word in written], right, name)
            for k, position in zip(order, range(6)):
                own = merged[f'runs/{position:04}'].attrs
                self.assertEqual((own['file'], own['digest'], own['created']), (POINTS[k], runs[k].attrs['digest'], runs[k].attrs['created']))

    def same(self, single, copy):
        for name in single.attrs:
            self.assertEqual(single.attrs[name], copy.attrs[name])

        def visit(name, old):
            if name.startswith('checkpoint') or name.startswith('measurement/') and name.split('/')[1] in SERIES:
                self.assertNotIn(name, copy)
                return
            new = copy[name]
            self.assertEqual(set(old.attrs), set(new.attrs), name)
            if not isinstance(old, h5py.Dataset):
                return
            self.assertEqual((old.dtype, old.shape, old.chunks, old.fletcher32), (new.dtype, new.shape, new.chunks, new.fletcher32), name)
            a, b = old[()], new[()]
            self.assertTrue(numpy.array_equal(a, b, equal_nan=True) if old.dtype.kind == 'f' else numpy.all(a == b), name)
            for d in range(old.ndim):
                if 'DIMENSION_LIST' in old.attrs:
                    self.assertEqual(new.dims[d][0].name, copy.name + old.dims[d][0].name)
        single.visititems(visit)

    def test_copies_and_no_links(self):
        self.vmc('merge', 'all.h5', *POINTS[:4])
        for name in POINTS:
            (self.folder / name).unlink()
        with h5py.File(self.folder / 'all.h5') as merged:
            seen = []

            def walk(group):
                for name in group:
                    self.assertIsInstance(group.get(name, getlink=True), h5py.HardLink, name)
                    item = group[name]
                    seen.append(name)
                    if isinstance(item, h5py.Group):
                        walk(item)
                    else:
                        self.assertFalse(item.is_virtual or item.external, name)
            walk(merged if ALL else merged['runs/0003'])
            self.assertGreater(len(seen), 150)
            self.assertTrue(numpy.isfinite(merged['runs/0003/measurement/energy'][()]).all())

    def test_it_is_sealed(self):
        self.vmc('merge', 'all.h5', *POINTS[:2])
        self.assertIn(b'\nsealed siphash-2-4-128:', (self.folder / 'all.h5').read_bytes()[-64:])
        self.assertIn('itself merged', self.vmc('merge', 'b.h5', 'all.h5', code=66).stderr)  # read, hence in order
        self.damage('all.h5')
        self.assertIn('all.h5: damaged', self.vmc('merge', 'b.h5', 'all.h5', code=65).stderr)

    def test_its_digest_is_that_of_the_whole_file(self):
        """The digest is made by parts, and without the seal it is checked in one piece."""
        self.vmc('merge', 'all.h5', *POINTS[:3])
        whole = (self.folder / 'all.h5').read_bytes()
        (self.folder / 'all.h5').write_bytes(whole[:-64])
        self.assertIn('itself merged', self.vmc('merge', 'b.h5', 'all.h5', code=66).stderr)
        with h5py.File(self.folder / 'all.h5', 'r+') as file:
            file['runs/0001/result/energy'][()] += 1e-9
        self.assertIn('digest', self.vmc('merge', 'b.h5', 'all.h5', code=65).stderr)

    def test_memory_stays_bounded(self):
        """The most that was in memory: 60 inputs more may take 100 KB each, a tenth of what one of them is."""
        def most(n):
            inputs = [f'copy-{k}.h5' for k in range(n)]
            for name in inputs:
                shutil.copyfile(self.done / POINTS[0], self.folder / name)
            child = os.posix_spawn(VMC, [VMC, 'merge', str(self.folder / 'all.h5'), *(str(self.folder / name) for name in inputs), '-q'], os.environ)
            _, status, used = os.wait4(child, 0)
            self.assertEqual(status, 0)
            return 1024 * used.ru_maxrss
        self.assertLess((most(80) - most(20)) / 60, 1e5)

    def test_damaged_inputs_are_all_named(self):
        self.damage('s-0001.h5')
        os.truncate(self.folder / 's-0004.h5', 4000)
        done = self.vmc('merge', 'all.h5', *POINTS, code=65)
        self.assertIn('s-0001.h5: damaged', done.stderr)
        self.assertIn('s-0004.h5: ', done.stderr)
        self.assertEqual(self.files() + self.files('*.csv'), POINTS)
        self.vmc('merge', 'all.h5', 's-0000.h5', 'none.h5', code=66)

    def test_unfinished_inputs_are_listed(self):
        (self.folder / 'l.ini').write_text(SWEEP)
        long = ('--config', 'l.ini', '--task', '0', '--set', 'measure.samples=400000000')
        self.vmc(*long, '--max-time', '0.1s', code=75)
        done = self.vmc('merge', 'all.h5', 'l-0000.h5', *POINTS[1:3])
        self.assertIn('l-0000.h5: unfinished (status: stopped)', done.stderr)
        self.assertIn('not all of them complete', done.stderr)
        with open(self.folder / 'all.csv', newline='') as file:
            self.assertEqual([row['status'] for row in csv.DictReader(file)], ['stopped'] + 2 * ['complete'])
        with h5py.File(self.folder / 'all.h5') as merged, h5py.File(self.folder / 'l-0000.h5') as single:
            self.assertEqual(merged.attrs['status'], 'stopped')
            self.same(single, merged['runs/0000'])

    def test_files_changed_by_hand(self):
        with h5py.File(self.folder / 's-0002.h5', 'r+') as file:
            file.attrs['status'] = 'stopped'
        done = self.vmc('merge', 'all.h5', *POINTS, code=65)
        self.assertIn('does not agree with its digest', done.stderr)

    def test_what_is_there_is_not_overwritten(self):
        before = (self.folder / 's-0000.h5').read_bytes()
        self.assertIn('the output comes first', self.vmc('merge', *POINTS, code=73).stderr)
        self.assertEqual((self.folder / 's-0000.h5').read_bytes(), before)
        (self.folder / 'all.csv').write_text('precious')
        self.vmc('merge', 'all.h5', *POINTS, code=73)
        (self.folder / 'all.csv').unlink()
        self.vmc('merge', 'all.h5', *POINTS[:2])
        self.assertIn('all.h5 is the output itself', self.vmc('merge', 'all.h5', 'all.h5', *POINTS[:3]).stderr)
        with h5py.File(self.folder / 'all.h5') as merged:
            self.assertEqual(len(merged['runs']), 3)
        self.assertIn('given twice', self.vmc('merge', 'all.h5', 's-0000.h5', './s-0000.h5', code=2).stderr)
        self.assertIn('name the HDF5 file', self.vmc('merge', 'x.csv', 's-0000.h5', code=2).stderr)
        self.vmc('merge', 'none/all.h5', 's-0000.h5', code=74)
        self.assertEqual(self.files('*.tmp.*'), [])

    def test_runs_of_several_configurations(self):
        (self.folder / 'g.ini').write_text(SWEEP[:SWEEP.index('[sweep]')] + '[wavefunction]\nfactors = gaussian\n')
        self.vmc('--config', 'g.ini', '-q')
        self.vmc('merge', 'all.h5', 'g.h5', *POINTS[:2])
        with open(self.folder / 'all.csv', newline='') as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row['wavefunction.factors'] for row in rows], ['gaussian', 'rbm', 'rbm'])
        self.assertEqual([row['rbm.hidden'] for row in rows], ['', '1', '2'])
        with h5py.File(self.folder / 'all.h5') as merged:
            self.assertTrue(numpy.isnan(merged['table/rbm.hidden'][0]))
            self.assertEqual(merged['table/wavefunction.factors'].asstr()[0], 'gaussian')


class Threads(Case):
    def summary(self, prefix=(), **env):
        return re.search(r'(?m)^threads +(.*)$', self.vmc('--config', 'one.ini', '--force', env=env, prefix=prefix).stdout)[1]

    def setUp(self):
        super().setUp()
        (self.folder / 'one.ini').write_text(QUICK[:QUICK.index('[sweep]')])

    def test_affinity(self):
        cpu = min(os.sched_getaffinity(0))
        self.assertEqual(self.summary(prefix=('taskset', '-c', str(cpu))), '1 (processors this process may use)')

    def test_environment(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest('one processor only')
        self.assertEqual(self.summary(SLURM_CPUS_PER_TASK='1'), '1 (SLURM_CPUS_PER_TASK)')
        self.assertEqual(self.summary(OMP_NUM_THREADS='1'), '1 (OMP_NUM_THREADS)')
        self.assertEqual(self.summary(SLURM_CPUS_PER_TASK='x', OMP_NUM_THREADS=''), self.summary())

    def test_quota(self):
        """The share of processors that a control group allows, where this process may make groups (version 2)."""
        group = Path('/sys/fs/cgroup') / f'vmc-test-{os.getpid()}'
        try:
            group.mkdir()
        except OSError as reason:
            self.skipTest(f'no control groups to be made here: {reason}')
        self.addCleanup(group.rmdir)
        if not (group / 'cpu.max').exists():
            self.skipTest('no processor shares for control groups here')
        (group / 'cpu.max').write_text('100000 100000')
        inside = ('sh', '-c', f'echo $$ > {group}/cgroup.procs && exec "$@"', 'sh')
        self.assertEqual(self.summary(prefix=inside), "1 (the control group's share of processors)")


if __name__ == '__main__':
    VMC = os.path.abspath(sys.argv.pop(1))
    ALL = sys.argv[1:2] == ['all']
    if ALL:
        sys.argv.pop(1)
    else:
        del Merge.test_memory_stays_bounded  # takes long
    left_out.main()
