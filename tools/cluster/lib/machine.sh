# shellcheck shell=bash
# What a real node needs of the machine outside its namespaces: a cgroup, and
# places to mount on. Both are taken away again by `down`.

# Paths that are compiled into containerd, libcni, Calico and the kubelet. A
# private tmpfs hides each inside the cluster; a missing one has to be made on
# the machine first, and is marked, so that `down` takes it away again.
FIXED_DIRECTORIES=(/run/containerd /var/lib/cni /var/lib/calico /var/lib/kubelet /var/log/containers)
DIRECTORY_MARK=.made-by-mlsecops-cluster

# ------------------------------------------------------------------ cgroups

# cgroup_mounts: "TYPE POINT OPTIONS" of each mounted hierarchy, for mount(8).
cgroup_mounts() {
  local line before after options
  while read -r line; do
    before=${line% - *} after=${line#* - }
    [[ $after == 'cgroup '* || $after == 'cgroup2 '* ]] || continue
    options=$(tr ',' '\n' <<<"${after##* }" | grep -Ev '^(rw|ro|xattr|clone_children|release_agent=.*)$' | paste -sd, || true)
    if [[ $options == name=* ]]; then options=none,$options; fi
    # shellcheck disable=SC2086 # the fifth field of the first part
    set -- $before
    say "${after%% *} $5 ${options:-rw}"
  done </proc/self/mountinfo
}

# make_cgroup PATH: in version 1, a cpuset holds no process before it is filled.
make_cgroup() {
  mkdir -p "$1"
  if [[ -e $1/cpuset.mems && ! -e $1/cgroup.controllers ]]; then
    cat "$1/../cpuset.cpus" >"$1/cpuset.cpus"
    cat "$1/../cpuset.mems" >"$1/cpuset.mems"
  fi
}

# join_cgroup: makes the cluster's cgroup in every hierarchy and moves this
# process in. What it becomes, and the first process in the namespaces, move on
# to the leaf `daemons`: in version 2 a cgroup with processes of its own cannot
# give controllers to its children, and the kubelet needs that.
join_cgroup() {
  local point
  while read -r _ point _; do
    make_cgroup "$point/$CGROUP"
    make_cgroup "$point/$CGROUP/daemons"
    echo "$BASHPID" >"$point/$CGROUP/cgroup.procs"
  done < <(cgroup_mounts)
}

leave_cgroup_root() { # PID
  local point
  while read -r _ point _; do
    echo "$1" >"$point/$CGROUP/daemons/cgroup.procs"
  done < <(cgroup_mounts)
}

remove_cgroup() {
  local point tries left
  while read -r _ point _; do
    for ((tries = 0; tries < 50; tries++)); do
      [[ -d $point/$CGROUP ]] || break
      find "$point/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
    if [[ -d $point/$CGROUP ]]; then
      left=$(find "$point/$CGROUP" -name cgroup.procs -exec cat {} +)
      warn "$point/$CGROUP cannot be removed; processes in it: ${left:-none}"
    fi
  done < <(cgroup_mounts)
}

# -------------------------------------------------------- fixed directories

# All clusters of the machine share these, so one lock guards them all.
with_directory_lock() {
  (
    flock -w 10 7 || die 'another cluster holds the lock on /run/lock for more than 10 s'
    "$@"
  ) 7</run/lock
}

make_fixed_directories() {
  local directory
  for directory in "${FIXED_DIRECTORIES[@]}"; do
    [[ -d $directory ]] || { mkdir "$directory" && touch "$directory/$DIRECTORY_MARK"; }
  done
}

remove_fixed_directories() {
  local directory
  for directory in "${FIXED_DIRECTORIES[@]}"; do
    [[ -e $directory/$DIRECTORY_MARK ]] || continue
    # Removing a directory unmounts what other namespaces have on it: another cluster may.
    grep -qsE " $directory [^-]* - tmpfs mlsecops " /proc/[0-9]*/mountinfo && continue
    rm "$directory/$DIRECTORY_MARK"
    rmdir "$directory" || warn "$directory was made by this tool, but something else has put files there"
  done
}
