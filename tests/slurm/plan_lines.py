"""The sbatch lines that `edgesweep plan` proposes run a sweep, as one job and as an array, with the scripts found beside
the one that was submitted; the time they ask for is stated."""
import json
import os
import re
import subprocess

from cluster import SCRIPTS, outputs, wait_for_end
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep


def plan(*arguments):
    return json.loads(run("plan", *arguments, "--json").stdout)


def submit_line(line):
    # The line is one for the shell; where the scripts' folder is they have to find out.
    environment = {name: value for name, value in os.environ.items() if name != "EDGESWEEP_SOURCE"}
    done = subprocess.run(line.replace("sbatch ", "sbatch --parsable --output=job-%A.out ", 1), shell=True,
                          capture_output=True, text=True, timeout=120, env=environment)
    check(done.returncode == 0, f"{line}\n{done.stderr}")
    return done.stdout.strip()


with Workspace() as folder:
    os.chdir(folder)
    os.symlink(SCRIPTS, "slurm")
    sweep = write_sweep(folder, tiny_sweep(seeds=1), "it's mine.json")
    run("run", sweep, "--store", "whole.h5", "--set", "name=other")

    planned = plan(sweep, "--workers", "2", "--set", "name=other")
    seconds = planned["slurm"]["walltime_seconds"]
    check(seconds % 60 == 0 and 0 <= seconds - 120 - 2 * planned["makespan_seconds"] < 60, f"{planned}")
    [line] = planned["slurm"]["submit"]
    check(line.startswith("sbatch --ntasks=2 --time=00:03:00 slurm/sweep.sbatch '") and line.endswith(" other.h5 --set name=other"), line)
    check(line in run("plan", sweep, "--workers", "2", "--set", "name=other").stderr, line)
    check(wait_for_end(submit_line(line)) == [0], outputs())
    check(not store_differences("whole.h5", "other.h5"), f"{store_differences('whole.h5', 'other.h5')}")
    os.remove("other.h5")

    array_line, merge_line = plan(sweep, "--workers", "1", "--shards", "2", "--set", "name=other")["slurm"]["submit"]
    check(array_line.startswith("sbatch --array=1-2 --ntasks=1 --time=00:03:00 slurm/array.sbatch '"), array_line)
    array = submit_line(array_line)
    merge = submit_line(merge_line.replace("JOB", array))
    check(wait_for_end(f"{array}_1", f"{array}_2", merge) == [0, 0, 0], outputs())
    check(not store_differences("whole.h5", "other.h5"), f"{store_differences('whole.h5', 'other.h5')}")

    # A long sweep: days before the hyphen.
    long = tiny_sweep(grid=[{"batch": [48], "eta": [1e-3], "steps": 10**11}], records={"count": 3, "spacing": "log"})
    [line] = plan(write_sweep(folder, long, "long.json"))["slurm"]["submit"]
    check(re.search(r" --time=[1-9][0-9]*-[0-2][0-9]:[0-5][0-9]:00 ", line), line)
print("the lines of plan ran the sweep as one job and as an array")
