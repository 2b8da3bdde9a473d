/*
 * Which offloads a device is trusted with. All of the family check and fill in checksums. Not all
 * segment well:
 *
 *   82543, 82544, 82547   not used by Linux for it, or with the workaround for PCI-X alone that is
 *                         not here (setup.c): E1000_QUIRK_NO_TSO
 *   ICH, PCH              hang ("Detected Hardware Unit Hang"), or spoil frames; Linux has turned
 *                         it off on some (I219), users on the others: E1000_QUIRK_NO_TSO
 *   82571 to 82574        at 10 and 100 Mb/s Linux turns it off: E1000_TSO_GIGABIT
 *
 * QEMU's e1000 leaves received checksums alone and says so (IXSM). What it is asked to do it does
 * as a program does, and no faster than we, who sum while we copy: a segment of a download
 * costs 5.6 us of the emulated processor without, 7.9 with checksums, 6.3 with TSO. So it is not
 * asked, unless the command line wants it. Its 82574 segments by the help of the host's network,
 * which halves that time; before 8.0 it makes fragments of IPv4 where there is none (a user or
 * socket netdev).
 */
#include "drivers/e1000/internal.h"

enum {
    CSUMS = NIC_FEATURE_RX_CSUM | NIC_FEATURE_TX_CSUM,
    SUBSYSTEM_VENDOR_QEMU = 0x1af4,
};

static bool is_emulated_8254x(const struct e1000 *e)
{
    return e->dev->subsystem_vendor == SUBSYSTEM_VENDOR_QEMU && e->id->gen < E1000_GEN_82571;
}

void e1000_offload_choose(struct e1000 *e, enum nic_offload offload)
{
    bool tso = (e->id->quirks & E1000_QUIRK_NO_TSO) == 0;
    e->offers = NIC_FEATURE_TX_FRAGS;
    switch (offload) {
    case NIC_OFFLOAD_OFF:
        break;
    case NIC_OFFLOAD_CSUM:
        e->offers |= CSUMS;
        break;
    case NIC_OFFLOAD_AUTO:
        if (!is_emulated_8254x(e)) {
            e->offers |= CSUMS | (tso ? NIC_FEATURE_TSO : 0);
        }
        break;
    case NIC_OFFLOAD_ALL:
        e->offers |= CSUMS | NIC_FEATURE_TSO;
        break;
    }
    if ((e->offers & NIC_FEATURE_RX_CSUM) == 0) {
        e->format.rx_csums = 0; /* no mark says that it has checked */
    }
    e->nic.features = e->offers;
}

void e1000_offload_adapt(struct e1000 *e)
{
    bool gigabit_only = (e->family->tso & E1000_TSO_GIGABIT) != 0;
    bool slow = e->link.up && e->link.speed_mbps != 1000;
    e->nic.features = e->offers & ~(gigabit_only && slow ? (uint32_t)NIC_FEATURE_TSO : 0);
}

/* 13.4 RXCSUM. Bits 7:0 are for the packet checksum, which nobody asks for. */
uint32_t e1000_offload_rxcsum(const struct e1000 *e)
{
    bool wanted = (e->offers & NIC_FEATURE_RX_CSUM) != 0;
    return wanted ? E1000_RXCSUM_IPOFL | E1000_RXCSUM_TUOFL : 0;
}
