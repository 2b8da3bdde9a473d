/*
 * ICMP: see icmp.h.
 */
#include <string.h>

#include "kernel/bytes.h"
#include "net/core/core.h"
#include "net/ip/int.h"
#include "net/link/arp.h"
#include "net/stack.h"
#include "net/wire/csum.h"

/* A token bucket: ICMP_ERRORS_BURST at once, ICMP_ERRORS_PER_S in the long run. */
static bool take_token(struct net *n)
{
    struct icmp *icmp = &n->icmp;
    uint64_t per_token_ns = NS_PER_S / ICMP_ERRORS_PER_S;
    assert(icmp->tokens <= ICMP_ERRORS_BURST && n->now_ns >= icmp->refill_ns);
    uint64_t earned = (n->now_ns - icmp->refill_ns) / per_token_ns;
    if (earned > 0) {
        icmp->refill_ns += earned * per_token_ns;
        icmp->tokens = (uint32_t)min_u64(icmp->tokens + earned, ICMP_ERRORS_BURST);
    }
    if (icmp->tokens == 0) {
        return false;
    }
    icmp->tokens--;
    return true;
}

/* RFC 1122 3.2.2: no error about an ICMP error, a broadcast, a fragment other than the first, or a
 * source that is not one host. (Sources are checked on the way in.) */
static bool may_report(const struct pkt *p, const struct ipv4_header *h)
{
    if (h->to_broadcast || h->frag_offset != 0) {
        return false;
    }
    if (h->protocol == IP_PROTO_ICMP) {
        bool query = pkt_len(p) >= 1 && p->data[0] == ICMP_ECHO_REQUEST;
        return query;
    }
    return true;
}

void icmp_send_error(struct net *n, const struct pkt *p, const struct ipv4_header *h, uint8_t type,
                     uint8_t code)
{
    assert(pkt_headroom(p) >= h->header_bytes);
    if (!may_report(p, h)) {
        return;
    }
    if (!take_token(n)) {
        NET_COUNT(n, icmp_tx_limited);
        return;
    }
    struct pkt *out = net_alloc_tx(n, true);
    if (out == NULL) {
        NET_COUNT(n, icmp_tx_no_buffer);
        return;
    }
    size_t quote_bytes = min_size(h->header_bytes + pkt_total(p), ICMP_QUOTE_MAX_BYTES);
    /* The quote is bytes, never parsed again: options and all (RFC 1122 3.2.2). */
    uint8_t *m = pkt_append(out, ICMP_HEADER_BYTES + quote_bytes);
    memset(m, 0, ICMP_HEADER_BYTES);
    m[0] = type;
    m[1] = code;
    memcpy(m + ICMP_HEADER_BYTES, p->data - h->header_bytes, h->header_bytes);
    (void)pkt_copy(p, 0, m + ICMP_HEADER_BYTES + h->header_bytes, quote_bytes - h->header_bytes);
    store_be16(m + 2, csum_finish(csum_add(0, m, pkt_len(out))));
    struct ipv4_tx tx = {.dst = h->src, .protocol = IP_PROTO_ICMP, .may_fragment = true};
    if (ipv4_output(n, out, &tx) == STATUS_OK) {
        NET_COUNT(n, icmp_tx_error);
    }
}

/* RFC 1122 3.2.2.6: the same bytes back, in the same buffers. The code, which means nothing here,
 * is answered with 0 whatever it was. Takes p. */
static void echo_reply(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    NET_COUNT(n, icmp_rx_echo);
    p->data[0] = ICMP_ECHO_REPLY;
    p->data[1] = 0;
    store_be16(p->data + 2, 0);
    store_be16(p->data + 2, csum_finish(csum_add_pkt(0, p)));
    struct ipv4_tx tx = {
        .dst = h->src,
        .protocol = IP_PROTO_ICMP,
        /* RFC 1349 5.1; but what a router marked on the way here says nothing of the way back, and
         * an echo has nobody to slow down (RFC 3168 5). */
        .tos = h->tos & (uint8_t)~IP_ECN_MASK,
        .may_fragment = true,
    };
    (void)ipv4_output(n, p, &tx); /* counted there when it cannot go */
}

static void dispatch_error(struct net *n, const struct icmp_error *e)
{
    const struct ip_protocol *to = ipv4_find_protocol(n, e->quoted_protocol);
    if (to != NULL && to->error != NULL && to->error(n, e)) {
        NET_COUNT(n, icmp_rx_error);
    } else {
        NET_COUNT(n, icmp_rx_bad_quote);
    }
}

/* Whether the quoted packet was ours the transport checks further: only it knows its ports and
 * sequence numbers (RFC 5927 4.1). */
static void error_input(struct net *n, const struct pkt *p, const struct ipv4_header *h)
{
    struct icmp_error e;
    if (!icmp_decode_error(&e, p->data, pkt_len(p)) || e.quoted_src != n->iface.address) {
        NET_COUNT(n, icmp_rx_bad_quote);
        return;
    }
    e.from = h->src;
    dispatch_error(n, &e);
}

/* p, a packet of this host's own, could not reach its neighbour, which did not answer ARP: its
 * transport hears of it. */
static void report_absent(struct net *n, const struct pkt *p)
{
    /* The packet's own first bytes stand where a router's message would quote them. */
    uint8_t m[ICMP_HEADER_BYTES + IPV4_HEADER_BYTES + 8] = {ICMP_UNREACHABLE,
                                                            ICMP_UNREACHABLE_HOST};
    if (pkt_len(p) < IPV4_HEADER_BYTES + 8) {
        return;
    }
    memcpy(m + ICMP_HEADER_BYTES, p->data, IPV4_HEADER_BYTES + 8);
    struct icmp_error e;
    if (!icmp_decode_error(&e, m, sizeof(m)) || e.quoted_src != n->iface.address) {
        return;
    }
    e.from = n->iface.address;
    const struct ip_protocol *to = ipv4_find_protocol(n, e.quoted_protocol);
    if (to != NULL && to->absent != NULL) {
        to->absent(n, &e);
    }
}

static void icmp_dispatch(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    switch (p->data[0]) {
    case ICMP_ECHO_REQUEST:
        echo_reply(n, p, h);
        return;
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER:
        error_input(n, p, h);
        break;
    case ICMP_REDIRECT: /* anybody on the link could forge one; a host with one gateway needs none
                         */
        NET_COUNT(n, icmp_rx_redirect);
        break;
    case ICMP_SOURCE_QUENCH:
        NET_COUNT(n, icmp_rx_source_quench);
        break;
    default: /* timestamps and masks (RFC 6918) among them */
        NET_COUNT(n, icmp_rx_ignored);
    }
    pkt_put(p);
}

static void icmp_input(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    NET_COUNT(n, icmp_rx);
    if (pkt_len(p) < ICMP_HEADER_BYTES) {
        NET_COUNT(n, icmp_rx_short);
    } else if (csum_finish(csum_add_pkt(0, p)) != 0) {
        NET_COUNT(n, icmp_rx_bad_checksum);
    } else if (h->to_broadcast) { /* RFC 1122 3.2.2.6: the smurf amplifier is closed */
        NET_COUNT(n, icmp_rx_broadcast);
    } else {
        icmp_dispatch(n, p, h);
        return;
    }
    pkt_put(p);
}

void icmp_attach(struct net *n)
{
    static const struct ip_protocol icmp = {
        .number = IP_PROTO_ICMP, .takes_chains = true, .input = icmp_input};
    bool added = ipv4_add_protocol(n, &icmp);
    assert(added);
    arp_on_unresolved(n, report_absent);
    n->icmp.tokens = ICMP_ERRORS_BURST;
    n->icmp.refill_ns = n->now_ns;
}
