/*
 * The C library for the metal: assert. It stays on, NDEBUG or not: see kernel/base.h.
 */
#ifndef LIBC_ASSERT_H
#define LIBC_ASSERT_H

__attribute__((noreturn)) void assert_fail(const char *expr, const char *file, int line,
                                           const char *func);

#undef assert
#define assert(x) ((x) ? (void)0 : assert_fail(#x, __FILE__, __LINE__, __func__))

#ifndef static_assert
#define static_assert _Static_assert
#endif

#endif
