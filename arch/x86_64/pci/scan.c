/*
 * See scan.h. Owns the order in which buses are looked at and the sizing of BARs.
 */
#include "arch/x86_64/pci/scan.h"

#include <string.h>

#include "kernel/platform.h"

enum {
    /* Local Bus 6.1 and 6.2 */
    CFG_CLASS = 0x08, /* revision in the lowest byte */
    CFG_HEADER_TYPE = 0x0c,
    CFG_SUBSYSTEM = 0x2c,
    CFG_CAPABILITIES = 0x34,

    STATUS_CAPABILITIES = 1 << 4, /* in the status half */

    HEADER_TYPE_MASK = 0x7f,
    HEADER_TYPE_DEVICE = 0,
    HEADER_TYPE_BRIDGE = 1,
    HEADER_MULTI_FUNCTION = 0x80,

    BAR_IO = 1 << 0,
    BAR_TYPE_MASK = 3 << 1,
    BAR_TYPE_64BIT = 2 << 1,
    BAR_IO_FLAGS = 3,
    BAR_MEMORY_FLAGS = 15,
    BAR_IO_SPACE_BYTES = 0x10000,

    CLASS_NETWORK = 0x02,
    CLASS_BRIDGE = 0x06,
    CLASS_HOST_BRIDGE = 0x0600,

    CAPABILITY_EXPRESS = 0x10,
    CAPABILITY_FIRST_OFFSET = 0x40,
    CAPABILITIES_MAX = 48,   /* as many as fit: a longer list is a ring */
    EXPRESS_TYPE_SHIFT = 20, /* 7.5.3.2: of the port, in the capability's first register */
    EXPRESS_TYPE_MASK = 15,
    EXPRESS_ROOT_PORT = 4,
    EXPRESS_DOWNSTREAM_PORT = 6,
};

struct scan {
    struct pci_tree *tree;
    const struct pci_access *access;
};

void pci_bus_add(struct pci_bus_set *s, uint32_t bus)
{
    assert(bus < PCI_BUS_COUNT);
    s->bits[bus / 32] |= UINT32_C(1) << (bus % 32);
}

bool pci_bus_in(const struct pci_bus_set *s, uint32_t bus)
{
    assert(bus < PCI_BUS_COUNT);
    return (s->bits[bus / 32] >> (bus % 32) & 1) != 0;
}

static uint32_t read_config(const struct pci_access *a, const struct pci_device *d, uint16_t offset)
{
    return a->read(a->ctx, d, offset);
}

/* Status bits are cleared by writing 1, so the upper half is written as 0. */
static void write_command(const struct pci_access *a, const struct pci_device *d, uint32_t command)
{
    a->write(a->ctx, d, PCI_CFG_COMMAND, command & 0xffff);
}

uint8_t pci_capability(const struct pci_access *a, const struct pci_device *d, uint8_t id)
{
    if ((read_config(a, d, PCI_CFG_COMMAND) >> 16 & STATUS_CAPABILITIES) == 0) {
        return 0;
    }
    uint8_t at = read_config(a, d, CFG_CAPABILITIES) & 0xfc;
    for (uint32_t i = 0; i < CAPABILITIES_MAX && at >= CAPABILITY_FIRST_OFFSET; i++) {
        uint32_t header = read_config(a, d, at);
        if ((uint8_t)header == id) {
            return at;
        }
        at = header >> 8 & 0xfc;
    }
    return 0;
}

/* Local Bus 6.2.5.1: what stays 0 when all ones are written is the size. The BAR gets back old. */
static uint32_t probe_bar(const struct pci_access *a, const struct pci_device *d, uint16_t offset,
                          uint32_t old)
{
    a->write(a->ctx, d, offset, UINT32_MAX);
    uint32_t mask = read_config(a, d, offset);
    a->write(a->ctx, d, offset, old);
    return mask;
}

static void size_io_bar(struct pci_bar *bar, uint32_t old, uint32_t mask)
{
    bar->is_io = true;
    bar->address = old & ~(uint32_t)BAR_IO_FLAGS;
    /* The upper half may be hard-wired to 0. */
    uint32_t bits = (mask & ~(uint32_t)BAR_IO_FLAGS) | ~(uint32_t)(BAR_IO_SPACE_BYTES - 1);
    bar->size_bytes = (mask & ~(uint32_t)BAR_IO_FLAGS) == 0 ? 0 : ~bits + 1;
}

/* One BAR at index i, decoding off. Returns how many registers it takes, 1 or 2. */
static size_t size_bar(const struct pci_access *a, struct pci_device *d, size_t i)
{
    struct pci_bar *bar = &d->bars[i];
    uint16_t offset = (uint16_t)(PCI_CFG_BAR0 + 4 * i);
    uint32_t old = read_config(a, d, offset);
    uint32_t mask = probe_bar(a, d, offset, old);
    if (mask == 0 || mask == UINT32_MAX) {
        return 1; /* not there */
    }
    if ((old & BAR_IO) != 0) {
        size_io_bar(bar, old, mask);
        return 1;
    }
    uint64_t address = old & ~(uint32_t)BAR_MEMORY_FLAGS;
    uint64_t size_mask = mask & ~(uint32_t)BAR_MEMORY_FLAGS;
    bar->is_64bit = (old & BAR_TYPE_MASK) == BAR_TYPE_64BIT && i + 1 < PCI_BAR_COUNT;
    if (bar->is_64bit) {
        uint32_t old_high = read_config(a, d, (uint16_t)(offset + 4));
        address |= (uint64_t)old_high << 32;
        size_mask |= (uint64_t)probe_bar(a, d, (uint16_t)(offset + 4), old_high) << 32;
    } else {
        size_mask |= ~(uint64_t)UINT32_MAX;
    }
    bar->address = address;
    bar->size_bytes = ~size_mask + 1;
    return bar->is_64bit ? 2 : 1;
}

/*
 * A network device that firmware booted from, or looked for a server with, may receive into memory
 * that is ours now. Its driver switches bus mastering on again; without one it stays silent.
 */
static uint32_t command_after(const struct pci_device *d, uint32_t command)
{
    bool network = d->class_code >> 16 == CLASS_NETWORK;
    return network ? command & ~(uint32_t)PCI_COMMAND_BUS_MASTER : command;
}

/*
 * With decoding off, so that the device does not answer at the addresses that sizing writes. With
 * interrupts off, because the device may be the console. Host bridges are left alone: with theirs
 * off, memory itself may be gone.
 */
static void size_bars(const struct pci_access *a, struct pci_device *d)
{
    if (d->class_code >> 16 == CLASS_BRIDGE) {
        return;
    }
    uint64_t saved = platform_irq_save();
    uint32_t command = read_config(a, d, PCI_CFG_COMMAND);
    write_command(a, d, command & ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    for (size_t i = 0; i < PCI_BAR_COUNT;) {
        i += size_bar(a, d, i);
    }
    write_command(a, d, command_after(d, command));
    platform_irq_restore(saved);
}

/*
 * A link leads to one device, number 0 (Express 7.3.1): some answer at every other number as well,
 * and would be found 32 times.
 */
static void enter_bridge(const struct scan *s, const struct pci_device *d)
{
    uint32_t secondary = read_config(s->access, d, PCI_CFG_BRIDGE_BUSES) >> 8 & 0xff;
    pci_bus_add(&s->tree->pending, secondary);
    uint8_t at = pci_capability(s->access, d, CAPABILITY_EXPRESS);
    if (at == 0) {
        return;
    }
    uint32_t type = read_config(s->access, d, at) >> EXPRESS_TYPE_SHIFT & EXPRESS_TYPE_MASK;
    if (type == EXPRESS_ROOT_PORT || type == EXPRESS_DOWNSTREAM_PORT) {
        pci_bus_add(&s->tree->single, secondary);
    }
}

static void fill_device(const struct scan *s, struct pci_device *d, uint32_t header)
{
    uint32_t id = read_config(s->access, d, PCI_CFG_ID);
    uint32_t class_code = read_config(s->access, d, CFG_CLASS);
    uint32_t interrupt = read_config(s->access, d, PCI_CFG_INTERRUPT);
    d->vendor = (uint16_t)id;
    d->device = (uint16_t)(id >> 16);
    d->class_code = class_code >> 8;
    d->revision = (uint8_t)class_code;
    d->irq_line = (uint8_t)interrupt;
    d->irq_pin = (uint8_t)(interrupt >> 8) <= 4 ? (uint8_t)(interrupt >> 8) : 0;
    if ((header & HEADER_TYPE_MASK) == HEADER_TYPE_DEVICE) {
        uint32_t subsystem = read_config(s->access, d, CFG_SUBSYSTEM);
        d->subsystem_vendor = (uint16_t)subsystem;
        d->subsystem = (uint16_t)(subsystem >> 16);
        size_bars(s->access, d);
    } else if ((header & HEADER_TYPE_MASK) == HEADER_TYPE_BRIDGE) {
        enter_bridge(s, d);
    }
    if (d->bus == 0 && d->class_code >> 8 == CLASS_HOST_BRIDGE) {
        s->tree->host_bridges++;
    }
}

/*
 * A server has hundreds of functions, and its network devices may come last: some places are for
 * them and for the bridges that lead to them.
 */
static bool keep(struct pci_tree *t, const struct pci_device *d)
{
    bool matters =
        d->class_code >> 16 == CLASS_NETWORK || d->class_code >> 8 == PCI_CLASS_PCI_BRIDGE;
    if (t->count >= (size_t)(matters ? PCI_DEVICES_MAX : PCI_DEVICES_MAX - PCI_DEVICES_KEPT)) {
        t->dropped++;
        return false;
    }
    t->devices[t->count++] = *d;
    return true;
}

/* Keeps the function when there is one. Returns its header type register, 0 when there is none. */
static uint32_t scan_function(const struct scan *s, uint8_t bus, uint8_t slot, uint8_t func)
{
    struct pci_device d = {.bus = bus, .slot = slot, .func = func};
    uint16_t vendor = (uint16_t)read_config(s->access, &d, PCI_CFG_ID);
    if (vendor == UINT16_MAX || vendor == 0) {
        return 0; /* no device answers: all ones; 0 is what some bridges make of that */
    }
    uint32_t header = (read_config(s->access, &d, CFG_HEADER_TYPE) >> 16) & 0xff;
    fill_device(s, &d, header);
    (void)keep(s->tree, &d);
    return header;
}

/* True when a function answers there. */
static bool scan_bus(const struct scan *s, uint32_t bus)
{
    size_t before = s->tree->count + s->tree->dropped;
    uint32_t slots = pci_bus_in(&s->tree->single, bus) ? 1 : PCI_SLOT_COUNT;
    pci_bus_add(&s->tree->seen, bus);
    for (uint32_t slot = 0; slot < slots; slot++) {
        uint32_t header = scan_function(s, (uint8_t)bus, (uint8_t)slot, 0);
        if ((header & HEADER_MULTI_FUNCTION) == 0) {
            continue;
        }
        for (uint8_t func = 1; func < PCI_FUNC_COUNT; func++) {
            (void)scan_function(s, (uint8_t)bus, (uint8_t)slot, func);
        }
    }
    return s->tree->count + s->tree->dropped != before;
}

/* The next bus that a bridge leads to and that was not looked at, or PCI_BUS_COUNT. */
static uint32_t next_bus(const struct pci_tree *t)
{
    for (uint32_t bus = 0; bus < PCI_BUS_COUNT; bus++) {
        if (pci_bus_in(&t->pending, bus) && !pci_bus_in(&t->seen, bus)) {
            return bus;
        }
    }
    return PCI_BUS_COUNT;
}

/* A bus and all that its bridges lead to. */
static void scan_root(const struct scan *s, uint32_t root)
{
    if (!scan_bus(s, root)) {
        return;
    }
    s->tree->roots++;
    for (uint32_t bus = next_bus(s->tree); bus < PCI_BUS_COUNT; bus = next_bus(s->tree)) {
        (void)scan_bus(s, bus);
    }
}

/*
 * Which buses the other host bridges have, only AML and registers of each chip set tell: they are
 * tried. Upwards, since a root's own buses have higher numbers than the root.
 */
void pci_scan_tree(struct pci_tree *t, const struct pci_access *a,
                   const struct pci_bus_set *may_try)
{
    const struct scan s = {t, a};
    memset(t, 0, sizeof(*t));
    scan_root(&s, 0);
    for (uint32_t bus = 1; bus < PCI_BUS_COUNT; bus++) {
        bool tried = t->host_bridges > 1 || pci_bus_in(may_try, bus);
        if (tried && !pci_bus_in(&t->seen, bus)) {
            scan_root(&s, bus);
        }
    }
    assert(t->count <= PCI_DEVICES_MAX);
}

bool pci_access_agrees(const struct pci_access *a, const struct pci_access *trusted, uint8_t bus,
                       bool must_answer)
{
    uint32_t answers = 0;
    uint32_t trusted_answers = 0;
    uint32_t differences = 0;
    for (uint8_t slot = 0; slot < PCI_SLOT_COUNT; slot++) {
        const struct pci_device d = {.bus = bus, .slot = slot};
        uint32_t id = read_config(a, &d, PCI_CFG_ID);
        uint32_t trusted_id = read_config(trusted, &d, PCI_CFG_ID);
        answers += id != UINT32_MAX && id != 0;
        trusted_answers += trusted_id != UINT32_MAX && trusted_id != 0;
        differences += id != trusted_id;
    }
    if (must_answer && answers == 0) {
        return false;
    }
    /* RAM or nothing at all gives the same in every slot: not a bus. */
    return differences == 0 || (trusted_answers == 0 && answers < PCI_SLOT_COUNT);
}
