/*
 * Bytes to seed keys from: the processor's generator when it has one and passes a health test,
 * always mixed with timing jitter, distilled by BLAKE2s. The pool is a hash state that moves on
 * with every use, so that what was handed out cannot be computed back from what is kept.
 * NIST SP 800-90B, 4.4.1 (repetition count), is the model of the health test.
 */
#include <string.h>

#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/entropy/blake2s.h"
#include "arch/x86_64/entropy/entropy.h"
#include "kernel/log.h"
#include "kernel/platform.h"

enum {
    HEALTH_SAMPLES = 16,
    HARDWARE_TRIES_MAX = 64, /* RDSEED may be dry for a moment; Intel advises 10 tries for RDRAND */
    SEED_WORDS = 8,          /* 512 bits from the generator into a 256-bit pool */
    JITTER_SAMPLES = 512,
    JITTER_CHANGES_MIN = 64, /* with fewer changes of the duration the jitter is suspect */
    JITTER_WALK_BYTES = 4096,
    JITTER_STRIDE_BYTES = 67,
};

enum source {
    SOURCE_NONE,
    SOURCE_RDRAND,
    SOURCE_RDSEED,
};

static struct {
    uint8_t key[BLAKE2S_HASH_BYTES];
    uint64_t counter;
    enum source source;
    bool ready;
    uint8_t walk[JITTER_WALK_BYTES]; /* memory whose access times vary */
} pool;

static bool hardware_word(enum source source, uint64_t *out)
{
    for (uint32_t i = 0; i < HARDWARE_TRIES_MAX; i++) {
        if (source == SOURCE_RDSEED ? rdseed64(out) : rdrand64(out)) {
            return true;
        }
        cpu_pause();
    }
    return false;
}

/*
 * A broken generator repeats itself: AMD parts that returned all ones after a suspend are the known
 * case. Two equal 64-bit words among 16 come up by chance once in 10^17 boots.
 */
static bool is_healthy(enum source source)
{
    uint64_t words[HEALTH_SAMPLES];
    for (size_t i = 0; i < HEALTH_SAMPLES; i++) {
        if (!hardware_word(source, &words[i]) || words[i] == 0 || words[i] == UINT64_MAX) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (words[i] == words[j]) {
                return false;
            }
        }
    }
    return true;
}

static enum source find_source(void)
{
    bool has_rdseed = (cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED) != 0;
    bool has_rdrand = (cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND) != 0;
    if (has_rdseed && is_healthy(SOURCE_RDSEED)) {
        return SOURCE_RDSEED;
    }
    if (has_rdrand && is_healthy(SOURCE_RDRAND)) {
        return SOURCE_RDRAND;
    }
    if (has_rdseed || has_rdrand) {
        log_warn("entropy: the processor's generator fails its health test and is not used");
    }
    return SOURCE_NONE;
}

/*
 * How long the same little work takes, again and again: caches, buses, refresh, interrupts of the
 * host make the low bits vary. Returns how often a duration differed from the one before.
 */
static uint32_t mix_jitter(struct blake2s *s)
{
    uint16_t durations[JITTER_SAMPLES]; /* the low bits hold all that varies */
    uint32_t changes = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < JITTER_SAMPLES; i++) {
        uint64_t start = rdtsc();
        volatile uint8_t *byte = &pool.walk[at];
        *byte = (uint8_t)(*byte + start);
        at = (at + JITTER_STRIDE_BYTES + *byte) % JITTER_WALK_BYTES;
        durations[i] = (uint16_t)(rdtsc() - start);
        changes += i > 0 && durations[i] != durations[i - 1] ? 1 : 0;
    }
    blake2s_update(s, durations, sizeof(durations));
    return changes;
}

static void mix_hardware(struct blake2s *s)
{
    for (size_t i = 0; i < SEED_WORDS && pool.source != SOURCE_NONE; i++) {
        uint64_t word = 0;
        if (hardware_word(pool.source, &word)) {
            blake2s_update(s, &word, sizeof(word));
        }
    }
}

void entropy_init(void)
{
    static const char *const names[] = {"no hardware generator", "RDRAND", "RDSEED"};
    struct blake2s s;
    pool.source = find_source();
    uint64_t times[] = {rdtsc(), platform_now_ns(), platform_boot_unix_s()};
    blake2s_init(&s);
    blake2s_update(&s, times, sizeof(times));
    mix_hardware(&s);
    uint32_t changes = mix_jitter(&s);
    blake2s_final(&s, pool.key);
    pool.ready = true;
    if (pool.source != SOURCE_NONE) {
        log_info("entropy: %s passed its health test, timing jitter mixed in", names[pool.source]);
    } else if (changes >= JITTER_CHANGES_MIN) {
        log_warn("entropy: %s, timing jitter only: keys may be guessable", names[pool.source]);
    } else {
        log_warn("entropy: %s and hardly any timing jitter: keys are guessable",
                 names[pool.source]);
    }
}

/* One block from the pool: hash(key, counter, purpose, fresh input). */
static void squeeze(uint8_t purpose, uint8_t out[BLAKE2S_HASH_BYTES])
{
    struct blake2s s;
    uint64_t fresh[] = {pool.counter++, rdtsc(), 0};
    if (pool.source != SOURCE_NONE) {
        (void)hardware_word(pool.source, &fresh[2]);
    }
    blake2s_init(&s);
    blake2s_update(&s, pool.key, sizeof(pool.key));
    blake2s_update(&s, &purpose, sizeof(purpose));
    blake2s_update(&s, fresh, sizeof(fresh));
    blake2s_final(&s, out);
}

enum entropy_quality platform_entropy(void *buf, size_t len)
{
    assert(pool.ready && (buf != NULL || len == 0));
    uint8_t *p = buf;
    uint8_t block[BLAKE2S_HASH_BYTES];
    uint8_t next_key[BLAKE2S_HASH_BYTES];
    uint64_t saved = platform_irq_save();
    for (size_t at = 0; at < len; at += BLAKE2S_HASH_BYTES) {
        squeeze(1, block);
        memcpy(p + at, block, min_size(len - at, BLAKE2S_HASH_BYTES));
    }
    squeeze(0, next_key);
    memcpy(pool.key, next_key, sizeof(pool.key));
    platform_irq_restore(saved);
    return pool.source != SOURCE_NONE ? ENTROPY_HARDWARE : ENTROPY_JITTER;
}
