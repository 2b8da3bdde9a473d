/*
 * The applications of a simulated world: pairs of connection ends that write and read checked
 * streams through the socket layer, stall, and end their connections in the manner planned.
 */
#ifndef TESTS_SIM_APP_H
#define TESTS_SIM_APP_H

#include "kernel/base.h"
#include "tests/sim/draw.h"
#include "tests/sim/lan.h"

struct world;

enum {
    CONNS_MAX = 10,
    APP_PORT_SHARED = 80,
    APP_PORT_OWN = 7000,          /* + number of the connection */
    APP_PORT_SIMULTANEOUS = 9000, /* + number of the connection + 100 * side */
    APP_CHUNK_MAX_BYTES = 32 * 1024,
};

/* How an end takes its leave. The first five are orderly, if the other end is. */
enum end_mode {
    END_HALF_CLOSE, /* all written: shutdown(WR); reads up to the end of the stream; close */
    END_WAIT,       /* all written and the peer's end of stream read: close */
    END_COUNT,      /* all written and as many bytes read as will come: close */
    END_SHUT_BOTH,  /* the same, with shutdown(RDWR) in front */
    END_FIRE,       /* all written: close, whatever is still to come */
    END_UNREAD,     /* close with unread bytes in the socket: RFC 2525 2.17 wants a RST */
    END_ABORT,      /* SO_LINGER 0 and close once quit_at bytes were written: RST */
    END_MODES,
};

struct end_plan {
    enum end_mode mode;
    uint32_t bytes;       /* to write */
    uint32_t write_bytes; /* largest chunk of a send */
    uint32_t read_bytes;  /* largest chunk of a recv */
    uint32_t quit_at;     /* UNREAD: stops reading there; ABORT: see there */
    uint32_t stall_at;    /* having read so much, the reader rests for stall_ns */
    uint64_t stall_ns;
    uint32_t pause_ppm; /* after a write: chance of a rest of up to pause_ns */
    uint64_t pause_ns;
    uint64_t close_not_before_ns; /* so that two ends close at one instant */
    bool nodelay;
    bool more; /* MSG_MORE on all but the last chunk */
    bool keepalive;
};

struct conn_plan {          /* between two hosts: the sides 0 and 1 */
    int host[2];            /* of each side, different ones */
    int client;             /* side */
    bool simultaneous;      /* both connect, at start_ns */
    bool own_port;          /* a listener of its own, or the shared one */
    bool after_restart;     /* starts when every restarted host is back */
    uint64_t start_ns;      /* after the world's begin */
    struct end_plan end[2]; /* by side */
};

struct app_plan {
    uint32_t conn_count;
    struct conn_plan conn[CONNS_MAX];
};

enum end_state {
    END_IDLE, /* not begun, or not yet accepted */
    END_CONNECTING,
    END_OPEN,
    END_CLOSED,
    END_LOST, /* its host was destroyed */
};

struct end {
    const struct end_plan *plan;
    int side;
    int host;
    int fd;
    enum end_state state;
    bool can_read; /* by epoll, until -EAGAIN */
    bool can_write;
    bool ended; /* read the end of the stream */
    bool shut;
    bool stalled;
    int error; /* the first negative errno value a call gave */
    uint64_t sent;
    uint64_t received;
    uint64_t key_out;
    uint64_t key_in;
    uint64_t connect_after_ns;
    uint64_t read_after_ns;
    uint64_t write_after_ns;
};

struct conn {
    const struct conn_plan *plan;
    uint16_t port[2]; /* by side, once known */
    bool crashed;     /* a host was destroyed under it */
    struct end end[2];
};

struct app {
    const struct app_plan *plan;
    struct draw draw;
    uint64_t begin_ns;
    int epoll[HOSTS_MAX];
    int listener[HOSTS_MAX]; /* the shared one */
    int own_listener[CONNS_MAX];
    struct conn conn[CONNS_MAX];
};

void app_init(struct world *w, const struct app_plan *plan);

/* Opens what a host listens on and its epoll. */
void app_host_up(struct world *w, int host);

/* The host is being destroyed: its ends are lost. */
void app_host_down(struct world *w, int host);

/* Lets all hosts' applications do what they can. True when one did something. */
bool app_run(struct world *w);

/* When an application wants to run though no packet has come, or DEADLINE_NONE. */
uint64_t app_next_ns(const struct world *w);

bool app_done(const struct world *w);

/*
 * Ends that wait for a peer who gave up on them and whose word of it was lost: nobody will ever
 * tell them, and they did not ask (no keepalive). True when there are such and no others; they have
 * been closed, as by an application that lost patience.
 */
bool app_drop_abandoned(struct world *w, const uint64_t give_ups[]);

/*
 * What must hold of the connections when they are done. give_ups, by host: how many connections,
 * handshakes and neighbours each stack rightly gave up on, which excuses at most as many
 * connections from their order, and of these only those that were told of an end.
 */
void app_check(struct world *w, const uint64_t give_ups[]);

/* Closes listeners and epolls. */
void app_close(struct world *w);

/* One line a connection, for failures. */
void app_print(const struct world *w);

#endif
