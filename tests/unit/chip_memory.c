/*
 * The chip models' view of memory: what dma.h hands out and chip_memory gives, at bus addresses
 * that are never mistaken for pointers.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/dma.h"
#include "tests/unit/chip_internal.h"

#define BUS_OFFSET UINT64_C(0x2000000000)
#define POISON     0xdb

static void *add_region(size_t size, size_t align)
{
    struct chip *c = chip;
    void *virt = NULL;
    if (c->region_count == CHIP_REGIONS_MAX || posix_memalign(&virt, max_u64(align, 16), size)) {
        abort();
    }
    memset(virt, 0, size);
    c->regions[c->region_count++] = (struct chip_region){virt, size, true};
    return virt;
}

void *chip_memory(struct chip *c, size_t size)
{
    assert(c == chip);
    return add_region(size, 4096);
}

void chip_lend(struct chip *c, void *memory, size_t size)
{
    assert(c == chip);
    size_t i = 0;
    while (i < c->region_count && c->regions[i].ours) {
        i++;
    }
    assert(i < CHIP_REGIONS_MAX);
    c->regions[i] = (struct chip_region){memory, size, false};
    c->region_count = c->region_count > i ? c->region_count : i + 1;
}

uint64_t dma_bus_address(const void *virt)
{
    return (uint64_t)(uintptr_t)virt + BUS_OFFSET;
}

void *dma_alloc(size_t size, size_t align, uint64_t *bus)
{
    if (++chip->dma_calls == chip->dma_fail_at) {
        return NULL;
    }
    void *virt = add_region(size, align);
    *bus = dma_bus_address(virt);
    return virt;
}

uint8_t *chip_reach(uint64_t bus, size_t len)
{
    uintptr_t at = (uintptr_t)(bus - BUS_OFFSET);
    if (!chip->bus_master) {
        chip_fault("DMA without bus mastering");
        return NULL;
    }
    for (size_t i = 0; i < chip->region_count; i++) {
        uintptr_t start = (uintptr_t)chip->regions[i].virt;
        size_t size = chip->regions[i].size;
        if (at >= start && len <= size && at - start <= size - len) {
            return (uint8_t *)at;
        }
    }
    chip_fault("DMA to 0x%llx, which is nobody's memory", (unsigned long long)bus);
    return NULL;
}

uint64_t chip_hash(const uint8_t *bytes, size_t len)
{
    uint64_t h = UINT64_C(1469598103934665603);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return h;
}

/* A read of a buffer that the chip owns sees nonsense; a write to it is found out. */
void chip_poison(uint8_t *buffer, size_t len)
{
    memset(buffer, POISON, len);
}

bool chip_poisoned(const uint8_t *buffer, size_t len)
{
    return buffer[0] == POISON && memcmp(buffer, buffer + 1, len - 1) == 0;
}

void chip_memory_release(void)
{
    for (size_t i = 0; i < chip->region_count; i++) {
        if (chip->regions[i].ours) {
            free(chip->regions[i].virt);
        }
    }
    chip->region_count = 0;
}
