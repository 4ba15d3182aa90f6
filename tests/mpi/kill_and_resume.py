"""mpirun and all ranks killed with SIGKILL at random moments, resumed each time: the store opens after every kill with
exactly whole records, and ends equal, bit for bit, to that of an undisturbed run. For every kind of experiment."""
import os
import random
import time

import h5py
import numpy as np

from harness import (Workspace, changed_at, check, kill_everything, run, start, store_differences, tiny_sweep,
                     wait_for_store, write_sweep)

SEED = int(os.environ.get("EDGESWEEP_TEST_SEED", "20240419"))


def check_store(path):
    with h5py.File(path, "r", locking=False) as store:
        records, loss = store["records"][()], store["train_loss"][()]
        for index in np.ndindex(records.shape):
            count = records[index]
            check(np.isfinite(store["step"][index][:count]).all(), f"a committed record of {index} is missing")
            check(not np.isnan(loss[index][:count]).all() or count == 0, f"no loss in the records of {index}")
        return int(records.sum())


def wait_for_records(process, path, count):
    """Until the store holds that many records, or the sweep is done."""
    while process.poll() is None:
        with h5py.File(path, "r", locking=False) as store:
            if store["records"][()].sum() >= count:
                return
        time.sleep(0.02)


def network_sweep():
    sweep = tiny_sweep()
    sweep["grid"][0]["epochs"] = 1200
    sweep["grid"][1]["steps"] = 9000
    return sweep


def linear_sweep():
    """With momentum and L2: all that a checkpoint of a linear trial can hold."""
    return {
        "name": "linear",
        "experiment": {"name": "linear", "dataset": {"name": "localised", "examples": 24}, "replicas": 20,
                       "optimizer": {"momentum": 0.5, "l2": 1e-3}, "sampler": "epoch"},
        "grid": [{"batch": [1, 4, 24], "eta": {"log": [1e-3, 1e-1], "count": 4}, "steps": 6000}],
        "measure": {"loss": {}, "expected_loss": {}, "kernel_norm": {}, "stability": {}, "edges": {}},
        "divergence": {"loss_above": 1e30},
    }


def kill_and_resume(sweep, kills, folder):
    sweep["records"] = {"count": 24, "spacing": "log"}
    path = write_sweep(folder, sweep)
    whole, killed = os.path.join(folder, "whole.h5"), os.path.join(folder, "killed.h5")
    run("run", path, "--store", whole, ranks=3)
    total = check_store(whole)

    # Moments by progress, not by the clock: the same share of the sweep is done on a busy machine.
    seen = []
    for moment in sorted(random.uniform(0, 0.8 * total) for _ in range(kills)):
        before = changed_at(killed)
        process = start("run", path, "--store", killed, "--resume", "--checkpoint-interval", "0.25", ranks=3)
        wait_for_store(process, killed, before)
        wait_for_records(process, killed, moment)
        time.sleep(random.uniform(0, 0.1))
        if process.poll() is not None:
            break
        kill_everything(process)
        process.stderr.close()
        seen.append(check_store(killed))
    check(seen == sorted(seen), f"committed records went backwards: {seen}")
    run("run", path, "--store", killed, "--resume", ranks=3)
    differences = store_differences(whole, killed)
    check(not differences, f"seed {SEED}: {differences}")
    leftovers = [name for name in os.listdir(folder) if "partial" in name]
    check(not leftovers, f"left behind: {leftovers}")
    print(f"{sweep['name']}: {len(seen)} kills, records seen after each: {seen} of {total}; stores equal")
    check(len(seen) == kills, f"the sweep was done after {len(seen)} kills")


random.seed(SEED)
for sweep, kills in ((network_sweep(), 10), (linear_sweep(), 4)):
    with Workspace() as folder:
        kill_and_resume(sweep, kills, folder)
