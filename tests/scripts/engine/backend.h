/*
 * What a script is played against: the stack under test in virtual time (ours.c), or Linux's TCP
 * behind a TUN device in real time (linux.c). Times are ns since the back-end began.
 */
#ifndef TESTS_SCRIPTS_ENGINE_BACKEND_H
#define TESTS_SCRIPTS_ENGINE_BACKEND_H

#include "tests/scripts/engine/packet.h"

/* The numbers that one run of a script uses. */
struct ps_run {
    uint32_t iss, irs;         /* ours (where it can be set), the peer's */
    uint32_t ts_ours, ts_peer; /* first timestamps */
};

struct ps_backend {
    const char *name;
    bool real_time;
    uint64_t tolerance_ns;   /* of an expected segment's time */
    uint64_t tolerance_part; /* and one part in so many of the time waited; 0: none */
    int64_t ts_slack;        /* of a timestamp of the stack, ms */

    /* Everything below takes the back-end's own state. begin: NULL with why set. */
    void *(*begin)(const struct ps_script *s, const struct ps_run *run, char why[PS_TEXT_MAX]);
    uint64_t (*now)(void *b);
    void (*inject)(void *b, const struct ps_bytes *packet);
    /* Lets time pass until the stack sends something, or until_ns. False: it did not; *at_ns is
     * when it did. */
    bool (*receive)(void *b, uint64_t until_ns, struct ps_bytes *out, uint64_t *at_ns);
    /* A socket call: its result, or a negative errno. Bytes to send are in buf; received ones go
     * there. flow is the connection that a connect is for. */
    int64_t (*call)(void *b, const struct ps_call *c, const struct ps_flow *flow, uint8_t *buf);
    /* False: no such counter. *known false: this back-end has none of them. */
    bool (*counter)(void *b, const char *name, int64_t *value, bool *known);
    /* Closes what is open, lets everything end, and takes b. False with why: something stayed. */
    bool (*end)(void *b, char why[PS_TEXT_MAX]);
};

extern const struct ps_backend ps_backend_ours;
extern const struct ps_backend ps_backend_linux;

/* Plays s once. False with why set: "file:line: ...". */
bool ps_play(const struct ps_script *s, const struct ps_backend *back, const struct ps_run *run,
             char why[PS_TEXT_MAX * 4]);

#endif
