#!/bin/sh
# What somebody meets who has a fresh system: a minimal one made by debootstrap below
# build/newcomer/SUITE, a clone of this repository's HEAD in it, `make run` until a request is
# served, then `make test`; and how long each took. `make newcomer SUITE=trixie` calls it.
#
#     tools/newcomer.sh [SUITE]      environment: MIRROR=, KEYRING= (for debootstrap), ONLY=run
#                                    (no `make test`), ONLY=figures (neither, but the figures of its
#                                    compiler are stored in this tree: docs/testing.md)
#
# Runs as root, in a mount and a process namespace of its own: what it mounts nobody else sees, and
# both the mounts and every process it started are gone when it ends, however it ends.
set -eu

SERVED_TIMEOUT_S=1800 # downloads, the build, the boot
DEBIAN="bookworm trixie forky sid"
UBUNTU="jammy noble resolute"

suite=${1:-trixie}
cd "$(dirname "$0")/.."
work=$PWD/build/newcomer
root=$work/$suite

say() {
    printf '%s\n' "newcomer: $*"
}

fail() {
    say "$*" >&2
    exit 1
}

is_among() { # word, words
    case " $2 " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# Says where the system comes from: sets mirror, script, keyring, components.
choose() {
    script=$suite
    components=main
    if is_among "$suite" "$DEBIAN"; then
        origin=Debian
        mirror=http://deb.debian.org/debian
        keyring=/usr/share/keyrings/debian-archive-keyring.gpg
        [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=sid
    elif is_among "$suite" "$UBUNTU"; then
        origin=Ubuntu
        mirror=http://archive.ubuntu.com/ubuntu
        keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg
        components=main,universe
        [ -e "/usr/share/debootstrap/scripts/$suite" ] || script=gutsy # as all Ubuntu's are
    else
        say "SUITE='$suite' is not known: allowed are $DEBIAN $UBUNTU" >&2
        exit 2
    fi
    keyring=${KEYRING:-$keyring}
    # The server that this machine uses itself, when it has the same distribution.
    own=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Origin: $origin" \
        'Component: main' 2>/dev/null | grep -v security | sort -u | head -n 1) || own=""
    mirror=${MIRROR:-${own:-$mirror}}
}

need_tools() {
    for tool in debootstrap git curl unshare; do
        command -v "$tool" >/dev/null || fail "$tool is not installed: tools/deps.sh newcomer"
    done
    [ -e "$keyring" ] || fail "no keys to check $suite with at $keyring: install the package" \
        "ubuntu-keyring or debian-archive-keyring, or name the file with KEYRING="
}

# What git clones from: the commit that is checked out here, and nothing that is not committed.
make_bundle() {
    mkdir -p "$work"
    if [ -n "$(git status --porcelain)" ]; then
        say "uncommitted changes are not part of what is tried:"
        git status --short
    fi
    git bundle create -q "$work/$suite.bundle" HEAD
}

seconds() {
    date +%s
}

make_system() {
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase --components="$components" --keyring="$keyring" \
        --include=git,make,ca-certificates "$suite" "$root" "$mirror" "$script" \
        >"$work/$suite-debootstrap.log" 2>&1 || {
        tail -n 20 "$work/$suite-debootstrap.log" >&2
        fail "debootstrap failed"
    }
    # As an installed system has them.
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
    # How this machine reaches its servers, when that needs saying.
    apt-config dump 2>/dev/null | grep -E '^Acquire::(http|https|Check-Valid-Until|Retries)' \
        >"$root/etc/apt/apt.conf.d/99newcomer" || true
    # Nothing that is installed starts a service in here.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    mountpoint -q "$root/sys" || mount -t sysfs -o ro sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
}

inside() {
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${no_proxy:+no_proxy="$no_proxy"} chroot "$root" sh -c "cd /root/ringside && $1"
}

free_port() {
    port=$((20000 + $(date +%N | sed 's/^0*//') % 10000))
    while grep -qi ":$(printf %04X "$port") " /proc/net/tcp /proc/net/tcp6; do
        port=$((port + 1))
    done
}

# `make run` until it has served a request, or has ended, or SERVED_TIMEOUT_S are over.
try_run() {
    free_port
    log=$work/$suite-run.log
    began=$(seconds)
    setsid "$0" "$suite" inside "make run PORT=$port" >"$log" 2>&1 &
    run=$!
    until curl -sf -o "$work/$suite-page" --max-time 5 "http://127.0.0.1:$port/"; do
        if ! kill -0 "$run" 2>/dev/null; then
            tail -n 40 "$log" >&2
            fail "make run ended without serving; all of it is in $log"
        elif [ $(($(seconds) - began)) -gt $SERVED_TIMEOUT_S ]; then
            tail -n 40 "$log" >&2
            fail "waited $SERVED_TIMEOUT_S s for http://127.0.0.1:$port/"
        fi
        sleep 1
    done
    served=$(($(seconds) - began))
    kill -- "-$run"
    wait "$run" 2>/dev/null || true
    grep -q Ringside "$work/$suite-page" || fail "what was served is not our page: $suite-page"
    say "make run served $(wc -c <"$work/$suite-page") bytes after $served s; it said of itself:"
    grep -E 'entropy:|serving:|warning:' "$log" | sed 's/^/    /' || true
}

try_test() {
    log=$work/$suite-test.log
    began=$(seconds)
    inside "make test; echo code \$?" 2>&1 | tee "$log" | sed -u '/^code [0-9]*$/d; s/^/    /'
    tested=$(($(seconds) - began))
    total=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    [ "$(tail -n 1 "$log")" = "code 0" ] || fail "make test failed: ${total:-no total}; see $log"
}

# The figures of HEAD by the compiler of that system, beside those stored of others.
store_figures() {
    inside "tools/deps.sh figures && make figures WRITE=1"
    cp "$root/root/ringside/tests/bench/figures.json" tests/bench/figures.json
}

main() {
    start=$(seconds)
    say "$suite from $mirror, commit $(git -c safe.directory='*' rev-parse --short HEAD)"
    make_system
    made=$(($(seconds) - start))
    cp "$work/$suite.bundle" "$root/root/ringside.bundle"
    chroot "$root" git -c advice.detachedHead=false \
        -c init.defaultBranch=main clone -q /root/ringside.bundle /root/ringside
    say "a minimal system with git and make after $made s"
    if [ "${ONLY:-}" = figures ]; then
        store_figures
        return
    fi
    try_run
    outcome="$suite: system $made s, make run served after $served s"
    if [ "${ONLY:-}" != run ]; then
        try_test
        outcome="$outcome, make test $tested s ($total)"
    fi
    say "$outcome, in all $(($(seconds) - start)) s"
}

if [ "${2:-}" = inside ]; then
    inside "$3"
    exit
fi
choose
case "${2:-}" in
"") ;;
main)
    trap 'exit 130' INT TERM HUP
    main
    exit
    ;;
esac
case "${ONLY:-}" in
"" | run | figures) ;;
*)
    say "ONLY='$ONLY' is not valid: allowed are run, figures" >&2
    exit 2
    ;;
esac
need_tools
sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "debootstrap needs root, and there is no sudo here"
    say "debootstrap needs root: using sudo"
    sudo="sudo --preserve-env=MIRROR,KEYRING,ONLY,http_proxy,https_proxy,no_proxy"
fi
make_bundle
# shellcheck disable=SC2086
exec $sudo unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
    "$0" "$suite" main
