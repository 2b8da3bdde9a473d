/*
 * Names of glibc's that compiled libraries ask for: what they do stands in glibc's manual and in
 * the Linux Standard Base, "Interfaces for libc". Nobody includes this but those who define them.
 */
#ifndef LIBC_GLIBC_H
#define LIBC_GLIBC_H

#include <stddef.h>
#include <stdint.h>

int *__errno_location(void);
__attribute__((noreturn)) void __assert_fail(const char *expr, const char *file, unsigned line,
                                             const char *function);
__attribute__((noreturn)) void __chk_fail(void);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t size);
void *__memmove_chk(void *to, const void *from, size_t n, size_t size);
void *__memset_chk(void *to, int c, size_t n, size_t size);
char *__strcpy_chk(char *to, const char *from, size_t size);
char *__strncpy_chk(char *to, const char *from, size_t n, size_t size);
char *__strcat_chk(char *to, const char *from, size_t size);
char *__strncat_chk(char *to, const char *from, size_t n, size_t size);

long __isoc23_strtol(const char *s, char **end, int base);
long long __isoc23_strtoll(const char *s, char **end, int base);
unsigned long __isoc23_strtoul(const char *s, char **end, int base);
unsigned long long __isoc23_strtoull(const char *s, char **end, int base);

const uint16_t **__ctype_b_loc(void);
const int32_t **__ctype_tolower_loc(void);
const int32_t **__ctype_toupper_loc(void);

#endif
