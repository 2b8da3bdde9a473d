"""What a guest's framebuffer shows, compared with what its serial port said: the same text, drawn
here with the same font. The rules of the screen are those of fb_text.c and raster.c in
arch/x86_64/console/, written again."""
import os
import re
import sys
import time

from machine import BUILD, ROOT

sys.path.insert(0, os.path.join(ROOT, "tools"))
import font as console_font  # noqa: E402  (tools/font.py reads fonts)

COLUMNS_MAX, ROWS_MAX = 240, 128
SCROLL_PART, TAB = 4, 8
BLACK, GREY_MIN = (0, 0, 0), 0xb0
SETTLE_S = 30  # for the screen to show what the serial port has said


def read_ppm(path):
    """(width, height, pixels): three bytes each, by lines."""
    with open(path, "rb") as f:
        data = f.read()
    m = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    width, height = int(m.group(1)), int(m.group(2))
    pixels = data[m.end():]
    assert len(pixels) == 3 * width * height
    return width, height, pixels


class Screen:
    """The rows of text that a screen of this size shows once it was written to."""

    def __init__(self, width, height, font):
        self.scale = width // (font.width * (COLUMNS_MAX + 1)) + 1
        self.cell_width, self.cell_height = font.width * self.scale, font.height * self.scale
        self.columns = min(width // self.cell_width, COLUMNS_MAX)
        self.row_count = min(height // self.cell_height, ROWS_MAX)
        self.rows = [bytearray() for _ in range(self.row_count)]
        self.row = self.column = 0

    def _make_room(self):
        if self.row >= self.row_count:
            by = max(self.row_count // SCROLL_PART, 1)
            self.rows = self.rows[by:] + [bytearray() for _ in range(by)]
            self.row = self.row_count - by

    def _new_line(self):
        self._make_room()
        self.row, self.column = self.row + 1, 0

    def write(self, text):
        for c in text:
            if c == ord("\n"):
                self._new_line()
            elif c == ord("\r"):
                self.column = 0
            elif c == ord("\t"):
                self.column = min((self.column // TAB + 1) * TAB, self.columns)
            else:
                if self.column >= self.columns:
                    self._new_line()
                self._make_room()
                row = self.rows[self.row]
                row.extend(b" " * (self.column - len(row)))
                row[self.column:self.column + 1] = bytes([c])
                self.column += 1


def glyph_pixels(font, character, scale):
    """The lines of a cell, each a tuple: whether its pixels are lit."""
    rows = font.glyph(character)
    lines = []
    for y in range(font.height):
        bits = int.from_bytes(rows[y * font.row_bytes:(y + 1) * font.row_bytes], "big")
        top = 8 * font.row_bytes - 1
        line = tuple(bool(bits >> (top - x // scale) & 1) for x in range(font.width * scale))
        lines += [line] * scale
    return tuple(lines)


def is_lit(pixel):
    """Grey or black, and nothing else. The fields of 16 bits do not give exactly the same grey."""
    assert pixel == BLACK or min(pixel) >= GREY_MIN and max(pixel) - min(pixel) < 8, \
        f"a pixel of the colour {pixel}"
    return pixel != BLACK


def differences(ppm_path, text, font):
    """The cells of the picture that do not show what text (bytes) leaves there, in words."""
    width, height, pixels = read_ppm(ppm_path)
    screen = Screen(width, height, font)
    screen.write(text)
    glyphs = {c: glyph_pixels(font, c if 0x20 <= c <= 0x7e else 0xfffd, screen.scale)
              for c in range(256)}
    lit = [is_lit(tuple(p)) for p in zip(pixels[0::3], pixels[1::3], pixels[2::3])]
    wrong = []
    for row in range(screen.row_count):
        cells = bytes(screen.rows[row]).ljust(screen.columns)
        for column, c in enumerate(cells):
            left, top = column * screen.cell_width, row * screen.cell_height
            starts = [(top + y) * width + left for y in range(screen.cell_height)]
            seen = tuple(tuple(lit[at:at + screen.cell_width]) for at in starts)
            if seen != glyphs[c]:
                wrong.append(f"row {row}, column {column}: not {chr(c)!r}")
        edge = screen.columns * screen.cell_width
        for y in range(row * screen.cell_height, (row + 1) * screen.cell_height):
            assert not any(lit[y * width + edge:(y + 1) * width]), "beyond the last column"
    assert not any(lit[screen.row_count * screen.cell_height * width:]), "below the last row"
    return wrong


def log_of(guest):
    """What the kernel has written to the serial port, from its first line on, as bytes. In front of
    that stands what firmware and GRUB left unfinished."""
    with open(guest.console_path, "rb") as f:
        said = f.read().replace(b"\r\n", b"\n")
    m = re.search(rb"\[ +\d+\.\d+\] console: ", said)
    return said[m.start():] if m else b""


def assert_shows_its_log(guest, ppm_path, timeout=SETTLE_S):
    """Waits until nothing more is written, and compares: every cell of the screen is the one that
    the serial log leaves there. ppm_path: where the picture is kept."""
    font = console_font.read(os.path.join(BUILD, "gen", "font.psf.gz"))
    end = time.monotonic() + timeout
    wrong = ["there was no log"]
    while wrong and time.monotonic() < end:
        before = log_of(guest)
        guest.monitor(f"screendump {ppm_path}")
        if before and before == log_of(guest):
            wrong = differences(ppm_path, before, font)
            if wrong:
                time.sleep(0.2)  # the serial port is written to first
    said = log_of(guest)[-3000:].decode(errors="replace")
    assert not wrong, f"after {timeout} s, {len(wrong)} cells: {wrong[:10]}; the log:\n{said}"
