#!/bin/sh
# Makes a Linux of one process to compare with (tools/bench-boot.py, tools/bench): the
# distribution's kernel and an initramfs of busybox, the NIC's driver and a server, which start
# nothing else.
#
#     tools/get-linux.sh FOLDER SERVER [nginx]     FOLDER/vmlinuz, FOLDER/initrd.img
#
# SERVER: a static program that serves at port 80 when called with --port 80. With nginx, that is
# there as well. Kernel, busybox and nginx come out of Debian's packages, downloaded and unpacked,
# not installed; once, they are kept.
#
# Words of the kernel's command line reach the init as variables: rs_driver (e1000, e1000e; default
# e1000e), rs_address (of a /24; default 10.0.2.15), rs_server (httpd, nginx; default httpd),
# rs_options (more for httpd, with commas for blanks), rs_tuned (any: queues for many connections).
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ] || [ "${3:-nginx}" != nginx ]; then
    echo "usage: $0 FOLDER SERVER [nginx]" >&2
    exit 2
fi
name=get-linux
cd "$(dirname "$0")/.."
. tools/packages.sh

folder=$1
server=$2
nginx=${3:-}
drivers="e1000 e1000e"
mkdir -p "$folder"
scratch=$(cd "$folder" && pwd)/scratch

kernel_package() {
    # shellcheck disable=SC2086
    apt-cache $own_apt depends linux-image-amd64 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*amd64\)$/\1/p' | head -n 1
}

# A module and, before it, those it needs, into the order of a driver. Their names are in the files;
# no list of them is.
take_module() { # module, driver
    file=$(find "$scratch/tree" -name "$1.ko*" | head -n 1)
    [ -n "$file" ] || return 0 # part of the kernel
    cp "$file" "$folder/modules/"
    case "$file" in
    *.xz) xz -d "$folder/modules/$1.ko.xz" ;;
    esac
    for needed in $(tr '\0' '\n' <"$folder/modules/$1.ko" | grep -a '^depends=' | cut -d= -f2 |
        tr , ' '); do
        take_module "$needed" "$2"
    done
    echo "$1" >>"$folder/modules/order.$2"
}

get_kernel() {
    package=$(kernel_package)
    [ -n "$package" ] && unpack "$package" || return 1
    rm -rf "$folder/modules"
    mkdir "$folder/modules"
    for driver in $drivers; do
        take_module "$driver" "$driver"
    done
    cp "$scratch"/tree/boot/vmlinuz-* "$folder/vmlinuz"
}

get_busybox() {
    unpack busybox-static || return 1
    cp "$(find "$scratch/tree" -path "*/bin/busybox" -type f | head -n 1)" "$folder/busybox"
}

get_system() {
    get_busybox && get_kernel
}

# The program and the libraries that its package depends on, with the loader, as they lie there.
get_nginx() {
    rm -rf "$folder/nginx"
    mkdir -p "$folder/nginx/lib64" "$folder/nginx/lib"
    # shellcheck disable=SC2086
    for package in nginx $(apt-cache $own_apt depends nginx 2>/dev/null |
        sed -n 's/^ *Depends: \(lib[^ ]*\|zlib[^ ]*\)$/\1/p'); do
        unpack "$package" || return 1
        find "$scratch/tree" -path '*/x86_64-linux-gnu/*.so*' \
            ! -path '*/x86_64-linux-gnu/*/*' -exec cp -L {} "$folder/nginx/lib/" \;
        cp "$scratch/tree/usr/sbin/nginx" "$folder/nginx/" 2>/dev/null || true
    done
    mv "$folder"/nginx/lib/ld-linux-x86-64.so.2 "$folder/nginx/lib64/"
}

# What a function gets, which has left file when it was whole.
get_once() { # file, function, what it downloads
    [ ! -s "$folder/$1" ] || return 0
    has_apt || {
        say "there is no apt here: a Linux to compare with is taken from Debian's packages"
        exit 1
    }
    begin_scratch
    $2 || { use_own_lists && $2; } || {
        cat "$scratch/log" >&2
        say "$3 could not be downloaded. Is there a network?"
        exit 1
    }
}

# An older tree may have the modules of one driver only.
[ -e "$folder/modules/order.e1000" ] || rm -f "$folder/vmlinuz"
get_once vmlinuz get_system "linux-image-amd64 and busybox-static"
[ -z "$nginx" ] || get_once nginx/lib64/ld-linux-x86-64.so.2 get_nginx "nginx and its libraries"

root=$folder/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/modules"
cp "$folder/busybox" "$root/bin/busybox"
cp "$server" "$root/server"
cp "$folder"/modules/* "$root/modules/"
if [ -n "$nginx" ]; then
    mkdir -p "$root/etc" "$root/tmp" "$root/var/log/nginx" "$root/var/lib/nginx" \
        "$root/www/bytes" "$root/lib/x86_64-linux-gnu"
    cp "$folder/nginx/nginx" "$root/"
    cp -r "$folder/nginx/lib64" "$root/"
    cp "$folder"/nginx/lib/* "$root/lib/x86_64-linux-gnu/"
    echo "root:x:0:0::/:/bin/sh" >"$root/etc/passwd"
    echo "root:x:0:" >"$root/etc/group"
    cp tools/bench/nginx.conf "$root/etc/nginx.conf"
fi
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
while read -r module; do
    /bin/busybox insmod "/modules/$module.ko"
done <"/modules/order.${rs_driver:-e1000e}"
/bin/busybox ip link set lo up
/bin/busybox ip addr add "${rs_address:-10.0.2.15}/24" dev eth0
/bin/busybox ip link set eth0 up
/bin/busybox ip route add default via 10.0.2.2 2>/dev/null
if [ -n "${rs_tuned:-}" ]; then
    /bin/busybox mount -t proc proc /proc
    cd /proc/sys || exit
    echo 65535 >net/core/somaxconn
    echo 65535 >net/ipv4/tcp_max_syn_backlog
    echo 65535 >net/core/netdev_max_backlog
    echo 600 >net/core/netdev_budget
    echo 16000 >net/core/netdev_budget_usecs
    echo 262144 >net/ipv4/tcp_max_tw_buckets
    echo 1048576 >fs/nr_open
    echo 1048576 >fs/file-max
    ulimit -n 1048576
    cd / || exit
fi
if [ "${rs_server:-httpd}" = nginx ]; then
    /bin/busybox mount -t devtmpfs dev /dev
    for bytes in 1024 65536 1048576 134217728; do
        piece=$((bytes < 1048576 ? bytes : 1048576))
        /bin/busybox dd if=/dev/zero of=/www/bytes/$bytes bs=$piece count=$((bytes / piece)) \
            2>/dev/null
    done
    exec /nginx -c /etc/nginx.conf
fi
# shellcheck disable=SC2046,SC2086 # words
exec /server --port 80 $(IFS=,; echo ${rs_options:-})
INIT
chmod 755 "$root/init" "$root/server" "$root/bin/busybox"
(cd "$root" && find . | LC_ALL=C sort | bin/busybox cpio -o -H newc 2>/dev/null | gzip -9n) \
    >"$folder/initrd.img"
