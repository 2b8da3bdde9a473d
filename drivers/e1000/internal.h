/*
 * What the driver's files say to each other. Nobody else includes this.
 */
#ifndef DRIVERS_E1000_INTERNAL_H
#define DRIVERS_E1000_INTERNAL_H

#include "drivers/e1000/e1000.h"
#include "drivers/e1000/selftest.h"

/* The causes we answer. TXDW and TXQE stay masked: sent frames are found by their DD, lazily. */
enum {
    E1000_CAUSES = E1000_CAUSE_RXT0 | E1000_CAUSE_RXDMT0 | E1000_CAUSE_RXO | E1000_CAUSE_LSC,
};

/* A register that reads so is none: the device is in reset, or no longer on the bus. */
#define E1000_GONE UINT32_C(0xffffffff)

enum e1000_vector { /* MSI-X entries */
                    E1000_VECTOR_RX,
                    E1000_VECTOR_TX,
                    E1000_VECTOR_OTHER, /* the link */
                    E1000_VECTOR_COUNT,
};

/* A way to interrupt. */
struct e1000_irq_way {
    void (*setup)(const struct e1000 *e); /* programs it, all masked and as after a reset */
    void (*unmask)(const struct e1000 *e);
    /* irq context: masks what vector stands for; bits of enum nic_event, 0: not ours. */
    uint32_t (*take)(struct e1000 *e, uint32_t vector);
    /* By software. all: unmasks and raises each vector; else only what frames would raise. */
    void (*raise)(const struct e1000 *e, bool all);
    void (*clear)(const struct e1000 *e); /* takes back what is pending */
};

static inline struct e1000 *e1000_of(struct nic *nic)
{
    return container_of(nic, struct e1000, nic);
}

static inline uint32_t e1000_read(const struct e1000 *e, uint32_t reg)
{
    return mmio_read32(&e->regs, reg);
}

static inline void e1000_write(const struct e1000 *e, uint32_t reg, uint32_t value)
{
    mmio_write32(&e->regs, reg, value);
}

/* Writes are posted: a read makes those in front of it arrive, before a delay begins. */
static inline void e1000_flush_writes(const struct e1000 *e)
{
    (void)e1000_read(e, E1000_STATUS);
}

/* All ones: no device answers any more, and what is read from it must not be written back. */
static inline bool e1000_gone(const struct e1000 *e)
{
    return e1000_read(e, E1000_STATUS) == UINT32_MAX;
}

/* Reads, clears and sets bits, writes. */
static inline void e1000_modify(const struct e1000 *e, uint32_t reg, uint32_t clear, uint32_t set)
{
    e1000_write(e, reg, (e1000_read(e, reg) & ~clear) | set);
}

static inline void e1000_set(const struct e1000 *e, uint32_t reg, uint32_t bits)
{
    e1000_modify(e, reg, 0, bits);
}

static inline void e1000_clear(const struct e1000 *e, uint32_t reg, uint32_t bits)
{
    e1000_modify(e, reg, bits, 0);
}

/*
 * reset.c. A reset is begun, then taken on at each reset.due_ns until its step is E1000_RESET_NONE
 * again and the device silent; STATUS_TIMEOUT ends it, too. e1000_hw_reset does it in one go.
 * flush_rings: before a reset or the end of bus mastering, after silence.
 */
void e1000_hw_silence(const struct e1000 *e);
void e1000_hw_flush_rings(struct e1000 *e);
void e1000_reset_begin(struct e1000 *e);
enum status e1000_reset_go_on(struct e1000 *e) must_check;
enum status e1000_hw_reset(struct e1000 *e) must_check;

/* setup.c: all but the receiver. */
void e1000_hw_setup(const struct e1000 *e);

/*
 * errata.c. The bits that a generation wants after each reset; ASPM, which no reset touches; what
 * follows the link's speed; how many times TX_HANG_NS a frame may take at a speed.
 */
void e1000_setup_errata(const struct e1000 *e);
void e1000_aspm_off(const struct e1000 *e);
void e1000_link_adapt(const struct e1000 *e);
uint32_t e1000_tx_hang_factor(uint32_t speed_mbps);

/* own.c: taking waits, with a bound; try and end are the part of it that a reset may use. */
enum e1000_resource {
    E1000_OWN_NVM,
    E1000_OWN_PHY,
};
enum e1000_patience {
    E1000_WAIT,     /* start-up */
    E1000_WAIT_NOT, /* 0.2 ms at most */
};
enum status e1000_own_take(const struct e1000 *e, enum e1000_resource what,
                           enum e1000_patience patience) must_check;
void e1000_own_give(const struct e1000 *e, enum e1000_resource what);
bool e1000_own_try(const struct e1000 *e);
void e1000_own_end(const struct e1000 *e);
void e1000_own_announce(const struct e1000 *e, bool loaded);

/* nvm.c */
enum status e1000_hw_read_mac(struct e1000 *e, uint8_t mac[6]) must_check;
void e1000_nvm_look(const struct e1000 *e, struct e1000_facts *out);

/*
 * phy.c: wake before the reset, at start-up; tune is a part of each set-up; power_up comes when the
 * set-up is over and there is no link, at start-up and behind a reset.
 */
void e1000_phy_wake(const struct e1000 *e);
void e1000_phy_power_up(const struct e1000 *e, enum e1000_patience patience);
void e1000_phy_tune(const struct e1000 *e);

/*
 * phy.c, for the self-test (selftest.h): loop puts the PHY into loopback at its fastest, *mbps, and
 * unloop gives it back its setting.
 */
void e1000_phy_look(const struct e1000 *e, struct e1000_facts *out);
enum status e1000_phy_loop(struct e1000 *e, uint32_t *mbps) must_check;
void e1000_phy_unloop(const struct e1000 *e);

/* tail.c: every write to RDT and TDT of a device that runs goes through e1000_write_tail. */
void e1000_write_tail_guarded(struct e1000 *e, uint32_t reg, uint32_t value);

static inline void e1000_write_tail(struct e1000 *e, uint32_t reg, uint32_t value)
{
    if (unlikely((e->id->quirks & E1000_QUIRK_TAIL_GUARD) != 0)) {
        e1000_write_tail_guarded(e, reg, value);
    } else {
        e1000_write(e, reg, value);
    }
}

/*
 * queues.c: the rings' registers, for e1000_hw_setup; gap follows the link. hw_start lets the
 * receiver and the interrupts go; not STATUS_OK when a queue does not start, the device being as
 * silent as before.
 */
void e1000_setup_receive(const struct e1000 *e);
void e1000_setup_transmit(const struct e1000 *e);
void e1000_setup_gap(const struct e1000 *e);
enum status e1000_hw_start(struct e1000 *e) must_check;

/*
 * rx.c: rewind puts the ring in its first state around the packets that are in it. refill gives the
 * hardware what is held back for a tail write.
 */
enum status e1000_rx_fill(struct e1000 *e) must_check;
void e1000_rx_rewind(struct e1000_rx *rx);
void e1000_rx_release(struct e1000_rx *rx);
void e1000_rx_refill(struct e1000 *e);
size_t e1000_rx(struct nic *nic, struct pkt **batch, size_t max);
bool e1000_rx_pending(struct nic *nic);

/*
 * tx.c: release puts every packet, sent or not, and empties the ring; the hardware, which was
 * reset, knows no context then.
 */
void e1000_tx_release(struct e1000_tx *tx);
size_t e1000_tx(struct nic *nic, struct pkt **batch, size_t count);
void e1000_tx_flush(struct nic *nic);
bool e1000_tx_reclaim(struct nic *nic);

/*
 * tx_chain.c: what is more than one buffer that is sent as it is. need: that so many descriptors
 * will do.
 */
uint32_t e1000_tx_need(const struct e1000 *e, const struct pkt *p);
void e1000_tx_put_chain(struct e1000 *e, struct pkt *p);

/*
 * offload.c: choose at open; adapt follows the link. rxcsum: that register.
 */
void e1000_offload_choose(struct e1000 *e, enum nic_offload offload);
void e1000_offload_adapt(struct e1000 *e);
uint32_t e1000_offload_rxcsum(const struct e1000 *e);

/*
 * irq.c: choose sets the way for e1000_irq_setup to program. mask masks all of every way; registers
 * only. repair begins anew after a lost interrupt.
 */
uint32_t e1000_irq(struct nic *nic, uint32_t vector);
void e1000_irq_unmask(struct nic *nic);
void e1000_irq_pace(struct e1000 *e); /* an interrupt has told, and the ring is empty */
void e1000_irq_choose(struct e1000 *e, enum irq_kind kind);
void e1000_irq_setup(struct e1000 *e);
void e1000_irq_repair(struct e1000 *e);
void e1000_irq_mask(const struct e1000 *e);

/* irq_msix.c: of the 82574, and of the 82575 and later. */
extern const struct e1000_irq_way e1000_irq_by_ivar, e1000_irq_by_eicr;

/* link.c: refresh reads STATUS, tells the log of a change, and keeps the state. */
void e1000_link_refresh(struct e1000 *e);
void e1000_link(struct nic *nic, struct nic_link *out);

/*
 * stats.c: collect adds the registers up, discard forgets what they have. hw_frames: good frames
 * that the device has seen; when its FIFO has run full it counts them as missed.
 */
void e1000_stats_collect(struct e1000 *e);
void e1000_stats_discard(const struct e1000 *e);
uint64_t e1000_hw_frames(const struct e1000 *e);

/* watchdog.c: nic_ops.watchdog */
uint64_t e1000_watchdog(struct nic *nic, uint64_t now_ns);

/*
 * recover.c: reset and back to work. restart begins it, recover takes it on when it is due; frames
 * in the rings are lost, no packet is. run is its end, and a start's.
 */
void e1000_restart(struct e1000 *e);
void e1000_recover(struct e1000 *e);
void e1000_run(struct e1000 *e);

/* e1000.c: nic_ops.stop */
void e1000_stop(struct nic *nic);

#endif
