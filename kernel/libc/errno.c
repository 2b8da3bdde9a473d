/*
 * errno on the metal: each task has its own.
 */
#include "kernel/libc/errno.h"

#include "kernel/task.h"

int *rs_errno(void)
{
    return task_errno();
}
