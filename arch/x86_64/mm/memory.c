/*
 * Memory as the rest of the program gets it: the start-up arena, guarded stacks, memory for DMA,
 * device registers, and a view of firmware's tables. Which page has which rights is paging.c's.
 */
#include "arch/x86_64/mm/memory.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/mm/page_table.h"
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/mm/plan.h"
#include "kernel/dma.h"
#include "kernel/log.h"
#include "kernel/mmio.h"
#include "kernel/platform.h"

#define LOW_KEPT_OUT (UINT64_C(1) << 20) /* BIOS data, ROMs, later cores' start-up code */

enum {
    STACK_ALIGN_BYTES = 16,
};
static_assert(ARENA_RANGES_MAX >= BOOT_MEMORY_MAX + 1, "every range of a plan fits the arena");

extern const uint8_t image_end[]; /* linker.ld; the image starts at 1 MiB */

static struct {
    struct arena arena;
    bool ready;
} memory;

static void log_memory(uint64_t high_bytes, uint64_t left_bytes)
{
    const struct arena *a = &memory.arena;
    log_info("memory: %u MiB to hand out in %u range%s, %u MiB of it above 4 GiB",
             (unsigned)(a->size_bytes >> 20), a->count, a->count == 1 ? "" : "s",
             (unsigned)(high_bytes >> 20));
    if (left_bytes > 0) {
        log_warn("memory: %u MiB of RAM are left alone: beyond %u MiB, or out of reach",
                 (unsigned)(left_bytes >> 20), (unsigned)(MEMORY_MAX_BYTES >> 20));
    }
}

enum status memory_init(const struct boot_info *info)
{
    assert(!memory.ready);
    struct memory_plan plan;
    memory_plan(&plan, info, max_u64(LOW_KEPT_OUT, (uintptr_t)image_end), paging_physical_end());
    if (plan.count == 0 || plan.ranges[0].start >= MEMORY_LOW_END) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&memory.arena, NULL, 0);
    paging_set_arena(&memory.arena); /* before the first range that needs a table */
    memory.ready = true;
    uint64_t high = 0;
    /* By address: the tables that a range above 4 GiB needs come from those below it. */
    for (uint32_t i = 0; i < plan.count; i++) {
        uint64_t start = plan.ranges[i].start;
        uint64_t bytes = plan.ranges[i].end - start;
        bool is_high = start >= MEMORY_LOW_END;
        if (is_high && paging_map_ram(start, start, bytes) != STATUS_OK) {
            plan.left_bytes += bytes;
            continue;
        }
        arena_add(&memory.arena, (void *)(uintptr_t)start, bytes);
        high += is_high ? bytes : 0;
    }
    log_memory(high, plan.left_bytes);
    return STATUS_OK;
}

struct arena *platform_arena(void)
{
    assert(memory.ready);
    return &memory.arena;
}

/* The page below the stack is a guard: one that overflows faults there, and hurts no neighbour. */
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

/* All pieces are taken before the first is mapped: the tables come from the same ranges. */
static void *join_pieces(struct arena *a, size_t want, size_t *bytes)
{
    struct boot_memory pieces[ARENA_RANGES_MAX];
    uint32_t count = memory_take_pieces(a, want, pieces);
    uint64_t virt = PAGING_JOINED_START;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t len = pieces[i].end - pieces[i].start;
        if (paging_map_ram(virt, pieces[i].start, len) != STATUS_OK) {
            return NULL;
        }
        virt += len;
    }
    *bytes = virt - PAGING_JOINED_START;
    return count > 0 ? (void *)(uintptr_t)PAGING_JOINED_START : NULL;
}

void *memory_take_rest(size_t least_bytes, size_t keep_bytes, size_t *bytes)
{
    struct arena *a = platform_arena();
    size_t left = arena_left(a);
    *bytes = left > keep_bytes ? (size_t)max_u64(left - keep_bytes, least_bytes) : least_bytes;
    void *mem = arena_alloc(a, *bytes, CPU_PAGE_BYTES);
    if (mem == NULL) {
        mem = join_pieces(a, (size_t)align_up(*bytes, LARGE_PAGE_BYTES), bytes);
    }
    return mem != NULL && *bytes >= least_bytes ? mem : NULL;
}

/* Cleared, for what was there may read as a descriptor that is done. */
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
    assert(virt != NULL && (uintptr_t)virt < PAGING_JOINED_START);
    return (uintptr_t)virt;
}

/* Mapped for ever: a device's registers are wanted to the last, in a panic too. */
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
    /* The first page is never mapped: a null pointer must fault. */
    if (len == 0 || phys < CPU_PAGE_BYTES || phys > UINT64_MAX - len) {
        return NULL;
    }
    if (!paging_is_readable(phys, len) && paging_map_device(phys, len) != STATUS_OK) {
        return NULL;
    }
    return paging_is_readable(phys, len) ? (const void *)(uintptr_t)phys : NULL;
}
