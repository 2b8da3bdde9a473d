/*
 * Which devices this driver claims, and where they differ: data, read from one table. A quirk is
 * explained where it is acted upon.
 */
#ifndef DRIVERS_E1000_IDS_H
#define DRIVERS_E1000_IDS_H

#include "kernel/base.h"

enum {
    E1000_VENDOR_INTEL = 0x8086,
};

enum e1000_quirk {
    E1000_QUIRK_NO_MODERATION = 1u << 0, /* no ITR, RADV, TADV */
    E1000_QUIRK_NO_MANC = 1u << 1,       /* no management control register */
    E1000_QUIRK_EEPROM_RELOAD = 1u << 2, /* a reset does not reload the EEPROM by itself */
    E1000_QUIRK_PCIX_HANG = 1u << 3,     /* may hang on PCI-X; only named, see init.c */
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

struct e1000_id {
    uint16_t device;    /* PCI device ID; the vendor is Intel */
    enum e1000_gen gen; /* what is common to a generation is read from this */
    uint16_t quirks;    /* bits of enum e1000_quirk */
    const char *name;   /* for the log and struct nic */
};

/* The entry of a PCI function, for ever valid; NULL when it is not one of ours. Any context. */
const struct e1000_id *e1000_match(uint16_t vendor, uint16_t device);

/* The idx-th entry; NULL behind the last: to name what is supported. Any context. */
const struct e1000_id *e1000_id_at(size_t idx);

#endif
