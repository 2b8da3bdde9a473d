/*
 * The socket layer without blocking: descriptors over TCP and UDP control blocks, and epoll
 * instances (epoll.h). This is what the POSIX calls (net/posix/) and the simulator stand on. Every
 * call returns a count, 0 or a descriptor, or a negative errno value as POSIX has it, and would
 * rather say -EAGAIN than wait. Descriptors are small integers from SOCK_FD_FIRST, lowest free
 * first; a stale one is -EBADF, the console's and an epoll's are -ENOTSOCK where a socket is
 * needed.
 *
 * now_ns is the time of the call on the stack's clock (net.h): whatever may send or set a timer, or
 * tells of time, takes it; the rest neither sends nor sets any (tests/unit/test_sock_clock.c goes
 * through all of them). Nothing here may be called from irq context, nor from a watch function.
 */
#ifndef NET_SOCK_SOCK_H
#define NET_SOCK_SOCK_H

#include "kernel/base.h"
#include "net/core/ready.h"

struct net;

enum {
    SOCK_FD_FIRST = 3,  /* 0, 1, 2 are the console's */
    SOCK_SAME_TIME = 0, /* as now_ns: that of the last entry, for a call in the same turn */
};

enum sock_type {
    SOCK_TYPE_TCP,
    SOCK_TYPE_UDP,
};

struct sock_addr { /* host order */
    uint32_t addr;
    uint16_t port;
};

/* Beside the bits of enum net_ready in a watch's call: the descriptor was closed, the watch is off
 * it already and will not be called again. */
enum {
    SOCK_WATCH_CLOSED = 0x10000,
};

/* Who waits for a descriptor: linked into it, told of every readiness edge. fn marks and wakes; it
 * must not call back into the stack. */
struct sock_watch {
    struct sock_watch *next;
    void (*fn)(struct sock_watch *w, uint32_t bits);
};

/* A descriptor, or -EMFILE (no descriptor left), -ENFILE, -ENOBUFS (no control block left). */
int sock_open(struct net *n, enum sock_type type, uint64_t now_ns);

/* -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL (bound already). addr 0: any, port 0: one is chosen. */
int sock_bind(struct net *n, int fd, const struct sock_addr *a, uint64_t now_ns);

/* -EOPNOTSUPP on UDP, -EINVAL when connected, -EADDRINUSE. */
int sock_listen(struct net *n, int fd, int backlog, uint64_t now_ns);

/* The oldest completed connection's new descriptor; peer may be NULL. -EAGAIN when there is none,
 * -EINVAL when not listening, -EOPNOTSUPP on UDP, -EMFILE, -ENFILE (the connection stays queued).
 */
int sock_accept(struct net *n, int fd, struct sock_addr *peer, uint64_t now_ns);

/* TCP: -EINPROGRESS, then ready with OUT or ERR; -EALREADY, -EISCONN (also on a listener),
 * -ENETUNREACH, -EADDRNOTAVAIL. UDP: at once; a NULL dissolves the association (TCP: -EINVAL). */
int sock_connect(struct net *n, int fd, const struct sock_addr *a, uint64_t now_ns);

/* Flags of sock_send and sock_recv; what a kind of socket does not know is -EOPNOTSUPP. */
enum sock_msg_flag {
    SOCK_MSG_PEEK = 1u << 0,
    SOCK_MSG_MORE = 1u << 1,  /* TCP send: no partial segment for this part */
    SOCK_MSG_TRUNC = 1u << 2, /* UDP recv: returns a datagram's real length */
};

/* TCP: how many of len bytes were taken, > 0, or -EAGAIN, -EPIPE, -ENOTCONN, the pending error; to
 * is ignored (POSIX). UDP: len, or -EMSGSIZE, -EDESTADDRREQ, -EPIPE, -ENETUNREACH, -EACCES. */
ptrdiff_t sock_send(struct net *n, int fd, const void *buf, size_t len, uint32_t flags,
                    const struct sock_addr *to, uint64_t now_ns);

/* Bytes received (UDP: of one datagram, the rest of it is lost), 0 at the end of the stream, or
 * -EAGAIN, -ENOTCONN, the pending error. info may be NULL; for TCP from is the peer; cut says that
 * a datagram was longer than len. */
struct sock_recv_info {
    struct sock_addr from;
    bool cut;
};
ptrdiff_t sock_recv(struct net *n, int fd, void *buf, size_t len, uint32_t flags,
                    struct sock_recv_info *info, uint64_t now_ns);

/* how: SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. -ENOTCONN, -EINVAL. */
int sock_shutdown(struct net *n, int fd, int how, uint64_t now_ns);

/* Sockets and epolls. Never waits: TCP finishes in the background, SO_LINGER 0 resets. */
int sock_close(struct net *n, int fd, uint64_t now_ns);

/*
 * A close in parts, for the blocking layer's SO_LINGER. begin returns the seconds to wait at most
 * when there is something to wait for: the FIN is queued, and the descriptor is stale for everybody
 * but these three calls. It returns 0, with the descriptor closed, when there is nothing to wait
 * for; -EBADF. end closes for good.
 */
int sock_close_begin(struct net *n, int fd, uint64_t now_ns);
bool sock_close_drained(struct net *n, int fd);
void sock_close_end(struct net *n, int fd, uint64_t now_ns);

int sock_name(struct net *n, int fd, struct sock_addr *out);
int sock_peer(struct net *n, int fd, struct sock_addr *out); /* -ENOTCONN */

/* What a recv could return now, bytes (UDP: the oldest datagram's). -EINVAL on a listener. */
int sock_readable(struct net *n, int fd);

enum sock_opt {
    SOCK_OPT_NONBLOCK, /* only kept: no call here ever waits */
    SOCK_OPT_REUSEADDR,
    SOCK_OPT_ERROR,     /* get only: the pending error as a positive errno value; taken */
    SOCK_OPT_TYPE,      /* get only: enum sock_type */
    SOCK_OPT_LISTENING, /* get only */
    SOCK_OPT_RCVBUF,    /* UDP: fixed; setting is accepted and changes nothing */
    SOCK_OPT_SNDBUF,
    SOCK_OPT_BROADCAST,
    SOCK_OPT_TOS, /* 0..255, of IP headers; TCP's two ECN bits stay its own */
    SOCK_OPT_TTL, /* 1..255, of IP headers; -1: the default */
    SOCK_OPT_KEEPALIVE,
    SOCK_OPT_LINGER_S,        /* -1: off */
    SOCK_OPT_RECV_TIMEOUT_NS, /* kept for the blocking layer; 0: none */
    SOCK_OPT_SEND_TIMEOUT_NS,
    SOCK_OPT_NODELAY, /* TCP only from here on */
    SOCK_OPT_KEEPIDLE_S,
    SOCK_OPT_KEEPINTVL_S,
    SOCK_OPT_KEEPCNT,
    SOCK_OPT_MAXSEG,
    SOCK_OPT_CORK,
    SOCK_OPT_QUICKACK,
    SOCK_OPT_USER_TIMEOUT_MS,
    SOCK_OPT_DEFER_ACCEPT_S,
    SOCK_OPT_LINGER2_S,
    SOCK_OPT_WINDOW_CLAMP,
};

/* -ENOPROTOOPT where the kind of socket has no such option (or it is get only), -EINVAL for a value
 * out of range. */
int sock_set_opt(struct net *n, int fd, enum sock_opt opt, int64_t value, uint64_t now_ns);
int sock_get_opt(struct net *n, int fd, enum sock_opt opt, int64_t *value);

/* TCP_CONGESTION: an algorithm by name. The name got lives for ever. -ENOENT, -ENOPROTOOPT (UDP).
 */
int sock_set_congestion(struct net *n, int fd, const char *name, uint64_t now_ns);
int sock_get_congestion(struct net *n, int fd, const char **name);

/* TCP_INFO. -ENOPROTOOPT on UDP. */
struct tcp_report;
int sock_get_report(struct net *n, int fd, struct tcp_report *out, uint64_t now_ns);

/* Readiness now (bits of enum net_ready), or -EBADF. Of an epoll: IN when it has an event. */
int sock_ready(struct net *n, int fd);

/* Links w until it is removed or the descriptor closed; any number may wait. -EBADF. */
int sock_watch_add(struct net *n, int fd, struct sock_watch *w);
/* Harmless when w is not, or no longer, on fd. */
void sock_watch_remove(struct net *n, int fd, struct sock_watch *w);

#endif
