/*
 * Frames out and in by a packet socket; see frames.h.
 */
#include "tests/attack/frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum {
    ETH_BYTES = 14,
    IP_BYTES = 20,
    TCP_BYTES = 20,
    ICMP_BYTES = 8,
    FRAME_MAX_BYTES = 1600,
    SOCKET_BUFFER_BYTES = 8 * 1024 * 1024,
    FENCE_ID = 0x5246,
    FENCE_SOURCE = 10 << 24 | 66 << 16 | 1,
    SEND_TRIES_MAX = 10000,
};

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

/* RFC 1071, from a partial sum. */
static uint16_t checksum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += get16(p + i);
    }
    if (len % 2 != 0) {
        sum += (uint32_t)p[len - 1] << 8;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

uint64_t number_or_die(const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n < min || n > max) {
        fprintf(stderr, "%s: a whole number from %llu to %llu is wanted\n", text,
                (unsigned long long)min, (unsigned long long)max);
        exit(2);
    }
    return n;
}

uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* splitmix64. */
uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t ipv4_or_die(const char *text)
{
    struct in_addr ip;
    if (inet_pton(AF_INET, text, &ip) != 1) {
        fprintf(stderr, "%s: an IPv4 address is wanted\n", text);
        exit(2);
    }
    return ntohl(ip.s_addr);
}

static void parse_addresses(struct target *t, char **argv)
{
    unsigned m[6];
    if (sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6) {
        fprintf(stderr, "%s: a MAC address is wanted\n", argv[2]);
        exit(2);
    }
    for (int i = 0; i < 6; i++) {
        t->mac[i] = (uint8_t)m[i];
    }
    t->ip = ipv4_or_die(argv[3]);
    t->port = (uint16_t)number_or_die(argv[4], 1, 65535);
}

void target_open(struct target *t, char **argv)
{
    *t = (struct target){.fd = -1};
    parse_addresses(t, argv);
    t->fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", argv[1]);
    if (t->fd < 0 || ioctl(t->fd, SIOCGIFHWADDR, &r) != 0) {
        die(argv[1]);
    }
    memcpy(t->own_mac, r.ifr_hwaddr.sa_data, 6);
    if (ioctl(t->fd, SIOCGIFINDEX, &r) != 0) {
        die(argv[1]);
    }
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = r.ifr_ifindex};
    int one = 1;
    int bytes = SOCKET_BUFFER_BYTES;
    setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    if (setsockopt(t->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
        bind(t->fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        die(argv[1]);
    }
}

/* Ethernet and IPv4 in front of len bytes, and out with it. */
static void send_ip(struct target *t, uint8_t *frame, uint32_t source, uint8_t protocol, size_t len)
{
    memcpy(frame, t->mac, 6);
    memcpy(frame + 6, t->own_mac, 6);
    put16(frame + 12, ETH_P_IP);
    uint8_t *ip = frame + ETH_BYTES;
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    put16(ip + 2, (uint32_t)(IP_BYTES + len));
    ip[6] = 0x40; /* DF */
    ip[8] = 64;
    ip[9] = protocol;
    put32(ip + 12, source);
    put32(ip + 16, t->ip);
    put16(ip + 10, checksum(ip, IP_BYTES, 0));
    for (int i = 0; i < SEND_TRIES_MAX; i++) {
        if (send(t->fd, frame, ETH_BYTES + IP_BYTES + len, 0) >= 0) {
            return;
        }
        if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
    }
    die("send");
}

void target_send(struct target *t, const struct segment *s)
{
    uint8_t frame[FRAME_MAX_BYTES];
    uint8_t *tcp = frame + ETH_BYTES + IP_BYTES;
    size_t data_len = s->data_len <= DATA_MAX_BYTES ? s->data_len : DATA_MAX_BYTES;
    size_t len = TCP_BYTES + data_len;
    memset(tcp, 0, TCP_BYTES);
    put16(tcp, s->source_port);
    put16(tcp + 2, s->port != 0 ? s->port : t->port);
    put32(tcp + 4, s->seq);
    put32(tcp + 8, s->ack);
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = s->flags;
    put16(tcp + 14, s->window);
    if (data_len > 0) {
        memcpy(tcp + TCP_BYTES, s->data, data_len);
    }
    uint32_t pseudo = (s->source >> 16) + (s->source & 0xffff) + (t->ip >> 16) + (t->ip & 0xffff) +
                      IPPROTO_TCP + (uint32_t)len;
    put16(tcp + 16, checksum(tcp, len, pseudo));
    send_ip(t, frame, s->source, IPPROTO_TCP, len);
    t->frames++;
}

static void send_fence(struct target *t)
{
    uint8_t frame[FRAME_MAX_BYTES];
    uint8_t *icmp = frame + ETH_BYTES + IP_BYTES;
    memset(icmp, 0, ICMP_BYTES);
    icmp[0] = 8; /* echo request */
    put16(icmp + 4, FENCE_ID);
    put16(icmp + 2, checksum(icmp, ICMP_BYTES, 0));
    send_ip(t, frame, FENCE_SOURCE, IPPROTO_ICMP, ICMP_BYTES);
    t->fences_out++;
    t->frames = 0;
}

/* True when the frame is a segment of the target's; a fence's reply is counted. */
static bool decode(struct target *t, const uint8_t *frame, size_t len, struct answer *a)
{
    const uint8_t *ip = frame + ETH_BYTES;
    if (len < ETH_BYTES + IP_BYTES + ICMP_BYTES || get16(frame + 12) != ETH_P_IP || ip[0] != 0x45 ||
        get32(ip + 12) != t->ip || get16(ip + 2) > len - ETH_BYTES) {
        return false;
    }
    const uint8_t *body = ip + IP_BYTES;
    size_t body_len = get16(ip + 2) - IP_BYTES;
    if (ip[9] == IPPROTO_ICMP && body[0] == 0 && get16(body + 4) == FENCE_ID) {
        t->fences_out -= t->fences_out > 0;
        return false;
    }
    size_t header_len = ip[9] == IPPROTO_TCP && body_len >= TCP_BYTES ? body[12] / 16 * 4u : 0;
    if (header_len < TCP_BYTES || header_len > body_len) {
        return false;
    }
    *a = (struct answer){
        .destination = get32(ip + 16),
        .source_port = (uint16_t)get16(body),
        .destination_port = (uint16_t)get16(body + 2),
        .seq = get32(body + 4),
        .ack = get32(body + 8),
        .flags = body[13],
        .window = (uint16_t)get16(body + 14),
        .data_len = body_len - header_len,
    };
    return true;
}

bool target_receive(struct target *t, struct answer *a, int wait_ms)
{
    uint64_t end = clock_ns() + (uint64_t)wait_ms * 1000000u;
    uint32_t fences_out = t->fences_out;
    for (;;) {
        uint8_t frame[FRAME_MAX_BYTES];
        ssize_t n = recv(t->fd, frame, sizeof(frame), MSG_DONTWAIT);
        if (n > 0) {
            if (decode(t, frame, (size_t)n, a)) {
                return true;
            }
            if (t->fences_out < fences_out && wait_ms > 0) {
                wait_ms = 0; /* what was waited for is here; take the rest and be gone */
                end = 0;
            }
            continue;
        }
        uint64_t now = clock_ns();
        if (now >= end) {
            return false;
        }
        struct pollfd p = {.fd = t->fd, .events = POLLIN};
        poll(&p, 1, (int)((end - now) / 1000000u) + 1);
    }
}

void target_keep_pace(struct target *t, take_fn *take, void *ctx)
{
    if (t->frames >= FENCE_EVERY_FRAMES) {
        send_fence(t);
    }
    uint64_t end = clock_ns() + FENCE_WAIT_MS * 1000000u;
    while (t->fences_out >= FENCES_OUT_MAX) {
        struct answer a;
        if (target_receive(t, &a, 1)) {
            take(ctx, &a);
        }
        if (clock_ns() > end) {
            t->fences_lost += t->fences_out;
            t->fences_out = 0;
        }
    }
}

void target_settle(struct target *t, int ms, take_fn *take, void *ctx)
{
    uint64_t end = clock_ns() + (uint64_t)ms * 1000000u;
    while (clock_ns() < end) {
        struct answer a;
        if (target_receive(t, &a, 1)) {
            take(ctx, &a);
        }
    }
}
