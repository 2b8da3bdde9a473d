/*
 * The part of the composition that metal and hosted share: memory is divided, a stack is made and
 * joined to a NIC, the server is started as the first task.
 */
#ifndef APPS_ROOT_STACK_H
#define APPS_ROOT_STACK_H

#include "apps/root/config.h"
#include "drivers/netdev.h"
#include "net/net.h"
#include "net/posix/env.h"

struct root {
    struct root_config config;
    struct cmdline line;
    struct pkt_pool rx_pool;
    struct pkt_pool tx_pool;
    struct netdev dev;
    struct net *net;
    struct loop_source net_source;
    struct posix_env env;
    struct net_event address; /* the newest NET_EVENT_ADDRESS; address 0: none yet */
};

/*
 * Divides the arena that is left: packet pools first (the NIC driver needs rx_pool), then, in
 * root_start, the tables of the stack. bus: how a device reaches the packets, NULL where none does.
 * STATUS_NO_MEMORY names what did not fit in the log.
 */
enum status root_make_pools(struct root *r, pkt_bus_fn *bus) must_check;

/* Makes the stack over nic, starts the server's task. Then the caller attaches the interrupt. */
enum status root_start(struct root *r, struct nic *nic) must_check;

/* Registers every counter of the program with kernel/stats.h. */
void root_register_stats(struct root *r);

/* The server linked in: its main, renamed by the build. */
int app_main(int argc, char **argv);

#endif
