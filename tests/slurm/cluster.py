"""What the tests on a real Slurm share. Importing it starts the importing script again inside tests/slurm/sandbox.sh."""
import glob
import json
import os
import re
import subprocess
import sys
import time

if "EDGESWEEP_SLURM_SANDBOX" not in os.environ:
    sandbox = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox.sh")
    os.execvp("bash", ["bash", sandbox, sys.executable, *sys.argv])

# mpirun waits that long after ranks that have ended with code 75.
os.environ["OMPI_MCA_odls_base_sigkill_timeout"] = "2"

import h5py
from harness import EDGESWEEP, SOURCE, check, run, write_sweep

SCRIPTS = os.path.join(SOURCE, "slurm")


def slurm(*arguments, expect=0):
    """A Slurm command to its end; its output."""
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, timeout=120)
    check(done.returncode == expect, f"{' '.join(map(str, arguments))}: exit code {done.returncode}, expected {expect}\n"
                                     f"{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def submit(script, *arguments, options=(), environment={}):
    """Submits a script of slurm/ from the current folder, output to job-<id>.out; the number of the job."""
    done = subprocess.run(["sbatch", "--parsable", "--output=job-%A.out", *options, os.path.join(SCRIPTS, script),
                           *map(str, arguments)],
                          capture_output=True, text=True, timeout=120, env={**os.environ, **environment})
    check(done.returncode == 0, done.stderr)
    return done.stdout.strip()


def job(name):
    """What Slurm knows of a job (or task of an array, JOB_I), by field."""
    return dict(re.findall(r"(\S+?)=(\S*)", slurm("scontrol", "show", "job", "--oneliner", name)))


def wait_until(condition, what, timeout=120):
    end = time.monotonic() + timeout
    while not condition():
        check(time.monotonic() < end, f"{what}: not in {timeout} s\n{outputs()}")
        time.sleep(0.1)


started = set()


def start_if_requeued(name):
    """Slurm lets a requeued job wait for two minutes; eight seconds do. In the same second slurmd would refuse it, since
    it has just revoked the credential of the run before ("Job already killed, do not launch"). The rest is
    for a busy machine, where slurmctld hears late of the end of the run before."""
    state = job(name)
    this = (name, state["Restarts"])
    if state["JobState"] == "PENDING" and state["Reason"] == "BeginTime" and this not in started:
        started.add(this)
        slurm("scontrol", "update", f"JobId={name}", "StartTime=now+8")


def wait_for_end(*names, timeout=180):
    """Until the jobs have ended, started again soon whenever they are requeued; their exit codes, as a shell has
    them."""
    def ended():
        for name in names:
            start_if_requeued(name)
        return all(job(name)["JobState"] in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL") for name in names)
    wait_until(ended, f"end of jobs {' '.join(names)}", timeout)
    ends = [map(int, job(name)["ExitCode"].split(":")) for name in names]
    return [128 + signal if signal else code for code, signal in ends]


def outputs():
    """What the jobs of the current folder and Slurm's daemons have printed, for messages."""
    text = slurm("squeue", "--states=all", "--long") + "\n"
    for path in (*sorted(glob.glob("job-*")), *glob.glob(os.environ["EDGESWEEP_SLURM_SANDBOX"] + "/log/slurm*")):
        with open(path) as file:
            text += f"--- {path}\n{file.read()}"
    return text


def counts(store):
    """Trials by status, or nothing while the store can't be read."""
    done = subprocess.run([EDGESWEEP, "status", store, "--json"], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)["counts"] if done.returncode == 0 else {}


def journal(store):
    """The store's journal, in order; empty before there is one."""
    try:
        with open(store + ".events.jsonl") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def events(store):
    """Names of the events in the store's journal, in order."""
    return [line["event"] for line in journal(store)]


def check_accounting(store, stops):
    """A store of a sweep with one batch size and one seed, done by one worker a job, that was stopped and resumed that
    often, each time in the middle of a trial: the journal says so, and `attempts` agrees with it. The attempts, of the
    trials that are not absent."""
    names = events(store)
    seen = {name: names.count(name) for name in ("opened", "reopened", "stopped", "interrupted", "resumed", "completed", "failed")}
    expected = {"opened": 1, "reopened": stops, "stopped": stops, "interrupted": stops, "resumed": stops, "completed": 1, "failed": 0}
    check(seen == expected, f"{store}: {seen}, expected {expected}\n{outputs()}")
    with h5py.File(store, "r", locking=False) as file:
        attempts = file["attempts"][()].flatten().tolist()
    for trial, count in enumerate(attempts):
        mine = [line["event"] for line in journal(store) if line.get("trial") == trial]
        # Absent trials have neither.
        check(mine.count("assigned") == count and mine.count("interrupted") == max(0, count - 1),
              f"{store}: trial {trial} has {count} attempts, its journal is {mine}")
    return [count for count in attempts if count > 0]


def steps_per_second(folder, sweep):
    """How fast two workers at once are with this short sweep, each."""
    run("run", write_sweep(folder, sweep, "short.json"), "--store", "short.h5", ranks=3)
    with h5py.File("short.h5", "r", locking=False) as store:
        return store["steps"][()].sum() / store["wall_seconds"][()].sum()


def wait_for_checkpoint(store, timeout=120):
    """Until a trial that is under way has left a checkpoint: an interruption now is one in the middle."""
    folder = store + ".checkpoints"
    wait_until(lambda: os.path.isdir(folder) and any(name.endswith(".ckpt") for name in os.listdir(folder)),
               f"a checkpoint in {folder}", timeout)
