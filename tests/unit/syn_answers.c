/* The answers to a SYN: see syn_answers.h. */
#include "tests/unit/syn_answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel/bytes.h"

enum {
    TS_OPTION_BYTES = 12,
};

struct answer take(struct tcp_test *tt)
{
    struct frame fr;
    struct answer a;
    assert_true(fixture_pop(&tt->f, &fr));
    const uint8_t *h = fr.bytes + 20;
    a.flags = h[13];
    a.seq = load_be32(h + 4);
    a.ack = load_be32(h + 8);
    assert_true(tcp_options_parse(&a.o, h + 20, (size_t)(h[12] >> 4) * 4 - 20));
    return a;
}

size_t full_options(char *o, uint16_t mss, bool sack, uint8_t wscale, uint32_t ts_val)
{
    struct tcp_options opts = {.has_mss = true,
                               .mss = mss,
                               .has_sack_permitted = sack,
                               .has_wscale = wscale <= TCP_WSCALE_MAX,
                               .wscale = wscale,
                               .has_timestamps = true,
                               .ts_val = ts_val};
    return tcp_options_write((uint8_t *)o, &opts);
}

size_t ts_options(char *o, uint32_t ts_val, uint32_t ts_ecr)
{
    struct tcp_options opts = {.has_timestamps = true, .ts_val = ts_val, .ts_ecr = ts_ecr};
    size_t len = tcp_options_write((uint8_t *)o, &opts);
    assert_int_equal(len, TS_OPTION_BYTES);
    return len;
}

struct tcp_cb *accepted(struct tcp_test *tt)
{
    tt->t = tcp_accept(tt->listener, NULL, NULL);
    assert_non_null(tt->t);
    assert_int_equal(state_of(tt->t), TCP_ESTABLISHED);
    return tt->t;
}
