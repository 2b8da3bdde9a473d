/*
 * What a simulated host's frames go through when it is a machine rather than a stack alone: the
 * unchanged netdev and e1000 driver on a strict chip model (tests/unit/chip.h), with what befalls
 * such devices drawn from the world's seed: engines that hang, interrupts that come late or not at
 * all, write-backs that are late, links that flap, a host too busy to fetch its frames, firmware
 * that holds the PHY, a device that is off the bus for a while or forgets its set-up.
 *
 * A breach is what the model holds against the driver, and a driver that is not back at work at the
 * end. The loop and the softirqs around netdev are this file's: a world has several of each.
 */
#ifndef TESTS_SIM_STATION_H
#define TESTS_SIM_STATION_H

#include "tests/sim/host.h"

struct station_totals { /* added up over worlds */
    uint64_t faults;
    uint64_t lost; /* frames that a device did not take, or its queue */
    uint64_t interrupts, irqs_lost;
    uint64_t tx_hangs, rx_stalls;
    uint64_t resets; /* of the chip, by the driver, after the first */
    uint64_t overruns;
};

extern const struct host_device station_device;

/* Before a world: each host's device is drawn from the seed; faults: or behaves. */
void station_power_on(uint64_t seed, bool faults);
/* Behind it. */
void station_power_off(struct station_totals *totals);

#endif
