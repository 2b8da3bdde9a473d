/*
 * A strict model of an 8254x, and the fakes of mmio.h, dma.h, time.h and pci.h through which a
 * driver meets it. It does what the manual says a chip may do at its worst: it is late, does things
 * in pieces, comes up with garbage, forgets everything at a reset. Whatever a driver must not do is
 * recorded as a fault; a test ends with chip_faults() == 0, or provokes one and looks at its text.
 *
 * Written from the manual's numbers, not from drivers/e1000/regs.h: it is also that file's check.
 */
#ifndef TESTS_UNIT_CHIP_8254X_H
#define TESTS_UNIT_CHIP_8254X_H

#include "kernel/base.h"
#include "kernel/pci.h"

enum {
    CHIP_REGS_BYTES = 0x20000,
    CHIP_RING_MAX = 4096,
    CHIP_FIFO_FRAMES = 24,
    CHIP_FRAME_MAX = 9000,
    CHIP_REGIONS_MAX = 16,
    CHIP_BUFFER_BYTES = 2048, /* RCTL.BSIZE 0 */
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
};

struct chip {
    /* What the test sets. */
    bool is_82544;
    bool reset_noop;       /* as QEMU 7.2: CTRL.RST changes nothing */
    bool reset_stuck;      /* CTRL.RST never clears */
    bool pcix;             /* the bus */
    bool tx_manual;        /* sends only when told with chip_tx_work */
    bool tx_stuck;         /* does not send at all */
    bool tx_hold_dd;       /* sends, but keeps the reports back until chip_tx_writeback */
    bool tx_paused;        /* STATUS.TXOFF */
    bool rx_hold;          /* fills buffers, but keeps the write-back until chip_rx_writeback */
    bool accept_long;      /* a frame too long for one buffer is not filtered out */
    uint64_t dma_fail_at;  /* the dma_alloc that fails, counted from 1 */
    uint8_t eeprom_mac[6]; /* loaded by reset */
    uint64_t access_ns;    /* what each access to a register takes */
    void (*sent)(void *arg, const uint8_t *frame, size_t len);
    void *sent_arg;
    void (*in_delay)(void *arg); /* an interrupt while the driver spins */
    void *in_delay_arg;

    /* What the test reads. */
    uint64_t now_ns;
    uint64_t reads, writes, rdt_writes, tdt_writes, rctl_writes, resets;
    uint64_t frames_in, frames_out, reports_out;
    uint32_t fault_count;
    char fault[200]; /* the first */
    bool bus_master;

    /* Inside. */
    bool memory_on;
    bool in_reset;
    bool phy_link, phy_full_duplex;
    uint32_t phy_mbps;
    uint64_t reset_at_ns, reset_until_ns;
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
};

/* The chip behind the fakes from now on, as after power-up: garbage in its tables, the link down.
 */
void chip_power_on(struct chip *c, bool is_82544);
void chip_power_off(struct chip *c);

/* As a careless firmware leaves it: receiving, sending, interrupting, mastering the bus. */
void chip_leave_running(struct chip *c);

/* Memory that dma_bus_address() and the chip know; freed at power off. */
void *chip_memory(struct chip *c, size_t size);

/* The PCI function as a scan would find it. */
struct pci_device chip_pci_device(uint16_t device);

void chip_set_link(struct chip *c, bool up, uint32_t mbps, bool full_duplex);
bool chip_irq_line(const struct chip *c);

/* A frame from the wire; errors as in the descriptor. False when the chip did not take it. */
bool chip_receive(struct chip *c, const uint8_t *frame, size_t len, uint8_t errors);
/* Writes back up to count held descriptors; torn leaves the byte with DD of the last unwritten. */
void chip_rx_writeback(struct chip *c, uint32_t count, bool torn);

/* Sends up to count descriptors; returns how many. */
uint32_t chip_tx_work(struct chip *c, uint32_t count);
void chip_tx_writeback(struct chip *c);

uint32_t chip_reg(const struct chip *c, uint32_t offset); /* a look without side effects */
uint32_t chip_rx_owned(const struct chip *c);             /* descriptors the chip may still fill */

#endif
