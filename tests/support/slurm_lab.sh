#!/bin/bash
# A whole Slurm on this machine, for tests: munged, slurmctld and N slurmd under one folder and on ports of its own, without
# systemd, cgroups or real GPUs, as root or as an ordinary user. Several labs can run side by side.
#
#   slurm_lab.sh start DIR [--nodes 4] [--gpus 8] [--base-port P] [--owner PID] [--select CR_Core]   prints SLURM_CONF=DIR/slurm.conf
#   slurm_lab.sh stop DIR                       ends jobs and daemons; DIR and its logs stay
#   slurm_lab.sh kill-slurmd DIR NODE           kills one node's slurmd (0 is node0) and leaves its tasks alive
#   slurm_lab.sh start-slurmd DIR NODE
#   slurm_lab.sh kill-slurmctld DIR | start-slurmctld DIR
#
# The controller listens on P, node I on P+1+I; without --base-port free ports below the ephemeral range are looked for.
# With --owner the lab stops when that process is gone. Whatever is ended is ended by process id, after a look at what it is.
# Needs the packages munge, slurmctld, slurmd and slurm-client.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

fail() { echo "slurm_lab: $*" >&2; exit 1; }

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

# ---- processes ------------------------------------------------------------------------------------------------------------

# Is `pid` a live process whose command or environment names this lab?
is_ours() {
  local pid=$1
  [[ -r /proc/$pid/cmdline ]] || return 1
  grep -qF "$dir" "/proc/$pid/cmdline" 2>/dev/null || grep -qzxF "SLURM_CONF=$dir/slurm.conf" "/proc/$pid/environ" 2>/dev/null
}

# The process id in a pid file, when it is alive and of this lab.
pid_in() {
  local pid
  [[ -s $1 ]] && pid=$(<"$1") && [[ $pid =~ ^[0-9]+$ ]] && is_ours "$pid" && echo "$pid"
}

# A zombie has ended: on a machine without an init that reaps, it stays in the table for ever.
is_alive() {
  local state
  state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [[ -n $state && $state != [ZX] ]]
}

# end SIGNAL SECONDS PID...: signals, waits at most that long, then kills.
end() {
  local signal=$1 limit=$((SECONDS + $2)) pid left
  shift 2
  (($#)) || return 0
  kill "-$signal" "$@" 2>/dev/null || true
  while ((SECONDS < limit)); do
    left=0
    for pid in "$@"; do is_alive "$pid" && left=1; done
    ((left)) || return 0
    sleep 0.05
  done
  kill -KILL "$@" 2>/dev/null || true
}

# The process ids of this lab's slurmstepd and tasks, also of tasks that left their parent, and of everything below them.
steps_and_tasks() {
  local path pid parent grown=1 found=' '
  while read -r path; do
    pid=${path//[^0-9]/}
    if [[ $(<"/proc/$pid/comm") == slurmstepd ]] || grep -qzxE 'SLURMD_NODENAME=node[0-9]+' "$path"; then found+="$pid "; fi
  done 2>/dev/null < <(grep -slzxF "SLURM_CONF=$dir/slurm.conf" /proc/[0-9]*/environ)
  while ((grown)); do
    grown=0
    while read -r pid parent; do
      if [[ $found == *" $parent "* && $found != *" $pid "* ]]; then found+="$pid "; grown=1; fi
    done < <(sed 's/^\([0-9]*\) (.*) . \([0-9]*\) .*/\1 \2/' /proc/[0-9]*/stat 2>/dev/null)
  done
  for ((pid = $$; pid > 1; )); do # never this script or what called it
    found=${found/ $pid / }
    pid=$(sed 's/.*) . //; s/ .*//' "/proc/$pid/stat" 2>/dev/null || echo 1)
  done
  echo "$found"
}

# ---- the files of a lab ---------------------------------------------------------------------------------------------------

port_is_taken() { grep -qiE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") .* 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null; }

free_base_port() {
  local try base port free
  for try in {1..100}; do
    base=$((10000 + (RANDOM % 1000) * 20))
    free=1
    for ((port = base; port <= base + nodes; port++)); do
      if port_is_taken "$port"; then free=0; break; fi
    done
    if ((free)); then echo "$base"; return; fi
  done
  fail "found no $((nodes + 1)) free ports in a row between 10000 and 30000"
}

# GPUs that are character devices: of the lab's own where this user may make them, else ones that every machine has.
make_gpu_lines() {
  local index files=() borrowed=(null zero full random urandom tty ptmx console)
  for ((index = 0; index < gpus; index++)); do
    if mknod -m 666 "$dir/dev/nvidia$index" c 1 3 2>/dev/null; then
      files+=("$dir/dev/nvidia$index")
    elif ((index < ${#borrowed[@]})) && [[ -c /dev/${borrowed[index]} ]]; then
      files+=("/dev/${borrowed[index]}")
    else
      fail "cannot make the character device $dir/dev/nvidia$index: start fewer --gpus, or start the lab as root"
    fi
  done
  echo "AutoDetect=off"
  for ((index = 0; index < gpus; index++)); do
    echo "Name=gpu Type=h100 File=${files[index]} Cores=$((index * 2 < gpus ? 0 : 56))-$((index * 2 < gpus ? 55 : 111))"
  done
}

write_slurm_conf() {
  local host user index memory_mib
  host=$(hostname -s)
  user=$(id -un)
  memory_mib=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))
  {
    cat <<CONF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base_port
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/%n.log
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/run/munge.sock,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=$select
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=3600
RequeueExit=42
RequeueExitHold=43
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobs
CONF
    ((gpus == 0)) || echo "GresTypes=gpu"
    for ((index = 0; index < nodes; index++)); do
      echo "NodeName=node$index NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base_port + 1 + index)) CPUs=112 Boards=1" \
        "SocketsPerBoard=2 CoresPerSocket=56 ThreadsPerCore=1 RealMemory=$memory_mib$( ((gpus == 0)) || echo " Gres=gpu:h100:$gpus")"
    done
    echo "PartitionName=batch Nodes=ALL Default=YES MaxTime=UNLIMITED State=UP"
    echo "PartitionName=short Nodes=ALL MaxTime=5 MaxNodes=2 State=UP"
  } > "$dir/slurm.conf"
  # slurmd opens this plugin whether it is used or not, and finding out which one needs /sys/fs/cgroup, which a chroot lacks.
  echo "CgroupPlugin=cgroup/v1" > "$dir/cgroup.conf"
  ((gpus == 0)) || make_gpu_lines > "$dir/gres.conf"
}

# ---- daemons --------------------------------------------------------------------------------------------------------------

# Started without the caller's descriptors, so that a pipe of the caller closes when the caller ends.
start_munged() {
  [[ -f $dir/munge.key ]] || (umask 277 && head -c 128 /dev/urandom > "$dir/munge.key")
  munged --force --num-threads=2 --socket="$dir/run/munge.sock" --key-file="$dir/munge.key" --log-file="$dir/log/munged.log" \
    --pid-file="$dir/run/munged.pid" --seed-file="$dir/run/munge.seed" < /dev/null > "$dir/log/munged.out" 2>&1 ||
    fail "munged does not start: $(tail -n 3 "$dir/log/munged.out" "$dir/log/munged.log" 2>/dev/null)"
}

start_slurmctld() {
  slurmctld -f "$dir/slurm.conf" < /dev/null > "$dir/log/slurmctld.out" 2>&1 ||
    fail "slurmctld does not start: $(tail -qn 3 "$dir/log/slurmctld.out" "$dir/log/slurmctld.log" 2>/dev/null)"
  local limit=$((SECONDS + 10))
  until [[ $(scontrol ping 2>/dev/null) == *'is UP'* ]]; do
    ((SECONDS < limit)) || fail "slurmctld does not answer after 10 s: $(tail -n 3 "$dir/log/slurmctld.log")"
    sleep 0.02
  done
}

start_slurmd() {
  slurmd -f "$dir/slurm.conf" -N "node$1" < /dev/null > "$dir/log/node$1.out" 2>&1 ||
    fail "slurmd of node$1 does not start: $(tail -qn 3 "$dir/log/node$1.out" "$dir/log/node$1.log" 2>/dev/null)"
}

wait_until_idle() {
  local limit=$((SECONDS + 30)) idle
  while ((SECONDS < limit)); do
    idle=$(sinfo -h -p batch -t idle -o %D 2>/dev/null || true)
    if [[ ${idle:-0} == "$nodes" ]]; then return; fi
    sleep 0.05
  done
  fail "only ${idle:-0} of $nodes nodes are idle after 30 s; logs in $dir/log: $(grep -hE 'error|fatal' "$dir"/log/*.log | tail -n 3)"
}

# A controller that has just come up refuses what its nodes, not registered yet, could run.
wait_until_known() {
  local limit=$((SECONDS + 30))
  while ((SECONDS < limit)); do
    if ! sinfo -h -N -p batch -o %T 2>/dev/null | grep -qE 'unk|down|\*'; then return; fi
    sleep 0.05
  done
  fail "nodes are not known to the controller after 30 s: $(sinfo -h -N -p batch -o '%N %T' | tr '\n' ' ')"
}

# ---- verbs ----------------------------------------------------------------------------------------------------------------

start() {
  nodes=4 gpus=8 base_port='' owner='' select=CR_Core
  while (($#)); do
    (($# > 1)) || fail "$1 needs a value"
    case $1 in
      --nodes) nodes=$2 ;;
      --gpus) gpus=$2 ;;
      --base-port) base_port=$2 ;;
      --owner) owner=$2 ;;
      --select) select=$2 ;;
      *) fail "unknown option '$1'; known: --nodes --gpus --base-port --owner --select" ;;
    esac
    shift 2
  done
  for program in munged slurmctld slurmd sinfo scancel; do
    command -v $program > /dev/null || fail "there is no $program: install munge, slurmctld, slurmd and slurm-client"
  done
  ((${#dir} <= 80)) || fail "'$dir' is too long for the path of a socket (80 characters at most)"
  [[ ! -e $dir/slurm.conf ]] || fail "$dir holds a lab already: stop it and remove the folder"
  mkdir -p "$dir"/{run,log,state,spool,dev}
  chmod 755 "$dir" "$dir/run" "$dir/log"
  base_port=${base_port:-$(free_base_port)}
  write_slurm_conf
  trap 'stop' EXIT
  local node
  start_munged
  start_slurmctld
  for ((node = 0; node < nodes; node++)); do
    start_slurmd "$node"
  done
  wait_until_idle
  trap - EXIT
  if [[ -n $owner ]]; then
    setsid "$BASH" "$0" watch "$dir" "$owner" < /dev/null > /dev/null 2>&1 &
    echo $! > "$dir/run/watch.pid"
  fi
  echo "SLURM_CONF=$SLURM_CONF"
}

stop() {
  local pid file daemons=() tries
  [[ -f $dir/slurm.conf ]] || fail "there is no lab in $dir"
  if pid=$(pid_in "$dir/run/watch.pid") && ((pid != $$)); then end TERM 1 "$pid"; fi
  for tries in {1..3}; do # a slurmd that is just forking may start one more
    read -ra pids <<< "$(steps_and_tasks)"
    ((${#pids[@]})) || break
    if ((tries == 1)); then
      kill -CONT "${pids[@]}" 2>/dev/null || true
      timeout 2 scancel --full --signal=KILL --user="$(id -un)" 2>/dev/null || true
      sleep 0.2
    fi
    read -ra pids <<< "$(steps_and_tasks)"
    end TERM $((tries == 1 ? 2 : 0)) ${pids[@]+"${pids[@]}"}
  done
  for file in "$dir"/run/node*.pid "$dir/run/slurmctld.pid"; do
    if pid=$(pid_in "$file"); then daemons+=("$pid"); fi
  done
  end TERM 5 ${daemons[@]+"${daemons[@]}"}
  read -ra pids <<< "$(steps_and_tasks)"
  end KILL 1 ${pids[@]+"${pids[@]}"}
  if pid=$(pid_in "$dir/run/munged.pid"); then end TERM 2 "$pid"; fi
}

kill_daemon() {
  local pid
  local tries
  for tries in {1..50}; do # one that has just been started writes its file a moment later
    pid=$(pid_in "$dir/run/$1.pid") && break
    sleep 0.1
  done
  [[ -n $pid ]] || fail "$1 does not run"
  end KILL 2 "$pid"
}

[[ ${1:-} != --help && $# -ge 2 ]] || { usage; [[ ${1:-} == --help ]] && exit 0 || exit 2; }
verb=$1
dir=$(realpath -m "$2")
shift 2
export SLURM_CONF=$dir/slurm.conf
case $verb in
  start) start "$@" ;;
  stop) stop ;;
  kill-slurmd) kill_daemon "node$1" ;;
  start-slurmd) start_slurmd "$1" ;;
  kill-slurmctld) kill_daemon slurmctld ;;
  start-slurmctld) start_slurmctld; wait_until_known ;;
  watch) tail --pid="$1" -f /dev/null; stop ;;
  *) usage; exit 2 ;;
esac
