"""Trials that a stop rule ends are done: nothing repeats them, and what comes after takes their last record as the final one."""
import csv
import json
import os

import h5py
import numpy as np
from harness import Workspace, check, run, store_differences, tiny_sweep, write_sweep

DONE, LIMIT = 2, 0.1
GRID = [{"batch": [4, 12], "eta": [0.0002, 0.005, 0.3], "samples": 4800}]


def file(folder, name, **more):
    base = tiny_sweep(grid=GRID, seeds=2, measure={"loss": {}}, records={"count": 20, "spacing": "linear"}, **more)
    return write_sweep(folder, base, name)


with Workspace() as folder:
    os.chdir(folder)
    stopping = file(folder, "stopping.json", stop={"loss_below": LIMIT})
    run("run", file(folder, "plain.json"), "--store", "plain.h5", ranks=3)
    run("run", stopping, "--store", "stopped.h5", ranks=3)
    with h5py.File("plain.h5") as plain, h5py.File("stopped.h5") as stopped:
        check(np.all(plain["records"][()] == 20) and plain["steps"][0, 0, 0] == 1200, "the whole trials")
        check(np.all(stopped["status"][()] == DONE), f"status {stopped['status'][()]}")
        loss, records = plain["train_loss"][()], stopped["records"][()]
        below = loss < LIMIT
        expected = np.where(below.any(axis=-1), below.argmax(axis=-1) + 1, 20)
        check(np.array_equal(records, expected) and len(np.unique(records)) > 2, f"{records} records, expected {expected}")
        check(20 in records, f"no trial goes on to its end: {records}")
        for place in np.ndindex(records.shape):
            kept = np.arange(20) < records[place]
            for name in ("step", "samples", "learning_rate", "train_loss", "test_error"):
                check(np.array_equal(stopped[name][place][kept], plain[name][place][kept]), f"{name} at {place}")
                check(np.all(np.isnan(stopped[name][place][~kept])), f"{name} at {place} beyond the end")
            check(stopped["steps"][place] == stopped["step"][place][kept][-1], f"steps at {place}")
        finals = {(B, point): np.mean([stopped["train_loss"][i, point, seed, records[i, point, seed] - 1] for seed in (0, 1)])
                  for i, B in enumerate(stopped["batch"][()]) for point in range(3)}

    with open("stopped.h5", "rb") as content:
        before = content.read()
    run("run", stopping, "--store", "stopped.h5", "--resume", ranks=2)
    with open("stopped.h5", "rb") as content:
        check(content.read() == before, "resuming a finished sweep changes its store")
    with open("stopped.h5.events.jsonl") as journal:
        check(sum('"assigned"' in line for line in journal) == 12, "resuming repeats a trial")

    status = json.loads(run("status", "stopped.h5", "--json").stdout)
    check(status["records"] == {"done": int(records.sum()), "total": int(records.sum())}, f"records {status['records']}")
    check(status["state"] == "done" and status["counts"]["done"] == 12, f"status {status['counts']}")

    run("export", "stopped.h5", "--table", "phase", "--format", "csv", "-o", "phase.csv")
    with open("phase.csv") as table:
        rows = list(csv.DictReader(line for line in table if not line.startswith("#")))
    check(len(rows) == 6, f"{len(rows)} rows")
    for row in rows:
        found, wanted = float(row["train_loss_final_mean"]), finals[int(row["batch"]), int(row["point"])]
        check(abs(found - wanted) < 1e-12 and row["trials_done"] == "2", f"final loss {found}, expected {wanted}")

    for shard in ("1/2", "2/2"):
        run("run", stopping, "--store", f"part{shard[0]}.h5", "--shard", shard)
    run("merge", "merged.h5", "part1.h5", "part2.h5")
    check(not store_differences("stopped.h5", "merged.h5"), store_differences("stopped.h5", "merged.h5"))

    more = json.load(open(stopping))
    more["seeds"] = 3
    larger = write_sweep(folder, more, "larger.json")
    kept = run("extend", "stopped.h5", larger, "-o", "larger.h5")
    check("12 of 18 trials finished already" in kept.stderr, kept.stderr)
    more["stop"]["loss_below"] = LIMIT / 2
    kept = run("extend", "stopped.h5", write_sweep(folder, more, "further.json"), "-o", "further.h5")
    check("0 of 18 trials finished already" in kept.stderr, kept.stderr)
print("stopped trials are done, with their last record as the final one")
