/*
 * The command line parser over any bytes: no word outside the text, every argument terminated.
 */
// LINK: kernel/cmdline.c
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cmdline.h"

static bool parse_any(const char *value, void *out)
{
    *(size_t *)out += strlen(value);
    return strlen(value) % 2 == 0;
}

static void bad_word(const char *word, const struct cmdline_key *key, void *ctx)
{
    *(size_t *)ctx += strlen(word) + (key != NULL ? strlen(key->name) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cmdline_key keys[] = {
        {.name = "ip", .allowed = "any", .parse = parse_any},
        {.name = "a", .allowed = "any", .parse = parse_any},
    };
    static struct cmdline line;
    size_t seen = 0;
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    cmdline_parse(&line, text, "app", keys, ARRAY_SIZE(keys), &seen, bad_word, &seen);
    free(text);
    assert(line.argc >= 1 && line.argc <= CMDLINE_ARGS_MAX);
    assert(line.argv[line.argc] == NULL);
    for (int i = 0; i < line.argc; i++) {
        const char *end = line.text + sizeof(line.text);
        assert(line.argv[i] >= line.text && line.argv[i] < end);
        assert(memchr(line.argv[i], '\0', (size_t)(end - line.argv[i])) != NULL);
    }
    return 0;
}
