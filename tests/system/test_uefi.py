"""The image of tools/mkiso.sh: below BIOS and UEFI, as a CD, a disk and a USB stick."""
import os
import re

import pytest

from images import make_image, run_mkiso
from machine import BUILD, QemuGuest
from screen import assert_shows_its_log

pytestmark = pytest.mark.machine

IMAGE_BYTES_MAX = 4_000_000


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return make_image(str(tmp_path_factory.mktemp("image") / "httpd.iso"))


@pytest.mark.parametrize("firmware, medium, machine", [
    ("bios", "usb", "q35"), ("bios", "disk", "pc"),
    ("uefi", "cd", "q35"), ("uefi", "usb", "pc"),  # test_boot.py has BIOS with a CD
])
def test_image_serves(tmp_path, image, firmware, medium, machine):
    with QemuGuest(tmp_path, user=True, iso=image, medium=medium, machine=machine,
                   uefi=firmware == "uefi") as guest:
        guest.wait_http()
        assert re.search(r"boot: multiboot 2 by \"GRUB", guest.console()), guest.console()
        if firmware == "uefi":
            assert "framebuffer of " in guest.console()
            assert_shows_its_log(guest, str(tmp_path / "screen.ppm"))
        else:
            assert "VGA text 80x25" in guest.console()


def test_image_is_small():
    assert os.path.getsize(os.path.join(BUILD, "httpd.iso")) < IMAGE_BYTES_MAX


def test_image_is_a_disk_for_every_firmware():
    """UEFI wants the table's protection inactive, some BIOSes want some partition to be active."""
    with open(os.path.join(BUILD, "httpd.iso"), "rb") as f:
        sector = f.read(512)
    entries = [sector[at:at + 16] for at in range(446, 510, 16)]
    assert sector[510:] == b"\x55\xaa"
    assert [(e[0], e[4]) for e in entries if any(e)] == [(0, 0xee), (0x80, 0)]


def test_image_is_reproducible(tmp_path):
    """The same kernel and words give the same bytes, elsewhere and in another time zone."""
    kernel = os.path.join(BUILD, "httpd.elf")
    images = []
    for name, zone in [("a.iso", "UTC"), ("b.iso", "Asia/Tokyo")]:
        path = tmp_path / zone.replace("/", "-") / name
        path.parent.mkdir()
        run_mkiso(kernel, str(path), "log=debug", TZ=zone)
        images.append(path.read_bytes())
    assert images[0] == images[1]
