/*
 * Which congestion control algorithm is meant by a name, and what a connection begins with.
 */
#include "net/tcp/cc/int.h"

#define ALGORITHM(name) &tcp_cc_##name,

static const struct tcp_cc_ops *const all[] = {TCP_CC_ALGORITHMS(ALGORITHM)};

static bool same_name(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && a[i] == b[i]) {
        i++;
    }
    return a[i] == b[i];
}

const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
    if (name == NULL) {
        return all[0];
    }
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (same_name(all[i]->name, name)) {
            return all[i];
        }
    }
    return NULL;
}

void tcp_cc_init(struct tcp_cb *t)
{
    t->cc.ops = tcp_cc_find(t->net->cfg.tcp_congestion);
}
