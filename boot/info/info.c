/*
 * Decodes what the boot loader left, whichever of the two protocols it speaks. Owns the choice of
 * the protocol and the reading of untrusted memory; the two formats are in mb1.c and mb2.c, the RAM
 * table in memory_map.c. Pure: nothing here knows where it runs.
 */
#include "boot/info/info.h"
#include "boot/info/decode.h"

/* EAX at entry: Multiboot 0.6.96 section 3.2, Multiboot 2.0 section 3.3. */
#define MULTIBOOT1_ENTRY_MAGIC UINT32_C(0x2badb002)
#define MULTIBOOT2_ENTRY_MAGIC UINT32_C(0x36d76289)

bool boot_load_u32(const struct boot_reader *r, uint64_t address, uint32_t *out)
{
    const uint8_t *b = r->read(r->ctx, address, sizeof(*out));
    if (b == NULL) {
        return false;
    }
    *out = b[0] | ((uint32_t)b[1] << 8) | ((uint32_t)b[2] << 16) | ((uint32_t)b[3] << 24);
    return true;
}

bool boot_load_u64(const struct boot_reader *r, uint64_t address, uint64_t *out)
{
    uint32_t lo;
    uint32_t hi;
    if (!boot_load_u32(r, address, &lo) || !boot_load_u32(r, address + 4, &hi)) {
        return false;
    }
    *out = ((uint64_t)hi << 32) | lo;
    return true;
}

bool boot_copy_string(const struct boot_reader *r, uint64_t address, size_t max_bytes, char *dst,
                      size_t dst_bytes)
{
    size_t n = 0;
    for (; n < max_bytes; n++) {
        const char *c = r->read(r->ctx, address + n, 1);
        if (c == NULL || n + 1 == dst_bytes) {
            dst[n] = '\0';
            return c != NULL && *c == '\0';
        }
        dst[n] = *c;
        if (*c == '\0') {
            return true;
        }
    }
    dst[n < dst_bytes ? n : dst_bytes - 1] = '\0';
    return false;
}

/* Sets every byte: no field of the struct is left over from before, whatever the loader omitted. */
static void clear(struct boot_info *out)
{
    uint8_t *b = (uint8_t *)out;
    for (size_t i = 0; i < sizeof(*out); i++) {
        b[i] = 0;
    }
}

enum boot_error boot_info_decode(struct boot_info *out, uint32_t magic, uint32_t address,
                                 boot_read_fn *read, void *ctx)
{
    struct boot_reader r = {.read = read, .ctx = ctx};
    enum boot_error e = BOOT_BAD_MAGIC;
    clear(out);
    if (magic == MULTIBOOT1_ENTRY_MAGIC) {
        out->protocol = BOOT_MULTIBOOT1;
        e = boot_decode_mb1(out, &r, address);
    } else if (magic == MULTIBOOT2_ENTRY_MAGIC) {
        out->protocol = BOOT_MULTIBOOT2;
        e = boot_decode_mb2(out, &r, address);
    }
    if (e == BOOT_OK && out->memory_count == 0) {
        e = BOOT_NO_MEMORY_MAP;
    }
    return e;
}

const char *boot_error_text(enum boot_error e)
{
    switch (e) {
    case BOOT_OK:
        return "no error";
    case BOOT_BAD_MAGIC:
        return "not started by a multiboot 1 or multiboot 2 loader";
    case BOOT_TRUNCATED:
        return "the boot loader's information ends before its contents do";
    case BOOT_NO_MEMORY_MAP:
        return "the boot loader gave no memory map with usable RAM in it";
    }
    return "unknown boot error";
}
