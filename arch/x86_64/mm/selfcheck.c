/*
 * Reads the page tables that the processor uses and says whether memory is protected as promised:
 * the other side of paging.c, which wrote them. Looks at what is, not at what was meant.
 * Intel SDM volume 3, section 4.5.
 */
#include "arch/x86_64/mm/selfcheck.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/gdt.h"
#include "arch/x86_64/mm/paging.h"

#define ENTRY_PRESENT      (UINT64_C(1) << 0)
#define ENTRY_WRITE        (UINT64_C(1) << 1)
#define ENTRY_LARGE        (UINT64_C(1) << 7)
#define ENTRY_NX           (UINT64_C(1) << 63)
#define ENTRY_ADDRESS_MASK UINT64_C(0x000ffffffffff000)

enum {
    ENTRIES = 512,
    LEVELS = 4, /* PML4, PDPT, PD, PT */
    INDEX_BITS = 9,
    PAGE_BITS = 12,
};

extern const uint8_t text_start[], rodata_end[]; /* linker.ld */

/*
 * The rights of the page that holds address: bits ENTRY_*, anded over the levels; 0: not mapped.
 * *bytes: how much lies under that one entry, the page or the hole.
 */
static uint64_t page_at(uint64_t address, uint64_t *bytes)
{
    uint64_t table = cpu_read_cr3() & ENTRY_ADDRESS_MASK;
    uint64_t nx = 0;
    uint64_t write = ENTRY_WRITE;
    for (int level = LEVELS - 1; level >= 0; level--) {
        uint64_t idx = address >> (PAGE_BITS + INDEX_BITS * level) & (ENTRIES - 1);
        uint64_t entry = ((const uint64_t *)(uintptr_t)table)[idx];
        *bytes = UINT64_C(1) << (PAGE_BITS + INDEX_BITS * level);
        if ((entry & ENTRY_PRESENT) == 0) {
            return 0;
        }
        nx |= entry & ENTRY_NX;
        write &= entry;
        if (level == 0 || (level < LEVELS - 1 && (entry & ENTRY_LARGE) != 0)) {
            break;
        }
        table = entry & ENTRY_ADDRESS_MASK;
    }
    return ENTRY_PRESENT | write | nx;
}

static uint64_t rights_of(uint64_t address)
{
    uint64_t bytes;
    return page_at(address, &bytes);
}

/* Every page there is: nothing is mapped in the upper half. */
static bool none_writable_and_executable(void)
{
    const uint64_t end = UINT64_C(1) << (PAGE_BITS + LEVELS * INDEX_BITS);
    uint64_t bytes;
    for (uint64_t at = 0; at < end; at += bytes) {
        uint64_t rights = page_at(at, &bytes);
        if ((rights & ENTRY_WRITE) != 0 && (rights & ENTRY_NX) == 0) {
            return false;
        }
    }
    return true;
}

static bool image_constants_read_only(void)
{
    for (const uint8_t *at = text_start; at < rodata_end; at += 1 << PAGE_BITS) {
        if ((rights_of((uintptr_t)at) & (ENTRY_PRESENT | ENTRY_WRITE)) != ENTRY_PRESENT) {
            return false;
        }
    }
    return true;
}

static bool all_stacks_guarded(void)
{
    bool ok = true;
    for (size_t i = 0; gdt_guard(i) != 0; i++) {
        ok = ok && rights_of(gdt_guard(i)) == 0;
    }
    return ok;
}

void arch_check_protection(struct arch_protection *out)
{
    *out = (struct arch_protection){
        .page_zero_unmapped = rights_of(0) == 0,
        .write_xor_execute = none_writable_and_executable(),
        .text_read_only = image_constants_read_only(),
        .stacks_guarded = all_stacks_guarded(),
    };
}
