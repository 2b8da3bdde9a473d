/*
 * The floating point of the metal's C library (kernel/libc/float) beside the host's: every digit
 * printed, every bit parsed, in each direction of rounding, over random numbers and those at the
 * edges of the formats. And the names by which glibc's headers ask for it (kernel/libc/glibc.c).
 */
// LINK: tests/unit/fake_platform.c tests/unit/libc*_under_test.c kernel/log.c
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/panic.h"
#include "tests/unit/fake_platform.h"

int our_snprintf(char *buf, size_t size, const char *fmt, ...);
double our_strtod(const char *s, char **end);
float our_strtof(const char *s, char **end);
double our_atof(const char *s);
double our_fabs(double x);
double our_sqrt(double x);
double our_floor(double x);
double our_ceil(double x);
double our_trunc(double x);
double our_round(double x);
double our_rint(double x);
double our_nearbyint(double x);
long our_lrint(double x);
long our_lround(double x);
double our_fmod(double x, double y);
double our_fmin(double x, double y);
double our_fmax(double x, double y);
double our_fdim(double x, double y);
double our_copysign(double x, double y);
double our_frexp(double x, int *exponent);
double our_ldexp(double x, int n);
double our_modf(double x, double *whole);
float our_sqrtf(float x);
float our_rintf(float x);
float our_fmodf(float x, float y);
float our_ldexpf(float x, int n);
void rs_errno_set_place(int *(*place)(void));
int *our_errno_place(void) __asm__("rs_errno");
int *our__errno_location(void);
void *our__memcpy_chk(void *to, const void *from, size_t n, size_t size);
char *our__strcat_chk(char *to, const char *from, size_t size);
int our__snprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, ...);
int our__sprintf_chk(char *buf, int flag, size_t size, const char *fmt, ...);
const uint16_t **our__ctype_b_loc(void);
const int32_t **our__ctype_tolower_loc(void);

enum {
    BUF = 6000,
};

static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};

static uint64_t seed;
static int error; /* our errno */

static jmp_buf panicked_to;

static int *place_of_errno(void)
{
    return &error;
}

noreturn_fn void panic(const char *fmt, ...)
{
    longjmp(panicked_to, 1);
}

static uint64_t pick(uint64_t count)
{
    return fake_random(&seed) % count;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

/* Of all kinds: any bits, whole and short decimal numbers, powers of two, halves, the edges. */
static double random_double(void)
{
    static const double edges[] = {0.0,     -0.0,      1.0,         0.5,       2.5,      DBL_MAX,
                                   DBL_MIN, 0x1p-1074, 0x1.fp-1030, 9.5,       999999.5, 0.00001234,
                                   1e22,    1e23,      INFINITY,    -INFINITY, NAN,      9.9999995};
    double sign = pick(2) == 0 ? 1.0 : -1.0;
    switch (pick(6)) {
    case 0:
        return edges[pick(sizeof(edges) / sizeof(edges[0]))];
    case 1:
        return sign * (double)pick(UINT64_C(1) << pick(64));
    case 2:
        return sign * (double)pick(1000000) / (double)(UINT64_C(1) << pick(12));
    case 3:
        return sign * ldexp(1.0, (int)pick(2100) - 1074);
    case 4:
        return sign * (double)pick(100000) / 1000.0;
    default:
        return of_bits(fake_random(&seed));
    }
}

static void in_each_direction(void (*test)(void))
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(fesetround(modes[i]), 0);
        test();
        assert_int_equal(fesetround(FE_TONEAREST), 0);
    }
}

/*
 * "%+-#0 12.34Lf"; is_long: with the L. "#" not with g: glibc 2.36 then loses the zeros of a number
 * that is rounded up to a power of ten (printed_zeros_are_kept looks at ours).
 */
static void random_format(char *fmt, const char *conversions, bool is_long)
{
    size_t len = 0;
    char conversion = conversions[pick(strlen(conversions))];
    fmt[len++] = '%';
    for (const char *flag = tolower(conversion) == 'g' ? "+- 0" : "+- #0"; *flag != '\0'; flag++) {
        if (pick(4) == 0) {
            fmt[len++] = *flag;
        }
    }
    if (pick(3) == 0) {
        len += (size_t)snprintf(fmt + len, 8, "%d", (int)pick(60) + 1);
    }
    if (pick(3) != 0) {
        len += (size_t)snprintf(fmt + len, 8, ".%d", (int)(pick(8) == 0 ? pick(1200) : pick(22)));
    }
    if (is_long) {
        fmt[len++] = 'L';
    }
    fmt[len++] = conversion;
    fmt[len] = '\0';
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"

static void print_doubles(void)
{
    static char ours[BUF];
    static char theirs[BUF];
    for (int i = 0; i < 30000; i++) {
        char fmt[64];
        double x = random_double();
        random_format(fmt, "fFeEgGaA", false);
        int n = our_snprintf(ours, sizeof(ours), fmt, x);
        int m = snprintf(theirs, sizeof(theirs), fmt, x);
        if (n != m || strcmp(ours, theirs) != 0) {
            fail_msg("%s of %a: ours is '%s' (%d), the host's '%s' (%d)", fmt, x, ours, n, theirs,
                     m);
        }
    }
}

static void doubles_print_as_the_hosts(void **state)
{
    in_each_direction(print_doubles);
}

static void print_long_doubles(void)
{
    static char ours[BUF];
    static char theirs[BUF];
    for (int i = 0; i < 2000; i++) {
        char fmt[64];
        long double x =
            (long double)random_double() * (pick(2) == 0 ? 1.0L : 0x1.8765432187654p-3L);
        x = pick(20) == 0 ? ldexpl(x, (int)pick(30000) - 15000) : x;
        random_format(fmt, "fFeEgGaA", true);
        int n = our_snprintf(ours, sizeof(ours), fmt, x);
        int m = snprintf(theirs, sizeof(theirs), fmt, x);
        if (n != m || strcmp(ours, theirs) != 0) {
            fail_msg("%s of %La: ours is '%s' (%d), the host's '%s' (%d)", fmt, x, ours, n, theirs,
                     m);
        }
    }
}

static void long_doubles_print_as_the_hosts(void **state)
{
    in_each_direction(print_long_doubles);
}

#pragma clang diagnostic pop

static void a_double_stands_among_other_arguments(void **state)
{
    char text[200];
    assert_int_equal(our_snprintf(text, sizeof(text), "%d %.3f %s %g %*.*e|%Lg %c", 7, 2.5, "and",
                                  1e100, 12, 2, 3.14159, 1.5L, 'x'),
                     37);
    assert_string_equal(text, "7 2.500 and 1e+100     3.14e+00|1.5 x");
}

static void printed_zeros_are_kept(void **state)
{
    static const struct {
        const char *fmt;
        double x;
        const char *text;
    } cases[] = {{"%#g", 1.0, "1.00000"},          {"%#g", 999999.5, "1.00000e+06"},
                 {"%#g", 0.0001, "0.000100000"},   {"%#.0g", 5.0, "5."},
                 {"%#.3G", 1e-5, "1.00E-05"},      {"%#g", 0.0, "0.00000"},
                 {"%#.12g", 0.5, "0.500000000000"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32];
        (void)our_snprintf(text, sizeof(text), cases[i].fmt, cases[i].x);
        assert_string_equal(text, cases[i].text);
    }
}

/* glibc 2.36 errs with a hexadecimal number below the normal ones of which little is lost: one
 * digit 1 just behind the last place (0x1.e6e919p-128 of float) is nothing to it, without ERANGE or
 * rounding up where that is asked for; 0x1.6eaa51p-130, more than half a place above, goes down.
 * When it differs from us, what its strtold says, in whose range the number is normal, holds. */
static bool host_errs(const char *text, double parsed, bool subnormal)
{
    return subnormal && strpbrk(text, "xX") != NULL && (long double)parsed != strtold(text, NULL);
}

static bool same_double(double a, double b)
{
    return isnan(a) ? isnan(b) && signbit(a) == signbit(b) : bits_of(a) == bits_of(b);
}

static void check_parse_double(const char *text)
{
    char *our_end;
    char *their_end;
    error = 0;
    errno = 0;
    double ours = our_strtod(text, &our_end);
    double theirs = strtod(text, &their_end);
    int their_error = errno;
    if ((!same_double(ours, theirs) || error != their_error) &&
        host_errs(text, ours, fpclassify(ours) == FP_SUBNORMAL)) {
        theirs = (double)strtold(text, NULL);
        their_error = ERANGE;
    }
    if (!same_double(ours, theirs) || our_end != their_end || error != their_error) {
        fail_msg("strtod(\"%s\"): ours is %a, %zu, %d; the host's %a, %zu, %d", text, ours,
                 (size_t)(our_end - text), error, theirs, (size_t)(their_end - text), their_error);
    }
}

static bool same_float(float a, float b)
{
    return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof(a)) == 0;
}

static void check_parse_float(const char *text)
{
    char *our_end;
    char *their_end;
    error = 0;
    errno = 0;
    float ours = our_strtof(text, &our_end);
    float theirs = strtof(text, &their_end);
    int their_error = errno;
    if ((!same_float(ours, theirs) || error != their_error) &&
        host_errs(text, ours, fpclassify(ours) == FP_SUBNORMAL)) {
        theirs = (float)strtold(text, NULL);
        their_error = ERANGE;
    }
    if (!same_float(ours, theirs) || our_end != their_end || error != their_error) {
        fail_msg("strtof(\"%s\"): ours is %a, %d; the host's %a, %d", text, (double)ours, error,
                 (double)theirs, their_error);
    }
}

static void check_parse(const char *text)
{
    check_parse_double(text);
    check_parse_float(text);
}

/* Text of doubles, of the middles between two, with digits behind them or cut off; and of noise. */
static void random_text(char *text)
{
    static const char *const noise = "0123456789.eE+-xXpPinfa() ";
    double x = fabs(random_double());
    switch (pick(6)) {
    case 0:
        snprintf(text, BUF, "%.*e", (int)pick(25), x);
        break;
    case 1: /* a middle, whole */
        snprintf(text, BUF, "%.780Lg%s", ((long double)x + (long double)nextafter(x, INFINITY)) / 2,
                 pick(2) == 0 ? "" : "1");
        break;
    case 2:
        snprintf(text, BUF, "%.*a", (int)pick(20), x);
        break;
    case 3:
        snprintf(text, BUF, "%llu%llu.%lluE%d", (unsigned long long)pick(UINT64_MAX),
                 (unsigned long long)pick(UINT64_MAX), (unsigned long long)pick(UINT64_MAX),
                 (int)pick(700) - 350);
        break;
    case 4:
        snprintf(text, BUF, "%s0x%llx.%llxp%d", pick(2) == 0 ? "-" : " +",
                 (unsigned long long)pick(UINT64_MAX), (unsigned long long)pick(UINT64_MAX),
                 (int)pick(2400) - 1250);
        break;
    default: {
        size_t len = pick(20);
        for (size_t i = 0; i < len; i++) {
            text[i] = noise[pick(strlen(noise))];
        }
        text[len] = '\0';
        break;
    }
    }
}

static const char *const edge_texts[] = {"0x1.e6e919p-128",
                                         "",
                                         "-",
                                         ".",
                                         "-.",
                                         "0",
                                         "-0",
                                         "1",
                                         ".5",
                                         "5.",
                                         "1e",
                                         "1e+",
                                         "1e-5x",
                                         "0x",
                                         "0x.",
                                         "0x.8",
                                         "0x1p",
                                         "0x1.8p-1",
                                         "inf",
                                         "-Infinity",
                                         "infinit",
                                         "nan",
                                         "NAN(12_a)",
                                         "nan(",
                                         "nan(-)",
                                         "1e400",
                                         "-1e400",
                                         "1e-400",
                                         "1e99999999999999999999",
                                         "1e-99999999999999999999",
                                         "0e99999999999999999999",
                                         "2.2250738585072011e-308",
                                         "2.2250738585072012e-308",
                                         "2.2250738585072014e-308",
                                         "4.9406564584124654e-324",
                                         "2.4703282292062327e-324",
                                         "2.4703282292062328e-324",
                                         "1.7976931348623157e308",
                                         "1.7976931348623158e308",
                                         "1.7976931348623159e308",
                                         "9007199254740993",
                                         "9007199254740993.0000000000000000000000001",
                                         "  \t\n+7",
                                         "0x1.fffffffffffff8p1023",
                                         "0x1.fffffffffffff7p1023",
                                         "0x0.8p-1074",
                                         "0x0.80000000000000000000001p-1074",
                                         "0x1.ffffffffffffffp-1023",
                                         "1.1754943508222875e-38",
                                         "1.401298464324817e-45",
                                         "3.4028235677973366e38",
                                         "3.4028235677973365e38",
                                         "0x1.e6e919p-128",
                                         "0x1.6eaa51p-130",
                                         "1__",
                                         "0x1g"};

static void parse_texts(void)
{
    static char text[BUF];
    for (size_t i = 0; i < sizeof(edge_texts) / sizeof(edge_texts[0]); i++) {
        check_parse(edge_texts[i]);
    }
    for (int i = 0; i < 30000; i++) {
        random_text(text);
        check_parse(text);
    }
    memset(text, '0', 3000);
    memcpy(text + 3000, ".1e2999", 8);
    check_parse(text);
    memset(text, '9', 3000);
    memcpy(text + 3000, "e-3000", 7);
    check_parse(text);
    text[0] = '.';
    memset(text + 1, '0', 3000);
    memcpy(text + 3001, "123e3000", 9);
    check_parse(text);
}

static void numbers_parse_as_the_hosts(void **state)
{
    in_each_direction(parse_texts);
}

static void expect_same(const char *what, double x, double y, double ours, double theirs)
{
    if (isnan(ours) ? !isnan(theirs) : bits_of(ours) != bits_of(theirs)) {
        fail_msg("%s(%a, %a): ours is %a, the host's %a", what, x, y, ours, theirs);
    }
}

static void compare_math(void)
{
    for (int i = 0; i < 20000; i++) {
        double x = random_double();
        double y = pick(4) == 0 ? x * 3 : random_double();
        float fx = (float)x;
        float fy = (float)y;
        int ours_e = 0;
        int theirs_e = 0;
        double ours_whole = 0;
        double theirs_whole = 0;
        int n = (int)pick(4400) - 2200;
        expect_same("fabs", x, 0, our_fabs(x), fabs(x));
        expect_same("copysign", x, y, our_copysign(x, y), copysign(x, y));
        expect_same("sqrt", x, 0, our_sqrt(x), sqrt(x));
        expect_same("floor", x, 0, our_floor(x), floor(x));
        expect_same("ceil", x, 0, our_ceil(x), ceil(x));
        expect_same("trunc", x, 0, our_trunc(x), trunc(x));
        expect_same("round", x, 0, our_round(x), round(x));
        expect_same("rint", x, 0, our_rint(x), rint(x));
        expect_same("nearbyint", x, 0, our_nearbyint(x), nearbyint(x));
        expect_same("fmod", x, y, our_fmod(x, y), fmod(x, y));
        expect_same("fdim", x, y, our_fdim(x, y), fdim(x, y));
        expect_same("ldexp", x, n, our_ldexp(x, n), ldexp(x, n));
        expect_same("modf", x, 0, our_modf(x, &ours_whole), modf(x, &theirs_whole));
        expect_same("modf's whole", x, 0, ours_whole, theirs_whole);
        expect_same("frexp", x, 0, our_frexp(x, &ours_e), frexp(x, &theirs_e));
        assert_true(ours_e == theirs_e || !isfinite(x));
        if (x != y) { /* of 0 and -0 either will do */
            expect_same("fmin", x, y, our_fmin(x, y), fmin(x, y));
            expect_same("fmax", x, y, our_fmax(x, y), fmax(x, y));
        }
        if (fabs(x) < 0x1p62) {
            assert_int_equal(our_lrint(x), lrint(x));
            assert_int_equal(our_lround(x), lround(x));
        }
        expect_same("sqrtf", fx, 0, our_sqrtf(fx), sqrtf(fx));
        expect_same("rintf", fx, 0, our_rintf(fx), rintf(fx));
        expect_same("fmodf", fx, fy, our_fmodf(fx, fy), fmodf(fx, fy));
        expect_same("ldexpf", fx, n, our_ldexpf(fx, n), ldexpf(fx, n));
    }
}

static void what_is_exact_is_the_hosts(void **state)
{
    in_each_direction(compare_math);
}

static void nearbyint_raises_no_flag(void **state)
{
    (void)feclearexcept(FE_ALL_EXCEPT);
    assert_true(our_nearbyint(2.5) == 2.0);
    assert_int_equal(fetestexcept(FE_INEXACT), 0);
    assert_true(our_rint(2.5) == 2.0);
    assert_int_equal(fetestexcept(FE_INEXACT), FE_INEXACT);
}

/* What libraries that were compiled with _FORTIFY_SOURCE call. */
static void a_write_beyond_the_end_ends_the_run(void **state)
{
    char text[8] = "";
    assert_ptr_equal(our__memcpy_chk(text, "1234567", 8, sizeof(text)), text);
    assert_int_equal(our__snprintf_chk(text, 8, 1, sizeof(text), "%g", 0.25), 4);
    assert_string_equal(text, "0.25");
    assert_int_equal(our__sprintf_chk(text, 1, sizeof(text), "%d", 1234567), 7);
    text[4] = '\0';
    assert_string_equal(our__strcat_chk(text, "abc", sizeof(text)), "1234abc");
    for (volatile int i = 0; i < 4; i++) {
        if (setjmp(panicked_to) != 0) {
            continue;
        }
        text[4] = '\0';
        i == 0   ? (void)our__memcpy_chk(text, "123456789", 9, sizeof(text))
        : i == 1 ? (void)our__snprintf_chk(text, 9, 1, sizeof(text), "%d", 1)
        : i == 2 ? (void)our__sprintf_chk(text, 1, sizeof(text), "%d", 12345678)
                 : (void)our__strcat_chk(text, "abcd", sizeof(text));
        fail_msg("case %d wrote beyond the end", i);
    }
}

static void glibcs_names_reach_ours(void **state)
{
    assert_ptr_equal(our__errno_location(), our_errno_place());
    const uint16_t *classes = *our__ctype_b_loc();
    const int32_t *lower = *our__ctype_tolower_loc();
    for (int c = -128; c < 256; c++) {
        if (c != EOF) {
            assert_int_equal(classes[c], (*__ctype_b_loc())[c]);
            assert_int_equal(lower[c], (*__ctype_tolower_loc())[c]);
        }
    }
}

int main(void)
{
    rs_errno_set_place(place_of_errno);
    seed = fake_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_print_as_the_hosts),
        cmocka_unit_test(long_doubles_print_as_the_hosts),
        cmocka_unit_test(a_double_stands_among_other_arguments),
        cmocka_unit_test(printed_zeros_are_kept),
        cmocka_unit_test(numbers_parse_as_the_hosts),
        cmocka_unit_test(what_is_exact_is_the_hosts),
        cmocka_unit_test(nearbyint_raises_no_flag),
        cmocka_unit_test(a_write_beyond_the_end_ends_the_run),
        cmocka_unit_test(glibcs_names_reach_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
