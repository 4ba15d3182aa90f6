"""Checks that a store (argv[1]) is what docs/store.md says, as xarray with both engines and h5py see it."""
import hashlib
import json
import sys

import h5py
import numpy as np
import xarray

STATUSES = "pending running done diverged failed absent"
TRIAL = ("batch", "point", "seed")
RECORD = TRIAL + ("record",)
TRIAL_VARIABLES = {"status": "uint8", "records": "int64", "attempts": "int64", "steps": "int64", "wall_seconds": "float64"}


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check_with_xarray(path, engine):
    with xarray.open_dataset(path, engine=engine) as data:
        for name in RECORD:
            check(data[name].dims == (name,) and data[name].dtype == "int64", f"{engine}: {name} is no i8 coordinate")
            check(name in data.indexes, f"{engine}: {name} is no index")
        for name in ("eta", "eta_over_batch"):
            check(name in data.coords and data[name].dims == TRIAL[:2], f"{engine}: {name} is no (batch, point) coordinate")
        for name, dtype in TRIAL_VARIABLES.items():
            check(data[name].dims == TRIAL, f"{engine}: {name} has dimensions {data[name].dims}")
            check(data[name].dtype == dtype, f"{engine}: {name} has type {data[name].dtype}")
        columns = [name for name in data.data_vars if name not in TRIAL_VARIABLES]
        check(columns[:3] == ["step", "samples", "learning_rate"], f"{engine}: the columns begin with {columns[:3]}")
        for name in columns:
            check(data[name].dims[:4] == RECORD and len(data[name].dims) <= 5, f"{engine}: {name}: {data[name].dims}")
            check(data[name].dtype == "float64", f"{engine}: {name} has type {data[name].dtype}")
            check({"eta", "eta_over_batch"} <= set(data[name].coords), f"{engine}: {name} has no eta")
        for name, variable in data.variables.items():
            check(variable.attrs.get("units") and variable.attrs.get("long_name"), f"{engine}: {name} lacks units or long_name")
        check(data.wall_seconds.units == "s", f"{engine}: wall_seconds in {data.wall_seconds.units}")
        check(list(np.asarray(data.status.flag_values)) == [0, 1, 2, 3, 4, 5], f"{engine}: {data.status.flag_values}")
        check(data.status.flag_meanings == STATUSES, f"{engine}: {data.status.flag_meanings}")
        check("_FillValue" not in data.status.encoding, f"{engine}: status has a fill value")
        check(data.Conventions == "CF-1.8" and int(data.schema_version) == 1, f"{engine}: {data.attrs}")
        for name in ("title", "edgesweep_version", "created"):
            check(name in data.attrs, f"{engine}: no attribute {name}")
        digest = hashlib.sha256(data.sweep_json.encode()).hexdigest()
        check(digest == data.sweep_digest, f"{engine}: sweep_digest is not that of sweep_json")
        json.loads(data.sweep_json)
        absent = np.isnan(data.eta.values)
        check(((data.status.values == 5) == absent[:, :, None]).all(), f"{engine}: absent trials and absent eta differ")
        steps = data.step.values
        taken = np.arange(data.sizes["record"]) < data.records.values[..., None]
        check(not np.isnan(steps[taken]).any(), f"{engine}: a committed record has no step")


def check_with_h5py(path):
    with h5py.File(path, "r") as file:
        check(list(file)[:4] == list(RECORD) or set(RECORD) <= set(file), "no dimensions at the root")
        for name, dataset in file.items():
            check(isinstance(dataset, h5py.Dataset), f"{name} is no dataset")
            check(dataset.chunks is None and dataset.id.get_offset() is not None, f"{name} is not contiguous and allocated")
            check(text(dataset.attrs["units"]) and text(dataset.attrs["long_name"]), f"{name} lacks units or long_name")
            if not h5py.h5ds.is_scale(dataset.id):
                for axis in range(dataset.ndim):
                    check(len(dataset.dims[axis]) == 1, f"axis {axis} of {name} has {len(dataset.dims[axis])} scales")
        check(text(file["status"].attrs["flag_meanings"]) == STATUSES, "flag_meanings")
        check("_FillValue" not in file["status"].attrs, "status has a fill value")
        json.loads(text(file.attrs["sweep_json"]))


def check_store(path):
    """Raises AssertionError that says what is wrong."""
    for engine in ("h5netcdf", "netcdf4"):
        check_with_xarray(path, engine)
    check_with_h5py(path)


if __name__ == "__main__":
    check_store(sys.argv[1])
    print(f"{sys.argv[1]}: opens with xarray (h5netcdf, netcdf4) and h5py as docs/store.md says")
