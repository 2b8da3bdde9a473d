#!/bin/sh
# Says on stdout which QEMU is new enough (8 or later: the first with the NIC igb, and with an
# e1000e whose reset resets): the system's, or else one unpacked below build/qemu10, downloaded at
# the first call. `get-qemu.sh` downloads where it must, `get-qemu.sh --offline` never does: status
# 1 then.
#
# What is downloaded is Debian 12's own newer QEMU (10.0, bookworm-backports) and the libraries that
# this system lacks for it, by apt into folders of its own: checked with the system's keys, nothing
# installed, no rights needed. Environment: QEMU, the system's; DIR, the folder.
set -eu

WANTED=8
SUITE=bookworm-backports
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
PACKAGES="qemu-system-x86 qemu-system-common qemu-system-data seabios ipxe-qemu"

name=get-qemu
cd "$(dirname "$0")/.."
. tools/packages.sh

major() { # command: its major version, 0 where it does not run
    version=$("$1" --version 2>/dev/null | sed -n '1s/.* version \([0-9][0-9]*\)\..*/\1/p') || true
    echo "${version:-0}"
}

case "${1:-}" in
"" | --offline) ;;
*)
    say "'$1' is not known: say nothing, or --offline"
    exit 2
    ;;
esac

system=${QEMU:-qemu-system-x86_64}
if [ "$(major "$system")" -ge $WANTED ]; then
    echo "$system"
    exit 0
fi
dir=${DIR:-build/qemu10}
wrapper=$(pwd)/$dir/qemu
case "$dir" in
/*) wrapper=$dir/qemu ;;
esac
if [ -x "$wrapper" ] && [ "$(major "$wrapper")" -ge $WANTED ]; then
    echo "$wrapper"
    exit 0
fi
if [ "${1:-}" = --offline ]; then
    say "$system is older than $WANTED, and none is in $dir: tools/get-qemu.sh downloads one"
    exit 1
fi

codename=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}") || codename=""
if [ "$codename" != bookworm ] || ! has_apt; then
    say "$system is older than $WANTED (igb), and only for Debian 12 it is known where a newer one"
    say "is: please install QEMU $WANTED or later, and name it with QEMU= where it is not in PATH"
    exit 1
fi
if [ ! -e "$KEYS" ]; then
    say "no keys to check $SUITE with at $KEYS: install the package debian-archive-keyring"
    exit 1
fi

mkdir -p "$(dirname "$dir")"
scratch=$(cd "$(dirname "$dir")" && pwd)/qemu.scratch
begin_scratch
mkdir -p "$scratch/lists/partial"

# Asked of the server that the system has Debian from; security updates are on another.
# shellcheck disable=SC2016
uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
    'Component: main' 2>/dev/null | grep -v security | sort -u | head -n 1) || uri=""
echo "deb [signed-by=$KEYS] ${uri:-http://deb.debian.org/debian} $SUITE main" >"$scratch/list"

# The system's own sources stay beside it, for libraries. Without locks: what is locked is ours.
backports_apt() {
    apt-get -q -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" \
        -o "Dir::Etc::SourceList=$scratch/list" -o Debug::NoLocking=1 -o APT::Sandbox::User= \
        "$@" >>"$scratch/log" 2>&1
}

say "downloading QEMU 10.0 ($SUITE) into $dir; nothing is installed"
# shellcheck disable=SC2086 # words
if ! backports_apt update ||
    ! backports_apt install -y --no-install-recommends --download-only --reinstall -t $SUITE \
        $PACKAGES; then
    tail -n 20 "$scratch/log" >&2
    say "QEMU could not be downloaded from ${uri:-http://deb.debian.org/debian} $SUITE (above"
    say "is what apt says). Is there a network? Or install QEMU $WANTED or later, and name it with"
    say "QEMU="
    exit 1
fi
for deb in "$scratch"/cache/archives/*.deb; do
    dpkg-deb -x "$deb" "$scratch/new"
done

# Debian builds QEMU to look for its files below /usr only.
cat >"$scratch/new/qemu" <<'WRAPPER'
#!/bin/sh
# Made by tools/get-qemu.sh: the QEMU in this folder, with its own firmware, modules and libraries.
here=$(cd "$(dirname "$0")" && pwd)
lib=$here/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" QEMU_MODULE_DIR="$lib/qemu"
exec "$here/usr/bin/qemu-system-x86_64" -L "$here/usr/share/qemu" -L "$here/usr/share/seabios" \
    -L "$here/usr/lib/ipxe/qemu" "$@"
WRAPPER
chmod 755 "$scratch/new/qemu"
if [ "$(major "$scratch/new/qemu")" -lt $WANTED ]; then
    "$scratch/new/qemu" --version >&2 || true
    say "what was downloaded does not run here (above is what it says)"
    exit 1
fi
rm -rf "$dir"
mv "$scratch/new" "$dir"
say "$("$wrapper" --version | head -n 1) is in $dir"
echo "$wrapper"
