/*
 * Which consoles there are and which are written to. The devices are serial.c and vga.c.
 */
#include "arch/x86_64/console.h"
#include "arch/x86_64/arch.h"
#include "kernel/platform.h"

enum {
    HEX_DIGITS_MAX = 16,
    DECIMAL_DIGITS_MAX = 20,
};

static struct {
    uint32_t present;
    uint32_t selected;
} console;

void console_init(void)
{
    console.present = (serial_init() ? CONSOLE_SERIAL : 0) | (vga_init() ? CONSOLE_VGA : 0);
    console.selected = CONSOLE_ALL;
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
