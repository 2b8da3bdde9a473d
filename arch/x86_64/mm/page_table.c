/*
 * Page tables as data; see page_table.h. Nothing here changes what the processor does.
 */
#include "arch/x86_64/mm/page_table.h"
#include "arch/x86_64/cpu/cpu.h"

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
static uint64_t *table_below(const struct page_tables *t, uint64_t *entry)
{
    if (is_table(*entry)) {
        return table_of(*entry);
    }
    uint64_t *table =
        t->spare == NULL ? NULL : arena_alloc(t->spare, CPU_PAGE_BYTES, CPU_PAGE_BYTES);
    if (table == NULL) {
        return NULL;
    }
    bool split = (*entry & PTE_PRESENT) != 0;
    for (uint64_t i = 0; i < PAGE_TABLE_ENTRIES; i++) {
        table[i] = split ? (*entry & ~PTE_LARGE) + i * CPU_PAGE_BYTES : 0;
    }
    /* Allows all: an access needs its right at every level (SDM volume 3, section 4.6), so the last
     * one decides. */
    *entry = (uintptr_t)table | PTE_PRESENT | PTE_WRITE;
    return table;
}

/* The page directory of the GiB at virt: an entry for each 2 MiB. */
static uint64_t *directory_of(const struct page_tables *t, uint64_t virt)
{
    assert(virt < LOWER_HALF_BYTES);
    uint64_t *pdpt = table_below(t, &t->root[index_at(virt, SHIFT_PML4)]);
    return pdpt == NULL ? NULL : table_below(t, &pdpt[index_at(virt, SHIFT_PDPT)]);
}

uint64_t *page_table_small(const struct page_tables *t, uint64_t virt)
{
    uint64_t *pd = directory_of(t, virt);
    uint64_t *pt = pd == NULL ? NULL : table_below(t, &pd[index_at(virt, SHIFT_PD)]);
    return pt == NULL ? NULL : &pt[index_at(virt, SHIFT_PT)];
}

/*
 * Maps the len bytes from virt on, within the 2 MiB that *large stands for; first is the entry of
 * the first page.
 */
static bool map_stretch(const struct page_tables *t, uint64_t *large, uint64_t virt, uint64_t len,
                        uint64_t first)
{
    bool aligned = (first & PTE_ADDRESS_MASK) % LARGE_PAGE_BYTES == 0;
    if (len == LARGE_PAGE_BYTES && aligned && !is_table(*large)) {
        *large = first | PTE_LARGE;
        return true;
    }
    uint64_t *pt = table_below(t, large);
    if (pt == NULL) {
        return false;
    }
    for (uint64_t done = 0; done < len; done += CPU_PAGE_BYTES) {
        pt[index_at(virt + done, SHIFT_PT)] = first + done;
    }
    return true;
}

/* Maps the len bytes from virt on, within the GiB that pd is the directory of. */
static bool map_in_directory(const struct page_tables *t, uint64_t *pd, uint64_t virt, uint64_t len,
                             uint64_t first)
{
    while (len > 0) {
        uint64_t step = min_u64(len, LARGE_PAGE_BYTES - virt % LARGE_PAGE_BYTES);
        if (!map_stretch(t, &pd[index_at(virt, SHIFT_PD)], virt, step, first)) {
            return false;
        }
        virt += step;
        first += step;
        len -= step;
    }
    return true;
}

bool page_table_map(const struct page_tables *t, uint64_t virt, uint64_t phys, uint64_t len,
                    uint64_t flags)
{
    assert(virt % CPU_PAGE_BYTES == 0 && phys % CPU_PAGE_BYTES == 0 && len % CPU_PAGE_BYTES == 0);
    assert(len <= LOWER_HALF_BYTES && virt <= LOWER_HALF_BYTES - len);
    assert((flags & PTE_PRESENT) != 0 && phys + len <= PTE_ADDRESS_MASK + CPU_PAGE_BYTES);
    while (len > 0) {
        uint64_t step = min_u64(len, DIRECTORY_BYTES - virt % DIRECTORY_BYTES);
        uint64_t *pd = directory_of(t, virt);
        if (pd == NULL || !map_in_directory(t, pd, virt, step, phys | flags)) {
            return false;
        }
        virt += step;
        phys += step;
        len -= step;
    }
    return true;
}

/* The last entry on the way to virt; *shift says how much of the address it stands for. */
static uint64_t walk(const struct page_tables *t, uint64_t virt, unsigned *shift)
{
    if (virt >= LOWER_HALF_BYTES) {
        return 0;
    }
    *shift = SHIFT_PML4;
    uint64_t entry = t->root[index_at(virt, *shift)];
    while (*shift > SHIFT_PT && is_table(entry)) {
        *shift -= LEVEL_BITS;
        entry = table_of(entry)[index_at(virt, *shift)];
    }
    return entry;
}

uint64_t page_table_look_up(const struct page_tables *t, uint64_t virt)
{
    unsigned shift;
    return walk(t, virt, &shift);
}

bool page_table_is_small(const struct page_tables *t, uint64_t virt)
{
    unsigned shift = SHIFT_PML4;
    (void)walk(t, virt, &shift);
    return shift == SHIFT_PT;
}
