/*
 * Dividing the boot loader's RAM into what is handed out and what is not; see plan.h.
 */
#include "arch/x86_64/mm/plan.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/mm/page_table.h"

static uint64_t page_below(uint64_t address)
{
    return address & ~(uint64_t)(CPU_PAGE_BYTES - 1);
}

/* The first page's start at or above address; a page that would end beyond 2^64 is none. */
static uint64_t page_above(uint64_t address)
{
    return address > UINT64_MAX - CPU_PAGE_BYTES ? page_below(UINT64_MAX)
                                                 : align_up(address, CPU_PAGE_BYTES);
}

/* Adds the whole pages of [start, end), as far as the limit allows. */
static void add(struct memory_plan *out, uint64_t start, uint64_t end)
{
    start = page_above(start);
    end = page_below(end);
    if (start >= end) {
        return;
    }
    uint64_t taken = min_u64(end - start, MEMORY_MAX_BYTES - out->used_bytes);
    out->left_bytes += end - start - taken;
    if (taken > 0) {
        assert(out->count < ARRAY_SIZE(out->ranges));
        out->ranges[out->count++] = (struct boot_memory){start, start + taken};
        out->used_bytes += taken;
    }
}

void memory_plan(struct memory_plan *out, const struct boot_info *info, uint64_t floor,
                 uint64_t physical_end)
{
    static_assert(MEMORY_MAX_BYTES % CPU_PAGE_BYTES == 0, "the limit cuts at a page");
    *out = (struct memory_plan){0};
    for (uint32_t i = 0; i < info->memory_count; i++) {
        uint64_t start = max_u64(info->memory[i].start, floor);
        uint64_t end = min_u64(info->memory[i].end, physical_end);
        /* Cut at 4 GiB: what lies above is mapped, and handed out, apart. */
        add(out, start, min_u64(end, MEMORY_LOW_END));
        add(out, max_u64(start, MEMORY_LOW_END), end);
        if (info->memory[i].end > physical_end) {
            out->left_bytes += info->memory[i].end - max_u64(start, physical_end);
        }
    }
    assert(out->used_bytes <= MEMORY_MAX_BYTES);
}

/* An empty piece: there is none. */
static struct boot_memory take_piece(struct arena *a, struct arena_range *r, size_t want)
{
    uint64_t start = align_up((uintptr_t)r->base + r->used_bytes, LARGE_PAGE_BYTES);
    uint64_t end = ((uintptr_t)r->base + r->size_bytes) & ~(LARGE_PAGE_BYTES - 1);
    if (start >= end) {
        return (struct boot_memory){0, 0};
    }
    size_t before = r->used_bytes;
    size_t bytes = min_size(end - start, want);
    void *mem = arena_range_take(r, bytes, LARGE_PAGE_BYTES);
    assert((uintptr_t)mem == start);
    a->used_bytes += r->used_bytes - before; /* with what was skipped to a 2 MiB page */
    return (struct boot_memory){start, start + bytes};
}

uint32_t memory_take_pieces(struct arena *a, size_t want,
                            struct boot_memory pieces[ARENA_RANGES_MAX])
{
    assert(want % LARGE_PAGE_BYTES == 0);
    uint32_t count = 0;
    for (uint32_t i = a->count; i-- > 0 && want > 0;) {
        pieces[count] = take_piece(a, &a->ranges[i], want);
        want -= pieces[count].end - pieces[count].start;
        count += pieces[count].start != pieces[count].end;
    }
    return count;
}
