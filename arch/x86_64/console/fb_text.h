/*
 * A screen of text on a raster: what is written goes into cells in RAM, and the cells that differ
 * from what the screen shows are drawn, once a write. Nothing is ever read from the screen.
 *
 * When it is full the text moves up by a quarter of the screen at once. Moving by a line would draw
 * the whole screen for each: 8 MB at 1920x1080. So a line costs a few of its own length, and what
 * was written last is always at the end, in order, as somebody reads or photographs it.
 */
#ifndef ARCH_X86_64_CONSOLE_FB_TEXT_H
#define ARCH_X86_64_CONSOLE_FB_TEXT_H

#include "arch/x86_64/console/raster.h"

struct fb_text {
    struct raster raster;
    bool visible;         /* the raster has a base: what is written is drawn */
    uint32_t row, column; /* where the next character goes; at the end, if there is no room left */
    uint32_t changed_from, changed_to; /* the rows that may differ from what is shown */
    uint8_t cells[RASTER_ROWS_MAX][RASTER_COLUMNS_MAX];
    uint8_t shown[RASTER_ROWS_MAX][RASTER_COLUMNS_MAX];
};

/* An empty screen on t->raster, which raster_init() has accepted. Nothing is drawn yet. */
void fb_text_init(struct fb_text *t);

/* The pixels are at base now: clears them and draws what was written until now. */
void fb_text_show(struct fb_text *t, void *base);

/*
 * '\n' starts a new line, '\r' goes to the start of the line, '\t' to the next multiple of 8. A
 * panic may come at any place in it, and may write: what it writes is shown.
 */
void fb_text_write(struct fb_text *t, const char *text, size_t len);

#endif
