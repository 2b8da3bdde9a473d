/*
 * Memory that a device reads and writes. x86 DMA is cache coherent: ordinary write-back memory, and
 * only the compiler must be kept from reordering.
 */
#ifndef KERNEL_DMA_H
#define KERNEL_DMA_H

#include "kernel/base.h"

/*
 * size bytes at a multiple of align (power of two), zeroed, physically contiguous, for ever. *bus
 * gets the address the device must use. NULL when memory is used up. Start-up only.
 */
void *dma_alloc(size_t size, size_t align, uint64_t *bus) must_check;

/* The bus address of memory from platform_arena(): a pkt_bus_fn. */
uint64_t dma_bus_address(const void *virt);

/* Loads after it are not done before loads in front of it: DD bit first, then the rest. */
static inline void dma_read_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Stores in front of it are visible to the device before stores after it. */
static inline void dma_write_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

#endif
