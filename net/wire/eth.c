/*
 * Ethernet's constant addresses: see eth.h.
 */
#include "net/wire/eth.h"

const uint8_t eth_broadcast[ETH_ADDR_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
