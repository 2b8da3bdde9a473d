#!/bin/sh
# Boots the kernel in QEMU with user networking: the guest's port 80 is http://localhost:$PORT here.
# Called by `make run` and `make gdb`; the environment says what: KERNEL, ISO, BOOT (kernel or iso),
# NIC, PORT, MEM, APPEND, GDB (an ELF file with symbols: stop and attach), QEMU, QEMU_EXTRA.
set -eu

QEMU=${QEMU:-qemu-system-x86_64}
BOOT=${BOOT:-kernel}
PORT=${PORT:-8080}

case "$NIC" in
e1000 | e1000-82540em | e1000-82545em | e1000-82544gc) ;;
*)
    echo "run.sh: NIC '$NIC' is not supported: allowed are e1000, e1000-82545em, e1000-82544gc" >&2
    exit 2
    ;;
esac
case "$PORT" in
'' | *[!0-9]*)
    echo "run.sh: PORT '$PORT' is not a number: allowed are 1 to 65535" >&2
    exit 2
    ;;
esac

# TCG always: the machine is small, and an emulator behaves the same everywhere. RAM from a memfd:
# QEMU's own asks the host for huge pages, and some hosts take 30 ms to clear one.
set -- -accel tcg -m "${MEM:-64M}" -object "memory-backend-memfd,id=ram,size=${MEM:-64M}" \
    -machine pc,memory-backend=ram -display none -no-reboot \
    -netdev "user,id=net0,hostfwd=tcp:127.0.0.1:$PORT-:80" \
    -device "$NIC,netdev=net0,romfile="
case "$BOOT" in
kernel) set -- "$@" -kernel "$KERNEL" -append "${APPEND:-}" ;;
iso) set -- "$@" -cdrom "$ISO" -boot d ;;
*)
    echo "run.sh: BOOT '$BOOT' is not known: allowed are kernel and iso" >&2
    exit 2
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
