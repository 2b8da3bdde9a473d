/*
 * See config.h. Owns ports CF8h and CFCh, and the windows into configuration space.
 */
#include "arch/x86_64/pci/config.h"

#include "arch/x86_64/cpu/cpu.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "kernel/platform.h"

enum {
    CONFIG_ADDRESS_PORT = 0xcf8,
    CONFIG_DATA_PORT = 0xcfc,
    PORTS_CONFIG_BYTES = 256, /* as far as mechanism 1 reaches */
    ECAM_CONFIG_BYTES = 4096,
};

struct window {
    struct mmio mmio; /* from bus_first on */
    uint8_t bus_first;
    uint8_t bus_last;
};

static struct {
    struct window windows[ACPI_ECAM_MAX];
    uint32_t count;
} config;

/* PCI Local Bus 3.0, 3.2.2.3.2: bit 31 makes the data port's access a configuration cycle. */
static void select_register(const struct pci_device *d, uint16_t offset)
{
    assert(offset % 4 == 0 && d->slot < PCI_SLOT_COUNT && d->func < PCI_FUNC_COUNT);
    out32(CONFIG_ADDRESS_PORT, UINT32_C(1) << 31 | (uint32_t)d->bus << 16 |
                                   (uint32_t)d->slot << 11 | (uint32_t)d->func << 8 | offset);
}

/* The two port accesses belong together. */
static uint32_t ports_read(void *ctx, const struct pci_device *d, uint16_t offset)
{
    (void)ctx;
    if (offset >= PORTS_CONFIG_BYTES) {
        return UINT32_MAX;
    }
    uint64_t saved = platform_irq_save();
    select_register(d, offset);
    uint32_t value = in32(CONFIG_DATA_PORT);
    platform_irq_restore(saved);
    return value;
}

static void ports_write(void *ctx, const struct pci_device *d, uint16_t offset, uint32_t value)
{
    (void)ctx;
    if (offset >= PORTS_CONFIG_BYTES) {
        return;
    }
    uint64_t saved = platform_irq_save();
    select_register(d, offset);
    out32(CONFIG_DATA_PORT, value);
    platform_irq_restore(saved);
}

static const struct pci_access by_ports = {.read = ports_read, .write = ports_write};

void pci_config_write8(uint8_t slot, uint8_t func, uint8_t offset, uint8_t value)
{
    const struct pci_device d = {.slot = slot, .func = func};
    uint64_t saved = platform_irq_save();
    select_register(&d, offset & 0xfc);
    out8((uint16_t)(CONFIG_DATA_PORT + offset % 4), value);
    platform_irq_restore(saved);
}

/* PCI Express, 7.2.2: bus in bits 27:20, device in 19:15, function in 14:12 of the offset. */
static volatile uint32_t *register_at(const struct window *w, const struct pci_device *d,
                                      uint16_t offset)
{
    assert(offset % 4 == 0 && offset < ECAM_CONFIG_BYTES);
    assert(d->slot < PCI_SLOT_COUNT && d->func < PCI_FUNC_COUNT);
    size_t at = (size_t)(d->bus - w->bus_first) * ACPI_ECAM_BUS_BYTES + (size_t)d->slot * 0x8000 +
                (size_t)d->func * 0x1000 + offset;
    assert(at < w->mmio.size_bytes);
    return (volatile uint32_t *)(void *)(uintptr_t)(w->mmio.base + at);
}

/* The window with the function's bus, or NULL. */
static const struct window *window_of(const struct pci_device *d)
{
    for (uint32_t i = 0; i < config.count; i++) {
        if (d->bus >= config.windows[i].bus_first && d->bus <= config.windows[i].bus_last) {
            return &config.windows[i];
        }
    }
    return NULL;
}

/*
 * Through EAX and nothing else: processors of AMD's family 10h forward no other accesses to these
 * addresses (BIOS and Kernel Developer's Guide 31116, 2.11).
 */
static uint32_t memory_read(void *ctx, const struct pci_device *d, uint16_t offset)
{
    const struct window *w = ctx != NULL ? ctx : window_of(d);
    if (w == NULL) {
        return ports_read(NULL, d, offset);
    }
    uint32_t value;
    __asm__ volatile("movl %1, %0" : "=a"(value) : "m"(*register_at(w, d, offset)) : "memory");
    return value;
}

static void memory_write(void *ctx, const struct pci_device *d, uint16_t offset, uint32_t value)
{
    const struct window *w = ctx != NULL ? ctx : window_of(d);
    if (w == NULL) {
        ports_write(NULL, d, offset, value);
        return;
    }
    __asm__ volatile("movl %1, %0" : "=m"(*register_at(w, d, offset)) : "a"(value) : "memory");
}

static const struct pci_access in_memory_access = {.read = memory_read, .write = memory_write};

/* Maps e, which holds no RAM then, and looks whether its first bus is there as the ports have it.
 */
static bool open_window(const struct acpi_ecam *e, struct window *w)
{
    uint64_t at = e->address + (uint64_t)e->bus_first * ACPI_ECAM_BUS_BYTES;
    size_t bytes = (size_t)(e->bus_last - e->bus_first + 1) * ACPI_ECAM_BUS_BYTES;
    w->bus_first = e->bus_first;
    w->bus_last = e->bus_last;
    if (mmio_map(&w->mmio, at, bytes) != STATUS_OK) {
        return false;
    }
    const struct pci_access alone = {w, memory_read, memory_write};
    return pci_access_agrees(&alone, &by_ports, e->bus_first, e->bus_first == 0);
}

static void use_window(const struct acpi_ecam *e, struct pci_bus_set *in_memory)
{
    struct window w;
    bool ok = open_window(e, &w);
    if (ok) {
        config.windows[config.count++] = w;
        for (uint32_t bus = e->bus_first; bus <= e->bus_last; bus++) {
            pci_bus_add(in_memory, bus);
        }
    }
    log_write(ok ? LOG_INFO : LOG_WARN, "pci: configuration space of buses %u to %u at 0x%llx%s",
              (unsigned)e->bus_first, (unsigned)e->bus_last, (unsigned long long)e->address,
              ok ? "" : ", says MCFG; it is not there: by ports");
}

const struct pci_access *pci_config_init(const struct acpi_info *info,
                                         struct pci_bus_set *in_memory)
{
    config.count = 0;
    for (uint32_t i = 0; i < info->ecam_count; i++) {
        use_window(&info->ecams[i], in_memory);
    }
    if (info->ecam_other_segments != 0) {
        log_warn("pci: %u segments other than 0 are not looked at",
                 (unsigned)info->ecam_other_segments);
    }
    return config.count != 0 ? &in_memory_access : &by_ports;
}
