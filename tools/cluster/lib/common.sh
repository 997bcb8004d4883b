# shellcheck shell=bash
# Paths, messages and small helpers that every part of the cluster tool uses.

CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS_DIR=$(dirname "$CLUSTER_DIR")
LIB_DIR=$CLUSTER_DIR/lib
CONFIG_DIR=$CLUSTER_DIR/config

CACHE=${MLSECOPS_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME or MLSECOPS_CACHE must be set}/.cache}/mlsecops}
BIN=$CACHE/bin
STATE_ROOT=${MLSECOPS_STATE:-$CACHE/state}

# The cluster's addresses. They exist only inside its own network namespace, so
# every cluster can use the same ones.
NODE_NAME=node1
NODE_IP=10.200.0.1
REGISTRY_IP=10.200.0.2
REGISTRY_NAME=registry.test
POD_CIDR=10.244.0.0/16
NODE_POD_CIDR=10.244.0.0/24
KWOK_POD_CIDR=10.245.0.0/16
SERVICE_CIDR=10.96.0.0/16
SERVICE_API=10.96.0.1
SERVICE_DNS=10.96.0.10

say() { printf '%s\n' "$*"; }
warn() { printf 'cluster: %s\n' "$*" >&2; }
die() {
  warn "$*"
  exit 1
}

# seconds_since START: with one decimal; START comes from $EPOCHREALTIME.
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

duration() { # SECONDS: 5s, 3m12s, 2h05m
  local s=$1
  if ((s < 60)); then
    printf '%ds' "$s"
  elif ((s < 3600)); then
    printf '%dm%02ds' $((s / 60)) $((s % 60))
  else
    printf '%dh%02dm' $((s / 3600)) $((s % 3600 / 60))
  fi
}

# overall: how long all of what is done has taken, where somebody has said what is expected.
overall() {
  if ((${EXPECTED:-0} >= 10)); then printf '; in all %s of about %s' "$(duration $((SECONDS - OVERALL_STARTED)))" "$(duration "$EXPECTED")"; fi
}

# with_progress TITLE LOG CMD...: run CMD with its output in LOG and show that
# time passes: on a terminal a moving line, elsewhere a line every 10 seconds.
with_progress() {
  local title=$1 log=$2 started=$SECONDS shown=0 elapsed pid status=0
  shift 2
  # A process group of its own, so that an interrupt ends all of it and not just this script.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  set +m
  trap 'kill -- "-$pid"; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    elapsed=$((SECONDS - started))
    # On a terminal each second, once it has taken two; elsewhere each ten.
    if [[ -t 1 ]] && ((elapsed > 1 && elapsed > shown)); then
      shown=$elapsed
      printf '\r%s … %s%s ' "$title" "$(duration $elapsed)" "$(overall)"
    elif [[ ! -t 1 ]] && ((elapsed >= shown + 10)); then
      shown=$elapsed
      say "$title … $(duration $elapsed)$(overall)"
    fi
    sleep 0.2
  done
  wait "$pid" || status=$?
  trap - INT TERM
  if [[ -t 1 ]]; then printf '\r\033[K'; fi
  return $status
}

# A process is named by its number and its start time, so that a number that
# the kernel gave to somebody else is never taken for ours.
process_identity() { # PID, as numbered in the proc file system at $PROC
  local stat
  # (Not $(<file): where the file is missing, bash 5.2 takes it for a fatal error.)
  read -r stat 2>/dev/null <"${PROC:-/proc}/$1/stat" || return 1
  stat=${stat##*) } # the name before it may hold spaces
  # shellcheck disable=SC2086 # split on purpose; field 22 of the file is the 20th from here
  set -- "$1" $stat
  [[ $2 != Z ]] || return 1
  say "$1 ${21}"
}

record_process() { process_identity "$2" >"$1"; } # FILE PID

# recorded_process FILE: prints the number if that very process still lives.
recorded_process() {
  local pid identity
  read -r identity 2>/dev/null <"$1" || return 1
  pid=${identity%% *}
  [[ $(process_identity "$pid") == "$identity" ]] || return 1
  printf '%s' "$pid"
}

# render TEMPLATE: replaces @NAME@ by the value of the variable NAME.
render() {
  local text name
  text=$(<"$1")
  while [[ $text =~ @([A-Z_]+)@ ]]; do
    name=${BASH_REMATCH[1]}
    [[ -v $name ]] || die "$1 uses @$name@, which is not set"
    text=${text//"@$name@"/"${!name}"}
  done
  printf '%s\n' "$text"
}

# select_cluster NAME: sets the paths of one cluster.
select_cluster() {
  [[ $1 =~ ^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$ ]] || die "'$1' is not a cluster name: use a-z, 0-9 and -, at most 32"
  NAME=$1
  STATE=$STATE_ROOT/$NAME
  LOG=$STATE/log
  RUN=$STATE/run
  PKI=$STATE/pki
  CONTAINERD_SOCKET=$RUN/containerd.sock
  ((${#CONTAINERD_SOCKET} < 100)) || die "the path $STATE is too long for the Unix sockets in it: set MLSECOPS_STATE to a shorter one"
  # Two state directories may hold clusters of the same name.
  CGROUP=mlsecops-$NAME-$(printf '%s' "$STATE" | sha256sum | head -c 8)
}
