/*
 * What the driver's tests share: a chip, a pool in memory that it can reach, the driver opened on
 * them, and a record of what came out on the wire.
 */
#ifndef TESTS_UNIT_E1000_WORLD_H
#define TESTS_UNIT_E1000_WORLD_H

#include "drivers/e1000/e1000.h"
#include "tests/unit/chip.h"

enum {
    WORLD_PACKETS = 1024,
};

struct world {
    struct chip chip;
    struct arena arena;
    struct pkt_pool pool;
    struct pci_device dev;
    struct e1000 e;
    struct nic *nic;
    enum nic_offload offload; /* set between world_power_on and world_open */
    uint64_t sent_count;
    uint8_t sent[2048]; /* the last frame on the wire */
    size_t sent_len;
    uint32_t sent_next; /* the sequence number expected in the next frame, when checked */
    bool check_sequence;
    uint64_t longest_ns; /* of the watchdog's calls, on the chip's clock */
};

/* A chip that is powered on, with a link, and a pool of packets buffers. */
void world_power_on(struct world *w, uint16_t device, uint32_t packets);
enum status world_open(struct world *w);
/* All of it: the device runs, counters of register accesses at 0. */
void world_start(struct world *w);
/* Closes the driver; no fault happened and every packet is home. */
void world_end(struct world *w);

/* A frame to our address: header, then bytes that follow from number. */
size_t world_frame(const struct world *w, uint8_t *frame, size_t len, uint32_t number);
/* Asserts that the len bytes are what world_frame made. */
void world_check_frame(const uint8_t *frame, size_t len, uint32_t number);
bool world_receive(struct world *w, size_t len, uint32_t number);
/* A packet to be sent, made by world_frame. */
struct pkt *world_packet(struct world *w, size_t len, uint32_t number);
/* Sends one through tx; it must be taken. Not flushed. */
void world_send(struct world *w, size_t len, uint32_t number);

/* One call of the watchdog. Returns when it wants the next. */
uint64_t world_watchdog(struct world *w);
/* NIC_WATCHDOG_NS pass, the watchdog is called, and a reset that it begins is seen to its end. */
void world_watchdog_tick(struct world *w);

uint64_t world_random(uint64_t *state);

#endif
