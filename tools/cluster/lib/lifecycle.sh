# shellcheck shell=bash
# up, down, status, exec, logs.

# ------------------------------------------------------------------- state

# init_process: the first process of the cluster. In node mode the launcher is
# outside of the namespaces, and its only child is the first process within.
init_process() {
  local launcher child namespace
  launcher=$(recorded_process "$RUN/launcher") || return 1
  if [[ $(setting MODE) == node ]]; then
    read -r child _ 2>/dev/null <"/proc/$launcher/task/$launcher/children" || true # it has no line end
    # Before it becomes unshare(1), the launcher has short-lived children of this namespace.
    namespace=$(readlink "/proc/${child:-none}/ns/pid") || return 1
    [[ $namespace != "$(readlink /proc/self/ns/pid)" ]] || return 1
    launcher=$child
  fi
  printf '%s' "$launcher"
}

setting() { sed -n "s/^$1=//p" "$STATE/settings" 2>/dev/null; } # MODE or KWOK_NODES of the last `up`

lock_cluster() {
  mkdir -p "$STATE"
  exec 9>"$STATE/lock"
  flock -n 9 || {
    say "waiting for another call that works on cluster '$NAME'"
    flock -w 120 9 || die "gave up after two minutes"
  }
}

fail_with_log() { # MESSAGE LOG
  warn "$1; the end of $2:"
  tail -n 20 "$2" 2>/dev/null | cut -c1-400 | sed 's/^/    /' >&2
  exit 1
}

component_log() { # COMPONENT
  printf '%s/%s.log' "$LOG" "$1"
}

# ---------------------------------------------------------------------- up

up() {
  local mode=node kwok=
  while (($# > 0)); do
    case $1 in
      --mode) mode=${2:-} && shift ;;
      --mode=*) mode=${1#*=} ;;
      --kwok) kwok=3 ;;
      --kwok=*) kwok=${1#*=} ;;
      *) die "up does not know '$1'" ;;
    esac
    shift
  done
  [[ $mode == node || $mode == control-plane ]] || die "--mode is node or control-plane, not '$mode'"
  if [[ -z $kwok ]]; then if [[ $mode == node ]]; then kwok=0; else kwok=3; fi; fi
  [[ $kwok =~ ^[0-9]{1,4}$ ]] || die "--kwok=N needs a number of nodes, not '$kwok'"
  [[ $mode == control-plane || $EUID == 0 ]] || die 'a real node needs root; `up --mode control-plane` does not'

  local needed=("${NODE_BUILD[@]}")
  if [[ $mode == control-plane ]]; then needed=("${CONTROL_PLANE_BUILD[@]}"); fi
  if ((kwok > 0)); then needed+=(kwok); fi
  build "${needed[@]}"
  lock_cluster
  if is_healthy; then
    [[ $(setting MODE) == "$mode" ]] || die "cluster '$NAME' is up in mode $(setting MODE); take it down first"
    say "cluster '$NAME' is already up"
    return
  fi
  # What an earlier one left when it was killed, or what of it has died.
  if [[ -e $STATE/settings ]]; then
    say "removing what is left of an earlier cluster '$NAME'"
    take_down
  fi

  local started=$EPOCHREALTIME
  rm -rf "$LOG"
  mkdir -p "$LOG" "$RUN/processes" "$RUN/steps" "$STATE/registry" "$STATE/dns"
  printf 'MODE=%s\nKWOK_NODES=%s\n' "$mode" "$kwok" >"$STATE/settings"
  make_pki
  "launch_${mode//-/_}"
  await 'api server ready' 90
  say "control plane ready after $(seconds_since "$started") s"
  await started 60
  if [[ $mode == node ]]; then
    kubectl_wait kubelet --for=condition=Ready "node/$NODE_NAME"
    say "node ready after $(seconds_since "$started") s"
    kubectl_wait coredns --for=condition=Available -n kube-system deployment/coredns
  fi
  if ((kwok > 0)); then kubectl_wait kwok --for=condition=Ready node -l type=kwok; fi
  say "cluster '$NAME' is up after $(seconds_since "$started") s"
  say "  kubectl:    $BIN/kubectl --kubeconfig $STATE/kubeconfig get nodes"
  say "  inside it:  $CLUSTER_DIR/cluster exec$([[ $NAME == default ]] || printf -- ' --name %s' "$NAME") -- COMMAND"
}

# await STEP SECONDS: until the cluster's first process has done STEP.
await() {
  local file=$RUN/steps/${1// /-} tries message component
  for ((tries = 0; tries < $2 * 20; tries++)); do
    if [[ -e $file ]]; then return; fi
    if [[ -e $RUN/failed ]]; then
      { read -r message && read -r component; } <"$RUN/failed"
      fail_with_log "$message" "$(component_log "$component")"
    fi
    init_process >/dev/null || fail_with_log "the cluster's first process has ended" "$LOG/init.log"
    sleep 0.05
  done
  fail_with_log "'$1' was not reached within $2 s" "$LOG/init.log"
}

kubectl_wait() { # COMPONENT ARGUMENT...
  local component=$1 tries
  shift
  # What is waited for need not exist yet, which `kubectl wait` takes for an error.
  for ((tries = 0; tries < 100; tries++)); do
    "$BIN/kubectl" --kubeconfig="$STATE/kubeconfig" wait --timeout=45s "$@" >>"$LOG/wait.log" 2>&1 && return
    grep -qE 'NotFound|no matching resources' <(tail -n 1 "$LOG/wait.log") || break
    sleep 0.1
  done
  fail_with_log "not ready in time: $*" "$(component_log "$component")"
}

# launch COMMAND...: the parent of all of the cluster's processes. It runs on when
# this script ends, and knows nothing of the environment of whoever called it.
launch() {
  (
    exec 9>&- # the lock of `up`
    cd /
    record_process "$RUN/launcher" "$BASHPID"
    if [[ $(setting MODE) == node ]]; then join_cgroup; fi
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8 \
      MLSECOPS_CACHE="$CACHE" MLSECOPS_STATE="$STATE_ROOT" NAME="$NAME" KWOK_NODES="$(setting KWOK_NODES)" setsid "$@"
  ) </dev/null >>"$LOG/init.log" 2>&1 &
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    if init_process >/dev/null; then return; fi
    sleep 0.05
  done
  fail_with_log "the cluster's first process did not start" "$LOG/init.log"
}

launch_node() {
  local part tries
  with_directory_lock make_fixed_directories
  printf '127.0.0.1 localhost\n%s %s\n%s %s\n' "$NODE_IP" "$NODE_NAME" "$REGISTRY_IP" "$REGISTRY_NAME" >"$STATE/dns/hosts"
  printf 'nameserver %s\nsearch svc.cluster.local cluster.local\noptions ndots:5 timeout:1 attempts:2\n' "$SERVICE_DNS" >"$RUN/resolv.conf"
  for part in admin controller-manager scheduler kube-proxy kubelet; do
    write_kubeconfig "$RUN/$part.kubeconfig" "$part" "https://$NODE_IP:6443"
  done
  # The portal's sockets have to be opened out here, before the namespaces are made.
  launch "$BIN/portal" listen -addresses "$RUN/portal" 127.0.0.1:16443 127.0.0.1:15000 -- \
    unshare --net --mount --pid --cgroup --fork --kill-child --mount-proc bash "$LIB_DIR/node-init.sh"
  leave_cgroup_root "$(recorded_process "$RUN/launcher")"
  readlink "/proc/$(init_process)/ns/net" >"$RUN/network-namespace"
  for ((tries = 0; tries < 100; tries++)); do
    if [[ -s $RUN/portal ]]; then break; fi
    sleep 0.05
  done
  write_kubeconfig "$STATE/kubeconfig" admin "https://$(head -n 1 "$RUN/portal")"
}

launch_control_plane() {
  local part server
  "$BIN/portal" ports 4 >"$RUN/ports"
  server=https://127.0.0.1:$(head -n 1 "$RUN/ports")
  for part in admin controller-manager scheduler; do
    write_kubeconfig "$RUN/$part.kubeconfig" "$part" "$server"
  done
  cp -p "$RUN/admin.kubeconfig" "$STATE/kubeconfig"
  launch bash "$LIB_DIR/control-plane-init.sh"
}

# -------------------------------------------------------------------- down

down() {
  (($# == 0)) || die "down does not know '$1'"
  if [[ ! -e $STATE/settings ]]; then
    say "cluster '$NAME' is not up"
    return
  fi
  [[ $(setting MODE) == control-plane || $EUID == 0 ]] || die "cluster '$NAME' has a real node: take it down as root"
  lock_cluster
  take_down
  say "cluster '$NAME' is down; its logs are in $LOG, its registry's content is kept"
}

# take_down: also what is left after any of the cluster's processes was killed.
take_down() {
  local launcher mode
  mode=$(setting MODE)
  # All are killed outright: their data is thrown away, and an API server that is
  # asked to end waits a minute for its watches.
  if launcher=$(recorded_process "$RUN/launcher"); then
    # In node mode the first process of the PID namespace dies with it, and all others with that one.
    end_processes KILL "$launcher"
  fi
  if [[ $mode == control-plane ]]; then end_components; fi
  if [[ $mode == node ]]; then
    end_guests
    remove_cgroup
    with_directory_lock remove_fixed_directories
  fi
  rm -rf "$RUN" "$STATE"/{containerd,kubelet,pod-logs,dns,kubeconfig,settings}
}

end_processes() { # SIGNAL PID...: sends it and waits until they are gone
  local signal=$1 pid tries
  shift
  kill "-$signal" "$@" 2>/dev/null || true
  for pid; do
    for ((tries = 0; tries < 100; tries++)); do
      process_identity "$pid" >/dev/null || break
      sleep 0.05
    done
  done
}

end_components() { # of a control plane: plain processes that nothing else would end
  local file pid pids=()
  for file in "$RUN"/processes/*; do
    if pid=$(recorded_process "$file"); then pids+=("$pid"); fi
  done
  if ((${#pids[@]} > 0)); then end_processes KILL "${pids[@]}"; fi
}

# end_guests: what `cluster exec` started and still runs. It would keep the
# cluster's network and mounts alive. Recognised by both its namespace and its
# environment, since a namespace's number may be used again.
end_guests() {
  local namespace process pids=()
  read -r namespace 2>/dev/null <"$RUN/network-namespace" || return 0
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/ns/net") == "$namespace" ]] || continue
    grep -qzFx "MLSECOPS_CLUSTER_STATE=$STATE" "$process/environ" || continue
    pids+=("${process#/proc/}")
  done 2>/dev/null
  ((${#pids[@]} > 0)) || return 0
  say "ending ${#pids[@]} process(es) that 'cluster exec' started"
  end_processes TERM "${pids[@]}"
  end_processes KILL "${pids[@]}"
}

# ------------------------------------------------------------------ status

# components: "NAME STATE AGE MEMORY" of each process that was started.
components() {
  local init file pid uptime ticks ticked
  init=$(init_process) || return 1
  # The node's processes are numbered in a PID namespace of their own.
  local PROC=/proc/$init/root/proc
  [[ $(setting MODE) == node ]] || PROC=/proc
  ticks=$(getconf CLK_TCK)
  read -r uptime _ </proc/uptime
  for file in "$RUN"/processes/*; do
    if pid=$(recorded_process "$file"); then
      read -r _ ticked <"$file"
      printf '%s running %s %s\n' "${file##*/}" "$(duration $((${uptime%.*} - ticked / ticks)))" \
        "$(awk '/^VmRSS/ { printf "%d MiB", $2 / 1024 }' "$PROC/$pid/status")"
    else
      say "${file##*/} DEAD - -"
    fi
  done
}

api() { "$BIN/portal" ready -ca "$PKI/ca.crt" -cert "$PKI/admin.crt" -key "$PKI/admin.key" -timeout 3s "$1" >/dev/null 2>&1; }
api_server() { sed -n 's/.*server: "\([^"]*\)".*/\1/p' "$STATE/kubeconfig"; }

is_healthy() {
  local list
  [[ -e $RUN/steps/started && ! -e $RUN/failed ]] && list=$(components) && [[ $list != *' DEAD '* ]] && api "$(api_server)/readyz"
}

status() {
  (($# == 0)) || die "status does not know '$1'"
  if [[ ! -e $STATE/settings ]]; then
    say "cluster '$NAME' is not up"
    return 1
  fi
  if ! init_process >/dev/null; then
    say "cluster '$NAME' is dead: its first process is gone; \`cluster down\` removes what is left"
    return 1
  fi
  local mode healthy=0 nodes
  mode=$(setting MODE)
  is_healthy || healthy=1
  say "cluster '$NAME', mode $mode, $([[ $healthy == 0 ]] && echo healthy || echo NOT HEALTHY)"
  {
    say 'COMPONENT STATE AGE MEMORY'
    components
  } | awk '{ printf "  %-26s%-10s%-10s%s %s\n", $1, $2, $3, $4, $5 }'
  say
  if api "$(api_server)/readyz"; then
    nodes=$("$BIN/kubectl" --kubeconfig="$STATE/kubeconfig" get nodes -o wide --request-timeout=5s | cut -c1-100)
    sed 's/^/  /' <<<"$nodes"
    if [[ $mode == node ]]; then
      if ! grep -qE "^$NODE_NAME +Ready" <<<"$nodes"; then healthy=1; fi
      "$BIN/kubectl" --kubeconfig="$STATE/kubeconfig" wait --for=condition=Available -n kube-system deployment/coredns --timeout=1s >/dev/null 2>&1 || {
        say '  CoreDNS is not available'
        healthy=1
      }
    fi
  else
    say '  the API server does not answer'
  fi
  say
  say "  API server   $(api_server)$([[ $mode == control-plane ]] || printf ', inside https://%s:6443' "$NODE_IP")"
  if [[ $mode == node ]]; then
    say "  registry     https://$(sed -n 2p "$RUN/portal"), inside https://$REGISTRY_NAME:5000 ($REGISTRY_IP)"
    say "  hosts        $STATE/dns/hosts"
  fi
  say "  kubeconfig   $STATE/kubeconfig"
  say "  authority    $PKI/ca.crt"
  say "  logs         $LOG"
  return $healthy
}

# ------------------------------------------------------- exec, kubeconfig, logs

need_up() { init_process >/dev/null || die "cluster '$NAME' is not up; \`cluster up\` starts it"; }

enter() { # COMMAND...: becomes it, inside the cluster's network and mount namespaces
  (($# > 0)) || die 'exec needs a command: cluster exec -- COMMAND…'
  need_up
  export PATH=$BIN:$PATH MLSECOPS_CLUSTER=$NAME MLSECOPS_CLUSTER_STATE=$STATE
  if [[ $(setting MODE) == control-plane ]]; then
    export KUBECONFIG=$STATE/kubeconfig
    exec "$@"
  fi
  [[ $EUID == 0 ]] || die "entering a real node's namespaces needs root; from outside use $STATE/kubeconfig"
  export KUBECONFIG=$RUN/admin.kubeconfig
  export MLSECOPS_REGISTRY=$REGISTRY_NAME:5000 MLSECOPS_REGISTRY_CA=$PKI/ca.crt MLSECOPS_HOSTS=$STATE/dns/hosts
  # The command stays in the caller's PID namespace, so that signals and process
  # numbers work as ever. For that it needs a /proc of that namespace, mounted in
  # a copy of the cluster's mounts.
  # shellcheck disable=SC2016 # the inner shell expands these
  exec nsenter --target "$(init_process)" --net --mount -- unshare --mount --propagation slave -- \
    sh -c 'mount -t proc proc /proc && cd "$0" && exec "$@"' "$PWD" "$@"
}

kubeconfig() {
  (($# == 0)) || die "kubeconfig does not know '$1'"
  need_up
  say "$STATE/kubeconfig"
}

logs() {
  local follow=() component=
  while (($# > 0)); do
    case $1 in
      -f | --follow) follow=(-f) ;;
      -*) die "logs does not know '$1'" ;;
      *) component=$1 ;;
    esac
    shift
  done
  [[ -d $LOG ]] || die "cluster '$NAME' has no logs: it was never up"
  if [[ -z $component ]]; then
    say "logs in $LOG; \`cluster logs [-f] NAME\` shows one:"
    (cd "$LOG" && for component in *.log; do say "  ${component%.log}"; done)
    return
  fi
  [[ -e $(component_log "$component") ]] || die "there is no log '$component'; \`cluster logs\` lists them"
  exec tail -n 200 "${follow[@]}" "$(component_log "$component")"
}
