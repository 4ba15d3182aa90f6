"""Bad input: exit code 2, one clear line that names the file, the JSON path or the option, and nothing half-written."""
import gzip
import json
import os
import shutil

from harness import SOURCE, Workspace, check, run, tiny_sweep, write_sweep


def changed(path, value):
    """TINY_SWEEP with the value at a path like grid.0.batch replaced; None removes the key."""
    sweep = tiny_sweep()
    node, keys = sweep, [int(k) if k.isdigit() else k for k in path.split(".")]
    for key in keys[:-1]:
        node = node[key]
    if value is None:
        del node[keys[-1]]
    else:
        node[keys[-1]] = value
    return sweep


# (sweep, text that the message must hold)
MALFORMED = [
    (changed("sedes", 3), "sedes"),
    (changed("experiment.modle", {}), "experiment.modle"),
    (changed("experiment.model.widths", [3]), "experiment.model.widths"),
    (changed("experiment.dataset.tain", 3), "experiment.dataset.tain"),
    (changed("grid.0.epoch", 3), "grid[0].epoch"),
    (changed("measure.kernelnorm", {}), "measure.kernelnorm"),
    (changed("measure.hessian.topp", 1), "measure.hessian.topp"),
    (changed("seeds", "three"), "seeds"),
    (changed("records.count", 2.5), "records.count"),
    (changed("experiment.model.hidden", "256"), "experiment.model.hidden"),
    (changed("experiment.model.hidden", [12, -8]), "experiment.model.hidden[1]"),
    (changed("experiment.model.activation", "swish9"), "experiment.model.activation"),
    (changed("experiment.dataset.name", "mnits"), "experiment.dataset.name"),
    (changed("experiment.optimizer.momentum", 1.0), "experiment.optimizer.momentum"),
    (changed("experiment.sampler", "random"), "experiment.sampler"),
    (changed("grid.0.eta_over_batch", [-0.1]), "grid[0].eta_over_batch"),
    (changed("grid.0.eta_over_batch", {"log": [0, 1], "count": 3}), "grid[0].eta_over_batch"),
    (changed("grid.0.eta_over_batch", {"log": [1e-3, 1], "count": 10**9}), "grid[0].eta_over_batch"),
    (changed("grid.0.batch", []), "grid[0].batch"),
    (changed("grid.0.batch", [0]), "grid[0].batch[0]"),
    (changed("grid.0.batch", [1, 1000]), "grid[0].batch[1]"),
    (changed("grid.0.steps", 10), "grid[0]"),
    (changed("grid.1.batch", [4, 48]), "grid[1].batch[0]"),
    (changed("grid", []), "grid"),
    (changed("seeds", 10**12), "seeds"),
    (changed("records.count", 10**12), "records.count"),
    (changed("grid.1.steps", 10**19), "grid[1].steps"),
    (changed("divergence", {"loss_above": -1}), "divergence.loss_above"),
    (changed("keep_parameters", "some"), "keep_parameters"),
    (changed("experiment", None), "experiment"),
    ("{\"name\": \"x\",\n  \"grid\": [}", "line 2"),
    ("", "bad.json"),
    ("[1, 2]", "bad.json"),
    (json.dumps(tiny_sweep()).replace('"seeds": 2', '"seeds": 2, "seeds": 3'), "seeds"),
    (json.dumps(tiny_sweep()).replace("0.001", "1e999", 1), "bad.json"),
]


def refused(folder, *arguments, says, ranks=0):
    before = listing(folder)
    done = run(*arguments, ranks=ranks, expect=None)
    lines = [line for line in done.stderr.splitlines() if "edgesweep" in line and "error" in line]
    context = f"{says!r}: exit code {done.returncode}\n{done.stderr}"
    check(done.returncode == 2, f"not 2; {context}")
    check(len(lines) == 1, f"{len(lines)} error lines; {context}")
    check(says in lines[0], f"not named; {context}")
    if ranks == 0:
        check(len(done.stderr.strip().splitlines()) == 1, f"more than one line; {context}")
    check(listing(folder) == before, f"left behind {sorted(set(listing(folder)) - set(before))}; {context}")


def listing(folder):
    return {os.path.join(root, name): os.path.getsize(os.path.join(root, name))
            for root, _, names in os.walk(folder) for name in names}


with Workspace() as folder:
    store = os.path.join(folder, "s.h5")
    for sweep, says in MALFORMED:
        path = write_sweep(folder, sweep, "bad.json")
        refused(folder, "run", path, "--store", store, says=says)
        refused(folder, "plan", path, says=says) if isinstance(sweep, str) else None
    refused(folder, "run", path, "--store", store, says="bad.json", ranks=3)

    good = write_sweep(folder, tiny_sweep(), "good.json")
    refused(folder, "run", os.path.join(folder, "nowhere.json"), "--store", store, says="nowhere.json")
    refused(folder, "run", good, "--store", store, "--set", "experiment.model.depth=3", says="experiment.model.depth")
    refused(folder, "run", good, "--store", store, "--set", "seeds", says="--set")
    refused(folder, "run", good, "--store", store, "--device", "tpu", says="--device")
    refused(folder, "run", good, says="--store")
    refused(folder, "run", good, "--store", os.path.join(folder, "no", "such", "s.h5"), says="s.h5")

    # A missing data set, one that is too small, a truncated file, a wrong one.
    data = os.path.join(folder, "data")
    os.mkdir(data)
    refused(folder, "run", good, "--store", store, "--data", data, says="train-images-idx3-ubyte")
    whole_mnist = changed("experiment.dataset.train", 60000)
    refused(folder, "run", write_sweep(folder, whole_mnist), "--store", store, says="measure.kernel_norm")
    del whole_mnist["measure"]["kernel_norm"]
    refused(folder, "run", write_sweep(folder, whole_mnist), "--store", store, says="2500")
    for name in os.listdir(os.path.join(SOURCE, "sweeps", "data")):
        if name.endswith(".gz"):
            shutil.copy(os.path.join(SOURCE, "sweeps", "data", name), data)
    images = os.path.join(data, "train-images-idx3-ubyte")
    with gzip.open(images + ".gz") as file:
        content = file.read()
    os.remove(images + ".gz")
    for broken in (content[:16 + 784 * 20], content[:3], b"", b"\0\0\x08\x01" + content[4:]):
        with open(images, "wb") as file:
            file.write(broken)
        refused(folder, "run", good, "--store", store, "--data", data, says="train-images-idx3-ubyte")

    # A label that is no digit, which nobody sees before the data are loaded: the trainer process of a rank.
    with open(images, "wb") as file:
        file.write(content)
    labels = os.path.join(data, "train-labels-idx1-ubyte")
    with gzip.open(labels + ".gz") as file:
        content = file.read()
    os.remove(labels + ".gz")
    with open(labels, "wb") as file:
        file.write(content[:20] + b"\xc8" + content[21:])
    for ranks in (0, 3):
        refused(folder, "run", good, "--store", store, "--data", data, says="train-labels-idx1-ubyte", ranks=ranks)

    # A file that is no store, a store of another sweep, a store that exists, a store that is missing.
    with open(store, "wb") as file:
        file.write(b"not HDF5")
    refused(folder, "run", good, "--store", store, "--resume", says="s.h5")
    refused(folder, "status", store, says="s.h5")
    refused(folder, "export", store, "--table", "phase", "--format", "csv", "-o", os.path.join(folder, "t.csv"), says="s.h5")
    os.remove(store)
    run("run", good, "--store", store)
    refused(folder, "run", good, "--store", store, says="--resume")
    other = write_sweep(folder, changed("experiment.model.hidden", [12, 9]), "other.json")
    refused(folder, "run", other, "--store", store, "--resume", says="experiment.model.hidden[1]")
    refused(folder, "export", store, "--table", "planes", "--format", "csv", "-o", os.path.join(folder, "t.csv"), says="--table")
    refused(folder, "plot", os.path.join(folder, "none.h5"), "-o", os.path.join(folder, "plots"), says="none.h5")

    # A folder where nothing can be written (root may write anywhere but /proc).
    refused(folder, "run", good, "--store", "/proc/s.h5", says="/proc")
print(f"{len(MALFORMED)} malformed sweeps and the rest refused")
