# shellcheck shell=bash
# shellcheck disable=SC2154 # here, repository and the caches are set by images/build and lib.sh
# Debian's Python without its extras, ONNX Runtime and numpy from hash-checked wheels, and the server.

packages=(
  libc6 libgcc-s1 libstdc++6
  python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libssl3 libexpat1 zlib1g libffi8 libbz2-1.0 liblzma5
)

inputs() { debian_packages "${packages[@]}"; }

rootfs() {
  local root=$1/rootfs site=usr/local/lib/python3.11/dist-packages
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root/models" "$downloads/pip"
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
  inputs | debian_unpack "$root"
  nonroot_user "$root"
  trim "$root"
  python_trim "$root"

  log "runtime-onnx: installing the wheels"
  # For the image's Python, whichever Python runs pip here. ONNX Runtime declares packages that only its tools for
  # making models import: they stay out.
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 --no-compile \
    --cache-dir "$downloads/pip" --root-user-action ignore \
    --requirement "$here/runtime-onnx/requirements.txt" --target "$root/$site" >&2
  rm -rf "${root:?}/$site"/{bin,onnxruntime/{transformers,tools,quantization},numpy/f2py}
  find "$root/$site" -type d -name tests -prune -exec rm -rf {} +
  find "$root/$site" -type f -name '*.pyi' -delete

  mkdir "$root/$site/server"
  cp "$here"/runtime-onnx/server/*.py "$root/$site/server/"
  # The root file system is read-only in the cluster, so Python could never keep its compiled modules. Hash-based: a
  # modification time in them would make each build differ.
  chroot "$root" /usr/bin/python3.11 -I -m compileall -q -j 1 --invalidation-mode unchecked-hash \
    "/usr/lib/python3.11" "/$site" >&2
}
