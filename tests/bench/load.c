/*
 * A client that asks over HTTP as fast as it is answered, for `make bench`: what wrk does not do.
 * Connections that are made for each request, bodies in either direction or both, transfers of a
 * fixed number. It costs little itself: it stands on the same processors as what it measures.
 *
 *     load ADDRESS PORT get|put|echo BYTES new|keep CONNECTIONS SECONDS REQUESTS
 *
 * get asks for /bytes/BYTES, or /healthz for 0; put sends a body to /discard; echo to /echo. Ends
 * after SECONDS, or when REQUESTS are answered (0: any number), and prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum {
    HEAD_MAX_BYTES = 1024,
    BODY_PIECE_BYTES = 256 * 1024,
    EVENTS_MAX = 256,
    ERRORS_MAX = 1000,
    STALL_S = 60, /* nothing comes and nothing goes */
};

enum direction {
    GET,
    PUT,
    ECHO,
};

struct connection {
    int fd;
    bool is_head_done;
    bool is_asking;        /* a request is under way */
    uint64_t started_ns;   /* it, or its connection */
    uint64_t request_left; /* of head and body together */
    uint64_t answer_left;
    size_t head_len;
    char head[HEAD_MAX_BYTES];
};

static struct load {
    struct sockaddr_in to;
    enum direction direction;
    uint64_t bytes;
    bool is_new; /* a connection for each request */
    uint32_t count;
    uint64_t request_max;
    uint64_t end_ns;
    char request[HEAD_MAX_BYTES];
    size_t request_len;
    struct connection *connections;
    int epoll;
    uint64_t begun, answered, errors, moved; /* moved: bytes in and out, for the stall */
    struct samples latency;
} load;

static char piece[BODY_PIECE_BYTES];

static void make_request(void)
{
    char path[64] = "/healthz";
    char length[64] = "";
    if (load.direction == GET && load.bytes > 0) {
        snprintf(path, sizeof(path), "/bytes/%llu", (unsigned long long)load.bytes);
    } else if (load.direction != GET) {
        snprintf(path, sizeof(path), load.direction == PUT ? "/discard" : "/echo");
        snprintf(length, sizeof(length), "Content-Length: %llu\r\n",
                 (unsigned long long)load.bytes);
    }
    load.request_len = (size_t)snprintf(load.request, sizeof(load.request),
                                        "%s %s HTTP/1.1\r\nHost: bench\r\n%s%s\r\n",
                                        load.direction == GET ? "GET" : "POST", path, length,
                                        load.is_new ? "Connection: close\r\n" : "");
}

static bool may_begin(void)
{
    return (load.request_max == 0 || load.begun < load.request_max) && now_ns() < load.end_ns;
}

static void ask(struct connection *c)
{
    c->is_head_done = false;
    c->is_asking = true;
    c->head_len = 0;
    c->request_left = load.request_len + (load.direction == GET ? 0 : load.bytes);
    load.begun++;
}

static void connect_and_ask(struct connection *c)
{
    int on = 1;
    c->started_ns = now_ns();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&load.to, sizeof(load.to)) < 0 &&
                      errno != EINPROGRESS)) {
        die("connect");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e) < 0) {
        die("epoll_ctl");
    }
    ask(c);
}

static void leave(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
    c->is_asking = false;
}

/* The connection, or its request, came to nothing. */
static void fail(struct connection *c)
{
    leave(c);
    if (++load.errors > ERRORS_MAX) {
        fprintf(stderr, "load: more than %d requests failed; the last: %s\n", ERRORS_MAX,
                strerror(errno));
        exit(1);
    }
    if (may_begin()) {
        connect_and_ask(c);
    }
}

/* What there is still to be sent of the request; false when the connection is gone. */
static bool send_rest(struct connection *c)
{
    uint64_t body = load.direction == GET ? 0 : load.bytes;
    while (c->request_left > 0) {
        bool is_head = c->request_left > body;
        size_t head_left = is_head ? (size_t)(c->request_left - body) : 0;
        const char *at = is_head ? load.request + load.request_len - head_left : piece;
        size_t len =
            is_head ? head_left
                    : (size_t)(c->request_left < sizeof(piece) ? c->request_left : sizeof(piece));
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL | (is_head && body > 0 ? MSG_MORE : 0));
        if (n < 0) {
            return errno == EAGAIN || errno == ENOTCONN;
        }
        c->request_left -= (uint64_t)n;
        load.moved += (uint64_t)n;
    }
    return true;
}

/* The head is in c->head: how long the body is. False when it is no 200 with a length. */
static bool read_head(struct connection *c, const char *end)
{
    static const char field[] = "\r\nContent-Length:";
    if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0) {
        return false;
    }
    for (const char *at = c->head; at < end; at++) {
        if (strncasecmp(at, field, sizeof(field) - 1) == 0) {
            uint64_t length = strtoull(at + sizeof(field) - 1, NULL, 10);
            uint64_t have = c->head_len - (size_t)(end + 4 - c->head);
            c->answer_left = length - (have < length ? have : length);
            c->is_head_done = true;
            return true;
        }
    }
    return false;
}

/* Bytes taken, 0 at the end, -1 with errno. A body's are counted and never copied here. */
static ssize_t receive_some(struct connection *c)
{
    if (c->is_head_done) {
        ssize_t n = recv(c->fd, NULL, BODY_PIECE_BYTES * 4, MSG_TRUNC);
        c->answer_left -= n > 0 ? (uint64_t)n : 0;
        return n;
    }
    ssize_t n = recv(c->fd, c->head + c->head_len, HEAD_MAX_BYTES - 1 - c->head_len, 0);
    if (n <= 0) {
        return n;
    }
    c->head_len += (size_t)n;
    c->head[c->head_len] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n");
    if ((end != NULL && !read_head(c, end)) || (end == NULL && c->head_len == HEAD_MAX_BYTES - 1)) {
        fprintf(stderr, "load: not an answer that is expected:\n%.200s\n", c->head);
        exit(1);
    }
    return n;
}

/* The answer is whole, and so was the request, or it is not wanted any more. */
static void answered(struct connection *c)
{
    uint64_t now = now_ns();
    load.answered++;
    samples_add(&load.latency, now - c->started_ns);
    c->is_asking = false;
    if (load.is_new) {
        leave(c);
        if (may_begin()) {
            connect_and_ask(c);
        }
    } else if (may_begin()) {
        c->started_ns = now;
        ask(c);
    }
}

/* Until the answer is whole; where the connection is for it alone, until its end. */
static void turn(struct connection *c)
{
    for (;;) {
        if (!c->is_asking) {
            return;
        }
        if (!send_rest(c)) {
            fail(c);
            return;
        }
        bool is_whole = c->is_head_done && c->answer_left == 0 && c->request_left == 0;
        if (is_whole && !load.is_new) {
            answered(c);
            continue;
        }
        ssize_t n = receive_some(c);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            return;
        }
        if (n <= 0) {
            if (n == 0 && is_whole) {
                answered(c);
            } else {
                fail(c);
            }
            return;
        }
        load.moved += (uint64_t)n;
    }
}

/* Requests that are under way are waited for where their number is fixed; else left at the end. */
static bool is_over(void)
{
    return load.request_max != 0 ? load.answered + load.errors >= load.request_max
                                 : now_ns() >= load.end_ns;
}

static void run(void)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t moved = 0, moved_ns = now_ns();
    for (uint32_t i = 0; i < load.count; i++) {
        connect_and_ask(&load.connections[i]);
    }
    while (!is_over()) {
        int n = epoll_wait(load.epoll, events, EVENTS_MAX, 100);
        for (int i = 0; i < n; i++) {
            turn(events[i].data.ptr);
        }
        if (load.moved != moved) {
            moved = load.moved;
            moved_ns = now_ns();
        } else if (now_ns() - moved_ns > STALL_S * NS_PER_S) {
            fprintf(stderr, "load: waited %d s for a byte; %llu requests were answered\n", STALL_S,
                    (unsigned long long)load.answered);
            exit(1);
        }
    }
}

static enum direction direction_of(const char *word)
{
    if (strcmp(word, "get") != 0 && strcmp(word, "put") != 0 && strcmp(word, "echo") != 0) {
        fprintf(stderr, "load: %s: get, put and echo are allowed\n", word);
        exit(2);
    }
    return word[0] == 'g' ? GET : word[0] == 'p' ? PUT : ECHO;
}

static bool is_new(const char *word)
{
    if (strcmp(word, "new") != 0 && strcmp(word, "keep") != 0) {
        fprintf(stderr, "load: %s: new and keep are allowed\n", word);
        exit(2);
    }
    return word[0] == 'n';
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: load ADDRESS PORT get|put|echo BYTES new|keep CONNECTIONS SECONDS "
                        "REQUESTS\n");
        return 2;
    }
    load.to = address_or_die("load", argv[1], argv[2]);
    load.direction = direction_of(argv[3]);
    load.bytes = number_or_die("load", argv[4], 0, UINT64_C(1) << 40);
    load.is_new = is_new(argv[5]);
    load.count = (uint32_t)number_or_die("load", argv[6], 1, 10000);
    load.end_ns = now_ns() + number_or_die("load", argv[7], 1, 3600) * NS_PER_S;
    load.request_max = number_or_die("load", argv[8], 0, UINT64_C(1) << 32);
    load.connections = calloc(load.count, sizeof(*load.connections));
    load.epoll = epoll_create1(0);
    if (load.connections == NULL || load.epoll < 0) {
        die("no memory, or no epoll");
    }
    memset(piece, 'x', sizeof(piece));
    make_request();
    uint64_t start_ns = now_ns();
    run();
    double seconds = (double)(now_ns() - start_ns) / (double)NS_PER_S;
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"errors\": %llu, ",
           (unsigned long long)load.answered, seconds, (unsigned long long)load.errors);
    samples_print(&load.latency);
    return 0;
}
