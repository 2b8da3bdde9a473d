/*
 * A capture: a tap that keeps the frames which a filter wants in a ring of its own, to be read as a
 * pcapng file. Frames that find no room are counted, in the file, too. A frame that the stack
 * dropped has the reason as its comment.
 */
#ifndef NET_TAP_CAPTURE_H
#define NET_TAP_CAPTURE_H

#include "net/bpf/bpf.h"
#include "net/tap/pcapng.h"
#include "net/tap/tap.h"

enum {
    CAPTURE_SNAPLEN_MAX = 2048, /* of what the device is left to cut, the front */
    CAPTURE_RING_MIN_BYTES = 8192,
};

struct capture_config {
    const struct bpf_insn *program; /* checked; borrowed for as long as the capture lives */
    uint32_t snaplen;               /* 1..CAPTURE_SNAPLEN_MAX bytes are kept of a frame */
    uint64_t packets_max;           /* then it is over; 0: without end */
    uint64_t unix_offset_ns;        /* from the stack's clock to the time since 1970 */
    /* The TCP connection that the capture itself is read by is left out; ports 0: none. Host order.
     */
    uint32_t reader_address;
    uint16_t reader_port;
    uint16_t own_port;
};

struct capture {
    struct net_tap tap;
    struct capture_config config;
    uint8_t *ring;
    size_t ring_bytes;
    size_t read_at;
    size_t write_at;
    size_t wrap_at; /* behind read_at: where the ring's last record ends */
    size_t used;
    uint64_t received; /* frames seen */
    uint64_t accepted; /* wanted by the filter */
    uint64_t lost;     /* of these, for want of room */
    uint64_t lost_untold;
    uint64_t start_unix_ns;
};

/* ring: ring_bytes of memory, CAPTURE_RING_MIN_BYTES at least, aligned to 8; the caller's, until
 * the capture is not read any more. Add c->tap to the taps then. */
void capture_init(struct capture *c, const struct capture_config *config, void *ring,
                  size_t ring_bytes, uint64_t now_ns);

/* All that packets_max allows was kept. */
bool capture_over(const struct capture *c);

/* Puts the next frame's block at out (max is PCAPNG_PACKET_MORE_BYTES and snaplen at least) and
 * returns its bytes; 0: no frame waits. */
size_t capture_read(struct capture *c, uint8_t *out, size_t max);

/* The block that says what was seen and lost: the last of the file. */
size_t capture_end(const struct capture *c, uint8_t *out, size_t max, uint64_t now_ns);

#endif
