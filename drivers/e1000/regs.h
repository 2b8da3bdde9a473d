/*
 * The registers and bits of the family that this driver uses, and no others; descriptors are in
 * desc.h. Offsets into BAR 0; every register is 32 bits wide. From Intel's "PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual" (the manual, below): chapter 13; what
 * came after the 8254x is as the part's own manual and Linux have it. RW unless said otherwise;
 * RO read only, WO write only, RC cleared by reading.
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

/* Of the device as a whole, beside those above: reset, NVM, PHY, ownership, errata. */
enum e1000_device_reg {
    E1000_EECD = 0x0010,       /* NVM control, 82571 and later */
    E1000_EERD = 0x0014,       /* NVM read; in two layouts, see nvm.c */
    E1000_MDIC = 0x0020,       /* PHY access */
    E1000_FEXTNVM4 = 0x0024,   /* I217 and later: what else the NVM would set */
    E1000_KMRNCTRLSTA = 0x34,  /* registers of the MAC's link to the PHY, ICH and PCH */
    E1000_FEXTNVM3 = 0x003c,   /* 82579 */
    E1000_FEXTNVM7 = 0x00e4,   /* I218 and I219 */
    E1000_FEXTNVM6 = 0x0010,   /* I218: at the offset that is EECD elsewhere */
    E1000_PHPM = 0x0e14,       /* PHY power management, 82580 and later */
    E1000_EXTCNF_CTRL = 0xf00, /* ownership of the PHY, 82573, 82574, ICH, PCH */
    E1000_IOSFPC = 0x0f28,     /* I219 of SPT and KBL: the internal bus */
    E1000_PBA = 0x1000,        /* packet buffer: KiB to receive */
    E1000_PBS = 0x1008,        /* packet buffer: KiB in all, ICH8 */
    E1000_PBECCSTS = 0x100c,   /* packet buffer ECC, I217 and later */
    E1000_PBA_ECC = 0x1100,    /* the same, 82571 */
    E1000_RXPBS = 0x2404,      /* receive packet buffer, I210 */
    E1000_KABGTXD = 0x3004,    /* bias of the PHY's band gap, ICH and PCH */
    E1000_TXPBS = 0x3404,      /* transmit packet buffers, I210 */
    E1000_TARC0 = 0x3840,      /* transmit arbitration, queue 0 */
    E1000_TXDCTL1 = 0x3928,    /* as TXDCTL, queue 1 */
    E1000_TARC1 = 0x3940,      /* transmit arbitration, queue 1 */
    E1000_RFCTL = 0x5008,      /* receive filter control */
    E1000_GCR = 0x5b00,        /* PCI Express control */
    E1000_SWSM = 0x5b50,       /* software semaphore; reading takes SMBI */
    E1000_H2ME = 0x5b50,       /* I218 and I219: what the host tells the management engine */
    E1000_FWSM = 0x5b54,       /* firmware semaphore */
    E1000_SW_FW_SYNC = 0x5b5c, /* who uses what, 82575 and later */
    E1000_GCR2 = 0x5b64,       /* PCI Express control, 82574 */
    E1000_FEXTNVM11 = 0x5bbc,  /* I219 */
    E1000_FFLT_DBG = 0x5f04,   /* I219: receive filter, debugging */
    E1000_FEXTNVM12 = 0x5bc0,  /* I219 */
    E1000_CRC_OFFSET = 0x5f50, /* start value of the receive CRC, 82577 and 82578 */
};

enum {
    E1000_MTA_COUNT = 128, /* at most: struct e1000_family */
    E1000_VFTA_COUNT = 128,
    E1000_RAR_COUNT = 16,         /* at most: struct e1000_family */
    E1000_BAR_MIN_BYTES = 0x6000, /* BAR 0 must reach beyond the last register above */

    /* Configuration space of the I219: its descriptor rings' state. */
    E1000_CFG_RING_STATUS = 0xe4,
    E1000_CFG_FLUSH_REQUIRED = 1 << 8,
};

enum e1000_ctrl {
    E1000_CTRL_FD = 1 << 0,             /* the duplex that FRCDPLX forces: full */
    E1000_CTRL_MASTER_DISABLE = 1 << 2, /* no new request on PCI Express */
    E1000_CTRL_LRST = 1 << 3,           /* link reset: holds the link down while set */
    E1000_CTRL_ASDE = 1 << 5,           /* take the speed from the PHY */
    E1000_CTRL_SLU = 1 << 6,            /* set link up: lets the MAC see the PHY's link */
    E1000_CTRL_ILOS = 1 << 7,           /* invert loss-of-signal */
    E1000_CTRL_SPEED_MASK = 3 << 8,     /* the speed that FRCSPD forces */
    E1000_CTRL_SPEED_100 = 1 << 8,
    E1000_CTRL_SPEED_1000 = 2 << 8,
    E1000_CTRL_FRCSPD = 1 << 11,            /* force the speed of bits 9:8 */
    E1000_CTRL_FRCDPLX = 1 << 12,           /* force the duplex of bit 0 */
    E1000_CTRL_LANPHYPC_OVERRIDE = 1 << 16, /* PCH: the PHY's power by LANPHYPC_VALUE */
    E1000_CTRL_LANPHYPC_VALUE = 1 << 17,
    E1000_CTRL_MEHE = 1 << 19, /* I217 and later: a memory error stops the part */
    E1000_CTRL_RST = 1 << 26,  /* resets all but the PHY; clears itself */
    E1000_CTRL_RFCE = 1 << 27, /* obey received pause frames */
    E1000_CTRL_TFCE = 1 << 28, /* send pause frames */
    E1000_CTRL_VME = 1 << 30,  /* strip and insert VLAN tags */
};
#define E1000_CTRL_PHY_RST (UINT32_C(1) << 31) /* holds the PHY in reset while set */

enum e1000_status {
    E1000_STATUS_FD = 1 << 0,             /* full duplex */
    E1000_STATUS_LU = 1 << 1,             /* link up */
    E1000_STATUS_LAN_ID_SHIFT = 2,        /* bits 3:2: the port, of parts with several */
    E1000_STATUS_TXOFF = 1 << 4,          /* transmission is paused by flow control */
    E1000_STATUS_SPEED_SHIFT = 6,         /* bits 7:6: 0 = 10, 1 = 100, 2 and 3 = 1000 Mb/s */
    E1000_STATUS_PCIX_MODE = 1 << 13,     /* the bus runs as PCI-X */
    E1000_STATUS_MASTER_ENABLE = 1 << 19, /* requests on PCI Express may be under way */
};
#define E1000_STATUS_DMA_CLOCK_GATED (UINT32_C(1) << 31) /* ICH8: cleared by writing 0 */

enum e1000_ctrl_ext {
    E1000_CTRL_EXT_LPCD = 1 << 2,            /* PCH: the PHY's power cycle is over */
    E1000_CTRL_EXT_FORCE_SMBUS = 1 << 11,    /* PCH: the PHY is talked to by SMBus */
    E1000_CTRL_EXT_SPD_BYPS = 1 << 15,       /* speed changes take effect at once */
    E1000_CTRL_EXT_RO_DIS = 1 << 17,         /* no relaxed ordering */
    E1000_CTRL_EXT_DMA_DYN_CLK_EN = 1 << 19, /* DMA clock gating, 82571 */
    E1000_CTRL_EXT_PHYPDEN = 1 << 20,        /* PCH: the PHY may power down without a link */
    E1000_CTRL_EXT_DRV_LOAD = 1 << 28,       /* a driver is there */
};

enum e1000_nvm_phy_bits {
    E1000_EECD_AUTO_RD = 1 << 9, /* the NVM was read after a reset */
    E1000_EERD_START = 1 << 0,
    E1000_EERD_DONE_LARGE = 1 << 1, /* PCI Express parts: address in bits 15:2 */
    E1000_EERD_DONE_SMALL = 1 << 4, /* 8254x: address in bits 15:8 */
    E1000_EERD_ADDR_LARGE_SHIFT = 2,
    E1000_EERD_ADDR_SMALL_SHIFT = 8,
    E1000_EERD_DATA_SHIFT = 16,
    E1000_MDIC_REG_SHIFT = 16,
    E1000_MDIC_PHY_SHIFT = 21,
    E1000_MDIC_WRITE = 1 << 26,
    E1000_MDIC_READ = 2 << 26,
    E1000_MDIC_READY = 1 << 28,
    E1000_MDIC_ERROR = 1 << 30,
    E1000_PHPM_GO_LINKD = 1 << 5, /* link disconnected */
    E1000_KMRN_ADDR_SHIFT = 16,
    E1000_KMRN_READ = 1 << 21,
    E1000_KMRN_K1_CONFIG = 7, /* address */
    E1000_KMRN_K1_ENABLE = 1 << 1,
    E1000_FEXTNVM6_PLL_REQUEST = 1 << 8,
    E1000_FEXTNVM7_SMB_PERST_OFF = 1 << 5,
    E1000_FEXTNVM11_MULR_FIX_OFF = 1 << 13,
    E1000_FEXTNVM12_K1_POWER = 3 << 22, /* what K1 takes the MAC's link to the PHY to, ... */
    E1000_FEXTNVM12_K1_P1 = 2 << 22,    /* ... P1 rather than P0s */
    E1000_TARC0_SPEED_MODE = 1 << 21,
    E1000_FFLT_DBG_WAKE_CLOCK = 1 << 12, /* the wake-up's DMA clock is not gated */
};

enum e1000_ownership_bits {
    E1000_SWSM_SMBI = 1 << 0,    /* between drivers; set by reading */
    E1000_SWSM_SWESMBI = 1 << 1, /* between driver and firmware; reads 1 when granted */
    E1000_SWSM_DRV_LOAD = 1 << 3,
    E1000_EXTCNF_OWN = 1 << 5, /* the driver has the PHY */
    E1000_SYNC_NVM = 1 << 0,   /* SW_FW_SYNC; firmware's bits are 16 higher */
    E1000_SYNC_FW_SHIFT = 16,
    E1000_FWSM_PHY_RESET_OK = 1 << 6, /* PCH: the PHY may be reset and power cycled */
    E1000_FWSM_ULP_DONE = 1 << 10,    /* PCH: the PHY is in ULP */
    E1000_FWSM_FW_VALID = 1 << 15,    /* PCH: the management engine runs */
    E1000_FWSM_BUSY = 1 << 24,        /* PCH: the management engine uses our registers */
    E1000_H2ME_ULP = 1 << 11,
    E1000_H2ME_ENFORCE = 1 << 12,
};

/* PHY registers, IEEE 802.3 clause 22, and those of the PCH PHYs' pages. */
enum e1000_phy {
    E1000_PHY_BMCR = 0,
    E1000_PHY_BMSR = 1,
    E1000_PHY_ID1 = 2,
    E1000_PHY_PAGE = 31, /* page number << 5 */
    E1000_BMCR_SPEED_1000 = 1 << 6,
    E1000_BMCR_FULL_DUPLEX = 1 << 8,
    E1000_BMCR_RESTART = 1 << 9,
    E1000_BMCR_ISOLATE = 1 << 10,
    E1000_BMCR_POWER_DOWN = 1 << 11,
    E1000_BMCR_AUTONEG = 1 << 12,
    E1000_BMCR_SPEED_100 = 1 << 13,
    E1000_BMCR_LOOPBACK = 1 << 14,
    E1000_BMSR_LINK = 1 << 2,     /* 0 once after it was lost: read twice */
    E1000_BMSR_AUTONEG = 1 << 5,  /* negotiation is complete */
    E1000_BMSR_EXTENDED = 1 << 8, /* register 15 has more: 1 Gb/s */
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
    E1000_RCTL_EN = 1 << 1,      /* receive */
    E1000_RCTL_LBM_MAC = 1 << 6, /* loopback in the MAC; not in 8254x, ICH, PCH */
    E1000_RCTL_BAM = 1 << 15,    /* accept broadcast: no ARP without it */
    E1000_RCTL_SECRC = 1 << 26,  /* strip the CRC, and leave it out of the length */
    /* 0 in bits 7:6 no loopback, 9:8 RXDMT0 at half the ring, 17:16 and 25 buffers of 2048 */
};

enum e1000_tctl {
    E1000_TCTL_EN = 1 << 1,     /* transmit */
    E1000_TCTL_PSP = 1 << 3,    /* pad short packets */
    E1000_TCTL_CT_SHIFT = 4,    /* collision threshold: retries in half duplex */
    E1000_TCTL_COLD_SHIFT = 12, /* collision distance in byte times */
    E1000_TCTL_RTLC = 1 << 24,  /* retransmit on late collision */
};

enum e1000_rxcsum {
    E1000_RXCSUM_IPOFL = 1 << 8, /* check the IPv4 header's checksum */
    E1000_RXCSUM_TUOFL = 1 << 9, /* check that of TCP and UDP */
};

#define E1000_RAH_AV (UINT32_C(1) << 31) /* address valid */

#endif
