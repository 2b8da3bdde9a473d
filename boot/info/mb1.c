/*
 * The Multiboot 1 information structure. Multiboot specification 0.6.96, section 3.3.
 */
#include "boot/info/decode.h"

enum {
    MB1_FLAGS = 0, /* field offsets in bytes; each but the first counts when its flag is set */
    MB1_MEM_LOWER_KIB = 4,
    MB1_MEM_UPPER_KIB = 8,
    MB1_CMDLINE = 16,
    MB1_MMAP_BYTES = 44,
    MB1_MMAP_ADDRESS = 48,
    MB1_LOADER_NAME = 64,
    MB1_FRAMEBUFFER = 88,
    MB1_COLOURS = 110,
    MB1_END = 116,

    MB1_HAS_MEMORY = 1 << 0,
    MB1_HAS_CMDLINE = 1 << 2,
    MB1_HAS_MMAP = 1 << 6,
    MB1_HAS_LOADER_NAME = 1 << 9,
    MB1_HAS_FRAMEBUFFER = 1 << 12,

    MB1_ENTRY_BASE = 4, /* the size field in front of an entry does not count itself */
    MB1_ENTRY_LENGTH = 12,
    MB1_ENTRY_TYPE = 20,
    MB1_ENTRY_SIZE_MIN_BYTES = 20,

    MB1_MMAP_MAX_BYTES = 64 * 1024,
    MB1_PATH_MAX_BYTES = 4096,
};

static enum boot_error walk_map(struct boot_info *out, const struct boot_reader *r,
                                enum boot_map_pass pass, uint64_t address, uint32_t length)
{
    uint64_t at = address;
    uint64_t end = address + length;
    while (at < end) {
        uint32_t size;
        uint32_t type;
        uint64_t base;
        uint64_t bytes;
        if (end - at < sizeof(size) || !boot_load_u32(r, at, &size) ||
            size < MB1_ENTRY_SIZE_MIN_BYTES || size > end - at - sizeof(size)) {
            return BOOT_TRUNCATED;
        }
        if (!boot_load_u64(r, at + MB1_ENTRY_BASE, &base) ||
            !boot_load_u64(r, at + MB1_ENTRY_LENGTH, &bytes) ||
            !boot_load_u32(r, at + MB1_ENTRY_TYPE, &type)) {
            return BOOT_TRUNCATED;
        }
        boot_memory_entry(out, pass, base, bytes, type);
        at += sizeof(size) + (uint64_t)size;
    }
    return BOOT_OK;
}

static enum boot_error decode_memory(struct boot_info *out, const struct boot_reader *r,
                                     uint32_t address, uint32_t flags)
{
    uint32_t a;
    uint32_t b;
    if ((flags & MB1_HAS_MMAP) != 0) {
        if (!boot_load_u32(r, (uint64_t)address + MB1_MMAP_BYTES, &a) ||
            !boot_load_u32(r, (uint64_t)address + MB1_MMAP_ADDRESS, &b) || a > MB1_MMAP_MAX_BYTES) {
            return BOOT_TRUNCATED;
        }
        enum boot_error e = walk_map(out, r, BOOT_MAP_ADD, b, a);
        return e != BOOT_OK ? e : walk_map(out, r, BOOT_MAP_REMOVE, b, a);
    }
    if ((flags & MB1_HAS_MEMORY) != 0) {
        if (!boot_load_u32(r, (uint64_t)address + MB1_MEM_LOWER_KIB, &a) ||
            !boot_load_u32(r, (uint64_t)address + MB1_MEM_UPPER_KIB, &b)) {
            return BOOT_TRUNCATED;
        }
        boot_memory_basic(out, a, b);
    }
    return BOOT_OK;
}

static bool starts_with(const char *text, const char *prefix)
{
    while (*prefix != '\0') {
        if (*text++ != *prefix++) {
            return false;
        }
    }
    return true;
}

/*
 * QEMU's -kernel and iPXE put the file's name in front of the arguments, GRUB 2 does not. A name
 * with a space in it cannot be told from arguments: it is cut at the space.
 */
static bool puts_name_first(const char *loader)
{
    return starts_with(loader, "qemu") || starts_with(loader, "iPXE");
}

/* The address behind the first word and the blanks after it. */
static uint64_t skip_word(const struct boot_reader *r, uint64_t address)
{
    bool in_word = true;
    for (uint32_t n = 0; n < MB1_PATH_MAX_BYTES; n++, address++) {
        const char *c = r->read(r->ctx, address, 1);
        if (c == NULL || *c == '\0') {
            break;
        }
        if (*c == ' ') {
            in_word = false;
        } else if (!in_word) {
            break;
        }
    }
    return address;
}

enum boot_error boot_decode_mb1(struct boot_info *out, const struct boot_reader *r,
                                uint32_t address)
{
    uint32_t flags;
    uint32_t text;
    if (!boot_load_u32(r, (uint64_t)address + MB1_FLAGS, &flags)) {
        return BOOT_TRUNCATED;
    }
    if ((flags & MB1_HAS_LOADER_NAME) != 0) {
        if (!boot_load_u32(r, (uint64_t)address + MB1_LOADER_NAME, &text)) {
            return BOOT_TRUNCATED;
        }
        (void)boot_copy_string(r, text, BOOT_LOADER_MAX, out->loader, sizeof(out->loader));
    }
    if ((flags & MB1_HAS_CMDLINE) != 0) {
        if (!boot_load_u32(r, (uint64_t)address + MB1_CMDLINE, &text)) {
            return BOOT_TRUNCATED;
        }
        uint64_t from = puts_name_first(out->loader) ? skip_word(r, text) : text;
        out->cmdline_cut =
            !boot_copy_string(r, from, BOOT_CMDLINE_MAX, out->cmdline, sizeof(out->cmdline));
    }
    if ((flags & MB1_HAS_FRAMEBUFFER) != 0) {
        const struct boot_framebuffer_at at = {(uint64_t)address + MB1_FRAMEBUFFER,
                                               (uint64_t)address + MB1_COLOURS,
                                               MB1_END - MB1_FRAMEBUFFER};
        if (!boot_decode_framebuffer(&out->framebuffer, r, &at)) {
            return BOOT_TRUNCATED;
        }
    }
    return decode_memory(out, r, address, flags);
}
