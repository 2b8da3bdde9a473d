/*
 * The C library for the metal: POSIX limits. The C ones are the compiler's own <limits.h>, which
 * comes first in the search path and includes this one.
 */
#ifndef LIBC_LIMITS_H
#define LIBC_LIMITS_H

#define SSIZE_MAX __LONG_MAX__
#define PATH_MAX  4096
#define IOV_MAX   1024

#endif
