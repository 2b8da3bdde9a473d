/*
 * The lines of the chunked coding: chunk sizes with their extensions, and trailers. Judges every
 * byte of them by the grammar and says which go on to llhttp: sizes, data and ends of lines do,
 * extensions and trailers, which nobody here wants and llhttp's releases read each in a way of its
 * own, do not. Pure. Follows RFC 9112, 7.1.
 */
#ifndef HTTPD_CHUNK_LINES_H
#define HTTPD_CHUNK_LINES_H

#include <stdint.h>

#include "apps/httpd/span.h"

enum {
    CHUNK_SIZE_DIGITS_MAX = 16, /* leading zeros among them: fits 64 bits */
    /* Sizes, extensions and trailers without a byte of data between. RFC 9112, 7.1.1. */
    CHUNK_LINES_MAX_BYTES = 16 * 1024,
};

/* All zero is the start of a body. */
struct chunk_lines {
    uint64_t size;  /* of the chunk whose line this is */
    uint64_t left;  /* of its data */
    uint32_t bytes; /* of lines since the last byte of data */
    uint8_t state;  /* enum chunk_state */
    uint8_t digits; /* of size so far */
};

enum chunk_result {
    CHUNK_MORE,
    CHUNK_DONE, /* the last byte of the body was among those taken */
    CHUNK_BAD,
    CHUNK_TOO_LONG, /* more than CHUNK_LINES_MAX_BYTES */
};

/*
 * Takes bytes of in[0..len), len > 0, and says in *used how many: at least one, and at most up to
 * the end of the first run of bytes that are llhttp's, which is *run (possibly empty).
 */
enum chunk_result chunk_lines_take(struct chunk_lines *c, const char *in, size_t len, size_t *used,
                                   struct span *run);

#endif
