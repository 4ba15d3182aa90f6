"""Jobs with a limit of one minute that queue themselves again until a sweep is done that takes longer than Slurm lets
them run: one stopped by the signal before the limit, one by itself near the end of its allocation. The stores are that of
one undisturbed run, and the journal tells how often each was stopped."""
import os

import h5py
from cluster import events, job, outputs, submit, wait_for_end
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

# Slurm looks at limits every 30 s: it sends USR1 0 to 30 s after the start of a job of 1 minute with USR1@50. A run ends by
# itself 30 s before the end. So this many seconds of work take two jobs at least, usually three.
SECONDS_OF_WORK = 45
TRIALS = 4


def sweep_of(steps):
    return tiny_sweep(records={"count": 24, "spacing": "log"}, seeds=1, measure={"loss": {}},
                      grid=[{"batch": [4], "eta": {"log": [1e-3, 3e-3], "count": TRIALS}, "steps": steps}])


def steps_per_second():
    steps = 100_000
    run("run", write_sweep(folder, sweep_of(steps), "short.json"), "--store", "short.h5", ranks=3)
    with h5py.File("short.h5", "r", locking=False) as store:
        return TRIALS * steps / store["wall_seconds"][()].sum()


with Workspace() as folder:
    os.chdir(folder)
    sweep = write_sweep(folder, sweep_of(int(SECONDS_OF_WORK / TRIALS * steps_per_second())))
    options = ["--ntasks=1", "--time=1"]
    signalled = submit("sweep.sbatch", sweep, "signalled.h5", options=[*options, "--signal=B:USR1@50"])
    # URG is ignored: nothing but the end of the allocation stops this one.
    ending = submit("sweep.sbatch", sweep, "ending.h5", options=[*options, "--signal=B:URG@50"])
    codes = wait_for_end(signalled, ending, timeout=280)
    check(codes == [0, 0], f"{codes}\n{outputs()}")
    run("run", sweep, "--store", "whole.h5", ranks=3)
    for name, store in ((signalled, "signalled.h5"), (ending, "ending.h5")):
        restarts = int(job(name)["Restarts"])
        journal = events(store)
        check(restarts >= 1, f"{store} was done in one job\n{outputs()}")
        seen = {event: journal.count(event) for event in ("opened", "reopened", "stopped", "interrupted", "completed")}
        check(seen == {"opened": 1, "reopened": restarts, "stopped": restarts, "interrupted": restarts, "completed": 1}, f"{store}: {seen}")
        check("resumed" in journal, f"{store}: no trial went on from its checkpoint")
        differences = store_differences("whole.h5", store)
        check(not differences, f"{store}: {differences}")
        with open(f"job-{name}.out") as output:
            text = output.read()
        check(text.count("queued again") == restarts, text)
        check(("the time to stop has come" in text) == (store == "ending.h5"), text)
        print(f"{store}: {restarts + 1} jobs of one minute, the store is that of one run")
