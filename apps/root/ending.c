/*
 * See ending.h.
 */
#include "apps/root/ending.h"

#include "kernel/log.h"
#include "kernel/loop.h"

enum {
    END_WAIT_MS = 2000, /* for the peers to acknowledge the ends of their connections */
    END_LOOK_MS = 10,   /* how often it is seen whether they have */
};

static const char *const names[] = {
    [REBOOT_RESTART] = "reboot",
    [REBOOT_POWER_OFF] = "off",
    [REBOOT_HALT] = "halt",
};

void ending_begin(struct ending *e, enum reboot_kind kind, const char *why, uint64_t now_ns)
{
    assert(kind != REBOOT_NONE);
    bool again = e->kind != REBOOT_NONE;
    e->kind = kind; /* who presses the button during a reboot wants it off */
    if (again) {
        e->end_ns = now_ns;
        return;
    }
    e->look_ns = now_ns;
    e->end_ns = now_ns + END_WAIT_MS * (uint64_t)NS_PER_MS;
    /* The server could only spoil it: what it closes with data unread would be reset. */
    loop_hold_tasks();
    net_finish(e->net, now_ns);
    log_info("power: %s, %u connections to end", why, net_unfinished(e->net));
}

static void check_end(struct ending *e, uint64_t now_ns)
{
    if (now_ns < e->look_ns && now_ns < e->end_ns) {
        return;
    }
    uint32_t left = net_unfinished(e->net);
    if (left == 0 || now_ns >= e->end_ns) {
        log_info("power: %s, %u connections not acknowledged to their end", names[e->kind], left);
        reboot_now(e->kind);
    }
    e->look_ns = now_ns + END_LOOK_MS * (uint64_t)NS_PER_MS;
}

uint64_t ending_poll(struct ending *e, uint64_t now_ns)
{
    enum reboot_kind asked = reboot_asked();
    if (asked != REBOOT_NONE && e->kind == REBOOT_NONE) {
        ending_begin(e, asked, "the server ends the machine", now_ns);
    }
    if (e->kind == REBOOT_NONE) {
        return DEADLINE_NONE;
    }
    check_end(e, now_ns);
    return min_u64(e->look_ns, e->end_ns);
}
