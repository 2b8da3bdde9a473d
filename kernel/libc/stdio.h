/*
 * The C library for the metal: formatted output (C11 7.21). There are no files: stdout and stderr
 * both are the log, where each line becomes an entry of its own at the level "info". What does not
 * end in a newline is kept until one comes, or fflush(), or exit(). Formats: %d %i %u %x %X %o %c
 * %s %p %f %F %e %E %g %G %a %A %%, the lengths hh h l ll z j t L, the flags - 0 + space #, width
 * and precision, also as *. An unknown conversion is printed as it stands.
 *
 * Code that is compiled without floating-point registers, the kernel's, has snprintf and vsnprintf
 * alone, and gets them without floating point: those for applications save such registers.
 */
#ifndef LIBC_STDIO_H
#define LIBC_STDIO_H

#include <stdarg.h>
#include <stddef.h>

#define EOF (-1)

struct libc_file;
typedef struct libc_file FILE;
extern FILE *const stdout;
extern FILE *const stderr;

#define LIBC_PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#ifdef __SSE2__
#define LIBC_KERNEL_NAME(name)
#else
#define LIBC_KERNEL_NAME(name) __asm__("rs_" name)
#endif

/* As C11 has them: the length the whole text has, or -1 (errno EOVERFLOW) above INT_MAX. */
int snprintf(char *buf, size_t size, const char *fmt, ...) LIBC_KERNEL_NAME("snprintf")
    LIBC_PRINTF_LIKE(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) LIBC_KERNEL_NAME("vsnprintf")
    LIBC_PRINTF_LIKE(3, 0);

#ifdef __SSE2__
int printf(const char *fmt, ...) LIBC_PRINTF_LIKE(1, 2);
int vprintf(const char *fmt, va_list ap) LIBC_PRINTF_LIKE(1, 0);
int fprintf(FILE *f, const char *fmt, ...) LIBC_PRINTF_LIKE(2, 3);
int vfprintf(FILE *f, const char *fmt, va_list ap) LIBC_PRINTF_LIKE(2, 0);

/* For servers and libraries from elsewhere: they are not told the size of buf. */
int sprintf(char *buf, const char *fmt, ...) LIBC_PRINTF_LIKE(2, 3);
int vsprintf(char *buf, const char *fmt, va_list ap) LIBC_PRINTF_LIKE(2, 0);
#endif

int puts(const char *s);
int fputs(const char *s, FILE *f);
int putchar(int c);
int fputc(int c, FILE *f);
size_t fwrite(const void *from, size_t size, size_t count, FILE *f);
int fflush(FILE *f); /* a line that is not ended becomes an entry now; returns 0 */
void perror(const char *s);

#endif
