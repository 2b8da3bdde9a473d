/*
 * The device's life: open, start, shutdown, close; recovery from a hang is in recover.c. The
 * register sequences are in reset.c and setup.c, the data path in rx.c and tx.c.
 */
#include "drivers/e1000/e1000.h"

#include "drivers/e1000/internal.h"
#include "kernel/dma.h"
#include "kernel/log.h"

enum {
    RING_BYTES = E1000_RING_COUNT * sizeof(struct e1000_desc),
};

/* nic_ops.rx. Once the ring is empty, what an interrupt told of says how far apart they should be.
 */
static size_t receive(struct nic *nic, struct pkt **batch, size_t max)
{
    struct e1000 *e = e1000_of(nic);
    size_t count = e1000_rx(nic, batch, max);
    if (e->irq.told && count < max) {
        e1000_irq_pace(e);
    }
    return count;
}

static const struct nic_ops ops = {
    .rx = receive,
    .tx = e1000_tx,
    .tx_flush = e1000_tx_flush,
    .tx_reclaim = e1000_tx_reclaim,
    .irq = e1000_irq,
    .irq_unmask = e1000_irq_unmask,
    .rx_pending = e1000_rx_pending,
    .link = e1000_link,
    .watchdog = e1000_watchdog,
    .stop = e1000_stop,
};

/* BAR 0: 128 KiB of memory space, or more, in all of them (4.1). What firmware left there is
 * checked. */
static enum status map_registers(struct e1000 *e)
{
    const struct pci_bar *bar = &e->dev->bars[0];
    if (bar->is_io || bar->address == 0 || bar->size_bytes < E1000_BAR_MIN_BYTES) {
        log_error("%s: BAR 0 is not usable", e->nic.name);
        return STATUS_UNSUPPORTED;
    }
    return mmio_map(&e->regs, bar->address, bar->size_bytes);
}

/*
 * Each ring is aligned to its own size: no ring crosses a page, which some parts do not survive.
 * The memory is for ever: a device that is opened again finds it in place.
 */
static enum status alloc_rings(struct e1000 *e)
{
    if (e->rx.ring == NULL) {
        e->rx.ring = dma_alloc(RING_BYTES, RING_BYTES, &e->rx.bus);
    }
    if (e->tx.ring == NULL) {
        e->tx.ring = dma_alloc(RING_BYTES, RING_BYTES, &e->tx.bus);
    }
    return e->rx.ring != NULL && e->tx.ring != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Rings stand and are full; the device becomes ours. */
static enum status bring_up(struct e1000 *e)
{
    /* Bus mastering stays off until nothing that firmware left behind can write to memory. */
    pci_enable(e->dev, false);
    if (e1000_gone(e)) {
        log_error("%s: does not answer on the bus", e->nic.name);
        return STATUS_TIMEOUT;
    }
    e1000_aspm_off(e);
    e1000_phy_wake(e);
    enum status st = e1000_hw_reset(e);
    if (st != STATUS_OK) {
        log_error("%s: the reset did not end", e->nic.name);
        return st;
    }
    st = e1000_hw_read_mac(e, e->nic.mac);
    if (st != STATUS_OK) {
        return st; /* nvm.c has said why */
    }
    e1000_hw_setup(e);
    pci_enable(e->dev, true);
    e1000_phy_power_up(e, E1000_WAIT);
    return STATUS_OK;
}

enum status e1000_open(struct e1000 *e, const struct pci_device *dev,
                       const struct e1000_config *config)
{
    assert(e->state == E1000_CLOSED);
    assert(config->pool != NULL);
    e->id = e1000_match(dev->vendor, dev->device);
    if (e->id == NULL) {
        return STATUS_NOT_FOUND;
    }
    e->family = e1000_family(e->id->gen);
    e->dev = dev;
    e->pool = config->pool;
    e->format = e1000_gen_is_advanced(e->id->gen) ? e1000_format_advanced : e1000_format_legacy;
    /* A ring that is to be flushed before a reset takes one descriptor more (reset.c). */
    e->tx.room = E1000_RING_COUNT - ((e->id->quirks & E1000_QUIRK_RING_FLUSH) != 0 ? 2 : 1);
    e1000_offload_choose(e, config->offload);
    e1000_irq_choose(e, IRQ_KIND_INTX); /* until e1000_irq_select says another */
    e->nic.ops = &ops;
    e->nic.name = e->id->name;

    enum status st = map_registers(e);
    if (st == STATUS_OK) {
        st = alloc_rings(e);
    }
    if (st == STATUS_OK) {
        st = e1000_rx_fill(e);
    }
    if (st != STATUS_OK) {
        return st;
    }
    st = bring_up(e);
    if (st != STATUS_OK) {
        e1000_rx_release(&e->rx);
        return st;
    }
    e->state = E1000_READY;
    e1000_link_refresh(e);
    return STATUS_OK;
}

void e1000_start(struct e1000 *e)
{
    assert(e->state == E1000_READY);
    e1000_run(e);
}

/*
 * nic_ops.stop. No delay and no reset, for it may be called from a panic: what ends DMA for certain
 * is that the function may no longer master the bus. A device that is just being reset is silent,
 * and its registers are not to be touched. Firmware gets the link back, and the next kernel finds
 * empty rings where it needs them, and the MAC address in its place. Takes 0.5 ms at most.
 */
void e1000_stop(struct nic *nic)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state == E1000_CLOSED || e->state == E1000_STOPPED) {
        return;
    }
    if (e->reset.step != E1000_RESET_WRITTEN) {
        e1000_hw_silence(e);
        e1000_hw_flush_rings(e);
        e1000_own_announce(e, false);
    }
    e->state = E1000_STOPPED; /* answered until it was masked, as in e1000_restart */
    e->reset.step = E1000_RESET_NONE;
    pci_enable(e->dev, false);
}

void e1000_shutdown(void *arg)
{
    struct e1000 *e = arg;
    e1000_stop(&e->nic);
}

void e1000_close(struct e1000 *e)
{
    if (e->state == E1000_CLOSED) {
        return;
    }
    e1000_stop(&e->nic);
    e1000_tx_release(&e->tx);
    e1000_rx_release(&e->rx);
    e->link = (struct nic_link){.up = false};
    e->watch = (struct e1000_watch){.gone = false};
    e->tail_lost = false;
    e->phy_due = false;
    e->state = E1000_CLOSED;
}
