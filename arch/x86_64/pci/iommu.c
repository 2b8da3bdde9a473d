/*
 * See iommu.h. Intel VT-d 4.1: 11.4.4 (global command and status), 11.4.8 (protected memory), 8.3
 * (where the units are: DMAR). AMD IOMMU 3.08, 3.4.4 (control register): only looked at.
 */
#include "arch/x86_64/pci/iommu.h"

#include "arch/x86_64/acpi/acpi.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    REG_CAP = 0x08,
    REG_GCMD = 0x18, /* write-only */
    REG_GSTS = 0x1c, /* read-only; the same bits */
    REG_PMEN = 0x64,

    CAP_PROTECTED_LOW = 1 << 5,
    CAP_PROTECTED_HIGH = 1 << 6,
    GLOBAL_IRE = 1 << 25,
    PMEN_STATUS = 1 << 0,

    AMD_REG_CONTROL = 0x18,
    AMD_CONTROL_ENABLE = 1 << 0,

    WAIT_STEP_US = 10,
    WAIT_STEPS_MAX = 1000, /* 10 ms; units take microseconds */
};
#define GLOBAL_TE   (UINT32_C(1) << 31)
#define PMEN_ENABLE (UINT32_C(1) << 31)
/* 11.4.4.1: bits that are commands and no state are not to be written back as the status has them:
 * SRTP, SFL, WBF, SIRTP. */
#define GLOBAL_STATE UINT32_C(0x96ffffff)

static void wait_clear(const struct mmio *m, uint32_t reg, uint32_t bits)
{
    for (uint32_t i = 0; i < WAIT_STEPS_MAX && (mmio_read32(m, reg) & bits) != 0; i++) {
        time_delay_us(WAIT_STEP_US);
    }
}

/* 11.4.4.1: one bit at a time, and the next when the status has followed. */
static void turn_off_global(const struct mmio *m, uint32_t bit)
{
    mmio_write32(m, REG_GCMD, mmio_read32(m, REG_GSTS) & GLOBAL_STATE & ~bit);
    wait_clear(m, REG_GSTS, bit);
}

static uint32_t read_work(const struct mmio *m)
{
    uint32_t status = mmio_read32(m, REG_GSTS);
    if (status == UINT32_MAX) { /* what an address without a device reads as */
        return IOMMU_NOT_THERE;
    }
    uint32_t cap = mmio_read32(m, REG_CAP);
    bool can_protect = (cap & (CAP_PROTECTED_LOW | CAP_PROTECTED_HIGH)) != 0;
    bool protects = can_protect && (mmio_read32(m, REG_PMEN) & PMEN_STATUS) != 0;
    return ((status & GLOBAL_TE) != 0 ? IOMMU_TRANSLATES : 0U) |
           ((status & GLOBAL_IRE) != 0 ? IOMMU_REMAPS : 0U) | (protects ? IOMMU_PROTECTS : 0U);
}

uint32_t iommu_turn_off(const struct mmio *m, uint32_t *left)
{
    uint32_t work = read_work(m);
    if ((work & IOMMU_TRANSLATES) != 0) {
        turn_off_global(m, GLOBAL_TE);
    }
    if ((work & IOMMU_PROTECTS) != 0) {
        mmio_write32(m, REG_PMEN, mmio_read32(m, REG_PMEN) & ~PMEN_ENABLE);
        wait_clear(m, REG_PMEN, PMEN_STATUS);
    }
    if ((work & IOMMU_REMAPS) != 0) {
        turn_off_global(m, GLOBAL_IRE);
    }
    *left = work == 0 ? 0 : read_work(m);
    return work;
}

static void log_work(uint64_t address, uint32_t work, uint32_t left)
{
    log_write(left != 0 ? LOG_ERROR : LOG_WARN,
              "iommu: the firmware left on%s%s%s in the unit at 0x%llx: %s",
              (work & IOMMU_TRANSLATES) != 0 ? " translation," : "",
              (work & IOMMU_PROTECTS) != 0 ? " protected memory," : "",
              (work & IOMMU_REMAPS) != 0 ? " interrupt remapping," : "",
              (unsigned long long)address,
              left == 0 ? "turned off"
                        : "it stays on, and DMA may be blocked; turn it off in the set-up");
}

static bool turn_off_unit(uint64_t address)
{
    struct mmio m;
    if (mmio_map(&m, address, ACPI_IOMMU_BYTES) != STATUS_OK) {
        log_warn("iommu: nothing can be at 0x%llx, where DMAR has a unit",
                 (unsigned long long)address);
        return false;
    }
    uint32_t left = 0;
    uint32_t work = iommu_turn_off(&m, &left);
    if (work == IOMMU_NOT_THERE) {
        log_info("iommu: no answer from the unit at 0x%llx", (unsigned long long)address);
    } else if (work != 0) {
        log_work(address, work, left);
    }
    return work != 0;
}

/* They are told of, not turned off: that is more than a bit, and firmware leaves them off. */
static void log_amd_unit(uint64_t address)
{
    struct mmio m;
    uint32_t control = UINT32_MAX;
    if (mmio_map(&m, address, ACPI_IOMMU_BYTES) == STATUS_OK) {
        control = mmio_read32(&m, AMD_REG_CONTROL);
    }
    bool on = control != UINT32_MAX && (control & AMD_CONTROL_ENABLE) != 0;
    log_write(on ? LOG_ERROR : LOG_INFO, "iommu: AMD's unit at 0x%llx is %s",
              (unsigned long long)address,
              control == UINT32_MAX ? "not there"
              : on                  ? "on, and DMA may be blocked; turn it off in the set-up"
                                    : "off");
}

void iommu_init(void)
{
    const struct acpi_info *info = acpi_info();
    uint32_t on = 0;
    for (uint32_t i = 0; i < info->iommu_count; i++) {
        on += turn_off_unit(info->iommus[i]);
    }
    if (info->iommu_count != 0 && on == 0) {
        log_info("iommu: %u VT-d unit%s, off", (unsigned)info->iommu_count,
                 info->iommu_count == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < info->amd_iommu_count; i++) {
        log_amd_unit(info->amd_iommus[i]);
    }
}
