/*
 * selftest=nic: every network device is tested before the stack starts, and a report is printed of
 * each: docs/hardware.md has one.
 */
#ifndef APPS_ROOT_NIC_TEST_H
#define APPS_ROOT_NIC_TEST_H

#include "apps/root/stack.h"
#include "drivers/e1000/e1000.h"

/*
 * Between nics_open and root_start. Tests the devices that are not used and prints their reports,
 * then the one that is used, which is as e1000_open left it afterwards; its report waits for
 * nic_test_await. Panics when it cannot be opened again. r is borrowed for ever. About four seconds
 * a device, eight when it has no link; half a minute at worst.
 */
void nic_test_run(struct root *r, struct e1000 *nic);

/*
 * When all is attached and started: the report of the device in use is printed when it got an
 * address by DHCP, or could not get one in NIC_TEST_DHCP_MS. client is borrowed for ever.
 */
void nic_test_await(const struct irq_client *client);

enum {
    NIC_TEST_LINK_MS = 5000, /* for a link to come */
    NIC_TEST_DHCP_MS = 30000,
};

#endif
