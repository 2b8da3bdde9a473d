/*
 * The end that the server asks for with reboot(2) (kernel/include/sys/reboot.h). The composition
 * root looks for it, ends the connections, and calls the platform.
 */
#ifndef KERNEL_REBOOT_H
#define KERNEL_REBOOT_H

#include "kernel/base.h"

enum reboot_kind {
    REBOOT_NONE, /* the machine goes on */
    REBOOT_RESTART,
    REBOOT_POWER_OFF,
    REBOOT_HALT,
};

/* What was asked for, for ever from then on. Loop context. */
enum reboot_kind reboot_asked(void);

/* The end itself: no connection is waited for. Any context. */
noreturn_fn void reboot_now(enum reboot_kind kind);

#endif
