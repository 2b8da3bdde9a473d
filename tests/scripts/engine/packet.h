/*
 * Packets of a script as bytes and back, for one run's numbers: relative sequence numbers and
 * timestamps become absolute on the way in and relative again on the way out.
 */
#ifndef TESTS_SCRIPTS_ENGINE_PACKET_H
#define TESTS_SCRIPTS_ENGINE_PACKET_H

#include "tests/scripts/engine/script.h"

/* What a run knows of a connection. */
struct ps_flow {
    uint32_t peer; /* address */
    uint16_t lport, rport;
    uint32_t iss, irs; /* ours, the peer's */
    uint32_t ts_ours;  /* the first TSval that the stack sent */
    uint32_t ts_peer;  /* what the peer's TSval 0 is on the wire */
    bool iss_known, ts_known;
};

struct ps_bytes {
    uint8_t at[PS_PACKET_MAX];
    size_t len;
};

/* Builds what a < line says. */
void ps_encode(const struct ps_packet *p, const struct ps_flow *f, struct ps_bytes *out);

/*
 * Decodes what the stack sent. Checks what must hold of every packet (version, lengths, checksums,
 * at most mtu bytes); false with the reason in why. p->data points into b. Learns ISS and TSval of
 * flow from a SYN when they are not known.
 */
bool ps_decode(const struct ps_bytes *b, struct ps_packet *p, char why[PS_TEXT_MAX]);
/* Of which connection p is: the flow's index, or -1. */
int ps_flow_of(const struct ps_packet *p, struct ps_flow *flows, size_t count);
/* Learns the flow's numbers from p when it does not know them, then makes p's relative. */
void ps_make_relative(struct ps_packet *p, struct ps_flow *f);

/* text.c: a packet in the script's own words. */
void ps_format(const struct ps_packet *p, char *out, size_t size);
/* Is got what want says? ts_slack: by how much a TSval of ours may differ. */
bool ps_matches(const struct ps_packet *want, const struct ps_packet *got, int64_t ts_slack,
                char why[PS_TEXT_MAX]);

#endif
