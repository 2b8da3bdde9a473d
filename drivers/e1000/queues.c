/*
 * The queues' registers: where the rings lie, how descriptors are fetched and written back, and the
 * two engines' control registers. The rest of the initialisation is in init.c.
 */
#include "drivers/e1000/internal.h"

enum {
    COLLISION_RETRIES_COUNT = 15,  /* 14.5: IEEE 802.3's limit */
    COLLISION_DISTANCE_BYTES = 64, /* 14.5: 40h, full duplex and 10/100 half duplex */
    TIPG_COPPER = 8 | 8 << E1000_TIPG_IPGR1_SHIFT | 6 << E1000_TIPG_IPGR2_SHIFT, /* 13.4 TIPG */
};

/* 14.4, second half: the ring. The receiver itself is enabled by e1000_hw_start. */
void e1000_setup_receive(const struct e1000 *e)
{
    const struct e1000_rx *rx = &e->rx;
    e1000_write(e, E1000_RDBAL, (uint32_t)rx->bus);
    e1000_write(e, E1000_RDBAH, (uint32_t)(rx->bus >> 32));
    e1000_write(e, E1000_RDLEN, E1000_RING_COUNT * sizeof(struct e1000_desc));
    e1000_write(e, E1000_RDH, 0);
    e1000_write(e, E1000_RDT, 0); /* no buffers yet */
    /* 13.4.30: delaying by RDTR is advised against; ITR moderates. */
    e1000_write(e, E1000_RDTR, 0);
    e1000_write(e, E1000_RXDCTL, E1000_RXDCTL_GRAN | 1u << E1000_RXDCTL_WTHRESH_SHIFT);
    e1000_write(e, E1000_RXCSUM, 0);
    if ((e->id->quirks & E1000_QUIRK_NO_MODERATION) == 0) {
        e1000_write(e, E1000_RADV, 0);
        e1000_write(e, E1000_ITR, E1000_ITR_256NS_COUNT);
    }
}

/* 14.5 Transmit Initialization. Enabled here: nothing is sent before the tail moves. */
void e1000_setup_transmit(const struct e1000 *e)
{
    const struct e1000_tx *tx = &e->tx;
    e1000_write(e, E1000_TDBAL, (uint32_t)tx->bus);
    e1000_write(e, E1000_TDBAH, (uint32_t)(tx->bus >> 32));
    e1000_write(e, E1000_TDLEN, E1000_RING_COUNT * sizeof(struct e1000_desc));
    e1000_write(e, E1000_TDH, 0);
    e1000_write(e, E1000_TDT, 0);
    e1000_write(e, E1000_TIDV, 0);
    if ((e->id->quirks & E1000_QUIRK_NO_MODERATION) == 0) {
        e1000_write(e, E1000_TADV, 0);
    }
    /* WTHRESH 0: a descriptor with RS is written back as soon as it is done, not in groups. */
    e1000_write(e, E1000_TXDCTL, 0);
    e1000_write(e, E1000_TIPG, TIPG_COPPER);
    e1000_write(e, E1000_TCTL,
                E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_RTLC |
                    COLLISION_RETRIES_COUNT << E1000_TCTL_CT_SHIFT |
                    COLLISION_DISTANCE_BYTES << E1000_TCTL_COLD_SHIFT);
}

/*
 * Receiver on, buffers given, interrupts unmasked. RCTL is written once and never toggled: QEMU
 * holds reception back for a second after each write. Enable before tail is right on every part:
 * until RDT moves the ring has no buffers. IMS last: under KVM the RDT write may sit in a queue
 * (coalesced MMIO) until an access like this one pushes it out.
 */
void e1000_hw_start(struct e1000 *e)
{
    assert(e->rx.next == 0 && e->rx.tail == E1000_RING_COUNT - 1);
    e1000_write(e, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_BAM | E1000_RCTL_SECRC);
    e1000_write_tail(e, E1000_RDT, e->rx.tail % E1000_RING_COUNT);
    e1000_write(e, E1000_IMS, E1000_CAUSES);
}
