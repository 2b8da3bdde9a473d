/*
 * The table of usable RAM: sorted, disjoint ranges, made from a firmware map that may be unsorted,
 * overlapping, duplicated or plain wrong. Where entries contradict each other memory counts as
 * taken. When the table is full the smallest range goes, and the loss is counted.
 */
#include "boot/info/decode.h"

static void remove_at(struct boot_info *info, uint32_t idx)
{
    for (uint32_t i = idx; i + 1 < info->memory_count; i++) {
        info->memory[i] = info->memory[i + 1];
    }
    info->memory_count--;
}

/* The table must have room. */
static void insert_at(struct boot_info *info, uint32_t idx, struct boot_memory range)
{
    for (uint32_t i = info->memory_count; i > idx; i--) {
        info->memory[i] = info->memory[i - 1];
    }
    info->memory[idx] = range;
    info->memory_count++;
}

/* Makes room for a range, giving up the smallest. False when that is the new one itself. */
static bool make_room(struct boot_info *info, struct boot_memory range)
{
    if (info->memory_count < BOOT_MEMORY_MAX) {
        return true;
    }
    uint32_t smallest = 0;
    for (uint32_t i = 1; i < info->memory_count; i++) {
        uint64_t size = info->memory[i].end - info->memory[i].start;
        if (size < info->memory[smallest].end - info->memory[smallest].start) {
            smallest = i;
        }
    }
    info->memory_dropped++;
    if (range.end - range.start <= info->memory[smallest].end - info->memory[smallest].start) {
        return false;
    }
    remove_at(info, smallest);
    return true;
}

/* Adds a non-empty range, swallowing every range that it overlaps or touches. */
static void add(struct boot_info *info, struct boot_memory range)
{
    uint32_t i = 0;
    while (i < info->memory_count) {
        struct boot_memory m = info->memory[i];
        if (m.end < range.start || m.start > range.end) {
            i++;
            continue;
        }
        range.start = m.start < range.start ? m.start : range.start;
        range.end = m.end > range.end ? m.end : range.end;
        remove_at(info, i);
    }
    if (!make_room(info, range)) {
        return;
    }
    uint32_t at = 0;
    while (at < info->memory_count && info->memory[at].start < range.start) {
        at++;
    }
    insert_at(info, at, range);
}

/* Takes a non-empty range out of the table. A range that it splits needs one more place. */
static void cut(struct boot_info *info, struct boot_memory taken)
{
    uint32_t i = 0;
    while (i < info->memory_count) {
        struct boot_memory m = info->memory[i];
        if (m.end <= taken.start || m.start >= taken.end) {
            i++;
            continue;
        }
        struct boot_memory below = {m.start, taken.start};
        struct boot_memory above = {taken.end, m.end};
        remove_at(info, i);
        if (m.start < taken.start && make_room(info, below)) {
            insert_at(info, i, below);
            i++;
        }
        /* Above may push out below, or any other range: look for the place again. */
        if (m.end > taken.end && make_room(info, above)) {
            i = 0;
            while (i < info->memory_count && info->memory[i].start < above.start) {
                i++;
            }
            insert_at(info, i, above);
        }
    }
}

void boot_memory_entry(struct boot_info *info, enum boot_map_pass pass, uint64_t base,
                       uint64_t length, uint32_t type)
{
    bool wraps = length > UINT64_MAX - base;
    struct boot_memory range = {base, wraps ? UINT64_MAX : base + length};
    if (range.start == range.end) {
        return; /* empty, or the last byte of the address space: nothing is there */
    }
    /* What runs over the end of all addresses is no RAM, however much of it might be. */
    if (pass == BOOT_MAP_ADD && type == BOOT_RAM_USABLE && !wraps) {
        add(info, range);
    } else if (pass == BOOT_MAP_REMOVE && type != BOOT_RAM_USABLE) {
        cut(info, range);
    }
}

void boot_memory_basic(struct boot_info *info, uint32_t lower_kib, uint32_t upper_kib)
{
    boot_memory_entry(info, BOOT_MAP_ADD, 0, (uint64_t)lower_kib << 10, BOOT_RAM_USABLE);
    boot_memory_entry(info, BOOT_MAP_ADD, UINT64_C(1) << 20, (uint64_t)upper_kib << 10,
                      BOOT_RAM_USABLE);
}
