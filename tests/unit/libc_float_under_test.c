/*
 * The floating point of the metal's C library: as libc_under_test.c.
 */
#include "tests/unit/libc_under_test.h"

#include "kernel/libc/float/fmt_float.c"
#include "kernel/libc/float/math.c"
#include "kernel/libc/float/printf.c"
#include "kernel/libc/float/printf_chk.c"
#include "kernel/libc/float/strtod.c"
