/*
 * Arithmetic and relations: tcp[tcpflags] & tcp-syn != 0, len > 100, ip[2:2] = 40. Values are of 32
 * bits without a sign. What is computed is in A; what has to wait meanwhile is in scratch memory.
 */
#include <string.h>

#include "net/bpf/int.h"

enum {
    INDEX_MAX = 65535, /* beyond it there is no packet */
    SHIFT_MAX = 31,
};

/* An operand: a number that is known now, or the code that leaves it in A. */
struct operand {
    bool known;
    uint32_t value;
};

static const struct named {
    const char *name;
    uint32_t value;
} names[] = {
    {"tcpflags", 13},         {"tcp-fin", 0x01},        {"tcp-syn", 0x02},
    {"tcp-rst", 0x04},        {"tcp-push", 0x08},       {"tcp-ack", 0x10},
    {"tcp-urg", 0x20},        {"tcp-ece", 0x40},        {"tcp-cwr", 0x80},
    {"icmptype", 0},          {"icmpcode", 1},          {"icmp-echoreply", 0},
    {"icmp-unreach", 3},      {"icmp-sourcequench", 4}, {"icmp-redirect", 5},
    {"icmp-echo", 8},         {"icmp-routeradvert", 9}, {"icmp-routersolicit", 10},
    {"icmp-timxceed", 11},    {"icmp-paramprob", 12},   {"icmp-tstamp", 13},
    {"icmp-tstampreply", 14}, {"icmp-ireq", 15},        {"icmp-ireqreply", 16},
    {"icmp-maskreq", 17},     {"icmp-maskreply", 18},
};

static const struct named *find_name(const struct bpf_token *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (bpf_token_is(t, names[i].name)) {
            return &names[i];
        }
    }
    return NULL;
}

static bool is_sign(const struct bpf_token *t, uint16_t sign)
{
    return t->word == BPF_WORD_SIGN && t->sign == sign;
}

static bool is_operator(const struct bpf_token *t)
{
    static const uint16_t signs[] = {'+',
                                     '-',
                                     '*',
                                     '/',
                                     '%',
                                     '&',
                                     '|',
                                     '^',
                                     '<',
                                     '>',
                                     '=',
                                     BPF_SIGN_LEFT,
                                     BPF_SIGN_RIGHT,
                                     BPF_SIGN_NE,
                                     BPF_SIGN_LE,
                                     BPF_SIGN_GE};
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
        if (is_sign(t, signs[i])) {
            return true;
        }
    }
    return false;
}

/* What follows the ')' of the '(' at t. */
static struct bpf_token behind_parentheses(struct bpf_token t)
{
    uint32_t open = 0;
    do {
        open += is_sign(&t, '(') ? 1 : 0;
        open -= is_sign(&t, ')') ? 1 : 0;
        t = bpf_next_token(t.text + t.len);
    } while (open > 0 && t.word != BPF_WORD_END && t.word != BPF_WORD_BAD);
    return t;
}

/* In parentheses, too: a boolean expression has no operator of arithmetic behind it. */
bool bpf_relation_begins(const struct bpf_compiler *c)
{
    const struct bpf_token *t = &c->now;
    if (is_sign(t, '-') || bpf_token_is(t, "len") || find_name(t) != NULL) {
        return true;
    }
    struct bpf_token next =
        is_sign(t, '(') ? behind_parentheses(*t) : bpf_next_token(t->text + t->len);
    if (is_sign(t, '(') || t->word == BPF_WORD_NUMBER) {
        return is_operator(&next);
    }
    return t->word == BPF_WORD_NAME && is_sign(&next, '[');
}

/* ---- what has to wait ---- */

/* A word of scratch memory with A in it; the caller gives it back in the order of the calls. */
static uint32_t put_by(struct bpf_compiler *c)
{
    if (c->mem_used == BPF_MEM_WORDS) {
        bpf_fail(c, "too many operands wait for others: 16 are allowed");
        return 0;
    }
    bpf_emit(c, BPF_ST, c->mem_used);
    return c->mem_used++;
}

static void make_real(struct bpf_compiler *c, const struct operand *o)
{
    if (o->known) {
        bpf_emit(c, BPF_LD | BPF_IMM, o->value);
    }
}

/* ---- bytes of the packet ---- */

/* The relation is not true of packets of which a is not. */
static void guard(struct bpf_compiler *c, struct bpf_cond a)
{
    bpf_and_then(c, &a);
    c->guards = bpf_join(c, c->guards, a.no);
}

/* As libpcap has it: of IPv4, and of the first fragment, for a transport's header. */
static void guard_proto(struct bpf_compiler *c, enum bpf_proto p)
{
    if (p == BPF_PROTO_ETHER || p == BPF_PROTO_ANY) {
        return;
    }
    if (bpf_ether_type(p) != 0) {
        guard(c, bpf_is_proto(c, p));
        return;
    }
    guard(c, bpf_is_number(c, BPF_PROTO_IP, bpf_ip_number(p)));
    guard(c, bpf_is_unfragmented(c));
}

/* Is t behind the relation that begins in front of it? open: the parentheses of it that are. */
static bool is_behind(const struct bpf_token *t, uint32_t open)
{
    return t->word == BPF_WORD_END || t->word == BPF_WORD_BAD || bpf_token_is(t, "and") ||
           bpf_token_is(t, "or") || is_sign(t, BPF_SIGN_AND) || is_sign(t, BPF_SIGN_OR) ||
           (open == 0 && is_sign(t, ')'));
}

/* Every header that the relation takes bytes of has to be there before the first is taken: else
 * what a short packet lacks of one would decide, and not that it has none of the other. */
static void guard_all(struct bpf_compiler *c)
{
    uint32_t open = 0;
    uint32_t done = 0;
    for (struct bpf_token t = c->now; !is_behind(&t, open);) {
        struct bpf_token next = bpf_next_token(t.text + t.len);
        enum bpf_proto p = is_sign(&next, '[') ? bpf_proto_of(&t) : BPF_PROTO_ANY;
        open += is_sign(&t, '(') ? 1 : 0;
        open -= is_sign(&t, ')') ? 1 : 0;
        if ((done & (1u << p)) == 0) {
            guard_proto(c, p);
            done |= 1u << p;
        }
        t = next;
    }
}

/* BPF_B, BPF_H, BPF_W of ":1", ":2", ":4", or of nothing. */
static uint32_t take_size(struct bpf_compiler *c)
{
    if (!bpf_take_sign(c, ':')) {
        return BPF_B;
    }
    uint32_t size = c->now.word == BPF_WORD_NUMBER ? c->now.value : 0;
    if (size != 1 && size != 2 && size != 4) {
        bpf_fail(c, "bytes are taken by 1, 2 or 4");
    }
    bpf_take(c);
    return size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B;
}

/* Adds X, which is the length of the IPv4 header, when the header is a transport's. */
static void load_at(struct bpf_compiler *c, enum bpf_proto p, const struct operand *index,
                    uint32_t size)
{
    bool transport = bpf_ip_number(p) != 0;
    uint32_t base = p == BPF_PROTO_ETHER ? 0 : BPF_AT_L3;
    if (index->known && !transport) {
        bpf_emit(c, BPF_LD | BPF_ABS | size, base + index->value);
        return;
    }
    if (transport) {
        bpf_emit(c, BPF_LDX | BPF_B | BPF_MSH, BPF_AT_L3);
    }
    if (index->known) {
        bpf_emit(c, BPF_LD | BPF_IND | size, base + index->value);
        return;
    }
    if (transport) {
        bpf_emit(c, BPF_ALU | BPF_ADD | BPF_X, 0);
    }
    bpf_emit(c, BPF_MISC | BPF_TAX, 0);
    bpf_emit(c, BPF_LD | BPF_IND | size, base);
}

static struct operand sum(struct bpf_compiler *c);

/* proto[index:size] */
static struct operand packet_bytes(struct bpf_compiler *c)
{
    enum bpf_proto p = bpf_proto_of(&c->now);
    if (p == BPF_PROTO_ANY) {
        bpf_fail(c, "bytes of no header; allowed are ether, ip, ip6, arp, rarp, tcp, udp, sctp, "
                    "icmp, igmp, esp, ah");
    }
    bpf_take(c);
    (void)bpf_take_sign(c, '[');
    struct operand index = sum(c);
    if (index.known && index.value > INDEX_MAX) {
        bpf_fail(c, "no packet is so long");
    }
    uint32_t size = take_size(c);
    if (!bpf_take_sign(c, ']')) {
        bpf_fail(c, "\"]\" is wanted here");
    }
    load_at(c, p, &index, size);
    return (struct operand){.known = false};
}

/* ---- operators ---- */

static struct operand primary(struct bpf_compiler *c)
{
    const struct named *named = find_name(&c->now);
    struct operand o = {.known = true};
    if (c->now.word == BPF_WORD_NUMBER || named != NULL) {
        o.value = named != NULL ? named->value : c->now.value;
        bpf_take(c);
        return o;
    }
    if (bpf_take_name(c, "len")) {
        bpf_emit(c, BPF_LD | BPF_LEN, 0);
        return (struct operand){.known = false};
    }
    if (bpf_take_sign(c, '(')) {
        o = sum(c);
        if (!bpf_take_sign(c, ')')) {
            bpf_fail(c, "\")\" is wanted here");
        }
        return o;
    }
    if (c->now.word == BPF_WORD_NAME) {
        return packet_bytes(c);
    }
    bpf_fail(c, "a number, len, or bytes as in ip[2:2] are wanted here");
    return o;
}

static struct operand unary(struct bpf_compiler *c)
{
    if (!bpf_enter(c)) {
        return (struct operand){.known = true};
    }
    struct operand o;
    if (bpf_take_sign(c, '-')) {
        o = unary(c);
        if (o.known) {
            o.value = 0 - o.value;
        } else {
            bpf_emit(c, BPF_ALU | BPF_NEG, 0);
        }
    } else {
        o = primary(c);
    }
    c->depth--;
    return o;
}

static bool by_constant_good(struct bpf_compiler *c, uint32_t operation, uint32_t value)
{
    if ((operation == BPF_DIV || operation == BPF_MOD) && value == 0) {
        bpf_fail(c, "a division by 0");
        return false;
    }
    if ((operation == BPF_LSH || operation == BPF_RSH) && value > SHIFT_MAX) {
        bpf_fail(c, "a shift by more than 31 bits");
        return false;
    }
    return true;
}

/* left (in scratch memory at mem when it is not known) and right: the result is in A. */
static struct operand combine(struct bpf_compiler *c, uint32_t operation,
                              const struct operand *left, uint32_t mem, const struct operand *right)
{
    if (right->known) {
        if (by_constant_good(c, operation, right->value)) {
            if (left->known) {
                bpf_emit(c, BPF_LD | BPF_IMM, left->value);
            } else {
                bpf_emit(c, BPF_LD | BPF_MEM, mem);
            }
            bpf_emit(c, BPF_ALU | operation | BPF_K, right->value);
        }
    } else {
        bpf_emit(c, BPF_MISC | BPF_TAX, 0);
        if (left->known) {
            bpf_emit(c, BPF_LD | BPF_IMM, left->value);
        } else {
            bpf_emit(c, BPF_LD | BPF_MEM, mem);
        }
        bpf_emit(c, BPF_ALU | operation | BPF_X, 0);
    }
    return (struct operand){.known = false};
}

struct operator
{
    uint16_t sign;
    uint8_t operation;
    uint8_t rank; /* the higher binds more tightly */
};

enum { RANKS = 4 };

/* The order of libpcap's grammar, in which '^' and '%' have no place: these are as '|' and '*'. */
static const struct operator operators[] = {
    {'|', BPF_OR, 0},
    {'^', BPF_XOR, 0},
    {'&', BPF_AND, 1},
    {BPF_SIGN_LEFT, BPF_LSH, 2},
    {BPF_SIGN_RIGHT, BPF_RSH, 2},
    {'+', BPF_ADD, 3},
    {'-', BPF_SUB, 3},
    {'*', BPF_MUL, 4},
    {'/', BPF_DIV, 4},
    {'%', BPF_MOD, 4},
};

static const struct operator* operator_now(const struct bpf_compiler *c, uint32_t rank)
{
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        if (operators[i].rank == rank && is_sign(&c->now, operators[i].sign)) {
            return &operators[i];
        }
    }
    return NULL;
}

static struct operand ranked(struct bpf_compiler *c, uint32_t rank)
{
    if (rank > RANKS) {
        return unary(c);
    }
    struct operand left = ranked(c, rank + 1);
    const struct operator* op;
    while (!c->failed && (op = operator_now(c, rank)) != NULL) {
        uint32_t mem = left.known ? 0 : put_by(c);
        bpf_take(c);
        struct operand right = ranked(c, rank + 1);
        c->mem_used -= left.known ? 0 : 1;
        left = combine(c, op->operation, &left, mem, &right);
    }
    return left;
}

static struct operand sum(struct bpf_compiler *c)
{
    return ranked(c, 0);
}

/* ---- relations ---- */

/* The jump of a relation, and whether its exits change places; false: there is none here. */
static bool relation_now(const struct bpf_compiler *c, uint32_t *jump, bool *swapped)
{
    static const struct {
        uint16_t sign;
        uint8_t jump;
        bool swapped;
    } all[] = {{'=', BPF_JEQ, false},        {BPF_SIGN_NE, BPF_JEQ, true},  {'>', BPF_JGT, false},
               {BPF_SIGN_LE, BPF_JGT, true}, {BPF_SIGN_GE, BPF_JGE, false}, {'<', BPF_JGE, true}};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (is_sign(&c->now, all[i].sign)) {
            *jump = all[i].jump;
            *swapped = all[i].swapped;
            return true;
        }
    }
    return false;
}

struct bpf_cond bpf_relation(struct bpf_compiler *c)
{
    uint32_t jump = BPF_JEQ;
    bool swapped = false;
    c->guards = BPF_NOWHERE;
    guard_all(c);
    struct operand left = sum(c);
    if (!relation_now(c, &jump, &swapped)) {
        bpf_fail(c, "one of = != < <= > >= is wanted here");
    }
    make_real(c, &left);
    uint32_t mem = put_by(c);
    bpf_take(c);
    struct operand right = sum(c);
    c->mem_used = 0;
    if (!right.known) {
        bpf_emit(c, BPF_MISC | BPF_TAX, 0);
    }
    bpf_emit(c, BPF_LD | BPF_MEM, mem);
    struct bpf_cond test = bpf_test(c, jump | (right.known ? BPF_K : BPF_X), right.value);
    test = swapped ? bpf_not(test) : test;
    test.no = bpf_join(c, test.no, c->guards);
    return test;
}
