/*
 * From an address to the function's name. The table is made by tools/symbols.awk out of the linked
 * image and linked in again, behind everything it could move.
 */
#include "arch/x86_64/trap/backtrace.h"

extern const uint32_t symbol_count;          /* 0 in the first of the two links */
extern const uint32_t symbol_addresses[];    /* ascending */
extern const uint32_t symbol_name_offsets[]; /* into symbol_names */
extern const char symbol_names[];
extern const uint8_t text_start[], text_end[]; /* linker.ld */

const char *symbol_find(uint64_t address, uint64_t *offset)
{
    if (address < (uintptr_t)text_start || address >= (uintptr_t)text_end || symbol_count == 0 ||
        address < symbol_addresses[0]) {
        return NULL;
    }
    uint32_t low = 0; /* symbol_addresses[low] <= address < symbol_addresses[high] */
    uint32_t high = symbol_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (symbol_addresses[middle] <= address) {
            low = middle;
        } else {
            high = middle;
        }
    }
    assert(symbol_addresses[low] <= address);
    *offset = address - symbol_addresses[low];
    return symbol_names + symbol_name_offsets[low];
}
