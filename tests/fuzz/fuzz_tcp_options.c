/*
 * The TCP header and option decoder against any bytes: nothing outside the input is read (the input
 * stands in a block of its exact size), what is reported is within its ranges, and what is written
 * back parses to the same.
 */
// LINK: @net kernel/pkt.c kernel/pool.c kernel/timer.c
#include <stdlib.h>
#include <string.h>

#include "net/wire/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_options(const uint8_t *bytes, size_t len)
{
    struct tcp_options o, again;
    uint8_t written[TCP_OPTIONS_MAX_BYTES];
    (void)tcp_options_parse(&o, bytes, len);
    assert(!o.has_wscale || o.wscale <= TCP_WSCALE_MAX);
    size_t n = tcp_options_write(written, &o);
    bool ok = tcp_options_parse(&again, written, n);
    assert(ok && again.has_mss == o.has_mss && again.has_wscale == o.has_wscale);
    assert(again.mss == o.mss && again.wscale == o.wscale);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL) {
        return 0;
    }
    uint8_t *exact = copy + 1; /* odd address; the end is the block's end */
    memcpy(exact, bytes, len);
    if (len <= TCP_OPTIONS_MAX_BYTES) {
        check_options(exact, len);
    }
    struct tcp_segment seg = {0};
    size_t header = 0;
    bool ok = false;
    if (tcp_decode(&seg, exact, len, &header, &ok) == TCP_GOOD) {
        assert(header >= TCP_HEADER_BYTES && header <= len);
        assert(!seg.options.has_wscale || seg.options.wscale <= TCP_WSCALE_MAX);
    }
    free(copy);
    return 0;
}
