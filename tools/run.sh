#!/bin/sh
# Boots the kernel in QEMU with user networking: the guest's port 80 is http://localhost:$PORT here.
# Called by `make run` and `make gdb`; the environment says what: KERNEL, ISO, BOOT (kernel, iso
# below BIOS, uefi: the same image below OVMF), NIC, MACHINE, PORT, MEM, APPEND, GDB (an ELF file
# with symbols: stop and attach), QEMU, QEMU_EXTRA, OVMF (its folder). `run.sh check` looks at these
# values and does nothing else.
set -eu

QEMU=${QEMU:-qemu-system-x86_64}
BOOT=${BOOT:-kernel}
PORT=${PORT:-8080}
MEM=${MEM:-64M}
NIC=${NIC:-e1000}
MACHINE=${MACHINE:-pc}
OVMF=${OVMF:-/usr/share/OVMF}

refuse() { # variable, value, what is allowed
    echo "run.sh: $1='$2' is not valid: allowed $3" >&2
    exit 2
}

is_from_to() { # number, least, most
    case "$1" in
    '' | *[!0-9]* | ??????*) return 1 ;;
    esac
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

case "$NIC" in
e1000 | e1000-82540em | e1000-82545em | e1000-82544gc | e1000e | igb) ;;
*) refuse NIC "$NIC" \
    "are e1000 (an 82540EM), e1000-82545em, e1000-82544gc, e1000e (an 82574L), igb (an 82576)" ;;
esac
case "$BOOT" in
kernel | iso | uefi) ;;
*) refuse BOOT "$BOOT" "are kernel, iso (below BIOS) and uefi" ;;
esac
case "$MACHINE" in
pc | q35) ;;
*) refuse MACHINE "$MACHINE" "are pc and q35" ;;
esac
is_from_to "$PORT" 1 65535 || refuse PORT "$PORT" "is a number from 1 to 65535"
case "$MEM" in
*M) is_from_to "${MEM%M}" 16 99999 ;;
*G) is_from_to "${MEM%G}" 1 99999 ;;
*) false ;;
esac || refuse MEM "$MEM" "is a number of megabytes or gigabytes, 16M at least, as 64M or 2G"
[ "${1:-}" != check ] || exit 0

top=$(dirname "$0")/..
if [ "$NIC" = igb ]; then # since QEMU 8
    QEMU=$(QEMU="$QEMU" "$top/tools/get-qemu.sh") || exit 1
fi

# TCG always: the machine is small, and an emulator behaves the same everywhere. -cpu max: the
# default processor has no generator of random numbers, and keys would be guessable. RAM from a
# memfd: QEMU's own asks the host for huge pages, and some hosts take 30 ms to clear one.
set -- -accel tcg -cpu max -m "$MEM" -object "memory-backend-memfd,id=ram,size=$MEM" \
    -machine "$MACHINE,memory-backend=ram" -display none -no-reboot \
    -netdev "user,id=net0,hostfwd=tcp:127.0.0.1:$PORT-:80" \
    -device "$NIC,netdev=net0,romfile="
case "$BOOT" in
kernel) set -- "$@" -kernel "$KERNEL" -append "${APPEND:-}" ;;
iso) set -- "$@" -cdrom "$ISO" -boot d ;;
uefi)
    if [ ! -e "$OVMF/OVMF_CODE_4M.fd" ]; then
        echo "run.sh: no OVMF_CODE_4M.fd in $OVMF: install the package ovmf (make deps)," \
            "or name the folder with OVMF=" >&2
        exit 1
    fi
    # It writes into its variables what it booted: a copy, of each port's guest its own.
    variables=$(dirname "$ISO")/ovmf-vars-$PORT.fd
    cp "$OVMF/OVMF_VARS_4M.fd" "$variables"
    chmod u+w "$variables"
    set -- "$@" -cdrom "$ISO" \
        -drive "if=pflash,unit=0,format=raw,readonly=on,file=$OVMF/OVMF_CODE_4M.fd" \
        -drive "if=pflash,unit=1,format=raw,file=$variables"
    ;;
esac

if [ -n "${GDB:-}" ]; then
    log=$(dirname "$KERNEL")/gdb-console.log
    "$QEMU" "$@" -serial "file:$log" -S -gdb tcp:127.0.0.1:1234 ${QEMU_EXTRA:-} &
    qemu=$!
    trap 'kill $qemu 2>/dev/null' EXIT
    echo "The console goes to $log; type 'continue' to boot."
    gdb -q -ex 'target remote 127.0.0.1:1234' "$GDB"
    exit
fi
echo "Booting in QEMU. http://localhost:$PORT/ is the guest's port 80. End with Ctrl-C."
exec "$QEMU" "$@" -serial stdio ${QEMU_EXTRA:-}
