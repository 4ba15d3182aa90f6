"""Workers that train several trials at a time (`run --pack`) give the store of workers that train one, bit for bit on a CPU: after
stops and kills, and when a trainer dies under all of its trials."""
import json
import os
import random
import signal
import time

from harness import (Workspace, changed_at, check, kill_everything, processes_of, run, start, store_differences, tiny_sweep,
                     wait_for_store, write_sweep)

PACK = 3


def require_equal(whole, store, what):
    differences = store_differences(whole, store)
    check(not differences, f"{what}: {differences}")


def any_number_gives_the_same(folder, path, whole):
    for number, how in enumerate(((2, "--pack", 4), (3, "--pack", PACK), (3, "--pack", PACK, "--in-process"))):
        ranks, *options = how
        store = os.path.join(folder, f"pack-{number}.h5")
        run("run", path, "--store", store, *options, ranks=ranks)
        require_equal(whole, store, f"ranks and options {how}")


def stopped_and_killed(folder, path, whole):
    """By turns killed and told to stop; each time it goes on with another number of trials at a time."""
    store = os.path.join(folder, "killed.h5")
    for attempt in range(6):
        before = changed_at(store)
        process = start("run", path, "--store", store, "--resume", "--pack", 1 + attempt % 4, "--checkpoint-interval", 0.2, ranks=3)
        wait_for_store(process, store, before)
        time.sleep(random.uniform(0.1, 1.0))
        if attempt % 2 == 0:
            kill_everything(process)
        else:
            ranks = processes_of(process, b"run")
            if ranks:
                os.kill(random.choice(list(ranks.values())), signal.SIGUSR1)
            process.communicate(timeout=60)
    run("run", path, "--store", store, "--resume", "--pack", PACK, ranks=3)
    require_equal(whole, store, "stopped and killed")


def a_trainer_dies_under_its_trials(folder, path, whole):
    store = os.path.join(folder, "death.h5")
    process = start("run", path, "--store", store, "--pack", PACK, "--checkpoint-interval", 0.3, ranks=3)
    wait_for_store(process, store)
    time.sleep(1)
    os.kill(processes_of(process, b"trainer")[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=250)
    check(process.returncode == 0, errors)
    require_equal(whole, store, "a dead trainer")
    with open(store + ".events.jsonl") as file:
        failed = [event for event in map(json.loads, file) if event["event"] == "failed"]
    check(0 < len(failed) <= PACK, f"failures: {failed}")
    check(len({event["trial"] for event in failed}) == len(failed), f"a trial failed twice: {failed}")
    check(all("killed by signal 9" in event["reason"] for event in failed), f"{failed}")
    print(f"{len(failed)} trials lost their trainer, were taken up again by themselves, and ended with the same bits")


def refused(folder, path):
    alone = run("run", path, "--store", os.path.join(folder, "no.h5"), "--pack", 2, expect=2)
    check("--pack: is 2, and there is no mpirun" in alone.stderr, alone.stderr)
    teams = write_sweep(folder, tiny_sweep(ranks_per_trial=2), "teams.json")
    team = run("run", teams, "--store", os.path.join(folder, "no.h5"), "--pack", 2, ranks=3, expect=2)
    check("ranks_per_trial 2" in team.stderr, team.stderr)
    zero = run("run", path, "--store", os.path.join(folder, "no.h5"), "--pack", 0, ranks=3, expect=2)
    check("--pack" in zero.stderr, zero.stderr)
    check(not os.path.exists(os.path.join(folder, "no.h5")), "a refused run left a store")


with Workspace() as folder:
    tiny = write_sweep(folder, tiny_sweep(), "tiny.json")
    one = os.path.join(folder, "tiny.h5")
    run("run", tiny, "--store", one)
    any_number_gives_the_same(folder, tiny, one)
    refused(folder, tiny)
    longer = write_sweep(folder, tiny_sweep(
        grid=[{"batch": [1], "eta": {"log": [1e-4, 1e-2], "count": 12}, "steps": 60000}], seeds=1,
        records={"count": 20, "spacing": "linear"}, measure={"loss": {}}), "longer.json")
    whole = os.path.join(folder, "longer.h5")
    run("run", longer, "--store", whole, ranks=3)
    stopped_and_killed(folder, longer, whole)
    a_trainer_dies_under_its_trials(folder, longer, whole)
print("the stores are equal bit for bit")
