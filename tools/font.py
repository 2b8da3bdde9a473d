#!/usr/bin/env python3
"""Turns a console font (PSF 1 or 2, plain or gzipped) into the C source of the font that the
framebuffer console draws with: what arch/x86_64/console/font.h declares.

    tools/font.py FONT.psf.gz >font.c

Of the font the glyphs of ASCII are taken, found by its Unicode table where it has one, and one for
every byte that is no printable character: U+FFFD, or the question mark.
"""
import gzip
import struct
import sys

PSF1_MAGIC, PSF1_HEADER_BYTES = b"\x36\x04", 4
PSF1_512_GLYPHS, PSF1_HAS_TABLE = 0x01, 0x06  # mode bits
PSF1_SEQUENCE, PSF1_END = 0xfffe, 0xffff
PSF2_MAGIC = b"\x72\xb5\x4a\x86"
PSF2_HAS_TABLE = 0x01
PSF2_SEQUENCE, PSF2_END = 0xfe, 0xff
FIRST, LAST, SUBSTITUTE = 0x20, 0x7e, 0xfffd
SIZE_MAX = 64  # pixels, of a glyph's width or height


class Font:
    """width, height and row_bytes of each glyph, and glyph(character): its rows' bytes."""

    def __init__(self, data):
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if data[:2] == PSF1_MAGIC:
            table = self._psf1(data)
        elif data[:4] == PSF2_MAGIC:
            table = self._psf2(data)
        else:
            raise ValueError("neither a PSF 1 nor a PSF 2 font")
        # Without a table the glyphs stand in the order of the characters.
        self.places = {c: c for c in range(min(len(self.glyphs), 0x80))} if table is None else table

    def _take_glyphs(self, data, start, count, size):
        if len(data) < start + count * size:
            raise ValueError(f"{count} glyphs of {size} bytes are not there")
        self.glyphs = [data[start + i * size:start + (i + 1) * size] for i in range(count)]
        return data[start + count * size:]

    def _psf1(self, data):
        mode, self.height = data[2], data[3]
        self.width, self.row_bytes = 8, 1
        rest = self._take_glyphs(data, PSF1_HEADER_BYTES, 512 if mode & PSF1_512_GLYPHS else 256,
                                 self.height)
        if not mode & PSF1_HAS_TABLE:
            return None
        table, glyph, in_sequence = {}, 0, False
        for (unit,) in struct.iter_unpack("<H", rest[:len(rest) & ~1]):
            if unit == PSF1_END:
                glyph, in_sequence = glyph + 1, False
            elif unit == PSF1_SEQUENCE:
                in_sequence = True  # of combining characters: none of ASCII
            elif not in_sequence:
                table.setdefault(unit, glyph)
        return table

    def _psf2(self, data):
        _, header, flags, count, size, self.height, self.width = struct.unpack_from("<7I", data, 4)
        self.row_bytes = (self.width + 7) // 8
        if size != self.height * self.row_bytes:
            raise ValueError(f"a glyph of {self.width}x{self.height} has {size} bytes")
        rest = self._take_glyphs(data, header, count, size)
        if not flags & PSF2_HAS_TABLE:
            return None
        table = {}
        # Neither of the two marks occurs in UTF-8.
        for glyph, entry in enumerate(rest.split(bytes([PSF2_END]))[:count]):
            for c in entry.split(bytes([PSF2_SEQUENCE]))[0].decode():
                table.setdefault(ord(c), glyph)
        return table

    def glyph(self, character):
        """The rows of a character; of one without a glyph those of the substitute."""
        for c in (character, SUBSTITUTE, ord("?")):
            if c in self.places:
                return self.glyphs[self.places[c]]
        raise ValueError("there is no question mark in it")

    def check(self):
        if not 0 < self.width <= SIZE_MAX or not 0 < self.height <= SIZE_MAX:
            raise ValueError(f"{self.width}x{self.height} pixels: up to {SIZE_MAX} are allowed")
        missing = [chr(c) for c in range(FIRST, LAST + 1) if c not in self.places]
        if missing:
            raise ValueError("no glyph for " + "".join(missing))
        if any(self.glyph(ord(" "))):
            raise ValueError("the blank is not blank")


def read(path):
    with open(path, "rb") as f:
        font = Font(f.read())
    font.check()
    return font


def c_source(font):
    lines = ["/* Made by tools/font.py. */", '#include "arch/x86_64/console/font.h"', "",
             "static const uint8_t glyphs[] = {"]
    for c in [*range(FIRST, LAST + 1), SUBSTITUTE]:
        lines.append("    " + " ".join(f"0x{b:02x}," for b in font.glyph(c)) + f" /* {c:02x} */")
    lines += ["};", 'static_assert(sizeof(glyphs) == (size_t)FONT_GLYPHS * '
              f'{font.height * font.row_bytes}, "all of them, whole");', "",
              f"const struct font console_font = {{{font.width}, {font.height}, {font.row_bytes}, "
              "glyphs};"]
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FONT.psf.gz")
    try:
        print(c_source(read(sys.argv[1])))
    except (OSError, ValueError, struct.error, IndexError) as problem:
        sys.exit(f"font.py: {sys.argv[1]}: {problem}")
