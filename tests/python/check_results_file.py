#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a results file as users do: h5py, and xarray with both of its HDF5 engines, without glue code.

    check_results_file.py FILE
    check_results_file.py VMC CONFIG      # of a run made for it

Needs h5py, xarray, h5netcdf and netCDF4 (without them: exit 77, skipped). Exit 0 when every check holds, 1 with the reasons otherwise.
"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import h5py
    import h5netcdf  # noqa: F401
    import netCDF4  # noqa: F401
    import numpy
    import xarray
except ImportError as reason:
    print(f"skipped: {reason}")
    sys.exit(77)

# Units that make xarray take a number for a time span.
TIME_WORDS = {"days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"}
faults = []


def check(good, text):
    if not good:
        faults.append(text)


def is_text(dataset):
    return h5py.check_string_dtype(dataset.dtype) is not None


def check_dataset(path, dataset):
    """Units, description, axes and checksums of one data set."""
    check("long_name" in dataset.attrs, f"{path}: no long_name")
    if is_text(dataset):
        kind = h5py.check_string_dtype(dataset.dtype)
        check(kind.length is None and kind.encoding == "utf-8", f"{path}: not a variable-length UTF-8 string")
        numpy.asarray(dataset.asstr()[()])
    else:
        check(dataset.dtype.kind in "iuf", f"{path}: neither text nor number but {dataset.dtype}")
        units = dataset.attrs.get("units")
        check(isinstance(units, str) and units != "", f"{path}: no units")
        check(units not in TIME_WORDS, f"{path}: units '{units}' would make xarray read dates")
        check(dataset.ndim == 0 or dataset.size == 0 or dataset.fletcher32, f"{path}: no checksum")
        dataset[()]
    if not h5py.h5ds.is_scale(dataset.id):
        for d in range(dataset.ndim):
            scales = dataset.dims[d].keys()
            check(len(scales) == 1, f"{path}: axis {d} has {len(scales)} scales")
            for scale in dataset.dims[d].values():
                check(scale.parent == dataset.parent, f"{path}: axis {d} lies in another group")
                check(scale.shape == (dataset.shape[d],), f"{path}: axis {d} has another length")


def walk(path):
    """All groups and data sets by h5py; the values by path."""
    values, groups = {}, ["/"]
    with h5py.File(path) as file:
        check(isinstance(file.attrs.get("format_version"), numpy.integer), "/: format_version is no whole number")
        check(isinstance(file.attrs.get("digest"), str), "/: no attribute digest")

        def visit(name, thing):
            if isinstance(thing, h5py.Group):
                groups.append("/" + name)
                return
            check_dataset("/" + name, thing)
            values["/" + name] = thing.asstr()[()] if is_text(thing) else thing[()]

        file.visititems(visit)
    return values, groups


def check_engine(path, engine, values, groups):
    """The same values through xarray; every axis a coordinate, nothing turned into a date."""
    seen = set()
    for group in groups:
        with xarray.open_dataset(path, engine=engine, group=group) as dataset:
            dataset.load()
            for name, variable in dataset.variables.items():
                full = group.rstrip("/") + "/" + name
                check(full in values, f"{engine}: {full} is not in the file")
                if full not in values:
                    continue
                seen.add(full)
                found, wanted = variable.values, numpy.asarray(values[full])
                check(found.dtype.kind not in "mM", f"{engine}: {full} became a date")
                if wanted.dtype.kind in "iuf":
                    check(found.shape == wanted.shape and numpy.array_equal(found, wanted, equal_nan=wanted.dtype.kind == "f"),
                          f"{engine}: {full} has other values")
                else:
                    check(found.astype(str).tolist() == wanted.astype(str).tolist(), f"{engine}: {full} has another text")
            for dim in dataset.dims:
                check(dim in dataset.coords, f"{engine}: {group} has the nameless axis {dim}")
    check(seen == set(values), f"{engine}: not seen: {sorted(set(values) - seen)}")
    if hasattr(xarray, "open_datatree"):
        xarray.open_datatree(path, engine=engine).close()


def main():
    if len(sys.argv) == 3:
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "results.h5")
            subprocess.run([sys.argv[1], sys.argv[2], "-q", "-o", path], check=True)
            read(path)
    elif len(sys.argv) == 2:
        read(sys.argv[1])
    else:
        print(__doc__)
        sys.exit(2)
    sys.exit(1 if faults else 0)


def read(path):
    values, groups = walk(path)
    for engine in ("h5netcdf", "netcdf4"):
        check_engine(path, engine, values, groups)
    for fault in faults:
        print(fault)
    print(f"{path}: {len(values)} data sets in {len(groups)} groups, {len(faults)} faults")


if __name__ == "__main__":
    main()
