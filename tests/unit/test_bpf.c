/*
 * Classic BPF: what the check lets in, what instructions do, and what filters say. That they mean
 * what libpcap says is tests/bpf/test_bpf_pcap.py's.
 */
// LINK: net/bpf/*.c net/core/random.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/bpf/bpf.h"
#include "net/core/random.h"
#include "net/core/text.h"

enum {
    SNAPLEN = 262144,
    RANDOM_PROGRAMS = 1000000,
    RANDOM_FILTERS = 100000,
    RANDOM_INSNS_MAX = 24,
    FRAME_BYTES = 64,
};

#define RET_A                   \
    {                           \
        .code = BPF_RET | BPF_A \
    }
#define RET(value)                            \
    {                                         \
        .code = BPF_RET | BPF_K, .k = (value) \
    }

static const uint8_t packet[8] = {0x45, 1, 2, 3, 4, 5, 6, 7};

static uint32_t run(const struct bpf_insn *program, size_t count)
{
    assert_true(bpf_check(program, count));
    return bpf_run(program, packet, sizeof(packet), 100);
}

/* What stands in A after three instructions at most. */
static uint32_t after(struct bpf_insn a, struct bpf_insn b, struct bpf_insn c)
{
    const struct bpf_insn program[] = {a, b, c, RET_A};
    return run(program, ARRAY_SIZE(program));
}

#define NOTHING    ((struct bpf_insn){.code = BPF_JMP | BPF_JA})
#define INSN(c, v) ((struct bpf_insn){.code = (c), .k = (v)})

static void test_loads(void **state)
{
    (void)state;
    assert_int_equal(after(INSN(BPF_LD | BPF_W | BPF_ABS, 0), NOTHING, NOTHING), 0x45010203);
    assert_int_equal(after(INSN(BPF_LD | BPF_H | BPF_ABS, 6), NOTHING, NOTHING), 0x0607);
    assert_int_equal(after(INSN(BPF_LD | BPF_B | BPF_ABS, 7), NOTHING, NOTHING), 7);
    assert_int_equal(after(INSN(BPF_LD | BPF_LEN, 0), NOTHING, NOTHING), 100);
    assert_int_equal(
        after(INSN(BPF_LDX | BPF_B | BPF_MSH, 0), INSN(BPF_MISC | BPF_TXA, 0), NOTHING), 20);
    assert_int_equal(after(INSN(BPF_LDX | BPF_IMM, 2), INSN(BPF_LD | BPF_B | BPF_IND, 3), NOTHING),
                     5);
    assert_int_equal(after(INSN(BPF_LD | BPF_IMM, 9), INSN(BPF_ST, 15), INSN(BPF_LD | BPF_MEM, 15)),
                     9);
}

/* The last byte is there, the one behind it is not, and no sum of offsets comes round to it. */
static void test_loads_from_beyond(void **state)
{
    (void)state;
    static const struct bpf_insn beyond[][3] = {
        {{.code = BPF_LD | BPF_B | BPF_ABS, .k = 8}, RET(1), RET(1)},
        {{.code = BPF_LD | BPF_H | BPF_ABS, .k = 7}, RET(1), RET(1)},
        {{.code = BPF_LD | BPF_W | BPF_ABS, .k = 5}, RET(1), RET(1)},
        {{.code = BPF_LD | BPF_W | BPF_ABS, .k = UINT32_MAX}, RET(1), RET(1)},
        {{.code = BPF_LDX | BPF_B | BPF_MSH, .k = 8}, RET(1), RET(1)},
        {{.code = BPF_LDX | BPF_IMM, .k = UINT32_MAX},
         {.code = BPF_LD | BPF_B | BPF_IND, .k = 1},
         RET(1)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
        assert_int_equal(run(beyond[i], 3), 0);
    }
}

static uint32_t alu(uint32_t operation, uint32_t a, uint32_t by)
{
    uint32_t by_k =
        after(INSN(BPF_LD | BPF_IMM, a), INSN(BPF_ALU | operation | BPF_K, by), NOTHING);
    uint32_t by_x = after(INSN(BPF_LDX | BPF_IMM, by), INSN(BPF_LD | BPF_IMM, a),
                          INSN(BPF_ALU | operation | BPF_X, 0));
    assert_int_equal(by_k, by_x);
    return by_k;
}

static void test_arithmetic(void **state)
{
    (void)state;
    assert_int_equal(alu(BPF_ADD, UINT32_MAX, 2), 1);
    assert_int_equal(alu(BPF_SUB, 1, 2), UINT32_MAX);
    assert_int_equal(alu(BPF_MUL, 0x10001, 0x10000), 0x10000);
    assert_int_equal(alu(BPF_DIV, 7, 2), 3);
    assert_int_equal(alu(BPF_MOD, 7, 2), 1);
    assert_int_equal(alu(BPF_OR, 5, 2), 7);
    assert_int_equal(alu(BPF_AND, 5, 4), 4);
    assert_int_equal(alu(BPF_XOR, 5, 4), 1);
    assert_int_equal(alu(BPF_LSH, 1, 31), 0x80000000);
    assert_int_equal(alu(BPF_LSH, 1, 32), 0);
    assert_int_equal(alu(BPF_RSH, 0x80000000, 31), 1);
    assert_int_equal(alu(BPF_RSH, 0x80000000, 32), 0);
    assert_int_equal(after(INSN(BPF_LD | BPF_IMM, 1), INSN(BPF_ALU | BPF_NEG, 0), NOTHING),
                     UINT32_MAX);
    /* X is 0: the packet is not wanted. */
    assert_int_equal(after(INSN(BPF_LD | BPF_IMM, 1), INSN(BPF_ALU | BPF_DIV | BPF_X, 0), NOTHING),
                     0);
    assert_int_equal(after(INSN(BPF_LD | BPF_IMM, 1), INSN(BPF_ALU | BPF_MOD | BPF_X, 0), NOTHING),
                     0);
}

static bool jumps(uint32_t jump, uint32_t a, uint32_t with)
{
    const struct bpf_insn by_k[] = {
        INSN(BPF_LD | BPF_IMM, a),
        {.code = (uint16_t)(BPF_JMP | jump | BPF_K), .jt = 1, .k = with},
        RET(0),
        RET(1)};
    const struct bpf_insn by_x[] = {INSN(BPF_LDX | BPF_IMM, with),
                                    INSN(BPF_LD | BPF_IMM, a),
                                    {.code = (uint16_t)(BPF_JMP | jump | BPF_X), .jt = 1},
                                    RET(0),
                                    RET(1)};
    bool result = run(by_k, ARRAY_SIZE(by_k)) != 0;
    assert_int_equal(run(by_x, ARRAY_SIZE(by_x)) != 0, result);
    return result;
}

static void test_jumps(void **state)
{
    (void)state;
    assert_true(jumps(BPF_JEQ, 3, 3) && !jumps(BPF_JEQ, 3, 4));
    assert_true(jumps(BPF_JGT, UINT32_MAX, 3) && !jumps(BPF_JGT, 3, 3));
    assert_true(jumps(BPF_JGE, 3, 3) && !jumps(BPF_JGE, 2, 3));
    assert_true(jumps(BPF_JSET, 6, 2) && !jumps(BPF_JSET, 4, 2));
}

/* Each is no program, for one reason. */
static void test_refused_programs(void **state)
{
    (void)state;
    static const struct bpf_insn bad[][2] = {
        {{.code = BPF_LD | BPF_MEM, .k = BPF_MEM_WORDS}, RET(0)},
        {{.code = BPF_LDX | BPF_MEM, .k = BPF_MEM_WORDS}, RET(0)},
        {{.code = BPF_ST, .k = BPF_MEM_WORDS}, RET(0)},
        {{.code = BPF_STX, .k = UINT32_MAX}, RET(0)},
        {{.code = BPF_ALU | BPF_DIV | BPF_K, .k = 0}, RET(0)},
        {{.code = BPF_ALU | BPF_MOD | BPF_K, .k = 0}, RET(0)},
        {{.code = BPF_ALU | 0xb0}, RET(0)},
        {{.code = BPF_ALU | BPF_NEG | BPF_X}, RET(0)},
        {{.code = BPF_JMP | BPF_JEQ, .jt = 1}, RET(0)},
        {{.code = BPF_JMP | BPF_JEQ, .jf = 1}, RET(0)},
        {{.code = BPF_JMP | BPF_JA, .k = 1}, RET(0)},
        {{.code = BPF_JMP | BPF_JA, .k = UINT32_MAX}, RET(0)},
        {{.code = BPF_JMP | BPF_JA | BPF_X}, RET(0)},
        {{.code = BPF_JMP | 0x50}, RET(0)},
        {{.code = BPF_LDX | BPF_W | BPF_ABS}, RET(0)},
        {{.code = BPF_LD | BPF_W | BPF_MSH}, RET(0)},
        {{.code = BPF_LD | 0x18 | BPF_ABS}, RET(0)},
        {{.code = BPF_MISC | 0x40}, RET(0)},
        {{.code = 0x100}, RET(0)},
        {{.code = BPF_RET | BPF_X}, RET(0)},
        {RET(0), {.code = BPF_LD | BPF_IMM}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (bpf_check(bad[i], 2)) {
            fail_msg("program %zu was let in", i);
        }
    }
    assert_false(bpf_check(bad[0], 0));
    static struct bpf_insn longest[BPF_INSNS_MAX + 1];
    for (size_t i = 0; i < ARRAY_SIZE(longest); i++) {
        longest[i] = (struct bpf_insn)RET(1);
    }
    assert_true(bpf_check(longest, BPF_INSNS_MAX));
    assert_false(bpf_check(longest, BPF_INSNS_MAX + 1));
}

static struct net_random random_of(uint32_t seed)
{
    struct net_random r;
    uint8_t key[32] = {0};
    store_be32(key, seed);
    print_message("seed %u\n", seed);
    net_random_init(&r, key);
    return r;
}

/* Codes that are known mostly, and small numbers, or few programs would be let in. */
static struct bpf_insn random_insn(struct net_random *r, uint32_t left)
{
    uint64_t bits = net_random_u64(r);
    struct bpf_insn i = {.code = (uint16_t)(bits & 0xff),
                         .jt = (uint8_t)((bits >> 8) % (left + 1)),
                         .jf = (uint8_t)((bits >> 16) % (left + 1)),
                         .k = (uint32_t)(bits >> 24) % 20};
    if ((bits >> 60) == 0) {
        i = (struct bpf_insn){.code = (uint16_t)bits,
                              .jt = (uint8_t)(bits >> 16),
                              .jf = (uint8_t)(bits >> 24),
                              .k = (uint32_t)(bits >> 32)};
    }
    return i;
}

/* What is let in ends, and touches nothing but the packet: the sanitizers look. */
static void test_random_programs(void **state)
{
    (void)state;
    struct net_random r = random_of(4711);
    uint32_t let_in = 0;
    uint32_t wanted = 0;
    for (uint32_t n = 0; n < RANDOM_PROGRAMS; n++) {
        struct bpf_insn program[RANDOM_INSNS_MAX];
        uint32_t count = 1 + net_random_below(&r, 1 + n % RANDOM_INSNS_MAX);
        for (uint32_t i = 0; i + 1 < count; i++) {
            program[i] = random_insn(&r, count - i - 2);
        }
        program[count - 1] = (struct bpf_insn)RET_A;
        if (bpf_check(program, count)) {
            uint8_t *exact = malloc(sizeof(packet));
            memcpy(exact, packet, sizeof(packet));
            let_in++;
            wanted += bpf_run(program, exact, sizeof(packet), 1500) != 0;
            free(exact);
        }
    }
    print_message("%u let in, of which %u want the packet\n", let_in, wanted);
    assert_true(let_in > RANDOM_PROGRAMS / 50 && wanted > 1000);
}

/* ---- filters ---- */

struct filters {
    void *work;
    struct bpf_insn program[BPF_INSNS_MAX];
    size_t count;
    char error[BPF_ERROR_MAX];
};

static int setup(void **state)
{
    struct filters *f = calloc(1, sizeof(*f));
    f->work = malloc(bpf_work_bytes());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct filters *f = *state;
    free(f->work);
    free(f);
    return 0;
}

static bool compile(struct filters *f, const char *text)
{
    f->count = bpf_compile(f->work, f->program, BPF_INSNS_MAX, text, SNAPLEN, f->error);
    assert_true(f->count == 0 || bpf_check(f->program, f->count));
    assert_true((f->count == 0) == (f->error[0] != '\0'));
    return f->count > 0;
}

/* From 10.0.0.1 port 1234 to 10.0.0.9 port 80: a SYN. */
static void syn_frame(uint8_t frame[FRAME_BYTES])
{
    static const uint8_t front[] = {
        0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0,  0, 0, 1, 8,    0, /* Ethernet */
        0x45, 0,    0, 50,   0,    0,    0, 0, 64, 6, 0, 0, 10,   0, 0, 1, 10, 0, 0, 9, /* IPv4 */
        0x04, 0xd2, 0, 80,   0,    0,    0, 1, 0,  0, 0, 0, 0x50, 2,                    /* TCP */
    };
    memset(frame, 0, FRAME_BYTES);
    memcpy(frame, front, sizeof(front));
}

static void test_filters(void **state)
{
    struct filters *f = *state;
    static const struct {
        const char *text;
        bool passes;
    } rows[] = {
        {"", true},
        {"  \t", true},
        {"tcp port 80 and host 10.0.0.9", true},
        {"tcp port 80 and host 10.0.0.8", false},
        {"port 81 or 80", true},
        {"port (81 or 82)", false},
        {"not (udp or arp)", true},
        {"udp or arp and tcp", false}, /* from the left: (udp or arp) and tcp */
        {"tcp or udp and arp", false},
        {"src net 10/8 && dst port 80", true},
        {"src or dst host 10.0.0.1", true},
        {"host 10.0", true},
        {"host 10.1", false},
        {"src and dst net 10.0.0.0/24", true},
        {"tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", true},
        {"ip[2:2] = 50 and len = 64", true},
        {"(ip[0] & 0xf) << 2 = 20", true},
        {"ether src 02:00:00:00:00:01", true},
        {"ether host 02-00-00-00-00-01", true},
        {"portrange 70-90", true},
        {"portrange 90-70", true},
        {"less 63", false},
        {"greater 64", true},
        {"2 + 3 * 4 = 14 and 10 - 2 - 3 = 5 and 7 & 3 | 8 = 11", true},
        {"- 1 = 0xffffffff and -(-5) = 5", true},
        {"udp[0] = udp[0]", false},
        {"not udp[0] = udp[0]", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t frame[FRAME_BYTES];
        syn_frame(frame);
        if (!compile(f, rows[i].text)) {
            fail_msg("%s: %s", rows[i].text, f->error);
        }
        uint32_t wanted = bpf_run(f->program, frame, sizeof(frame), sizeof(frame));
        if (wanted != (rows[i].passes ? SNAPLEN : 0)) {
            fail_msg("%s: %u", rows[i].text, wanted);
        }
    }
}

/* What is wrong is named, with its place and what would be right. */
static void test_refused_filters(void **state)
{
    struct filters *f = *state;
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"tpc port 80", "\"tpc\" at character 1: allowed are host, net, port"},
        {"tcp port", "at the end: a port is a number from 0 to 65535"},
        {"port http", "\"http\" at character 6: a port is a number"},
        {"port 65536", "\"65536\" at character 6: a port is"},
        {"host example.org", "\"example.org\" at character 6: an address like 10.0.0.1"},
        {"net 10.0.0.1/8", "\"10.0.0.1\" at character 5: the net has bits beyond its mask"},
        {"net 10/33", "\"33\" at character 8: a mask is /0 to /32"},
        {"(tcp", "at the end: \")\" is wanted"},
        {"tcp)", "\")\" at character 4: and, or, or the end"},
        {"tcp udp", "\"udp\" at character 5: and, or"},
        {"tcp and", "at the end: allowed are"},
        {"not", "at the end: allowed are"},
        {"udp host 10.0.0.1", "\"10.0.0.1\" at character 10: a host has ether"},
        {"arp port 80", "\"80\" at character 10: ports have tcp"},
        {"ip[0:3] = 1", "\"3\" at character 6: bytes are taken by 1, 2 or 4"},
        {"ip[0 = 1", "\"=\" at character 6: \"]\" is wanted"},
        {"ip[70000] = 1", "\"]\" at character 9: no packet is so long"},
        {"foo[0] = 1", "\"foo\" at character 1: bytes of no header"},
        {"len / 0 = 1", "\"=\" at character 9: a division by 0"},
        {"len << 32 = 1", "\"=\" at character 11: a shift by more than 31 bits"},
        {"len + 1", "at the end: one of = != < <= > >="},
        {"len > 99999999999", "\"9\" at character 7: a number, len, or bytes"},
        {"ip broadcast", "at the end: allowed are ether broadcast"},
        {"ether proto 80", "\"80\" at character 13: a type is a number from 1501"},
        {"vlan 5", "\"vlan\" at character 1: allowed are"},
        {"tcp $", "\"$\" at character 5: and, or"},
        {"10.0.0.1", "\"10.0.0.1\" at character 1: allowed are"},
        {"((((((((((((((((( tcp )))))))))))))))))", "\"tcp\" at character 19: too deep"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (compile(f, rows[i].text)) {
            fail_msg("%s was taken", rows[i].text);
        }
        if (strncmp(f->error, rows[i].error, strlen(rows[i].error)) != 0) {
            fail_msg("%s: %s", rows[i].text, f->error);
        }
    }
}

/* Jumps that reach further than a byte tells, and the limits of text and program. */
static void test_long_filters(void **state)
{
    struct filters *f = *state;
    uint8_t frame[FRAME_BYTES];
    static char text[BPF_TEXT_MAX + 2];
    syn_frame(frame);
    struct text t = text_begin(text, sizeof(text));
    text_say(&t, "port 1");
    for (int i = 0; i < 30; i++) {
        text_say(&t, i == 29 ? " or 80" : " or 2");
    }
    assert_true(compile(f, text));
    assert_true(f->count > 2 * (size_t)UINT8_MAX);
    assert_int_equal(bpf_run(f->program, frame, sizeof(frame), sizeof(frame)), SNAPLEN);
    store_be16(frame + 36, 81);
    assert_int_equal(bpf_run(f->program, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(bpf_compile(f->work, f->program, f->count - 1, text, 1, f->error), 0);
    for (int i = 0; i < 30; i++) {
        text_say(&t, " or 3");
    }
    assert_false(compile(f, text));
    memset(text, ' ', BPF_TEXT_MAX + 1);
    assert_false(compile(f, text));
    text[BPF_TEXT_MAX] = '\0';
    assert_true(compile(f, text));
}

/* Words of the language in any order: each is a program or a text that says what is wrong. */
static void test_random_filters(void **state)
{
    struct filters *f = *state;
    static const char *const words[] = {
        "tcp ",         "udp ",
        "ip ",          "ip6 ",
        "arp ",         "ether ",
        "src ",         "dst ",
        "host ",        "net ",
        "port ",        "portrange ",
        "proto ",       "and ",
        "or ",          "not ",
        "! ",           "&& ",
        "|| ",          "( ",
        ") ",           "[ ",
        "] ",           ": ",
        "= ",           "!= ",
        "< ",           ">= ",
        "+ ",           "- ",
        "* ",           "/ ",
        "% ",           "& ",
        "| ",           "^ ",
        "<< ",          ">> ",
        "len ",         "1 ",
        "2 ",           "80 ",
        "0x10 ",        "10.0.0.1 ",
        "10.0/16 ",     "02:00:00:00:00:01 ",
        "mask ",        "tcp-syn ",
        "tcpflags ",    "\\tcp ",
        "broadcast ",   "multicast ",
        "less ",        "greater ",
        "\\ ",          "$",
        "tcp[13] ",     "ip[2:2] ",
        "tcp port 80 ", "host 10.0.0.1 ",
        "len > 60 ",    "(len + 4) ",
    };
    struct net_random r = random_of(815);
    uint32_t taken = 0;
    for (uint32_t n = 0; n < RANDOM_FILTERS; n++) {
        char text[256];
        struct text t = text_begin(text, sizeof(text));
        uint32_t count = 1 + net_random_below(&r, 10);
        for (uint32_t i = 0; i < count; i++) {
            text_say(&t, words[net_random_below(&r, ARRAY_SIZE(words))]);
        }
        uint8_t frame[FRAME_BYTES];
        syn_frame(frame);
        if (compile(f, text)) {
            taken++;
            uint32_t wanted = bpf_run(f->program, frame, net_random_below(&r, FRAME_BYTES), 64);
            assert_true(wanted == 0 || wanted == SNAPLEN);
        }
    }
    print_message("%u taken\n", taken);
    assert_true(taken > RANDOM_FILTERS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads),
        cmocka_unit_test(test_loads_from_beyond),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_refused_programs),
        cmocka_unit_test(test_random_programs),
        cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_filters, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
