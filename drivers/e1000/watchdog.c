/*
 * What is looked at from time to time rather than for each frame: the link, the statistics
 * registers, and whether the transmitter still moves. The only place, beside the interrupt and the
 * initialisation, that reads registers.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"

/* Frames that make no progress for so long, with a link and no pause, mean a hang. */
#define TX_HANG_NS NS_PER_S
static_assert(NIC_WATCHDOG_NS > TX_HANG_NS, "a hang is seen at the second look");

/* 13.4 STATUS. */
static struct nic_link link_decode(uint32_t status)
{
    static const uint16_t speeds[] = {10, 100, 1000, 1000};
    struct nic_link link = {.up = (status & E1000_STATUS_LU) != 0};
    if (link.up) {
        link.full_duplex = (status & E1000_STATUS_FD) != 0;
        link.speed_mbps = speeds[status >> E1000_STATUS_SPEED_SHIFT & 3];
    }
    return link;
}

void e1000_link_refresh(struct e1000 *e)
{
    struct nic_link link = {.up = false};
    if (e->state == E1000_RESETTING) {
        return; /* a reset leaves the PHY and its link alone */
    }
    if (e->state == E1000_READY || e->state == E1000_RUNNING) {
        link = link_decode(e1000_read(e, E1000_STATUS));
    }
    if (link.up != e->link.up) {
        e->nic.stats.link_changes++;
        if (link.up) {
            log_info("e1000: link up, %u Mb/s %s duplex", link.speed_mbps,
                     link.full_duplex ? "full" : "half");
        } else {
            log_info("e1000: link down");
        }
    }
    bool adapt = link.up && link.speed_mbps != e->link.speed_mbps;
    e->link = link;
    if (adapt) {
        e1000_link_adapt(e);
    }
}

/* nic_ops.link */
void e1000_link(struct nic *nic, struct nic_link *out)
{
    struct e1000 *e = e1000_of(nic);
    e1000_link_refresh(e);
    *out = e->link;
}

/* The registers are 32 bits wide and clear on reading (13.7): read often enough, then added up. */
static void stats_collect(struct e1000 *e)
{
    struct nic_stats *stats = &e->nic.stats;
    stats->hw_crc_errors += e1000_read(e, E1000_CRCERRS);
    stats->rx_errors += e1000_read(e, E1000_RXERRC);
    stats->rx_missed += e1000_read(e, E1000_MPC);
    stats->rx_no_descriptor += e1000_read(e, E1000_RNBC);
    stats->hw_rx_packets += e1000_read(e, E1000_GPRC);
    stats->hw_tx_packets += e1000_read(e, E1000_GPTC);
}

void e1000_stats_discard(const struct e1000 *e)
{
    static const uint16_t counters[] = {E1000_CRCERRS, E1000_RXERRC, E1000_MPC,
                                        E1000_RNBC,    E1000_GPRC,   E1000_GPTC};
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        (void)e1000_read(e, counters[i]);
    }
}

/*
 * Whether the oldest frame in the ring is the same as at an earlier look, TX_HANG_NS or more ago.
 * The time that it spends paused by flow control does not count.
 */
static bool tx_hung(struct e1000 *e, uint64_t now_ns)
{
    struct e1000_oldest *oldest = &e->oldest;
    if (!e1000_tx_reclaim(&e->nic)) {
        oldest->noted = false;
        return false;
    }
    bool paused = (e1000_read(e, E1000_STATUS) & E1000_STATUS_TXOFF) != 0;
    if (!oldest->noted || oldest->index != e->tx.clean || paused) {
        *oldest = (struct e1000_oldest){.noted = true, .index = e->tx.clean, .since_ns = now_ns};
        return false;
    }
    assert(now_ns >= oldest->since_ns);
    return now_ns - oldest->since_ns >= TX_HANG_NS;
}

static void recover_hang(struct e1000 *e)
{
    log_error("e1000: transmitter hung: TDH %u TDT %u STATUS 0x%08x, %u frames; resetting",
              e1000_read(e, E1000_TDH), e1000_read(e, E1000_TDT), e1000_read(e, E1000_STATUS),
              e->tx.next - e->tx.clean);
    e->nic.stats.tx_hangs++;
    e1000_restart(e);
}

static void check_transmitter(struct e1000 *e, uint64_t now_ns)
{
    if (!e->link.up && e1000_tx_reclaim(&e->nic)) {
        /* Without a link the hardware keeps them for ever, and only a reset takes them back. It
         * happens once for each loss: while the link is down e1000_tx takes no more in. */
        log_info("e1000: %u frames waited for a link that went down: dropped",
                 e->tx.next - e->tx.clean);
        e1000_restart(e);
    } else if (e->tail_lost) {
        e1000_restart(e);
    } else if (e->link.up && tx_hung(e, now_ns)) {
        recover_hang(e);
    }
}

static void check_running(struct e1000 *e, uint64_t now_ns)
{
    e1000_link_refresh(e);
    stats_collect(e);
    check_transmitter(e, now_ns);
    if (e->state == E1000_RUNNING) {
        /* A receive interrupt that was lost on its way is made up for by this one. */
        e1000_write(e, E1000_ICS, E1000_CAUSE_RXDMT0);
    }
}

/* nic_ops.watchdog */
uint64_t e1000_watchdog(struct nic *nic, uint64_t now_ns)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state == E1000_RUNNING) {
        check_running(e, now_ns);
    } else if (e->state == E1000_RESETTING) {
        e1000_recover(e);
    } else if (e->state == E1000_FAILED) {
        e1000_restart(e);
    }
    return e->state == E1000_RESETTING ? e->reset.due_ns : now_ns + NIC_WATCHDOG_NS;
}
