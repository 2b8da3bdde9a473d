/*
 * Packet scripts: a packet in the script's own words, and the comparison of what was expected with
 * what came. See packet.h.
 */
#include <stdio.h>
#include <string.h>

#include "tests/scripts/engine/packet.h"

struct out {
    char *at;
    size_t size, len;
};

static void say(struct out *o, const char *fmt, ...) printf_like(2, 3);

static void say(struct out *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(o->at + o->len, o->size - o->len, fmt, ap);
    va_end(ap);
    o->len = min_size(o->len + (size_t)n, o->size - 1);
}

static void say_number(struct out *o, const char *name, const struct ps_number *n)
{
    if (n->how == PS_ANY) {
        say(o, " %s *", name);
    } else {
        say(o, " %s %s%lld", name, n->how == PS_ABSOLUTE ? "=" : "", (long long)n->value);
    }
}

static void say_value(struct out *o, const char *name, int64_t value, int64_t any)
{
    if (value == any) {
        say(o, "%s *", name);
    } else {
        say(o, "%s %lld", name, (long long)value);
    }
}

static void say_option(struct out *o, const struct ps_option *opt, bool got)
{
    int64_t any = got ? INT64_MIN : -1;
    switch (opt->kind) {
    case PS_OPT_MSS:
        say_value(o, "mss", opt->value, any);
        break;
    case PS_OPT_WSCALE:
        say_value(o, "wscale", opt->value, any);
        break;
    case PS_OPT_SACKOK:
        say(o, "sackOK");
        break;
    case PS_OPT_TS:
        say_value(o, "ts", opt->value, any);
        say_value(o, " ecr", opt->ecr, any);
        break;
    case PS_OPT_SACK:
        say(o, "sack");
        for (size_t i = 0; i < opt->sack_count; i++) {
            say(o, " %lld:%lld", (long long)opt->sacks[i].from, (long long)opt->sacks[i].to);
        }
        break;
    default:
        say(o, "%s", opt->kind == PS_OPT_NOP ? "nop" : opt->kind == PS_OPT_EOL ? "eol" : "raw");
        break;
    }
}

static void say_options(struct out *o, const struct ps_packet *p, bool got)
{
    if (p->options_any) {
        say(o, " <...>");
        return;
    }
    for (size_t i = 0; i < p->option_count; i++) {
        say(o, "%s", i == 0 ? " <" : ", ");
        say_option(o, &p->options[i], got);
    }
    if (p->option_count > 0) {
        say(o, ">");
    }
}

static void say_flags(struct out *o, uint8_t flags)
{
    static const char letters[] = "FSRP.UEW";
    static const uint8_t order[] = {1, 0, 2, 3, 5, 6, 7, 4};
    for (size_t i = 0; i < sizeof(order); i++) {
        if (flags & (1u << order[i])) {
            say(o, "%c", letters[order[i]]);
        }
    }
    if (flags == 0) {
        say(o, "none");
    }
}

static void say_ip(struct out *o, const struct ps_packet *p)
{
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {{"win", p->win}, {"ttl", p->ttl}, {"tos", p->tos}, {"urgent", p->urgent}};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].value >= 0) {
            say(o, " %s %lld", fields[i].name, (long long)fields[i].value);
        }
    }
    if (p->df >= 0) {
        say(o, p->df ? " df" : " nodf");
    }
}

void ps_format(const struct ps_packet *p, char *out, size_t size)
{
    struct out o = {out, size, 0};
    bool got = p->df >= 0 && p->ttl >= 0 && p->ip_id >= 0 && p->tos >= 0;
    if (p->kind == PS_PACKET_ICMP) {
        say(&o, "icmp %d %d len %zu", p->icmp.type, p->icmp.code, p->len);
        return;
    }
    say_flags(&o, p->flags);
    say_number(&o, "seq", &p->seq);
    if (p->flags & PS_ACK) {
        say_number(&o, "ack", &p->ack);
    }
    say(&o, " len %zu", p->len);
    say_options(&o, p, got);
    say_ip(&o, p);
}

static bool number_matches(const struct ps_number *want, const struct ps_number *got, uint32_t raw)
{
    return want->how == PS_ANY || (want->how == PS_ABSOLUTE && (uint32_t)want->value == raw) ||
           (want->how == PS_RELATIVE && (uint32_t)want->value == (uint32_t)got->value);
}

static bool near(int64_t want, int64_t got, int64_t slack)
{
    return want == -1 || (got >= want - slack && got <= want + slack);
}

static bool option_matches(const struct ps_option *w, const struct ps_option *g, int64_t ts_slack)
{
    if (w->kind != g->kind || w->sack_count != g->sack_count) {
        return false;
    }
    for (size_t i = 0; i < w->sack_count; i++) {
        if (w->sacks[i].from != g->sacks[i].from || w->sacks[i].to != g->sacks[i].to) {
            return false;
        }
    }
    if (w->kind == PS_OPT_TS) {
        return near(w->value, g->value, ts_slack) && near(w->ecr, g->ecr, 0);
    }
    return near(w->value, g->value, 0);
}

static bool options_match(const struct ps_packet *want, const struct ps_packet *got,
                          int64_t ts_slack)
{
    if (want->options_any) {
        return true;
    }
    if (want->option_count != got->option_count) {
        return false;
    }
    for (size_t i = 0; i < want->option_count; i++) {
        if (!option_matches(&want->options[i], &got->options[i], ts_slack)) {
            return false;
        }
    }
    return true;
}

static bool payload_matches(const struct ps_packet *want, const struct ps_packet *got)
{
    for (size_t i = 0; i < got->len; i++) {
        uint32_t seq = (uint32_t)got->seq.value + (uint32_t)i;
        if (got->data[i] != (want->data != NULL ? want->data[i] : ps_pattern(seq))) {
            return false;
        }
    }
    return true;
}

/* The fields compared only where the script names them; the name of the first that differs. */
static const char *field_that_differs(const struct ps_packet *w, const struct ps_packet *g)
{
    const struct {
        const char *name;
        int64_t want, got;
    } fields[] = {
        {"win", w->win, g->win},
        {"ttl", w->ttl, g->ttl},
        {"tos", w->tos, g->tos},
        {"ipid", w->ip_id, g->ip_id},
        {"df", w->df, g->df},
        {"urgent", w->urgent, g->urgent},
        {"from", w->src, g->src},
        {"to", w->dst, g->dst},
        {"reserved", w->reserved, g->reserved},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].want >= 0 && fields[i].want != fields[i].got) {
            return fields[i].name;
        }
    }
    return NULL;
}

static const char *tcp_difference(const struct ps_packet *w, const struct ps_packet *g,
                                  int64_t ts_slack)
{
    /* PSH says nothing to a receiver: compared only when the script asks for it. */
    uint8_t mask = (w->flags & PS_PSH) ? 0xff : 0xff & ~PS_PSH;
    if (g->kind != PS_PACKET_TCP || ((w->flags ^ g->flags) & mask) != 0) {
        return "flags";
    }
    if (!number_matches(&w->seq, &g->seq, g->raw_seq)) {
        return "seq";
    }
    if ((w->flags & PS_ACK) && !number_matches(&w->ack, &g->ack, g->raw_ack)) {
        return "ack";
    }
    if (w->len != g->len) {
        return "len";
    }
    if (!options_match(w, g, ts_slack)) {
        return "options";
    }
    return payload_matches(w, g) ? NULL : "payload bytes";
}

static const char *icmp_difference(const struct ps_packet *w, const struct ps_packet *g)
{
    if (g->kind != PS_PACKET_ICMP || w->icmp.type != g->icmp.type) {
        return "ICMP type";
    }
    if (w->icmp.code != g->icmp.code) {
        return "ICMP code";
    }
    if (w->icmp.mtu >= 0 && w->icmp.mtu != g->icmp.mtu) {
        return "ICMP second word";
    }
    bool compare = w->data != NULL && !w->icmp.quotes;
    return compare && (w->len != g->len || !payload_matches(w, g)) ? "ICMP body" : NULL;
}

bool ps_matches(const struct ps_packet *want, const struct ps_packet *got, int64_t ts_slack,
                char why[PS_TEXT_MAX])
{
    const char *what = want->kind == PS_PACKET_ICMP ? icmp_difference(want, got)
                                                    : tcp_difference(want, got, ts_slack);
    if (what == NULL) {
        what = field_that_differs(want, got);
    }
    if (what != NULL) {
        snprintf(why, PS_TEXT_MAX, "%s differs", what);
    }
    return what == NULL;
}
