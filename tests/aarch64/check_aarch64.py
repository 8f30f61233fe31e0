#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds vmc for aarch64 (NEON: two doubles per register, fused multiply-add), runs it with qemu, and compares bits.

    check_aarch64.py VMC SOURCE [ROOT]

VMC is the program of this machine, ROOT what scripts/aarch64-root made (or $AARCH64_ROOT). Configurations that call no
BLAS, training by adam and runs at fixed parameters, must give every number as on this machine, to the last bit, but
for what GSL computed: error bars (the quantiles of Student's distribution) and what comes from Fourier transforms
(autocorrelation times), where GSL itself was compiled with other rounding; those agree to 1e-9 of their size. Where a compiler, qemu or ROOT is missing the test is skipped (exit 77) and says which.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SMALL = ['-q', '-t', '1', '--force', '-s', 'measure.samples=20000', '-s', 'sampler.walkers=64', '-s', 'sampler.burn_in=20']
ADAM = ['-s', 'optimizer.method=adam', '-s', 'optimizer.iterations=6', '-s', 'optimizer.samples=1024']
FIXED = ['-s', 'optimizer.iterations=0']
RUNS = [('twoparticles', ADAM), ('twoparticles_metropolis', ADAM), ('twoparticles_jastrow', ADAM),
        ('twoparticles_gibbs', FIXED), ('hardcore_10', FIXED), ('dot_6', FIXED)]
# what depends on the machine, the clock or the place
OTHERWISE = ('provenance', 'time', 'seconds', 'created', 'modified', 'digest', 'config')


def skip(reason):
    print('skipped: ' + reason)
    sys.exit(77)


def build(source, root, folder):
    libraries = root / 'usr/lib/aarch64-linux-gnu'
    cross = folder / 'cross.ini'
    cross.write_text("""[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '{root}']
[properties]
sys_root = '{root}'
pkg_config_libdir = '{lib}/pkgconfig:{lib}/openblas-pthread/pkgconfig'
[built-in options]
c_args = ['--sysroot={root}']
c_link_args = ['--sysroot={root}', '-L{lib}/openblas-pthread', '-L{lib}/hdf5/serial', '-Wl,-rpath-link,{lib}:{lib}/openblas-pthread:{lib}/hdf5/serial']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8-a'
endian = 'little'
""".format(root=root, lib=libraries))
    subprocess.run(['meson', 'setup', str(folder / 'build'), str(source), '--cross-file', str(cross), '-Dtests=false', '-Dmpi=disabled'],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(['ninja', '-C', str(folder / 'build'), 'src/vmc'], check=True, stdout=subprocess.DEVNULL)
    paths = '%s:%s/openblas-pthread:%s/hdf5/serial' % (folder / 'build/src', libraries, libraries)
    return ['qemu-aarch64', '-L', str(root), '-E', 'LD_LIBRARY_PATH=' + paths, str(folder / 'build/src/vmc')]


def numbers(path):
    import h5py
    found = {}

    def visit(name, thing):
        if isinstance(thing, h5py.Dataset) and thing.dtype.kind in 'iuf' and not any(word in name for word in OTHERWISE):
            found[name] = thing[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def by_gsl(name):
    last = name.rsplit('/', 1)[-1]
    return last.endswith('error') or 'autocorrelation' in last or last in ('effective_samples', 'r_hat', 'worst_distance')


def same(name, here, there):
    import numpy
    if here is None or there is None or here.tobytes() == there.tobytes():
        return here is not None and there is not None
    return by_gsl(name) and numpy.allclose(here, there, rtol=1e-9, atol=0, equal_nan=True)


def main():
    vmc, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    root = sys.argv[3] if len(sys.argv) > 3 else os.environ.get('AARCH64_ROOT', '')
    for program in ('aarch64-linux-gnu-gcc', 'qemu-aarch64'):
        if not shutil.which(program):
            skip('there is no ' + program)
    if not root or not pathlib.Path(root, 'usr/include').is_dir():
        skip('$AARCH64_ROOT names no folder that scripts/aarch64-root made')
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        foreign = build(source, pathlib.Path(root).resolve(), folder)
        for config, settings in RUNS:
            files = []
            for program in ([str(vmc)], foreign):
                files.append(folder / ('%s-%d.h5' % (config, len(files))))
                subprocess.run(program + [str(source / 'configs' / (config + '.ini')), '-o', str(files[-1])] + SMALL + settings, check=True,
                               stdout=subprocess.DEVNULL)
            here, there = map(numbers, files)
            names = here.keys() | there.keys()
            differ = sorted(name for name in names if not same(name, here.get(name), there.get(name)))
            bits = sum(name in here and name in there and here[name].tobytes() == there[name].tobytes() for name in names)
            wrong += bool(differ) or len(here) < 20
            print('%-24s %-22s %4d data sets, %d to the bit; %d differ %s' % (config, settings[1], len(here), bits, len(differ), differ))
    sys.exit(1 if wrong else 0)


main()
