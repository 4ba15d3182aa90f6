"""Jobs that are stopped in the middle: sweep.sbatch cancelled and submitted again, with mpirun and with srun, and
preemptible.sbatch preempted by a job of a higher partition. The store is sound each time, and in the end that of one run."""
import os

import h5py
import numpy as np
from cluster import (counts, events, job, outputs, slurm, start_if_requeued, submit, wait_for_checkpoint, wait_for_end,
                     wait_until)
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep


def check_sound(store):
    """Every committed record is there."""
    with h5py.File(store, "r", locking=False) as file:
        records, steps = file["records"][()], file["step"][()]
        for index in np.ndindex(records.shape):
            check(np.isfinite(steps[index][:records[index]]).all(), f"{store}: a committed record of {index} is missing")


def check_whole(store):
    differences = store_differences("whole.h5", store)
    check(not differences, f"{store}: {differences}")


def cancelled_and_submitted_again(sweep, store, **environment):
    arguments = ("sweep.sbatch", sweep, store, "--checkpoint-interval", "0.2")
    first = submit(*arguments, options=["--ntasks=2", "--time=10"], environment=environment)
    wait_for_checkpoint(store)
    slurm("scancel", first)
    wait_until(lambda: job(first)["JobState"] == "CANCELLED", "end of the cancelled job")
    check_sound(store)
    left = counts(store)
    check(left["pending"] + left["running"] > 0, f"the sweep ended before it was cancelled: {left}")
    second = submit(*arguments, options=["--ntasks=2", "--time=10"], environment=environment)
    check(wait_for_end(second) == [0], outputs())
    check(events(store).count("reopened") == 1 and "resumed" in events(store), f"{events(store)}")
    check_whole(store)


def preempted(sweep, store):
    name = submit("preemptible.sbatch", sweep, store, "--checkpoint-interval=0.2",
                  options=["--ntasks=2", "--time=10", "--partition=main", "--exclusive"])
    wait_for_checkpoint(store)
    slurm("sbatch", "--wait", "--partition=urgent", "--exclusive", "--output=job-urgent.out", "--wrap", "squeue")
    check_sound(store)
    wait_until(lambda: job(name)["JobState"] == "PENDING", "requeue of the preempted job")
    start_if_requeued(name)
    check(wait_for_end(name) == [0], outputs())
    check(job(name)["Restarts"] == "1", f"{job(name)}")
    check(events(store).count("reopened") == 1 and "resumed" in events(store), f"{events(store)}")
    check_whole(store)


with Workspace() as folder:
    os.chdir(folder)
    sweep = tiny_sweep(records={"count": 24, "spacing": "log"}, seeds=1)
    sweep["grid"][0]["epochs"] = 1500
    sweep["grid"][1]["steps"] = 24000
    sweep = write_sweep(folder, sweep)
    run("run", sweep, "--store", "whole.h5", ranks=3)
    cancelled_and_submitted_again(sweep, "mpirun.h5")
    cancelled_and_submitted_again(sweep, "srun.h5", EDGESWEEP_LAUNCHER="srun --mpi=pmix --overcommit")
    preempted(sweep, "preempted.h5")

    # Bad input is not queued again, and one line says what is wrong with it.
    wrong = submit("sweep.sbatch", "none.json", "none.h5", options=["--ntasks=1"])
    check(wait_for_end(wrong) == [2] and job(wrong)["Restarts"] == "0", outputs())
    lost = submit("sweep.sbatch", sweep, "none.h5", options=["--ntasks=1"], environment={"EDGESWEEP_SOURCE": "/nowhere"})
    check(wait_for_end(lost) == [2] and "/nowhere/slurm/job.sh is not there: set EDGESWEEP_SOURCE" in outputs(), outputs())
print("cancelled under mpirun and srun, and preempted: the stores are those of one run")
