/*
 * Four-level page tables as data: making entries and reading them. Which memory gets which rights,
 * and telling the processor of changes, is the caller's business (paging.c). Tables are reached at
 * their physical addresses.
 * Intel SDM volume 3, section 4.5 (4-level paging).
 */
#ifndef ARCH_X86_64_MM_PAGE_TABLE_H
#define ARCH_X86_64_MM_PAGE_TABLE_H

#include "kernel/arena.h"

#define PTE_PRESENT      (UINT64_C(1) << 0)
#define PTE_WRITE        (UINT64_C(1) << 1)
#define PTE_COMBINING    (UINT64_C(1) << 3) /* PWT: PAT entry 1, which paging.c sets */
#define PTE_UNCACHED     (UINT64_C(3) << 3) /* PWT and PCD: PAT entry 3, uncacheable */
#define PTE_LARGE        (UINT64_C(1) << 7) /* in a page directory: a page of 2 MiB */
#define PTE_GUARD        (UINT64_C(1) << 9) /* free for software; meant when not present */
#define PTE_NX           (UINT64_C(1) << 63)
#define PTE_ADDRESS_MASK UINT64_C(0x000ffffffffff000)

#define LARGE_PAGE_BYTES   (UINT64_C(2) << 20)
#define LOWER_HALF_BYTES   (UINT64_C(1) << 47) /* canonical addresses from 0 on */
#define PAGE_TABLE_ENTRIES 512                 /* entries of a table, of whichever level */

struct page_tables {
    uint64_t *root;      /* the PML4 */
    struct arena *spare; /* new tables come from it, and never go back; NULL: there are none */
};

/*
 * Maps [virt, virt + len) to [phys, phys + len), all whole pages, with the rights of flags (PTE_*,
 * PTE_PRESENT among them), whatever was mapped there before: by 2 MiB pages where both sides are
 * aligned and there is no table of small pages yet, by 4 KiB pages elsewhere. False: no memory for
 * a table; a part may be mapped then.
 */
bool page_table_map(const struct page_tables *t, uint64_t virt, uint64_t phys, uint64_t len,
                    uint64_t flags) must_check;

/*
 * The entry of the 4 KiB page at virt, its tables made where there are none: a 2 MiB page becomes
 * 512 small ones with its rights. NULL: no memory for a table.
 */
uint64_t *page_table_small(const struct page_tables *t, uint64_t virt);

/* True when the 2 MiB at virt are divided in small pages. */
bool page_table_is_small(const struct page_tables *t, uint64_t virt);

/* The last entry on the way to virt, whatever it says; 0 where a table is missing. */
uint64_t page_table_look_up(const struct page_tables *t, uint64_t virt);

#endif
