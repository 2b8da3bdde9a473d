/*
 * Which of the machine's network devices the program uses.
 */
#ifndef APPS_ROOT_NICS_H
#define APPS_ROOT_NICS_H

#include "apps/root/config.h"
#include "drivers/e1000/e1000.h"

/*
 * Opens the device that choice names, or that the boot went over. By default it is, in the order of
 * the bus, the first that has a link within NICS_LINK_WAIT_MS, else the first that can be opened; a
 * machine with a single one does not wait. Every Ethernet function is logged, and why it was passed
 * over. It offers what offload lets it. Panics, naming what is there and what is supported, when no
 * device can be used. The device is for ever valid; pool is borrowed for ever. Start-up only.
 */
struct e1000 *nics_open(const struct root_nic_choice *choice, enum nic_offload offload,
                        struct pkt_pool *pool);

enum {
    NICS_MAX = 8, /* devices that are tried; further ones are named and left alone */
    NICS_LINK_WAIT_MS = 3000,
};

#endif
