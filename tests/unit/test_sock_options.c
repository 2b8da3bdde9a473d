/*
 * Options at level IPPROTO_TCP through the POSIX layer: numbers, names and structures as programs
 * written for Linux hand them in, and what they are told when that is wrong.
 */
// clang-format off
// LINK: tests/unit/chip_segment.c tests/unit/segment_packet.c
// LINK: tests/sim/pair.c tests/sim/link.c tests/sim/carve.c
// LINK: tests/unit/posix_world.c @net net/posix/*.c kernel/pkt.c
// LINK: kernel/pool.c kernel/timer.c kernel/task.c kernel/sleep.c arch/host/context.c
// LINK: arch/context/*.[cS]
// clang-format on

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/include/netinet/tcp.h"
#include "net/include/unistd.h"
#include "tests/unit/posix_world.h"

#undef assert
#define assert(x) ((x) ? (void)0 : assert_fail(#x, __FILE__, __LINE__, __func__))

enum {
    PORT = 80,
};

static void run_alone(void (*fn)(void *arg))
{
    world_spawn(1, fn, NULL);
    world_run();
}

static int get_int(int fd, int name)
{
    int v = -12345;
    socklen_t len = sizeof(v);
    assert(getsockopt(fd, IPPROTO_TCP, name, &v, &len) == 0);
    assert(len == sizeof(v));
    return v;
}

/* set, and what is then read. */
static void numbers_task(void *arg)
{
    (void)arg;
    static const struct {
        int name, before, set, after;
    } rows[] = {
        {TCP_CORK, 0, 7, 1},
        {TCP_CORK, 1, 0, 0},
        {TCP_QUICKACK, 0, 1, 1},
        {TCP_USER_TIMEOUT, 0, 30000, 30000},
        {TCP_LINGER2, 60, 5, 5},
        {TCP_LINGER2, 5, -3, -1},
        {TCP_LINGER2, -1, 0, 60},
        {TCP_WINDOW_CLAMP, 0, 5000, 5000},
        {TCP_WINDOW_CLAMP, 5000, 1, 1024},
        {TCP_DEFER_ACCEPT, 0, 10, 10},
        {TCP_MAXSEG, 536, 1000, 1000},
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert(get_int(fd, rows[i].name) == rows[i].before);
        assert(setsockopt(fd, IPPROTO_TCP, rows[i].name, &rows[i].set, sizeof(int)) == 0);
        assert(get_int(fd, rows[i].name) == rows[i].after);
        expect_error(setsockopt(fd, IPPROTO_TCP, rows[i].name, &rows[i].set, 3), EINVAL);
        expect_error(setsockopt(udp, IPPROTO_TCP, rows[i].name, &rows[i].set, 4), ENOPROTOOPT);
    }
    static const struct {
        int name, value;
    } wrong[] = {{TCP_USER_TIMEOUT, -1}, {TCP_WINDOW_CLAMP, -1}, {TCP_MAXSEG, 87},
                 {TCP_MAXSEG, 32768},    {TCP_MAXSEG, -1},       {TCP_KEEPCNT, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        expect_error(setsockopt(fd, IPPROTO_TCP, wrong[i].name, &wrong[i].value, 4), EINVAL);
    }
    for (int name = 0; name < 64; name++) { /* whatever there is, nothing is accepted in silence */
        int v = 1;
        socklen_t len = sizeof(v);
        bool known = name <= 13 && name != 0 && name != 7; /* 7: TCP_SYNCNT */
        known = known || name == TCP_USER_TIMEOUT;
        if (!known) {
            expect_error(setsockopt(fd, IPPROTO_TCP, name, &v, len), ENOPROTOOPT);
            expect_error(getsockopt(fd, IPPROTO_TCP, name, &v, &len), ENOPROTOOPT);
        }
    }
    assert(close(fd) == 0 && close(udp) == 0);
}

static void test_numbers(void **state)
{
    (void)state;
    run_alone(numbers_task);
}

static void congestion_task(void *arg)
{
    (void)arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    char name[32] = "";
    socklen_t len = sizeof(name);
    assert(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
    assert(len == TCP_CA_NAME_MAX && strcmp(name, "cubic") == 0);
    assert(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "newreno", 7) == 0); /* no 0 needed */
    len = sizeof(name);
    assert(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
    assert(strcmp(name, "newreno") == 0);
    len = 3;
    name[3] = '#';
    assert(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0);
    assert(len == 3 && memcmp(name, "new#", 4) == 0);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), ENOENT);
    static const char long_name[100] = "cubiccubiccubiccubic";
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, long_name, 100), ENOENT);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 0), EINVAL);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, NULL, 5), EFAULT);
    expect_error(setsockopt(udp, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), ENOPROTOOPT);
    expect_error(getsockopt(udp, IPPROTO_TCP, TCP_CONGESTION, name, &len), ENOPROTOOPT);
    assert(close(fd) == 0 && close(udp) == 0);
}

static void test_congestion(void **state)
{
    (void)state;
    run_alone(congestion_task);
}

static void info_server(void *arg)
{
    (void)arg;
    int listener = open_listener(PORT);
    struct tcp_info i;
    socklen_t len = sizeof(i);
    assert(getsockopt(listener, IPPROTO_TCP, TCP_INFO, &i, &len) == 0);
    assert(i.tcpi_state == 10 && i.tcpi_sacked > 0 && i.tcpi_unacked == 0);
    int fd = accept(listener, NULL, NULL);
    char buf[4096];
    assert(recv(fd, buf, 3000, MSG_WAITALL) == 3000);
    assert(recv(fd, buf, 1, 0) == 0);
    assert(close(fd) == 0 && close(listener) == 0);
}

static void info_client(void *arg)
{
    (void)arg;
    static char bytes[3000];
    struct tcp_info i;
    socklen_t len = sizeof(i);
    int fd = open_connection(PORT);
    assert(send(fd, bytes, sizeof(bytes), 0) == sizeof(bytes));
    usleep(100000);
    memset(&i, 0xff, sizeof(i));
    assert(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len) == 0);
    assert(len == sizeof(i));
    assert(i.tcpi_state == 1 && i.tcpi_ca_state == 0 && i.tcpi_retransmits == 0);
    assert(i.tcpi_options & TCPI_OPT_WSCALE);
    assert(i.tcpi_snd_mss > 1400 && i.tcpi_snd_mss <= 1460 && i.tcpi_pmtu == 1500);
    assert(i.tcpi_unacked == 0 && i.tcpi_lost == 0 && i.tcpi_total_retrans == 0);
    assert(i.tcpi_snd_cwnd >= 10 && i.tcpi_snd_ssthresh == 0x7fffffff);
    assert(i.tcpi_rto >= 200000 && i.tcpi_bytes_acked == sizeof(bytes));
    assert(i.tcpi_data_segs_out == 3 && i.tcpi_segs_out > 3 && i.tcpi_notsent_bytes == 0);
    assert(i.tcpi_last_data_sent >= 99 && i.tcpi_last_data_sent <= 102);
    assert(i.tcpi_min_rtt > 0 && i.tcpi_min_rtt <= i.tcpi_rtt + 1 && i.tcpi_reordering == 3);
    assert(i.tcpi_bytes_sent == sizeof(bytes) && i.tcpi_bytes_retrans == 0);
    assert(i.tcpi_sacked == 0 && i.tcpi_retrans == 0);
    assert((i.tcpi_options & (TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN)) == 0);
    assert(i.tcpi_pacing_rate == 0 && i.tcpi_delivery_rate == 0); /* not known: 0 */
    len = 8;                                                      /* an older program's structure */
    memset(&i, 0xff, sizeof(i));
    assert(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &len) == 0);
    assert(len == 8 && i.tcpi_state == 1 && i.tcpi_rto == 0xffffffff);
    expect_error(setsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, sizeof(i)), ENOPROTOOPT);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    expect_error(getsockopt(udp, IPPROTO_TCP, TCP_INFO, &i, &len), ENOPROTOOPT);
    assert(close(fd) == 0 && close(udp) == 0);
}

static void test_info(void **state)
{
    (void)state;
    world_spawn(1, info_server, NULL);
    world_spawn(0, info_client, NULL);
    world_run();
}

/* The layout is Linux's: programs compiled against its header must find their fields. */
static void test_layout(void **state)
{
    (void)state;
    assert_int_equal(offsetof(struct tcp_info, tcpi_rto), 8);
    assert_int_equal(offsetof(struct tcp_info, tcpi_unacked), 24);
    assert_int_equal(offsetof(struct tcp_info, tcpi_last_data_sent), 44);
    assert_int_equal(offsetof(struct tcp_info, tcpi_pmtu), 60);
    assert_int_equal(offsetof(struct tcp_info, tcpi_snd_cwnd), 80);
    assert_int_equal(offsetof(struct tcp_info, tcpi_total_retrans), 100);
    assert_int_equal(offsetof(struct tcp_info, tcpi_pacing_rate), 104);
    assert_int_equal(offsetof(struct tcp_info, tcpi_bytes_acked), 120);
    assert_int_equal(offsetof(struct tcp_info, tcpi_notsent_bytes), 144);
    assert_int_equal(offsetof(struct tcp_info, tcpi_delivery_rate), 160);
    assert_int_equal(offsetof(struct tcp_info, tcpi_bytes_sent), 200);
    assert_int_equal(offsetof(struct tcp_info, tcpi_snd_wnd), 228);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_congestion, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_info, world_setup, world_teardown),
        cmocka_unit_test(test_layout),
    };
    return cmocka_run_group_tests_name("socket options", tests, NULL, NULL);
}
