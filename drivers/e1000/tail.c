/*
 * Tail writes beside a management engine. On the 82579 the engine and the processor share the way
 * to the registers, and a write that comes while the engine is at it may be lost (Linux,
 * e1000e, PCIM2PCI): its sign is waited for, the register read back.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    BUSY_LOOK_US = 50,
    BUSY_LOOKS_COUNT = 8, /* 0.4 ms, for the loop is not held for long; then it is tried anyway */
};

/*
 * A tail that did not arrive means descriptors that the hardware takes for its own though they are
 * not: the engine in question is stopped, and the watchdog resets the device.
 */
void e1000_write_tail_guarded(struct e1000 *e, uint32_t reg, uint32_t value)
{
    assert(reg == E1000_RDT || reg == E1000_TDT);
    for (uint32_t i = 0; i < BUSY_LOOKS_COUNT; i++) {
        if ((e1000_read(e, E1000_FWSM) & E1000_FWSM_BUSY) == 0) {
            break;
        }
        time_delay_us(BUSY_LOOK_US);
    }
    e1000_write(e, reg, value);
    if (e1000_read(e, reg) == value) {
        return;
    }
    uint32_t control = reg == E1000_RDT ? E1000_RCTL : E1000_TCTL;
    e1000_clear(e, control, reg == E1000_RDT ? E1000_RCTL_EN : E1000_TCTL_EN);
    if (!e->tail_lost) {
        log_error("%s: a write to 0x%04x was lost beside the management engine", e->nic.name, reg);
    }
    e->tail_lost = true;
}
