/*
 * The Multiboot 2 information structure: a list of tags. Multiboot2 specification 2.0, section 3.6.
 */
#include "boot/info/decode.h"

enum {
    MB2_HEADER_BYTES = 8, /* total size, reserved: and the same for a tag: type, size */
    MB2_ALIGN_BYTES = 8,
    MB2_TOTAL_MAX_BYTES = 1024 * 1024,

    MB2_TAG_END = 0,
    MB2_TAG_CMDLINE = 1,
    MB2_TAG_LOADER_NAME = 2,
    MB2_TAG_BASIC_MEMORY = 4,
    MB2_TAG_MMAP = 6,
    MB2_TAG_FRAMEBUFFER = 8,
    MB2_TAG_RSDP_V1 = 14,
    MB2_TAG_RSDP_V2 = 15,
    MB2_TAG_NETWORK = 16,

    MB2_MMAP_ENTRY_SIZE = 8, /* offsets within the memory map tag */
    MB2_MMAP_ENTRIES = 16,
    MB2_ENTRY_BASE = 0, /* offsets within an entry */
    MB2_ENTRY_LENGTH = 8,
    MB2_ENTRY_TYPE = 16,
    MB2_ENTRY_MIN_BYTES = 24,

    MB2_RSDP_V1_BYTES = 20,
    MB2_RSDP_V2_BYTES = 36,

    /* Within the tag. Section 3.6.12 has one reserved byte in front of the colours; the header
     * file of its own chapter 4, and GRUB, have two. */
    MB2_FRAMEBUFFER = 8,
    MB2_COLOURS = 32,
};

struct tag {
    uint64_t address; /* of its type field */
    uint32_t type;
    uint32_t size_bytes; /* with type and size, without the padding behind it */
};

/*
 * The tag at *offset, *offset moved behind it. False when the list ends without an end tag, or the
 * tag is shorter than its own head (such a list would never end) or longer than the list.
 */
static bool next_tag(const struct boot_reader *r, uint64_t list, uint32_t total, uint32_t *offset,
                     struct tag *out)
{
    if (*offset > total || total - *offset < MB2_HEADER_BYTES) {
        return false;
    }
    out->address = list + *offset;
    if (!boot_load_u32(r, out->address, &out->type) ||
        !boot_load_u32(r, out->address + 4, &out->size_bytes) ||
        out->size_bytes < MB2_HEADER_BYTES || out->size_bytes > total - *offset) {
        return false;
    }
    *offset += (out->size_bytes + MB2_ALIGN_BYTES - 1) & ~(uint32_t)(MB2_ALIGN_BYTES - 1);
    return true;
}

static enum boot_error walk_map(struct boot_info *out, const struct boot_reader *r,
                                enum boot_map_pass pass, const struct tag *t)
{
    uint32_t entry_bytes;
    if (t->size_bytes < MB2_MMAP_ENTRIES ||
        !boot_load_u32(r, t->address + MB2_MMAP_ENTRY_SIZE, &entry_bytes) ||
        entry_bytes < MB2_ENTRY_MIN_BYTES) {
        return BOOT_TRUNCATED;
    }
    uint32_t left = t->size_bytes - MB2_MMAP_ENTRIES;
    uint64_t at = t->address + MB2_MMAP_ENTRIES;
    for (; left >= entry_bytes; left -= entry_bytes, at += entry_bytes) {
        uint64_t base;
        uint64_t length;
        uint32_t type;
        if (!boot_load_u64(r, at + MB2_ENTRY_BASE, &base) ||
            !boot_load_u64(r, at + MB2_ENTRY_LENGTH, &length) ||
            !boot_load_u32(r, at + MB2_ENTRY_TYPE, &type)) {
            return BOOT_TRUNCATED;
        }
        boot_memory_entry(out, pass, base, length, type);
    }
    return left == 0 ? BOOT_OK : BOOT_TRUNCATED;
}

/* The newer root pointer wins, whichever comes first. It is checked by its users. */
static enum boot_error copy_rsdp(struct boot_info *out, const struct boot_reader *r,
                                 const struct tag *t, uint32_t bytes)
{
    const uint8_t *from = r->read(r->ctx, t->address + MB2_HEADER_BYTES, bytes);
    if (t->size_bytes - MB2_HEADER_BYTES < bytes || from == NULL) {
        return BOOT_TRUNCATED;
    }
    if (out->rsdp_bytes > bytes) {
        return BOOT_OK;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        out->rsdp[i] = from[i];
    }
    out->rsdp_bytes = bytes;
    return BOOT_OK;
}

/*
 * One that is too short is as good as none: there is no need for a screen. Where there are two, the
 * one that can be read counts.
 */
static void decode_framebuffer(struct boot_info *out, const struct boot_reader *r,
                               const struct tag *t)
{
    const struct boot_framebuffer_at at = {t->address + MB2_FRAMEBUFFER, t->address + MB2_COLOURS,
                                           t->size_bytes - MB2_FRAMEBUFFER};
    struct boot_framebuffer found;
    if (boot_decode_framebuffer(&found, r, &at)) {
        out->framebuffer = found;
    }
}

/*
 * Section 3.6, "Networking information". There is one for each interface that the loader configured
 * by DHCP; the first counts. A message that does not fit would be another one when it is cut.
 */
static enum boot_error copy_dhcp_ack(struct boot_info *out, const struct boot_reader *r,
                                     const struct tag *t)
{
    uint32_t bytes = t->size_bytes - MB2_HEADER_BYTES;
    if (out->dhcp_ack_bytes > 0 || bytes == 0 || bytes > sizeof(out->dhcp_ack)) {
        return BOOT_OK;
    }
    const uint8_t *from = r->read(r->ctx, t->address + MB2_HEADER_BYTES, bytes);
    if (from == NULL) {
        return BOOT_TRUNCATED;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        out->dhcp_ack[i] = from[i];
    }
    out->dhcp_ack_bytes = bytes;
    return BOOT_OK;
}

static enum boot_error decode_tag(struct boot_info *out, const struct boot_reader *r,
                                  const struct tag *t)
{
    uint64_t body = t->address + MB2_HEADER_BYTES;
    uint32_t body_bytes = t->size_bytes - MB2_HEADER_BYTES;
    switch (t->type) {
    case MB2_TAG_CMDLINE:
        out->cmdline_cut =
            !boot_copy_string(r, body, body_bytes, out->cmdline, sizeof(out->cmdline));
        return BOOT_OK;
    case MB2_TAG_LOADER_NAME:
        (void)boot_copy_string(r, body, body_bytes, out->loader, sizeof(out->loader));
        return BOOT_OK;
    case MB2_TAG_MMAP:
        return walk_map(out, r, BOOT_MAP_ADD, t);
    case MB2_TAG_RSDP_V1:
        return copy_rsdp(out, r, t, MB2_RSDP_V1_BYTES);
    case MB2_TAG_RSDP_V2:
        return copy_rsdp(out, r, t, MB2_RSDP_V2_BYTES);
    case MB2_TAG_FRAMEBUFFER:
        decode_framebuffer(out, r, t);
        return BOOT_OK;
    case MB2_TAG_NETWORK:
        return copy_dhcp_ack(out, r, t);
    default:
        return BOOT_OK; /* section 3.6.1: tags that are not known are skipped */
    }
}

/* The second walk: what the map says is taken, or, without a map, the two old sizes. */
static enum boot_error finish_tag(struct boot_info *out, const struct boot_reader *r,
                                  const struct tag *t, bool have_map)
{
    uint32_t lower;
    uint32_t upper;
    if (t->type == MB2_TAG_MMAP) {
        return walk_map(out, r, BOOT_MAP_REMOVE, t);
    }
    if (t->type == MB2_TAG_BASIC_MEMORY && !have_map) {
        if (t->size_bytes < 2 * MB2_HEADER_BYTES ||
            !boot_load_u32(r, t->address + MB2_HEADER_BYTES, &lower) ||
            !boot_load_u32(r, t->address + MB2_HEADER_BYTES + 4, &upper)) {
            return BOOT_TRUNCATED;
        }
        boot_memory_basic(out, lower, upper);
    }
    return BOOT_OK;
}

enum boot_error boot_decode_mb2(struct boot_info *out, const struct boot_reader *r,
                                uint32_t address)
{
    uint32_t total;
    if (!boot_load_u32(r, address, &total) || total < MB2_HEADER_BYTES ||
        total > MB2_TOTAL_MAX_BYTES) {
        return BOOT_TRUNCATED;
    }
    bool have_map = false;
    for (int pass = 0; pass < 2; pass++) {
        struct tag t = {0, MB2_TAG_END, 0};
        uint32_t offset = MB2_HEADER_BYTES;
        enum boot_error e = BOOT_OK;
        do {
            if (!next_tag(r, address, total, &offset, &t)) {
                return BOOT_TRUNCATED;
            }
            have_map = have_map || t.type == MB2_TAG_MMAP;
            e = pass == 0 ? decode_tag(out, r, &t) : finish_tag(out, r, &t, have_map);
        } while (e == BOOT_OK && t.type != MB2_TAG_END);
        if (e != BOOT_OK) {
            return e;
        }
    }
    return BOOT_OK;
}
