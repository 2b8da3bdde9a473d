/*
 * The peer of the HTTP tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/http_peer.h"

size_t peer_stats_asked;

static bool fake_stats(struct stats_iter *it, struct stats_entry *out)
{
    peer_stats_asked++;
    if (it->idx >= PROGRAM_COUNTERS) {
        return false;
    }
    size_t n = it->idx++;
    snprintf(out->name, sizeof(out->name), "net_counter_%zu", n);
    out->help = "What a counter with a help text of some length would tell its reader";
    out->value = n;
    return true;
}

static bool fake_room(struct conn_env *env, size_t buffers)
{
    struct peer *p = (struct peer *)(void *)((char *)env - offsetof(struct peer, env));
    p->rooms_asked++;
    return p->buffers_free >= buffers;
}

struct peer *peer_new(void)
{
    struct peer *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->env.stats = fake_stats;
    p->env.make_room = fake_room;
    p->buffers_free = 10;
    conn_init(&p->conn, &p->env);
    return p;
}

void peer_take(struct peer *p, const struct outbuf *o)
{
    assert_true(o->len <= o->cap && p->all_len + o->len < ALL_BYTES);
    memcpy(p->all + p->all_len, o->data, o->len);
    p->all_len += o->len;
    p->all[p->all_len] = '\0';
}

void peer_run(struct peer *p)
{
    do {
        struct outbuf o = {p->out, 0, sizeof(p->out)};
        size_t used = conn_input(&p->conn, p->in, p->in_len, &o);
        assert_true(used <= p->in_len);
        assert_true(!p->conn.stalled || used > 0 || o.len > 0);
        memmove(p->in, p->in + used, p->in_len - used);
        p->in_len -= used;
        peer_take(p, &o);
    } while (p->conn.end == CONN_OPEN && p->conn.stalled);
}

void peer_send_bytes(struct peer *p, const char *at, size_t len)
{
    while (len > 0 && p->conn.end == CONN_OPEN) {
        size_t room = conn_read_max(&p->conn, sizeof(p->in)) - p->in_len;
        size_t n = len < room ? len : room;
        assert_true(n > 0);
        memcpy(p->in + p->in_len, at, n);
        p->in_len += n;
        peer_run(p);
        at += n;
        len -= n;
    }
}

void peer_send(struct peer *p, const char *text)
{
    peer_send_bytes(p, text, strlen(text));
}

const char *first_body(const struct peer *p, size_t *len)
{
    const char *end = strstr(p->all, "\r\n\r\n");
    assert_non_null(end);
    *len = p->all_len - (size_t)(end + 4 - p->all);
    return end + 4;
}

int first_status(const struct peer *p)
{
    return strncmp(p->all, "HTTP/1.1 ", 9) == 0 ? atoi(p->all + 9) : 0;
}

size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word)) {
        n++;
    }
    return n;
}

void check_request(const char *text, int status, enum conn_end end)
{
    struct peer *p = peer_new();
    peer_send(p, text);
    if (first_status(p) != status || p->conn.end != end) {
        fail_msg("status %d end %d, wanted %d %d\n%s\n-> %s", first_status(p), p->conn.end, status,
                 end, text, p->all);
    }
    free(p);
}
