"""mpirun and all ranks killed with SIGKILL at ten random moments, resumed each time: the store opens after every kill
with exactly whole records, and ends equal, bit for bit, to that of an undisturbed run."""
import os
import random
import subprocess
import time

import h5py
import numpy as np

from harness import Workspace, check, kill_everything, run, start, store_differences, tiny_sweep, write_sweep

KILLS = 10
SEED = int(os.environ.get("EDGESWEEP_TEST_SEED", "20240419"))


def check_store(path):
    with h5py.File(path, "r", locking=False) as store:
        records, loss = store["records"][()], store["train_loss"][()]
        for index in np.ndindex(records.shape):
            count = records[index]
            check(np.isfinite(store["step"][index][:count]).all(), f"a committed record of {index} is missing")
            check(not np.isnan(loss[index][:count]).all() or count == 0, f"no loss in the records of {index}")
        return int(records.sum())


random.seed(SEED)
with Workspace() as folder:
    # Long enough to be killed ten times over: about ten seconds of work, checkpoints every quarter of a second.
    sweep = tiny_sweep()
    sweep["grid"][0]["epochs"] = 400
    sweep["grid"][1]["steps"] = 3000
    sweep["records"] = {"count": 24, "spacing": "log"}
    path = write_sweep(folder, sweep)
    whole, killed = os.path.join(folder, "whole.h5"), os.path.join(folder, "killed.h5")
    began = time.monotonic()
    run("run", path, "--store", whole, ranks=3)
    duration = time.monotonic() - began

    kills, seen = 0, []
    for attempt in range(3 * KILLS):
        process = start("run", path, "--store", killed, "--resume", "--checkpoint-interval", "0.25", ranks=3)
        try:
            process.wait(timeout=random.uniform(0.7, 0.7 + 2.2 * duration / KILLS))
            process.stderr.close()
            if process.returncode == 0:
                break
            raise SystemExit(f"FAILED: resume ended with {process.returncode}")
        except subprocess.TimeoutExpired:
            kill_everything(process)
            process.stderr.close()
            kills += 1
            if os.path.exists(killed):
                seen.append(check_store(killed))
        if kills == KILLS:
            break
    check(seen == sorted(seen), f"committed records went backwards: {seen}")
    run("run", path, "--store", killed, "--resume", ranks=3)
    differences = store_differences(whole, killed)
    check(not differences, f"seed {SEED}: {differences}")
    leftovers = [name for name in os.listdir(folder) if "partial" in name]
    check(not leftovers, f"left behind: {leftovers}")
    print(f"{kills} kills, records seen after each: {seen}; undisturbed run {duration:.1f} s; stores equal")
    check(kills >= 5, f"only {kills} kills happened before the sweep was done")
