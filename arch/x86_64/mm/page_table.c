/*
 * Page tables as data; see page_table.h. Nothing here changes what the processor does.
 */
#include "arch/x86_64/mm/page_table.h"
#include "arch/x86_64/cpu/cpu.h"
#include "kernel/platform.h"

enum {
    LEVEL_BITS = 9, /* of an address, for each of the four tables on its way */
    SHIFT_PML4 = 39,
    SHIFT_PDPT = 30,
    SHIFT_PD = 21,
    SHIFT_PT = 12,
};
#define DIRECTORY_BYTES (UINT64_C(1) << SHIFT_PDPT)
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

/* The page directory of the GiB at virt: an entry for each 2 MiB. */
static uint64_t *directory_of(uint64_t *root, uint64_t virt)
{
    assert(virt < LOWER_HALF_BYTES);
    uint64_t *pdpt = table_below(&root[index_at(virt, SHIFT_PML4)]);
    return pdpt == NULL ? NULL : table_below(&pdpt[index_at(virt, SHIFT_PDPT)]);
}

uint64_t *page_table_small(uint64_t *root, uint64_t virt)
{
    uint64_t *pd = directory_of(root, virt);
    uint64_t *pt = pd == NULL ? NULL : table_below(&pd[index_at(virt, SHIFT_PD)]);
    return pt == NULL ? NULL : &pt[index_at(virt, SHIFT_PT)];
}

/* Maps what lies within the 2 MiB stretch of virt that *large stands for. */
static bool map_stretch(uint64_t *large, uint64_t virt, uint64_t phys, uint64_t len, uint64_t flags)
{
    if (len == LARGE_PAGE_BYTES && phys % LARGE_PAGE_BYTES == 0 && !is_table(*large)) {
        *large = phys | PTE_LARGE | flags;
        return true;
    }
    uint64_t *pt = table_below(large);
    if (pt == NULL) {
        return false;
    }
    for (uint64_t done = 0; done < len; done += CPU_PAGE_BYTES) {
        pt[index_at(virt + done, SHIFT_PT)] = (phys + done) | flags;
    }
    return true;
}

/* Maps what lies within one GiB of virt. */
static bool map_in_directory(uint64_t *pd, uint64_t virt, uint64_t phys, uint64_t len,
                             uint64_t flags)
{
    while (len > 0) {
        uint64_t step = min_u64(len, LARGE_PAGE_BYTES - virt % LARGE_PAGE_BYTES);
        if (!map_stretch(&pd[index_at(virt, SHIFT_PD)], virt, phys, step, flags)) {
            return false;
        }
        virt += step;
        phys += step;
        len -= step;
    }
    return true;
}

bool page_table_map(uint64_t *root, uint64_t virt, uint64_t phys, uint64_t len, uint64_t flags)
{
    assert(virt % CPU_PAGE_BYTES == 0 && phys % CPU_PAGE_BYTES == 0 && len % CPU_PAGE_BYTES == 0);
    assert(len <= LOWER_HALF_BYTES && virt <= LOWER_HALF_BYTES - len);
    assert((flags & PTE_PRESENT) != 0 && phys + len <= PTE_ADDRESS_MASK + CPU_PAGE_BYTES);
    while (len > 0) {
        uint64_t step = min_u64(len, DIRECTORY_BYTES - virt % DIRECTORY_BYTES);
        uint64_t *pd = directory_of(root, virt);
        if (pd == NULL || !map_in_directory(pd, virt, phys, step, flags)) {
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
