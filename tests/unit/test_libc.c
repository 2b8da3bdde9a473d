/*
 * The metal's C library (kernel/libc), beside the host's: what the standard fixes must come out the
 * same on thousands of random inputs. Its functions are linked under names that begin with our_.
 */
// LINK: tests/unit/fake_platform.c tests/unit/libc*_under_test.c kernel/log.c
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "kernel/log.h"
#include "kernel/panic.h"
#include "tests/unit/fake_platform.h"

int our_snprintf(char *buf, size_t size, const char *fmt, ...);
int rs_snprintf(char *buf, size_t size, const char *fmt, ...);
int our_printf(const char *fmt, ...);
int our_puts(const char *s);
int our_putchar(int c);
int our_fflush(void *f);
extern void *const our_stdout;
void our_perror(const char *s);
long our_strtol(const char *s, char **end, int base);
unsigned long our_strtoul(const char *s, char **end, int base);
long long our_strtoll(const char *s, char **end, int base);
unsigned long long our_strtoull(const char *s, char **end, int base);
/* The host's of C11, which ours is: <stdlib.h> of glibc 2.38 and later means C23's by these names,
 * to which "0b1" is a number. */
long host_strtol(const char *s, char **end, int base) __asm__("strtol");
unsigned long host_strtoul(const char *s, char **end, int base) __asm__("strtoul");
long long host_strtoll(const char *s, char **end, int base) __asm__("strtoll");
unsigned long long host_strtoull(const char *s, char **end, int base) __asm__("strtoull");
int our_atoi(const char *s);
void our_qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
void *our_bsearch(const void *key, const void *base, size_t count, size_t size,
                  int (*compare)(const void *, const void *));
struct tm *our_gmtime_r(const time_t *t, struct tm *out);
size_t our_strftime(char *buf, size_t size, const char *fmt, const struct tm *tm);
int our_clock_gettime(int clock, struct timespec *out);
time_t our_time(time_t *out);
int our_gettimeofday(struct timeval *out, void *zone);
noreturn_fn void our_exit(int code);
noreturn_fn void our_abort(void);
char *our_strerror(int error);
int our_isalnum(int c);
int our_isalpha(int c);
int our_isblank(int c);
int our_iscntrl(int c);
int our_isdigit(int c);
int our_isgraph(int c);
int our_islower(int c);
int our_isprint(int c);
int our_ispunct(int c);
int our_isspace(int c);
int our_isupper(int c);
int our_isxdigit(int c);
int our_tolower(int c);
int our_toupper(int c);

static int our_errno;

void rs_errno_set_place(int *(*place)(void));

static int *place_of_errno(void)
{
    return &our_errno;
}

static bool panicked;
static jmp_buf ended;

noreturn_fn void panic(const char *fmt, ...)
{
    panicked = true;
    longjmp(ended, 1);
}

enum {
    BUF = 256,
};

static uint64_t seed;

static uint64_t pick(uint64_t n)
{
    return fake_random(&seed) % n;
}

/* Integers near every boundary are likelier than a uniform choice would make them. */
static uint64_t random_value(void)
{
    uint64_t value = fake_random(&seed) >> pick(64);
    switch (pick(6)) {
    case 0:
        return pick(3);
    case 1:
        return UINT64_C(1) << pick(64);
    case 2:
        return (UINT64_C(1) << pick(64)) - 1;
    case 3:
        return 0 - value;
    default:
        return value;
    }
}

static void compare_text(const char *fmt, const char *ours, const char *theirs, int our_len,
                         int their_len)
{
    if (our_len != their_len || strcmp(ours, theirs) != 0) {
        print_error("format \"%s\": ours %d \"%s\", theirs %d \"%s\"\n", fmt, our_len, ours,
                    their_len, theirs);
    }
    assert_int_equal(our_len, their_len);
    assert_string_equal(ours, theirs);
}

/* A conversion of the given kind with random flags, width and precision. Returns its '*' count. */
static int random_spec(char *fmt, const char *flags, char conversion, const char *length)
{
    int stars = 0;
    char spec[32] = "%";
    for (const char *flag = flags; *flag != '\0'; flag++) {
        if (pick(4) == 0) {
            strncat(spec, flag, 1);
        }
    }
    if (pick(2) == 0) {
        bool star = pick(4) == 0;
        stars += star ? 1 : 0;
        snprintf(spec + strlen(spec), 8, star ? "*" : "%d", (int)pick(30) + 1);
    }
    if (conversion != 'c' && conversion != 'p' && pick(3) == 0) {
        bool star = pick(4) == 0;
        stars += star ? 1 : 0;
        snprintf(spec + strlen(spec), 8, star ? ".*" : ".%d", (int)pick(30));
    }
    static const char *const around[] = {"", "x", " and %% ", "longer text in front of it: "};
    snprintf(fmt, BUF, "%s%s%s%c%s", around[pick(4)], spec, length, conversion, around[pick(4)]);
    return stars;
}

/* value is passed as 64 bits: the ABI hands narrower arguments over in the same slots. */
static void compare_format(const char *fmt, int stars, uint64_t value)
{
    char ours[BUF];
    char theirs[BUF];
    size_t size = pick(3) == 0 ? pick(20) : BUF;
    int a = (int)pick(60) - 25;
    int b = (int)pick(60) - 25;
    int n = 0;
    int m = 0;
    memset(ours, '!', sizeof(ours));
    memset(theirs, '!', sizeof(theirs));
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
    switch (stars) {
    case 0:
        n = our_snprintf(ours, size, fmt, value);
        m = snprintf(theirs, size, fmt, value);
        break;
    case 1:
        n = our_snprintf(ours, size, fmt, a, value);
        m = snprintf(theirs, size, fmt, a, value);
        break;
    default:
        n = our_snprintf(ours, size, fmt, a, b, value);
        m = snprintf(theirs, size, fmt, a, b, value);
        break;
    }
#pragma clang diagnostic pop
    if (size == 0) {
        assert_int_equal(ours[0], '!');
        assert_int_equal(n, m);
        return;
    }
    compare_text(fmt, ours, theirs, n, m);
    assert_int_equal(ours[size - (size == BUF)], theirs[size - (size == BUF)]);
}

static void integers_print_as_the_hosts(void **state)
{
    static const char conversions[] = "diuxXo";
    static const char *const lengths[] = {"", "hh", "h", "l", "ll", "z", "j", "t"};
    for (int i = 0; i < 60000; i++) {
        char fmt[BUF];
        char conversion = conversions[pick(6)];
        bool is_signed = conversion == 'd' || conversion == 'i';
        bool is_alternate = conversion != 'u' && !is_signed;
        const char *flags = is_signed ? "-+ 0" : is_alternate ? "-#0" : "-0";
        int stars = random_spec(fmt, flags, conversion, lengths[pick(8)]);
        compare_format(fmt, stars, random_value());
    }
}

static void strings_print_as_the_hosts(void **state)
{
    static const char *const texts[] = {"", "a", "word", "a much longer text than any width here"};
    for (int i = 0; i < 20000; i++) {
        char fmt[BUF];
        int stars = random_spec(fmt, "-", 's', "");
        compare_format(fmt, stars, (uint64_t)(uintptr_t)texts[pick(4)]);
        stars = random_spec(fmt, "-", 'c', "");
        compare_format(fmt, stars, 'a' + pick(26));
        stars = random_spec(fmt, "-", 'p', "");
        compare_format(fmt, stars, random_value());
    }
    char buf[BUF];
    our_snprintf(buf, sizeof(buf), "%s|%.3s", (const char *)NULL, "abcdef");
    assert_string_equal(buf, "(null)|abc");
}

static void strange_formats_are_safe(void **state)
{
    char buf[BUF];
    assert_int_equal(our_snprintf(buf, sizeof(buf), "%y %d", 7), 4);
    assert_string_equal(buf, "%y 7"); /* unknown conversions stand and take no argument */
    assert_int_equal(rs_snprintf(buf, sizeof(buf), "%f %d", 7), 4);
    assert_string_equal(buf, "%f 7"); /* the kernel's knows no doubles */
    assert_int_equal(our_snprintf(buf, sizeof(buf), "100%"), 4);
    assert_string_equal(buf, "100%");
    assert_int_equal(our_snprintf(buf, sizeof(buf), "%5"), 2);
    assert_int_equal(our_snprintf(NULL, 0, "%d-%s", 12, "ab"), 5);
    assert_int_equal(our_snprintf(buf, 4, "%2000000000d%2000000000d", 1, 2), -1);
    assert_int_equal(our_errno, EOVERFLOW);
    assert_int_equal(our_snprintf(buf, 4, "%99999999999d", 1), INT_MAX);
    assert_string_equal(buf, "   ");
}

#define STAMP "[    0.000000] "

static void a_printed_line_is_an_entry_of_the_log(void **state)
{
    fake_reset(4096);
    assert_int_equal(our_printf("%d %s\n", 5, "text"), 7);
    assert_string_equal(fake_console(), STAMP "5 text\n");
    our_puts("line");
    our_putchar('c');
    our_printf("d\te");
    assert_string_equal(fake_console(), STAMP "line\n");
    our_printf("f\r\n\ng");
    assert_string_equal(fake_console(), STAMP "cd ef\n" STAMP "\n");
    assert_int_equal(our_fflush(our_stdout), 0);
    assert_int_equal(our_fflush(our_stdout), 0);
    assert_string_equal(fake_console(), STAMP "g\n");
    our_errno = ECONNRESET;
    our_perror("recv");
    assert_string_equal(fake_console(), STAMP "recv: connection reset by peer\n");
    assert_string_equal(our_strerror(54321), "unknown error");
}

static void a_long_printed_line_becomes_several_entries(void **state)
{
    char text[1000];
    size_t count = 0;
    fake_reset(4096);
    memset(text, 'y', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(our_printf("%s|%40d\n", text, 6), 999 + 1 + 40 + 1);
    const char *at = fake_console();
    size_t letters = 0;
    for (const char *c = at; *c != '\0'; c++) {
        letters += *c == 'y' ? 1 : 0;
        count += *c == '\n' ? 1 : 0;
    }
    assert_int_equal(letters, 999);
    assert_int_equal(count, 5); /* of 240 each */
    assert_null(strstr(at, "..."));
    assert_string_equal(at + strlen(at) - 5, "   6\n");
}

static void random_number_text(char *text)
{
    static const char alphabet[] = "0123456789abcdefxXzZ+- \t";
    static const char *const edges[] = {"9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "-18446744073709551615",
                                        "0x7fffffffffffffff",
                                        "0xffffffffffffffff",
                                        "0x10000000000000000",
                                        "0x",
                                        "0xg",
                                        "-0x1",
                                        "  +42rest",
                                        "077",
                                        "08",
                                        "",
                                        "-",
                                        "+-1",
                                        "1777777777777777777777"};
    if (pick(3) == 0) {
        const char *edge = edges[pick(ARRAY_SIZE(edges))];
        memcpy(text, edge, strlen(edge) + 1);
        return;
    }
    size_t len = pick(24);
    for (size_t i = 0; i < len; i++) {
        text[i] = alphabet[pick(pick(2) == 0 ? 10 : sizeof(alphabet) - 1)];
    }
    text[len] = '\0';
}

static void numbers_parse_as_the_hosts(void **state)
{
    static const int bases[] = {0, 0, 10, 16, 8, 2, 36, 7};
    for (int i = 0; i < 60000; i++) {
        char text[64];
        char *our_end;
        char *their_end;
        random_number_text(text);
        int base = bases[pick(ARRAY_SIZE(bases))];
        our_errno = 0;
        errno = 0;
        assert_int_equal(our_strtol(text, &our_end, base), host_strtol(text, &their_end, base));
        assert_ptr_equal(our_end, their_end);
        assert_int_equal(our_errno, errno);
        our_errno = 0;
        errno = 0;
        assert_int_equal(our_strtoull(text, &our_end, base), host_strtoull(text, &their_end, base));
        assert_ptr_equal(our_end, their_end);
        assert_int_equal(our_errno, errno);
        assert_int_equal(our_strtoll(text, NULL, base), host_strtoll(text, NULL, base));
        assert_int_equal(our_strtoul(text, NULL, base), host_strtoul(text, NULL, base));
    }
    assert_int_equal(our_atoi(" -17x"), -17);
    our_errno = 0;
    assert_int_equal(our_strtol("1", NULL, 37), 0);
    assert_int_equal(our_errno, EINVAL);
}

static void characters_are_classed_as_the_hosts(void **state)
{
    for (int c = -1; c < 256; c++) {
        bool ascii = c < 128;
        assert_int_equal(!!our_isalnum(c), ascii && isalnum(c));
        assert_int_equal(!!our_isalpha(c), ascii && isalpha(c));
        assert_int_equal(!!our_isblank(c), ascii && isblank(c));
        assert_int_equal(!!our_iscntrl(c), ascii && iscntrl(c));
        assert_int_equal(!!our_isdigit(c), ascii && isdigit(c));
        assert_int_equal(!!our_isgraph(c), ascii && isgraph(c));
        assert_int_equal(!!our_islower(c), ascii && islower(c));
        assert_int_equal(!!our_isprint(c), ascii && isprint(c));
        assert_int_equal(!!our_ispunct(c), ascii && ispunct(c));
        assert_int_equal(!!our_isspace(c), ascii && isspace(c));
        assert_int_equal(!!our_isupper(c), ascii && isupper(c));
        assert_int_equal(!!our_isxdigit(c), ascii && isxdigit(c));
        assert_int_equal(our_tolower(c), tolower(c));
        assert_int_equal(our_toupper(c), toupper(c));
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const uint32_t *x = a;
    const uint32_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void sorting_sorts(void **state)
{
    uint32_t items[200][3];
    for (int round = 0; round < 300; round++) {
        size_t count = pick(200);
        uint32_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            items[i][0] = (uint32_t)pick(round % 2 == 0 ? 10 : 100000);
            items[i][1] = ~items[i][0];
            sum += items[i][0];
        }
        our_qsort(items, count, sizeof(items[0]), compare_pairs);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(items[i][1], ~items[i][0]);
            assert_true(i == 0 || items[i - 1][0] <= items[i][0]);
            sum -= items[i][0];
        }
        assert_int_equal(sum, 0);
        for (uint32_t key = 0; key < 12; key++) {
            const uint32_t *ours = our_bsearch(&key, items, count, sizeof(items[0]), compare_pairs);
            const uint32_t *theirs = bsearch(&key, items, count, sizeof(items[0]), compare_pairs);
            assert_int_equal(ours == NULL, theirs == NULL);
            assert_true(ours == NULL || *ours == key);
        }
    }
}

static void dates_are_the_hosts(void **state)
{
    static const char fmt[] = "%a, %d %b %Y %H:%M:%S GMT|%e %F %j %m %T %y %z %Z %%%n%t";
    static const time_t edges[] = {0,          -1,           951782399,   951782400,
                                   951868800,  4107542399,   4107542400,  68256000,
                                   2147483648, -62135596800, 253402300799};
    for (int i = 0; i < 40000; i++) {
        time_t t = (time_t)(fake_random(&seed) >> (22 + pick(40)));
        t = i < (int)ARRAY_SIZE(edges) ? edges[i]
            : pick(4) == 0             ? -(t % 62135596800)
                                       : t % (1L << 37);
        struct tm ours = {0};
        struct tm theirs;
        char our_text[BUF];
        char their_text[BUF];
        assert_non_null(our_gmtime_r(&t, &ours));
        gmtime_r(&t, &theirs);
        assert_memory_equal(&ours, &theirs, 9 * sizeof(int));
        size_t n = our_strftime(our_text, sizeof(our_text), fmt, &ours);
        size_t m = strftime(their_text, sizeof(their_text), fmt, &theirs);
        if (theirs.tm_year >= -900) { /* the host pads no year below 1000 either, %F differs */
            assert_string_equal(our_text, their_text);
            assert_int_equal(n, m);
        }
        assert_int_equal(our_strftime(our_text, n, fmt, &ours), 0);
        assert_int_equal(our_strftime(our_text, n + 1, fmt, &ours), n);
    }
    struct tm tm;
    assert_null(our_gmtime_r(&(time_t){INT64_MAX}, &tm));
    assert_int_equal(our_errno, EOVERFLOW);
    struct tm wrong = {.tm_mon = 99, .tm_wday = -3};
    char text[32];
    assert_int_equal(our_strftime(text, sizeof(text), "%a%b%Q%", &wrong), 9);
    assert_string_equal(text, "??????%Q%");
}

static void clocks_come_from_the_platform(void **state)
{
    struct timespec ts;
    struct timeval tv;
    fake_reset(4096);
    fake.now_ns = 5 * NS_PER_S + 123456789;
    fake.unix_s = 1700000000;
    assert_int_equal(our_clock_gettime(CLOCK_MONOTONIC, &ts), 0);
    assert_int_equal(ts.tv_sec, 5);
    assert_int_equal(ts.tv_nsec, 123456789);
    assert_int_equal(our_clock_gettime(CLOCK_REALTIME, &ts), 0);
    assert_int_equal(ts.tv_sec, 1700000005);
    assert_int_equal(our_time(NULL), 1700000005);
    assert_int_equal(our_gettimeofday(&tv, NULL), 0);
    assert_int_equal(tv.tv_usec, 123456);
    assert_int_equal(our_clock_gettime(77, &ts), -1);
    assert_int_equal(our_errno, EINVAL);
}

static void the_end_of_the_application_ends_the_run(void **state)
{
    fake_reset(4096);
    fake.on_end = &ended;
    if (setjmp(ended) == 0) {
        our_exit(3);
    }
    assert_int_equal(fake.end, FAKE_HALTED);
    assert_int_equal(fake.halt_code, 3);
    if (setjmp(ended) == 0) {
        our_abort();
    }
    assert_true(panicked);
}

int main(void)
{
    rs_errno_set_place(place_of_errno);
    seed = fake_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_print_as_the_hosts),
        cmocka_unit_test(strings_print_as_the_hosts),
        cmocka_unit_test(strange_formats_are_safe),
        cmocka_unit_test(a_printed_line_is_an_entry_of_the_log),
        cmocka_unit_test(a_long_printed_line_becomes_several_entries),
        cmocka_unit_test(numbers_parse_as_the_hosts),
        cmocka_unit_test(characters_are_classed_as_the_hosts),
        cmocka_unit_test(sorting_sorts),
        cmocka_unit_test(dates_are_the_hosts),
        cmocka_unit_test(clocks_come_from_the_platform),
        cmocka_unit_test(the_end_of_the_application_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
