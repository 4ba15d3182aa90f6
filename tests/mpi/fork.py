"""Branches of a trial from one of its steps: the control branch is the parent's own continuation bit for bit, with its
optimiser state, order of the data and measured batches; the others part from it at the fork and nowhere before."""
import json
import os
import signal

import h5py
import numpy as np
from harness import Workspace, check, command, run, start, store_differences, tiny_sweep, wait_for_store, write_sweep

STEPS, FORK = 60, 20
MEASURES = {"loss": {}, "hessian": {}, "kernel_norm": {}, "batch_sharpness": {"draws": 40}, "distance": {}}
COLUMNS = ("step", "samples", "learning_rate", "train_loss", "test_loss", "hessian_lambda_max", "K", "batch_sharpness",
           "param_distance")


def sweep(grid, seeds=1, schedule="constant"):
    base = tiny_sweep(grid=grid, seeds=seeds, measure=MEASURES, records={"count": 13, "spacing": "linear"})
    base["experiment"]["optimizer"] = {"momentum": 0.5, "l2": 0.001, "nesterov": True}
    base["experiment"]["schedule"] = {"name": schedule}
    return base


def rows(store, batch, point, seed=0):
    with h5py.File(store) as file:
        index = list(file["batch"][:]).index(batch)
        return {name: file[name][index, point, seed] for name in COLUMNS}


def refused(says, *arguments):
    done = run(*arguments, expect=2)
    check(len([line for line in done.stderr.splitlines() if "error: " in line]) == 1 and says in done.stderr,
          f"{arguments}: {done.stderr}")


def branches(folder, schedule):
    parent = write_sweep(folder, sweep([{"batch": [4], "eta": [0.02, 0.05], "steps": STEPS}], 2, schedule), "parent.json")
    run("run", parent, "--store", "parent.h5", ranks=3)
    grid = [{"batch": [4], "eta": [0.05, 0.1], "steps": STEPS}, {"batch": [12], "eta": [0.05], "steps": STEPS}]
    fork = write_sweep(folder, sweep(grid, 2, schedule), "fork.json")
    seeds = json.load(open(fork))
    seeds["seeds"] = [1, 7]  # the parent's, and one that draws batches of its own after the fork
    write_sweep(folder, seeds, "fork.json")
    run("run", "fork.json", "--store", "fork.h5", "--fork", f"parent.h5:b4-p1-s1@{FORK}", ranks=3)

    trunk, control = rows("parent.h5", 4, 1, 1), rows("fork.h5", 4, 0)
    for name in COLUMNS:
        check(np.array_equal(trunk[name], control[name]), f"control branch, {name}: {control[name]} is not {trunk[name]}")
    before = trunk["step"] <= FORK
    check(0 < before.sum() < len(before), f"records {trunk['step']}")
    for batch, point, seed in ((4, 1, 0), (12, 0, 0), (4, 0, 1)):
        branch = rows("fork.h5", batch, point, seed)
        check(np.array_equal(branch["train_loss"][before], trunk["train_loss"][before]), f"{batch} {point} {seed} before the fork")
        check(not np.any(branch["train_loss"][~before] == trunk["train_loss"][~before]), f"{batch} {point} {seed} after the fork")
    larger = rows("fork.h5", 12, 0)
    expected = np.minimum(larger["step"], FORK) * 4 + np.maximum(larger["step"] - FORK, 0) * 12
    check(np.array_equal(larger["samples"], expected), f"samples {larger['samples']}")
    check(np.all(rows("fork.h5", 4, 1)["learning_rate"][~before] == 2 * trunk["learning_rate"][~before]), "learning rates")


def interrupted(folder):
    """A killed forked sweep goes on to the same store."""
    long = sweep([{"batch": [4, 12], "eta": [0.02, 0.05], "steps": 40000}])
    write_sweep(folder, long, "long.json")
    write_sweep(folder, sweep([{"batch": [4], "eta": [0.05], "steps": 40000}]), "parent.json")
    os.remove("parent.h5")
    run("run", "parent.json", "--store", "parent.h5", "--set", "records.count=2")
    line = ("run", "long.json", "--store", "killed.h5", "--fork", "parent.h5:b4-p0-s0@20000", "--checkpoint-interval", "0.1")
    run("run", "long.json", "--store", "whole.h5", "--fork", "parent.h5:b4-p0-s0@20000")
    process = start(*line, ranks=3)
    wait_for_store(process, "killed.h5")
    for _ in range(2):
        changed = os.stat("killed.h5").st_mtime_ns
        wait_for_store(process, "killed.h5", after=changed)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    run(*line, "--resume", ranks=2)
    check(not store_differences("whole.h5", "killed.h5"), store_differences("whole.h5", "killed.h5"))


with Workspace() as folder:
    os.chdir(folder)
    branches(folder, "constant")
    refused("exists already", "run", "fork.json", "--store", "fork.h5", "--fork", f"parent.h5:b4-p1-s1@{FORK}")
    for text, says in (("parent.h5", "STORE:TRIAL@STEP"), ("parent.h5:b4-p1-s1", "STORE:TRIAL@STEP"),
                       ("parent.h5:b4-p1-s1@0", "STORE:TRIAL@STEP"), ("nowhere.h5:b4-p1-s1@3", "nowhere.h5"),
                       ("parent.h5:b5-p1-s1@3", "has no trial b5-p1-s1"), ("parent.h5:b4-p1-s1@61", "last step"),
                       ("fork.h5:b4-p1-s1@3", "forked sweep itself")):
        refused(says, "run", "fork.json", "--store", "new.h5", "--fork", text)
    refused("experiment.optimizer.momentum is 0.9 here, 0.5 there", "run", "fork.json", "--store", "new.h5", "--fork",
            "parent.h5:b4-p1-s1@3", "--set", "experiment.optimizer.momentum=0.9")
    refused("experiment.changes: is there with fork", "run", "fork.json", "--store", "new.h5", "--fork", "parent.h5:b4-p1-s1@3",
            "--set", 'experiment.changes=[{"step": 5, "eta_times": 2}]')
    check(not os.path.exists("new.h5"), "a refused fork left a store")
    os.remove("parent.h5"), os.remove("fork.h5")
    branches(folder, "cosine")
    interrupted(folder)
print("control branches are their parents' continuations")
