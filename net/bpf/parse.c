/*
 * The language of pcap-filter(7): primitives with their qualifiers, joined by and, or and not. And
 * and or bind alike, from the left; not binds more tightly. Each rule emits its code as it reads.
 */
#include "net/bpf/int.h"
#include "net/core/text.h"

enum {
    PORT_MAX = 65535,
    ETHER_LENGTH_MAX = 1500, /* of the type field: below, it is a length */
};

static const char primitives[] =
    "allowed are host, net, port, portrange, proto with src, dst and a protocol in front, ether, "
    "ip, ip6, arp, rarp, tcp, udp, sctp, icmp, less, greater, ip[2:2] > 40";

/* What is there when something went wrong: no code. */
static struct bpf_cond nothing(void)
{
    return (struct bpf_cond){BPF_NOWHERE, BPF_NOWHERE};
}

static struct bpf_cond wrong(struct bpf_compiler *c, const char *what)
{
    bpf_fail(c, what);
    return nothing();
}

/* ---- what is compared ---- */

static bool of_ports(const struct bpf_quals *q)
{
    return q->proto == BPF_PROTO_ANY || q->proto == BPF_PROTO_TCP || q->proto == BPF_PROTO_UDP ||
           q->proto == BPF_PROTO_SCTP;
}

static bool of_hosts(const struct bpf_quals *q)
{
    return q->proto == BPF_PROTO_ANY || q->proto == BPF_PROTO_IP || q->proto == BPF_PROTO_ARP ||
           q->proto == BPF_PROTO_RARP;
}

static struct bpf_cond host_value(struct bpf_compiler *c, const struct bpf_quals *q)
{
    struct bpf_token t = c->now;
    if (q->proto == BPF_PROTO_ETHER) {
        if (t.word != BPF_WORD_MAC) {
            return wrong(c, "an address like 52:54:00:12:34:56 is wanted here");
        }
        bpf_take(c);
        return bpf_is_station(c, q->dir, t.mac);
    }
    if (!of_hosts(q)) {
        return wrong(c, "a host has ether, ip, arp or rarp in front, or nothing");
    }
    if (t.word != BPF_WORD_IP) {
        return wrong(c, "an address like 10.0.0.1 is wanted here: names are not looked up");
    }
    bpf_take(c);
    return bpf_is_host(c, q, t.value, UINT32_MAX << (32 - t.bits)); /* 10.0.0: all that begin so */
}

/* Behind the network: /BITS, mask ADDRESS, or nothing: as many bits as were written. */
static bool net_mask(struct bpf_compiler *c, uint32_t bits, uint32_t *mask)
{
    if (bpf_take_name(c, "mask")) {
        bool good = c->now.word == BPF_WORD_IP && c->now.bits == 32;
        *mask = c->now.value;
        bpf_take(c);
        return good;
    }
    if (bpf_take_sign(c, '/')) {
        bits = c->now.value;
        if (c->now.word != BPF_WORD_NUMBER || bits > 32) {
            return false;
        }
        bpf_take(c);
    }
    *mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
    return true;
}

static struct bpf_cond net_value(struct bpf_compiler *c, const struct bpf_quals *q)
{
    struct bpf_token t = c->now;
    uint32_t mask = 0;
    if (!of_hosts(q)) {
        return wrong(c, "a net has ip, arp or rarp in front, or nothing");
    }
    if (t.word == BPF_WORD_NUMBER && t.value <= UINT8_MAX) {
        t.value <<= 24;
        t.bits = 8;
    } else if (t.word != BPF_WORD_IP) {
        return wrong(c, "a net like 10.0.0.0/8 is wanted here: names are not looked up");
    }
    bpf_take(c);
    if (!net_mask(c, t.bits, &mask)) {
        return wrong(c, "a mask is /0 to /32, or mask 255.255.0.0");
    }
    if ((t.value & ~mask) != 0) {
        bpf_fail_at(c, &t, "the net has bits beyond its mask");
    }
    return bpf_is_host(c, q, t.value, mask);
}

static bool port_number(struct bpf_compiler *c, uint32_t *port)
{
    *port = c->now.value;
    if (c->now.word != BPF_WORD_NUMBER || *port > PORT_MAX) {
        bpf_fail(c, "a port is a number from 0 to 65535: names are not looked up");
        return false;
    }
    bpf_take(c);
    return true;
}

static struct bpf_cond port_value(struct bpf_compiler *c, const struct bpf_quals *q)
{
    uint32_t first = 0;
    uint32_t last = 0;
    if (!of_ports(q)) {
        return wrong(c, "ports have tcp, udp or sctp in front, or nothing");
    }
    if (!port_number(c, &first)) {
        return nothing();
    }
    last = first;
    if (q->type == BPF_TYPE_PORTRANGE && bpf_take_sign(c, '-') && !port_number(c, &last)) {
        return nothing();
    }
    return bpf_is_port(c, q, first < last ? first : last, first < last ? last : first);
}

/* A number, or a name with or without '\'. */
static struct bpf_cond proto_value(struct bpf_compiler *c, const struct bpf_quals *q)
{
    struct bpf_token t = c->now;
    bool ether = q->proto == BPF_PROTO_ETHER;
    enum bpf_proto named = bpf_proto_of(&t);
    uint32_t number = t.value;
    if (t.word == BPF_WORD_NAME) {
        number = ether ? bpf_ether_type(named) : bpf_ip_number(named);
    } else if (t.word != BPF_WORD_NUMBER) {
        number = 0;
    }
    bool known = t.word == BPF_WORD_NUMBER || number != 0;
    if (q->proto != BPF_PROTO_ANY && !ether && q->proto != BPF_PROTO_IP &&
        q->proto != BPF_PROTO_IP6) {
        return wrong(c, "a proto has ether, ip or ip6 in front, or nothing");
    }
    if (!known || (ether && (number <= ETHER_LENGTH_MAX || number > UINT16_MAX)) ||
        (!ether && number > UINT8_MAX)) {
        return wrong(c, ether ? "a type is a number from 1501 to 65535, ip, ip6, arp or rarp"
                              : "a protocol is a number from 0 to 255, tcp, udp, sctp, icmp, igmp, "
                                "esp or ah");
    }
    bpf_take(c);
    return bpf_is_number(c, q->proto, number);
}

static struct bpf_cond value(struct bpf_compiler *c, const struct bpf_quals *q)
{
    switch (q->type) {
    case BPF_TYPE_NET:
        return net_value(c, q);
    case BPF_TYPE_PORT:
    case BPF_TYPE_PORTRANGE:
        return port_value(c, q);
    case BPF_TYPE_PROTO:
        return proto_value(c, q);
    default:
        return host_value(c, q);
    }
}

/* ---- qualifiers ---- */

static enum bpf_dir take_direction(struct bpf_compiler *c)
{
    bool src = bpf_token_is(&c->now, "src");
    if (!src && !bpf_token_is(&c->now, "dst")) {
        return BPF_DIR_ANY;
    }
    bpf_take(c);
    struct bpf_token join = c->now;
    struct bpf_token other = bpf_next_token(join.text + join.len);
    bool both =
        bpf_token_is(&join, "and") || (join.word == BPF_WORD_SIGN && join.sign == BPF_SIGN_AND);
    bool either =
        bpf_token_is(&join, "or") || (join.word == BPF_WORD_SIGN && join.sign == BPF_SIGN_OR);
    if ((both || either) && bpf_token_is(&other, src ? "dst" : "src")) {
        bpf_take(c);
        bpf_take(c);
        return both ? BPF_DIR_AND : BPF_DIR_OR;
    }
    return src ? BPF_DIR_SRC : BPF_DIR_DST;
}

static enum bpf_type take_type(struct bpf_compiler *c)
{
    static const struct {
        const char *name;
        enum bpf_type type;
    } all[] = {{"host", BPF_TYPE_HOST},
               {"net", BPF_TYPE_NET},
               {"portrange", BPF_TYPE_PORTRANGE},
               {"port", BPF_TYPE_PORT},
               {"proto", BPF_TYPE_PROTO}};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (bpf_take_name(c, all[i].name)) {
            return all[i].type;
        }
    }
    return BPF_TYPE_ANY;
}

static bool take_and(struct bpf_compiler *c)
{
    return bpf_take_name(c, "and") || bpf_take_sign(c, BPF_SIGN_AND);
}

static bool take_or(struct bpf_compiler *c)
{
    return bpf_take_name(c, "or") || bpf_take_sign(c, BPF_SIGN_OR);
}

static bool take_not(struct bpf_compiler *c)
{
    return bpf_take_name(c, "not") || bpf_take_sign(c, '!');
}

/* An operand of and, or, not. */
typedef struct bpf_cond operand_fn(struct bpf_compiler *c);

static struct bpf_cond joined(struct bpf_compiler *c, operand_fn *first, operand_fn *others)
{
    struct bpf_cond all = first(c);
    while (!c->failed) {
        if (take_and(c)) {
            bpf_and_then(c, &all);
            all = bpf_and(c, all, others(c));
        } else if (take_or(c)) {
            bpf_or_else(c, &all);
            all = bpf_or(c, all, others(c));
        } else {
            break;
        }
    }
    return all;
}

/* Of the last qualifiers. */
static struct bpf_cond value_alone(struct bpf_compiler *c)
{
    struct bpf_quals q = c->last;
    return value(c, &q);
}

/* port (80 or 443) */
static struct bpf_cond values(struct bpf_compiler *c)
{
    if (!bpf_take_sign(c, '(')) {
        return value_alone(c);
    }
    struct bpf_cond all = joined(c, value_alone, value_alone);
    return bpf_take_sign(c, ')') ? all : wrong(c, "\")\" is wanted here");
}

/* ---- primitives ---- */

static struct bpf_cond length(struct bpf_compiler *c, bool greater)
{
    uint32_t len = c->now.value;
    if (c->now.word != BPF_WORD_NUMBER) {
        return wrong(c, "a number of bytes is wanted here");
    }
    bpf_take(c);
    return bpf_is_len(c, greater, len);
}

static struct bpf_cond cast(struct bpf_compiler *c, enum bpf_proto of, bool broadcast)
{
    bool good = of == BPF_PROTO_ANY || of == BPF_PROTO_ETHER ||
                (!broadcast && (of == BPF_PROTO_IP || of == BPF_PROTO_IP6));
    return good ? bpf_is_cast(c, of, broadcast)
                : wrong(c, "allowed are ether broadcast, ether multicast, ip multicast, ip6 "
                           "multicast");
}

/* A protocol, a direction and a type, of which at least one is there, and what they are said of. */
static struct bpf_cond qualified(struct bpf_compiler *c)
{
    struct bpf_token first = c->now;
    struct bpf_quals q = {.proto = first.quoted ? BPF_PROTO_ANY : (uint8_t)bpf_proto_of(&first)};
    if (q.proto != BPF_PROTO_ANY) {
        bpf_take(c);
    }
    if (bpf_take_name(c, "broadcast")) {
        return cast(c, q.proto, true);
    }
    if (bpf_take_name(c, "multicast")) {
        return cast(c, q.proto, false);
    }
    q.dir = (uint8_t)take_direction(c);
    q.type = (uint8_t)take_type(c);
    if (q.dir == BPF_DIR_ANY && q.type == BPF_TYPE_ANY) {
        if (q.proto == BPF_PROTO_ANY || q.proto == BPF_PROTO_ETHER) {
            return wrong(c, primitives);
        }
        c->last = (struct bpf_quals){0};
        return bpf_is_proto(c, q.proto);
    }
    c->last = q;
    return values(c);
}

static struct bpf_cond expression(struct bpf_compiler *c);

static struct bpf_cond parenthesised(struct bpf_compiler *c)
{
    if (!bpf_enter(c)) {
        return nothing();
    }
    struct bpf_cond all = expression(c);
    c->depth--;
    return bpf_take_sign(c, ')') ? all : wrong(c, "\")\" is wanted here");
}

static struct bpf_cond primitive(struct bpf_compiler *c)
{
    if (bpf_relation_begins(c)) {
        c->last = (struct bpf_quals){0};
        return bpf_relation(c);
    }
    if (bpf_take_sign(c, '(')) {
        return parenthesised(c);
    }
    if (bpf_take_name(c, "less")) {
        return length(c, false);
    }
    if (bpf_take_name(c, "greater")) {
        return length(c, true);
    }
    return c->now.word == BPF_WORD_NAME ? qualified(c) : wrong(c, primitives);
}

/* Behind and, or and not something may stand without qualifiers: it has those said last. */
static struct bpf_cond later(struct bpf_compiler *c)
{
    if (take_not(c)) {
        if (!bpf_enter(c)) {
            return nothing();
        }
        struct bpf_cond a = later(c);
        c->depth--;
        return bpf_not(a);
    }
    bool alone = c->now.word == BPF_WORD_IP || c->now.word == BPF_WORD_MAC ||
                 (c->now.word == BPF_WORD_NUMBER && !bpf_relation_begins(c));
    bool said = c->last.dir != BPF_DIR_ANY || c->last.type != BPF_TYPE_ANY;
    return alone && said ? value_alone(c) : primitive(c);
}

static struct bpf_cond expression(struct bpf_compiler *c)
{
    return joined(c, later, later);
}

size_t bpf_work_bytes(void)
{
    return sizeof(struct bpf_compiler);
}

static void compile_all(struct bpf_compiler *c, uint32_t snaplen)
{
    struct bpf_cond all = nothing();
    if (c->now.word != BPF_WORD_END) {
        all = expression(c);
        if (c->now.word != BPF_WORD_END) {
            bpf_fail(c, "and, or, or the end is wanted here");
        }
    }
    if (c->failed) {
        return;
    }
    bpf_come_here(c, all.yes);
    bpf_emit(c, BPF_RET | BPF_K, snaplen);
    bpf_come_here(c, all.no);
    bpf_emit(c, BPF_RET | BPF_K, 0);
}

size_t bpf_compile(void *work, struct bpf_insn *out, size_t max, const char *text, uint32_t snaplen,
                   char error[BPF_ERROR_MAX])
{
    struct bpf_compiler *c = work;
    memset(c, 0, offsetof(struct bpf_compiler, code));
    c->text = text;
    c->error = error;
    c->now = bpf_next_token(text);
    error[0] = '\0';
    if (text_len(text, BPF_TEXT_MAX + 1) > BPF_TEXT_MAX) {
        bpf_fail(c, "the filter is too long: 1024 characters are allowed");
        return 0;
    }
    compile_all(c, snaplen);
    size_t count = c->failed ? 0 : bpf_lay_out(c, out, max);
    if (count == 0) {
        bpf_fail(c, "the filter is too long for a program");
    }
    return count;
}
