#!/usr/bin/env bash
# Tests of the local cluster tool, on clusters of their own: a state directory
# made for the run, so that nobody else's cluster is touched. Needs root for the
# real node. The last line is "N passed, N failed".
#
# shellcheck disable=SC2016 # single-quoted scripts are for the shell inside the cluster
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" || exit 2
CLUSTER=$PWD/../../tools/cluster/cluster
[[ $EUID == 0 ]] || { echo 'these tests need root' >&2; exit 2; }

SCRATCH=$(mktemp -d /tmp/mlsecops-cluster-test.XXXXXX)
chmod 755 "$SCRATCH"
export MLSECOPS_CACHE=${MLSECOPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mlsecops}
export MLSECOPS_STATE=$SCRATCH/state
unset MLSECOPS_CLUSTER KUBECONFIG
STATE=$MLSECOPS_STATE/a
touch "$SCRATCH/started"

passed=0 failed=0
check() { # TITLE CMD...: passes if CMD ends with 0
  local title=$1 output status=0
  shift
  output=$("$@" 2>&1) || status=$?
  if [[ $status == 0 ]]; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$title"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n        status %s\n' "$title" "$status"
    tail -n 12 <<<"$output" | cut -c1-300 | sed 's/^/        /'
  fi
}
fails() { ! "$@"; }
# eventually SECONDS CMD...
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}
says() { # TEXT CMD...: CMD's output holds TEXT
  local text=$1 output status=0
  shift
  output=$("$@" 2>&1) || status=$?
  printf '%s\n' "$output"
  [[ $status == 0 && $output == *"$text"* ]]
}

a() { timeout 120 "$CLUSTER" "$1" --name a "${@:2}"; }
inside() { a exec -- "$@"; }
k() { inside kubectl "$@"; }
in_pod() { k exec -n "$1" "$2" -- /probe "${@:3}"; } # NAMESPACE POD PROBE-ARGUMENT...

finish() {
  local name
  for name in a b c; do "$CLUSTER" down --name $name >/dev/null 2>&1; done
  rm -rf "$SCRATCH"
}
trap finish EXIT

# ---------------------------------------------------- what the machine looks like

machine_settings() { # settings a kubelet, kube-proxy or Calico would change
  local file
  for file in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys \
    kernel/keys/root_maxbytes net/ipv4/ip_forward net/ipv4/conf/all/rp_filter net/ipv6/conf/all/disable_ipv6 \
    net/netfilter/nf_conntrack_max net/bridge/bridge-nf-call-iptables; do
    [[ ! -e /proc/sys/$file ]] || printf '%s %s\n' $file "$(cat /proc/sys/$file)"
  done
}
machine_network() { ip -brief address | cut -d@ -f1; ip route; nft list ruleset; }
our_processes() {
  local process
  for process in /proc/[0-9]*; do
    if grep -qzF "$SCRATCH" "$process/environ" || grep -qzF "$SCRATCH" "$process/cmdline"; then
      # not this script and what it calls
      [[ $(tr '\0' ' ' <"$process/cmdline") =~ cluster/run.sh|^grep|cluster/cluster ]] || printf '%s %s\n' "${process#/proc/}" "$(tr '\0' ' ' <"$process/cmdline")"
    fi
  done 2>/dev/null
}
our_namespace_users() { # of the network namespaces that clusters of this run had
  local process namespace
  for process in /proc/[0-9]*; do
    namespace=$(readlink "$process/ns/net") && grep -qxF "$namespace" "$SCRATCH/namespaces" && echo "$process $namespace"
  done 2>/dev/null
}
our_cgroups() {
  local name
  for name in a b; do
    find /sys/fs/cgroup -maxdepth 2 -name "mlsecops-$name-$(printf '%s' "$MLSECOPS_STATE/$name" | sha256sum | head -c 8)"
  done
}
our_mounts() { grep -F "$SCRATCH" /proc/self/mountinfo; }
stray_files() { # written since the start, where the parts of a cluster would write
  find /run /var /etc /usr /opt -xdev -newer "$SCRATCH/started" -type f \
    \( -ipath '*kube*' -o -ipath '*containerd*' -o -ipath '*cni/*' -o -ipath '*calico*' -o -ipath '*runc*' \) ! -name .made-by-mlsecops-cluster
  # The places to mount on stay for as long as any cluster of the machine uses them.
  local directory
  for directory in /run/containerd /var/lib/cni /var/lib/calico /var/lib/kubelet /var/log/containers; do
    [[ -e $directory/.made-by-mlsecops-cluster ]] || continue
    grep -qsE " $directory [^-]* - tmpfs mlsecops " /proc/[0-9]*/mountinfo || echo "$directory"
  done
}
nothing_left() { # CLUSTER
  local left
  left=$(our_processes; our_namespace_users; our_cgroups; our_mounts; stray_files)
  [[ -z $left ]] || { printf 'left behind:\n%s\n' "$left"; return 1; }
  left=$(cd "$MLSECOPS_STATE/$1" && find . -mindepth 1 -maxdepth 1 | sort | paste -sd' ')
  [[ $left == './lock ./log ./pki ./registry' ]] || { echo "in the state directory: $left"; return 1; }
  machine_settings | diff "$SCRATCH/settings" - && machine_network | diff "$SCRATCH/network" -
}
launcher() { cut -d' ' -f1 "$MLSECOPS_STATE/$1/run/launcher"; }
remember_namespace() { cat "$MLSECOPS_STATE/$1/run/network-namespace" >>"$SCRATCH/namespaces"; }

machine_settings >"$SCRATCH/settings"
machine_network >"$SCRATCH/network"
: >"$SCRATCH/namespaces"

# -------------------------------------------------------------------------- tests

echo '--- up, status, exec'
check 'what a node needs is built' "$CLUSTER" build
check 'status of a cluster that is not up fails' fails a status
check 'exec in a cluster that is not up fails' fails a exec -- true
check 'down of a cluster that is not up does nothing' says 'is not up' a down
check 'a bad name is refused' fails "$CLUSTER" status --name ../x
check 'a bad mode is refused' fails a up --mode both
check 'up' says 'is up after' a up --kwok=2
remember_namespace a
check 'up again does nothing' says 'already up' a up
check 'status says healthy' says ', healthy' a status
check 'the kubeconfig works outside' "$MLSECOPS_CACHE/bin/kubectl" --kubeconfig "$(a kubeconfig)" get --raw /readyz
check 'the registry answers outside' curl -fsS --cacert "$STATE/pki/ca.crt" "https://$(sed -n 2p "$STATE/run/portal")/v2/"
check 'exec keeps the exit status' bash -c "'$CLUSTER' exec --name a -- sh -c 'exit 41'; [ \$? = 41 ]"
check 'exec keeps the folder' says "$PWD" inside pwd
check 'exec keeps the environment' env A_VARIABLE=kept "$CLUSTER" exec --name a -- sh -c '[ "$A_VARIABLE" = kept ]'
check 'exec keeps arguments apart' says '<a b><c>' inside printf '<%s>' 'a b' c
check 'exec stays in the PID namespace, with a /proc that fits' inside sh -c '[ "$(readlink /proc/self)" != "" ] && [ -d /proc/$$ ]'
check 'exec uses the kubectl of the cache' says "$MLSECOPS_CACHE/bin/kubectl" inside sh -c 'command -v kubectl'
check 'client and server have one version' inside sh -c '[ "$(kubectl version | sed -n "s/^[CS].*Version: //p" | sort -u | wc -l)" = 1 ]'
check 'the real node is ready' k wait --for=condition=Ready node/node1 --timeout=10s
check 'the simulated nodes are ready' k wait --for=condition=Ready node -l type=kwok --timeout=10s
check 'what the API server does is audited' grep -q '"verb":"create"' "$STATE/log/audit.log"
check 'logs lists the components' says kubelet a logs
check 'logs shows one' a logs kubelet

echo '--- isolation'
check 'there is no default route' bash -c "[ -z \"\$('$CLUSTER' exec --name a -- ip route show default)\" ]"
check 'a packet to the outside has no way' fails inside ip route get 192.0.2.1
check 'the machine is not reachable from within' fails inside timeout 3 bash -c "</dev/tcp/127.0.0.1/$(head -n 1 "$STATE/run/portal" | cut -d: -f2)"
check 'the same port is reachable outside' timeout 3 bash -c "</dev/tcp/127.0.0.1/$(head -n 1 "$STATE/run/portal" | cut -d: -f2)"

echo '--- registry and images'
(cd probe && CGO_ENABLED=0 go build -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags '-s -w' -o "$SCRATCH/probe" .) || exit 2
printf 'weights of a model\n' >"$SCRATCH/weights"
push() { # NAME PACK-ARGUMENT...: builds an image and pushes it as it is, so that its digest stays
  "$MLSECOPS_CACHE/bin/pack" "${@:2:$#-2}" "$SCRATCH/$1.tar" "registry.test:5000/$1:1" "${@: -1}" &&
    mkdir -p "$SCRATCH/images/$1" && tar -xf "$SCRATCH/$1.tar" -C "$SCRATCH/images/$1" &&
    inside sh -c "SSL_CERT_FILE=\$MLSECOPS_REGISTRY_CA crane push '$SCRATCH/images/$1' \$MLSECOPS_REGISTRY/$1:1"
}
digest() { inside sh -c "SSL_CERT_FILE=\$MLSECOPS_REGISTRY_CA crane digest \$MLSECOPS_REGISTRY/$1:1"; }
check 'an image is packed and pushed' push probe -entrypoint '["/probe"]' "$SCRATCH/probe=/probe"
check 'a model is packed and pushed' push model "$SCRATCH/weights=/model/weights"
PROBE=registry.test:5000/probe@$(digest probe)
MODEL=registry.test:5000/model@$(digest model)
check 'packing twice gives the same digest' bash -c "'$MLSECOPS_CACHE/bin/pack' '$SCRATCH/again.tar' registry.test:5000/model:1 '$SCRATCH/weights=/model/weights' && cmp '$SCRATCH/again.tar' '$SCRATCH/model.tar'"
check 'the registry speaks TLS only' fails inside curl -fsS --max-time 3 http://registry.test:5000/v2/
check 'the registry is on no other address' fails inside curl -fsSk --max-time 3 https://10.200.0.1:5000/v2/
delete() { inside curl -fsS -X DELETE --cacert "$STATE/pki/ca.crt" "https://registry.test:5000/v2/gone/manifests/$1"; }
check 'an image can be deleted' bash -c "$(declare -f inside a delete); CLUSTER='$CLUSTER' STATE='$STATE'
  inside sh -c 'SSL_CERT_FILE=\$MLSECOPS_REGISTRY_CA crane push \"$SCRATCH/images/model\" \$MLSECOPS_REGISTRY/gone:1' && delete '${MODEL#*@}'"

k create namespace np >/dev/null
k create namespace other >/dev/null
eventually 10 k get serviceaccount -n np default >/dev/null 2>&1
eventually 10 k get serviceaccount -n other default >/dev/null 2>&1
pod() { # NAMESPACE NAME LABELS
  cat <<YAML
---
apiVersion: v1
kind: Pod
metadata: {name: $2, namespace: $1, labels: {$3}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: probe
    image: $PROBE
    args: [serve, ":8080"]
    readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
    volumeMounts: [{name: model, mountPath: /model}]
  volumes: [{name: model, image: {reference: $MODEL}}]
YAML
}
{
  pod np server 'app: server'
  pod np client 'role: client'
  pod other stranger 'role: stranger'
  cat <<'YAML'
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: np}
spec: {selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}
YAML
} >"$SCRATCH/pods.yaml"
check 'pods with images and image volumes by digest are created' k apply -f "$SCRATCH/pods.yaml"
check 'they get ready' k wait --for=condition=Ready -n np pod/server pod/client --timeout=60s
check 'the stranger gets ready' k wait --for=condition=Ready -n other pod/stranger --timeout=60s
check 'the image volume holds the model' says 'weights of a model' in_pod np client read /model/model/weights
check 'the image volume is read-only' bash -c "$(declare -f a inside k in_pod); CLUSTER='$CLUSTER'; in_pod np client write /model/model/weights 2>&1 | grep -q 'read-only file system'"
check 'its twin: the container itself can be written to' in_pod np client write /tmp/file
check 'a wrong digest is not mounted' bash -c "$(declare -f a inside k eventually); CLUSTER='$CLUSTER'
  sed -n '/name: client/,/reference/p' '$SCRATCH/pods.yaml' | sed -e '1i apiVersion: v1\nkind: Pod' -e 's/name: client/name: wrong/' -e 's/\(model@sha256:\)......../\100000000/' | k apply -f - &&
  eventually 20 sh -c \"'$CLUSTER' exec --name a -- kubectl get pod -n np wrong -o jsonpath='{.status.containerStatuses[0].state.waiting.reason}' | grep -E 'ImagePull|ErrImage'\""

echo '--- names and services'
IP=$(k get pod -n np server -o jsonpath='{.status.podIP}')
VIP=$(k get service -n np server -o jsonpath='{.spec.clusterIP}')
check 'a pod finds a Service by name' says "$VIP" in_pod np client lookup server.np.svc.cluster.local
check 'a pod finds the registry by name' says 10.200.0.2 in_pod np client lookup registry.test
check 'an unknown name is not found' fails in_pod np client lookup nobody.test
inside sh -c 'echo "10.200.0.1 added.test" >>"$MLSECOPS_HOSTS"'
check 'a name added to the hosts file is found by pods' eventually 5 in_pod np client lookup added.test
check 'and inside the cluster' inside getent hosts added.test
check 'and not outside' fails getent hosts added.test
check 'a pod reaches a Service by its address' in_pod np client get "http://$VIP/"
check 'exec reaches a Service by its address' inside curl -fsS --max-time 3 "http://$VIP/"
check 'exec reaches a Service by its name' inside curl -fsS --max-time 3 http://server.np.svc/

echo '--- network policies: what is blocked has an allowed twin'
allowed() { check "ALLOWED  $1 -> $3 $4" eventually 10 in_pod "$2" "$1" get "$3"; }
blocked() { check "BLOCKED  $1 -> $3 $4" eventually 10 times_out "$2" "$1" "$3"; }
times_out() { # NAMESPACE POD URL: the probe itself has to say so; a broken pod is not a blocked one
  local output
  output=$(in_pod "$1" "$2" get "$3" 2>&1) && return 1
  [[ $output == *probe:* && ($output == *deadline* || $output == *timeout*) ]]
}
policy() { k apply -f - >/dev/null; }
for to in "http://$IP:8080/" http://server.np/; do
  allowed client np "$to" '(no policy)'
  allowed stranger other "$to" '(no policy)'
done
policy <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: np}
spec: {podSelector: {}, policyTypes: [Ingress]}
YAML
for to in "http://$IP:8080/" http://server.np/; do
  blocked client np "$to" '(default deny)'
  blocked stranger other "$to" '(default deny)'
done
check 'the kubelet still reaches its pod' k wait --for=condition=Ready -n np pod/server --timeout=5s
policy <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow, namespace: np}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{from: [{podSelector: {matchLabels: {role: client}}}], ports: [{port: 8080}]}]
YAML
allowed client np http://server.np/ '(its label is allowed)'
blocked stranger other http://server.np/ '(only a label is allowed)'
k label pod -n np client role=none --overwrite >/dev/null
blocked client np http://server.np/ '(its label was taken away)'
k label pod -n np client role=client --overwrite >/dev/null
allowed client np http://server.np/ '(its label is back)'
policy <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-namespace, namespace: np}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]
YAML
allowed stranger other http://server.np/ '(its namespace is allowed)'
policy <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-out, namespace: other}
spec: {podSelector: {}, policyTypes: [Egress]}
YAML
blocked stranger other "http://$IP:8080/" '(egress denied)'
blocked stranger other http://server.np/ '(egress denied, names too)'
policy <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-out, namespace: other}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: np}}}]
YAML
allowed stranger other http://server.np/ '(egress to this namespace and to DNS)'
policy <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-the-registry, namespace: np}
spec:
  podSelector: {matchLabels: {role: client}}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 10.200.0.2/32}}], ports: [{port: 5000, protocol: TCP}]}]
YAML
# The certificate is not trusted in the pod: that it is complained about shows that the connection was made.
check 'ALLOWED  client -> the registry (ipBlock)' eventually 10 bash -c "$(declare -f a inside k in_pod); CLUSTER='$CLUSTER'; in_pod np client get https://10.200.0.2:5000/v2/ 2>&1 | grep certificate"
blocked client np "http://$IP:8080/" '(only the registry is allowed)'

echo '--- as a cluster that is there already'
existing() { inside "$PWD/../../tools/cluster/existing" "$@"; }
check 'what has all that is needed runs a command' says 'it runs' existing pods registry disk -- echo it runs
check 'its exit status is kept' bash -c "$(declare -f a inside existing); CLUSTER='$CLUSTER'; existing -- sh -c 'exit 41'; [ \$? = 41 ]"
check 'what is missing is named, and nothing runs' bash -c "$(declare -f a inside); CLUSTER='$CLUSTER'
  output=\$(inside env -u MLSECOPS_REGISTRY -u MLSECOPS_CLUSTER_STATE ../../tools/cluster/existing pods registry disk -- echo it runs 2>&1) && exit 1
  [[ \$output == *'missing: a registry'*'missing: the registry'\''s disk'* && \$output != *'it runs'* ]]"
check 'from outside, Services are not reached, and that is named' bash -c "KUBECONFIG='$STATE/kubeconfig' ../../tools/cluster/existing pods -- true 2>&1 | grep 'missing: this machine does not reach'"
check 'without a cluster it says what to set' bash -c "env -u KUBECONFIG ../../tools/cluster/existing -- true 2>&1 | grep 'set KUBECONFIG'"
check 'another value of CLUSTER is refused' fails env CLUSTER=minikube ../../tools/cluster/existing -- true
kind_takes() { (cd ../../tools/kind && CGO_ENABLED=0 GOWORK=off GOFLAGS='-trimpath -buildvcs=false -mod=readonly -gcflags=all=-dwarf=false' go run . "$1"); }
check 'kind takes kind-config.yaml' says 'mlsecops control-plane' kind_takes ../../kind-config.yaml
printf 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: a\nnodes: [{role: worker}]\n' >"$SCRATCH/kind.yaml"
check 'its twin: a file that kind does not take' bash -c "$(declare -f kind_takes); kind_takes '$SCRATCH/kind.yaml' 2>&1 | grep 'at least one control-plane node'"

echo '--- two clusters side by side'
check 'a second cluster comes up beside the first' "$CLUSTER" up --name b
remember_namespace b
check 'its ports differ' fails cmp "$STATE/run/portal" "$MLSECOPS_STATE/b/run/portal"
check 'it has objects of its own' fails "$CLUSTER" exec --name b -- kubectl get namespace np
check 'the first is still healthy' a status
check 'the second goes down' "$CLUSTER" down --name b
check 'the first is healthy after that' a status
check 'a new pod starts in the first after that' bash -c "$(declare -f a inside k); CLUSTER='$CLUSTER'
  k run late -n other --image='$PROBE' -- serve :8080 && k wait --for=condition=Ready -n other pod/late --timeout=30s"

echo '--- what dies is seen'
kubelet_pid=$(cut -d' ' -f1 "$STATE/run/processes/kubelet")
init=$(cat "/proc/$(launcher a)/task/$(launcher a)/children")
nsenter -t "${init% }" -p -m kill -9 "$kubelet_pid"
check 'status fails when a component is dead' eventually 5 fails a status
check 'and says which' bash -c "'$CLUSTER' status --name a | grep -E 'kubelet +DEAD'"
check 'the log says it too' eventually 5 grep -q 'kubelet ended with status 137' "$STATE/log/init.log"
check 'up repairs it' says 'is up after' a up
remember_namespace a
check 'the registry kept its content' says sha256: digest model

echo '--- down leaves nothing'
# A command that ignores SIGTERM, left in the background by somebody.
inside sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null 2>&1 &
guest=$!
check 'a command runs inside' eventually 5 test -d /proc/$guest
check 'down' a down
check 'the command was ended' fails kill -0 $guest
wait $guest 2>/dev/null
check 'nothing is left' nothing_left a

echo '--- kill -9'
check 'up after down' a up
remember_namespace a
address=$(head -n 1 "$STATE/run/portal")
kill -9 "$(launcher a)"
check 'every process dies with the launcher' eventually 10 bash -c "$(declare -f our_processes); SCRATCH=$SCRATCH; [[ -z \$(our_processes) ]]"
check 'the portal is closed' fails timeout 3 bash -c "</dev/tcp/${address/://}"
check 'status says dead' bash -c "'$CLUSTER' status --name a | grep dead"
check 'up after kill -9' says 'is up after' a up
remember_namespace a
init=$(cat "/proc/$(launcher a)/task/$(launcher a)/children")
kill -9 "${init% }"
check 'down after kill -9 of the first process' a down
check 'nothing is left' nothing_left a
for delay in 0.3 1 3; do
  setsid "$CLUSTER" up --name a >/dev/null 2>&1 &
  up=$!
  sleep $delay
  kill -9 -- -$up
  wait $up 2>/dev/null
  [[ ! -e $STATE/run/network-namespace ]] || remember_namespace a
  check "down after up was killed at $delay s" a down
  check 'nothing is left' nothing_left a
done

echo '--- a control plane for an unprivileged user'
mkdir "$SCRATCH/nobody"
# The cache may lie in a home that others cannot enter.
cp -a "$MLSECOPS_CACHE/bin" "$MLSECOPS_CACHE/store" "$SCRATCH/nobody/"
chown nobody "$SCRATCH/nobody"
c() {
  timeout 120 setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$SCRATCH/nobody" PATH="$PATH" \
    MLSECOPS_CACHE="$SCRATCH/nobody" MLSECOPS_STATE="$SCRATCH/nobody/state" "$CLUSTER" "$1" --name c "${@:2}"
}
check 'up' says 'is up after' c up --mode control-plane --kwok=2
check 'up again does nothing' says 'already up' c up --mode control-plane
check 'status says healthy' says ', healthy' c status
check 'a real node is refused' fails c up
check 'a pod runs on a simulated node' bash -c "$(declare -f c); SCRATCH=$SCRATCH CLUSTER='$CLUSTER'
  c exec -- kubectl create deployment web --image=web:1 --replicas=3 && c exec -- kubectl wait --for=condition=Available deployment/web --timeout=20s"
check 'down' c down
check 'no process is left' test -z "$(our_processes)"
check 'up after down' c up --mode control-plane
kill -9 "$(cut -d' ' -f1 "$SCRATCH/nobody/state/c/run/launcher")"
check 'down after kill -9 of their parent' c down
check 'no process is left' test -z "$(our_processes)"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
