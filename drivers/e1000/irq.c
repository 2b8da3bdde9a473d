/*
 * Interrupts: the cause is taken, the device masked, and the rest left to the poll. What the cause
 * says about frames is not believed either way (parts and emulators are known that lose RXT0 when
 * RXO is set): any cause of ours means, look at the ring. How a device interrupts is one of the
 * ways in internal.h; here is what all have in common, and the two that know no vectors.
 */
#include "drivers/e1000/internal.h"
#include "drivers/e1000/regs_advanced.h"

enum {
    POLL_LINK_TICKS = 128, /* irq=poll: the link is looked at every so many, 13 to 260 ms */
};

/* --- by ICR: INTx and MSI, all generations ------------------------------------------------ */

static bool has_asserted(const struct e1000 *e)
{
    return e->id->gen >= E1000_GEN_82571;
}

static void nothing(const struct e1000 *e)
{
    (void)e;
}

static void icr_unmask(const struct e1000 *e)
{
    e1000_write(e, E1000_IMS, E1000_CAUSES);
}

/*
 * 13.4.17: reading ICR takes every cause back and lowers the line. Written back, too, where that
 * is allowed: in QEMU before 8.0 a read did not do it on the 82574. A cause that comes in between
 * is either not in the value, or what it stands for is looked at later than this.
 */
static uint32_t icr_take(struct e1000 *e, uint32_t vector)
{
    bool shared = e->irq.kind != IRQ_KIND_MSI;
    if (!shared) {
        e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
    }
    uint32_t causes = e1000_read(e, E1000_ICR);
    if (causes == E1000_GONE) {
        return 0;
    }
    /* On a line of several devices it may be another's; a message is this device's alone. */
    if (shared && (causes == 0 || (has_asserted(e) && (causes & E1000_CAUSE_ASSERTED) == 0))) {
        return 0;
    }
    if (shared) {
        e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
    }
    if (has_asserted(e)) {
        e1000_write(e, E1000_ICR, causes & ~E1000_CAUSE_ASSERTED);
    }
    return NIC_EVENT_RX | ((causes & E1000_CAUSE_LSC) != 0 ? NIC_EVENT_LINK : 0);
}

static void icr_raise(const struct e1000 *e, bool all)
{
    if (all) {
        e1000_write(e, E1000_IMS, E1000_CAUSE_LSC);
    }
    e1000_write(e, E1000_ICS, all ? E1000_CAUSE_LSC : E1000_CAUSE_RXDMT0);
}

static void icr_clear(const struct e1000 *e)
{
    uint32_t causes = e1000_read(e, E1000_ICR);
    if (has_asserted(e) && causes != E1000_GONE) {
        e1000_write(e, E1000_ICR, causes & ~E1000_CAUSE_ASSERTED);
    }
}

static const struct e1000_irq_way by_icr = {
    .setup = nothing,
    .unmask = icr_unmask,
    .take = icr_take,
    .raise = icr_raise,
    .clear = icr_clear,
};

/* --- by nothing: the handler is called by a timer ------------------------------------------ */

static void poll_raise(const struct e1000 *e, bool all)
{
    (void)e;
    (void)all;
}

/* Memory alone is looked at: a register costs more than all the rest, 10,000 times a second. */
static uint32_t poll_take(struct e1000 *e, uint32_t vector)
{
    uint32_t events = e1000_rx_pending(&e->nic) ? NIC_EVENT_RX : 0;
    e->irq.ticks++;
    return events | (e->irq.ticks % POLL_LINK_TICKS == 0 ? NIC_EVENT_LINK : 0);
}

static const struct e1000_irq_way by_timer = {
    .setup = nothing,
    .unmask = nothing,
    .take = poll_take,
    .raise = poll_raise,
    .clear = nothing,
};

/* --- common ------------------------------------------------------------------------------- */

void e1000_irq_mask(const struct e1000 *e)
{
    e1000_write(e, E1000_IMC, E1000_CAUSE_ALL);
    if (e1000_gen_is_advanced(e->id->gen)) {
        e1000_write(e, E1000_EIMC, E1000_CAUSE_ALL);
    }
}

/* What another way of this device may have set, or left by firmware. */
static void forget(const struct e1000 *e)
{
    e1000_irq_mask(e);
    if (e->id->gen == E1000_GEN_82575) {
        uint32_t ext = e1000_read(e, E1000_CTRL_EXT);
        e1000_write(e, E1000_CTRL_EXT, ext & ~(E1000_CTRL_EXT_PBA | E1000_CTRL_EXT_NSICR));
    } else if (e1000_gen_is_advanced(e->id->gen)) {
        e1000_write(e, E1000_GPIE, 0);
    } else if (e->irq.vectors) {
        e1000_write(e, E1000_CTRL_EXT, e1000_read(e, E1000_CTRL_EXT) & ~E1000_CTRL_EXT_PBA);
        e1000_write(e, E1000_EIAC_82574, 0);
        e1000_write(e, E1000_IVAR_82574, 0);
    }
}

/* The 82583 is an 82574 without MSI-X, and without its registers. */
static bool has_vectors(const struct e1000 *e)
{
    enum { CAPABILITY_MSIX = 0x11 }; /* PCI Local Bus 3.0, 6.8.2 */
    bool can = e->id->gen == E1000_GEN_82574 || e1000_gen_is_advanced(e->id->gen);
    return can && pci_find_capability(e->dev, CAPABILITY_MSIX) != 0;
}

uint32_t e1000_irq_vectors(const struct e1000 *e)
{
    return e->irq.vectors ? E1000_VECTOR_COUNT : 0;
}

void e1000_irq_choose(struct e1000 *e, enum irq_kind kind)
{
    e->irq.kind = kind;
    e->irq.vectors = has_vectors(e);
    if (kind == IRQ_KIND_MSIX && e->irq.vectors) {
        bool eicr = e1000_gen_is_advanced(e->id->gen);
        e->irq.way = eicr ? &e1000_irq_by_eicr : &e1000_irq_by_ivar;
    } else {
        e->irq.way = kind == IRQ_KIND_POLL ? &by_timer : &by_icr;
    }
}

/* The register that spaces this device's receive interrupts; 0: it has none. */
static uint32_t pace_register(const struct e1000 *e)
{
    if (e1000_gen_is_advanced(e->id->gen)) {
        return E1000_EITR + 4 * E1000_VECTOR_RX;
    }
    if (e->irq.way == &e1000_irq_by_ivar) {
        return E1000_EITR_82574 + 4 * E1000_VECTOR_RX;
    }
    return (e->id->quirks & E1000_QUIRK_NO_MODERATION) == 0 ? E1000_ITR : 0;
}

static void pace_write(const struct e1000 *e)
{
    uint32_t value = e1000_pace_interval(e->irq.pace.class);
    uint32_t reg = pace_register(e);
    if (reg == 0) {
        return;
    }
    if (e->id->gen == E1000_GEN_82575) {
        value |= value << 16; /* 14.3.45: the same in both halves */
    } else if (e1000_gen_is_advanced(e->id->gen)) {
        value |= E1000_EITR_KEEP;
    }
    e1000_write(e, reg, value);
}

/* After a reset, or a change of the way: everything programmed, everything masked. */
void e1000_irq_setup(struct e1000 *e)
{
    forget(e);
    e->irq.way->setup(e);
    e->irq.way->clear(e);
    e->irq.pace = (struct e1000_pace){.class = E1000_PACE_LOWEST};
    pace_write(e);
}

/* What an interrupt told of, and what came while that was fetched. The register is written when the
 * class changes, never read. */
void e1000_irq_pace(struct e1000 *e)
{
    const struct nic_stats *stats = &e->nic.stats;
    struct e1000_irq_state *irq = &e->irq;
    enum e1000_pace_class before = irq->pace.class;
    irq->pace = e1000_pace_next(irq->pace, stats->rx_packets - irq->paced_frames,
                                stats->rx_bytes - irq->paced_bytes);
    irq->told = false;
    if (irq->pace.class != before) {
        pace_write(e);
    }
}

/* nic_ops.irq, irq context. */
uint32_t e1000_irq(struct nic *nic, uint32_t vector)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state != E1000_RUNNING && e->state != E1000_READY) {
        return 0; /* masked: a shared line, or the poll timer, at a time of no access */
    }
    uint32_t events = e->irq.way->take(e, vector);
    if (events != 0) {
        e->irq.masked = true;
        e->irq.told = true;
        e->irq.paced_frames = nic->stats.rx_packets;
        e->irq.paced_bytes = nic->stats.rx_bytes;
        e->irq.unheard = false;
        nic->stats.interrupts++;
    }
    return events;
}

/*
 * nic_ops.irq_unmask. A cause that came while masked has stayed and interrupts now. The write also
 * pushes out an RDT write that KVM may hold back (see e1000_hw_start).
 */
void e1000_irq_unmask(struct nic *nic)
{
    struct e1000 *e = e1000_of(nic);
    if (e->state != E1000_RUNNING) {
        return;
    }
    if (!e->irq.masked && e->rx.next != e->irq.polled) {
        e->irq.unheard = true; /* or only late: the watchdog finds out */
    }
    e->irq.polled = e->rx.next;
    e->irq.masked = false; /* first: it may come with the write */
    e->irq.way->unmask(e);
}

/* A device that lost an interrupt may wait for it to be answered: nothing is left to wait for. */
void e1000_irq_repair(struct e1000 *e)
{
    e1000_irq_mask(e);
    e->irq.way->clear(e);
    e1000_irq_setup(e);
    e->irq.unheard = false;
    e->irq.masked = false;
    e->irq.way->unmask(e);
    e->irq.way->raise(e, false);
}

void e1000_irq_select(void *arg, enum irq_kind kind)
{
    struct e1000 *e = arg;
    assert(e->state == E1000_READY);
    e1000_irq_choose(e, kind);
    e1000_irq_setup(e);
}

void e1000_irq_trigger(void *arg)
{
    struct e1000 *e = arg;
    assert(e->state == E1000_READY);
    e->irq.way->raise(e, true);
}

void e1000_irq_quiet(void *arg)
{
    struct e1000 *e = arg;
    assert(e->state == E1000_READY);
    e1000_irq_mask(e);
    e->irq.way->clear(e);
}
