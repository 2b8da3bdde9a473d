# Taking files out of the distribution's packages, which are downloaded and unpacked, not installed:
# nothing is left on the system and no rights are needed. To be sourced, by scripts that have set
# scratch to a folder of their own below build/, and name to what they are called.

say() {
    printf '%s\n' "$name: $*" >&2
}

own_apt="" # options that give apt package lists of its own

# True when there is an apt to ask.
has_apt() {
    command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null
}

begin_scratch() {
    rm -rf "$scratch"
    mkdir -p "$scratch/cache/archives/partial" "$scratch/new"
    trap 'rm -rf "$scratch"' EXIT
}

# Downloads a package and unpacks it into $scratch/tree; deb is its file. apt drops its rights for a
# download if its own user can write here, and only warns if not.
unpack() {
    rm -rf "$scratch/tree"
    # shellcheck disable=SC2086 # options
    (cd "$scratch" && apt-get $own_apt download -q "$1") >> "$scratch/log" 2>&1 || return 1
    deb=$(find "$scratch" -maxdepth 1 -name "$1_*.deb" | head -n 1)
    mkdir "$scratch/tree"
    dpkg-deb -x "$deb" "$scratch/tree"
}

# The system's package lists may be missing or old, or name what a later update has replaced: the
# next try has lists of its own, from the same servers.
use_own_lists() {
    rm -rf "$scratch/lists"
    mkdir -p "$scratch/lists/partial"
    own_apt="-o Dir::State::Lists=$scratch/lists -o Dir::Cache=$scratch/cache $*"
    # shellcheck disable=SC2086
    apt-get $own_apt update -q >> "$scratch/log" 2>&1
}
