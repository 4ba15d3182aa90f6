"""`status` tells how a sweep stands while it runs, after a kill -9 and at its end: workers, rates, time left; --watch redraws
on a terminal, prints lines elsewhere, and ends with the sweep."""
import json
import os
import pty
import re
import signal
import subprocess
import time

import h5py
from harness import Workspace, check, command, kill_everything, run, start, tiny_sweep, write_sweep

FAILED = 4


def status(store):
    return json.loads(run("status", store, "--json").stdout)


def text(store):
    done = run("status", store)
    check(done.stdout == "", f"stdout has only JSON: {done.stdout}")
    lines = done.stderr.splitlines()
    check(max(map(len, lines)) <= 80, f"wider than 80 columns:\n{done.stderr}")
    return done.stderr


def wait_until(process, condition, what):
    """However long it takes: the sweep is far longer."""
    while not (seen := condition()):
        check(process.poll() is None, f"the sweep ended before {what}: {process.returncode}")
        time.sleep(0.2)
    return seen


def watch(store, *arguments, **streams):
    return subprocess.Popen(command("status", store, "--watch", "0.1", *arguments), text=True, **streams)


def a_running_sweep_and_a_killed_one(folder):
    path = write_sweep(folder, tiny_sweep(grid=[{"batch": [1, 4], "eta": {"log": [1e-4, 1e-2], "count": 12}, "steps": 20000}],
                                          seeds=40, measure={"loss": {}}), "long.json")
    store = os.path.join(folder, "long.h5")
    process = start("run", path, "--store", store, ranks=3)

    def lively():
        if not os.path.exists(store):
            return None
        shown = status(store)
        busy = [worker for worker in shown["workers"] if worker["state"] == "running"]
        known = shown["run"] and shown["run"]["seconds_left"] and shown["run"]["records_per_second"] and shown["run"]["trials_per_hour"]
        return shown if known and len(busy) == 2 else None

    shown = wait_until(process, lively, "two workers, a rate and a time left were seen")
    check(shown["state"] == "running" and shown["owned"] and shown["owner"]["pid"] > 0, str(shown["owner"]))
    check([worker["rank"] for worker in shown["workers"]] == [1, 2], str(shown["workers"]))
    check(len({worker["trial"] for worker in shown["workers"]}) == 2, f"one trial twice: {shown['workers']}")
    for worker in shown["workers"]:
        check(0 <= worker["step"] <= worker["steps"] == 20000 and worker["records"] <= worker["records_total"], str(worker))
        place = shown["cells"][worker["trial"] // 40]
        check((worker["batch"], worker["eta"], worker["point"]) == (place["batch"], place["eta"], place["point"]), str(worker))
    told = text(store)
    for words in ("tiny: running for ", " left\n", " a second", " trials an hour", "worker "):
        check(words in told, f"no {words!r} in\n{told}")
    print(told)

    # Ctrl-C ends the watch, not the sweep.
    watcher = watch(store, stderr=subprocess.PIPE)
    check("tiny: running" in watcher.stderr.readline(), "no line of a watch without a terminal")
    watcher.send_signal(signal.SIGINT)
    watcher.communicate(timeout=60)
    check(watcher.returncode == 75, f"exit code {watcher.returncode} of a watch that was interrupted")
    check(process.poll() is None, "the sweep ended with its watch")

    kill_everything(process)
    check(os.path.exists(store + ".progress.json"), "kill -9 leaves the file")
    killed = status(store)
    check(not killed["owned"] and killed["owner"] is None and killed["state"] == "incomplete", str(killed["owner"]))
    check(killed["run"] is None and killed["workers"] == [], "what a killed run left is shown as if it ran")
    check(killed["counts"]["running"] > 0 and "interrupted" in text(store), text(store))
    check("nobody runs it; go on with --resume" in text(store), text(store))
    once = subprocess.run(command("status", "--watch", store), capture_output=True, text=True, timeout=60)
    check(once.returncode == 0 and len(once.stderr.splitlines()) == 1, f"a watch of what nobody runs: {once}")


def frames(terminal):
    """All that comes from the other side of a pseudo-terminal."""
    content = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # EIO: the other side is closed
            return content.decode()
        if not part:
            return content.decode()
        content += part


def watched_to_the_end(folder):
    path = write_sweep(folder, tiny_sweep(grid=[{"batch": [1, 4], "eta": {"log": [1e-4, 1e-2], "count": 6}, "steps": 40000}],
                                          measure={"loss": {}}), "watched.json")
    store = os.path.join(folder, "watched.h5")
    process = start("run", path, "--store", store, ranks=3)
    wait_until(process, lambda: os.path.exists(store + ".lock"), "it took the lock")
    # From here on there is an owner: a watch may come before the store.
    terminal, other = pty.openpty()
    on_terminal = watch(store, stderr=other)
    os.close(other)
    lines = watch(store, stderr=subprocess.PIPE)
    documents = watch(store, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    screen = frames(terminal)
    shown = [json.loads(line) for line in documents.communicate()[0].splitlines()]
    plain = lines.communicate()[1].splitlines()
    process.communicate()
    check(process.returncode == 0, f"exit code {process.returncode} of the run")
    for watcher in (on_terminal, lines, documents):
        check(watcher.wait() == 0, f"exit code {watcher.returncode} of a watch")

    check(len(re.findall(r"\x1b\[\d+A", screen)) >= 2, f"not redrawn in place: {screen[-2000:]!r}")
    check("tiny: done" in screen.split("\x1b[")[0] + screen[-4000:], f"the last frame: {screen[-2000:]!r}")
    for code in re.findall(r"\x1b\[\??[\d;]*[a-zA-Z]", screen):
        check(code[-1] in "AKJH", f"{code!r} would have to be undone")
    check(shown[-1]["state"] == "done" and not shown[-1]["owned"], str(shown[-1]["state"]))
    check(all(document["state"] == "running" for document in shown[:-1]) and len(shown) >= 2, f"{len(shown)} documents")
    records = [document["records"]["done"] for document in shown]
    check(records == sorted(records), f"records went backwards: {records}")
    check("tiny: done" in plain[-1] and len(set(plain)) == len(plain), "\n".join(plain))

    last = status(store)
    check(last["counts"]["done"] + last["counts"]["diverged"] == last["trials"] == 24, str(last["counts"]))
    check(last["workers"] == [] and last["run"] is None and last["wall_seconds"] > 0, str(last))
    check(not [name for name in os.listdir(folder) if name.startswith("watched.h5.progress")], "the progress file stays")
    check("tiny: done" in text(store) and "24 of 24" in text(store), text(store))
    return store


def odd_stores(folder, store):
    # Failed trials without an event log, and with a torn one.
    with h5py.File(store, "r+", locking=False) as file:
        file["status"][0, 0, 0] = FAILED
    os.rename(store + ".events.jsonl", store + ".kept")
    shown = status(store)
    check(shown["state"] == "failed" and [f["reason"] for f in shown["failures"]] == ["not in the event log"], str(shown["failures"]))
    check("1 failed; --resume tries them again" in text(store) and "not in the event log" in text(store), text(store))
    with open(store + ".events.jsonl", "w") as file:
        file.write('{"time":"2026-01-31T12:00:00Z","event":"failed","trial":0,"reason":"its disk was eaten"}\n'
                   '{"time":3,"event":"failed","trial":"zero"}\n{"event":"failed","trial":99999}\n{"event":"fail')
    check("failed, 1 attempt: its disk was eaten\n  B=1 eta=0.0001 seed 0\n" in text(store), text(store))

    # An owner that is no run, as a merge is: watched until it goes.
    with open(store + ".lock", "w") as file:
        file.write("damaged")
    check("owned by whoever left a damaged lock: a run that starts, or a merge" in text(store), text(store))
    watcher = watch(store, "--json", stdout=subprocess.PIPE)
    check(json.loads(watcher.stdout.readline())["owned"], "not owned")
    os.remove(store + ".lock")
    rest = watcher.communicate(timeout=60)[0].splitlines()
    check(not json.loads(rest[-1])["owned"] and watcher.returncode == 0, f"{watcher.returncode}")

    # An owner that has not made the store yet, and never does.
    missing = os.path.join(folder, "missing.h5")
    with open(missing + ".lock", "w") as file:
        file.write("damaged")
    watcher = watch(missing, stderr=subprocess.PIPE)
    check("not made yet" in watcher.stderr.readline(), "does not say that it waits")
    os.remove(missing + ".lock")
    check("missing.h5" in watcher.communicate(timeout=60)[1] and watcher.returncode == 2, f"exit code {watcher.returncode}")

    path = write_sweep(folder, tiny_sweep(), "parts.json")
    part = os.path.join(folder, "part.h5")
    run("run", path, "--store", part, "--shard", "1/2")
    check("tiny, shard 1/2: done" in text(part), text(part))

    for wrong, says in ((("status",), "store is required"), (("status", store, "--watch", "0"), "--watch"),
                        (("status", store, "--watch", "often"), "--watch"), (("status", "--watch", "3"), "store is required")):
        refused = run(*wrong, expect=2)
        check(says in refused.stderr and len(refused.stderr.splitlines()) == 1, refused.stderr)


with Workspace() as folder:
    a_running_sweep_and_a_killed_one(folder)
    odd_stores(folder, watched_to_the_end(folder))
print("status and its watch tell how a sweep stands, from its start to its end")
