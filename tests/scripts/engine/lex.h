/*
 * One line of a packet script as tokens, and the reader's place in it. For the files that parse.
 */
#ifndef TESTS_SCRIPTS_ENGINE_LEX_H
#define TESTS_SCRIPTS_ENGINE_LEX_H

#include "tests/scripts/engine/script.h"

enum ps_token_kind {
    PS_TOKEN_END,
    PS_TOKEN_WORD,   /* anything without blanks and punctuation */
    PS_TOKEN_STRING, /* "...", with \n \r \t \0 \\ \" \xHH */
    PS_TOKEN_MARK,   /* one of < > , = [ ] */
};

enum {
    PS_LINE_MAX = 8192,
    PS_TOKENS_MAX = 512,
};

struct ps_token {
    enum ps_token_kind kind;
    const char *text; /* NUL-terminated in the line's own buffer */
    size_t len;       /* of a string it may hold NULs */
};

struct ps_lexer {
    struct ps_script *script;
    int line;
    char text[PS_LINE_MAX];
    struct ps_token tokens[PS_TOKENS_MAX];
    size_t count;
    size_t at;
};

/* Splits a line; false with the script's error set. A comment is dropped. */
bool ps_lex(struct ps_lexer *x, const char *line);

/* Sets the script's error, "file:line: ...", unless there is one already. Returns false. */
bool ps_error(struct ps_lexer *x, const char *fmt, ...) printf_like(2, 3);

const struct ps_token *ps_peek(const struct ps_lexer *x);
const struct ps_token *ps_next(struct ps_lexer *x);
bool ps_at_end(const struct ps_lexer *x);
/* Takes the next token when it is that word or mark. */
bool ps_take(struct ps_lexer *x, const char *text);
bool ps_is_mark(const struct ps_lexer *x, const char *text);

/* Each reads one token; false with the error set. what names the thing in the message. */
bool ps_read_int(struct ps_lexer *x, const char *what, int64_t min, int64_t max, int64_t *out);
bool ps_read_number(struct ps_lexer *x, const char *what, struct ps_number *out);
bool ps_read_name(struct ps_lexer *x, const char *what, char out[PS_NAME_BYTES]);
bool ps_read_duration(struct ps_lexer *x, const char *text, size_t len, uint64_t *ns);
bool ps_read_address(struct ps_lexer *x, int64_t *address, int64_t *port); /* A.B.C.D[:PORT] */
/* Hex bytes until a comma, a closing mark or the end of the line. */
bool ps_read_hex(struct ps_lexer *x, uint8_t *out, size_t max, size_t *len);
/* A string's bytes as malloc'ed memory. */
bool ps_read_string(struct ps_lexer *x, uint8_t **data, size_t *len);
/* True when the text is a whole decimal or 0x number. */
bool ps_to_int(const char *text, size_t len, int64_t *out);

/* parse_packet.c: what stands behind < and >. */
bool ps_parse_packet(struct ps_lexer *x, struct ps_packet *p, bool out);
bool ps_parse_options(struct ps_lexer *x, struct ps_packet *p);
int ps_conn_named(struct ps_lexer *x, const char *name); /* -1 with the error set */

/* parse_call.c */
bool ps_parse_call(struct ps_lexer *x, struct ps_call *c);
bool ps_is_verb(const char *word);
int ps_sock_named(struct ps_lexer *x, const char *name, bool fresh);

#endif
