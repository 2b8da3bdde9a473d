/*
 * A peer with SACK for the tests of recovery: the handshake, ACKs with blocks given in segments,
 * and what is expected to go out, counted in segments of SP_MSS from 0.
 */
#ifndef TESTS_UNIT_TCP_SACK_PEER_H
#define TESTS_UNIT_TCP_SACK_PEER_H

#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"

enum {
    SP_MSS = 1460,
    SP_RTT_MS = 100,
    SP_SNDBUF_BYTES = 200 * SP_MSS,
};

/* The sequence number at which segment idx begins, relative. */
static inline uint32_t sp_at(uint32_t idx)
{
    return 1 + idx * SP_MSS;
}

/* Established without timestamps; with SACK when asked. The round trip counts as measured. */
static inline void sp_begin(struct tcp_test *tt, bool sack, uint32_t off)
{
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.tcp_off = off;
    cfg.tcp_congestion = "newreno";
    cfg.limits.tcp_sndbuf_bytes = SP_SNDBUF_BYTES;
    make_listen_with(tt, &cfg);
    tt_handshake(tt, "\2\4\5\264\1\3\3\3\1\1\4\2", sack ? 12 : 8, TT_WND);
    assert_int_equal(sack_agreed(tt->t), sack);
    assert_int_equal(snd_mss(tt->t), SP_MSS);
    set_rtt_ms(tt->t, SP_RTT_MS);
}

/* Sends n segments' worth of data, from segment idx on, and forgets what goes. */
static inline size_t sp_send(struct tcp_test *tt, uint32_t idx, uint32_t n)
{
    assert_int_equal(tt_send_bytes(tt, n * SP_MSS, sp_at(idx)), n * SP_MSS);
    return tcp_test_forget(tt);
}

static inline void sp_ack(struct tcp_test *tt, uint32_t idx)
{
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = sp_at(idx));
}

/* An ACK up to byte `ack` with blocks of bytes; all relative. */
static inline void sp_ack_bytes(struct tcp_test *tt, uint32_t ack, const struct tcp_range *blocks,
                                size_t count)
{
    struct opts o = {0};
    opts_sack(&o, (uint8_t)count);
    for (size_t i = 0; i < count; i++) {
        opts_block(&o, blocks[i].first + tt->iss, blocks[i].end + tt->iss);
    }
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = ack, .options = o.bytes, .options_len = o.len);
}

/* An ACK up to segment `ack` with one block of segments [first, end). */
static inline void sp_sack(struct tcp_test *tt, uint32_t ack, uint32_t first, uint32_t end)
{
    struct tcp_range r = {sp_at(first), sp_at(end)};
    sp_ack_bytes(tt, sp_at(ack), &r, 1);
}

/* The same with a DSACK of segment dup in front. */
static inline void sp_dsack(struct tcp_test *tt, uint32_t ack, uint32_t dup)
{
    sp_sack(tt, ack, dup, dup + 1);
}

#define sp_expect(tt, idx) \
    expect((tt), .flags = TCP_ACK, .seq = sp_at(idx), .any_ack = true, .len = SP_MSS)

#endif
