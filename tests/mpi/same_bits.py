"""A sweep gives the same store, bit for bit, in one process and with 1, 2 and 3 workers, in trainer processes and in the
ranks themselves."""
import os

from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

with Workspace() as folder:
    for sampler in ("epoch", "iid"):
        sweep = tiny_sweep()
        sweep["experiment"]["sampler"] = sampler
        sweep["experiment"]["optimizer"] = {"momentum": 0.5, "l2": 1e-3} if sampler == "iid" else {}
        path = write_sweep(folder, sweep, f"{sampler}.json")
        stores = {}
        for how in ((0,), (2,), (3,), (4,), (3, "--in-process"), (0, "--trainer-process")):
            ranks, *options = how
            stores[how] = os.path.join(folder, f"{sampler}-{len(stores)}.h5")
            run("run", path, "--store", stores[how], *options, ranks=ranks)
            differences = store_differences(stores[(0,)], stores[how])
            check(not differences, f"{sampler}, ranks and options {how}: {differences}")
print("the stores are equal bit for bit")
