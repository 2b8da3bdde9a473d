/*
 * The sender's side of SACK without RACK: blocks and the scoreboard (RFC 2018 5 and 8, RFC 2883),
 * IsLost, NextSeg and limited transmit (RFC 6675), the rate of repair (RFC 9937), bounded work.
 */
// LINK: tests/unit/tcp_[cf]*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_check.h"
#include "tests/unit/tcp_sack_peer.h"

enum {
    WITHOUT_RACK = NET_TCP_OFF_RACK | NET_TCP_OFF_TLP,
};

static void begin(struct tcp_test *tt)
{
    sp_begin(tt, true, WITHOUT_RACK);
}

static void end(struct tcp_test *tt)
{
    tcp_check_invariants(tt->net);
    tcp_test_end(tt);
}

/* Family 7: empty, turned round, at or below SND.UNA, beyond SND.NXT, 2^31 apart. */
static void bad_blocks_are_ignored(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    uint32_t una = sp_at(2), nxt = sp_at(10);
    sp_ack(&tt, 2);
    const struct tcp_range bad[] = {
        {una + 5000, una + 5000},
        {una + 5000, una + 4000},
        {una, una + 1460},
        {una - 100, una + 1460},
        {una + 1460, nxt + 1},
        {nxt, nxt + 1460},
        {una + 1460, una + 0x80000000u},
        {una + 1460, una + 1460 + 0x80000000u},
        {una + 0x80000000u, una + 2920},
        {una + 0x80000001u, una + 0x80000002u},
        {una - 0x7fffffffu, una + 2920},
        {nxt + 0x70000000u, nxt + 0x70001000u},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        sp_ack_bytes(&tt, una, &bad[i], 1);
        assert_int_equal(sacked_bytes(tt.t), 0);
        assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
        assert_int_equal(tcp_test_count(&tt, "tcp_rx_bad_sack"), i + 1);
    }
    expect_nothing(&tt);
    /* One good among bad ones counts. */
    const struct tcp_range mixed[] = {bad[1], {sp_at(9), nxt}, bad[4]};
    sp_ack_bytes(&tt, una, mixed, 3);
    assert_int_equal(sacked_bytes(tt.t), SP_MSS);
    end(&tt);
}

/* Blocks mean nothing when SACK was not agreed on. */
static void without_sack_blocks_are_nothing(void **state)
{
    struct tcp_test tt;
    sp_begin(&tt, false, WITHOUT_RACK);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 1, 9);
    assert_int_equal(sacked_bytes(tt.t), 0);
    expect_nothing(&tt);
    end(&tt);
}

static void partly_covered_is_not_covered(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    struct tcp_range r = {sp_at(3) + 1, sp_at(6) - 1};
    sp_ack_bytes(&tt, 1, &r, 1);
    assert_int_equal(sacked_bytes(tt.t), SP_MSS); /* segment 4 alone */
    assert_int_equal(queued_packets(tt.t), 10);
    r = (struct tcp_range){sp_at(3), sp_at(6)}; /* it grows: the edges count now */
    sp_ack_bytes(&tt, 1, &r, 1);
    assert_int_equal(sacked_bytes(tt.t), 3 * SP_MSS);
    end(&tt);
}

/* RFC 2883: below the ACK, or inside the second block: not for the scoreboard. */
static void duplicates_stay_out_of_the_scoreboard(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_ack(&tt, 2);
    sp_dsack(&tt, 2, 1);
    assert_int_equal(sacked_bytes(tt.t), 0);
    const struct tcp_range inside[] = {{sp_at(8), sp_at(9)}, {sp_at(8), sp_at(10)}};
    sp_ack_bytes(&tt, sp_at(2), inside, 2);
    assert_int_equal(sacked_bytes(tt.t), 2 * SP_MSS);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_dsacks"), 2);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_bad_sack"), 0);
    end(&tt);
}

/* RFC 6675 5 step 3, RFC 3042: each of the first two lets a new segment out. */
static void limited_transmit(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 20), 10);
    sp_sack(&tt, 0, 1, 2);
    sp_expect(&tt, 10);
    expect_nothing(&tt);
    sp_sack(&tt, 0, 1, 3);
    sp_expect(&tt, 11);
    expect_nothing(&tt);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    sp_sack(&tt, 0, 1, 4); /* the third: the hole */
    sp_expect(&tt, 0);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    end(&tt);
}

/* One ACK that tells of three segments above the hole is enough (RFC 6675 5 step 2). */
static void one_ack_may_be_enough(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 1, 4);
    sp_expect(&tt, 0);
    assert_int_equal(ssthresh_of(tt.t), 5 * SP_MSS);
    end(&tt);
}

/* Small segments count as well, each for one. */
static void small_segments_count(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(tt_send_bytes(&tt, 10, 1 + 10 * i), 10);
    }
    assert_int_equal(tcp_test_forget(&tt), 5);
    struct tcp_range r = {11, 31};
    sp_ack_bytes(&tt, 1, &r, 1);
    expect_nothing(&tt);
    r.end = 41;
    sp_ack_bytes(&tt, 1, &r, 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 10);
    end(&tt);
}

/* NextSeg: lost ones lowest first, never what was sacked, then new data. */
static void holes_are_filled_lowest_first(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 40), 10);
    const struct tcp_range r[] = {
        {sp_at(6), sp_at(10)}, {sp_at(3), sp_at(4)}, {sp_at(1), sp_at(2)}};
    sp_ack_bytes(&tt, 1, r, 3); /* missing: 0, 2, 4, 5 */
    uint32_t want[] = {0, 2, 4, 5, 10, 11};
    size_t out = 0;
    for (uint32_t acked = 0; out < ARRAY_SIZE(want) && acked < 20; acked++) {
        while (tt.f.out.count > 0 && out < ARRAY_SIZE(want)) {
            sp_expect(&tt, want[out++]);
        }
        sp_ack(&tt, acked < 1 ? 2 : acked < 2 ? 4 : acked < 3 ? 5 : 10);
    }
    assert_int_equal(out, ARRAY_SIZE(want));
    end(&tt);
}

/* Rules 3 and 4: nothing new to send; a hole not yet lost for sure, then once the last segment. */
static void holes_and_one_rescue(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    const struct tcp_range r[] = {{sp_at(6), sp_at(7)}, {sp_at(1), sp_at(4)}};
    sp_ack_bytes(&tt, 1, r, 2); /* 0 is lost; 4 and 5 have but one above them, 7 to 9 none */
    sp_expect(&tt, 0);
    sp_sack(&tt, 4, 6, 7);
    expect_nothing(&tt); /* half of what was out is out still */
    sp_sack(&tt, 5, 6, 7);
    sp_expect(&tt, 5);
    sp_ack(&tt, 7);
    sp_expect(&tt, 9);
    expect_nothing(&tt);
    sp_ack(&tt, 8);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 3);
    assert_int_equal(sp_send(&tt, 10, 1), 1);
    sp_ack(&tt, 9); /* there is room for another rescue, but it was the only one */
    expect_nothing(&tt);
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    end(&tt);
}

/* A hole that was filled on a guess is not lost for what is sacked above it later (4 IsLost, of
 * what was sent once). */
static void a_guess_goes_once(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    const struct tcp_range r[] = {{sp_at(6), sp_at(7)}, {sp_at(1), sp_at(4)}};
    sp_ack_bytes(&tt, 1, r, 2);
    sp_expect(&tt, 0);
    sp_sack(&tt, 5, 6, 7);
    sp_expect(&tt, 5);
    sp_expect(&tt, 9); /* the rescue */
    sp_sack(&tt, 5, 6, 9);
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 3);
    end(&tt);
}

/* RFC 9937: what goes during a repair is ssthresh / what was out of what arrives. */
static void rate_is_halved_in_proportion(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_cwnd(tt.t, 40 * SP_MSS);
    assert_int_equal(sp_send(&tt, 0, 40), 40);
    tcp_test_advance_ms(&tt, 1);
    assert_int_equal(tt_send_bytes(&tt, 40 * SP_MSS, sp_at(40)), 40 * SP_MSS);
    size_t out = 0;
    for (uint32_t i = 2; i <= 40; i++) {
        sp_sack(&tt, 0, 1, i);
        out += tcp_test_forget(&tt);
        assert_true(out <= i / 2 + 3); /* never ahead of the half by a burst */
    }
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
    assert_in_range(out, 18, 23);
    assert_true(tcp_pipe(tt.t) <= ssthresh_of(tt.t) + SP_MSS);
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 1);
    end(&tt);
}

/* Below ssthresh no more goes than arrives, and one more while SND.UNA moves; then no burst. */
static void repair_ends_without_a_burst(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_cwnd(tt.t, 40 * SP_MSS);
    assert_int_equal(sp_send(&tt, 0, 40), 40);
    sp_sack(&tt, 0, 36, 40); /* 36 lost at once */
    assert_in_range(tcp_test_forget(&tt), 1, 5);
    for (uint32_t i = 1; i < 36; i++) {
        uint32_t before = (uint32_t)tcp_test_count(&tt, "tcp_tx_retransmits");
        sp_sack(&tt, i, 36, 40);
        assert_true(tcp_test_count(&tt, "tcp_tx_retransmits") - before <= 2);
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 36);
    assert_int_equal(tt_send_bytes(&tt, 40 * SP_MSS, sp_at(40)), 40 * SP_MSS);
    (void)tcp_test_forget(&tt);
    sp_ack(&tt, 40);
    assert_in_range(tcp_test_forget(&tt), 0, TCP_BURST_SEGMENTS + 2); /* and its slow start */
    assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_NONE);
    assert_true(cwnd_of(tt.t) <= ssthresh_of(tt.t));
    end(&tt);
}

/* RFC 2018 8: the peer drops what it had told of: nothing is lost for ever. */
static void reneging_is_survived(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 1, 9);
    sp_expect(&tt, 0);
    (void)tcp_test_forget(&tt);
    sp_ack(&tt, 1); /* and not 9: it has dropped them */
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_sack_reneged"), 1);
    assert_int_equal(sacked_bytes(tt.t), 0);
    (void)tcp_test_forget(&tt);
    for (uint32_t acked = 1; acked < 10; acked++) {
        for (unsigned i = 0; i < 100 && tt.f.out.count == 0; i++) {
            tcp_test_advance_ms(&tt, 20);
        }
        assert_true(tt.f.out.count > 0 || tcp_drained(tt.t));
        (void)tcp_test_forget(&tt);
        sp_ack(&tt, acked + 1);
    }
    assert_true(tcp_drained(tt.t));
    end(&tt);
}

/* What the owner can learn of a repair (TCP_INFO). */
static void a_repair_is_reported(void **state)
{
    struct tcp_test tt;
    struct tcp_report r;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 1, 2);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.recovery, TCP_REPORT_DISORDER);
    assert_int_equal(r.sacked_packets, 1);
    sp_sack(&tt, 0, 1, 10);
    sp_expect(&tt, 0);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.recovery, TCP_REPORT_RECOVERY);
    assert_int_equal(r.sacked_packets, 9);
    sp_ack(&tt, 10);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.recovery, TCP_REPORT_OPEN);
    assert_int_equal(r.sacked_packets, 0);
    assert_int_equal(r.ssthresh, 5 * SP_MSS);
    end(&tt);
}

/* Bytes that are told of, dropped and told of again are delivered each time, as far as RFC 9937's
 * sums go: they must not raise cwnd above what was out when the repair began. */
static void reneging_earns_nothing(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_cwnd(tt.t, 40 * SP_MSS);
    assert_int_equal(sp_send(&tt, 0, 40), 40);
    sp_sack(&tt, 0, 1, 39);
    sp_expect(&tt, 0);
    for (uint32_t acked = 1; acked < 10; acked++) {
        sp_ack(&tt, acked); /* it has dropped what lies behind */
        assert_int_equal(tcp_test_count(&tt, "tcp_rx_sack_reneged"), acked);
        assert_int_equal(recovery_of(tt.t), TCP_RECOVERY_FAST);
        assert_true(cwnd_of(tt.t) <= 40 * SP_MSS);
        sp_sack(&tt, acked, acked + 1, 39);
        (void)tcp_test_forget(&tt);
        assert_true(cwnd_of(tt.t) <= 40 * SP_MSS);
    }
    sp_ack(&tt, 40);
    assert_true(cwnd_of(tt.t) <= ssthresh_of(tt.t));
    end(&tt);
}

/* An ACK into the middle of what was sacked: it was not kept as a whole, so none of it counts. */
static void reneging_in_the_middle(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 4), 4);
    sp_sack(&tt, 0, 1, 3);
    assert_int_equal(sacked_bytes(tt.t), 2 * SP_MSS);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = sp_at(1) + 100);
    assert_int_equal(sacked_bytes(tt.t), 0);
    (void)tcp_test_forget(&tt);
    sp_ack(&tt, 4);
    assert_true(tcp_drained(tt.t));
    end(&tt);
}

/* A timeout sends again what is not sacked; a second one trusts no block any more. */
static void timeout_spares_what_was_sacked(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 5, 7);
    tcp_test_advance_ms(&tt, 310);
    sp_expect(&tt, 0);
    expect_nothing(&tt);
    assert_int_equal(sacked_bytes(tt.t), 2 * SP_MSS);
    assert_int_equal(lost_bytes(tt.t), 7 * SP_MSS);
    sp_sack(&tt, 1, 5, 7);
    sp_expect(&tt, 1);
    sp_expect(&tt, 2);
    sp_sack(&tt, 3, 5, 7);
    sp_expect(&tt, 3);
    sp_expect(&tt, 4);
    sp_expect(&tt, 7); /* not 5 and 6 */
    expect_nothing(&tt);
    sp_ack(&tt, 7);
    sp_expect(&tt, 8);
    sp_expect(&tt, 9);
    sp_sack(&tt, 7, 9, 10);
    assert_int_equal(sacked_bytes(tt.t), SP_MSS);
    for (unsigned i = 0; i < 100 && tcp_test_count(&tt, "tcp_timeouts") < 2; i++) {
        tcp_test_advance_ms(&tt, 20);
    }
    assert_int_equal(sacked_bytes(tt.t), SP_MSS);
    for (unsigned i = 0; i < 200 && tcp_test_count(&tt, "tcp_timeouts") < 3; i++) {
        tcp_test_advance_ms(&tt, 20);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 3);
    assert_int_equal(sacked_bytes(tt.t), 0);
    (void)tcp_test_forget(&tt);
    end(&tt);
}

/* A burst into a full queue: what the receiver has is not sent again. */
static void nothing_the_peer_has_goes_again(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    set_cwnd(tt.t, 40 * SP_MSS);
    assert_int_equal(sp_send(&tt, 0, 40), 40);
    for (uint32_t i = 1; i < 40; i += 2) { /* every second one was dropped */
        struct tcp_range r[3] = {{sp_at(i), sp_at(i + 1)}};
        size_t count = 1;
        for (uint32_t j = i; j > 2 && count < 3; j -= 2, count++) {
            r[count] = (struct tcp_range){sp_at(j - 2), sp_at(j - 1)};
        }
        sp_ack_bytes(&tt, 1, r, count);
    }
    uint32_t next = 0;
    for (unsigned round = 0; round < 60 && next < 40; round++) {
        while (tt.f.out.count > 0) {
            sp_expect(&tt, next);
            next += 2;
        }
        sp_ack(&tt, next);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_tx_retransmits"), 20);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    assert_true(tcp_drained(tt.t));
    end(&tt);
}

/* The window is taken back in the middle of a repair, shuts, and opens (RFC 1122 4.2.2.16). */
static void window_shuts_during_repair(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 10), 10);
    sp_sack(&tt, 0, 2, 7);
    sp_expect(&tt, 0);
    (void)tcp_test_forget(&tt);
    tt.peer_wnd = 0;
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = sp_at(1), .wnd = -1);
    (void)tcp_test_forget(&tt);
    tcp_check_invariants(tt.net);
    for (unsigned i = 0; i < 5; i++) {
        tcp_test_advance_ms(&tt, 2000);
        (void)tcp_test_forget(&tt);
        tcp_check_invariants(tt.net);
    }
    tt.peer_wnd = TT_WND;
    sp_ack(&tt, 1);
    for (unsigned i = 0; i < 20 && !tcp_drained(tt.t); i++) {
        tcp_test_advance_ms(&tt, 10);
        (void)tcp_test_forget(&tt);
        sp_ack(&tt, 10);
    }
    assert_true(tcp_drained(tt.t));
    end(&tt);
}

/* Small segments that go again together: where a block's marking stopped may be in one of them. */
static void blocks_inside_what_is_merged(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_NODELAY, 1), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(tt_send_bytes(&tt, 100, 1 + 100 * i), 100);
    }
    assert_int_equal(tcp_test_forget(&tt), 4);
    struct tcp_range part = {1 + 150, 1 + 200};
    sp_ack_bytes(&tt, 1, &part, 1);
    assert_true(sack_hinted(tt.t));
    for (unsigned i = 0; i < 100 && tcp_test_count(&tt, "tcp_timeouts") == 0; i++) {
        tcp_test_advance_ms(&tt, 20);
    }
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .len = 400);
    expect_nothing(&tt);
    assert_int_equal(queued_packets(tt.t), 1);
    tcp_check_invariants(tt.net);
    sp_ack_bytes(&tt, 1, &part, 1);
    tcp_check_invariants(tt.net);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 401);
    assert_true(tcp_drained(tt.t));
    end(&tt);
}

/* A lost FIN behind sacked data is repaired by the timeout, alone. */
static void lost_fin_behind_sacked_data(void **state)
{
    struct tcp_test tt;
    begin(&tt);
    assert_int_equal(sp_send(&tt, 0, 5), 5);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = sp_at(5), .ack = 1);
    sp_sack(&tt, 0, 1, 5);
    sp_expect(&tt, 0);
    sp_ack(&tt, 5);
    tcp_test_advance_ms(&tt, 700);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = sp_at(5), .ack = 1);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = sp_at(5) + 1);
    assert_int_equal(state_of(tt.t), TCP_FIN_WAIT_2);
    end(&tt);
}

/* ---- against a model ---- */

static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

enum {
    MODEL_SEGMENTS = 100,
    MODEL_ROUNDS = 800,
};

/* The blocks of a receiver that has some of the segments: the one around `newest` first, then up to
 * three others drawn at random. */
static size_t model_blocks(const bool *has, uint32_t newest, uint64_t *seed, struct tcp_range *out)
{
    size_t count = 0;
    for (unsigned tries = 0; tries < 8 && count < 4; tries++) {
        uint32_t at = tries == 0 ? newest : draw(seed) % MODEL_SEGMENTS;
        if (!has[at]) {
            continue;
        }
        uint32_t first = at, last = at + 1;
        while (first > 0 && has[first - 1]) {
            first--;
        }
        while (last < MODEL_SEGMENTS && has[last]) {
            last++;
        }
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || out[i].first == sp_at(first);
        }
        if (!known) {
            out[count++] = (struct tcp_range){sp_at(first), sp_at(last)};
        }
    }
    return count;
}

static void check_model(struct tcp_test *tt, const bool *has, uint32_t newest)
{
    uint32_t idx = 0;
    for (struct pkt *p = snd_first(tt->t); p != NULL; p = tx_note(p)->next) {
        idx = (tx_note(p)->seq - tt->iss - 1) / SP_MSS;
        assert_true(!tx_note(p)->sacked || has[idx]); /* never what it has not */
        assert_true(idx != newest || tx_note(p)->sacked);
    }
    tcp_check_invariants(tt->net);
}

/* Arrivals in any order, blocks as they come: what is marked is what the receiver has. */
static void scoreboard_follows_a_receiver(void **state)
{
    for (uint64_t run = 1; run <= 10; run++) {
        struct tcp_test tt;
        uint64_t seed = run;
        bool has[MODEL_SEGMENTS] = {false};
        struct tcp_range blocks[4];
        begin(&tt);
        set_cwnd(tt.t, 100 * SP_MSS);
        assert_int_equal(sp_send(&tt, 0, MODEL_SEGMENTS), MODEL_SEGMENTS);
        for (unsigned i = 0; i < MODEL_ROUNDS; i++) {
            uint32_t newest = 1 + draw(&seed) % (MODEL_SEGMENTS - 1);
            has[newest] = true;
            size_t count = model_blocks(has, newest, &seed, blocks);
            sp_ack_bytes(&tt, 1, blocks, count);
            (void)tcp_test_forget(&tt);
            check_model(&tt, has, newest);
        }
        assert_int_equal(sacked_packets(tt.t), MODEL_SEGMENTS - 1);
        sp_ack(&tt, MODEL_SEGMENTS);
        assert_true(tcp_drained(tt.t));
        end(&tt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_blocks_are_ignored),
        cmocka_unit_test(without_sack_blocks_are_nothing),
        cmocka_unit_test(partly_covered_is_not_covered),
        cmocka_unit_test(duplicates_stay_out_of_the_scoreboard),
        cmocka_unit_test(limited_transmit),
        cmocka_unit_test(one_ack_may_be_enough),
        cmocka_unit_test(small_segments_count),
        cmocka_unit_test(holes_are_filled_lowest_first),
        cmocka_unit_test(holes_and_one_rescue),
        cmocka_unit_test(a_guess_goes_once),
        cmocka_unit_test(rate_is_halved_in_proportion),
        cmocka_unit_test(repair_ends_without_a_burst),
        cmocka_unit_test(reneging_is_survived),
        cmocka_unit_test(a_repair_is_reported),
        cmocka_unit_test(reneging_earns_nothing),
        cmocka_unit_test(reneging_in_the_middle),
        cmocka_unit_test(timeout_spares_what_was_sacked),
        cmocka_unit_test(blocks_inside_what_is_merged),
        cmocka_unit_test(nothing_the_peer_has_goes_again),
        cmocka_unit_test(window_shuts_during_repair),
        cmocka_unit_test(lost_fin_behind_sacked_data),
        cmocka_unit_test(scoreboard_follows_a_receiver),
    };
    return tcp_run_all(tests);
}
