/*
 * A struct nic over a Linux TAP device: one read or write a frame. Of the offloads it gathers
 * packets of several buffers. The descriptor's readability is the interrupt (host_watch_fd).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/host/host.h"

static struct tap_nic *tap_of(struct nic *nic)
{
    return container_of(nic, struct tap_nic, nic);
}

/* One frame from Linux, or NULL when there is none or no buffer for it. */
static struct pkt *read_frame(struct tap_nic *t)
{
    struct pkt *p = pkt_alloc(t->rx_pool, 0);
    if (p == NULL) {
        uint8_t scratch[PKT_BUF_BYTES];
        if (read(t->fd, scratch, sizeof(scratch)) > 0) {
            t->nic.stats.rx_no_buffer++; /* as a NIC would: the frame is gone */
        }
        return NULL;
    }
    ssize_t n = read(t->fd, p->data, PKT_BUF_BYTES);
    if (n <= 0) {
        pkt_put(p);
        return NULL;
    }
    pkt_append(p, (size_t)n);
    p->rx_flags = (p->data[0] & 1) != 0 ? PKT_RX_L2_BROADCAST : 0;
    t->nic.stats.rx_packets++;
    t->nic.stats.rx_bytes += (uint64_t)n;
    return p;
}

static size_t tap_rx(struct nic *nic, struct pkt **batch, size_t max)
{
    struct tap_nic *t = tap_of(nic);
    size_t n = 0;
    if (max > 0 && t->stash != NULL) {
        batch[n++] = t->stash;
        t->stash = NULL;
    }
    while (n < max) {
        struct pkt *p = read_frame(t);
        if (p == NULL) {
            break;
        }
        batch[n++] = p;
    }
    return n;
}

static bool tap_rx_pending(struct nic *nic)
{
    struct tap_nic *t = tap_of(nic);
    if (t->stash == NULL) {
        t->stash = read_frame(t);
    }
    return t->stash != NULL;
}

static ssize_t write_frame(const struct tap_nic *t, const struct pkt *p)
{
    struct iovec parts[NIC_TX_FRAGS_MAX];
    int count = 0;
    for (; p != NULL; p = p->frag) {
        assert(count < NIC_TX_FRAGS_MAX);
        parts[count++] = (struct iovec){.iov_base = p->data, .iov_len = pkt_len(p)};
    }
    return count == 1 ? write(t->fd, parts[0].iov_base, parts[0].iov_len)
                      : writev(t->fd, parts, count);
}

static size_t tap_tx(struct nic *nic, struct pkt **batch, size_t count)
{
    struct tap_nic *t = tap_of(nic);
    for (size_t i = 0; i < count; i++) {
        assert(batch[i]->tx.l4 == 0); /* not offered */
        if (write_frame(t, batch[i]) < 0) {
            if (errno == EAGAIN) {
                nic->stats.tx_ring_full++;
                return i;
            }
            /* EIO: the interface is down. A wire without carrier loses frames the same way. */
        } else {
            nic->stats.tx_packets++;
            nic->stats.tx_bytes += pkt_total(batch[i]);
        }
        pkt_put(batch[i]);
    }
    return count;
}

static void tap_nothing(struct nic *nic)
{
}

static bool tap_reclaim(struct nic *nic)
{
    return false; /* a write is complete when it returns */
}

static uint32_t tap_irq(struct nic *nic, uint32_t vector)
{
    nic->stats.interrupts++;
    return NIC_EVENT_RX;
}

static void tap_link(struct nic *nic, struct nic_link *out)
{
    *out = (struct nic_link){.up = true, .full_duplex = true, .speed_mbps = 10000};
}

static uint64_t tap_watchdog(struct nic *nic, uint64_t now_ns)
{
    return now_ns + NIC_WATCHDOG_NS;
}

static const struct nic_ops tap_ops = {
    .rx = tap_rx,
    .tx = tap_tx,
    .tx_flush = tap_nothing,
    .tx_reclaim = tap_reclaim,
    .irq = tap_irq,
    .irq_unmask = tap_nothing,
    .rx_pending = tap_rx_pending,
    .link = tap_link,
    .watchdog = tap_watchdog,
    .stop = tap_nothing,
};

/* A locally administered unicast address (IEEE 802) that is the same for the same name. */
static void mac_from_name(uint8_t mac[6], const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    }
    const uint8_t bytes[6] = {
        0x02,         0x52, (uint8_t)(hash >> 24), (uint8_t)(hash >> 16), (uint8_t)(hash >> 8),
        (uint8_t)hash};
    memcpy(mac, bytes, sizeof(bytes));
}

bool tap_open(struct tap_nic *t, const char *name, struct pkt_pool *rx_pool)
{
    *t = (struct tap_nic){.rx_pool = rx_pool};
    if (strlen(name) >= IFNAMSIZ) {
        fprintf(stderr, "tap: name '%s' is too long: at most %d characters\n", name, IFNAMSIZ - 1);
        return false;
    }
    t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        fprintf(stderr, "tap: cannot open /dev/net/tun: %s\n", strerror(errno));
        return false;
    }
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    memcpy(ifr.ifr_name, name, strlen(name));
    if (ioctl(t->fd, TUNSETIFF, &ifr) != 0) {
        fprintf(stderr, "tap: cannot attach to TAP device '%s': %s\n", name, strerror(errno));
        close(t->fd);
        return false;
    }
    t->nic.ops = &tap_ops;
    t->nic.name = "Linux TAP";
    t->nic.features = NIC_FEATURE_TX_FRAGS;
    mac_from_name(t->nic.mac, name);
    return true;
}
