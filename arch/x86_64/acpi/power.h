/*
 * The part of acpi.h's decoders that is about power: the fixed hardware registers, and the one
 * value of AML that switching off needs. Pure, as the others. ACPI specification 6.5, 4.8, 5.2.9
 * and 7.4.2 (\_Sx).
 */
#ifndef ARCH_X86_64_ACPI_POWER_H
#define ARCH_X86_64_ACPI_POWER_H

#include "arch/x86_64/acpi/acpi.h"

/*
 * The I/O port of a register block of the FADT: the extended field (a generic address structure at
 * x_at) when that is there and in I/O space, else, when old, that of the field at old_at; 0: there
 * is none.
 */
uint16_t acpi_fadt_port(const uint8_t *fadt, size_t len, bool old, size_t old_at, size_t x_at);

/* Fills out->power, all but \_S5, from a FADT of at least ACPI 1.0's length. */
void acpi_decode_power(const uint8_t *fadt, size_t len, struct acpi_info *out);

/* The physical address of the DSDT, or 0. */
uint64_t acpi_decode_dsdt_address(const uint8_t *fadt, size_t len);

/*
 * Looks for \_S5 in a whole definition block (DSDT or SSDT) and keeps its sleep types. AML is not
 * run: the name, the package and its integers are recognised by their encodings (ACPI 20.2), which
 * is how the object is written on every board known. False: it is not there, or not so.
 */
bool acpi_find_s5(const uint8_t *table, size_t len, uint8_t types[ACPI_PM1_COUNT]);

#endif
