/*
 * The consoles: their devices' start-up and raw output, and small printing that needs nothing of
 * the rest of the kernel, for reports when it may be broken.
 */
#ifndef ARCH_X86_64_CONSOLE_H
#define ARCH_X86_64_CONSOLE_H

#include "kernel/base.h"

/* Finds the consoles and selects all. Start-up, the first thing. */
void console_init(void);

/* To the selected consoles, any context. digits: how many hexadecimal digits, 1..16. */
void console_text(const char *text);
void console_hex(uint64_t value, unsigned digits);
void console_decimal(uint64_t value);

/* True when the device is there. Probes and sets it up. */
bool serial_init(void);
bool vga_init(void);

/* Bounded in time; only after init said the device is there. '\n' starts a new line. */
void serial_write(const char *text, size_t len);
void vga_write(const char *text, size_t len);

#endif
