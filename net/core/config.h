/*
 * What a stack is told when it is made, and what it tells the program around it: configuration,
 * limits, events. Part of the contract in net/net.h.
 */
#ifndef NET_CORE_CONFIG_H
#define NET_CORE_CONFIG_H

#include "kernel/base.h"
#include "kernel/pkt.h"

enum net_link_type {
    NET_LINK_ETHERNET, /* frames with Ethernet headers, addresses resolved by ARP */
    NET_LINK_IP,       /* bare IPv4 packets, point to point: no ARP, no DHCP */
};

enum net_address_mode {
    NET_ADDRESS_STATIC,
    NET_ADDRESS_DHCP, /* RFC 2131; link-local (RFC 3927) while nobody answers */
};

struct net_config_ip {
    enum net_address_mode mode;
    uint32_t address;    /* static only */
    uint8_t prefix_bits; /* static only, 1..32 */
    uint32_t gateway;    /* static only; 0 = none; with a /32 any other address */
    bool strict_acd;     /* RFC 5227 probing finished before an address is used (about 7 s) */
    /* DHCP only: the server's acknowledgement (a BOOTP message) that somebody else was given for
     * this machine before, a boot loader; NULL: none. Borrowed for as long as the stack lives. Its
     * address is used at once and confirmed by the server. */
    const uint8_t *dhcp_ack;
    size_t dhcp_ack_bytes;
};

/* What the stack tells the program around it. */
enum net_event_kind {
    NET_EVENT_ADDRESS,      /* an address is in use from now on */
    NET_EVENT_ADDRESS_LOST, /* given up: lease over, conflict, declined */
    NET_EVENT_CONFLICT,     /* somebody else uses our address (RFC 5227); mac says who */
    NET_EVENT_DHCP_TIMEOUT, /* nobody answered yet; attempts so far in value */
    NET_EVENT_DHCP_NAK,
    NET_EVENT_DHCP_REFUSED, /* an answer that is of no use; address, server, refusal say which */
    NET_EVENT_SERVING,      /* a TCP socket listens or a UDP one is bound: address (0: any), port */
};

enum net_address_origin {
    NET_ORIGIN_STATIC,
    NET_ORIGIN_DHCP,
    NET_ORIGIN_LINK_LOCAL,
};

/* What is beyond router, or when that is 0 on the link itself. */
struct net_route {
    uint32_t network; /* no bits beyond prefix_bits */
    uint32_t router;
    uint32_t prefix_bits; /* 1..32: the default one is the gateway */
};

enum {
    NET_ROUTES_MAX = 16, /* beside the subnet and the gateway */
};

/* Why a DHCP server's answer was refused. */
enum net_dhcp_refusal {
    NET_DHCP_REFUSED_ADDRESS, /* no host can have it */
    NET_DHCP_REFUSED_COOKIE,  /* the options are none of DHCP's */
    NET_DHCP_REFUSED_BOOT,    /* net_config_ip's acknowledgement is none, or another NIC's */
    NET_DHCP_REFUSALS,
};

struct net_event {
    enum net_event_kind kind;
    enum net_address_origin origin;
    uint32_t address;
    uint8_t prefix_bits;
    uint32_t gateway; /* 0: none; the address itself: every host is on the link */
    uint32_t server;  /* DHCP server; 0: it did not say who it is */
    uint32_t value;   /* lease seconds (UINT32_MAX: without end), or attempts */
    uint16_t port;    /* SERVING */
    bool is_tcp;      /* SERVING */
    uint8_t mac[6];   /* CONFLICT: the other one */
    enum net_dhcp_refusal refusal;
    uint8_t route_count; /* ADDRESS: routes beside the gateway */
    struct net_route routes[NET_ROUTES_MAX];
};

/* Parts of TCP that can be left out: for tests and measurements, and for a peer that cannot bear
 * one. Bits of net_config.tcp_off. */
enum net_tcp_off {
    NET_TCP_OFF_TIMESTAMPS = 1u << 0, /* RFC 7323 3 */
    NET_TCP_OFF_SACK = 1u << 1,       /* RFC 2018 */
    NET_TCP_OFF_WSCALE = 1u << 2,     /* RFC 7323 2 */
    NET_TCP_OFF_RACK = 1u << 3,       /* RFC 8985 6: loss is found by RFC 6675 alone */
    NET_TCP_OFF_TLP = 1u << 4,        /* RFC 8985 7 */
    NET_TCP_OFF_FRTO = 1u << 5,       /* RFC 5682 */
    NET_TCP_OFF_COOKIES = 1u << 6,    /* RFC 4987 3.6: a full SYN cache refuses */
    NET_TCP_OFF_PMTUD = 1u << 7,      /* RFC 1191: packets go without DF */
    NET_TCP_OFF_TUNING = 1u << 8,     /* buffers keep the size they begin with */
    NET_TCP_OFF_FAST = 1u << 9,       /* each segment goes the general way (tcp/fast.c) */
    NET_TCP_OFF_TEMPLATE = 1u << 10,  /* every header is built anew: the same bytes */
};

/* What the device below does, so that the stack need not: drivers/nic.h's enum nic_feature says the
 * same. Bits of net_config.offload. */
enum net_offload {
    NET_OFFLOAD_TX_CSUM = 1u << 1, /* takes pkt.tx.l4: TCP leaves its checksum to it */
    NET_OFFLOAD_TSO = 1u << 2, /* takes pkt.tx.mss: TCP leaves segmenting to it; with the above */
};

/* What a device that segments takes (drivers/nic.h). */
enum {
    NET_TSO_BUFFERS_MAX = 48, /* the headers' one among them */
    NET_TSO_MSS_MIN = 512,
    NET_TSO_BYTES_MAX = 65535, /* from the IPv4 header on */
};

/* Limits of one instance. net_limits_default gives a set for a memory budget. */
struct net_limits {
    uint32_t arp_entries;
    uint32_t reass_datagrams; /* incomplete datagrams at once */
    uint32_t reass_packets;   /* fragments held, all together */
    uint32_t udp_sockets;
    uint32_t tcp_connections; /* full control blocks, listeners among them */
    uint32_t tcp_half_open;   /* SYN-RECEIVED records of listeners */
    uint32_t tcp_time_wait;   /* compact TIME-WAIT records */
    uint32_t sockets;         /* descriptors of the socket layer */
    uint32_t epolls;
    uint32_t epoll_items;
    uint32_t tcp_rcvbuf_bytes; /* receive buffer a connection begins with */
    uint32_t tcp_sndbuf_bytes; /* send buffer */
    /* How far the two grow by themselves with their use; less than the above: not at all. A
     * connection never gets so much that it could fill a quarter of the packet pool. */
    uint32_t tcp_rcvbuf_max_bytes;
    uint32_t tcp_sndbuf_max_bytes;
    /* RFC 5961 7: ACKs that correct a stranger or a lost peer, one of each sort for a connection or
     * TIME-WAIT record in so many ms; at least 1. Half-open records count: TCP_HALF_ACKS_MAX. */
    uint32_t tcp_challenge_ms;
};

struct net_config {
    enum net_link_type link;
    uint8_t mac[6];
    uint16_t mtu;     /* IP packet, bytes: 576..1500 */
    uint8_t seed[32]; /* entropy; equal seeds give equal runs */
    struct net_config_ip ip;
    struct net_limits limits;
    struct pkt_pool *tx_pool; /* where packets to send come from */
    uint32_t tx_reserve;      /* of these, so many are kept for control packets */
    uint32_t offload;         /* enum net_offload: what the device is asked to do */
    /*
     * Output. Takes p: an Ethernet frame (NET_LINK_ETHERNET) or an IPv4 packet (NET_LINK_IP).
     * p may be shared (see pkt.h). Must not call back into the stack.
     */
    void (*output)(void *arg, struct pkt *p);
    void (*event)(void *arg, const struct net_event *e); /* may be NULL; must not call back */
    void *arg;
    /* Test and tuning knobs, 0 = the default. */
    uint32_t tcp_msl_ms;         /* TIME-WAIT lasts twice this */
    uint32_t tcp_initial_window; /* segments */
    bool gro_off;                /* net/gro/: every frame of a batch goes alone */
    bool tcp_isn_fixed;          /* tests: every initial sequence number is tcp_isn */
    uint32_t tcp_isn;
    bool tcp_ts_fixed; /* tests: timestamps count from tcp_ts_start on at time 0, for every peer */
    uint32_t tcp_ts_start;      /* ms */
    uint32_t tcp_off;           /* enum net_tcp_off: what is left out */
    bool tcp_ecn;               /* RFC 3168: asked for and answered */
    const char *tcp_congestion; /* of tcp/cc/cc.h's algorithms, by name; NULL: cubic */
};

#endif
