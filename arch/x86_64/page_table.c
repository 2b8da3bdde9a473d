/*
 * Page tables as data; see page_table.h. Nothing here changes what the processor does.
 */
#include "arch/x86_64/page_table.h"
#include "arch/x86_64/cpu.h"
#include "kernel/platform.h"

enum {
    LEVEL_BITS = 9, /* of an address, for each of the four tables on its way */
    SHIFT_PML4 = 39,
    SHIFT_PDPT = 30,
    SHIFT_PD = 21,
    SHIFT_PT = 12,
};
static_assert(PAGE_TABLE_ENTRIES == 1 << LEVEL_BITS, "a table is a page of entries");

static size_t index_at(uint64_t virt, unsigned shift)
{
    return virt >> shift & (PAGE_TABLE_ENTRIES - 1);
}

static uint64_t *table_of(uint64_t entry)
{
    return (uint64_t *)(uintptr_t)(entry & PTE_ADDRESS_MASK);
}

static bool is_table(uint64_t entry)
{
    return (entry & PTE_PRESENT) != 0 && (entry & PTE_LARGE) == 0;
}

/*
 * The table below *entry, made when there is none: empty where nothing was mapped, with the same
 * rights in smaller pages where a 2 MiB page was. NULL when memory is used up.
 */
static uint64_t *table_below(uint64_t *entry)
{
    if (is_table(*entry)) {
        return table_of(*entry);
    }
    uint64_t *table = arena_alloc(platform_arena(), CPU_PAGE_BYTES, CPU_PAGE_BYTES);
    if (table == NULL) {
        return NULL;
    }
    bool split = (*entry & PTE_PRESENT) != 0;
    for (uint64_t i = 0; i < PAGE_TABLE_ENTRIES; i++) {
        table[i] = split ? (*entry & ~PTE_LARGE) + i * CPU_PAGE_BYTES : 0;
    }
    *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    return table;
}

/* The page directory's entry for the 2 MiB at virt. */
static uint64_t *large_entry(uint64_t *root, uint64_t virt)
{
    assert(virt < LOWER_HALF_BYTES);
    uint64_t *pdpt = table_below(&root[index_at(virt, SHIFT_PML4)]);
    uint64_t *pd = pdpt == NULL ? NULL : table_below(&pdpt[index_at(virt, SHIFT_PDPT)]);
    return pd == NULL ? NULL : &pd[index_at(virt, SHIFT_PD)];
}

uint64_t *page_table_small(uint64_t *root, uint64_t virt)
{
    uint64_t *large = large_entry(root, virt);
    uint64_t *pt = large == NULL ? NULL : table_below(large);
    return pt == NULL ? NULL : &pt[index_at(virt, SHIFT_PT)];
}

/* Maps what lies within one 2 MiB stretch of virt. */
static bool map_stretch(uint64_t *root, uint64_t virt, uint64_t phys, uint64_t len, uint64_t flags)
{
    uint64_t *large = large_entry(root, virt);
    if (large == NULL) {
        return false;
    }
    if (len == LARGE_PAGE_BYTES && phys % LARGE_PAGE_BYTES == 0 && !is_table(*large)) {
        *large = phys | PTE_LARGE | flags;
        return true;
    }
    for (uint64_t done = 0; done < len; done += CPU_PAGE_BYTES) {
        uint64_t *entry = page_table_small(root, virt + done);
        if (entry == NULL) {
            return false;
        }
        *entry = (phys + done) | flags;
    }
    return true;
}

bool page_table_map(uint64_t *root, uint64_t virt, uint64_t phys, uint64_t len, uint64_t flags)
{
    assert(virt % CPU_PAGE_BYTES == 0 && phys % CPU_PAGE_BYTES == 0 && len % CPU_PAGE_BYTES == 0);
    assert(len <= LOWER_HALF_BYTES && virt <= LOWER_HALF_BYTES - len);
    assert((flags & PTE_PRESENT) != 0 && phys + len <= PTE_ADDRESS_MASK + CPU_PAGE_BYTES);
    while (len > 0) {
        uint64_t step = min_u64(len, LARGE_PAGE_BYTES - virt % LARGE_PAGE_BYTES);
        if (!map_stretch(root, virt, phys, step, flags)) {
            return false;
        }
        virt += step;
        phys += step;
        len -= step;
    }
    return true;
}

/* The last entry on the way to virt; *shift says how much of the address it stands for. */
static uint64_t walk(const uint64_t *root, uint64_t virt, unsigned *shift)
{
    if (virt >= LOWER_HALF_BYTES) {
        return 0;
    }
    *shift = SHIFT_PML4;
    uint64_t entry = root[index_at(virt, *shift)];
    while (*shift > SHIFT_PT && is_table(entry)) {
        *shift -= LEVEL_BITS;
        entry = table_of(entry)[index_at(virt, *shift)];
    }
    return entry;
}

uint64_t page_table_look_up(const uint64_t *root, uint64_t virt)
{
    unsigned shift;
    return walk(root, virt, &shift);
}

bool page_table_is_small(const uint64_t *root, uint64_t virt)
{
    unsigned shift = SHIFT_PML4;
    (void)walk(root, virt, &shift);
    return shift == SHIFT_PT;
}
