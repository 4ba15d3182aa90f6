"""A sweep gives the same store, bit for bit, in one process and with 1, 2 and 3 workers."""
import os

from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

with Workspace() as folder:
    for sampler in ("epoch", "iid"):
        sweep = tiny_sweep()
        sweep["experiment"]["sampler"] = sampler
        sweep["experiment"]["optimizer"] = {"momentum": 0.5, "l2": 1e-3} if sampler == "iid" else {}
        path = write_sweep(folder, sweep, f"{sampler}.json")
        stores = {}
        for ranks in (0, 2, 3, 4):
            stores[ranks] = os.path.join(folder, f"{sampler}-{ranks}.h5")
            run("run", path, "--store", stores[ranks], ranks=ranks)
        for ranks in (2, 3, 4):
            differences = store_differences(stores[0], stores[ranks])
            check(not differences, f"{sampler}, {ranks - 1} workers: {differences}")
print("the stores are equal bit for bit")
