/*
 * errno on the metal: each task has its own. The library stands below the tasks, whose log formats
 * with it: it is told where they keep it.
 */
#include "kernel/libc/errno.h"

#include <stddef.h>

static struct {
    int *(*place)(void); /* [I] NULL at start-up */
    int early;
} error;

int *rs_errno(void)
{
    return error.place != NULL ? error.place() : &error.early;
}

void rs_errno_set_place(int *(*place)(void))
{
    error.place = place;
}
