/*
 * Which of the boot loader's RAM is handed out: the ranges, by address, in whole pages. Pure, so
 * that maps of machines that nobody has can be tried.
 */
#ifndef ARCH_X86_64_MM_PLAN_H
#define ARCH_X86_64_MM_PLAN_H

#include "boot/info/info.h"
#include "kernel/arena.h"

/*
 * Addresses below are in the tables that paging_init makes; RAM above is mapped piece by piece.
 * Every device's DMA reaches below, not every one's above.
 */
#define MEMORY_LOW_END (UINT64_C(4) << 30)

/* So much RAM is used at most, below and above 4 GiB together: more has not been tried. */
#define MEMORY_MAX_BYTES (UINT64_C(64) << 30)

struct memory_plan {
    struct boot_memory ranges[BOOT_MEMORY_MAX + 1]; /* none of them crosses MEMORY_LOW_END */
    uint32_t count;
    uint64_t used_bytes;
    uint64_t left_bytes; /* RAM beyond MEMORY_MAX_BYTES or the processor's last address */
};

/*
 * Plans with the RAM of info between floor (the image and what lies below it end there) and
 * physical_end (the processor has no addresses from there on). Context: any.
 */
void memory_plan(struct memory_plan *out, const struct boot_info *info, uint64_t floor,
                 uint64_t physical_end);

/*
 * Takes want bytes (whole 2 MiB pages) of a in such pages, from the last range on, so that what is
 * low stays for those who need that. Returns the number of pieces; together they are shorter than
 * want when a has no more. Context: any.
 */
uint32_t memory_take_pieces(struct arena *a, size_t want,
                            struct boot_memory pieces[ARENA_RANGES_MAX]);

#endif
