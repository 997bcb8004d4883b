# shellcheck shell=bash
# Builds everything a cluster runs, from the pinned Go modules beside this
# folder and from Debian packages, into the cache.
#
# Each result lies in $CACHE/store/TOOL-KEY, where KEY is a hash of whatever can
# change it; $CACHE/bin holds links to the current ones. So a finished build
# costs nothing the second time, and two checkouts can share one cache.

# In the order in which a node needs them; the slow ones that tests wait for are first.
GO_TOOLS=(portal pack pause kube containerd calico coredns cosign crane helm kwok)
ALL_BUILD=(apt "${GO_TOOLS[@]}" images)
# What a cluster cannot do without; simulated nodes need kwok besides.
NODE_BUILD=(apt portal pack pause kube containerd calico coredns cosign crane helm images)
CONTROL_PLANE_BUILD=(portal kube)
# A Sigstore of one's own, which test/support/sigstore starts: what `build sigstore` means. Nothing else builds it.
SIGSTORE_BUILD=(fulcio timestamp-authority rekor-tiles)
# What `make bench` measures itself against: what `build peers` means. Nothing else builds it.
PEERS_BUILD=(policy-controller argo-rollouts flagger)
# What tests the alerts, and what is asked about models that serve: what `build monitoring` means. Nothing else builds it.
MONITORING_BUILD=(promtool prometheus)
# What some models are served through: what `build kserve` means. Nothing else builds it.
KSERVE_BUILD=(kserve)
# What stands for a Gateway in tests: what `build gateway` means. Nothing else builds it.
GATEWAY_BUILD=(nginx gateway-api)
# What tests how the operator is run by GitOps: what `build gitops` means. Nothing else builds it.
GITOPS_BUILD=(argocd redis-server)
# Of all these, what is not built but fetched.
FETCHED=(promtool prometheus nginx gateway-api redis-server)

# Seconds of processor time that each takes while Go's build cache is empty, in this order: what an earlier one has
# compiled is not compiled again. In proportion to the source of its packages; all of them together are measured.
declare -A COLD_SECONDS=([portal]=54 [pack]=2 [pause]=1 [kube]=438 [containerd]=122 [calico]=257 [coredns]=134 [cosign]=298 [crane]=10 [helm]=168 [kwok]=142
  [fulcio]=115 [timestamp-authority]=25 [rekor-tiles]=16 [policy-controller]=600
  [argo-rollouts]=480 [flagger]=330 [kserve]=250 [argocd]=640)

# One set of flags for all: the Go build cache is shared only among builds with
# the same -trimpath and CGO_ENABLED, and Kubernetes' packages are used by most.
# The linker leaves out debugging information (-s -w), so the compiler need not make it: a seventh of processor time.
export CGO_ENABLED=0 GOWORK=off GOFLAGS='-trimpath -buildvcs=false -mod=readonly -gcflags=all=-dwarf=false'

# command or file → Debian package that brings it
declare -A DEBIAN=(
  [runc]=runc [nft]=nftables [iptables-nft]=iptables [ipset]=ipset [conntrack]=conntrack [ip]=iproute2
  [nsenter]=util-linux [openssl]=openssl [/usr/lib/cni/portmap]=containernetworking-plugins
)

# binary → Debian package of which only that is wanted: installed, the package would start a server on all of the machine's addresses
declare -A UNPACKED=([docker-registry]=docker-registry [promtool]=prometheus [prometheus]=prometheus [nginx]=nginx)

module_version() { # TOOL MODULE: the version that go.mod pins
  awk -v m="$2" '$1 == m || $2 == m && $1 == "require" { print $(NF > 2 && $1 == "require" ? 3 : 2); exit }' "$TOOLS_DIR/$1/go.mod"
}

# ldflags TOOL: -s -w, and the version where the program has a place for it.
ldflags() {
  local v place
  printf -- '-s -w'
  case $1 in
    kube)
      v=$(module_version kube k8s.io/kubernetes)
      for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        printf -- ' -X %s.gitVersion=%s -X %s.gitCommit=module' $place "$v" $place
      done
      v=${v#v}
      printf -- ' -X k8s.io/component-base/version.gitMajor=%s' "${v%%.*}"
      v=${v#*.}
      printf -- ' -X k8s.io/component-base/version.gitMinor=%s' "${v%%.*}"
      ;;
    containerd)
      v=$(module_version containerd github.com/containerd/containerd/v2)
      printf -- ' -X github.com/containerd/containerd/v2/version.Version=%s' "$v"
      ;;
    calico)
      v=$(module_version calico github.com/projectcalico/calico)
      printf -- ' -X main.version=%s' "$v"
      ;;
    cosign | fulcio | timestamp-authority | rekor-tiles)
      v=$(module_version "$1" "$(grep -m 1 -oE "github.com/sigstore/$1(/v[0-9]+)?" "$TOOLS_DIR/$1/go.mod")")
      printf -- ' -X sigs.k8s.io/release-utils/version.gitVersion=%s' "$v"
      ;;
    crane)
      v=$(module_version crane github.com/google/go-containerregistry)
      printf -- ' -X github.com/google/go-containerregistry/cmd/crane/cmd.Version=%s' "$v"
      ;;
    helm)
      v=$(module_version helm helm.sh/helm/v3)
      printf -- ' -X helm.sh/helm/v3/internal/version.version=%s' "$v"
      ;;
    argocd)
      v=$(module_version argocd github.com/argoproj/argo-cd/v3)
      printf -- ' -X github.com/argoproj/argo-cd/v3/common.version=%s' "${v#v}"
      ;;
    kwok)
      v=$(module_version kwok sigs.k8s.io/kwok)
      printf -- ' -X sigs.k8s.io/kwok/pkg/consts.Version=%s' "$v"
      ;;
  esac
}

# Names under which $CACHE/bin offers a tool's binary, where they differ from its own; NAME=BINARY where Go names it otherwise.
links_of() {
  case $1 in
    kube) say etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl ;;
    calico) say calico calico-felix ;;
    containerd) say containerd containerd-shim-runc-v2 ctr ;;
    timestamp-authority) say timestamp-server ;;
    rekor-tiles) say rekor-server=posix ;; # its package is named after where the log is kept
    policy-controller) say policy-controller-webhook=webhook policy-controller-verify=policy-controller ;;
    argo-rollouts) say argo-rollouts-controller=rollouts-controller argo-rollouts-replay=replay ;;
    flagger) say flagger flagger-replay=replay ;;
    kserve) say kserve-controller=manager ;;
    argocd) say argocd=cmd argocd-repo-server=cmd argocd-application-controller=cmd ;; # one binary, which goes by its name
    *) say "$1" ;;
  esac
}

# The folders of the modules here that a tool's own is made with.
modules_beside() { # TOOL
  awk -v tools="$TOOLS_DIR" 'sub(/.* => \.\.\//, "") { print tools "/" $0 }' "$TOOLS_DIR/$1/go.mod"
}

GO_IDENTITY=
key_of() { # TOOL
  if [[ $1 == images ]]; then
    # The images hold nothing but binaries of these.
    printf '%s %s %s' "$(key_of pause)" "$(key_of coredns)" "$(key_of pack)" | sha256sum | head -c 12
    return
  fi
  local beside
  mapfile -t beside < <(modules_beside "$1")
  {
    printf '%s\n' "$GO_IDENTITY" "$CGO_ENABLED $GOFLAGS $(ldflags "$1")"
    declare -f compile
    if [[ $1 == argocd ]]; then declare -f argocd_files; fi
    # go.sum is missing where nothing is imported, *.go where only tools are pinned
    find "$TOOLS_DIR/$1" "${beside[@]}" -maxdepth 1 \( -name 'go.*' -o -name '*.go' -o -name '*.s' \) -print0 | sort -z | xargs -0 cat
  } | sha256sum | head -c 12
}

# is_built TOOL: the store has it and the links lead to it.
is_built() {
  local link entry
  entry=$1-$(key_of "$1")
  [[ -e $CACHE/store/$entry/done ]] || return 1
  if [[ $1 == images ]]; then
    [[ $(readlink "$CACHE/node-images") == "store/$entry" ]]
    return
  fi
  for link in $(links_of "$1"); do
    [[ $(readlink "$BIN/${link%=*}") == "../store/$entry/"* ]] || return 1
  done
}

join_yaml() { # FILE...
  local file
  for file; do
    printf -- '---\n' && cat "$file" || return
  done
}

compile() ( # TOOL DIRECTORY
  cd "$TOOLS_DIR/$1" || exit
  # A module with `tool` lines pins somebody else's programs; the others have a main of their own.
  local packages=.
  if grep -q '^tool' go.mod; then packages=tool; fi
  go build -v -ldflags "$(ldflags "$1")" -o "$2/" "$packages" || exit
  case $1 in
    calico) # felix and the CNI plugin read their settings from these kinds
      join_yaml "$(go list -m -f '{{.Dir}}' github.com/projectcalico/calico)"/libcalico-go/config/crd/*.yaml >"$2/crds.yaml" ;;
    kserve) # its kinds, rights, settings and webhooks, which are installed before it runs
      local config
      config=$(go list -m -f '{{.Dir}}' github.com/kserve/kserve)/config || exit
      join_yaml "$config"/crd/full/serving.*.yaml "$config"/rbac/{service_account,role,role_binding}.yaml \
        "$config"/configmap/inferenceservice.yaml "$config"/webhook/manifests.yaml >"$2/install.yaml" ;;
    kwok) # what a simulated node and its pods do
      local stages
      stages=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage || exit
      join_yaml "$stages"/node/{fast,heartbeat-with-lease}/node-*.yaml "$stages"/pod/fast/pod-*.yaml >"$2/stages.yaml" ;;
  esac
)

# Apart from `compile`, of which every tool's key is made: a change of that builds all of them anew.
argocd_files() ( # DIRECTORY: its kinds and settings, which are installed before it runs, and what it asks about signatures of commits
  cd "$TOOLS_DIR/argocd" || exit
  from=$(go list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3) || exit
  join_yaml "$from"/manifests/crds/*-crd.yaml "$from"/manifests/base/config/argocd-*.yaml >"$1/install.yaml" &&
    install -m 755 "$from/hack/git-verify-wrapper.sh" "$1/"
)

pack_images() { # DIRECTORY
  "$BIN/pack" -entrypoint '["/pause"]' -user 65535:65535 "$1/pause.tar" localhost/mlsecops/pause:1 "$BIN/pause=/pause" &&
    "$BIN/pack" -entrypoint '["/coredns"]' -user 65532:65532 "$1/coredns.tar" localhost/mlsecops/coredns:1 "$BIN/coredns=/coredns"
}

build_one() { # TOOL
  local tool=$1 entry store log started=$EPOCHREALTIME title before link binary seconds
  is_built "$tool" && return
  entry=$tool-$(key_of "$tool")
  store=$CACHE/store/$entry
  log=$CACHE/log/$tool.log
  mkdir -p "$BIN" "$CACHE/log" "$CACHE/store"
  if [[ ! -e $store/done ]]; then
    before=$(awk -v t="$tool" '$1 == t { s = $2 } END { if (s) print ", took " s " s the last time" }' "$CACHE/build-times" 2>/dev/null || true)
    PART=$((PART + 1))
    title="building $tool ($PART of $PARTS)"
    say "$title$before"
    rm -rf "$store"
    mkdir -p "$store"
    if [[ $tool == images ]]; then
      with_progress "$title" "$log" pack_images "$store" || build_failed "$tool" "$log"
    else
      with_progress "$title" "$log" compile "$tool" "$store" || build_failed "$tool" "$log"
      if [[ $tool == argocd ]]; then argocd_files "$store" >>"$log" 2>&1 || build_failed "$tool" "$log"; fi
    fi
    touch "$store/done"
    seconds=$(seconds_since "$started")
    say "built $tool in $seconds s$(overall)"
    printf '%s %s %s\n' "$tool" "$seconds" "$(date -u +%FT%TZ)" >>"$CACHE/build-times"
    BUILT+=("$tool")
    # Older versions may still be wanted by another checkout, but not for ever.
    # shellcheck disable=SC2012 # the names are our own: a tool and a hash
    ls -dt "$CACHE/store/$tool"-* | tail -n +4 | xargs -r rm -rf
  fi
  # The links are relative, so that a cache can be copied to another place.
  if [[ $tool == images ]]; then
    ln -sfn "store/$entry" "$CACHE/node-images"
    return
  fi
  for link in $(links_of "$tool"); do
    binary=$tool
    if [[ -e $store/${link#*=} ]]; then binary=${link#*=}; fi
    ln -sfn "../store/$entry/$binary" "$BIN/${link%=*}"
  done
}

build_failed() { # TOOL LOG
  warn "the build of $1 failed; the end of $2:"
  # `go build -v` names each package that it compiles: leave those lines out.
  grep -Ev '^[a-zA-Z0-9._/-]+$' "$2" | tail -n 25 | sed 's/^/    /' >&2
  cat >&2 <<TEXT
cluster: what helps most often:
    cannot fetch a module    check the network and GOPROXY, then call \`cluster build $1\` again
    killed, out of memory    the largest link needs 2.5 GB: close something and try again
    no space left            the Go cache ($(go env GOCACHE)) needs 6 GB, $CACHE needs 1 GB
TEXT
  exit 1
}

missing_packages() { # of Debian: those of which something is not there
  local thing
  for thing in "${!DEBIAN[@]}"; do
    [[ -e $thing ]] || PATH=$PATH:/usr/sbin:/sbin command -v "$thing" >/dev/null || say "${DEBIAN[$thing]}"
  done
  [[ -x $BIN/docker-registry ]] || say docker-registry
}

build_apt() {
  local missing log=$CACHE/log/apt.log
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || die "missing: ${missing[*]}; install them (this tool can do it only where apt-get is)"
  [[ $EUID == 0 || ${missing[*]} == docker-registry ]] || die "missing Debian packages: ${missing[*]}; install them, or call this as root"
  say "fetching Debian packages: ${missing[*]}"
  mkdir -p "$CACHE/log" "$BIN"
  with_progress 'fetching Debian packages' "$log" fetch_debian "${missing[@]}" || {
    tail -n 15 "$log" | sed 's/^/    /' >&2
    die "apt-get failed; the whole of it is in $log"
  }
  BUILT+=(apt)
}

fetch_debian() ( # PACKAGE...
  export DEBIAN_FRONTEND=noninteractive
  local package install=()
  # The lists may be missing or stale on a fresh machine.
  if [[ $EUID == 0 ]]; then apt-get update || exit; fi
  for package; do if [[ $package != docker-registry ]]; then install+=("$package"); fi; done
  if ((${#install[@]} > 0)); then apt-get install -y --no-install-recommends "${install[@]}" || exit; fi
  if [[ " $* " == *' docker-registry '* ]]; then unpack_binary docker-registry || exit; fi
)

unpack_binary() ( # BINARY: one of UNPACKED, and what else is wanted of its package, into the cache
  scratch=$(mktemp -d) || exit
  trap 'rm -rf "$scratch"' EXIT
  package=${UNPACKED[$1]}
  chmod 755 "$scratch" && cd "$scratch" && apt-get download "$package" && dpkg-deb -x "$package"_*.deb . || exit
  for binary in "${!UNPACKED[@]}"; do
    [[ ${UNPACKED[$binary]} != "$package" ]] || install -m 755 usr/*bin/"$binary" "$BIN/$binary" || exit
  done
)

# fetched WHAT: one of FETCHED is there.
fetched() {
  case $1 in
    gateway-api) [[ -d $(cd "$TOOLS_DIR/$1" && go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api) ]] ;; # its kinds are read where Go keeps it
    *) [[ -x $BIN/$1 ]] ;;
  esac
}

fetch() { # WHAT
  if [[ $1 == gateway-api ]]; then
    cd "$TOOLS_DIR/$1" && go mod download
    return
  fi
  if [[ $1 == redis-server ]]; then # its package would start one; that of its tools has the same program, and what it is linked with
    fetch_debian redis-tools && ln -sfn /usr/bin/redis-check-rdb "$BIN/redis-server"
    return
  fi
  # The lists may be missing or stale on a fresh machine.
  if [[ $EUID == 0 ]]; then apt-get update || return; fi
  unpack_binary "$1"
}

build_fetched() { # WHAT
  local log=$CACHE/log/$1.log started=$EPOCHREALTIME
  if fetched "$1"; then return; fi
  [[ -z ${UNPACKED[$1]:-} ]] || command -v apt-get >/dev/null || die "missing: $1; put one into $BIN (this tool can fetch it only where apt-get is)"
  say "fetching $1"
  mkdir -p "$CACHE/log" "$BIN"
  with_progress "fetching $1" "$log" fetch "$1" || {
    tail -n 15 "$log" | sed 's/^/    /' >&2
    die "$1 cannot be fetched; all that was said is in $log"
  }
  printf '%s %s %s\n' "$1" "$(seconds_since "$started")" "$(date -u +%FT%TZ)" >>"$CACHE/build-times"
  BUILT+=("$1")
}

all_built() { # WHAT...
  local what
  for what; do
    case $what in
      apt) [[ -z $(missing_packages) ]] || return 1 ;;
      *) if [[ " ${FETCHED[*]} " == *" $what "* ]]; then fetched "$what"; else is_built "$what"; fi || return 1 ;;
    esac
  done
}

# expect WHAT...: how many parts there are to build, and how long that may take; `overall` says how far it is.
expect() {
  local what cores
  PARTS=0 PART=0 EXPECTED=0 OVERALL_STARTED=$SECONDS
  for what; do
    if [[ " apt ${FETCHED[*]} " == *" $what "* || -e $CACHE/store/$what-$(key_of "$what")/done ]]; then continue; fi
    PARTS=$((PARTS + 1))
    EXPECTED=$((EXPECTED + ${COLD_SECONDS[$what]:-1}))
  done
  cores=$(nproc)
  EXPECTED=$((EXPECTED / cores))
  ((EXPECTED < 10)) || say "to build: $PARTS part(s); about $(duration $EXPECTED) where Go's build cache is empty and $cores processor(s) are free, much less where it is not"
}

# build WHAT...: the entry point. Only one build at a time works on a cache.
build() {
  local what started=$EPOCHREALTIME
  BUILT=()
  (($# > 0)) || set -- "${ALL_BUILD[@]}"
  for what; do
    shift
    case $what in
      sigstore) set -- "$@" "${SIGSTORE_BUILD[@]}" ;;
      peers) set -- "$@" "${PEERS_BUILD[@]}" ;;
      monitoring) set -- "$@" "${MONITORING_BUILD[@]}" ;;
      kserve) set -- "$@" "${KSERVE_BUILD[@]}" ;;
      gateway) set -- "$@" "${GATEWAY_BUILD[@]}" ;;
      gitops) set -- "$@" "${GITOPS_BUILD[@]}" ;;
      *) set -- "$@" "$what" ;;
    esac
  done
  for what; do
    [[ " ${ALL_BUILD[*]} ${SIGSTORE_BUILD[*]} ${PEERS_BUILD[*]} ${MONITORING_BUILD[*]} ${KSERVE_BUILD[*]} ${GATEWAY_BUILD[*]} ${GITOPS_BUILD[*]} " == *" $what "* ]] ||
      die "nothing here is called '$what'; there is: ${ALL_BUILD[*]} sigstore peers monitoring kserve gateway gitops"
  done
  if [[ " $* " == *' images '* ]]; then
    for what in pack pause coredns; do [[ " $* " == *" $what "* ]] || set -- "$what" "$@"; done # they are made of these
  fi
  command -v go >/dev/null || die "Go 1.25 or newer is needed (https://go.dev/dl or Debian's golang package)"
  GO_IDENTITY=$(go env GOVERSION GOOS GOARCH)
  if all_built "$@"; then return; fi

  mkdir -p "$CACHE"
  exec 8>"$CACHE/build.lock"
  if ! flock -n 8; then
    say 'waiting for another build to finish'
    flock 8
  fi
  expect "$@"
  for what; do
    case $what in
      apt) build_apt ;;
      *) if [[ " ${FETCHED[*]} " == *" $what "* ]]; then build_fetched "$what"; else build_one "$what"; fi ;;
    esac
  done
  exec 8>&-
  ((${#BUILT[@]} > 0)) || return 0
  say '' "seconds a build took, the newest of each (all in $CACHE/build-times):"
  awk '{ s[$1] = $2; if (!($1 in n)) { n[$1] = ++c; o[c] = $1 } } END { for (i = 1; i <= c; i++) printf "  %-20s %8.1f\n", o[i], s[o[i]] }' "$CACHE/build-times"
  say "this call: $(seconds_since "$started") s for ${BUILT[*]}"
}
