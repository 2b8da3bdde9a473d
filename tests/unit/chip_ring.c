/*
 * The chip models' data path: tails, who owns a descriptor, the receive FIFO, the two engines.
 * 8254x manual 3.2, 3.3; 82576 data sheet 4.5.9, 4.5.10 for queues with an enable bit.
 */
#include <string.h>

#include "tests/unit/chip_internal.h"

#define QUEUE_ENABLE    (UINT32_C(1) << 25)
#define QUEUE_ENABLE_NS UINT64_C(20000)
#define LINE_DESCS      4u /* in a cache line */

uint32_t chip_ring_count(uint32_t block)
{
    return *reg(block + 0x08) / 16;
}

uint32_t chip_ring_owned(uint32_t block)
{
    uint32_t count = chip_ring_count(block);
    return count == 0 ? 0 : (*reg(block + 0x18) + count - *reg(block + 0x10)) % count;
}

uint32_t chip_rx_owned(const struct chip *c)
{
    assert(c == chip);
    return chip_ring_owned(0x2800);
}

static uint8_t *descriptor(uint32_t block, uint32_t idx)
{
    uint64_t base = *reg(block) | (uint64_t)*reg(block + 0x04) << 32;
    return chip_reach(base + (uint64_t)idx * 16, 16);
}

static bool same_as_given(const struct chip_given *given, const uint8_t *desc)
{
    return memcmp(given->words, desc, 16) == 0;
}

void chip_rings_reset(void)
{
    chip->fifo_count = 0;
    chip->done_count = 0;
    chip->tx_unreported_count = 0;
    chip_tx_forget();
    chip->queue_on_ns[0] = chip->queue_on_ns[1] = 0;
    chip->tail_wrong[0] = chip->tail_wrong[1] = false;
    chip->rx_hang = false;
    chip->tx_hang = false;
}

/* --- queues with an enable bit ------------------------------------------------------------ */

/* Whether a tail that is written now takes effect. */
bool chip_queue_on(uint32_t block)
{
    if (chip->traits->class != CLASS_IGB) {
        return chip_engine_on(block);
    }
    uint64_t on_ns = chip->queue_on_ns[block >= 0x3800];
    return on_ns != 0 && chip->now_ns >= on_ns;
}

static void write_queue_control(uint32_t block, uint32_t value)
{
    uint64_t *on_ns = &chip->queue_on_ns[block >= 0x3800];
    bool on = (value & QUEUE_ENABLE) != 0;
    if (on && *on_ns == 0) {
        chip_check_ring(block == 0x2800 ? "RX queue" : "TX queue", block);
        *on_ns = chip->queue_stuck ? UINT64_MAX : chip->now_ns + QUEUE_ENABLE_NS;
    } else if (!on) {
        *on_ns = 0;
    }
    *reg(block + 0x28) = value & ~QUEUE_ENABLE;
}

void chip_check_ring(const char *name, uint32_t block)
{
    static const uint8_t needed[] = {0x00, 0x04, 0x08, 0x10, 0x18};
    /* From the 82575 on head and tail are the chip's until the queue is enabled. */
    size_t count_needed = chip->traits->class == CLASS_IGB ? 3 : ARRAY_SIZE(needed);
    for (size_t i = 0; i < count_needed; i++) {
        if (!chip->written[(block + needed[i]) / 4]) {
            chip_fault("%s enabled before register 0x%04x was written", name, block + needed[i]);
        }
    }
    uint32_t count = chip_ring_count(block);
    if (count < 8 || count > CHIP_RING_MAX) {
        chip_fault("%s enabled with a ring of %u", name, count);
    }
    if (chip->traits->class == CLASS_ICH && block == 0x3800 && count < 16) {
        chip_fault("%s enabled with less than 16 descriptors", name);
    }
    if (*reg(block + 0x10) != *reg(block + 0x18)) {
        chip_fault("%s enabled with work in its ring", name);
    }
}

/* --- tails -------------------------------------------------------------------------------- */

/* Descriptor idx becomes the chip's to fill. */
static void take_rx(uint32_t idx)
{
    const uint8_t *desc = descriptor(0x2800, idx);
    if (desc == NULL) {
        return;
    }
    struct chip_given *given = &chip->rx_given[idx];
    memcpy(given->words, desc, 16);
    uint32_t count = chip_ring_count(0x2800);
    bool judged = chip->hostile == NULL;
    for (uint32_t i = *reg(0x2810); judged && i != idx; i = (i + 1) % count) {
        if (chip->rx_given[i].words[0] == given->words[0]) {
            chip_fault("RX descriptors %u and %u share a buffer", i, idx);
        }
    }
    chip_check_rx_given(idx, given);
}

/* Descriptor idx becomes the chip's to send. */
static void take_tx(uint32_t idx)
{
    const uint8_t *desc = descriptor(0x3800, idx);
    if (desc == NULL) {
        return;
    }
    memcpy(chip->tx_given[idx].words, desc, 16);
    chip_check_tx_given(idx, desc);
}

static void take_tail(uint32_t block, uint32_t value, void (*take)(uint32_t))
{
    uint32_t count = chip_ring_count(block);
    uint32_t old = *reg(block + 0x18);
    if (value >= count) {
        chip_fault("tail 0x%04x = %u out of a ring of %u", block + 0x18, value, count);
        return;
    }
    uint32_t given = (value + count - old) % count;
    if (chip_ring_owned(block) + given >= count) {
        chip_fault("tail 0x%04x passes the head", block + 0x18);
        return;
    }
    if (given == 0) {
        chip_fault("tail 0x%04x written for nothing", block + 0x18);
    }
    for (uint32_t i = 0; i < given; i++) {
        take((old + i) % count);
    }
    chip->rings_used = true;
    *reg(block + 0x18) = value;
}

static void write_tail(uint32_t block, uint32_t value)
{
    if (chip->part == CHIP_PCH2 && chip->now_ns < chip->me_busy_until_ns) {
        /* 82579: beside ME the write goes wrong, and the engine must not run on with it. */
        *reg(block + 0x18) = value ^ 1;
        chip->tail_wrong[block >= 0x3800] = true;
        return;
    }
    if (chip->tail_wrong[block >= 0x3800]) {
        if (chip_engine_on(block)) {
            chip_fault("tail 0x%04x went wrong, and its engine was not stopped", block + 0x18);
        }
        return;
    }
    bool rx = block == 0x2800;
    if (!chip_queue_on(block)) {
        if (chip->traits->class == CLASS_IGB && value != 0) {
            chip_fault("tail 0x%04x written before its queue is enabled", block + 0x18);
        }
        *reg(block + 0x18) = value;
        return;
    }
    take_tail(block, value, rx ? take_rx : take_tx);
    if (rx) {
        chip_drain_fifo();
        return;
    }
    if (chip->open.descriptors > 0) {
        chip_fault("the burst ends within a frame");
    }
    uint32_t count = max_u32(chip_ring_count(block), 1);
    const struct chip_given *last = &chip->tx_given[(*reg(block + 0x18) + count - 1) % count];
    if (!chip_tx_reports(last) && !chip_tx_is_dummy(last)) {
        chip_fault("the burst that ends in TX descriptor %u will never be reported",
                   (*reg(block + 0x18) + count - 1) % count);
    }
    if (!chip->tx_manual) {
        (void)chip_tx_work(chip, UINT32_MAX);
    }
}

/* Offset is of queue 0's block. */
void chip_write_ring(uint32_t offset, uint32_t value)
{
    uint32_t block = offset & ~UINT32_C(0xff);
    uint32_t at = offset & 0xff;
    if (at == 0x18) {
        chip->rdt_writes += block == 0x2800;
        chip->tdt_writes += block == 0x3800;
        write_tail(block, value);
    } else if (at == 0x28 && chip->traits->class == CLASS_IGB) {
        write_queue_control(block, value);
    } else {
        bool geometry = at <= 0x10 && at != 0x0c;
        bool on = chip->traits->class == CLASS_IGB ? chip->queue_on_ns[block >= 0x3800] != 0
                                                   : chip_engine_on(block);
        if (on && (geometry || (chip->traits->class == CLASS_IGB && at == 0x0c))) {
            chip_fault("ring register 0x%04x written while enabled", offset);
        }
        *reg(offset) = value;
    }
}

/* --- receive ------------------------------------------------------------------------------ */

static void writeback_rx(struct chip_done *d, bool torn)
{
    uint8_t *desc = descriptor(0x2800, d->idx);
    if (desc == NULL) {
        d->written = true; /* lost */
        return;
    }
    if (!same_as_given(&chip->rx_given[d->idx], desc)) {
        chip_fault("RX descriptor %u was touched while the chip owned it", d->idx);
    }
    chip_put_rx(desc, d, torn);
    if (torn) {
        memcpy(chip->rx_given[d->idx].words, desc, 16); /* what it looks like in between */
        return;
    }
    d->written = true;
    if (d->status & 0x02) {
        chip_raise_rx();
    }
}

static struct chip_done *held(uint32_t n)
{
    return &chip->done[(chip->done_first + n) % CHIP_RING_MAX];
}

/* The next to be written back: within a cache line the order is the chip's. */
static struct chip_done *next_held(void)
{
    struct chip_done *first = held(0), *best = first;
    for (uint32_t n = 0; chip->rx_backwards && n < min_u32(chip->done_count, LINE_DESCS); n++) {
        struct chip_done *d = held(n);
        if (d->idx / LINE_DESCS == first->idx / LINE_DESCS && !d->written) {
            best = d;
        }
    }
    return best;
}

void chip_rx_writeback(struct chip *c, uint32_t count, bool torn)
{
    assert(c == chip);
    for (; count > 0 && c->done_count > 0; count--) {
        bool stop_here = torn && count == 1;
        writeback_rx(next_held(), stop_here);
        if (stop_here) {
            return;
        }
        while (c->done_count > 0 && held(0)->written) {
            c->done_first++;
            c->done_count--;
        }
    }
}

/* One buffer's worth of a frame. */
static void fill(const struct chip_frame *f, size_t at)
{
    uint32_t idx = *reg(0x2810);
    uint16_t len = (uint16_t)min_size(f->len - at, CHIP_BUFFER_BYTES);
    bool last = at + len == f->len;
    uint8_t *buffer = chip_reach(chip->rx_given[idx].words[0], CHIP_BUFFER_BYTES);
    if (buffer != NULL) {
        if (!chip_poisoned(buffer, CHIP_BUFFER_BYTES)) {
            chip_fault("RX buffer %u was written while the chip owned it", idx);
        }
        memcpy(buffer, f->bytes + at, len);
    }
    struct chip_done *d = held(chip->done_count++);
    *d = (struct chip_done){.idx = idx, .length = len, .status = last ? 0x03 : 0x01};
    if (last) {
        d->errors = f->errors;
        chip_rx_csum(f->bytes, f->len, &d->status, &d->errors);
    }
    *reg(0x2810) = (idx + 1) % chip_ring_count(0x2800);
}

void chip_drain_fifo(void)
{
    while (chip->fifo_count > 0 && !chip->dead && !chip->tail_wrong[0] && !chip->rx_hang &&
           chip_queue_on(0x2800)) {
        const struct chip_frame *f = &chip->fifo[chip->fifo_first % CHIP_FIFO_FRAMES];
        uint32_t need = (uint32_t)((f->len + CHIP_BUFFER_BYTES - 1) / CHIP_BUFFER_BYTES);
        if (chip_ring_owned(0x2800) < need) {
            break;
        }
        for (size_t at = 0; at < f->len; at += CHIP_BUFFER_BYTES) {
            fill(f, at);
        }
        chip->frames_in++;
        chip->fifo_first++;
        chip->fifo_count--;
        if (chip_ring_owned(0x2800) <= chip_ring_count(0x2800) / 2) {
            chip_raise(0x10);
        }
    }
    if (!chip->rx_hold) {
        chip_rx_writeback(chip, UINT32_MAX, false);
    }
}

/*
 * 82574 data sheet, RCTL.LBM, IEEE 802.3 22.2.4.1.2 (BMCR, bit 14): the frame comes back,
 * and nothing leaves, cable or not. FD, SLU, FRCSPD and FRCDPLX have to be set in CTRL.
 */
static bool mac_loops(void)
{
    return (*reg(0x0100) >> 6 & 3) == 1;
}

static bool loops(void)
{
    return mac_loops() || (chip->phy[0] & 0x4000) != 0;
}

/* 13.5: exact address 0, broadcast when RCTL.BAM, the multicast hash of bits 47:36. */
static bool wanted(const uint8_t *dest)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    uint32_t rctl = *reg(0x0100);
    if (memcmp(dest, broadcast, 6) == 0) {
        return (rctl & 0x8000) != 0;
    }
    if (dest[0] & 1) {
        uint32_t bit = (uint32_t)(dest[4] >> 4 | dest[5] << 4) & 0xfff;
        uint32_t index = bit >> 5 & (chip->traits->mta_count - 1); /* ICH: a hash of 10 bits */
        return (*reg(0x5200 + 4 * index) >> (bit & 31) & 1) != 0;
    }
    uint8_t mine[6];
    uint32_t low = *reg(0x5400), high = *reg(0x5404);
    memcpy(mine, &low, 4);
    memcpy(mine + 4, &high, 2);
    return (high >> 31) != 0 && memcmp(dest, mine, 6) == 0;
}

bool chip_receive(struct chip *c, const uint8_t *frame, size_t len, uint8_t errors)
{
    assert(c == chip && len <= CHIP_FRAME_MAX);
    chip_run(c);
    bool linked = chip_link() || loops();
    bool listening = !c->in_reset && !c->gone && linked && (*reg(0x0100) & 0x02) != 0;
    if (!listening || !wanted(frame) || (len > 1518 && !c->accept_long)) {
        return false;
    }
    if (c->fifo_count == CHIP_FIFO_FRAMES) {
        *reg(0x4010) += 1; /* MPC */
        c->frames_dropped++;
        chip_raise(0x40);
        return false;
    }
    struct chip_frame *f = &c->fifo[(c->fifo_first + c->fifo_count++) % CHIP_FIFO_FRAMES];
    memcpy(f->bytes, frame, len);
    f->len = len;
    f->errors = errors;
    *reg(0x4074) += 1; /* GPRC */
    if (chip_ring_owned(0x2800) == 0) {
        *reg(0x40a0) += 1; /* RNBC */
    }
    chip_drain_fifo();
    return true;
}

/* --- transmit ----------------------------------------------------------------------------- */

static void report_tx(uint32_t idx)
{
    uint8_t *desc = descriptor(0x3800, idx);
    if (desc == NULL) {
        return;
    }
    if (!same_as_given(&chip->tx_given[idx], desc)) {
        chip_fault("TX descriptor %u was touched while the chip owned it", idx);
    }
    chip_put_tx(desc, &chip->tx_given[idx]);
    chip->reports_out++;
}

void chip_tx_writeback(struct chip *c)
{
    assert(c == chip);
    for (uint32_t i = 0; i < c->tx_unreported_count; i++) {
        report_tx(c->tx_unreported[i]);
    }
    if (c->tx_unreported_count > 0) {
        c->tx_unreported_count = 0;
        chip_raise_tx();
    }
}

static void check_loopback(void)
{
    bool may = chip->traits->class == CLASS_8257X || chip->traits->class == CLASS_IGB;
    if (mac_loops() && !may) {
        chip_fault("loopback in a MAC that does not have it");
    }
    if ((*reg(0x0000) & 0x1841) != 0x1841) {
        chip_fault("loopback without forced speed and full duplex");
    }
}

static void let_go(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    if (loops()) {
        check_loopback();
        chip->looped++;
        (void)chip_receive(chip, data, len, 0);
    } else if (chip->sent != NULL) {
        chip->sent(chip->sent_arg, data, len);
    }
}

static void send_one(uint32_t idx)
{
    const struct chip_given *given = &chip->tx_given[idx];
    if (chip_tx_is_dummy(given)) {
        return;
    }
    const uint8_t *desc = descriptor(0x3800, idx);
    bool context = chip_tx_kind(given->words[1]) == CHIP_TX_CONTEXT;
    size_t len = context ? 0 : chip_tx_length(given);
    const uint8_t *data = len > 0 ? chip_reach(given->words[0], len) : NULL;
    if (desc == NULL || (data == NULL && len > 0)) {
        return;
    }
    if (!same_as_given(given, desc)) {
        chip_fault("TX descriptor %u was touched while the chip owned it", idx);
    }
    if (data != NULL && chip_hash(data, len) != given->data_hash) {
        chip_fault("TX buffer of descriptor %u changed before it was sent", idx);
    }
    static const uint8_t none[1];
    chip_tx_take(given, data != NULL ? data : none, let_go);
    if (chip_tx_reports(given) && chip->tx_unreported_count < CHIP_RING_MAX) {
        chip->tx_unreported[chip->tx_unreported_count++] = idx;
    }
}

static bool able_to_send(void)
{
    return !chip->dead && !chip->tail_wrong[1] && !chip->in_reset && !chip->gone &&
           (*reg(0x0400) & 0x02) != 0 && chip_queue_on(0x3800);
}

/* A ring that is being flushed (I219) is emptied without a link too. */
static bool may_send(uint32_t idx)
{
    if (chip_tx_is_dummy(&chip->tx_given[idx])) {
        return true;
    }
    return !chip->tx_stuck && !chip->tx_hang && !chip->tx_paused && (chip_link() || loops());
}

uint32_t chip_tx_work(struct chip *c, uint32_t count)
{
    assert(c == chip);
    uint32_t sent = 0;
    while (able_to_send() && sent < count && chip_ring_owned(0x3800) > 0) {
        uint32_t idx = *reg(0x3810);
        if (!may_send(idx)) {
            break;
        }
        send_one(idx);
        *reg(0x3810) = (idx + 1) % chip_ring_count(0x3800);
        sent++;
    }
    if (!c->tx_hold_dd) {
        chip_tx_writeback(c);
    }
    if (sent > 0) {
        chip_raise(chip->traits->class == CLASS_IGB ? 0x01 : 0x03);
    }
    return sent;
}
