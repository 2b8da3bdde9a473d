#!/bin/sh
# Puts llhttp's C sources where the build looks for them: DIR/include/llhttp.h and
# DIR/src/{llhttp,api,http}.c, DIR being build/llhttp by default. They come out of the
# distribution's node-llhttp package, downloaded and unpacked, not installed: installing it pulls in
# Node. Does nothing when they are there. With LLHTTP_DIR= nothing is downloaded: they must be
# there.
set -eu

say() {
    printf '%s\n' "get-llhttp: $*" >&2
}

is_complete() {
    for file in include/llhttp.h src/llhttp.c src/api.c src/http.c; do
        [ -s "$1/$file" ] || return 1
    done
}

cd "$(dirname "$0")/.."

if [ -n "${LLHTTP_DIR:-}" ]; then
    if is_complete "$LLHTTP_DIR"; then
        exit 0
    fi
    say "LLHTTP_DIR=$LLHTTP_DIR lacks one of include/llhttp.h, src/llhttp.c, src/api.c, src/http.c"
    exit 1
fi

dir=${DIR:-build/llhttp}
if is_complete "$dir"; then
    exit 0
fi

for tool in apt-get dpkg-deb; do
    if ! command -v "$tool" > /dev/null; then
        say "$tool is not here, so this is no Debian or Ubuntu. Put llhttp's release sources"
        say "(include/llhttp.h, src/*.c) into a folder and name it with LLHTTP_DIR="
        exit 1
    fi
done

scratch=$dir.scratch
rm -rf "$scratch"
mkdir -p "$scratch/tree"
trap 'rm -rf "$scratch"' EXIT

# apt drops its rights for a download if its own user can write here, and only warns if not.
if ! (cd "$scratch" && apt-get download -q node-llhttp) > "$scratch/log" 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        say "the package lists may be old or missing: apt-get update"
        apt-get update -q >> "$scratch/log" 2>&1 || true
    fi
    if ! (cd "$scratch" && apt-get download -q node-llhttp) >> "$scratch/log" 2>&1; then
        cat "$scratch/log" >&2
        say "apt-get download node-llhttp failed. Is there a network, and a fresh apt-get update?"
        say "On Ubuntu the package is in the component 'universe'."
        exit 1
    fi
fi

deb=$(find "$scratch" -maxdepth 1 -name 'node-llhttp_*.deb' | head -n 1)
dpkg-deb -x "$deb" "$scratch/tree"

# Where the package keeps them has changed before: they are found by name.
new=$scratch/new
mkdir -p "$new/include" "$new/src"
for file in llhttp.h llhttp.c api.c http.c; do
    found=$(find "$scratch/tree" -type f -path '*llhttp*' -name "$file" | head -n 1)
    if [ -z "$found" ]; then
        say "$(basename "$deb") holds no $file"
        exit 1
    fi
    case $file in
    *.h) cp "$found" "$new/include/" ;;
    *.c) cp "$found" "$new/src/" ;;
    esac
done

rm -rf "$dir"
mv "$new" "$dir"
say "$(basename "$deb") unpacked into $dir"
