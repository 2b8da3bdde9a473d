/*
 * Registers that the 8254x do not have: the queues of the 82575 and later, and the ways to
 * interrupt of the 82571 and later. Offsets from the 82574 data sheet, chapter 10, and the 82576
 * data sheet, chapter 8, except where another is named. What is here and in regs.h are all that
 * rx.c, tx.c, queues.c, irq*.c, link.c, stats.c and watchdog.c touch.
 */
#ifndef DRIVERS_E1000_REGS_ADVANCED_H
#define DRIVERS_E1000_REGS_ADVANCED_H

#include "kernel/base.h"

/* Queues. */
enum {
    E1000_SRRCTL = 0x280c, /* split and replication receive control of queue 0 */
    E1000_MRQC = 0x5818,   /* multiple receive queues, 0: one */

    E1000_SRRCTL_BSIZE_KIB_SHIFT = 0,    /* buffers, in KiB, bits 6:0 */
    E1000_SRRCTL_DESCTYPE_ONE = 1 << 25, /* advanced, one buffer */
    E1000_QUEUE_PTHRESH_SHIFT = 0,       /* RXDCTL, TXDCTL: fetch when so few are left */
    E1000_QUEUE_HTHRESH_SHIFT = 8,       /* and so many can be had */
    E1000_QUEUE_ENABLE = 1 << 25,        /* reads 1 when the queue works */
    E1000_TXDCTL_COUNT_DESC = 1 << 22,   /* 82571 to PCH: always to be set */
    E1000_TCTL_MULR = 1 << 28,           /* 82571 to PCH: several reads of memory in flight */
};

/* The ICR family in the 82571 and later. */
#define E1000_CAUSE_ASSERTED (UINT32_C(1) << 31) /* ICR: the device holds its line */

/* MSI-X of the 82574. */
enum {
    E1000_EIAC_82574 = 0x00dc, /* causes that sending their message takes back */
    E1000_IVAR_82574 = 0x00e4, /* which vector a cause has */
    E1000_EITR_82574 = 0x00e8, /* least distance of two interrupts by vector n: at 4 * n */

    E1000_CAUSE_RXQ0 = 1 << 20,
    E1000_CAUSE_TXQ0 = 1 << 22,
    E1000_CAUSE_OTHER = 1 << 24,
    E1000_IVAR_82574_VALID = 1 << 3, /* with the vector in bits 2:0, at one of the shifts */
    E1000_IVAR_82574_RXQ0_SHIFT = 0,
    E1000_IVAR_82574_TXQ0_SHIFT = 8,
    E1000_IVAR_82574_OTHER_SHIFT = 16,
    E1000_RFCTL_ACK_DIS = 1 << 12, /* no interrupt of its own for a TCP acknowledgement */
};
/* CTRL_EXT: pending bits work as MSI-X has it; 82575, too. */
#define E1000_CTRL_EXT_PBA (UINT32_C(1) << 31)

/* The EICR family of the 82575 and later. */
enum {
    E1000_GPIE = 0x1514,      /* general purpose interrupt enable; not in the 82575 */
    E1000_EICS = 0x1520,      /* raises vectors from software, WO */
    E1000_EIMS = 0x1524,      /* enables the vectors written as 1 */
    E1000_EIMC = 0x1528,      /* disables the vectors written as 1, WO */
    E1000_EIAC = 0x152c,      /* vectors that sending their message takes back */
    E1000_EICR = 0x1580,      /* vectors raised; write 1 to clear */
    E1000_MSIXBM = 0x1600,    /* 82575: causes of vector n, at 4 * n */
    E1000_EITR = 0x1680,      /* least distance of two interrupts by vector n: at 4 * n */
    E1000_IVAR = 0x1700,      /* vectors of the queues; not in the 82575 */
    E1000_IVAR_MISC = 0x1740, /* vectors of the other causes; not in the 82575 */

    E1000_GPIE_NSICR = 1 << 0, /* each read of ICR clears it */
    E1000_GPIE_MSIX = 1 << 4,  /* several vectors */
    E1000_IVAR_VALID = 1 << 7, /* with the vector in bits 4:0, at one of the shifts */
    E1000_IVAR_RXQ0_SHIFT = 0,
    E1000_IVAR_TXQ0_SHIFT = 8,
    E1000_IVAR_MISC_OTHER_SHIFT = 8,
    E1000_CTRL_EXT_NSICR = 1 << 0, /* 82575 (manual, 5.13.11): as in GPIE */
    E1000_EICR_82575_RXQ0 = 1 << 0,
    E1000_EICR_82575_TXQ0 = 1 << 8,
};
#define E1000_GPIE_PBA         (UINT32_C(1) << 31)
#define E1000_EICR_82575_OTHER (UINT32_C(1) << 31)
/* Not in the 82575: the count under way goes on. */
#define E1000_EITR_KEEP (UINT32_C(1) << 31)

#endif
