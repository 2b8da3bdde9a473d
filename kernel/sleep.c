/*
 * Sleeping on our tasks for applications (POSIX nanosleep, sleep, usleep).
 */
#include "kernel/sleep.h"

#include <errno.h>

#include "kernel/base.h"
#include "kernel/platform.h"
#include "kernel/task.h"

/* Saturates: what would end behind the end of the clock never ends. */
static void sleep_for(uint64_t seconds, uint64_t ns)
{
    uint64_t now_ns = platform_now_ns();
    uint64_t deadline_ns = DEADLINE_NONE;
    if (seconds < (DEADLINE_NONE - now_ns - ns) / NS_PER_S) {
        deadline_ns = now_ns + seconds * NS_PER_S + ns;
    }
    task_sleep_until(deadline_ns);
}

int rs_nanosleep(const struct timespec *request, struct timespec *left)
{
    (void)left;
    assert(task_current() != NULL);
    if (request->tv_sec < 0 || request->tv_nsec < 0 || (uint64_t)request->tv_nsec >= NS_PER_S) {
        errno = EINVAL;
        return -1;
    }
    sleep_for((uint64_t)request->tv_sec, (uint64_t)request->tv_nsec);
    return 0;
}

unsigned int rs_sleep(unsigned int seconds)
{
    sleep_for(seconds, 0);
    return 0;
}

int rs_usleep(unsigned int microseconds)
{
    sleep_for(0, (uint64_t)microseconds * NS_PER_US);
    return 0;
}
