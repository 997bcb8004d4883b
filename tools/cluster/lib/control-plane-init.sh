#!/usr/bin/env bash
# The parent of a cluster without a real node: etcd, API server, controllers and
# simulated nodes as plain processes on loopback, for any user. Started by
# lifecycle.sh in a session of its own, with NAME, KWOK_NODES and MLSECOPS_*.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=components.sh
. "$LIB_DIR/components.sh"
select_cluster "$NAME"
trap 'give_up "the set-up failed at line $LINENO of control-plane-init.sh" init' ERR

{ read -r API_PORT && read -r client && read -r peer && read -r kwok; } <"$RUN/ports"
API_BIND=127.0.0.1 API_SERVER=https://127.0.0.1:$API_PORT
ETCD_CLIENT=http://127.0.0.1:$client ETCD_PEER=http://127.0.0.1:$peer
SCHEDULER_FLAGS=(--secure-port=0)

start_etcd "$RUN/etcd"
start_apiserver --endpoint-reconciler-type=none
wait_for_apiserver
mark 'api server ready'
start_controllers --secure-port=0 --service-cluster-ip-range="$SERVICE_CIDR"
if ((KWOK_NODES > 0)); then start_kwok 127.0.0.1 "$kwok" '[]'; fi
mark started
trap - ERR
supervise
