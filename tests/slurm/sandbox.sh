#!/usr/bin/env bash
# Runs a command beside a Slurm of its own: munged, slurmctld and one slurmd with 8 pretended CPUs, from a temporary
# folder with its own key, ports and configuration. A Slurm of the machine is not touched; systemd is not needed.
#
#   tests/slurm/sandbox.sh COMMAND...        e.g. tests/slurm/sandbox.sh bash
#
# Needs root (slurmd starts jobs as their users) and the packages slurm-wlm and munge. Partitions: main, and urgent,
# whose jobs preempt those of main (they are requeued). When COMMAND ends, its jobs are cancelled and all daemons end;
# if this script is killed the daemons go with it. Exit code: COMMAND's, or 1 if Slurm does not come up, with the reason.
# EDGESWEEP_SLURM_NODES=N: N nodes, the others named like the first with -2, -3 and so on, each with that as the host name
# of its own. The process id of the slurmd of a node is in $EDGESWEEP_SLURM_SANDBOX/slurmd-NODE.pid.
set -uo pipefail
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

die() {
  echo "sandbox.sh: $*" >&2
  exit 1
}

[ $# -gt 0 ] || die "usage: tests/slurm/sandbox.sh COMMAND..."
[ "$EUID" -eq 0 ] || die "needs root: slurmd can't start jobs otherwise"
for program in munged slurmctld slurmd srun setpriv; do
  command -v "$program" >/dev/null || die "$program not found: scripts/setup.sh --tests installs slurm-wlm and munge"
done
# slurmctld and slurmd look their address up with AI_ADDRCONFIG, which finds none if there is only the loopback's.
[ -n "$(hostname -I | tr -d ' ')" ] || die "this machine has no network address but the loopback's: Slurm can't listen"

cpus=8
host=$(uname -n)
host=${host%%.*}
nodes=("$host")
for ((i = 2; i <= ${EDGESWEEP_SLURM_NODES:-1}; i++)); do
  nodes+=("$host-$i")
done
folder=$(mktemp -d /tmp/edgesweep-slurm-XXXXXX) || die "no temporary folder"
mkdir "$folder"/{state,spool,tmp,log,munge}
chmod 755 "$folder"
chmod 700 "$folder/munge"
daemons=()

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

pick_port() { # N: that many free ports in a row, the first on stdout; below the range that clients get theirs from
  local try port free
  for try in {1..50}; do
    port=$((20000 + (RANDOM + try) % 12000))
    for ((free = 0; free < $1; free++)); do
      port_is_free $((port + free)) || break
    done
    [ $free -lt "$1" ] || { echo $port && return; }
  done
  return 1
}

write_configuration() { # PORT
  cat >"$folder/slurm.conf" <<CONF
ClusterName=sandbox
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
# The PMIx plugin makes a folder named after the job in it.
TmpFS=$folder/tmp/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
KillWait=10
# Jobs that have ended are remembered as long as a test may take.
MinJobAge=86400
$(for i in "${!nodes[@]}"; do
    echo "NodeName=${nodes[i]} NodeHostname=${nodes[i]} NodeAddr=127.0.0.1 Port=$(($1 + 1 + i)) Sockets=1 CoresPerSocket=$cpus ThreadsPerCore=1 CPUs=$cpus RealMemory=1000 State=UNKNOWN"
  done)
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF
CONF
}

start() { # NAME COMMAND...: in the foreground of a background process that ends with this script
  local name=$1
  shift
  setpriv --pdeathsig KILL "$@" </dev/null >"$folder/log/$name" 2>&1 &
  daemons+=($!)
}

wait_until() { # WHAT COMMAND...
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      tail -n 15 "$folder"/log/* >&2
      die "$what did not come up in 30 s"
    fi
    sleep 0.1
  done
}

munge_works() { munge -S "$folder/munge.socket" -n | unmunge -S "$folder/munge.socket"; }
controller_answers() { timeout 10 scontrol ping | grep -q 'is UP'; }
nodes_are_idle() { [ "$(timeout 10 sinfo -h -p main -t idle -o %D)" = "${#nodes[@]}" ]; }
queue_is_empty() { [ -z "$(timeout 10 squeue -h)" ]; }

clean_up() {
  trap '' INT TERM HUP
  local i
  if [ ${#daemons[@]} -ge 3 ]; then
    timeout 10 squeue -h -o %A | sort -u | timeout 20 xargs -r scancel 2>/dev/null
    for i in {1..200}; do
      queue_is_empty && break
      sleep 0.1
    done
  fi
  for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
    kill "${daemons[i]}" 2>/dev/null
    wait "${daemons[i]}" 2>/dev/null
  done
  rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

port=$(pick_port $((1 + ${#nodes[@]}))) || die "no free TCP ports"
write_configuration "$port"
export SLURM_CONF=$folder/slurm.conf EDGESWEEP_SLURM_SANDBOX=$folder
# What killed ranks leave behind goes with the folder.
export TMPDIR=$folder/tmp OMPI_MCA_btl_vader_backing_directory=$folder/tmp

head -c 1024 /dev/urandom >"$folder/munge/key"
chmod 600 "$folder/munge/key"
start munged munged --foreground --force --socket="$folder/munge.socket" --key-file="$folder/munge/key" \
  --pid-file="$folder/munge/pid" --seed-file="$folder/munge/seed" --log-file="$folder/munge/log"
wait_until munged munge_works
start slurmctld slurmctld -D -f "$SLURM_CONF"
wait_until slurmctld controller_answers
for node in "${nodes[@]}"; do
  mkdir -p "$folder/spool/$node" "$folder/tmp/$node"
  slurmd=(slurmd -D -f "$SLURM_CONF" -N "$node")
  if [ "$node" != "$host" ]; then
    # The host name is all by which edgesweep and Open MPI tell two nodes of one machine apart.
    # shellcheck disable=SC2016  # it is the inner shell that expands
    slurmd=(unshare --uts sh -c 'hostname "$1" && shift && exec "$@"' sh "$node" "${slurmd[@]}")
  fi
  start "slurmd-$node" "${slurmd[@]}"
done
wait_until slurmd nodes_are_idle

"$@"
