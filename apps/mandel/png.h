/*
 * A grey picture as a PNG file (ISO/IEC 15948), written as its rows come. zlib compresses.
 */
#ifndef MANDEL_PNG_H
#define MANDEL_PNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

enum {
    PNG_PIECE_BYTES = 4096, /* of compressed data in one chunk */
};

/* Takes bytes of the file. False: nobody wants more. */
typedef bool png_write_fn(void *arg, const void *bytes, size_t len);

struct png {
    z_stream z;
    png_write_fn *write;
    void *arg;
    bool ok; /* all writes succeeded so far */
    uint8_t piece[PNG_PIECE_BYTES];
};

/* The file's head. False: no memory, or nobody wants it. Then there is nothing to end. */
bool png_begin(struct png *p, png_write_fn *write, void *arg, uint32_t columns, uint32_t rows);

/* One row of a byte a pixel. */
void png_row(struct png *p, const uint8_t *pixels, size_t columns);

/* The file's end, and of what zlib holds. False: a write failed. */
bool png_end(struct png *p);

#endif
