/*
 * The description of the screen that a loader leaves behind, whichever the protocol: Multiboot
 * 0.6.96 section 3.3 ("framebuffer_*") and Multiboot 2.0 section 3.6.12 have the same fields.
 */
#include "boot/info/decode.h"

enum {
    FIELD_ADDRESS = 0, /* offsets in bytes from the first field */
    FIELD_PITCH = 8,
    FIELD_WIDTH = 12,
    FIELD_HEIGHT = 16,
    FIELD_BITS_PER_PIXEL = 20,
    FIELD_TYPE = 21,
    FIELDS_BYTES = 22,

    COLOURS_BYTES = 6, /* red's position and size in bits, green's, blue's */

    TYPE_INDEXED = 0,
    TYPE_RGB = 1,
    TYPE_EGA_TEXT = 2,
};

/* Sets every byte, as of all boot information. */
static void clear(struct boot_framebuffer *out)
{
    *out = (struct boot_framebuffer){.screen = BOOT_SCREEN_UNKNOWN};
}

static bool load_colours(struct boot_framebuffer *out, const struct boot_reader *r,
                         const struct boot_framebuffer_at *at)
{
    uint64_t end = at->colours - at->address + COLOURS_BYTES;
    const uint8_t *b = end <= at->bytes ? r->read(r->ctx, at->colours, COLOURS_BYTES) : NULL;
    if (b == NULL) {
        return false;
    }
    out->red = (struct boot_colour){b[0], b[1]};
    out->green = (struct boot_colour){b[2], b[3]};
    out->blue = (struct boot_colour){b[4], b[5]};
    return true;
}

static enum boot_screen screen_of(uint8_t type)
{
    switch (type) {
    case TYPE_RGB:
        return BOOT_SCREEN_RGB;
    case TYPE_EGA_TEXT:
        return BOOT_SCREEN_TEXT;
    case TYPE_INDEXED:
    default:
        return BOOT_SCREEN_OTHER;
    }
}

static bool load_fields(struct boot_framebuffer *out, const struct boot_reader *r, uint64_t address)
{
    const uint8_t *kind =
        r->read(r->ctx, address + FIELD_BITS_PER_PIXEL, FIELDS_BYTES - FIELD_BITS_PER_PIXEL);
    if (kind == NULL) {
        return false;
    }
    out->bits_per_pixel = kind[0];
    out->screen = screen_of(kind[1]);
    return boot_load_u64(r, address + FIELD_ADDRESS, &out->address) &&
           boot_load_u32(r, address + FIELD_PITCH, &out->pitch_bytes) &&
           boot_load_u32(r, address + FIELD_WIDTH, &out->width) &&
           boot_load_u32(r, address + FIELD_HEIGHT, &out->height);
}

bool boot_decode_framebuffer(struct boot_framebuffer *out, const struct boot_reader *r,
                             const struct boot_framebuffer_at *at)
{
    clear(out);
    bool ok = at->bytes >= FIELDS_BYTES && load_fields(out, r, at->address) &&
              (out->screen != BOOT_SCREEN_RGB || load_colours(out, r, at));
    if (!ok) {
        clear(out);
    }
    return ok;
}
