"""What the end-to-end tests share: starting edgesweep, tiny sweeps, comparing stores bit for bit."""
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

EDGESWEEP = os.environ["EDGESWEEP"]
SOURCE = os.environ["EDGESWEEP_SOURCE"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")

# May differ between two runs of one sweep: how long it took, how often it was tried, when it was made.
VOLATILE_DATASETS = {"wall_seconds", "attempts"}
VOLATILE_ATTRIBUTES = {"created"}

TINY_SWEEP = {
    "name": "tiny",
    "experiment": {
        "dataset": {"name": "mnist", "train": 48, "test": 20, "target": "parity", "preprocess": "zca"},
        "model": {"name": "mlp", "hidden": [12, 8], "activation": "erf"},
        "loss": "mse",
        "optimizer": {"momentum": 0.0, "l2": 0.0},
        "sampler": "epoch",
    },
    "grid": [
        {"batch": [1, 4], "eta_over_batch": {"log": [1e-3, 3e-1], "count": 4}, "epochs": 6},
        {"batch": [16, 48], "eta": {"log": [1e-2, 30.0], "count": 3}, "steps": 60},
    ],
    "seeds": 2,
    "records": {"count": 8, "spacing": "log"},
    "measure": {"loss": {}, "kernel_norm": {}, "hessian": {"top": 1, "tolerance": 1e-3}},
}


def tiny_sweep(**changes):
    """TINY_SWEEP with root keys replaced."""
    sweep = copy.deepcopy(TINY_SWEEP)
    sweep.update(changes)
    return sweep


def write_sweep(directory, sweep, name="sweep.json"):
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(sweep if isinstance(sweep, str) else json.dumps(sweep))
    return path


def mpi(ranks):
    """The start of a command line that runs on `ranks` ranks (0: without mpirun)."""
    if ranks == 0:
        return []
    return [MPIEXEC, "--oversubscribe", "--bind-to", "none", "-n", str(ranks)]


def command(*arguments, ranks=0):
    return mpi(ranks) + [EDGESWEEP, *map(str, arguments)]


def run(*arguments, ranks=0, expect=0, timeout=280):
    """Runs edgesweep to its end; stops the test unless it exits with `expect`."""
    done = subprocess.run(command(*arguments, ranks=ranks), capture_output=True, text=True, timeout=timeout)
    if expect is not None and done.returncode != expect:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}, expected {expect}\n"
                 f"{done.stdout}\n{done.stderr}")
    return done


def start(*arguments, ranks=0):
    """Starts edgesweep in a process group of its own."""
    return subprocess.Popen(command(*arguments, ranks=ranks), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            text=True, start_new_session=True)


def wait_for_store(process, path, after=None, timeout=60):
    """Until the store exists (and was changed since `after`, an earlier st_mtime_ns): its ranks are up and at work."""
    end = time.monotonic() + timeout
    while not os.path.exists(path) or (after is not None and os.stat(path).st_mtime_ns == after):
        check(process.poll() is None, f"ended with {process.returncode} before it wrote {path}")
        check(time.monotonic() < end, f"{path} did not appear in {timeout} s")
        time.sleep(0.02)


def changed_at(path):
    return os.stat(path).st_mtime_ns if os.path.exists(path) else None


def descendants(pid):
    """`pid` and every process below it: mpirun puts its ranks into sessions of their own."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def words_of(pid, name):
    """The words of /proc/PID/cmdline or environ; none if the process is gone."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def processes_of(process, command):
    """Rank → process id of what runs `edgesweep COMMAND` there."""
    found = {}
    for pid in descendants(process.pid):
        if words_of(pid, "cmdline")[1:2] == [command]:
            for word in words_of(pid, "environ"):
                if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found[int(word.split(b"=")[1])] = pid
    return found


def kill_everything(process):
    """SIGKILL to mpirun and all of its ranks at once."""
    for pid in descendants(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def store_differences(first, second):
    """Names of everything that differs bit for bit between two stores, the volatile apart."""
    differences = []
    with h5py.File(first, "r", locking=False) as a, h5py.File(second, "r", locking=False) as b:
        if list(a) != list(b):
            return [f"datasets {list(a)} and {list(b)}"]
        for name in a:
            if name not in VOLATILE_DATASETS and a[name][()].tobytes() != b[name][()].tobytes():
                where = np.argwhere(~((a[name][()] == b[name][()]) | ((a[name][()] != a[name][()]) & (b[name][()] != b[name][()]))))
                differences.append(f"{name} at {where[:3].tolist()}")
        for name in set(a.attrs) | set(b.attrs):
            if name not in VOLATILE_ATTRIBUTES and str(a.attrs.get(name)) != str(b.attrs.get(name)):
                differences.append(f"attribute {name}")
    return differences


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


class Workspace:
    """A temporary folder that goes away at the end: `with Workspace() as folder`."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="edgesweep-test-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
