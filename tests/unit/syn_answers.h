/*
 * What the tests of SYN cookies say of a handshake: the SYN's options, the answer that goes out,
 * the connection that comes of it.
 */
#ifndef TESTS_UNIT_SYN_ANSWERS_H
#define TESTS_UNIT_SYN_ANSWERS_H

#include "tests/unit/tcp_fixture.h"

/* A SYN-ACK (or any segment) that went out. */
struct answer {
    uint32_t seq;
    uint32_t ack;
    uint8_t flags;
    struct tcp_options o;
};

/* The next segment that went out; fails when there is none. */
struct answer take(struct tcp_test *tt);

/* Writes a SYN's options as Linux has them and returns their length; wscale above 14: none. */
size_t full_options(char *o, uint16_t mss, bool sack, uint8_t wscale, uint32_t ts_val);

/* Writes the options of a segment with timestamps and returns their length. */
size_t ts_options(char *o, uint32_t ts_val, uint32_t ts_ecr);

/* Accepts the connection, which must be ESTABLISHED; it is tt->t then. */
struct tcp_cb *accepted(struct tcp_test *tt);

#endif
