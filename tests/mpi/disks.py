"""Disks that are full, read-only or fail, and files that disappear under a run: it waits where that may pass, ends with one clear
line where it does not, and in the end the store is that of an undisturbed run."""
import os
import shutil
import time

from harness import (Workspace, changed_at, check, run, start, store_differences, tiny_sweep, wait_for_store, write_sweep)
from small_disk import SmallDisk

RANKS = 3


def end_of(process, expect, *texts, timeout=120):
    """Its messages, all of `texts` among them."""
    errors = process.communicate(timeout=timeout)[1]
    check(process.returncode == expect, f"exit code {process.returncode}, expected {expect}\n{errors}")
    for text in texts:
        check(text in errors, f"{text!r} is not in\n{errors}")
    return errors


def begin(store, *options, resume=False):
    before = changed_at(store)
    process = start("run", sweep, "--store", store, "--checkpoint-interval", 0.2, *(["--resume"] if resume else []), *options, ranks=RANKS)
    wait_for_store(process, store, before)
    return process


def check_whole(store, what):
    differences = store_differences(whole, store)
    check(not differences, f"{what}: {differences}")
    print(f"{what}: the store is that of an undisturbed run")


def clear(disk):
    for name in os.listdir(disk.path):
        path = os.path.join(disk.path, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def fills_up_and_is_freed(disk, store):
    process = begin(store)
    disk.fill()
    time.sleep(4)  # trials end meanwhile, and wait with their parameter files
    check(process.poll() is None, "the run ended on a full disk")
    disk.free()
    end_of(process, 0)
    check_whole(store, "a disk that was full for a while")


def stays_full(disk, store):
    process = begin(store, "--patience", 1)
    disk.fill()
    end_of(process, 75, "the run stops", "No space left on device")
    disk.free()
    run("run", sweep, "--store", store, "--resume", ranks=RANKS)
    check_whole(store, "a disk that stayed full")


def is_full_from_the_start(disk, store):
    disk.fill()
    errors = end_of(start("run", sweep, "--store", store, ranks=RANKS), 1, "No space left on device", disk.path)
    check(os.listdir(disk.path) == ["filler"], f"left behind: {os.listdir(disk.path)}\n{errors}")
    disk.free()
    print("a disk that is full from the start: exit code 1, nothing left behind")


def is_read_only(disk, store):
    disk.make_read_only(True)
    errors = end_of(start("run", sweep, "--store", store, ranks=RANKS), 2, "Read-only file system")
    check(errors.count("edgesweep: ") == 1, errors)  # the rest is mpirun's
    disk.make_read_only(False)
    print("a read-only disk: exit code 2, one line")


def store_can_not_be_written_for_a_while(store):
    """Whoever owns the quota needs a moment."""
    os.environ["EDGESWEEP_FAULTS"] = f"rank0/write@{os.path.basename(store)}:40-60:EDQUOT"
    process = begin(store)
    end_of(process, 0, "the store can't be written, trying again", "Disk quota exceeded", "the store can be written again")
    del os.environ["EDGESWEEP_FAULTS"]
    check_whole(store, "a quota that was exceeded for a while")


def store_can_not_be_written_for_good(store):
    os.environ["EDGESWEEP_FAULTS"] = "rank0/sync:20-:EIO"
    process = begin(store, "--patience", 1)
    end_of(process, 1, "the store can't be written, trying again", "the run stops", "Input/output error")
    del os.environ["EDGESWEEP_FAULTS"]
    run("run", sweep, "--store", store, "--resume", ranks=RANKS)
    check_whole(store, "a disk that failed for good")


def store_is_deleted(store):
    process = begin(store)
    time.sleep(1)
    os.remove(store)
    end_of(process, 1, "was deleted, moved or replaced", store + ".rescued")
    os.rename(store + ".rescued", store)
    run("run", sweep, "--store", store, "--resume", ranks=RANKS)
    check_whole(store, "a store that was deleted under its run")


def everything_is_deleted(store):
    """The person meant it: the run ends, and what it had is still there."""
    process = begin(store)
    time.sleep(1)
    for name in sorted(os.listdir(os.path.dirname(store))):  # the store first, as rm does
        if name.startswith(os.path.basename(store)):
            path = os.path.join(os.path.dirname(store), name)
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.remove(path)
    end_of(process, 1, "was deleted, moved or replaced")
    os.rename(store + ".rescued", store)
    run("run", sweep, "--store", store, "--resume", ranks=RANKS)
    check_whole(store, "a sweep of which all files were deleted")


def lock_is_deleted(store):
    process = begin(store)
    os.remove(store + ".lock")
    end_of(process, 1, store + ".lock")
    run("run", sweep, "--store", store, "--resume", ranks=RANKS)
    check_whole(store, "a lock that was deleted")


with Workspace() as folder:
    definition = tiny_sweep(keep_parameters="final", records={"count": 24, "spacing": "log"}, seeds=1)
    definition["grid"][0]["epochs"] = 500
    definition["grid"][1]["steps"] = 4000
    sweep, whole = write_sweep(folder, definition), os.path.join(folder, "whole.h5")
    run("run", sweep, "--store", whole, ranks=RANKS)
    with SmallDisk(os.path.join(folder, "disk"), 24) as disk:
        for test in (fills_up_and_is_freed, stays_full, is_full_from_the_start, is_read_only):
            test(disk, os.path.join(disk.path, "s.h5"))
            clear(disk)
    for test in (store_can_not_be_written_for_a_while, store_can_not_be_written_for_good, store_is_deleted, everything_is_deleted,
                 lock_is_deleted):
        test(os.path.join(folder, test.__name__ + ".h5"))
