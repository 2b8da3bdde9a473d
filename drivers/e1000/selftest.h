/*
 * What a self-test asks of a device beside its work: facts for a report, and its loopback. All of
 * it is for start-up, between e1000_open and e1000_start, in the loop's context.
 */
#ifndef DRIVERS_E1000_SELFTEST_H
#define DRIVERS_E1000_SELFTEST_H

#include "drivers/e1000/e1000.h"

enum {
    E1000_NVM_WORDS = 64, /* those that the checksum is over */
};
#define E1000_NVM_SUM UINT16_C(0xbaba)

enum e1000_answer {
    E1000_ANSWER_NONE,   /* this part is not asked that way */
    E1000_ANSWER_SILENT, /* it was asked, or its owner was, and did not answer */
    E1000_ANSWER_COMPLETE,
};

struct e1000_facts {
    uint32_t ctrl, status;
    bool express; /* the two below are told */
    uint8_t express_width;
    uint8_t express_speed; /* 1: 2.5 GT/s, 2: 5, 3: 8 */
    enum e1000_answer nvm;
    bool nvm_small; /* EERD has the layout of the 8254x */
    uint16_t nvm_words[E1000_NVM_WORDS];
    uint16_t nvm_sum; /* over all of them: E1000_NVM_SUM */
    enum e1000_answer phy;
    uint8_t phy_addr;
    uint16_t phy_id[2], phy_bmcr, phy_bmsr; /* registers 2, 3, 0, 1 */
};

/*
 * Reads what is asked for, and changes nothing but what reading changes: BMSR's latched bit. Takes
 * the NVM and the PHY for as long; some 40 ms at worst, and a second more when firmware holds them.
 */
void e1000_read_facts(const struct e1000 *e, struct e1000_facts *out);

/* The name of quirk bit n of struct e1000_id, for ever valid; NULL behind the last. */
const char *e1000_quirk_name(uint32_t n);

/* Whether this part has it. */
bool e1000_loopback_has(const struct e1000 *e, enum e1000_loopback where);

/*
 * From READY to RUNNING with what is sent coming back: its struct nic's rx and tx may be called,
 * and tx_flush and tx_reclaim, but neither its watchdog nor its link. No interrupts. It may take
 * until a second later that the first frame comes back: the PHY's loopback has to settle.
 * Not STATUS_OK: the PHY does not answer, or a queue does not start; e1000_loopback_end is due all
 * the same. Takes half a second at most, and a tenth more when firmware holds the PHY.
 */
enum status e1000_loopback_start(struct e1000 *e, enum e1000_loopback where) must_check;

/*
 * Gives the PHY its former setting, which makes it negotiate anew, never a reset, and closes the
 * device: the next e1000_open resets all the rest.
 */
void e1000_loopback_end(struct e1000 *e);

#endif
