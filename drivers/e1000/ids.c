/*
 * The device table. An ID is listed when its whole initialisation is in init.c, never because it
 * looks similar: ICH and PCH parts, the 8257x and the fibre variants need steps that are not there.
 * The manual, chapter 5 (vendor, device and revision IDs).
 */
#include "drivers/e1000/ids.h"

enum {
    QUIRKS_82544 = E1000_QUIRK_NO_MODERATION | E1000_QUIRK_NO_MANC | E1000_QUIRK_EEPROM_RELOAD |
                   E1000_QUIRK_PCIX_HANG,
};

static const struct e1000_id ids[] = {
    {0x100c, E1000_GEN_8254X, QUIRKS_82544, "e1000 82544GC"},     /* copper; QEMU e1000-82544gc */
    {0x100d, E1000_GEN_8254X, QUIRKS_82544, "e1000 82544GC LOM"}, /* the same on a mainboard */
    {0x100e, E1000_GEN_8254X, 0, "e1000 82540EM"}, /* QEMU e1000, VirtualBox MT Desktop */
    {0x100f, E1000_GEN_8254X, 0, "e1000 82545EM"}, /* copper; VMware, QEMU e1000-82545em */
};

const struct e1000_id *e1000_match(uint16_t vendor, uint16_t device)
{
    if (vendor != E1000_VENDOR_INTEL) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        if (ids[i].device == device) {
            return &ids[i];
        }
    }
    return NULL;
}

const struct e1000_id *e1000_id_at(size_t idx)
{
    return idx < ARRAY_SIZE(ids) ? &ids[idx] : NULL;
}
