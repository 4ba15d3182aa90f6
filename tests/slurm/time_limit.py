"""Jobs with a limit of one minute that queue themselves again until a sweep is done that takes longer than Slurm lets
them run: one stopped by the signal before the limit, one by itself near the end of its allocation. The stores are that of
one undisturbed run, and journal and `attempts` tell how often each was stopped."""
import os
import time

from cluster import check_accounting, job, outputs, steps_per_second, submit, wait_for_end
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

# Slurm looks at limits every 30 s: it sends USR1 0 to 30 s after the start of a job of 1 minute with USR1@50. A run ends by
# itself 30 s before the end. So 45 seconds of work take two jobs at least, usually three.
SECONDS_OF_WORK = float(os.environ.get("EDGESWEEP_TEST_SECONDS_OF_WORK", 45))
PATIENCE = 280 * max(1, SECONDS_OF_WORK / 45)
TRIALS = 4


def sweep_of(steps):
    return tiny_sweep(records={"count": 24, "spacing": "log"}, seeds=1, measure={"loss": {}},
                      grid=[{"batch": [4], "eta": {"log": [1e-3, 3e-3], "count": TRIALS}, "steps": steps}])


with Workspace() as folder:
    os.chdir(folder)
    sweep = write_sweep(folder, sweep_of(int(SECONDS_OF_WORK / TRIALS * steps_per_second(folder, sweep_of(100_000)))))
    begin = time.monotonic()
    options = ["--ntasks=1", "--time=1"]
    # Nothing but the signal stops this one,
    signalled = submit("sweep.sbatch", sweep, "signalled.h5", "--stop-at", "2100-01-01T00:00:00",
                       options=[*options, "--signal=B:USR1@50"])
    # and nothing but the end of the allocation this one: URG is ignored.
    ending = submit("sweep.sbatch", sweep, "ending.h5", options=[*options, "--signal=B:URG@50"])
    codes = wait_for_end(signalled, ending, timeout=PATIENCE)
    seconds = time.monotonic() - begin
    check(codes == [0, 0], f"{codes}\n{outputs()}")
    run("run", sweep, "--store", "whole.h5", ranks=3, timeout=PATIENCE)
    for name, store in ((signalled, "signalled.h5"), (ending, "ending.h5")):
        restarts = int(job(name)["Restarts"])
        check(restarts >= 1, f"{store} was done in one job\n{outputs()}")
        attempts = check_accounting(store, stops=restarts)
        # With one worker each stop interrupts one trial.
        check(sum(attempts) == TRIALS + restarts, f"{store}: {attempts} attempts in {restarts + 1} jobs")
        differences = store_differences("whole.h5", store)
        check(not differences, f"{store}: {differences}")
        with open(f"job-{name}.out") as output:
            text = output.read()
        check(text.count("queued again") == restarts, text)
        check(text.count("the time to stop has come") == (restarts if store == "ending.h5" else 0), text)
        print(f"{store}: {SECONDS_OF_WORK:g} s of work, {restarts + 1} jobs of one minute in {seconds:.0f} s, attempts of the trials "
              f"{attempts}; the store is that of one run")
