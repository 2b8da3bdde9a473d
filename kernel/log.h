/*
 * The leveled log: one line an entry, stamped with the time since entry, kept in a ring in memory
 * and written to the consoles when at or below the console level (`log=` on the command line).
 *
 *     [    0.012345] e1000: link up, 1000 Mb/s full duplex
 *
 * Lines say "component: what happened", name the input that was wrong and what is allowed, and
 * carry no trailing newline. Any context; bounded time. Of an interrupt's burst the consoles show
 * the first lines and how many there were more.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "kernel/base.h"

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

enum {
    LOG_LINE_MAX = 256, /* a longer line is cut and ends in "..." */
    LOG_RING_BYTES = 16 * 1024,
};

void log_write(enum log_level level, const char *fmt, ...) printf_like(2, 3);
void log_write_v(enum log_level level, const char *fmt, va_list ap);

/*
 * len bytes as they are to the consoles and not into the ring: what an application writes. In
 * pieces of at most LOG_LINE_MAX bytes, of whole lines where there are ends of lines: an
 * interrupt's line waits for no more than one piece. Not from irq context; interrupts stay on.
 */
void log_console_write(const char *text, size_t len);

void log_set_level(enum log_level console_level);

/* Copies the newest entries that fit, oldest first, whole lines. Returns bytes written (no NUL). */
size_t log_read(char *buf, size_t size);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
