/*
 * The decoders of acpi_pci.h. Owns nothing and keeps nothing.
 */
#include "arch/x86_64/acpi_pci.h"

#include "kernel/bytes.h"

enum {
    /* MCFG: header, 8 reserved bytes, then entries of 16 */
    MCFG_ENTRIES = 44,
    MCFG_ENTRY_BYTES = 16,
    MCFG_SEGMENT = 8,
    MCFG_BUS_FIRST = 10,
    MCFG_BUS_LAST = 11,

    /* DMAR, VT-d 8.1: header, width, flags, 10 reserved bytes, then structures with a length each
     */
    DMAR_STRUCTURES = 48,
    DMAR_HEADER_BYTES = 4, /* type and length, 16 bits each */
    DMAR_TYPE_DRHD = 0,    /* 8.3: a remapping hardware unit */
    DMAR_DRHD_BYTES = 16,
    DMAR_DRHD_ADDRESS = 8,

    IVRS_MIN_BYTES = 48,
};

/* Some boards have the same table twice. */
static bool is_known(const struct acpi_info *out, const struct acpi_ecam *e)
{
    for (uint32_t i = 0; i < out->ecam_count; i++) {
        const struct acpi_ecam *k = &out->ecams[i];
        if (k->address == e->address && k->bus_first == e->bus_first &&
            k->bus_last == e->bus_last) {
            return true;
        }
    }
    return false;
}

/* A bus has a whole MiB, and the last of them an address. */
static bool is_window(const struct acpi_ecam *e)
{
    uint64_t end = ((uint64_t)e->bus_last + 1) * ACPI_ECAM_BUS_BYTES;
    return e->address != 0 && e->address % ACPI_ECAM_BUS_BYTES == 0 &&
           e->bus_first <= e->bus_last && e->address <= UINT64_MAX - end;
}

bool acpi_decode_mcfg(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < MCFG_ENTRIES) {
        return false;
    }
    for (size_t at = MCFG_ENTRIES; len - at >= MCFG_ENTRY_BYTES; at += MCFG_ENTRY_BYTES) {
        struct acpi_ecam e = {
            .address = load_le64(table + at),
            .bus_first = table[at + MCFG_BUS_FIRST],
            .bus_last = table[at + MCFG_BUS_LAST],
        };
        if (load_le16(table + at + MCFG_SEGMENT) != 0) {
            out->ecam_other_segments++;
        } else if (is_known(out, &e)) {
            continue;
        } else if (!is_window(&e) || out->ecam_count == ACPI_ECAM_MAX) {
            out->entries_dropped++;
        } else {
            out->ecams[out->ecam_count++] = e;
        }
    }
    return true;
}

/* VT-d 8.3: a unit has its registers in a page of its own. */
static bool add_iommu(const uint8_t *s, size_t len, struct acpi_info *out)
{
    if (len < DMAR_DRHD_BYTES || out->iommu_count == ACPI_IOMMU_MAX) {
        return false;
    }
    uint64_t address = load_le64(s + DMAR_DRHD_ADDRESS);
    if (address == 0 || address % ACPI_IOMMU_BYTES != 0) {
        return false;
    }
    out->iommus[out->iommu_count++] = address;
    return true;
}

bool acpi_decode_dmar(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < DMAR_STRUCTURES) {
        return false;
    }
    size_t at = DMAR_STRUCTURES;
    while (len - at >= DMAR_HEADER_BYTES) {
        const uint8_t *s = table + at;
        size_t bytes = load_le16(s + 2);
        /* With a wrong length nothing behind it can be found: what was decoded so far stands. */
        if (bytes < DMAR_HEADER_BYTES || bytes > len - at) {
            out->entries_dropped++;
            break;
        }
        if (load_le16(s) == DMAR_TYPE_DRHD && !add_iommu(s, bytes, out)) {
            out->entries_dropped++;
        }
        at += bytes;
    }
    return true;
}

bool acpi_decode_ivrs(const uint8_t *table, size_t len, struct acpi_info *out)
{
    (void)table;
    out->has_ivrs = len >= IVRS_MIN_BYTES;
    return out->has_ivrs;
}
