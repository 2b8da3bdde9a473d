/*
 * Which devices this driver claims, and where they differ: data, read from one table. What is
 * common to a generation is in struct e1000_family, what differs between its parts in the quirks.
 * A quirk is explained where it is acted upon.
 */
#ifndef DRIVERS_E1000_IDS_H
#define DRIVERS_E1000_IDS_H

#include "kernel/base.h"

enum {
    E1000_VENDOR_INTEL = 0x8086,
};

enum e1000_quirk {
    E1000_QUIRK_NO_MODERATION = 1u << 0,  /* no ITR, RADV, TADV */
    E1000_QUIRK_NO_MANC = 1u << 1,        /* MANC is not there, or is not ours to write */
    E1000_QUIRK_EEPROM_RELOAD = 1u << 2,  /* a reset does not reload the EEPROM by itself */
    E1000_QUIRK_PCIX_HANG = 1u << 3,      /* may hang on PCI-X; only named, see setup.c */
    E1000_QUIRK_WRITE_MERGE = 1u << 4,    /* bridges may merge its writes: read in between */
    E1000_QUIRK_MASTER_DISABLE = 1u << 5, /* PCI Express: stop its requests before a reset */
    E1000_QUIRK_KEEP_RX = 1u << 6,        /* RCTL.EN must not be cleared once it is set */
    E1000_QUIRK_MULR = 1u << 7,           /* TCTL.MULR: several requests in flight, or no TX */
    E1000_QUIRK_NO_EERD = 1u << 8,        /* the NVM is not read through EERD */
    E1000_QUIRK_NO_MDIC = 1u << 9,        /* the PHY is not reached through MDIC */
    E1000_QUIRK_AUTO_READ = 1u << 10,     /* EECD tells when a reset has read the NVM */
    E1000_QUIRK_DRV_LOAD = 1u << 11,      /* firmware asks CTRL_EXT whether a driver is there */
    E1000_QUIRK_DRV_LOAD_SWSM = 1u << 12, /* it asks SWSM */
    E1000_QUIRK_NO_ASPM = 1u << 13,       /* loses completions when the PCI Express link sleeps */
    E1000_QUIRK_ICH8_BUFFER = 1u << 14,   /* packet buffer sizes have to be written */
    E1000_QUIRK_I210_BUFFER = 1u << 15,   /* a reset does not restore the packet buffer sizes */
    E1000_QUIRK_TAIL_GUARD = 1u << 16,    /* tail writes get lost beside those of firmware */
    E1000_QUIRK_RING_FLUSH = 1u << 17,    /* hangs when it is reset with used rings */
    E1000_QUIRK_ULP = 1u << 18,           /* the PHY may sleep in its ultra low power state */
    E1000_QUIRK_K1_OFF = 1u << 19,        /* the MAC's link to the PHY must not sleep at gigabit */
    E1000_QUIRK_PLL_REQUEST = 1u << 20,   /* at gigabit the PLL has to be asked for */
    E1000_QUIRK_SPEED_MODE = 1u << 21,    /* TARC0 has to know whether it is gigabit */
    E1000_QUIRK_NO_ASDE = 1u << 22,       /* a backplane: no PHY whose speed could be taken */
    E1000_QUIRK_GO_LINKD = 1u << 23,      /* PHPM may hold the link down */
    E1000_QUIRK_PORT_XOR = 1u << 24,      /* NVM: port 1 has port 0's address, last bit turned */
    E1000_QUIRK_PORT_BLOCK = 1u << 25,    /* NVM: each port has a block with its own address */
    E1000_QUIRK_SLOW_EEPROM = 1u << 26,   /* a reset reads it for longer */
    E1000_QUIRK_TWO_REQUESTS = 1u << 27,  /* three in flight overrun the internal bus */
    E1000_QUIRK_WAKE_CLOCK = 1u << 28,    /* loses frames when this clock is gated */
    E1000_QUIRK_PHY_AT_2 = 1u << 29,      /* its PHY is not where the generation's is */
    E1000_QUIRK_K1_PHY = 1u << 30,        /* that sleep loses frames, which its PHY can prevent */
    E1000_QUIRK_NO_TSO = 1u << 31,        /* segmenting hangs it, or spoils frames */
};

/* What segmenting wants of a generation: each explained in tx_chain.c or offload.c. */
enum e1000_tso {
    E1000_TSO_SENTINEL = 1 << 0, /* the last bytes are in a descriptor of their own */
    E1000_TSO_PAYLOAD = 1 << 1,  /* with the headers there is payload in the first descriptor */
    E1000_TSO_GIGABIT = 1 << 2,  /* not at 10 and 100 Mb/s */
};

/* The generations of the family, each with a manual of its own or a chapter in one. */
enum e1000_gen {
    E1000_GEN_8254X, /* PCI and PCI-X */
    E1000_GEN_82571, /* and 82572 */
    E1000_GEN_82573,
    E1000_GEN_82574, /* and 82583 */
    E1000_GEN_ICH8,
    E1000_GEN_ICH9,  /* and ICH10 */
    E1000_GEN_PCH,   /* 82577, 82578 */
    E1000_GEN_PCH2,  /* 82579 */
    E1000_GEN_LPT,   /* I217, I218 */
    E1000_GEN_SPT,   /* I219 */
    E1000_GEN_82575, /* from here on advanced descriptors: e1000_gen_is_advanced */
    E1000_GEN_82576,
    E1000_GEN_82580,
    E1000_GEN_I350, /* and I354 */
    E1000_GEN_I210, /* and I211 */
    /* I225 and I226 (2.5 Gbit/s, advanced descriptors) would come here: not claimed */
    E1000_GEN_COUNT,
};

/*
 * Advanced descriptors, queues with an enable bit of their own, and interrupts by the EICR family
 * of registers (82576 data sheet, 7.1.5, 7.2.2, 7.3).
 */
static inline bool e1000_gen_is_advanced(enum e1000_gen gen)
{
    return gen >= E1000_GEN_82575;
}

/* How the driver and firmware agree who uses the PHY: own.c. */
enum e1000_lock {
    E1000_LOCK_NONE,
    E1000_LOCK_SWSM,    /* SWSM.SMBI, then SWSM.SWESMBI */
    E1000_LOCK_MDIO,    /* EXTCNF_CTRL: asked for and granted; around a reset, too */
    E1000_LOCK_SWFLAG,  /* EXTCNF_CTRL: as MDIO, but only when nobody has it */
    E1000_LOCK_FW_SYNC, /* SWSM, under which a bit of SW_FW_SYNC is taken */
};

struct e1000_family {
    enum e1000_lock lock;
    uint8_t phy_addr;   /* on the MDIO bus; e1000_phy_addr has the exceptions */
    uint8_t rar_count;  /* receive addresses that are the driver's */
    uint8_t mta_count;  /* registers of the multicast table */
    uint16_t quiet_us;  /* after CTRL.RST: no access to any register */
    uint16_t settle_us; /* after the reset: the NVM is read, the PHY configured */
    uint8_t tso;        /* bits of enum e1000_tso */
    const char *name;   /* as docs/hardware.md has it */
};

struct e1000_id {
    uint16_t device;    /* PCI device ID; the vendor is Intel */
    enum e1000_gen gen; /* what is common to a generation is read from this */
    uint32_t quirks;    /* bits of enum e1000_quirk, those of the generation included */
    const char *name;   /* for the log and struct nic */
};

/* The entry of a PCI function, for ever valid; NULL when it is not one of ours. Any context. */
const struct e1000_id *e1000_match(uint16_t vendor, uint16_t device);

/* The idx-th entry; NULL behind the last: to name what is supported. Any context. */
const struct e1000_id *e1000_id_at(size_t idx);

/* Where the PHY's first registers are on the MDIO bus. Any context. */
uint32_t e1000_phy_addr(const struct e1000_id *id);

/* What is common to a generation, for ever valid. Any context. */
const struct e1000_family *e1000_family(enum e1000_gen gen);

#endif
