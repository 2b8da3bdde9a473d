/*
 * What our ACKs tell of data that came twice (RFC 2883): the examples of its sections 4.1 and 4.2,
 * segments that bring several pieces again, and what never was.
 */
// LINK: tests/unit/tcp_[cf]*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"

enum {
    SEG = 500, /* the examples count in pieces of this size; number k begins at 1 + k * SEG */
};

static void begin(struct tcp_test *tt)
{
    make_listen(tt);
    tt_handshake(tt, "\2\4\5\264\1\1\4\2", 8, TT_WND);
    assert_true(sack_agreed(tt->t) && !timestamps_agreed(tt->t));
}

static void finish(struct tcp_test *tt)
{
    expect_nothing(tt);
    tcp_check_invariants(tt->net);
    tcp_test_abort(tt);
}

/* The peer's bytes [first, end), relative, arrive. */
static void bytes(struct tcp_test *tt, uint32_t first, uint32_t end)
{
    inject(tt, .flags = TCP_ACK, .seq = first, .ack = 1, .len = end - first);
}

/* The pieces [first, end) arrive, in one segment. */
static void data(struct tcp_test *tt, uint32_t first, uint32_t end)
{
    bytes(tt, 1 + first * SEG, 1 + end * SEG);
}

/* An ACK up to a byte, with blocks of bytes; an end of 0 ends them. */
static void acked_bytes(struct tcp_test *tt, uint32_t ack, const struct tcp_range *blocks, int line)
{
    struct opts o = {0};
    uint8_t count = 0;
    while (count < 4 && blocks[count].end != 0) {
        count++;
    }
    if (count > 0) {
        opts_sack(&o, count);
    }
    for (uint8_t i = 0; i < count; i++) {
        opts_block(&o, tt->irs + blocks[i].first, tt->irs + blocks[i].end);
    }
    struct tcp_want w = {
        .flags = TCP_ACK, .seq = 1, .ack = ack, .options = o.bytes, .options_len = o.len};
    tcp_expect(tt, &w, __FILE__, line);
}
#define expect_bytes(tt, ack, ...) \
    acked_bytes((tt), (ack), (const struct tcp_range[5]){__VA_ARGS__}, __LINE__)

/* The same in pieces. */
static void acked(struct tcp_test *tt, uint32_t ack, const struct tcp_range *pieces, int line)
{
    struct tcp_range blocks[5] = {{0}};
    for (size_t i = 0; i < 4 && pieces[i].end != 0; i++) {
        blocks[i] = (struct tcp_range){1 + pieces[i].first * SEG, 1 + pieces[i].end * SEG};
    }
    acked_bytes(tt, 1 + ack * SEG, blocks, line);
}
#define expect_told(tt, ack, ...) \
    acked((tt), (ack), (const struct tcp_range[5]){__VA_ARGS__}, __LINE__)

/* In order, with whatever ACK it brings. */
static void in_order(struct tcp_test *tt, uint32_t first, uint32_t end)
{
    data(tt, first, end);
    tcp_test_advance_ms(tt, TCP_DELACK_MS);
    (void)tcp_test_forget(tt);
}

/* 4.1.1: a whole segment again. */
static void example_1_a_duplicate_segment(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    in_order(&tt, 0, 2);
    data(&tt, 0, 1);
    expect_told(&tt, 2, {0, 1});
    finish(&tt);
}

/* 4.1.2: again, while something waits behind a gap. */
static void example_2_out_of_order_and_a_duplicate(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    in_order(&tt, 0, 2);
    data(&tt, 3, 4);
    expect_told(&tt, 2, {3, 4});
    data(&tt, 4, 5);
    expect_told(&tt, 2, {3, 5});
    data(&tt, 0, 1);
    expect_told(&tt, 2, {0, 1}, {3, 5});
    finish(&tt);
}

/* 4.1.3: what waits comes again; the block that holds it follows. */
static void example_3_a_duplicate_out_of_order(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    in_order(&tt, 0, 1);
    data(&tt, 2, 3);
    expect_told(&tt, 1, {2, 3});
    data(&tt, 3, 4);
    expect_told(&tt, 1, {2, 4});
    data(&tt, 3, 4);
    expect_told(&tt, 1, {3, 4}, {2, 4});
    finish(&tt);
}

/* 4.2.1: larger segments now; a part of one was there. */
static void example_4_one_piece_again(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    in_order(&tt, 0, 1);
    data(&tt, 3, 4); /* 1 is late, 2 is lost */
    expect_told(&tt, 1, {3, 4});
    data(&tt, 1, 3);
    expect_told(&tt, 4, {0});
    data(&tt, 1, 2);
    expect_told(&tt, 4, {1, 2});
    finish(&tt);
}

/* 4.2.2: two pieces again, below the acknowledgement: each is told of when it comes. */
static void example_5_two_pieces_below_the_ack(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    in_order(&tt, 0, 1);
    data(&tt, 5, 6); /* 1 and 3 are late, 2 and 4 are lost */
    expect_told(&tt, 1, {5, 6});
    data(&tt, 1, 4);
    expect_told(&tt, 4, {5, 6});
    data(&tt, 3, 4);
    expect_told(&tt, 4, {3, 4}, {5, 6});
    data(&tt, 1, 2);
    expect_told(&tt, 4, {1, 2}, {5, 6});
    finish(&tt);
}

/* 4.2.3: the same above it: the second block is the one that holds the piece. */
static void example_6_two_pieces_above_the_ack(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    in_order(&tt, 0, 1);
    data(&tt, 6, 7); /* 1, 3 and 5 are lost, 2 and 4 are late */
    expect_told(&tt, 1, {6, 7});
    data(&tt, 2, 5);
    expect_told(&tt, 1, {2, 5}, {6, 7});
    data(&tt, 4, 5);
    expect_told(&tt, 1, {4, 5}, {2, 5}, {6, 7});
    data(&tt, 2, 3);
    expect_told(&tt, 1, {2, 3}, {2, 5}, {6, 7});
    finish(&tt);
}

/* 4.2: a segment over several ranges that wait brings several pieces again: the first is told. It
 * ends in the third, and begins inside of the first, or before it. */
static void the_first_of_three(void **state)
{
    for (int left = 0; left < 2; left++) {
        struct tcp_test tt;
        begin(&tt);
        bytes(&tt, 101, 201);
        bytes(&tt, 301, 401);
        bytes(&tt, 501, 601);
        (void)tcp_test_forget(&tt);
        uint32_t first = left ? 151 : 51;
        bytes(&tt, first, 551);
        uint32_t begins = left ? 101 : 51;
        expect_bytes(&tt, 1, {left ? 151 : 101, 201}, {begins, 601});
        assert_int_equal(tcp_test_count(&tt, "tcp_tx_dsacks"), 1);
        finish(&tt);
    }
}

/* A segment in order that reaches into what waits: the overlap, up to where the segment ends. */
static void in_order_over_what_waits(void **state)
{
    static const struct {
        uint32_t first, end; /* of the segment */
        uint32_t ack;
        struct tcp_range twice;
    } cases[] = {
        {1, 101, 201, {0, 0}},      /* it ends where the range begins: nothing twice */
        {1, 151, 201, {101, 151}},  /* ends inside */
        {1, 201, 201, {101, 201}},  /* the whole range */
        {1, 251, 251, {101, 201}},  /* and more */
        {1, 351, 401, {101, 201}},  /* two ranges: the first */
        {1, 1001, 1001, {101, 201}} /* all three */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tcp_test tt;
        begin(&tt);
        bytes(&tt, 101, 201);
        bytes(&tt, 301, 401);
        bytes(&tt, 501, 601);
        (void)tcp_test_forget(&tt);
        bytes(&tt, cases[i].first, cases[i].end);
        struct tcp_range want[5] = {{0}};
        size_t n = 0;
        want[n] = cases[i].twice;
        n += want[n].end != 0;
        if (cases[i].ack <= 501) {
            want[n++] = (struct tcp_range){501, 601};
        }
        if (cases[i].ack <= 301) {
            want[n++] = (struct tcp_range){301, 401};
        }
        acked_bytes(&tt, cases[i].ack, want, __LINE__);
        finish(&tt);
    }
}

/* The same when the segment begins below RCV.NXT: that piece is the first. */
static void old_text_in_front_of_new(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    bytes(&tt, 1, 101);
    bytes(&tt, 201, 301);
    (void)tcp_test_forget(&tt);
    bytes(&tt, 51, 251);
    expect_bytes(&tt, 301, {51, 101});
    finish(&tt);
}

/* A keepalive with a byte of garbage comes with the number of the peer's SYN, or of its last byte.
 * Only what was part of the stream is told of. */
static void what_never_was_is_not_told(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    bytes(&tt, 0, 1); /* RFC 9293 3.8.4: SEG.SEQ = SND.NXT-1 */
    expect_bytes(&tt, 1, {0, 0});
    bytes(&tt, UINT32_MAX - 9, 1);
    expect_bytes(&tt, 1, {0, 0});
    in_order(&tt, 0, 1);
    bytes(&tt, UINT32_MAX - 9, 11);
    expect_bytes(&tt, 1 + SEG, {1, 11});
    bytes(&tt, SEG, 1 + SEG);
    expect_bytes(&tt, 1 + SEG, {SEG, 1 + SEG});
    finish(&tt);
}

/* With the pool nearly used up the segment is dropped; what it brought again is told all the same.
 */
static void told_of_what_is_refused(void **state)
{
    struct tcp_test tt;
    struct pkt_queue held = {0};
    begin(&tt);
    bytes(&tt, 201, 301);
    bytes(&tt, 401, 501);
    (void)tcp_test_forget(&tt);
    while (pkt_pool_left(&tt.f.rx) >= tt.f.rx.count / TCP_PRESSURE_FRACTION) {
        struct pkt *p = pkt_alloc(&tt.f.rx, 0);
        assert_non_null(p);
        pkt_queue_push(&held, p);
    }
    bytes(&tt, 251, 451);
    expect_bytes(&tt, 1, {251, 301}, {201, 301}, {401, 501});
    bytes(&tt, 151, 251);
    expect_bytes(&tt, 1, {201, 251}, {201, 301}, {401, 501});
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_pressure"), 2);
    pkt_queue_drain(&held);
    finish(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_1_a_duplicate_segment),
        cmocka_unit_test(example_2_out_of_order_and_a_duplicate),
        cmocka_unit_test(example_3_a_duplicate_out_of_order),
        cmocka_unit_test(example_4_one_piece_again),
        cmocka_unit_test(example_5_two_pieces_below_the_ack),
        cmocka_unit_test(example_6_two_pieces_above_the_ack),
        cmocka_unit_test(told_of_what_is_refused),
        cmocka_unit_test(the_first_of_three),
        cmocka_unit_test(in_order_over_what_waits),
        cmocka_unit_test(old_text_in_front_of_new),
        cmocka_unit_test(what_never_was_is_not_told),
    };
    return tcp_run_all(tests);
}
