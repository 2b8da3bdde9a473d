/*
 * MSI and MSI-X: the device interrupts by writing a vector to the local APIC's address. No line, no
 * pin, no device to share it with, and it arrives behind the device's DMA. PCI Local Bus 3.0, 6.8;
 * Intel SDM volume 3, section 11.11 (address and data).
 *
 * A message that no handler claims is counted and forgotten: it ends by itself, as a level does
 * not.
 */
#include <stdio.h>

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/irq/way.h"
#include "kernel/mmio.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    /* 6.8.1: the upper half of a capability's first word is its control register */
    MSI_CAPABILITY = 0x05,
    MSI_ENABLE = 1 << 16,
    MSI_MULTIPLE_ENABLE = 7 << 20, /* how many messages, as a power of two: 0 is one */
    MSI_64BIT = 1 << 23,
    MSI_MASKS = 1 << 24, /* a mask bit for each message */
    MSI_ADDRESS = 0x04,
    MSI_DATA_32 = 0x08, /* behind an address of 32 bits, its masks behind it */
    MSI_DATA_64 = 0x0c,
    MSI_MASK_AFTER_DATA = 0x04,
    MSI_DATA_MASK = 0xffff,

    /* 6.8.2 */
    MSIX_CAPABILITY = 0x11,
    MSIX_ENABLE = (int)(UINT32_C(1) << 31),
    MSIX_FUNCTION_MASK = 1 << 30,
    MSIX_LAST_SHIFT = 16, /* the number of the last entry */
    MSIX_LAST_MASK = 0x7ff,
    MSIX_TABLE = 0x04, /* which BAR in bits 2:0, and the offset in it */
    MSIX_TABLE_BAR_MASK = 7,
    MSIX_ENTRY_BYTES = 16,
    MSIX_ENTRY_ADDRESS = 0,
    MSIX_ENTRY_ADDRESS_HIGH = 4,
    MSIX_ENTRY_DATA = 8,
    MSIX_ENTRY_CONTROL = 12,
    MSIX_ENTRY_MASKED = 1 << 0,

    /* SDM 11.11.1; without redirection hint, destination by number */
    MESSAGE_ADDRESS_DESTINATION_SHIFT = 12,

    MESSAGES_MAX = VECTOR_MSI_LAST - VECTOR_MSI_FIRST + 1,
};
#define MESSAGE_ADDRESS UINT32_C(0xfee00000)

struct message {
    struct irq_client *client; /* NULL: free */
    uint32_t index;            /* the MSI-X entry that sends it */
    bool arrived;              /* set in irq context */
};

static struct {
    struct message messages[MESSAGES_MAX]; /* message n interrupts at VECTOR_MSI_FIRST + n */
    struct irq_client *clients;
    struct message *tried; /* the first of those that are being tried, or NULL */
    uint32_t tried_count;
    uint64_t unclaimed;
} msi;

struct irq_client *irq_message_clients(void)
{
    return msi.clients;
}

uint64_t irq_messages_unclaimed(void)
{
    return msi.unclaimed;
}

/* irq context. While a way is tried its messages are only noted: the device is not running yet. */
static void on_message(uint8_t vector)
{
    assert(vector >= VECTOR_MSI_FIRST && vector <= VECTOR_MSI_LAST);
    struct message *m = &msi.messages[vector - VECTOR_MSI_FIRST];
    m->arrived = true;
    bool is_tried = msi.tried != NULL && m >= msi.tried && m < msi.tried + msi.tried_count;
    if (!is_tried && (m->client == NULL || !m->client->handler(m->client->arg, m->index))) {
        msi.unclaimed++;
    }
    apic_eoi();
}

/* As many neighbours as asked for, or NULL when there are not so many. */
static struct message *find_free(uint32_t count)
{
    uint32_t run = 0;
    for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
        run = msi.messages[i].client == NULL ? run + 1 : 0;
        if (run == count) {
            return &msi.messages[i + 1 - count];
        }
    }
    return NULL;
}

static uint8_t vector_of(const struct message *m)
{
    return (uint8_t)(VECTOR_MSI_FIRST + (m - msi.messages));
}

static struct message *allocate(struct irq_client *c, uint32_t count)
{
    struct message *first = find_free(count);
    for (uint32_t i = 0; first != NULL && i < count; i++) {
        first[i] = (struct message){.client = c, .index = i};
        vectors_set_handler(vector_of(&first[i]), on_message);
    }
    return first;
}

/* The handlers stay: a message that is late is unclaimed, not unexpected. */
static void release(struct message *first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        first[i].client = NULL;
    }
}

static uint32_t message_address(void)
{
    return MESSAGE_ADDRESS | apic_id() << MESSAGE_ADDRESS_DESTINATION_SHIFT;
}

/* SDM 11.11.2: fixed delivery and edge are zeros. */
static uint32_t message_data(const struct message *m)
{
    return vector_of(m);
}

void irq_messages_off(const struct pci_device *d)
{
    uint8_t at = pci_find_capability(d, MSI_CAPABILITY);
    if (at != 0) {
        pci_write32(d, at, pci_read32(d, at) & ~(uint32_t)(MSI_ENABLE | MSI_MULTIPLE_ENABLE));
    }
    at = pci_find_capability(d, MSIX_CAPABILITY);
    if (at != 0) {
        pci_write32(d, at, pci_read32(d, at) & ~((uint32_t)MSIX_ENABLE | MSIX_FUNCTION_MASK));
    }
}

/* ACPI 6.5, 5.2.9.3 for the first. *why stays as it is when all is well. */
static bool board_has_messages(const char **why)
{
    if (acpi_info()->no_msi) {
        *why = "is forbidden by the FADT";
        return false;
    }
    if (apic_id() > APIC_DESTINATION_MAX) {
        *why = "cannot address this processor without interrupt remapping";
        return false;
    }
    return true;
}

static bool all_arrived(void)
{
    for (uint32_t i = 0; i < msi.tried_count; i++) {
        if (!irq_read_flag(&msi.tried[i].arrived)) {
            return false;
        }
    }
    return true;
}

/* What came before the device was asked is nothing that it answered. */
static bool try_messages(struct irq_client *c)
{
    time_delay_us(IRQ_NOISE_US);
    for (uint32_t i = 0; i < msi.tried_count; i++) {
        msi.tried[i].arrived = false;
    }
    c->trigger(c->arg);
    bool all = irq_wait_until(all_arrived);
    c->quiet(c->arg);
    return all;
}

/* The device is programmed, and may send. Ends the trial either way. */
static enum irq_try conclude(struct irq_client *c, const char **why)
{
    struct message *first = msi.tried;
    uint32_t count = msi.tried_count;
    bool all = try_messages(c);
    uint64_t saved = platform_irq_save();
    msi.tried = NULL;
    msi.tried_count = 0;
    if (all) {
        c->next = msi.clients;
        msi.clients = c;
    } else {
        irq_messages_off(c->dev);
        release(first, count);
    }
    platform_irq_restore(saved);
    *why = "did not arrive";
    return all ? IRQ_TAKEN : IRQ_FAILED;
}

void irq_detach_message(struct irq_client *c)
{
    irq_messages_off(c->dev);
    irq_unlink(&msi.clients, c);
    for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
        if (msi.messages[i].client == c) {
            release(&msi.messages[i], 1);
        }
    }
}

/* False: there are no vectors left. */
static bool begin_trial(struct irq_client *c, uint32_t count)
{
    struct message *first = allocate(c, count);
    msi.tried_count = count;
    msi.tried = first;
    return first != NULL;
}

/* 6.8.1.2 to 6.8.1.7. What is not written here is reserved and kept. */
static void program_msi(const struct pci_device *d, uint8_t at, const struct message *m)
{
    uint32_t control = pci_read32(d, at);
    uint8_t data_at = (uint8_t)(at + MSI_DATA_32);
    pci_write32(d, (uint8_t)(at + MSI_ADDRESS), message_address());
    if ((control & MSI_64BIT) != 0) {
        pci_write32(d, data_at, 0); /* the upper half of the address */
        data_at = (uint8_t)(at + MSI_DATA_64);
    }
    uint32_t reserved = pci_read32(d, data_at) & ~(uint32_t)MSI_DATA_MASK;
    pci_write32(d, data_at, reserved | message_data(m));
    if ((control & MSI_MASKS) != 0) {
        uint8_t mask_at = (uint8_t)(data_at + MSI_MASK_AFTER_DATA);
        pci_write32(d, mask_at, pci_read32(d, mask_at) & ~UINT32_C(1));
    }
    pci_write32(d, at, (control & ~(uint32_t)MSI_MULTIPLE_ENABLE) | MSI_ENABLE);
}

enum irq_try irq_attach_msi(struct irq_client *c, const char **why)
{
    uint8_t at = pci_find_capability(c->dev, MSI_CAPABILITY);
    if (at == 0 || !board_has_messages(why)) {
        return IRQ_ABSENT;
    }
    if (!begin_trial(c, 1)) {
        *why = "finds no vector free";
        return IRQ_ABSENT;
    }
    irq_select(c, IRQ_KIND_MSI);
    irq_set_intx(c->dev, false);
    snprintf(c->route, sizeof(c->route), "MSI, vector 0x%02x", vector_of(msi.tried));
    program_msi(c->dev, at, msi.tried);
    return conclude(c, why);
}

/* 6.8.2.4: the table, in one of the device's BARs. False: it is not where it could be. */
static bool map_table(const struct pci_device *d, uint8_t at, uint32_t entries, struct mmio *table)
{
    uint32_t where = pci_read32(d, (uint8_t)(at + MSIX_TABLE));
    uint32_t bar_idx = where & MSIX_TABLE_BAR_MASK;
    uint64_t offset = where & ~(uint32_t)MSIX_TABLE_BAR_MASK;
    uint64_t bytes = (uint64_t)entries * MSIX_ENTRY_BYTES;
    if (bar_idx >= PCI_BAR_COUNT) {
        return false;
    }
    const struct pci_bar *bar = &d->bars[bar_idx];
    return !bar->is_io && bar->address != 0 && bar->size_bytes >= bytes &&
           offset <= bar->size_bytes - bytes &&
           mmio_map(table, bar->address + offset, (size_t)bytes) == STATUS_OK;
}

/*
 * Entries that are not used stay masked. The pending bits are the device's alone. The function is
 * masked meanwhile, and enabled, for some devices have no table before.
 */
static void program_msix(const struct pci_device *d, uint8_t at, const struct mmio *table)
{
    uint32_t control = pci_read32(d, at) | (uint32_t)MSIX_ENABLE;
    pci_write32(d, at, control | MSIX_FUNCTION_MASK);
    for (uint32_t at_entry = 0; at_entry < table->size_bytes; at_entry += MSIX_ENTRY_BYTES) {
        mmio_write32(table, at_entry + MSIX_ENTRY_CONTROL, MSIX_ENTRY_MASKED);
    }
    for (uint32_t i = 0; i < msi.tried_count; i++) {
        uint32_t at_entry = i * MSIX_ENTRY_BYTES;
        mmio_write32(table, at_entry + MSIX_ENTRY_ADDRESS, message_address());
        mmio_write32(table, at_entry + MSIX_ENTRY_ADDRESS_HIGH, 0);
        mmio_write32(table, at_entry + MSIX_ENTRY_DATA, message_data(&msi.tried[i]));
        mmio_write32(table, at_entry + MSIX_ENTRY_CONTROL, 0);
    }
    (void)mmio_read32(table,
                      MSIX_ENTRY_CONTROL); /* posted: all has arrived before it is unmasked */
    pci_write32(d, at, control & ~(uint32_t)MSIX_FUNCTION_MASK);
}

enum irq_try irq_attach_msix(struct irq_client *c, const char **why)
{
    uint8_t at = pci_find_capability(c->dev, MSIX_CAPABILITY);
    if (at == 0 || !board_has_messages(why)) {
        return IRQ_ABSENT;
    }
    if (c->vectors == 0) {
        *why = "is not used by the driver";
        return IRQ_ABSENT;
    }
    uint32_t entries = (pci_read32(c->dev, at) >> MSIX_LAST_SHIFT & MSIX_LAST_MASK) + 1;
    struct mmio table;
    if (entries < c->vectors) {
        *why = "has too few vectors";
        return IRQ_ABSENT;
    }
    if (!map_table(c->dev, at, entries, &table)) {
        *why = "has no table where its BARs are";
        return IRQ_ABSENT;
    }
    if (!begin_trial(c, c->vectors)) {
        *why = "finds no vectors free";
        return IRQ_ABSENT;
    }
    irq_select(c, IRQ_KIND_MSIX);
    irq_set_intx(c->dev, false);
    snprintf(c->route, sizeof(c->route), "MSI-X, %u vector%s from 0x%02x", (unsigned)c->vectors,
             c->vectors == 1 ? "" : "s", vector_of(msi.tried));
    program_msix(c->dev, at, &table);
    return conclude(c, why);
}
