#!/bin/sh
# Puts llhttp where the build looks for it: DIR/include/llhttp.h, and either its C sources,
# DIR/src/{llhttp,api,http}.c, or a static library, DIR/lib/libllhttp.a; DIR is build/llhttp by
# default. Does nothing when it is there. With LLHTTP_DIR= nothing is downloaded: it must be there.
#
# It comes out of the distribution's packages, downloaded and unpacked, not installed: nothing is
# left on the system, no rights are needed, and one of them would pull in Node. Sources are
# preferred, being compiled as everything else is:
#   node-llhttp       sources   Debian 12, Ubuntu 24.04
#   libllhttp-source  sources   Ubuntu 26.04, Debian after 13
#   libllhttp-dev     library   Debian 13
# Ubuntu 22.04 has none of them: there the package of 24.04 is taken, checked with the same keys.
set -eu

has_all() { # folder, files
    folder=$1
    shift
    for file; do
        [ -s "$folder/$file" ] || return 1
    done
}

is_complete() {
    has_all "$1" include/llhttp.h src/llhttp.c src/api.c src/http.c ||
        has_all "$1" include/llhttp.h lib/libllhttp.a
}

cd "$(dirname "$0")/.."
name=get-llhttp
. tools/packages.sh

if [ -n "${LLHTTP_DIR:-}" ]; then
    if is_complete "$LLHTTP_DIR"; then
        exit 0
    fi
    say "LLHTTP_DIR=$LLHTTP_DIR: there must be include/llhttp.h and either src/llhttp.c, src/api.c"
    say "and src/http.c, or lib/libllhttp.a"
    exit 1
fi

dir=${DIR:-build/llhttp}
if is_complete "$dir"; then
    exit 0
fi

if ! has_apt; then
    say "there is no apt-get and dpkg-deb, so this is no Debian or Ubuntu. Put llhttp's release"
    say "sources (include/llhttp.h, src/*.c) into a folder and name it with LLHTTP_DIR="
    exit 1
fi

mkdir -p "$(dirname "$dir")"
scratch=$(cd "$(dirname "$dir")" && pwd)/llhttp.scratch
begin_scratch

# Where a package keeps its files has changed before: they are found by name.
take() { # into folder $1, files
    into=$scratch/new/$1
    shift
    for file; do
        found=$(find "$scratch/tree" -type f -name "$file" | head -n 1)
        [ -n "$found" ] || return 1
        mkdir -p "$into"
        cp "$found" "$into/"
    done
}

get_sources() {
    unpack "$1" && take include llhttp.h && take src llhttp.c api.c http.c
}

get_any() {
    get_sources node-llhttp || get_sources libllhttp-source ||
        { unpack libllhttp-dev && take include llhttp.h && take lib libllhttp.a; }
}

use_noble() {
    [ "$(. /etc/os-release && echo "${UBUNTU_CODENAME:-}")" = jammy ] || return 1
    # Asked of the server that the system has jammy from.
    # shellcheck disable=SC2016
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Suite: jammy' |
        grep ubuntu | sort -u | head -n 1)
    echo "deb ${uri:-http://archive.ubuntu.com/ubuntu} noble universe" > "$scratch/noble.list"
    use_own_lists -o "Dir::Etc::SourceList=$scratch/noble.list" -o Dir::Etc::SourceParts=/dev/null
}

if ! get_any && ! { use_own_lists && get_any; } && ! { use_noble && get_any; }; then
    cat "$scratch/log" >&2
    say "none of the packages node-llhttp, libllhttp-source and libllhttp-dev could be downloaded."
    say "Is there a network? On Ubuntu they are in the component 'universe'. Or put llhttp's"
    say "release sources (include/llhttp.h, src/*.c) into a folder and name it with LLHTTP_DIR="
    exit 1
fi
rm -rf "$dir"
mv "$scratch/new" "$dir"
say "$(basename "$deb") unpacked into $dir"
