/*
 * The Date field's value (RFC 9110, 5.6.7).
 */
#ifndef HTTPD_DATE_H
#define HTTPD_DATE_H

#include <stdint.h>

enum {
    DATE_BYTES = 30, /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */
};

/* Seconds since 1970 as IMF-fixdate. Good from 1970 to 9999. */
void date_format(int64_t unix_s, char out[DATE_BYTES]);

#endif
