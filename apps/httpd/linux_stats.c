/*
 * Plain Linux only: the numbers of the process, where the kernel's own counters would be.
 */
#include "kernel/include/ringside/stats.h"

#include <string.h>
#include <sys/resource.h>

enum {
    US_PER_S = 1000 * 1000,
};

static uint64_t timeval_us(struct timeval t)
{
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_usec;
}

bool stats_next(struct stats_iter *it, struct stats_entry *out)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0) {
        return false;
    }
    const struct {
        const char *name;
        const char *help;
        uint64_t value;
    } list[] = {
        {"process_user_us", "Microseconds of CPU in the program", timeval_us(u.ru_utime)},
        {"process_system_us", "Microseconds of CPU in the kernel for it", timeval_us(u.ru_stime)},
        {"process_memory_high_kib", "Most KiB ever resident", (uint64_t)u.ru_maxrss},
        {"process_faults_minor", "Page faults without input", (uint64_t)u.ru_minflt},
        {"process_waits", "Times it went to sleep", (uint64_t)u.ru_nvcsw},
        {"process_preemptions", "Times it lost the CPU", (uint64_t)u.ru_nivcsw},
    };
    if (it->idx >= sizeof(list) / sizeof(list[0])) {
        return false;
    }
    size_t n = it->idx++;
    memcpy(out->name, list[n].name, strlen(list[n].name) + 1);
    out->help = list[n].help;
    out->value = list[n].value;
    return true;
}
