#!/bin/sh
# Makes FILE.c of a console font (tools/font.py): the one that FONT= names, a .psf or .psf.gz file;
# else Terminus of 8x16 pixels, from the system if it has console fonts, or out of the package
# console-setup-linux, downloaded and unpacked, not installed: it would bring a keyboard's set-up
# along. The font that was taken is kept beside FILE.c, as FILE.psf.gz.
#
#     tools/get-font.sh FILE.c
set -eu

out=$1
name=get-font
scratch=$(dirname "$out")/font.scratch
kept=${out%.c}.psf.gz
own=Lat15-Terminus16.psf.gz
package=console-setup-linux
cd "$(dirname "$0")/.."
. tools/packages.sh

get_from_package() {
    unpack "$package" || { use_own_lists && unpack "$package"; } || return 1
    found=$(find "$scratch/tree" -type f -name "$own" | head -n 1)
}

if [ -n "${FONT:-}" ]; then
    found=$FONT
elif [ -s "/usr/share/consolefonts/$own" ]; then
    found=/usr/share/consolefonts/$own
elif ! has_apt; then
    found=""
else
    mkdir -p "$(dirname "$scratch")"
    scratch=$(cd "$(dirname "$scratch")" && pwd)/font.scratch
    begin_scratch
    found=""
    get_from_package || cat "$scratch/log" >&2
fi
if [ -z "$found" ]; then
    say "there is no /usr/share/consolefonts/$own, and the package $package could not be"
    say "downloaded. Is there a network? Or name a console font (.psf or .psf.gz) with FONT="
    exit 1
fi
${PYTHON:-python3} tools/font.py "$found" > "$out.new"
cp "$found" "$kept"
mv "$out.new" "$out"
