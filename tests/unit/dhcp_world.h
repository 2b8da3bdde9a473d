/*
 * A DHCP client in virtual time, and a server by hand: what the client says is taken from the wire,
 * what the server says is a struct to be changed before it is sent.
 */
#ifndef TESTS_UNIT_DHCP_WORLD_H
#define TESTS_UNIT_DHCP_WORLD_H

#include "tests/unit/net_fixture.h"

#define SERVER  FIXTURE_PEER
#define OFFERED 0x0a00000fu /* 10.0.0.15 */

/* cmocka's, beside fixture_teardown: *state is a fixture whose stack has just begun to ask. */
int dhcp_setup(void **state);
#define dhcp_test(f) cmocka_unit_test_setup_teardown(f, dhcp_setup, fixture_teardown)

/* What the client said, of what matters. */
struct said {
    uint8_t type;
    uint32_t xid, ciaddr, requested, server;
    uint32_t ip_src, ip_dst;
    uint8_t eth_dst[6];
    uint16_t secs;
};

/* The client's next message; false when it has said nothing. Other frames are passed over. */
bool next_said(struct net_fixture *f, struct said *s);
void expect_said(struct net_fixture *f, struct said *s, uint8_t type);

/* A server's message, to be changed before it is sent. */
struct reply {
    uint8_t type;
    uint32_t xid;
    uint32_t address;
    uint32_t server;
    uint32_t netmask;
    uint32_t router;
    uint32_t lease_s;
    uint32_t renew_s, rebind_s;
    bool no_lease;
    const uint8_t *mac; /* NULL: ours */
    bool broadcast;
};

/* A good one to what was said. */
struct reply reply_to(const struct said *s, uint8_t type);
/* Writes up to 400 bytes; returns how many. */
size_t encode_reply(uint8_t *m, const struct reply *r);
void input_message(struct net_fixture *f, const uint8_t *m, size_t len, bool broadcast);
void input_reply(struct net_fixture *f, const struct reply *r);

/* DISCOVER, OFFER, REQUEST, ACK. */
void bind_lease(struct net_fixture *f, uint32_t lease_s);
/* After it the neighbours are known, so that unicasts leave at once. */
void bind_and_settle(struct net_fixture *f, uint32_t lease_s);
/* After it half the lease has passed, and s is the client's request to renew it. */
void bind_and_renew(struct net_fixture *f, struct said *s);

#endif
