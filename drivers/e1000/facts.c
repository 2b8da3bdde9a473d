/*
 * What a report says of a device: read, nothing set.
 */
#include "drivers/e1000/internal.h"

/* PCI Express 3.0, 7.8.8: the link status is the upper half of the word with the link control. */
static void read_express(const struct e1000 *e, struct e1000_facts *out)
{
    enum {
        CAPABILITY_EXPRESS = 0x10,
        LINK_OFFSET = 0x10,
        LINK_SPEED_SHIFT = 16,
        LINK_SPEED_MASK = 0xf,
        LINK_WIDTH_SHIFT = 20,
        LINK_WIDTH_MASK = 0x3f,
    };
    uint8_t at = pci_find_capability(e->dev, CAPABILITY_EXPRESS);
    out->express = at != 0;
    if (out->express) {
        uint32_t link = pci_read32(e->dev, (uint8_t)(at + LINK_OFFSET));
        out->express_speed = (uint8_t)(link >> LINK_SPEED_SHIFT & LINK_SPEED_MASK);
        out->express_width = (uint8_t)(link >> LINK_WIDTH_SHIFT & LINK_WIDTH_MASK);
    }
}

void e1000_read_facts(const struct e1000 *e, struct e1000_facts *out)
{
    assert(e->state == E1000_READY);
    *out = (struct e1000_facts){.phy_addr = e1000_phy_addr(e->id)};
    out->ctrl = e1000_read(e, E1000_CTRL);
    out->status = e1000_read(e, E1000_STATUS);
    read_express(e, out);
    e1000_nvm_look(e, out);
    e1000_phy_look(e, out);
}

const char *e1000_quirk_name(uint32_t n)
{
    static const char *const names[] = {
        "no-moderation",  "no-manc",     "eeprom-reload", "pcix-hang",  "write-merge",
        "master-disable", "keep-rx",     "mulr",          "no-eerd",    "no-mdic",
        "auto-read",      "drv-load",    "drv-load-swsm", "no-aspm",    "ich8-buffer",
        "i210-buffer",    "tail-guard",  "ring-flush",    "ulp",        "k1-off",
        "pll-request",    "speed-mode",  "no-asde",       "go-linkd",   "port-xor",
        "port-block",     "slow-eeprom", "two-requests",  "wake-clock", "phy-at-2",
        "k1-phy",         "no-tso",
    };
    static_assert(E1000_QUIRK_NO_TSO == 1u << (ARRAY_SIZE(names) - 1), "each has its name");
    return n < ARRAY_SIZE(names) ? names[n] : NULL;
}
