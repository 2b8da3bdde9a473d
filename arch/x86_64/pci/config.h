/*
 * The ways to PCI configuration space that this machine has: in memory (PCI Express Base 4.0,
 * 7.2.2), where the firmware's MCFG table says so and it proves true, by ports (mechanism 1, PCI
 * Local Bus 3.0, 3.2.2.3.2) everywhere else.
 */
#ifndef ARCH_X86_64_PCI_CONFIG_H
#define ARCH_X86_64_PCI_CONFIG_H

#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/pci/scan.h"

/*
 * Maps what is believed of info's windows, and says in the log which. *in_memory gets the buses
 * that are reached so. The access is valid for ever. Start-up only.
 */
const struct pci_access *pci_config_init(const struct acpi_info *info,
                                         struct pci_bus_set *in_memory);

/* One byte of bus 0 by ports: for the register that resets the machine. Any context. */
void pci_config_write8(uint8_t slot, uint8_t func, uint8_t offset, uint8_t value);

#endif
