/*
 * What `selftest=` on the command line runs before serving.
 */
#ifndef APPS_ROOT_SELFTEST_H
#define APPS_ROOT_SELFTEST_H

#include "apps/root/config.h"

/* SELFTEST_ALL logs a line for each property and the total; NIC and WRAP are done elsewhere, the
 * others do not return. */
void selftest_run(enum root_selftest what);

#endif
