/*
 * Walks the server's counters by number, in the order of their list.
 */
#include "apps/httpd/counters.h"

#include <assert.h>
#include <string.h>

bool counters_get(const struct counters *c, size_t n, struct stats_entry *out)
{
    static const struct {
        const char *name;
        const char *help;
        size_t offset;
    } list[] = {
#define HTTPD_COUNTER_ROW(name, help) {"httpd_" #name, help, offsetof(struct counters, name)},
        HTTPD_COUNTERS(HTTPD_COUNTER_ROW)
#undef HTTPD_COUNTER_ROW
    };
    if (n >= sizeof(list) / sizeof(list[0])) {
        return false;
    }
    size_t len = strlen(list[n].name);
    assert(len < sizeof(out->name));
    memcpy(out->name, list[n].name, len + 1);
    out->help = list[n].help;
    memcpy(&out->value, (const char *)c + list[n].offset, sizeof(out->value));
    return true;
}
