/*
 * Frames as the chip models send them: of one descriptor or several, with what a context asks for.
 * 8254x manual 3.3.3, 3.3.6, 3.3.7, 3.5; 82576 data sheet 7.2.2, 7.2.4. Rules that are no manual's
 * but Linux's and FreeBSD's workarounds for errata: the sentinel (8254x), payload beside the
 * headers (82571 to PCH), four segments a descriptor.
 *
 * Rules are judged when descriptors are given (chip_desc.c has those about a single one), work is
 * done when they are sent; a context is known to both in its turn.
 */
#include <string.h>

#include "kernel/bytes.h"
#include "tests/unit/chip_internal.h"

enum {
    CMD_EOP = 0x01,
    CMD_IFCS = 0x02,
    CMD_TSE = 0x04,
    CMD_RS = 0x08,
    CMD_DEXT = 0x20,
    CMD_TSE_ADVANCED = 0x80,
    POPTS_IXSM = 0x01,
    POPTS_TXSM = 0x02,
    BUFFERS_MAX = 64, /* QEMU's 82574 takes no more */
    SENTINEL_MAX = 8,
    TCP = 6,
    UDP = 17,
};

static bool advanced(void)
{
    return chip->traits->class == CLASS_IGB;
}

static uint8_t command(uint64_t word)
{
    return (uint8_t)(word >> 24);
}

static bool extended(uint64_t word)
{
    return (command(word) & CMD_DEXT) != 0;
}

enum chip_tx_kind chip_tx_kind(uint64_t word)
{
    uint32_t type = (uint32_t)(word >> 20 & 15);
    if (!extended(word)) {
        return CHIP_TX_LEGACY;
    }
    if (type == (advanced() ? 3 : 1)) {
        return CHIP_TX_DATA;
    }
    return type == (advanced() ? 2 : 0) ? CHIP_TX_CONTEXT : CHIP_TX_NONE;
}

size_t chip_tx_length(const struct chip_given *given)
{
    bool long_one = !advanced() && extended(given->words[1]);
    return given->words[1] & (long_one ? 0xfffff : 0xffff);
}

/* RS: bit 27 in all. */
bool chip_tx_reports(const struct chip_given *given)
{
    return (command(given->words[1]) & CMD_RS) != 0;
}

static bool segments(uint64_t word)
{
    uint8_t bit = advanced() ? CMD_TSE_ADVANCED : CMD_TSE;
    return chip_tx_kind(word) == CHIP_TX_DATA && (command(word) & bit) != 0;
}

static uint8_t options(uint64_t word)
{
    return chip_tx_kind(word) == CHIP_TX_DATA ? (uint8_t)(word >> 40 & 0x3f) : 0;
}

static size_t frame_max(const struct chip_frame_open *f)
{
    return f->segments ? SEGMENT_WHOLE_MAX : 1514;
}

/* --- contexts ----------------------------------------------------------------------------- */

static struct chip_context decode_legacy(const uint64_t *w)
{
    return (struct chip_context){
        .known = true,
        .job = {.l3 = w[0] & 0xff,
                .l4 = w[0] >> 32 & 0xff,
                .csum = w[0] >> 40 & 0xff,
                .payload = w[1] >> 40 & 0xff,
                .mss = w[1] >> 48},
        .ip_csum = w[0] >> 8 & 0xff,
        .ip_end = w[0] >> 16 & 0xffff,
        .l4_end = w[0] >> 48,
        .bytes = w[1] & 0xfffff,
        .tcp = (command(w[1]) & 1) != 0,
        .ipv4 = (command(w[1]) & 2) != 0,
        .segments = (command(w[1]) & CMD_TSE) != 0,
    };
}

static struct chip_context decode_advanced(const uint64_t *w)
{
    size_t l3 = w[0] >> 9 & 0x7f, l4 = l3 + (w[0] & 0x1ff);
    bool tcp = (w[1] >> 11 & 3) == 1;
    return (struct chip_context){
        .known = true,
        .job = {.l3 = l3,
                .l4 = l4,
                .csum = l4 + (tcp ? 16 : 6),
                .payload = l4 + (w[1] >> 40 & 0xff),
                .mss = w[1] >> 48},
        .ip_csum = l3 + 10,
        .ip_end = l4 - 1,
        .tcp = tcp,
        .ipv4 = (w[1] >> 10 & 1) != 0,
        .segments = w[1] >> 48 != 0,
    };
}

static struct chip_context decode(const struct chip_given *given)
{
    return advanced() ? decode_advanced(given->words) : decode_legacy(given->words);
}

static void give_context(uint32_t idx, const struct chip_given *given)
{
    struct chip_context c = decode(given);
    uint64_t word = given->words[1];
    chip->context_given = c;
    chip->contexts++;
    if (chip->open.descriptors > 0) {
        chip_fault("TX descriptor %u: a context within a frame", idx);
    }
    if (command(word) != (advanced() ? CMD_DEXT : (command(word) & 0x27))) {
        chip_fault("TX descriptor %u: a context with command 0x%02x", idx, command(word));
    }
    bool stale = advanced() ? (word & 0xff7e1ff0001fe3ff & ~(UINT64_C(0xffffff) << 40)) != 0 ||
                                  given->words[0] >> 16 != 0
                            : (word >> 32 & 0xff) != 0;
    if (stale) {
        chip_fault("TX descriptor %u: a context with stale fields", idx);
    }
    bool sane = c.ipv4 && c.ip_csum == c.job.l3 + 10 && c.ip_end == c.job.l4 - 1 && c.l4_end == 0 &&
                c.job.csum == c.job.l4 + (c.tcp ? 16 : 6);
    bool sized = c.segments ? c.tcp && c.job.mss > 0 && c.job.payload >= c.job.l4 + 20 &&
                                  c.job.payload + c.job.mss <= 1514
                            : c.job.mss == 0 && c.bytes == 0;
    if (!sane || !sized) {
        chip_fault("TX descriptor %u: a senseless context", idx);
    }
}

/* --- what is given ------------------------------------------------------------------------ */

/* The headers are what the context says, and the pseudo header's sum is in place. */
static void check_headers(const struct chip_frame_open *f)
{
    const struct segment_job *j = &chip->context_given.job;
    const uint8_t *ip = f->head + j->l3;
    if (j->csum + 2 > min_size(f->bytes, sizeof(f->head))) {
        chip_fault("TX: a context for a longer frame");
        return;
    }
    uint8_t protocol = chip->context_given.tcp ? TCP : UDP;
    if (load_be16(ip - 2) != 0x0800 || ip[0] >> 4 != 4 ||
        (size_t)(ip[0] & 15) * 4 != j->l4 - j->l3 || ip[9] != protocol) {
        chip_fault("TX: the context is of another frame");
        return;
    }
    size_t len = f->segments ? 0 : load_be16(ip + 2) - (j->l4 - j->l3);
    const uint8_t pseudo[4] = {0, protocol, (uint8_t)(len >> 8), (uint8_t)len};
    uint32_t sum = segment_sum(segment_sum(0, ip + 12, 8), pseudo, sizeof(pseudo));
    if (load_be16(f->head + j->csum) != sum) {
        chip_fault("TX: the pseudo header's sum is wrong");
    }
    if (f->segments && (load_be16(ip + 2) != 0 || load_be16(ip + 10) != 0)) {
        chip_fault("TX: to be segmented, with a length or checksum of its own");
    }
}

static void check_segmented(const struct chip_frame_open *f)
{
    const struct chip_context *c = &chip->context_given;
    const struct segment_job *j = &c->job;
    bool early = !advanced();
    if (!c->segments) {
        chip_fault("TX: to be segmented by a context that is not for it");
    }
    if (f->options != (POPTS_IXSM | POPTS_TXSM)) {
        chip_fault("TX: segments without checksums");
    }
    if ((early ? c->bytes : f->told) != f->bytes - j->payload) {
        chip_fault("TX: PAYLEN is not the payload's");
    }
    if (f->first_bytes < j->payload) {
        chip_fault("TX: headers not in the first buffer");
    }
    if (early && f->first_bytes == j->payload) {
        chip_fault("TX: nothing but headers in the first descriptor");
    }
    if (f->longest > 4 * j->mss) {
        chip_fault("TX: more than four segments in a descriptor");
    }
}

static void check_whole(const struct chip_frame_open *f)
{
    if (f->bytes < 60 || f->bytes > frame_max(f)) {
        chip_fault("TX: a frame of %zu bytes", f->bytes);
    }
    if (f->descriptors > BUFFERS_MAX && chip->traits->class != CLASS_8254X) {
        chip_fault("TX: a frame of %u buffers", f->descriptors);
    }
    if (advanced() && !f->segments && f->told != f->bytes) {
        chip_fault("TX: PAYLEN %zu of %zu bytes", f->told, f->bytes);
    }
    bool sentinel = chip->traits->class == CLASS_8254X && (f->segments || chip->segmented_last);
    if (sentinel && f->last_bytes > SENTINEL_MAX) {
        chip_fault("TX: segmented, or behind what is, without a sentinel");
    }
    if (f->options != 0 && !chip->context_given.known) {
        chip_fault("TX: asks for what no context tells");
    } else if (f->options != 0) {
        if (f->segments) {
            check_segmented(f);
        }
        check_headers(f);
    }
}

/* What the descriptors of a frame have in common: all but the length, EOP and RS. */
static uint64_t common(uint64_t word)
{
    uint64_t length = advanced() || !extended(word) ? 0xffff : 0xfffff;
    return word & ~(length | (uint64_t)(CMD_EOP | CMD_RS) << 24);
}

static void add_bytes(struct chip_frame_open *f, const uint8_t *data, size_t len)
{
    if (data != NULL && f->bytes < sizeof(f->head)) {
        memcpy(f->head + f->bytes, data, min_size(len, sizeof(f->head) - f->bytes));
    }
    f->bytes += len;
    f->last_bytes = len;
    f->longest = max_u64(f->longest, len);
}

static void give_data(uint32_t idx, const struct chip_given *given, const uint8_t *data)
{
    struct chip_frame_open *f = &chip->open;
    uint64_t word = given->words[1];
    size_t len = chip_tx_length(given);
    if (len == 0) {
        chip_fault("TX descriptor %u: no bytes", idx);
    }
    if (f->descriptors++ == 0) {
        f->common = common(word);
        f->segments = segments(word);
        f->options = options(word);
        f->told = advanced() ? word >> 46 : 0;
        f->first_bytes = len;
    } else if (common(word) != f->common) {
        chip_fault("TX descriptor %u: unlike the first of its frame", idx);
    }
    add_bytes(f, data, len);
    bool ends = (command(word) & CMD_EOP) != 0;
    if (!ends && chip_tx_reports(given)) {
        chip_fault("TX descriptor %u: a report within a frame", idx);
    }
    if (ends) {
        check_whole(f);
        chip->segmented_last = f->segments;
        memset(f, 0, sizeof(*f));
    }
}

void chip_tx_give(uint32_t idx, const struct chip_given *given, const uint8_t *data)
{
    if (chip_tx_kind(given->words[1]) == CHIP_TX_CONTEXT) {
        give_context(idx, given);
    } else {
        give_data(idx, given, data);
    }
}

/* --- what is sent ------------------------------------------------------------------------- */

static void count(void *arg, const uint8_t *frame, size_t len)
{
    segment_fn *out = *(segment_fn **)arg;
    chip->frames_out++;
    *reg(0x4080) += 1; /* GPTC */
    out(NULL, frame, len);
}

/* What leaves when the descriptor is done, whose bytes data has; none but a frame's last does. */
void chip_tx_take(const struct chip_given *given, const uint8_t *data, segment_fn *out)
{
    uint64_t word = given->words[1];
    size_t len = chip_tx_length(given);
    if (chip_tx_kind(word) == CHIP_TX_CONTEXT) {
        chip->context = decode(given);
        return;
    }
    len = min_size(len, sizeof(chip->sending) - chip->sending_bytes);
    memcpy(chip->sending + chip->sending_bytes, data, len);
    chip->sending_bytes += len;
    if ((command(word) & CMD_EOP) == 0) {
        return;
    }
    struct segment_job job = chip->context.job;
    job.mss = segments(word) ? job.mss : 0;
    size_t bytes = chip->sending_bytes;
    chip->sending_bytes = 0;
    if ((options(word) & POPTS_TXSM) != 0) {
        (void)segment_send(chip->sending, bytes, &job, count, &out);
    } else if (bytes <= SEGMENT_FRAME_MAX) {
        count(&out, chip->sending, bytes);
    }
}

void chip_tx_forget(void)
{
    memset(&chip->open, 0, sizeof(chip->open));
    chip->context.known = chip->context_given.known = false;
    chip->segmented_last = false;
    chip->sending_bytes = 0;
}
