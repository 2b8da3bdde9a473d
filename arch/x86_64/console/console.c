/*
 * Which consoles there are and which are written to; each may be missing, and all of them. The
 * devices are serial.c, vga.c and framebuffer.c.
 */
#include "arch/x86_64/console/console.h"
#include "arch/x86_64/console/device.h"
#include "arch/x86_64/console/framebuffer.h"
#include "kernel/log.h"
#include "kernel/platform.h"

enum {
    HEX_DIGITS_MAX = 16,
    DECIMAL_DIGITS_MAX = 20,
};

static struct {
    uint32_t present;
    uint32_t selected;
    const char *refused; /* why the framebuffer that the loader tells of is not written to */
    struct boot_framebuffer framebuffer;
} console;

void console_init(void)
{
    console.present = serial_init() ? CONSOLE_SERIAL : 0;
    console.selected = CONSOLE_ALL;
}

void console_init_screen(const struct boot_framebuffer *fb)
{
    console.framebuffer = *fb;
    if (fb->screen == BOOT_SCREEN_RGB || fb->screen == BOOT_SCREEN_OTHER) {
        console.refused = framebuffer_init(fb);
        console.present |= console.refused == NULL ? CONSOLE_FRAMEBUFFER : 0;
    } else {
        console.present |= vga_init() ? CONSOLE_VGA : 0;
    }
}

void console_map_screen(void)
{
    if ((console.present & CONSOLE_FRAMEBUFFER) == 0) {
        return;
    }
    enum status s = framebuffer_map();
    if (s != STATUS_OK) {
        console.present &= ~(uint32_t)CONSOLE_FRAMEBUFFER;
        log_warn("console: the framebuffer cannot be mapped (status %d)", (int)s);
    }
}

void console_reach_all(void)
{
    console.selected = CONSOLE_ALL;
    framebuffer_reach();
}

void console_log(void)
{
    const struct boot_framebuffer *fb = &console.framebuffer;
    const char *port = (console.present & CONSOLE_SERIAL) != 0 ? "COM1 at 115200 8N1" : "no COM1";
    if ((console.present & CONSOLE_FRAMEBUFFER) != 0) {
        log_info("console: %s, framebuffer of %ux%u pixels of %u bits at 0x%llx: %u rows of %u",
                 port, fb->width, fb->height, fb->bits_per_pixel, (unsigned long long)fb->address,
                 framebuffer_rows(), framebuffer_columns());
    } else if (console.refused != NULL) {
        log_warn("console: %s, no screen: the framebuffer of %ux%u pixels cannot be used: %s", port,
                 fb->width, fb->height, console.refused);
    } else {
        log_info("console: %s, %s", port,
                 (console.present & CONSOLE_VGA) != 0 ? "VGA text 80x25" : "no screen");
    }
}

void console_select(uint32_t mask)
{
    assert((mask & ~(uint32_t)CONSOLE_ALL) == 0);
    console.selected = mask;
}

uint32_t console_present(void)
{
    return console.present;
}

void platform_console_write(const char *text, size_t len)
{
    uint32_t to = console.present & console.selected;
    if ((to & CONSOLE_SERIAL) != 0) {
        serial_write(text, len);
    }
    if ((to & CONSOLE_VGA) != 0) {
        vga_write(text, len);
    }
    if ((to & CONSOLE_FRAMEBUFFER) != 0) {
        framebuffer_write(text, len);
    }
}

void console_text(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0') {
        len++;
    }
    platform_console_write(text, len);
}

void console_hex(uint64_t value, unsigned digits)
{
    char buf[2 + HEX_DIGITS_MAX] = "0x";
    assert(digits >= 1 && digits <= HEX_DIGITS_MAX);
    for (unsigned i = 0; i < digits; i++) {
        buf[2 + i] = "0123456789abcdef"[(value >> (4 * (digits - 1 - i))) & 15];
    }
    platform_console_write(buf, 2 + digits);
}

void console_decimal(uint64_t value)
{
    char buf[DECIMAL_DIGITS_MAX];
    size_t at = sizeof(buf);
    do {
        assert(at > 0);
        buf[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    platform_console_write(buf + at, sizeof(buf) - at);
}
