/*
 * See irq_board.h.
 */
#include "tests/unit/irq_board.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/apic/apic.h"
#include "kernel/mmio.h"
#include "kernel/time.h"
#include "tests/unit/fake_platform.h"

enum {
    COMMAND_AT = 0x04,
    BUS_MASTER = 1 << 2,
    INTX_DISABLE = 1 << 10,
};
#define ENABLE_MSI    (UINT32_C(1) << 16)
#define ENABLE_MSIX   (UINT32_C(1) << 31)
#define FUNCTION_MASK (UINT32_C(1) << 30)

struct board board;

void board_reset(void)
{
    fake_reset(4096);
    memset(&board, 0, sizeof(board));
    board.pin_count = BOARD_PINS_MAX;
    for (uint32_t i = 0; i < BOARD_PINS_MAX; i++) {
        bool isa = i < ACPI_ISA_IRQ_COUNT;
        board.pins[i] = (struct ioapic_pin){i, isa ? (uint8_t)i : IOAPIC_NOT_ISA, !isa, !isa};
    }
    board.acpi = (struct acpi_info){.fadt_found = true, .sci_irq = 9};
    board.apic_id = 5;
}

static void put_config(struct board_nic *nic, uint8_t offset, uint32_t value)
{
    memcpy(nic->config + offset, &value, sizeof(value));
}

uint32_t board_config(const struct board_nic *nic, uint8_t offset)
{
    uint32_t value;
    memcpy(&value, nic->config + offset, sizeof(value));
    return value;
}

bool board_msi_is_on(const struct board_nic *nic)
{
    return nic->has_msi && (board_config(nic, BOARD_MSI_AT) & ENABLE_MSI) != 0;
}

bool board_msix_is_on(const struct board_nic *nic)
{
    return nic->has_msix && (board_config(nic, BOARD_MSIX_AT) & ENABLE_MSIX) != 0;
}

bool board_intx_is_allowed(const struct board_nic *nic)
{
    return (board_config(nic, COMMAND_AT) & INTX_DISABLE) == 0;
}

static struct board_nic *nic_of(const struct pci_device *d)
{
    return container_of(d, struct board_nic, dev);
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    const struct board_nic *nic = nic_of(d);
    if (id == 0x05 && nic->has_msi) {
        return BOARD_MSI_AT;
    }
    return id == 0x11 && nic->has_msix ? BOARD_MSIX_AT : 0;
}

uint32_t pci_read32(const struct pci_device *d, uint16_t offset)
{
    return board_config(nic_of(d), offset);
}

/* Local Bus 3.0, 6.2.3: writing a 1 to a status bit takes it back, which is nobody's intention. */
void pci_write32(const struct pci_device *d, uint16_t offset, uint32_t value)
{
    struct board_nic *nic = nic_of(d);
    if (offset == COMMAND_AT) {
        assert_int_equal(value >> 16, 0);
        assert_true((value & BUS_MASTER) != 0); /* not ours to change */
    } else if (offset == BOARD_MSI_AT || offset == BOARD_MSIX_AT) {
        assert_int_equal(value & 0xffff, board_config(nic, offset) & 0xffff);
    } else {
        assert_true(offset > BOARD_MSI_AT && offset < BOARD_MSIX_AT);
        assert_false(board_msi_is_on(nic)); /* half an address must not be used */
    }
    put_config(nic, offset, value);
    assert_false(board_msi_is_on(nic) && board_msix_is_on(nic));
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    for (size_t n = 0; n < ARRAY_SIZE(board.nics); n++) {
        if (physical == BOARD_BAR_ADDRESS + n * BOARD_BAR_BYTES + BOARD_TABLE_OFFSET) {
            assert_int_equal(size_bytes, sizeof(board.nics[n].table));
            *m = (struct mmio){(volatile uint8_t *)board.nics[n].table, size_bytes};
            return STATUS_OK;
        }
    }
    return STATUS_UNSUPPORTED;
}

uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    assert_true(offset % 4 == 0 && offset < m->size_bytes);
    return *(volatile uint32_t *)(volatile void *)(m->base + offset);
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert_true(offset % 4 == 0 && offset < m->size_bytes);
    *(volatile uint32_t *)(volatile void *)(m->base + offset) = value;
}

void board_message(uint8_t vector)
{
    assert_true(board.queue_count < BOARD_QUEUE_MAX);
    board.queue[board.queue_count++] = vector;
    board_deliver();
}

/* SDM volume 3, 11.11: to this processor, fixed, edge. */
static void send(uint32_t address, uint32_t address_high, uint32_t data)
{
    assert_int_equal(address, 0xfee00000 | board.apic_id << 12);
    assert_int_equal(address_high, 0);
    assert_in_range(data, VECTOR_MSI_FIRST, VECTOR_MSI_LAST);
    board.queue[board.queue_count++] = (uint8_t)data;
    assert_true(board.queue_count < BOARD_QUEUE_MAX);
}

static void signal_msix(const struct board_nic *nic)
{
    assert_false(board_intx_is_allowed(nic));
    bool masked = (board_config(nic, BOARD_MSIX_AT) & FUNCTION_MASK) != 0;
    for (uint32_t i = 0; i < BOARD_ENTRIES; i++) {
        const uint32_t *entry = &nic->table[4 * i];
        if (i < nic->sources && (nic->lost >> i & 1) == 0 && !masked && (entry[3] & 1) == 0) {
            send(entry[0], entry[1], entry[2]);
        }
    }
}

static void signal_msi(const struct board_nic *nic)
{
    assert_false(board_intx_is_allowed(nic));
    uint8_t data_at = BOARD_MSI_AT + (nic->msi_64bit ? 0x0c : 0x08);
    uint32_t high = nic->msi_64bit ? board_config(nic, BOARD_MSI_AT + 0x08) : 0;
    bool masked = nic->msi_masks && (board_config(nic, (uint8_t)(data_at + 4)) & 1) != 0;
    if (!nic->msi_lost && !masked) {
        send(board_config(nic, BOARD_MSI_AT + 0x04), high, board_config(nic, data_at) & 0xffff);
    }
}

static void nic_trigger(void *arg)
{
    struct board_nic *nic = arg;
    if (board_msix_is_on(nic)) {
        signal_msix(nic);
    } else if (board_msi_is_on(nic)) {
        signal_msi(nic);
    } else {
        nic->asserted = true;
    }
    board_deliver();
}

static void nic_quiet(void *arg)
{
    ((struct board_nic *)arg)->asserted = false;
}

static void nic_select(void *arg, enum irq_kind kind)
{
    struct board_nic *nic = arg;
    assert_true(nic->trial_count < BOARD_TRIALS_MAX);
    nic->trials[nic->trial_count++] = kind;
}

static void nic_shutdown(void *arg)
{
    struct board_nic *nic = arg;
    nic->stopped = true;
}

static bool nic_handle(void *arg, uint32_t vector)
{
    struct board_nic *nic = arg;
    assert_true(vector < IRQ_VECTORS_MAX);
    nic->handled[vector]++;
    if (nic->claims) {
        nic->asserted = false;
    }
    return nic->claims;
}

struct irq_client board_client(size_t n, uint32_t vectors)
{
    struct board_nic *nic = &board.nics[n];
    nic->dev.slot = (uint8_t)(n + 3);
    nic->dev.irq_pin = 1;
    nic->dev.bars[3] = (struct pci_bar){.address = BOARD_BAR_ADDRESS + n * BOARD_BAR_BYTES,
                                        .size_bytes = BOARD_BAR_BYTES};
    nic->sources = vectors;
    nic->claims = true;
    nic->wired |= nic->wired == 0 ? 1U << 18 : 0;
    put_config(nic, COMMAND_AT, UINT32_C(0xffff) << 16 | BUS_MASTER | 1 << 1);
    put_config(nic, BOARD_MSI_AT,
               0x7005 | (uint32_t)nic->msi_64bit << 23 | (uint32_t)nic->msi_masks << 24);
    put_config(nic, BOARD_MSIX_AT, 0x0011 | (uint32_t)(BOARD_ENTRIES - 1) << 16);
    put_config(nic, BOARD_MSIX_AT + 4, BOARD_TABLE_OFFSET | 3);
    memset(nic->config + BOARD_MSI_AT + 4, 0xff, 0x14); /* what others have left there */
    return (struct irq_client){
        .dev = &nic->dev,
        .handler = nic_handle,
        .arg = nic,
        .vectors = vectors,
        .select = nic_select,
        .trigger = nic_trigger,
        .quiet = nic_quiet,
        .shutdown = nic_shutdown,
    };
}

static bool is_asserted(uint32_t pin)
{
    bool asserted = (board.pin_stuck >> pin & 1) != 0;
    for (size_t n = 0; n < ARRAY_SIZE(board.nics); n++) {
        const struct board_nic *nic = &board.nics[n];
        asserted |= nic->asserted && (nic->wired >> pin & 1) != 0 && board_intx_is_allowed(nic) &&
                    !board_msi_is_on(nic) && !board_msix_is_on(nic);
    }
    return asserted;
}

static void interrupt(uint8_t vector)
{
    assert_non_null(board.handlers[vector]);
    uint32_t before = board.eois;
    uint64_t saved = platform_irq_save();
    board.handlers[vector](vector);
    platform_irq_restore(saved);
    assert_int_equal(board.eois, before + 1);
}

/* A level comes again and again, here once a call. */
void board_deliver(void)
{
    if (fake.irq_depth != 0) {
        return;
    }
    while (board.queue_count > 0) {
        uint8_t vector = board.queue[0];
        memmove(board.queue, board.queue + 1, --board.queue_count);
        interrupt(vector);
    }
    for (uint32_t pin = 0; pin < board.pin_count; pin++) {
        if ((board.pin_open >> pin & 1) != 0 && is_asserted(pin)) {
            interrupt(board.pin_vector[pin]);
        }
    }
}

uint64_t time_now_ns(void)
{
    return platform_now_ns();
}

void time_delay_us(uint32_t us)
{
    fake.now_ns += us * UINT64_C(1000);
    board_deliver();
}

const struct acpi_info *acpi_info(void)
{
    return &board.acpi;
}

void vectors_set_handler(uint8_t vector, irq_vector_fn *fn)
{
    board.handlers[vector] = fn;
}

void apic_eoi(void)
{
    board.eois++;
}

uint32_t apic_id(void)
{
    return board.apic_id;
}

void apic_timer_set_tick(void (*tick)(void))
{
    board.tick = tick;
}

void apic_timer_arm(uint64_t deadline_ns)
{
    board.armed_ns = deadline_ns;
}

uint32_t ioapic_pin_count(void)
{
    return board.pin_count;
}

struct ioapic_pin ioapic_pin_at(uint32_t idx)
{
    assert_true(idx < board.pin_count);
    return board.pins[idx];
}

void ioapic_route(const struct ioapic_pin *pin, uint8_t vector)
{
    board.pin_vector[pin->gsi] = vector;
    board.pin_open &= ~(1U << pin->gsi);
}

void ioapic_set_masked(uint32_t gsi, bool masked)
{
    board.pin_open = masked ? board.pin_open & ~(1U << gsi) : board.pin_open | 1U << gsi;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t left = sizeof(board.log) - board.log_len;
    int n = snprintf(board.log + board.log_len, left, "%d ", (int)level);
    n += vsnprintf(board.log + board.log_len + n, left - (size_t)n, fmt, ap);
    n += snprintf(board.log + board.log_len + n, left - (size_t)n, "\n");
    va_end(ap);
    board.log_len += (size_t)n;
}
