/*
 * The limits that suit a memory budget: they follow from the sizes of what each room keeps.
 */
#include "net/net.h"
#include "net/stack.h"

enum { /* net_limits_default: the least and the most of each table */
       LIMIT_CONNECTIONS_MIN = 64,
       LIMIT_CONNECTIONS_MAX = 65536,
       LIMIT_BUCKETS_EACH = 6, /* of the table: three records, rounded up to a power of two */
       LIMIT_ALIGN_BYTES = 64, /* what the pools round up, all together */
       LIMIT_ARP_MIN = 64,
       LIMIT_ARP_MAX = 1024,
       LIMIT_RCVBUF_BYTES = 64 * 1024,
       LIMIT_SNDBUF_BYTES = 64 * 1024,
       LIMIT_BUF_MAX_BYTES = 4 * 1024 * 1024, /* 100 ms at 320 Mbit/s */
       LIMIT_BUF_FRACTION = 4,                /* of the budget: little memory, little growth */
       LIMIT_CHALLENGE_MS = 500,              /* what Linux takes */
};

static uint32_t clamp_u32(uint32_t v, uint32_t least, uint32_t most)
{
    return max_u32(least, min_u32(v, most));
}

/*
 * Everything follows from the number of connections: each brings a descriptor, an epoll item, a
 * half-open and a TIME-WAIT record along, and its share of the hash table of 4-tuples.
 */
void net_limits_default(struct net_limits *l, size_t budget_bytes)
{
    size_t each = sizeof(struct tcp_cb) + sizeof(struct tcp_half) + sizeof(struct tcp_time_wait) +
                  sizeof(struct sock) + sizeof(struct sock *) + sizeof(struct epoll_item) +
                  LIMIT_BUCKETS_EACH * sizeof(struct list) + LIMIT_ALIGN_BYTES;
    size_t fixed = sizeof(struct net) + TCP_PORTS * sizeof(uint32_t) + 256 * 1024;
    size_t room = budget_bytes > fixed ? budget_bytes - fixed : 0;
    uint32_t count = (uint32_t)min_size(room / each, LIMIT_CONNECTIONS_MAX);
    count = clamp_u32(count, LIMIT_CONNECTIONS_MIN, LIMIT_CONNECTIONS_MAX);
    uint32_t buf_max = (uint32_t)min_size(budget_bytes / LIMIT_BUF_FRACTION, LIMIT_BUF_MAX_BYTES);
    *l = (struct net_limits){
        .arp_entries = clamp_u32(count / 4, LIMIT_ARP_MIN, LIMIT_ARP_MAX),
        .reass_datagrams = clamp_u32(count / 32, 8, 64),
        .reass_packets = clamp_u32(count / 4, 64, 512),
        .udp_sockets = clamp_u32(count / 16, 16, 256),
        .tcp_connections = count,
        .tcp_half_open = count,
        .tcp_time_wait = count,
        .sockets = count + 32,
        .epolls = 16,
        .epoll_items = count + 32,
        .tcp_rcvbuf_bytes = LIMIT_RCVBUF_BYTES,
        .tcp_sndbuf_bytes = LIMIT_SNDBUF_BYTES,
        .tcp_rcvbuf_max_bytes = max_u32(buf_max, LIMIT_RCVBUF_BYTES),
        .tcp_sndbuf_max_bytes = max_u32(buf_max, LIMIT_SNDBUF_BYTES),
        .tcp_challenge_ms = LIMIT_CHALLENGE_MS,
    };
}
