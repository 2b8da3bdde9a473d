/*
 * The TCP under test and its peer: see tcp_fixture.h.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/wire/csum.h"
#include "tests/unit/tcp_fixture.h"

#include "kernel/bytes.h"

const struct tcp_isn_pair tcp_isn_pairs[] = {
    {1000, 500000},          {UINT32_MAX, UINT32_MAX},  {UINT32_MAX - 1, 0},
    {0, UINT32_MAX - 3},     {UINT32_MAX - 9, 7},       {10, UINT32_MAX - 1500},
    {UINT32_MAX - 3000, 10}, {0x7fffffff, 0x80000000u}, {0x7ffffffeu - 1460, 0x7fffff00u},
};
const size_t tcp_isn_pair_count = ARRAY_SIZE(tcp_isn_pairs);
struct tcp_isn_pair tcp_isn_now;

int tcp_run_pairs(const char *name, const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < tcp_isn_pair_count; i++) {
        char label[64];
        tcp_isn_now = tcp_isn_pairs[i];
        snprintf(label, sizeof(label), "%s iss %u irs %u", name, tcp_isn_now.iss, tcp_isn_now.irs);
        failed += _cmocka_run_group_tests(label, tests, count, NULL, NULL);
    }
    return failed;
}

static void on_ready(void *owner, uint32_t bits)
{
    struct tcp_test *tt = owner;
    tt->ready |= bits;
    tt->ready_calls++;
}

static void on_listen_ready(void *owner, uint32_t bits)
{
    struct tcp_test *tt = owner;
    tt->listen_ready |= bits;
}

void tcp_test_config(struct net_config *cfg)
{
    fixture_config(cfg);
    cfg->link = NET_LINK_IP;
    cfg->tcp_isn_fixed = true;
    cfg->tcp_isn = tcp_isn_now.iss;
}

/* Output that can keep packets as a device does that has not sent them. */
static void output(void *arg, struct pkt *p)
{
    struct tcp_test *tt = arg;
    struct pkt *copy = pkt_alloc(&tt->f.rx, 0);
    assert_non_null(copy);
    memcpy(pkt_append(copy, pkt_len(p)), p->data, pkt_len(p));
    pkt_queue_push(&tt->f.out, copy);
    if (tt->hold_output > 0) {
        tt->hold_output--;
        pkt_queue_push(&tt->held, p);
    } else {
        pkt_put(p);
    }
}

void tcp_test_begin(struct tcp_test *tt, const struct net_config *cfg)
{
    struct net_config usual;
    tcp_test_config(&usual);
    memset(tt, 0, sizeof(*tt));
    fixture_start(&tt->f, cfg != NULL ? cfg : &usual);
    fixture_up(&tt->f);
    tt->net = tt->f.net;
    tt->net->cfg.output = output;
    tt->net->cfg.arg = tt;
    tt->iss = tcp_isn_now.iss;
    tt->irs = tcp_isn_now.irs;
    tt->lport = TT_PORT;
    tt->rport = TT_PEER_PORT;
    tt->peer_wnd = TT_WND;
}

void tcp_test_end(struct tcp_test *tt)
{
    pkt_queue_drain(&tt->held);
    fixture_stop(&tt->f);
}

void tcp_test_abort(struct tcp_test *tt)
{
    tt->net->now_ns = tt->f.now_ns;
    assert_int_equal(tcp_set_opt(tt->t, TCP_OPT_LINGER_S, 0), 0);
    tcp_close(tt->t);
    tcp_close(tt->listener);
    tcp_test_end(tt);
}

void tcp_test_advance_ms(struct tcp_test *tt, uint64_t ms)
{
    fixture_advance(&tt->f, ms * NS_PER_MS);
}

uint64_t tcp_test_count(const struct tcp_test *tt, const char *counter)
{
    return fixture_counter(&tt->f, counter);
}

uint8_t tcp_test_pattern(uint32_t seq)
{
    return (uint8_t)(seq * 7 + (seq >> 8) * 13 + 5);
}

void tcp_test_fill(uint8_t *out, uint32_t seq, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = tcp_test_pattern(seq + (uint32_t)i);
    }
}

static size_t put_payload(uint8_t *out, const struct tcp_want *w)
{
    size_t len = w->data != NULL ? (w->len != 0 ? w->len : strlen(w->data)) : w->len;
    if (w->data != NULL) {
        memcpy(out, w->data, len);
    } else {
        tcp_test_fill(out, w->seq, len);
    }
    return len;
}

void tcp_inject(struct tcp_test *tt, const struct tcp_want *w)
{
    uint8_t s[FRAME_MAX_BYTES];
    struct frame fr;
    struct frame_ip ip = {.src = w->src,
                          .dst = w->dst,
                          .protocol = IP_PROTO_TCP,
                          .tos = w->tos,
                          .bare = tt->f.cfg.link == NET_LINK_IP};
    uint32_t src = w->src != 0 ? w->src : FIXTURE_PEER;
    uint32_t dst = w->dst != 0 ? w->dst : FIXTURE_ADDR;
    size_t header = 20 + w->options_len;
    store_be16(s, w->sport != 0 ? w->sport : tt->rport);
    store_be16(s + 2, w->dport != 0 ? w->dport : tt->lport);
    store_be32(s + 4, w->absolute ? w->seq : tt->irs + w->seq);
    store_be32(s + 8, w->absolute ? w->ack : (w->flags & TCP_ACK) ? tt->iss + w->ack : 0);
    s[12] = (uint8_t)((w->offset != 0 ? w->offset : header / 4) << 4 | w->reserved);
    s[13] = w->flags;
    store_be16(s + 14, (uint16_t)(w->wnd == 0 ? tt->peer_wnd : w->wnd < 0 ? 0 : (uint32_t)w->wnd));
    store_be16(s + 16, 0);
    store_be16(s + 18, w->urgent);
    if (w->options_len > 0) {
        memcpy(s + 20, w->options, w->options_len);
    }
    size_t total = header + put_payload(s + header, w);
    uint32_t sum = csum_add(csum_pseudo(src, dst, IP_PROTO_TCP, (uint16_t)total), s, total);
    store_be16(s + 16, (uint16_t)(csum_finish(sum) ^ (w->bad_checksum ? 1 : 0)));
    frame_ip(&fr, &ip, s, total);
    fixture_input(&tt->f, &fr);
}

static const char *flag_text(uint8_t flags)
{
    static char text[4][16];
    static unsigned turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof(text[0]), "%s%s%s%s%s%s%s%s", flags & TCP_SYN ? "S" : "",
             flags & TCP_FIN ? "F" : "", flags & TCP_RST ? "R" : "", flags & TCP_PSH ? "P" : "",
             flags & TCP_ACK ? "." : "", flags & TCP_URG ? "U" : "", flags & TCP_ECE ? "E" : "",
             flags & TCP_CWR ? "W" : "");
    return out;
}

struct sent {
    uint8_t flags;
    uint8_t tos, ttl;
    uint32_t seq, ack;
    uint16_t wnd;
    const uint8_t *options;
    size_t options_len;
    const uint8_t *payload;
    size_t len;
};

static void parse_sent(const struct frame *fr, struct sent *s)
{
    const uint8_t *ip = fr->bytes;
    const uint8_t *h = ip + 20;
    size_t total = fr->len - 20;
    assert_int_equal(ip[0], 0x45);
    assert_int_equal(ip[9], IP_PROTO_TCP);
    assert_true(fr->len <= 1500);
    uint32_t pseudo =
        csum_pseudo(load_be32(ip + 12), load_be32(ip + 16), IP_PROTO_TCP, (uint16_t)total);
    assert_int_equal(csum_finish(csum_add(pseudo, h, total)), 0);
    size_t header = (size_t)(h[12] >> 4) * 4;
    *s = (struct sent){.flags = h[13],
                       .tos = ip[1],
                       .ttl = ip[8],
                       .seq = load_be32(h + 4),
                       .ack = load_be32(h + 8),
                       .wnd = load_be16(h + 14),
                       .options = h + 20,
                       .options_len = header - 20,
                       .payload = h + header,
                       .len = total - header};
}

static void complain(const struct sent *s, const struct tcp_want *w, size_t len, uint32_t seq,
                     uint32_t ack, const char *file, int line)
{
    print_error(
        "%s:%d: want %s seq %u ack %u len %zu wnd %d tos %u; got %s seq %u ack %u len %zu wnd %u "
        "tos %u\n",
        file, line, flag_text(w->flags), seq, ack, len, w->wnd, w->tos, flag_text(s->flags), s->seq,
        s->ack, s->len, s->wnd, s->tos);
    fail();
}

void tcp_expect(struct tcp_test *tt, const struct tcp_want *w, const char *file, int line)
{
    struct frame fr;
    struct sent s;
    uint8_t payload[FRAME_MAX_BYTES];
    if (!fixture_pop(&tt->f, &fr)) {
        print_error("%s:%d: want %s seq %u ack %u len %zu; got nothing\n", file, line,
                    flag_text(w->flags), w->seq, w->ack, w->len);
        fail();
    }
    parse_sent(&fr, &s);
    size_t len = put_payload(payload, w);
    uint32_t seq = w->absolute ? w->seq : tt->iss + w->seq;
    uint32_t ack = w->absolute ? w->ack : (w->flags & TCP_ACK) ? tt->irs + w->ack : 0;
    /* PSH is compared only when asked for: it says nothing. */
    uint8_t mask = (w->flags & TCP_PSH) ? 0xff : 0xff & ~TCP_PSH;
    bool good = (s.flags & mask) == (w->flags & mask) && s.seq == seq && s.tos == w->tos &&
                (w->any_ack || s.ack == ack) && s.len == len;
    good = good && (w->ttl == 0 || s.ttl == w->ttl);
    if (w->wnd != 0) {
        good = good && s.wnd == (w->wnd < 0 ? 0 : (uint32_t)w->wnd);
    }
    if (w->options != NULL) {
        good = good && s.options_len == w->options_len &&
               memcmp(s.options, w->options, s.options_len) == 0;
    }
    if (!good) {
        complain(&s, w, len, seq, ack, file, line);
    }
    if (memcmp(payload, s.payload, len) != 0) {
        print_error("%s:%d: payload differs\n", file, line);
        fail();
    }
}

void tcp_expect_nothing(struct tcp_test *tt, const char *file, int line)
{
    struct frame fr;
    struct sent s;
    if (fixture_pop(&tt->f, &fr)) {
        parse_sent(&fr, &s);
        print_error("%s:%d: want nothing; got %s seq %u ack %u len %zu wnd %u\n", file, line,
                    flag_text(s.flags), s.seq - tt->iss, s.ack - tt->irs, s.len, s.wnd);
        fail();
    }
}

size_t tcp_test_forget(struct tcp_test *tt)
{
    return fixture_forget(&tt->f);
}

ptrdiff_t tt_send(struct tcp_test *tt, const char *text)
{
    tt->net->now_ns = tt->f.now_ns;
    return tcp_send(tt->t, text, strlen(text), 0);
}

ptrdiff_t tt_send_bytes(struct tcp_test *tt, size_t len, uint32_t seq)
{
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    tcp_test_fill(bytes, seq, len);
    tt->net->now_ns = tt->f.now_ns;
    ptrdiff_t sent = tcp_send(tt->t, bytes, len, 0);
    free(bytes);
    return sent;
}

void tcp_expect_read(struct tcp_test *tt, const char *text, const char *file, int line)
{
    char buf[4096];
    ptrdiff_t got = tcp_recv(tt->t, buf, sizeof(buf), 0);
    if (got != (ptrdiff_t)strlen(text) || memcmp(buf, text, strlen(text)) != 0) {
        print_error("%s:%d: want to read \"%s\", got %td bytes \"%.*s\"\n", file, line, text, got,
                    got > 0 ? (int)got : 0, buf);
        fail();
    }
}

void tt_close(struct tcp_test *tt)
{
    tt->net->now_ns = tt->f.now_ns;
    tcp_close(tt->t);
    tt->t = NULL;
}

void make_listen_with(struct tcp_test *tt, const struct net_config *cfg)
{
    tcp_test_begin(tt, cfg);
    tt->listener = tcp_create(tt->net, on_listen_ready, tt);
    assert_non_null(tt->listener);
    assert_int_equal(tcp_bind(tt->listener, 0, TT_PORT, false), 0);
    assert_int_equal(tcp_listen(tt->listener, 8), 0);
}

void make_listen(struct tcp_test *tt)
{
    make_listen_with(tt, NULL);
}

static const char mss_option[] = {2, 4, 5, (char)0xb4}; /* 1460 */

void make_half_open(struct tcp_test *tt)
{
    make_listen(tt);
    inject(tt, .flags = TCP_SYN, .options = mss_option, .options_len = 4);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
}

void tt_handshake(struct tcp_test *tt, const char *options, size_t options_len, uint16_t wnd)
{
    inject(tt, .flags = TCP_SYN, .options = options, .options_len = options_len);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 1, .wnd = wnd == 0 ? -1 : wnd);
    assert_true((tt->listen_ready & NET_READY_IN) != 0);
    tt->t = tcp_accept(tt->listener, on_ready, tt);
    assert_non_null(tt->t);
    assert_int_equal(state_of(tt->t), TCP_ESTABLISHED);
    expect_nothing(tt);
}

void make_established(struct tcp_test *tt)
{
    make_listen(tt);
    tt_handshake(tt, mss_option, sizeof(mss_option), TT_WND);
}

void make_syn_sent(struct tcp_test *tt)
{
    uint32_t addr;
    tcp_test_begin(tt, NULL);
    tt->t = tcp_create(tt->net, on_ready, tt);
    assert_non_null(tt->t);
    tt->rport = 443;
    assert_int_equal(tcp_connect(tt->t, FIXTURE_PEER, tt->rport), -EINPROGRESS);
    tcp_local(tt->t, &addr, &tt->lport);
    assert_int_equal(addr, FIXTURE_ADDR);
    assert_true(tt->lport >= TCP_EPHEMERAL_FIRST);
    expect(tt, .flags = TCP_SYN, .seq = 0);
}

void make_syn_received(struct tcp_test *tt)
{
    make_syn_sent(tt);
    inject(tt, .flags = TCP_SYN, .options = mss_option, .options_len = 4);
    expect(tt, .flags = TCP_SYN | TCP_ACK, .seq = 0, .ack = 1);
    assert_int_equal(state_of(tt->t), TCP_SYN_RECEIVED);
}

void make_established_active(struct tcp_test *tt)
{
    make_syn_sent(tt);
    inject(tt, .flags = TCP_SYN | TCP_ACK, .ack = 1, .options = mss_option, .options_len = 4);
    expect(tt, .flags = TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(state_of(tt->t), TCP_ESTABLISHED);
    assert_true((tt->ready & NET_READY_OUT) != 0);
    tt->ready = 0;
}

void make_fin_wait_1(struct tcp_test *tt)
{
    make_established(tt);
    assert_int_equal(tcp_shutdown(tt->t, TCP_SHUT_WR), 0);
    expect(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    assert_int_equal(state_of(tt->t), TCP_FIN_WAIT_1);
    tt->ready = 0;
}

void make_fin_wait_2(struct tcp_test *tt)
{
    make_fin_wait_1(tt);
    inject(tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(state_of(tt->t), TCP_FIN_WAIT_2);
    expect_nothing(tt);
}

void make_close_wait(struct tcp_test *tt)
{
    make_established(tt);
    inject(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    expect(tt, .flags = TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(state_of(tt->t), TCP_CLOSE_WAIT);
    tt->ready = 0;
}

void make_closing(struct tcp_test *tt)
{
    make_fin_wait_1(tt);
    inject(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 1);
    expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(state_of(tt->t), TCP_CLOSING);
}

void make_last_ack(struct tcp_test *tt)
{
    make_close_wait(tt);
    assert_int_equal(tcp_shutdown(tt->t, TCP_SHUT_WR), 0);
    expect(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    assert_int_equal(state_of(tt->t), TCP_LAST_ACK);
}

void make_time_wait(struct tcp_test *tt)
{
    make_fin_wait_2(tt);
    tt_close(tt);
    inject(tt, .flags = TCP_FIN | TCP_ACK, .seq = 1, .ack = 2);
    expect(tt, .flags = TCP_ACK, .seq = 2, .ack = 2);
    assert_int_equal(time_waits_of(tt->net), 1);
    assert_int_equal(connections_of(tt->net), 1); /* the listener */
}
