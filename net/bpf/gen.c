/*
 * Code under construction. It is written in the order in which it will stand, so that every jump
 * goes forward; where one goes is often known only later: its exits are chained until then.
 */
#include "net/bpf/int.h"
#include "net/core/text.h"

enum {
    DEPTH_MAX = 16,
    SHOWN_MAX = 32, /* characters of a word that is wrong */
};

void bpf_fail_at(struct bpf_compiler *c, const struct bpf_token *t, const char *what)
{
    if (c->failed) {
        return;
    }
    c->failed = true;
    struct text e = text_begin(c->error, BPF_ERROR_MAX);
    if (t->word == BPF_WORD_END) {
        text_say(&e, "at the end");
    } else {
        text_say(&e, "\"");
        text_put(&e, t->text, min_size(t->len, SHOWN_MAX));
        text_say(&e, "\" at character ");
        text_number(&e, (uint32_t)(t->text - c->text) + 1);
    }
    text_say(&e, ": ");
    text_say(&e, what);
}

void bpf_fail(struct bpf_compiler *c, const char *what)
{
    bpf_fail_at(c, &c->now, what);
}

bool bpf_enter(struct bpf_compiler *c)
{
    if (c->depth >= DEPTH_MAX) {
        bpf_fail(c, "too deep: 16 levels of parentheses and \"not\" are allowed");
        return false;
    }
    c->depth++;
    return !c->failed;
}

void bpf_emit(struct bpf_compiler *c, uint32_t code, uint32_t k)
{
    if (c->count == BPF_CODE_MAX) {
        bpf_fail(c, "the filter is too long: 1024 instructions are allowed");
        return;
    }
    c->code[c->count++] = (struct bpf_code_insn){.code = (uint16_t)code, .k = k};
}

struct bpf_cond bpf_test(struct bpf_compiler *c, uint32_t jump, uint32_t k)
{
    uint32_t at = c->count;
    bpf_emit(c, BPF_JMP | jump, k);
    if (c->failed) {
        return (struct bpf_cond){BPF_NOWHERE, BPF_NOWHERE};
    }
    return (struct bpf_cond){.yes = 2 * at + 1, .no = 2 * at + 2};
}

/* Where an exit's target, or the next of its chain, is kept. */
static uint32_t *place_of(struct bpf_compiler *c, bpf_exit e)
{
    return &c->code[(e - 1) / 2].to[(e - 1) % 2];
}

void bpf_come_here(struct bpf_compiler *c, bpf_exit exits)
{
    while (exits != BPF_NOWHERE) {
        uint32_t *place = place_of(c, exits);
        exits = *place;
        *place = c->count;
    }
}

bpf_exit bpf_join(struct bpf_compiler *c, bpf_exit a, bpf_exit b)
{
    if (a == BPF_NOWHERE) {
        return b;
    }
    bpf_exit last = a;
    while (*place_of(c, last) != BPF_NOWHERE) {
        last = *place_of(c, last);
    }
    *place_of(c, last) = b;
    return a;
}

struct bpf_cond bpf_not(struct bpf_cond a)
{
    return (struct bpf_cond){.yes = a.no, .no = a.yes};
}

void bpf_and_then(struct bpf_compiler *c, const struct bpf_cond *a)
{
    bpf_come_here(c, a->yes);
}

void bpf_or_else(struct bpf_compiler *c, const struct bpf_cond *a)
{
    bpf_come_here(c, a->no);
}

struct bpf_cond bpf_and(struct bpf_compiler *c, struct bpf_cond a, struct bpf_cond b)
{
    return (struct bpf_cond){.yes = b.yes, .no = bpf_join(c, a.no, b.no)};
}

struct bpf_cond bpf_or(struct bpf_compiler *c, struct bpf_cond a, struct bpf_cond b)
{
    return (struct bpf_cond){.yes = bpf_join(c, a.yes, b.yes), .no = b.no};
}

/* ---- the layout ---- */

/* Where each instruction comes to stand, once those jumps that reach further than a byte tells have
 * one without a condition behind them. */
struct layout {
    const struct bpf_compiler *c;
    uint16_t at[BPF_CODE_MAX + 1];
    uint8_t far[BPF_CODE_MAX]; /* bit 0: the true exit, bit 1: the false one */
};

static bool is_conditional(const struct bpf_code_insn *i)
{
    return (i->code & BPF_CLASS_MASK) == BPF_JMP;
}

static uint32_t size_of(const struct layout *l, uint32_t i)
{
    return 1 + (l->far[i] & 1) + (l->far[i] >> 1);
}

static void place_all(struct layout *l)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < l->c->count; i++) {
        l->at[i] = (uint16_t)at;
        at += size_of(l, i);
    }
    l->at[l->c->count] = (uint16_t)at;
}

/* True when another jump has turned out to be far. */
static bool find_far(struct layout *l)
{
    bool found = false;
    for (uint32_t i = 0; i < l->c->count; i++) {
        for (uint32_t b = 0; is_conditional(&l->c->code[i]) && b < 2; b++) {
            uint32_t to = l->c->code[i].to[b];
            assert(to > i && to < l->c->count);
            if ((l->far[i] & (1u << b)) == 0 && l->at[to] - l->at[i] - 1 > UINT8_MAX) {
                l->far[i] |= (uint8_t)(1u << b);
                found = true;
            }
        }
    }
    return found;
}

static void write_conditional(const struct layout *l, uint32_t i, struct bpf_insn *out)
{
    const struct bpf_code_insn *in = &l->c->code[i];
    struct bpf_insn *at = out + l->at[i];
    uint8_t over[2];
    uint32_t behind = 0;
    for (uint32_t b = 0; b < 2; b++) {
        uint32_t to = l->at[in->to[b]];
        if ((l->far[i] & (1u << b)) != 0) {
            over[b] = (uint8_t)behind++;
            at[behind] =
                (struct bpf_insn){.code = BPF_JMP | BPF_JA, .k = to - l->at[i] - behind - 1};
        } else {
            over[b] = (uint8_t)(to - l->at[i] - 1);
        }
    }
    *at = (struct bpf_insn){.code = in->code, .jt = over[0], .jf = over[1], .k = in->k};
}

size_t bpf_lay_out(const struct bpf_compiler *c, struct bpf_insn *out, size_t max)
{
    struct layout l = {.c = c};
    do {
        place_all(&l);
    } while (find_far(&l));
    size_t count = l.at[c->count];
    if (count > max || count > BPF_INSNS_MAX) {
        return 0;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        if (is_conditional(&c->code[i])) {
            write_conditional(&l, i, out);
        } else {
            out[l.at[i]] = (struct bpf_insn){.code = c->code[i].code, .k = c->code[i].k};
        }
    }
    return count;
}
