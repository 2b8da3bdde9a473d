#!/bin/sh
# Makes a Linux of one process to compare with (tools/bench-boot.py): the distribution's kernel and
# an initramfs of busybox, the NIC's driver and a server, which start nothing else.
#
#     tools/get-linux.sh FOLDER SERVER      FOLDER/vmlinuz, FOLDER/initrd.img
#
# SERVER: a static program that serves at port 80 when called with --port 80. Kernel and busybox
# come out of Debian's packages, downloaded and unpacked, not installed; once, they are kept.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: $0 FOLDER SERVER" >&2
    exit 2
fi
name=get-linux
cd "$(dirname "$0")/.."
. tools/packages.sh

folder=$1
server=$2
driver=e1000e
mkdir -p "$folder"
scratch=$(cd "$folder" && pwd)/scratch

kernel_package() {
    # shellcheck disable=SC2086
    apt-cache $own_apt depends linux-image-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*amd64\)$/\1/p' | head -n 1
}

# A module and, before it, those it needs. Their names are in the files; no list of them is.
take_module() {
    file=$(find "$scratch/tree" -name "$1.ko*" | head -n 1)
    [ -n "$file" ] || return 0 # part of the kernel
    cp "$file" "$folder/modules/"
    case "$file" in
    *.xz) xz -d "$folder/modules/$1.ko.xz" ;;
    esac
    for needed in $(tr '\0' '\n' <"$folder/modules/$1.ko" | grep -a '^depends=' | cut -d= -f2 |
        tr , ' '); do
        take_module "$needed"
    done
    echo "$1" >>"$folder/modules/order"
}

get_kernel() {
    package=$(kernel_package)
    [ -n "$package" ] && unpack "$package" || return 1
    rm -rf "$folder/modules"
    mkdir "$folder/modules"
    take_module $driver
    cp "$scratch"/tree/boot/vmlinuz-* "$folder/vmlinuz"
}

get_busybox() {
    unpack busybox-static || return 1
    cp "$(find "$scratch/tree" -path "*/bin/busybox" -type f | head -n 1)" "$folder/busybox"
}

get_all() {
    get_busybox && get_kernel
}

if [ ! -s "$folder/vmlinuz" ]; then
    has_apt || {
        say "there is no apt here: a Linux to compare with is taken from Debian's packages"
        exit 1
    }
    begin_scratch
    get_all || { use_own_lists && get_all; } || {
        cat "$scratch/log" >&2
        say "linux-image-amd64 and busybox-static could not be downloaded. Is there a network?"
        exit 1
    }
fi

root=$folder/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/dev" "$root/proc"
cp "$folder/busybox" "$root/bin/busybox"
cp "$server" "$root/server"
cp "$folder"/modules/*.ko "$root/"
{
    echo "#!/bin/busybox sh"
    while read -r module; do
        echo "/bin/busybox insmod /$module.ko"
    done <"$folder/modules/order"
    cat <<'INIT'
/bin/busybox ip link set lo up
/bin/busybox ip addr add 10.0.2.15/24 dev eth0
/bin/busybox ip link set eth0 up
/bin/busybox ip route add default via 10.0.2.2
exec /server --port 80
INIT
} >"$root/init"
chmod 755 "$root/init" "$root/server" "$root/bin/busybox"
(cd "$root" && find . | LC_ALL=C sort | bin/busybox cpio -o -H newc 2>/dev/null | gzip -9n) \
    >"$folder/initrd.img"
