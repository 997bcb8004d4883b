#!/usr/bin/env bash
# The first process of a cluster's own network, mount, PID and cgroup
# namespaces: sets them up, starts everything, reaps orphans. When it dies, the
# kernel ends all other processes of the PID namespace. Started by lifecycle.sh
# with a cleared environment: NAME, KWOK_NODES, PORTAL_SOCKETS and MLSECOPS_*.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=machine.sh
. "$LIB_DIR/machine.sh"
# shellcheck source=components.sh
. "$LIB_DIR/components.sh"
select_cluster "$NAME"
export PATH=$BIN:$PATH # the shim and the plugins are looked up in it, before Debian's older ones
trap 'give_up "the set-up of the node failed at line $LINENO of node-init.sh" init' ERR

API_BIND=0.0.0.0 API_PORT=6443 API_SERVER=https://$NODE_IP:6443
ETCD_CLIENT=http://127.0.0.1:2379 ETCD_PEER=http://127.0.0.1:2380
SCHEDULER_FLAGS=(--bind-address=127.0.0.1)

setup_cgroups() {
  # This process is in the cluster's cgroup, which is the root of what its cgroup
  # namespace shows. The mounts still show the machine's whole tree: renew them.
  local kind point options mounts
  mounts=$(cgroup_mounts) # all of it before the first change, since it reads the list of mounts
  while read -r kind point options; do
    umount "$point"
    mount -t "$kind" -o "$options" "$kind" "$point"
    echo $$ >"$point/daemons/cgroup.procs"
  done <<<"$mounts"
}

setup_mounts() {
  local directory setting file
  # Pods' mounts have to reach the kubelet; nothing reaches the machine.
  mount --make-rshared /
  # These paths are compiled into containerd, libcni, Calico and the kubelet.
  for directory in "${FIXED_DIRECTORIES[@]}"; do
    mount -t tmpfs -o mode=755 mlsecops "$directory"
  done
  # The kubelet sets these for the whole machine where they differ. Show it the
  # values it wants instead, and the machine keeps its own.
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=$RUN/sysctl/${setting%=*}
    mkdir -p "$(dirname "$file")"
    echo "${setting#*=}" >"$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
  done
  mount --bind "$STATE/dns/hosts" /etc/hosts
  mount --bind "$RUN/resolv.conf" /etc/resolv.conf
  mkdir -p "$RUN/etcd"
  mount -t tmpfs -o mode=700,size=2g etcd "$RUN/etcd"
}

setup_network() {
  ip link set lo up
  # A bridge, because not every kernel has the dummy device. No uplink and no
  # default route: nothing in here can reach anything outside.
  ip link add node0 type bridge
  ip addr add "$NODE_IP/32" dev node0
  ip addr add "$REGISTRY_IP/32" dev node0
  ip link set node0 up
  # Calico's pods send to this address, and proxy ARP answers only for what the node can route.
  ip route add 169.254.1.1/32 dev node0
  # A packet to a Service needs a route before kube-proxy's rules get to see it.
  ip route add "$SERVICE_CIDR" dev node0
  local setting
  for setting in ip_forward=1 conf/all/rp_filter=0 conf/default/rp_filter=0; do
    echo "${setting#*=}" >"/proc/sys/net/ipv4/${setting%=*}"
  done
  for setting in all default; do
    echo 1 >"/proc/sys/net/ipv6/conf/$setting/disable_ipv6"
  done
}

start_portal() {
  # shellcheck disable=SC2206 # two numbers
  local sockets=($PORTAL_SOCKETS) socket
  start portal "$BIN/portal" forward "${sockets[0]}=$NODE_IP:6443" "${sockets[1]}=$REGISTRY_IP:5000"
  # Nobody else may keep the machine's ports open.
  for socket in "${sockets[@]}"; do exec {socket}<&-; done
}

start_runtime() { # needs no API server
  local host image
  for host in "$REGISTRY_NAME:5000" "$REGISTRY_IP:5000"; do
    mkdir -p "$RUN/certs.d/$host"
    REGISTRY_HOST=$host render "$CONFIG_DIR/hosts.toml" >"$RUN/certs.d/$host/hosts.toml"
  done
  render "$CONFIG_DIR/registry.yml" >"$RUN/registry.yml"
  start registry "$BIN/docker-registry" serve "$RUN/registry.yml"
  render "$CONFIG_DIR/containerd.toml" >"$RUN/containerd.toml"
  start containerd "$BIN/containerd" --config "$RUN/containerd.toml"
  for ((i = 0; ; i++)); do
    "$BIN/ctr" -a "$CONTAINERD_SOCKET" version >/dev/null 2>&1 && break
    ((i < 200)) || give_up 'containerd did not answer within 20 s' containerd
    sleep 0.1
  done
  for image in pause coredns; do
    "$BIN/ctr" -a "$CONTAINERD_SOCKET" -n k8s.io images import "$CACHE/node-images/$image.tar" >>"$LOG/images.log" 2>&1 ||
      give_up "the image $image could not be imported" images
  done
  mark 'runtime ready'
}

configure_pod_network() {
  local kubectl=("$BIN/kubectl" --kubeconfig="$RUN/admin.kubeconfig") kinds object=clusterinformations.crd.projectcalico.org
  kinds=$(dirname "$(readlink -f "$BIN/calico")")/crds.yaml
  mkdir -p "$RUN/cni/bin" "$RUN/cni/net.d"
  ln -s /usr/lib/cni/* "$RUN/cni/bin/"
  ln -s "$BIN/calico" "$RUN/cni/bin/"
  {
    # The node waits for this kind and its object, so they come before the other 17.
    awk -v RS='---\n' -v o="name: $object" 'index($0, o)' "$kinds" | "${kubectl[@]}" create --validate=false -f - &&
      "${kubectl[@]}" wait --for=condition=Established "crd/$object" --timeout=20s &&
      "${kubectl[@]}" create --validate=false -f "$CONFIG_DIR/calico.yaml"
  } >>"$LOG/calico.log" 2>&1 || give_up "Calico's first kind could not be created" calico
  # Only now: the node gets Ready when this file appears, and a pod that starts
  # before Calico's object exists fails and waits for 12 seconds.
  # (containerd looks when a file of this very directory is renamed, not when one appears.)
  render "$CONFIG_DIR/calico.conflist" >"$RUN/cni/net.d/new"
  mv "$RUN/cni/net.d/new" "$RUN/cni/net.d/10-calico.conflist"
  mark 'network configured'
  awk -v RS='---\n' -v ORS='---\n' -v o="name: $object" '!index($0, o)' "$kinds" |
    "${kubectl[@]}" create --validate=false -f - >>"$LOG/calico.log" 2>&1 || give_up "Calico's kinds could not be created" calico
}

start_felix() {
  # Policy only: no tunnels, no routes to other nodes, no telemetry.
  start felix env KUBECONFIG="$RUN/admin.kubeconfig" FELIX_DATASTORETYPE=kubernetes FELIX_FELIXHOSTNAME="$NODE_NAME" \
    FELIX_LOGSEVERITYSCREEN=warning FELIX_LOGFILEPATH=none FELIX_LOGSEVERITYFILE=none FELIX_LOGSEVERITYSYS=none \
    FELIX_USAGEREPORTINGENABLED=false FELIX_IPV6SUPPORT=false FELIX_IPINIPENABLED=false FELIX_VXLANENABLED=false \
    FELIX_BPFENABLED=false FELIX_XDPENABLED=false FELIX_WIREGUARDENABLED=false FELIX_INTERFACEPREFIX=cali FELIX_MTUIFACEPATTERN='^node0$' \
    FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT FELIX_IPTABLESBACKEND=nft FELIX_IPTABLESREFRESHINTERVAL=60 \
    "$BIN/calico-felix"
}

start_kubelet() {
  render "$CONFIG_DIR/kubelet.yaml" >"$RUN/kubelet.yaml"
  : >"$RUN/resolv.conf.pods"
  start kubelet "$BIN/kubelet" --config="$RUN/kubelet.yaml" --kubeconfig="$RUN/kubelet.kubeconfig" \
    --root-dir="$STATE/kubelet" --cert-dir="$RUN/kubelet-pki" --hostname-override="$NODE_NAME" --node-ip="$NODE_IP" --v=1
}

start_kube_proxy() {
  render "$CONFIG_DIR/kube-proxy.yaml" >"$RUN/kube-proxy.yaml"
  start kube-proxy "$BIN/kube-proxy" --config="$RUN/kube-proxy.yaml" --v=1
}

setup_cgroups
setup_mounts
setup_network
start_portal
start_etcd "$RUN/etcd/data"
start_apiserver --advertise-address="$NODE_IP" --kubelet-preferred-address-types=InternalIP \
  --kubelet-client-certificate="$PKI/apiserver-kubelet-client.crt" --kubelet-client-key="$PKI/apiserver-kubelet-client.key"
start_runtime &
runtime=$!
wait_for_apiserver
mark 'api server ready'
configure_pod_network &
network=$!
start_controllers --bind-address=127.0.0.1 --allocate-node-cidrs=true --cluster-cidr="$POD_CIDR" --node-cidr-mask-size=24 \
  --service-cluster-ip-range="$SERVICE_CIDR" '--controllers=*,bootstrapsigner,tokencleaner'
render "$CONFIG_DIR/coredns.yaml" | "$BIN/kubectl" --kubeconfig="$RUN/admin.kubeconfig" create --validate=false -f - >>"$LOG/coredns.log" 2>&1 ||
  give_up 'CoreDNS could not be created' coredns
wait $runtime
start_kubelet
start_kube_proxy
wait $network
start_felix
if ((KWOK_NODES > 0)); then
  # What runs on a simulated node is only said to run: real pods have to stay on the real one.
  start_kwok "$NODE_IP" 10247 '[{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]'
fi
mark started
trap - ERR
supervise
