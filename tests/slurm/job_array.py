"""A job array of four with one task cancelled, one requeued and one whose time is up, each in the middle of its work:
merged, the cancelled part resumed and merged again, it is the store of one undisturbed run, and `attempts` and the journals
say what happened to which part."""
import os

import h5py
from cluster import (check_accounting, counts, job, journal, outputs, slurm, steps_per_second, submit, wait_for_end,
                     wait_until)
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

# Equal trials are dealt out in turn. Those of a part take long against what lies between the sight of its journal and the
# signal; a busy machine slows both.
PARTS, TRIALS_OF_A_PART, SECONDS_OF_A_TRIAL = 4, 4, 2.5


def sweep_of(steps):
    return tiny_sweep(records={"count": 24, "spacing": "log"}, seeds=1, measure={"loss": {}},
                      grid=[{"batch": [4], "eta": {"log": [1e-3, 3e-3], "count": PARTS * TRIALS_OF_A_PART}, "steps": steps}])


def in_the_middle(store):
    """One trial is done, the next has left a checkpoint, others wait."""
    lines = journal(store)
    check(not any(line["event"] == "completed" for line in lines), f"{store} was done before it was disturbed")
    names = [line["event"] for line in lines]
    return "finished" in names and "checkpointed" in names[names.index("finished"):]


def disturb(array, commands):
    """Runs each command as soon as its part is in the middle of its work."""
    waiting = dict(commands)

    def all_disturbed():
        for part in list(waiting):
            if in_the_middle(part):
                slurm(*waiting.pop(part))
        return not waiting
    wait_until(all_disturbed, f"work in the parts of job {array}")


def check_interrupted_in_the_middle(store, steps):
    [stop] = [line for line in journal(store) if line["event"] == "interrupted"]
    check(0 < stop["step"] < steps, f"{store}: {stop} of {steps} steps")


with Workspace() as folder:
    os.chdir(folder)
    steps = int(SECONDS_OF_A_TRIAL * steps_per_second(folder, sweep_of(30_000)))
    sweep = write_sweep(folder, sweep_of(steps))
    parts = [f"sweep.part-{i}-of-{PARTS}.h5" for i in range(1, PARTS + 1)]
    arguments = (sweep, "sweep.h5", "--checkpoint-interval", "0.2")
    # Ranks on a busy machine need more than two seconds from TERM to their end.
    environment = {"OMPI_MCA_odls_base_sigkill_timeout": "5"}
    array = submit("array.sbatch", *arguments, options=[f"--array=1-{PARTS}", "--ntasks=1", "--time=10"], environment=environment)
    merge = submit("merge.sbatch", "sweep.h5", options=[f"--dependency=afterany:{array}"])
    disturb(array, {
        parts[1]: ("scancel", f"{array}_2"),
        parts[2]: ("scontrol", "requeue", f"{array}_3"),
        # As before its time limit. The last task has the number of the whole array: only it may be queued again.
        parts[3]: ("scancel", "--batch", "--signal=USR1", f"{array}_4")})
    for i in (3, 4):
        wait_until(lambda: job(f"{array}_{i}")["JobState"] == "PENDING", f"requeue of task {i}")
    check(job(f"{array}_1")["Restarts"] == "0", "task 1 was queued again with task 4")
    check(job(merge)["JobState"] == "PENDING", "the merge did not wait for the requeued tasks")
    codes = wait_for_end(*(f"{array}_{i}" for i in (1, 3, 4)))
    check(codes == [0, 0, 0], f"tasks 1, 3 and 4 ended with {codes}\n{outputs()}")
    restarts = [job(f"{array}_{i}")["Restarts"] for i in range(1, PARTS + 1)]
    check(restarts == ["0", "0", "1", "1"], f"restarts of the tasks: {restarts}")
    check(job(f"{array}_2")["JobState"] == "CANCELLED", str(job(f"{array}_2")))
    check(wait_for_end(merge) == [75], f"merge with a part that is not done\n{outputs()}")
    check("trials are left" in outputs(), outputs())
    left = counts("sweep.h5")["pending"]
    check(0 < left == counts(parts[1])["pending"] < TRIALS_OF_A_PART, f"{left} trials left, {counts(parts[1])} in part 2")

    again = submit("array.sbatch", *arguments, options=["--array=2", "--ntasks=1", "--time=10"],
                   environment={**environment, "EDGESWEEP_PARTS": str(PARTS)})
    merge = submit("merge.sbatch", "sweep.h5", options=[f"--dependency=afterany:{again}"])
    check(wait_for_end(again + "_2", merge) == [0, 0], outputs())
    run("run", sweep, "--store", "whole.h5", ranks=3)
    differences = store_differences("whole.h5", "sweep.h5")
    check(not differences, f"{differences}")

    for i, part in enumerate(parts):
        attempts = check_accounting(part, stops=0 if i == 0 else 1)
        check(sorted(attempts) == ([1, 1, 1, 1] if i == 0 else [1, 1, 1, 2]), f"{part}: attempts {attempts}")
        if i > 0:
            check_interrupted_in_the_middle(part, steps)
    with h5py.File("sweep.h5", "r", locking=False) as store:
        attempts = store["attempts"][()].flatten().tolist()
    check(sorted(attempts) == [1] * 13 + [2] * 3, f"attempts of the merged store: {attempts}")

    # One task of an array does not tell the number of parts: refused, nothing made.
    wrong = submit("array.sbatch", sweep, "other.h5", options=["--array=2", "--ntasks=1"])
    check(wait_for_end(wrong + "_2") == [2] and "EDGESWEEP_PARTS" in outputs(), outputs())
    check(not [name for name in os.listdir(".") if name.startswith("other")], "a refused task leaves files")
print(f"{PARTS} tasks, {left} trials of the cancelled one resumed, attempts {attempts}: the merged store is that of one run")
