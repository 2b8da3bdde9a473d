/*
 * The consoles of characters, which console.c writes to. Nobody else includes this.
 */
#ifndef ARCH_X86_64_CONSOLE_DEVICE_H
#define ARCH_X86_64_CONSOLE_DEVICE_H

#include "kernel/base.h"

/* True when the device is there. Probes and sets it up. */
bool serial_init(void);
bool vga_init(void);

/* Bounded in time; only after init said the device is there. '\n' starts a new line. */
void serial_write(const char *text, size_t len);
void vga_write(const char *text, size_t len);

#endif
