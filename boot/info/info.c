/*
 * Decodes what the boot loader left, whichever of the two protocols it speaks. Owns the choice of
 * the protocol; the two formats are in mb1.c and mb2.c, what they share in decode.h. Pure: nothing
 * here knows where it runs.
 */
#include "boot/info/info.h"
#include "boot/info/decode.h"

/* EAX at entry: Multiboot 0.6.96 section 3.2, Multiboot 2.0 section 3.3. */
#define MULTIBOOT1_ENTRY_MAGIC UINT32_C(0x2badb002)
#define MULTIBOOT2_ENTRY_MAGIC UINT32_C(0x36d76289)

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
