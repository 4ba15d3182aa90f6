"""Two runs on one store: one goes on, the other is refused and names the owner, on one host and on two, after a kill and
after a take-over; the store ends as that of one undisturbed run. Needs to be root: other hosts are namespaces."""
import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time

from harness import (Workspace, check, command, descendants, kill_everything, run, store_differences, tiny_sweep,
                     write_sweep)

STEPS = 200_000  # a trial takes seconds: both runs are under way at once


def elsewhere(line, host="elsewhere"):
    """A command line on another host, as far as a program can tell."""
    return ["unshare", "--uts", "bash", "-c", f'hostname {host} && exec "$@"', "_", *line]


def other_machine(line, folder):
    """The same host name on another machine: a cluster of cloned containers."""
    machine_id = os.path.join(folder, "machine-id")
    with open(machine_id, "w") as file:
        file.write("0123456789abcdef0123456789abcdef\n")
    return ["unshare", "--mount", "bash", "-c", f'mount --bind {machine_id} /etc/machine-id && exec "$@"', "_", *line]


def launch(line):
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)


def run_line(*more, store="s.h5", ranks=0):
    return command("run", "sweep.json", "--store", store, *more, ranks=ranks)


def end_of(process, timeout=250):
    """Exit code and lines of edgesweep about errors."""
    _, text = process.communicate(timeout=timeout)
    return process.returncode, [line for line in text.splitlines() if "edgesweep" in line and "error: " in line], text


def owner():
    with open("s.h5.lock") as file:
        return json.load(file)


def await_owner(process, other_than=None, timeout=120):
    """Until the store has an owner, who is at work; returns it."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            found = owner()
            if found["pid"] != other_than and os.path.exists("s.h5"):
                return found
        except (FileNotFoundError, json.JSONDecodeError):
            pass
        check(process.poll() is None, f"ended with {process.returncode} before it owned the store")
        time.sleep(0.01)
    check(False, f"no owner in {timeout} s")


def await_records(process, timeout=120):
    """Until something is committed by this process."""
    before, end = os.stat("s.h5").st_mtime_ns, time.monotonic() + timeout
    while os.stat("s.h5").st_mtime_ns == before:
        check(process.poll() is None and time.monotonic() < end, "nothing was committed")
        time.sleep(0.01)


def names(line, found):
    return f"process {found['pid']} on host {found['host']}" in line and "s.h5.lock" in line


def refuse(line, found, says):
    code, errors, text = end_of(launch(line))
    check(code == 2, f"exit code {code}, not 2: {text}")
    check(len(errors) == 1 and names(errors[0], found) and says in errors[0], f"owner {found}: {text}")


def same_as_whole(what):
    differences = store_differences("whole.h5", "s.h5")
    check(not differences, f"{what}: {differences}")
    left = [name for name in os.listdir(".") if name.startswith("s.h5.") and name != "s.h5.events.jsonl"]
    check(not left, f"{what}: left behind {left}")


def clear():
    for name in ("s.h5", "s.h5.events.jsonl"):
        if os.path.exists(name):
            os.remove(name)


def signal_all(process, number):
    for pid in descendants(process.pid):
        os.kill(pid, number)


@contextlib.contextmanager
def asleep(process):
    """Not to end before another one, on a busy machine, comes to ask."""
    signal_all(process, signal.SIGSTOP)
    yield
    signal_all(process, signal.SIGCONT)


def race(ranks, *more):
    """Two runs started at one moment: one gets the store, the other is refused while that one lives."""
    processes = [launch(run_line(*more, ranks=n)) for n in ranks]
    found, end = None, time.monotonic() + 120
    while found is None:
        check(time.monotonic() < end, "nobody took the store")
        try:
            found = owner()
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.002)
    going = next(process for process in processes if found["pid"] in descendants(process.pid))
    refused = processes[1 - processes.index(going)]
    with asleep(going):
        code, errors, text = end_of(refused)
    check(code == 2 and len(errors) == 1, f"the refused one, {ranks} {more}: exit code {code}: {text}")
    check(names(errors[0], found) and "end it first" in errors[0], f"owner {found}: {text}")
    code, _, text = end_of(going)
    check(code == 0, f"the other one: exit code {code}: {text}")
    same_as_whole(f"two runs at once, ranks {ranks} {more}")


def stop_early():
    """A store and checkpoints of a run that was asked to stop."""
    process = launch(run_line("--checkpoint-interval", "0.1"))
    await_owner(process)
    await_records(process)
    process.send_signal(signal.SIGTERM)
    check(end_of(process)[0] == 75, "SIGTERM gives exit code 75")


def files():
    """All that a run may write."""
    found = {}
    for root, _, entries in os.walk("."):
        for name in entries:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found[path] = (os.stat(path).st_mtime_ns, file.read())
    return found


def another_host(folder):
    local = socket.gethostname()
    # The owner is elsewhere: it may be alive, and only the person knows.
    process = launch(elsewhere(run_line("--checkpoint-interval", "0.1")))
    found = await_owner(process)
    check(found["host"] == "elsewhere", f"{found}")
    with asleep(process):
        refuse(run_line("--resume"), found, "--take-over")
        refuse(run_line("--resume", ranks=2), found, "--take-over")
    await_records(process)
    kill_everything(process)
    refuse(run_line("--resume"), found, "--take-over")
    # Its own host knows that it is gone.
    again = launch(elsewhere(run_line("--resume")))
    code, _, text = end_of(again)
    check(code == 0 and f"taken over from process {found['pid']} on host elsewhere" in text and "which is gone" in text, text)
    same_as_whole("resumed on the host of the killed run")

    clear()
    process = launch(run_line("--checkpoint-interval", "0.1"))
    found = await_owner(process)
    check(found["host"] == local, f"{found}")
    with asleep(process):
        for line in (elsewhere(run_line("--resume")), other_machine(run_line("--resume"), folder),
                     elsewhere(command("merge", "s.h5", "whole.h5"))):
            refuse(line, found, "--take-over")
        refuse(run_line("--resume", "--take-over"), found, "end it first")
    await_records(process)
    kill_everything(process)
    refuse(other_machine(run_line("--resume"), folder), found, "--take-over")
    code, _, text = end_of(launch(elsewhere(run_line("--resume", "--take-over"))))
    check(code == 0 and f"taken over from process {found['pid']} on host {local}" in text, text)
    same_as_whole("taken over from a host that was lost")
    clear()


def is_writing():
    with open("s.h5.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def stop_between_commits(process):
    while True:
        signal_all(process, signal.SIGSTOP)
        if not is_writing():
            return
        signal_all(process, signal.SIGCONT)
        time.sleep(0.02)


def asleep_in_a_commit():
    """An owner that sleeps in the middle of a commit would end it over what another wrote: nobody may take over then."""
    process = launch(["env", "EDGESWEEP_FAULTS=sync@s.h5:8:stop", *run_line()])
    found = await_owner(process)
    end = time.monotonic() + 120
    while state_of(process) != "T":
        check(time.monotonic() < end and process.poll() is None, "did not stop itself")
        time.sleep(0.01)
    check(is_writing(), "it stopped itself elsewhere than in a commit")
    refuse(elsewhere(run_line("--resume", "--take-over")), found, "being written at this moment")
    process.send_signal(signal.SIGCONT)
    code, _, text = end_of(process)
    check(code == 0, text)
    same_as_whole("asleep in a commit")
    clear()


def state_of(process):
    with open(f"/proc/{process.pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def taken_over_while_asleep():
    """An owner that slept through the whole run of another writes nothing when it wakes up."""
    process = launch(run_line())
    found = await_owner(process)
    await_records(process)
    stop_between_commits(process)
    code, _, text = end_of(launch(elsewhere(run_line("--resume", "--take-over"))))
    check(code == 0, text)
    before = files()
    signal_all(process, signal.SIGCONT)
    code, errors, text = end_of(process)
    check(code == 1 and len(errors) == 1 and "s.h5.lock was removed" in errors[0], f"exit code {code}: {text}")
    after = files()
    changed = [name for name in set(before) | set(after) if before.get(name) != after.get(name)]
    check(not changed, f"the run whose store was taken over from {found} wrote {changed}")
    same_as_whole("taken over from a sleeper")
    clear()


def taken_over_meanwhile(ranks):
    """Both alive: the old owner ends and names the new one, which goes on."""
    old = launch(run_line(ranks=ranks))
    found = await_owner(old)
    await_records(old)
    stop_between_commits(old)
    new = launch(elsewhere(run_line("--resume", "--take-over")))
    new_owner = await_owner(new, other_than=found["pid"])
    signal_all(old, signal.SIGCONT)
    code, errors, text = end_of(old)
    says = f"was taken over by process {new_owner['pid']} on host elsewhere"
    check(code == 1 and len(errors) == 1 and says in errors[0], f"exit code {code}: {text}")
    code, _, text = end_of(new)
    check(code == 0, text)
    same_as_whole(f"taken over from a run on {ranks} ranks")
    clear()


def lock_removed():
    process = launch(run_line())
    await_owner(process)
    await_records(process)
    os.remove("s.h5.lock")
    code, errors, text = end_of(process)
    check(code == 1 and len(errors) == 1 and "s.h5.lock was removed" in errors[0], f"exit code {code}: {text}")
    run("run", "sweep.json", "--store", "s.h5", "--resume")
    same_as_whole("the lock removed by hand")
    clear()


check(os.geteuid() == 0, "this test has to be root: its other hosts are namespaces")
with Workspace() as folder:
    os.chdir(folder)
    write_sweep(folder, tiny_sweep(seeds=1, grid=[{"batch": [1], "eta": [1e-3, 2e-3], "steps": STEPS}],
                                   measure={"loss": {}}, records={"count": 60, "spacing": "linear"}))
    run("run", "sweep.json", "--store", "whole.h5")
    for ranks in ((0, 0), (0, 0), (2, 2), (0, 2)):
        race(ranks)
        clear()
    for ranks in ((0, 0), (2, 0)):
        stop_early()
        race(ranks, "--resume")
        clear()
    another_host(folder)
    asleep_in_a_commit()
    taken_over_while_asleep()
    taken_over_meanwhile(0)
    taken_over_meanwhile(3)
    lock_removed()
print("one owner at a time, and the store of one run in the end")
