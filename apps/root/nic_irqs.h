/*
 * Each way to interrupt of a network device, tried and timed.
 */
#ifndef APPS_ROOT_NIC_IRQS_H
#define APPS_ROOT_NIC_IRQS_H

#include "apps/root/report.h"
#include "drivers/e1000/e1000.h"

/*
 * A line for each way there is: whether it works, and how long an interrupt takes from the register
 * that raises it to the handler. Between e1000_open and e1000_start; no way is left on. Start-up
 * only, interrupts on; about 0.1 s, and 0.2 s for each way that does not work.
 */
void nic_irqs_test(struct e1000 *nic, struct report *report);

#endif
