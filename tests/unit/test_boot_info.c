// LINK: boot/info/info.c boot/info/mb1.c boot/info/mb2.c boot/info/memory_map.c
// LINK: boot/info/read.c boot/info/screen.c
/*
 * The boot information decoder against good, short, lying and random bytes. The physical memory
 * that it reads is a heap block of exactly the size it may read, so that the sanitizer sees a step
 * beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/info/info.h"
#include "kernel/base.h"

#define MB1_MAGIC  0x2badb002u
#define MB2_MAGIC  0x36d76289u
#define MIB        (UINT64_C(1) << 20)
#define MEMORY_AT  0x9500u
#define MB1_BYTES  116u
#define RANDOM_RUN 20000
#define SEED       20240611u

enum {
    MEMORY_BYTES = 16 * 1024,
    MB1_MEMORY = 1 << 0,
    MB1_CMDLINE = 1 << 2,
    MB1_MMAP = 1 << 6,
    MB1_LOADER = 1 << 9,
};

struct machine {
    uint8_t *bytes; /* [MEMORY_AT, MEMORY_AT + size) is readable */
    size_t size;
    size_t used;
    struct boot_info info;
};

static const void *read_machine(void *ctx, uint64_t address, size_t len)
{
    struct machine *m = ctx;
    if (address < MEMORY_AT || address - MEMORY_AT > m->size ||
        len > m->size - (address - MEMORY_AT)) {
        return NULL;
    }
    return m->bytes + (address - MEMORY_AT);
}

static void machine_start(struct machine *m)
{
    m->size = MEMORY_BYTES;
    m->used = 0;
    m->bytes = calloc(1, m->size);
    assert_non_null(m->bytes);
}

static void machine_end(struct machine *m)
{
    free(m->bytes);
}

static void put(struct machine *m, const void *from, size_t len)
{
    assert_true(len <= m->size - m->used);
    memcpy(m->bytes + m->used, from, len);
    m->used += len;
}

static void put32(struct machine *m, uint32_t v)
{
    put(m, &v, sizeof(v));
}

static void put64(struct machine *m, uint64_t v)
{
    put(m, &v, sizeof(v));
}

static void poke32(struct machine *m, size_t at, uint32_t v)
{
    memcpy(m->bytes + at, &v, sizeof(v));
}

/* What must hold of any result, good or bad. */
static void check_invariants(const struct boot_info *info)
{
    assert_true(info->memory_count <= BOOT_MEMORY_MAX);
    for (uint32_t i = 0; i < info->memory_count; i++) {
        assert_true(info->memory[i].start < info->memory[i].end);
        assert_true(i == 0 || info->memory[i - 1].end < info->memory[i].start);
    }
    assert_non_null(memchr(info->cmdline, 0, sizeof(info->cmdline)));
    assert_non_null(memchr(info->loader, 0, sizeof(info->loader)));
    assert_true(info->rsdp_bytes == 0 || info->rsdp_bytes == 20 || info->rsdp_bytes == 36);
    assert_true(info->dhcp_ack_bytes <= BOOT_DHCP_ACK_MAX);
    assert_true(info->framebuffer.screen <= BOOT_SCREEN_OTHER);
}

/* Copies what is readable into a block of that size first: reads beyond it are caught. */
static enum boot_error decode(struct machine *m, uint32_t magic, size_t readable)
{
    struct machine exact = {.bytes = malloc(readable + 1), .size = readable};
    assert_non_null(exact.bytes);
    uint8_t *whole = exact.bytes;
    exact.bytes = whole + 1; /* odd: the decoder must not count on alignment */
    memcpy(exact.bytes, m->bytes, readable);
    memset(&m->info, 0xee, sizeof(m->info));
    enum boot_error e = boot_info_decode(&m->info, magic, MEMORY_AT, read_machine, &exact);
    free(whole);
    check_invariants(&m->info);
    return e;
}

/* --- Multiboot 1 --- */

static uint32_t here(const struct machine *m)
{
    return MEMORY_AT + (uint32_t)m->used;
}

static void mb1_start(struct machine *m)
{
    machine_start(m);
    m->used = MB1_BYTES;
}

static void mb1_text(struct machine *m, uint32_t flag, size_t field, const char *text)
{
    poke32(m, 0, flag | *(uint32_t *)(void *)m->bytes);
    poke32(m, field, here(m));
    put(m, text, strlen(text) + 1);
    m->used = align_up(m->used, 4);
}

static void mb1_cmdline(struct machine *m, const char *loader, const char *cmdline)
{
    mb1_text(m, MB1_LOADER, 64, loader);
    mb1_text(m, MB1_CMDLINE, 16, cmdline);
}

static void mb1_map_start(struct machine *m)
{
    poke32(m, 0, MB1_MMAP | *(uint32_t *)(void *)m->bytes);
    poke32(m, 48, here(m));
    poke32(m, 44, 0);
}

/* One entry; the map's length grows with it. */
static void mb1_entry(struct machine *m, uint64_t base, uint64_t length, uint32_t type)
{
    put32(m, 20);
    put64(m, base);
    put64(m, length);
    put32(m, type);
    poke32(m, 44, *(uint32_t *)(void *)(m->bytes + 44) + 24);
}

static void mb1_qemu(struct machine *m)
{
    mb1_start(m);
    mb1_cmdline(m, "qemu", "build/my-kernel.elf ip=dhcp log=debug");
    mb1_map_start(m);
    mb1_entry(m, 0, 0x9fc00, 1);
    mb1_entry(m, 0x9fc00, 0x400, 2);
    mb1_entry(m, 0xf0000, 0x10000, 2);
    mb1_entry(m, MIB, 0x7ee0000, 1);
    mb1_entry(m, 0x7fe0000, 0x20000, 2);
}

static void test_bad_magic(void **state)
{
    struct machine m;
    mb1_qemu(&m);
    assert_int_equal(decode(&m, 0x2badb003u, m.used), BOOT_BAD_MAGIC);
    assert_int_equal(decode(&m, 0, m.used), BOOT_BAD_MAGIC);
    assert_int_equal(m.info.memory_count, 0);
    for (int e = BOOT_OK; e <= BOOT_NO_MEMORY_MAP; e++) {
        assert_true(strlen(boot_error_text((enum boot_error)e)) > 5);
    }
    machine_end(&m);
}

static void test_mb1_qemu(void **state)
{
    struct machine m;
    mb1_qemu(&m);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_OK);
    assert_int_equal(m.info.protocol, BOOT_MULTIBOOT1);
    assert_string_equal(m.info.loader, "qemu");
    assert_string_equal(m.info.cmdline, "ip=dhcp log=debug");
    assert_false(m.info.cmdline_cut);
    assert_int_equal(m.info.memory_count, 2);
    assert_int_equal(m.info.memory[0].start, 0);
    assert_int_equal(m.info.memory[0].end, 0x9fc00);
    assert_int_equal(m.info.memory[1].start, MIB);
    assert_int_equal(m.info.memory[1].end, 0x7fe0000);
    assert_int_equal(m.info.rsdp_bytes, 0);
    machine_end(&m);
}

static void check_cmdline(const char *loader, const char *text, const char *expected)
{
    struct machine m;
    mb1_start(&m);
    mb1_cmdline(&m, loader, text);
    mb1_map_start(&m);
    mb1_entry(&m, MIB, MIB, 1);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_OK);
    assert_string_equal(m.info.cmdline, expected);
    assert_false(m.info.cmdline_cut);
    machine_end(&m);
}

static void test_mb1_file_name_in_front(void **state)
{
    check_cmdline("GRUB 2.06", "ip=dhcp log=debug", "ip=dhcp log=debug");
    check_cmdline("GRUB 2.06", "", "");
    check_cmdline("qemu", "k.elf a b", "a b");
    check_cmdline("qemu", "k.elf", "");
    check_cmdline("qemu", "k.elf ", "");
    check_cmdline("qemu", "k.elf   a", "a");
    check_cmdline("qemu", "", "");
    check_cmdline("iPXE 1.21", "http://host/k.elf a=1", "a=1");
    check_cmdline("qem", "k.elf a", "k.elf a");
}

static void test_mb1_long_texts(void **state)
{
    char text[BOOT_CMDLINE_MAX + 200];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    struct machine m;
    mb1_start(&m);
    mb1_cmdline(&m, text, text);
    mb1_map_start(&m);
    mb1_entry(&m, MIB, MIB, 1);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_OK);
    assert_true(m.info.cmdline_cut);
    assert_int_equal(strlen(m.info.cmdline), BOOT_CMDLINE_MAX - 1);
    assert_int_equal(strlen(m.info.loader), BOOT_LOADER_MAX - 1);
    machine_end(&m);

    text[BOOT_CMDLINE_MAX - 1] = '\0'; /* exactly what fits */
    check_cmdline("GRUB", text, text);
}

static void test_mb1_memory_without_map(void **state)
{
    struct machine m;
    mb1_start(&m);
    poke32(&m, 0, MB1_MEMORY);
    poke32(&m, 4, 639);
    poke32(&m, 8, 15 * 1024);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_OK);
    assert_int_equal(m.info.memory_count, 2);
    assert_int_equal(m.info.memory[0].end, 639 * 1024);
    assert_int_equal(m.info.memory[1].start, MIB);
    assert_int_equal(m.info.memory[1].end, 16 * MIB);
    poke32(&m, 0, 0);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_NO_MEMORY_MAP);
    machine_end(&m);
}

/* Every shorter readable memory: the map comes last, so each cut loses some of it. */
static void test_mb1_every_cut(void **state)
{
    struct machine m;
    mb1_qemu(&m);
    for (size_t n = 0; n < m.used; n++) {
        assert_int_equal(decode(&m, MB1_MAGIC, n), BOOT_TRUNCATED);
    }
    machine_end(&m);
}

static void test_mb1_lying_map(void **state)
{
    struct machine m;
    mb1_qemu(&m);
    size_t map = *(uint32_t *)(void *)(m.bytes + 48) - MEMORY_AT;
    const uint32_t sizes[] = {0, 19, 0xffffffffu, 0xfffffffcu, 200, 21};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        poke32(&m, map, sizes[i]); /* 21 shifts the next entry onto nonsense: also refused */
        assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_TRUNCATED);
    }
    poke32(&m, map, 19); /* too short an entry, though it fills the map exactly */
    poke32(&m, 44, 23);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_TRUNCATED);
    poke32(&m, map, 20);
    const uint32_t lengths[] = {1, 4, 23, 119, 121, 0x10000, 0xffffffffu};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        poke32(&m, 44, lengths[i]);
        assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_TRUNCATED);
    }
    poke32(&m, 44, 0);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_NO_MEMORY_MAP);
    poke32(&m, 44, 24);
    poke32(&m, 48, 0xfffffff0u);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_TRUNCATED);
    machine_end(&m);
}

/* Entries longer than the base form carry fields that are skipped. */
static void test_mb1_long_entries(void **state)
{
    struct machine m;
    mb1_start(&m);
    mb1_map_start(&m);
    for (uint64_t i = 0; i < 3; i++) {
        put32(&m, 27);
        put64(&m, MIB * (1 + 2 * i));
        put64(&m, MIB);
        put32(&m, 1);
        put(&m, "extra!!", 7);
    }
    poke32(&m, 44, 3 * 31);
    assert_int_equal(decode(&m, MB1_MAGIC, m.used), BOOT_OK);
    assert_int_equal(m.info.memory_count, 3);
    assert_int_equal(m.info.memory[2].start, 5 * MIB);
    machine_end(&m);
}

/* --- the memory map --- */

struct entry {
    uint64_t base, length;
    uint32_t type;
};

static void decode_map(struct machine *m, const struct entry *entries, size_t count)
{
    mb1_start(m);
    mb1_map_start(m);
    for (size_t i = 0; i < count; i++) {
        mb1_entry(m, entries[i].base, entries[i].length, entries[i].type);
    }
    (void)decode(m, MB1_MAGIC, m->used);
    machine_end(m);
}

static void check_range(const struct machine *m, uint32_t idx, uint64_t start, uint64_t end)
{
    assert_true(idx < m->info.memory_count);
    assert_int_equal(m->info.memory[idx].start, start);
    assert_int_equal(m->info.memory[idx].end, end);
}

static void test_map_unsorted_and_merged(void **state)
{
    struct machine m;
    const struct entry e[] = {{0x5000, 0x1000, 1}, {0x1000, 0x1000, 1}, {0x9000, 0x1000, 1},
                              {0x2000, 0x3000, 1}, {0x1800, 0x1000, 1}, {0x9000, 0x1000, 1}};
    decode_map(&m, e, ARRAY_SIZE(e));
    assert_int_equal(m.info.memory_count, 2);
    check_range(&m, 0, 0x1000, 0x6000);
    check_range(&m, 1, 0x9000, 0xa000);
}

static void test_map_taken_wins(void **state)
{
    struct machine m;
    const struct entry e[] = {
        {0x4000, 0x1000, 2},  /* in front of the range that it splits */
        {0x1000, 0x9000, 1},  /* [1000, a000) */
        {0x9800, 0x1000, 20}, /* unknown: taken; cuts the end */
        {0x0800, 0x0900, 3},  /* ACPI: taken; cuts the start */
        {0x6000, 0x0000, 2},  /* empty: nothing */
        {0x7000, 0x0001, 0},  /* type 0 is unknown too */
        {0xf000, 0x1000, 4},
    };
    decode_map(&m, e, ARRAY_SIZE(e));
    assert_int_equal(m.info.memory_count, 3);
    check_range(&m, 0, 0x1100, 0x4000);
    check_range(&m, 1, 0x5000, 0x7000);
    check_range(&m, 2, 0x7001, 0x9800);
}

static void test_map_extremes(void **state)
{
    struct machine m;
    /* RAM that runs over the end of all addresses is none; what is taken there is taken. */
    const struct entry wraps[] = {{0xfffffffffffff000u, 0x2000, 1},
                                  {0x1000, UINT64_MAX, 1},
                                  {0x100000, 0x100000, 1},
                                  {0x180000, UINT64_MAX, 7}};
    decode_map(&m, wraps, ARRAY_SIZE(wraps));
    assert_int_equal(m.info.memory_count, 1);
    check_range(&m, 0, 0x100000, 0x180000);

    const struct entry all[] = {{0, UINT64_MAX, 1}};
    decode_map(&m, all, 1);
    check_range(&m, 0, 0, UINT64_MAX);

    const struct entry nothing[] = {{UINT64_MAX, 1, 1}, {0x1000, 0x1000, 1}, {0, UINT64_MAX, 2}};
    decode_map(&m, nothing, 3);
    assert_int_equal(m.info.memory_count, 0);
}

/* More ranges than the table holds: the biggest stay, the loss is counted. */
static void test_map_overflow(void **state)
{
    struct machine m;
    struct entry e[BOOT_MEMORY_MAX + 10];
    for (size_t i = 0; i < ARRAY_SIZE(e); i++) {
        e[i] = (struct entry){(i + 1) * MIB, 0x1000 + i * 16, 1};
    }
    decode_map(&m, e, ARRAY_SIZE(e));
    assert_int_equal(m.info.memory_count, BOOT_MEMORY_MAX);
    assert_int_equal(m.info.memory_dropped, 10);
    check_range(&m, 0, 11 * MIB, 11 * MIB + 0x1000 + 10 * 16);

    /* Splitting one of a full table gives up the smallest. */
    e[BOOT_MEMORY_MAX] = (struct entry){BOOT_MEMORY_MAX * MIB + 0x600, 0x100, 2};
    decode_map(&m, e, BOOT_MEMORY_MAX + 1);
    assert_int_equal(m.info.memory_count, BOOT_MEMORY_MAX);
    assert_int_equal(m.info.memory_dropped, 1);
}

/* The table against a plain array of units, for random maps that fit the table. */
static void test_map_random_against_model(void **state)
{
    enum { UNITS = 100, UNIT_BYTES = 4096, ENTRIES = 24 };
    unsigned seed = SEED;
    printf("seed %u\n", seed);
    for (int run = 0; run < 3000; run++) {
        bool usable[UNITS] = {false};
        bool taken[UNITS] = {false};
        struct entry e[ENTRIES];
        for (size_t i = 0; i < ENTRIES; i++) {
            uint64_t base = (uint64_t)rand_r(&seed) % UNITS;
            uint64_t count = (uint64_t)rand_r(&seed) % (UNITS - base) % 20;
            e[i] = (struct entry){base * UNIT_BYTES, count * UNIT_BYTES,
                                  rand_r(&seed) % 3 == 0 ? 2 : 1};
            for (uint64_t u = base; u < base + count; u++) {
                usable[u] = usable[u] || e[i].type == 1;
                taken[u] = taken[u] || e[i].type == 2;
            }
        }
        struct machine m;
        decode_map(&m, e, ENTRIES);
        uint32_t idx = 0;
        for (uint64_t u = 0; u < UNITS; u++) {
            while (idx < m.info.memory_count && m.info.memory[idx].end <= u * UNIT_BYTES) {
                idx++;
            }
            bool in = idx < m.info.memory_count && m.info.memory[idx].start <= u * UNIT_BYTES;
            assert_int_equal(in, usable[u] && !taken[u]);
        }
        assert_int_equal(m.info.memory_dropped, 0);
    }
}

/* --- Multiboot 2 --- */

static void mb2_start(struct machine *m)
{
    machine_start(m);
    put32(m, 0); /* total: mb2_end fills it in */
    put32(m, 0);
}

static void mb2_tag(struct machine *m, uint32_t type, const void *body, size_t len)
{
    put32(m, type);
    put32(m, 8 + (uint32_t)len);
    put(m, body, len);
    m->used = align_up(m->used, 8);
}

static void mb2_map(struct machine *m, const struct entry *e, size_t count, uint32_t entry_bytes)
{
    put32(m, 6);
    put32(m, 16 + (uint32_t)count * entry_bytes);
    put32(m, entry_bytes);
    put32(m, 0);
    for (size_t i = 0; i < count; i++) {
        size_t end = m->used + entry_bytes;
        put64(m, e[i].base);
        put64(m, e[i].length);
        put32(m, e[i].type);
        m->used = end;
    }
    m->used = align_up(m->used, 8);
}

static void mb2_end(struct machine *m)
{
    mb2_tag(m, 0, "", 0);
    poke32(m, 0, (uint32_t)m->used);
}

static const struct entry mb2_entries[] = {
    {MIB, 63 * MIB, 1}, {0, 0x9fc00, 1}, {0x806000, 0x1000, 4}, {0xb0000000u, 0x10000000, 2}};

static void mb2_grub(struct machine *m)
{
    uint8_t rsdp[36];
    memset(rsdp, 'R', sizeof(rsdp));
    mb2_start(m);
    mb2_tag(m, 1, "ip=dhcp", 8);
    mb2_tag(m, 2, "GRUB 2.06", 10);
    mb2_tag(m, 21, "abcd", 4); /* load base: not ours */
    mb2_tag(m, 0x12345678, "unknown", 8);
    mb2_map(m, mb2_entries, ARRAY_SIZE(mb2_entries), 24);
    mb2_tag(m, 15, rsdp, 36);
    memset(rsdp, 'r', sizeof(rsdp));
    mb2_tag(m, 14, rsdp, 20);
    mb2_end(m);
}

static void test_mb2_grub(void **state)
{
    struct machine m;
    mb2_grub(&m);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_OK);
    assert_int_equal(m.info.protocol, BOOT_MULTIBOOT2);
    assert_string_equal(m.info.loader, "GRUB 2.06");
    assert_string_equal(m.info.cmdline, "ip=dhcp");
    assert_false(m.info.cmdline_cut);
    assert_int_equal(m.info.memory_count, 3);
    check_range(&m, 0, 0, 0x9fc00);
    check_range(&m, 1, MIB, 0x806000);
    check_range(&m, 2, 0x807000, 64 * MIB);
    assert_int_equal(m.info.rsdp_bytes, 36); /* the newer one, though it came first */
    assert_int_equal(m.info.rsdp[0], 'R');
    assert_int_equal(m.info.rsdp[35], 'R');
    machine_end(&m);
}

static void test_mb2_every_cut(void **state)
{
    struct machine m;
    mb2_grub(&m);
    for (size_t n = 0; n < m.used; n++) {
        assert_int_equal(decode(&m, MB2_MAGIC, n), BOOT_TRUNCATED); /* memory ends */
    }
    for (uint32_t total = 0; total < m.used; total++) {
        poke32(&m, 0, total); /* the list says it ends */
        assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_TRUNCATED);
    }
    poke32(&m, 0, 0xffffffffu);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_TRUNCATED);
    machine_end(&m);
}

/* A tag shorter than its head would make a careless reader stand still. */
static void test_mb2_bad_tag_sizes(void **state)
{
    const uint32_t sizes[] = {0, 1, 7, 0xffffffffu, 0xfffffff8u, 0x7fffffffu, 5000};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct machine m;
        mb2_grub(&m);
        poke32(&m, 12, sizes[i]);
        assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_TRUNCATED);
        machine_end(&m);
    }
}

static enum boot_error decode_mb2_entry_size(uint32_t entry_bytes, uint32_t tag_bytes)
{
    struct machine m;
    mb2_start(&m);
    size_t tag = m.used;
    bool sane = entry_bytes >= 24 && entry_bytes <= 100;
    mb2_map(&m, mb2_entries, 2, sane ? entry_bytes : 24);
    poke32(&m, tag + 8, entry_bytes);
    if (tag_bytes != 0) {
        poke32(&m, tag + 4, tag_bytes);
    }
    mb2_end(&m);
    enum boot_error e = decode(&m, MB2_MAGIC, m.used);
    assert_true(e != BOOT_OK || m.info.memory_count == 2);
    machine_end(&m);
    return e;
}

static void test_mb2_entry_sizes(void **state)
{
    assert_int_equal(decode_mb2_entry_size(24, 0), BOOT_OK);
    assert_int_equal(decode_mb2_entry_size(40, 0), BOOT_OK);
    assert_int_equal(decode_mb2_entry_size(29, 0), BOOT_OK);
    assert_int_equal(decode_mb2_entry_size(0, 0), BOOT_TRUNCATED);
    assert_int_equal(decode_mb2_entry_size(23, 0), BOOT_TRUNCATED);
    assert_int_equal(decode_mb2_entry_size(0xffffffffu, 16 + 48), BOOT_TRUNCATED);
    assert_int_equal(decode_mb2_entry_size(24, 15), BOOT_TRUNCATED);
    assert_int_equal(decode_mb2_entry_size(24, 16 + 47), BOOT_TRUNCATED); /* half an entry */
}

static void test_mb2_rsdp(void **state)
{
    for (uint32_t type = 14; type <= 15; type++) {
        size_t needed = type == 14 ? 20 : 36;
        for (size_t len = 0; len < 50; len++) {
            uint8_t body[50];
            struct machine m;
            memset(body, (int)len, sizeof(body));
            mb2_start(&m);
            mb2_map(&m, mb2_entries, 1, 24);
            mb2_tag(&m, type, body, len);
            mb2_end(&m);
            bool enough = len >= needed;
            assert_int_equal(decode(&m, MB2_MAGIC, m.used), enough ? BOOT_OK : BOOT_TRUNCATED);
            assert_int_equal(m.info.rsdp_bytes, enough ? needed : 0);
            assert_int_equal(m.info.rsdp[0], enough ? len : 0);
            machine_end(&m);
        }
    }
}

static void test_mb2_memory_without_map(void **state)
{
    const uint32_t kib[2] = {639, 31 * 1024};
    struct machine m;
    mb2_start(&m);
    mb2_tag(&m, 4, kib, sizeof(kib));
    mb2_end(&m);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_OK);
    assert_int_equal(m.info.memory_count, 2);
    check_range(&m, 1, MIB, 32 * MIB);
    poke32(&m, 12, 12); /* too short for both numbers */
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_TRUNCATED);
    machine_end(&m);

    mb2_start(&m); /* with a map, wherever it stands, the two numbers count for nothing */
    mb2_tag(&m, 4, kib, sizeof(kib));
    mb2_map(&m, mb2_entries + 1, 1, 24);
    mb2_end(&m);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_OK);
    assert_int_equal(m.info.memory_count, 1);
    check_range(&m, 0, 0, 0x9fc00);
    machine_end(&m);

    mb2_start(&m);
    mb2_tag(&m, 1, "x", 2);
    mb2_end(&m);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_NO_MEMORY_MAP);
    machine_end(&m);
}

static void test_mb2_texts(void **state)
{
    struct machine m;
    mb2_start(&m);
    mb2_tag(&m, 1, "no end", 6); /* the string runs to the end of its tag without a NUL */
    mb2_tag(&m, 2, "", 0);
    mb2_map(&m, mb2_entries, 1, 24);
    mb2_end(&m);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_OK);
    assert_string_equal(m.info.cmdline, "no end");
    assert_true(m.info.cmdline_cut);
    assert_string_equal(m.info.loader, "");
    machine_end(&m);

    char text[2 * BOOT_CMDLINE_MAX];
    memset(text, 'y', sizeof(text));
    mb2_start(&m);
    mb2_tag(&m, 1, text, sizeof(text));
    mb2_tag(&m, 2, text, sizeof(text));
    mb2_map(&m, mb2_entries, 1, 24);
    mb2_end(&m);
    assert_int_equal(decode(&m, MB2_MAGIC, m.used), BOOT_OK);
    assert_int_equal(strlen(m.info.cmdline), BOOT_CMDLINE_MAX - 1);
    assert_int_equal(strlen(m.info.loader), BOOT_LOADER_MAX - 1);
    machine_end(&m);
}

/* --- both --- */

static void test_random_bytes(void **state)
{
    unsigned seed = SEED;
    printf("seed %u\n", seed);
    struct machine m;
    machine_start(&m);
    for (int run = 0; run < RANDOM_RUN; run++) {
        size_t len = (size_t)rand_r(&seed) % 300;
        for (size_t i = 0; i < len; i++) {
            m.bytes[i] = (uint8_t)(rand_r(&seed) >> 8);
        }
        (void)decode(&m, run % 2 == 0 ? MB1_MAGIC : MB2_MAGIC, len);
    }
    machine_end(&m);
}

/* Good structures with a few bytes changed get further than random ones. */
static void test_mutated_bytes(void **state)
{
    unsigned seed = SEED + 1;
    printf("seed %u\n", seed);
    for (int run = 0; run < RANDOM_RUN; run++) {
        struct machine m;
        bool first = run % 2 == 0;
        (first ? mb1_qemu : mb2_grub)(&m);
        for (int i = 0; i < 1 + run % 4; i++) {
            m.bytes[(size_t)rand_r(&seed) % m.used] = (uint8_t)(rand_r(&seed) >> 8);
        }
        (void)decode(&m, first ? MB1_MAGIC : MB2_MAGIC, m.used);
        machine_end(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_magic),
        cmocka_unit_test(test_mb1_qemu),
        cmocka_unit_test(test_mb1_file_name_in_front),
        cmocka_unit_test(test_mb1_long_texts),
        cmocka_unit_test(test_mb1_memory_without_map),
        cmocka_unit_test(test_mb1_every_cut),
        cmocka_unit_test(test_mb1_lying_map),
        cmocka_unit_test(test_mb1_long_entries),
        cmocka_unit_test(test_map_unsorted_and_merged),
        cmocka_unit_test(test_map_taken_wins),
        cmocka_unit_test(test_map_extremes),
        cmocka_unit_test(test_map_overflow),
        cmocka_unit_test(test_map_random_against_model),
        cmocka_unit_test(test_mb2_grub),
        cmocka_unit_test(test_mb2_every_cut),
        cmocka_unit_test(test_mb2_bad_tag_sizes),
        cmocka_unit_test(test_mb2_entry_sizes),
        cmocka_unit_test(test_mb2_rsdp),
        cmocka_unit_test(test_mb2_memory_without_map),
        cmocka_unit_test(test_mb2_texts),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_mutated_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
