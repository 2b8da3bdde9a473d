/*
 * The page tables: physical = virtual. RAM write-back and never executable, everything else
 * uncached, the image's parts with one right each, page 0 and stack guards absent. Above 4 GiB
 * nothing is mapped but RAM that was asked for and devices. Pieces of RAM that shall pass for one
 * are mapped a second time from PAGING_JOINED_START on, where nothing else is.
 */
#ifndef ARCH_X86_64_MM_PAGING_H
#define ARCH_X86_64_MM_PAGING_H

#include "boot/info/info.h"
#include "kernel/arena.h"

#define PAGING_JOINED_START (UINT64_C(1) << 46)

/* Builds the tables over the first 4 GiB and switches to them. Start-up, before any other call. */
void paging_init(const struct boot_info *info);

/* New tables come from arena, which is kept; before this call there are none. Start-up only. */
void paging_set_arena(struct arena *arena);

/* Behind the last address the processor has lines for: a table entry beyond it faults. */
uint64_t paging_physical_end(void);

/* True when the processor has no-execute pages, which paging_init turned on. */
bool paging_has_nx(void);

/*
 * Makes the pages of [phys, phys + len) device memory: uncached, never executable. May need page
 * tables. STATUS_BAD_INPUT: the range is empty, wraps, holds usable RAM or page 0, or is over
 * 1 GiB. STATUS_UNSUPPORTED: beyond what identity mapping reaches. STATUS_NO_MEMORY: no memory for
 * a table. Start-up only.
 */
enum status paging_map_device(uint64_t phys, uint64_t len) must_check;

/*
 * The same for a framebuffer: write-combining (uncached where the processor has no page attribute
 * table). Writes reach it late, in any order and in whole lines; reads are as slow as uncached.
 * A page of it that is mapped as device memory later becomes uncached, and the other way round.
 */
enum status paging_map_wc(uint64_t phys, uint64_t len) must_check;

/*
 * Maps usable RAM, whole pages, at virt (4 GiB or above, where nothing was): write-back, writable,
 * never executable, by 2 MiB pages where virt and phys are aligned to them. May need page tables.
 * STATUS_UNSUPPORTED: the processor has no lines for such addresses. STATUS_NO_MEMORY: no memory
 * for a table. Start-up only.
 */
enum status paging_map_ram(uint64_t virt, uint64_t phys, uint64_t len) must_check;

/* Unmaps the page at address (page-aligned, in mapped RAM) as a stack guard. False: no memory. */
bool paging_set_guard(uint64_t address) must_check;

/* Any context, and touches nothing but the tables: for code that must not fault. */
bool paging_is_guard(uint64_t address);
bool paging_is_readable(uint64_t address, size_t len);

#endif
