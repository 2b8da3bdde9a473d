/*
 * The part of acpi.h's decoders that is about the PCI bus: where its configuration space is mapped
 * (MCFG), and which IOMMUs stand between its devices and memory (DMAR, IVRS). Pure, as the others.
 * PCI Firmware 3.3, 4.1.2; Intel VT-d 4.1, chapter 8; AMD IOMMU 3.08, 5.2.
 */
#ifndef ARCH_X86_64_ACPI_PCI_H
#define ARCH_X86_64_ACPI_PCI_H

#include "arch/x86_64/acpi/acpi.h"

/*
 * Each takes a whole table, its length and checksum believed, and adds to *out; entries that are
 * malformed or too many are counted in out->entries_dropped. False: the table is not believed.
 */
bool acpi_decode_mcfg(const uint8_t *table, size_t len, struct acpi_info *out);
bool acpi_decode_dmar(const uint8_t *table, size_t len, struct acpi_info *out);
bool acpi_decode_ivrs(const uint8_t *table, size_t len, struct acpi_info *out);

#endif
