/*
 * What the boot loader told us, decoded into one read-only struct. Decoding is a pure function over
 * bytes: it trusts nothing, reads nothing outside the given ranges, and runs on the host in tests.
 * Multiboot 1 (0.6.96) and Multiboot 2 (2.0) specifications.
 */
#ifndef BOOT_INFO_INFO_H
#define BOOT_INFO_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BOOT_MEMORY_MAX = 64,
    BOOT_CMDLINE_MAX = 1024,
    BOOT_LOADER_MAX = 64,
    BOOT_RSDP_BYTES = 36,
    BOOT_DHCP_ACK_MAX = 1500, /* an Ethernet frame's payload: more than any that came in one */
};

enum boot_protocol {
    BOOT_MULTIBOOT1 = 1,
    BOOT_MULTIBOOT2 = 2,
};

struct boot_memory { /* one usable RAM range: [start, end), sorted, not overlapping, not empty */
    uint64_t start;
    uint64_t end;
};

/* What the loader left the screen in. What is not a text mode of the VGA is no place for text. */
enum boot_screen {
    BOOT_SCREEN_UNKNOWN, /* the loader did not say */
    BOOT_SCREEN_TEXT,    /* VGA text mode */
    BOOT_SCREEN_RGB,     /* pixels, of three colours side by side */
    BOOT_SCREEN_OTHER,   /* pixels of another kind: a palette's, or a later specification's */
};

struct boot_colour { /* where a pixel has it, in bits */
    uint8_t position;
    uint8_t size;
};

/* As the loader says it, and checked by its users. Of BOOT_SCREEN_UNKNOWN all else is 0. */
struct boot_framebuffer {
    enum boot_screen screen;
    uint64_t address; /* physical */
    uint32_t pitch_bytes;
    uint32_t width, height; /* in pixels or, in text mode, in characters */
    uint8_t bits_per_pixel;
    struct boot_colour red, green, blue; /* BOOT_SCREEN_RGB only */
};

struct boot_info {
    enum boot_protocol protocol;
    char loader[BOOT_LOADER_MAX];   /* NUL-terminated, cut when longer */
    char cmdline[BOOT_CMDLINE_MAX]; /* without the file name that qemu -kernel puts in front */
    bool cmdline_cut;
    struct boot_memory memory[BOOT_MEMORY_MAX];
    uint32_t memory_count;
    uint32_t memory_dropped;       /* ranges that did not fit the table */
    uint8_t rsdp[BOOT_RSDP_BYTES]; /* copy of the ACPI root pointer, when the loader gave one */
    uint32_t rsdp_bytes;           /* 20, 36, or 0 when not given */
    struct boot_framebuffer framebuffer;
    uint8_t dhcp_ack[BOOT_DHCP_ACK_MAX]; /* the BOOTP message that the loader got its address by */
    uint32_t dhcp_ack_bytes;             /* 0: none, not booted by network, or one too long */
};

enum boot_error {
    BOOT_OK = 0,
    BOOT_BAD_MAGIC, /* EAX is neither multiboot magic */
    BOOT_TRUNCATED, /* the structure ends before its contents do */
    BOOT_NO_MEMORY_MAP,
};

/*
 * How the decoder reads physical memory: a pointer to [address, address + len) or NULL when that
 * is not readable. On the machine: anything below 4 GiB but page 0; in tests: a buffer.
 */
typedef const void *boot_read_fn(void *ctx, uint64_t address, size_t len);

/* magic and address are EAX and EBX at entry. */
enum boot_error boot_info_decode(struct boot_info *out, uint32_t magic, uint32_t address,
                                 boot_read_fn *read, void *ctx);
const char *boot_error_text(enum boot_error e);

#endif
