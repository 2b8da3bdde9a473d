"""Boot over the network: a blank machine gets everything from the dnsmasq of docs/network-boot.md,
and serves."""
import os
import re
import subprocess

import pytest

from images import without_menu
from machine import BUILD, ROOT, QemuGuest, TapLink, wait_for

pytestmark = pytest.mark.machine

DOCUMENTED, OURS = "192.0.2.", "198.18.5."  # the other tests have links in the first
SERVER_IP = OURS + "1"
LINK = "rsboot"
SERVER_STARTS_S = 30


def documented_configuration(folder):
    """What the document says, for our link and folder."""
    with open(os.path.join(ROOT, "docs", "network-boot.md"), encoding="utf-8") as f:
        [text] = re.findall(r"^```\n(.*?)^```$", f.read(), re.M | re.S)
    assert "interface=eth1\n" in text and "tftp-root=/srv/tftp\n" in text and DOCUMENTED in text
    return (text.replace("eth1", LINK).replace("/srv/tftp", folder)
            .replace(DOCUMENTED, OURS))


class Dnsmasq:
    """A DHCP and TFTP server on the link. It keeps the rights it has: in a namespace there is no
    other user to become."""

    def __init__(self, folder, files):
        self.log_path = os.path.join(folder, "dnsmasq.log")
        self.conf = os.path.join(folder, "dnsmasq.conf")
        self.leases = os.path.join(folder, "leases")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(documented_configuration(files))

    def __enter__(self):
        self.log_file = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", f"--conf-file={self.conf}", "--user=",
             "--group=", f"--dhcp-leasefile={self.leases}", "--log-facility=-", "--pid-file="],
            stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=subprocess.STDOUT)
        try:
            wait_for("dnsmasq to say that it serves TFTP", self.serves, SERVER_STARTS_S)
        except TimeoutError as e:
            raise TimeoutError(f"{e}; it says:\n{self.log()}") from None
        return self

    def serves(self):
        assert self.process.poll() is None, f"dnsmasq ended:\n{self.log()}"
        return "TFTP root" in self.log()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.log_file.close()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """`make netboot`'s folder, with a menu that waits for nobody."""
    folder = str(tmp_path_factory.mktemp("netboot") / "files")
    subprocess.run([os.path.join(ROOT, "tools", "mknetboot.sh"),
                    os.path.join(BUILD, "httpd.elf"), folder], check=True)
    with open(os.path.join(folder, "boot", "grub", "grub.cfg"), "w", encoding="utf-8") as f:
        f.write(without_menu())
    return folder


def boot(folder, files, uefi, nic="e1000", extra=()):
    """A blank guest until it serves; (its console, dnsmasq's log)."""
    with TapLink(LINK, SERVER_IP), Dnsmasq(str(folder), files) as dnsmasq:
        with QemuGuest(folder, tap=LINK, netboot=True, uefi=uefi, memory="256M", nic=nic,
                       extra=extra) as guest:
            try:
                guest.address = guest.wait_console(r"net: address (198\.18\.5\.\d+)/24, gateway "
                                                   r"198\.18\.5\.1 \(DHCP\)").group(1)
            except TimeoutError as e:
                raise TimeoutError(f"{e}\ndnsmasq says:\n{dnsmasq.log()}") from None
            guest.wait_http()
            status, body = guest.get("/bytes/100000")
            assert status == 200 and len(body) == 100000
            return guest.console(), dnsmasq.log()


def asked_after_kernel(log):
    """What the guest said to the DHCP server once it had the kernel: DISCOVER, REQUEST."""
    return re.findall(r"DHCP(DISCOVER|REQUEST)\(", log.split("ringside.elf to ")[-1])


def test_bios_by_ipxe(tmp_path, files):
    """iPXE has nowhere to leave the lease: it is said, and DHCP asked anew."""
    console, log = boot(tmp_path, files, uefi=False)
    assert re.search(r'boot: multiboot 1 by "iPXE', console), console
    assert re.search(r"ip=boot: .*asking by DHCP", console), console
    assert asked_after_kernel(log)[0] == "DISCOVER", log


def test_uefi_by_grub(tmp_path, files):
    """The lease of the firmware's DHCP is taken over: the server is asked to confirm it only. By
    the NIC that it was given to, though another with a link stands in front of it on the bus."""
    other = ("-netdev", "user,id=n1", "-device", "e1000-82545em,netdev=n1,addr=4,romfile=")
    console, log = boot(tmp_path, files, uefi=True, nic="e1000,addr=8", extra=other)
    assert "grubx64.efi to " in log
    assert re.search(r'boot: multiboot 2 by "GRUB', console), console
    assert not re.search(r"asking by DHCP|is refused", console), console
    assert "nic: 00:04.0 8086:100f passed over: the boot went over another" in console, console
    assert set(asked_after_kernel(log)) == {"REQUEST"}, log
