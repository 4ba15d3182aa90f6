"""Every subcommand on a damaged store, and knorm on a damaged file: exit code 2, one clear line that names the file,
nothing on stdout, and the store and all beside it untouched."""
import concurrent.futures
import json
import os
import shutil
import stat
import subprocess

import h5py
import numpy as np

from harness import Workspace, check, command, run, tiny_sweep, write_sweep

TIMEOUT = 120  # seconds; a pipe or a torn file must not hang


def content(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def seal_of(data):
    """Where HDF5's part of a store ends, and which bytes of it change while a sweep runs."""
    line = data[data.rindex(b'{"end":'):]
    return json.loads(line[:line.index(b" edgesweep-seal ")])


def constant_offsets(data, count):
    """Places in object headers, heaps and coordinates."""
    seal = seal_of(data)
    changing = np.zeros(seal["end"], bool)
    for offset, length in seal["values"]:
        changing[offset:offset + length] = True
    places = np.flatnonzero(~changing)
    return places[np.linspace(100, len(places) - 1, count).astype(int)]


def flipped(data, offset, bit):
    return data[:offset] + bytes([data[offset] ^ 1 << bit]) + data[offset + 1:]


def edited(edit):
    """A change through h5py, which drops the seal: what is in the file must speak for itself."""
    def damage(path):
        with h5py.File(path, "r+", locking=False) as file:
            edit(file)
    return damage


def value(name, new):
    return edited(lambda file: file[name].__setitem__((0,) * file[name].ndim, new))


def attribute(name, new):
    return edited(lambda file: file.attrs.__setitem__(name, new))


def replaced(name, **options):
    """The dataset made anew: as another type, in chunks."""
    def edit(file):
        values = file[name][()]
        del file[name]
        file.create_dataset(name, data=values, **options)
    return edited(edit)


def special(make):
    def damage(path):
        os.remove(path)
        make(path)
    return damage


def store_damages(good):
    """Name → what is done to a good store at a path."""
    size, end = len(good), seal_of(good)["end"]
    damages = {
        "empty": lambda path: write(path, b""),
        "zeros": lambda path: write(path, bytes(size)),
        "text": lambda path: write(path, b"batch,eta\n1,0.1\n"),
        "one byte more": lambda path: write(path, good + b"\0"),
        "directory": special(os.mkdir),
        "directory with files": special(lambda path: (os.mkdir(path), write(path + "/file", b"x"))),
        "dangling link": special(lambda path: os.symlink("nowhere.h5", path)),
        "link to itself": special(lambda path: os.symlink(os.path.basename(path), path)),
        "pipe": special(os.mkfifo),
        "unreadable": lambda path: os.chmod(path, 0),
        "no store": special(lambda path: h5py.File(path, "w").create_dataset("K", data=[1.0]).file.close()),
        "other schema": attribute("schema_version", 2),
        "no schema": edited(lambda file: file.attrs.__delitem__("schema_version")),
        "text as schema": attribute("schema_version", "one"),
        "other sweep_json": attribute("sweep_json", np.bytes_(b'{"name": "other"}')),
        "other sweep_digest": attribute("sweep_digest", np.bytes_(b"0" * 64)),
        "no records": edited(lambda file: file.__delitem__("records")),
        "no eta_over_batch": edited(lambda file: file.__delitem__("eta_over_batch")),
        "status of 32 bits": replaced("status", dtype="i4"),
        "steps in chunks": replaced("steps", chunks=True),
        "batch in chunks": replaced("batch", chunks=True),
        "K without dimensions": replaced("K"),
        "status 9": value("status", 9),
        "records -1": value("records", -1),
        "records 10^6": value("records", 10**6),
        "attempts -1": value("attempts", -1),
        "steps -1": value("steps", -1),
        "wall_seconds nan": value("wall_seconds", np.nan),
        "batch 0": value("batch", 0),
        "point 3": value("point", 3),
        "seed 5": value("seed", 5),
        "other eta": value("eta", 0.5),
    }
    for length in (1, 8, 95, 200, 4000, end // 2, end - 1, end + 1, size - 1):
        damages[f"first {length} bytes"] = lambda path, length=length: write(path, good[:length])
    for offset, bit in ((0, 0), (8, 1), (13, 3), (15, 0), (40, 4), (60, 2), (64, 5)):
        damages[f"superblock {offset}^{bit}"] = lambda path, o=offset, b=bit: write(path, flipped(good, o, b))
    for i, offset in enumerate(constant_offsets(good, 8)):
        damages[f"metadata {offset}^{i}"] = lambda path, o=int(offset), b=i: write(path, flipped(good, o, b))
    return damages


def subcommands(sweep, good):
    """Name → arguments, given the damaged store; outputs go beside it."""
    return {
        "run": lambda path: ["run", sweep, "--store", path, "--resume"],
        "run --take-over": lambda path: ["run", sweep, "--store", path, "--resume", "--take-over"],
        "status": lambda path: ["status", path],
        "status --json": lambda path: ["status", path, "--json"],
        "export phase": lambda path: ["export", path, "--table", "phase"],
        "export trajectories": lambda path: ["export", path, "--table", "trajectories", "-o", path + ".csv"],
        "export boundary": lambda path: ["export", path, "--table", "boundary", "--format", "nc", "-o", path + ".nc"],
        "plot": lambda path: ["plot", path, "-o", path + ".plots"],
        "merge from": lambda path: ["merge", path + ".merged.h5", path],
        "merge also from": lambda path: ["merge", path + ".merged.h5", good, path],
        "merge into": lambda path: ["merge", path, good],
        "extend": lambda path: ["extend", path, sweep, "-o", path + ".more.h5"],
    }


def listing(folder):
    """Everything in a folder: what it is, when it was changed, what is in it."""
    found = {}
    for root, folders, names in os.walk(folder):
        for name in folders + names:
            path = os.path.join(root, name)
            status = os.lstat(path)
            inside = content(path) if stat.S_ISREG(status.st_mode) else None
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, inside)
    return found


def refused(folder, path, arguments, what):
    before = listing(folder)
    # Root may read everything; without its capabilities it may not.
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if what[0] == "unreadable" and os.geteuid() == 0 else []
    try:
        done = subprocess.run(bare + command(*arguments), capture_output=True, text=True, timeout=TIMEOUT, errors="replace")
    except subprocess.TimeoutExpired:
        return f"{what}: hangs"
    context = f"{what}: exit code {done.returncode}\n{done.stderr}{done.stdout}"
    if done.returncode != 2:
        return f"not 2; {context}"
    if len(done.stderr.splitlines()) != 1 or not done.stderr.startswith("edgesweep: error: "):
        return f"not one line; {context}"
    if path not in done.stderr:
        return f"the file is not named; {context}"
    if done.stdout:
        return f"something on stdout; {context}"
    after = listing(folder)
    if after != before:
        changed = [name for name in set(before) | set(after) if before.get(name) != after.get(name)]
        return f"touched {changed}; {context}"
    return None


def one_case(work, index, source, damage, arguments, what):
    folder = os.path.join(work, f"case{index}")
    os.mkdir(folder)
    path = os.path.join(folder, os.path.basename(source))
    shutil.copy(source, path)
    damage(path)
    failure = refused(folder, path, arguments(path), what)
    if os.path.lexists(path) and not os.path.islink(path):
        os.chmod(path, 0o755)
    shutil.rmtree(folder)
    return failure


def make_matrix(path):
    with h5py.File(path, "w") as file:
        file["ntk"] = np.eye(40) + 0.1


def matrix_damages(good):
    def huge(shape):
        def make(path):
            with h5py.File(path, "w") as file:
                file.create_dataset("ntk", shape=shape, chunks=(64, 64), dtype="f8")
        return special(make)

    return {
        "empty": lambda path: write(path, b""),
        "zeros": lambda path: write(path, bytes(len(good))),
        "half": lambda path: write(path, good[:len(good) // 2]),
        "one byte short": lambda path: write(path, good[:-1]),
        "directory": special(os.mkdir),
        "pipe": special(os.mkfifo),
        "dangling link": special(lambda path: os.symlink("nowhere.h5", path)),
        "unreadable": lambda path: os.chmod(path, 0),
        "neither": special(lambda path: h5py.File(path, "w").close()),
        "more than 2^64 bytes": huge((2**33, 2**33)),
        "an exabyte": huge((2**29, 2**29)),
    }


with Workspace() as folder:
    sweep = write_sweep(folder, tiny_sweep())
    good = os.path.join(folder, "good.h5")
    run("run", sweep, "--store", good)
    damages, commands = store_damages(content(good)), subcommands(sweep, good)
    thorough = ["no records", "status 9", "pipe", "dangling link", "unreadable", "first 4000 bytes"]
    cases = [(good, damage, commands["status"], (name, "status")) for name, damage in damages.items()]
    cases += [(good, damages[name], arguments, (name, subcommand))
              for name in thorough for subcommand, arguments in commands.items() if subcommand != "status"]
    # Only those that need all columns of the sweep can see that one is missing.
    missing = edited(lambda file: file.__delitem__("K"))
    cases += [(good, missing, commands[name], ("no K", name)) for name in ("run", "merge from", "merge into", "extend")]
    matrix = os.path.join(folder, "matrix.h5")
    make_matrix(matrix)
    run("knorm", matrix, "--eta", "0.1", "--batch", "2")
    cases += [(matrix, damage, lambda path: ["knorm", path, "--eta", "0.1", "--batch", "2", "--json"], (name, "knorm"))
              for name, damage in matrix_damages(content(matrix)).items()]
    good_before = content(good)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(one_case, folder, index, *case) for index, case in enumerate(cases)]
        failures = [failure for failure in (future.result() for future in futures) if failure]
    check(not failures, f"{len(failures)} of {len(cases)}:\n" + "\n".join(failures))
    check(content(good) == good_before, "the good store beside them was changed")
print(f"{len(cases)} damaged files refused")
