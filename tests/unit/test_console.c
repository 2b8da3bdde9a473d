// LINK: arch/x86_64/console/console.c
/*
 * Which consoles are found, written to and told of, for every set of them that a machine may have.
 * The devices are stand-ins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/console/console.h"
#include "arch/x86_64/console/framebuffer.h"
#include "kernel/log.h"
#include "kernel/platform.h"

static struct {
    bool serial, vga;
    uint32_t vga_probes;
    const char *refusal; /* what framebuffer_init says */
    enum status map_status;
    uint32_t maps, reaches;
    char serial_text[100], vga_text[100], framebuffer_text[100];
    char log[300];
    enum log_level level;
} fake;

bool serial_init(void)
{
    return fake.serial;
}

bool vga_init(void)
{
    fake.vga_probes++;
    return fake.vga;
}

static void append(char *to, const char *text, size_t len)
{
    size_t at = strlen(to);
    assert_true(at + len < sizeof(fake.serial_text));
    memcpy(to + at, text, len);
    to[at + len] = '\0';
}

void serial_write(const char *text, size_t len)
{
    append(fake.serial_text, text, len);
}

void vga_write(const char *text, size_t len)
{
    append(fake.vga_text, text, len);
}

void framebuffer_write(const char *text, size_t len)
{
    append(fake.framebuffer_text, text, len);
}

const char *framebuffer_init(const struct boot_framebuffer *fb)
{
    return fake.refusal;
}

enum status framebuffer_map(void)
{
    fake.maps++;
    return fake.map_status;
}

void framebuffer_reach(void)
{
    fake.reaches++;
}

uint32_t framebuffer_columns(void)
{
    return 128;
}

uint32_t framebuffer_rows(void)
{
    return 48;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(fake.log, sizeof(fake.log), fmt, ap);
    va_end(ap);
    fake.level = level;
}

static void start(bool serial, bool vga, enum boot_screen screen)
{
    const struct boot_framebuffer fb = {
        .screen = screen,
        .address = UINT64_C(0x1280000000),
        .width = 1024,
        .height = 768,
        .bits_per_pixel = 24,
    };
    fake.serial = serial;
    fake.vga = vga;
    console_init();
    console_init_screen(&fb);
    console_map_screen();
    fake.log[0] = '\0';
    console_log();
    platform_console_write("text", 4);
}

static void check_written(bool serial, bool vga, bool framebuffer)
{
    assert_string_equal(fake.serial_text, serial ? "text" : "");
    assert_string_equal(fake.vga_text, vga ? "text" : "");
    assert_string_equal(fake.framebuffer_text, framebuffer ? "text" : "");
}

static int begin(void **state)
{
    memset(&fake, 0, sizeof(fake));
    return 0;
}

static void text_screen(void **state)
{
    start(true, true, BOOT_SCREEN_TEXT);
    check_written(true, true, false);
    assert_string_equal(fake.log, "console: COM1 at 115200 8N1, VGA text 80x25");
    assert_int_equal(fake.level, LOG_INFO);
    assert_int_equal(fake.maps, 0);
}

static void loader_that_says_nothing(void **state)
{
    start(false, true, BOOT_SCREEN_UNKNOWN);
    check_written(false, true, false);
    assert_string_equal(fake.log, "console: no COM1, VGA text 80x25");
}

static void nothing_at_all(void **state)
{
    start(false, false, BOOT_SCREEN_UNKNOWN);
    check_written(false, false, false);
    assert_string_equal(fake.log, "console: no COM1, no screen");
    assert_int_equal(console_present(), 0);
}

/* A VGA is in that mode too, and has memory at 0xb8000: it is not even probed for. */
static void pixels(void **state)
{
    start(true, true, BOOT_SCREEN_RGB);
    check_written(true, false, true);
    assert_int_equal(fake.vga_probes, 0);
    assert_int_equal(fake.maps, 1);
    assert_string_equal(fake.log,
                        "console: COM1 at 115200 8N1, framebuffer of 1024x768 pixels of 24 "
                        "bits at 0x1280000000: 48 rows of 128");
    console_select(CONSOLE_SERIAL | CONSOLE_VGA);
    platform_console_write("more", 4);
    assert_string_equal(fake.serial_text, "textmore");
    assert_string_equal(fake.framebuffer_text, "text");
    console_reach_all();
    assert_int_equal(fake.reaches, 1);
    platform_console_write("end", 3);
    assert_string_equal(fake.framebuffer_text, "textend");
}

static void pixels_that_cannot_be_used(void **state)
{
    const enum boot_screen screens[] = {BOOT_SCREEN_RGB, BOOT_SCREEN_OTHER};
    for (size_t i = 0; i < ARRAY_SIZE(screens); i++) {
        memset(&fake, 0, sizeof(fake));
        fake.refusal = "why not";
        start(true, true, screens[i]);
        check_written(true, false, false);
        assert_int_equal(fake.vga_probes, 0);
        assert_int_equal(fake.maps, 0);
        assert_string_equal(fake.log, "console: COM1 at 115200 8N1, no screen: the framebuffer of "
                                      "1024x768 pixels cannot be used: why not");
        assert_int_equal(fake.level, LOG_WARN);
    }
}

static void pixels_that_cannot_be_mapped(void **state)
{
    fake.map_status = STATUS_NO_MEMORY;
    start(true, false, BOOT_SCREEN_RGB);
    check_written(true, false, false);
    assert_int_equal(console_present(), CONSOLE_SERIAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(text_screen, begin),
        cmocka_unit_test_setup(loader_that_says_nothing, begin),
        cmocka_unit_test_setup(nothing_at_all, begin),
        cmocka_unit_test_setup(pixels, begin),
        cmocka_unit_test_setup(pixels_that_cannot_be_used, begin),
        cmocka_unit_test_setup(pixels_that_cannot_be_mapped, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
