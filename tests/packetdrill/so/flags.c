/*
 * The text of --so_flags: NAME=VALUE, comma-separated. See docs/testing.md for the names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/packetdrill/so/adapter.h"

struct flag {
    const char *name;
    long min, max;
};

static const char allowed[] =
    "addr=A.B.C.D prefix=BITS mtu=N rcvbuf=N sndbuf=N wscale=N iw=N "
    "cc=NAME isn=N ecn=0|1 psh=0|1 quickack=0|1 double=0|1 off=NAME[+NAME...]";

static bool wrong(char *why, size_t size, const char *what, const char *value)
{
    snprintf(why, size, "so_flags: %s '%s'; allowed are %s", what, value, allowed);
    return false;
}

static bool number(const char *text, long min, long max, long *out)
{
    char *end;
    *out = strtol(text, &end, 0);
    return *text != '\0' && *end == '\0' && *out >= min && *out <= max;
}

static bool address(const char *text, uint32_t *out)
{
    unsigned b[4];
    int used = 0;
    if (sscanf(text, "%3u.%3u.%3u.%3u%n", &b[0], &b[1], &b[2], &b[3], &used) != 4 ||
        text[used] != '\0' || b[0] > 255 || b[1] > 255 || b[2] > 255 || b[3] > 255) {
        return false;
    }
    *out = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    return true;
}

/* NAME+NAME..., of enum net_tcp_off. */
static bool parts_off(char *text, uint32_t *out)
{
    static const char *const names[] = {"timestamps", "sack",    "wscale", "rack",  "tlp",
                                        "frto",       "cookies", "pmtud",  "tuning"};
    char *save = NULL;
    for (char *part = strtok_r(text, "+", &save); part != NULL; part = strtok_r(NULL, "+", &save)) {
        size_t i = 0;
        while (i < ARRAY_SIZE(names) && strcmp(names[i], part) != 0) {
            i++;
        }
        if (i == ARRAY_SIZE(names)) {
            return false;
        }
        *out |= 1u << i;
    }
    return true;
}

static bool set_number(struct pd_flags *f, const char *name, const char *value, bool *known)
{
    static const struct flag flags[] = {
        {"prefix", 1, 32}, {"mtu", 576, 1500}, {"rcvbuf", 2048, 4194304}, {"sndbuf", 2048, 4194304},
        {"wscale", 0, 14}, {"iw", 1, 64},      {"isn", 0, UINT32_MAX},    {"ecn", 0, 1},
        {"psh", 0, 1},     {"quickack", 0, 1}, {"double", 0, 1},
    };
    size_t i = 0;
    long v = 0;
    while (i < ARRAY_SIZE(flags) && strcmp(flags[i].name, name) != 0) {
        i++;
    }
    *known = i < ARRAY_SIZE(flags);
    if (!*known || !number(value, flags[i].min, flags[i].max, &v)) {
        return false;
    }
    f->prefix_bits = i == 0 ? (uint8_t)v : f->prefix_bits;
    f->mtu = i == 1 ? (uint16_t)v : f->mtu;
    f->rcvbuf = i == 2 ? (uint32_t)v : f->rcvbuf;
    f->sndbuf = i == 3 ? (uint32_t)v : f->sndbuf;
    f->wscale = i == 4 ? (int)v : f->wscale;
    f->initial_window = i == 5 ? (uint32_t)v : f->initial_window;
    f->isn_fixed = i == 6 ? true : f->isn_fixed;
    f->isn = i == 6 ? (uint32_t)v : f->isn;
    f->ecn = i == 7 ? v != 0 : f->ecn;
    f->no_psh = i == 8 ? v == 0 : f->no_psh;
    f->quickack = i == 9 ? v != 0 : f->quickack;
    f->double_buffers = i == 10 ? v != 0 : f->double_buffers;
    return true;
}

static bool set_flag(struct pd_flags *f, const char *name, char *value, bool *known)
{
    bool good = set_number(f, name, value, known);
    if (*known) {
        return good;
    }
    *known = true;
    if (strcmp(name, "addr") == 0) {
        return address(value, &f->address);
    }
    if (strcmp(name, "off") == 0) {
        return parts_off(value, &f->off);
    }
    if (strcmp(name, "cc") == 0 && strlen(value) < sizeof(f->congestion)) {
        memcpy(f->congestion, value, strlen(value) + 1);
        return true;
    }
    *known = strcmp(name, "cc") == 0;
    return false;
}

bool pd_flags_parse(const char *text, struct pd_flags *out, char *why, size_t why_size)
{
    char copy[512];
    char *save = NULL;
    *out = (struct pd_flags){
        .address = 0xc0a80001u /* 192.168.0.1 */, .prefix_bits = 16, .mtu = 1500, .wscale = -1};
    if (strlen(text) >= sizeof(copy)) {
        return wrong(why, why_size, "too long:", text);
    }
    memcpy(copy, text, strlen(text) + 1);
    for (char *item = strtok_r(copy, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
        char *value = strchr(item, '=');
        bool known = false;
        if (value == NULL) {
            return wrong(why, why_size, "no value for", item);
        }
        *value++ = '\0';
        if (!set_flag(out, item, value, &known)) {
            return wrong(why, why_size, known ? "a value that cannot be:" : "unknown flag",
                         known ? value : item);
        }
    }
    return true;
}
