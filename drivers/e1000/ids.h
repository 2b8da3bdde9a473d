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

struct e1000_id {
    uint16_t device;  /* PCI device ID; the vendor is Intel */
    uint16_t quirks;  /* bits of enum e1000_quirk */
    const char *name; /* for the log and struct nic */
};

/* The entry of a PCI function, for ever valid; NULL when it is not one of ours. Any context. */
const struct e1000_id *e1000_match(uint16_t vendor, uint16_t device);

/* The idx-th entry; NULL behind the last: to name what is supported. Any context. */
const struct e1000_id *e1000_id_at(size_t idx);

#endif
