/*
 * A stack for tests: in memory of its own, in virtual time, its output kept in a queue. Frames to
 * feed it are built with frame_*(); checks are assertions that abort.
 *
 *     struct net_fixture f;
 *     fixture_start(&f, NULL);                 a static 10.0.0.1/24 at 02:00:00:00:00:01
 *     fixture_up(&f);                          link up, first announcements done and dropped
 *     frame_udp(&fr, &peer_ip, 1000, 2000, "hi", 2);
 *     fixture_input(&f, &fr);
 *     assert_true(fixture_pop(&f, &out));      the frame it answered with
 *     fixture_stop(&f);                        fails when a buffer did not come home
 */
#ifndef TESTS_UNIT_NET_FIXTURE_H
#define TESTS_UNIT_NET_FIXTURE_H

#include "net/net.h"

enum {
    FIXTURE_EVENTS_MAX = 64,
    FIXTURE_RX_COUNT = 512,
    FIXTURE_TX_COUNT = 512,
    FRAME_MAX_BYTES = 2048,
    FIXTURE_BATCH_MAX = 64,
};

#define FIXTURE_ADDR    0x0a000001u /* 10.0.0.1 */
#define FIXTURE_PEER    0x0a000002u /* 10.0.0.2 */
#define FIXTURE_GATEWAY 0x0a0000feu /* 10.0.0.254 */

extern const uint8_t fixture_mac[6];   /* the stack's: 02:00:00:00:00:01 */
extern const uint8_t fixture_peer[6];  /* FIXTURE_PEER's: 02:00:00:00:00:02 */
extern const uint8_t fixture_other[6]; /* somebody else's: 02:00:00:00:00:03 */
extern const uint8_t fixture_all[6];   /* broadcast */

struct frame {
    uint8_t bytes[FRAME_MAX_BYTES];
    size_t len;
};

struct net_fixture {
    struct net *net;
    uint64_t now_ns;
    uint64_t deadline_ns; /* what the last net_poll returned */
    struct net_config cfg;
    struct pkt_pool rx;
    struct pkt_pool tx;
    struct pkt_queue out; /* what the stack sent, oldest first */
    struct net_event events[FIXTURE_EVENTS_MAX];
    bool gathers; /* frames are kept for a batch */
    struct pkt *batch[FIXTURE_BATCH_MAX];
    size_t batched;
    size_t event_count; /* all of them; those beyond FIXTURE_EVENTS_MAX are not kept */
    void *memory;
};

/* The default configuration, to be changed and handed to fixture_start: Ethernet, static address,
 * gateway FIXTURE_GATEWAY, MTU 1500, a fixed seed, small limits. */
void fixture_config(struct net_config *cfg);

/* Makes the stack at 1 s of virtual time; cfg NULL: the default. The link is down. */
void fixture_start(struct net_fixture *f, const struct net_config *cfg);

/* Link up; with a static address lets the announcements pass and forgets what was sent. */
void fixture_up(struct net_fixture *f);

/* net_destroy; every packet of both pools must then be home. */
void fixture_stop(struct net_fixture *f);

/* cmocka's: *state is a fixture that is up, as by default; fixture_setup_met: and FIXTURE_PEER is
 * known. */
int fixture_setup(void **state);
int fixture_setup_met(void **state);
int fixture_teardown(void **state);
#define fixture_test(f)     cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
#define fixture_test_met(f) cmocka_unit_test_setup_teardown(f, fixture_setup_met, fixture_teardown)

/* For a socket whose readiness is of no interest. */
void ignore_ready(void *owner, uint32_t bits);

/* Lets time pass, with net_poll at each deadline, up to now + ns. */
void fixture_advance(struct net_fixture *f, uint64_t ns);
#define fixture_advance_ms(f, ms) fixture_advance((f), (uint64_t)(ms)*NS_PER_MS)

/* Gives the stack a frame (an IP packet when the link is NET_LINK_IP). */
void fixture_input(struct net_fixture *f, const struct frame *fr);

/* From here on frames wait until they are given to it all at once. */
void fixture_gather(struct net_fixture *f);
void fixture_give(struct net_fixture *f);

/* The oldest frame the stack sent; false when there is none. */
bool fixture_pop(struct net_fixture *f, struct frame *out);

/* Forgets what was sent; returns how many frames that were. */
size_t fixture_forget(struct net_fixture *f);

/* A neighbour becomes known: it asks for our address. What was sent, the answer too, is forgotten.
 */
void fixture_know(struct net_fixture *f, uint32_t address, const uint8_t *mac);

/* A counter by name; an unknown name aborts. */
uint64_t fixture_counter(const struct net_fixture *f, const char *name);

/* The last event of a kind, or NULL. */
const struct net_event *fixture_event(const struct net_fixture *f, enum net_event_kind kind);

/* Builders. Each starts the frame anew. */
void frame_eth(struct frame *fr, const uint8_t *dst, const uint8_t *src, uint16_t type);
void frame_put(struct frame *fr, const void *data, size_t len);

struct frame_arp {
    uint16_t op;
    const uint8_t *sender_mac;
    uint32_t sender_ip;
    const uint8_t *target_mac; /* NULL: zeros */
    uint32_t target_ip;
    const uint8_t *eth_dst; /* NULL: broadcast */
};
void frame_arp(struct frame *fr, const struct frame_arp *a);

/* What frame_ip and those on top of it write in front. Zero fields get what is usual. */
struct frame_ip {
    const uint8_t *eth_dst; /* NULL: fixture_mac */
    const uint8_t *eth_src; /* NULL: fixture_peer */
    uint32_t src;           /* 0: FIXTURE_PEER */
    uint32_t dst;           /* 0: FIXTURE_ADDR */
    uint8_t protocol;
    uint8_t tos;
    uint16_t id;
    uint16_t frag; /* flags and offset as on the wire */
    const uint8_t *options;
    size_t options_len; /* a multiple of 4 */
    bool bare;          /* no Ethernet header: for NET_LINK_IP */
};
void frame_ip(struct frame *fr, const struct frame_ip *ip, const void *payload, size_t len);
void frame_udp(struct frame *fr, const struct frame_ip *ip, uint16_t sport, uint16_t dport,
               const void *payload, size_t len);
/* rest: the second word of the ICMP header. */
void frame_icmp(struct frame *fr, const struct frame_ip *ip, uint16_t type_code, uint32_t rest,
                const void *payload, size_t len);

/* Where the IP header and its payload are in a frame with an Ethernet header. */
static inline const uint8_t *frame_ip_at(const struct frame *fr)
{
    return fr->bytes + 14;
}
static inline const uint8_t *frame_payload_at(const struct frame *fr)
{
    return frame_ip_at(fr) + (frame_ip_at(fr)[0] & 15) * 4;
}

#endif
