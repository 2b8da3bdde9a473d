/*
 * Peers who do not take what is sent to them: shut windows, windows of one byte, a byte at a time.
 * They may go on for ever while there is plenty, and give way when others go without (RFC 6429).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

#include <errno.h>

enum {
    STALLED = 40,
    RESERVE = 384, /* so that what is left for data, 128 packets, is soon gone */
    WRITE_BYTES = 100 * 1000,
};

struct crowd {
    struct tcp_test tt;
    struct tcp_cb *stalled[STALLED];
};

/* Connections whose peers shut their windows (or leave them at wnd) as soon as they are open, each
 * with as much written to it as it takes. */
static void make_stalled(struct crowd *c, uint16_t wnd)
{
    struct tcp_test *tt = &c->tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tx_reserve = RESERVE;
    make_listen_with(tt, &cfg);
    for (uint16_t i = 0; i < STALLED; i++) {
        tt->rport = (uint16_t)(TT_PEER_PORT + i);
        tt_handshake(tt, "\x02\x04\x05\xb4", 4, wnd);
        c->stalled[i] = tt->t;
        while (tt_send_bytes(tt, 4096, 1) > 0) {
        }
        tcp_test_advance_ms(tt, 1);
        (void)tcp_test_forget(tt);
    }
    assert_int_equal(pkt_pool_left(&tt->f.tx), tt->net->cfg.tx_reserve);
}

static void open_another(struct tcp_test *tt, uint16_t port)
{
    tt->rport = port;
    tt_handshake(tt, "\x02\x04\x05\xb4", 4, TT_WND);
}

/* Writes WRITE_BYTES to a peer who takes everything; returns how many ms that took. */
static uint64_t write_to_an_honest_peer(struct tcp_test *tt)
{
    uint64_t start = tt->f.now_ns;
    uint32_t done = 0;
    while (done < WRITE_BYTES && tt->f.now_ns - start < 60 * NS_PER_S) {
        ptrdiff_t n = tt_send_bytes(tt, WRITE_BYTES - done, 1 + done);
        done += n > 0 ? (uint32_t)n : 0;
        tcp_test_advance_ms(tt, 1);
        (void)tcp_test_forget(tt);
        inject(tt, .flags = TCP_ACK, .seq = 1, .ack = snd_nxt(tt->t) - iss_of(tt->t));
    }
    assert_int_equal(done, WRITE_BYTES);
    return (tt->f.now_ns - start) / NS_PER_MS;
}

static unsigned alive(const struct crowd *c)
{
    unsigned count = 0;
    for (unsigned i = 0; i < STALLED; i++) {
        count += state_of(c->stalled[i]) == TCP_ESTABLISHED;
    }
    return count;
}

static void shut_windows_give_way_to_others(void **state)
{
    struct crowd c;
    make_stalled(&c, 0);
    open_another(&c.tt, 9000);
    uint64_t took_ms = write_to_an_honest_peer(&c.tt);
    assert_in_range(took_ms, 0, TCP_STALLED_SHUT_MS + 100);
    assert_true(alive(&c) < STALLED);
    assert_int_equal(tcp_test_count(&c.tt, "tcp_stalled_evicted"), STALLED - alive(&c));
    /* The longest without progress went first, and no more of them than it took. */
    assert_int_equal(state_of(c.stalled[0]), TCP_CLOSED);
    assert_int_equal(tcp_take_error(c.stalled[0]), ETIMEDOUT);
    assert_int_equal(state_of(c.stalled[STALLED - 1]), TCP_ESTABLISHED);
    tcp_test_end(&c.tt);
}

/* Once there is room, the next one need not wait at all. */
static void room_is_made_for_more_than_one(void **state)
{
    struct crowd c;
    make_stalled(&c, 0);
    tcp_test_advance_ms(&c.tt, TCP_STALLED_SHUT_MS);
    (void)tcp_test_forget(&c.tt);
    for (uint16_t i = 0; i < 5; i++) {
        open_another(&c.tt, (uint16_t)(9000 + i));
        assert_in_range(write_to_an_honest_peer(&c.tt), 0, 100);
    }
    tcp_test_end(&c.tt);
}

/* A byte now and then is no progress; a window of a byte is no window. */
static void dribbling_is_no_progress(void **state)
{
    struct crowd c;
    struct tcp_test *tt = &c.tt;
    make_stalled(&c, 1);
    for (unsigned turn = 0; turn < 60; turn++) {
        for (uint16_t i = 0; i < STALLED; i++) {
            tt->rport = (uint16_t)(TT_PEER_PORT + i);
            inject(tt, .flags = TCP_ACK, .seq = 1,
                   .ack = snd_nxt(c.stalled[i]) - iss_of(c.stalled[i]), .wnd = 1);
        }
        tcp_test_advance_ms(tt, 10);
        (void)tcp_test_forget(tt);
    }
    open_another(tt, 9000);
    assert_in_range(write_to_an_honest_peer(tt), 0, 100);
    assert_int_equal(state_of(c.stalled[0]), TCP_CLOSED);
    tcp_test_end(tt);
}

/* An open window and silence may be the path's fault: that takes longer. */
static void silence_gets_more_patience(void **state)
{
    struct crowd c;
    make_stalled(&c, TT_WND);
    open_another(&c.tt, 9000);
    uint64_t took_ms = write_to_an_honest_peer(&c.tt);
    assert_in_range(took_ms, TCP_STALLED_OPEN_MS / 2, TCP_STALLED_OPEN_MS + 100);
    tcp_test_end(&c.tt);
}

/* MUST-37: with plenty for everybody a window may stay shut for as long as the probes are
 * answered. */
static void plenty_for_everybody(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, 0);
    assert_true(tt_send_bytes(&tt, 60000, 1) > 0);
    for (unsigned i = 0; i < 3600; i++) {
        tcp_test_advance_ms(&tt, 1000);
        if (tcp_test_forget(&tt) > 0) {
            inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = -1);
        }
    }
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_int_equal(tcp_test_count(&tt, "tcp_stalled_evicted"), 0);
    tcp_test_end(&tt);
}

/* A window of one byte cuts packets up, but never more than one at a time: what is cut off is
 * gone with the next acknowledgement. */
static void one_byte_windows_cost_one_packet(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    tt.peer_wnd = 1; /* else half of the largest window ever seen is waited for */
    tt_handshake(&tt, "\x02\x04\x05\xb4", 4, 1);
    assert_int_equal(tt_send_bytes(&tt, 30000, 1), 30000);
    uint32_t packets = queued_packets(tt.t);
    uint32_t acked = 1;
    for (unsigned i = 0; i < 3000; i++) {
        tcp_test_advance_ms(&tt, 1);
        assert_true(tcp_test_forget(&tt) <= 1);
        acked = snd_nxt(tt.t) - iss_of(tt.t);
        /* Shut and opened again, too. */
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = acked, .wnd = i % 7 == 0 ? -1 : 1);
        assert_true(queued_packets(tt.t) <= packets + 1);
    }
    assert_true(acked > 1000);
    tcp_test_end(&tt);
}

/* The same against segments that had been sent whole: each byte acknowledged alone. */
static void an_ack_for_each_byte_costs_nothing(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 60000, 1), 60000);
    uint32_t packets = queued_packets(tt.t);
    for (uint32_t ack = 2; ack < 4000; ack++) {
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = ack, .wnd = ack % 3 == 0 ? -1 : 1460);
        assert_true(queued_packets(tt.t) <= packets + 2);
        if (ack % 100 == 0) {
            tcp_test_advance_ms(&tt, 300); /* the timer may want to cut as well */
        }
        (void)tcp_test_forget(&tt);
    }
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shut_windows_give_way_to_others),
        cmocka_unit_test(room_is_made_for_more_than_one),
        cmocka_unit_test(dribbling_is_no_progress),
        cmocka_unit_test(silence_gets_more_patience),
        cmocka_unit_test(plenty_for_everybody),
        cmocka_unit_test(one_byte_windows_cost_one_packet),
        cmocka_unit_test(an_ack_for_each_byte_costs_nothing),
    };
    return tcp_run_all(tests);
}
