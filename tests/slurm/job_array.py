"""A job array of four with one task cancelled, one requeued and one whose time is up: merged, the cancelled part resumed and merged again, it is
the store of one undisturbed run."""
import os

from cluster import counts, events, job, outputs, slurm, submit, wait_for_checkpoint, wait_for_end, wait_until
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

with Workspace() as folder:
    os.chdir(folder)
    sweep = tiny_sweep(records={"count": 24, "spacing": "log"}, seeds=1)
    sweep["grid"][0]["epochs"] = 2500
    sweep["grid"][1]["steps"] = 40000
    sweep = write_sweep(folder, sweep)
    run("run", sweep, "--store", "whole.h5", ranks=3)

    parts = [f"sweep.part-{i}-of-4.h5" for i in (1, 2, 3, 4)]
    arguments = (sweep, "sweep.h5", "--checkpoint-interval", "0.2")
    array = submit("array.sbatch", *arguments, options=["--array=1-4", "--ntasks=1", "--time=10"])
    merge = submit("merge.sbatch", "sweep.h5", options=[f"--dependency=afterany:{array}"])
    for part in parts[1:]:
        wait_for_checkpoint(part)
    slurm("scancel", f"{array}_2")
    slurm("scontrol", "requeue", f"{array}_3")
    # As before its time limit. The last task has the number of the whole array: only it may be queued again.
    slurm("scancel", "--batch", "--signal=USR1", f"{array}_4")
    for i in (3, 4):
        wait_until(lambda: job(f"{array}_{i}")["JobState"] == "PENDING", f"requeue of task {i}", 60)
    check(job(f"{array}_1")["Restarts"] == "0", "task 1 was queued again with task 4")
    check(job(merge)["JobState"] == "PENDING", "the merge did not wait for the requeued tasks")
    codes = wait_for_end(*(f"{array}_{i}" for i in (1, 3, 4)))
    check(codes == [0, 0, 0], f"tasks 1, 3 and 4 ended with {codes}\n{outputs()}")
    check(job(f"{array}_2")["JobState"] == "CANCELLED", str(job(f"{array}_2")))
    check(wait_for_end(merge) == [75], f"merge with a part that is not done\n{outputs()}")
    check("trials are left" in outputs(), outputs())
    left = counts("sweep.h5")["pending"]
    check(left == counts(parts[1])["pending"] > 0, f"{left} trials left, {counts(parts[1])} in part 2")

    again = submit("array.sbatch", *arguments, options=["--array=2", "--ntasks=1", "--time=10"], environment={"EDGESWEEP_PARTS": "4"})
    merge = submit("merge.sbatch", "sweep.h5", options=[f"--dependency=afterany:{again}"])
    check(wait_for_end(again + "_2", merge) == [0, 0], outputs())
    differences = store_differences("whole.h5", "sweep.h5")
    check(not differences, f"{differences}")
    for part in parts[1:]:
        check(events(part).count("reopened") == 1 and "resumed" in events(part), f"{part}: {events(part)}")

    # One task of an array does not tell the number of parts: refused, nothing made.
    wrong = submit("array.sbatch", sweep, "other.h5", options=["--array=2", "--ntasks=1"])
    check(wait_for_end(wrong + "_2") == [2] and "EDGESWEEP_PARTS" in outputs(), outputs())
    check(not [name for name in os.listdir(".") if name.startswith("other")], "a refused task leaves files")
print(f"4 tasks, {left} trials of the cancelled one resumed: the merged store is that of one run")
