/*
 * Who uses the PHY and the NVM: the driver or firmware (management engine, AMT, BMC). Every wait
 * has a bound; a firmware that never lets go is named in the log, and the caller does without.
 *
 *   SWSM      82571, 82575 and later: reading takes SMBI, which keeps drivers of several ports
 *             apart; then SWESMBI is written and reads 1 when firmware granted it
 *   EXTCNF    82573, 82574 (EXTCNF_CTRL): written 1, reads 1 when granted. ICH and PCH call the
 *             bit SWFLAG: it is not to be written while somebody else has it
 *   FW_SYNC   82575 and later (SW_FW_SYNC): one bit for each resource, changed under SWSM
 *
 * At run time nobody waits: E1000_WAIT_NOT makes some looks within 0.2 ms.
 */
#include "drivers/e1000/internal.h"
#include "kernel/log.h"
#include "kernel/time.h"

enum {
    SWSM_LOOK_US = 50,
    SWSM_LOOKS_COUNT = 200, /* 10 ms; firmware holds it for microseconds */
    SWSM_LOOK_ONCE_US = 15,
    SWSM_LOOKS_ONCE_COUNT = 4, /* each of up to three bits, to take and to give: 0.36 ms */
    OWN_LOOK_US = 1 * US_PER_MS,
    OWN_LOOKS_COUNT = 100, /* 100 ms: an access of firmware to the PHY, with its retries */
};

/*
 * One attempt, also taken around a reset. With SWFLAG a bit that stands already is another
 * driver's; that of a former kernel, which nobody will ever clear, runs into the caller's bound.
 */
bool e1000_own_try(const struct e1000 *e)
{
    uint32_t value = e1000_read(e, E1000_EXTCNF_CTRL);
    if (e->family->lock == E1000_LOCK_SWFLAG && (value & E1000_EXTCNF_OWN) != 0) {
        return false;
    }
    e1000_write(e, E1000_EXTCNF_CTRL, value | E1000_EXTCNF_OWN);
    return (e1000_read(e, E1000_EXTCNF_CTRL) & E1000_EXTCNF_OWN) != 0;
}

void e1000_own_end(const struct e1000 *e)
{
    uint32_t value = e1000_read(e, E1000_EXTCNF_CTRL);
    e1000_write(e, E1000_EXTCNF_CTRL, value & ~(uint32_t)E1000_EXTCNF_OWN);
}

static enum status extcnf_take(const struct e1000 *e, enum e1000_patience patience)
{
    uint32_t looks = patience == E1000_WAIT ? OWN_LOOKS_COUNT : 1;
    for (uint32_t i = 0; i < looks; i++) {
        if (e1000_own_try(e)) {
            return STATUS_OK;
        }
        if (i + 1 < looks) {
            time_delay_us(OWN_LOOK_US);
        }
    }
    log_warn("%s: the PHY is held by firmware (EXTCNF_CTRL 0x%08x)", e->nic.name,
             e1000_read(e, E1000_EXTCNF_CTRL));
    return STATUS_TIMEOUT;
}

static void swsm_give(const struct e1000 *e)
{
    uint32_t value = e1000_read(e, E1000_SWSM);
    e1000_write(e, E1000_SWSM, value & ~(uint32_t)(E1000_SWSM_SMBI | E1000_SWSM_SWESMBI));
}

static uint32_t swsm_looks(enum e1000_patience patience)
{
    return patience == E1000_WAIT ? SWSM_LOOKS_COUNT : SWSM_LOOKS_ONCE_COUNT;
}

static uint32_t swsm_look_us(enum e1000_patience patience)
{
    return patience == E1000_WAIT ? SWSM_LOOK_US : SWSM_LOOK_ONCE_US;
}

static bool swsm_take_smbi(const struct e1000 *e, enum e1000_patience patience)
{
    for (uint32_t i = 0; i < swsm_looks(patience); i++) {
        if ((e1000_read(e, E1000_SWSM) & E1000_SWSM_SMBI) == 0) {
            return true;
        }
        time_delay_us(swsm_look_us(patience));
    }
    return false;
}

static enum status swsm_take(const struct e1000 *e, enum e1000_patience patience)
{
    if (!swsm_take_smbi(e, patience)) {
        /* Between drivers, of which there is no other here: left by a former kernel. */
        log_warn("%s: SWSM.SMBI was left taken: taken over", e->nic.name);
        swsm_give(e);
        if (!swsm_take_smbi(e, patience)) {
            return STATUS_TIMEOUT;
        }
    }
    for (uint32_t i = 0; i < swsm_looks(patience); i++) {
        e1000_write(e, E1000_SWSM, e1000_read(e, E1000_SWSM) | E1000_SWSM_SWESMBI);
        if ((e1000_read(e, E1000_SWSM) & E1000_SWSM_SWESMBI) != 0) {
            return STATUS_OK;
        }
        time_delay_us(swsm_look_us(patience));
    }
    log_warn("%s: firmware does not grant SWSM (0x%08x)", e->nic.name, e1000_read(e, E1000_SWSM));
    swsm_give(e);
    return STATUS_TIMEOUT;
}

/* The bit of SW_FW_SYNC: one for the NVM, one for the PHY of each port; ports 2 and 3 from the
 * 82580 on. */
static uint32_t sync_bit(const struct e1000 *e, enum e1000_resource what)
{
    static const uint8_t phy_bits[] = {1, 2, 5, 6};
    uint32_t port = e1000_read(e, E1000_STATUS) >> E1000_STATUS_LAN_ID_SHIFT & 3;
    return what == E1000_OWN_NVM ? E1000_SYNC_NVM : UINT32_C(1) << phy_bits[port];
}

static enum status sync_take(const struct e1000 *e, uint32_t bit, enum e1000_patience patience)
{
    uint32_t looks = patience == E1000_WAIT ? OWN_LOOKS_COUNT : 1;
    for (uint32_t i = 0; i < looks; i++) {
        if (swsm_take(e, patience) != STATUS_OK) {
            return STATUS_TIMEOUT;
        }
        uint32_t value = e1000_read(e, E1000_SW_FW_SYNC);
        bool is_free = (value & (bit | bit << E1000_SYNC_FW_SHIFT)) == 0;
        if (is_free) {
            e1000_write(e, E1000_SW_FW_SYNC, value | bit);
        }
        swsm_give(e);
        if (is_free) {
            return STATUS_OK;
        }
        if (i + 1 < looks) {
            time_delay_us(OWN_LOOK_US);
        }
    }
    log_warn("%s: firmware holds what bit 0x%x of SW_FW_SYNC (0x%08x) stands for", e->nic.name, bit,
             e1000_read(e, E1000_SW_FW_SYNC));
    return STATUS_TIMEOUT;
}

enum status e1000_own_take(const struct e1000 *e, enum e1000_resource what,
                           enum e1000_patience patience)
{
    switch (e->family->lock) {
    case E1000_LOCK_SWSM:
        return what == E1000_OWN_PHY ? swsm_take(e, patience)
                                     : STATUS_OK; /* EERD arbitrates by itself */
    case E1000_LOCK_MDIO:
    case E1000_LOCK_SWFLAG:
        return what == E1000_OWN_PHY ? extcnf_take(e, patience) : STATUS_OK;
    case E1000_LOCK_FW_SYNC:
        return sync_take(e, sync_bit(e, what), patience);
    case E1000_LOCK_NONE:
        break;
    }
    return STATUS_OK;
}

void e1000_own_give(const struct e1000 *e, enum e1000_resource what)
{
    if (e->family->lock == E1000_LOCK_FW_SYNC) {
        /* Without the semaphore, too: a bit that is left set would keep firmware out for ever. */
        bool taken = swsm_take(e, E1000_WAIT_NOT) == STATUS_OK;
        uint32_t value = e1000_read(e, E1000_SW_FW_SYNC);
        e1000_write(e, E1000_SW_FW_SYNC, value & ~sync_bit(e, what));
        if (taken) {
            swsm_give(e);
        }
    } else if (what == E1000_OWN_PHY && e->family->lock == E1000_LOCK_SWSM) {
        swsm_give(e);
    } else if (what == E1000_OWN_PHY && e->family->lock != E1000_LOCK_NONE) {
        e1000_own_end(e);
    }
}

/*
 * Tells firmware that a driver is there, or no more: it then leaves the link and the filters to us
 * (CTRL_EXT.DRV_LOAD; 82573: SWSM.DRV_LOAD, whose SMBI the read took).
 */
void e1000_own_announce(const struct e1000 *e, bool loaded)
{
    if (e1000_gone(e)) {
        return;
    }
    if (e->id->quirks & E1000_QUIRK_DRV_LOAD) {
        uint32_t rest = e1000_read(e, E1000_CTRL_EXT) & ~(uint32_t)E1000_CTRL_EXT_DRV_LOAD;
        e1000_write(e, E1000_CTRL_EXT, rest | (loaded ? E1000_CTRL_EXT_DRV_LOAD : 0));
    } else if (e->id->quirks & E1000_QUIRK_DRV_LOAD_SWSM) {
        uint32_t rest = e1000_read(e, E1000_SWSM);
        rest &= ~(uint32_t)(E1000_SWSM_DRV_LOAD | E1000_SWSM_SMBI);
        e1000_write(e, E1000_SWSM, rest | (loaded ? E1000_SWSM_DRV_LOAD : 0));
    }
}
