/*
 * The driver of Intel's gigabit controllers, from the 8254x to the I219 and the I211: ids.c has the
 * list. A struct nic (drivers/nic.h) over two rings of descriptors. It owns the device, the rings,
 * and the packets that are in them; it does not own the packet pool, the interrupt route or the
 * poll.
 *
 * Life. The composition root does, in this order:
 *
 *     e1000_match    finds the table entry of a PCI function
 *     e1000_open     resets the device, programs it; no DMA, no interrupt yet
 *     netdev_init    the poll stands
 *     irq_attach     with e1000_irq_trigger, e1000_irq_quiet and e1000_shutdown as its hooks, and
 *                    a handler that calls netdev_irq
 *     e1000_start    receives, and unmasks its interrupts: never before somebody would answer them
 *     e1000_shutdown on the way to a reboot, any context; or e1000_close, which also gives back
 *                    every packet
 *
 * All calls are made by the loop of one core, but for those marked irq context.
 */
#ifndef DRIVERS_E1000_E1000_H
#define DRIVERS_E1000_E1000_H

#include "drivers/e1000/desc.h"
#include "drivers/e1000/ids.h"
#include "drivers/e1000/moderation.h"
#include "drivers/e1000/regs.h"
#include "drivers/nic.h"
#include "kernel/irq.h"
#include "kernel/mmio.h"
#include "kernel/pci.h"

enum {
    E1000_RING_COUNT = 256,     /* descriptors in each ring: one page; a power of two */
    E1000_RX_REFILL_COUNT = 16, /* buffers given back to the hardware with one tail write */
    E1000_TX_REPORT_COUNT = 32, /* descriptors of a burst between two requests for a DD */
};
static_assert((E1000_RING_COUNT & (E1000_RING_COUNT - 1)) == 0, "indices run free and are masked");
static_assert(E1000_RING_COUNT * 16 % 128 == 0, "13.4.27 RDLEN: a multiple of 128 bytes");
static_assert(E1000_RX_REFILL_COUNT * 2 < E1000_RING_COUNT, "held back: less than RXDMT0's half");

enum e1000_state {
    E1000_CLOSED,
    E1000_READY,     /* programmed, silent */
    E1000_RUNNING,   /* receives and sends */
    E1000_RESETTING, /* the watchdog takes it through a reset; its registers are left alone */
    E1000_STOPPED,   /* no DMA any more */
    E1000_FAILED,    /* gone, or no reset helps: nothing is sent, the watchdog tries again */
};

/* Where what is sent turns round: selftest.h. The wire stays silent. */
enum e1000_loopback {
    E1000_LOOPBACK_NONE,
    E1000_LOOPBACK_MAC, /* in front of the PHY */
    E1000_LOOPBACK_PHY,
};

/* How far a reset is. Between two steps there is a wait, which nobody spins through at run time. */
enum e1000_reset_step {
    E1000_RESET_NONE,
    E1000_RESET_SILENCED,  /* transfers in flight come to their end */
    E1000_RESET_MASTERING, /* requests on PCI Express come to theirs */
    E1000_RESET_CLAIMING,  /* firmware is asked to keep off the PHY */
    E1000_RESET_WRITTEN,   /* no access to any register before due_ns (13.4 CTRL.RST) */
    E1000_RESET_RELOADING, /* the NVM is read */
    E1000_RESET_SETTLING,  /* so, and the PHY configured, without a sign of its end */
};

struct e1000_reset {
    enum e1000_reset_step step;
    uint64_t due_ns; /* when the next step may be taken, by kernel/time.h */
    uint64_t end_ns; /* the bound of what this step waits for */
    bool owned;      /* the PHY was taken for it: e1000_own_end is due */
};

/*
 * The RX ring. Indices run free; a slot is index % E1000_RING_COUNT. The hardware owns
 * [next, tail) less what it has marked done. Every slot always holds a packet, the slot at tail
 * too: head == tail reads as "no buffers", so one is never given (3.2.6).
 */
struct e1000_rx {
    struct e1000_desc *ring; /* [I] */
    uint64_t bus;            /* [I] */
    struct pkt *slots[E1000_RING_COUNT];
    uint32_t next;    /* the descriptor that the hardware fills next in our eyes */
    uint32_t tail;    /* as last written to RDT */
    uint32_t spanned; /* descriptors so far of a frame that spans several: dropped up to its end */
};

/*
 * The context that the hardware has when it comes to the end of the ring: of which request, in
 * struct pkt_tx's bytes, that is for TCP or UDP in frames that begin so far into their buffer.
 * A request is never 0, which says that none is known.
 */
struct e1000_tx_context {
    uint64_t request;
    uint32_t start;
    uint32_t payload_bytes; /* where the context has them */
};

/*
 * The TX ring. Descriptors in [clean, flushed) are the hardware's, in [flushed, next) filled but
 * not told; at most room in all: E1000_RING_COUNT - 1, or less. A packet takes as many as it has
 * buffers, and more (tx_chain.c): it is in the slot of its last, the others' are NULL. reports
 * holds, oldest first, the indices that carry RS, each the last of a packet: when DD appears in
 * one, it and everything in front of it is sent.
 */
struct e1000_tx {
    struct e1000_desc *ring; /* [I] */
    uint64_t bus;            /* [I] */
    struct pkt *slots[E1000_RING_COUNT];
    uint32_t reports[E1000_RING_COUNT];
    uint32_t report_first, report_end;
    uint32_t clean, flushed, next;
    uint32_t room;       /* [I] */
    uint32_t unreported; /* descriptors behind the last one with RS */
    bool after_tso;      /* the newest packet is to be segmented, and that matters */
    struct e1000_tx_context context;
};

/* The watchdog's note of the oldest frame that was not sent when it last looked. */
struct e1000_oldest {
    bool noted;
    uint32_t index;
    uint64_t since_ns;
};

/* How its interrupts go, and whether they come. */
struct e1000_irq_state {
    const struct e1000_irq_way *way;
    enum irq_kind kind;
    bool vectors;    /* the part has MSI-X */
    bool masked;     /* [irq] one has come, and was not unmasked since */
    bool told;       /* [irq] one has come, and the ring has not been emptied since */
    bool unheard;    /* [irq] frames were found that none has told of */
    uint32_t polled; /* rx.next when it was last unmasked */
    uint32_t ticks;  /* calls by the poll timer */
    struct e1000_pace pace;
    uint64_t paced_frames, paced_bytes; /* [irq] the counters when it came */
};

/* What the watchdog remembers from one look to the next. */
struct e1000_watch {
    uint64_t look_ns; /* when the next is due */
    struct e1000_oldest oldest;
    uint32_t rx_next;       /* rx.next, ... */
    uint32_t tx_clean;      /* tx.clean, ... */
    uint64_t hw_frames;     /* hw_rx_packets and rx_missed, ... */
    uint64_t overruns;      /* rx_missed + rx_no_descriptor at the last look */
    uint32_t deaf_looks;    /* the device counted frames, and the ring has had none since */
    uint32_t deaf_patience; /* so many make a stall; doubles while resets do not help */
    uint32_t resets;        /* in a row, with no frame in between */
    bool irq_late;          /* an interrupt is overdue since before late_ns */
    uint64_t late_ns;
    uint64_t late_count; /* interrupts by then */
    uint64_t phy_ns;     /* with phy_due: when the PHY is looked at */
    bool gone;           /* it was said that the device does not answer */
};

struct e1000 {
    struct nic nic;
    struct mmio regs;                  /* [I] */
    const struct pci_device *dev;      /* [I] */
    const struct e1000_id *id;         /* [I] */
    const struct e1000_family *family; /* [I] */
    struct e1000_format format;        /* [I] */
    struct pkt_pool *pool;             /* [I] */
    enum e1000_state state;
    struct e1000_irq_state irq;
    uint32_t offers;      /* [I] enum nic_feature that are used; nic.features has them or fewer */
    struct nic_link link; /* as last read */
    bool tail_lost;       /* a ring and its registers differ: the watchdog resets */
    bool phy_due;         /* behind a reset: whether the PHY has kept its link */
    bool mac_from_nvm;    /* the address registers had none */
    enum e1000_loopback loopback;
    uint16_t loopback_bmcr; /* the PHY's, to be given back */
    struct e1000_rx rx;
    struct e1000_tx tx;
    struct e1000_watch watch;
    struct e1000_reset reset;
};

struct e1000_config {
    struct pkt_pool *pool; /* borrowed for ever; receive buffers; E1000_RING_COUNT leave at once */
    enum nic_offload offload;
};

/*
 * e is zeroed, or closed. Takes over the device: maps it, resets it, fills the RX ring, programs
 * every register it depends on. The ring memory (two pages) comes from dma_alloc and stays. A link
 * that is down is not a failure. dev is borrowed for ever. Start-up only; waits about 6 ms, on some
 * parts 50, and 10 more when the device was running, for the reset; 2.5 s at worst for firmware.
 * STATUS_NOT_FOUND: not in the table. STATUS_UNSUPPORTED: BAR 0 is not as it must be.
 * STATUS_NO_MEMORY: ring memory or pool. STATUS_TIMEOUT: the reset did not end. STATUS_IO: the
 * device has no valid MAC address; the log has the bytes. On failure every packet is back in the
 * pool, the device silent.
 */
enum status e1000_open(struct e1000 *e, const struct pci_device *dev,
                       const struct e1000_config *config) must_check;

/* Receives from now on; interrupts are unmasked. After e1000_open and irq_attach. */
void e1000_start(struct e1000 *e);

/* Ends DMA and interrupts, an irq_client's shutdown hook; arg is the struct e1000. Any context. */
void e1000_shutdown(void *arg);

/* e1000_shutdown, and every packet in the rings goes back to its pool. May be opened again. */
void e1000_close(struct e1000 *e);

/* MSI-X entries that it uses, for its irq_client: 0 when it knows no MSI-X. After e1000_open. */
uint32_t e1000_irq_vectors(const struct e1000 *e);

/*
 * The hooks of an irq_client, between e1000_open and e1000_start: select programs the device for a
 * way of interrupting, all masked; trigger raises the interrupt by software (13.4 ICS), quiet takes
 * it back. arg is the struct e1000.
 */
void e1000_irq_select(void *arg, enum irq_kind kind);
void e1000_irq_trigger(void *arg);
void e1000_irq_quiet(void *arg);

#endif
