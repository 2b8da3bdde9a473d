/*
 * Finds the ACPI tables of this machine and keeps what acpi.c decodes from them. The root pointer
 * comes from the boot loader (the only way under UEFI) or from a scan of the BIOS areas (ACPI
 * 5.2.5.1). Without tables the machine is taken for a PC with the usual addresses.
 */
#include "arch/x86_64/acpi/acpi.h"
#include "arch/x86_64/mm/memory.h"
#include "boot/info/info.h"
#include "kernel/log.h"

#define BIOS_AREA_START UINT64_C(0xe0000)
#define BIOS_AREA_END   UINT64_C(0x100000)
/*
 * The extended BIOS data area ends at 640 KiB and has at most 128 KiB. The pointer to its start
 * is in page 0, which is not mapped, so all of it is searched.
 */
#define EBDA_AREA_START UINT64_C(0x80000)
#define EBDA_AREA_END   UINT64_C(0xa0000)

static struct acpi_info board;

const struct acpi_info *acpi_info(void)
{
    return &board;
}

static const void *read_physical(void *ctx, uint64_t address, size_t len)
{
    (void)ctx;
    return phys_map(address, len);
}

struct window { /* one mapped stretch, so that a scan does not map every 16 bytes anew */
    const uint8_t *bytes;
    uint64_t start;
    uint64_t end;
};

static const void *read_window(void *ctx, uint64_t address, size_t len)
{
    const struct window *w = ctx;
    if (w->bytes == NULL || address < w->start || address > w->end || len > w->end - address) {
        return NULL;
    }
    return w->bytes + (address - w->start);
}

static bool scan_area(uint64_t start, uint64_t end, struct acpi_root *root)
{
    struct window w = {phys_map(start, (size_t)(end - start)), start, end};
    return w.bytes != NULL && acpi_scan_rsdp(start, end, read_window, &w, root);
}

/* Where the root pointer was found, or NULL. */
static const char *find_root(const struct boot_info *info, struct acpi_root *root)
{
    if (info->rsdp_bytes != 0 && acpi_decode_rsdp(info->rsdp, info->rsdp_bytes, root)) {
        return "boot loader";
    }
    if (scan_area(BIOS_AREA_START, BIOS_AREA_END, root)) {
        return "BIOS area";
    }
    return scan_area(EBDA_AREA_START, EBDA_AREA_END, root) ? "EBDA" : NULL;
}

static void log_board(const struct acpi_root *root, const char *where)
{
    log_info("acpi: revision %u, root pointer from the %s, %u processor%s, %u IOAPIC%s%s%s",
             (unsigned)root->revision, where, (unsigned)board.cpu_count,
             board.cpu_count == 1 ? "" : "s", (unsigned)board.ioapic_count,
             board.ioapic_count == 1 ? "" : "s", board.hpet_address != 0 ? ", HPET" : "",
             board.pm_timer_port != 0 ? ", PM timer" : "");
    if (board.tables_rejected != 0 || board.entries_dropped != 0) {
        log_warn("acpi: %u malformed tables and %u malformed or surplus entries ignored",
                 (unsigned)board.tables_rejected, (unsigned)board.entries_dropped);
    }
    if (!board.madt_found || board.ioapic_count == 0) {
        log_warn("acpi: the tables name no IOAPIC: devices will be polled");
    }
}

enum status acpi_init(const struct boot_info *info)
{
    assert(info != NULL && info->rsdp_bytes <= BOOT_RSDP_BYTES);
    struct acpi_root root = {0};
    acpi_info_default(&board);
    const char *where = find_root(info, &root);
    if (where == NULL) {
        log_warn("acpi: no root pointer from the boot loader nor in the BIOS areas");
        return STATUS_NOT_FOUND;
    }
    enum status st = acpi_decode_tables(&root, read_physical, NULL, &board);
    if (st != STATUS_OK) {
        log_warn("acpi: neither XSDT nor RSDT can be believed");
        return st;
    }
    log_board(&root, where);
    return STATUS_OK;
}
