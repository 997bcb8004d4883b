# shellcheck shell=bash
# Shared by images/build and the rootfs.sh of every image: fetch Debian packages, lay them out, check the result.

cache_root=${MLSECOPS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mlsecops}
cache=$cache_root/images
downloads=$cache/downloads

# Progress goes to stderr, so that stdout carries results only.
log() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }
die() {
  log "error: $*"
  exit 1
}

digest_of() { sha256sum "$@" | cut -d ' ' -f 1; }

# The candidate version of each package, as "name version sha256": what the build takes, hence part of the cache key.
# The index that apt reads is signed, so the hash is too.
debian_resolve() {
  local resolved
  resolved=$(apt-cache show --no-all-versions "$@" 2>/dev/null |
    awk '/^Package: /{p=$2} /^Version: /{v=$2} /^SHA256: /{print p, v, $2}')
  [[ $(wc -l <<<"$resolved") -eq $# ]] || return 1
  printf '%s\n' "$resolved"
}

debian_packages() {
  debian_resolve "$@" && return
  log "refreshing the Debian package index"
  apt-get update -qq >&2
  debian_resolve "$@" || die "not all of these packages are in Debian bookworm's index: $*"
}

# debian_unpack ROOTFS < lines of debian_packages. Only files: no maintainer script runs.
debian_unpack() {
  local rootfs=$1 name version hash deb
  mkdir -p "$downloads" "$rootfs/var/lib/dpkg/status.d"
  while read -r name version hash; do
    deb=$downloads/$hash.deb
    if [[ ! -f $deb ]]; then
      local part
      part=$(mktemp -d "$downloads/.part.XXXXXX")
      # apt drops its privileges to fetch, and refuses to in a directory that its own user cannot enter.
      (cd "$part" && apt-get download -qq -o APT::Sandbox::User=root "$name=$version" >&2) ||
        die "cannot download $name $version: the package index may be old, run apt-get update"
      [[ $(digest_of "$part"/*.deb) == "$hash" ]] || die "$name $version is not what the index promises"
      mv "$part"/*.deb "$deb"
      rmdir "$part"
    fi
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$rootfs" --no-same-owner --keep-directory-symlink
    # Vulnerability scanners read the packages of an image without dpkg from here.
    dpkg-deb --field "$deb" >"$rootfs/var/lib/dpkg/status.d/$name"
  done
}

# What no program of these images reads. The licences (copyright files) stay.
trim() {
  local rootfs=$1
  rm -rf "$rootfs"/usr/share/{bash-completion,bug,gcc,gdb,lintian,locale,man,zsh,applications,pixmaps} \
    "$rootfs"/usr/lib/x86_64-linux-gnu/{audit,gconv} "$rootfs/usr/share/ca-certificates"
  find "$rootfs/usr/share/doc" -type f ! -name copyright -delete
  find "$rootfs/usr/share/doc" -type l -delete
  find "$rootfs/usr/share" -type d -empty -delete
}

# Debian's Python library without what needs a terminal, a desktop or a database, whose libraries are not in the images.
python_trim() {
  local library=$1/usr/lib/python3.11
  rm -rf "$1/usr/share/applications" "$library"/{ensurepip,idlelib,lib2to3,pydoc_data,tkinter,distutils,curses,sqlite3,dbm,test} \
    "$library"/lib-dynload/{_sqlite3,_curses,_curses_panel,_dbm,_gdbm,_tkinter,readline,_uuid,_crypt,nis,ossaudiodev,_test*}.*
}

# What ca-certificates' maintainer script would make.
ca_bundle() {
  local rootfs=$1
  mkdir -p "$rootfs/etc/ssl/certs"
  find "$rootfs/usr/share/ca-certificates" -name '*.crt' -print0 | LC_ALL=C sort -z | xargs -0 cat \
    >"$rootfs/etc/ssl/certs/ca-certificates.crt"
}

nonroot_user() {
  local rootfs=$1
  mkdir -p "$rootfs/etc" "$rootfs/tmp"
  chmod 1777 "$rootfs/tmp"
  printf '%s\n' 'root:x:0:0:root:/:/sbin/nologin' 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >"$rootfs/etc/passwd"
  printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >"$rootfs/etc/group"
  printf 'hosts: files dns\n' >"$rootfs/etc/nsswitch.conf"
}

# Every program and library must find what it links to inside the rootfs itself; the image's own loader says so.
check_libraries() {
  local rootfs=$1 loader=/lib64/ld-linux-x86-64.so.2 file missing=""
  while IFS= read -r -d '' file; do
    [[ $(head -c 4 "$file") == $'\x7fELF' ]] || continue
    # Fails also for programs without any library, which is not what is asked here.
    missing+=$({ chroot "$rootfs" "$loader" --list "/${file#"$rootfs"/}" 2>&1 >/dev/null || true; } 2>/dev/null |
      sed -n 's/.*: error while loading shared libraries: \(.*\): cannot open shared object file.*/ \1/p')
  done < <(find "$rootfs" -type f \( -name '*.so*' -o -perm -u+x \) -print0)
  [[ -z $missing ]] || die "libraries are missing in the root file system:$missing"
}
