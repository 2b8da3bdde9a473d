/*
 * The machine as a whole, for the composition root: what each of the rooms below serves is in that
 * room's headers. start.c composes them.
 */
#ifndef ARCH_X86_64_ARCH_H
#define ARCH_X86_64_ARCH_H

#include "boot/info/info.h"

/* What the boot loader told us. Valid from before acpi_init() on; never changes. Any context. */
const struct boot_info *arch_boot_info(void);

#endif
