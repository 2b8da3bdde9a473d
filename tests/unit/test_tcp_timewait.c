/*
 * TIME-WAIT: what it answers to what (RFC 9293 3.10.7.4, RFC 5961, RFC 7323 5.3; the table in
 * docs/tcp.md), and its end: by a RST, by a new connection of the same tuple from either side (RFC
 * 6191; RFC 1122 4.2.2.13), with its time. How many strays are answered is in test_tcp_close.c.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "tests/unit/tcp_fixture.h"

#include <errno.h>

enum {
    OWN_PORT = 5000,
    NEXT = 2 + TCP_ISS_REOPEN_STEP, /* the ISS after a connection whose SND.NXT was 2 */
};

/* The peer's timestamps count from here: around the wrap as the sequence numbers do. */
static uint32_t peer_clock(void)
{
    return tcp_isn_now.iss;
}

/* Sends a segment whose TSval is the peer's clock + ts. */
static void send_ts(struct tcp_test *tt, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t ts)
{
    uint8_t o[TCP_OPTIONS_MAX_BYTES];
    struct tcp_options opts = {
        .has_timestamps = true, .ts_val = peer_clock() + ts, .ts_ecr = tcp_ts_now(tt->net, 0)};
    size_t len = tcp_options_write(o, &opts);
    inject(tt, .flags = flags, .seq = seq, .ack = ack, .options = (const char *)o,
           .options_len = len);
}

static void config_ts(struct net_config *cfg)
{
    tcp_test_config(cfg);
    cfg->tcp_ts_fixed = true;
    cfg->tcp_ts_start = tcp_isn_now.irs;
}

/* A record whose connection had timestamps; the last was 10, RCV.NXT is 2, SND.NXT is 2. */
static void make_ts_time_wait(struct tcp_test *tt)
{
    struct net_config cfg;
    config_ts(&cfg);
    make_listen_with(tt, &cfg);
    send_ts(tt, TCP_SYN, 0, 0, 0);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    send_ts(tt, TCP_ACK, 1, 1, 1);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_true(timestamps_agreed(tt->t));
    tt_close(tt);
    expect(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    send_ts(tt, TCP_FIN | TCP_ACK, 1, 2, 10);
    expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(time_waits_of(tt->net), 1);
    assert_int_equal(connections_of(tt->net), 1);
}

static bool in_time_wait(const struct tcp_test *tt)
{
    return time_waits_of(tt->net) == 1;
}

/* RFC 6191 2, every row: what the SYN has against what the old connection had. */
static void syn_by_timestamp_and_number(void **state)
{
    enum { NO_TS = UINT8_MAX };
    static const struct {
        bool old_ts;
        uint8_t ts; /* the old connection's last was 10 */
        int32_t seq;
        bool opens;
    } rows[] = {
        {true, 11, 3, true},      {true, 11, -70000, true},     {true, 11, 1, true},
        {true, 10, 3, true},      {true, 10, 2, false},         {true, 10, -70000, false},
        {true, 9, 3, false},      {true, 9, 1000000, false},    {true, NO_TS, 3, true},
        {true, NO_TS, 2, false},  {true, NO_TS, -5, false},     {false, 10, 3, true},
        {false, 9, -70000, true}, {false, NO_TS, 100000, true}, {false, NO_TS, 2, false},
        {false, NO_TS, 1, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tcp_test tt;
        uint32_t seq = (uint32_t)rows[i].seq;
        if (rows[i].old_ts) {
            make_ts_time_wait(&tt);
        } else {
            make_time_wait(&tt);
        }
        if (rows[i].ts == NO_TS) {
            inject(&tt, .flags = TCP_SYN, .seq = seq);
        } else {
            send_ts(&tt, TCP_SYN, seq, 0, rows[i].ts);
        }
        if (in_time_wait(&tt) == rows[i].opens) {
            print_error("row %zu\n", i);
            fail();
        }
        assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reopened"), rows[i].opens);
        if (rows[i].opens) {
            expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .ack = seq + 1);
            inject(&tt, .flags = TCP_ACK, .seq = seq + 1, .ack = NEXT + 1);
            assert_non_null(tcp_accept(tt.listener, NULL, NULL));
        } else {
            expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2); /* a challenge */
        }
        expect_nothing(&tt);
        tcp_test_end(&tt);
    }
}

/* With timestamps left out of the new connection its number alone decides. */
static void timestamps_off_now(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    tt.net->cfg.tcp_off = NET_TCP_OFF_TIMESTAMPS;
    send_ts(&tt, TCP_SYN, 1, 0, 11);
    assert_true(in_time_wait(&tt));
    (void)tcp_test_forget(&tt);
    send_ts(&tt, TCP_SYN, 3, 0, 11);
    assert_false(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* The record must not go before the SYN is taken: with it the old FIN, come again, would be
 * answered by a RST, and old segments would have a clear way. */
static void full_accept_queue_keeps_the_record(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    assert_int_equal(tcp_listen(tt.listener, 1), 0);
    inject(&tt, .flags = TCP_SYN, .sport = 9);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .sport = 9);
    (void)tcp_test_forget(&tt);
    assert_int_equal(accept_count(tt.listener), 1);
    inject(&tt, .flags = TCP_SYN, .seq = 3);
    expect_nothing(&tt);
    assert_true(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_accept_full"), 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reopened"), 0);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    tcp_close(tcp_accept(tt.listener, NULL, NULL));
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 3); /* again */
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .ack = 4);
    tcp_test_end(&tt);
}

/* Nor when the half-open table is full of young records: no cookie, which could lie below the old
 * connection's numbers. */
static void full_half_open_table_keeps_the_record(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    for (uint16_t i = 0; i < 8; i++) {
        inject(&tt, .flags = TCP_SYN, .sport = (uint16_t)(9 + i));
    }
    (void)tcp_test_forget(&tt);
    send_ts(&tt, TCP_SYN, 3, 0, 500);
    expect_nothing(&tt);
    assert_true(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_half_open_full"), 1);
    tcp_test_advance_ms(&tt, 1001); /* they have had their chance */
    (void)tcp_test_forget(&tt);
    send_ts(&tt, TCP_SYN, 3, 0, 1501);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .ack = 4);
    assert_false(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* RFC 7323 5.3: an old duplicate of the FIN is answered, but the time does not begin again. */
static void paws_in_time_wait(void **state)
{
    struct tcp_test tt;
    make_ts_time_wait(&tt);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    send_ts(&tt, TCP_FIN | TCP_ACK, 1, 2, 9);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(tcp_test_count(&tt, "tcp_rx_drop_paws"), 1);
    tcp_test_advance_ms(&tt, 1002);
    assert_false(in_time_wait(&tt));
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* The FIN again, sent later: the time begins anew, and the answer echoes the new timestamp. */
static void fin_again_is_echoed(void **state)
{
    struct tcp_test tt;
    uint8_t want[TCP_OPTIONS_MAX_BYTES];
    make_ts_time_wait(&tt);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    send_ts(&tt, TCP_FIN | TCP_ACK, 1, 2, 60000);
    struct tcp_options o = {.has_timestamps = true,
                            .ts_val = tcp_ts_now(tt.net, tcp_isn_now.irs),
                            .ts_ecr = peer_clock() + 60000};
    size_t len = tcp_options_write(want, &o);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .options = (const char *)want,
           .options_len = len);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 1000);
    assert_true(in_time_wait(&tt));
    send_ts(&tt, TCP_SYN, 3, 0, 59999); /* older than that */
    assert_true(in_time_wait(&tt));
    tcp_test_end(&tt);
}

static struct tcp_time_wait *record_of(const struct tcp_test *tt)
{
    return oldest_time_wait(tt->net);
}

/* What becomes of a segment in TIME-WAIT: the third column of docs/tcp.md's table. */
enum outcome {
    SILENT,  /* dropped without a word */
    STRAY,   /* an ACK, at a rate */
    RESTART, /* an ACK each time, and 2 MSL anew */
    ENDS,    /* the record is gone, without a word */
    OPENS,   /* a SYN-ACK */
};

enum stamp {
    EQUAL, /* the timestamp that came last, when the connection has any */
    OLDER,
    ABSENT, /* none, though the connection has them */
};

enum {
    EDGE = 1 << 28,   /* added to a number: it counts from the window's right edge */
    OLDEST = 1 << 29, /* added to an acknowledgement: it counts from SND.UNA - MAX.SND.WND */
};

struct row {
    uint8_t flags;
    int32_t seq; /* RCV.NXT is 2; EDGE */
    int32_t ack; /* SND.UNA and SND.NXT are 2; OLDEST */
    const char *text;
    enum outcome outcome;
    enum stamp stamp;
};

/* Row by row what docs/tcp.md says. */
static const struct row rows[] = {
    /* A RST: exactly at RCV.NXT, in the window, elsewhere. Nothing else of it counts. */
    {TCP_RST, 2, 0, "", ENDS, EQUAL},
    {TCP_RST, 2, 0, "", ENDS, OLDER},
    {TCP_RST, 2, 0, "", ENDS, ABSENT},
    {TCP_RST, 2, 0, "why", ENDS, EQUAL},
    {TCP_RST | TCP_ACK, 2, 2, "", ENDS, EQUAL},
    {TCP_RST | TCP_ACK, 2, 70000, "", ENDS, EQUAL},
    {TCP_RST | TCP_SYN, 2, 0, "", ENDS, EQUAL},
    {TCP_RST | TCP_FIN | TCP_ACK, 2, 2, "", ENDS, EQUAL},
    {TCP_RST, 3, 0, "", STRAY, EQUAL},
    {TCP_RST, 3, 0, "", STRAY, OLDER},
    {TCP_RST | TCP_SYN, 3, 0, "", STRAY, EQUAL},
    {TCP_RST | TCP_ACK, EDGE - 1, 2, "", STRAY, EQUAL},
    {TCP_RST, EDGE, 0, "", SILENT, EQUAL},
    {TCP_RST, 1, 0, "", SILENT, EQUAL},
    {TCP_RST, 1, 0, "why", SILENT, EQUAL},
    {TCP_RST | TCP_ACK, -70000, 2, "", SILENT, EQUAL},
    /* A SYN that is later opens (syn_by_timestamp_and_number has all of that); else, and with an
     * ACK, wherever it is, it is answered. */
    {TCP_SYN, 3, 0, "", OPENS, EQUAL},
    {TCP_SYN, 3, 0, "text", OPENS, EQUAL},
    {TCP_SYN | TCP_FIN, 3, 0, "", OPENS, EQUAL},
    {TCP_SYN | TCP_URG | TCP_PSH, 3, 0, "", OPENS, EQUAL},
    {TCP_SYN, EDGE + 1000, 0, "", OPENS, EQUAL},
    {TCP_SYN, 2, 0, "", STRAY, EQUAL},
    {TCP_SYN, 1, 0, "", STRAY, EQUAL},
    {TCP_SYN, -70000, 0, "", STRAY, EQUAL},
    {TCP_SYN, 3, 0, "", STRAY, OLDER},
    {TCP_SYN | TCP_FIN, 0, 0, "", STRAY, EQUAL},
    {TCP_SYN | TCP_ACK, 3, 2, "", STRAY, EQUAL},
    {TCP_SYN | TCP_ACK, 0, 1, "", STRAY, EQUAL},
    {TCP_SYN | TCP_ACK, EDGE, 2, "", STRAY, OLDER},
    {TCP_SYN | TCP_FIN | TCP_ACK, 0, 2, "", STRAY, EQUAL},
    /* Without ACK: outside of the window the first step answers, inside the fifth drops. */
    {0, 2, 0, "", SILENT, EQUAL},
    {0, 2, 0, "text", SILENT, EQUAL},
    {TCP_FIN, 2, 0, "", SILENT, EQUAL},
    {TCP_FIN | TCP_PSH | TCP_URG, EDGE - 1, 0, "x", SILENT, EQUAL},
    {0, 1, 0, "", STRAY, EQUAL},
    {TCP_FIN, 1, 0, "", STRAY, EQUAL},
    {TCP_PSH, EDGE, 0, "text", STRAY, EQUAL},
    {TCP_FIN, 2, 0, "", STRAY, OLDER},
    /* An ACK alone: in the window it is what a peer may well send. */
    {TCP_ACK, 2, 2, "", SILENT, EQUAL},
    {TCP_ACK, 2, 2, "", SILENT, ABSENT},
    {TCP_ACK, 2, 1, "", SILENT, EQUAL},
    {TCP_ACK, EDGE - 1, 2, "", SILENT, EQUAL},
    {TCP_ACK, 1, 2, "", STRAY, EQUAL}, /* a keepalive probe */
    {TCP_ACK, EDGE, 2, "", STRAY, EQUAL},
    {TCP_ACK, -70000, 2, "", STRAY, EQUAL},
    {TCP_ACK, 2, 2, "", STRAY, OLDER},
    {TCP_ACK, 2, 3, "", STRAY, EQUAL},
    {TCP_ACK, 2, OLDEST, "", SILENT, EQUAL},
    {TCP_ACK, 2, OLDEST - 1, "", STRAY, EQUAL},
    /* Text. */
    {TCP_ACK, -2, 2, "old", STRAY, EQUAL},
    {TCP_ACK, -70000, 2, "old", STRAY, EQUAL},
    {TCP_ACK | TCP_PSH, 2, 2, "text", STRAY, EQUAL},
    {TCP_ACK | TCP_URG, 2, 2, "text", STRAY, EQUAL},
    {TCP_ACK, 2, 3, "text", STRAY, EQUAL},
    {TCP_ACK, 2, 2, "text", STRAY, OLDER},
    {TCP_ACK, 1, 2, "text", STRAY, EQUAL},
    {TCP_ACK, EDGE, 2, "text", STRAY, EQUAL},
    /* The FIN again, alone and behind its text. */
    {TCP_FIN | TCP_ACK, 1, 2, "", RESTART, EQUAL},
    {TCP_FIN | TCP_ACK, 1, 2, "", RESTART, ABSENT},
    {TCP_FIN | TCP_ACK, 1, 1, "", RESTART, EQUAL},
    {TCP_FIN | TCP_ACK, 1, OLDEST, "", RESTART, EQUAL},
    {TCP_FIN | TCP_ACK | TCP_PSH, -2, 2, "old", RESTART, EQUAL},
    {TCP_FIN | TCP_ACK | TCP_URG, 1, 2, "", RESTART, EQUAL},
    {TCP_FIN | TCP_ACK, 1, 2, "", STRAY, OLDER},
    {TCP_FIN | TCP_ACK, 1, 3, "", STRAY, EQUAL},
    {TCP_FIN | TCP_ACK, 1, OLDEST - 1, "", STRAY, EQUAL},
    /* Another FIN. */
    {TCP_FIN | TCP_ACK, 0, 2, "", STRAY, EQUAL},
    {TCP_FIN | TCP_ACK, 2, 2, "", STRAY, EQUAL},
    {TCP_FIN | TCP_ACK, 3, 2, "", STRAY, EQUAL},
    {TCP_FIN | TCP_ACK, EDGE, 2, "", STRAY, EQUAL},
};

static void send_row(struct tcp_test *tt, const struct row *r)
{
    uint8_t o[TCP_OPTIONS_MAX_BYTES];
    const struct tcp_time_wait *w = record_of(tt);
    struct tcp_options opts = {.has_timestamps = w->node.timestamps && r->stamp != ABSENT,
                               .ts_val = w->ts_recent - (r->stamp == OLDER)};
    uint32_t seq = (uint32_t)r->seq;
    uint32_t ack = (uint32_t)r->ack;
    if (r->seq > EDGE / 2) {
        seq += 2 + ((uint32_t)w->node.window << w->rcv_wscale) - EDGE;
    }
    if (r->ack > OLDEST / 2) {
        ack += 2 - w->max_snd_wnd - OLDEST;
    }
    inject(tt, .flags = r->flags, .seq = seq, .ack = ack, .options = (const char *)o,
           .options_len = tcp_options_write(o, &opts), .data = r->text);
}

/* Twice in a row: whether it is answered, how often, and what it leaves. */
static void check_row(struct tcp_test *tt, const struct row *r)
{
    static const size_t answers[] = {
        [SILENT] = 0, [STRAY] = 1, [RESTART] = 2, [ENDS] = 0, [OPENS] = 1};
    tcp_test_advance_ms(tt, TCP_MSL_DEFAULT_MS);
    send_row(tt, r);
    if (r->outcome == STRAY || r->outcome == RESTART) {
        expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    } else if (r->outcome == OPENS) {
        expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = NEXT, .any_ack = true);
    }
    expect_nothing(tt);
    assert_int_equal(tcp_test_count(tt, "tcp_time_wait_reset"), r->outcome == ENDS);
    assert_int_equal(tcp_test_count(tt, "tcp_time_wait_reopened"), r->outcome == OPENS);
    if (r->outcome == ENDS || r->outcome == OPENS) {
        assert_false(in_time_wait(tt));
        return;
    }
    assert_true(in_time_wait(tt));
    send_row(tt, r);
    assert_int_equal(tcp_test_forget(tt), answers[r->outcome] - (answers[r->outcome] > 0));
    tcp_test_advance_ms(tt, TCP_MSL_DEFAULT_MS + 1);
    assert_int_equal(in_time_wait(tt), r->outcome == RESTART);
    tcp_test_advance_ms(tt, TCP_MSL_DEFAULT_MS);
    assert_false(in_time_wait(tt));
}

/* RFC 9293 3.10.7.4, each step for each kind of segment, with timestamps and without. */
static void every_segment(void **state)
{
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i / 2];
        bool timestamps = i % 2 == 1;
        struct tcp_test tt;
        if (!timestamps && r->stamp != EQUAL) {
            continue;
        }
        print_message("row %zu: flags %02x seq %d ack %d \"%s\"%s\n", i / 2, r->flags, r->seq,
                      r->ack, r->text, timestamps ? ", timestamps" : "");
        if (timestamps) {
            make_ts_time_wait(&tt);
        } else {
            make_time_wait(&tt);
        }
        check_row(&tt, r);
        tcp_test_end(&tt);
    }
}

/* The window that our last ACK told of may be scaled; a RST in it is in it. */
static void the_window_is_scaled(void **state)
{
    static const char offer[] = {2, 4, 5, (char)0xb4, 1, 3, 3, 7};
    struct tcp_test tt;
    make_listen(&tt);
    tt_handshake(&tt, offer, sizeof(offer), TT_WND);
    assert_true(rcv_wscale(tt.t) > 0);
    tt_close(&tt);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    const struct tcp_time_wait *w = record_of(&tt);
    uint32_t edge = 2 + ((uint32_t)w->node.window << w->rcv_wscale);
    assert_true(edge > 60000); /* of a buffer of 64 KiB */
    inject(&tt, .flags = TCP_RST, .seq = edge);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_RST, .seq = edge - 1);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .wnd = w->node.window);
    assert_true(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-66: with a window of nothing an ACK and a RST at RCV.NXT are taken all the same. */
static void the_window_is_shut(void **state)
{
    struct tcp_test tt;
    struct net_config cfg;
    enum { FULL = TCP_BUF_MIN_BYTES, NXT = 1 + FULL + 1 };
    tcp_test_config(&cfg);
    cfg.limits.tcp_rcvbuf_bytes = FULL;
    cfg.limits.tcp_rcvbuf_max_bytes = FULL;
    make_listen_with(&tt, &cfg);
    tt_handshake(&tt, "", 0, TT_WND);
    assert_int_equal(tcp_shutdown(tt.t, TCP_SHUT_WR), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .len = FULL / 2);
    inject(&tt, .flags = TCP_ACK | TCP_FIN, .seq = 1 + FULL / 2, .ack = 2, .len = FULL / 2);
    (void)tcp_test_forget(&tt);
    assert_int_equal(record_of(&tt)->node.window, 0);
    assert_int_equal(record_of(&tt)->rcv_nxt, tt.irs + NXT);
    inject(&tt, .flags = TCP_ACK, .seq = NXT, .ack = 2);
    inject(&tt, .flags = TCP_RST, .seq = NXT + 1);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = NXT + 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = NXT, .wnd = -1);
    inject(&tt, .flags = TCP_RST, .seq = NXT);
    assert_false(in_time_wait(&tt));
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-48, MUST-49: each kind of answer goes with what the owner chose. */
static void answers_have_the_owners_tos(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_TOS, 0x28), 0);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_TTL, 7), 0);
    tt_close(&tt);
    expect(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1, .tos = 0x28);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .tos = 0x28);
    assert_int_equal(record_of(&tt)->ttl, 7);
    inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .tos = 0x28, .ttl = 7);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2, .data = "stray");
    expect(&tt, .flags = TCP_ACK, .seq = 2, .ack = 2, .tos = 0x28, .ttl = 7);
    tcp_test_end(&tt);
}

/* A client as Linux is: what its SYN says, against the connection before of the same tuple. */
struct client {
    bool timestamps;
    int32_t clock; /* its timestamps count from here */
    int32_t isn;
};

static void send_client(struct tcp_test *tt, const struct client *c, uint8_t flags, uint32_t seq,
                        uint32_t ack)
{
    uint8_t o[TCP_OPTIONS_MAX_BYTES];
    struct tcp_options opts = {.has_timestamps = c->timestamps,
                               .ts_val = peer_clock() + (uint32_t)c->clock +
                                         (uint32_t)(tt->f.now_ns / NS_PER_MS)};
    inject(tt, .flags = flags, .seq = (uint32_t)c->isn + seq, .ack = ack,
           .options = (const char *)o, .options_len = tcp_options_write(o, &opts));
}

/*
 * Connects as RFC 9293 3.10.7.3 has it and Linux does: an ACK that is not of its SYN gets a RST at
 * that number, and the SYN goes again after its timer. Then the server closes first. Returns how
 * often the SYN had to be sent again.
 */
static uint32_t come_and_go(struct tcp_test *tt, const struct client *c)
{
    uint32_t again = 0;
    struct frame fr;
    for (send_client(tt, c, TCP_SYN, 0, 0); again < 6; send_client(tt, c, TCP_SYN, 0, 0)) {
        assert_true(fixture_pop(&tt->f, &fr));
        if (fr.bytes[33] == (TCP_SYN | TCP_ACK)) {
            break;
        }
        assert_int_equal(fr.bytes[33], TCP_ACK);
        uint32_t acked = load_be32(fr.bytes + 28);
        inject(tt, .flags = TCP_RST, .seq = acked, .absolute = true);
        expect_nothing(tt);
        again++;
        tcp_test_advance_ms(tt, 1000);
    }
    tt->iss = load_be32(fr.bytes + 24);
    send_client(tt, c, TCP_ACK, 1, 1);
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    tt_close(tt);
    send_client(tt, c, TCP_FIN | TCP_ACK, 1, 2);
    (void)tcp_test_forget(tt);
    assert_int_equal(time_waits_of(tt->net), 1);
    tcp_test_advance_ms(tt, 500);
    return again;
}

/* Hosts behind one address use one port of it, one after the other. None waits for longer than one
 * timer of its SYN, whatever its clock and its numbers are. */
static void clients_behind_one_address(void **state)
{
    static const struct client clients[] = {
        {true, 1000, 0},        {true, -2000000, 5000},  {true, 900000, -700000},
        {false, 0, -900000},    {false, 0, -2000000},    {true, -500, -2500000},
        {true, -60000, 700000}, {true, -60000, 1700000},
    };
    static const uint32_t again[ARRAY_SIZE(clients)] = {0, 1, 0, 1, 1, 0, 1, 0};
    struct tcp_test tt;
    struct net_config cfg;
    config_ts(&cfg);
    make_listen_with(&tt, &cfg);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        print_message("client %zu\n", i);
        assert_int_equal(come_and_go(&tt, &clients[i]), again[i]);
    }
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reset"), 4);
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reopened"), 3);
    tcp_test_end(&tt);
}

/* Thousands of records end in one millisecond: a part of them in each net_poll, and frames are
 * answered in between. */
static void thousands_end_in_turns(void **state)
{
    enum { RECORDS = 5000 };
    struct tcp_test tt;
    struct net_config cfg;
    tcp_test_config(&cfg);
    cfg.limits.tcp_time_wait = RECORDS;
    make_listen_with(&tt, &cfg);
    for (uint16_t i = 0; i < RECORDS; i++) {
        tt.rport = (uint16_t)(10000 + i);
        tt_handshake(&tt, "", 0, TT_WND);
        tt_close(&tt);
        inject(&tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
        (void)tcp_test_forget(&tt);
    }
    assert_int_equal(time_waits_of(tt.net), RECORDS);
    tt.f.now_ns += 2 * tcp_ms(TCP_MSL_DEFAULT_MS) + tcp_ms(2);
    uint32_t polls = 0;
    for (uint32_t left = RECORDS; left > 0; polls++) {
        uint64_t next_ns = net_poll(tt.net, tt.f.now_ns);
        uint32_t ended = left - time_waits_of(tt.net);
        assert_in_range(ended, 1, TCP_TIME_WAITS_PER_TURN);
        left -= ended;
        assert_true(left == 0 || next_ns <= tt.f.now_ns); /* the rest is due already */
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .dport = 81);
        expect(&tt, .flags = TCP_RST, .seq = 1);
    }
    assert_true(polls >= RECORDS / TCP_TIME_WAITS_PER_TURN);
    tcp_test_end(&tt);
}

static struct tcp_cb *own_connect(struct tcp_test *tt, int want)
{
    struct tcp_cb *t = tcp_create(tt->net, NULL, NULL);
    assert_non_null(t);
    assert_int_equal(tcp_bind(t, 0, OWN_PORT, true), 0);
    tt->net->now_ns = tt->f.now_ns;
    assert_int_equal(tcp_connect(t, FIXTURE_PEER, tt->rport), want);
    return t;
}

/* A connection of our own from OWN_PORT, closed by us first. */
static void own_time_wait(struct tcp_test *tt, bool timestamps)
{
    struct net_config cfg;
    config_ts(&cfg);
    tcp_test_begin(tt, &cfg);
    tt->lport = OWN_PORT;
    tt->t = own_connect(tt, -EINPROGRESS);
    expect(tt, .flags = TCP_SYN, .seq = 0);
    if (timestamps) {
        send_ts(tt, TCP_SYN | TCP_ACK, 0, 1, 0);
    } else {
        inject(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    }
    expect(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    tt_close(tt);
    expect(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    if (timestamps) {
        send_ts(tt, TCP_FIN | TCP_ACK, 1, 2, 10);
    } else {
        inject(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    }
    expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_true(in_time_wait(tt));
    assert_int_equal(connections_of(tt->net), 0);
}

/* RFC 6191 for connections of our own: after a second, with timestamps. */
static void we_connect_again(void **state)
{
    struct tcp_test tt;
    own_time_wait(&tt, true);
    tcp_test_advance_ms(&tt, TCP_TIME_WAIT_REUSE_MS - 1);
    tcp_close(own_connect(&tt, -EADDRNOTAVAIL));
    assert_true(in_time_wait(&tt));
    tcp_test_advance_ms(&tt, 3);
    tt.t = own_connect(&tt, -EINPROGRESS);
    assert_false(in_time_wait(&tt));
    assert_int_equal(tcp_test_count(&tt, "tcp_time_wait_reused"), 1);
    expect(&tt, .flags = TCP_SYN, .seq = NEXT);
    /* The peer is in LAST-ACK still, where our ACK was lost: a challenge, our RST, the SYN again.
     */
    send_ts(&tt, TCP_ACK, 2, 2, 2000);
    expect(&tt, .flags = TCP_RST, .seq = 2);
    expect(&tt, .flags = TCP_SYN, .seq = NEXT);
    send_ts(&tt, TCP_SYN | TCP_ACK, 70000, NEXT + 1, 3000);
    expect(&tt, .flags = TCP_ACK, .seq = NEXT + 1, .ack = 70001);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    tcp_test_end(&tt);
}

static void we_do_not_without_timestamps(void **state)
{
    struct tcp_test tt;
    own_time_wait(&tt, false);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 100);
    tcp_close(own_connect(&tt, -EADDRNOTAVAIL));
    tcp_test_advance_ms(&tt, 101);
    assert_false(in_time_wait(&tt));
    tt.t = own_connect(&tt, -EINPROGRESS);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syn_by_timestamp_and_number),
        cmocka_unit_test(timestamps_off_now),
        cmocka_unit_test(full_accept_queue_keeps_the_record),
        cmocka_unit_test(full_half_open_table_keeps_the_record),
        cmocka_unit_test(paws_in_time_wait),
        cmocka_unit_test(fin_again_is_echoed),
        cmocka_unit_test(every_segment),
        cmocka_unit_test(the_window_is_scaled),
        cmocka_unit_test(the_window_is_shut),
        cmocka_unit_test(answers_have_the_owners_tos),
        cmocka_unit_test(clients_behind_one_address),
        cmocka_unit_test(thousands_end_in_turns),
        cmocka_unit_test(we_connect_again),
        cmocka_unit_test(we_do_not_without_timestamps),
    };
    return tcp_run_all(tests);
}
