/*
 * Floating point as text (C11 7.21.6.1). A binary number m * 2^e is a decimal one with an end:
 * m * 5^-e with -e digits behind the point when e is negative. It is computed whole, in limbs of
 * nine digits, then rounded once, at the digit that the conversion asks for.
 */
#include "kernel/libc/float/fmt_float.h"

#include "kernel/base.h"
#include "kernel/libc/string.h"

enum {
    LIMB_DIGITS = 9,
    LIMB_BASE = 1000000000,
    LIMB_HALF = LIMB_BASE / 2,
    /* The most digits behind the point, of the smallest number; those before it are fewer. */
    DOUBLE_SCALE_MAX = 1074,
    LONG_SCALE_MAX = 16445,
    DOUBLE_LIMBS = DOUBLE_SCALE_MAX / LIMB_DIGITS + 3,
    LONG_LIMBS = LONG_SCALE_MAX / LIMB_DIGITS + 3,
    TWOS_STEP = 29,
    PRECISION_DEFAULT = 6,
    PIECE_BYTES = 32,
    EXPONENT_BYTES = 8, /* "e-4951", "p-16445" */
};

/* What both types come to. The value is mantissa * 2^exponent; bits: the mantissa's width. */
struct binary {
    uint64_t mantissa;
    int exponent;
    int bits;
    bool negative;
    bool infinite;
    bool nan;
};

/* A decimal integer, lowest limb first, whose last scale digits stand behind the point. */
struct decimal {
    uint32_t *limbs; /* capacity of them, 0 above count */
    size_t capacity;
    size_t count; /* up to the highest that is not 0 */
    int64_t scale;
};

/* How a decimal is laid out: whole digits from position first down, a point, fraction more. */
struct layout {
    int64_t first; /* 0 is the last digit */
    int64_t whole;
    int64_t fraction; /* beyond the last digit there are zeros */
    bool point;
    char exponent[EXPONENT_BYTES];
};

static const uint32_t powers[LIMB_DIGITS] = {1,      10,      100,      1000,     10000,
                                             100000, 1000000, 10000000, 100000000};

static void multiply(struct decimal *d, uint32_t factor)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < d->count; i++) {
        carry += (uint64_t)d->limbs[i] * factor;
        d->limbs[i] = (uint32_t)(carry % LIMB_BASE);
        carry /= LIMB_BASE;
    }
    for (; carry != 0; carry /= LIMB_BASE) { /* 5^13 is more than a limb holds: two, then */
        assert(d->count < d->capacity);
        d->limbs[d->count++] = (uint32_t)(carry % LIMB_BASE);
    }
}

/* limbs: capacity of them, zeroed. */
static struct decimal make_decimal(const struct binary *b, uint32_t *limbs, size_t capacity)
{
    struct decimal d = {.limbs = limbs, .capacity = capacity};
    if (b->mantissa == 0) {
        return d;
    }
    int zeros = __builtin_ctzll(b->mantissa); /* no digits for these */
    int exponent = b->exponent + zeros;
    for (uint64_t m = b->mantissa >> zeros; m != 0; m /= LIMB_BASE) {
        limbs[d.count++] = (uint32_t)(m % LIMB_BASE);
    }
    for (int twos = exponent; twos > 0; twos -= TWOS_STEP) {
        multiply(&d, UINT32_C(1) << (twos < TWOS_STEP ? twos : TWOS_STEP));
    }
    d.scale = exponent < 0 ? -exponent : 0;
    int64_t fives = d.scale;
    for (; fives >= FIVES_STEP; fives -= FIVES_STEP) {
        multiply(&d, FIVES);
    }
    for (; fives > 0; fives--) {
        multiply(&d, 5);
    }
    return d;
}

static int64_t digit_count(const struct decimal *d)
{
    if (d->count == 0) {
        return 0;
    }
    int64_t digits = (int64_t)d->count * LIMB_DIGITS;
    for (int i = LIMB_DIGITS - 1; d->limbs[d->count - 1] < powers[i]; i--) {
        digits--;
    }
    return digits;
}

static uint32_t digit_at(const struct decimal *d, int64_t position)
{
    size_t limb = (size_t)position / LIMB_DIGITS;
    return limb < d->count ? d->limbs[limb] / powers[position % LIMB_DIGITS] % 10 : 0;
}

/* The position of the lowest digit that is not 0; of none: 0. */
static int64_t lowest_digit(const struct decimal *d)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->limbs[i] != 0) {
            int64_t position = (int64_t)i * LIMB_DIGITS;
            while (digit_at(d, position) == 0) {
                position++;
            }
            return position;
        }
    }
    return 0;
}

static bool any_below(const struct decimal *d, size_t limb)
{
    for (size_t i = 0; i < limb; i++) {
        if (d->limbs[i] != 0) {
            return true;
        }
    }
    return false;
}

static void add_at(struct decimal *d, size_t limb, uint32_t unit)
{
    d->limbs[limb] += unit;
    while (d->limbs[limb] >= LIMB_BASE) {
        d->limbs[limb] -= LIMB_BASE;
        limb++;
        assert(limb < d->capacity);
        d->limbs[limb]++;
    }
}

/* The last drop digits become zeros, by the rules of rounding. */
static void round_digits(struct decimal *d, int64_t drop, bool negative)
{
    if (drop <= 0) {
        return;
    }
    size_t limb = (size_t)drop / LIMB_DIGITS;
    assert(limb + 1 < d->capacity);
    uint32_t unit = powers[drop % LIMB_DIGITS];
    uint32_t cut = d->limbs[limb] % unit;
    /* The highest limb of what is cut off, against its half, then what is below that. */
    uint32_t top = unit > 1 ? cut : d->limbs[limb - 1];
    uint32_t middle = unit > 1 ? unit / 2 : LIMB_HALF;
    bool below = any_below(d, unit > 1 ? limb : limb - 1);
    int half = top != middle ? (top > middle ? 1 : -1) : below ? 1 : 0;
    bool odd = (d->limbs[limb] / unit & 1) != 0;
    bool up = float_rounds_up(float_rounding(), negative, half, top != 0 || below, odd);
    memset(d->limbs, 0, limb * sizeof(d->limbs[0]));
    d->limbs[limb] -= cut;
    if (up) {
        add_at(d, limb, unit);
    }
    d->count = d->capacity;
    while (d->count > 0 && d->limbs[d->count - 1] == 0) {
        d->count--;
    }
}

static bool is_upper(const struct fmt_spec *spec)
{
    return spec->conversion >= 'A' && spec->conversion <= 'Z';
}

/* A letter, a sign, and at least so many digits. */
static void write_exponent(char *text, char letter, int64_t exponent, int digits_min)
{
    char digits[EXPONENT_BYTES];
    int count = 0;
    for (uint64_t e = (uint64_t)(exponent < 0 ? -exponent : exponent); e != 0 || count < digits_min;
         e /= 10) {
        digits[count++] = (char)('0' + e % 10);
    }
    assert(count + 3 <= EXPONENT_BYTES);
    *text++ = letter;
    *text++ = exponent < 0 ? '-' : '+';
    while (count > 0) {
        *text++ = digits[--count];
    }
    *text = '\0';
}

static struct layout plain_layout(const struct decimal *d, int64_t fraction)
{
    int64_t digits = digit_count(d);
    struct layout l = {.fraction = fraction};
    l.first = digits > d->scale ? digits - 1 : d->scale;
    l.whole = l.first - d->scale + 1;
    return l;
}

static struct layout exponent_layout(const struct decimal *d, int64_t fraction, char letter)
{
    int64_t digits = digit_count(d);
    struct layout l = {.first = digits > 0 ? digits - 1 : 0, .whole = 1, .fraction = fraction};
    write_exponent(l.exponent, letter, digits > 0 ? l.first - d->scale : 0, 2);
    return l;
}

/* %g: so many significant digits, in the style that is shorter, without zeros at the end. */
static struct layout general_layout(struct decimal *d, const struct fmt_spec *spec, bool negative)
{
    int64_t precision = spec->precision < 0 ? PRECISION_DEFAULT : spec->precision;
    precision = precision == 0 ? 1 : precision;
    round_digits(d, digit_count(d) - precision, negative);
    int64_t digits = digit_count(d);
    int64_t exponent = digits > 0 ? digits - 1 - d->scale : 0;
    struct layout l = exponent < -4 || exponent >= precision
                          ? exponent_layout(d, precision - 1, is_upper(spec) ? 'E' : 'e')
                          : plain_layout(d, precision - 1 - exponent);
    if (!spec->alternate) {
        int64_t needed = l.first - (l.whole - 1) - lowest_digit(d);
        needed = digits > 0 && needed > 0 ? needed : 0;
        l.fraction = l.fraction < needed ? l.fraction : needed;
    }
    return l;
}

static struct layout lay_out(struct decimal *d, const struct fmt_spec *spec, bool negative)
{
    int64_t precision = spec->precision < 0 ? PRECISION_DEFAULT : spec->precision;
    struct layout l;
    switch (spec->conversion) {
    case 'f':
    case 'F':
        round_digits(d, d->scale - precision, negative);
        l = plain_layout(d, precision);
        break;
    case 'e':
    case 'E':
        round_digits(d, digit_count(d) - 1 - precision, negative);
        l = exponent_layout(d, precision, is_upper(spec) ? 'E' : 'e');
        break;
    default:
        l = general_layout(d, spec, negative);
        break;
    }
    l.point = l.fraction > 0 || spec->alternate;
    return l;
}

/* count digits from position down. */
static void put_digits(struct fmt_sink *sink, const struct decimal *d, int64_t position,
                       int64_t count)
{
    char piece[PIECE_BYTES];
    while (count > 0 && position >= 0) {
        size_t len = 0;
        for (; count > 0 && position >= 0 && len < sizeof(piece); count--) {
            piece[len++] = (char)('0' + digit_at(d, position--));
        }
        fmt_put(sink, piece, len);
    }
    fmt_repeat(sink, '0', (size_t)count);
}

static const char *sign_text(const struct fmt_spec *spec, bool negative)
{
    return negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
}

/* What stands in front of a text of len: blanks, the prefix, zeros. Returns the blanks behind. */
static size_t put_front(struct fmt_sink *sink, const struct fmt_spec *spec, const char *sign,
                        const char *prefix, size_t len)
{
    size_t all = strlen(sign) + strlen(prefix) + len;
    size_t pad = (size_t)spec->width > all ? (size_t)spec->width - all : 0;
    bool zeros = spec->zero && !spec->left;
    fmt_repeat(sink, ' ', zeros || spec->left ? 0 : pad);
    fmt_put(sink, sign, strlen(sign));
    fmt_put(sink, prefix, strlen(prefix));
    fmt_repeat(sink, '0', zeros ? pad : 0);
    return spec->left ? pad : 0;
}

static void put_decimal(struct fmt_sink *sink, const struct fmt_spec *spec, const struct binary *b,
                        struct decimal *d)
{
    struct layout l = lay_out(d, spec, b->negative);
    size_t len = (size_t)l.whole + (l.point ? 1 : 0) + (size_t)l.fraction + strlen(l.exponent);
    size_t behind = put_front(sink, spec, sign_text(spec, b->negative), "", len);
    put_digits(sink, d, l.first, l.whole);
    fmt_put(sink, ".", l.point ? 1 : 0);
    put_digits(sink, d, l.first - l.whole, l.fraction);
    fmt_put(sink, l.exponent, strlen(l.exponent));
    fmt_repeat(sink, ' ', behind);
}

/* "inf" and "nan" are no numbers: they get no zeros in front. */
static void put_word(struct fmt_sink *sink, const struct fmt_spec *spec, const struct binary *b)
{
    const char *word = b->nan ? (is_upper(spec) ? "NAN" : "nan") : (is_upper(spec) ? "INF" : "inf");
    struct fmt_spec blank = *spec;
    blank.zero = false;
    size_t behind = put_front(sink, &blank, sign_text(spec, b->negative), "", 3);
    fmt_put(sink, word, 3);
    fmt_repeat(sink, ' ', behind);
}

/* A number as %a prints it: one digit before the point, behind it as many as are kept. */
struct hex {
    uint64_t mantissa;
    int64_t exponent;
    int kept;
};

/*
 * Behind the point as many digits as are not 0, or as are asked for. A double's first digit is its
 * implied bit, a long double's the first four (as other libraries have it).
 */
static struct hex make_hex(const struct fmt_spec *spec, const struct binary *b)
{
    int digits = (b->bits - 1) / 4;
    struct hex h = {.mantissa = b->mantissa, .kept = digits};
    h.exponent = h.mantissa == 0 ? 0 : (int64_t)b->exponent + 4 * digits;
    if (spec->precision < 0) {
        for (; h.kept > 0 && (h.mantissa & 15) == 0; h.kept--) {
            h.mantissa >>= 4;
        }
    } else if (spec->precision < digits) {
        h.kept = spec->precision;
        int drop = 4 * (digits - h.kept);
        uint64_t cut = h.mantissa & ((UINT64_C(1) << drop) - 1);
        uint64_t middle = UINT64_C(1) << (drop - 1);
        int half = cut == middle ? 0 : cut > middle ? 1 : -1;
        h.mantissa >>= drop;
        bool odd = (h.mantissa & 1) != 0;
        h.mantissa += float_rounds_up(float_rounding(), b->negative, half, cut != 0, odd) ? 1 : 0;
        if (h.mantissa >> (4 * h.kept) > 15) { /* a long double's first digit was 15 */
            h.mantissa >>= 4;
            h.exponent += 4;
        }
    }
    return h;
}

static void put_hex(struct fmt_sink *sink, const struct fmt_spec *spec, const struct binary *b)
{
    const char *alphabet = is_upper(spec) ? "0123456789ABCDEF" : "0123456789abcdef";
    struct hex h = make_hex(spec, b);
    char text[PIECE_BYTES];
    size_t len = 0;
    text[len++] = alphabet[h.mantissa >> (4 * h.kept)];
    if (h.kept > 0 || spec->precision > 0 || spec->alternate) {
        text[len++] = '.';
    }
    for (int i = h.kept - 1; i >= 0; i--) {
        text[len++] = alphabet[h.mantissa >> (4 * i) & 15];
    }
    char end[EXPONENT_BYTES];
    write_exponent(end, is_upper(spec) ? 'P' : 'p', h.exponent, 1);
    size_t zeros = spec->precision > h.kept ? (size_t)(spec->precision - h.kept) : 0;
    size_t all = len + zeros + strlen(end);
    size_t behind =
        put_front(sink, spec, sign_text(spec, b->negative), is_upper(spec) ? "0X" : "0x", all);
    fmt_put(sink, text, len);
    fmt_repeat(sink, '0', zeros);
    fmt_put(sink, end, strlen(end));
    fmt_repeat(sink, ' ', behind);
}

static struct binary binary_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52 & 0x7ff);
    return (struct binary){
        .mantissa = fraction | (biased != 0 ? UINT64_C(1) << 52 : 0),
        .exponent = (biased != 0 ? biased : 1) - 1023 - 52,
        .bits = 53,
        .negative = bits >> 63 != 0,
        .infinite = biased == 0x7ff && fraction == 0,
        .nan = biased == 0x7ff && fraction != 0,
    };
}

/* The x87's own format: 64 bits, all of them there, then sign and exponent. */
static struct binary binary_of_long_double(long double value)
{
    uint64_t mantissa;
    uint16_t top;
    memcpy(&mantissa, &value, sizeof(mantissa));
    memcpy(&top, (const char *)&value + sizeof(mantissa), sizeof(top));
    int biased = top & 0x7fff;
    return (struct binary){
        .mantissa = mantissa,
        .exponent = (biased != 0 ? biased : 1) - 16383 - 63,
        .bits = 64,
        .negative = top >> 15 != 0,
        .infinite = biased == 0x7fff && mantissa << 1 == 0,
        .nan = biased == 0x7fff && mantissa << 1 != 0,
    };
}

static bool is_hex(const struct fmt_spec *spec)
{
    return spec->conversion == 'a' || spec->conversion == 'A';
}

/* A function of its own: it takes 500 bytes of stack, the other 7300. */
static __attribute__((noinline)) void put_double(struct fmt_sink *sink, const struct fmt_spec *spec,
                                                 const struct binary *b)
{
    uint32_t limbs[DOUBLE_LIMBS] = {0};
    struct decimal d = make_decimal(b, limbs, DOUBLE_LIMBS);
    put_decimal(sink, spec, b, &d);
}

static __attribute__((noinline)) void
put_long_double(struct fmt_sink *sink, const struct fmt_spec *spec, const struct binary *b)
{
    uint32_t limbs[LONG_LIMBS] = {0};
    struct decimal d = make_decimal(b, limbs, LONG_LIMBS);
    put_decimal(sink, spec, b, &d);
}

bool fmt_float(struct fmt_sink *sink, const struct fmt_spec *spec, va_list *ap)
{
    if (spec->conversion == '\0' || strchr("fFeEgGaA", spec->conversion) == NULL) {
        return false;
    }
    bool is_long = spec->length == FMT_LONG_DOUBLE;
    struct binary b = is_long ? binary_of_long_double(va_arg(*ap, long double))
                              : binary_of_double(va_arg(*ap, double));
    if (b.nan || b.infinite) {
        put_word(sink, spec, &b);
    } else if (is_hex(spec)) {
        put_hex(sink, spec, &b);
    } else if (is_long) {
        put_long_double(sink, spec, &b);
    } else {
        put_double(sink, spec, &b);
    }
    return true;
}
