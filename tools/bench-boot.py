#!/usr/bin/env python3
"""How long a boot takes on this host: `make bench-boot`. Real time, and so the host's word too:
nothing in `make test` asserts any of it (tests/system/test_boot.py holds the kernel's part in
virtual time).

1. From the kernel's entry to the server's listening socket, by the kernel's own clock.
2. From the start of QEMU to the first byte served, with the image below BIOS and below UEFI, whose
   menu does not wait; beside a Linux of one process, with the same loader, the same server and NIC,
   a static address, in turns. Linux: the distribution's kernel, an initramfs of busybox that loads
   the NIC's driver and becomes the server (tools/get-linux.sh)."""
import argparse
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

from images import make_image, make_tree, run_mkiso  # noqa: E402
from machine import BUILD, QemuGuest  # noqa: E402

FOLDER = os.path.join(BUILD, "bench-boot")
NIC = "e1000e"  # QEMU's e1000 receives nothing for a second after it is set up
MEMORY = "512M"  # GRUB needs as much to load Linux below UEFI
TRY_EVERY_S = 0.02
GIVE_UP_S = 120
REQUEST = b"GET /healthz HTTP/1.0\r\n\r\n"
LINUX_MENU = """set timeout=0
menuentry "Linux" {
    linux /boot/vmlinuz quiet
    initrd /boot/initrd.img
}
"""


def listening_ms():
    """ms from the kernel's entry to the line of the listening socket."""
    with tempfile.TemporaryDirectory() as folder:
        with QemuGuest(folder, user=True, append="ip=10.0.2.15/24") as guest:
            line = guest.wait_console(r"\[ *(\d+\.\d+)\] serving: http://.*\n")
            return float(line.group(1)) * 1000


def first_byte(guest):
    """Waits until a request is answered. A connection that came too early waits for what resends
    it: every moment another one is begun, and the first that gets a byte counts."""
    began = time.monotonic()
    with selectors.DefaultSelector() as selector:
        try:
            while time.monotonic() < began + GIVE_UP_S:
                s = socket.create_connection(("127.0.0.1", guest.port), 5)
                s.sendall(REQUEST)
                selector.register(s, selectors.EVENT_READ)
                for key, _ in selector.select(TRY_EVERY_S):
                    try:
                        if key.fileobj.recv(1):
                            return
                    except OSError:
                        pass
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()
    raise TimeoutError(f"waited {GIVE_UP_S} s for a byte; the console:\n{guest.console()}")


def served_s(image, uefi):
    """Seconds from the start of QEMU to the first byte."""
    with tempfile.TemporaryDirectory() as folder:
        guest = QemuGuest(folder, user=True, iso=image, uefi=uefi, nic=NIC, memory=MEMORY)
        began = time.monotonic()
        with guest:
            while True:  # until QEMU listens for us
                try:
                    socket.create_connection(("127.0.0.1", guest.port), 1).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.005)
            first_byte(guest)
            return time.monotonic() - began


def images():
    """{name: path} of an image of ours and one of Linux, whose menus do not wait."""
    linux = os.path.join(FOLDER, "linux")
    os.makedirs(FOLDER, exist_ok=True)
    subprocess.run([os.path.join(ROOT, "tools", "get-linux.sh"), linux,
                    os.path.join(BUILD, "linux", "httpd-static")], check=True)
    tree = os.path.join(FOLDER, "tree")
    make_tree(tree, LINUX_MENU, {f"boot/{name}": os.path.join(linux, name)
                                 for name in ("vmlinuz", "initrd.img")})
    run_mkiso("--tree", tree, os.path.join(FOLDER, "linux.iso"), "linux")
    return {"Ringside": make_image(os.path.join(FOLDER, "ringside.iso"), "ip=10.0.2.15/24"),
            "Linux": os.path.join(FOLDER, "linux.iso")}


def summary(times):
    return (f"median {statistics.median(times):.2f}, fastest {min(times):.2f}, slowest "
            f"{max(times):.2f} of {len(times)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boots", type=int, default=5, help="of each (5)")
    boots = parser.parse_args().boots
    if boots < 1:
        parser.error(f"--boots {boots}: at least 1 is allowed")
    print("listening after ms of the kernel:", summary([listening_ms() for _ in range(boots)]))
    paths = images()
    for name, path in paths.items():
        print(f"{name}: image of {os.path.getsize(path) / 1e6:.1f} MB")
    times = {(name, uefi): [] for uefi in (False, True) for name in paths}
    for _ in range(boots):
        for (name, uefi), of in times.items():
            of.append(served_s(paths[name], uefi))
    for (name, uefi), of in times.items():
        print(f"first byte after s: {name:8} {'UEFI' if uefi else 'BIOS'} image: {summary(of)}")


if __name__ == "__main__":
    main()
