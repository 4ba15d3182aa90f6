"""Sweeps over MPI ranks under faults at random: SIGKILL of trainers, ranks, the coordinator, mpirun and all of them; SIGTERM,
SIGINT, SIGUSR1; SIGSTOP and SIGCONT; a full disk; torn checkpoints and journals; faults inside the processes (EDGESWEEP_FAULTS).
Whatever came, resuming ends in the store, and the parameter files, of an undisturbed run, bit for bit.

EDGESWEEP_CHAOS_SECONDS (default 90) is how long, EDGESWEEP_TEST_SEED what comes. As root: the disk is a small one of its own."""
import collections
import os
import random
import shutil
import signal
import subprocess
import time

import h5py
import numpy as np

from harness import (Workspace, check, descendants, kill_everything, processes_of, run, start, store_differences,
                     tiny_sweep, write_sweep)
from small_disk import SmallDisk

SECONDS = float(os.environ.get("EDGESWEEP_CHAOS_SECONDS", "90"))
SEED = int(os.environ.get("EDGESWEEP_TEST_SEED", "20240419"))
WORKERS = 3
DISK_MEGABYTES = 24
DONE, DIVERGED = 2, 3
random.seed(SEED)
faults = collections.Counter()


def sweep_of(folder, factor):
    sweep = tiny_sweep(keep_parameters="final", records={"count": 24, "spacing": "log"})
    sweep["grid"][0]["epochs"] = int(1000 * factor)
    sweep["grid"][1]["steps"] = int(8000 * factor)
    return write_sweep(folder, sweep, "chaos.json")


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class Run:
    """One mpirun of the sweep, and what can be done to it while it lives."""

    def __init__(self, sweep, store, disk):
        self.store, self.disk = store, disk
        self.plan = random_plan() if random.random() < 0.3 else ""
        if self.plan:
            os.environ["EDGESWEEP_FAULTS"] = self.plan
        self.process = start("run", sweep, "--store", store, "--resume", "--checkpoint-interval", 0.3, "--heartbeat-timeout", 2,
                             "--patience", 60, ranks=WORKERS + 1)
        os.environ.pop("EDGESWEEP_FAULTS", None)
        self.family = set()

    def alive(self):
        if self.process.poll() is not None:
            return False
        self.family |= set(descendants(self.process.pid))
        return True

    def some(self, command):
        found = list(processes_of(self.process, command).items())
        return random.choice(found) if found else (None, None)

    def rank(self, lowest):
        found = [pid for rank, pid in processes_of(self.process, b"run").items() if rank >= lowest]
        return random.choice(found) if found else None

    def signal(self, name, pid, number):
        if pid is not None and send(pid, number):
            faults[name] += 1

    def pause(self, name, pids):
        stopped = [pid for pid in pids if pid is not None and send(pid, signal.SIGSTOP)]
        if stopped:
            faults[name] += 1
            time.sleep(random.uniform(0.1, 1))
            for pid in stopped:
                send(pid, signal.SIGCONT)

    def full_disk(self):
        self.disk.fill()
        faults["full disk"] += 1
        time.sleep(random.uniform(0.2, 2))
        self.disk.free()

    def strike(self):
        """One fault. Those that end the whole job are rarer, so that the sweep gets on."""
        trainer = self.some(b"trainer")[1]
        strikes = [
            (4, lambda: self.signal("SIGKILL trainer", trainer, signal.SIGKILL)),
            (1, lambda: self.signal("SIGSEGV trainer", trainer, signal.SIGSEGV)),
            (1, lambda: self.signal("SIGSTOP trainer for good", trainer, signal.SIGSTOP)),
            (2, lambda: self.pause("SIGSTOP/CONT trainer", [trainer])),
            (1, lambda: self.pause("SIGSTOP/CONT worker rank", [self.rank(1)])),
            (1, lambda: self.pause("SIGSTOP/CONT coordinator", [processes_of(self.process, b"run").get(0)])),
            (1, lambda: self.pause("SIGSTOP/CONT all", descendants(self.process.pid))),
            (3, self.full_disk),
            (1, lambda: self.signal("SIGKILL worker rank", self.rank(1), signal.SIGKILL)),
            (1, lambda: self.signal("SIGKILL coordinator", processes_of(self.process, b"run").get(0), signal.SIGKILL)),
            (1, lambda: self.signal("SIGKILL mpirun", self.process.pid, signal.SIGKILL)),
            (1, self.kill_all),
            (1, lambda: self.signal("SIGTERM mpirun", self.process.pid, signal.SIGTERM)),
            (1, lambda: self.signal("SIGINT mpirun", self.process.pid, signal.SIGINT)),
            (1, lambda: self.signal("SIGUSR1 mpirun", self.process.pid, signal.SIGUSR1)),
            (1, lambda: self.signal("SIGTERM worker rank", self.rank(1), signal.SIGTERM)),
        ]
        random.choices([strike for _, strike in strikes], [weight for weight, _ in strikes])[0]()

    def kill_all(self):
        kill_everything(self.process)
        faults["SIGKILL all"] += 1

    def end(self):
        """Waits until it and all its processes are gone, so that the store has no owner; its exit code and messages."""
        self.disk.free()
        try:
            errors = self.process.communicate(timeout=90)[1]
        except subprocess.TimeoutExpired:
            family = [(pid, command_of(pid)) for pid in descendants(self.process.pid)]
            kill_everything(self.process)
            check(False, f"seed {SEED}: a run does not end, faults {self.plan!r}: {family}")
        limit = time.monotonic() + 20
        while any(command_of(pid) for pid in self.family):
            check(time.monotonic() < limit, f"seed {SEED}: processes outlive their job: {[command_of(pid) for pid in self.family]}")
            time.sleep(0.05)
        if self.plan and self.process.returncode not in (0, 75):
            faults["faults inside that ended a job"] += 1
        return self.process.returncode, errors


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def random_plan():
    worker = random.randint(1, WORKERS)
    soon, late = random.randint(1, 40), random.randint(1, 2000)
    return random.choice([
        f"rank0/write@chaos.h5:{late}:kill", f"rank0/write@chaos.h5:{late}:torn", f"rank0/sync:{late}:kill",
        f"rank0/sync:{soon}-{soon + 5}:EIO", f"rank0/write@chaos.h5:{late}-{late + 20}:EDQUOT", f"rank0/write@events:{soon}:torn",
        f"rank0/write@events:{soon}-{soon + 9}:ENOSPC", f"rank{worker}/write@.ckpt:{soon}:torn", f"rank{worker}/sync@.ckpt:{soon}:EIO",
        f"rank{worker}/rename@.ckpt:{soon}:kill", f"rank{worker}/rename@.ckpt:{soon}-{soon + 3}:EIO", f"rank{worker}/write@.pt:1-3:ENOSPC",
        f"rank{worker}/send@mpi:{late}:kill", f"rank{worker}/send@mpi:{late}:EPIPE", f"rank0/receive@mpi:{late}:kill",
        f"rank{worker}/receive@trainer:{late}:EPIPE", f"trainer{worker}/send:{late}:kill", f"trainer{worker}/send:{late}:EPIPE",
        f"trainer{worker}/receive:{soon}:kill", f"trainer{worker}/send:{late}:stop"])


def tear_files(store):
    """What a crash of the whole machine may leave."""
    folder = store + ".checkpoints"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    newest = [os.path.join(folder, name) for name in names if name.endswith(".ckpt")]
    if newest and random.random() < 0.5:
        path = random.choice(newest)
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            if random.random() < 0.5:
                file.truncate(random.randrange(size))
            else:
                file.seek(random.randrange(size))
                file.write(b"\x55")
        faults["torn checkpoint"] += 1
    if newest and random.random() < 0.2:
        os.remove(random.choice(newest))
        faults["lost checkpoint"] += 1
    if random.random() < 0.3:
        with open(store + ".events.jsonl", "r+b") as file:
            file.truncate(max(0, os.path.getsize(store + ".events.jsonl") - random.randrange(1, 60)))
        faults["torn journal"] += 1


def finished_trials(store):
    with h5py.File(store, "r", locking=False) as file:
        records, steps, status = file["records"][()], file["step"][()], file["status"][()]
        for index in np.ndindex(records.shape):
            check(np.isfinite(steps[index][:records[index]]).all(), f"seed {SEED}: a committed record of {index} is missing")
        return set(map(tuple, np.argwhere((status == DONE) | (status == DIVERGED)).tolist()))


def file_contents(folder):
    return {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))}


def survive(sweep, whole, disk, deadline):
    """Runs the sweep through faults until it is done; no more faults after the deadline. How many runs it took."""
    store = os.path.join(disk.path, "chaos.h5")
    finished, runs = set(), 0
    while True:
        runs += 1
        current = Run(sweep, store, disk)
        calm_until = time.monotonic() + random.uniform(2, 5)  # it has to start
        while current.alive():
            time.sleep(random.uniform(0.05, 0.4))
            if calm_until < time.monotonic() < deadline and os.path.exists(store):
                current.strike()
        code, errors = current.end()
        check(code not in (2,), f"seed {SEED}: bad input? {errors}")
        if os.path.exists(store):
            now = finished_trials(store)
            check(finished <= now, f"seed {SEED}: finished trials are gone: {finished - now}")
            finished = now
            if code == 0:
                break
            tear_files(store)
        check(runs < 1000, "no end")
    differences = store_differences(whole, store)
    check(not differences, f"seed {SEED}: {differences}")
    check(file_contents(whole + ".parameters") == file_contents(store + ".parameters"), f"seed {SEED}: parameter files differ")
    left = [name for name in os.listdir(disk.path) if name not in ("chaos.h5", "chaos.h5.events.jsonl", "chaos.h5.parameters")]
    check(not left, f"seed {SEED}: left behind: {left}")
    for name in os.listdir(disk.path):
        path = os.path.join(disk.path, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return runs


with Workspace() as folder, SmallDisk(os.path.join(folder, "disk"), DISK_MEGABYTES) as disk:
    sweep, whole = sweep_of(folder, 1), os.path.join(folder, "whole.h5")
    began = time.monotonic()
    run("run", sweep, "--store", whole, ranks=WORKERS + 1)
    calm, rounds = time.monotonic() - began, []
    deadline = began + calm + SECONDS
    while time.monotonic() < deadline:
        rounds.append(survive(sweep, whole, disk, deadline))
        print(f"{time.monotonic() - began:.0f} s: sweep {len(rounds)} done in {rounds[-1]} runs, {sum(faults.values())} faults so far", flush=True)
for name, count in faults.most_common():
    print(f"{count:5d} {name}")
print(f"seed {SEED}: {sum(faults.values())} faults in {len(rounds)} sweeps and {sum(rounds)} runs (an undisturbed one takes {calm:.0f} s); "
      "every store is that of an undisturbed run")
