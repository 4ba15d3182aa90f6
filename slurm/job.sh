# shellcheck shell=bash
# What the batch scripts of this folder share; they source it.
#
# Environment: EDGESWEEP, the program (default: build/release/bin/edgesweep of the source folder); EDGESWEEP_LAUNCHER,
# what starts the ranks (default: mpirun; with srun: 'srun --mpi=pmix --overcommit'), to which `-n RANKS` is added.
edgesweep=${EDGESWEEP:-$(dirname "${BASH_SOURCE[0]}")/../build/release/bin/edgesweep}
if ! command -v "$edgesweep" >/dev/null; then
  echo "$edgesweep is not there: build it, or set EDGESWEEP to the program" >&2
  exit 2
fi
launcher=${EDGESWEEP_LAUNCHER:-mpirun --oversubscribe --bind-to none}
# Seconds that mpirun leaves its ranks between TERM and KILL. It takes twice as long to end once they have ended with code 75;
# Slurm itself kills after KillWait, usually 30 s.
export OMPI_MCA_odls_base_sigkill_timeout=${OMPI_MCA_odls_base_sigkill_timeout:-15}

# left_in STORE: "trials" if some are not finished, else "failures" if some failed, else "nothing". Fails if it can't tell.
left_in() {
  local status
  status=$("$edgesweep" status "$1" --json | tr -d ' \n') || return
  case $status in
    *'"pending":'[1-9]* | *'"running":'[1-9]*) echo trials ;;
    *'"failed":'[1-9]*) echo failures ;;
    *'"pending":0'*) echo nothing ;;
    *) return 1 ;;
  esac
}

# The job as scontrol wants it: the last task of an array has the number of the whole array.
job_name() { echo "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"; }

# Seconds since 1970 at which the allocation ends. Fails if it has no end, or Slurm can't be asked.
end_of_job() {
  local end
  end=$(SLURM_TIME_FORMAT=standard timeout 30 squeue -h -j "$(job_name)" -o %e 2>/dev/null) || return
  # No time at all would be midnight to date.
  [[ $end == [0-9]* ]] && date -d "$end" +%s 2>/dev/null
}

# run_sweep SWEEP STORE [option of `edgesweep run`]...: goes on with the sweep on the tasks of the job, and one rank more
# for the coordinator, which sleeps while it waits. Ends the script: with the code of `edgesweep run`; or with 75 if
# trials are left, after it has queued the job again if the reason is that its time is up.
run_sweep() {
  local sweep=$1 store=$2 code end left run='' time_is_up=false cancelled=false
  shift 2
  # Slurm signals USR1 to this shell alone (--signal=B:), and TERM (scancel, requeue, preemption) to all processes of
  # the job: mpirun passes USR1 on, and a second TERM would make it kill its ranks at once.
  trap 'time_is_up=true; [ -z "$run" ] || kill -USR1 "$run" 2>/dev/null' USR1
  trap 'cancelled=true; [ -z "$run" ] || kill -USR1 "$run" 2>/dev/null' TERM
  # Slurm sets it itself from version 23.02 on, when the job starts; its limit may have been changed before.
  if end=$(end_of_job); then
    export SLURM_JOB_END_TIME=$end
  fi

  # A restart on another node can't see whether the owner from before is dead. If its node was only lost, not down, it
  # ends by itself once it finds that it owns the store no more.
  [ "${SLURM_RESTART_COUNT:-0}" -eq 0 ] || set -- --take-over "$@"
  if ! $cancelled; then
    # shellcheck disable=SC2086  # the launcher is words
    $launcher -n $((${SLURM_NTASKS:-1} + 1)) "$edgesweep" run "$sweep" --store "$store" --resume "$@" &
    run=$!
    # TERM may have come before there was a process to pass it on to. After USR1 the run ends by itself before its time
    # is up: if it did not start at all, a job with a short limit would be queued again for ever.
    ! $cancelled || kill -USR1 "$run" 2>/dev/null
    # A trapped signal ends `wait` early; the last one gives the launcher's own code.
    while kill -0 "$run" 2>/dev/null; do
      wait "$run"
    done
    wait "$run"
    code=$?
    run=''
  else
    code=75
  fi

  # After a signal the launcher's code says nothing: the store knows what is left.
  if ! $time_is_up && ! $cancelled && [ $code -ne 75 ]; then
    exit $code
  fi
  if ! left=$(left_in "$store"); then
    # Queued again it might be for ever: without a store there is no progress.
    echo "$store does not tell what is left: submit it again to go on" >&2
    [ $code -ne 0 ] || code=1
    exit $code
  fi
  case $left in
    nothing) exit 0 ;;
    failures) exit 3 ;;
  esac
  if $cancelled; then
    echo "stopped by SIGTERM with trials left: submit it again to go on, unless Slurm does" >&2
  elif scontrol requeue "$(job_name)"; then
    echo "time is up with trials left: queued again (restart $((${SLURM_RESTART_COUNT:-0} + 1)))" >&2
  else
    echo "time is up with trials left, and Slurm does not queue the job again: submit it again to go on" >&2
  fi
  exit 75
}

# part_of STORE I N: the store of part I of N, sweep.part-2-of-4.h5 beside sweep.h5.
part_of() { echo "${1%.h5}.part-$2-of-$3.h5"; }
