#!/bin/sh
# Installs what is missing with apt, and only that: `deps.sh run` for building and booting,
# `deps.sh test` for the tests too; APP_DEPS names what a server wants besides. Uses sudo only when
# not root; says what it does.
set -eu

RUN="gcc binutils make git libc6-dev gdb qemu-system-x86 grub-pc-bin grub-common xorriso mtools
     ${APP_DEPS:-}"
TEST="clang clang-format libcmocka-dev python3 python3-pytest python3-scapy curl wrk nmap
      iproute2 iputils-ping util-linux procps"

case "${1:-}" in
run) wanted="$RUN" ;;
test) wanted="$RUN $TEST" ;;
*) echo "deps.sh: '${1:-}' is not known: say run or test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps.sh: this is not Debian or Ubuntu (no apt): please install yourself: $wanted" >&2
    exit 0
fi

# The run-time of the sanitizers has clang's version in its name.
if [ "$1" = test ]; then
    major=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' |
            head -n 1)
    [ -n "$major" ] && wanted="$wanted libclang-rt-$major-dev"
fi

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_of() {
    missing=""
    for package in $1; do
        installed "$package" || missing="$missing $package"
    done
}

missing_of "$wanted"
[ -z "$missing" ] && exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps.sh: missing, and you are neither root nor have sudo:$missing" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "deps: installing with apt:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q >/dev/null
if [ "$1" = test ]; then # without package lists, clang's version was not known before
    major=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' |
            head -n 1)
    [ -n "$major" ] && ! installed "libclang-rt-$major-dev" &&
        apt-cache show "libclang-rt-$major-dev" >/dev/null 2>&1 &&
        missing="$missing libclang-rt-$major-dev"
fi
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing \
    >/dev/null
echo "deps: done"
