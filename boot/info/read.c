/*
 * Reading of untrusted physical memory; see decode.h.
 */
#include "boot/info/decode.h"

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
