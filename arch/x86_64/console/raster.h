/*
 * Characters as pixels: a framebuffer as the loader describes it, taken for rows and columns of
 * cells of a font. Pure: it writes the memory it is given and nothing else, and never reads it,
 * which takes a microsecond a time where it is a device's.
 */
#ifndef ARCH_X86_64_CONSOLE_RASTER_H
#define ARCH_X86_64_CONSOLE_RASTER_H

#include "arch/x86_64/console/font.h"
#include "boot/info/info.h"
#include "kernel/base.h"

enum {
    RASTER_COLUMNS_MAX = 240,      /* 1920 pixels of 8; a wider screen has larger pixels */
    RASTER_ROWS_MAX = 128,         /* what is left of a screen below these stays black */
    RASTER_LINE_BYTES = 32 * 1024, /* 8192 pixels of 32 bits: columns beyond stay black */
    RASTER_LINE_SPARE = 8,
};
#define RASTER_BYTES_MAX (UINT64_C(256) << 20)

struct raster {
    uint8_t *base; /* of the pixels; set by the caller before anything is drawn */
    const struct font *font;
    uint32_t pitch_bytes;
    uint32_t width, height; /* pixels */
    uint32_t pixel_bytes;
    uint32_t scale;   /* each pixel of the font is a square of so many */
    uint32_t lit;     /* the value of a pixel that is set; one that is not is 0, black */
    uint64_t bytes;   /* from the first pixel's first byte to behind the last one's */
    uint32_t rows;    /* of cells: 1 to RASTER_ROWS_MAX */
    uint32_t columns; /* 1 to RASTER_COLUMNS_MAX */
    uint8_t line[RASTER_LINE_BYTES + RASTER_LINE_SPARE]; /* one line of pixels in the making */
};

/*
 * NULL when fb can be drawn on with the font, and *r is ready but for its base. Else why not, in
 * words; any values may stand in fb.
 */
const char *raster_init(struct raster *r, const struct boot_framebuffer *fb,
                        const struct font *font);

/* Makes all of the screen black. */
void raster_clear(const struct raster *r);

/* Draws count characters (bytes) from a cell on, all within its row. */
void raster_draw(struct raster *r, uint32_t row, uint32_t column, const uint8_t *text,
                 uint32_t count);

#endif
