/*
 * The MAC address: from receive address 0, where the hardware puts it at power-up and at a reset;
 * else from the NVM (EEPROM or flash), three words at address 0. That order matters: on parts with
 * several ports the NVM's words need not be in the order of the PCI functions.
 *
 * EERD exists in two layouts (8254x: done in bit 4, address from bit 8; PCI Express parts: done in
 * bit 1, address from bit 2). A request of the wrong one is never done. Address 0 is the same in
 * both: the answer to it shows the layout (manual, 13.4 EERD; iPXE asks in the same way).
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    EERD_LOOK_US = 5,
    EERD_LOOKS_COUNT = 4000, /* 20 ms; a word takes less than 1 ms from the slowest EEPROM */
    MAC_WORDS = 3,
    PORT_BLOCK_WORDS = 0x40, /* 82580 and I350, ports 1 to 3: at 0x80, 0xc0, 0x100 */
};

/* How a request is put, found out by the first one. */
struct eerd {
    uint32_t done;
    uint32_t addr_shift;
};

static bool eerd_read(const struct e1000 *e, const struct eerd *layout, uint32_t addr,
                      uint32_t *value)
{
    e1000_write(e, E1000_EERD, E1000_EERD_START | addr << layout->addr_shift);
    for (uint32_t i = 0; i < EERD_LOOKS_COUNT; i++) {
        *value = e1000_read(e, E1000_EERD);
        if ((*value & layout->done) != 0 && *value != UINT32_MAX) {
            return true;
        }
        time_delay_us(EERD_LOOK_US);
    }
    return false;
}

static bool eerd_detect(const struct e1000 *e, struct eerd *layout)
{
    uint32_t value;
    *layout = (struct eerd){.done = E1000_EERD_DONE_SMALL | E1000_EERD_DONE_LARGE};
    if (!eerd_read(e, layout, 0, &value)) {
        return false;
    }
    bool small = (value & E1000_EERD_DONE_SMALL) != 0;
    layout->done = small ? E1000_EERD_DONE_SMALL : E1000_EERD_DONE_LARGE;
    layout->addr_shift = small ? E1000_EERD_ADDR_SMALL_SHIFT : E1000_EERD_ADDR_LARGE_SHIFT;
    return true;
}

static enum status nvm_read_mac(const struct e1000 *e, uint8_t mac[6])
{
    struct eerd layout;
    if (!eerd_detect(e, &layout)) {
        return STATUS_TIMEOUT;
    }
    uint32_t port = e1000_read(e, E1000_STATUS) >> E1000_STATUS_LAN_ID_SHIFT & 3;
    bool block = (e->id->quirks & E1000_QUIRK_PORT_BLOCK) != 0 && port > 0;
    uint32_t first = block ? PORT_BLOCK_WORDS * (port + 1) : 0;
    for (uint32_t i = 0; i < MAC_WORDS; i++) {
        uint32_t value;
        if (!eerd_read(e, &layout, first + i, &value)) {
            return STATUS_TIMEOUT;
        }
        uint32_t word = value >> E1000_EERD_DATA_SHIFT;
        mac[2 * i] = (uint8_t)word;
        mac[2 * i + 1] = (uint8_t)(word >> 8);
    }
    if ((e->id->quirks & E1000_QUIRK_PORT_XOR) != 0 && (port & 1) != 0) {
        mac[5] ^= 1;
    }
    return STATUS_OK;
}

/* Not a group's, not all zeros (nor all ones, which is a group's). */
static bool mac_valid(const uint8_t mac[6])
{
    bool zero = true;
    for (unsigned i = 0; i < 6; i++) {
        zero = zero && mac[i] == 0;
    }
    return !zero && (mac[0] & 1) == 0;
}

/* 13.5 RAL/RAH. */
static bool address_register(const struct e1000 *e, uint8_t mac[6])
{
    uint32_t low = e1000_read(e, E1000_RAL0);
    uint32_t high = e1000_read(e, E1000_RAH0);
    for (unsigned i = 0; i < 4; i++) {
        mac[i] = (uint8_t)(low >> (8 * i));
    }
    mac[4] = (uint8_t)high;
    mac[5] = (uint8_t)(high >> 8);
    return (high & E1000_RAH_AV) != 0 && mac_valid(mac);
}

/*
 * A device without a valid address cannot be used: STATUS_IO, and the log has the bytes. ICH and
 * PCH parts have no NVM of their own, the 82543 and 82544 one without EERD.
 */
enum status e1000_hw_read_mac(struct e1000 *e, uint8_t mac[6])
{
    e->mac_from_nvm = false;
    if (address_register(e, mac)) {
        return STATUS_OK;
    }
    if ((e->id->quirks & E1000_QUIRK_NO_EERD) == 0) {
        uint8_t stored[6];
        enum status st = e1000_own_take(e, E1000_OWN_NVM, E1000_WAIT);
        if (st == STATUS_OK) {
            st = nvm_read_mac(e, stored);
            e1000_own_give(e, E1000_OWN_NVM);
        }
        for (unsigned i = 0; st == STATUS_OK && i < 6; i++) {
            mac[i] = stored[i];
        }
        if (st == STATUS_OK && mac_valid(mac)) {
            e->mac_from_nvm = true;
            log_info("%s: MAC address from the NVM", e->nic.name);
            return STATUS_OK;
        }
        if (st != STATUS_OK) {
            log_warn("%s: the NVM does not answer", e->nic.name);
        }
    }
    log_error("%s: %02x:%02x:%02x:%02x:%02x:%02x is not a valid MAC address", e->nic.name, mac[0],
              mac[1], mac[2], mac[3], mac[4], mac[5]);
    return STATUS_IO;
}

static bool nvm_read_words(const struct e1000 *e, struct e1000_facts *out)
{
    struct eerd layout;
    if (!eerd_detect(e, &layout)) {
        return false;
    }
    out->nvm_small = layout.done == E1000_EERD_DONE_SMALL;
    for (uint32_t i = 0; i < E1000_NVM_WORDS; i++) {
        uint32_t value;
        if (!eerd_read(e, &layout, i, &value)) {
            return false;
        }
        out->nvm_words[i] = (uint16_t)(value >> E1000_EERD_DATA_SHIFT);
        out->nvm_sum = (uint16_t)(out->nvm_sum + out->nvm_words[i]);
    }
    return true;
}

/* Manual chapter 5, word 3Fh: the first 64 words, of which one is the checksum, make BABA; the
 * later parts likewise. */
void e1000_nvm_look(const struct e1000 *e, struct e1000_facts *out)
{
    if ((e->id->quirks & E1000_QUIRK_NO_EERD) != 0) {
        return;
    }
    out->nvm = E1000_ANSWER_SILENT;
    if (e1000_own_take(e, E1000_OWN_NVM, E1000_WAIT) == STATUS_OK) {
        if (nvm_read_words(e, out)) {
            out->nvm = E1000_ANSWER_COMPLETE;
        }
        e1000_own_give(e, E1000_OWN_NVM);
    }
}
