/*
 * PNG: a signature and chunks, each with a CRC; the picture is one zlib stream over all IDAT
 * chunks, of rows with a filter byte in front. Window and tables of the stream are small, for each
 * client has one: 32 KiB instead of 256.
 */
#include "apps/mandel/png.h"

#include <string.h>

enum {
    WINDOW_BITS = 12,
    MEMORY_LEVEL = 5,
    GREY_8_BITS = 8,
    IHDR_BYTES = 13,
};

static void put32(uint8_t *to, uint32_t v)
{
    to[0] = (uint8_t)(v >> 24);
    to[1] = (uint8_t)(v >> 16);
    to[2] = (uint8_t)(v >> 8);
    to[3] = (uint8_t)v;
}

static void write_bytes(struct png *p, const void *bytes, size_t len)
{
    p->ok = p->ok && p->write(p->arg, bytes, len);
}

static void write_chunk(struct png *p, const char *type, const uint8_t *data, size_t len)
{
    uint8_t head[8];
    uint8_t tail[4];
    put32(head, (uint32_t)len);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    put32(tail, (uint32_t)(len > 0 ? crc32(crc, data, (uInt)len) : crc));
    write_bytes(p, head, sizeof(head));
    write_bytes(p, data, len);
    write_bytes(p, tail, sizeof(tail));
}

bool png_begin(struct png *p, png_write_fn *write, void *arg, uint32_t columns, uint32_t rows)
{
    static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t header[IHDR_BYTES] = {[8] = GREY_8_BITS};
    memset(&p->z, 0, sizeof(p->z));
    p->write = write;
    p->arg = arg;
    p->ok = true;
    if (deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    p->z.next_out = p->piece;
    p->z.avail_out = sizeof(p->piece);
    put32(header, columns);
    put32(header + 4, rows);
    write_bytes(p, signature, sizeof(signature));
    write_chunk(p, "IHDR", header, sizeof(header));
    if (!p->ok) {
        deflateEnd(&p->z);
    }
    return p->ok;
}

static void write_piece(struct png *p)
{
    write_chunk(p, "IDAT", p->piece, sizeof(p->piece) - p->z.avail_out);
    p->z.next_out = p->piece;
    p->z.avail_out = sizeof(p->piece);
}

static void compress_bytes(struct png *p, const uint8_t *bytes, size_t len)
{
    p->z.next_in = (Bytef *)(uintptr_t)bytes;
    p->z.avail_in = (uInt)len;
    while (p->z.avail_in > 0) {
        (void)deflate(&p->z, Z_NO_FLUSH);
        if (p->z.avail_out == 0) {
            write_piece(p);
        }
    }
}

void png_row(struct png *p, const uint8_t *pixels, size_t columns)
{
    static const uint8_t no_filter = 0;
    compress_bytes(p, &no_filter, 1);
    compress_bytes(p, pixels, columns);
}

bool png_end(struct png *p)
{
    while (deflate(&p->z, Z_FINISH) != Z_STREAM_END) {
        write_piece(p);
    }
    write_piece(p);
    write_chunk(p, "IEND", NULL, 0);
    deflateEnd(&p->z);
    return p->ok;
}
