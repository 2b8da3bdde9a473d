#!/bin/sh
# Makes a folder for a boot over the network: what a TFTP server hands out (docs/network-boot.md).
#
#     tools/mknetboot.sh KERNEL.elf FOLDER ["words added to every entry's command line"]
#
#     FOLDER/boot.ipxe      a script for iPXE below BIOS, which loads the kernel by itself
#     FOLDER/grub.0         GRUB for a BIOS whose PXE is not iPXE
#     FOLDER/grubx64.efi    GRUB for UEFI
#     FOLDER/boot/          the kernel, GRUB's menu (iso/grub.cfg) and the words for it
#
# FOLDER must not be there, or be one that this made: what is in it is replaced.
set -eu
. "$(dirname "$0")/grub.sh"

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "usage: $0 KERNEL.elf FOLDER [APPEND]" >&2
    exit 2
fi
kernel=$1
tree=$2
append=${3:-}
need grub-mkimage
[ -e "$kernel" ] || fail "$kernel: no such file"
if [ -e "$tree" ] && [ ! -e "$tree/boot.ipxe" ]; then
    fail "$tree is there, and nothing that this made"
fi
rm -rf "$tree"
make_tree "$kernel" "$append"

# What a name has no server in is on the one that the script came from.
printf '#!ipxe\nkernel boot/ringside.elf ip=boot %s\nboot\n' "$append" >"$tree/boot.ipxe"

# GRUB takes the server's address from the firmware.
# shellcheck disable=SC2086 # words
grub-mkimage -O i386-pc-pxe -d "$GRUB/i386-pc" -p /boot/grub -o "$tree/grub.0" \
    $MODULES $BIOS_MODULES pxe tftp
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -d "$GRUB/x86_64-efi" -p /boot/grub -o "$tree/grubx64.efi" \
    $MODULES $UEFI_MODULES efinet tftp
chmod -R a+rX "$tree" # for a server with few rights
