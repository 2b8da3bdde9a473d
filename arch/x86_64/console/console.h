/*
 * The consoles: their devices' start-up and raw output, and small printing that needs nothing of
 * the rest of the kernel, for reports when it may be broken.
 */
#ifndef ARCH_X86_64_CONSOLE_CONSOLE_H
#define ARCH_X86_64_CONSOLE_CONSOLE_H

#include "boot/info/info.h"
#include "kernel/base.h"

/* Which consoles platform_console_write() writes to. A bit for an absent one is harmless. */
enum console_mask {
    CONSOLE_SERIAL = 1 << 0, /* COM1, 115200 8N1 */
    CONSOLE_VGA = 1 << 1,    /* 80x25 text */
    CONSOLE_FRAMEBUFFER = 1 << 2,
    CONSOLE_ALL = CONSOLE_SERIAL | CONSOLE_VGA | CONSOLE_FRAMEBUFFER,
};

void console_select(uint32_t mask);

/* Which were found. Any context. */
uint32_t console_present(void);

/* Finds the serial port, and selects all consoles. Start-up, the first thing. */
void console_init(void);

/*
 * Finds the screen: a framebuffer when the loader left one, and then nothing is written to VGA
 * text; else VGA text, if it is there. Start-up, once the boot information is decoded.
 */
void console_init_screen(const struct boot_framebuffer *fb);

/* Shows on a framebuffer what was written until now. Start-up, once there is an arena. */
void console_map_screen(void);

/* For a last report: to all consoles, on a screen that is not mapped yet too. Any context. */
void console_reach_all(void);

/* Says in the log which consoles there are. Start-up, after console_init_screen(). */
void console_log(void);

/* To the selected consoles, any context. digits: how many hexadecimal digits, 1..16. */
void console_text(const char *text);
void console_hex(uint64_t value, unsigned digits);
void console_decimal(uint64_t value);

#endif
