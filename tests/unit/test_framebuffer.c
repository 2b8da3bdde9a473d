// LINK: arch/x86_64/console/raster.c
/*
 * The framebuffer console: what is written before its pixels can be reached, at which addresses
 * they may be touched at all, and that a panic may come while it draws and is shown all the same.
 * Page tables and the processor are stand-ins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "arch/x86_64/console/raster.h"
#include "arch/x86_64/mm/paging.h"

/* Instead of the processor's. */
#define ARCH_X86_64_CPU_CPU_H
static void cpu_mfence(void);

/* Draws, and counts: a panic comes at one of them. */
static void draw_counted(struct raster *r, uint32_t row, uint32_t column, const uint8_t *text,
                         uint32_t count);
#define raster_draw draw_counted
#include "arch/x86_64/console/fb_text.c"
#include "arch/x86_64/console/framebuffer.c"
#undef raster_draw

#define LOW_ADDRESS  UINT64_C(0x20000000)
#define HIGH_ADDRESS UINT64_C(0x200000001000) /* behind what the sanitizer has */

enum {
    WIDTH = 50, /* ten cells and a bit */
    HEIGHT = 31,
    ROWS = 6,
    PITCH = 2 * WIDTH + 6,
    BYTES = PITCH * (HEIGHT - 1) + 2 * WIDTH,
};

static uint8_t glyphs[FONT_GLYPHS * 5];
const struct font console_font = {5, 5, 1, glyphs};

static struct {
    enum status map_status;
    uint64_t mapped, mapped_bytes;
    uint32_t map_calls, fences, draws;
    uint32_t panic_at; /* the drawing that a panic interrupts; 0: none does */
    jmp_buf panic;
} fake;

static void cpu_mfence(void)
{
    fake.fences++;
}

enum status paging_map_wc(uint64_t phys, uint64_t len)
{
    fake.map_calls++;
    fake.mapped = phys;
    fake.mapped_bytes = len;
    return fake.map_status;
}

static void draw_counted(struct raster *r, uint32_t row, uint32_t column, const uint8_t *text,
                         uint32_t count)
{
    if (++fake.draws == fake.panic_at) {
        longjmp(fake.panic, 1);
    }
    raster_draw(r, row, column, text, count);
}

static uint8_t *pixels_at(uint64_t address)
{
    return (uint8_t *)(uintptr_t)address;
}

static int setup(void **state)
{
    for (size_t i = 5; i < sizeof(glyphs); i++) { /* the first is the blank */
        glyphs[i] = (uint8_t)(i * 37);
    }
    const uint64_t addresses[] = {LOW_ADDRESS, HIGH_ADDRESS};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        void *at = pixels_at(addresses[i]);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        if (mmap(at, BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != at) {
            return -1;
        }
    }
    return 0;
}

static void begin(uint64_t address)
{
    const struct boot_framebuffer fb = {
        .screen = BOOT_SCREEN_RGB,
        .address = address,
        .pitch_bytes = PITCH,
        .width = WIDTH,
        .height = HEIGHT,
        .bits_per_pixel = 16,
        .red = {11, 5},
        .green = {5, 6},
        .blue = {0, 5},
    };
    memset(&fake, 0, sizeof(fake));
    memset(&framebuffer, 0, sizeof(framebuffer));
    memset(pixels_at(address), 0x77, BYTES);
    assert_null(framebuffer_init(&fb));
    assert_int_equal(framebuffer_columns(), 10);
    assert_int_equal(framebuffer_rows(), ROWS);
}

static void write_text(const char *text)
{
    framebuffer_write(text, strlen(text));
}

static bool untouched(uint64_t address)
{
    for (size_t i = 0; i < BYTES; i++) {
        if (pixels_at(address)[i] != 0x77) {
            return false;
        }
    }
    return true;
}

/* What is in the cells is what the pixels show: drawn anew it is the same picture. */
static void check_shown(uint64_t address, uint32_t row, const char *text)
{
    static uint8_t before[BYTES];
    size_t len = strlen(text);
    for (uint32_t column = 0; column < 10; column++) {
        uint8_t c = column < len ? (uint8_t)text[column] : ' ';
        assert_int_equal(framebuffer.text.cells[row][column], c);
    }
    memcpy(before, pixels_at(address), BYTES);
    for (uint32_t r = 0; r < ROWS; r++) {
        raster_draw(&framebuffer.text.raster, r, 0, framebuffer.text.cells[r], 10);
    }
    assert_memory_equal(before, pixels_at(address), BYTES);
}

static void shown_once_it_is_mapped(void **state)
{
    const uint64_t addresses[] = {LOW_ADDRESS, HIGH_ADDRESS};
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        uint64_t address = addresses[i];
        begin(address);
        write_text("first\nsecond");
        assert_true(untouched(address));
        assert_int_equal(framebuffer_map(), STATUS_OK);
        assert_int_equal(fake.mapped, address);
        assert_int_equal(fake.mapped_bytes, BYTES);
        check_shown(address, 0, "first");
        check_shown(address, 1, "second");
        uint32_t fences = fake.fences;
        write_text("\nthird");
        assert_true(fake.fences > fences); /* nothing stays in a buffer of the processor's */
        check_shown(address, 2, "third");
    }
}

/* Whatever it is that lies there, it is nobody's screen. */
static void not_touched_when_it_cannot_be_mapped(void **state)
{
    begin(LOW_ADDRESS);
    fake.map_status = STATUS_BAD_INPUT;
    write_text("lost");
    assert_int_equal(framebuffer_map(), STATUS_BAD_INPUT);
    framebuffer_reach();
    assert_true(untouched(LOW_ADDRESS));
}

static void an_early_report_is_shown_where_all_is_mapped(void **state)
{
    begin(LOW_ADDRESS);
    write_text("why");
    framebuffer_reach();
    assert_int_equal(fake.map_calls, 0);
    write_text(": RAM");
    check_shown(LOW_ADDRESS, 0, "why: RAM");
    framebuffer_reach(); /* the second changes nothing */
    check_shown(LOW_ADDRESS, 0, "why: RAM");

    begin(HIGH_ADDRESS); /* there are no page tables for it yet: touching it would be a fault */
    write_text("why");
    framebuffer_reach();
    assert_true(untouched(HIGH_ADDRESS));

    begin(LOW_ADDRESS);
    framebuffer.address =
        0x300000; /* one that is said to lie in the image: not mapped in this test */
    framebuffer_reach();

    memset(&framebuffer, 0, sizeof(framebuffer)); /* there is none */
    framebuffer_reach();
}

static void a_refused_one_is_none(void **state)
{
    memset(&fake, 0, sizeof(fake));
    memset(&framebuffer, 0, sizeof(framebuffer));
    const struct boot_framebuffer fb = {.screen = BOOT_SCREEN_OTHER, .address = LOW_ADDRESS};
    memset(pixels_at(LOW_ADDRESS), 0x77, BYTES);
    assert_non_null(framebuffer_init(&fb));
    framebuffer_reach();
    assert_true(untouched(LOW_ADDRESS));
}

/* The writer never comes back; what the panic writes is shown, and so is what was written before.
 */
static void a_panic_while_drawing_is_shown(void **state)
{
    for (volatile uint32_t at = 1; at <= ROWS; at++) {
        begin(LOW_ADDRESS);
        assert_int_equal(framebuffer_map(), STATUS_OK);
        write_text("a\nb\nc\nd\ne\nf\n");
        fake.panic_at = fake.draws + at;
        if (setjmp(fake.panic) == 0) {
            write_text("begun\nand\nfull\nagain\nand\nagain\n"); /* each row is another */
            fail_msg("no drawing %u", (unsigned)at);
        }
        fake.panic_at = 0;
        write_text("\npanic: x\nhalted\n");
        check_shown(LOW_ADDRESS, ROWS - 1, "halted");
        check_shown(LOW_ADDRESS, ROWS - 2, "panic: x");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shown_once_it_is_mapped),
        cmocka_unit_test(not_touched_when_it_cannot_be_mapped),
        cmocka_unit_test(an_early_report_is_shown_where_all_is_mapped),
        cmocka_unit_test(a_refused_one_is_none),
        cmocka_unit_test(a_panic_while_drawing_is_shown),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
