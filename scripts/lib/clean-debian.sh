# Sourced by scripts that try something in a fresh Debian 12: a debootstrap folder, made once and copied for each try, in
# which commands run under chroot. Packages come from the mirror, and through the proxy, that apt uses here. Mounts live
# in a mount namespace of the try's own and its processes in a process namespace, so that nothing of it outlasts the
# script, however it ends. Needs root.
#
# The script that sources it says its name in `name`.

suite=bookworm

fail() { echo "$name: $*" >&2; exit 1; }

# new_system FOLDER PACKAGES: FOLDER/system is a fresh Debian with these packages (comma between them; none: "").
new_system() {
  local folder=$1 packages=$2 archives mirror apt_proxy
  [ "$(id -u)" = 0 ] || fail "needs root, for debootstrap and chroot; try: sudo scripts/$name"
  command -v debootstrap >/dev/null || apt-get -qq install --yes debootstrap >/dev/null ||
    fail "debootstrap is missing and could not be installed"

  # `URI SUITE COMPONENT` of each Debian archive that apt uses here; the first of them is the mirror.
  archives=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
    grep -E " $suite(-security|-updates)? " | sort -u || true)
  mirror=$(awk -v suite="$suite" '$2 == suite { print $1; exit }' <<<"$archives")
  mirror=${mirror:-http://deb.debian.org/debian}
  eval "$(apt-config shell apt_proxy Acquire::http::Proxy)"
  [ -z "${apt_proxy:-}" ] || export http_proxy=$apt_proxy

  if [ ! -e "$folder/base/.complete" ]; then
    echo "$name: making a Debian $suite in $folder/base from $mirror"
    rm -rf "$folder/base"
    debootstrap --variant=minbase ${packages:+--include="$packages"} "$suite" "$folder/base" "$mirror" \
      >"$folder/debootstrap.log" 2>&1 ||
      { tail -20 "$folder/debootstrap.log" >&2; fail "debootstrap failed; the whole output is in $folder/debootstrap.log"; }
    touch "$folder/base/.complete"
  fi
  rm -rf --one-file-system "$folder/system"
  cp -a --reflink=auto "$folder/base" "$folder/system"
  cp /etc/resolv.conf "$folder/system/etc/resolv.conf"
  # Debian's installer writes this one; debootstrap does not.
  printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' >"$folder/system/etc/hosts"
  [ -z "$archives" ] || sed 's/^/deb /' <<<"$archives" >"$folder/system/etc/apt/sources.list"
  [ -z "${apt_proxy:-}" ] || echo "Acquire::http::Proxy \"$apt_proxy\";" >"$folder/system/etc/apt/apt.conf.d/90proxy"
}

# in_system SYSTEM COMMAND [WORD...]: runs it there, as root, with an environment of its own.
in_system() {
  unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    system=$1
    shift
    mount --bind "$system" "$system"  # The tests make mount namespaces, which wants the root folder to be a mount point.
    mount -t proc proc "$system/proc"
    mount --rbind /dev "$system/dev"
    exec chroot "$system" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
  ' "$name" "$@"
}
