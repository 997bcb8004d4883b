# shellcheck shell=bash
# A client pod for tests: sends requests from inside the cluster, tries what must be refused.

packages=(
  busybox-static ca-certificates libc6 libgcc-s1
  # Python without its large extras; libssl for hashlib and https.
  python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libssl3 libexpat1 zlib1g libffi8 libbz2-1.0 liblzma5
  # curl and what Debian's build of it links to.
  curl libcurl4 libnghttp2-14 libidn2-0 libunistring2 librtmp1 libssh2-1 libpsl5 libbrotli1 libzstd1
  libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libldap-2.5-0 libsasl2-2
  libgnutls30 libhogweed6 libnettle8 libgmp10 libp11-kit0 libtasn1-6
)

inputs() { debian_packages "${packages[@]}"; }

rootfs() {
  local root=$1/rootfs applet
  # /bin, /lib and /lib64 are links into /usr, as in Debian itself.
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
  inputs | debian_unpack "$root"
  ca_bundle "$root"
  nonroot_user "$root"
  trim "$root"
  python_trim "$root"
  ln -s python3.11 "$root/usr/bin/python3"
  for applet in $("$root/usr/bin/busybox" --list); do
    [[ -e $root/usr/bin/$applet ]] || ln -s busybox "$root/usr/bin/$applet"
  done
}
