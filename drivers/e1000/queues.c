/*
 * The queues' registers: where the rings lie, how descriptors are fetched and written back, and the
 * two engines' control registers. The rest of the initialisation is in setup.c.
 */
#include "drivers/e1000/internal.h"
#include "drivers/e1000/regs_advanced.h"
#include "kernel/time.h"

enum {
    COLLISION_RETRIES_COUNT = 15,  /* 14.5: IEEE 802.3's limit */
    COLLISION_DISTANCE_BYTES = 64, /* 14.5: 40h, full duplex and 10/100 half duplex */
    IPGT_COPPER = 8,               /* 13.4 TIPG, as the two below */
    IPGR1 = 8,
    IPGR2 = 6,
    IPGT_10_HALF = 0xff, /* 82579 and later: else they cause too many collisions */
    IPGT_I219_SLOW = 12, /* the I219, full duplex below gigabit */
    RX_BUFFER_KIB = PKT_BUF_BYTES / 1024,
    QUEUE_POLL_US = 10,     /* between two looks whether a queue works */
    QUEUE_POLLS_COUNT = 20, /* then it is taken for dead */
    PREFETCH_COUNT = 8,     /* 82575 and later: descriptors fetched ahead */
};
static_assert(RX_BUFFER_KIB * 1024 == PKT_BUF_BYTES, "SRRCTL counts in KiB");

/* 82571 to PCH; what they share is between the 8254x and the 82575. */
static bool is_middle(const struct e1000 *e)
{
    return e->id->gen >= E1000_GEN_82571 && !e1000_gen_is_advanced(e->id->gen);
}

static bool has_moderation(const struct e1000 *e)
{
    return (e->id->quirks & E1000_QUIRK_NO_MODERATION) == 0;
}

/* block: RDBAL or TDBAL, from which the others have the same distances. */
static void place_ring(const struct e1000 *e, uint32_t block, uint64_t bus)
{
    e1000_write(e, block, (uint32_t)bus);
    e1000_write(e, block + E1000_RDBAH - E1000_RDBAL, (uint32_t)(bus >> 32));
    e1000_write(e, block + E1000_RDLEN - E1000_RDBAL, E1000_RING_COUNT * sizeof(struct e1000_desc));
    e1000_write(e, block + E1000_RDH - E1000_RDBAL, 0);
    e1000_write(e, block + E1000_RDT - E1000_RDBAL, 0); /* no buffers yet */
}

static void setup_receive_legacy(const struct e1000 *e)
{
    /* 13.4.30: delaying by RDTR is advised against; ITR moderates. */
    e1000_write(e, E1000_RDTR, 0);
    e1000_write(e, E1000_RXDCTL, E1000_RXDCTL_GRAN | 1u << E1000_RXDCTL_WTHRESH_SHIFT);
    if (has_moderation(e)) {
        e1000_write(e, E1000_RADV, 0);
    }
}

/* 82576 data sheet, 4.5.9. */
static void setup_receive_advanced(const struct e1000 *e)
{
    e1000_write(e, E1000_MRQC, 0);
    e1000_write(e, E1000_SRRCTL,
                RX_BUFFER_KIB << E1000_SRRCTL_BSIZE_KIB_SHIFT | E1000_SRRCTL_DESCTYPE_ONE);
    e1000_write(e, E1000_RXDCTL,
                PREFETCH_COUNT << E1000_QUEUE_PTHRESH_SHIFT |
                    PREFETCH_COUNT << E1000_QUEUE_HTHRESH_SHIFT | 1 << E1000_RXDCTL_WTHRESH_SHIFT |
                    E1000_QUEUE_ENABLE);
}

/* 14.4, second half: the ring. The receiver itself is enabled by e1000_hw_start. */
void e1000_setup_receive(const struct e1000 *e)
{
    place_ring(e, E1000_RDBAL, e->rx.bus);
    e1000_write(e, E1000_RXCSUM, e1000_offload_rxcsum(e));
    if (e1000_gen_is_advanced(e->id->gen)) {
        setup_receive_advanced(e);
    } else {
        setup_receive_legacy(e);
    }
}

/* WTHRESH is 0 in both: a descriptor with RS is written back as soon as it is done. */
static void setup_transmit_legacy(const struct e1000 *e)
{
    e1000_write(e, E1000_TIDV, 0);
    if (has_moderation(e)) {
        e1000_write(e, E1000_TADV, 0);
    }
    e1000_write(e, E1000_TXDCTL, is_middle(e) ? E1000_TXDCTL_COUNT_DESC : 0);
}

/* 82576 data sheet, 4.5.10. */
static void setup_transmit_advanced(const struct e1000 *e)
{
    e1000_write(e, E1000_TXDCTL,
                PREFETCH_COUNT << E1000_QUEUE_PTHRESH_SHIFT | 1 << E1000_QUEUE_HTHRESH_SHIFT |
                    E1000_QUEUE_ENABLE);
}

/* The gap in back-to-back frames, as Linux and FreeBSD have it for PCH parts of the link's speed.
 */
static uint32_t back_to_back_gap(const struct e1000 *e)
{
    const struct nic_link *link = &e->link;
    if (!link->up || e->id->gen < E1000_GEN_PCH2 || e->id->gen > E1000_GEN_SPT) {
        return IPGT_COPPER;
    }
    if (link->speed_mbps == 10 && !link->full_duplex) {
        return IPGT_10_HALF;
    }
    bool slow = link->speed_mbps != 1000 && link->full_duplex;
    return slow && e->id->gen == E1000_GEN_SPT ? IPGT_I219_SLOW : IPGT_COPPER;
}

void e1000_setup_gap(const struct e1000 *e)
{
    e1000_write(e, E1000_TIPG,
                back_to_back_gap(e) | IPGR1 << E1000_TIPG_IPGR1_SHIFT |
                    IPGR2 << E1000_TIPG_IPGR2_SHIFT);
}

/* 14.5 Transmit Initialization. Enabled here: nothing is sent before the tail moves. */
void e1000_setup_transmit(const struct e1000 *e)
{
    place_ring(e, E1000_TDBAL, e->tx.bus);
    if (e1000_gen_is_advanced(e->id->gen)) {
        setup_transmit_advanced(e);
    } else {
        setup_transmit_legacy(e);
    }
    e1000_setup_gap(e);
    e1000_write(e, E1000_TCTL,
                ((e->id->quirks & E1000_QUIRK_MULR) != 0 ? E1000_TCTL_MULR : 0) | E1000_TCTL_EN |
                    E1000_TCTL_PSP | E1000_TCTL_RTLC |
                    COLLISION_RETRIES_COUNT << E1000_TCTL_CT_SHIFT |
                    COLLISION_DISTANCE_BYTES << E1000_TCTL_COLD_SHIFT);
}

/* 82576 data sheet, 4.5.9: the tail is not to be moved before the enable bit reads 1. */
static enum status wait_queue(const struct e1000 *e, uint32_t reg)
{
    for (uint32_t i = 0; i < QUEUE_POLLS_COUNT; i++) {
        uint32_t value = e1000_read(e, reg);
        if (value == E1000_GONE) {
            return STATUS_IO;
        }
        if ((value & E1000_QUEUE_ENABLE) != 0) {
            return STATUS_OK;
        }
        time_delay_us(QUEUE_POLL_US);
    }
    return STATUS_TIMEOUT;
}

static enum status wait_queues(const struct e1000 *e)
{
    if (!e1000_gen_is_advanced(e->id->gen)) {
        return STATUS_OK;
    }
    enum status st = wait_queue(e, E1000_RXDCTL);
    return st == STATUS_OK ? wait_queue(e, E1000_TXDCTL) : st;
}

/*
 * Receiver on, buffers given, interrupts unmasked. RCTL is written once and never toggled: QEMU
 * holds reception back for a second after each write. Enable before tail is right on every part:
 * until RDT moves the ring has no buffers. Unmasking last: under KVM the RDT write may sit in a
 * queue (coalesced MMIO) until an access like this one pushes it out.
 */
enum status e1000_hw_start(struct e1000 *e)
{
    assert(e->rx.next == 0 && e->rx.tail == E1000_RING_COUNT - 1);
    enum status st = wait_queues(e);
    if (st != STATUS_OK) {
        return st;
    }
    uint32_t loopback = e->loopback == E1000_LOOPBACK_MAC ? E1000_RCTL_LBM_MAC : 0;
    e1000_write(e, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_BAM | E1000_RCTL_SECRC | loopback);
    e1000_write_tail(e, E1000_RDT, e->rx.tail % E1000_RING_COUNT);
    e1000_irq_setup(e);
    e1000_irq_unmask(&e->nic);
    return STATUS_OK;
}
