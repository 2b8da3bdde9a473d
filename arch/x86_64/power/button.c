/*
 * The power button on ACPI's fixed hardware (switching off is power.c's). A press sets a bit in PM1
 * and raises the system control interrupt; where that reaches no pin the bit is looked at from time
 * to time. No other event is enabled: the firmware's own are switched off with ACPI mode switched
 * on. ACPI specification 6.5, 4.8.2.2.1 (button), 4.8.3 (registers), 16.1.6 (to ACPI mode).
 */
#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/apic/apic.h"
#include "arch/x86_64/apic/ioapic.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/vectors.h"
#include "arch/x86_64/power/power.h"
#include "kernel/log.h"
#include "kernel/platform.h"
#include "kernel/softirq.h"
#include "kernel/time.h"

enum {
    PM1_POWER_BUTTON = 1 << 8,   /* 4.8.3.1: the same bit in status and enable */
    PM1_CONTROL_SCI_EN = 1 << 0, /* 4.8.3.2.1: ACPI mode is on */

    ACPI_MODE_WAIT_MS = 300, /* for the firmware's hand-over, which takes microseconds */
    POLL_PERIOD_MS = 250,    /* of the button, when it has no interrupt */
    UNCLAIMED_MAX = 1000,    /* interrupts in a row that the button has not raised */
};

static struct {
    bool watched;
    bool polled;
    volatile bool pressed; /* set in irq context */
    uint32_t gsi;
    uint32_t unclaimed;
} button;

static uint16_t enable_port(const struct acpi_power *p, size_t i)
{
    return (uint16_t)(p->event[i] + p->event_bytes / 2);
}

/* Whether the button's bit is set in either block; takes it back. Any context. */
static bool take_press(void)
{
    const struct acpi_power *p = &acpi_info()->power;
    bool pressed = false;
    for (size_t i = 0; i < ACPI_PM1_COUNT; i++) {
        if (p->event[i] != 0 && (in16(p->event[i]) & PM1_POWER_BUTTON) != 0) {
            out16(p->event[i], PM1_POWER_BUTTON); /* a 1 clears */
            pressed = true;
        }
    }
    return pressed;
}

/*
 * irq context. A line that another device holds would interrupt for ever: it is masked then. When
 * the loop has not seen the last press yet, a task keeps it from its turn: it is not waited for.
 */
static void on_sci(uint8_t vector)
{
    (void)vector;
    if (take_press()) {
        button.unclaimed = 0;
        if (button.pressed) {
            log_info("power: pressed again, and the server does not wait: off");
            platform_power_off();
        }
        button.pressed = true;
        softirq_raise(SOFTIRQ_TIMER); /* the loop is not to go to sleep over it */
    } else if (++button.unclaimed >= UNCLAIMED_MAX) {
        ioapic_set_masked(button.gsi, true);
        button.polled = true;
        softirq_raise(SOFTIRQ_TIMER);
        log_warn("power: the system control interrupt never ends: masked, the button is polled");
    }
    apic_eoi();
}

/* 16.1.6: until then a press is the firmware's. False: it keeps it. */
static bool enter_acpi_mode(const struct acpi_power *p)
{
    if (p->smi_port == 0 || (in16(p->control[0]) & PM1_CONTROL_SCI_EN) != 0) {
        return true;
    }
    out8(p->smi_port, p->smi_enable);
    for (uint32_t ms = 0; ms < ACPI_MODE_WAIT_MS; ms++) {
        if ((in16(p->control[0]) & PM1_CONTROL_SCI_EN) != 0) {
            return true;
        }
        time_delay_us(US_PER_MS);
    }
    return false;
}

/* Of all that can raise the interrupt the button alone may: nobody here would answer the rest. */
static void enable_button_alone(const struct acpi_power *p)
{
    for (size_t i = 0; i < ACPI_GPE_COUNT; i++) {
        for (uint32_t at = p->gpe_bytes[i] / 2U; p->gpe[i] != 0 && at < p->gpe_bytes[i]; at++) {
            out8((uint16_t)(p->gpe[i] + at), 0);
        }
    }
    (void)take_press(); /* one from before is not for us */
    for (size_t i = 0; i < ACPI_PM1_COUNT; i++) {
        if (p->event[i] != 0) {
            out16(enable_port(p, i), PM1_POWER_BUTTON);
        }
    }
}

/* The pin the interrupt comes in at. False: no IOAPIC has it. */
static bool route_sci(void)
{
    struct acpi_override sci = acpi_sci(acpi_info());
    for (uint32_t i = 0; i < ioapic_pin_count(); i++) {
        struct ioapic_pin pin = ioapic_pin_at(i);
        if (pin.gsi != sci.gsi) {
            continue;
        }
        pin.level = sci.level;
        pin.active_low = sci.active_low;
        button.gsi = pin.gsi;
        vectors_set_handler(VECTOR_SCI, on_sci);
        ioapic_route(&pin, VECTOR_SCI);
        ioapic_set_masked(pin.gsi, false);
        log_info("power: button on IOAPIC pin %u %s %s", (unsigned)pin.gsi,
                 pin.level ? "level" : "edge", pin.active_low ? "low" : "high");
        return true;
    }
    return false;
}

void power_button_init(bool poll)
{
    const struct acpi_power *p = &acpi_info()->power;
    if (!p->has_button) {
        log_info("power: no button on fixed hardware: a press is not heard");
        return;
    }
    if (!enter_acpi_mode(p)) {
        log_warn("power: the firmware keeps the power button for itself");
        return;
    }
    enable_button_alone(p);
    button.watched = true;
    if (poll || !route_sci()) {
        button.polled = true;
        log_info("power: button polled every %d ms", POLL_PERIOD_MS);
    }
}

uint64_t power_button_poll(uint64_t now_ns, bool *pressed)
{
    *pressed = button.polled && take_press();
    if (button.pressed) { /* not taken back unseen: an interrupt may set it behind the look */
        button.pressed = false;
        *pressed = true;
    }
    return button.polled ? now_ns + POLL_PERIOD_MS * (uint64_t)NS_PER_MS : DEADLINE_NONE;
}
