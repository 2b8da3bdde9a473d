/*
 * The compiler's own: words of a filter (lex.c), code under construction (gen.c), what primitives
 * test (prim.c), arithmetic (arith.c), and the language that joins them (parse.c).
 */
#ifndef NET_BPF_INT_H
#define NET_BPF_INT_H

#include "net/bpf/bpf.h"

/* ---- words ---- */
enum bpf_word {
    BPF_WORD_END,
    BPF_WORD_NAME,   /* keywords too: text and len */
    BPF_WORD_NUMBER, /* value */
    BPF_WORD_IP,     /* value, and bits: how many of it were written, 8 each */
    BPF_WORD_MAC,    /* mac */
    BPF_WORD_SIGN,   /* of one character, sign; of two, as BPF_SIGN_ */
    BPF_WORD_BAD,
};

enum bpf_sign { /* those of two characters; the others are their character */
                BPF_SIGN_AND = 256,
                BPF_SIGN_OR,
                BPF_SIGN_NE,
                BPF_SIGN_LE,
                BPF_SIGN_GE,
                BPF_SIGN_LEFT,
                BPF_SIGN_RIGHT,
};

struct bpf_token {
    enum bpf_word word;
    const char *text; /* in the filter */
    size_t len;
    uint32_t value;
    uint32_t bits;
    uint16_t sign;
    bool quoted; /* \name: no keyword */
    uint8_t mac[6];
};

/* lex.c: the word at text, blanks in front passed over. */
struct bpf_token bpf_next_token(const char *text);
bool bpf_token_is(const struct bpf_token *t, const char *name);

/* ---- code ---- */
enum {
    BPF_CODE_MAX = 1024, /* instructions before they are laid out */
    BPF_NOWHERE = 0,
};

/* An exit of a conditional jump: 2 * instruction + whether it is the false one, + 1; 0: none. They
 * are chained by the targets that are not known yet. */
typedef uint32_t bpf_exit;

/* What was tested: where it goes when true, and when false. */
struct bpf_cond {
    bpf_exit yes;
    bpf_exit no;
};

struct bpf_code_insn {
    uint16_t code;
    uint32_t k;
    uint32_t to[2]; /* of a conditional jump: the instruction, or the next exit of the chain */
};

/* What a name or number without words in front of it is: the last ones that were said. */
struct bpf_quals {
    uint8_t proto; /* enum bpf_proto */
    uint8_t dir;
    uint8_t type;
};

struct bpf_compiler {
    const char *text;
    struct bpf_token now; /* looked at, not taken yet */
    struct bpf_quals last;
    uint32_t depth; /* of parentheses, "not" and operands */
    uint32_t mem_used;
    bpf_exit guards; /* arithmetic: where it goes when the packet has no such header */
    bool failed;
    char *error;
    uint32_t count;
    struct bpf_code_insn code[BPF_CODE_MAX];
};

void bpf_emit(struct bpf_compiler *c, uint32_t code, uint32_t k);
struct bpf_cond bpf_test(struct bpf_compiler *c, uint32_t jump, uint32_t k);

/* These exits go to the next instruction. */
void bpf_come_here(struct bpf_compiler *c, bpf_exit exits);
bpf_exit bpf_join(struct bpf_compiler *c, bpf_exit a, bpf_exit b);
struct bpf_cond bpf_not(struct bpf_cond a);

/* Between the two: bpf_and_then before the second is emitted, then bpf_and. */
void bpf_and_then(struct bpf_compiler *c, const struct bpf_cond *a);
void bpf_or_else(struct bpf_compiler *c, const struct bpf_cond *a);
struct bpf_cond bpf_and(struct bpf_compiler *c, struct bpf_cond a, struct bpf_cond b);
struct bpf_cond bpf_or(struct bpf_compiler *c, struct bpf_cond a, struct bpf_cond b);

/* Lays the code out; 0: more than max. */
size_t bpf_lay_out(const struct bpf_compiler *c, struct bpf_insn *out, size_t max);

/* Says what is wrong, and where; the first word stays. */
void bpf_fail(struct bpf_compiler *c, const char *what);
void bpf_fail_at(struct bpf_compiler *c, const struct bpf_token *t, const char *what);

/* ---- primitives ---- */
enum bpf_proto {
    BPF_PROTO_ANY,
    BPF_PROTO_ETHER,
    BPF_PROTO_IP,
    BPF_PROTO_IP6,
    BPF_PROTO_ARP,
    BPF_PROTO_RARP,
    BPF_PROTO_TCP,
    BPF_PROTO_UDP,
    BPF_PROTO_SCTP,
    BPF_PROTO_ICMP,
    BPF_PROTO_IGMP,
    BPF_PROTO_ESP,
    BPF_PROTO_AH,
};

enum bpf_dir {
    BPF_DIR_ANY, /* either */
    BPF_DIR_SRC,
    BPF_DIR_DST,
    BPF_DIR_OR,
    BPF_DIR_AND,
};

enum bpf_type {
    BPF_TYPE_ANY,
    BPF_TYPE_HOST,
    BPF_TYPE_NET,
    BPF_TYPE_PORT,
    BPF_TYPE_PORTRANGE,
    BPF_TYPE_PROTO,
};

enum { /* of a frame without a tag */
       BPF_AT_DST = 0,
       BPF_AT_SRC = 6,
       BPF_AT_TYPE = 12,
       BPF_AT_L3 = 14,
};

/* The number of IP's protocol, or of Ethernet's type; 0: it has none. */
uint32_t bpf_ip_number(enum bpf_proto p);
uint32_t bpf_ether_type(enum bpf_proto p);

struct bpf_cond bpf_is_proto(struct bpf_compiler *c, enum bpf_proto p);
struct bpf_cond bpf_is_unfragmented(struct bpf_compiler *c); /* the first fragment, too */
struct bpf_cond bpf_is_host(struct bpf_compiler *c, const struct bpf_quals *q, uint32_t address,
                            uint32_t mask);
struct bpf_cond bpf_is_station(struct bpf_compiler *c, enum bpf_dir dir, const uint8_t mac[6]);
struct bpf_cond bpf_is_port(struct bpf_compiler *c, const struct bpf_quals *q, uint32_t first,
                            uint32_t last);
struct bpf_cond bpf_is_number(struct bpf_compiler *c, enum bpf_proto of, uint32_t number);
struct bpf_cond bpf_is_cast(struct bpf_compiler *c, enum bpf_proto of, bool broadcast);
struct bpf_cond bpf_is_len(struct bpf_compiler *c, bool greater, uint32_t len);

/* ---- arithmetic ---- */
/* Does a relation begin here, and not a boolean expression? */
bool bpf_relation_begins(const struct bpf_compiler *c);
struct bpf_cond bpf_relation(struct bpf_compiler *c);

/* ---- words that are taken ---- */
void bpf_take(struct bpf_compiler *c);
bool bpf_take_name(struct bpf_compiler *c, const char *name);
bool bpf_take_sign(struct bpf_compiler *c, uint16_t sign);
enum bpf_proto bpf_proto_of(const struct bpf_token *t);
bool bpf_enter(struct bpf_compiler *c); /* one level deeper; false: too deep, which is said */

#endif
