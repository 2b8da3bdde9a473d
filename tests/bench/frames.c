/*
 * The load of the L2 reflector (apps/reflect), for `make bench`: frames to a MAC address, so many
 * on their way at a time, each sent again when it is back. What there is between a driver and its
 * wire costs so much and no less.
 *
 *     frames INTERFACE MAC IN_FLIGHT SECONDS WAIT_SECONDS
 *
 * WAIT_SECONDS: in which the first frame must be back. Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum {
    ETHERTYPE = 0x88b5, /* for experiments: IEEE 802 9.2.4 */
    FRAME_BYTES = 60,
    IN_FLIGHT_MAX = 1024,
    BATCH = 64,
    LOST_MS = 200, /* nothing came back for so long: what was under way is lost */
};

struct frame {
    uint8_t to[6];
    uint8_t from[6];
    uint16_t type;
    uint8_t run[2]; /* of another run's nothing counts */
    uint32_t number;
    uint64_t sent_ns;
    uint8_t rest[FRAME_BYTES - 28];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == FRAME_BYTES, "the least that Ethernet carries");

static struct frames {
    int fd;
    struct frame model;
    uint64_t sent, back, lost;
    struct samples latency;
} f;

static void open_interface(const char *name, const char *mac)
{
    unsigned m[6];
    if (sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6) {
        fprintf(stderr, "frames: %s: a MAC address is wanted\n", mac);
        exit(2);
    }
    struct ifreq r;
    memset(&r, 0, sizeof(r));
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    f.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETHERTYPE));
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETHERTYPE),
                             .sll_ifindex = (int)if_nametoindex(name)};
    int on = 1;
    if (f.fd < 0 || bind(f.fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        ioctl(f.fd, SIOCGIFHWADDR, &r) < 0) {
        die("frames: the interface");
    }
    setsockopt(f.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
    setsockopt(f.fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
    for (int i = 0; i < 6; i++) {
        f.model.to[i] = (uint8_t)m[i];
    }
    memcpy(f.model.from, r.ifr_hwaddr.sa_data, 6);
    f.model.type = htons(ETHERTYPE);
    uint16_t run = (uint16_t)getpid();
    memcpy(f.model.run, &run, sizeof(run));
}

static void send_frames(uint32_t count)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct frame frames[BATCH];
    while (count > 0) {
        uint32_t n = count < BATCH ? count : BATCH;
        memset(messages, 0, sizeof(messages));
        for (uint32_t i = 0; i < n; i++) {
            frames[i] = f.model;
            frames[i].number = (uint32_t)(f.sent + i);
            frames[i].sent_ns = now_ns();
            parts[i] = (struct iovec){&frames[i], FRAME_BYTES};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        int done = sendmmsg(f.fd, messages, n, 0);
        if (done < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            poll(NULL, 0, 1);
            continue;
        }
        if (done < 0) {
            die("frames: send");
        }
        f.sent += (uint64_t)done;
        count -= (uint32_t)done;
    }
}

/* How many came back; waits for one. */
static uint32_t take_frames(int wait_ms)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    static struct frame frames[BATCH];
    struct pollfd p = {.fd = f.fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0) {
        return 0;
    }
    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){&frames[i], FRAME_BYTES};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int n = recvmmsg(f.fd, messages, BATCH, MSG_DONTWAIT, NULL);
    uint64_t now = now_ns();
    uint32_t ours = 0;
    for (int i = 0; i < n; i++) {
        if (memcmp(frames[i].run, f.model.run, sizeof(f.model.run)) == 0 &&
            memcmp(frames[i].from, f.model.to, 6) == 0) {
            samples_add(&f.latency, now - frames[i].sent_ns);
            ours++;
        }
    }
    return ours;
}

/* Until one frame has come back. */
static void await_reflector(uint64_t seconds)
{
    uint64_t end_ns = now_ns() + seconds * NS_PER_S;
    while (now_ns() < end_ns) {
        send_frames(1);
        if (take_frames(LOST_MS) > 0) {
            while (take_frames(LOST_MS) > 0) {
            }
            return;
        }
    }
    fprintf(stderr, "frames: waited %llu s for the first frame to come back\n",
            (unsigned long long)seconds);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: frames INTERFACE MAC IN_FLIGHT SECONDS WAIT_SECONDS\n");
        return 2;
    }
    open_interface(argv[1], argv[2]);
    uint32_t in_flight = (uint32_t)number_or_die("frames", argv[3], 1, IN_FLIGHT_MAX);
    uint64_t seconds = number_or_die("frames", argv[4], 1, 3600);
    await_reflector(number_or_die("frames", argv[5], 1, 3600));
    f.latency.count = 0;
    uint64_t start_ns = now_ns();
    send_frames(in_flight);
    while (now_ns() < start_ns + seconds * NS_PER_S) {
        uint32_t n = take_frames(LOST_MS);
        f.back += n;
        f.lost += n == 0 ? in_flight : 0;
        send_frames(n > 0 ? n : in_flight);
    }
    double took = (double)(now_ns() - start_ns) / (double)NS_PER_S;
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"errors\": %llu, ", (unsigned long long)f.back,
           took, (unsigned long long)f.lost);
    samples_print(&f.latency);
    return 0;
}
