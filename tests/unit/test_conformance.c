/*
 * Requirements of docs/conformance.md that no other test has for its subject: defaults, options
 * where they must not be, and small rules of IP and TCP.
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/bytes.h"
#include "net/wire/csum.h"
#include "tests/unit/tcp_fixture.h"

#include <errno.h>

enum {
    BYTES_AT = 20, /* of TCP in a bare IP packet */
};

/* Every segment of a life, handed to a look, until there are none. */
static void look_at_all(struct tcp_test *tt, void (*look)(const struct frame *fr))
{
    struct frame fr;
    while (fixture_pop(&tt->f, &fr)) {
        look(&fr);
    }
}

/* RFC 9293 MUST-25, MUST-28, SHLD-12: off, and two hours when switched on. */
static void keepalive_defaults(void **state)
{
    struct tcp_test tt;
    int v = -1;
    make_established(&tt);
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_KEEPALIVE, &v), 0);
    assert_int_equal(v, 0);
    tcp_test_advance_ms(&tt, 24 * 3600 * 1000);
    expect_nothing(&tt); /* a day of silence */
    assert_int_equal(tcp_get_opt(tt.t, TCP_OPT_KEEPIDLE_S, &v), 0);
    assert_true(v >= 7200);
    assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_KEEPALIVE, 1), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "x"); /* heard now */
    tcp_test_advance_ms(&tt, 1000);
    (void)tcp_test_forget(&tt);
    tcp_test_advance_ms(&tt, 7190 * 1000);
    expect_nothing(&tt);
    tcp_test_advance_ms(&tt, 20 * 1000);
    expect(&tt, .flags = TCP_ACK, .seq = 0, .ack = 2); /* without data */
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-5: an option where it makes no sense is passed over, and changes nothing. */
static void syn_options_elsewhere(void **state)
{
    static const char late[] = {2, 4, 1, 0, 1, 3, 3, 9, 1, 1, 4, 2}; /* MSS 256, scale 9, SACK */
    struct tcp_test tt;
    make_established(&tt);
    uint16_t mss = snd_mss(tt.t);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = 1000, .data = "hello", .options = late,
           .options_len = sizeof(late));
    expect_read(&tt, "hello");
    assert_int_equal(snd_mss(tt.t), mss);
    assert_int_equal(snd_wnd(tt.t), 1000);
    assert_false(sack_agreed(tt.t));
    inject(&tt, .flags = TCP_ACK, .seq = 6, .ack = 1, .wnd = 2000); /* not scaled since, either */
    assert_int_equal(snd_wnd(tt.t), 2000);
    tcp_test_end(&tt);
}

/* Kinds of the options, but for padding, must be these. */
static void look_for_syn_options(const struct frame *fr)
{
    const uint8_t *tcp = fr->bytes + BYTES_AT;
    size_t end = (size_t)(tcp[12] >> 4) * 4;
    for (size_t at = 20; at < end && tcp[at] != 0; at += tcp[at] == 1 ? 1 : tcp[at + 1]) {
        bool syn_only = tcp[at] == 2 || tcp[at] == 3 || tcp[at] == 4;
        assert_true(!syn_only || (tcp[13] & TCP_SYN) != 0);
        assert_true(tcp[at] == 1 || tcp[at + 1] >= 2);
    }
}

/* RFC 9293 MUST-65, RFC 2018 2, RFC 7323 2.2: MSS, scale and SACK-permitted on SYNs alone. */
static void syn_options_on_syns_alone(void **state)
{
    static const char syn[] = {2, 4, 5, (char)0xb4, 4, 2, 8, 10, 0, 0,
                               0, 9, 0, 0,          0, 0, 1, 3,  3, 7};
    static const char ts[] = {1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0};
    struct tcp_test tt;
    make_listen(&tt);
    inject(&tt, .flags = TCP_SYN, .options = syn, .options_len = sizeof(syn));
    struct frame syn_ack;
    assert_true(fixture_pop(&tt.f, &syn_ack));
    look_for_syn_options(&syn_ack);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .options = ts, .options_len = 12);
    tt.t = tcp_accept(tt.listener, NULL, NULL);
    assert_non_null(tt.t);
    assert_int_equal(tt_send_bytes(&tt, 4000, 1), 4000);
    look_at_all(&tt, look_for_syn_options);
    inject(&tt, .flags = TCP_ACK, .seq = 100, .ack = 1, .len = 50, .options = ts,
           .options_len = 12);
    look_at_all(&tt, look_for_syn_options);
    tt_close(&tt);
    tcp_test_advance_ms(&tt, 20000);
    look_at_all(&tt, look_for_syn_options);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-61: with no way to say PUSH, the last segment of what is queued has it, the others
 * have not. */
static void push_on_the_last(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send_bytes(&tt, 3 * TT_MSS, 1), 3 * TT_MSS);
    for (int i = 0; i < 3; i++) {
        struct frame fr;
        assert_true(fixture_pop(&tt.f, &fr));
        assert_int_equal((fr.bytes[BYTES_AT + 13] & TCP_PSH) != 0, i == 2);
    }
    tcp_test_end(&tt);
}

/* RFC 9293 SHLD-2: text on a RST is no reason not to believe it, and is never delivered. */
static void rst_with_text(void **state)
{
    struct tcp_test tt;
    char c;
    make_established(&tt);
    inject(&tt, .flags = TCP_RST, .seq = 1, .data = "out of memory");
    assert_int_equal(state_of(tt.t), TCP_CLOSED);
    assert_int_equal(tcp_recv(tt.t, &c, 1, 0), -ECONNRESET);
    expect_nothing(&tt);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-13: for 2 MSL, neither shorter nor much longer. */
static void time_wait_lasts_2_msl(void **state)
{
    struct tcp_test tt;
    make_time_wait(&tt);
    tcp_test_advance_ms(&tt, 2 * TCP_MSL_DEFAULT_MS - 100);
    assert_int_equal(time_waits_of(tt.net), 1);
    tcp_test_advance_ms(&tt, 300);
    assert_int_equal(time_waits_of(tt.net), 0);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-41, MUST-42, MUST-43: a listener for one address beside one for any is possible
 * nowhere here, but a second one on the port is refused and harms neither the first nor what it
 * has accepted; the address that is named is the one that is served. */
static void listeners_of_one_port(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    struct tcp_cb *second = tcp_create(tt.net, NULL, NULL);
    assert_int_equal(tcp_bind(second, FIXTURE_ADDR, TT_PORT, false), -EADDRINUSE);
    assert_int_equal(tcp_bind(second, FIXTURE_ADDR, TT_PORT + 1, false), 0);
    assert_int_equal(tcp_listen(second, 2), 0);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .data = "lives");
    expect_read(&tt, "lives");
    inject(&tt, .flags = TCP_SYN, .sport = 4001);
    assert_int_equal(tcp_test_forget(&tt), 1); /* the first still answers */
    inject(&tt, .flags = TCP_SYN, .sport = 4002, .dport = TT_PORT + 1);
    assert_int_equal(tcp_test_forget(&tt), 1);
    assert_int_equal(half_opens_of(tt.net), 2);
    tcp_test_end(&tt);
}

/* RFC 9293 MUST-21, RFC 5482: the owner says how long is too long; without a word it is R2. */
static void owner_sets_r2(void **state)
{
    for (int limit_ms = 0; limit_ms <= 20000; limit_ms += 5000) {
        struct tcp_test tt;
        make_established(&tt);
        assert_int_equal(tcp_set_opt(tt.t, TCP_OPT_USER_TIMEOUT_MS, limit_ms), 0);
        assert_int_equal(tt_send(&tt, "hello"), 5);
        uint32_t silent_ms = limit_ms != 0 ? (uint32_t)limit_ms : TCP_R2_MS;
        tcp_test_advance_ms(&tt, silent_ms - 500);
        assert_int_equal(state_of(tt.t), TCP_ESTABLISHED);
        (void)tcp_test_forget(&tt);
        tcp_test_advance_ms(&tt, limit_ms != 0 ? 1000 : 2 * TCP_RTO_MAX_MS);
        assert_int_equal(state_of(tt.t), TCP_CLOSED);
        assert_int_equal(tcp_take_error(tt.t), ETIMEDOUT);
        (void)tcp_test_forget(&tt);
        tcp_test_end(&tt);
    }
}

/* RFC 9293 3.10.7.4 fifth: SND.WL1 and WL2. A segment older than the one the window came from does
 * not change it. */
static void old_segments_leave_the_window(void **state)
{
    struct tcp_test tt;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "hello"), 5);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 6, .wnd = 4000, .data = "new");
    inject(&tt, .flags = TCP_ACK, .seq = 4, .ack = 6, .wnd = 5000);
    assert_int_equal(snd_wnd(tt.t), 5000);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 6, .wnd = 100); /* older in sequence */
    assert_int_equal(snd_wnd(tt.t), 5000);
    inject(&tt, .flags = TCP_ACK, .seq = 4, .ack = 4, .wnd = 200); /* older in acknowledgement */
    assert_int_equal(snd_wnd(tt.t), 5000);
    inject(&tt, .flags = TCP_ACK, .seq = 4, .ack = 6, .wnd = 300);
    assert_int_equal(snd_wnd(tt.t), 300);
    tcp_test_end(&tt);
}

/* RFC 1122 3.2.1.7: a host takes what is for it, be its TTL 1 or 0. */
static void any_ttl_is_received(void **state)
{
    for (uint8_t ttl = 0; ttl < 3; ttl++) {
        struct tcp_test tt;
        struct frame fr;
        struct frame_ip ip = {.bare = true};
        make_listen(&tt);
        frame_icmp(&fr, &ip, 8 << 8, 0x00010001, "ping", 4);
        fr.bytes[8] = ttl;
        store_be16(fr.bytes + 10, 0);
        store_be16(fr.bytes + 10, csum_finish(csum_add(0, fr.bytes, 20)));
        fixture_input(&tt.f, &fr);
        assert_true(fixture_pop(&tt.f, &fr));
        assert_int_equal(fr.bytes[BYTES_AT], 0); /* the echo reply */
        tcp_test_end(&tt);
    }
}

/* RFC 7323 7.1: what two peers see of our clock does not tell one about the other; one peer's
 * connections share it. */
static void timestamps_start_apart(void **state)
{
    struct tcp_test tt;
    make_listen(&tt);
    tt.net->cfg.tcp_ts_fixed = false;
    uint32_t one = tcp_ts_offset(tt.net, FIXTURE_ADDR, FIXTURE_PEER);
    uint32_t two = tcp_ts_offset(tt.net, FIXTURE_ADDR, FIXTURE_PEER + 1);
    assert_int_not_equal(one, two);
    assert_true(one - two > 1000000 && two - one > 1000000);
    assert_int_equal(tcp_ts_offset(tt.net, FIXTURE_ADDR, FIXTURE_PEER), one);
    assert_int_equal(tcp_ts_now(tt.net, one) - tcp_ts_now(tt.net, two), one - two);
    tcp_test_end(&tt);
}

static void look_for_source(const struct frame *fr)
{
    assert_int_equal(load_be32(fr->bytes + 12), FIXTURE_ADDR);
}

/* RFC 9293 MUST-44, MUST-45: an owner who names no address gets the one IP has, is told it, and
 * each segment of the connection's life has it. */
static void source_is_the_address_in_use(void **state)
{
    struct tcp_test tt;
    uint32_t addr = 0;
    uint16_t port = 0;
    make_syn_sent(&tt);
    tcp_local(tt.t, &addr, &port);
    assert_int_equal(addr, FIXTURE_ADDR);
    assert_int_equal(port, tt.lport);
    tcp_test_advance_ms(&tt, 1100);
    assert_int_equal(tt.f.out.count, 1); /* the SYN again */
    inject(&tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(tt_send(&tt, "x"), 1);
    tcp_test_advance_ms(&tt, 3500);
    assert_true(tt.f.out.count > 3); /* an ACK, data, data again */
    tt_close(&tt);
    look_at_all(&tt, look_for_source);
    tcp_test_end(&tt);
}

/* RFC 9293 SHLD-9: the owner is not called between R1 and R2, but it can ask. */
static void timeouts_can_be_asked_for(void **state)
{
    struct tcp_test tt;
    struct tcp_report r;
    make_established(&tt);
    assert_int_equal(tt_send(&tt, "x"), 1);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.retransmits, 0);
    while (tcp_test_count(&tt, "tcp_r1_advice") == 0) {
        assert_true(tt.f.now_ns < 100 * NS_PER_S);
        tcp_test_advance_ms(&tt, 100);
    }
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.retransmits, 3);
    assert_int_equal(r.backoff, 3);
    assert_int_equal(r.state, 1);
    (void)tcp_test_forget(&tt);
    inject(&tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    tcp_get_report(tt.t, &r);
    assert_int_equal(r.retransmits, 0);
    assert_true(r.retransmitted >= 3);
    tcp_test_end(&tt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(source_is_the_address_in_use),
        cmocka_unit_test(timeouts_can_be_asked_for),
        cmocka_unit_test(keepalive_defaults),
        cmocka_unit_test(syn_options_elsewhere),
        cmocka_unit_test(syn_options_on_syns_alone),
        cmocka_unit_test(push_on_the_last),
        cmocka_unit_test(rst_with_text),
        cmocka_unit_test(time_wait_lasts_2_msl),
        cmocka_unit_test(listeners_of_one_port),
        cmocka_unit_test(owner_sets_r2),
        cmocka_unit_test(old_segments_leave_the_window),
        cmocka_unit_test(any_ttl_is_received),
        cmocka_unit_test(timestamps_start_apart),
    };
    return tcp_run_all(tests);
}
