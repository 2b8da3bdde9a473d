/*
 * Strict models of the e1000 family, and the fakes of mmio.h, dma.h, time.h and pci.h through which
 * a driver meets them. A model does what the manual says a chip may do at its worst: it is late,
 * does things in pieces, comes up with garbage, forgets everything at a reset. Whatever a driver
 * must not do is recorded as a fault; a test ends with fault_count == 0, or provokes one and looks
 * at its text.
 *
 * Written from the manuals' numbers, or from what other systems quote of them where a manual was
 * not to be had (each file says which), not from drivers/e1000: it is also that driver's check.
 * What is common is in chip_core.c (registers, reset), chip_ring.c, chip_desc.c, chip_tx.c,
 * chip_segment.c, chip_csum.c, chip_irq.c,
 * chip_phy.c (PHY, NVM, ownership), chip_memory.c and chip_pci.c; what is one generation's own in
 * chip_8254x.c, chip_82574.c (82571 to 82583), chip_ich.c (ICH, PCH) and chip_igb.c.
 */
#ifndef TESTS_UNIT_CHIP_H
#define TESTS_UNIT_CHIP_H

#include "kernel/base.h"
#include "kernel/irq.h"
#include "kernel/pci.h"
#include "tests/unit/chip_segment.h"

enum {
    CHIP_REGS_BYTES = 0x20000,
    CHIP_RING_MAX = 4096,
    CHIP_FIFO_FRAMES = 24,
    CHIP_FRAME_MAX = 9000,
    CHIP_REGIONS_MAX = 16,
    CHIP_BUFFER_BYTES = 2048, /* RCTL.BSIZE 0, SRRCTL.BSIZEPACKET 2 */
    CHIP_VECTORS_MAX = 32,
    CHIP_NVM_WORDS = 64,
    CHIP_PHY_REGS = 32,
};

enum chip_part {
    CHIP_82544, /* and 82543 */
    CHIP_82540, /* and 82545, 82546 */
    CHIP_82541, /* and 82547 */
    CHIP_82571, /* and 82572 */
    CHIP_82573,
    CHIP_82574,
    CHIP_82583,
    CHIP_ICH8,
    CHIP_ICH9, /* and ICH10 */
    CHIP_PCH,  /* 82577, 82578 */
    CHIP_PCH2, /* 82579 */
    CHIP_LPT,  /* I217, I218 */
    CHIP_SPT,  /* I219 */
    CHIP_82575,
    CHIP_82576,
    CHIP_82580,
    CHIP_I350,
    CHIP_I210,
    CHIP_PART_COUNT,
};

struct chip_frame {
    uint8_t bytes[CHIP_FRAME_MAX];
    size_t len;
    uint8_t errors;
};

struct chip_region { /* memory the chip may reach */
    uint8_t *virt;
    size_t size;
    bool ours; /* to be freed at power off */
};

/* A descriptor as it was when it was given to the chip. */
struct chip_given {
    uint64_t words[2];
    uint64_t data_hash;
};

struct chip_done { /* a filled RX descriptor that was not written back yet */
    uint32_t idx;
    uint16_t length;
    uint8_t status;
    uint8_t errors;
    bool written;
};

/* What a context descriptor told. */
struct chip_context {
    bool known;
    struct segment_job job;
    size_t ip_csum, ip_end, l4_end, bytes;
    bool tcp, ipv4, segments;
};

/* A frame of which descriptors were given, up to its last. */
struct chip_frame_open {
    uint32_t descriptors;
    uint64_t common;
    bool segments;
    uint8_t options;
    size_t told, bytes, first_bytes, last_bytes, longest;
    uint8_t head[256];
};

struct chip_traits;

struct chip {
    /* What the test sets: the data path. */
    bool reset_noop;       /* as QEMU 7.2: CTRL.RST changes nothing */
    bool reset_stuck;      /* CTRL.RST never clears */
    bool pcix;             /* the bus */
    bool tx_manual;        /* sends only when told with chip_tx_work */
    bool tx_stuck;         /* does not send at all; a reset does not help */
    bool tx_hang;          /* does not send until the next reset */
    bool tx_hold_dd;       /* sends, but keeps the reports back until chip_tx_writeback */
    bool tx_paused;        /* STATUS.TXOFF */
    bool rx_hold;          /* fills buffers, but keeps the write-back until chip_rx_writeback */
    bool rx_hang;          /* takes frames in and fills no buffer until the next reset */
    bool rx_backwards;     /* writes back the descriptors of a cache line last first */
    bool accept_long;      /* a frame too long for one buffer is not filtered out */
    bool rx_no_csum;       /* as QEMU's 82540: looks at no checksum, and says so */
    uint64_t dma_fail_at;  /* the dma_alloc that fails, counted from 1 */
    uint8_t eeprom_mac[6]; /* loaded by reset */
    uint64_t access_ns;    /* what each access to a register takes */
    void (*sent)(void *arg, const uint8_t *frame, size_t len);
    void *sent_arg;
    void (*in_delay)(void *arg); /* an interrupt while the driver spins */
    void *in_delay_arg;
    /* Interrupts: MSI (vector 0) and MSI-X messages. INTx is chip_irq_line. */
    void (*interrupt)(void *arg, uint32_t vector);
    void *interrupt_arg;
    uint32_t irq_lose;    /* that many messages get lost on their way */
    uint64_t irq_late_ns; /* a message leaves so long after its cause */
    uint32_t msix_masked; /* MSI-X table: entries masked, a bit each */
    /* Firmware and other agents. */
    uint64_t fw_holds_until_ns; /* semaphores; UINT64_MAX for ever */
    bool smbi_left;             /* SWSM.SMBI was left set by who came before */
    bool swflag_left;           /* so was EXTCNF_CTRL bit 5 */
    uint64_t me_busy_until_ns;  /* 82579: FWSM bit 24, tail writes are lost */
    bool phy_silent;            /* MDIC never gets ready */
    uint64_t mdic_ns;           /* what an access to the PHY takes; 0: as the manual says */
    bool nvm_silent;            /* EERD never gets done */
    bool mac_unloaded;          /* RAL0 and RAH0 are not loaded: the NVM has to be asked */
    bool autoread_stuck;        /* EECD.AUTO_RD, STATUS.LAN_INIT_DONE never come */
    bool master_stuck;          /* STATUS bit 19 does not fall */
    bool gone;                  /* off the bus: reads all ones, takes nothing; chip_come_back */
    bool gone_zeros;            /* ... and reads zeros, but for its configuration space */
    bool queue_stuck;           /* xDCTL.ENABLE does not come */
    bool flush_rx_too;          /* I219: the dummy descriptor is not enough */
    /*
     * A hostile or dying chip: bytes are asked for before every access; the first says what they
     * are for. No fault is recorded. May be NULL.
     */
    void (*hostile)(void *arg, uint8_t *bytes, size_t len);
    void *hostile_arg;

    /* What the test reads. */
    uint64_t now_ns;
    uint64_t reads, writes, rdt_writes, tdt_writes, rctl_writes, resets;
    uint64_t frames_in, frames_out, reports_out, frames_dropped;
    uint64_t looped;   /* sent frames that came back */
    uint64_t contexts; /* descriptors */
    uint64_t messages[CHIP_VECTORS_MAX], messages_lost;
    uint32_t fault_count;
    char fault[200]; /* the first */
    bool bus_master;
    bool dead;   /* the data path, until power-off */
    bool forgot; /* chip_come_back, and no reset since: what the driver does is no fault */
    bool is_82544;
    enum chip_part part;

    /* Inside. */
    const struct chip_traits *traits;
    uint32_t noise;
    bool memory_on;
    bool in_reset;
    bool phy_link, phy_full_duplex;
    uint32_t phy_mbps;
    uint64_t reset_at_ns, reset_until_ns, eeprom_at_ns, phy_ready_ns;
    bool eeprom_pending;
    uint32_t regs[CHIP_REGS_BYTES / 4];
    bool written[CHIP_REGS_BYTES / 4]; /* since the last reset */
    struct chip_region regions[CHIP_REGIONS_MAX];
    size_t region_count;
    uint64_t dma_calls;
    struct chip_frame fifo[CHIP_FIFO_FRAMES];
    uint32_t fifo_first, fifo_count;
    struct chip_given rx_given[CHIP_RING_MAX], tx_given[CHIP_RING_MAX];
    struct chip_done done[CHIP_RING_MAX];
    uint32_t done_first, done_count;
    uint32_t tx_unreported[CHIP_RING_MAX]; /* sent descriptors whose DD is held back */
    uint32_t tx_unreported_count;
    struct chip_frame_open open;                /* as given */
    struct chip_context context_given, context; /* ... and as sent */
    bool segmented_last;
    uint8_t sending[SEGMENT_WHOLE_MAX + 256];
    size_t sending_bytes;
    uint64_t queue_on_ns[2]; /* RX, TX: when xDCTL.ENABLE reads 1; 0: off */
    bool tail_wrong[2];      /* RX, TX: a write beside ME went wrong */
    bool delivering;
    uint32_t sent_mask; /* messages sent for causes that still stand */
    bool other_sent;
    uint64_t irq_since_ns, vector_next_ns[CHIP_VECTORS_MAX];
    bool asked; /* for ownership, since the last release */
    uint32_t swfw_held;
    bool swesmbi, smbi;
    uint64_t master_off_ns; /* when STATUS bit 19 falls */
    bool master_seen_off, master_polled;
    uint16_t phy[CHIP_PHY_REGS], nvm[CHIP_NVM_WORDS];
    uint64_t mdic_at_ns, eerd_at_ns;
    bool mdic_busy, eerd_busy, eerd_wrong;
    bool rings_used, flushed, rx_flush_begun;
    uint32_t config[64];
};

/*
 * The chip behind the fakes from now on, as after power-up: garbage in its tables, the link down.
 * device is a PCI ID; aborts when no model has it.
 */
void chip_power_on(struct chip *c, uint16_t device);
void chip_power_off(struct chip *c);
/* Which part a PCI ID is; CHIP_PART_COUNT when no model has it. */
enum chip_part chip_part_of(uint16_t device);

/* As a careless firmware leaves it: receiving, sending, interrupting, mastering the bus. */
void chip_leave_running(struct chip *c);

/*
 * Where there are several: this one is behind the fakes from now on. All other calls are for the
 * one that was powered on, or selected, last.
 */
void chip_select(struct chip *c);

/* Memory that dma_bus_address() and the chip know; freed at power off. */
void *chip_memory(struct chip *c, size_t size);
/* Likewise the caller's own, in the place of what was lent before. */
void chip_lend(struct chip *c, void *memory, size_t size);

/* The PCI function as a scan would find it. */
struct pci_device chip_pci_device(uint16_t device);

/* What is due by the chip's clock: after the test has moved now_ns. */
void chip_run(struct chip *c);

/* On the bus again after gone, as after a power-up; its PCI configuration is kept. */
void chip_come_back(struct chip *c);

void chip_set_link(struct chip *c, bool up, uint32_t mbps, bool full_duplex);
bool chip_irq_line(const struct chip *c);
/* As the board's code does it in PCI configuration space. False: this part does not have it. */
bool chip_irq_mode(struct chip *c, enum irq_kind kind);

/* A frame from the wire; errors as in the legacy descriptor. False when the chip did not take it.
 */
bool chip_receive(struct chip *c, const uint8_t *frame, size_t len, uint8_t errors);
/* Writes back up to count held descriptors; torn leaves the byte with DD of the last unwritten. */
void chip_rx_writeback(struct chip *c, uint32_t count, bool torn);

/* Sends up to count descriptors; returns how many. */
uint32_t chip_tx_work(struct chip *c, uint32_t count);
void chip_tx_writeback(struct chip *c);

uint32_t chip_reg(const struct chip *c, uint32_t offset); /* a look without side effects */
uint32_t chip_rx_owned(const struct chip *c);             /* descriptors the chip may still fill */

/* 16 bytes into a descriptor of the ring, whichever side owns it: for a hostile chip. */
void chip_scribble(struct chip *c, bool tx, uint32_t idx, const uint8_t bytes[16]);

#endif
