/*
 * kernel/cmdline.h: words, keys, the application's arguments, and everything a user can get wrong.
 */
// LINK: tests/unit/fake_platform.c kernel/cmdline.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/cmdline.h"
#include "tests/unit/fake_platform.h"

struct config {
    char ip[32];
    int level;
};

static bool parse_ip(const char *value, void *out)
{
    struct config *c = out;
    if (strlen(value) == 0 || strlen(value) >= sizeof(c->ip)) {
        return false;
    }
    memcpy(c->ip, value, strlen(value) + 1);
    return true;
}

static bool parse_level(const char *value, void *out)
{
    char *end;
    long level = strtol(value, &end, 10);
    if (end == value || *end != '\0' || level < 0 || level > 3) {
        return false;
    }
    ((struct config *)out)->level = (int)level;
    return true;
}

static bool parse_flag(const char *value, void *out)
{
    ((struct config *)out)->level = 77;
    return *value == '\0';
}

static const struct cmdline_key keys[] = {
    {.name = "ip", .allowed = "dhcp or ADDRESS/LENGTH", .parse = parse_ip},
    {.name = "log", .allowed = "0 to 3", .parse = parse_level},
    {.name = "quiet", .allowed = "nothing", .parse = parse_flag},
};

struct bad {
    int count;
    char words[8][64];
    const struct cmdline_key *keys[8];
};

static void note_bad(const char *word, const struct cmdline_key *key, void *ctx)
{
    struct bad *bad = ctx;
    if (bad->count < 8) {
        snprintf(bad->words[bad->count], sizeof(bad->words[0]), "%s", word);
        bad->keys[bad->count] = key;
    }
    bad->count++;
}

static struct cmdline line;
static struct config config;
static struct bad bad;

static void parse(const char *text)
{
    memset(&bad, 0, sizeof(bad));
    config = (struct config){.ip = "default", .level = -1};
    cmdline_parse(&line, text, "httpd", keys, ARRAY_SIZE(keys), &config, note_bad, &bad);
    assert_string_equal(line.argv[0], "httpd");
    assert_true(line.argc >= 1);
    assert_null(line.argv[line.argc]);
}

static void nothing_leaves_the_defaults(void **state)
{
    static const char *const texts[] = {"", " ", " \t\r\n  "};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        parse(texts[i]);
        assert_string_equal(config.ip, "default");
        assert_int_equal(config.level, -1);
        assert_int_equal(line.argc, 1);
        assert_int_equal(bad.count, 0);
    }
}

static void keys_are_parsed(void **state)
{
    parse("  ip=10.0.0.2/24\tlog=2 \n");
    assert_string_equal(config.ip, "10.0.0.2/24");
    assert_int_equal(config.level, 2);
    assert_int_equal(bad.count, 0);
    parse("ip=a ip=b=c");
    assert_string_equal(config.ip, "b=c"); /* the last one counts; only the first '=' splits */
    parse("quiet");
    assert_int_equal(config.level, 77);
    assert_int_equal(bad.count, 0);
}

static void wrong_words_are_named(void **state)
{
    parse("log=9 colour=red ip log=1 =x ipx=1 i=1");
    assert_int_equal(bad.count, 6);
    assert_string_equal(bad.words[0], "log=9");
    assert_ptr_equal(bad.keys[0], &keys[1]);
    assert_string_equal(bad.words[1], "colour=red");
    assert_null(bad.keys[1]);
    assert_string_equal(bad.words[2], "ip");
    assert_ptr_equal(bad.keys[2], &keys[0]);
    assert_string_equal(bad.words[3], "=x");
    assert_string_equal(bad.words[4], "ipx=1");
    assert_string_equal(bad.words[5], "i=1");
    assert_int_equal(config.level, 1);
    assert_string_equal(config.ip, "default");
}

static void behind_two_dashes_is_the_applications(void **state)
{
    parse("log=1 -- -v log=3 --  nonsense");
    assert_int_equal(line.argc, 5);
    assert_string_equal(line.argv[1], "-v");
    assert_string_equal(line.argv[2], "log=3");
    assert_string_equal(line.argv[3], "--");
    assert_string_equal(line.argv[4], "nonsense");
    assert_int_equal(config.level, 1);
    assert_int_equal(bad.count, 0);
    parse("--");
    assert_int_equal(line.argc, 1);
    parse("--x -");
    assert_int_equal(bad.count, 2);
}

static void too_many_arguments_are_named(void **state)
{
    char text[512] = "--";
    for (int i = 0; i < CMDLINE_ARGS_MAX + 2; i++) {
        snprintf(text + strlen(text), 16, " a%d", i);
    }
    parse(text);
    assert_int_equal(line.argc, CMDLINE_ARGS_MAX);
    assert_string_equal(line.argv[CMDLINE_ARGS_MAX - 1], "a30");
    assert_int_equal(bad.count, 3);
    assert_string_equal(bad.words[0], "a31");
}

static void too_long_a_text_is_cut_at_a_word(void **state)
{
    char text[4 * CMDLINE_MAX_BYTES];
    memset(text, 'x', sizeof(text));
    memcpy(text, "log=1 ", 6);
    memcpy(text + 900, " log=2 ", 7);
    memcpy(text + 1500, " log=3", 7);
    parse(text);
    assert_int_equal(config.level, 2);
    assert_int_equal(bad.count, 2); /* the x's in between, and the text from the cut on */
    assert_memory_equal(bad.words[1], "xxxx", 4);
    /* To the byte: "httpd" and its NUL stand in front. */
    int room = CMDLINE_MAX_BYTES - 6 - 1;
    for (int len = room - 1; len <= room + 1; len++) {
        memset(text, 'x', (size_t)len);
        memcpy(text, "ip=", 3);
        text[len] = '\0';
        parse(text);
        assert_int_equal(bad.count, 1);
        if (len <= room) {
            assert_ptr_equal(bad.keys[0], &keys[0]);
        } else {
            assert_null(bad.keys[0]);
        }
    }
}

static void random_text_is_safe(void **state)
{
    static const char alphabet[] = "ip=log-- \t\nqx3";
    uint64_t seed = fake_seed();
    for (int round = 0; round < 20000; round++) {
        char text[2000];
        size_t len = fake_random(&seed) % sizeof(text);
        for (size_t i = 0; i < len; i++) {
            text[i] = alphabet[fake_random(&seed) % (sizeof(alphabet) - 1)];
        }
        text[len > 0 ? len - 1 : 0] = '\0';
        parse(text);
        for (int i = 0; i < line.argc; i++) {
            assert_true(line.argv[i] >= line.text);
            assert_true(line.argv[i] + strlen(line.argv[i]) < line.text + sizeof(line.text));
            assert_int_equal(strcspn(line.argv[i], " \t\n"), strlen(line.argv[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_the_defaults),
        cmocka_unit_test(keys_are_parsed),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(behind_two_dashes_is_the_applications),
        cmocka_unit_test(too_many_arguments_are_named),
        cmocka_unit_test(too_long_a_text_is_cut_at_a_word),
        cmocka_unit_test(random_text_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
