/*
 * A device of any generation that does no more than the driver's reset, ownership, NVM and PHY
 * sequences need, records every access, and lets a test play the firmware. The strict models of
 * the data path are elsewhere (chip_8254x.h); this one is about who waits for what, and in which
 * order. It has the fakes of mmio.h, dma.h, time.h and pci.h.
 *
 * Numbers are those of the data sheets, not names from drivers/e1000/regs.h.
 */
#ifndef TESTS_UNIT_E1000_FAKE_H
#define TESTS_UNIT_E1000_FAKE_H

#include "drivers/e1000/e1000.h"

enum {
    FAKE_REGS_BYTES = 0x20000,
    FAKE_LOG_COUNT = 16384,
};

struct fake_access {
    bool is_write;
    bool is_config; /* of PCI configuration space */
    uint32_t offset;
    uint32_t value;
    uint64_t at_ns;
};

struct fake_nic {
    /* What the test sets. */
    bool firmware_holds_extcnf; /* does not grant the PHY */
    bool firmware_holds_swsm;   /* does not grant SWESMBI */
    bool smbi_stuck;            /* as a former kernel left it; until it is written 0 */
    bool smbi_always;           /* never free */
    uint32_t sync_held;         /* bits of SW_FW_SYNC that somebody else has */
    bool master_stuck;          /* requests on PCI Express never end */
    bool no_auto_read;          /* EECD.AUTO_RD never comes */
    bool reset_stuck;
    bool reset_noop;               /* as QEMU 7.2: changes nothing */
    uint64_t extcnf_held_until_ns; /* by firmware, which then lets go */
    bool eerd_dead;
    bool mdic_dead;
    bool smbus_kept;     /* the MAC and the PHY have to be in one mode: CTRL_EXT, register 23 */
    bool engine_busy;    /* the management engine is at the registers for ever */
    bool ulp_stuck;      /* the management engine does not leave ULP */
    bool flush_required; /* I219; until a descriptor was sent */
    bool flush_by_rx;    /* until the receiver was toggled, rather */
    bool tail_deaf;      /* tail writes do not arrive */
    bool gone;           /* every read gives all ones */
    bool link;
    uint32_t speed; /* as in STATUS, bits 7:6 */
    bool half_duplex;
    uint32_t port;  /* STATUS.LAN_ID */
    uint8_t mac[6]; /* in RAL0 and RAH0 after a reset; zeros: not valid */
    uint16_t nvm[0x200];
    uint16_t phy[2][32]; /* of address 1 and 2 */
    uint32_t aspm;       /* Link Control, status in the upper half */

    /* What the test reads. */
    uint64_t now_ns;
    uint32_t regs[FAKE_REGS_BYTES / 4];
    struct fake_access log[FAKE_LOG_COUNT];
    size_t log_count;
    uint32_t resets;
    bool bus_master;
    bool swflag_stolen;    /* written while somebody else had it */
    bool touched_in_quiet; /* an access before quiet_us were over */
    uint64_t longest_call_ns;

    /* Inside. */
    bool small_eerd, is_ich;
    uint64_t quiet_until_ns, reset_until_ns, read_until_ns, master_until_ns;
    bool smbi;
    struct pci_device dev;
    struct arena arena;
    void *memory;
    struct pkt_pool pool;
    struct e1000 e;
};

extern struct fake_nic fake_nic;

/* A device with this ID, just powered on. */
void fake_on(uint16_t device);
/* Opens the driver; of what it gives. */
enum status fake_open(void);
/* Opens, which must succeed, and starts; the log is empty. */
void fake_start(void);
/* Closes it; every packet is home, and nothing was done that no part takes. */
void fake_off(void);
/* The watchdog, until the reset that it begins or goes on with has ended. */
void fake_watchdog(void);

/* A frame is not sent: the watchdog, until it has begun a reset. */
void fake_hang(void);

uint32_t fake_reg(uint32_t offset);
/* The index in the log of the first write to offset with all of bits in it, from index from on. */
size_t fake_find_write(uint32_t offset, uint32_t bits, size_t from);
size_t fake_count_writes(uint32_t offset);

#endif
