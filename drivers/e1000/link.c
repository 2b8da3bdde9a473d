/*
 * The link: read from STATUS, told in the log when it changes, and its state kept.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"

/* 13.4 STATUS. */
static struct nic_link link_decode(uint32_t status)
{
    static const uint16_t speeds[] = {10, 100, 1000, 1000};
    struct nic_link link = {.up = status != E1000_GONE && (status & E1000_STATUS_LU) != 0};
    if (link.up) {
        link.full_duplex = (status & E1000_STATUS_FD) != 0;
        link.speed_mbps = speeds[status >> E1000_STATUS_SPEED_SHIFT & 3];
    }
    return link;
}

void e1000_link_refresh(struct e1000 *e)
{
    struct nic_link link = {.up = false};
    if (e->state == E1000_RESETTING) {
        return; /* a reset leaves the PHY and its link alone */
    }
    if (e->state == E1000_READY || e->state == E1000_RUNNING) {
        link = link_decode(e1000_read(e, E1000_STATUS));
    }
    if (link.up != e->link.up) {
        e->nic.stats.link_changes++;
        if (link.up) {
            log_info("e1000: link up, %u Mb/s %s duplex", link.speed_mbps,
                     link.full_duplex ? "full" : "half");
        } else {
            log_info("e1000: link down");
        }
    }
    bool adapt = link.up &&
                 (link.speed_mbps != e->link.speed_mbps || link.full_duplex != e->link.full_duplex);
    e->link = link;
    e1000_offload_adapt(e);
    if (adapt) {
        e1000_link_adapt(e);
    }
}

/* nic_ops.link */
void e1000_link(struct nic *nic, struct nic_link *out)
{
    struct e1000 *e = e1000_of(nic);
    e1000_link_refresh(e);
    *out = e->link;
}
