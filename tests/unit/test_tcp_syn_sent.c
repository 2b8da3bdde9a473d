/*
 * SYN-SENT and what comes of two SYNs that cross: text and FIN that came with the peer's SYN (RFC
 * 9293 3.10.7.3), answers to what is wrong, errors that are noted. The plain openings are in
 * test_tcp_open.c.
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

#include "kernel/bytes.h"

#include <errno.h>

enum {
    END = 1 + 5, /* behind "early" */
};

/* SYN-RECEIVED, with "early" and perhaps a FIN behind the peer's SYN. */
static void cross_with_text(struct tcp_test *tt, uint8_t fin)
{
    make_syn_sent(tt);
    inject(tt, .flags = TCP_SYN | fin, .seq = 0, .data = "early");
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    expect_nothing(tt);
    assert_int_equal(state_of(tt->t), TCP_SYN_RECEIVED);
    char c;
    assert_int_equal(tcp_recv(tt->t, &c, 1, 0), -EAGAIN); /* not before it is open */
    tt->ready = 0;
}

/* The peer's next segment, whichever it is, opens; then the text is there, and acknowledged. */
static void text_waits_until_open(void **state)
{
    static const struct {
        uint8_t flags;
        uint32_t seq;
        const char *text;
        const char *read;
    } openers[] = {
        {TCP_ACK, END, "", "early"},              /* the peer goes on behind that */
        {TCP_ACK, 1, "", "early"},                /* or has forgotten it */
        {TCP_ACK, 1, "early", "early"},           /* or sends it again */
        {TCP_ACK, END, " bird", "early bird"},    /* and more */
        {TCP_SYN | TCP_ACK, 0, "", "early"},      /* its SYN-ACK, RFC 9293 figure 7 */
        {TCP_SYN | TCP_ACK, 0, "early", "early"}, /* with its data again */
    };
    for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
        struct tcp_test tt;
        print_message("opener %zu\n", i);
        cross_with_text(&tt, 0);
        inject(&tt, .flags = openers[i].flags, .seq = openers[i].seq, .ack = 1,
               .data = openers[i].text);
        assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
        assert_true((tt.ready & NET_READY_IN) != 0);
        expect_read(&tt, openers[i].read);
        tcp_test_advance_ms(&tt, TCP_DELACK_MS + 1);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1 + (uint32_t)strlen(openers[i].read));
        expect_nothing(&tt);
        tcp_test_end(&tt);
    }
}

static void fin_waits_until_open(void **state)
{
    for (unsigned with_text = 0; with_text < 2; with_text++) {
        struct tcp_test tt;
        if (with_text) {
            cross_with_text(&tt, TCP_FIN);
        } else {
            make_syn_sent(&tt);
            inject(&tt, .flags = TCP_SYN | TCP_FIN, .seq = 0);
            expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
        }
        uint32_t end = with_text ? END + 1 : 2;
        inject(&tt, .flags = TCP_ACK, .seq = end, .ack = 1);
        expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = end);
        expect_nothing(&tt);
        assert_int_equal(state_of(tt.t), TCP_CLOSE_WAIT);
        expect_read(&tt, with_text ? "early" : "");
        expect_read(&tt, "");
        tcp_test_end(&tt);
    }
}

/* One packet for a connection, however often the SYN comes; it goes with the connection, or with
 * the stack. */
static void what_waits_is_bounded(void **state)
{
    struct tcp_test tt;
    cross_with_text(&tt, 0);
    uint32_t used = tt.f.rx.used;
    for (int i = 0; i < 20; i++) {
        inject(&tt, .flags = TCP_SYN, .seq = 0, .data = "other");
        assert_true(tcp_test_forget(&tt) <= 1);
    }
    assert_int_equal(tt.f.rx.used, used);
    inject(&tt, .flags = TCP_RST, .seq = 1);
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_true(tt.f.rx.used < used);
    tcp_test_end(&tt);
    cross_with_text(&tt, 0);
    tcp_test_end(&tt);
}

/* The owner went before it was open: the data will not be read, and the peer is told. */
static void text_for_nobody(void **state)
{
    struct tcp_test tt;
    cross_with_text(&tt, 0);
    tt_close(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = END, .ack = 1);
    expect(&tt, .flags = TCP_RST | TCP_ACK, .any_ack = true, .seq = 1);
    assert_int_equal(connections_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* RFC 9293 3.9.2.2, RFC 5461: what a router says of a SYN's way, but for "unreachable", is
 * noted and told when the attempt is given up. */
static void noted_errors_are_told_at_the_end(void **state)
{
    static const uint8_t types[] = {ICMP_TIME_EXCEEDED, ICMP_PARAMETER};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct tcp_test tt;
        make_syn_sent(&tt);
        struct icmp_error e = {.type = types[i],
                               .quoted_src = FIXTURE_ADDR,
                               .quoted_dst = FIXTURE_PEER,
                               .quoted_protocol = IP_PROTO_TCP};
        store_be16(e.quoted, tt.lport);
        store_be16(e.quoted + 2, tt.rport);
        store_be32(e.quoted + 4, tt.iss);
        tcp_icmp_error(tt.net, &e);
        assert_int_equal(state_of(tt.t), TCP_SYN_SENT);
        assert_int_equal(tcp_take_error(tt.t), 0);
        tcp_test_advance_ms(&tt, 200 * 1000);
        assert_int_equal(state_of(tt.t), TCP_CLOSED);
        assert_int_equal(tcp_take_error(tt.t), EHOSTUNREACH);
        (void)tcp_test_forget(&tt);
        tcp_test_end(&tt);
    }
}

/* RFC 9293 MUST-48, MUST-49: a RST to a wrong answer goes with what the owner chose as well. */
static void resets_have_the_owners_tos(void **state)
{
    for (unsigned crossed = 0; crossed < 2; crossed++) {
        struct tcp_test tt;
        make_syn_sent(&tt);
        assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_TOS, 0x28), 0);
        assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_TTL, 7), 0);
        if (crossed) {
            inject(&tt, .flags = TCP_SYN, .seq = 0);
            expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1, .tos = 0x28, .ttl = 7);
        }
        inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 9);
        expect(&tt, .flags = TCP_RST, .seq = 9, .tos = 0x28, .ttl = 7);
        tcp_test_end(&tt);
    }
}

/* The peer knows of an old connection with these names, in TIME-WAIT or of a host that began anew,
 * and says so: our RST ends it, and the SYN comes again behind it, once, and was not lost. */
static void wrong_ack_repeats_the_syn(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    tcp_test_advance_ms(&tt, 600);
    inject(&tt, .flags = TCP_RST | TCP_ACK, .seq = 0, .ack = 9); /* a RST is not answered */
    expect_nothing(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 5, .ack = 9);
    expect(&tt, .flags = TCP_RST, .seq = 9);
    expect(&tt, .flags = TCP_SYN, .seq = 0);
    for (int i = 0; i < 3; i++) {
        inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 5, .ack = 9);
        expect(&tt, .flags = TCP_RST, .seq = 9);
        expect_nothing(&tt);
    }
    tcp_test_advance_ms(&tt, 990); /* its timer has begun anew */
    expect_nothing(&tt);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    expect(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
    assert_int_equal(srtt_us8(tt.t), 0); /* Karn: of which of the two? */
    assert_int_equal(rto_us(tt.t), TCP_RTO_INITIAL_MS * US_PER_MS);
    assert_true(cwnd_of(tt.t) > (uint32_t)2 * snd_mss(tt.t));
    tcp_test_end(&tt);
}

/* A SYN sent again for want of a buffer, and then the peer's crosses it: our SYN-ACK has left, and
 * when it is not answered it was lost. */
static void crossed_before_it_left(void **state)
{
    struct tcp_test tt;
    make_syn_sent(&tt);
    tt.f.tx.fail_at = tt.f.tx.get_count + 1;
    tcp_test_advance_ms(&tt, 1001);
    expect_nothing(&tt);
    assert_true(syn_unsent(tt.t));
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_false(syn_unsent(tt.t));
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 1);
    tcp_test_advance_ms(&tt, 2001);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 2);
    tcp_test_end(&tt);
    /* And the SYN-ACK for which there is no buffer is not: it goes soon. */
    make_syn_sent(&tt);
    tt.f.tx.fail_at = tt.f.tx.get_count + 1;
    inject(&tt, .flags = TCP_SYN, .seq = 0);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 300);
    expect(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(tcp_test_count(&tt, "tcp_timeouts"), 0);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_waits_until_open),
        cmocka_unit_test(fin_waits_until_open),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(text_for_nobody),
        cmocka_unit_test(noted_errors_are_told_at_the_end),
        cmocka_unit_test(resets_have_the_owners_tos),
        cmocka_unit_test(wrong_ack_repeats_the_syn),
        cmocka_unit_test(crossed_before_it_left),
    };
    return tcp_run_all(tests);
}
