/*
 * SYN-RECEIVED after a passive open: what a half-open record answers to what (RFC 9293 3.10.7.4,
 * RFC 5961, RFC 7323 5.3; the table in docs/tcp.md). Its timers, and how it makes room, are in
 * test_tcp_open.c; what is answered without a record, by a cookie, in test_tcp_cookie.c.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

enum outcome {
    SILENT,  /* dropped without a word */
    ACK,     /* an ACK, TCP_HALF_ACKS_MAX between two SYN-ACKs */
    SYN_ACK, /* the SYN-ACK again */
    RESET,   /* a RST at the number that was acknowledged; the record stays */
    GONE,    /* the record is gone, without a word: back to LISTEN */
    OPENS,
};

enum stamp {
    EQUAL, /* the SYN's timestamp, when it had one */
    OLDER,
    ABSENT, /* none, though the SYN had one */
};

enum {
    PEER_TS = 5000,
    EDGE = 1 << 28, /* added to a number: it counts from the window's right edge */
};

struct row {
    uint8_t flags;
    int32_t seq; /* RCV.NXT is 1 */
    int32_t ack; /* 1 is our SYN's */
    const char *text;
    enum outcome outcome;
    enum stamp stamp;
};

/* Row by row what docs/tcp.md says. */
static const struct row rows[] = {
    /* The SYN again, whatever comes with it. */
    {TCP_SYN, 0, 0, "", SYN_ACK, EQUAL},
    {TCP_SYN, 0, 0, "", SYN_ACK, OLDER},
    {TCP_SYN, 0, 0, "", SYN_ACK, ABSENT},
    {TCP_SYN | TCP_FIN, 0, 0, "text", SYN_ACK, EQUAL},
    /* Another SYN, or one with an ACK. */
    {TCP_SYN, 5, 0, "", GONE, EQUAL},
    {TCP_SYN, EDGE - 1, 0, "", GONE, EQUAL},
    {TCP_SYN | TCP_ACK, 5, 1, "", GONE, EQUAL},
    {TCP_SYN, EDGE, 0, "", ACK, EQUAL},
    {TCP_SYN, -5, 0, "a text that ends in the window", ACK, EQUAL},
    {TCP_SYN, -70000, 0, "", ACK, EQUAL},
    {TCP_SYN, 5, 0, "", ACK, OLDER},
    {TCP_SYN | TCP_ACK, 0, 1, "", ACK, EQUAL},
    {TCP_SYN | TCP_ACK, 0, 1, "text", ACK, EQUAL},
    /* A RST: exactly at RCV.NXT, in the window, elsewhere. */
    {TCP_RST, 1, 0, "", GONE, EQUAL},
    {TCP_RST, 1, 0, "", GONE, OLDER},
    {TCP_RST, 1, 0, "why", GONE, EQUAL},
    {TCP_RST | TCP_ACK, 1, 1, "", GONE, EQUAL},
    {TCP_RST | TCP_ACK, 1, 70000, "", GONE, EQUAL},
    {TCP_RST | TCP_SYN, 1, 0, "", GONE, EQUAL},
    {TCP_RST, 2, 0, "", ACK, EQUAL},
    {TCP_RST, 2, 0, "", ACK, OLDER},
    {TCP_RST | TCP_ACK, EDGE - 1, 1, "", ACK, EQUAL},
    {TCP_RST, EDGE, 0, "", SILENT, EQUAL},
    {TCP_RST, 0, 0, "", SILENT, EQUAL},
    {TCP_RST | TCP_SYN, 0, 0, "", SILENT, EQUAL},
    {TCP_RST | TCP_ACK, -70000, 1, "why", SILENT, EQUAL},
    /* Without ACK: outside of the window the first step answers, inside the fifth drops. */
    {0, 1, 0, "", SILENT, EQUAL},
    {0, 1, 0, "text", SILENT, EQUAL},
    {TCP_FIN | TCP_PSH | TCP_URG, 1, 0, "", SILENT, EQUAL},
    {0, 0, 0, "", ACK, EQUAL},
    {TCP_FIN, EDGE + 1, 0, "text", ACK, EQUAL},
    {TCP_FIN, 1, 0, "", ACK, OLDER},
    /* With ACK: only that of our SYN, from within the window. */
    {TCP_ACK, 1, 1, "", OPENS, EQUAL},
    {TCP_ACK, 1, 1, "", OPENS, ABSENT},
    {TCP_ACK | TCP_URG, 1, 1, "", OPENS, EQUAL},
    {TCP_ACK | TCP_PSH, 1, 1, "text", OPENS, EQUAL},
    {TCP_ACK | TCP_FIN, 1, 1, "", OPENS, EQUAL},
    {TCP_ACK, 5, 1, "", OPENS, EQUAL},
    {TCP_ACK, EDGE, 1, "", OPENS, EQUAL},
    {TCP_ACK, 0, 1, "text", OPENS, EQUAL},
    {TCP_ACK, 1, 0, "", RESET, EQUAL},
    {TCP_ACK, 1, 2, "", RESET, EQUAL},
    {TCP_ACK | TCP_FIN, 1, 70000, "text", RESET, EQUAL},
    {TCP_ACK, 1, 1, "", ACK, OLDER},
    {TCP_ACK, 0, 1, "", ACK, EQUAL},
    {TCP_ACK, -3, 1, "old", ACK, EQUAL},
    {TCP_ACK, EDGE + 1, 1, "", ACK, EQUAL},
    {TCP_ACK | TCP_FIN, -70000, 1, "", ACK, EQUAL},
    {TCP_ACK, EDGE + 1, 0, "", ACK, EQUAL},
};

static const char *timestamp(uint32_t value, size_t *len)
{
    static uint8_t o[TCP_OPTIONS_MAX_BYTES];
    struct tcp_options opts = {.has_timestamps = true, .ts_val = value};
    *len = tcp_options_write(o, &opts);
    return (const char *)o;
}

static void make_record(struct tcp_test *tt, bool timestamps)
{
    size_t len = 0;
    make_listen(tt);
    const char *o = timestamp(PEER_TS, &len);
    inject(tt, .flags = TCP_SYN, .options = o, .options_len = timestamps ? len : 0);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(half_opens_of(tt->net), 1);
}

static void send_row(struct tcp_test *tt, const struct row *r, bool timestamps)
{
    size_t len = 0;
    uint32_t seq = (uint32_t)r->seq;
    if (r->seq > EDGE / 2) {
        seq += 1 + TCP_WINDOW_FIELD_MAX - EDGE;
    }
    const char *o = timestamp(PEER_TS - (r->stamp == OLDER), &len);
    inject(tt, .flags = r->flags, .seq = seq, .ack = (uint32_t)r->ack, .options = o,
           .options_len = timestamps && r->stamp != ABSENT ? len : 0, .data = r->text);
}

static void check_row(struct tcp_test *tt, const struct row *r, bool timestamps)
{
    send_row(tt, r, timestamps);
    if (r->outcome == ACK) {
        expect(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    } else if (r->outcome == SYN_ACK) {
        expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    } else if (r->outcome == RESET) {
        expect(tt, .flags = TCP_RST, .seq = (uint32_t)r->ack);
    } else if (r->outcome != OPENS) {
        expect_nothing(tt);
    }
    struct tcp_cb *t = tcp_accept(tt->listener, NULL, NULL);
    assert_int_equal(t != NULL, r->outcome == OPENS);
    bool stays = r->outcome != GONE && r->outcome != OPENS;
    assert_int_equal(half_opens_of(tt->net), stays);
    if (r->outcome == ACK) { /* a bounded number of them */
        for (int i = 0; i < 50; i++) {
            send_row(tt, r, timestamps);
        }
        assert_int_equal(tcp_test_forget(tt), TCP_HALF_ACKS_MAX - 1);
    }
    if (stays) { /* the handshake goes on */
        inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
        assert_non_null(tcp_accept(tt->listener, NULL, NULL));
    }
}

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
        make_record(&tt, timestamps);
        check_row(&tt, r, timestamps);
        tcp_test_end(&tt);
    }
}

/* A client that began anew, with another number: it hears of the record, its RST is believed, its
 * SYN, sent again by its timer, opens. */
static void a_client_begins_anew(void **state)
{
    struct tcp_test tt;
    make_record(&tt, true);
    inject(&tt, .flags = TCP_SYN, .seq = 2000000);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    inject(&tt, .flags = TCP_RST, .seq = 1);
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_SYN, .seq = 2000000);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 2000001);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-48, MUST-49: each kind of answer goes with what the listener's owner chose. */
static void answers_have_the_listeners_tos(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    assert_int_equal(tcp_set_opt(tt.listener, TCP_OPT_TOS, 0x28), 0);
    assert_int_equal(tcp_set_opt(tt.listener, TCP_OPT_TTL, 7), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 9); /* LISTEN's own */
    expect(&tt, .flags = TCP_RST, .seq = 9, .tos = 0x28, .ttl = 7);
    inject(&tt, .flags = TCP_SYN);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .tos = 0x28, .ttl = 7);
    inject(&tt, .flags = TCP_RST, .seq = 2);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .tos = 0x28, .ttl = 7);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 9);
    expect(&tt, .flags = TCP_RST, .seq = 9, .tos = 0x28, .ttl = 7);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_segment),
        cmocka_unit_test(a_client_begins_anew),
        cmocka_unit_test(answers_have_the_listeners_tos),
    };
    return tcp_run_all(tests);
}
