/*
 * Keyed hash (SipHash-2-4, Aumasson and Bernstein 2012) and a generator on top of it (SipHash over
 * a counter): sequence numbers, ports, transaction ids, table hashes. Deterministic from the seed.
 */
#ifndef NET_CORE_RANDOM_H
#define NET_CORE_RANDOM_H

#include "kernel/base.h"

struct net_random {
    uint64_t hash_key[2]; /* [I] secret: table hashes, ISN, ports */
    uint64_t draw_key[2]; /* [I] the generator's own */
    uint64_t counter;
};

void net_random_init(struct net_random *r, const uint8_t seed[32]);
uint64_t net_random_u64(struct net_random *r);
uint32_t net_random_u32(struct net_random *r);
/* Uniform in [0, bound), bound > 0. */
uint32_t net_random_below(struct net_random *r, uint32_t bound);

uint64_t siphash24(const uint64_t key[2], const void *data, size_t len);
/* The same of the 8 * count - 1 bytes that the words are in little-endian order, where names are at
 * hand as numbers. The last word's top byte must be 0. */
uint64_t siphash24_words(const uint64_t key[2], const uint64_t *words, size_t count);
/* The hash of a connection's four names and a purpose that keeps the uses apart. */
enum net_hash_purpose {
    NET_HASH_ISN,
    NET_HASH_PORT,
    NET_HASH_IP_ID,
    NET_HASH_TIMESTAMP,
};
uint64_t net_hash_tuple(const struct net_random *r, enum net_hash_purpose purpose, uint32_t laddr,
                        uint16_t lport, uint32_t raddr, uint16_t rport);

/*
 * The same in one pass with a hash of the same names and of 15 bytes more, whose last byte, the
 * top one of more[1], is 0. Each is SipHash-2-4 of a message of its own, of 15 bytes and of 31 that
 * begin with them: to know one tells no more of the other than to know that of other names does.
 */
uint64_t net_hash_tuple_and(const struct net_random *r, enum net_hash_purpose purpose,
                            uint32_t laddr, uint16_t lport, uint32_t raddr, uint16_t rport,
                            const uint64_t more[2], uint64_t *longer);

/* For tables in memory alone, cheaper than net_hash_tuple: which bucket the names belong to. */
uint32_t net_hash_bucket(const struct net_random *r, uint64_t names);

#endif
