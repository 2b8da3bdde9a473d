/*
 * A wire between two links: rate, one-way delay, drop-tail queue, random loss and disorder in each
 * direction, from a seed. Used to compare stacks over the same bad path (docs/testing.md).
 *
 * An end is "tap:NAME", a TAP device this program holds (Linux is on it), or "if:NAME", an existing
 * interface heard through a packet socket (another program holds it). Frames keep their order but
 * for those that --reorder has change places with another one on the way. Which of the IPv4 frames
 * is lost depends on the seed, the direction and the frame's number alone, so two runs lose the
 * same ones; ARP is never lost. A lost frame has used its share of the rate.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    FRAME_MAX_BYTES = 1600,
    FRAMES_MAX = 8192, /* waiting or on the way, each direction */
    BATCH_FRAMES = 64, /* read from one end before the other gets its turn */
    SOCKET_BUFFER_BYTES = 4 * 1024 * 1024,
    DELAY_MAX_US = 10 * 1000 * 1000,
    REORDER_FRAMES = 20, /* so far apart at most are two that change places */
};

struct frame {
    uint64_t depart_ns; /* its last bit leaves the queue */
    uint64_t arrive_ns; /* and reaches the other end */
    uint32_t len;
    bool is_lost;
    uint8_t bytes[FRAME_MAX_BYTES];
};

struct statistics {
    uint64_t in, in_bytes, out, out_bytes, lost, dropped, no_room, write_errors, queue_max_bytes,
        reordered;
};

/* One direction. Frames [head, tail) are in the ring; those from queued on have not departed yet.
 */
struct direction {
    const char *name;
    int from, to;
    uint64_t bits_per_s; /* 0: no limit */
    uint64_t delay_ns;
    uint64_t queue_max_bytes; /* 0: no limit but the ring's */
    uint64_t loss_ppm;
    uint64_t reorder_ppm;
    uint64_t random;  /* splitmix64 */
    uint64_t shuffle; /* its own: who draws it loses the same frames as who does not */
    uint64_t free_ns; /* when the link has sent all before */
    uint64_t queue_bytes;
    uint64_t head, queued, tail;
    struct statistics n;
    struct frame *ring;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static _Noreturn void die(const char *what, const char *about)
{
    fprintf(stderr, "relay: %s %s: %s\n", what, about, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* splitmix64 (Vigna, public domain algorithm): a counter through a mixing function. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int open_tap(const char *name)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r) != 0) {
        die("cannot open TAP", name);
    }
    return fd;
}

/* All frames of the interface but those we sent ourselves. */
static int open_interface(const char *name)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htobe16(ETH_P_ALL));
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &r) != 0) {
        die("cannot open interface", name);
    }
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_protocol = htobe16(ETH_P_ALL), .sll_ifindex = r.ifr_ifindex};
    int one = 1;
    int bytes = SOCKET_BUFFER_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        die("cannot bind to interface", name);
    }
    return fd;
}

static int open_end(const char *spec)
{
    if (strncmp(spec, "tap:", 4) == 0) {
        return open_tap(spec + 4);
    }
    if (strncmp(spec, "if:", 3) == 0) {
        return open_interface(spec + 3);
    }
    fprintf(stderr, "relay: %s: an end is tap:NAME or if:NAME\n", spec);
    exit(2);
}

static struct frame *frame_at(struct direction *d, uint64_t idx)
{
    return &d->ring[idx % FRAMES_MAX];
}

static bool is_ipv4(const struct frame *f)
{
    return f->len >= ETH_HLEN && f->bytes[12] == 0x08 && f->bytes[13] == 0x00;
}

/* What has left the queue by now makes room in it. */
static void depart(struct direction *d, uint64_t now)
{
    while (d->queued < d->tail && frame_at(d, d->queued)->depart_ns <= now) {
        d->queue_bytes -= frame_at(d, d->queued)->len;
        d->queued++;
    }
}

/* The last frame changes places with one before it that is on the way: their times stay. */
static void reorder(struct direction *d)
{
    if (d->reorder_ppm == 0 || random_next(&d->shuffle) % 1000000 >= d->reorder_ppm) {
        return;
    }
    uint64_t back = 1 + random_next(&d->shuffle) % REORDER_FRAMES;
    struct frame *last = frame_at(d, d->tail - 1);
    struct frame *other = frame_at(d, d->tail - 1 - back);
    if (d->tail < d->head + back + 1 || !is_ipv4(last) || !is_ipv4(other)) {
        return;
    }
    struct frame was = *last;
    *last = *other;
    *other = was;
    other->depart_ns = last->depart_ns;
    other->arrive_ns = last->arrive_ns;
    last->depart_ns = was.depart_ns;
    last->arrive_ns = was.arrive_ns;
    if (d->tail - 1 - back < d->queued) {
        d->queue_bytes += (uint64_t)last->len - was.len; /* the other one had left the queue */
    }
    d->n.reordered++;
}

/* Puts the frame at the tail of the ring on its way, or drops it. */
static void enqueue(struct direction *d, uint64_t now)
{
    struct frame *f = frame_at(d, d->tail);
    d->n.in++;
    d->n.in_bytes += f->len;
    depart(d, now);
    if (d->queue_max_bytes != 0 && d->queue_bytes + f->len > d->queue_max_bytes) {
        d->n.dropped++;
        return;
    }
    uint64_t start = d->free_ns > now ? d->free_ns : now;
    uint64_t sending = d->bits_per_s == 0 ? 0 : (uint64_t)f->len * 8 * 1000000000u / d->bits_per_s;
    d->free_ns = start + sending;
    f->depart_ns = d->free_ns;
    f->arrive_ns = d->free_ns + d->delay_ns;
    /* Drawn for each IPv4 frame that is sent, whatever the loss: equal seeds, equal choices. */
    f->is_lost = is_ipv4(f) && random_next(&d->random) % 1000000 < d->loss_ppm;
    d->queue_bytes += f->len;
    if (d->queue_bytes > d->n.queue_max_bytes) {
        d->n.queue_max_bytes = d->queue_bytes;
    }
    d->tail++;
}

static void receive(struct direction *d)
{
    for (int i = 0; i < BATCH_FRAMES; i++) {
        uint8_t scratch[FRAME_MAX_BYTES];
        bool has_room = d->tail - d->head < FRAMES_MAX;
        ssize_t n =
            read(d->from, has_room ? frame_at(d, d->tail)->bytes : scratch, FRAME_MAX_BYTES);
        if (n <= 0) {
            return;
        }
        if (!has_room) {
            d->n.no_room++;
            continue;
        }
        frame_at(d, d->tail)->len = (uint32_t)n;
        uint64_t tail = d->tail;
        enqueue(d, now_ns());
        if (d->tail != tail) {
            reorder(d);
        }
    }
}

/* Hands over what has arrived; returns when the next one will, or UINT64_MAX. */
static uint64_t deliver(struct direction *d)
{
    while (d->head < d->tail) {
        struct frame *f = frame_at(d, d->head);
        uint64_t now = now_ns();
        if (f->arrive_ns > now) {
            return f->arrive_ns;
        }
        depart(d, now);
        d->head++;
        if (f->is_lost) {
            d->n.lost++;
        } else if (write(d->to, f->bytes, f->len) == (ssize_t)f->len) {
            d->n.out++;
            d->n.out_bytes += f->len;
        } else {
            d->n.write_errors++;
        }
    }
    return UINT64_MAX;
}

static void print_statistics(const struct direction *d)
{
    printf("%s in %" PRIu64 " in_bytes %" PRIu64 " out %" PRIu64 " out_bytes %" PRIu64
           " lost %" PRIu64 " dropped %" PRIu64 " no_room %" PRIu64 " write_errors %" PRIu64
           " queue_max_bytes %" PRIu64 " reordered %" PRIu64 "\n",
           d->name, d->n.in, d->n.in_bytes, d->n.out, d->n.out_bytes, d->n.lost, d->n.dropped,
           d->n.no_room, d->n.write_errors, d->n.queue_max_bytes, d->n.reordered);
}

static void run(struct direction *ab, struct direction *ba)
{
    struct pollfd ends[2] = {{.fd = ab->from, .events = POLLIN},
                             {.fd = ba->from, .events = POLLIN}};
    while (!stopped) {
        uint64_t a = deliver(ab);
        uint64_t b = deliver(ba);
        uint64_t next = a < b ? a : b;
        uint64_t now = now_ns();
        uint64_t wait = next <= now ? 0 : next - now;
        struct timespec t = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
        if (ppoll(ends, 2, next == UINT64_MAX ? NULL : &t, NULL) > 0) {
            receive(ab);
            receive(ba);
        }
    }
}

static const char usage[] =
    "usage: relay END_A END_B [--rate BIT_S] [--delay-us N] [--queue BYTES] [--seed N]\n"
    "             [--loss-ab PPM] [--loss-ba PPM] [--reorder PPM]\n"
    "END is tap:NAME or if:NAME; rate, delay, queue and disorder hold in each direction; no frame\n"
    "is early, so disorder needs a delay. SIGTERM or SIGINT ends it: then it prints what it did.\n";

static uint64_t number(const char *text, uint64_t max)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n > max || text[0] == '-') {
        fprintf(stderr, "relay: %s: a whole number up to %" PRIu64 " is wanted\n", text, max);
        exit(2);
    }
    return n;
}

static bool option(struct direction *ab, struct direction *ba, const char *name, const char *text)
{
    if (strcmp(name, "--rate") == 0) {
        ab->bits_per_s = ba->bits_per_s = number(text, 100000000000u);
    } else if (strcmp(name, "--delay-us") == 0) {
        ab->delay_ns = ba->delay_ns = number(text, DELAY_MAX_US) * 1000;
    } else if (strcmp(name, "--queue") == 0) {
        ab->queue_max_bytes = ba->queue_max_bytes = number(text, UINT32_MAX);
    } else if (strcmp(name, "--reorder") == 0) {
        ab->reorder_ppm = ba->reorder_ppm = number(text, 1000000);
    } else if (strcmp(name, "--seed") == 0) {
        ab->random = number(text, UINT32_MAX);
    } else if (strcmp(name, "--loss-ab") == 0) {
        ab->loss_ppm = number(text, 1000000);
    } else if (strcmp(name, "--loss-ba") == 0) {
        ba->loss_ppm = number(text, 1000000);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct direction ab = {.name = "ab"};
    struct direction ba = {.name = "ba"};
    if (argc < 3 || argc % 2 == 0) {
        fputs(usage, stderr);
        return 2;
    }
    for (int i = 3; i < argc; i += 2) {
        if (!option(&ab, &ba, argv[i], argv[i + 1])) {
            fprintf(stderr, "relay: %s: no such option\n%s", argv[i], usage);
            return 2;
        }
    }
    ba.random = ~ab.random; /* the two directions' draws have nothing to do with each other */
    random_next(&ab.random);
    ab.shuffle = ab.random + 1;
    ba.shuffle = ba.random + 1;
    ab.ring = calloc(FRAMES_MAX, sizeof(struct frame));
    ba.ring = calloc(FRAMES_MAX, sizeof(struct frame));
    if (ab.ring == NULL || ba.ring == NULL) {
        die("no memory", "for the rings");
    }
    ab.from = ba.to = open_end(argv[1]);
    ab.to = ba.from = open_end(argv[2]);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1UL); /* else a wait may be 50 us too long */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    printf("relay: ready\n");
    fflush(stdout);
    run(&ab, &ba);
    print_statistics(&ab);
    print_statistics(&ba);
    free(ab.ring);
    free(ba.ring);
    return 0;
}
