/*
 * Which segments go TCP's short way (net/tcp/fast.h): each reason not to, both sides of each bound,
 * at all pairs of initial sequence numbers. That the two ways come to the same is the simulator's
 * to show (sim_transfer.c); here is seen which one is gone. And: a checksum that the device has
 * found good is not summed again.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"
#include "tests/unit/tcp_see.h"

#define PEER_TS 0xfffffffeu /* wraps with the second segment after the SYN */
#define OUR_TS  0x1000u

static const char *const counters[] = {
    "tcp_fast_hits",           "tcp_fast_miss_state",   "tcp_fast_miss_flags",
    "tcp_fast_miss_ecn",       "tcp_fast_miss_options", "tcp_fast_miss_sequence",
    "tcp_fast_miss_timestamp", "tcp_fast_miss_ack",     "tcp_fast_miss_window",
    "tcp_fast_miss_loss",      "tcp_fast_miss_order",   "tcp_fast_miss_room",
};

static uint64_t all_counted(const struct tcp_test *tt)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        sum += tcp_test_count(tt, counters[i]);
    }
    return sum;
}

/* The segment is counted once, there; what it brings about is looked at elsewhere. */
static void check_way(struct tcp_test *tt, const char *counter, const struct tcp_want *w, int line)
{
    uint64_t before = tcp_test_count(tt, counter);
    uint64_t all = all_counted(tt);
    tcp_inject(tt, w);
    if (tcp_test_count(tt, counter) != before + 1 || all_counted(tt) != all + 1) {
        fail_msg("line %d: not %s", line, counter);
    }
    tcp_test_forget(tt);
}
#define goes(tt, name, ...) \
    check_way((tt), "tcp_fast_" name, &(struct tcp_want){__VA_ARGS__}, __LINE__)

static void an_exchange_goes_the_short_way(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    goes(&tt, "hits", .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "request");
    expect_read(&tt, "request");
    assert_int_equal(tt_send(&tt, "response"), 8);
    expect(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 8, .data = "response");
    /* The next request acknowledges the response; PSH is not asked for. */
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 8, .ack = 9, .data = "again");
    expect_read(&tt, "again");
    assert_int_equal(tt_send(&tt, "r"), 1);
    tcp_test_forget(&tt);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 13, .ack = 10);            /* an ACK alone */
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 13, .ack = 10, .wnd = 77); /* a window alone */
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 13, .ack = 10, .wnd = 77); /* nothing: none is out */
    tcp_test_abort(&tt);
}

static void other_flags(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    goes(&tt, "miss_flags", .flags = TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .data = "u");
    goes(&tt, "miss_flags", .flags = TCP_ACK | TCP_ECE, .seq = 2, .ack = 1);
    goes(&tt, "miss_flags", .flags = TCP_ACK | TCP_CWR, .seq = 2, .ack = 1);
    goes(&tt, "miss_flags", .flags = TCP_ACK | TCP_SYN, .seq = 2, .ack = 1);
    goes(&tt, "miss_flags", .flags = TCP_PSH, .seq = 2, .ack = 1, .data = "x");
    goes(&tt, "miss_flags", .flags = TCP_RST, .seq = 3);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "x");
    goes(&tt, "miss_flags", .flags = TCP_ACK | TCP_FIN, .seq = 3, .ack = 1);
    goes(&tt, "miss_state", .flags = TCP_ACK, .seq = 4, .ack = 1);
    tcp_test_abort(&tt);
}

static void other_states(void **state)
{
    static void (*const make[])(struct tcp_test * tt) = {
        make_fin_wait_1, make_fin_wait_2, make_close_wait, make_closing, make_last_ack};
    for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
        struct tcp_test tt;
        make[i](&tt);
        goes(&tt, "miss_state", .flags = TCP_ACK, .seq = 1, .ack = 1);
        tcp_test_abort(&tt);
    }
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_RD), 0);
    goes(&tt, "miss_state", .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "unwanted");
    tcp_test_abort(&tt);
}

static void the_next_number(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    goes(&tt, "miss_sequence", .flags = TCP_ACK, .seq = 0, .ack = 1); /* a keepalive */
    goes(&tt, "miss_sequence", .flags = TCP_ACK, .seq = 2, .ack = 1, .data = "2");
    goes(&tt, "miss_order", .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "1");
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 3, .ack = 1, .data = "3");
    expect_read(&tt, "123");
    tcp_test_abort(&tt);
}

static void acknowledgements(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "1234"), 4);
    tcp_test_forget(&tt);
    goes(&tt, "miss_ack", .flags = TCP_ACK, .seq = 1, .ack = 0);
    goes(&tt, "miss_ack", .flags = TCP_ACK, .seq = 1, .ack = 6);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 2);     /* a part of a packet */
    goes(&tt, "miss_ack", .flags = TCP_ACK, .seq = 1, .ack = 2); /* a duplicate: one is out */
    goes(&tt, "miss_loss", .flags = TCP_ACK, .seq = 1, .ack = 2, .wnd = 99);
    goes(&tt, "miss_loss", .flags = TCP_ACK, .seq = 1, .ack = 3); /* ends what it may tell of */
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 3, .wnd = 98); /* news of the window */
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 3, .data = "x", .wnd = 98);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 2, .ack = 5);
    tcp_test_abort(&tt);
}

static void windows(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    struct tcp_report r;
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = 2500;
    cfg.limits.tcp_rcvbuf_max_bytes = 0;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\2\4\5\264", 4, TT_WND);
    goes(&tt, "miss_window", .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
    goes(&tt, "miss_window", .flags = TCP_ACK, .seq = 1, .ack = 1); /* it opens again */
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 1);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1400);
    tcp_get_report(tt.t, &r);
    assert_in_range(r.rcv_wnd, 1, 1459);
    goes(&tt, "miss_window", .flags = TCP_ACK, .seq = 1401, .ack = 1, .len = r.rcv_wnd + 1);
    tcp_test_abort(&tt);
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\2\4\5\264", 4, TT_WND);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 1400);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1401, .ack = 1, .len = r.rcv_wnd);
    tcp_test_abort(&tt);
}

static void short_of_packets(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    struct pkt_pool *rx = &tt.f.rx;
    struct pkt *held = NULL;
    uint32_t threshold = rx->count / TCP_PRESSURE_FRACTION;
    while (pkt_pool_left(rx) > threshold + 1) { /* the segment takes one */
        struct pkt *p = pkt_alloc(rx, 0);
        p->next = held;
        held = p;
    }
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "1");
    goes(&tt, "miss_room", .flags = TCP_ACK, .seq = 2, .ack = 1, .len = 1460);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1462, .ack = 1); /* an ACK needs no room */
    while (held != NULL) {
        struct pkt *p = held;
        held = p->next;
        p->next = NULL;
        pkt_put(p);
    }
    tcp_test_abort(&tt);
}

static void with_a_retransmission_out(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "lost"), 4);
    tcp_test_advance_ms(&tt, 1500);
    tcp_test_forget(&tt);
    goes(&tt, "miss_loss", .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x");
    goes(&tt, "miss_loss", .flags = TCP_ACK, .seq = 2, .ack = 5);
    tcp_test_abort(&tt);
}

/* ESTABLISHED with timestamps and SACK; the peer's clock stands at PEER_TS + 1. */
static void establish_with_options(struct tcp_test *tt)
{
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_ts_fixed = true;
    cfg.tcp_ts_start = OUR_TS;
    make_listen_with(tt, &cfg);
    struct opts syn = {.len = 0}, ack = {.len = 0};
    opts_syn(&syn, PEER_TS, 0, 0);
    inject(tt, .flags = TCP_SYN, .options = syn.bytes, .options_len = syn.len);
    opts_ts(&ack, PEER_TS + 1, OUR_TS);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = ack.bytes, .options_len = ack.len);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    tcp_test_forget(tt);
}

static void timestamps(void **state)
{
    struct tcp_test tt;
    establish_with_options(&tt);
    struct opts now = {.len = 0}, next = {.len = 0}, old = {.len = 0};
    opts_ts(&now, PEER_TS + 1, OUR_TS);
    opts_ts(&next, PEER_TS + 2, OUR_TS); /* 0 */
    opts_ts(&old, PEER_TS + 1, OUR_TS);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "1", .options = now.bytes,
         .options_len = now.len);
    expect_read(&tt, "1");
    assert_int_equal(tt_send(&tt, "r"), 1);
    tcp_test_forget(&tt);
    goes(&tt, "hits", .flags = TCP_ACK, .seq = 2, .ack = 2, .options = next.bytes,
         .options_len = next.len);
    goes(&tt, "miss_timestamp", .flags = TCP_ACK, .seq = 2, .ack = 2, .options = old.bytes,
         .options_len = old.len);
    goes(&tt, "miss_options", .flags = TCP_ACK, .seq = 2, .ack = 2); /* it is left out */
    tcp_test_abort(&tt);
    make_established(&tt); /* none were agreed on */
    goes(&tt, "miss_options", .flags = TCP_ACK, .seq = 1, .ack = 1, .options = now.bytes,
         .options_len = now.len);
    tcp_test_abort(&tt);
}

static void blocks(void **state)
{
    struct tcp_test tt;
    establish_with_options(&tt);
    assert_int_equal(tt_send_bytes(&tt, 2 * 1448, 1), 2 * 1448);
    tcp_test_forget(&tt);
    struct opts sack = {.len = 0}, plain = {.len = 0};
    opts_ts(&sack, PEER_TS + 1, OUR_TS);
    opts_sack(&sack, 1);
    opts_block(&sack, tt.iss + 1449, tt.iss + 2897);
    opts_ts(&plain, PEER_TS + 1, OUR_TS);
    goes(&tt, "miss_options", .flags = TCP_ACK, .seq = 1, .ack = 1, .options = sack.bytes,
         .options_len = sack.len);
    goes(&tt, "miss_loss", .flags = TCP_ACK, .seq = 1, .ack = 2897, .options = plain.bytes,
         .options_len = plain.len);
    tcp_test_abort(&tt);
}

static void with_ecn(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_ecn = true;
    make_listen_with(&tt, &cfg);
    inject(&tt, .flags = TCP_SYN | TCP_ECE | TCP_CWR);
    expect(&tt, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .seq = 0, .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    goes(&tt, "miss_ecn", .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x");
    tcp_test_abort(&tt);
}

static void when_switched_off(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_off = NET_TCP_OFF_FAST;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "\2\4\5\264", 4, TT_WND);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x");
    expect_read(&tt, "x");
    assert_int_equal(all_counted(&tt), 0);
    tcp_test_abort(&tt);
}

static void open_one(struct tcp_test *tt, uint32_t off, const struct opts *syn,
                     const struct tcp_want *ack)
{
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_off = off;
    cfg.tcp_ts_fixed = true;
    cfg.tcp_ts_start = OUR_TS;
    make_listen_with(tt, &cfg);
    inject(tt, .flags = TCP_SYN, .options = syn->bytes, .options_len = syn->len);
    (void)tcp_test_forget(tt);
    tcp_test_advance_ms(tt, 7);
    tcp_inject(tt, ack);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
}

/* A handshake's last ACK, alone: with numbers and timestamps that move the connection's and such as
 * do not. */
static void an_ack_alone_opens_as_any_other(void **state)
{
    for (unsigned i = 0; i < 16; i++) {
        struct tcp_test tt[2];
        struct opts syn = {.len = 0};
        struct opts ts = {.len = 0};
        opts_syn(&syn, PEER_TS, 0, 7);
        opts_ts(&ts, PEER_TS + (i & 1) * 5, OUR_TS);
        if (i & 2) {
            syn.len = 4; /* no timestamps: MSS alone */
            ts.len = 0;
        }
        struct tcp_want ack = {.flags = TCP_ACK | ((i & 4) ? TCP_PSH : 0),
                               .seq = (i & 8) ? 9 : 1,
                               .ack = 1,
                               .wnd = (int32_t)(700 + i),
                               .options = ts.bytes,
                               .options_len = ts.len};
        open_one(&tt[0], 0, &syn, &ack);
        open_one(&tt[1], NET_TCP_OFF_FAST, &syn, &ack);
        assert_true(opened_alike(tt[0].t, tt[1].t));
        assert_int_equal(tcp_test_count(&tt[0], "tcp_passive_opens"), 1);
        tcp_test_abort(&tt[0]);
        tcp_test_abort(&tt[1]);
    }
}

static void give(struct tcp_test *tt, const struct frame *fr, uint32_t rx_flags)
{
    struct pkt *p = pkt_alloc(&tt->f.rx, 0);
    assert_non_null(p);
    memcpy(pkt_append(p, fr->len), fr->bytes, fr->len);
    p->rx_flags = rx_flags;
    net_input_ip(tt->net, p, tt->f.now_ns);
}

/* The frame of a segment with a wrong checksum. */
static void wrong_frame(const struct tcp_test *tt, struct frame *fr)
{
    uint8_t s[21] = {0};
    struct frame_ip ip = {.protocol = IP_PROTO_TCP, .bare = true};
    store_be16(s, tt->rport);
    store_be16(s + 2, tt->lport);
    store_be32(s + 4, tt->irs + 1);
    store_be32(s + 8, tt->iss + 1);
    s[12] = 5 << 4;
    s[13] = TCP_ACK;
    store_be16(s + 14, TT_WND);
    s[20] = 'x';
    frame_ip(fr, &ip, s, sizeof(s));
}

static void the_device_has_looked(void **state)
{
    struct tcp_test tt;
    struct frame fr;
    make_established(&tt);
    wrong_frame(&tt, &fr);
    give(&tt, &fr, 0);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_checksum"), 1);
    give(&tt, &fr, PKT_RX_CSUM_GOOD);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_checksum"), 1);
    expect_read(&tt, "x");
    tcp_test_abort(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_goes_the_short_way),
        cmocka_unit_test(other_flags),
        cmocka_unit_test(other_states),
        cmocka_unit_test(the_next_number),
        cmocka_unit_test(acknowledgements),
        cmocka_unit_test(windows),
        cmocka_unit_test(short_of_packets),
        cmocka_unit_test(with_a_retransmission_out),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(blocks),
        cmocka_unit_test(with_ecn),
        cmocka_unit_test(when_switched_off),
        cmocka_unit_test(an_ack_alone_opens_as_any_other),
        cmocka_unit_test(the_device_has_looked),
    };
    return tcp_run_all(tests);
}
