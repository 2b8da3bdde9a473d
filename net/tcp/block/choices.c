/*
 * What the owner of a connection has chosen before it said anything: the defaults, or what the
 * listener's owner chose (options.h).
 */
#include "net/tcp/block/block.h"

void tcp_choices_init(struct tcp_cb *t)
{
    t->opt.linger_s = -1;
    t->keepalive.idle_s = TCP_KEEPIDLE_S;
    t->keepalive.interval_s = TCP_KEEPINTVL_S;
    t->keepalive.count = TCP_KEEPCNT;
}

/* But for what only a listener has. */
void tcp_choices_inherit(struct tcp_cb *t, const struct tcp_cb *l)
{
    t->keepalive = l->keepalive;
    t->opt = l->opt;
    t->opt.defer_accept_s = 0;
}
