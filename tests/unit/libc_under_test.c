/*
 * The metal's C library but for its floating point (libc_float_under_test.c), compiled for the host
 * under names of its own. Nothing of the host's headers but the compiler's is seen here, so the two
 * cannot mix.
 */
#include "tests/unit/libc_under_test.h"

#include "kernel/libc/ctype.c"
#include "kernel/libc/errno.c"
#include "kernel/libc/fmt.c"
#include "kernel/libc/glibc.c"
#include "kernel/libc/malloc.c"
#include "kernel/libc/memory.c"
#include "kernel/libc/stdio.c"
#include "kernel/libc/stdlib.c"
#include "kernel/libc/strdup.c"
#include "kernel/libc/string.c"
#include "kernel/libc/strto.c"
#include "kernel/libc/time.c"
