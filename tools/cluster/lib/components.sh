# shellcheck shell=bash
# How each component of the control plane is started; the same in both modes.
# API_SERVER (https://host:port), API_PORT, API_BIND, ETCD_CLIENT and ETCD_PEER
# are set by the caller.

# start NAME CMD...: in the background, with a log and a recorded process.
start() {
  local name=$1
  shift
  "$@" >>"$LOG/$name.log" 2>&1 </dev/null &
  record_process "$RUN/processes/$name" $! || true
  mark "started $name"
}

# mark STEP: for the time line, and for `up`, which waits for some of them.
mark() {
  printf '%s %s\n' "$EPOCHREALTIME" "$*" >>"$LOG/timeline.log"
  touch "$RUN/steps/${*// /-}"
}

# give_up MESSAGE LOG: `up` shows both.
give_up() {
  printf '%s\n%s\n' "$1" "$2" >"$RUN/failed"
  exit 1
}

start_etcd() { # DIRECTORY
  # No fsync: the data need not outlive the machine, and tests write a lot.
  start etcd "$BIN/etcd" --name=node --data-dir="$1" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls="$ETCD_CLIENT" --advertise-client-urls="$ETCD_CLIENT" \
    --listen-peer-urls="$ETCD_PEER" --initial-advertise-peer-urls="$ETCD_PEER" --initial-cluster="node=$ETCD_PEER"
}

start_apiserver() { # FLAG...
  start kube-apiserver "$BIN/kube-apiserver" --etcd-servers="$ETCD_CLIENT" \
    --bind-address="$API_BIND" --secure-port="$API_PORT" --service-cluster-ip-range="$SERVICE_CIDR" \
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
    --requestheader-client-ca-file="$PKI/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User --enable-aggregator-routing=true \
    --proxy-client-cert-file="$PKI/front-proxy-client.crt" --proxy-client-key-file="$PKI/front-proxy-client.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$PKI/service-account.pub" --service-account-signing-key-file="$PKI/service-account.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --audit-policy-file="$CONFIG_DIR/audit-policy.yaml" --audit-log-path="$LOG/audit.log" \
    --audit-log-maxsize=50 --audit-log-maxbackup=1 \
    --shutdown-delay-duration=0s --v=1 "$@"
}

wait_for_apiserver() {
  "$BIN/portal" ready -ca "$PKI/ca.crt" -cert "$PKI/admin.crt" -key "$PKI/admin.key" -timeout 60s "$API_SERVER/readyz" \
    >>"$LOG/init.log" 2>&1 || give_up 'the API server did not get ready within 60 s' kube-apiserver
}

# The two are given large client limits: with the defaults a rolling update of
# 500 simulated pods takes minutes instead of seconds.
start_controllers() { # FLAG... for the controller manager
  start kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig="$RUN/controller-manager.kubeconfig" \
    --authentication-kubeconfig="$RUN/controller-manager.kubeconfig" --authorization-kubeconfig="$RUN/controller-manager.kubeconfig" \
    --use-service-account-credentials=true --leader-elect=false --root-ca-file="$PKI/ca.crt" \
    --service-account-private-key-file="$PKI/service-account.key" \
    --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --kube-api-qps=500 --kube-api-burst=1000 --v=1 "$@"
  start kube-scheduler "$BIN/kube-scheduler" --kubeconfig="$RUN/scheduler.kubeconfig" \
    --authentication-kubeconfig="$RUN/scheduler.kubeconfig" --authorization-kubeconfig="$RUN/scheduler.kubeconfig" \
    --leader-elect=false --kube-api-qps=500 --kube-api-burst=1000 --v=1 "${SCHEDULER_FLAGS[@]}"
}

# start_kwok ADDRESS PORT TAINTS: simulated nodes and the pods on them.
start_kwok() {
  local address=$1 port=$2 KWOK_TAINTS=$3 i
  start kwok "$BIN/kwok" --kubeconfig="$RUN/admin.kubeconfig" --config="$(dirname "$(readlink -f "$BIN/kwok")")/stages.yaml" \
    --manage-nodes-with-label-selector=type=kwok --cidr="$KWOK_POD_CIDR" --node-ip="$address" \
    --server-address="127.0.0.1:$port" --node-lease-duration-seconds=40
  for ((i = 0; i < KWOK_NODES; i++)); do
    KWOK_NODE=kwok-$i render "$CONFIG_DIR/kwok-node.yaml"
  done | "$BIN/kubectl" --kubeconfig="$RUN/admin.kubeconfig" create --validate=false -f - >>"$LOG/kwok.log" 2>&1 ||
    give_up 'the simulated nodes could not be created' kwok
}

# supervise: stays as the parent of all. What ends is not restarted (a test that
# kills a component wants it dead), but it is said.
supervise() {
  local pid status file
  trap 'exit 0' TERM
  while true; do
    status=0
    wait -n -p pid || status=$?
    if [[ -z ${pid:-} ]]; then
      sleep 1
      continue
    fi
    for file in "$RUN"/processes/*; do
      if grep -q "^$pid " "$file"; then
        printf '%s %s ended with status %s\n' "$(date -u +%FT%TZ)" "${file##*/}" "$status" >>"$LOG/init.log"
      fi
    done
  done
}
