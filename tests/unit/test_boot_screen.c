// LINK: boot/info/info.c boot/info/mb1.c boot/info/mb2.c boot/info/memory_map.c
// LINK: boot/info/read.c boot/info/screen.c
/*
 * What a loader says of the screen and of the message that gave it its address: whole, cut, missing
 * and wrong. As in test_boot_info.c the readable memory is a heap block of exactly that size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/info/info.h"
#include "kernel/base.h"

#define MB1_MAGIC 0x2badb002u
#define MB2_MAGIC 0x36d76289u
#define MEMORY_AT 0x9500u

enum {
    MB1_MEMORY = 1 << 0,
    MB1_FRAMEBUFFER = 1 << 12,
    TAG_MEMORY = 4,
    TAG_FRAMEBUFFER = 8,
    TAG_NETWORK = 16,
    TYPE_INDEXED = 0,
    TYPE_RGB = 1,
    TYPE_TEXT = 2,
    RGB_TAG_BYTES = 38,
    TEXT_TAG_BYTES = 32,
};

struct block {
    uint8_t bytes[8192];
    size_t used;
    struct boot_info info;
};

struct readable {
    const uint8_t *bytes;
    size_t size;
};

static const void *read_block(void *ctx, uint64_t address, size_t len)
{
    const struct readable *r = ctx;
    if (address < MEMORY_AT || address - MEMORY_AT > r->size ||
        len > r->size - (address - MEMORY_AT)) {
        return NULL;
    }
    return r->bytes + (address - MEMORY_AT);
}

static enum boot_error decode(struct block *b, uint32_t magic, size_t readable)
{
    uint8_t *exact = malloc(readable + 1);
    assert_non_null(exact);
    memcpy(exact, b->bytes, readable);
    struct readable r = {exact, readable};
    memset(&b->info, 0xee, sizeof(b->info));
    enum boot_error e = boot_info_decode(&b->info, magic, MEMORY_AT, read_block, &r);
    free(exact);
    return e;
}

static void poke32(struct block *b, size_t at, uint32_t v)
{
    memcpy(b->bytes + at, &v, sizeof(v));
}

/* The fields that both protocols have alike. */
static void put_screen(struct block *b, size_t at, uint8_t type)
{
    poke32(b, at, 0x80000000u); /* 0x1280000000: above 4 GiB */
    poke32(b, at + 4, 0x12u);
    poke32(b, at + 8, 7680);
    poke32(b, at + 12, 1919);
    poke32(b, at + 16, 1079);
    b->bytes[at + 20] = 32;
    b->bytes[at + 21] = type;
}

static const uint8_t colours[] = {16, 8, 8, 7, 0, 6};

static void check_rgb(const struct boot_framebuffer *f)
{
    assert_int_equal(f->screen, BOOT_SCREEN_RGB);
    assert_int_equal(f->address, UINT64_C(0x1280000000));
    assert_int_equal(f->pitch_bytes, 7680);
    assert_int_equal(f->width, 1919);
    assert_int_equal(f->height, 1079);
    assert_int_equal(f->bits_per_pixel, 32);
    assert_int_equal(f->red.position, 16);
    assert_int_equal(f->red.size, 8);
    assert_int_equal(f->green.position, 8);
    assert_int_equal(f->green.size, 7);
    assert_int_equal(f->blue.position, 0);
    assert_int_equal(f->blue.size, 6);
}

static void check_none(const struct boot_framebuffer *f)
{
    static const struct boot_framebuffer none;
    assert_memory_equal(f, &none, sizeof(none));
}

static void mb1(struct block *b, uint32_t flags, uint8_t type)
{
    memset(b, 0, sizeof(*b));
    poke32(b, 0, MB1_MEMORY | flags);
    poke32(b, 8, 63 * 1024);
    put_screen(b, 88, type);
    memcpy(b->bytes + 110, colours, sizeof(colours));
    b->used = 116;
}

static void test_mb1(void **state)
{
    struct block b;
    mb1(&b, MB1_FRAMEBUFFER, TYPE_RGB);
    assert_int_equal(decode(&b, MB1_MAGIC, b.used), BOOT_OK);
    check_rgb(&b.info.framebuffer);
    mb1(&b, MB1_FRAMEBUFFER, TYPE_TEXT);
    assert_int_equal(decode(&b, MB1_MAGIC, b.used), BOOT_OK);
    assert_int_equal(b.info.framebuffer.screen, BOOT_SCREEN_TEXT);
    assert_int_equal(b.info.framebuffer.red.size, 0);
    mb1(&b, 0, TYPE_RGB); /* the bytes count when the flag is set */
    assert_int_equal(decode(&b, MB1_MAGIC, b.used), BOOT_OK);
    check_none(&b.info.framebuffer);
    assert_int_equal(decode(&b, MB1_MAGIC, 16), BOOT_OK); /* as short as that, without the flag */
}

static void test_mb1_every_cut(void **state)
{
    struct block b;
    mb1(&b, MB1_FRAMEBUFFER, TYPE_RGB);
    for (size_t n = 0; n < b.used; n++) {
        assert_int_equal(decode(&b, MB1_MAGIC, n), BOOT_TRUNCATED);
        check_none(&b.info.framebuffer);
    }
}

static void test_types(void **state)
{
    const struct {
        uint8_t type;
        enum boot_screen screen;
    } known[] = {{TYPE_INDEXED, BOOT_SCREEN_OTHER},
                 {TYPE_RGB, BOOT_SCREEN_RGB},
                 {TYPE_TEXT, BOOT_SCREEN_TEXT},
                 {3, BOOT_SCREEN_OTHER},
                 {255, BOOT_SCREEN_OTHER}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        struct block b;
        mb1(&b, MB1_FRAMEBUFFER, known[i].type);
        assert_int_equal(decode(&b, MB1_MAGIC, b.used), BOOT_OK);
        assert_int_equal(b.info.framebuffer.screen, known[i].screen);
    }
}

static void mb2_start(struct block *b)
{
    memset(b, 0, sizeof(*b));
    b->used = 8;
}

/* The head of a tag, and room for its body, which is returned. */
static size_t mb2_tag(struct block *b, uint32_t type, size_t body_bytes)
{
    size_t body = b->used + 8;
    poke32(b, b->used, type);
    poke32(b, b->used + 4, 8 + (uint32_t)body_bytes);
    b->used = align_up(body + body_bytes, 8);
    assert_true(b->used <= sizeof(b->bytes));
    return body;
}

static void mb2_screen(struct block *b, uint8_t type, size_t tag_bytes)
{
    size_t body = mb2_tag(b, TAG_FRAMEBUFFER, tag_bytes - 8);
    put_screen(b, body, type);
    memcpy(b->bytes + body + 24, colours, sizeof(colours));
}

static void mb2_end(struct block *b)
{
    size_t memory = mb2_tag(b, TAG_MEMORY, 8);
    poke32(b, memory, 639);
    poke32(b, memory + 4, 63 * 1024);
    (void)mb2_tag(b, 0, 0);
    poke32(b, 0, (uint32_t)b->used);
}

static void test_mb2(void **state)
{
    struct block b;
    mb2_start(&b);
    mb2_screen(&b, TYPE_RGB, RGB_TAG_BYTES);
    mb2_end(&b);
    assert_int_equal(decode(&b, MB2_MAGIC, b.used), BOOT_OK);
    check_rgb(&b.info.framebuffer);

    mb2_start(&b);
    mb2_screen(&b, TYPE_TEXT, TEXT_TAG_BYTES);
    mb2_end(&b);
    assert_int_equal(decode(&b, MB2_MAGIC, b.used), BOOT_OK);
    assert_int_equal(b.info.framebuffer.screen, BOOT_SCREEN_TEXT);
}

/* The machine needs no screen: it comes up without one that is not told in full. */
static void test_mb2_short_tags(void **state)
{
    for (size_t bytes = 8; bytes <= RGB_TAG_BYTES; bytes++) {
        struct block b;
        mb2_start(&b);
        size_t tag = b.used;
        mb2_screen(&b, TYPE_RGB, RGB_TAG_BYTES);
        poke32(&b, tag + 4, (uint32_t)bytes);
        b.used = align_up(tag + bytes, 8);
        mb2_end(&b);
        assert_int_equal(decode(&b, MB2_MAGIC, b.used), BOOT_OK);
        if (bytes == RGB_TAG_BYTES) {
            check_rgb(&b.info.framebuffer);
        } else {
            check_none(&b.info.framebuffer);
        }
    }
}

static void test_dhcp_ack(void **state)
{
    const struct {
        size_t bytes;
        bool taken;
    } sizes[] = {{0, false},
                 {1, true},
                 {300, true},
                 {BOOT_DHCP_ACK_MAX, true},
                 {BOOT_DHCP_ACK_MAX + 1, false},
                 {4000, false}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct block b;
        mb2_start(&b);
        size_t body = mb2_tag(&b, TAG_NETWORK, sizes[i].bytes);
        memset(b.bytes + body, 0x5a, sizes[i].bytes);
        mb2_end(&b);
        assert_int_equal(decode(&b, MB2_MAGIC, b.used), BOOT_OK);
        assert_int_equal(b.info.dhcp_ack_bytes, sizes[i].taken ? sizes[i].bytes : 0);
        for (size_t n = 0; n < BOOT_DHCP_ACK_MAX; n++) {
            assert_int_equal(b.info.dhcp_ack[n], n < b.info.dhcp_ack_bytes ? 0x5a : 0);
        }
    }
}

static void test_first_dhcp_ack_counts(void **state)
{
    struct block b;
    mb2_start(&b);
    (void)mb2_tag(&b, TAG_NETWORK, BOOT_DHCP_ACK_MAX + 1); /* not one that can be taken */
    memset(b.bytes + mb2_tag(&b, TAG_NETWORK, 300), 1, 300);
    memset(b.bytes + mb2_tag(&b, TAG_NETWORK, 400), 2, 400);
    mb2_end(&b);
    assert_int_equal(decode(&b, MB2_MAGIC, b.used), BOOT_OK);
    assert_int_equal(b.info.dhcp_ack_bytes, 300);
    assert_int_equal(b.info.dhcp_ack[299], 1);
    for (size_t n = 0; n < b.used; n++) {
        assert_int_equal(decode(&b, MB2_MAGIC, n), BOOT_TRUNCATED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mb1),
        cmocka_unit_test(test_mb1_every_cut),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_mb2),
        cmocka_unit_test(test_mb2_short_tags),
        cmocka_unit_test(test_dhcp_ack),
        cmocka_unit_test(test_first_dhcp_ack_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
