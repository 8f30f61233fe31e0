#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/cluster.md, run one by one as they are written.

    check_cluster.py VMC ROOT [VMC_MPI MPIRUN]

Every line of a block of commands, every command of the tables and of the text, and the Python that reads the results; in a folder with the project's
configs, scripts and data. The example runs few samples. A scheduler of a few lines stands in for Slurm's sbatch, srun and scontrol (the suite `slurm` has
a real one); what installs or builds software is looked for and not run. A command that this does not know fails the test.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FEW = {'iterations': '3', 'samples': '6400'}
# Every task of the array, one after the other, with what Slurm tells it.
SBATCH = '''#!/bin/bash
tasks=$(sed -n 's/^#SBATCH --array=0-//p' "$1")
for task in $(seq 0 "${tasks:-0}"); do
    SLURM_JOB_ID=1 SLURM_CPUS_PER_TASK=1 SLURM_ARRAY_TASK_ID=$task bash "$1" || exit
done
'''
SRUN = '''#!/bin/bash
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
'''
NOT_RUN = ('sudo apt-get', 'meson ', 'scontrol show', 'pandas')
failures = []


class Place:
    def __init__(self, vmc, root, mpi):
        self.folder = Path(tempfile.mkdtemp(prefix='vmc-cluster-'))
        self.root, self.tools = Path(root), self.folder / 'bin'
        self.tools.mkdir()
        for name in ('configs', 'scripts', 'data'):
            shutil.copytree(self.root / name, self.folder / name)
        (self.tools / 'vmc').symlink_to(os.path.abspath(vmc))
        self.mpi = bool(mpi)
        if mpi:
            (self.folder / 'build' / 'src').mkdir(parents=True)
            for place in (self.tools, self.folder / 'build' / 'src'):
                (place / 'vmc-mpi').symlink_to(os.path.abspath(mpi[0]))
            (self.tools / 'mpirun').symlink_to(mpi[1])
        for name, text in (('sbatch', SBATCH), ('srun', SRUN), ('scontrol', '#!/bin/sh\n')):
            self.tool(name, text)
        plots = subprocess.run(['/usr/bin/python3', '-c', 'import h5py, matplotlib'], capture_output=True, check=False).returncode == 0
        self.plots = plots
        if plots:  # the first python3 may lack what the scripts need, which they say
            (self.tools / 'python3').symlink_to('/usr/bin/python3')
        example = self.folder / 'configs' / 'sweep_omega_hidden.ini'
        text = re.sub(r'(?m)^(\w+) = .*', lambda m: f'{m[1]} = {FEW[m[1]]}' if m[1] in FEW else m[0], example.read_text())
        assert text != example.read_text()
        example.write_text(text)
        (self.folder / 'FILE').write_text(text)
        (self.folder / 'run.ini').write_text(text[:text.index('[sweep]')])

    def tool(self, name, text):
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(self, command, codes=(0,)):
        environment = {**os.environ, 'PATH': f'{self.tools}:{os.environ["PATH"]}', 'OMP_NUM_THREADS': '1', 'MPLBACKEND': 'Agg',
                       'OMPI_ALLOW_RUN_AS_ROOT': '1', 'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1', 'OMPI_MCA_rmaps_base_oversubscribe': '1'}
        done = subprocess.run(['bash', '-c', command], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600)
        good = done.returncode in codes
        print('ok  ' if good else 'FAIL', command.replace('\n', ' ; ')[:140], flush=True)
        if not good:
            failures.append(f'{command}: exit code {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}')
        return done.stdout


def blocks(text, language):
    return re.findall(rf'(?ms)^```{language}\n(.*?)^```', text)


def command_lines(text):
    """Lines of the blocks, and commands of the text that can be run: those without an ellipsis or a name to fill in."""
    for block in blocks(text, 'sh'):
        if block.startswith('#!'):
            yield 'script', block
        else:
            yield from (('block', line.split('  #')[0].strip()) for line in block.splitlines() if line.strip())
    for quoted in re.findall(r'`((?:vmc|vmc-mpi|scripts/\w+)[^`]* [^`]*)`', re.sub(r'(?ms)^```.*?^```', '', text)):
        yield 'text', quoted


def prepare(command):
    command = re.sub(r'--task K\b', '--task 1', command).replace('--config FILE --task', '--config FILE -o k.h5 --task')
    return re.sub(r'(--config) FILE --resume', r'\1 run.ini --resume', re.sub(r'(mpi --config) FILE$', r'\1 run.ini', command))


def run_all(place, text):
    seen = 0
    for where, command in command_lines(text):
        uses_mpi = 'vmc-mpi' in command or 'mpirun' in command
        if any(word in command for word in NOT_RUN) or '…' in command:
            print('not run:', command)
            for word in re.findall(r'-D(\w+)=', command):
                assert f"'{word}'" in (place.root / 'meson_options.txt').read_text() or word == 'mpi', word
            continue
        if 'plot_sweep' in command and not place.plots:
            print('not run, no h5py or matplotlib:', command)
            continue
        if uses_mpi and not place.mpi:
            print('not run, no MPI:', command.splitlines()[0])
            continue
        if command in ('vmc --config', 'vmc merge', 'vmc-mpi sweep script') or command.startswith('scripts/slurm-cluster'):
            continue
        if where == 'script':
            (place.folder / 'mpi.sh').write_text(prepare(command))
            command = 'sbatch mpi.sh'
        place.run(prepare(command))
        seen += 1
    assert seen >= 12, f'only {seen} commands were found'


def run_python(place, text):
    for code in blocks(text, 'python'):
        names = re.findall(r'(?m)^import (\w+)', code) + (['h5netcdf'] if 'h5netcdf' in code else [])
        known = subprocess.run(['/usr/bin/python3', '-c', 'import ' + ', '.join(names)], capture_output=True, check=False).returncode == 0
        if not known:
            print('not run: not all of', ', '.join(names), 'are here')
            continue
        (place.folder / 'read.py').write_text(code)
        place.run('/usr/bin/python3 read.py')


def check_script(place):
    """The script can be executed by itself, and says where it is not run by Slurm."""
    place.run('vmc sweep script configs/sweep_omega_hidden.ini > job.sh && chmod +x job.sh')
    done = place.run('env -u SLURM_ARRAY_TASK_ID ./job.sh 2>&1; test $? -ne 0')
    if 'sbatch' not in done:
        failures.append(f'the script outside of Slurm says: {done}')


def main(vmc, root, *mpi):
    place = Place(vmc, root, mpi)
    text = (place.root / 'docs' / 'cluster.md').read_text(encoding='utf-8')
    run_all(place, text)
    run_python(place, text)
    check_script(place)
    for name in ('omega_hidden.h5', 'omega_hidden.csv') + (('omega_hidden.png',) if place.plots else ()):
        if not (place.folder / name).exists():
            failures.append(f'{name} was not made')
    shutil.rmtree(place.folder)
    print('\n'.join(failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
