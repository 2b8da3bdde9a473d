/*
 * One TCP under test and a peer made of frames, in virtual time. Numbers are relative: seq counts
 * from the peer's SYN (0), ack from ours, so that a test reads the same for every pair of initial
 * sequence numbers, and each program runs all of its tests for several pairs around the wrap.
 *
 *     struct tcp_test tt;
 *     make_established(&tt);
 *     inject(&tt, .flags = TCP_ACK | TCP_PSH, .seq = 1, .ack = 1, .data = "hello");
 *     tcp_test_advance_ms(&tt, 40);
 *     expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 6);
 *     expect_nothing(&tt);
 *     tcp_test_end(&tt);               every packet and record must be home
 */
#ifndef TESTS_UNIT_TCP_FIXTURE_H
#define TESTS_UNIT_TCP_FIXTURE_H

#include "tests/unit/net_fixture.h"
#include "tests/unit/tcp_see.h"

enum {
    TT_PORT = 80,        /* of our listener */
    TT_PEER_PORT = 4000, /* of the peer */
    TT_MSS = 1460,
    TT_WND = 65535,
};

struct tcp_test {
    struct net_fixture f;
    struct net *net;
    struct tcp_cb *listener;
    struct tcp_cb *t; /* the connection; NULL when it was closed */
    uint32_t iss;     /* ours */
    uint32_t irs;     /* the peer's */
    uint16_t lport;   /* our side's port of the connection */
    uint16_t rport;   /* the peer's */
    uint32_t ready;   /* bits told since last cleared */
    uint32_t ready_calls;
    uint32_t listen_ready;
    uint32_t peer_wnd;    /* what inject puts into the window field unless told */
    uint32_t hold_output; /* keep so many packets "in the driver" instead of sending them */
    struct pkt_queue held;
};

/* What inject sends and expect wants. Unset fields of inject: our own address and port, the peer's
 * window. Unset fields of expect: not looked at, except flags, seq, ack and length. */
struct tcp_want {
    uint8_t flags;
    uint32_t seq;
    uint32_t ack;
    const char *data; /* inject: payload; expect: compared */
    size_t len;       /* payload of len bytes pattern(seq) when data is NULL */
    int32_t
        wnd; /* the field; inject: 0 = the peer's usual, -1 = zero. expect: 0 = any, -1 = zero */
    const char *options; /* raw bytes */
    size_t options_len;
    bool absolute;     /* seq and ack are absolute */
    bool any_ack;      /* expect: ack not looked at */
    bool bad_checksum; /* inject */
    uint8_t offset;    /* inject: data offset field in words; 0 = right */
    uint16_t urgent;   /* inject */
    uint8_t reserved;  /* inject: reserved bits */
    uint8_t tos;       /* of the IP header, both ways */
    uint8_t ttl;       /* expect: 0 = any */
    uint32_t src, dst; /* inject: 0 = usual */
    uint16_t sport, dport;
};

/* The pairs of initial sequence numbers; the program's main runs the tests for each. */
struct tcp_isn_pair {
    uint32_t iss;
    uint32_t irs;
};
extern const struct tcp_isn_pair tcp_isn_pairs[];
extern const size_t tcp_isn_pair_count;
extern struct tcp_isn_pair tcp_isn_now;
/* Runs tests for every pair: the sum of what failed. */
#define tcp_run_all(tests) tcp_run_pairs(#tests, tests, ARRAY_SIZE(tests))
struct CMUnitTest;
int tcp_run_pairs(const char *name, const struct CMUnitTest *tests, size_t count);

void tcp_test_config(struct net_config *cfg);
void tcp_test_begin(struct tcp_test *tt, const struct net_config *cfg); /* cfg NULL: the usual */
/* Ends the stack; fails when a packet is not home. */
void tcp_test_end(struct tcp_test *tt);
/* The same for a test that leaves its connection open: it is reset, its listener closed. */
void tcp_test_abort(struct tcp_test *tt);
void tcp_test_advance_ms(struct tcp_test *tt, uint64_t ms);
uint64_t tcp_test_count(const struct tcp_test *tt, const char *counter);
/* The content of the stream at a relative sequence number, for payload without text. */
uint8_t tcp_test_pattern(uint32_t seq);
void tcp_test_fill(uint8_t *out, uint32_t seq, size_t len);

void tcp_inject(struct tcp_test *tt, const struct tcp_want *w);
#define inject(tt, ...) tcp_inject((tt), &(struct tcp_want){__VA_ARGS__})

void tcp_expect(struct tcp_test *tt, const struct tcp_want *w, const char *file, int line);
#define expect(tt, ...) tcp_expect((tt), &(struct tcp_want){__VA_ARGS__}, __FILE__, __LINE__)
void tcp_expect_nothing(struct tcp_test *tt, const char *file, int line);
#define expect_nothing(tt) tcp_expect_nothing((tt), __FILE__, __LINE__)
/* The segments that wait to be looked at are forgotten; returns how many. */
size_t tcp_test_forget(struct tcp_test *tt);

/* Socket calls with the clock set. */
ptrdiff_t tt_send(struct tcp_test *tt, const char *text);
ptrdiff_t tt_send_bytes(struct tcp_test *tt, size_t len, uint32_t seq); /* pattern from seq */
/* Reads everything there is and compares it. */
void tcp_expect_read(struct tcp_test *tt, const char *text, const char *file, int line);
#define expect_read(tt, text) tcp_expect_read((tt), (text), __FILE__, __LINE__)
void tt_close(struct tcp_test *tt);

/* Constructors: one for each state; begin from nothing (or after make_begin). All leave no segment
 * waiting. The connection's stream is at seq 1, ack 1. */
void make_listen(struct tcp_test *tt);
void make_half_open(struct tcp_test *tt); /* SYN-RECEIVED, passive */
void make_syn_sent(struct tcp_test *tt);
void make_syn_received(struct tcp_test *tt); /* simultaneous open */
void make_established(struct tcp_test *tt);  /* passive, accepted */
void make_established_active(struct tcp_test *tt);
void make_fin_wait_1(struct tcp_test *tt);
void make_fin_wait_2(struct tcp_test *tt);
void make_close_wait(struct tcp_test *tt); /* the peer's FIN was number 1 */
void make_closing(struct tcp_test *tt);
void make_last_ack(struct tcp_test *tt);
void make_time_wait(struct tcp_test *tt); /* owner gone: a record alone */

/* The same with a configuration of one's own, for the first steps. */
void make_listen_with(struct tcp_test *tt, const struct net_config *cfg);
/* Handshake from LISTEN; options go on the SYN, wnd on its ACK. */
void tt_handshake(struct tcp_test *tt, const char *options, size_t options_len, uint16_t wnd);

#endif
