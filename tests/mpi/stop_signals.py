"""SIGTERM, SIGINT, SIGUSR1, --stop-at and the end of the Slurm allocation stop a sweep gracefully: exit code 75, nothing lost, --resume goes on to the same store."""
import os
import signal
import time

from harness import (Workspace, changed_at, check, run, start, store_differences, tiny_sweep, wait_for_store,
                     write_sweep)

with Workspace() as folder:
    sweep = tiny_sweep()
    sweep["grid"][0]["epochs"] = 1500
    path = write_sweep(folder, sweep)
    whole, stopped = os.path.join(folder, "whole.h5"), os.path.join(folder, "stopped.h5")
    run("run", path, "--store", whole)
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        before = changed_at(stopped)
        process = start("run", path, "--store", stopped, "--resume")
        wait_for_store(process, stopped, before)
        time.sleep(0.3)
        check(process.poll() is None, f"the sweep ended before {name}")
        began = time.monotonic()
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate(timeout=60)
        check(process.returncode == 75, f"{name}: exit code {process.returncode}\n{errors}")
        print(f"{name}: exit 75 after {time.monotonic() - began:.2f} s")
    # mpirun forwards SIGUSR1 to its ranks.
    before = changed_at(stopped)
    process = start("run", path, "--store", stopped, "--resume", ranks=3)
    wait_for_store(process, stopped, before)
    process.send_signal(signal.SIGUSR1)
    _, errors = process.communicate(timeout=60)
    check(process.returncode == 75, f"mpirun SIGUSR1: exit code {process.returncode}\n{errors}")
    # A time that has passed already stops it as soon as it has begun.
    for moment in ("1000000000", "2020-01-31T12:00:00", "2020-01-31T12:00:00Z"):
        run("run", path, "--store", stopped, "--resume", "--stop-at", moment, expect=75)
    refused = run("run", path, "--store", stopped, "--resume", "--stop-at", "tomorrow", expect=2)
    check("--stop-at: is \"tomorrow\"" in refused.stderr and len(refused.stderr.splitlines()) == 1, refused.stderr)
    os.environ["SLURM_JOB_END_TIME"] = str(int(time.time()) + 30)
    run("run", path, "--store", stopped, "--resume", ranks=3, expect=75)
    os.environ["SLURM_JOB_END_TIME"] = str(int(time.time()) + 10000)
    run("run", path, "--store", stopped, "--resume", ranks=3)
    del os.environ["SLURM_JOB_END_TIME"]
    differences = store_differences(whole, stopped)
    check(not differences, str(differences))
print("stopped eight times; the store equals an undisturbed one")
