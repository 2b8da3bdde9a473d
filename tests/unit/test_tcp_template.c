/*
 * Segments by template (send/template.c) are those of the general way, byte for byte: each test
 * lets the same happen to two stacks, one of which builds every header anew, and compares what they
 * send. What a template depends on changes under way.
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

#include "net/wire/csum.h"
#include "tests/unit/tcp_fixture.h"
#include "tests/unit/tcp_options.h"

enum {
    IP_AT = 14,
    TCP_AT = IP_AT + 20,
    PEER_TS = 77000,
};

/* How the connection of both is; zero: Ethernet, timestamps, a neighbour that is known. */
struct kind {
    uint32_t off;
    uint32_t offload;
    bool no_timestamps;
    bool bare_ip;
    bool ecn;
};

struct pair {
    struct kind kind;
    struct tcp_test tt[2]; /* by template, anew */
    uint32_t seq;          /* of the peer's next byte */
    uint32_t ack;          /* what the peer has of ours */
    uint32_t frames;       /* compared so far */
};

static void in(struct pair *p, uint8_t flags, size_t len)
{
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &p->tt[i];
        struct opts o = {.len = 0};
        if (!p->kind.no_timestamps) {
            opts_ts(&o, PEER_TS + p->seq, (uint32_t)(tt->f.now_ns / NS_PER_MS));
        }
        inject(tt, .flags = TCP_ACK | flags, .seq = p->seq, .ack = p->ack, .len = len,
               .options = o.bytes, .options_len = o.len);
    }
    p->seq += (uint32_t)len + (flags & TCP_FIN ? 1 : 0);
}

/* The payload's bytes and SYN and FIN of a frame of ours. */
static uint32_t sequence_bytes(const struct pair *p, const struct frame *fr)
{
    const uint8_t *ip = fr->bytes + (p->kind.bare_ip ? 0 : IP_AT);
    const uint8_t *tcp = ip + 20;
    uint32_t len = load_be16(ip + 2) - 20u - (tcp[12] >> 4) * 4u;
    return len + ((tcp[13] & TCP_FIN) ? 1 : 0);
}

/* Both have sent the same. Returns how many frames. */
static uint32_t same(struct pair *p)
{
    struct frame a, b;
    uint32_t count = 0;
    while (fixture_pop(&p->tt[0].f, &a)) {
        assert_true(fixture_pop(&p->tt[1].f, &b));
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.bytes, b.bytes, a.len);
        p->ack += sequence_bytes(p, &a);
        count++;
    }
    assert_false(fixture_pop(&p->tt[1].f, &b));
    p->frames += count;
    return count;
}

static uint64_t anew(const struct pair *p)
{
    return tcp_test_count(&p->tt[0], "tcp_tx_anew");
}

static void both_know(struct pair *p, uint32_t address, const uint8_t *mac)
{
    for (int i = 0; i < 2; i++) {
        fixture_know(&p->tt[i].f, address, mac);
    }
}

static void advance(struct pair *p, uint64_t ms)
{
    for (int i = 0; i < 2; i++) {
        tcp_test_advance_ms(&p->tt[i], ms);
    }
}

static void begin(struct pair *p, const struct kind *kind)
{
    *p = (struct pair){.kind = *kind, .seq = 1, .ack = 1};
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &p->tt[i];
        struct net_config cfg;
        tcp_test_config(&cfg);
        cfg.link = kind->bare_ip ? NET_LINK_IP : NET_LINK_ETHERNET;
        cfg.tcp_off = kind->off | (i == 1 ? NET_TCP_OFF_TEMPLATE : 0);
        cfg.offload = kind->offload;
        cfg.tcp_ts_fixed = true;
        cfg.tcp_ecn = kind->ecn;
        make_listen_with(tt, &cfg);
        if (!kind->bare_ip) {
            fixture_know(&tt->f, FIXTURE_PEER, fixture_peer);
        }
        struct opts syn = {.len = 0};
        opts_syn(&syn, PEER_TS, 0, 7);
        if (kind->no_timestamps) {
            syn.len = 4;
        }
        inject(tt, .flags = TCP_SYN | (kind->ecn ? TCP_ECE | TCP_CWR : 0), .options = syn.bytes,
               .options_len = syn.len);
        (void)tcp_test_forget(tt);
    }
    in(p, 0, 0);
    for (int i = 0; i < 2; i++) {
        p->tt[i].t = tcp_accept(p->tt[i].listener, NULL, NULL);
        assert_non_null(p->tt[i].t);
    }
    assert_int_equal(same(p), 0);
}

static void end(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        tcp_test_abort(&p->tt[i]);
    }
}

static void send(struct pair *p, size_t len, uint32_t flags)
{
    uint8_t bytes[8192];
    assert_true(len <= sizeof(bytes));
    tcp_test_fill(bytes, p->ack * 3 + 5, len);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tcp_send(p->tt[i].t, bytes, len, flags), len);
    }
}

static void drain(struct pair *p)
{
    uint8_t buf[8192];
    for (int i = 0; i < 2; i++) {
        while (tcp_recv(p->tt[i].t, buf, sizeof(buf), 0) > 0) {
            /* all of it */
        }
    }
}

static void option(struct pair *p, enum tcp_opt opt, int value)
{
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tcp_set_opt(p->tt[i].t, opt, value), 0);
    }
}

/* A segment, and its acknowledgement; by_template says how it is expected to go. */
static void exchange(struct pair *p, size_t len, bool by_template)
{
    uint64_t before = anew(p);
    send(p, len, 0);
    assert_int_equal(same(p), 1);
    assert_int_equal(anew(p) - before, by_template ? 0 : 1);
    in(p, 0, 0);
    assert_int_equal(same(p), 0);
}

/* Data of many lengths, odd ones too, in parts, with more to follow; ACKs alone, delayed and at
 * once; window updates; the end of the stream. */
static void life(struct pair *p)
{
    exchange(p, 64, true);
    for (size_t len = 1; len < 1400; len += 31) {
        exchange(p, len, true);
        advance(p, 3);
    }
    uint64_t before = anew(p);
    send(p, 101, TCP_SEND_MORE);
    send(p, 7, TCP_SEND_MORE);
    assert_int_equal(same(p), 0);
    send(p, 330, 0);
    assert_int_equal(same(p), 1);
    in(p, 0, 0);
    send(p, 8000, 0);
    assert_true(same(p) >= 5);
    in(p, TCP_PSH, 64);
    advance(p, 50);
    assert_int_equal(same(p), 1); /* the delayed one */
    for (int i = 0; i < 60; i++) {
        in(p, TCP_PSH, 1300);
        if (i % 20 == 19) {
            drain(p);
        }
        (void)same(p);
    }
    in(p, 0, 0);
    (void)same(p);
    assert_int_equal(anew(p), before);
    send(p, 12, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tcp_shutdown(p->tt[i].t, TCP_SHUT_WR), 0);
    }
    assert_int_equal(same(p), 2); /* and the FIN */
    in(p, TCP_FIN, 0);
    assert_int_equal(same(p), 1);
    assert_int_equal(anew(p), before);
}

static void a_life(void **state)
{
    (void)state;
    static const struct kind kinds[] = {
        {.no_timestamps = false},
        {.no_timestamps = true},
        {.bare_ip = true},
        {.bare_ip = true, .no_timestamps = true},
        {.offload = NET_OFFLOAD_TX_CSUM},
        {.offload = NET_OFFLOAD_TX_CSUM, .no_timestamps = true},
        {.off = NET_TCP_OFF_SACK},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct pair p;
        begin(&p, &kinds[i]);
        life(&p);
        end(&p);
    }
}

/* What was lost goes again, cut anew where the path has become narrower, and keeps its sum. */
static void a_loss(void **state)
{
    (void)state;
    static const struct kind kinds[] = {{.bare_ip = true}, {.off = NET_TCP_OFF_SACK}};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct pair p;
        begin(&p, &kinds[i]);
        exchange(&p, 3, true);
        uint32_t acked = p.ack;
        send(&p, 2001, 0);
        send(&p, 333, 0);
        assert_true(same(&p) >= 2);
        p.ack = acked + 101; /* a part of the first: it is trimmed at an odd place */
        in(&p, 0, 0);
        option(&p, TCP_OPT_MAXSEG, 500); /* what goes again is cut */
        for (int turn = 0; turn < 40; turn++) {
            uint32_t seen = p.ack;
            advance(&p, 1500);
            (void)same(&p);
            /* at odd places */
            p.ack = min_u32(seen + 211, snd_nxt(p.tt[0].t) - p.tt[0].iss);
            in(&p, 0, 0);
            seen = p.ack;
            (void)same(&p);
            p.ack = seen;
        }
        assert_int_equal(queued_bytes(p.tt[0].t), 0);
        end(&p);
    }
}

/* Segments have become smaller while data waited: each part has its own sum. */
static void what_waited_is_cut(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = true});
    exchange(&p, 64, true);
    send(&p, 1301, TCP_SEND_MORE);
    assert_int_equal(same(&p), 0);
    option(&p, TCP_OPT_MAXSEG, 500);
    uint64_t before = anew(&p);
    option(&p, TCP_OPT_NODELAY, 1); /* pushes: 488, 488 and 325 bytes */
    assert_int_equal(same(&p), 3);
    assert_int_equal(anew(&p), before);
    end(&p);
}

/* SACK blocks need a header of their own; the next segment is by template again. */
static void blocks_are_told_the_general_way(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = true});
    exchange(&p, 64, true);
    exchange(&p, 64, true);
    uint64_t before = anew(&p);
    p.seq += 100;
    in(&p, 0, 50);
    assert_int_equal(same(&p), 1);
    assert_int_equal(anew(&p), before + 1);
    p.seq -= 150;
    in(&p, 0, 100);
    p.seq += 50;
    (void)same(&p);
    before = anew(&p);
    exchange(&p, 64, true);
    assert_int_equal(anew(&p), before);
    end(&p);
}

static void ecn_goes_the_general_way(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.ecn = true});
    exchange(&p, 64, false);
    exchange(&p, 64, false);
    end(&p);
}

static void the_owners_choices_hold_at_once(void **state)
{
    (void)state;
    struct pair p;
    struct frame fr;
    begin(&p, &(struct kind){.bare_ip = false});
    exchange(&p, 64, true);
    exchange(&p, 64, true);
    option(&p, TCP_OPT_TOS, 0xb8);
    exchange(&p, 64, false);
    exchange(&p, 64, true);
    option(&p, TCP_OPT_TTL, 7);
    exchange(&p, 64, false);
    send(&p, 64, 0);
    assert_true(fixture_pop(&p.tt[0].f, &fr));
    assert_int_equal(fr.bytes[IP_AT + 1], 0xb8);
    assert_int_equal(fr.bytes[IP_AT + 8], 7);
    (void)tcp_test_forget(&p.tt[1]);
    end(&p);
}

/* A neighbour that moved, is forgotten, is to be confirmed or is in doubt. */
static void the_neighbour_changes(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = false});
    exchange(&p, 64, true);
    exchange(&p, 64, true);
    both_know(&p, FIXTURE_PEER, fixture_peer); /* confirmed: looked up anew once */
    exchange(&p, 64, false);
    exchange(&p, 64, true);
    both_know(&p, FIXTURE_PEER, fixture_other); /* a claim: in doubt, and asked */
    send(&p, 64, 0);
    (void)same(&p);
    advance(&p, 150);
    (void)same(&p);
    advance(&p, 1000); /* silent: asked for by everybody */
    (void)same(&p);
    both_know(&p, FIXTURE_PEER, fixture_other);
    advance(&p, 3000);
    (void)same(&p);
    end(&p);
}

/* An entry older than ARP_REACHABLE_NS is asked again, and older than ARP_EXPIRE_NS resolved. */
static void the_neighbour_ages(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = false});
    exchange(&p, 64, true);
    advance(&p, ARP_REACHABLE_NS / NS_PER_MS - 1000);
    exchange(&p, 64, true);
    advance(&p, 2000);
    uint64_t before = anew(&p);
    send(&p, 64, 0);
    struct frame fr[2];
    for (int i = 0; i < 2; i++) { /* the question, then the segment */
        assert_true(fixture_pop(&p.tt[0].f, &fr[0]));
        assert_true(fixture_pop(&p.tt[1].f, &fr[1]));
        assert_int_equal(fr[0].len, fr[1].len);
        assert_memory_equal(fr[0].bytes, fr[1].bytes, fr[0].len);
        assert_int_equal(load_be16(fr[0].bytes + 12), i == 0 ? ETH_TYPE_ARP : ETH_TYPE_IPV4);
    }
    assert_int_equal(anew(&p), before + 1);
    p.ack += 64;
    in(&p, 0, 0);
    both_know(&p, FIXTURE_PEER, fixture_peer);
    exchange(&p, 64, false);
    exchange(&p, 64, true);
    end(&p);
}

/* Which entry makes room is told by its last use, whoever it was used by. */
static void use_is_noted(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = false});
    exchange(&p, 64, true);
    advance(&p, 5000);
    exchange(&p, 64, true);
    for (int i = 0; i < 2; i++) {
        const struct arp_entry *e = arp_lookup(p.tt[i].net, FIXTURE_PEER);
        assert_int_equal(e->used_ns, p.tt[i].f.now_ns);
    }
    end(&p);
}

static void the_link_goes_and_comes(void **state)
{
    (void)state;
    static const struct kind kinds[] = {{.bare_ip = true}, {.bare_ip = false}};
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        struct pair p;
        begin(&p, &kinds[k]);
        exchange(&p, 64, true);
        exchange(&p, 64, true);
        for (int i = 0; i < 2; i++) {
            net_set_link(p.tt[i].net, false, p.tt[i].f.now_ns);
        }
        uint64_t before = anew(&p);
        send(&p, 64, 0);
        assert_int_equal(anew(&p), before + 1);
        struct frame fr;
        assert_false(fixture_pop(&p.tt[0].f, &fr));
        assert_false(fixture_pop(&p.tt[1].f, &fr));
        for (int i = 0; i < 2; i++) {
            net_set_link(p.tt[i].net, true, p.tt[i].f.now_ns);
        }
        advance(&p, 5000);
        (void)tcp_test_forget(&p.tt[0]);
        (void)tcp_test_forget(&p.tt[1]);
        end(&p);
    }
}

/* Another gateway: what is beyond it goes there from the next segment on. */
static void the_routes_change(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = false});
    exchange(&p, 64, true);
    exchange(&p, 64, true);
    for (int i = 0; i < 2; i++) {
        struct net *n = p.tt[i].net;
        struct net_event e = {.kind = NET_EVENT_ADDRESS,
                              .origin = n->iface.origin,
                              .address = FIXTURE_ADDR,
                              .prefix_bits = 24,
                              .gateway = FIXTURE_GATEWAY,
                              .route_count = 1};
        e.routes[0] = (struct net_route){
            .network = FIXTURE_PEER, .prefix_bits = 32, .router = FIXTURE_GATEWAY};
        iface_set_address(n, &e);
    }
    uint64_t before = anew(&p);
    send(&p, 64, 0);
    struct frame fr[2];
    assert_true(fixture_pop(&p.tt[0].f, &fr[0]));
    assert_true(fixture_pop(&p.tt[1].f, &fr[1]));
    assert_int_equal(load_be16(fr[0].bytes + 12), ETH_TYPE_ARP); /* who is the gateway? */
    assert_memory_equal(fr[0].bytes, fr[1].bytes, fr[1].len);
    assert_int_equal(anew(&p), before + 1);
    end(&p);
}

/* A path narrower than the least that is sent: data goes without DF, each with an identification of
 * its own, which a template has not. */
static void data_that_may_be_cut(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = true, .off = NET_TCP_OFF_PMTUD});
    exchange(&p, 64, false);
    exchange(&p, 64, false);
    uint64_t before = anew(&p);
    in(&p, TCP_PSH, 64);
    advance(&p, 50);
    assert_int_equal(same(&p), 1);
    assert_int_equal(anew(&p), before); /* but not ACKs */
    end(&p);
}

/* The device is told where what is, and finds the pseudo-header's sum in the field. */
static void the_device_takes_the_checksum(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.offload = NET_OFFLOAD_TX_CSUM});
    for (int turn = 0; turn < 2; turn++) {
        p.tt[0].hold_output = p.tt[1].hold_output = 1;
        send(&p, 64, 0);
        for (int i = 0; i < 2; i++) {
            struct pkt *out = pkt_queue_pop(&p.tt[i].held);
            const uint8_t *tcp = out->head + out->tx.l4;
            assert_ptr_equal(out->head + out->tx.l3, out->data + IP_AT);
            assert_ptr_equal(tcp, out->data + TCP_AT);
            assert_int_equal(out->tx.l4_bytes, 32);
            assert_int_equal(out->tx.l4_csum, 16);
            assert_int_equal(out->tx.mss, 0);
            uint32_t pseudo = csum_pseudo(FIXTURE_ADDR, FIXTURE_PEER, 6, 32 + 64);
            assert_int_equal(load_be16(tcp + 16), csum_reduce(pseudo));
            /* What the device puts there: the sum of all, the field's included. */
            uint32_t sum = csum_add(0, tcp, 32 + 64);
            store_be16(out->head + out->tx.l4 + 16, csum_finish(sum));
            assert_int_equal(csum_finish(csum_add(pseudo, tcp, 32 + 64)), 0);
            pkt_put(out);
        }
        assert_int_equal(same(&p), 1);
        in(&p, 0, 0);
    }
    end(&p);
}

/* What was sent last to a neighbour that is no more goes once more to its successor, from a copy:
 * there the device is told of the copy's places. */
static void a_copy_says_where_its_own_headers_are(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.offload = NET_OFFLOAD_TX_CSUM, .off = NET_TCP_OFF_TLP});
    exchange(&p, 64, true);
    both_know(&p, FIXTURE_PEER, fixture_other);
    send(&p, 64, 0);
    advance(&p, 220);
    for (int i = 0; i < 2; i++) {
        struct tcp_test *tt = &p.tt[i];
        tt->hold_output = 1;
        fixture_know(&tt->f, FIXTURE_PEER, fixture_other);
        struct pkt *out = pkt_queue_pop(&tt->held);
        assert_int_equal(load_be16(out->data + 12), ETH_TYPE_IPV4);
        assert_memory_equal(out->data, fixture_other, 6);
        assert_ptr_equal(out->head + out->tx.l3, out->data + IP_AT);
        assert_ptr_equal(out->head + out->tx.l4, out->data + TCP_AT);
        assert_int_equal(out->tx.l4_bytes, 32);
        pkt_put(out);
    }
    end(&p);
}

/* No buffer for an ACK: it is put off, and goes later. */
static void without_a_buffer(void **state)
{
    (void)state;
    struct pair p;
    begin(&p, &(struct kind){.bare_ip = true});
    exchange(&p, 64, true);
    for (int i = 0; i < 2; i++) {
        p.tt[i].f.tx.fail_at = p.tt[i].f.tx.get_count + 1;
    }
    in(&p, TCP_PSH, 1000);
    in(&p, TCP_PSH, 1000);
    assert_int_equal(same(&p), 0);
    assert_int_equal(tcp_test_count(&p.tt[0], "tcp_tx_no_buffer"), 1);
    advance(&p, 50);
    assert_int_equal(same(&p), 1);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life),
        cmocka_unit_test(a_loss),
        cmocka_unit_test(what_waited_is_cut),
        cmocka_unit_test(blocks_are_told_the_general_way),
        cmocka_unit_test(ecn_goes_the_general_way),
        cmocka_unit_test(the_owners_choices_hold_at_once),
        cmocka_unit_test(the_neighbour_changes),
        cmocka_unit_test(the_neighbour_ages),
        cmocka_unit_test(use_is_noted),
        cmocka_unit_test(the_link_goes_and_comes),
        cmocka_unit_test(the_routes_change),
        cmocka_unit_test(data_that_may_be_cut),
        cmocka_unit_test(the_device_takes_the_checksum),
        cmocka_unit_test(a_copy_says_where_its_own_headers_are),
        cmocka_unit_test(without_a_buffer),
    };
    return tcp_run_all(tests);
}
