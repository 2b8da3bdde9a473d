/*
 * The font of the framebuffer console: the characters of ASCII that show something. It is made at
 * build time by tools/font.py out of one of the distribution's console fonts.
 */
#ifndef ARCH_X86_64_CONSOLE_FONT_H
#define ARCH_X86_64_CONSOLE_FONT_H

#include "kernel/base.h"

enum {
    FONT_FIRST = 0x20, /* the blank: no pixel of it is set */
    FONT_LAST = 0x7e,
    FONT_SUBSTITUTE = FONT_LAST - FONT_FIRST + 1, /* the glyph for every other byte */
    FONT_GLYPHS = FONT_SUBSTITUTE + 1,
};

struct font {
    uint8_t width; /* of each glyph, in pixels */
    uint8_t height;
    uint8_t row_bytes;     /* of one row of pixels: the leftmost is a byte's highest bit */
    const uint8_t *glyphs; /* FONT_GLYPHS of height rows each, the uppermost first */
};

extern const struct font console_font;

#endif
