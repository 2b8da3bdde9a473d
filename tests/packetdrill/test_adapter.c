/*
 * build/packetdrill.so as packetdrill uses it, without packetdrill: the library is loaded, the
 * table is read by the number of its slots, and a peer made of raw packets drives a handshake,
 * data, a close, time-outs, and the call that blocks on a second thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/bytes.h"
#include "tests/packetdrill/abi.h"

#define OURS 0xc0a80001u /* 192.168.0.1 */
#define PEER 0xc0000201u /* 192.0.2.1 */

enum {
    PORT = 8080,
    PEER_PORT = 40000,
    PEER_ISN = 5000,
    SLOTS = 33,
    SYN = 2,
    FIN = 1,
    RST = 4,
    PSH = 8,
    ACK = 16,
    WAITS_MAX = 2000, /* ms of real time for a thread to fall asleep */
};

/* The slots by number, for that is all that packetdrill knows. */
union table {
    struct pd_table named;
    void *slots[SLOTS];
};

static void *library;

static void load(union table *t, const char *flags)
{
    void (*init)(const char *, struct pd_table *);
    library = dlopen("build/packetdrill.so", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fail_msg("%s", dlerror());
    }
    *(void **)&init = dlsym(library, "packetdrill_interface_init");
    assert_non_null(init);
    memset(t, 0, sizeof(*t));
    init(flags, &t->named);
}

static uint16_t checksum(const uint8_t *head, size_t head_len, const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < head_len; i++) {
        sum += (i & 1) ? head[i] : (uint32_t)head[i] << 8;
    }
    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) ? bytes[i] : (uint32_t)bytes[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void inject(const struct pd_table *t, uint8_t flags, uint32_t seq, uint32_t ack,
                   const char *text)
{
    static uint8_t p[8192];
    uint8_t *tcp = p + 20;
    size_t len = strlen(text);
    memset(p, 0, sizeof(p));
    assert_true(len <= sizeof(p) - 40);
    size_t total = 40 + len;
    p[0] = 0x45;
    store_be16(p + 2, (uint16_t)total);
    p[8] = 64;
    p[9] = 6;
    store_be32(p + 12, PEER);
    store_be32(p + 16, OURS);
    store_be16(p + 10, checksum(p, 20, NULL, 0));
    store_be16(tcp, PEER_PORT);
    store_be16(tcp + 2, PORT);
    store_be32(tcp + 4, PEER_ISN + seq);
    store_be32(tcp + 8, ack);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    store_be16(tcp + 14, 65535);
    memcpy(tcp + 20, text, len);
    uint8_t pseudo[12] = {0};
    memcpy(pseudo, p + 12, 8);
    pseudo[9] = 6;
    store_be16(pseudo + 10, (uint16_t)(20 + len));
    store_be16(tcp + 16, checksum(pseudo, 12, tcp, 20 + len));
    assert_int_equal(t->netdev_send(t->userdata, p, total), 0);
}

struct seen {
    uint8_t flags;
    uint32_t seq, ack;
    size_t len;
    long long at_us;
    uint8_t bytes[1500];
};

static void expect(const struct pd_table *t, uint8_t flags, struct seen *s)
{
    size_t len = sizeof(s->bytes);
    assert_int_equal(t->netdev_receive(t->userdata, s->bytes, &len, &s->at_us), 0);
    assert_true(len >= 40);
    const uint8_t *tcp = s->bytes + 20;
    s->flags = tcp[13];
    s->seq = load_be32(tcp + 4);
    s->ack = load_be32(tcp + 8);
    s->len = len - 20 - (size_t)(tcp[12] >> 4) * 4;
    assert_int_equal(s->flags & ~PSH, flags);
    assert_int_equal(load_be32(s->bytes + 12), OURS);
}

static long long now_us(const struct pd_table *t)
{
    struct timeval tv;
    assert_int_equal(t->gettimeofday(t->userdata, &tv, NULL), 0);
    return (long long)tv.tv_sec * 1000000 + tv.tv_usec;
}

static int listen_on(const struct pd_table *t)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = t->socket(t->userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* a descriptor of the kernel's */
    assert_int_equal(t->bind(t->userdata, fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(t->listen(t->userdata, fd, 5), 0);
    return fd;
}

/* The peer's side of a handshake: our initial number. */
static uint32_t handshake(const struct pd_table *t)
{
    struct seen s;
    inject(t, SYN, 0, 0, "");
    expect(t, SYN | ACK, &s);
    assert_int_equal(s.ack, PEER_ISN + 1);
    inject(t, ACK, 1, s.seq + 1, "");
    return s.seq;
}

static int accept_one(const struct pd_table *t, int listener)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd = t->accept(t->userdata, listener, (struct sockaddr *)&peer, &len);
    assert_true(fd >= 0);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), PEER);
    assert_int_equal(ntohs(peer.sin_port), PEER_PORT);
    return fd;
}

static void every_slot_is_filled(void **state)
{
    union table t;
    load(&t, "addr=192.168.0.1");
    for (size_t i = 0; i < SLOTS; i++) {
        assert_non_null(t.slots[i]);
    }
    assert_int_equal(sizeof(t.slots), sizeof(t.named));
    t.named.free(t.named.userdata);
}

static void handshake_data_and_close(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    struct seen s;
    char buf[16];
    load(&table, "addr=192.168.0.1,isn=4294967290,mtu=1000");
    int listener = listen_on(t);
    uint32_t iss = handshake(t);
    assert_int_equal(iss, 4294967290u);
    int fd = accept_one(t, listener);
    inject(t, ACK | PSH, 1, iss + 1, "hello");
    assert_int_equal(t->read(t->userdata, fd, buf, sizeof(buf)), 5);
    assert_memory_equal(buf, "hello", 5);
    expect(t, ACK, &s);
    assert_int_equal(s.ack, PEER_ISN + 6);
    struct iovec iov[2] = {{"wor", 3}, {"ld", 2}};
    assert_int_equal(t->writev(t->userdata, fd, iov, 2), 5);
    expect(t, ACK, &s);
    assert_int_equal(s.len, 5); /* one write, one segment */
    inject(t, ACK, 6, iss + 6, "");
    assert_int_equal(t->close(t->userdata, fd), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* the token went with it */
    expect(t, FIN | ACK, &s);
    inject(t, FIN | ACK, 6, iss + 7, "");
    expect(t, ACK, &s);
    assert_int_equal(s.ack, PEER_ISN + 7);
    assert_int_equal(t->close(t->userdata, listener), 0);
    t->free(t->userdata);
}

static void time_is_virtual(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    struct seen first, again;
    size_t len = sizeof(first.bytes);
    long long us;
    load(&table, "addr=192.168.0.1");
    int listener = listen_on(t);
    long long before = now_us(t);
    assert_true(now_us(t) > before); /* who spins on it gets ahead */
    assert_int_equal(t->usleep(t->userdata, 5000000), 0);
    assert_in_range(now_us(t) - before, 5000000, 5000010);
    inject(t, SYN, 0, 0, "");
    expect(t, SYN | ACK, &first);
    expect(t, SYN | ACK, &again); /* 1 s later, at once */
    assert_in_range(again.at_us - first.at_us, 999000, 1001100);
    inject(t, RST, 1, 0, "");
    assert_int_equal(t->netdev_receive(t->userdata, first.bytes, &len, &us), 0);
    assert_int_equal(len, 0); /* nothing for minutes: given up, not asked for ever */
    assert_int_equal(t->close(t->userdata, listener), 0);
    t->free(t->userdata);
}

struct blocked {
    struct pd_table *t;
    int fd;
    volatile pid_t tid;
    ssize_t result;
    int error;
    long long done_us;
    char buf[16];
};

static void *read_blocking(void *arg)
{
    struct blocked *b = arg;
    b->tid = (pid_t)syscall(SYS_gettid);
    b->result = b->t->read(b->t->userdata, b->fd, b->buf, sizeof(b->buf));
    b->error = errno;
    b->done_us = now_us(b->t);
    return NULL;
}

/* As packetdrill does: until /proc says that the thread sleeps. */
static void await_sleep(const struct blocked *b)
{
    for (int i = 0; i < WAITS_MAX; i++) {
        char path[64], text[256] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%d/stat", b->tid);
        FILE *f = b->tid != 0 ? fopen(path, "r") : NULL;
        if (f != NULL) {
            char *name_end = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
            fclose(f);
            if (name_end != NULL && name_end[2] == 'S') {
                return;
            }
        }
        usleep(1000);
    }
    fail_msg("the thread did not sleep within %d ms", WAITS_MAX);
}

static void blocking_call_ends_when_data_came(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    struct blocked b = {0};
    pthread_t thread;
    load(&table, "addr=192.168.0.1");
    int listener = listen_on(t);
    uint32_t iss = handshake(t);
    b.t = t;
    b.fd = accept_one(t, listener);
    assert_int_equal(pthread_create(&thread, NULL, read_blocking, &b), 0);
    await_sleep(&b);
    t->usleep(t->userdata, 300000);
    long long came_us = now_us(t);
    inject(t, ACK | PSH, 1, iss + 1, "late");
    t->usleep(t->userdata, 700000); /* the time goes on before the thread gets to run */
    pthread_join(thread, NULL);
    assert_int_equal(b.result, 4);
    assert_memory_equal(b.buf, "late", 4);
    assert_in_range(b.done_us - came_us, 0, 100);
    assert_int_equal(t->close(t->userdata, b.fd), 0);
    assert_int_equal(t->close(t->userdata, listener), 0);
    t->free(t->userdata);
}

static void main_thread_never_blocks(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    char buf[4];
    load(&table, "addr=192.168.0.1");
    int listener = listen_on(t);
    assert_int_equal(t->accept(t->userdata, listener, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    (void)handshake(t);
    int fd = accept_one(t, listener);
    assert_int_equal(t->read(t->userdata, fd, buf, sizeof(buf)), -1);
    assert_int_equal(errno, EAGAIN);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    long long before = now_us(t);
    assert_int_equal(t->poll(t->userdata, &p, 1, 250), 0);
    assert_in_range(now_us(t) - before, 250000, 250010);
    assert_int_equal(t->send(t->userdata, fd, NULL, 5, 0), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(t->close(t->userdata, fd), 0);
    assert_int_equal(t->close(t->userdata, listener), 0);
    t->free(t->userdata);
}

static void options_reach_the_stack(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    int value = 0;
    socklen_t len = sizeof(value);
    load(&table, "addr=192.168.0.1,rcvbuf=30000");
    int fd = t->socket(t->userdata, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(t->getsockopt(t->userdata, fd, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
    assert_int_equal(value, 30000);
    struct linger l = {1, 7};
    assert_int_equal(t->setsockopt(t->userdata, fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
    struct linger got = {0};
    len = sizeof(got);
    assert_int_equal(t->getsockopt(t->userdata, fd, SOL_SOCKET, SO_LINGER, &got, &len), 0);
    assert_true(got.l_onoff && got.l_linger == 7);
    assert_int_equal(t->setsockopt(t->userdata, fd, SOL_SOCKET, 9999, &value, sizeof(value)), -1);
    assert_int_equal(errno, ENOPROTOOPT);
    assert_int_equal(t->close(t->userdata, fd), 0);
    t->free(t->userdata);
}

static void levels_and_buffers_are_as_on_linux(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    int value = 5000;
    socklen_t len = sizeof(value);
    unsigned char tos = 4;
    load(&table, "addr=192.168.0.1,double=1");
    int fd = t->socket(t->userdata, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(t->setsockopt(t->userdata, fd, SOL_SOCKET, SO_SNDBUF, &value, len), 0);
    assert_int_equal(t->getsockopt(t->userdata, fd, SOL_SOCKET, SO_SNDBUF, &value, &len), 0);
    assert_int_equal(value, 10000);
    assert_int_equal(t->setsockopt(t->userdata, fd, IPPROTO_IP, IP_TOS, &tos, 1), 0);
    assert_int_equal(t->getsockopt(t->userdata, fd, IPPROTO_IP, IP_TOS, &value, &len), 0);
    assert_int_equal(value, 4);
    assert_int_equal(t->setsockopt(t->userdata, fd, SOL_SOCKET, SO_SNDBUF, &tos, 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(t->close(t->userdata, fd), 0);
    t->free(t->userdata);
}

/* What %{ }% blocks do: the C library's call on a descriptor of ours, with a longer structure. */
static void tcp_info_past_the_table(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    int (*call)(int, int, int, void *, socklen_t *);
    unsigned char info[400];
    socklen_t len = sizeof(info);
    int ends[2];
    load(&table, "addr=192.168.0.1");
    *(void **)&call = dlsym(library, "getsockopt");
    assert_non_null(call);
    int listener = listen_on(t);
    (void)handshake(t);
    int fd = accept_one(t, listener);
    memset(info, 0xff, sizeof(info));
    assert_int_equal(call(fd, IPPROTO_TCP, 11 /* TCP_INFO */, info, &len), 0);
    assert_int_equal(len, sizeof(info));
    assert_int_equal(info[0], 1);                /* ESTABLISHED */
    assert_int_equal(info[sizeof(info) - 1], 0); /* not known: 0 */
    assert_int_equal(call(fd, IPPROTO_TCP, 26 /* TCP_CC_INFO */, info, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(t->close(t->userdata, fd), 0);
    assert_int_equal(t->close(t->userdata, listener), 0);
    t->free(t->userdata);
    assert_int_equal(pipe(ends), 0);
    len = sizeof(info);
    assert_int_equal(call(ends[0], SOL_SOCKET, SO_TYPE, info, &len), -1);
    assert_int_equal(errno, ENOTSOCK);
    close(ends[0]);
    close(ends[1]);
}

/* Larger than a link carries: all of it arrives, its FIN with the end, and one ACK tells so. */
static void large_packets_are_cut(void **state)
{
    union table table;
    struct pd_table *t = &table.named;
    struct seen s;
    char text[5001], got[6000];
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[sizeof(text) - 1] = '\0';
    load(&table, "addr=192.168.0.1,quickack=1");
    int listener = listen_on(t);
    uint32_t iss = handshake(t);
    int fd = accept_one(t, listener);
    inject(t, ACK | PSH | FIN, 1, iss + 1, text);
    assert_int_equal(t->read(t->userdata, fd, got, sizeof(got)), 5000);
    assert_memory_equal(got, text, 5000);
    assert_int_equal(t->read(t->userdata, fd, got, sizeof(got)), 0);
    assert_int_equal(t->close(t->userdata, fd), 0);
    expect(t, ACK, &s);
    assert_int_equal(s.ack, PEER_ISN + 5002);
    expect(t, FIN | ACK, &s);
    inject(t, RST, 5002, 0, "");
    assert_int_equal(t->close(t->userdata, listener), 0);
    t->free(t->userdata);
}

/* A wrong flag ends the program with code 2 and a line that says what is allowed. */
static void wrong_flags_are_refused(void **state)
{
    static const char *const wrong[] = {"adr=1.2.3.4", "mtu=99",   "wscale=15",
                                        "isn",         "off=sock", "addr=1.2.3.400"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[1024] = "";
        int status = 0;
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            union table t;
            dup2(ends[1], STDERR_FILENO);
            load(&t, wrong[i]);
            _exit(0);
        }
        close(ends[1]);
        assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        assert_non_null(strstr(text, "allowed are"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_is_filled),
        cmocka_unit_test(handshake_data_and_close),
        cmocka_unit_test(time_is_virtual),
        cmocka_unit_test(blocking_call_ends_when_data_came),
        cmocka_unit_test(main_thread_never_blocks),
        cmocka_unit_test(options_reach_the_stack),
        cmocka_unit_test(levels_and_buffers_are_as_on_linux),
        cmocka_unit_test(tcp_info_past_the_table),
        cmocka_unit_test(large_packets_are_cut),
        cmocka_unit_test(wrong_flags_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
