/*
 * The device table against docs/hardware.md, row by row, and against itself.
 */
// LINK: drivers/e1000/ids.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/e1000/ids.h"

#undef assert
#include <cmocka.h>

enum {
    COLUMNS = 6,
    LINE_BYTES = 512,
};

/* Bit n of the quirks is words[n]. */
static const char *const words[] = {
    "no-moderation", "no-manc",    "eeprom-reload", "pcix-hang",    "write-merge", "master-disable",
    "keep-rx",       "mulr",       "no-eerd",       "no-mdic",      "auto-read",   "drv-load",
    "drv-load-swsm", "no-aspm",    "ich8-buffer",   "i210-buffer",  "tail-guard",  "ring-flush",
    "ulp",           "k1-off",     "pll-request",   "speed-mode",   "no-asde",     "go-linkd",
    "port-xor",      "port-block", "slow-eeprom",   "two-requests", "wake-clock",  "phy-at-2",
    "k1-phy",        "no-tso",
};

static FILE *doc;
static char line[LINE_BYTES];
static char *cell[COLUMNS];

/* Cuts a row of a table into its cells, without the spaces around them. */
static size_t cut(char *text)
{
    size_t count = 0;
    for (char *at = strchr(text, '|'); at != NULL && at[1] != '\n' && count < COLUMNS;) {
        char *end = strchr(at + 1, '|');
        if (end == NULL) {
            return count;
        }
        char *first = at + 1 + strspn(at + 1, " ");
        char *last = end;
        while (last > first && last[-1] == ' ') {
            last--;
        }
        *last = '\0';
        cell[count++] = first;
        at = end;
    }
    return count;
}

/* The next row of the table under a heading; 0 behind its last. */
static size_t next_row(void)
{
    while (fgets(line, sizeof(line), doc) != NULL) {
        assert_non_null(strchr(line, '\n'));
        if (line[0] == '|' && line[1] == '-') {
            continue;
        }
        return line[0] == '|' ? cut(line) : 0;
    }
    return 0;
}

static void go_to(const char *heading)
{
    rewind(doc);
    while (fgets(line, sizeof(line), doc) != NULL) {
        if (strcmp(line, heading) == 0) {
            while (fgets(line, sizeof(line), doc) != NULL && line[0] != '|') {
            }
            return; /* the first row is the table's head */
        }
    }
    fail_msg("docs/hardware.md has no \"%s\"", heading);
}

static uint32_t quirks_of(char *text)
{
    uint32_t quirks = 0;
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        size_t bit = 0;
        while (bit < ARRAY_SIZE(words) && strcmp(word, words[bit]) != 0) {
            bit++;
        }
        if (bit == ARRAY_SIZE(words)) {
            assert_string_equal(word, "-");
        } else {
            quirks |= 1u << bit;
        }
    }
    return quirks;
}

/* What all parts of a generation have. */
static uint32_t common(enum e1000_gen gen)
{
    uint32_t quirks = UINT32_MAX;
    const struct e1000_id *id;
    for (size_t i = 0; (id = e1000_id_at(i)) != NULL; i++) {
        quirks &= id->gen == gen ? id->quirks : UINT32_MAX;
    }
    assert_true(quirks != UINT32_MAX);
    return quirks;
}

static int open_doc(void **state)
{
    doc = fopen("docs/hardware.md", "r");
    return doc == NULL ? -1 : 0;
}

static int close_doc(void **state)
{
    return fclose(doc);
}

static void test_families(void **state)
{
    go_to("### Families\n");
    for (uint32_t gen = 0; gen < E1000_GEN_COUNT; gen++) {
        assert_int_equal(next_row(), 4);
        assert_string_equal(cell[0], e1000_family(gen)->name);
        assert_string_equal(cell[2], e1000_gen_is_advanced(gen) ? "advanced" : "legacy");
        assert_int_equal(quirks_of(cell[3]), common(gen));
    }
    assert_int_equal(next_row(), 0);
}

static void test_devices(void **state)
{
    const struct e1000_id *id;
    go_to("### Devices\n");
    for (size_t i = 0; (id = e1000_id_at(i)) != NULL; i++) {
        char device[16];
        (void)snprintf(device, sizeof(device), "8086:%04X", id->device);
        assert_int_equal(next_row(), COLUMNS);
        assert_string_equal(cell[0], device);
        assert_memory_equal(id->name, "e1000 ", 6);
        assert_string_equal(cell[1], id->name + 6);
        assert_string_equal(cell[2], e1000_family(id->gen)->name);
        assert_int_equal(quirks_of(cell[3]), id->quirks & ~common(id->gen));
        bool emulated = strncmp(cell[4], "QEMU ", 5) == 0;
        assert_true(emulated || strcmp(cell[4], "model only") == 0);
        assert_string_equal(cell[5], "none yet");
    }
    assert_int_equal(next_row(), 0);
}

static void test_quirks(void **state)
{
    go_to("### Quirks\n");
    for (size_t bit = 0; bit < ARRAY_SIZE(words); bit++) {
        uint32_t users = 0;
        const struct e1000_id *id;
        for (size_t i = 0; (id = e1000_id_at(i)) != NULL; i++) {
            users += id->quirks >> bit & 1;
            static_assert(ARRAY_SIZE(words) == 32, "every bit has its word");
        }
        assert_true(users > 0);
        assert_int_equal(next_row(), 3);
        assert_string_equal(cell[0], words[bit]);
    }
    assert_int_equal(next_row(), 0);
}

/* Each ID once, found by a match, and no quirk beside one that it contradicts. */
static void test_table(void **state)
{
    const struct e1000_id *id;
    size_t count = 0;
    for (; (id = e1000_id_at(count)) != NULL; count++) {
        assert_ptr_equal(e1000_match(0x8086, id->device), id);
        assert_null(e1000_match(0x8087, id->device));
        bool advanced = e1000_gen_is_advanced(id->gen);
        assert_false(advanced && (id->quirks & E1000_QUIRK_MULR) != 0);
        assert_int_equal((id->quirks & E1000_QUIRK_MASTER_DISABLE) != 0,
                         id->gen != E1000_GEN_8254X);
        uint32_t blocks = E1000_QUIRK_PORT_XOR | E1000_QUIRK_PORT_BLOCK;
        assert_true((id->quirks & blocks) != blocks);
        const struct e1000_family *family = e1000_family(id->gen);
        assert_in_range(family->rar_count, 1, 16);
        assert_true(family->mta_count == 32 || family->mta_count == 128);
        assert_true(family->phy_addr == 1 || family->phy_addr == 2);
    }
    assert_int_equal(count, 144);
    assert_null(e1000_id_at(SIZE_MAX));
}

/* What looks similar, and is not claimed. */
static void test_not_claimed(void **state)
{
    static const uint16_t others[] = {
        0x1000, 0x1001, 0x1009, 0x1011, 0x1012, 0x1027, 0x1028, 0x105f, 0x1060, 0x107a, 0x107b,
        0x107e, 0x107f, 0x1096, 0x1098, 0x10a5, 0x10a9, 0x10ba, 0x10bb, 0x10d9, 0x10da, 0x10e6,
        0x10e7, 0x10ca, 0x10ed, 0x150d, 0x150f, 0x1510, 0x1511, 0x1518, 0x1520, 0x1522, 0x1523,
        0x1524, 0x1527, 0x15f2, 0x15f3, 0x0d9f, 0x5502, 0x125b, 0x125c, 0x125d, 0x1209, 0x10fb,
    };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_null(e1000_match(0x8086, others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),    cmocka_unit_test(test_devices),
        cmocka_unit_test(test_quirks),      cmocka_unit_test(test_table),
        cmocka_unit_test(test_not_claimed),
    };
    return cmocka_run_group_tests(tests, open_doc, close_doc);
}
