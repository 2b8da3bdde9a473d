/*
 * What one keep-alive HTTP request costs, all of it, for tools/figures.py to count in instructions:
 * loop, softirqs, netdev, stack, sockets, POSIX calls, tasks and the server as they are put
 * together for a target (apps/root/stack.c), over a machine of memory in virtual time (machine.h).
 *
 *     request COUNT BATCH CONNECTIONS GAP_US
 *
 * So many connections are opened through the stack. Then each in turn sends `GET /healthz` as wrk
 * does, and its next request acknowledges the answer; BATCH requests at a time are in the device
 * when it is looked at, and when their answers are all out the loop sleeps until the next ones
 * come. Counted is what runs from the interrupt to that sleep, for COUNT requests; what the peers
 * do is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "apps/root/stack.h"
#include "kernel/loop.h"
#include "tests/bench/machine.h"
#include "tests/bench/peer.h"

enum {
    ARENA_BYTES = 64 << 20,
    PORT = 80,
    FIRST_PORT = 20000,
    CONNECTIONS_MAX = 4096,
    ADDRESS_MS = 2500, /* until it is announced, twice, and more */
    GAP_US_MAX = 1000000,
    WARM_UP_ROUNDS = 4, /* of each connection */
};

static const char request_text[] = "GET /healthz HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n";

static struct bench {
    struct root root;
    struct peer peers[CONNECTIONS_MAX];
    uint32_t connections;
    uint32_t batch;
    uint64_t gap_ns;
    uint64_t now_ns; /* the peers' clock */
} bench;

static void complain(const char *text)
{
    bench_must(false, text);
}

static void start_server(void)
{
    struct root *r = &bench.root;
    machine_init(ARENA_BYTES);
    config_parse(&r->config, &r->line, "ip=10.0.0.1/24 gw=10.0.0.2 log=error", "httpd", complain);
    log_set_level(r->config.log);
    bench_must(root_make_pools(r, NULL) == STATUS_OK &&
                   root_start(r, machine_nic(&r->rx_pool)) == STATUS_OK,
               "no server");
}

/* A run of the loop, as an interrupt of the device begins it. */
static void run(bool count_it)
{
    if (count_it) {
        CALLGRIND_TOGGLE_COLLECT;
    }
    (void)netdev_irq(&bench.root.dev, 0);
    machine_run(bench.gap_ns);
    if (count_it) {
        CALLGRIND_TOGGLE_COLLECT;
    }
    bench.now_ns += bench.gap_ns;
}

/* One segment of peer i into the device. */
static void give(uint32_t i, uint8_t flags, const char *text, size_t len)
{
    uint8_t frame[PEER_FRAME_MAX_BYTES];
    machine_give(frame, peer_segment(&bench.peers[i], frame, flags, text, len, bench.now_ns));
}

/* The next frame out of the device, which must be for peer i; returns its payload. */
static size_t take(uint32_t i)
{
    struct pkt *p = machine_take();
    bench_must(p != NULL, "no answer");
    size_t payload = peer_read(&bench.peers[i], p->data, pkt_len(p));
    pkt_put(p);
    return payload;
}

static void meet(void)
{
    uint8_t frame[PEER_FRAME_MAX_BYTES];
    for (uint32_t ms = 0; ms < ADDRESS_MS; ms++) {
        machine_run(NS_PER_MS);
    }
    bench_must(net_address(bench.root.net) == BENCH_OUR_ADDRESS, "no address");
    machine_give(frame, peer_arp(frame));
    run(false);
    for (struct pkt *p; (p = machine_take()) != NULL;) {
        pkt_put(p);
    }
}

static void connect_all(void)
{
    for (uint32_t i = 0; i < bench.connections; i++) {
        bench.peers[i] = (struct peer){.address = BENCH_PEER_ADDRESS, .to_port = PORT};
        peer_begin(&bench.peers[i], (uint16_t)(FIRST_PORT + i));
        give(i, PEER_SYN, NULL, 0);
        run(false);
        (void)take(i);
        bench_must(bench.peers[i].last_flags == (PEER_SYN | PEER_ACK), "no SYN-ACK");
        give(i, PEER_ACK, NULL, 0);
        run(false);
    }
}

/* A batch of requests, from peer first on. */
static void ask(uint32_t first, bool count_it)
{
    for (uint32_t i = 0; i < bench.batch; i++) {
        give((first + i) % bench.connections, PEER_ACK | PEER_PSH, request_text,
             sizeof(request_text) - 1);
    }
    run(count_it);
    for (uint32_t i = 0; i < bench.batch; i++) {
        bench_must(take((first + i) % bench.connections) > 0, "an answer without payload");
    }
    bench_must(machine_take() == NULL, "more frames than answers");
}

static uint32_t number(const char *text, uint32_t max)
{
    unsigned long n = strtoul(text, NULL, 10);
    bench_must(n > 0 && n <= max,
               "request COUNT BATCH CONNECTIONS GAP_US: a number out of its range");
    return (uint32_t)n;
}

int main(int argc, char **argv)
{
    bench_must(argc == 5, "usage: request COUNT BATCH CONNECTIONS GAP_US");
    uint32_t count = number(argv[1], 10000000);
    bench.connections = number(argv[3], CONNECTIONS_MAX);
    bench.batch = number(argv[2], min_u32(bench.connections, MACHINE_FRAMES_MAX));
    bench.gap_ns = number(argv[4], GAP_US_MAX) * NS_PER_US;
    start_server();
    meet();
    connect_all();
    uint32_t done = 0;
    while (done < WARM_UP_ROUNDS * bench.connections) {
        ask(done, false);
        done += bench.batch;
    }
    for (uint32_t counted = 0; counted < count; counted += bench.batch) {
        ask(done + counted, true);
    }
    count = (count + bench.batch - 1) / bench.batch * bench.batch;
    printf("request %u timestamps %d\n", count, bench.peers[0].timestamps);
    return 0;
}
