"""Shards of any N, with overlaps, merge to the store of one run; merging is idempotent and order does not matter; an
interrupted shard's checkpoint goes on in the merged store; a changed sweep keeps what was finished."""
import json
import os
import time

import h5py
from harness import (Workspace, check, kill_everything, run, start, store_differences, tiny_sweep,
                     wait_for_store, write_sweep)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def journal(path):
    with open(path + ".events.jsonl") as file:
        return [json.loads(line) for line in file]


def statuses(path):
    with h5py.File(path, "r", locking=False) as store:
        return store["status"][()].ravel().tolist()


with Workspace() as folder:
    os.chdir(folder)
    sweep = write_sweep(folder, tiny_sweep(keep_parameters="final"))
    run("run", sweep, "--store", "whole.h5")
    for shard in ("1/3", "2/3", "3/3", "2/2", "40/40"):
        run("run", sweep, "--store", f"part-{shard.replace('/', '-')}.h5", "--shard", shard, ranks=3 if shard == "2/2" else 0)
    owned = sum(statuses(f"part-{i}-3.h5").count(2) + statuses(f"part-{i}-3.h5").count(3) for i in (1, 2, 3))
    check(owned == 28, f"three shards share the 28 trials: {owned}")

    # Shards of different N overlap; whatever the order, the merged store is that of one run.
    run("merge", "merged.h5", "part-1-3.h5", "part-2-2.h5", "part-3-3.h5", "part-2-3.h5", "part-40-40.h5")
    check(not store_differences("whole.h5", "merged.h5"), f"{store_differences('whole.h5', 'merged.h5')}")
    run("merge", "other-order.h5", "part-40-40.h5", "part-2-3.h5", "part-3-3.h5", "part-2-2.h5", "part-1-3.h5")
    check(content("merged.h5") == content("other-order.h5"), "the order of the parts changes the merged store")
    before = content("merged.h5"), content("merged.h5.events.jsonl"), sorted(os.listdir("merged.h5.parameters"))
    run("merge", "merged.h5", "part-2-3.h5", "part-1-3.h5")
    after = content("merged.h5"), content("merged.h5.events.jsonl"), sorted(os.listdir("merged.h5.parameters"))
    check(before == after, "merging again changes the store, its journal or its parameter files")
    check(len(before[2]) == 28, f"{len(before[2])} parameter files")
    finished = sum(event["event"] == "finished" for event in journal("merged.h5"))
    check(finished >= 28, f"the merged journal knows {finished} ends")

    # A store of a shard goes on as that shard, and refuses to be another; a part of another sweep is refused.
    run("run", sweep, "--store", "part-1-3.h5", "--resume")
    refused = run("run", sweep, "--store", "part-1-3.h5", "--resume", "--shard", "2/3", expect=2)
    check("holds shard 1/3, --shard asks for 2/3" in refused.stderr, refused.stderr)
    refused = run("run", sweep, "--store", "whole.h5", "--resume", "--shard", "2/3", expect=2)
    check("holds the whole sweep" in refused.stderr, refused.stderr)
    for wrong in ("0/3", "4/3", "1", "1/", "a/b", "1/3/5", "-1/3"):
        refused = run("run", sweep, "--store", "none.h5", f"--shard={wrong}", expect=2)
        check("--shard" in refused.stderr and len(refused.stderr.splitlines()) == 1, refused.stderr)
    other = write_sweep(folder, tiny_sweep(seeds=1, keep_parameters="final"), "other.json")
    run("run", other, "--store", "other.h5")
    before = content("merged.h5")
    refused = run("merge", "merged.h5", "part-1-3.h5", "other.h5", expect=2)
    check("other.h5" in refused.stderr and "seeds" in refused.stderr, refused.stderr)
    check(content("merged.h5") == before, "a refused merge changes the store")
    with open("torn.h5", "wb") as file:
        file.write(before[:5000])
    refused = run("merge", "none.h5", "torn.h5", expect=2)
    check(not os.path.exists("none.h5") and not [f for f in os.listdir(".") if "merging" in f], "a refused merge leaves files")
    shown = json.loads(run("status", "part-1-3.h5", "--json").stdout)
    check(shown["shard"] == "1/3" and shown["trials"] == sum(shown["counts"].values()), str(shown))
    run("export", "part-1-3.h5", "--table", "phase", "--format", "csv", "-o", "phase.csv")

    # A shard that was killed: what it committed is merged, and its checkpoint goes on in the merged store.
    slow = tiny_sweep(seeds=1, grid=[{"batch": [1], "eta": [1e-3, 2e-3], "steps": 60000}], measure={"loss": {}})
    slow = write_sweep(folder, slow, "slow.json")
    run("run", slow, "--store", "slow-whole.h5")
    process = start("run", slow, "--store", "slow-1.h5", "--shard", "1/2", "--checkpoint-interval", "0.05")
    wait_for_store(process, "slow-1.h5")
    end = time.monotonic() + 60
    while not os.path.exists("slow-1.h5.checkpoints/b1-p0-s0.ckpt"):
        check(time.monotonic() < end and process.poll() is None, "no checkpoint before the shard ended")
        time.sleep(0.005)
    kill_everything(process)
    run("run", slow, "--store", "slow-2.h5", "--shard", "2/2")
    run("merge", "slow.h5", "slow-1.h5", "slow-2.h5")
    check(sorted(statuses("slow.h5")) == [0, 2], f"one trial is left to do: {statuses('slow.h5')}")
    run("run", slow, "--store", "slow.h5", "--resume")
    check(not store_differences("slow-whole.h5", "slow.h5"), f"{store_differences('slow-whole.h5', 'slow.h5')}")
    check(any(event["event"] == "resumed" for event in journal("slow.h5")), "the merged checkpoint was not used")

    # More seeds, another learning rate and batch size: finished trials of the same definition stay.
    grown = tiny_sweep(seeds=3, keep_parameters="final")
    grown["grid"][1] = {"batch": [16], "eta": {"log": [1e-2, 30.0], "count": 4}, "steps": 60}
    grown = write_sweep(folder, grown, "grown.json")
    report = run("extend", "whole.h5", grown, "-o", "grown.h5").stderr
    check("20 of 36 trials finished already" in report and "8 finished ones" in report, report)
    run("run", grown, "--store", "grown.h5", "--resume")
    run("run", grown, "--store", "grown-whole.h5")
    check(not store_differences("grown-whole.h5", "grown.h5"), f"{store_differences('grown-whole.h5', 'grown.h5')}")
    check(sorted(os.listdir("grown.h5.parameters")) == sorted(os.listdir("grown-whole.h5.parameters")), "parameter files")
    # Other records or another measurement: nothing of the old records can be used, and nothing is.
    denser = write_sweep(folder, tiny_sweep(records={"count": 9, "spacing": "log"}), "denser.json")
    report = run("extend", "whole.h5", denser, "-o", "denser.h5").stderr
    check("denser.h5: 0 of 28" in report, report)
    fewer = write_sweep(folder, tiny_sweep(measure={"loss": {}}), "fewer.json")
    report = run("extend", "whole.h5", fewer, "-o", "fewer.h5").stderr
    check("28 of 28" in report, report)
    run("run", fewer, "--store", "fewer-whole.h5")
    check(not store_differences("fewer-whole.h5", "fewer.h5"), f"{store_differences('fewer-whole.h5', 'fewer.h5')}")
    refused = run("extend", "whole.h5", grown, "-o", "grown.h5", expect=2)
    check("exists already" in refused.stderr, refused.stderr)
print("shards, merged and extended stores hold what one run gives")
