/*
 * Text to floating point (C11 7.22.1.3), rounded once and rightly. A decimal D * 10^x is made an
 * integer of whole words, its highest 64 bits and whether anything stands below them; numbers and
 * the middles between two have 768 digits at most, so that digits beyond DIGITS_MAX only tell that
 * there is more.
 */
#include "kernel/libc/ctype.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/float/fmt_float.h"
#include "kernel/libc/stdlib.h"
#include "kernel/libc/string.h"
#include "kernel/libc/strings.h"

#include "kernel/base.h"

enum {
    DIGITS_MAX = 800,
    /* Beyond these powers of ten every double is infinite, or less than half of the smallest. */
    POWER_MAX = 310,
    POWER_MIN = -330,
    LIMB_BITS = 32,
    /* 800 digits are 2658 bits, 10^1130 has 2624 of 5^1130 and 66 more for the quotient's. */
    BIG_LIMBS = 90,
    QUOTIENT_BITS = 66,
    EXPONENT_DIGITS_MAX = 17,
};

struct big {
    uint32_t limb[BIG_LIMBS]; /* lowest first */
    size_t count;
};

/* A magnitude: mantissa * 2^exponent, the mantissa's top bit set, and more: a little above it. */
struct scaled {
    uint64_t mantissa; /* 0: the number is 0 */
    int64_t exponent;
    bool more;
};

struct format {
    int bits;         /* of the mantissa, the implied one too */
    int exponent_min; /* of the leading bit, of normal numbers */
    int exponent_max;
};

static const struct format format_double = {53, -1022, 1023};
static const struct format format_float = {24, -126, 127};

static void big_multiply_add(struct big *b, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (size_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limb[i] * factor;
        b->limb[i] = (uint32_t)carry;
        carry >>= LIMB_BITS;
    }
    if (carry != 0) {
        assert(b->count < BIG_LIMBS);
        b->limb[b->count++] = (uint32_t)carry;
    }
}

/* Returns whether there was a remainder. */
static bool big_divide(struct big *b, uint32_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = b->count; i-- > 0;) {
        rest = rest << LIMB_BITS | b->limb[i];
        b->limb[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    while (b->count > 0 && b->limb[b->count - 1] == 0) {
        b->count--;
    }
    return rest != 0;
}

static int64_t big_bits(const struct big *b)
{
    assert(b->count > 0);
    return (int64_t)b->count * LIMB_BITS - __builtin_clz(b->limb[b->count - 1]);
}

static void big_shift_left(struct big *b, int64_t bits)
{
    size_t limbs = (size_t)bits / LIMB_BITS;
    assert(bits >= 0 && b->count + limbs <= BIG_LIMBS);
    memmove(b->limb + limbs, b->limb, b->count * sizeof(b->limb[0]));
    memset(b->limb, 0, limbs * sizeof(b->limb[0]));
    b->count += limbs;
    big_multiply_add(b, UINT32_C(1) << (bits % LIMB_BITS), 0);
}

/* The highest 64 bits, in place, and whether any below them is set. exponent: of the lowest bit. */
static struct scaled big_top(const struct big *b, int64_t exponent, bool more)
{
    struct scaled s = {.more = more};
    int64_t bits = big_bits(b);
    s.exponent = exponent + bits - 64;
    for (size_t i = 0; i < b->count; i++) {
        int64_t at = (int64_t)i * LIMB_BITS - (bits - 64); /* where this limb's lowest bit goes */
        if (at >= 0) {
            s.mantissa |= (uint64_t)b->limb[i] << at;
        } else if (at > -LIMB_BITS) {
            s.mantissa |= b->limb[i] >> -at;
            s.more = s.more || (uint32_t)(b->limb[i] << (LIMB_BITS + at)) != 0;
        } else {
            s.more = s.more || b->limb[i] != 0;
        }
    }
    return s;
}

/* big * 10^power; more: and a little. */
static struct scaled scale_decimal(struct big *b, int64_t power, bool more)
{
    int64_t exponent = power;
    if (power >= 0) {
        for (; power >= FIVES_STEP; power -= FIVES_STEP) {
            big_multiply_add(b, FIVES, 0);
        }
        for (; power > 0; power--) {
            big_multiply_add(b, 5, 0);
        }
        return big_top(b, exponent, more);
    }
    int64_t divisor_bits = -power * 2322 / 1000 + 1; /* log2(5) is 2.3219 */
    int64_t shift = divisor_bits + QUOTIENT_BITS - big_bits(b);
    if (shift > 0) {
        big_shift_left(b, shift);
        exponent -= shift;
    }
    for (power = -power; power >= FIVES_STEP; power -= FIVES_STEP) {
        more = big_divide(b, FIVES) || more;
    }
    for (; power > 0; power--) {
        more = big_divide(b, 5) || more;
    }
    return big_top(b, exponent, more);
}

/* "e+12": the number, and *s moved behind it; 0 and *s as it is when no digit follows. */
static int64_t scan_exponent(const char **s, char letter)
{
    const char *at = *s;
    if (tolower((unsigned char)*at) != letter) {
        return 0;
    }
    at++;
    bool negative = *at == '-';
    at += *at == '-' || *at == '+' ? 1 : 0;
    if (!isdigit((unsigned char)*at)) {
        return 0;
    }
    while (*at == '0') {
        at++;
    }
    int64_t exponent = 0;
    for (int digits = 0; isdigit((unsigned char)*at); at++) {
        exponent = digits++ < EXPONENT_DIGITS_MAX ? exponent * 10 + (*at - '0') : exponent;
    }
    *s = at;
    return negative ? -exponent : exponent;
}

/* s is at a digit, or at a point before one. */
static struct scaled scan_decimal(const char **s)
{
    struct big b = {.count = 0};
    int64_t digits = 0; /* those that count: without zeros in front */
    int64_t power = 0;
    bool more = false;
    bool point = false;
    const char *at = *s;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        if (digits > 0 || *at != '0') {
            digits++;
        }
        if (digits <= DIGITS_MAX) {
            big_multiply_add(&b, 10, (uint32_t)(*at - '0'));
            power -= point ? 1 : 0;
        } else {
            more = more || *at != '0';
            power += point ? 0 : 1;
        }
    }
    power += scan_exponent(&at, 'e');
    *s = at;
    if (b.count == 0) {
        return (struct scaled){0};
    }
    int64_t highest = power + (digits < DIGITS_MAX ? digits : DIGITS_MAX); /* it is < 10^highest */
    if (highest > POWER_MAX || highest < POWER_MIN) { /* too far for what big holds */
        return (struct scaled){UINT64_C(1) << 63, highest > 0 ? INT32_MAX : INT32_MIN, true};
    }
    return scale_decimal(&b, power, more);
}

static uint32_t hex_value(char c)
{
    int lower = tolower((unsigned char)c);
    return (uint32_t)(isdigit(lower) ? lower - '0' : lower - 'a' + 10);
}

/* s is behind "0x". */
static struct scaled scan_hex(const char **s)
{
    struct scaled n = {.mantissa = 0};
    bool point = false;
    const char *at = *s;
    for (; isxdigit((unsigned char)*at) || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
        } else if (n.mantissa >> 60 == 0) {
            n.mantissa = n.mantissa << 4 | hex_value(*at);
            n.exponent -= point ? 4 : 0;
        } else {
            n.more = n.more || *at != '0';
            n.exponent += point ? 0 : 4;
        }
    }
    n.exponent += scan_exponent(&at, 'p');
    *s = at;
    if (n.mantissa != 0) {
        int zeros = __builtin_clzll(n.mantissa);
        n.mantissa <<= zeros;
        n.exponent -= zeros;
    }
    return n;
}

/* What is left of the mantissa without its lowest shift bits, rounded. */
static uint64_t round_bits(const struct scaled *n, int64_t shift, bool negative, bool *inexact)
{
    uint64_t kept = shift < 64 ? n->mantissa >> shift : 0;
    uint64_t cut = shift < 64 ? n->mantissa << (64 - shift) : shift == 64 ? n->mantissa : 1;
    uint64_t middle = UINT64_C(1) << 63;
    int half = cut != middle ? (cut > middle ? 1 : -1) : n->more ? 1 : 0;
    *inexact = cut != 0 || n->more;
    bool up = float_rounds_up(float_rounding(), negative, half, *inexact, (kept & 1) != 0);
    return kept + (up ? 1 : 0);
}

/*
 * The bits of the number without its sign, as IEEE 754 has them in a format. ERANGE when it is too
 * great, or so small that it has lost digits (7.22.1.3, 10). Small is judged after rounding, as the
 * processor does.
 */
static uint64_t encode(const struct scaled *n, const struct format *f, bool negative)
{
    int fraction_bits = f->bits - 1;
    uint64_t infinity = (uint64_t)(f->exponent_max - f->exponent_min + 2) << fraction_bits;
    if (n->mantissa == 0) {
        return 0;
    }
    int64_t leading = n->exponent + 63;
    bool inexact = true;
    uint64_t bits = infinity;
    if (leading <= f->exponent_max) {
        int64_t lowest = (leading > f->exponent_min ? leading : f->exponent_min) - fraction_bits;
        uint64_t kept = round_bits(n, lowest - n->exponent, negative, &inexact);
        /* The implied bit adds one to the exponent field, and so does a carry out of the kept. */
        bits = kept + ((uint64_t)(lowest + fraction_bits - f->exponent_min) << fraction_bits);
    }
    bool ignored;
    bool tiny = leading < f->exponent_min &&
                !(leading == f->exponent_min - 1 &&
                  round_bits(n, 64 - f->bits, negative, &ignored) >> f->bits != 0);
    if (bits >= infinity || (tiny && inexact)) {
        errno = ERANGE;
    }
    enum float_rounding mode = float_rounding();
    bool inward = mode == ROUND_ZERO || mode == (negative ? ROUND_UP : ROUND_DOWN);
    return bits >= infinity && inward ? infinity - 1 : bits;
}

/* "nan", and what may follow it in parentheses: letters, digits and underscores. */
static const char *skip_nan(const char *s)
{
    const char *at = s + 3;
    if (*at != '(') {
        return at;
    }
    do {
        at++;
    } while (isalnum((unsigned char)*at) || *at == '_');
    return *at == ')' ? at + 1 : s + 3;
}

/* The number at the start of text, in a format's bits, the sign apart. *end: behind it. */
static uint64_t scan(const char *text, const char **end, const struct format *f, bool *negative)
{
    const char *s = text;
    while (isspace((unsigned char)*s)) {
        s++;
    }
    *negative = *s == '-';
    s += *s == '-' || *s == '+' ? 1 : 0;
    uint64_t infinity = (uint64_t)(f->exponent_max - f->exponent_min + 2) << (f->bits - 1);
    if (strncasecmp(s, "inf", 3) == 0) {
        *end = s + (strncasecmp(s, "infinity", 8) == 0 ? 8 : 3);
        return infinity;
    }
    if (strncasecmp(s, "nan", 3) == 0) {
        *end = skip_nan(s);
        return infinity | UINT64_C(1) << (f->bits - 2); /* a quiet one */
    }
    struct scaled n;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
        isxdigit((unsigned char)s[s[2] == '.' ? 3 : 2])) {
        s += 2;
        n = scan_hex(&s);
    } else if (isdigit((unsigned char)s[*s == '.' ? 1 : 0])) {
        n = scan_decimal(&s);
    } else {
        *negative = false;
        *end = text;
        return 0;
    }
    *end = s;
    return encode(&n, f, *negative);
}

double strtod(const char *restrict s, char **restrict end)
{
    const char *behind;
    bool negative;
    uint64_t bits = scan(s, &behind, &format_double, &negative);
    bits |= negative ? UINT64_C(1) << 63 : 0;
    if (end != NULL) {
        *end = (char *)(uintptr_t)behind;
    }
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float strtof(const char *restrict s, char **restrict end)
{
    const char *behind;
    bool negative;
    uint32_t bits = (uint32_t)scan(s, &behind, &format_float, &negative);
    bits |= negative ? UINT32_C(1) << 31 : 0;
    if (end != NULL) {
        *end = (char *)(uintptr_t)behind;
    }
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

double atof(const char *s)
{
    return strtod(s, NULL);
}
