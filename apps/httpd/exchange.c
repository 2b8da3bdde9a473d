/*
 * How a response begins, whatever it is.
 */
#include "apps/httpd/exchange.h"

void exchange_set_date(struct conn_env *env, const char *date)
{
    env->date = date;
    for (size_t i = 0; i < EXCHANGE_KEPT_COUNT; i++) {
        env->kept[i].len = 0;
    }
}

struct response exchange_response(const struct exchange *x, unsigned status)
{
    assert(x->out != NULL && status >= 200);
    struct counters *n = &x->env->counters;
    n->responses_2xx += status < 300;
    n->responses_4xx += status >= 400 && status < 500;
    n->responses_5xx += status >= 500;
    return (struct response){
        .status = (uint16_t)status,
        .framing = RESPONSE_SIZED,
        .allow = x->allow,
        .http10 = x->http10,
        .keep_alive = x->keep_alive,
        .date = x->env->date,
    };
}
