// LINK: arch/x86_64/console/fb_text.c arch/x86_64/console/raster.c
/*
 * The text screen on a raster against a model that is as simple as can be: where characters go, and
 * that the picture is that of the cells after every write, though only what has changed is drawn.
 * How much is drawn is counted. Memory stands for the screen; nothing may be read from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/console/fb_text.h"

enum {
    COLUMNS = 11,
    ROWS = 9,
    SCROLL_ROWS = 2, /* a quarter of them */
    WIDTH = 2 * COLUMNS + 1,
    HEIGHT = 2 * ROWS + 1,
    PITCH = 4 * WIDTH + 4,
};

/* A glyph is four pixels, of which the bits of its number are set. */
static uint8_t glyphs[FONT_GLYPHS * 2];
static const struct font font = {2, 2, 1, glyphs};
static struct fb_text text;
static uint32_t pixels[HEIGHT * PITCH / 4];
static struct boot_framebuffer description;

static int setup(void **state)
{
    for (uint32_t i = 0; i < FONT_GLYPHS; i++) {
        glyphs[2 * i] = (uint8_t)((i & 3) << 6);
        glyphs[2 * i + 1] = (uint8_t)((i >> 2 & 3) << 6);
    }
    return 0;
}

static void begin(uint32_t columns, uint32_t rows)
{
    description = (struct boot_framebuffer){
        .screen = BOOT_SCREEN_RGB,
        .address = 0x80000000u,
        .pitch_bytes = PITCH,
        .width = 2 * columns,
        .height = 2 * rows,
        .bits_per_pixel = 32,
        .red = {16, 8},
        .green = {8, 8},
        .blue = {0, 8},
    };
    memset(&text, 0xee, sizeof(text));
    memset(pixels, 0x33, sizeof(pixels));
    assert_null(raster_init(&text.raster, &description, &font));
    assert_int_equal(text.raster.columns, columns);
    assert_int_equal(text.raster.rows, rows);
    fb_text_init(&text);
}

static void write_text(const char *s)
{
    fb_text_write(&text, s, strlen(s));
}

/* The screen shows the cell with this character: the number of its glyph modulo 16. */
static bool shows(uint32_t row, uint32_t column, char c)
{
    uint32_t glyph = (uint8_t)c < 0x20 || (uint8_t)c > 0x7e ? 95U : (uint8_t)c - 0x20U;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t pixel = pixels[(2 * row + i / 2) * PITCH / 4 + 2 * column + i % 2];
        bool lit = (glyph >> (2 * (i / 2) + 1 - i % 2) & 1) != 0;
        if (pixel != (lit ? 0x00c0c0c0u : 0)) {
            return false;
        }
    }
    return true;
}

static void check_row(uint32_t row, const char *expected)
{
    size_t len = strlen(expected);
    for (uint32_t column = 0; column < text.raster.columns; column++) {
        char c = column < len ? expected[column] : ' ';
        assert_true(shows(row, column, c));
        assert_int_equal(text.cells[row][column], (uint8_t)c);
    }
}

static void test_characters_have_their_places(void **state)
{
    begin(COLUMNS, ROWS);
    fb_text_show(&text, pixels);
    write_text("one\ttab\nover\rOV\n\nend");
    check_row(0, "one     tab");
    check_row(1, "OVer");
    check_row(2, "");
    check_row(3, "end");
    write_text("67890123\nnext"); /* exactly a full line: its end is one line's end */
    check_row(3, "end67890123");
    check_row(4, "next");
    write_text("5678901longer");
    check_row(4, "next5678901");
    check_row(5, "longer");
    write_text("\rL\tx\t.\ty");
    check_row(5, "Longer  x");
    check_row(6, ".       y");
    write_text("\x01\x7f\xff");
    check_row(6, ".       y\x01\x7f");
    check_row(7, "\xff");
}

static void test_full_screen_moves_up_by_a_quarter(void **state)
{
    begin(COLUMNS, ROWS);
    fb_text_show(&text, pixels);
    write_text("0\n1\n2\n3\n4\n5\n6\n7\n8\n");
    check_row(0, "0"); /* full, and nothing to make room for yet */
    check_row(ROWS - 1, "8");
    write_text("9");
    check_row(0, "2");
    check_row(ROWS - 1 - SCROLL_ROWS, "8");
    check_row(ROWS - SCROLL_ROWS, "9");
    check_row(ROWS - 1, "");
    write_text("\na\n\n\n");
    check_row(0, "4");
    check_row(ROWS - 1 - SCROLL_ROWS, "a");
}

/* What was written before the screen could be reached is on it then, however much it was. */
static void test_earlier_text_is_shown(void **state)
{
    begin(COLUMNS, ROWS);
    for (uint32_t i = 0; i < 30; i++) {
        char line[16];
        (void)snprintf(line, sizeof(line), "line %u\n", i);
        write_text(line);
    }
    for (size_t i = 0; i < ARRAY_SIZE(pixels); i++) {
        assert_int_equal(pixels[i], 0x33333333); /* not touched */
    }
    fb_text_show(&text, pixels);
    for (uint32_t row = 0; row < ROWS - 1; row++) { /* it has moved up last for the line before */
        char line[16];
        (void)snprintf(line, sizeof(line), "line %u", 30 - (ROWS - 1) + row);
        check_row(row, line);
    }
    check_row(ROWS - 1, "");
    assert_int_equal(pixels[HEIGHT * PITCH / 4 - 1], 0x33333333); /* behind the last row */
}

/* --- against a model --- */

struct model {
    char cells[ROWS][COLUMNS];
    uint32_t rows, columns, row, column;
};

static void model_room(struct model *m)
{
    uint32_t by = m->rows / 4 > 0 ? m->rows / 4 : 1;
    if (m->row >= m->rows) {
        for (uint32_t r = 0; r < m->rows; r++) {
            for (uint32_t c = 0; c < m->columns; c++) {
                m->cells[r][c] = r + by < m->rows ? m->cells[r + by][c] : ' ';
            }
        }
        m->row -= by;
    }
}

static void model_put(struct model *m, char c)
{
    if (c == '\n') {
        model_room(m);
        m->row++;
        m->column = 0;
    } else if (c == '\r') {
        m->column = 0;
    } else if (c == '\t') {
        uint32_t to = (m->column / 8 + 1) * 8;
        m->column = to < m->columns ? to : m->columns;
    } else {
        if (m->column == m->columns) {
            model_put(m, '\n');
        }
        model_room(m);
        m->cells[m->row][m->column++] = c;
    }
}

static void test_any_text_as_the_model_has_it(void **state)
{
    unsigned seed = 20240812;
    print_message("seed %u\n", seed);
    for (int run = 0; run < 200; run++) {
        struct model m = {.rows = 1 + (uint32_t)rand_r(&seed) % ROWS,
                          .columns = 1 + (uint32_t)rand_r(&seed) % COLUMNS};
        memset(m.cells, ' ', sizeof(m.cells));
        begin(m.columns, m.rows);
        int show_at = rand_r(&seed) % 10;
        for (int turn = 0; turn < 40; turn++) {
            char s[300];
            size_t len = (size_t)rand_r(&seed) % (turn % 8 == 0 ? sizeof(s) : 12);
            for (size_t i = 0; i < len; i++) {
                s[i] = "ab cXYZ~\n\n\r\t\x05\xc3"[rand_r(&seed) % 14];
                model_put(&m, s[i]);
            }
            fb_text_write(&text, s, len);
            if (turn == show_at) {
                fb_text_show(&text, pixels);
            }
            for (uint32_t r = 0; turn >= show_at && r < m.rows; r++) {
                for (uint32_t c = 0; c < m.columns; c++) {
                    assert_true(shows(r, c, m.cells[r][c]));
                }
            }
        }
    }
}

/* --- what it costs --- */

/* Which pixels are written, found by their not being what they were set to. */
static uint32_t cells_drawn(const char *s)
{
    const uint32_t mark = 0x12345678;
    for (size_t i = 0; i < ARRAY_SIZE(pixels); i++) {
        pixels[i] = mark;
    }
    write_text(s);
    uint32_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(pixels); i++) {
        count += pixels[i] != mark ? 1 : 0;
    }
    return count / 4;
}

static void test_only_changes_are_drawn(void **state)
{
    begin(COLUMNS, ROWS);
    fb_text_show(&text, pixels);
    assert_int_equal(cells_drawn("abc"), 3);
    assert_int_equal(cells_drawn("d\n"), 1);
    assert_int_equal(cells_drawn("\n\n \n"), 0);
    assert_int_equal(cells_drawn("abcd\rabXd"), 4);
    assert_int_equal(cells_drawn("\rabYd"), 1);
    begin(COLUMNS,
          ROWS); /* equal lines: when they move up there is nothing to draw in their place */
    fb_text_show(&text, pixels);
    write_text("same\nsame\nsame\nsame\nsame\nsame\nsame\nsame\nsame\n");
    assert_int_equal(cells_drawn("same"), 4 * (SCROLL_ROWS - 1));
    /* However much is written at once, each cell is drawn once at most. */
    char lines[4001];
    for (size_t i = 0; i < sizeof(lines) - 1; i++) {
        lines[i] = (char)('A' + i % 57);
    }
    lines[sizeof(lines) - 1] = '\0';
    assert_true(cells_drawn(lines) <= COLUMNS * ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters_have_their_places),
        cmocka_unit_test(test_full_screen_moves_up_by_a_quarter),
        cmocka_unit_test(test_earlier_text_is_shown),
        cmocka_unit_test(test_any_text_as_the_model_has_it),
        cmocka_unit_test(test_only_changes_are_drawn),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
