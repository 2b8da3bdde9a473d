/*
 * The metal's C library (kernel/libc): blocks of memory and strings beside the host's, and the
 * heap. Its functions are linked under names that begin with our_.
 */
// LINK: tests/unit/fake_platform.c tests/unit/libc*_under_test.c kernel/log.c
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "kernel/panic.h"
#include "tests/unit/fake_platform.h"

void *our_memcpy(void *to, const void *from, size_t n);
void *our_memmove(void *to, const void *from, size_t n);
void *our_memset(void *to, int c, size_t n);
size_t our_memory_choose(uint64_t (*ticks)(void));
int our_memcmp(const void *a, const void *b, size_t n);
void *our_memchr(const void *s, int c, size_t n);
void *our_memrchr(const void *s, int c, size_t n);
void *our_memmem(const void *hay, size_t hay_len, const void *needle, size_t needle_len);
size_t our_strlen(const char *s);
size_t our_strnlen(const char *s, size_t max);
int our_strcmp(const char *a, const char *b);
int our_strncmp(const char *a, const char *b, size_t n);
int our_strcasecmp(const char *a, const char *b);
int our_strncasecmp(const char *a, const char *b, size_t n);
char *our_strcpy(char *to, const char *from);
char *our_strncpy(char *to, const char *from, size_t n);
char *our_strcat(char *to, const char *from);
char *our_strncat(char *to, const char *from, size_t n);
char *our_strchr(const char *s, int c);
char *our_strrchr(const char *s, int c);
char *our_strstr(const char *hay, const char *needle);
size_t our_strspn(const char *s, const char *accept);
size_t our_strcspn(const char *s, const char *reject);
char *our_strpbrk(const char *s, const char *accept);
char *our_strtok_r(char *s, const char *delimiters, char **save);
char *our_strdup(const char *s);
void *our_malloc(size_t size);
void *our_calloc(size_t count, size_t size);
void *our_realloc(void *p, size_t size);
void *our_aligned_alloc(size_t align, size_t size);
void our_free(void *p);
void libc_heap_init(void *mem, size_t size);
struct libc_heap_stats { /* as kernel/libc/stdlib.h has it, which cannot be included here */
    size_t total_bytes;
    size_t used_bytes;
    size_t high_bytes;
    uint64_t refused;
};
const struct libc_heap_stats *libc_heap_stats(void);

static int our_errno;

void rs_errno_set_place(int *(*place)(void));

static int *place_of_errno(void)
{
    return &our_errno;
}

noreturn_fn void panic(const char *fmt, ...)
{
    abort();
}

enum {
    BUF = 512,
    HEAP_BYTES = 256 * 1024,
    SLOTS = 100,
};

static uint64_t seed;

static uint64_t pick(uint64_t n)
{
    return fake_random(&seed) % n;
}

static void fill_random(void *to, size_t n, uint64_t alphabet)
{
    uint8_t *p = to;
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)pick(alphabet);
    }
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

/* Every length up to a few words and some beyond, every alignment, guarded on both sides. */
static void copy_and_set_at_random(void)
{
    uint8_t from[BUF];
    uint8_t ours[BUF];
    uint8_t theirs[BUF];
    for (int i = 0; i < 40000; i++) {
        size_t n = pick(3) == 0 ? pick(300) : pick(80);
        size_t to_at = pick(100);
        size_t from_at = pick(100);
        fill_random(from, BUF, 256);
        fill_random(ours, BUF, 256);
        memcpy(theirs, ours, BUF);
        assert_ptr_equal(our_memcpy(ours + to_at, from + from_at, n), ours + to_at);
        memcpy(theirs + to_at, from + from_at, n);
        assert_memory_equal(ours, theirs, BUF);
        assert_ptr_equal(our_memmove(ours + to_at, ours + from_at, n), ours + to_at);
        memmove(theirs + to_at, theirs + from_at, n);
        assert_memory_equal(ours, theirs, BUF);
        int c = (int)pick(512);
        assert_ptr_equal(our_memset(ours + from_at, c, n), ours + from_at);
        memset(theirs + from_at, c, n);
        assert_memory_equal(ours, theirs, BUF);
    }
}

/* A clock by which each try of one size takes so long: first of both ways for the largest. */
static const uint64_t *costs;
static uint32_t reads;

static uint64_t fake_ticks(void)
{
    static uint64_t now;
    uint32_t try = reads / 2;
    if (reads++ % 2 == 1) {
        now += try % 8 == 3 ? costs[try / 8] : 1000; /* one of eight is not interrupted */
    }
    return now;
}

static size_t choose(const uint64_t *ticks)
{
    costs = ticks;
    reads = 0;
    return our_memory_choose(fake_ticks);
}

static void copying_and_setting_stay_in_bounds(void **state)
{
    static const uint64_t rep_never[] = {101, 100};
    static const uint64_t rep_256[] = {40, 100, 40, 60, 30, 30, 20, 10};
    static const uint64_t rep_always[] = {10, 20, 9, 19, 8, 18, 7, 17};
    assert_int_equal(choose(rep_never), SIZE_MAX);
    copy_and_set_at_random();
    assert_int_equal(choose(rep_256), 256);
    copy_and_set_at_random();
    assert_int_equal(choose(rep_always), 128);
    copy_and_set_at_random();
}

static void searching_blocks_agrees(void **state)
{
    for (int i = 0; i < 40000; i++) {
        uint8_t a[BUF];
        uint8_t b[BUF];
        size_t n = pick(100);
        size_t m = pick(5);
        fill_random(a, n, 3);
        memcpy(b, a, n);
        if (n > 0 && pick(2) == 0) {
            b[pick(n)] ^= (uint8_t)(1u << pick(8));
        }
        assert_int_equal(sign(our_memcmp(a, b, n)), sign(memcmp(a, b, n)));
        int c = (int)pick(4);
        assert_ptr_equal(our_memchr(a, c, n), memchr(a, c, n));
        assert_ptr_equal(our_memrchr(a, c, n), memrchr(a, c, n));
        fill_random(b, m, 3);
        assert_ptr_equal(our_memmem(a, n, b, m), memmem(a, n, b, m));
    }
}

static void random_string(char *s, size_t max)
{
    size_t len = pick(max);
    for (size_t i = 0; i < len; i++) {
        s[i] = "aAbBcC\xe4"[pick(7)];
    }
    s[len] = '\0';
}

static void comparing_strings_agrees(void **state)
{
    for (int i = 0; i < 40000; i++) {
        char a[BUF];
        char b[BUF];
        random_string(a, pick(2) == 0 ? 4 : 40);
        random_string(b, 4);
        size_t n = pick(6);
        assert_int_equal(our_strlen(a), strlen(a));
        assert_int_equal(our_strnlen(a, n), strnlen(a, n));
        assert_int_equal(sign(our_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(our_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        assert_int_equal(sign(our_strcasecmp(a, b)), sign(strcasecmp(a, b)));
        assert_int_equal(sign(our_strncasecmp(a, b, n)), sign(strncasecmp(a, b, n)));
        int c = "aBc\0x"[pick(5)];
        assert_ptr_equal(our_strchr(a, c), strchr(a, c));
        assert_ptr_equal(our_strrchr(a, c), strrchr(a, c));
        assert_ptr_equal(our_strstr(a, b), strstr(a, b));
        assert_int_equal(our_strspn(a, b), strspn(a, b));
        assert_int_equal(our_strcspn(a, b), strcspn(a, b));
        assert_ptr_equal(our_strpbrk(a, b), strpbrk(a, b));
    }
}

static void building_strings_agrees(void **state)
{
    for (int i = 0; i < 20000; i++) {
        char from[BUF];
        char ours[BUF];
        char theirs[BUF];
        random_string(from, 60);
        size_t n = pick(70);
        memset(ours, 'z', BUF);
        memset(theirs, 'z', BUF);
        assert_ptr_equal(our_strncpy(ours, from, n), ours);
        memcpy(theirs, from, strnlen(from, n));
        memset(theirs + strnlen(from, n), 0, n - strnlen(from, n));
        assert_memory_equal(ours, theirs, BUF);
        our_strcpy(ours, from);
        memcpy(theirs, from, strlen(from) + 1);
        our_strcat(ours, from);
        strncat(theirs, from, BUF);
        our_strncat(ours, from, n);
        strncat(theirs, from, n);
        assert_memory_equal(ours, theirs, BUF);
    }
}

static void splitting_strings_agrees(void **state)
{
    for (int i = 0; i < 20000; i++) {
        char ours[BUF];
        char theirs[BUF];
        char *our_save;
        char *their_save;
        random_string(ours, 30);
        memcpy(theirs, ours, BUF);
        char *a = our_strtok_r(ours, "aB", &our_save);
        char *b = strtok_r(theirs, "aB", &their_save);
        while (a != NULL && b != NULL) {
            assert_string_equal(a, b);
            assert_int_equal(a - ours, b - theirs);
            a = our_strtok_r(NULL, "aB", &our_save);
            b = strtok_r(NULL, "aB", &their_save);
        }
        assert_null(a);
        assert_null(b);
    }
}

static uint8_t heap_memory[HEAP_BYTES] __attribute__((aligned(4096)));

static void fresh_heap(void)
{
    libc_heap_init(heap_memory + 3, HEAP_BYTES - 3); /* a start that is not aligned */
    our_errno = 0;
}

/* Everything given back is one block again: the largest that ever was can be had. */
static void assert_heap_whole(void)
{
    assert_int_equal(libc_heap_stats()->used_bytes, 0);
    void *all = our_malloc(libc_heap_stats()->total_bytes - 16);
    assert_non_null(all);
    our_free(all);
}

static void a_heap_without_memory_refuses(void **state)
{
    assert_null(our_malloc(1)); /* runs first: libc_heap_init was not called yet */
    assert_int_equal(our_errno, ENOMEM);
}

struct slot {
    uint8_t *p;
    size_t size;
    uint8_t fill;
};

static void check_slot(const struct slot *s)
{
    for (size_t i = 0; i < s->size; i++) {
        assert_int_equal(s->p[i], s->fill);
    }
}

static void fill_slot(struct slot *s, uint8_t *p, size_t size)
{
    *s = (struct slot){.p = p, .size = p != NULL ? size : 0, .fill = (uint8_t)pick(256)};
    if (p != NULL) {
        memset(p, s->fill, size);
    }
}

static size_t random_size(void)
{
    return pick(20) == 0 ? pick(60000) : pick(3) == 0 ? pick(3000) : pick(100);
}

static void new_slot(struct slot *s)
{
    size_t size = random_size();
    size_t align = (size_t)16 << pick(9);
    if (pick(4) == 0) {
        uint8_t *p = our_aligned_alloc(align, size);
        assert_int_equal((uintptr_t)p % align, 0);
        fill_slot(s, p, size);
    } else if (pick(4) == 0) {
        uint8_t *p = our_calloc(size, 1);
        *s = (struct slot){.p = p, .size = p != NULL ? size : 0, .fill = 0};
        check_slot(s);
    } else {
        fill_slot(s, our_malloc(size), size);
    }
}

static void resize_slot(struct slot *s)
{
    size_t size = random_size();
    uint8_t *p = our_realloc(s->p, size);
    if (p == NULL) {
        check_slot(s); /* refused: the old block is as it was */
        return;
    }
    struct slot kept = {.p = p, .size = size < s->size ? size : s->size, .fill = s->fill};
    check_slot(&kept);
    fill_slot(s, p, size);
}

/* No block overlaps another, whatever is allocated, resized and freed; nothing gets lost. */
static void random_use_keeps_contents_and_books(void **state)
{
    static struct slot slots[SLOTS];
    memset(slots, 0, sizeof(slots));
    fresh_heap();
    for (int i = 0; i < 60000; i++) {
        struct slot *s = &slots[pick(SLOTS)];
        if (s->p == NULL) {
            new_slot(s);
        } else if (pick(4) == 0) {
            resize_slot(s);
        } else {
            check_slot(s);
            our_free(s->p);
            s->p = NULL;
        }
    }
    assert_true(libc_heap_stats()->refused > 0);
    for (int i = 0; i < SLOTS; i++) {
        check_slot(slots[i].p != NULL ? &slots[i] : &(struct slot){0});
        our_free(slots[i].p);
    }
    assert_heap_whole();
    assert_true(libc_heap_stats()->high_bytes <= libc_heap_stats()->total_bytes);
}

static void a_full_heap_refuses_and_recovers(void **state)
{
    static void *blocks[HEAP_BYTES / 32];
    size_t count = 0;
    fresh_heap();
    while ((blocks[count] = our_malloc(1000)) != NULL) {
        assert_int_equal((uintptr_t)blocks[count] % 16, 0);
        count++;
    }
    assert_true(count >= HEAP_BYTES / 1024 - 8);
    assert_int_equal(our_errno, ENOMEM);
    assert_int_equal(libc_heap_stats()->refused, 1);
    for (size_t i = 0; i < count; i += 2) {
        our_free(blocks[i]);
    }
    assert_null(our_malloc(3000)); /* there is room, but not in one piece */
    for (size_t i = 1; i < count; i += 2) {
        our_free(blocks[i]);
    }
    assert_heap_whole();
}

static void odd_requests(void **state)
{
    fresh_heap();
    void *a = our_malloc(0);
    void *b = our_malloc(0);
    assert_true(a != NULL && b != NULL && a != b);
    our_free(a);
    our_free(b);
    our_free(NULL);
    assert_null(our_malloc(SIZE_MAX));
    assert_null(our_calloc(SIZE_MAX / 2, 3));
    assert_null(our_aligned_alloc(24, 10));
    assert_int_equal(our_errno, EINVAL);
    assert_null(our_aligned_alloc(16, SIZE_MAX));
    assert_null(our_aligned_alloc((size_t)1 << 62, 16));
    char *s = our_realloc(NULL, 5);
    memcpy(s, "four", 5);
    assert_null(our_realloc(s, SIZE_MAX));
    assert_string_equal(s, "four");
    our_free(s);
    char *copy = our_strdup("text");
    assert_string_equal(copy, "text");
    our_free(copy);
    assert_heap_whole();
}

static void free_twice(void *arg)
{
    void *p = our_malloc(100);
    (void)!our_malloc(1000);
    our_free(p);
    our_free(p);
}

static void free_twice_merged(void *arg)
{
    void *a = our_malloc(100);
    void *b = our_malloc(100);
    (void)!our_malloc(1000); /* the books alone would not tell */
    our_free(a);
    our_free(b);
    our_free(b);
}

static void free_inside(void *arg)
{
    uint8_t *p = our_malloc(100);
    our_free(p + 16);
}

static void free_foreign(void *arg)
{
    static uint8_t foreign[64] __attribute__((aligned(16)));
    our_free(foreign + 32);
}

static void overrun(void *arg)
{
    volatile uint8_t *p = our_malloc(32);
    void *behind = our_malloc(32);
    p[32 + 2] ^= 1;
    our_free(behind);
}

static void overrun_noticed_by_own_free(void *arg)
{
    volatile uint8_t *p = our_malloc(32);
    for (int i = 32; i < 48; i++) {
        p[i] = 'A';
    }
    our_free((void *)(uintptr_t)p);
}

static void mistakes_are_noticed(void **state)
{
    fresh_heap();
    assert_true(fake_aborts(free_twice, NULL));
    assert_true(fake_aborts(free_twice_merged, NULL));
    assert_true(fake_aborts(free_inside, NULL));
    assert_true(fake_aborts(free_foreign, NULL));
    assert_true(fake_aborts(overrun, NULL));
    assert_true(fake_aborts(overrun_noticed_by_own_free, NULL));
}

/*
 * Address space that no memory stands behind but for the pages that are touched. It ends the run of
 * tests: the heap stays there.
 */
static void blocks_beyond_4_gib(void **state)
{
    const size_t gib = (size_t)1 << 30;
    const size_t heap_bytes = 66 * gib; /* more than a heap can have */
    uint8_t *space = mmap(NULL, heap_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(space != MAP_FAILED);
    libc_heap_init(space, heap_bytes);
    size_t total = libc_heap_stats()->total_bytes;
    assert_true(total > 64 * gib - 64 && total < 64 * gib);
    uint8_t *five = our_malloc(5 * gib);
    uint8_t *forty = our_malloc(40 * gib + 1);
    assert_true(five != NULL && forty != NULL);
    assert_true(five + 5 * gib <= forty || forty + 40 * gib <= five);
    five[5 * gib - 1] = 5;
    forty[40 * gib] = 40;
    assert_null(our_malloc(20 * gib));
    assert_null(our_aligned_alloc(32 * gib, 32 * gib)); /* its units would wrap 32 bits */
    assert_null(our_aligned_alloc((size_t)1 << 63, 16));
    assert_ptr_equal(our_realloc(forty, gib), forty);
    uint8_t *aligned = our_aligned_alloc(4 * gib, 6 * gib);
    assert_true(aligned != NULL && (uintptr_t)aligned % (4 * gib) == 0);
    our_free(aligned);
    our_free(forty);
    assert_int_equal(five[5 * gib - 1], 5);
    our_free(five);
    assert_heap_whole();
    assert_null(our_malloc(total));
    assert_int_equal(munmap(space, heap_bytes), 0);
}

int main(void)
{
    rs_errno_set_place(place_of_errno);
    seed = fake_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_without_memory_refuses),
        cmocka_unit_test(copying_and_setting_stay_in_bounds),
        cmocka_unit_test(searching_blocks_agrees),
        cmocka_unit_test(comparing_strings_agrees),
        cmocka_unit_test(building_strings_agrees),
        cmocka_unit_test(splitting_strings_agrees),
        cmocka_unit_test(random_use_keeps_contents_and_books),
        cmocka_unit_test(a_full_heap_refuses_and_recovers),
        cmocka_unit_test(odd_requests),
        cmocka_unit_test(mistakes_are_noticed),
        cmocka_unit_test(blocks_beyond_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
