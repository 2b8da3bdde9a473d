/*
 * The machine's end, and the button that asks for it; platform_reboot(), platform_power_off() and
 * platform_halt() are of kernel/platform.h.
 */
#ifndef ARCH_X86_64_POWER_POWER_H
#define ARCH_X86_64_POWER_POWER_H

#include "kernel/base.h"

/* From here on platform_reboot() and platform_power_off() know the board. Start-up, after ACPI. */
void power_init(void);

/*
 * Watches ACPI's power button: by its interrupt or, when there is none or poll is asked for, by
 * looking from time to time. Logs how, or why a press will not be heard. Start-up only, interrupts
 * on, after start_board's steps; waits up to 0.3 s for firmware that is slow to hand over.
 */
void power_button_init(bool poll);

/*
 * Loop context, each turn: *pressed when the button was pressed since the last call. Returns when
 * it must be called next at the latest; DEADLINE_NONE: an interrupt will see to it.
 */
uint64_t power_button_poll(uint64_t now_ns, bool *pressed);

#endif
