"""Several ranks that train one trial together get what one rank gets, up to rounding, and the same bits every time: in the
ranks or in trainer processes, with one team or two, after kills of any of its processes and after signals to any."""
import os
import signal

import h5py
import numpy as np

from harness import (Workspace, changed_at, check, kill_everything, processes_of, run, start, store_differences, tiny_sweep,
                     wait_for_store, write_sweep)

TEAM = 3
MEASURES = {"loss": {}, "kernel_norm": {}, "hessian": {"top": 2}, "batch_sharpness": {"draws": 20}, "minibatch_sharpness": {"draws": 6},
            "gni": {"draws": 10}, "gauss_newton": {}, "distance": {}}
NUMBERS = ("train_loss", "test_loss", "K", "K_block", "ntk_trace", "hessian_lambda_max", "batch_sharpness", "minibatch_sharpness", "gni",
           "gn_lambda_max", "grad_norm", "param_norm", "param_distance")


def sweep(**changes):
    """20 steps of small batches and of all examples at once."""
    base = tiny_sweep(grid=[{"batch": [4, 48], "eta": [0.005, 0.02], "steps": 20}], seeds=1,
                      records={"count": 5, "spacing": "linear"}, measure=MEASURES, keep_parameters="final")
    base["experiment"]["optimizer"] = {"momentum": 0.9, "l2": 0.001}
    base.update(changes)
    return base


def equals_one_rank(folder):
    cnn = sweep(measure={"loss": {}, "kernel_trace": {}, "hessian": {}, "batch_sharpness": {"draws": 10}})
    cnn["experiment"]["model"] = {"name": "cnn", "layers": 2, "activation": "tanh", "pool": "average"}
    cnn["experiment"]["dataset"]["preprocess"] = "standardize"
    for name, content in (("mlp", sweep()), ("cnn", cnn)):
        file = write_sweep(folder, content, f"{name}.json")
        run("run", file, "--store", f"{name}-one.h5")
        run("run", file, "--store", f"{name}-team.h5", "--set", f"ranks_per_trial={TEAM}", ranks=1 + TEAM)
        with h5py.File(f"{name}-one.h5") as one, h5py.File(f"{name}-team.h5") as team:
            check(np.array_equal(one["status"], team["status"]), "status")
            for column in (set(NUMBERS) | {"K_tr"}) & set(one):
                error = np.nanmax(np.abs(one[column][...] - team[column][...]) / (np.abs(one[column][...]) + 1e-30))
                # λ_max is iterated until it changes by less than 1e-3; a sharpness is a small difference of larger numbers.
                allowed = 1e-3 if column.endswith("lambda_max") else 1e-4 if column.endswith(("sharpness", "gni")) else 1e-5
                check(error < allowed, f"{name}: {column} of a team and of one rank differ by {error}")
    for ranks, where in ((1 + TEAM, ("--in-process",)), (2 * (1 + TEAM), ())):
        run("run", "mlp.json", "--store", "again.h5", "--set", f"ranks_per_trial={TEAM}", *where, ranks=ranks)
        check(not store_differences("mlp-team.h5", "again.h5"), store_differences("mlp-team.h5", "again.h5"))
        os.remove("again.h5")


def survives(folder):
    """One of two teams of two loses a trainer, a rank gets a signal, all are killed: nothing of it is seen at the end."""
    long = sweep(grid=[{"batch": [4], "eta": {"log": [1e-3, 1e-1], "count": 4}, "steps": 4000}], ranks_per_trial=2,
                 records={"count": 20, "spacing": "linear"}, measure={"loss": {}, "hessian": {}}, keep_parameters="none")
    file = write_sweep(folder, long, "long.json")
    run("run", file, "--store", "whole.h5", ranks=5)
    line = ("run", file, "--store", "rough.h5", "--resume", "--checkpoint-interval", "0.2")

    def begin():
        before = changed_at("rough.h5")
        process = start(*line, ranks=5)
        wait_for_store(process, "rough.h5", after=before)
        wait_for_store(process, "rough.h5", after=changed_at("rough.h5"))
        return process

    # the trainer of a member that does not lead, then of one that does
    for rank in (2, 3):
        process = begin()
        trainer = processes_of(process, b"trainer").get(rank)
        check(trainer is not None, f"rank {rank} has no trainer process")
        os.kill(trainer, signal.SIGKILL)
        wait_for_store(process, "rough.h5", after=changed_at("rough.h5"))
        kill_everything(process)
    with open("rough.h5.events.jsonl") as events:
        failures = [text for text in events if '"failed"' in text or "killed by signal 9" in text]
    check(any("rank 2: trainer process killed by signal 9" in text for text in failures), f"the log does not tell of rank 2: {failures}")

    # somebody asks the process of one member to stop
    process = begin()
    os.kill(processes_of(process, b"run")[4], signal.SIGUSR1)
    check(process.wait(timeout=30) == 75, f"after SIGUSR1 to a member: exit code {process.returncode}")
    process = begin()
    process.send_signal(signal.SIGUSR1)  # mpirun hands it on to all ranks
    check(process.wait(timeout=30) == 75, f"after SIGUSR1 to all: exit code {process.returncode}")
    run(*line, ranks=5)
    check(not store_differences("whole.h5", "rough.h5"), store_differences("whole.h5", "rough.h5"))


def refused(says, *arguments, ranks):
    done = run(*arguments, ranks=ranks, expect=2)
    check(says in done.stderr, f"{arguments}: {done.stderr}")
    check(not os.path.exists("new.h5"), "a refused sweep left a store")


with Workspace() as folder:
    os.chdir(folder)
    equals_one_rank(folder)
    refused("ranks_per_trial: is 3, and there are only 2 ranks to train; mpirun must start 3 and one that coordinates", "run",
            "mlp.json", "--store", "new.h5", "--set", "ranks_per_trial=3", ranks=3)
    refused("ranks_per_trial: is 3, and there is only 1 rank to train", "run", "mlp.json", "--store", "new.h5", "--set", "ranks_per_trial=3",
            ranks=0)
    survives(folder)
print("teams train as one rank does")
