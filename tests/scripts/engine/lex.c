/*
 * Packet scripts: lines to tokens, tokens to numbers, times and bytes. See lex.h.
 */
#include "tests/scripts/engine/lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ps_error(struct ps_lexer *x, const char *fmt, ...)
{
    char text[PS_TEXT_MAX - 128];
    if (x->script->error[0] != '\0') {
        return false;
    }
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(x->script->error, sizeof(x->script->error), "%.120s:%d: %s", x->script->path, x->line,
             text);
    return false;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One character behind a backslash; *in is moved over what was taken. */
static int escape(const char **in)
{
    static const char from[] = "nrt0\\\"";
    static const char to[] = "\n\r\t\0\\\"";
    char c = *(*in)++;
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    if (known != NULL) {
        return (uint8_t)to[known - from];
    }
    if (c == 'x' && hex_digit((*in)[0]) >= 0 && hex_digit((*in)[1]) >= 0) {
        int value = hex_digit((*in)[0]) * 16 + hex_digit((*in)[1]);
        *in += 2;
        return value;
    }
    return -1;
}

static bool lex_string(struct ps_lexer *x, const char **in, char **out, struct ps_token *t)
{
    t->kind = PS_TOKEN_STRING;
    t->text = *out;
    for ((*in)++; **in != '"'; t->len++) {
        int c = (uint8_t) * (*in)++;
        if (c == '\0') {
            return ps_error(x, "a string without its closing quote");
        }
        if (c == '\\') {
            c = escape(in);
        }
        if (c < 0) {
            return ps_error(x, "unknown escape in a string; allowed are \\n \\r \\t \\0 \\\\ \\\" "
                               "\\xHH");
        }
        *(*out)++ = (char)c;
    }
    (*in)++;
    *(*out)++ = '\0';
    return true;
}

static void lex_word(const char **in, char **out, struct ps_token *t)
{
    static const char marks[] = "<>,=[]";
    t->text = *out;
    t->kind = strchr(marks, **in) != NULL ? PS_TOKEN_MARK : PS_TOKEN_WORD;
    do {
        *(*out)++ = *(*in)++;
        t->len++;
    } while (t->kind == PS_TOKEN_WORD && **in != '\0' && !isspace((uint8_t) * *in) &&
             strchr(marks, **in) == NULL && **in != '"' && **in != '#');
    *(*out)++ = '\0';
}

bool ps_lex(struct ps_lexer *x, const char *line)
{
    char *out = x->text;
    x->count = 0;
    x->at = 0;
    /* Each token costs at most one byte more than its text: the NUL behind it. */
    if (strlen(line) >= PS_LINE_MAX / 2) {
        return ps_error(x, "a line of %zu bytes; %d at most", strlen(line), PS_LINE_MAX / 2 - 1);
    }
    for (;;) {
        while (isspace((uint8_t)*line)) {
            line++;
        }
        if (*line == '\0' || *line == '#') {
            return true;
        }
        if (x->count == PS_TOKENS_MAX - 1) {
            return ps_error(x, "more than %d words in a line", PS_TOKENS_MAX - 1);
        }
        struct ps_token *t = &x->tokens[x->count++];
        *t = (struct ps_token){0};
        if (*line != '"') {
            lex_word(&line, &out, t);
        } else if (!lex_string(x, &line, &out, t)) {
            return false;
        }
    }
}

const struct ps_token *ps_peek(const struct ps_lexer *x)
{
    static const struct ps_token end = {PS_TOKEN_END, "the end of the line", 0};
    return x->at < x->count ? &x->tokens[x->at] : &end;
}

const struct ps_token *ps_next(struct ps_lexer *x)
{
    const struct ps_token *t = ps_peek(x);
    x->at += x->at < x->count;
    return t;
}

bool ps_at_end(const struct ps_lexer *x)
{
    return x->at >= x->count;
}

bool ps_take(struct ps_lexer *x, const char *text)
{
    const struct ps_token *t = ps_peek(x);
    if (t->kind == PS_TOKEN_STRING || t->kind == PS_TOKEN_END || strcmp(t->text, text) != 0) {
        return false;
    }
    x->at++;
    return true;
}

bool ps_is_mark(const struct ps_lexer *x, const char *text)
{
    const struct ps_token *t = ps_peek(x);
    return t->kind == PS_TOKEN_MARK && strcmp(t->text, text) == 0;
}

bool ps_to_int(const char *text, size_t len, int64_t *out)
{
    char digits[32];
    char *end;
    if (len == 0 || len >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!isdigit((uint8_t)digits[0]) && !(digits[0] == '-' && isdigit((uint8_t)digits[1]))) {
        return false;
    }
    bool hex = digits[0] == '0' && digits[1] == 'x';
    errno = 0;
    *out = strtoll(digits, &end, hex ? 16 : 10);
    return errno == 0 && *end == '\0';
}

bool ps_read_int(struct ps_lexer *x, const char *what, int64_t min, int64_t max, int64_t *out)
{
    const struct ps_token *t = ps_next(x);
    if (t->kind != PS_TOKEN_WORD || !ps_to_int(t->text, t->len, out)) {
        return ps_error(x, "%s: a number is wanted, here is '%s'", what, t->text);
    }
    if (*out < min || *out > max) {
        return ps_error(x, "%s is %lld; allowed is %lld to %lld", what, (long long)*out,
                        (long long)min, (long long)max);
    }
    return true;
}

bool ps_read_number(struct ps_lexer *x, const char *what, struct ps_number *out)
{
    *out = (struct ps_number){.how = PS_RELATIVE};
    if (ps_take(x, "*")) {
        out->how = PS_ANY;
        return true;
    }
    if (ps_take(x, "=")) {
        out->how = PS_ABSOLUTE;
    }
    return ps_read_int(x, what, -(INT64_C(1) << 32), INT64_C(1) << 32, &out->value);
}

bool ps_read_name(struct ps_lexer *x, const char *what, char out[PS_NAME_BYTES])
{
    const struct ps_token *t = ps_next(x);
    if (t->kind != PS_TOKEN_WORD || !isalnum((uint8_t)t->text[0]) || t->len >= PS_NAME_BYTES) {
        return ps_error(x, "%s: a name is wanted (letters and digits, below %d), here is '%s'",
                        what, PS_NAME_BYTES, t->text);
    }
    memcpy(out, t->text, t->len + 1);
    return true;
}

bool ps_read_duration(struct ps_lexer *x, const char *text, size_t len, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"us", NS_PER_US}, {"ms", NS_PER_MS}, {"s", NS_PER_S}};
    size_t digits = 0;
    int64_t value;
    while (digits < len && isdigit((uint8_t)text[digits])) {
        digits++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        size_t unit_len = strlen(units[i].name);
        if (len - digits == unit_len && memcmp(text + digits, units[i].name, unit_len) == 0 &&
            ps_to_int(text, digits, &value) && value <= 1000000) {
            *ns = (uint64_t)value * units[i].ns;
            return true;
        }
    }
    if (len == 1 && *text == '0') {
        *ns = 0;
        return true;
    }
    return ps_error(x, "'%.*s' is no time; allowed is a number with us, ms or s, as 40ms", (int)len,
                    text);
}

bool ps_read_address(struct ps_lexer *x, int64_t *address, int64_t *port)
{
    const struct ps_token *t = ps_next(x);
    unsigned b[4];
    unsigned p = 0;
    int used = 0;
    int fields =
        sscanf(t->text, "%3u.%3u.%3u.%3u%n:%5u%n", &b[0], &b[1], &b[2], &b[3], &used, &p, &used);
    if (fields < 4 || (size_t)used != t->len || b[0] > 255 || b[1] > 255 || b[2] > 255 ||
        b[3] > 255 || p > 65535) {
        return ps_error(x, "'%s' is no address; allowed is A.B.C.D or A.B.C.D:PORT", t->text);
    }
    *address = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    if (fields == 5) {
        *port = p;
    }
    return true;
}

bool ps_read_hex(struct ps_lexer *x, uint8_t *out, size_t max, size_t *len)
{
    *len = 0;
    while (ps_peek(x)->kind == PS_TOKEN_WORD) {
        const struct ps_token *t = ps_next(x);
        for (size_t i = 0; i < t->len; i += 2) {
            int high = hex_digit(t->text[i]);
            int low = i + 1 < t->len ? hex_digit(t->text[i + 1]) : -1;
            if (high < 0 || low < 0) {
                return ps_error(x, "'%s': pairs of hex digits are wanted", t->text);
            }
            if (*len == max) {
                return ps_error(x, "more than %zu bytes", max);
            }
            out[(*len)++] = (uint8_t)(high * 16 + low);
        }
    }
    return true;
}

bool ps_read_string(struct ps_lexer *x, uint8_t **data, size_t *len)
{
    const struct ps_token *t = ps_next(x);
    if (t->kind != PS_TOKEN_STRING) {
        return ps_error(x, "a string in quotes is wanted, here is '%s'", t->text);
    }
    *data = malloc(t->len + 1);
    assert(*data != NULL);
    memcpy(*data, t->text, t->len + 1);
    *len = t->len;
    return true;
}
