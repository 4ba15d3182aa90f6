"""What sweep.sbatch, and gpu.sbatch with it, do where Slurm or the store do not answer, with commands that only pretend: no Slurm is needed."""
import os
import signal
import subprocess
import time

from harness import SOURCE, Workspace, check

PROGRAM = """#!/bin/bash
# edgesweep: `status` prints $STATUS, or fails without it; `run` shows how it was called, and waits for USR1 where $WAITS.
if [ "$1" = status ]; then
  [ -n "${STATUS:-}" ] && echo "$STATUS"
  exit
fi
echo "run ${*:2} until ${SLURM_JOB_END_TIME:-whenever}"
trap 'exit 75' USR1
touch started
[ -z "${WAITS:-}" ] || for i in {1..600}; do sleep 0.1; done
exit "${CODE:-0}"
"""
LAUNCHER = """#!/bin/bash
shift 2
exec "$@"
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*"
"""


def write_program(name, text):
    with open(name, "w") as file:
        file.write(text)
    os.chmod(name, 0o755)


def squeue(answer):
    """It tells the end of the job, whatever it is asked."""
    write_program("bin/squeue", f"#!/bin/bash\n{answer}\n")


def script(send=None, when="started", expect=0, name="sweep.sbatch", **environment):
    """Runs a batch script, with a signal when that file appears, after which the file `sent` does; all that was printed."""
    for file in (when, "sent"):
        if os.path.exists(file):
            os.remove(file)
    variables = {"PATH": os.path.abspath("bin") + ":/usr/bin:/bin", "EDGESWEEP": os.path.abspath("edgesweep"),
                 "EDGESWEEP_SOURCE": SOURCE, "EDGESWEEP_LAUNCHER": os.path.abspath("launcher"), "SLURM_JOB_ID": "7",
                 "SLURM_NTASKS": "1", "WAITS": "yes" if send else "", **environment}
    process = subprocess.Popen(["bash", os.path.join(SOURCE, "slurm", name), "a sweep.json", "a store.h5"],
                               env={name: value for name, value in variables.items() if value is not None},
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if send:
        while process.poll() is None and not os.path.exists(when):
            time.sleep(0.01)
        process.send_signal(send)
        open("sent", "w").close()
    text = process.communicate(timeout=60)[0]
    check(process.returncode == expect, f"{environment}: exit code {process.returncode}, expected {expect}\n{text}")
    return text


with Workspace() as folder:
    os.chdir(folder)
    os.mkdir("bin")
    write_program("edgesweep", PROGRAM)
    write_program("launcher", LAUNCHER)
    write_program("bin/scontrol", SCONTROL)
    left = '{"counts": {"pending": 3, "running": 0, "failed": 1}}'
    failed = '{"counts": {"pending": 0, "running": 0, "failed": 1}}'
    done = '{"counts": {"pending": 0, "running": 0, "failed": 0}}'

    # The end of the allocation: from squeue, else from Slurm's own variable, else unknown. No time must not be midnight.
    squeue('[ "${SLURM_TIME_FORMAT:-}" = standard ] && echo 2100-01-01T00:00:00')
    check("until 4102444800" in script(TZ="UTC", SLURM_TIME_FORMAT="relative"), "the end that squeue tells")
    for silent in ("exit 1", "exit 0", "echo NONE", "echo N/A"):
        squeue(silent)
        check("until 4000" in script(SLURM_JOB_END_TIME="4000"), f"squeue: {silent}: the end that Slurm set")
        check("until whenever" in script(), f"squeue: {silent}: no end")

    # Words stay together; only a restart takes the store over.
    check("run a sweep.json --store a store.h5 --resume until" in script(SLURM_RESTART_COUNT="0"), "the first start")
    check("--resume --take-over until" in script(SLURM_RESTART_COUNT="2"), "a restart")

    check("run a sweep.json --store a store.h5 --resume --device cuda until" in script(name="gpu.sbatch"), "on GPUs")

    # Without a signal the code is that of the run; after one the store tells, and no store is no reason to go on for ever.
    for code in (0, 1, 2, 3):
        check("scontrol" not in script(CODE=str(code), STATUS=left, expect=code), f"queued again after code {code}")
    check("scontrol requeue 7\n" in script(CODE="75", STATUS=left, expect=75), "the run stopped by itself")
    check("scontrol requeue 7\n" in script(send=signal.SIGUSR1, STATUS=left, expect=75), "stopped by USR1")
    check("scontrol requeue 6_2\n" in script(send=signal.SIGUSR1, STATUS=left, SLURM_ARRAY_JOB_ID="6", SLURM_ARRAY_TASK_ID="2",
                                             expect=75), "a task of an array")
    check("scontrol" not in script(send=signal.SIGUSR1, STATUS=failed, expect=3), "queued again with failed trials")
    check("scontrol" not in script(send=signal.SIGUSR1, STATUS=done), "queued again when all is done")
    text = script(send=signal.SIGUSR1, STATUS="", expect=75)
    check("scontrol" not in text and "a store.h5 does not tell what is left" in text, text)
    check("scontrol" not in script(send=signal.SIGUSR1, STATUS="unheard of", expect=75), "queued again for ever")
    text = script(send=signal.SIGTERM, STATUS=left, expect=75)
    check("scontrol" not in text and "stopped by SIGTERM" in text, text)

    # TERM while the script still asks Slurm: nothing is started.
    squeue("touch asked; until [ -e sent ]; do sleep 0.01; done; exit 1")
    text = script(send=signal.SIGTERM, when="asked", STATUS=left, expect=75)
    check("run " not in text and "stopped by SIGTERM" in text, text)

    # Slurm does not say where the script was submitted from: the job.sh of some other folder is not taken instead.
    write_program("job.sh", "echo wrong")
    for silent in ("exit 1", "exit 0"):
        squeue(silent)
        text = script(EDGESWEEP_SOURCE=None, expect=2)
        check("/job.sh is not there: set EDGESWEEP_SOURCE" in text, text)
    os.remove("bin/squeue")
    check("set EDGESWEEP_SOURCE" in script(EDGESWEEP_SOURCE=None, PATH=os.path.abspath("bin") + ":/bin", expect=2), "no squeue")
print("the scripts do the right thing where Slurm or the store do not answer")
