/*
 * A state for each place in the grammar of RFC 9112, 7.1 to 7.1.2:
 *
 *     chunk   = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
 *     ext     = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
 *     trailer = *( field-line CRLF )
 */
#include "apps/httpd/chunk_lines.h"

#include <assert.h>

enum chunk_state {
    SIZE,
    SIZE_LF,       /* behind the line's CR */
    EXT_SEMICOLON, /* behind white space: only another extension may come */
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_EQUALS, /* behind a name and white space */
    EXT_VALUE_FIRST,
    EXT_TOKEN,
    EXT_QUOTED,
    EXT_ESCAPED, /* behind a backslash */
    EXT_QUOTED_END,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST, /* of a trailer's name, or the CR of the last line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    LAST_LF,
    END,
    BAD,
};

/* What may follow a finished size, name or value: white space leads to blank_state. */
static enum chunk_state after_part(char c, enum chunk_state blank_state)
{
    return span_is_blank(c) ? blank_state : c == ';' ? EXT_NAME_FIRST : c == '\r' ? SIZE_LF : BAD;
}

static enum chunk_state take_size(struct chunk_lines *l, char c)
{
    int digit = span_hex(c);
    if (digit < 0) {
        return l->digits > 0 ? after_part(c, EXT_SEMICOLON) : BAD;
    }
    l->size = l->size << 4 | (uint64_t)digit;
    return ++l->digits <= CHUNK_SIZE_DIGITS_MAX ? SIZE : BAD;
}

static enum chunk_state take_size_end(struct chunk_lines *l, char c)
{
    enum chunk_state next = l->size > 0 ? DATA : TRAILER_FIRST;
    l->left = l->size;
    l->size = 0;
    l->digits = 0;
    return c == '\n' ? next : BAD;
}

static enum chunk_state take_ext(enum chunk_state state, char c)
{
    switch (state) {
    case EXT_SEMICOLON:
        return span_is_blank(c) ? EXT_SEMICOLON : c == ';' ? EXT_NAME_FIRST : BAD;
    case EXT_NAME_FIRST:
        return span_is_blank(c) ? EXT_NAME_FIRST : span_is_token_char(c) ? EXT_NAME : BAD;
    case EXT_NAME:
        if (span_is_token_char(c)) {
            return EXT_NAME;
        }
        return c == '=' ? EXT_VALUE_FIRST : after_part(c, EXT_EQUALS);
    case EXT_EQUALS:
        return c == '=' ? EXT_VALUE_FIRST : c == '\r' ? BAD : after_part(c, EXT_EQUALS);
    case EXT_VALUE_FIRST:
        if (span_is_blank(c)) {
            return EXT_VALUE_FIRST;
        }
        return c == '"' ? EXT_QUOTED : span_is_token_char(c) ? EXT_TOKEN : BAD;
    case EXT_TOKEN:
        return span_is_token_char(c) ? EXT_TOKEN : after_part(c, EXT_SEMICOLON);
    case EXT_QUOTED: /* RFC 9110, 5.6.4 */
        if (c == '"' || c == '\\') {
            return c == '"' ? EXT_QUOTED_END : EXT_ESCAPED;
        }
        return span_is_value_char(c) ? EXT_QUOTED : BAD;
    case EXT_ESCAPED:
        return span_is_value_char(c) ? EXT_QUOTED : BAD;
    case EXT_QUOTED_END:
        return after_part(c, EXT_SEMICOLON);
    default:
        return BAD;
    }
}

/* As in a head, and like there a folded line is an error (RFC 9112, 5.2). */
static enum chunk_state take_trailer(enum chunk_state state, char c)
{
    switch (state) {
    case TRAILER_FIRST:
        return c == '\r' ? LAST_LF : span_is_token_char(c) ? TRAILER_NAME : BAD;
    case TRAILER_NAME:
        return c == ':' ? TRAILER_VALUE : span_is_token_char(c) ? TRAILER_NAME : BAD;
    case TRAILER_VALUE:
        return c == '\r' ? TRAILER_LF : span_is_value_char(c) ? TRAILER_VALUE : BAD;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_FIRST : BAD;
    default:
        return BAD;
    }
}

static enum chunk_state take_byte(struct chunk_lines *l, char c)
{
    enum chunk_state state = (enum chunk_state)l->state;
    switch (state) {
    case SIZE:
        return take_size(l, c);
    case SIZE_LF:
        return take_size_end(l, c);
    case DATA_CR:
        return c == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        return c == '\n' ? SIZE : BAD;
    case LAST_LF:
        return c == '\n' ? END : BAD;
    default:
        return state < DATA ? take_ext(state, c) : take_trailer(state, c);
    }
}

/* llhttp gets a byte if the place it leads to is not within an extension or a trailer. */
static bool is_for_llhttp(enum chunk_state from, enum chunk_state to)
{
    bool is_skipped = (to >= EXT_SEMICOLON && to <= EXT_QUOTED_END) ||
                      (to >= TRAILER_NAME && to <= TRAILER_LF) || from == TRAILER_LF;
    return !is_skipped;
}

enum chunk_result chunk_lines_take(struct chunk_lines *l, const char *in, size_t len, size_t *used,
                                   struct span *run)
{
    size_t i = 0;
    assert(len > 0 && l->state != END && l->state != BAD);
    *run = (struct span){in, 0};
    while (i < len && l->state != END) {
        enum chunk_state from = (enum chunk_state)l->state;
        if (from == DATA) {
            size_t n = l->left < len - i ? (size_t)l->left : len - i;
            l->left -= n;
            l->state = l->left == 0 ? DATA_CR : DATA;
            l->bytes = 0;
            i += n;
            run->len += n;
            continue;
        }
        enum chunk_state to = take_byte(l, in[i]);
        l->state = (uint8_t)to;
        if (to == BAD || l->bytes == CHUNK_LINES_MAX_BYTES) {
            *used = len;
            return to == BAD ? CHUNK_BAD : CHUNK_TOO_LONG;
        }
        l->bytes++;
        i++;
        if (is_for_llhttp(from, to)) {
            run->len++;
        } else if (run->len > 0) {
            break;
        } else {
            run->at = in + i;
        }
    }
    *used = i;
    return l->state == END ? CHUNK_DONE : CHUNK_MORE;
}
