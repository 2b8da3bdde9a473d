/*
 * The pure decoders of acpi.h. Owns nothing and keeps nothing; finding the RSDP on a machine and
 * remembering the result is init.c's. ACPI specification 6.5, chapter 5.
 */
#include "arch/x86_64/acpi/acpi.h"

#include <string.h>

#include "arch/x86_64/acpi/pci.h"
#include "arch/x86_64/acpi/power.h"
#include "kernel/bytes.h"

enum {
    /* System description table header, ACPI 5.2.6 */
    TABLE_LENGTH_OFFSET = 4,
    TABLE_HEADER_BYTES = 36,

    /* RSDP, ACPI 5.2.5.3 */
    RSDP_REVISION_OFFSET = 15,
    RSDP_RSDT_OFFSET = 16,
    RSDP_LENGTH_OFFSET = 20,
    RSDP_XSDT_OFFSET = 24,

    /* MADT, ACPI 5.2.12 */
    MADT_LAPIC_OFFSET = 36,
    MADT_FLAGS_OFFSET = 40,
    MADT_ENTRIES_OFFSET = 44,
    MADT_FLAG_PCAT_COMPAT = 1 << 0,
    MADT_ENTRY_HEADER_BYTES = 2,
    MADT_CPU_FLAG_ENABLED = 1 << 0,

    /* FADT, ACPI 5.2.9 */
    FADT_SCI_INT_OFFSET = 46,
    FADT_PM_TMR_BLK_OFFSET = 76,
    FADT_PM_TMR_LEN_OFFSET = 91,
    FADT_CENTURY_OFFSET = 108,
    FADT_BOOT_ARCH_OFFSET = 109,
    FADT_FLAGS_OFFSET = 112,
    FADT_X_PM_TMR_BLK_OFFSET = 208,
    FADT_MIN_BYTES = 116, /* ACPI 1.0's ends behind the flags */
    FADT_BOOT_ARCH_NO_MSI = 1 << 3,
    FADT_BOOT_ARCH_NO_CMOS_RTC = 1 << 5,
    FADT_FLAG_TMR_VAL_EXT = 1 << 8,
    FADT_FLAG_HW_REDUCED = 1 << 20,
    PM_TIMER_BYTES = 4,

    /* Generic address structure, ACPI 5.2.3.2: space u8, width, offset, access u8, address u64 */
    GAS_ADDRESS_OFFSET = 4,
    GAS_SPACE_MEMORY = 0,

    /* HPET table, IA-PC HPET 3.2.4 */
    HPET_BASE_OFFSET = 40,
    HPET_MIN_BYTES = 56,

    DEFAULT_OVERRIDE_GSI = 2, /* where every PC/AT compatible board puts the 8254 */
};
#define DEFAULT_LAPIC_ADDRESS  UINT64_C(0xfee00000)
#define DEFAULT_IOAPIC_ADDRESS UINT64_C(0xfec00000)

enum madt_entry { /* ACPI 5.2.12, table 5.21 */
                  MADT_LOCAL_APIC = 0,
                  MADT_IOAPIC = 1,
                  MADT_OVERRIDE = 2,
                  MADT_LOCAL_APIC_ADDRESS = 5,
                  MADT_LOCAL_X2APIC = 9,
};

/* 5.2.5.3 and 5.2.6: a checksum byte makes the sum of all of them 0. */
static bool sum_is_zero(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

void acpi_info_default(struct acpi_info *out)
{
    memset(out, 0, sizeof(*out));
    out->has_8259 = true;
    out->lapic_address = DEFAULT_LAPIC_ADDRESS;
    out->cpu_count = 1;
    out->ioapics[0].address = DEFAULT_IOAPIC_ADDRESS;
    out->ioapic_count = 1;
    out->overrides[0] = (struct acpi_override){.irq = 0, .gsi = DEFAULT_OVERRIDE_GSI};
    out->override_count = 1;
}

bool acpi_decode_rsdp(const uint8_t *bytes, size_t len, struct acpi_root *out)
{
    if (len < ACPI_RSDP_V1_BYTES || memcmp(bytes, "RSD PTR ", 8) != 0 ||
        !sum_is_zero(bytes, ACPI_RSDP_V1_BYTES)) {
        return false;
    }
    *out = (struct acpi_root){
        .revision = bytes[RSDP_REVISION_OFFSET],
        .rsdt_address = load_le32(bytes + RSDP_RSDT_OFFSET),
    };
    /* The second half counts only when it is there in full and its own checksum holds. */
    if (out->revision >= 2 && len >= ACPI_RSDP_V2_BYTES &&
        load_le32(bytes + RSDP_LENGTH_OFFSET) >= ACPI_RSDP_V2_BYTES &&
        sum_is_zero(bytes, ACPI_RSDP_V2_BYTES)) {
        out->xsdt_address = load_le64(bytes + RSDP_XSDT_OFFSET);
    }
    return true;
}

bool acpi_scan_rsdp(uint64_t start, uint64_t end, acpi_read_fn *read, void *ctx,
                    struct acpi_root *out)
{
    uint64_t at = align_up(start, ACPI_RSDP_ALIGN_BYTES);
    while (at < end && end - at >= ACPI_RSDP_V1_BYTES) {
        size_t len = (size_t)min_u64(end - at, ACPI_RSDP_V2_BYTES);
        const uint8_t *bytes = read(ctx, at, len);
        if (bytes != NULL && acpi_decode_rsdp(bytes, len, out)) {
            return true;
        }
        at += ACPI_RSDP_ALIGN_BYTES;
    }
    return false;
}

/*
 * The whole table at address, its length and checksum believed, or NULL. *len_out gets the length.
 */
static const uint8_t *read_table(uint64_t address, acpi_read_fn *read, void *ctx, size_t *len_out)
{
    const uint8_t *header = address == 0 ? NULL : read(ctx, address, TABLE_HEADER_BYTES);
    if (header == NULL) {
        return NULL;
    }
    uint32_t len = load_le32(header + TABLE_LENGTH_OFFSET);
    if (len < TABLE_HEADER_BYTES || len > ACPI_TABLE_MAX_BYTES) {
        return NULL;
    }
    const uint8_t *table = read(ctx, address, len);
    if (table == NULL || !sum_is_zero(table, len)) {
        return NULL;
    }
    *len_out = len;
    return table;
}

static bool add_ioapic(const uint8_t *e, size_t len, struct acpi_info *out)
{
    if (len < 12 || out->ioapic_count == ACPI_IOAPIC_MAX) {
        return false;
    }
    out->ioapics[out->ioapic_count++] = (struct acpi_ioapic){
        .id = e[2],
        .address = load_le32(e + 4),
        .gsi_base = load_le32(e + 8),
    };
    return true;
}

/* ACPI 5.2.12.5; flags are MPS INTI flags: polarity in bits 1:0, trigger mode in bits 3:2. */
static bool add_override(const uint8_t *e, size_t len, struct acpi_info *out)
{
    if (len < 10 || out->override_count == ACPI_OVERRIDE_MAX) {
        return false;
    }
    uint8_t bus = e[2];
    uint8_t irq = e[3];
    if (bus != 0 || irq >= ACPI_ISA_IRQ_COUNT) {
        return false;
    }
    uint16_t flags = load_le16(e + 8);
    /* 0 is "as the bus has it", for ISA active high and edge; 1 says so; 3 is the opposite. */
    out->overrides[out->override_count++] = (struct acpi_override){
        .irq = irq,
        .gsi = load_le32(e + 4),
        .active_low = (flags & 3) == 3,
        .level = ((flags >> 2) & 3) == 3,
        .polarity_as_bus = (flags & 3) == 0,
        .level_as_bus = ((flags >> 2) & 3) == 0,
    };
    return true;
}

/* One entry of len bytes, len from the entry itself and inside the table. False: dropped. */
static bool decode_madt_entry(const uint8_t *e, size_t len, struct acpi_info *out)
{
    assert(len >= MADT_ENTRY_HEADER_BYTES);
    switch (e[0]) {
    case MADT_LOCAL_APIC:
        if (len < 8) {
            return false;
        }
        out->cpu_count += load_le32(e + 4) & MADT_CPU_FLAG_ENABLED;
        return true;
    case MADT_LOCAL_X2APIC:
        if (len < 16) {
            return false;
        }
        out->cpu_count += load_le32(e + 8) & MADT_CPU_FLAG_ENABLED;
        return true;
    case MADT_IOAPIC:
        return add_ioapic(e, len, out);
    case MADT_OVERRIDE:
        return add_override(e, len, out);
    case MADT_LOCAL_APIC_ADDRESS:
        if (len < 12) {
            return false;
        }
        out->lapic_address = load_le64(e + 4); /* 5.2.12.8: instead of the header's 32 bits */
        return true;
    default:
        return true; /* NMI sources and what later versions add: not needed here */
    }
}

static bool decode_madt(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < MADT_ENTRIES_OFFSET) {
        return false;
    }
    if (out->madt_found) {
        return true; /* some boards have two, which differ little: the first, as in Linux */
    }
    out->madt_found = true;
    out->lapic_address = load_le32(table + MADT_LAPIC_OFFSET);
    out->has_8259 = (load_le32(table + MADT_FLAGS_OFFSET) & MADT_FLAG_PCAT_COMPAT) != 0;
    out->cpu_count = 0;
    out->ioapic_count = 0;
    out->override_count = 0;
    size_t at = MADT_ENTRIES_OFFSET;
    while (len - at >= MADT_ENTRY_HEADER_BYTES) {
        size_t entry_len = table[at + 1];
        /* With a wrong length nothing behind it can be found: what was decoded so far stands. */
        if (entry_len < MADT_ENTRY_HEADER_BYTES || entry_len > len - at) {
            out->entries_dropped++;
            break;
        }
        if (!decode_madt_entry(table + at, entry_len, out)) {
            out->entries_dropped++;
        }
        at += entry_len;
    }
    return true;
}

static bool decode_fadt(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < FADT_MIN_BYTES) {
        return false;
    }
    uint32_t flags = load_le32(table + FADT_FLAGS_OFFSET);
    uint16_t boot_arch = load_le16(table + FADT_BOOT_ARCH_OFFSET);
    out->fadt_found = true;
    out->sci_irq = load_le16(table + FADT_SCI_INT_OFFSET);
    out->rtc_century = table[FADT_CENTURY_OFFSET];
    out->no_cmos_rtc = (boot_arch & FADT_BOOT_ARCH_NO_CMOS_RTC) != 0;
    out->no_msi = (boot_arch & FADT_BOOT_ARCH_NO_MSI) != 0;
    out->hardware_reduced = (flags & FADT_FLAG_HW_REDUCED) != 0;
    out->pm_timer_32bit = (flags & FADT_FLAG_TMR_VAL_EXT) != 0;
    /* ACPI 5.2.9, PM_TMR_LEN: 4 when the timer is there, or it is named by the extended block. */
    bool old = table[FADT_PM_TMR_LEN_OFFSET] == PM_TIMER_BYTES;
    uint16_t port =
        acpi_fadt_port(table, len, old, FADT_PM_TMR_BLK_OFFSET, FADT_X_PM_TMR_BLK_OFFSET);
    out->pm_timer_port = out->hardware_reduced ? 0 : port;
    out->dsdt_address = acpi_decode_dsdt_address(table, len);
    acpi_decode_power(table, len, out);
    return true;
}

static bool decode_hpet(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < HPET_MIN_BYTES || table[HPET_BASE_OFFSET] != GAS_SPACE_MEMORY) {
        return false;
    }
    if (out->hpet_address == 0) { /* of several, the first is timer block 0 */
        out->hpet_address = load_le64(table + HPET_BASE_OFFSET + GAS_ADDRESS_OFFSET);
    }
    return true;
}

/* An SSDT may have what the DSDT has not. */
static bool decode_definitions(const uint8_t *table, size_t len, struct acpi_info *out)
{
    struct acpi_power *p = &out->power;
    p->s5_found = p->s5_found || acpi_find_s5(table, len, p->s5_type);
    return true;
}

struct table_kind {
    char signature[5];
    bool (*decode)(const uint8_t *table, size_t len, struct acpi_info *out);
};

static const struct table_kind TABLE_KINDS[] = {
    {"APIC", decode_madt},        {"FACP", decode_fadt},        {"HPET", decode_hpet},
    {"MCFG", acpi_decode_mcfg},   {"DMAR", acpi_decode_dmar},   {"IVRS", acpi_decode_ivrs},
    {"SSDT", decode_definitions}, {"DSDT", decode_definitions}, /* in no root table: the FADT names
                                                                   it */
};

/* Only a table that is known is read further than its signature. */
static void decode_table(uint64_t address, acpi_read_fn *read, void *ctx, struct acpi_info *out)
{
    const uint8_t *signature = address == 0 ? NULL : read(ctx, address, 4);
    if (signature == NULL) {
        out->tables_rejected++;
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(TABLE_KINDS); i++) {
        if (memcmp(signature, TABLE_KINDS[i].signature, 4) == 0) {
            size_t len = 0;
            const uint8_t *table = read_table(address, read, ctx, &len);
            if (table == NULL || !TABLE_KINDS[i].decode(table, len, out)) {
                out->tables_rejected++;
            }
            return;
        }
    }
}

/* RSDT entries have 4 bytes, XSDT entries 8 (ACPI 5.2.7, 5.2.8). False: not believable. */
static bool walk_root(uint64_t address, bool is_xsdt, acpi_read_fn *read, void *ctx,
                      struct acpi_info *out)
{
    size_t len = 0;
    const uint8_t *table = read_table(address, read, ctx, &len);
    if (table == NULL || memcmp(table, is_xsdt ? "XSDT" : "RSDT", 4) != 0) {
        return false;
    }
    size_t entry_bytes = is_xsdt ? 8 : 4;
    size_t count = min_size((len - TABLE_HEADER_BYTES) / entry_bytes, ACPI_TABLES_MAX);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *e = table + TABLE_HEADER_BYTES + i * entry_bytes;
        decode_table(is_xsdt ? load_le64(e) : load_le32(e), read, ctx, out);
    }
    return true;
}

enum status acpi_decode_tables(const struct acpi_root *root, acpi_read_fn *read, void *ctx,
                               struct acpi_info *out)
{
    assert(root != NULL && out != NULL);
    acpi_info_default(out);
    /* The RSDT lists the same tables; it serves where the XSDT is missing or not believable. */
    if (walk_root(root->xsdt_address, true, read, ctx, out) ||
        walk_root(root->rsdt_address, false, read, ctx, out)) {
        out->tables_found = true;
        if (out->dsdt_address != 0) {
            decode_table(out->dsdt_address, read, ctx, out);
        }
        assert(out->ioapic_count <= ACPI_IOAPIC_MAX && out->override_count <= ACPI_OVERRIDE_MAX);
        return STATUS_OK;
    }
    return STATUS_BAD_INPUT;
}

/* ACPI 5.2.9, SCI_INT: level and active low, unless an override says otherwise. */
struct acpi_override acpi_sci(const struct acpi_info *info)
{
    assert(info->fadt_found);
    struct acpi_override sci = {
        .irq = (uint8_t)info->sci_irq, .gsi = info->sci_irq, .level = true, .active_low = true};
    for (uint32_t i = 0; i < info->override_count; i++) {
        const struct acpi_override *o = &info->overrides[i];
        if (o->irq == info->sci_irq) {
            sci.gsi = o->gsi;
            sci.level = o->level || o->level_as_bus;
            sci.active_low = o->active_low || o->polarity_as_bus;
        }
    }
    return sci;
}
