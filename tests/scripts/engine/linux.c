/*
 * Linux's TCP as a script's back-end: a network namespace of its own with one TUN device, real
 * sockets, real time. Needs root (or the namespace of one). What a script configures becomes
 * sysctls of the namespace and options of its sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/scripts/engine/backend.h"

enum {
    LINUX_MTU = 1500,
};

struct lin {
    const struct ps_script *script;
    int tun;
    int fds[PS_NAMES_MAX];
    uint64_t began_ns;
};

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool complain(char why[PS_TEXT_MAX], const char *what)
{
    snprintf(why, PS_TEXT_MAX, "%s: %s", what, strerror(errno));
    return false;
}

/* A knob that this kernel does not have is left alone: the script then shows the difference. */
static void knob(const char *name, const char *value)
{
    char path[128];
    snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
    int fd = open(path, O_WRONLY);
    if (fd >= 0) {
        if (write(fd, value, strlen(value)) < 0) {
            fprintf(stderr, "%s = %s: %s\n", path, value, strerror(errno));
        }
        close(fd);
    }
}

static void knob_int(const char *name, int64_t value)
{
    char text[64];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    knob(name, text);
}

/* Linux stands as its users have it: a namespace begins with the kernel's defaults, and only what a
 * script configures is changed. A knob turned here for all would hide a difference. IPv6 sends
 * packets of its own, which no script asks for. */
static void set_knobs(const struct ps_script *s)
{
    static const struct {
        const char *name;
        enum ps_off off;
        int value;
    } parts[] = {
        {"ipv4/tcp_timestamps", PS_OFF_TIMESTAMPS, 0},  {"ipv4/tcp_sack", PS_OFF_SACK, 0},
        {"ipv4/tcp_window_scaling", PS_OFF_WSCALE, 0},  {"ipv4/tcp_recovery", PS_OFF_RACK, 0},
        {"ipv4/tcp_early_retrans", PS_OFF_TLP, 0},      {"ipv4/tcp_frto", PS_OFF_FRTO, 0},
        {"ipv4/tcp_syncookies", PS_OFF_COOKIES, 0},     {"ipv4/ip_no_pmtu_disc", PS_OFF_PMTUD, 1},
        {"ipv4/tcp_moderate_rcvbuf", PS_OFF_TUNING, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if ((s->off & (1u << parts[i].off)) != 0) {
            knob_int(parts[i].name, parts[i].value);
        }
    }
    if (s->config[PS_CONFIG_ECN] >= 0) {
        knob_int("ipv4/tcp_ecn", s->config[PS_CONFIG_ECN] > 0);
    }
    knob_int("ipv6/conf/all/disable_ipv6", 1);
    knob_int("ipv6/conf/default/disable_ipv6", 1);
    if (s->congestion[0] != '\0') {
        bool newreno = strcmp(s->congestion, "newreno") == 0;
        knob("ipv4/tcp_congestion_control", newreno ? "reno" : s->congestion);
    }
}

static bool ioctl_good(int fd, unsigned long what, struct ifreq *r)
{
    return ioctl(fd, what, r) == 0;
}

static bool set_address(int fd, struct ifreq *r, unsigned long what, uint32_t address)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(&r->ifr_addr, &a, sizeof(a));
    return ioctl_good(fd, what, r);
}

/* Everything is reached through the device. */
static bool set_default_route(int fd)
{
    char device[] = "ps0";
    struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = device};
    struct sockaddr_in any = {.sin_family = AF_INET};
    memcpy(&route.rt_dst, &any, sizeof(any));
    memcpy(&route.rt_genmask, &any, sizeof(any));
    return ioctl(fd, SIOCADDRT, &route) == 0;
}

static bool set_up_device(const struct ps_script *s, int tun, char why[PS_TEXT_MAX])
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "ps0"};
    if (!ioctl_good(tun, TUNSETIFF, &r)) {
        return complain(why, "TUNSETIFF");
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool good = set_address(fd, &r, SIOCSIFADDR, PS_OUR_ADDRESS) &&
                set_address(fd, &r, SIOCSIFNETMASK, 0xffffff00u);
    r.ifr_mtu = s->config[PS_CONFIG_MTU] >= 0 ? (int)s->config[PS_CONFIG_MTU] : LINUX_MTU;
    good = good && ioctl_good(fd, SIOCSIFMTU, &r);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    good = good && ioctl_good(fd, SIOCSIFFLAGS, &r) && set_default_route(fd);
    if (!good) {
        complain(why, "setting up the TUN device");
    }
    close(fd);
    return good;
}

static bool set_initial_window(const struct ps_script *s)
{
    char command[160];
    if (s->config[PS_CONFIG_IW] < 0) {
        return true;
    }
    snprintf(command, sizeof(command),
             "ip route replace 10.0.0.0/24 dev ps0 src 10.0.0.1 initcwnd %d && "
             "ip route replace default dev ps0 initcwnd %d",
             (int)s->config[PS_CONFIG_IW], (int)s->config[PS_CONFIG_IW]);
    return system(command) == 0;
}

static void *linux_begin(const struct ps_script *s, const struct ps_run *run, char why[PS_TEXT_MAX])
{
    struct lin *l = calloc(1, sizeof(*l));
    assert(l != NULL);
    l->script = s;
    l->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (l->tun < 0 || unshare(CLONE_NEWNET) != 0) {
        complain(why, "/dev/net/tun and a network namespace are needed");
        free(l);
        return NULL;
    }
    /* Opened again: the device belongs to the namespace in which the file was opened. */
    close(l->tun);
    l->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    set_knobs(s);
    if (!set_up_device(s, l->tun, why) || !set_initial_window(s)) {
        close(l->tun);
        free(l);
        return NULL;
    }
    for (size_t i = 0; i < PS_NAMES_MAX; i++) {
        l->fds[i] = -1;
    }
    l->began_ns = clock_ns();
    return l;
}

static uint64_t linux_now(void *b)
{
    struct lin *l = b;
    return clock_ns() - l->began_ns;
}

static void linux_inject(void *b, const struct ps_bytes *packet)
{
    struct lin *l = b;
    if (write(l->tun, packet->at, packet->len) < 0) {
        /* A header that is not IP's at all is refused at once: dropped, as the script wants. */
        assert(errno == EINVAL);
    }
}

static bool linux_receive(void *b, uint64_t until_ns, struct ps_bytes *out, uint64_t *at_ns)
{
    struct lin *l = b;
    for (;;) {
        ssize_t n = read(l->tun, out->at, sizeof(out->at));
        *at_ns = linux_now(b);
        if (n > 0 && out->at[0] >> 4 == 4) {
            out->len = (size_t)n;
            return true;
        }
        if (n <= 0 && *at_ns >= until_ns) {
            return false;
        }
        if (n <= 0) {
            uint64_t left_ns = until_ns - *at_ns;
            struct timespec wait = {(time_t)(left_ns / NS_PER_S), (long)(left_ns % NS_PER_S)};
            struct pollfd p = {.fd = l->tun, .events = POLLIN};
            (void)ppoll(&p, 1, &wait, NULL);
        }
    }
}

static int64_t or_errno(int64_t result)
{
    return result < 0 ? -errno : result;
}

static int64_t made(struct lin *l, int sock, int fd)
{
    if (fd < 0) {
        return -errno;
    }
    l->fds[sock] = fd;
    return 0;
}

static int64_t open_socket(struct lin *l, const struct ps_call *c)
{
    const int64_t *config = l->script->config;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    /* Linux doubles what it is told, for its book-keeping, and then offers about half of that. */
    int rcvbuf = (int)config[PS_CONFIG_RCVBUF];
    int sndbuf = (int)config[PS_CONFIG_SNDBUF];
    if (fd >= 0 && rcvbuf > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    }
    if (fd >= 0 && sndbuf > 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
    }
    return made(l, c->sock, fd);
}

static const struct {
    const char *word;
    int level, name;
} opts[] = {
    {"nodelay", IPPROTO_TCP, TCP_NODELAY},
    {"keepalive", SOL_SOCKET, SO_KEEPALIVE},
    {"keepidle", IPPROTO_TCP, TCP_KEEPIDLE},
    {"keepintvl", IPPROTO_TCP, TCP_KEEPINTVL},
    {"keepcnt", IPPROTO_TCP, TCP_KEEPCNT},
    {"linger", SOL_SOCKET, SO_LINGER},
    {"rcvbuf", SOL_SOCKET, SO_RCVBUF},
    {"sndbuf", SOL_SOCKET, SO_SNDBUF},
    {"maxseg", IPPROTO_TCP, TCP_MAXSEG},
    {"error", SOL_SOCKET, SO_ERROR},
    {"reuse", SOL_SOCKET, SO_REUSEADDR},
    {"cork", IPPROTO_TCP, TCP_CORK},
    {"quickack", IPPROTO_TCP, TCP_QUICKACK},
    {"linger2", IPPROTO_TCP, TCP_LINGER2},
    {"window_clamp", IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {"user_timeout_ms", IPPROTO_TCP, TCP_USER_TIMEOUT},
    {"defer_accept_s", IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {"tos", IPPROTO_IP, IP_TOS},
    {"ttl", IPPROTO_IP, IP_TTL},
};

static int64_t option_call(const struct ps_call *c, int fd)
{
    size_t i = 0;
    while (strcmp(opts[i].word, c->word) != 0) {
        i++;
        assert(i < ARRAY_SIZE(opts));
    }
    struct linger linger = {c->number >= 0, (int)(c->number >= 0 ? c->number : 0)};
    int value = (int)c->number;
    bool lingers = opts[i].name == SO_LINGER && opts[i].level == SOL_SOCKET;
    void *at = lingers ? (void *)&linger : (void *)&value;
    socklen_t len = lingers ? sizeof(linger) : sizeof(value);
    if (c->verb == PS_SETOPT) {
        return or_errno(setsockopt(fd, opts[i].level, opts[i].name, at, len));
    }
    if (getsockopt(fd, opts[i].level, opts[i].name, at, &len) != 0) {
        return -errno;
    }
    return lingers ? (linger.l_onoff ? linger.l_linger : -1) : value;
}

static int64_t state_call(const struct ps_call *c, int fd)
{
    static const char *const names[] = {
        "?",         "ESTABLISHED", "SYN_SENT",   "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2",
        "TIME_WAIT", "CLOSED",      "CLOSE_WAIT", "LAST_ACK",     "LISTEN",     "CLOSING",
    };
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return -errno;
    }
    bool same = info.tcpi_state < ARRAY_SIZE(names) && strcmp(names[info.tcpi_state], c->word) == 0;
    return same ? 0 : -EPROTO;
}

static int64_t ready_call(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static int64_t linux_call(void *b, const struct ps_call *c, const struct ps_flow *flow,
                          uint8_t *buf)
{
    struct lin *l = b;
    int fd = l->fds[c->sock];
    struct sockaddr_in bound = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->number)};
    struct sockaddr_in peer = {.sin_family = AF_INET,
                               .sin_port = htons(flow->rport),
                               .sin_addr.s_addr = htonl(flow->peer)};
    int more = (c->flags & PS_MSG_MORE) ? MSG_MORE : 0;
    switch (c->verb) {
    case PS_SOCKET:
        return open_socket(l, c);
    case PS_BIND:
        return or_errno(bind(fd, (struct sockaddr *)&bound, sizeof(bound)));
    case PS_LISTEN:
        return or_errno(listen(fd, (int)c->number));
    case PS_ACCEPT:
        return made(l, c->other, accept4(fd, NULL, NULL, SOCK_NONBLOCK));
    case PS_CONNECT:
        return or_errno(connect(fd, (struct sockaddr *)&peer, sizeof(peer)));
    case PS_SEND:
        return or_errno(send(fd, buf, c->len, MSG_NOSIGNAL | more));
    case PS_RECV:
        return or_errno(recv(fd, buf, c->len, (c->flags & PS_MSG_PEEK) ? MSG_PEEK : 0));
    case PS_SHUTDOWN:
        return or_errno(shutdown(fd, (int)c->number));
    case PS_CLOSE:
        l->fds[c->sock] = -1;
        return or_errno(close(fd));
    case PS_READY:
        return ready_call(fd);
    case PS_STATE:
        return state_call(c, fd);
    default:
        return option_call(c, fd);
    }
}

static bool linux_counter(void *b, const char *name, int64_t *value, bool *known)
{
    *known = false;
    return true;
}

/* The namespace goes when the last of these does; what is half done in it goes with it. */
static bool linux_end(void *b, char why[PS_TEXT_MAX])
{
    struct lin *l = b;
    struct linger reset = {1, 0};
    for (size_t i = 0; i < PS_NAMES_MAX; i++) {
        if (l->fds[i] >= 0) {
            setsockopt(l->fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
            close(l->fds[i]);
        }
    }
    close(l->tun);
    free(l);
    return true;
}

const struct ps_backend ps_backend_linux = {
    .name = "linux",
    .real_time = true,
    .tolerance_ns = 30 * NS_PER_MS, /* jiffies of 4 ms, and a machine with other things to do */
    .tolerance_part = 8,
    .ts_slack = 30,
    .begin = linux_begin,
    .now = linux_now,
    .inject = linux_inject,
    .receive = linux_receive,
    .call = linux_call,
    .counter = linux_counter,
    .end = linux_end,
};
