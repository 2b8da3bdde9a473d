/*
 * Each state is reachable by its constructor, and the ways between them (RFC 9293 3.3.2).
 */
// LINK: tests/unit/tcp_fixture.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tcp_fixture.h"

static void constructors_reach_their_states(void **state)
{
    void (*const make[])(struct tcp_test *) = {
        make_listen,       make_half_open,   make_syn_sent,
        make_syn_received, make_established, make_established_active,
        make_fin_wait_1,   make_fin_wait_2,  make_close_wait,
        make_closing,      make_last_ack,    make_time_wait,
    };
    for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
        struct tcp_test tt;
        make[i](&tt);
        expect_nothing(&tt);
        tcp_test_end(&tt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors_reach_their_states),
    };
    return tcp_run_all(tests);
}
