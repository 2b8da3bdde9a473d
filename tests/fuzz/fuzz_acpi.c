/*
 * Arbitrary bytes as physical memory: neither finding the root pointer nor walking the tables may
 * read outside what was granted, and what comes out stays within the struct's limits.
 */
// LINK: arch/x86_64/acpi/acpi.c arch/x86_64/acpi/pci.c arch/x86_64/acpi/power.c
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/acpi/pci.h"
#include "arch/x86_64/acpi/power.h"

enum {
    GRANTS_MAX = 4096,
};

struct memory {
    const uint8_t *bytes;
    size_t len;
    void *grants[GRANTS_MAX]; /* copies of exactly the size asked for, so that ASan sees each end */
    size_t grant_count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const void *read_memory(void *ctx, uint64_t address, size_t len)
{
    struct memory *m = ctx;
    if (address > m->len || len > m->len - address || m->grant_count == GRANTS_MAX) {
        return NULL;
    }
    void *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, m->bytes + address, len);
    m->grants[m->grant_count++] = copy;
    return copy;
}

/* A fuzzer does not guess checksums: half of the runs get them put right, where a table starts. */
static void fix_checksum(uint8_t *bytes, size_t size, size_t at, size_t len, size_t sum_offset)
{
    if (at > size || len > size - at || sum_offset >= len) {
        return;
    }
    bytes[at + sum_offset] = 0;
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[at + i]);
    }
    bytes[at + sum_offset] = (uint8_t)-sum;
}

static void fix_tables(uint8_t *bytes, size_t size)
{
    static const char *const signatures[] = {"APIC", "DMAR", "DSDT", "FACP", "HPET",
                                             "IVRS", "MCFG", "RSDT", "SSDT", "XSDT"};
    for (size_t at = 0; at + 8 <= size; at += 4) {
        for (size_t s = 0; s < ARRAY_SIZE(signatures); s++) {
            if (memcmp(bytes + at, signatures[s], 4) == 0) {
                uint32_t len = 0;
                memcpy(&len, bytes + at + 4, sizeof(len));
                fix_checksum(bytes, size, at, len, 9);
            }
        }
        if (memcmp(bytes + at, "RSD PTR ", 8) == 0) {
            fix_checksum(bytes, size, at, 20, 8);
            fix_checksum(bytes, size, at, 36, 32);
        }
    }
}

/* The bytes as a table that was found: a fuzzer does not come by all the pointers to one. */
static void decode_as_table(const uint8_t *bytes, size_t len)
{
    uint8_t types[ACPI_PM1_COUNT] = {0};
    if (acpi_find_s5(bytes, len, types) && (types[0] > 7 || types[1] > 7)) {
        abort();
    }
    struct acpi_info info;
    acpi_info_default(&info);
    (void)acpi_decode_mcfg(bytes, len, &info);
    (void)acpi_decode_dmar(bytes, len, &info);
    (void)acpi_decode_ivrs(bytes, len, &info);
    if (info.ecam_count > ACPI_ECAM_MAX || info.iommu_count > ACPI_IOMMU_MAX ||
        info.amd_iommu_count > ACPI_IOMMU_MAX) {
        abort();
    }
    if (len >= 116) {
        acpi_decode_power(bytes, len, &info);
        (void)acpi_decode_dsdt_address(bytes, len);
    }
    if (info.power.usable && (info.power.event[0] == 0 || info.power.control[0] == 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    size_t len = size - 1;
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    struct memory *m = calloc(1, sizeof(*m));
    if (bytes == NULL || m == NULL) {
        abort();
    }
    memcpy(bytes, data + 1, len);
    if ((data[0] & 1) != 0) {
        fix_tables(bytes, len);
    }
    decode_as_table(bytes, len);
    m->bytes = bytes;
    m->len = len;
    struct acpi_root root;
    if (acpi_scan_rsdp(0, len, read_memory, m, &root)) {
        struct acpi_info info;
        (void)!acpi_decode_tables(&root, read_memory, m, &info);
        if (info.ioapic_count > ACPI_IOAPIC_MAX || info.override_count > ACPI_OVERRIDE_MAX) {
            abort();
        }
    }
    for (size_t i = 0; i < m->grant_count; i++) {
        free(m->grants[i]);
    }
    free(m);
    free(bytes);
    return 0;
}
