/*
 * The text screen over ports and memory of the test's: where characters go, when it scrolls, and
 * that a panic may come at every access and still find a place to write to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "kernel/base.h"

/* Instead of the processor's. */
#define ARCH_X86_64_CPU_CPU_H
static uint8_t in8(uint16_t port);
static void out8(uint16_t port, uint8_t v);
#include "arch/x86_64/console/vga.c"

static struct {
    uint8_t index;
    uint8_t crtc[256];
    uint8_t graphics_misc;
    uint32_t writes; /* to what the screen shows by */
    uint32_t accesses;
    uint32_t stop_at; /* the access at which a panic comes; 0: never */
    jmp_buf panic;
} fake;

static void access_port(void)
{
    if (++fake.accesses == fake.stop_at) {
        longjmp(fake.panic, 1);
    }
}

static uint8_t in8(uint16_t port)
{
    access_port();
    if (port == GRAPHICS_DATA) {
        return fake.graphics_misc;
    }
    return port == CRTC_DATA ? fake.crtc[fake.index] : fake.index;
}

static void out8(uint16_t port, uint8_t v)
{
    access_port();
    if (port == GRAPHICS_INDEX) {
        return;
    }
    fake.writes++;
    if (port == CRTC_INDEX) {
        fake.index = v;
    } else {
        fake.crtc[fake.index] = v;
    }
}

static int setup(void **state)
{
    void *at = (void *)(uintptr_t)VGA_TEXT_ADDRESS;
    size_t len = 2 * VGA_CELLS;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (mmap(at, len, PROT_READ | PROT_WRITE, flags, -1, 0) != at) {
        return -1;
    }
    return 0;
}

static void begin(void)
{
    memset(&fake, 0, sizeof(fake));
    memset(&vga, 0, sizeof(vga));
    assert_true(vga_init());
}

static void write_text(const char *text)
{
    vga_write(text, strlen(text));
}

/* A row as text, without the blanks at its end. */
static const char *row(uint32_t r)
{
    static char text[VGA_COLUMNS + 1];
    size_t len = 0;
    for (uint32_t c = 0; c < VGA_COLUMNS; c++) {
        text[c] = (char)screen()[r * VGA_COLUMNS + c];
        len = text[c] != ' ' ? c + 1 : len;
    }
    text[len] = '\0';
    return text;
}

static uint32_t cursor(void)
{
    return (uint32_t)fake.crtc[CRTC_CURSOR_HIGH] << 8 | fake.crtc[CRTC_CURSOR_LOW];
}

static void characters_have_their_places(void **state)
{
    begin();
    write_text("one\ttab\nover\rOV\n\nend");
    assert_string_equal(row(0), "one     tab");
    assert_string_equal(row(1), "OVer");
    assert_string_equal(row(2), "");
    assert_string_equal(row(3), "end");
    assert_int_equal(cursor(), 3 * VGA_COLUMNS + 3);
    for (uint32_t i = 0; i < VGA_COLUMNS - 3; i++) {
        write_text(".");
    }
    write_text("next"); /* a full line goes on in the next */
    assert_string_equal(row(4), "next");
}

static void a_full_screen_scrolls(void **state)
{
    begin();
    for (uint32_t i = 0; i < 100; i++) {
        char line[] = {'l', (char)('0' + i / 10), (char)('0' + i % 10), '\n', '\0'};
        write_text(line);
    }
    assert_string_equal(row(0), "l76");
    assert_string_equal(row(VGA_ROWS - 2), "l99");
    assert_string_equal(row(VGA_ROWS - 1), "");
    write_text("\n\n\nlast\tone\n");
    assert_string_equal(row(VGA_ROWS - 2), "last    one");
    assert_int_equal(cursor(), (VGA_ROWS - 1) * VGA_COLUMNS);
}

/* A graphics mode whose framebuffer nobody told of: its memory and registers are left alone. */
static void graphics_are_left_alone(void **state)
{
    memset(&fake, 0, sizeof(fake));
    fake.graphics_misc = 0x05;
    memset((void *)(uintptr_t)VGA_TEXT_ADDRESS, 0x11, sizeof(vga.cells));
    assert_false(vga_init());
    assert_int_equal(fake.writes, 0);
    assert_int_equal(screen()[0], 0x1111);
    fake.graphics_misc = 0xff; /* there is no VGA at all */
    assert_false(vga_init());
    fake.graphics_misc = 0x0e; /* text, at 0xb8000 */
    assert_true(vga_init());
}

/* The writer never comes back; the panic's own lines are the last on the screen. */
static void a_panic_at_any_access_can_write(void **state)
{
    for (volatile uint32_t at = 1; at < 5; at++) {
        begin();
        for (uint32_t i = 0; i < VGA_ROWS; i++) {
            write_text("full\n");
        }
        fake.accesses = 0;
        fake.stop_at = at;
        if (setjmp(fake.panic) == 0) {
            write_text("begun\nand ");
            fail_msg("no access %u", (unsigned)at);
        }
        fake.stop_at = 0;
        write_text("\npanic: here\nhalted\n");
        assert_string_equal(row(VGA_ROWS - 3), "panic: here");
        assert_string_equal(row(VGA_ROWS - 2), "halted");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_have_their_places),
        cmocka_unit_test(a_full_screen_scrolls),
        cmocka_unit_test(graphics_are_left_alone),
        cmocka_unit_test(a_panic_at_any_access_can_write),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
