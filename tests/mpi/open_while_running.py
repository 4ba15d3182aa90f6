"""A store opens with xarray through both engines and with h5py while its sweep runs, and what they see only grows."""
import os
import time

import h5py
import xarray

from harness import Workspace, check, start, tiny_sweep, write_sweep


def committed(path):
    """Committed records as three readers see them, oldest first."""
    with h5py.File(path, "r", locking=False) as store:
        counts = [int(store["records"][()].sum())]
    for engine in ("h5netcdf", "netcdf4"):
        with xarray.open_dataset(path, engine=engine) as data:
            check(set(data.K.dims) == {"batch", "point", "seed", "record"}, f"{engine}: dimensions {data.K.dims}")
            check("eta" in data.K.coords and "eta_over_batch" in data.K.coords, f"{engine}: no eta among the coordinates")
            check(data.K.sel(batch=4).sizes["point"] == data.sizes["point"], f"{engine}: batch is no index")
            check(data.status.dtype == "uint8", f"{engine}: status has type {data.status.dtype}")
            counts.append(int(data.records.sum()))
    return counts


with Workspace() as folder:
    sweep = tiny_sweep()
    sweep["grid"][0]["epochs"] = 1500
    store = os.path.join(folder, "s.h5")
    os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
    process = start("run", write_sweep(folder, sweep), "--store", store, ranks=3)
    seen = []
    while process.poll() is None:
        if os.path.exists(store):
            seen += committed(store)
        time.sleep(0.2)
    process.stderr.close()
    check(process.returncode == 0, f"exit code {process.returncode}")
    seen += committed(store)
    check(seen == sorted(seen), f"records went backwards: {seen}")
    check(len(set(seen)) >= 3, f"seen only {sorted(set(seen))} while it ran")
print("records seen:", sorted(set(seen)))
