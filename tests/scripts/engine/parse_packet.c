/*
 * Packet scripts: what stands behind < and >, a segment, an ICMP error or raw bytes, and the list
 * of TCP options. The words are described in tests/scripts/README.md.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/scripts/engine/lex.h"

int ps_conn_named(struct ps_lexer *x, const char *name)
{
    const struct ps_script *s = x->script;
    for (size_t i = 0; i < s->conn_count; i++) {
        if (strcmp(s->conns[i].name, name) == 0) {
            return (int)i;
        }
    }
    ps_error(x, "connection '%s' is not known; say `conn %s ...` first", name, name);
    return -1;
}

static bool parse_flags(struct ps_lexer *x, uint8_t *flags)
{
    static const char letters[] = "FSRP.UEW";
    const struct ps_token *t = ps_next(x);
    *flags = 0;
    if (t->kind == PS_TOKEN_WORD && strcmp(t->text, "none") == 0) {
        return true;
    }
    for (size_t i = 0; i < t->len; i++) {
        const char *at = strchr(letters, t->text[i]);
        if (t->kind != PS_TOKEN_WORD || at == NULL) {
            return ps_error(x,
                            "'%s' are no TCP flags; allowed are letters of S F R P . U E W, or "
                            "none",
                            t->text);
        }
        *flags |= (uint8_t)(1u << (at - letters));
    }
    return t->len > 0 || ps_error(x, "TCP flags are wanted, as S. or P.");
}

static bool any_or_int(struct ps_lexer *x, const char *what, int64_t max, int64_t *out)
{
    if (ps_take(x, "*")) {
        *out = -1;
        return true;
    }
    return ps_read_int(x, what, 0, max, out);
}

/* "FROM:TO" */
static bool parse_sack(struct ps_lexer *x, struct ps_option *o)
{
    while (ps_peek(x)->kind == PS_TOKEN_WORD) {
        const struct ps_token *t = ps_next(x);
        const char *colon = strchr(t->text, ':');
        if (o->sack_count == PS_SACKS_MAX) {
            return ps_error(x, "more than %d SACK blocks", PS_SACKS_MAX);
        }
        if (colon == NULL ||
            !ps_to_int(t->text, (size_t)(colon - t->text), &o->sacks[o->sack_count].from) ||
            !ps_to_int(colon + 1, strlen(colon + 1), &o->sacks[o->sack_count].to)) {
            return ps_error(x, "'%s' is no SACK block; allowed is FROM:TO, the byte behind last",
                            t->text);
        }
        o->sack_count++;
    }
    return o->sack_count > 0 || ps_error(x, "sack: a block FROM:TO is wanted");
}

static bool parse_ts(struct ps_lexer *x, struct ps_option *o)
{
    if (!any_or_int(x, "TSval", UINT32_MAX, &o->value)) {
        return false;
    }
    if (!ps_take(x, "ecr")) {
        return ps_error(x, "ts: `ecr N` is wanted behind the value");
    }
    return any_or_int(x, "TSecr", UINT32_MAX, &o->ecr);
}

static bool parse_option(struct ps_lexer *x, struct ps_option *o)
{
    *o = (struct ps_option){.kind = PS_OPT_NOP};
    if (ps_take(x, "nop")) {
        return true;
    }
    if (ps_take(x, "eol")) {
        o->kind = PS_OPT_EOL;
        return true;
    }
    if (ps_take(x, "sackOK")) {
        o->kind = PS_OPT_SACKOK;
        return true;
    }
    if (ps_take(x, "mss")) {
        o->kind = PS_OPT_MSS;
        return any_or_int(x, "mss", 65535, &o->value);
    }
    if (ps_take(x, "wscale")) {
        o->kind = PS_OPT_WSCALE;
        return any_or_int(x, "wscale", 255, &o->value);
    }
    if (ps_take(x, "sack")) {
        o->kind = PS_OPT_SACK;
        return parse_sack(x, o);
    }
    if (ps_take(x, "ts")) {
        o->kind = PS_OPT_TS;
        return parse_ts(x, o);
    }
    if (ps_take(x, "raw")) {
        o->kind = PS_OPT_RAW;
        return ps_read_hex(x, o->raw, sizeof(o->raw), &o->raw_len);
    }
    return ps_error(x,
                    "'%s' is no TCP option; allowed are mss N, wscale N, sackOK, sack F:T ..., "
                    "ts V ecr E, nop, eol, raw HEX, and <...> for any",
                    ps_peek(x)->text);
}

bool ps_parse_options(struct ps_lexer *x, struct ps_packet *p)
{
    if (ps_take(x, "...")) {
        p->options_any = true;
        return ps_take(x, ">") || ps_error(x, "options: > is wanted behind ...");
    }
    while (!ps_take(x, ">")) {
        if (p->option_count == PS_OPTIONS_MAX) {
            return ps_error(x, "more than %d options", PS_OPTIONS_MAX);
        }
        if (!parse_option(x, &p->options[p->option_count++])) {
            return false;
        }
        if (!ps_take(x, ",") && !ps_is_mark(x, ">")) {
            return ps_error(x, "options: , or > is wanted, here is '%s'", ps_peek(x)->text);
        }
    }
    return true;
}

static bool parse_payload(struct ps_lexer *x, struct ps_packet *p, const char *word)
{
    int64_t len;
    if (p->len > 0) {
        return ps_error(x, "a second payload");
    }
    if (strcmp(word, "data") == 0) {
        return ps_read_string(x, &p->data, &p->len);
    }
    if (strcmp(word, "len") == 0) {
        bool good = ps_read_int(x, "len", 0, PS_PACKET_MAX, &len);
        p->len = (size_t)len;
        return good;
    }
    p->data = malloc(PS_TEXT_MAX);
    assert(p->data != NULL);
    return ps_read_hex(x, p->data, PS_TEXT_MAX, &p->len);
}

/* Words that take a number. */
static bool parse_field(struct ps_lexer *x, struct ps_packet *p, const char *word, bool *known)
{
    const struct {
        const char *name;
        int64_t *out;
        int64_t max;
    } fields[] = {
        {"win", &p->win, 65535},        {"ttl", &p->ttl, 255},         {"tos", &p->tos, 255},
        {"ipid", &p->ip_id, 65535},     {"urgent", &p->urgent, 65535}, {"offset", &p->offset, 15},
        {"reserved", &p->reserved, 15},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (strcmp(word, fields[i].name) == 0) {
            *known = true;
            return ps_read_int(x, fields[i].name, 0, fields[i].max, fields[i].out);
        }
    }
    *known = false;
    return true;
}

static bool parse_switch(struct ps_packet *p, const char *word)
{
    if (strcmp(word, "df") == 0 || strcmp(word, "nodf") == 0) {
        p->df = word[0] == 'd';
    } else if (strcmp(word, "badsum") == 0) {
        p->bad_checksum = true;
    } else if (strcmp(word, "badipsum") == 0) {
        p->bad_ip_checksum = true;
    } else if (strcmp(word, "new") == 0) {
        p->fresh = true;
    } else {
        return false;
    }
    return true;
}

static bool parse_word(struct ps_lexer *x, struct ps_packet *p, const char *word)
{
    bool known;
    if (strcmp(word, "seq") == 0) {
        return ps_read_number(x, "seq", &p->seq);
    }
    if (strcmp(word, "ack") == 0) {
        return ps_read_number(x, "ack", &p->ack);
    }
    if (strcmp(word, "data") == 0 || strcmp(word, "len") == 0 || strcmp(word, "hex") == 0) {
        return parse_payload(x, p, word);
    }
    if (strcmp(word, "from") == 0) {
        return ps_read_address(x, &p->src, &p->sport);
    }
    if (strcmp(word, "to") == 0) {
        return ps_read_address(x, &p->dst, &p->dport);
    }
    if (parse_switch(p, word)) {
        return true;
    }
    if (!parse_field(x, p, word, &known)) {
        return false;
    }
    return known || ps_error(x,
                             "'%s' is no part of a segment; allowed are seq ack win data len hex "
                             "ttl tos ipid df nodf urgent offset reserved badsum badipsum from "
                             "to new and <options>",
                             word);
}

/* A TCP header has a seq and, with ACK, an ack: forgetting one is a slip, not a wish. */
static bool check_segment(struct ps_lexer *x, const struct ps_packet *p, bool seq, bool ack)
{
    if (!seq) {
        return ps_error(x, "a segment without seq");
    }
    if ((p->flags & PS_ACK) && !ack) {
        return ps_error(x, "flag . (ACK) without ack; write `ack *` for any");
    }
    return true;
}

static bool parse_segment(struct ps_lexer *x, struct ps_packet *p)
{
    bool seq = false;
    bool ack = false;
    if (!parse_flags(x, &p->flags)) {
        return false;
    }
    while (!ps_at_end(x)) {
        if (ps_take(x, "<")) {
            if (!ps_parse_options(x, p)) {
                return false;
            }
            continue;
        }
        const char *word = ps_next(x)->text;
        seq = seq || strcmp(word, "seq") == 0;
        ack = ack || strcmp(word, "ack") == 0;
        if (!parse_word(x, p, word)) {
            return false;
        }
    }
    return check_segment(x, p, seq, ack);
}

/* icmp TYPE CODE [mtu N] [quote seq N [bytes N]] [data ...] [len N] */
static bool parse_icmp(struct ps_lexer *x, struct ps_packet *p)
{
    int64_t type, code;
    p->kind = PS_PACKET_ICMP;
    p->icmp = (struct ps_icmp){.mtu = -1, .quote_len = 8};
    if (!ps_read_int(x, "ICMP type", 0, 255, &type) ||
        !ps_read_int(x, "ICMP code", 0, 255, &code)) {
        return false;
    }
    p->icmp.type = (uint8_t)type;
    p->icmp.code = (uint8_t)code;
    while (!ps_at_end(x)) {
        const char *word = ps_next(x)->text;
        bool good;
        if (strcmp(word, "mtu") == 0) {
            good = ps_read_int(x, "mtu", 0, UINT32_MAX, &p->icmp.mtu);
        } else if (strcmp(word, "quote") == 0) {
            p->icmp.quotes = true;
            good = (ps_take(x, "seq") && ps_read_number(x, "seq", &p->icmp.seq)) ||
                   ps_error(x, "quote: `seq N` is wanted, of the segment that is quoted");
        } else if (strcmp(word, "bytes") == 0) {
            good = ps_read_int(x, "bytes", 0, 20, &p->icmp.quote_len);
        } else {
            good = parse_word(x, p, word);
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

/* raw HEX: a whole IP packet as it is */
static bool parse_raw(struct ps_lexer *x, struct ps_packet *p)
{
    p->kind = PS_PACKET_RAW;
    p->data = malloc(PS_LINE_MAX);
    assert(p->data != NULL);
    return ps_read_hex(x, p->data, PS_LINE_MAX, &p->len) &&
           (ps_at_end(x) || ps_error(x, "'%s' behind raw bytes", ps_peek(x)->text));
}

bool ps_parse_packet(struct ps_lexer *x, struct ps_packet *p, bool out)
{
    char name[PS_NAME_BYTES];
    *p = (struct ps_packet){.win = -1,
                            .ttl = -1,
                            .tos = -1,
                            .ip_id = -1,
                            .df = -1,
                            .urgent = -1,
                            .offset = -1,
                            .src = -1,
                            .dst = -1,
                            .sport = -1,
                            .reserved = -1,
                            .dport = -1};
    if (ps_take(x, "[")) {
        if (!ps_read_name(x, "connection", name) || !ps_take(x, "]")) {
            return ps_error(x, "a connection's name in brackets is wanted, as [2]");
        }
        p->conn = ps_conn_named(x, name);
        if (p->conn < 0) {
            return false;
        }
    }
    if (ps_take(x, "icmp")) {
        return parse_icmp(x, p);
    }
    if (!out && ps_take(x, "raw")) {
        return parse_raw(x, p);
    }
    return parse_segment(x, p);
}
