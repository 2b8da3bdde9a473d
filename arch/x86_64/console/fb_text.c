/*
 * Cells, their places and which of them have changed. Pure; the pixels are raster.c's.
 */
#include "arch/x86_64/console/fb_text.h"

#include <string.h>

enum {
    TAB_COLUMNS = 8,
    /* The text moves up by one part in so many of the screen: a move draws all rows anew, and that
     * takes longer than anything else here. */
    SCROLL_PART = 4,
};

static void mark(struct fb_text *t, uint32_t from, uint32_t to)
{
    t->changed_from = min_u32(t->changed_from, from);
    t->changed_to = max_u32(t->changed_to, to);
}

void fb_text_init(struct fb_text *t)
{
    t->visible = false;
    t->row = 0;
    t->column = 0;
    t->changed_from = t->raster.rows;
    t->changed_to = 0;
    memset(t->cells, ' ', sizeof(t->cells));
}

/* In the cells only. The place moves last: a panic in between moves the text once more. */
static void scroll(struct fb_text *t)
{
    uint32_t rows = t->raster.rows;
    uint32_t by = max_u32(rows / SCROLL_PART, 1);
    mark(t, 0, rows);
    memmove(t->cells[0], t->cells[by], (rows - by) * sizeof(t->cells[0]));
    memset(t->cells[rows - by], ' ', by * sizeof(t->cells[0]));
    t->row = rows - by;
}

/* A full screen moves when there is something to put there, and not before. */
static void make_room(struct fb_text *t)
{
    if (t->row >= t->raster.rows) {
        scroll(t);
    }
}

static void new_line(struct fb_text *t)
{
    make_room(t);
    t->column = 0;
    t->row++;
}

static void put(struct fb_text *t, uint8_t c)
{
    if (t->column >= t->raster.columns) {
        new_line(t);
    }
    make_room(t);
    mark(t, t->row, t->row + 1);
    t->cells[t->row][t->column] = c;
    t->column++;
}

static void take(struct fb_text *t, char c)
{
    if (c == '\n') {
        new_line(t);
    } else if (c == '\r') {
        t->column = 0;
    } else if (c == '\t') {
        t->column = min_u32((uint32_t)align_up(t->column + 1, TAB_COLUMNS), t->raster.columns);
    } else {
        put(t, (uint8_t)c);
    }
}

/* Draws from the first to the last cell of a row that is not as shown. */
static void draw_row(struct fb_text *t, uint32_t row)
{
    const uint8_t *cells = t->cells[row];
    const uint8_t *shown = t->shown[row];
    uint32_t from = 0;
    uint32_t to = t->raster.columns;
    while (from < to && cells[from] == shown[from]) {
        from++;
    }
    while (to > from && cells[to - 1] == shown[to - 1]) {
        to--;
    }
    if (from < to) {
        raster_draw(&t->raster, row, from, cells + from, to - from);
        memcpy(t->shown[row] + from, cells + from, to - from);
    }
}

/* The range is emptied last: a panic in between draws some rows again, and leaves out none. */
static void draw_changes(struct fb_text *t)
{
    for (uint32_t row = t->changed_from; row < t->changed_to; row++) {
        draw_row(t, row);
    }
    t->changed_from = t->raster.rows;
    t->changed_to = 0;
}

void fb_text_show(struct fb_text *t, void *base)
{
    assert(base != NULL);
    t->raster.base = base;
    raster_clear(&t->raster);
    memset(t->shown, ' ', sizeof(t->shown));
    t->visible = true;
    mark(t, 0, t->raster.rows);
    draw_changes(t);
}

void fb_text_write(struct fb_text *t, const char *text, size_t len)
{
    assert(text != NULL || len == 0);
    for (size_t i = 0; i < len; i++) {
        take(t, text[i]);
    }
    if (t->visible) {
        draw_changes(t);
    }
}
