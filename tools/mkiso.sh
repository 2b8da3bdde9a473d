#!/bin/sh
# Makes a bootable CD image (BIOS, GRUB) of a kernel, with the menu of iso/grub.cfg.
#
#     tools/mkiso.sh KERNEL.elf IMAGE.iso ["words added to every entry's command line"]
#
# Needs grub-mkrescue, xorriso and GRUB's i386-pc modules (Debian: grub-common, xorriso,
# grub-pc-bin). The same kernel and words give the same image: every date in it is
# SOURCE_DATE_EPOCH, in seconds since 1970, or the fixed one below.
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: $0 KERNEL.elf IMAGE.iso [APPEND]" >&2
    exit 2
fi
kernel=$1
image=$2
append=${3:-}
top=$(dirname "$0")/..

: "${SOURCE_DATE_EPOCH:=1577836800}" # 2020-01-01
export SOURCE_DATE_EPOCH
stamp=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)00

# A name that does not change: xorriso and GRUB's core image must not learn of a random one.
tree=$image.tree
rm -rf "$tree"
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/boot/grub"
cp "$kernel" "$tree/boot/ringside.elf"
cp "$top/iso/grub.cfg" "$tree/boot/grub/grub.cfg"
if [ -n "$append" ]; then
    # Within single quotes GRUB takes everything as it is but the quote itself.
    quoted=$(printf '%s' "$append" | sed "s/'/'\\\\''/g")
    printf "set append='%s'\n" "$quoted" >"$tree/boot/append.cfg"
fi

grub-mkrescue --directory=/usr/lib/grub/i386-pc --fonts= --locales= --themes= --compress=no \
    --install-modules="normal multiboot multiboot2 serial terminal test configfile" \
    -o "$image" "$tree" \
    -- -volume_date all_file_dates "$stamp" -volume_date uuid "$stamp" >"$image.log" 2>&1 || {
    cat "$image.log" >&2
    exit 1
}
rm -f "$image.log"
