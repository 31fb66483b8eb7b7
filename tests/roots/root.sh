#!/bin/sh
# A Debian of its own in a folder.  Needs root, and debootstrap to make one.
#
#   root.sh make SUITE FOLDER [PACKAGE,...]  makes it, unless it is there
#   root.sh enter FOLDER COMMAND...          runs it there, as root in /root
#
# What is mounted for a command, and what it leaves running, ends with it: both are in
# namespaces of the command's own, so nothing is mounted on this machine.
set -eu

fail() { echo "error: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "a root folder can be made and entered by root alone"

mirror() {  # the one that this machine has its own packages from
    apt-get indextargets --format '$(REPO_URI)' | grep '/debian/$' | head -n 1
}

make_root() {
    suite=$1 folder=$2 packages=${3-}
    [ ! -d "$folder" ] || return 0
    command -v debootstrap >/dev/null ||
        { apt-get update -q && apt-get install -yq --no-install-recommends debootstrap; } >&2 ||
        fail "debootstrap is needed, and could not be installed"
    from=$(mirror)
    [ -n "$from" ] || fail "apt knows no Debian mirror here"
    mkdir -p "$folder.new" "$(dirname "$folder")/debs"
    cache=$(cd "$(dirname "$folder")/debs" && pwd)
    debootstrap --variant=minbase --cache-dir="$cache" ${packages:+--include="$packages"} \
        "$suite" "$folder.new" "$from" >"$folder.log" 2>&1 ||
        { tail -n 20 "$folder.log" >&2; rm -rf "$folder.new"; fail "debootstrap failed"; }
    # Of unstable a mirror that lags will do; what it has is signed all the same.
    echo 'Acquire::Check-Valid-Until "false";' >"$folder.new/etc/apt/apt.conf.d/90lagging"
    mv "$folder.new" "$folder"
}

# In the mount namespace of the command.
mount_all() {
    mount -t proc proc "$1/proc"
    mount -t tmpfs -o mode=755 tmpfs "$1/dev"
    for device in null zero full random urandom tty; do
        : >"$1/dev/$device"
        mount --bind "/dev/$device" "$1/dev/$device"
    done
    mkdir "$1/dev/pts" "$1/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$1/dev/pts"
    mount -t tmpfs tmpfs "$1/dev/shm"
    ln -s pts/ptmx "$1/dev/ptmx"
    ln -s /proc/self/fd "$1/dev/fd"
    ln -s fd/0 "$1/dev/stdin"
    ln -s fd/1 "$1/dev/stdout"
    ln -s fd/2 "$1/dev/stderr"
    for file in /etc/resolv.conf /etc/hosts ${PIP_CERT:-}; do  # names and pip work as here
        mkdir -p "$1$(dirname "$file")"
        [ -e "$1$file" ] || : >"$1$file"
        mount --bind -o ro "$file" "$1$file"
    done
}

enter_root() {
    folder=$(cd "$1" && pwd)
    shift
    exec unshare --mount --pid --fork --kill-child -- "$0" inside "$folder" "$@"
}

run_inside() {
    folder=$1
    shift
    mount_all "$folder"
    cd "$folder/root"
    exec chroot "$folder" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${TERM:+TERM="$TERM"} ${PIP_CERT:+PIP_CERT="$PIP_CERT"} \
        ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} \
        ${PIP_DEFAULT_TIMEOUT:+PIP_DEFAULT_TIMEOUT="$PIP_DEFAULT_TIMEOUT"} \
        sh -c 'cd && "$@"; exit $?' init "$@"  # which reaps what is orphaned
}

what=${1-}
[ $# -ge 3 ] || fail "usage: root.sh make SUITE FOLDER [PACKAGE,...] | enter FOLDER COMMAND..."
shift
case $what in
make) make_root "$@" ;;
enter) enter_root "$@" ;;
inside) run_inside "$@" ;;
*) fail "it is make or enter, not $what" ;;
esac
