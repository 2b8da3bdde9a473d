# What tools/mkiso.sh and tools/mknetboot.sh have in common; read by them with `.`: the modules that
# GRUB is put together of, and the folder of what it loads. They set $tree, its name.
# shellcheck shell=sh disable=SC2034,SC2154

GRUB=${GRUB:-/usr/lib/grub}
MODULES="normal configfile test serial terminal echo reboot halt multiboot2"
BIOS_MODULES="biosdisk vbe"
UEFI_MODULES="efi_gop efi_uga"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

need() { # programs
    for tool; do
        command -v "$tool" >/dev/null || fail "$tool is not installed: make deps"
    done
    for part in i386-pc/boot_hybrid.img x86_64-efi/kernel.img; do
        [ -e "$GRUB/$part" ] || fail "no $GRUB/$part: make deps (grub-pc-bin, grub-efi-amd64-bin)"
    done
}

# The kernel, the menu, and the words that the menu adds to every command line.
make_tree() { # kernel, append
    mkdir -p "$tree/boot/grub"
    cp "$1" "$tree/boot/ringside.elf"
    cp "$(dirname "$0")/../iso/grub.cfg" "$tree/boot/grub/grub.cfg"
    if [ -n "$2" ]; then
        # Within single quotes GRUB takes everything as it is but the quote itself.
        quoted=$(printf '%s' "$2" | sed "s/'/'\\\\''/g")
        printf "set append='%s'\n" "$quoted" >"$tree/boot/append.cfg"
    fi
}
