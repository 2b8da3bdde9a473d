/*
 * The registers and bits of the 8254x that this driver uses, and no others; descriptors are in
 * desc.h. Offsets into BAR 0; every register is 32 bits wide. From Intel's "PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual" (the manual, below): chapter 13. RW
 * unless said otherwise; RO read only, WO write only, RC cleared by reading.
 * tests/unit/test_e1000_regs.c holds a second copy to compare with.
 */
#ifndef DRIVERS_E1000_REGS_H
#define DRIVERS_E1000_REGS_H

#include "kernel/base.h"

enum e1000_reg {
    E1000_CTRL = 0x0000,     /* device control */
    E1000_STATUS = 0x0008,   /* device status, RO */
    E1000_CTRL_EXT = 0x0018, /* extended device control */
    E1000_FCAL = 0x0028,     /* flow control address, low */
    E1000_FCAH = 0x002c,     /* flow control address, high */
    E1000_FCT = 0x0030,      /* flow control EtherType */
    E1000_ICR = 0x00c0,      /* interrupt causes, RC */
    E1000_ITR = 0x00c4,      /* least distance of two interrupts, in 256 ns; not in the 82544 */
    E1000_ICS = 0x00c8,      /* raises causes from software, WO */
    E1000_IMS = 0x00d0,      /* enables the causes written as 1 */
    E1000_IMC = 0x00d8,      /* disables the causes written as 1, WO */
    E1000_RCTL = 0x0100,     /* receive control */
    E1000_FCTTV = 0x0170,    /* pause time of frames we would send */
    E1000_TCTL = 0x0400,     /* transmit control */
    E1000_TIPG = 0x0410,     /* inter-packet gap */
    E1000_FCRTL = 0x2160,    /* receive FIFO level that ends a pause */
    E1000_FCRTH = 0x2168,    /* receive FIFO level that starts a pause */
    E1000_RDBAL = 0x2800,    /* RX ring base, low; 16-byte aligned */
    E1000_RDBAH = 0x2804,    /* RX ring base, high */
    E1000_RDLEN = 0x2808,    /* RX ring length in bytes; multiple of 128 */
    E1000_RDH = 0x2810,      /* RX head: the next descriptor the hardware fills */
    E1000_RDT = 0x2818,      /* RX tail: one past the last descriptor the hardware may fill */
    E1000_RDTR = 0x2820,     /* RX interrupt delay, 1.024 us */
    E1000_RXDCTL = 0x2828,   /* RX descriptor fetch and write-back thresholds */
    E1000_RADV = 0x282c,     /* RX interrupt delay, absolute; not in the 82544 */
    E1000_TDBAL = 0x3800,    /* TX ring base, low; 16-byte aligned */
    E1000_TDBAH = 0x3804,    /* TX ring base, high */
    E1000_TDLEN = 0x3808,    /* TX ring length in bytes; multiple of 128 */
    E1000_TDH = 0x3810,      /* TX head: the next descriptor the hardware sends */
    E1000_TDT = 0x3818,      /* TX tail: one past the last descriptor to send */
    E1000_TIDV = 0x3820,     /* TX interrupt delay, 1.024 us */
    E1000_TXDCTL = 0x3828,   /* TX descriptor fetch and write-back thresholds */
    E1000_TADV = 0x382c,     /* TX interrupt delay, absolute; not in the 82544 */
    E1000_CRCERRS = 0x4000,  /* frames with a bad CRC, RC */
    E1000_RXERRC = 0x400c,   /* frames with a receive error from the PHY, RC */
    E1000_MPC = 0x4010,      /* frames missed because the receive FIFO was full, RC */
    E1000_GPRC = 0x4074,     /* good frames received, RC */
    E1000_GPTC = 0x4080,     /* good frames sent, RC */
    E1000_RNBC = 0x40a0,     /* frames that found no free descriptor, RC */
    E1000_RXCSUM = 0x5000,   /* receive checksum offload */
    E1000_MTA = 0x5200,      /* multicast hash table, 128 registers, garbage at power-up */
    E1000_RAL0 = 0x5400,     /* receive address 0, low; address n is at 8 * n */
    E1000_RAH0 = 0x5404,     /* receive address 0, high */
    E1000_VFTA = 0x5600,     /* VLAN filter table, 128 registers, garbage at power-up */
    E1000_MANC = 0x5820,     /* management control; not in the 82544 */
};

enum {
    E1000_MTA_COUNT = 128,
    E1000_VFTA_COUNT = 128,
    E1000_RAR_COUNT = 16,
    E1000_BAR_MIN_BYTES = 0x5824, /* BAR 0 must reach beyond the last register above */
};

enum e1000_ctrl {
    E1000_CTRL_LRST = 1 << 3,     /* link reset: holds the link down while set */
    E1000_CTRL_ASDE = 1 << 5,     /* take the speed from the PHY */
    E1000_CTRL_SLU = 1 << 6,      /* set link up: lets the MAC see the PHY's link */
    E1000_CTRL_ILOS = 1 << 7,     /* invert loss-of-signal */
    E1000_CTRL_FRCSPD = 1 << 11,  /* force the speed of bits 9:8 */
    E1000_CTRL_FRCDPLX = 1 << 12, /* force the duplex of bit 0 */
    E1000_CTRL_RST = 1 << 26,     /* resets all but the PHY; clears itself */
    E1000_CTRL_RFCE = 1 << 27,    /* obey received pause frames */
    E1000_CTRL_TFCE = 1 << 28,    /* send pause frames */
    E1000_CTRL_VME = 1 << 30,     /* strip and insert VLAN tags */
};
#define E1000_CTRL_PHY_RST (UINT32_C(1) << 31) /* holds the PHY in reset while set */

enum e1000_status {
    E1000_STATUS_FD = 1 << 0,         /* full duplex */
    E1000_STATUS_LU = 1 << 1,         /* link up */
    E1000_STATUS_TXOFF = 1 << 4,      /* transmission is paused by flow control */
    E1000_STATUS_SPEED_SHIFT = 6,     /* bits 7:6: 0 = 10, 1 = 100, 2 and 3 = 1000 Mb/s */
    E1000_STATUS_PCIX_MODE = 1 << 13, /* the bus runs as PCI-X */
};

enum e1000_single_fields {
    E1000_CTRL_EXT_EE_RST = 1 << 13, /* reload from the EEPROM; clears itself */
    E1000_MANC_ARP_EN = 1 << 13,     /* firmware takes ARP requests for itself */
    E1000_TIPG_IPGR1_SHIFT = 10,     /* gap part 1, half duplex */
    E1000_TIPG_IPGR2_SHIFT = 20,     /* gap part 2, half duplex; IPGT is bits 9:0 */
    E1000_RXDCTL_WTHRESH_SHIFT = 16, /* write back when so many are done */
    E1000_RXDCTL_GRAN = 1 << 24,     /* thresholds count descriptors, not cache lines */
};

/* The causes of interrupts: bits of ICR, ICS, IMS, IMC. */
enum e1000_cause {
    E1000_CAUSE_LSC = 1 << 2,    /* link status changed */
    E1000_CAUSE_RXDMT0 = 1 << 4, /* free RX descriptors fell to the threshold */
    E1000_CAUSE_RXO = 1 << 6,    /* receiver overrun */
    E1000_CAUSE_RXT0 = 1 << 7,   /* a frame was received and its delay is over */
};
#define E1000_CAUSE_ALL UINT32_C(0xffffffff)

enum e1000_rctl {
    E1000_RCTL_EN = 1 << 1,     /* receive */
    E1000_RCTL_BAM = 1 << 15,   /* accept broadcast: no ARP without it */
    E1000_RCTL_SECRC = 1 << 26, /* strip the CRC, and leave it out of the length */
    /* 0 in bits 7:6 no loopback, 9:8 RXDMT0 at half the ring, 17:16 and 25 buffers of 2048 */
};

enum e1000_tctl {
    E1000_TCTL_EN = 1 << 1,     /* transmit */
    E1000_TCTL_PSP = 1 << 3,    /* pad short packets */
    E1000_TCTL_CT_SHIFT = 4,    /* collision threshold: retries in half duplex */
    E1000_TCTL_COLD_SHIFT = 12, /* collision distance in byte times */
    E1000_TCTL_RTLC = 1 << 24,  /* retransmit on late collision */
};
#define E1000_RAH_AV (UINT32_C(1) << 31) /* address valid */

#endif
