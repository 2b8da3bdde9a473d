/*
 * What the parts of the decoder share: reading untrusted physical memory, and building the table
 * of usable RAM. Private to boot/; other rooms use info.h.
 */
#ifndef BOOT_INFO_DECODE_H
#define BOOT_INFO_DECODE_H

#include "boot/info/info.h"

struct boot_reader {
    boot_read_fn *read;
    void *ctx;
};

enum {
    BOOT_RAM_USABLE = 1, /* both protocols: the one type that may be used; all others are taken */
};

/* The map is walked twice, so that a taken range wins wherever it stands in an unsorted map. */
enum boot_map_pass {
    BOOT_MAP_ADD,    /* collect what is usable */
    BOOT_MAP_REMOVE, /* cut out what any other entry claims */
};

/* Little-endian loads at any alignment. False when the place is not readable: *out is unchanged. */
bool boot_load_u32(const struct boot_reader *r, uint64_t address, uint32_t *out);
bool boot_load_u64(const struct boot_reader *r, uint64_t address, uint64_t *out);

/*
 * Copies the string at address, at most max_bytes long, to dst and ends it with NUL. False when it
 * was cut: it did not fit, or its end was not readable.
 */
bool boot_copy_string(const struct boot_reader *r, uint64_t address, size_t max_bytes, char *dst,
                      size_t dst_bytes);

/*
 * Where a framebuffer's description stands: its fields are the same in both protocols, but for a
 * gap in front of the colours.
 */
struct boot_framebuffer_at {
    uint64_t address; /* of the first field, the framebuffer's address */
    uint64_t colours; /* of the six bytes that say where a pixel has them */
    uint32_t bytes;   /* readable from address on, with the colours when they are told */
};

/* Decodes it. False when it ends before what its type needs, or is not readable: *out is clear. */
bool boot_decode_framebuffer(struct boot_framebuffer *out, const struct boot_reader *r,
                             const struct boot_framebuffer_at *at);

/* One entry of a memory map in the given pass. Any values: it may be empty, or run over 2^64. */
void boot_memory_entry(struct boot_info *info, enum boot_map_pass pass, uint64_t base,
                       uint64_t length, uint32_t type);

/* The oldest fallback: KiB of RAM from 0, and KiB of RAM from 1 MiB. */
void boot_memory_basic(struct boot_info *info, uint32_t lower_kib, uint32_t upper_kib);

enum boot_error boot_decode_mb1(struct boot_info *out, const struct boot_reader *r,
                                uint32_t address);
enum boot_error boot_decode_mb2(struct boot_info *out, const struct boot_reader *r,
                                uint32_t address);

#endif
