/*
 * The decoders of pci.h. Owns nothing and keeps nothing.
 */
#include "arch/x86_64/acpi/pci.h"

#include "kernel/bytes.h"

enum {
    /* MCFG: header, 8 reserved bytes, then entries of 16 */
    MCFG_ENTRIES = 44,
    MCFG_ENTRY_BYTES = 16,
    MCFG_SEGMENT = 8,
    MCFG_BUS_FIRST = 10,
    MCFG_BUS_LAST = 11,

    /* DMAR, VT-d 8.1, and IVRS, AMD IOMMU 5.2.1: header, 12 bytes, then structures */
    STRUCTURES = 48,
    STRUCTURE_HEADER_BYTES = 4,
    STRUCTURE_LENGTH = 2,
    DMAR_TYPE_DRHD = 0, /* a remapping hardware unit, 16 bits */
    IVRS_TYPE_IVHD_10 = 0x10,
    IVRS_TYPE_IVHD_11 = 0x11,
    IVRS_TYPE_IVHD_40 = 0x40,
    UNIT_MIN_BYTES = 16,
    UNIT_ADDRESS = 8, /* in both */
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

typedef bool structure_fn(const uint8_t *s, size_t len, struct acpi_info *out);

/* DMAR and IVRS alike: structures with a type in front, and their length in bytes 2 and 3. */
static void walk_structures(const uint8_t *table, size_t len, structure_fn *fn,
                            struct acpi_info *out)
{
    size_t at = STRUCTURES;
    while (len - at >= STRUCTURE_HEADER_BYTES) {
        size_t bytes = load_le16(table + at + STRUCTURE_LENGTH);
        /* With a wrong length nothing behind it can be found: what was decoded so far stands. */
        if (bytes < STRUCTURE_HEADER_BYTES || bytes > len - at) {
            out->entries_dropped++;
            break;
        }
        if (!fn(table + at, bytes, out)) {
            out->entries_dropped++;
        }
        at += bytes;
    }
}

/* The address of a unit's registers, in pages of its own. 0: there can be none. */
static uint64_t unit_address(const uint8_t *s, size_t len)
{
    uint64_t address = len < UNIT_MIN_BYTES ? 0 : load_le64(s + UNIT_ADDRESS);
    return address % ACPI_IOMMU_BYTES == 0 ? address : 0;
}

/* VT-d 8.3. */
static bool add_vtd_unit(const uint8_t *s, size_t len, struct acpi_info *out)
{
    if (load_le16(s) != DMAR_TYPE_DRHD) {
        return true;
    }
    uint64_t address = unit_address(s, len);
    if (address == 0 || out->iommu_count == ACPI_IOMMU_MAX) {
        return false;
    }
    out->iommus[out->iommu_count++] = address;
    return true;
}

bool acpi_decode_dmar(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < STRUCTURES) {
        return false;
    }
    walk_structures(table, len, add_vtd_unit, out);
    return true;
}

/* AMD IOMMU 5.2.2.1: one unit may be described in up to three versions. */
static bool add_amd_unit(const uint8_t *s, size_t len, struct acpi_info *out)
{
    if (s[0] != IVRS_TYPE_IVHD_10 && s[0] != IVRS_TYPE_IVHD_11 && s[0] != IVRS_TYPE_IVHD_40) {
        return true;
    }
    uint64_t address = unit_address(s, len);
    for (uint32_t i = 0; i < out->amd_iommu_count; i++) {
        if (out->amd_iommus[i] == address) {
            return true;
        }
    }
    if (address == 0 || out->amd_iommu_count == ACPI_IOMMU_MAX) {
        return false;
    }
    out->amd_iommus[out->amd_iommu_count++] = address;
    return true;
}

bool acpi_decode_ivrs(const uint8_t *table, size_t len, struct acpi_info *out)
{
    if (len < STRUCTURES) {
        return false;
    }
    walk_structures(table, len, add_amd_unit, out);
    return true;
}
