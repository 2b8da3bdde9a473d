// LINK: arch/x86_64/console/raster.c
/*
 * Drawing into memory that is exactly as long as the framebuffer says, which the sanitizer watches:
 * every kind of pixel, order of colours, pitch and size, each byte against a picture that is
 * computed pixel by pixel; and descriptions that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/console/raster.h"

enum {
    GAP = 0x5a, /* what stands in bytes that are nobody's pixel */
    OLD = 0xa5, /* and in pixels before they are drawn */
    FONT_BYTES_MAX = FONT_GLYPHS * 40 * 3,
    GREY = 0xc0,
};

static struct raster raster;
static uint8_t glyph_bytes[FONT_BYTES_MAX];

/* Glyphs without a pattern; the bits beyond a glyph's width are set, and are no pixels. */
static struct font make_font(uint8_t width, uint8_t height)
{
    struct font f = {width, height, (uint8_t)((width + 7) / 8), glyph_bytes};
    size_t size = (size_t)FONT_GLYPHS * height * f.row_bytes;
    assert_true(size <= sizeof(glyph_bytes));
    unsigned seed = width * 100U + height;
    for (size_t i = 0; i < size; i++) {
        glyph_bytes[i] = (uint8_t)(rand_r(&seed) >> 8);
        if (width % 8 != 0 && i % f.row_bytes == f.row_bytes - 1U) {
            glyph_bytes[i] |= (uint8_t)(0xff >> width % 8);
        }
    }
    return f;
}

static bool font_bit(const struct font *f, uint8_t c, uint32_t x, uint32_t y)
{
    uint32_t glyph = c < 0x20 || c > 0x7e ? 95 : c - 0x20U;
    return (f->glyphs[((size_t)glyph * f->height + y) * f->row_bytes + x / 8] & (0x80 >> x % 8)) !=
           0;
}

static uint32_t field(struct boot_colour c)
{
    uint64_t level = c.size >= 8 ? (uint64_t)GREY << (c.size - 8) : (uint64_t)GREY >> (8 - c.size);
    return (uint32_t)(level << c.position);
}

struct picture {
    struct boot_framebuffer fb;
    struct font font;
    uint32_t pixel_bytes;
    uint8_t *pixels; /* r.bytes of them */
    uint8_t *block;
};

static void begin(struct picture *p, struct boot_framebuffer fb, struct font font, size_t offset)
{
    p->fb = fb;
    p->font = font;
    p->pixel_bytes = (fb.bits_per_pixel + 7U) / 8;
    assert_null(raster_init(&raster, &p->fb, &p->font));
    assert_int_equal(raster.bytes,
                     (uint64_t)fb.pitch_bytes * (fb.height - 1) + fb.width * p->pixel_bytes);
    p->block = malloc(offset + raster.bytes);
    assert_non_null(p->block);
    p->pixels = p->block + offset;
    memset(p->pixels, GAP, raster.bytes);
    for (uint32_t y = 0; y < fb.height; y++) {
        memset(p->pixels + (size_t)y * fb.pitch_bytes, OLD, (size_t)fb.width * p->pixel_bytes);
    }
    raster.base = p->pixels;
}

static void end(struct picture *p)
{
    free(p->block);
}

static void check_pixel(const struct picture *p, uint32_t x, uint32_t y, uint32_t value)
{
    const uint8_t *b = p->pixels + (size_t)y * p->fb.pitch_bytes + (size_t)x * p->pixel_bytes;
    for (uint32_t i = 0; i < p->pixel_bytes; i++) {
        assert_int_equal(b[i], value >> (8 * i) & 0xff);
    }
}

/* The gaps behind the lines are as they were. */
static void check_gaps(const struct picture *p)
{
    for (uint32_t y = 0; y + 1 < p->fb.height; y++) {
        for (size_t i = (size_t)p->fb.width * p->pixel_bytes; i < p->fb.pitch_bytes; i++) {
            assert_int_equal(p->pixels[(size_t)y * p->fb.pitch_bytes + i], GAP);
        }
    }
}

static uint32_t old_value(const struct picture *p)
{
    return p->pixel_bytes == 4 ? 0xa5a5a5a5u : 0xa5a5a5a5u >> (32 - 8 * p->pixel_bytes);
}

/* All of the picture: text from (row, column) on, everywhere else the value. */
static void check_picture(const struct picture *p, uint32_t row, uint32_t column,
                          const uint8_t *text, uint32_t count, uint32_t elsewhere)
{
    uint32_t lit = field(p->fb.red) | field(p->fb.green) | field(p->fb.blue);
    uint32_t cell_width = p->font.width * raster.scale;
    uint32_t cell_height = p->font.height * raster.scale;
    for (uint32_t y = 0; y < p->fb.height; y++) {
        for (uint32_t x = 0; x < p->fb.width; x++) {
            uint32_t at = x / cell_width - column;
            bool inside = y / cell_height == row && x / cell_width >= column && at < count;
            uint32_t value = elsewhere;
            if (inside) {
                bool bit = font_bit(&p->font, text[at], x % cell_width / raster.scale,
                                    y % cell_height / raster.scale);
                value = bit ? lit : 0;
            }
            check_pixel(p, x, y, value);
        }
    }
    check_gaps(p);
}

static const struct {
    uint8_t bits;
    struct boot_colour red, green, blue;
} kinds[] = {
    {32, {16, 8}, {8, 8}, {0, 8}},     /* as UEFI's usual one */
    {32, {0, 8}, {8, 8}, {16, 8}},     /* its other one */
    {32, {24, 8}, {16, 8}, {8, 8}},    /* nothing in the lowest byte */
    {32, {20, 10}, {10, 10}, {0, 10}}, /* deep colour */
    {30, {20, 10}, {10, 10}, {0, 10}},
    {24, {16, 8}, {8, 8}, {0, 8}},
    {24, {0, 8}, {8, 8}, {16, 8}},
    {16, {11, 5}, {5, 6}, {0, 5}},
    {16, {0, 5}, {5, 6}, {11, 5}},
    {15, {10, 5}, {5, 5}, {0, 5}},
    {16, {12, 4}, {8, 4}, {0, 1}},
    {32, {0, 32}, {0, 1}, {31, 1}}, /* nobody has these: the arithmetic holds all the same */
};

static const struct {
    uint8_t width, height;
} fonts[] = {{8, 16}, {6, 12}, {10, 18}, {12, 24}, {16, 32}, {1, 1}, {17, 5}};

/* Odd sizes, gaps of odd lengths, and pixels that begin at any address. */
static void test_every_pixel(void **state)
{
    static const uint8_t text[] = {'R', ' ', '~', 0x7f, 0x1f, 0x80, 0xff, '!'};
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        for (size_t f = 0; f < ARRAY_SIZE(fonts); f++) {
            uint32_t bytes = (kinds[k].bits + 7U) / 8;
            uint32_t width = fonts[f].width * 12U + (uint32_t)(k + f) % fonts[f].width;
            struct boot_framebuffer fb = {
                .screen = BOOT_SCREEN_RGB,
                .address = 0x80000000u,
                .pitch_bytes = width * bytes + (uint32_t)(k * 7 + f) % 13,
                .width = width,
                .height = fonts[f].height * 4U - 1U + (uint32_t)k % 2,
                .bits_per_pixel = kinds[k].bits,
                .red = kinds[k].red,
                .green = kinds[k].green,
                .blue = kinds[k].blue,
            };
            struct picture p;
            begin(&p, fb, make_font(fonts[f].width, fonts[f].height), (k + f) % 9);
            assert_int_equal(raster.columns, 12);
            uint32_t row = raster.rows - 1; /* the last, whose last pixels end the memory */
            raster_draw(&raster, row, 3, text, ARRAY_SIZE(text));
            check_picture(&p, row, 3, text, ARRAY_SIZE(text), old_value(&p));
            raster_draw(&raster, row, 12, text, 0);
            raster_clear(&raster);
            check_picture(&p, 0, 0, NULL, 0, 0);
            raster_draw(&raster, 0, 4, text, 8);
            check_picture(&p, 0, 4, text, 8, 0);
            end(&p);
        }
    }
}

static struct boot_framebuffer rgb32(uint32_t width, uint32_t height)
{
    return (struct boot_framebuffer){
        .screen = BOOT_SCREEN_RGB,
        .address = 0x80000000u,
        .pitch_bytes = 4 * width,
        .width = width,
        .height = height,
        .bits_per_pixel = 32,
        .red = {16, 8},
        .green = {8, 8},
        .blue = {0, 8},
    };
}

/* What does not fit the tables stays black; a screen of many pixels has larger ones. */
static void test_layouts(void **state)
{
    const struct {
        uint32_t width, height, scale, columns, rows;
    } sizes[] = {
        {640, 400, 1, 80, 25},    {1024, 768, 1, 128, 48},   {1366, 768, 1, 170, 48},
        {1920, 1080, 1, 240, 67}, {1927, 1080, 1, 240, 67},  {1928, 1080, 2, 120, 33},
        {2560, 1440, 2, 160, 45}, {3840, 2160, 2, 240, 67},  {5120, 2880, 3, 213, 60},
        {7680, 4320, 4, 240, 67}, {1080, 1920, 1, 135, 120}, {1440, 2560, 1, 180, 128},
        {8, 16, 1, 1, 1},         {15, 31, 1, 1, 1},
    };
    struct font f = make_font(8, 16);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct boot_framebuffer fb = rgb32(sizes[i].width, sizes[i].height);
        assert_null(raster_init(&raster, &fb, &f));
        assert_int_equal(raster.scale, sizes[i].scale);
        assert_int_equal(raster.columns, sizes[i].columns);
        assert_int_equal(raster.rows, sizes[i].rows);
        assert_true(raster.columns * 8 * raster.scale * 4 <= RASTER_LINE_BYTES);
    }
}

/* Larger pixels, byte for byte. */
static void test_scaled_pixels(void **state)
{
    static const uint8_t text[] = {'A', 'b', 0xff, '#'};
    for (uint8_t bits = 16; bits <= 32; bits += 8) {
        struct boot_framebuffer fb = rgb32(2411, 37);
        fb.bits_per_pixel = bits;
        fb.red = (struct boot_colour){10, 5};
        fb.pitch_bytes = 2411U * bits / 8 + 5;
        struct picture p;
        begin(&p, fb, make_font(5, 9), 1);
        assert_int_equal(raster.scale, 3);
        assert_int_equal(raster.columns, 160);
        assert_int_equal(raster.rows, 1);
        raster_draw(&raster, 0, 156, text, 4);
        check_picture(&p, 0, 156, text, 4, old_value(&p));
        end(&p);
    }
}

static void check_refused(struct boot_framebuffer fb)
{
    struct font f = make_font(8, 16);
    const char *why = raster_init(&raster, &fb, &f);
    assert_non_null(why);
    assert_true(strlen(why) > 10);
}

static void test_lies_are_refused(void **state)
{
    struct font f = make_font(8, 16);
    struct boot_framebuffer good = rgb32(64, 48);
    assert_null(raster_init(&raster, &good, &f));
    struct boot_framebuffer fb;
    const enum boot_screen screens[] = {BOOT_SCREEN_UNKNOWN, BOOT_SCREEN_TEXT, BOOT_SCREEN_OTHER};
    for (size_t i = 0; i < ARRAY_SIZE(screens); i++) {
        fb = good;
        fb.screen = screens[i];
        check_refused(fb);
    }
    const uint8_t bits[] = {0, 1, 8, 14, 33, 64, 255};
    for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
        fb = good;
        fb.bits_per_pixel = bits[i];
        check_refused(fb);
    }
    const struct {
        uint32_t pitch, width, height;
    } sizes[] = {
        {255, 64, 48},
        {0, 64, 48},
        {256, 0, 48},
        {256, 64, 0},
        {256, 7, 48},
        {256, 64, 15},
        {UINT32_MAX, 64, 48},
        {256, 64, UINT32_MAX},
        {UINT32_MAX, UINT32_MAX, UINT32_MAX},
        {256, UINT32_MAX, 48},
        {UINT32_MAX, 1u << 30, 1},
        {0x10000000, 0x4000000, 16},
    };
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        fb = good;
        fb.pitch_bytes = sizes[i].pitch;
        fb.width = sizes[i].width;
        fb.height = sizes[i].height;
        check_refused(fb);
    }
    const struct boot_colour colours[] = {{0, 0}, {25, 8}, {32, 1}, {255, 1}, {0, 33}, {255, 255}};
    for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
        fb = good;
        fb.red = colours[i];
        check_refused(fb);
        fb = good;
        fb.green = colours[i];
        check_refused(fb);
        fb = good;
        fb.blue = colours[i];
        check_refused(fb);
    }
    const uint64_t addresses[] = {0, UINT64_MAX, UINT64_MAX - 64 * 48 * 4 + 1};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        fb = good;
        fb.address = addresses[i];
        check_refused(fb);
    }
}

/* Any description is refused, or drawn on without a step beyond what it describes. */
static void test_random_descriptions(void **state)
{
    unsigned seed = 20240811;
    print_message("seed %u\n", seed);
    uint32_t accepted = 0;
    struct font f = make_font(7, 3);
    static const uint8_t text[RASTER_COLUMNS_MAX];
    for (int run = 0; run < 20000; run++) {
        struct boot_framebuffer fb = {
            .screen = BOOT_SCREEN_RGB,
            .address = 1,
            .pitch_bytes = (uint32_t)rand_r(&seed) % 3000,
            .width = (uint32_t)rand_r(&seed) % 500,
            .height = (uint32_t)rand_r(&seed) % 40,
            .bits_per_pixel = (uint8_t)(12 + rand_r(&seed) % 24),
        };
        struct boot_colour *const fields[] = {&fb.red, &fb.green, &fb.blue};
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
            fields[i]->position = (uint8_t)(rand_r(&seed) % 20);
            fields[i]->size = (uint8_t)(rand_r(&seed) % 14);
        }
        if (raster_init(&raster, &fb, &f) != NULL) {
            continue;
        }
        accepted++;
        raster.base = malloc(raster.bytes);
        assert_non_null(raster.base);
        raster_clear(&raster);
        for (uint32_t row = 0; row < raster.rows; row++) {
            raster_draw(&raster, row, 0, text, raster.columns);
        }
        free(raster.base);
    }
    assert_true(accepted > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pixel),         cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_scaled_pixels),       cmocka_unit_test(test_lies_are_refused),
        cmocka_unit_test(test_random_descriptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
