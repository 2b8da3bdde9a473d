"""The framebuffer console: the screen shows the log of the serial port, cell by cell; and fonts in
either format are read as they are."""
import gzip
import os
import re
import struct

import pytest

from images import make_tree, run_mkiso
from machine import BUILD, QemuGuest
from screen import assert_shows_its_log, console_font

pytestmark = pytest.mark.machine

def graphics_image(folder, mode, words):
    """An image whose GRUB starts the kernel in this mode."""
    tree, image = str(folder / "tree"), str(folder / "graphics.iso")
    menu = ("set timeout=0\nmenuentry x {\n"
            f"    multiboot2 /boot/ringside.elf {words}\n    set gfxpayload={mode}\n}}\n")
    make_tree(tree, menu, {"boot/ringside.elf": os.path.join(BUILD, "httpd.elf")})
    run_mkiso("--tree", tree, image)
    return image


@pytest.mark.parametrize("mode, said, words, last", [
    ("1024x768x24", "1024x768 pixels of 24 bits", "ip=10.0.2.15/24", r"httpd: listening"),
    # Fewer rows than there are lines; a crash's report is on the screen, too.
    ("640x480x16", "640x480 pixels of 16 bits", "selftest=fault panic=halt", r"halted"),
], ids=["serving", "fault"])
def test_screen_shows_the_log(tmp_path, mode, said, words, last):
    """Below BIOS, where the mode can be chosen; test_uefi.py has the mode that UEFI has."""
    with QemuGuest(tmp_path, user=True, iso=graphics_image(tmp_path, mode, words)) as guest:
        guest.wait_console(last)
        assert_shows_its_log(guest, str(tmp_path / "screen.ppm"))
        assert re.search(rf"console: COM1 at 115200 8N1, framebuffer of {said} at ",
                         guest.console()), guest.console()


GLYPHS = [bytes((i * 7 + y * 31) & 0xff for y in range(10)) for i in range(256)]
GLYPHS[3] = bytes(10)  # the blank's
ORDER = list(range(0x1f, 0x7f))  # the character that glyph 2 shows, that of glyph 3 and so on


def psf1(mode):
    units = []
    for i in range(256):
        character = ORDER[i - 2] if 2 <= i < 2 + len(ORDER) else 0x2500 + i
        units += [character, 0xfffe, 0x41, 0x301, 0xffff]  # and a sequence, which is not the A
    table = struct.pack(f"<{len(units)}H", *units) if mode & 2 else b""
    return b"\x36\x04" + bytes([mode, 10]) + b"".join(GLYPHS) + table


def psf2(width):
    row_bytes = (width + 7) // 8
    wide = [b"".join(bytes([b]) + bytes(row_bytes - 1) for b in g) for g in GLYPHS]
    table = b"".join((chr(ORDER[i - 2]).encode() if 2 <= i < 2 + len(ORDER) else b"")
                     + "\ufffd".encode() * (i == 200) + b"\xfeA\xcc\x81\xff" for i in range(256))
    header = struct.pack("<4s7I", b"\x72\xb5\x4a\x86", 0, 32, 1, 256, 10 * row_bytes, 10, width)
    return header + b"".join(wide) + table


@pytest.mark.parametrize("data, width, substitute", [
    (psf1(2), 8, GLYPHS[2 + ORDER.index(ord("?"))]),
    (gzip.compress(psf1(2)), 8, GLYPHS[2 + ORDER.index(ord("?"))]),
    (psf2(8), 8, GLYPHS[200]),
    (psf2(12), 12, b"".join(bytes([b, 0]) for b in GLYPHS[200])),
], ids=["psf1", "gzip", "psf2", "psf2-wide"])
def test_fonts_are_read(data, width, substitute):
    font = console_font.Font(data)
    font.check()
    assert (font.width, font.height, font.row_bytes) == (width, 10, (width + 7) // 8)
    for i, character in enumerate(ORDER):
        rows = font.glyph(character)
        assert rows[::font.row_bytes] == GLYPHS[2 + i]
    assert font.glyph(0x20ac) == substitute


@pytest.mark.parametrize("data, why", [
    (b"\x00" * 100, "neither"),
    (psf1(2)[:500], "not there"),
    (psf1(0), "blank"),  # without a table the glyphs are in the order of ASCII
    (psf2(8)[:32] + bytes(2560) + b"\xff" * 256, "no glyph for"),
], ids=["noise", "short", "no-table", "empty-table"])
def test_what_is_no_font_is_named(tmp_path, data, why):
    path = tmp_path / "font"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=why):
        console_font.read(str(path))
