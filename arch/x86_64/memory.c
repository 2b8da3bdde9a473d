/*
 * Memory as the rest of the program gets it: the start-up arena, guarded stacks, memory for DMA,
 * device registers, and a view of firmware's tables. Which page has which rights is paging.c's.
 */
#include "arch/x86_64/memory.h"
#include "arch/x86_64/arch.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"
#include "kernel/dma.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "kernel/platform.h"

#define LOW_KEPT_OUT   (UINT64_C(1) << 20) /* BIOS data, ROMs, later cores' start-up code */
#define STATIC_MAP_END (UINT64_C(4) << 30)

enum {
    STACK_ALIGN_BYTES = 16,
};

extern const uint8_t image_end[]; /* linker.ld; the image starts at 1 MiB */

static struct {
    struct arena arena;
    bool ready;
} memory;

/* What of a range may be handed out: whole pages, not below the image's end, below 4 GiB. */
static struct boot_memory clip(struct boot_memory range)
{
    uint64_t floor = max_u64(LOW_KEPT_OUT, (uintptr_t)image_end);
    uint64_t start = align_up(max_u64(range.start, floor), CPU_PAGE_BYTES);
    uint64_t end = min_u64(range.end, STATIC_MAP_END) & ~(uint64_t)(CPU_PAGE_BYTES - 1);
    return start < end ? (struct boot_memory){start, end} : (struct boot_memory){0, 0};
}

enum status memory_init(const struct boot_info *info)
{
    assert(!memory.ready);
    struct boot_memory best = {0, 0};
    for (uint32_t i = 0; i < info->memory_count; i++) {
        struct boot_memory usable = clip(info->memory[i]);
        if (usable.end - usable.start > best.end - best.start) {
            best = usable;
        }
    }
    if (best.end == best.start) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&memory.arena, (void *)(uintptr_t)best.start, best.end - best.start);
    memory.ready = true;
    log_info("memory: %u MiB at 0x%x to hand out", (unsigned)(memory.arena.size_bytes >> 20),
             (unsigned)best.start);
    return STATUS_OK;
}

struct arena *platform_arena(void)
{
    assert(memory.ready);
    return &memory.arena;
}

void *platform_stack_alloc(size_t size, void **top)
{
    size_t bytes = align_up(size, CPU_PAGE_BYTES);
    assert(bytes >= size && bytes > 0);
    uint8_t *guard = arena_alloc(platform_arena(), CPU_PAGE_BYTES + bytes, CPU_PAGE_BYTES);
    if (guard == NULL || !paging_set_guard((uintptr_t)guard)) {
        return NULL;
    }
    *top = guard + CPU_PAGE_BYTES + bytes;
    assert((uintptr_t)*top % STACK_ALIGN_BYTES == 0);
    return guard + CPU_PAGE_BYTES;
}

void *dma_alloc(size_t size, size_t align, uint64_t *bus)
{
    uint8_t *mem = arena_alloc(platform_arena(), size, align);
    if (mem == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        mem[i] = 0;
    }
    *bus = dma_bus_address(mem);
    return mem;
}

/* Physical is virtual, and bus is physical where no IOMMU translates. */
uint64_t dma_bus_address(const void *virt)
{
    assert(virt != NULL);
    return (uintptr_t)virt;
}

enum status mmio_map(struct mmio *m, uint64_t physical, size_t size_bytes)
{
    enum status s = paging_map_device(physical, size_bytes);
    if (s != STATUS_OK) {
        return s;
    }
    m->base = (volatile uint8_t *)(uintptr_t)physical;
    m->size_bytes = size_bytes;
    return STATUS_OK;
}

/* Uncached accesses are done in program order (SDM volume 3, section 8.2): the compiler is told. */
uint32_t mmio_read32(const struct mmio *m, uint32_t offset)
{
    assert(offset % sizeof(uint32_t) == 0 && offset + sizeof(uint32_t) <= m->size_bytes);
    uint32_t value = *(volatile uint32_t *)(void *)(uintptr_t)(m->base + offset);
    dma_read_barrier();
    return value;
}

void mmio_write32(const struct mmio *m, uint32_t offset, uint32_t value)
{
    assert(offset % sizeof(uint32_t) == 0 && offset + sizeof(uint32_t) <= m->size_bytes);
    dma_write_barrier();
    *(volatile uint32_t *)(void *)(uintptr_t)(m->base + offset) = value;
}

const void *phys_map(uint64_t phys, size_t len)
{
    if (len == 0 || phys < CPU_PAGE_BYTES || phys > UINT64_MAX - len) {
        return NULL;
    }
    if (phys + len > STATIC_MAP_END && paging_map_device(phys, len) != STATUS_OK) {
        return NULL;
    }
    return paging_is_readable(phys, len) ? (const void *)(uintptr_t)phys : NULL;
}
