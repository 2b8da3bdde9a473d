/*
 * Drawing of cells, for every kind of pixel that has three colours side by side: 15 to 32 bits,
 * fields at any place. A line of pixels is made in RAM first and goes out in the widest stores
 * there are: uncached memory takes a transaction for each, and combining memory whole cache lines.
 */
#include "arch/x86_64/console/raster.h"

#include <string.h>

enum {
    BITS_PER_PIXEL_MIN = 15,
    BITS_PER_PIXEL_MAX = 32,
    COLOUR_BITS = 8,
    FOREGROUND = 0xc0, /* of each colour: light grey */
};

static_assert(RASTER_LINE_SPARE >= sizeof(uint32_t), "the last pixel is stored as 32 bits");

static bool fits(struct boot_colour c, uint32_t pixel_bytes)
{
    return c.size > 0 && (uint32_t)c.position + c.size <= 8 * pixel_bytes;
}

/* The share of a pixel's value that has the colour at FOREGROUND. */
static uint32_t lit_field(struct boot_colour c)
{
    uint32_t level = c.size >= COLOUR_BITS ? (uint32_t)FOREGROUND << (c.size - COLOUR_BITS)
                                           : (uint32_t)FOREGROUND >> (COLOUR_BITS - c.size);
    return level << c.position;
}

static const char *check_pixels(const struct boot_framebuffer *fb)
{
    if (fb->screen != BOOT_SCREEN_RGB) {
        return "its pixels are no red, green and blue";
    }
    if (fb->bits_per_pixel < BITS_PER_PIXEL_MIN || fb->bits_per_pixel > BITS_PER_PIXEL_MAX) {
        return "its pixels have neither 15 nor up to 32 bits";
    }
    uint32_t bytes = (fb->bits_per_pixel + 7U) / 8;
    if (!fits(fb->red, bytes) || !fits(fb->green, bytes) || !fits(fb->blue, bytes)) {
        return "a colour does not lie within its pixels";
    }
    return NULL;
}

/* How many bytes there are; 0: a line is longer than the pitch, or they are too many. */
static uint64_t extent(const struct boot_framebuffer *fb, uint32_t pixel_bytes)
{
    uint64_t line = (uint64_t)fb->width * pixel_bytes;
    if (fb->width == 0 || fb->height == 0 || line > fb->pitch_bytes) {
        return 0;
    }
    uint64_t bytes = (uint64_t)(fb->height - 1) * fb->pitch_bytes + line; /* below 2^64 */
    return bytes <= RASTER_BYTES_MAX ? bytes : 0;
}

static void lay_out(struct raster *r)
{
    r->scale = r->width / (r->font->width * (RASTER_COLUMNS_MAX + 1U)) + 1;
    uint32_t cell_width = r->font->width * r->scale;
    uint32_t line_columns = RASTER_LINE_BYTES / (cell_width * r->pixel_bytes);
    r->columns = min_u32(r->width / cell_width, line_columns);
    r->rows = min_u32(r->height / (r->font->height * r->scale), RASTER_ROWS_MAX);
    assert(r->columns <= RASTER_COLUMNS_MAX);
}

const char *raster_init(struct raster *r, const struct boot_framebuffer *fb,
                        const struct font *font)
{
    assert(font->width > 0 && font->height > 0 && font->row_bytes * 8 >= font->width);
    const char *problem = check_pixels(fb);
    if (problem != NULL) {
        return problem;
    }
    r->base = NULL;
    r->font = font;
    r->pixel_bytes = (fb->bits_per_pixel + 7U) / 8;
    r->pitch_bytes = fb->pitch_bytes;
    r->width = fb->width;
    r->height = fb->height;
    r->lit = lit_field(fb->red) | lit_field(fb->green) | lit_field(fb->blue);
    r->bytes = extent(fb, r->pixel_bytes);
    if (r->bytes == 0 || fb->address == 0 || fb->address > UINT64_MAX - r->bytes) {
        return "its sizes contradict each other";
    }
    lay_out(r);
    return r->columns > 0 && r->rows > 0 ? NULL : "it has no room for a character";
}

static void store8(uint8_t *to, uint8_t value)
{
    *(volatile uint8_t *)to = value;
}

/* Device memory: each byte is stored once, eight at a time where they are aligned. */
static void copy_out(uint8_t *to, const uint8_t *from, size_t len)
{
    size_t i = 0;
    for (; i < len && (uintptr_t)(to + i) % sizeof(uint64_t) != 0; i++) {
        store8(to + i, from[i]);
    }
    for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, from + i, sizeof(eight));
        *(volatile uint64_t *)(void *)(to + i) = eight;
    }
    for (; i < len; i++) {
        store8(to + i, from[i]);
    }
}

void raster_clear(const struct raster *r)
{
    static const uint8_t black[256];
    size_t line = (size_t)r->width * r->pixel_bytes;
    for (uint32_t y = 0; y < r->height; y++) {
        uint8_t *to = r->base + (size_t)y * r->pitch_bytes;
        for (size_t at = 0; at < line; at += sizeof(black)) {
            copy_out(to + at, black, min_size(line - at, sizeof(black)));
        }
    }
}

static const uint8_t *glyph_of(const struct font *f, uint8_t c)
{
    uint32_t glyph = c >= FONT_FIRST && c <= FONT_LAST ? c - (uint32_t)FONT_FIRST : FONT_SUBSTITUTE;
    return f->glyphs + (size_t)glyph * f->height * f->row_bytes;
}

/*
 * One row of a glyph's bits as pixels; returns where the next glyph's go. Every pixel is stored as
 * 32 bits: what is too much of them the next one overwrites.
 */
static uint8_t *expand(const struct raster *r, uint8_t *to, const uint8_t *bits)
{
    for (uint32_t x = 0; x < r->font->width; x++) {
        uint32_t value = (bits[x / 8] >> (7 - x % 8) & 1) != 0 ? r->lit : 0;
        for (uint32_t i = 0; i < r->scale; i++) {
            memcpy(to, &value, sizeof(value));
            to += r->pixel_bytes;
        }
    }
    return to;
}

void raster_draw(struct raster *r, uint32_t row, uint32_t column, const uint8_t *text,
                 uint32_t count)
{
    assert(row < r->rows && column <= r->columns && count <= r->columns - column);
    const struct font *f = r->font;
    size_t left = (size_t)column * f->width * r->scale * r->pixel_bytes;
    uint8_t *to = r->base + (size_t)row * f->height * r->scale * r->pitch_bytes + left;
    for (uint32_t y = 0; y < f->height; y++) {
        uint8_t *end = r->line;
        for (uint32_t i = 0; i < count; i++) {
            end = expand(r, end, glyph_of(f, text[i]) + (size_t)y * f->row_bytes);
        }
        for (uint32_t i = 0; i < r->scale; i++) {
            copy_out(to, r->line, (size_t)(end - r->line));
            to += r->pitch_bytes;
        }
    }
}
