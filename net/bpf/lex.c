/*
 * The words of a filter.
 */
#include <string.h>

#include "net/bpf/int.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The value of a hexadecimal digit, or 16. */
static uint32_t hex_digit(char c)
{
    if (is_digit(c)) {
        return (uint32_t)(c - '0');
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? (uint32_t)(low - 'a' + 10) : 16;
}

/* A number in base from text on. Returns how many digits; *value stays within 32 bits or is told to
 * be too large by a count of 0. */
static size_t digits(const char *text, uint32_t base, uint32_t *value)
{
    uint64_t v = 0;
    size_t n = 0;
    while (hex_digit(text[n]) < base) {
        v = v * base + hex_digit(text[n++]);
        if (v > UINT32_MAX) {
            return 0;
        }
    }
    *value = (uint32_t)v;
    return n;
}

/* Six pairs, or single digits, with ':' or '-' between them. Returns how long, or 0. */
static size_t mac_at(const char *text, uint8_t mac[6])
{
    size_t at = 0;
    char between = 0;
    for (int i = 0; i < 6; i++) {
        uint32_t v = 0;
        size_t n = digits(text + at, 16, &v);
        if (n == 0 || n > 2) {
            return 0;
        }
        mac[i] = (uint8_t)v;
        at += n;
        if (i < 5) {
            if ((text[at] != ':' && text[at] != '-') || (between != 0 && text[at] != between)) {
                return 0;
            }
            between = text[at++];
        }
    }
    return is_letter(text[at]) || is_digit(text[at]) || text[at] == ':' ? 0 : at;
}

/* Two to four decimal bytes with dots: the front of an address. Returns how long, or 0. */
static size_t ip_at(const char *text, struct bpf_token *t)
{
    size_t at = 0;
    t->value = 0;
    for (t->bits = 0; t->bits < 32;) {
        uint32_t v = 0;
        size_t n = digits(text + at, 10, &v);
        if (n == 0 || n > 3 || v > UINT8_MAX) {
            return 0;
        }
        t->value |= v << (24 - t->bits);
        t->bits += 8;
        at += n;
        if (text[at] != '.') {
            break;
        }
        at++;
    }
    bool ends =
        !is_digit(text[at]) && !is_letter(text[at]) && text[at] != '.' && text[at - 1] != '.';
    return ends && t->bits > 8 ? at : 0;
}

static size_t number_at(const char *text, uint32_t *value)
{
    size_t front = text[0] == '0' && (text[1] | 0x20) == 'x' ? 2 : 0;
    uint32_t base = front > 0 ? 16 : text[0] == '0' && is_digit(text[1]) ? 8 : 10;
    size_t n = digits(text + front, base, value);
    if (n == 0 || is_digit(text[front + n]) || is_letter(text[front + n])) {
        return 0;
    }
    return front + n;
}

/* Letters, digits, '_', and '-' and '.' inside. */
static size_t name_at(const char *text)
{
    size_t n = 0;
    if (!is_letter(text[0])) {
        return 0;
    }
    while (is_letter(text[n]) || is_digit(text[n]) || text[n] == '_' || text[n] == '-' ||
           text[n] == '.') {
        n++;
    }
    while (text[n - 1] == '-') {
        n--;
    }
    return n;
}

static size_t sign_at(const char *text, uint16_t *sign)
{
    static const struct {
        char text[3];
        uint16_t sign;
    } two[] = {{"&&", BPF_SIGN_AND}, {"||", BPF_SIGN_OR},   {"!=", BPF_SIGN_NE},
               {"<=", BPF_SIGN_LE},  {">=", BPF_SIGN_GE},   {"<<", BPF_SIGN_LEFT},
               {"==", '='},          {">>", BPF_SIGN_RIGHT}};
    for (size_t i = 0; i < ARRAY_SIZE(two); i++) {
        if (text[0] == two[i].text[0] && text[1] == two[i].text[1]) {
            *sign = two[i].sign;
            return 2;
        }
    }
    static const char one[] = "()[]:!=<>+-*/%&|^";
    for (size_t i = 0; one[i] != '\0'; i++) {
        if (text[0] == one[i]) {
            *sign = (uint8_t)text[0];
            return 1;
        }
    }
    return 0;
}

struct bpf_token bpf_next_token(const char *text)
{
    while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r') {
        text++;
    }
    struct bpf_token t = {.text = text};
    if (*text == '\0') {
        return t;
    }
    t.quoted = text[0] == '\\';
    if ((t.len = mac_at(text, t.mac)) > 0) {
        t.word = BPF_WORD_MAC;
    } else if ((t.len = ip_at(text, &t)) > 0) {
        t.word = BPF_WORD_IP;
    } else if ((t.len = number_at(text, &t.value)) > 0) {
        t.word = BPF_WORD_NUMBER;
    } else if ((t.len = name_at(text + (t.quoted ? 1 : 0))) > 0) {
        t.word = BPF_WORD_NAME;
        t.text += t.quoted ? 1 : 0;
    } else if ((t.len = sign_at(text, &t.sign)) > 0) {
        t.word = BPF_WORD_SIGN;
    } else {
        t.word = BPF_WORD_BAD;
        t.len = 1;
    }
    return t;
}

bool bpf_token_is(const struct bpf_token *t, const char *name)
{
    return t->word == BPF_WORD_NAME && strlen(name) == t->len && memcmp(t->text, name, t->len) == 0;
}

void bpf_take(struct bpf_compiler *c)
{
    c->now = bpf_next_token(c->now.text + c->now.len);
}

bool bpf_take_name(struct bpf_compiler *c, const char *name)
{
    if (c->now.quoted || !bpf_token_is(&c->now, name)) {
        return false;
    }
    bpf_take(c);
    return true;
}

bool bpf_take_sign(struct bpf_compiler *c, uint16_t sign)
{
    if (c->now.word != BPF_WORD_SIGN || c->now.sign != sign) {
        return false;
    }
    bpf_take(c);
    return true;
}

enum bpf_proto bpf_proto_of(const struct bpf_token *t)
{
    static const struct {
        const char *name;
        enum bpf_proto proto;
    } all[] = {{"ether", BPF_PROTO_ETHER}, {"ip", BPF_PROTO_IP},     {"ip6", BPF_PROTO_IP6},
               {"arp", BPF_PROTO_ARP},     {"rarp", BPF_PROTO_RARP}, {"tcp", BPF_PROTO_TCP},
               {"udp", BPF_PROTO_UDP},     {"sctp", BPF_PROTO_SCTP}, {"icmp", BPF_PROTO_ICMP},
               {"igmp", BPF_PROTO_IGMP},   {"esp", BPF_PROTO_ESP},   {"ah", BPF_PROTO_AH}};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (bpf_token_is(t, all[i].name)) {
            return all[i].proto;
        }
    }
    return BPF_PROTO_ANY;
}
