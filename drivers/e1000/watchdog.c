/*
 * What is looked at from time to time rather than for each frame: the link, the statistics
 * registers, whether both engines still move, whether interrupts arrive, whether the device is
 * there at all. With link.c and stats.c the only place, beside the interrupt and the
 * initialisation, that reads registers.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"

/* Frames that make no progress for so long, with a link of 1 Gb/s and no pause, mean a hang. */
#define TX_HANG_NS NS_PER_S

/*
 * Between two looks while frames are out, or counted and not received: more of them, so that what
 * hangs is found, reset and serves again within 3 s.
 */
#define SUSPECT_NS (400 * NS_PER_MS)
static_assert(NIC_WATCHDOG_NS + TX_HANG_NS + SUSPECT_NS < 5 * NS_PER_S / 2, "and the reset");

/* An interrupt may be late by what moderation holds it back, 125 us, and the host of an emulator.
 */
#define IRQ_LATE_NS (10 * NS_PER_MS)

/* Behind a reset a PHY's link that stood is seen by the MAC within so long. */
#define PHY_LOOK_NS (10 * NS_PER_MS)

enum {
    RX_DEAF_LOOKS = 2,      /* looks at frames that the device counts and nobody gets: a stall */
    RX_DEAF_LOOKS_MAX = 64, /* while resets do not help */
    RX_SPAN_MAX = 16,       /* buffers of 2 KiB: twice the largest frame there is (RCTL.LPE) */
    RESETS_MAX = 8,         /* in a row that have not helped: then it counts as failed, ... */
    FAILED_LOOKS = 30,      /* ... and has half a minute's rest */
    HANG_DESCRIPTORS = 4,   /* told in the log, from the head on */
};

/* --- resets ------------------------------------------------------------------------------- */

static void fail(struct e1000 *e)
{
    e->state = E1000_FAILED;
    e1000_link_refresh(e);
}

/* A reset that does not help is not repeated for ever at the same pace. */
static void reset(struct e1000 *e)
{
    if (e->watch.resets++ < RESETS_MAX) {
        e1000_restart(e);
        return;
    }
    log_error("e1000: %u resets in a row have not helped; resting", RESETS_MAX);
    e->watch.resets = 0;
    e1000_hw_silence(e);
    fail(e);
    e->watch.look_ns += FAILED_LOOKS * NIC_WATCHDOG_NS;
}

/*
 * Pulled out, or its bridge is off: all ones in a register that has bits which are always 0. Where
 * a hypervisor has zeros instead, which look like a lost link, no function has configuration space
 * there any more (PCI 3.0, 6.1).
 */
static bool is_gone(const struct e1000 *e)
{
    enum { NO_VENDOR = 0xffff };
    uint32_t status = e1000_read(e, E1000_STATUS);
    return status == E1000_GONE || (status == 0 && (pci_read32(e->dev, 0) & 0xffff) == NO_VENDOR);
}

static bool answers(struct e1000 *e)
{
    bool gone = is_gone(e);
    if (gone && !e->watch.gone) {
        log_error("e1000: the device does not answer any more");
    }
    e->watch.gone = gone;
    return !gone;
}

/*
 * Whether it lost what it was told: its slot's power failed for a moment, or firmware, a bus error
 * or its bridge reset it. Without CTRL.SLU it has no link then, so that nothing would ever hang.
 */
static bool forgot(const struct e1000 *e)
{
    return (e1000_read(e, E1000_RCTL) & E1000_RCTL_EN) == 0 ||
           (e1000_read(e, E1000_TCTL) & E1000_TCTL_EN) == 0;
}

/* --- transmit ----------------------------------------------------------------------------- */

/*
 * Whether the oldest frame in the ring is the same as at an earlier look, as long ago as a hang.
 * The time that it spends paused by flow control does not count.
 */
static bool tx_hung(struct e1000 *e, uint64_t now_ns)
{
    struct e1000_oldest *oldest = &e->watch.oldest;
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
    return now_ns - oldest->since_ns >= e1000_tx_hang_factor(e->link.speed_mbps) * TX_HANG_NS;
}

/* What is needed to find out why, from the log alone. */
static void tell_state(const struct e1000 *e)
{
    uint32_t head = e1000_read(e, E1000_TDH);
    log_error("e1000: CTRL %08x STATUS %08x TCTL %08x RCTL %08x, TX head %u tail %u, RX head %u "
              "tail %u",
              e1000_read(e, E1000_CTRL), e1000_read(e, E1000_STATUS), e1000_read(e, E1000_TCTL),
              e1000_read(e, E1000_RCTL), head, e1000_read(e, E1000_TDT), e1000_read(e, E1000_RDH),
              e1000_read(e, E1000_RDT));
    log_error("e1000: TX clean %u flushed %u next %u, RX next %u tail %u; sent %llu of %llu",
              e->tx.clean, e->tx.flushed, e->tx.next, e->rx.next, e->rx.tail,
              (unsigned long long)e->nic.stats.hw_tx_packets,
              (unsigned long long)e->nic.stats.tx_packets);
    for (uint32_t i = 0; i < HANG_DESCRIPTORS; i++) {
        uint32_t idx = (head + i) % E1000_RING_COUNT; /* whatever the register says */
        const struct e1000_desc *d = &e->tx.ring[idx];
        log_error("e1000: TX descriptor %u: %016llx %016llx", idx, (unsigned long long)d->addr,
                  (unsigned long long)d->word);
    }
}

static void check_transmitter(struct e1000 *e, uint64_t now_ns)
{
    if (!e->link.up && e1000_tx_reclaim(&e->nic)) {
        /* Without a link the hardware keeps them for ever, and only a reset takes them back. It
         * happens once for each loss: while the link is down e1000_tx takes no more in. */
        log_info("e1000: %u descriptors waited for a link that went down: dropped",
                 e->tx.next - e->tx.clean);
        e1000_restart(e);
    } else if (e->link.up && tx_hung(e, now_ns)) {
        log_error("e1000: transmitter hung with %u descriptors; resetting",
                  e->tx.next - e->tx.clean);
        tell_state(e);
        e->nic.stats.tx_hangs++;
        reset(e);
    }
}

/* --- receive ------------------------------------------------------------------------------ */

/*
 * Whether the device has counted good frames (GPRC, MPC) at several looks of which none has reached
 * a ring that has buffers; the looks need not follow each other, for the next frame of a peer that
 * backs off may be long in coming. Frames for management firmware may be counted, too: when a reset
 * has not brought any, the next is farther off.
 */
static bool rx_stalled(struct e1000 *e)
{
    struct e1000_watch *w = &e->watch;
    bool counted = e1000_hw_frames(e) != w->hw_frames;
    bool moved = e->rx.next != w->rx_next || e1000_rx_pending(&e->nic);
    w->hw_frames = e1000_hw_frames(e);
    w->rx_next = e->rx.next;
    if (moved) {
        w->deaf_patience = RX_DEAF_LOOKS;
    }
    w->deaf_looks = moved ? 0 : w->deaf_looks + counted;
    if (!counted || w->deaf_looks < max_u32(w->deaf_patience, RX_DEAF_LOOKS)) {
        return false;
    }
    w->deaf_patience = min_u32(2 * w->deaf_looks, RX_DEAF_LOOKS_MAX);
    return true;
}

static void check_receiver(struct e1000 *e)
{
    struct nic_stats *stats = &e->nic.stats;
    uint64_t overruns = stats->rx_missed + stats->rx_no_descriptor;
    if (overruns != e->watch.overruns) {
        e1000_rx_refill(e); /* it wants every buffer that there is */
    }
    e->watch.overruns = overruns;
    if (e->rx.spanned > RX_SPAN_MAX) {
        log_error("e1000: a frame over %u descriptors makes no sense; resetting", e->rx.spanned);
    } else if (rx_stalled(e)) {
        log_error("e1000: receiver stalled; resetting");
    } else {
        return;
    }
    tell_state(e);
    stats->rx_stalls++;
    reset(e);
}

/* --- interrupts --------------------------------------------------------------------------- */

/*
 * Frames that no interrupt has told of, though it might have: it is late, for moderation holds it
 * back, or lost. Where nothing masks it, it comes all the same when the frames have been fetched.
 */
static void suspect_interrupt(struct e1000 *e, uint64_t now_ns)
{
    struct e1000_watch *w = &e->watch;
    bool silent = e->irq.unheard || e1000_rx_pending(&e->nic);
    if (e->irq.kind == IRQ_KIND_POLL || e->irq.masked || !silent) {
        return;
    }
    w->irq_late = true;
    w->late_count = e->nic.stats.interrupts;
    w->late_ns = now_ns + IRQ_LATE_NS;
}

/* The second look. A device whose message was lost may send no other before it is answered. */
static void check_late(struct e1000 *e, uint64_t now_ns)
{
    struct e1000_watch *w = &e->watch;
    if (!w->irq_late || now_ns < w->late_ns) {
        return;
    }
    w->irq_late = false;
    if (e->nic.stats.interrupts != w->late_count) {
        return;
    }
    e->nic.stats.irqs_lost++;
    if (e->nic.stats.irqs_lost == 1) {
        log_warn("e1000: an interrupt was lost (nic_irqs_lost counts them)");
    }
    e1000_irq_repair(e);
}

/* --- the look ----------------------------------------------------------------------------- */

static void check_running(struct e1000 *e, uint64_t now_ns)
{
    struct e1000_watch *w = &e->watch;
    if (!answers(e)) {
        fail(e);
        return;
    }
    if (e->tail_lost) {
        reset(e); /* it was said */
        return;
    }
    if (forgot(e)) {
        log_error("e1000: the device has forgotten its set-up; resetting");
        e->nic.stats.rx_stalls++;
        reset(e);
        return;
    }
    e1000_link_refresh(e);
    e1000_stats_collect(e);
    if (e->rx.next != w->rx_next || e->tx.clean != w->tx_clean) {
        w->resets = 0;
    }
    check_transmitter(e, now_ns);
    w->tx_clean = e->tx.clean;
    if (e->state == E1000_RUNNING) {
        check_receiver(e);
    }
    if (e->state == E1000_RUNNING) {
        suspect_interrupt(e, now_ns);
    }
}

/* A reset leaves a PHY its link; QEMU's igb forgets it. True: that was enough for one turn. */
static bool check_phy(struct e1000 *e, uint64_t now_ns)
{
    if (!e->phy_due || now_ns < e->watch.phy_ns) {
        return false;
    }
    e->phy_due = false;
    e1000_phy_power_up(e, E1000_WAIT_NOT);
    return true;
}

static void look(struct e1000 *e, uint64_t now_ns)
{
    struct e1000_watch *w = &e->watch;
    w->look_ns = now_ns + NIC_WATCHDOG_NS;
    if (e->state == E1000_RUNNING) {
        check_running(e, now_ns);
        bool suspect = w->oldest.noted || w->deaf_looks > 0;
        if (e->state == E1000_RUNNING && suspect) {
            w->look_ns = now_ns + SUSPECT_NS;
        }
    } else if (e->state == E1000_FAILED && answers(e)) {
        e1000_restart(e);
    }
}

/* nic_ops.watchdog */
uint64_t e1000_watchdog(struct nic *nic, uint64_t now_ns)
{
    struct e1000 *e = e1000_of(nic);
    struct e1000_watch *w = &e->watch;
    if (e->state == E1000_RESETTING) {
        e1000_recover(e);
        w->look_ns = now_ns + NIC_WATCHDOG_NS;
        w->phy_ns = now_ns + PHY_LOOK_NS;
    } else {
        bool enough = false;
        if (e->state == E1000_RUNNING) {
            check_late(e, now_ns);
            enough = check_phy(e, now_ns);
        }
        if (enough) {
            w->look_ns = max_u64(w->look_ns, now_ns); /* in the next turn */
        } else if (now_ns >= w->look_ns) {
            look(e, now_ns);
        }
    }
    if (e->state == E1000_RESETTING) {
        return e->reset.due_ns;
    }
    uint64_t next_ns = w->irq_late ? min_u64(w->late_ns, w->look_ns) : w->look_ns;
    bool phy_waits = e->phy_due && e->state == E1000_RUNNING;
    return phy_waits ? min_u64(w->phy_ns, next_ns) : next_ns;
}
