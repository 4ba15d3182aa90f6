"""Trainer processes that die cost one trial's time since its last checkpoint and nothing else; a trial that kills every
trainer ends as failed; a rank that dies takes its trainer along and ends the job. The store is that of an undisturbed run."""
import atexit
import json
import os
import random
import shutil
import signal
import time

import h5py

from harness import (SOURCE, Workspace, changed_at, check, kill_everything, processes_of, run, start, store_differences,
                     tiny_sweep, wait_for_store, words_of, write_sweep)

WORKERS = 3
STEPS = 300000  # 2 s on a fast machine
INTERVAL = 0.5  # seconds between checkpoints
DONE, FAILED = 2, 4


def long_trials(count):
    return tiny_sweep(grid=[{"batch": [1], "eta": {"log": [1e-4, 1e-2], "count": count}, "steps": STEPS}], seeds=1,
                      records={"count": 40, "spacing": "linear"}, measure={"loss": {}})


def trainers_of(process):
    return processes_of(process, b"trainer")


def send_signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def cpu_ticks(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[11]) + int(fields[12])


class Journal:
    """The event log of a store, with the moments at which its lines were first seen."""

    def __init__(self, store):
        self.path, self.events, self.seen, self.offset = store + ".events.jsonl", [], [], 0

    def read(self):
        if os.path.exists(self.path):
            with open(self.path) as file:
                file.seek(self.offset)
                text = file.read()
            whole = text[:text.rfind("\n") + 1]
            self.offset += len(whole.encode())
            for line in whole.splitlines():
                self.events.append(json.loads(line))
                self.seen.append(time.monotonic())
        return self.events

    def of(self, trial, *names):
        return [event for event in self.read() if event.get("trial") == trial and event["event"] in names]

    def running(self):
        """Trial → rank."""
        now = {}
        for event in self.read():
            if event["event"] == "assigned":
                now[event["trial"]] = event["rank"]
            elif event["event"] in ("finished", "failed", "interrupted"):
                now.pop(event["trial"], None)
        return now


def begin(*arguments):
    """Starts `edgesweep run` on all ranks; whatever happens, nothing of it outlives this test."""
    process = start("run", *arguments, "--checkpoint-interval", INTERVAL, ranks=WORKERS + 1)
    atexit.register(lambda: process.poll() is None and kill_everything(process))
    return process


def wait_until(process, condition, what, timeout=120):
    end = time.monotonic() + timeout
    while not (found := condition()):
        check(process.poll() is None, f"ended with {process.returncode} before {what}")
        check(time.monotonic() < end, f"not in {timeout} s: {what}")
        time.sleep(0.01)
    return found


def longest_pause(pids, seconds):
    """The longest time in which one of the processes used no processor time."""
    pauses, last = [0.0], {pid: (cpu_ticks(pid), time.monotonic()) for pid in pids}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)
        for pid in pids:
            ticks, now = cpu_ticks(pid), time.monotonic()
            check(ticks is not None, "another trainer ended as well")
            pauses.append(now - last[pid][1])
            if ticks != last[pid][0]:
                last[pid] = ticks, now
    return max(pauses)


def end_of(process, expect):
    _, errors = process.communicate(timeout=250)
    check(process.returncode == expect, f"exit code {process.returncode}, expected {expect}\n{errors}")
    return errors


def deaths_cost_one_interval(folder, path, whole):
    """Killed, crashed, aborted and hung trainers, one after the other in one run."""
    store = os.path.join(folder, "deaths.h5")
    process = begin(path, "--store", store, "--hang-timeout", 3)
    journal = Journal(store)
    deaths = ((signal.SIGKILL, "killed by signal 9 (Killed)"), (signal.SIGSEGV, "killed by signal 11 (Segmentation fault)"),
              (signal.SIGABRT, "killed by signal 6 (Aborted)"), (signal.SIGSTOP, "no progress for 3 s"))
    hit = []
    for number, reason in deaths:
        def victim():
            for trial, rank in journal.running().items():
                saved = journal.of(trial, "checkpointed")
                if trial not in hit and saved and saved[-1]["step"] < STEPS / 2 and rank in trainers_of(process):
                    return trial, rank
        trial, rank = wait_until(process, victim, "a trial had a checkpoint")
        hit.append(trial)
        time.sleep(random.uniform(0, INTERVAL / 2))
        trainers = trainers_of(process)
        check(len(trainers) == WORKERS, f"trainers: {trainers}")
        for pid in trainers.values():  # only their ranks decide
            for harmless in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
                send_signal(pid, harmless)
        killed_at = time.monotonic()
        send_signal(trainers[rank], number)
        pause = longest_pause([pid for other, pid in trainers.items() if other != rank], 2)
        check(pause < 1, f"another trainer paused for {pause:.2f} s")
        failed = wait_until(process, lambda: journal.of(trial, "failed"), "the journal told of the death")
        check(reason in failed[0]["reason"], failed[0]["reason"])
        resumed = wait_until(process, lambda: journal.of(trial, "resumed"), "the trial was taken up again")
        saved = [(event, seen) for event, seen in zip(journal.events, journal.seen)
                 if event.get("trial") == trial and event["event"] == "checkpointed"]
        before = journal.events.index(failed[0])
        event, seen = [pair for pair in saved if journal.events.index(pair[0]) < before][-1]
        check(resumed[0]["step"] == event["step"], f"resumed at {resumed[0]['step']}, last checkpoint {event['step']}")
        check(resumed[0]["rank"] != rank, "the same worker took the trial up again")
        repeated = max(0.0, killed_at - seen)
        check(repeated < INTERVAL + 0.5, f"{repeated:.2f} s of work repeated")
        print(f"{signal.Signals(number).name}: others paused {pause:.2f} s at most, {repeated:.2f} s repeated, {reason!r}")
    end_of(process, 0)
    differences = store_differences(whole, store)
    check(not differences, str(differences))


def a_deadly_trial_fails(folder, path):
    store = os.path.join(folder, "deadly.h5")
    process = begin(path, "--store", store)
    journal = Journal(store)
    deadly = wait_until(process, lambda: next(iter(journal.running()), None) is not None and list(journal.running()),
                        "a trial ran")[0]
    while process.poll() is None:
        rank = journal.running().get(deadly)
        if rank is not None and rank in trainers_of(process):
            send_signal(trainers_of(process)[rank], signal.SIGKILL)
        time.sleep(0.05)
    end_of(process, 3)
    failures = journal.of(deadly, "failed")
    check(len(failures) == 3, f"{len(failures)} attempts")
    check(all(a["rank"] != b["rank"] for a, b in zip(failures, failures[1:])), f"not on other workers: {failures}")
    with h5py.File(store, "r", locking=False) as file:
        status = file["status"][()].ravel().tolist()
    check(status[deadly] == FAILED and status.count(DONE) == len(status) - 1, f"status {status}")
    told = run("status", store)
    check("trainer process killed by signal 9 (Killed)" in told.stdout + told.stderr, told.stdout + told.stderr)
    print("a trial that loses its trainer every time: failed after 3 attempts, all others done")


def a_dead_rank_ends_the_job(folder, path, whole):
    store = os.path.join(folder, "ranks.h5")
    for rank in (WORKERS, 0):
        before = changed_at(store)
        process = begin(path, "--store", store, "--resume")
        wait_for_store(process, store, before)
        wait_until(process, lambda: len(trainers_of(process)) == WORKERS, "every rank had its trainer")
        time.sleep(1)
        ranks, trainers = processes_of(process, b"run"), trainers_of(process)
        began = time.monotonic()
        send_signal(ranks[rank], signal.SIGKILL)
        process.communicate(timeout=30)
        took = time.monotonic() - began
        check(took < 5, f"the job ended {took:.1f} s after the death of rank {rank}")
        check(process.returncode != 0, "exit code 0 after a rank was killed")
        time.sleep(0.2)
        left = [pid for pid in trainers.values() if words_of(pid, "cmdline")[1:2] == [b"trainer"]]
        check(not left, f"trainers left over: {left}")
        with h5py.File(store, "r", locking=False) as file:
            records = int(file["records"][()].sum())
        print(f"kill -9 of rank {rank}: the job ended in {took:.2f} s, code {process.returncode}, {records} records kept")
    run("run", path, "--store", store, "--resume", ranks=WORKERS + 1)
    differences = store_differences(whole, store)
    check(not differences, str(differences))


def a_worker_without_data_leaves(folder, path):
    data, store = os.path.join(folder, "data"), os.path.join(folder, "without.h5")
    shutil.copytree(os.path.join(SOURCE, "sweeps", "data"), data)
    process = begin(path, "--store", store, "--data", data)
    journal = Journal(store)
    wait_until(process, lambda: len(journal.running()) == WORKERS, "every worker had a trial")
    shutil.rmtree(data)
    send_signal(trainers_of(process)[1], signal.SIGKILL)
    errors = end_of(process, 0)
    check("worker lost: " in errors and "train-images-idx3-ubyte" in errors, errors)
    check(not [event for event in journal.read() if event["event"] == "finished" and event["rank"] == 1],
          "worker 1 finished a trial without data")
    print("a worker whose new trainer finds no data leaves the run, the others finish it")


with Workspace() as folder:
    sweep = write_sweep(folder, long_trials(16))
    whole = os.path.join(folder, "whole.h5")
    began = time.monotonic()
    run("run", sweep, "--store", whole, ranks=WORKERS + 1)
    print(f"undisturbed: {time.monotonic() - began:.1f} s")
    deaths_cost_one_interval(folder, sweep, whole)
    a_dead_rank_ends_the_job(folder, sweep, whole)
    four = write_sweep(folder, long_trials(4), "four.json")
    a_deadly_trial_fails(folder, four)
    a_worker_without_data_leaves(folder, four)
