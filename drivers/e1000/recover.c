/*
 * Through a reset and back to work, step by step as the watchdog comes by: for a device that hangs,
 * or has forgotten what it was told.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"

/* First the state: an interrupt may come with the last write. */
void e1000_run(struct e1000 *e)
{
    e->state = E1000_RUNNING;
    if (e1000_hw_start(e) != STATUS_OK) {
        log_error("e1000: a queue does not start; trying again");
        e->state = E1000_FAILED;
    }
}

/*
 * The order matters: as long as its interrupts are not masked the device is answered, and when they
 * are, the handler leaves its registers alone until it has come back.
 */
void e1000_restart(struct e1000 *e)
{
    assert(e->state == E1000_RUNNING || e->state == E1000_FAILED);
    e1000_reset_begin(e);
    e->state = E1000_RESETTING;
}

/* The rings begin anew: what is remembered of their places is void. */
static void watch_rewind(struct e1000 *e)
{
    struct e1000_watch *w = &e->watch;
    w->oldest.noted = false;
    w->irq_late = false;
    w->rx_next = e->rx.next;
    w->tx_clean = e->tx.clean;
    w->hw_frames = e1000_hw_frames(e);
    w->deaf_looks = 0;
    e->irq.polled = e->rx.next;
    e->irq.unheard = false;
    e->irq.masked = false;
}

/*
 * Everything is as e1000_start left it, but for the frames that were under way. When the reset
 * fails the device stays silent and E1000_FAILED; the watchdog comes back to it.
 */
void e1000_recover(struct e1000 *e)
{
    assert(e->state == E1000_RESETTING);
    enum status st = e1000_reset_go_on(e);
    if (st != STATUS_OK) {
        /* It might still read our memory: packets stay where they are, nothing is sent. */
        log_error("e1000: the reset did not end; trying again");
        e->state = E1000_FAILED;
        e1000_link_refresh(e);
        return;
    }
    if (e->reset.step != E1000_RESET_NONE) {
        return;
    }
    e1000_tx_release(&e->tx);
    e1000_rx_rewind(&e->rx);
    e->tail_lost = false;
    e->phy_due = true;
    e1000_hw_setup(e);
    watch_rewind(e);
    e1000_run(e);
    e1000_link_refresh(e);
}
