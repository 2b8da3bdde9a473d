/*
 * Memory beyond what kernel/platform.h, dma.h and mmio.h ask of it: its start-up, its rest, and
 * what firmware has left in it.
 */
#ifndef ARCH_X86_64_MM_MEMORY_H
#define ARCH_X86_64_MM_MEMORY_H

#include "boot/info/info.h"
#include "kernel/base.h"

/*
 * Makes platform_arena() of all usable RAM, by address, up to MEMORY_MAX_BYTES of it, the image and
 * the first MiB kept out; maps what lies above 4 GiB. Everything a loader or firmware left in RAM
 * must have been copied before it is used. RAM that cannot be mapped is left out, and the log says
 * how much. STATUS_NO_MEMORY: there is none below 4 GiB. Start-up, after paging_init.
 */
enum status memory_init(const struct boot_info *info) must_check;

/*
 * A readable view of physical memory that firmware or the loader filled: ACPI tables, BIOS area.
 * RAM is cached, everything else uncached; never executable; the first page never. NULL when the
 * range wraps, touches page 0 or lies where no page tables can be made for it. Start-up only.
 */
const void *phys_map(uint64_t phys, size_t len);

/*
 * What platform_arena() has left but for keep_bytes, and at least least_bytes of it, in one piece,
 * *bytes long: of one range when one has that much, else joined by page tables from the whole 2 MiB
 * pages of several. NULL when there is not so much. Not cleared, never given back. Not for DMA: a
 * joined piece has no bus address. Start-up only, once.
 */
void *memory_take_rest(size_t least_bytes, size_t keep_bytes, size_t *bytes);

#endif
