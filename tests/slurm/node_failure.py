"""A node is lost while its processes go on: Slurm queues the job again on another node, and for a while two runs of one
store are alive. The new one takes the store over; the old one finds out and ends by itself with code 1, and the store takes
no harm."""
import json
import os
import shlex
import signal

import h5py

os.environ["EDGESWEEP_SLURM_NODES"] = "2"
from cluster import (SCRIPTS, events, job, journal, outputs, slurm, start_if_requeued, steps_per_second, wait_for_checkpoint,
                     wait_for_end, wait_until)
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

TRIALS, SECONDS_OF_A_TRIAL = 4, 9
STORE = "sweep.h5"


def sweep_of(steps):
    return tiny_sweep(records={"count": 24, "spacing": "log"}, seeds=1, measure={"loss": {}},
                      grid=[{"batch": [4], "eta": {"log": [1e-3, 3e-3], "count": TRIALS}, "steps": steps}])


def owner():
    """Whose the store is; nothing between two owners."""
    try:
        with open(STORE + ".lock") as file:
            return json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends():
    """Node and exit code of the batch scripts that have ended."""
    if not os.path.exists("ends"):
        return []
    with open("ends") as file:
        return file.read().splitlines()


with Workspace() as folder:
    os.chdir(folder)
    sweep = write_sweep(folder, sweep_of(int(SECONDS_OF_A_TRIAL * steps_per_second(folder, sweep_of(100_000)))))

    # Slurm loses sight of the old script, so that a shell around it has to say how it ended.
    script = shlex.join(["bash", os.path.join(SCRIPTS, "sweep.sbatch"), sweep, STORE, "--checkpoint-interval", "0.2"])
    name = slurm("sbatch", "--parsable", "--ntasks=1", "--time=10", "--requeue", "--open-mode=append", "--output=job-%A.out",
                 "--wrap", f'{script}; code=$?; echo "$(uname -n) $code" >> ends; exit $code')
    wait_for_checkpoint(STORE)
    old = owner()
    node = job(name)["BatchHost"]
    check(old["host"] == node, f"the job runs on {node}, the store's owner is {old}")

    # Left alone Slurm finds out after SlurmdTimeout, and does then what it does when it is told.
    with open(f"{os.environ['EDGESWEEP_SLURM_SANDBOX']}/slurmd-{node}.pid") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    slurm("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")
    wait_until(lambda: job(name)["JobState"] == "PENDING", "requeue of the job of the lost node")
    check(is_alive(old["pid"]) and not ends(), "the old run ended with its slurmd: nothing to see here")

    def taken_over():
        start_if_requeued(name)
        return owner() not in (old, None)
    wait_until(taken_over, "the store taken over")
    new = owner()
    check(new["host"] != node, f"the store went from {old} to {new}")
    wait_until(lambda: ends(), "end of the old run", timeout=60)
    check(ends() == [f"{node} 1"], f"{ends()}\n{outputs()}")
    check(not is_alive(old["pid"]), "the old rank 0 outlives its batch script")
    check(owner() == new and "completed" not in events(STORE), "the new run was done before the old one ended")

    check(wait_for_end(name) == [0], outputs())
    check(job(name)["Restarts"] == "1" and job(name)["BatchHost"] == new["host"], f"{job(name)}")
    check(ends() == [f"{node} 1", f"{new['host']} 0"], f"{ends()}")
    with open(f"job-{name}.out") as output:
        check("was taken over by process" in output.read(), outputs())
    seen = {event: events(STORE).count(event) for event in ("opened", "reopened", "stopped", "completed")}
    check(seen == {"opened": 1, "reopened": 1, "stopped": 0, "completed": 1}, f"{seen}")
    check("resumed" in events(STORE), "no trial went on from its checkpoint")
    with h5py.File(STORE, "r", locking=False) as store:
        attempts = store["attempts"][()].flatten().tolist()
    run("run", sweep, "--store", "whole.h5", ranks=3)
    differences = store_differences("whole.h5", STORE)
    check(not differences, f"{differences}")
    left = [entry for entry in os.listdir(".") if entry.startswith(STORE)]
    check(sorted(left) == [STORE, STORE + ".events.jsonl"], f"left beside the store: {left}")
print(f"{node} lost, {new['host']} took over, the old run ended by itself with 1; attempts {attempts}; the store is that of one run")
