/*
 * Device registers. Always 32 bit wide. Functions, not macros over pointers, so that a driver can
 * be linked against a model of its chip. Accesses are not reordered against each other, and a
 * write is not done before the stores to memory that precede it (descriptors before the tail).
 */
#ifndef KERNEL_MMIO_H
#define KERNEL_MMIO_H

#include "kernel/base.h"

struct mmio {
    volatile uint8_t *base; /* [I] mapped uncached */
    size_t size_bytes;      /* [I] offsets are asserted below it */
};

uint32_t mmio_read32(const struct mmio *m, uint32_t offset);
void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value);

/* Maps a device's physical range uncached. Start-up only. */
enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes) must_check;

#endif
