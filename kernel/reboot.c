/*
 * reboot(2): keeps what was asked for, and the caller from going on. Ending the machine in order is
 * the composition root's.
 */
#include "kernel/reboot.h"

#include <errno.h>

#include "kernel/include/sys/reboot.h"
#include "kernel/platform.h"
#include "kernel/task.h"

static struct {
    enum reboot_kind asked;
} ending;

enum reboot_kind reboot_asked(void)
{
    return ending.asked;
}

noreturn_fn void reboot_now(enum reboot_kind kind)
{
    assert(kind != REBOOT_NONE);
    if (kind == REBOOT_RESTART) {
        platform_reboot();
    }
    if (kind == REBOOT_POWER_OFF) {
        platform_power_off();
    }
    platform_halt(0);
}

static enum reboot_kind kind_of(int cmd)
{
    switch ((unsigned)cmd) {
    case RB_AUTOBOOT:
        return REBOOT_RESTART;
    case RB_POWER_OFF:
        return REBOOT_POWER_OFF;
    case RB_HALT_SYSTEM:
        return REBOOT_HALT;
    default:
        return REBOOT_NONE;
    }
}

/* Outside of a task, as in a library's constructor, there is no loop yet, nor a connection. */
int reboot(int cmd)
{
    enum reboot_kind kind = kind_of(cmd);
    if (kind == REBOOT_NONE) {
        errno = EINVAL;
        return -1;
    }
    if (task_current() == NULL) {
        reboot_now(kind);
    }
    ending.asked = kind;
    struct wait_queue never;
    wait_queue_init(&never);
    for (;;) {
        (void)wait_on(&never, DEADLINE_NONE);
    }
}
