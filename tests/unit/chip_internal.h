/*
 * What the chip models' files say to each other. Tests do not include it.
 */
#ifndef TESTS_UNIT_CHIP_INTERNAL_H
#define TESTS_UNIT_CHIP_INTERNAL_H

#include "tests/unit/chip.h"

enum chip_access { RW, RO, WO, RC };

enum {                   /* struct chip_row.flags */
       ROW_GARBAGE = 1,  /* undefined after power-up and reset */
       ROW_SURVIVES = 2, /* a reset leaves it as it is */
};

struct chip_row {
    uint32_t first, last; /* inclusive; step apart: 4, or 8 for the address pairs */
    uint32_t step;
    enum chip_access access;
    uint32_t legal; /* bits that may be written as 1 */
    uint32_t reset; /* value after a reset */
    uint32_t flags;
    uint32_t parts; /* a bit for each part that has it; 0: all of the table's */
};

#define PART(p)         (UINT32_C(1) << CHIP_##p)
#define PARTS_FROM(p)   (~(PART(p) - 1))
#define PARTS_BELOW(p)  (PART(p) - 1)
#define PARTS_EXCEPT(p) (~PART(p))

enum chip_class { CLASS_8254X, CLASS_8257X, CLASS_ICH, CLASS_IGB };
enum chip_eerd { EERD_NONE, EERD_SMALL, EERD_LARGE };
enum chip_owner { OWN_NONE, OWN_SWSM, OWN_EXTCNF, OWN_SWFW };

/* What one part is; the functions may be NULL. */
struct chip_traits {
    enum chip_class class;
    enum chip_eerd eerd;
    enum chip_owner owner;
    const struct chip_row *rows;
    size_t row_count;
    uint32_t causes;    /* of ICR */
    uint32_t mta_count; /* registers */
    uint32_t vfta_count;
    uint32_t msix_count;
    bool msi;
    bool reset_owned;                    /* a reset needs ownership */
    uint32_t quiet_us;                   /* no access for so long after CTRL.RST */
    uint8_t cap_msi, cap_msix, cap_pcie; /* in configuration space; 0: none */
    uint32_t (*canonical)(uint32_t offset);
    bool (*read)(uint32_t offset, uint32_t *value);
    bool (*write)(uint32_t offset, uint32_t value);
    void (*before_reset)(void);
    void (*enabling)(bool receiver);
};

extern struct chip *chip; /* the one that is powered on */

extern const struct chip_traits chip_traits_8254x[], chip_traits_8257x[], chip_traits_ich[],
    chip_traits_igb[];

void chip_fault(const char *fmt, ...) printf_like(1, 2);

static inline uint32_t *reg(uint32_t offset)
{
    return &chip->regs[offset / 4];
}

static inline bool chip_has(uint32_t parts)
{
    return (parts >> chip->part & 1) != 0;
}

static inline bool chip_is_pcie(void)
{
    return chip->traits->class != CLASS_8254X;
}

/* chip_memory.c: reach is NULL, and a fault, when the access does not land in the chip's memory. */
uint8_t *chip_reach(uint64_t bus, size_t len);
uint64_t chip_hash(const uint8_t *bytes, size_t len);
void chip_memory_release(void);
void chip_poison(uint8_t *buffer, size_t len);
bool chip_poisoned(const uint8_t *buffer, size_t len);

/* chip_desc.c: both formats. */
bool chip_advanced_rx(void);
void chip_check_rx_given(uint32_t idx, const struct chip_given *given);
void chip_check_tx_given(uint32_t idx, const uint8_t *desc);
bool chip_tx_is_dummy(const struct chip_given *given);
void chip_put_rx(uint8_t *desc, const struct chip_done *d, bool torn);
void chip_put_tx(uint8_t *desc, const struct chip_given *given);

/* chip_tx.c: give is for each descriptor as it is given, take as it is sent, forget for a reset. */
enum chip_tx_kind { CHIP_TX_LEGACY, CHIP_TX_DATA, CHIP_TX_CONTEXT, CHIP_TX_NONE };
enum chip_tx_kind chip_tx_kind(uint64_t word);
size_t chip_tx_length(const struct chip_given *given);
bool chip_tx_reports(const struct chip_given *given);
void chip_tx_give(uint32_t idx, const struct chip_given *given, const uint8_t *data);
void chip_tx_take(const struct chip_given *given, const uint8_t *data, segment_fn *out);
void chip_tx_forget(void);

/* chip_csum.c: adds to what is said of a frame. */
void chip_rx_csum(const uint8_t *frame, size_t len, uint8_t *status, uint8_t *errors);

/* chip_ring.c */
uint32_t chip_ring_count(uint32_t block);
uint32_t chip_ring_owned(uint32_t block);
bool chip_queue_on(uint32_t block);
void chip_check_ring(const char *name, uint32_t block);
void chip_write_ring(uint32_t offset, uint32_t value);
void chip_drain_fifo(void);
void chip_rings_reset(void);

/* chip_irq.c */
void chip_raise(uint32_t causes);
void chip_raise_rx(void);
void chip_raise_tx(void);
void chip_irq_run(void);
bool chip_irq_read(uint32_t offset, uint32_t *value);
bool chip_irq_write(uint32_t offset, uint32_t value);
enum irq_kind chip_irq_kind(void);

/* chip_phy.c */
void chip_phy_power_on(void);
void chip_phy_run(void);
bool chip_link(void);
bool chip_owns(uint32_t swfw);
bool chip_phy_read(uint32_t offset, uint32_t *value);
bool chip_phy_write(uint32_t offset, uint32_t value);

/* chip_ich.c */
bool chip_holds_descriptors(void);

/* chip_pci.c */
void chip_pci_power_on(void);
uint32_t chip_config(uint32_t offset);

/* chip_core.c */
bool chip_engine_on(uint32_t block);
void chip_load_eeprom(void);

#endif
