#!/bin/sh
# Installs what is missing with apt, and only that: `deps.sh run` for building and booting,
# `deps.sh test` for the tests too, `deps.sh figures` for tools/figures.py alone, `deps.sh bench`
# for tools/bench, `deps.sh newcomer` for tools/newcomer.sh; APP_DEPS names what a server wants
# besides. Uses sudo only when not root; says what it does.
set -eu

RUN="gcc binutils make git libc6-dev python3 gdb qemu-system-x86 ovmf grub-pc-bin
     grub-efi-amd64-bin grub-common xorriso mtools ${APP_DEPS:-}"
TEST="clang clang-format libcmocka-dev python3-pytest python3-scapy curl wrk nmap
      iproute2 iputils-ping util-linux procps dnsmasq-base ipxe-qemu valgrind"
FIGURES="gcc binutils make git libc6-dev python3 valgrind"
BENCH="wrk iproute2 util-linux xz-utils"
NEWCOMER="debootstrap git curl util-linux"

case "${1:-}" in
run) wanted="$RUN" ;;
test) wanted="$RUN $TEST" ;;
figures) wanted="$FIGURES" ;;
bench) wanted="$RUN $BENCH" ;;
newcomer) wanted="$NEWCOMER" ;;
*)
    echo "deps.sh: '${1:-}' is not known: say run, test, figures, bench or newcomer" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is not Debian or Ubuntu (no apt): please install yourself: $wanted" >&2
    exit 0
fi

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The run-time of the sanitizers has clang's version in its name. Nothing where there is no such
# package: Ubuntu 22.04 has it in one that clang brings along.
clang_runtime() {
    depends=$(if installed clang; then dpkg-query -W -f '${Depends}' clang; else
        apt-cache depends clang; fi 2>/dev/null) || true
    major=$(printf '%s\n' "$depends" | sed -n 's/.*clang-\([0-9][0-9]*\).*/\1/p' | head -n 1)
    if apt-cache show "libclang-rt-$major-dev" >/dev/null 2>&1; then
        echo "libclang-rt-$major-dev"
    fi
}

find_missing() {
    missing=""
    packages=$wanted
    [ "$1" != test ] || packages="$packages $(clang_runtime)"
    for package in $packages; do
        installed "$package" || missing="$missing $package"
    done
}

find_missing "$1"
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps.sh: missing, and you are neither root nor have sudo:$missing" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "deps: reading the package lists"
$sudo apt-get update -q >/dev/null ||
    echo "deps: apt-get update failed: trying with the lists there are" >&2
find_missing "$1" # without package lists, clang's version was not known before
echo "deps: installing with apt:$missing"
# shellcheck disable=SC2086 # words
if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    $missing >/dev/null; then
    echo "deps.sh: apt could not install them. On Ubuntu some are in the component 'universe'" >&2
    echo "(sudo add-apt-repository universe)" >&2
    exit 1
fi
echo "deps: done"
