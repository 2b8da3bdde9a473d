/*
 * The contract of a network device. It moves Ethernet frames in batches and knows nothing of IP.
 * A device is a value: one struct nic embedded in the driver's own struct. All calls come from the
 * loop of one core, except irq, which comes from irq context.
 */
#ifndef DRIVERS_NIC_H
#define DRIVERS_NIC_H

#include "kernel/base.h"
#include "kernel/pkt.h"

struct nic;

enum nic_event { /* what irq() saw; bits */
                 NIC_EVENT_RX = 1u << 0,
                 NIC_EVENT_LINK = 1u << 1,
};

/* What a device does for whoever sends or receives. Not one of them has to be used. */
enum nic_feature {
    NIC_FEATURE_RX_CSUM = 1u << 0,  /* sets PKT_RX_CSUM_GOOD */
    NIC_FEATURE_TX_CSUM = 1u << 1,  /* takes pkt.tx.l4 */
    NIC_FEATURE_TSO = 1u << 2,      /* takes pkt.tx.mss; has the other two of sending as well */
    NIC_FEATURE_TX_FRAGS = 1u << 3, /* takes packets of NIC_TX_FRAGS_MAX buffers */
};

/*
 * What is to be used of it: offload= on the command line. A device never offers what it does not
 * have; gathering buffers (TX_FRAGS) is no offload and stays.
 */
enum nic_offload {
    NIC_OFFLOAD_AUTO, /* what is not known to go wrong */
    NIC_OFFLOAD_OFF,
    NIC_OFFLOAD_CSUM, /* checksums alone */
    NIC_OFFLOAD_ALL,  /* TSO, too, where it is known to go wrong */
};

/*
 * A request (struct pkt_tx) is about an IPv4 packet of TCP or UDP in an Ethernet frame, with all of
 * its headers in the first buffer. No buffer is empty. Where the device fills the checksum in
 * (l4 > 0), the sum of the pseudo header is in its place: addresses, protocol and, without mss, the
 * length, folded and not inverted.
 *
 * With mss, which is for TCP alone, the payload, which is longer, goes in segments of mss bytes,
 * the last of what is left. Total length and checksum of the IPv4 header are 0 and the pseudo
 * header is without the length: both are of each segment. Sequence numbers and IPv4 identification
 * rise from what the headers say, the latter by one a segment; FIN and PSH are in the last one
 * only.
 */

struct nic_link {
    bool up;
    bool full_duplex;
    uint32_t speed_mbps;
};

/* Kept since start; the driver adds the hardware's clear-on-read registers into them. */
struct nic_stats {
    uint64_t rx_packets, rx_bytes;
    uint64_t tx_packets, tx_bytes;
    uint64_t rx_errors;   /* frames marked bad by the hardware, or of a senseless length */
    uint64_t rx_oversize; /* frames over more than one descriptor, dropped */
    uint64_t
        rx_no_buffer;   /* the pool was dry: the frame was dropped, its buffer kept in the ring */
    uint64_t rx_missed; /* hardware: receive FIFO overflow (MPC) */
    uint64_t rx_no_descriptor; /* hardware: no descriptor was free (RNBC) */
    uint64_t tx_ring_full;     /* times a batch did not fit */
    uint64_t tx_dropped;       /* taken while there was no link (or no device) and dropped */
    uint64_t interrupts;
    uint64_t link_changes;
    uint64_t hw_rx_packets, hw_tx_packets; /* GPRC, GPTC */
    uint64_t hw_crc_errors;
    uint64_t tx_hangs;    /* times the transmitter stopped: the device was reset */
    uint64_t rx_stalls;   /* times the receiver stopped, or wrote what makes no sense: likewise */
    uint64_t irqs_lost;   /* times frames waited and no interrupt came */
    uint64_t rx_csum;     /* frames whose TCP or UDP checksum the hardware has found good */
    uint64_t tx_csum;     /* packets for whose checksum it was asked */
    uint64_t tx_tso;      /* packets that it was asked to segment; tx_packets has the segments */
    uint64_t tx_contexts; /* descriptors that told it how */
};

struct nic_ops {
    /*
     * Harvests up to max received frames into batch (the caller then owns them; data..tail is the
     * frame without FCS; PKT_RX_L2_BROADCAST set where due) and gives the ring fresh buffers.
     * Returns how many. Reads no device register.
     */
    size_t (*rx)(struct nic *nic, struct pkt **batch, size_t max);
    /*
     * Takes up to count frames for sending, from the front, and returns how many it took: those it
     * owns now. A frame below 60 bytes is padded. They leave at the latest with tx_flush. A device
     * that is being reset takes none: they wait in front of it. A packet of several buffers is
     * taken whole or not at all. Requests are for what features have ever had since it was opened.
     */
    size_t (*tx)(struct nic *nic, struct pkt **batch, size_t count);
    void (*tx_flush)(struct nic *nic);
    /* Frees what the device has sent. Returns true while sent frames are still outstanding. */
    bool (*tx_reclaim)(struct nic *nic);
    /*
     * irq context or poll timer: reads the cause, masks the device; bits of enum nic_event. vector:
     * kernel/irq.h.
     */
    uint32_t (*irq)(struct nic *nic, uint32_t vector);
    void (*irq_unmask)(struct nic *nic);
    /* True when a frame waits that rx would return: the look after unmasking. */
    bool (*rx_pending)(struct nic *nic);
    void (*link)(struct nic *nic, struct nic_link *out);
    /*
     * Statistics, link, a transmitter that stopped. Returns when it wants to be called again:
     * NIC_WATCHDOG_NS later or, while it resets the device, as soon as the next step may be taken.
     * No call takes longer than about a millisecond, whatever the device does.
     */
    uint64_t (*watchdog)(struct nic *nic, uint64_t now_ns);
    void (*stop)(struct nic *nic); /* no DMA after it; any context */
};

enum {
    NIC_FRAME_MIN_BYTES = 60,   /* without FCS */
    NIC_FRAME_MAX_BYTES = 1514, /* 14 + 1500 */
    NIC_TX_FRAGS_MAX = 48,      /* headers, and what IPv4 lets a packet have in full segments */
    NIC_TSO_MSS_MIN = 512,      /* a device may want no buffer to be of more than four segments */
    NIC_TSO_MAX_BYTES = 14 + 65535, /* the frame before it is segmented */
};
static_assert(NIC_TSO_MSS_MIN * 4 >= PKT_BUF_BYTES, "whatever is in a buffer");
#define NIC_WATCHDOG_NS NS_PER_S

struct nic {
    const struct nic_ops *ops; /* [I] */
    const char *name;          /* [I] "e1000 82540EM" */
    uint8_t mac[6];            /* [I] */
    uint32_t features;         /* enum nic_feature; may change when the link does */
    struct nic_stats stats;
};

#endif
