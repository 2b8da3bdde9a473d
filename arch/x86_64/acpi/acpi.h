/*
 * What the firmware's ACPI tables say about the board: interrupt controllers, ISA interrupt
 * overrides, timers, power. No AML is run. The decoders are pure functions over a read callback:
 * they trust nothing, read nothing that the callback did not grant, and run on the host in tests.
 * ACPI specification 6.5, chapter 5; IA-PC HPET specification 1.0a for the HPET table.
 */
#ifndef ARCH_X86_64_ACPI_ACPI_H
#define ARCH_X86_64_ACPI_ACPI_H

#include "kernel/base.h"

struct boot_info; /* boot/info/info.h */

enum {
    ACPI_IOAPIC_MAX = 64,               /* servers have one in each root complex */
    ACPI_OVERRIDE_MAX = 16,             /* there are 16 ISA interrupts to override */
    ACPI_TABLES_MAX = 128,              /* tables looked at in one RSDT or XSDT */
    ACPI_TABLE_MAX_BYTES = 1024 * 1024, /* a longer one is not believed; DSDTs reach 400 KiB */
    ACPI_RSDP_V1_BYTES = 20,
    ACPI_RSDP_V2_BYTES = 36,
    ACPI_RSDP_ALIGN_BYTES = 16,
    ACPI_ISA_IRQ_COUNT = 16,
    ACPI_PM1_COUNT = 2, /* register blocks a and b: a chip set may be spread over two chips */
    ACPI_GPE_COUNT = 2,
    ACPI_ECAM_MAX = 8,
    ACPI_ECAM_BUS_BYTES = 1 << 20, /* of configuration space, one bus */
    ACPI_IOMMU_MAX = 32,
    ACPI_IOMMU_BYTES = 4096, /* a unit's registers as far as they are needed */
};

struct acpi_root { /* from the RSDP */
    uint8_t revision;
    uint32_t rsdt_address;
    uint64_t xsdt_address; /* 0: there is none */
};

struct acpi_ioapic {
    uint64_t address;
    uint32_t gsi_base; /* the global system interrupt number of its pin 0 */
    uint8_t id;
};

struct acpi_override { /* an ISA interrupt that is not identity mapped, edge, active high */
    uint8_t irq;
    uint32_t gsi;
    bool level;
    bool active_low;
    bool level_as_bus; /* the two above are not stated, but what ISA has */
    bool polarity_as_bus;
};

enum acpi_space {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
    ACPI_SPACE_PCI = 2, /* of bus 0; address: device << 32 | function << 16 | offset */
};

struct acpi_register { /* a generic address structure (ACPI 5.2.3.2), for accesses of one byte */
    enum acpi_space space;
    uint64_t address; /* 0: there is none */
};

/* The fixed hardware (ACPI 4.8) that the power button and switching off need. I/O ports. */
struct acpi_power {
    bool usable;                      /* PM1 event and control blocks are there */
    bool has_button;                  /* on the fixed hardware: its bit in PM1 means something */
    uint16_t event[ACPI_PM1_COUNT];   /* 0: there is none; first half status, then enable */
    uint8_t event_bytes;              /* of each */
    uint16_t control[ACPI_PM1_COUNT]; /* 0: there is none */
    uint16_t gpe[ACPI_GPE_COUNT];     /* 0: there is none; first half status, then enable */
    uint8_t gpe_bytes[ACPI_GPE_COUNT];
    uint16_t smi_port;  /* 0: ACPI mode is on for ever */
    uint8_t smi_enable; /* what to write there to switch it on */
    bool s5_found;
    uint8_t s5_type[ACPI_PM1_COUNT];    /* for SLP_TYP of each control block */
    struct acpi_register sleep_control; /* 4.8.3.7: instead of the control blocks, where there is */
    struct acpi_register sleep_status;  /* none of the fixed hardware */
    struct acpi_register reset;         /* 4.8.3.6: writing reset_value there resets the machine */
    uint8_t reset_value;
};

struct acpi_ecam {    /* configuration space in memory, of some buses of segment 0 */
    uint64_t address; /* of bus 0's, whether or not that is among them */
    uint8_t bus_first;
    uint8_t bus_last;
};

struct acpi_info {
    bool tables_found; /* false: everything below is the PC/AT default */

    /* MADT, ACPI 5.2.12 */
    bool madt_found;
    bool has_8259; /* PCAT_COMPAT: two 8259s that must be masked */
    uint64_t lapic_address;
    uint32_t cpu_count; /* enabled processors */
    struct acpi_ioapic ioapics[ACPI_IOAPIC_MAX];
    uint32_t ioapic_count;
    struct acpi_override overrides[ACPI_OVERRIDE_MAX];
    uint32_t override_count;

    /* FADT, ACPI 5.2.9 */
    bool fadt_found;
    bool hardware_reduced; /* no PM timer, no 8254, no CMOS clock may be assumed */
    bool no_cmos_rtc;
    bool no_msi; /* messages must not be switched on, in any device */
    uint16_t sci_irq;
    uint16_t pm_timer_port;  /* 0: there is none */
    bool pm_timer_32bit;     /* else it counts 24 bits */
    uint8_t rtc_century;     /* CMOS index of the century, 0: there is none */
    uint64_t dsdt_address;   /* 0: there is none */
    struct acpi_power power; /* all but \_S5, which is in the DSDT or an SSDT */

    /* HPET table */
    uint64_t hpet_address; /* 0: there is none */

    /* MCFG */
    struct acpi_ecam ecams[ACPI_ECAM_MAX];
    uint32_t ecam_count;
    uint32_t ecam_other_segments; /* entries for segments other than 0: not used */

    /* DMAR and IVRS */
    uint64_t iommus[ACPI_IOMMU_MAX]; /* the registers of each VT-d unit */
    uint32_t iommu_count;
    uint64_t amd_iommus[ACPI_IOMMU_MAX];
    uint32_t amd_iommu_count;

    /* What was not believed. */
    uint32_t tables_rejected; /* unreadable, lying about their length, bad checksum */
    uint32_t entries_dropped; /* entries malformed or beyond a table's limit */
};

/*
 * How the decoders read physical memory: a pointer to [address, address + len), valid for the whole
 * decoding, or NULL when that is not readable.
 */
typedef const void *acpi_read_fn(void *ctx, uint64_t address, size_t len);

/* A PC without tables: local APIC and one IOAPIC at their usual places, ISA 0 on pin 2. */
void acpi_info_default(struct acpi_info *out);

/* Decodes len bytes of an RSDP (ACPI 5.2.5.3). False: not one, or its checksum is wrong. */
bool acpi_decode_rsdp(const uint8_t *bytes, size_t len, struct acpi_root *out);

/*
 * Looks for an RSDP at every 16th byte of [start, end) (ACPI 5.2.5.1). False: none.
 */
bool acpi_scan_rsdp(uint64_t start, uint64_t end, acpi_read_fn *read, void *ctx,
                    struct acpi_root *out);

/*
 * Walks the XSDT, or the RSDT when there is no believable XSDT, and fills *out from the tables it
 * knows; what is missing keeps its default. STATUS_BAD_INPUT: neither root table can be believed.
 */
enum status acpi_decode_tables(const struct acpi_root *root, acpi_read_fn *read, void *ctx,
                               struct acpi_info *out) must_check;

/*
 * How the system control interrupt reaches us: its global system interrupt, by default level and
 * active low (ACPI 5.2.9, SCI_INT), unless an override states something else. Only with a FADT.
 */
struct acpi_override acpi_sci(const struct acpi_info *info);

/*
 * Finds this machine's tables and keeps what they say, or acpi_info_default(), and logs what is
 * missing. Not STATUS_OK: none can be believed. Start-up only.
 */
enum status acpi_init(const struct boot_info *info) must_check;

/* What acpi_init() found. Valid after it; never changes. Any context. */
const struct acpi_info *acpi_info(void);

#endif
