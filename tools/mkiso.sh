#!/bin/sh
# Makes a bootable image of a kernel, with the menu of iso/grub.cfg: one image for BIOS and UEFI,
# to be burnt onto a CD or written onto a USB stick as it is.
#
#     tools/mkiso.sh KERNEL.elf IMAGE.iso ["words added to every entry's command line"]
#     tools/mkiso.sh --tree FOLDER IMAGE.iso [MORE GRUB MODULES]
#
# The second makes it of a folder that has a boot/grub/grub.cfg of its own (tools/bench-boot.py).
#
# GRUB is put together of the modules below alone, once for each firmware: grub-mkrescue takes all
# there are, and its image has 20 MB. Needs grub-mkimage, GRUB's modules, xorriso and mtools
# (Debian: grub-common, grub-pc-bin, grub-efi-amd64-bin, xorriso, mtools). The same input gives the
# same image: every date in it is SOURCE_DATE_EPOCH, in seconds since 1970, or the fixed one below.
set -eu

. "$(dirname "$0")/grub.sh"

MODULES="$MODULES iso9660 search search_fs_file"
BIOS_MODULES="$BIOS_MODULES multiboot"
# FAT12: two tables of 4 sectors name 2700 clusters of a sector; GRUB takes about 1400.
FAT_OTHER_SECTORS=48
FAT_MOST_SECTORS=2700

usage() {
    echo "usage: $0 KERNEL.elf IMAGE.iso [APPEND]" >&2
    echo "       $0 --tree FOLDER IMAGE.iso [MODULES]" >&2
    exit 2
}
case "${1:-}" in
--tree) [ $# -ge 3 ] || usage ;;
*) [ $# -eq 2 ] || [ $# -eq 3 ] || usage ;;
esac

need grub-mkimage xorriso mformat mmd mcopy

: "${SOURCE_DATE_EPOCH:=1577836800}" # 2020-01-01
export SOURCE_DATE_EPOCH TZ=UTC
stamp=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)00

# What GRUB looks for first is the disk it came from, which UEFI does not say of a CD. The file's
# name is made of what the image holds: a second stick with another image is not taken for this one.
name_tree() {
    id=$(cd "$tree" && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c 1-16)
    : >"$tree/boot/$id"
    printf 'search --no-floppy --file --set=root /boot/%s\nset prefix=($root)/boot/grub\n' "$id" \
        >"$work/early.cfg"
}

make_bios() {
    # shellcheck disable=SC2086 # words
    grub-mkimage -O i386-pc-eltorito -d "$GRUB/i386-pc" -p /boot/grub -c "$work/early.cfg" \
        -o "$tree/boot/grub/bios.img" $MODULES $BIOS_MODULES $more
}

# UEFI starts /EFI/BOOT/BOOTX64.EFI of a FAT file system: no larger than that file needs.
make_uefi() {
    efi=$work/BOOTX64.EFI
    fat=$tree/boot/grub/efi.img
    # shellcheck disable=SC2086
    grub-mkimage -O x86_64-efi -d "$GRUB/x86_64-efi" -p /boot/grub -c "$work/early.cfg" \
        -o "$efi" $MODULES $UEFI_MODULES $more
    touch -d "@$SOURCE_DATE_EPOCH" "$efi"
    sectors=$((($(stat -c %s "$efi") + 511) / 512 + FAT_OTHER_SECTORS))
    sectors=$(((sectors + 3) / 4 * 4))
    [ $sectors -le $FAT_MOST_SECTORS ] || fail "GRUB needs $sectors sectors, more than FAT12 has"
    mformat -C -i "$fat" -T $sectors -h 1 -s 4 -c 1 -r 2 -N 0 -v RINGSIDE ::
    mmd -i "$fat" ::/EFI ::/EFI/BOOT
    mcopy -m -i "$fat" "$efi" ::/EFI/BOOT/BOOTX64.EFI
}

# An ISO 9660 image that El Torito boots from a CD in both ways, with a boot sector for BIOS and a
# GUID partition table that names the FAT file system for UEFI, when it is a disk. Some BIOSes take
# no disk without an active partition, and what protects a GUID table may not be it (UEFI 2.10,
# 5.2.3): an empty one is, as on the disks that Ubuntu and Arch Linux hand out.
make_image() {
    xorriso -as mkisofs -V RINGSIDE -r -o "$image" \
        --modification-date="$stamp" --set_all_file_dates "$stamp" \
        -b boot/grub/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table \
        --grub2-boot-info --grub2-mbr "$GRUB/i386-pc/boot_hybrid.img" --protective-msdos-label \
        --mbr-force-bootable \
        --efi-boot boot/grub/efi.img -efi-boot-part --efi-boot-image "$tree" \
        >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
}

more=""
case "$1" in
--tree)
    from=$2
    image=$3
    shift 3
    more="$*"
    ;;
*)
    from=""
    image=$2
    ;;
esac
work=$image.work
tree=$work/tree
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$tree"
if [ -n "$from" ]; then
    cp -R "$from/." "$tree/"
else
    make_tree "$1" "${3:-}"
fi
name_tree
make_bios
make_uefi
make_image
