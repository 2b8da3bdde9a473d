/*
 * A board for the interrupt code of arch/x86_64: one PCI function after the other with MSI, MSI-X
 * and a pin, IOAPIC pins, vectors. Stricter than QEMU: who interrupts in two ways at once, writes a
 * status bit back or sends a message to nobody fails the test.
 */
#ifndef TESTS_IRQ_BOARD_H
#define TESTS_IRQ_BOARD_H

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/ioapic.h"
#include "arch/x86_64/cpu/vectors.h"
#include "kernel/irq.h"
#include "kernel/log.h"

enum {
    BOARD_PINS_MAX = 24,
    BOARD_ENTRIES = 8, /* of the MSI-X table, which is in BAR 3 at TABLE_OFFSET */
    BOARD_TABLE_OFFSET = 0x40,
    BOARD_BAR_BYTES = 0x1000,
    BOARD_MSI_AT = 0x50,
    BOARD_MSIX_AT = 0x70,
    BOARD_TRIALS_MAX = 8,
    BOARD_QUEUE_MAX = 64,
};
#define BOARD_BAR_ADDRESS UINT64_C(0xfebc0000)

/* What the function under test has, and what of it does not work. */
struct board_nic {
    struct pci_device dev;
    uint8_t config[256];
    uint32_t table[BOARD_ENTRIES * 4];
    bool has_msi, has_msix;
    bool msi_64bit, msi_masks;
    uint32_t sources; /* MSI-X entries that trigger signals */
    uint32_t lost;    /* MSI-X entries whose messages do not arrive, a bit each */
    bool msi_lost;    /* messages of MSI do not arrive */
    uint32_t wired;   /* pins that its line reaches, a bit each */
    bool asserted;    /* its line */
    bool claims;      /* what its handler answers */
    bool stopped;     /* shut down */
    enum irq_kind trials[BOARD_TRIALS_MAX]; /* what select was called with */
    uint32_t trial_count;
    uint32_t handled[IRQ_VECTORS_MAX]; /* handler calls by vector */
};

struct board {
    struct board_nic nics[8];
    struct ioapic_pin pins[BOARD_PINS_MAX];
    uint32_t pin_count;
    uint32_t pin_open;  /* a bit each: unmasked */
    uint32_t pin_stuck; /* asserted by somebody else, for ever */
    uint8_t pin_vector[BOARD_PINS_MAX];
    struct acpi_info acpi;
    uint32_t apic_id;
    irq_vector_fn *handlers[VECTOR_COUNT];
    uint8_t queue[BOARD_QUEUE_MAX]; /* messages on their way */
    uint32_t queue_count;
    uint32_t eois;
    void (*tick)(void);
    uint64_t armed_ns;
    char log[4096]; /* lines, with their level's number in front */
    size_t log_len;
};
extern struct board board;

/* As new: pins 16 to 23 of PCI beside the ISA ones, SCI on 9, no NICs. */
void board_reset(void);

/* The client of NIC n, which has a pin wired to 18, and what its has_... say (config made here). */
struct irq_client board_client(size_t n, uint32_t vectors);

/* Delivers what is due, as the processor would between two instructions. */
void board_deliver(void);

/* A message that arrives now. */
void board_message(uint8_t vector);

uint32_t board_config(const struct board_nic *nic, uint8_t offset);
bool board_msi_is_on(const struct board_nic *nic);
bool board_msix_is_on(const struct board_nic *nic);
bool board_intx_is_allowed(const struct board_nic *nic);

#endif
