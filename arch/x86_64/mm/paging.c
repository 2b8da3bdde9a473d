/*
 * Which memory has which rights. Owns every table and the control registers that turn them on. Does
 * not hand out memory: it is told where tables beyond the static ones come from.
 * Intel SDM volume 3, sections 4.5 (4-level paging) and 11.12 (page attribute table).
 */
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/mm/page_table.h"

/*
 * As the processor has it after reset, firmware may differ, but for entry 1: write-combining (01h)
 * instead of write-through, which nothing here uses. Entries 4 to 7 repeat 0 to 3, so the PAT bit,
 * which lies elsewhere in a large page's entry, need not be set. SDM volume 3, table 11-10.
 */
#define PAT_ENTRIES UINT64_C(0x0007010600070106)

#define STATIC_BYTES        (UINT64_C(4) << 30)
#define LOW_BYTES           (UINT64_C(8) << 20) /* in 4 KiB pages: the image and what is below it */
#define DEVICE_MAX_BYTES    (UINT64_C(1) << 30)
#define VGA_WINDOW_START    UINT64_C(0xa0000)
#define VGA_WINDOW_END      UINT64_C(0xc0000)
#define LOW_FIRMWARE_END    UINT64_C(0x100000)
#define EFER_LME_LMA_NXE(n) ((UINT64_C(5) << 8) | ((n) ? UINT64_C(1) << 11 : 0))

enum {
    CR0_PE = 1 << 0,
    CR0_MP = 1 << 1,
    CR0_ET = 1 << 4,
    CR0_NE = 1 << 5,
    CR0_WP = 1 << 16,
    CR4_DE = 1 << 3,
    CR4_PAE = 1 << 5,
    CR4_MCE = 1 << 6,
    CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10,
    /* OSXSAVE stays clear: AVX is an invalid opcode, and CPUID tells libraries not to use it. */
};
#define CR0_PG (UINT64_C(1) << 31)

extern const uint8_t text_start[], text_end[], rodata_start[], rodata_end[]; /* linker.ld */
extern const uint8_t data_start[], data_end[], image_end[];

/* [I] after init but for the entries that paging_map_device and paging_set_guard change. */
static struct {
    uint64_t pml4[PAGE_TABLE_ENTRIES];
    uint64_t pdpt[PAGE_TABLE_ENTRIES];
    uint64_t pd[STATIC_BYTES >> 30][PAGE_TABLE_ENTRIES];
    uint64_t low[LOW_BYTES / LARGE_PAGE_BYTES][PAGE_TABLE_ENTRIES];
    uint64_t nx;               /* PTE_NX or 0 */
    uint64_t combining;        /* PTE_COMBINING, or PTE_UNCACHED without a page attribute table */
    struct page_tables tables; /* from pml4 on */
    const struct boot_info *info;
} paging __attribute__((aligned(CPU_PAGE_BYTES)));

static bool holds_ram(uint64_t start, uint64_t end)
{
    const struct boot_info *info = paging.info;
    for (uint32_t i = 0; i < info->memory_count; i++) {
        if (info->memory[i].start < end && start < info->memory[i].end) {
            return true;
        }
    }
    return false;
}

static bool within(uint64_t page, const uint8_t *start, const uint8_t *end)
{
    return page >= (uintptr_t)start && page < (uintptr_t)end;
}

static uint64_t ram_flags(void)
{
    return PTE_PRESENT | PTE_WRITE | paging.nx;
}

static uint64_t device_flags(void)
{
    return PTE_PRESENT | PTE_WRITE | PTE_UNCACHED | paging.nx;
}

static uint64_t combining_flags(void)
{
    return PTE_PRESENT | PTE_WRITE | paging.combining | paging.nx;
}

/* The rights of a 4 KiB page below LOW_BYTES. */
static uint64_t low_flags(uint64_t page)
{
    if (page == 0) {
        return 0; /* a null pointer faults */
    }
    if (within(page, text_start, text_end)) {
        return PTE_PRESENT;
    }
    if (within(page, rodata_start, rodata_end)) {
        return PTE_PRESENT | paging.nx;
    }
    if (within(page, data_start, data_end)) {
        return ram_flags();
    }
    if (page < LOW_FIRMWARE_END) {
        bool vga = page >= VGA_WINDOW_START && page < VGA_WINDOW_END;
        return vga ? device_flags() : ram_flags(); /* BIOS data, ROM: memory, if not ours */
    }
    return holds_ram(page, page + CPU_PAGE_BYTES) ? ram_flags() : device_flags();
}

static void build_low(void)
{
    static_assert(LOW_BYTES % LARGE_PAGE_BYTES == 0 && LOW_BYTES <= UINT64_C(1) << 30,
                  "the low tables hang below the first page directory");
    assert((uintptr_t)image_end <= LOW_BYTES);
    for (uint64_t page = 0; page < LOW_BYTES; page += CPU_PAGE_BYTES) {
        uint64_t flags = low_flags(page);
        paging.low[page / LARGE_PAGE_BYTES][page / CPU_PAGE_BYTES % PAGE_TABLE_ENTRIES] =
            flags == 0 ? 0 : page | flags;
    }
    for (size_t i = 0; i < ARRAY_SIZE(paging.low); i++) {
        paging.pd[0][i] = (uintptr_t)paging.low[i] | PTE_PRESENT | PTE_WRITE;
    }
}

/*
 * A 2 MiB page that is RAM in part is cached whole: what shares it with RAM at its end is ACPI
 * tables in practice; a device there is mapped apart by paging_map_device.
 */
static void build_tables(void)
{
    for (uint64_t at = 0; at < STATIC_BYTES; at += LARGE_PAGE_BYTES) {
        uint64_t flags = holds_ram(at, at + LARGE_PAGE_BYTES) ? ram_flags() : device_flags();
        paging.pd[at >> 30][at / LARGE_PAGE_BYTES % PAGE_TABLE_ENTRIES] = at | PTE_LARGE | flags;
    }
    build_low();
    for (size_t i = 0; i < ARRAY_SIZE(paging.pd); i++) {
        paging.pdpt[i] = (uintptr_t)paging.pd[i] | PTE_PRESENT | PTE_WRITE;
    }
    paging.pml4[0] = (uintptr_t)paging.pdpt | PTE_PRESENT | PTE_WRITE;
}

void paging_init(const struct boot_info *info)
{
    assert(paging.info == NULL && info->memory_count > 0);
    bool nx = (cpuid(UINT32_C(0x80000001), 0).edx & CPUID_EXT1_EDX_NX) != 0;
    bool mce = (cpuid(1, 0).edx & CPUID_1_EDX_MCE) != 0;
    paging.info = info;
    paging.tables = (struct page_tables){.root = paging.pml4};
    bool pat = (cpuid(1, 0).edx & CPUID_1_EDX_PAT) != 0;
    paging.nx = nx ? PTE_NX : 0;
    paging.combining = pat ? PTE_COMBINING : PTE_UNCACHED;
    build_tables();
    /* NXE before the tables that use bit 63. LMA is read-only: written as it stands. */
    wrmsr(MSR_EFER, EFER_LME_LMA_NXE(nx));
    if (pat) {
        wrmsr(MSR_PAT, PAT_ENTRIES);
    }
    cpu_write_cr3((uintptr_t)paging.pml4);
    cpu_write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
    cpu_write_cr4(CR4_PAE | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT | (mce ? CR4_MCE : 0));
}

void paging_set_arena(struct arena *arena)
{
    paging.tables.spare = arena;
}

bool paging_has_nx(void)
{
    return paging.nx != 0;
}

uint64_t paging_physical_end(void)
{
    uint32_t bits = 36; /* what every processor with long mode has */
    if (cpuid(0x80000000, 0).eax >= 0x80000008) {
        bits = cpuid(0x80000008, 0).eax & 0xff;
    }
    return UINT64_C(1) << min_u32(bits, 52);
}

/* What the processor remembers of the tables is forgotten: start-up only, so all of it may be. */
static void flush_translations(void)
{
    cpu_write_cr3((uintptr_t)paging.pml4);
}

/*
 * Maps the page or pages of one 2 MiB stretch that lie in [start, end). Beside a device whatever is
 * no RAM may as well be uncached: it costs no table. Beside a framebuffer it may not be combining.
 */
static bool map_stretch(uint64_t start, uint64_t end, uint64_t flags)
{
    uint64_t base = start & ~(LARGE_PAGE_BYTES - 1);
    assert(start < end && end <= base + LARGE_PAGE_BYTES);
    bool alone =
        !holds_ram(base, base + LARGE_PAGE_BYTES) && !page_table_is_small(&paging.tables, base);
    if (alone && flags == device_flags()) {
        start = base;
        end = base + LARGE_PAGE_BYTES;
    }
    return page_table_map(&paging.tables, start, start, end - start, flags);
}

static enum status map_device(uint64_t phys, uint64_t len, uint64_t flags)
{
    assert(paging.info != NULL);
    if (len == 0 || len > DEVICE_MAX_BYTES || phys > UINT64_MAX - len) {
        return STATUS_BAD_INPUT;
    }
    if (phys + len > PAGING_JOINED_START || phys + len > paging_physical_end()) {
        return STATUS_UNSUPPORTED;
    }
    uint64_t start = phys & ~(uint64_t)(CPU_PAGE_BYTES - 1);
    uint64_t end = align_up(phys + len, CPU_PAGE_BYTES);
    if (start == 0 || holds_ram(start, end)) {
        return STATUS_BAD_INPUT;
    }
    while (start < end) {
        uint64_t next = min_u64(end, (start & ~(LARGE_PAGE_BYTES - 1)) + LARGE_PAGE_BYTES);
        if (!map_stretch(start, next, flags)) {
            return STATUS_NO_MEMORY;
        }
        start = next;
    }
    flush_translations();
    return STATUS_OK;
}

enum status paging_map_device(uint64_t phys, uint64_t len)
{
    return map_device(phys, len, device_flags());
}

enum status paging_map_wc(uint64_t phys, uint64_t len)
{
    return map_device(phys, len, combining_flags());
}

enum status paging_map_ram(uint64_t virt, uint64_t phys, uint64_t len)
{
    assert(paging.info != NULL && virt >= STATIC_BYTES);
    if (len > paging_physical_end() || phys > paging_physical_end() - len) {
        return STATUS_UNSUPPORTED;
    }
    /* Nothing was mapped there: no translation of it can be remembered (SDM 3, 4.10.2.3). */
    return page_table_map(&paging.tables, virt, phys, len, ram_flags()) ? STATUS_OK
                                                                        : STATUS_NO_MEMORY;
}

bool paging_set_guard(uint64_t address)
{
    assert(address % CPU_PAGE_BYTES == 0 && address != 0);
    uint64_t *entry = page_table_small(&paging.tables, address);
    if (entry == NULL) {
        return false;
    }
    assert((*entry & PTE_PRESENT) != 0);
    *entry = PTE_GUARD;
    cpu_invlpg(address);
    return true;
}

static uint64_t look_up(uint64_t address)
{
    return paging.info != NULL ? page_table_look_up(&paging.tables, address) : 0;
}

bool paging_is_guard(uint64_t address)
{
    uint64_t entry = look_up(address);
    return (entry & (PTE_PRESENT | PTE_GUARD)) == PTE_GUARD;
}

bool paging_is_readable(uint64_t address, size_t len)
{
    if (len == 0 || len > STATIC_BYTES || address > UINT64_MAX - len) {
        return false;
    }
    uint64_t first = address & ~(uint64_t)(CPU_PAGE_BYTES - 1);
    for (uint64_t page = first; page < address + len; page += CPU_PAGE_BYTES) {
        if ((look_up(page) & PTE_PRESENT) == 0) {
            return false;
        }
    }
    return true;
}
