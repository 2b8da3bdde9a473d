/*
 * A router's word that a packet of ours was too large (RFC 1191 4), for tests of path MTU
 * discovery: the message quotes 28 bytes of a packet from the connection under test.
 */
#ifndef TESTS_UNIT_FRAG_NEEDED_H
#define TESTS_UNIT_FRAG_NEEDED_H

#include "kernel/bytes.h"
#include "tests/unit/tcp_fixture.h"

#define FRAG_ROUTER 0x0a000009u

struct claim {
    uint16_t mtu;
    uint16_t quoted_bytes; /* total length of the quoted packet */
    uint32_t seq;          /* relative */
    uint16_t rport;        /* 0: the connection's */
};

static inline void frag_needed(struct tcp_test *tt, const struct claim *c)
{
    uint8_t quote[28] = {0x45, 0};
    struct frame fr;
    struct frame_ip ip = {.src = FRAG_ROUTER, .bare = true};
    store_be16(quote + 2, c->quoted_bytes);
    store_be16(quote + 6, 0x4000);
    quote[8] = 60;
    quote[9] = IP_PROTO_TCP;
    store_be32(quote + 12, FIXTURE_ADDR);
    store_be32(quote + 16, FIXTURE_PEER);
    store_be16(quote + 20, tt->lport);
    store_be16(quote + 22, c->rport != 0 ? c->rport : tt->rport);
    store_be32(quote + 24, tt->iss + c->seq);
    frame_icmp(&fr, &ip, 0x0304, c->mtu, quote, sizeof(quote));
    fixture_input(&tt->f, &fr);
}
#define say(tt, ...) frag_needed((tt), &(struct claim){__VA_ARGS__})

#endif
