/*
 * Internet addresses as POSIX has them; IPv4 only. See sys/socket.h.
 */
#ifndef RS_NETINET_IN_H
#define RS_NETINET_IN_H

#include <stdint.h>

#include "../sys/socket.h"

typedef uint16_t in_port_t;
typedef uint32_t in_addr_t;

#define IPPROTO_IP   0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP  6
#define IPPROTO_UDP  17

#define SOL_IP IPPROTO_IP
#define IP_TOS 1
#define IP_TTL 2

#define INADDR_ANY       ((in_addr_t)0x00000000)
#define INADDR_LOOPBACK  ((in_addr_t)0x7f000001)
#define INADDR_BROADCAST ((in_addr_t)0xffffffff)
#define INADDR_NONE      ((in_addr_t)0xffffffff)

#define INET_ADDRSTRLEN  16
#define INET6_ADDRSTRLEN 46

struct in_addr {
    in_addr_t s_addr; /* network order */
};

struct sockaddr_in {
    sa_family_t sin_family;
    in_port_t sin_port; /* network order */
    struct in_addr sin_addr;
    unsigned char sin_zero[8];
};

/* The machine is little-endian. Macros of the same names may exist: these are what is meant. */
#undef htons
#undef ntohs
#undef htonl
#undef ntohl

static inline uint16_t htons(uint16_t host)
{
    return __builtin_bswap16(host);
}

static inline uint16_t ntohs(uint16_t net)
{
    return __builtin_bswap16(net);
}

static inline uint32_t htonl(uint32_t host)
{
    return __builtin_bswap32(host);
}

static inline uint32_t ntohl(uint32_t net)
{
    return __builtin_bswap32(net);
}

#endif
