/*
 * The list of congestion control algorithms. A new one is a file beside newreno.c that defines its
 * struct tcp_cc_ops, and a line here.
 */
#ifndef NET_TCP_CC_ALGORITHMS_H
#define NET_TCP_CC_ALGORITHMS_H

/* X(name): tcp_cc_<name>. The default comes first. */
#define TCP_CC_ALGORITHMS(X) \
    X(cubic)                 \
    X(newreno)

#endif
