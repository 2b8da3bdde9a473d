/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) and what is drawn
 * from it. No entropy is gathered here: the seed is the caller's.
 */
#include "net/core/random.h"
#include "kernel/bytes.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

/* SipRound, section 2.2 figure 2.1. */
static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 = rotl(s->v2, 32);
}

static inline struct sip sip_start(const uint64_t key[2])
{
    return (struct sip){
        .v0 = key[0] ^ UINT64_C(0x736f6d6570736575),
        .v1 = key[1] ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key[0] ^ UINT64_C(0x6c7967656e657261),
        .v3 = key[1] ^ UINT64_C(0x7465646279746573),
    };
}

static inline void sip_word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    sip_round(s);
    sip_round(s);
    s->v0 ^= m;
}

/* What is behind the last word, which has the message's length in its top byte. Always inline, as
 * the next: the state stays in registers, and a SYN of a flood costs three hashes. */
__attribute__((always_inline)) static inline uint64_t sip_end(struct sip *s)
{
    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++) {
        sip_round(s);
    }
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

__attribute__((always_inline)) static inline uint64_t sip_finish(struct sip *s, uint64_t last)
{
    sip_word(s, last);
    return sip_end(s);
}

uint64_t siphash24(const uint64_t key[2], const void *data, size_t len)
{
    assert(data != NULL || len == 0);
    struct sip s = sip_start(key);
    const uint8_t *at = data;
    uint64_t last = (uint64_t)(len & 0xff) << 56;
    for (; len >= 8; len -= 8, at += 8) {
        sip_word(&s, load_le64(at));
    }
    for (size_t i = 0; i < len; i++) {
        last |= (uint64_t)at[i] << (8 * i);
    }
    return sip_finish(&s, last);
}

uint64_t siphash24_words(const uint64_t key[2], const uint64_t *words, size_t count)
{
    assert(count > 0 && count <= 32 && words[count - 1] >> 56 == 0);
    struct sip s = sip_start(key);
    for (size_t i = 0; i + 1 < count; i++) {
        sip_word(&s, words[i]);
    }
    return sip_finish(&s, words[count - 1] | (uint64_t)(8 * count - 1) << 56);
}

void net_random_init(struct net_random *r, const uint8_t seed[32])
{
    r->hash_key[0] = load_le64(seed);
    r->hash_key[1] = load_le64(seed + 8);
    r->draw_key[0] = load_le64(seed + 16);
    r->draw_key[1] = load_le64(seed + 24);
    r->counter = 0;
}

uint64_t net_random_u64(struct net_random *r)
{
    uint64_t counter = r->counter++;
    return siphash24(r->draw_key, &counter, sizeof(counter));
}

uint32_t net_random_u32(struct net_random *r)
{
    return (uint32_t)(net_random_u64(r) >> 32);
}

/* By multiplication: the bias is below bound / 2^32, which no use of it can notice. */
uint32_t net_random_below(struct net_random *r, uint32_t bound)
{
    assert(bound > 0);
    uint32_t v = (uint32_t)(((uint64_t)net_random_u32(r) * bound) >> 32);
    assert(v < bound);
    return v;
}

/* The two words of a connection's names. */
static inline uint64_t addresses_word(uint32_t laddr, uint32_t raddr)
{
    return (uint64_t)laddr << 32 | raddr;
}

static inline uint64_t ports_word(enum net_hash_purpose purpose, uint16_t lport, uint16_t rport)
{
    return (uint64_t)purpose << 32 | (uint32_t)lport << 16 | rport;
}

/* The length of a message of so many words whose last byte is not there, in that byte's place. */
static inline uint64_t length_byte(size_t words)
{
    return (uint64_t)(8 * words - 1) << 56;
}

uint64_t net_hash_tuple(const struct net_random *r, enum net_hash_purpose purpose, uint32_t laddr,
                        uint16_t lport, uint32_t raddr, uint16_t rport)
{
    struct sip s = sip_start(r->hash_key);
    sip_word(&s, addresses_word(laddr, raddr));
    return sip_finish(&s, ports_word(purpose, lport, rport) | length_byte(2));
}

uint64_t net_hash_tuple_and(const struct net_random *r, enum net_hash_purpose purpose,
                            uint32_t laddr, uint16_t lport, uint32_t raddr, uint16_t rport,
                            const uint64_t more[2], uint64_t *longer)
{
    struct sip s = sip_start(r->hash_key);
    assert(more[1] >> 56 == 0);
    sip_word(&s, addresses_word(laddr, raddr));
    sip_word(&s, ports_word(purpose, lport, rport) | length_byte(2));
    struct sip on = s;
    sip_word(&on, more[0]);
    *longer = sip_finish(&on, more[1] | length_byte(4));
    return sip_end(&s);
}

/*
 * SipHash-1-3, the variant that its authors propose for hash tables: what it hides is only which
 * names share a bucket, and no output of it leaves the machine. All messages are one word, so that
 * their length need not be told.
 */
uint32_t net_hash_bucket(const struct net_random *r, uint64_t names)
{
    struct sip s = sip_start(r->hash_key);
    s.v3 ^= names;
    sip_round(&s);
    s.v0 ^= names;
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(&s);
    }
    return (uint32_t)(s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
