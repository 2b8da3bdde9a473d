/*
 * The inside of build/packetdrill.so: one stack over bare IP in virtual time, and descriptors that
 * are tokens of the kernel's.
 *
 * Threads. packetdrill's main thread drives everything and alone moves the time. A script's call
 * with a range of time is made by a second thread, at most one at a time: when it would block, it
 * leaves a pending attempt here and sleeps. The main thread repeats the attempt after each thing
 * that happened to the stack, so that it ends at the very moment at which it can; the second thread
 * wakes up with the result, and reads that moment from its next gettimeofday.
 */
#ifndef TESTS_PACKETDRILL_ADAPTER_H
#define TESTS_PACKETDRILL_ADAPTER_H

#include <pthread.h>

#include "net/net.h"
#include "tests/packetdrill/abi.h"

enum {
    PD_FDS_MAX = 1024,
    PD_POOL_PACKETS = 8192,
    PD_NOTE_US = 10000,   /* real time for the second thread to note its result: what a script says
                             next may be about it */
    PD_LINK_BYTES = 2048, /* a packet up to so large goes in as it is */
    PD_SILENCE_S = 300,   /* netdev_receive gives up when nothing comes for so long */
};

/* What --so_flags sets. */
struct pd_flags {
    uint32_t address;
    uint8_t prefix_bits;
    uint16_t mtu;
    uint32_t rcvbuf, sndbuf; /* bytes; 0: default */
    int wscale;              /* -1: follows from the buffer */
    uint32_t initial_window; /* segments; 0: default */
    char congestion[16];     /* empty: default */
    bool isn_fixed;
    uint32_t isn;
    uint32_t off; /* enum net_tcp_off */
    bool ecn;
    bool no_psh;   /* the bit is cleared in what goes out: scripts written for Linux show where its
                      segmentation offload ends, not what is on the wire */
    bool quickack; /* TCP_QUICKACK on every new socket, as Linux begins a connection */
    bool double_buffers; /* SO_SNDBUF and SO_RCVBUF are twice what is set, as on Linux */
};
/* False with the reason in why. */
bool pd_flags_parse(const char *text, struct pd_flags *out, char *why, size_t why_size);

/* Tries once: a result >= 0, or a negative errno; -EAGAIN is "not yet". */
struct pd;
typedef ssize_t pd_attempt_fn(struct pd *pd, void *args);

struct pd_pending {
    pd_attempt_fn *fn; /* NULL: none */
    void *args;
    uint64_t deadline_ns; /* of poll and epoll_wait; then it ends with 0 */
    bool done;
    ssize_t result;
    uint64_t done_ns;
};

struct pd {
    struct pd_flags flags;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* the pending attempt is done */
    pthread_t main_thread;
    struct pd_pending pending;
    bool ended_lately; /* it is done since the main thread last slept */
    uint64_t stamp_ns; /* what the second thread's next gettimeofday says; 0: the time */
    struct net *net;
    uint64_t now_ns;
    struct pkt_pool rx, tx;
    struct pkt_queue out; /* sent, oldest first; cb[0] is when */
    bool merging;         /* offload.c: bare ACKs replace each other here */
    struct pkt *merged_ack;
    void *memory;
    struct {
        int sock;      /* the stack's descriptor; -1: not ours */
        bool nonblock; /* O_NONBLOCK */
    } fds[PD_FDS_MAX]; /* by the kernel's descriptor */
};

/* time.c. With the lock held: what is due is done, and the pending attempt tried. */
void pd_settle(struct pd *pd);
/* Time passes up to end_ns, with everything that is due in between. stop_on_output: not further
 * than to the first packet. */
void pd_advance(struct pd *pd, uint64_t end_ns, bool stop_on_output);
/* Runs an attempt to its end. block false: once. timeout_ns: UINT64_MAX for ever. Takes and gives
 * back the lock. Returns >= 0, or -1 with errno. */
ssize_t pd_run(struct pd *pd, pd_attempt_fn *fn, void *args, bool block, uint64_t timeout_ns);

/* The stack's descriptor behind a token, or -1. */
int pd_sock(const struct pd *pd, int fd);

/* offload.c. With the lock held: a packet into the stack; false when there is no buffer. */
bool pd_input(struct pd *pd, const uint8_t *ip, size_t len);
bool pd_is_bare_ack(const uint8_t *ip, size_t len);

/* calls.c, options.c, time.c: fill their slots. */
void pd_fill_calls(struct pd_table *t);
void pd_fill_io(struct pd_table *t);
void pd_fill_options(struct pd_table *t);
void pd_fill_time(struct pd_table *t);

/* info.c: from begin to end the program's getsockopt knows our descriptors. */
void pd_info_begin(struct pd *pd, const struct pd_table *t);
void pd_info_end(void);

#endif
