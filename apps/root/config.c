/*
 * Parsers of the command line's keys. Each is a pure function over one value; the table at the end
 * is the list of what can be configured.
 */
#include <stdio.h>
#include <string.h>

#include "apps/root/config.h"

enum {
    HOSTED_MEMORY_MIB = 64,
    HOSTED_MEMORY_MIN_MIB = 16,
    HOSTED_MEMORY_MAX_MIB = 4096,

    BOOTP_HTYPE = 1, /* RFC 2131, 2: offsets in the message */
    BOOTP_HLEN = 2,
    BOOTP_CHADDR = 28,
    BOOTP_ETHERNET = 1,
};

/* Decimal digits up to max; *text is moved behind them. False when there are none or too many. */
static bool take_number(const char **text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    const char *c = *text;
    while (*c >= '0' && *c <= '9' && value <= max) {
        value = value * 10 + (uint64_t)(*c++ - '0');
    }
    if (c == *text || value > max) {
        return false;
    }
    *text = c;
    *out = (uint32_t)value;
    return true;
}

/* Four dotted decimal octets. */
static bool take_address(const char **text, uint32_t *out)
{
    uint32_t addr = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t octet;
        if (i > 0 && *(*text)++ != '.') {
            return false;
        }
        if (!take_number(text, 255, &octet)) {
            return false;
        }
        addr = addr << 8 | octet;
    }
    *out = addr;
    return true;
}

/* An address a host may have: not in 0/8, 127/8, or 224/3 and above (RFC 1122 3.2.1.3). */
static bool is_host_address(uint32_t addr)
{
    uint32_t net = addr >> 24;
    return net != 0 && net != 127 && net < 224;
}

/* The network's own number, or its broadcast address (RFC 1122 3.2.1.3): no host's. A /31 has
 * neither (RFC 3021). */
static bool is_edge(uint32_t addr, uint32_t bits)
{
    uint32_t host_mask = bits <= 30 ? UINT32_MAX >> bits : 0;
    uint32_t host = addr & host_mask;
    return host_mask != 0 && (host == 0 || host == host_mask);
}

static bool parse_ip(const char *value, void *out)
{
    struct root_config *cfg = out;
    if (strcmp(value, "dhcp") == 0) {
        cfg->ip.mode = NET_ADDRESS_DHCP;
        cfg->ip_boot = false;
        return true;
    }
    if (strcmp(value, "boot") == 0) {
        cfg->ip.mode = NET_ADDRESS_DHCP;
        cfg->ip_boot = true;
        return true;
    }
    uint32_t addr;
    uint32_t bits;
    if (!take_address(&value, &addr) || *value++ != '/' || !take_number(&value, 32, &bits) ||
        *value != '\0' || bits == 0 || !is_host_address(addr) || is_edge(addr, bits)) {
        return false;
    }
    cfg->ip.mode = NET_ADDRESS_STATIC;
    cfg->ip_boot = false;
    cfg->ip.address = addr;
    cfg->ip.prefix_bits = (uint8_t)bits;
    return true;
}

static bool parse_gateway(const char *value, void *out)
{
    struct root_config *cfg = out;
    uint32_t addr;
    if (!take_address(&value, &addr) || *value != '\0' || !is_host_address(addr)) {
        return false;
    }
    cfg->gateway = addr;
    return true;
}

/* The index of value in names, or -1. */
static int find_name(const char *value, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool parse_acd(const char *value, void *out)
{
    static const char *const names[] = {"fast", "strict"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->ip.strict_acd = i == 1;
    }
    return i >= 0;
}

static bool parse_log(const char *value, void *out)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->log = (enum log_level)i;
    }
    return i >= 0;
}

/* The bit of the name that text starts with, *text moved behind it; 0: it is none. */
static uint32_t take_console(const char **text)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } consoles[] = {
        {"serial", ROOT_CONSOLE_SERIAL},
        {"vga", ROOT_CONSOLE_VGA},
        {"fb", ROOT_CONSOLE_FRAMEBUFFER},
    };
    size_t len = strcspn(*text, ",");
    for (size_t i = 0; i < ARRAY_SIZE(consoles); i++) {
        if (strlen(consoles[i].name) == len && strncmp(*text, consoles[i].name, len) == 0) {
            *text += len;
            return consoles[i].bit;
        }
    }
    return 0;
}

static bool parse_console(const char *value, void *out)
{
    uint32_t mask = 0;
    for (;;) {
        uint32_t bit = take_console(&value);
        if (bit == 0) {
            return false;
        }
        mask |= bit;
        if (*value == '\0') {
            ((struct root_config *)out)->consoles = mask;
            return true;
        }
        value++; /* the comma */
    }
}

static bool parse_irq(const char *value, void *out)
{
    static const char *const names[] = {"auto", "msix", "msi", "intx", "poll"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->irq = (enum irq_policy)i;
    }
    return i >= 0;
}

/* count hexadecimal digits at most, one at least; *text is moved behind them. */
static bool take_hex(const char **text, int count, uint32_t *out)
{
    uint32_t value = 0;
    const char *c = *text;
    for (; count > 0; count--, c++) {
        char lower = (char)(*c | 0x20);
        if (*c >= '0' && *c <= '9') {
            value = value << 4 | (uint32_t)(*c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            value = value << 4 | (uint32_t)(lower - 'a' + 10);
        } else {
            break;
        }
    }
    bool any = c != *text;
    *text = c;
    *out = value;
    return any;
}

static bool take_char(const char **text, char c)
{
    if (**text != c) {
        return false;
    }
    (*text)++;
    return true;
}

/* As lspci writes it: 3:00.0 or 03:00.0, with the segment 0000: in front or without it. */
static bool parse_pci_address(const char *value, struct root_nic_choice *out)
{
    uint32_t bus;
    uint32_t slot;
    uint32_t func;
    if (strncmp(value, "0000:", 5) == 0) {
        value += 5;
    }
    if (!take_hex(&value, 2, &bus) || !take_char(&value, ':') || !take_hex(&value, 2, &slot) ||
        !take_char(&value, '.') || !take_hex(&value, 1, &func) || *value != '\0' || slot > 31 ||
        func > 7) {
        return false;
    }
    *out = (struct root_nic_choice){
        .by = ROOT_NIC_PCI, .bus = (uint8_t)bus, .slot = (uint8_t)slot, .func = (uint8_t)func};
    return true;
}

static bool parse_mac(const char *value, struct root_nic_choice *out)
{
    struct root_nic_choice choice = {.by = ROOT_NIC_MAC};
    for (size_t i = 0; i < sizeof(choice.mac); i++) {
        uint32_t octet;
        if ((i > 0 && !take_char(&value, ':')) || !take_hex(&value, 2, &octet)) {
            return false;
        }
        choice.mac[i] = (uint8_t)octet;
    }
    if (*value != '\0') {
        return false;
    }
    *out = choice;
    return true;
}

static bool parse_nic(const char *value, void *out)
{
    struct root_nic_choice *choice = &((struct root_config *)out)->nic;
    return parse_mac(value, choice) || parse_pci_address(value, choice);
}

static bool parse_offload(const char *value, void *out)
{
    static const char *const names[] = {"auto", "off", "csum", "all"}; /* enum nic_offload */
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->offload = (enum nic_offload)i;
    }
    return i >= 0;
}

static bool parse_panic(const char *value, void *out)
{
    static const char *const names[] = {"halt", "reboot"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->panic = (enum panic_action)i;
    }
    return i >= 0;
}

static bool parse_selftest(const char *value, void *out)
{
    static const char *const names[] = {"none", "all", "fault", "stack", "assert", "wrap", "nic"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->selftest = (enum root_selftest)i;
    }
    return i >= 0;
}

static bool parse_ecn(const char *value, void *out)
{
    static const char *const names[] = {"off", "on"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->ecn = i == 1;
    }
    return i >= 0;
}

static bool parse_gro(const char *value, void *out)
{
    static const char *const names[] = {"on", "off"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->gro_off = i == 1;
    }
    return i >= 0;
}

static bool parse_congestion(const char *value, void *out)
{
    static const char *const names[] = {"cubic", "newreno"};
    int i = find_name(value, names, ARRAY_SIZE(names));
    if (i >= 0) {
        ((struct root_config *)out)->congestion = names[i];
    }
    return i >= 0;
}

static bool parse_tap(const char *value, void *out)
{
    struct root_config *cfg = out;
    size_t len = strlen(value);
    if (len == 0 || len >= sizeof(cfg->tap)) {
        return false;
    }
    memcpy(cfg->tap, value, len + 1);
    return true;
}

static bool parse_memory(const char *value, void *out)
{
    uint32_t mib;
    if (!take_number(&value, HOSTED_MEMORY_MAX_MIB, &mib) || strcmp(value, "M") != 0 ||
        mib < HOSTED_MEMORY_MIN_MIB) {
        return false;
    }
    ((struct root_config *)out)->memory_mib = mib;
    return true;
}

static const struct cmdline_key keys[] = {
    {"ip", "dhcp, boot or a host's ADDRESS/LENGTH, as 192.0.2.10/24", parse_ip},
    {"gw", "an IPv4 address, as 192.0.2.1", parse_gateway},
    {"acd", "fast or strict", parse_acd},
    {"log", "error, warn, info or debug", parse_log},
    {"console", "serial, vga, fb, or several of them with commas between", parse_console},
    {"irq", "auto, msix, msi, intx or poll", parse_irq},
    {"nic", "a PCI address, as 03:00.0, or a MAC address, as 52:54:00:12:34:56", parse_nic},
    {"offload", "auto, off, csum or all", parse_offload},
    {"panic", "reboot or halt", parse_panic},
    {"selftest", "none, all, nic, fault, stack, assert or wrap", parse_selftest},
    {"ecn", "off or on", parse_ecn},
    {"gro", "on or off", parse_gro},
    {"congestion", "cubic or newreno", parse_congestion},
    {"tap", "the name of a TAP device, up to 15 characters (hosted only)", parse_tap},
    {"mem", "16M to 4096M (hosted only)", parse_memory},
};

const struct cmdline_key *config_keys(size_t *count)
{
    *count = ARRAY_SIZE(keys);
    return keys;
}

static void printf_like(2, 3) complain_of(config_complain_fn *complain, const char *fmt, ...)
{
    char text[LOG_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complain(text);
}

/* As cmdline_parse calls it; ctx points to the function that is told. */
static void report_bad(const char *word, const struct cmdline_key *key, void *ctx)
{
    config_complain_fn *complain = *(config_complain_fn **)ctx;
    if (key != NULL) {
        complain_of(complain, "'%s' is not valid: %s= takes %s", word, key->name, key->allowed);
        return;
    }
    char known[LOG_LINE_MAX / 2];
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys) && used < sizeof(known); i++) {
        used += (size_t)snprintf(known + used, sizeof(known) - used, " %s=", keys[i].name);
    }
    complain_of(complain, "'%s' is not known; known are%s and -- before the server's own", word,
                known);
}

/* A gateway belongs to a static address, of whose network it is a neighbour. With a /32 there is no
 * other host in the network: the gateway is one on the link by being named, as clouds have it. */
static void merge_gateway(struct root_config *cfg, config_complain_fn *complain)
{
    if (cfg->gateway == 0) {
        return;
    }
    if (cfg->ip.mode != NET_ADDRESS_STATIC) {
        complain_of(complain, "gw= goes with ip=ADDRESS/LENGTH: DHCP brings its own");
        return;
    }
    uint8_t bits = cfg->ip.prefix_bits; /* 1..32: parse_ip */
    bool near = bits == 32 || (cfg->gateway ^ cfg->ip.address) >> (32 - bits) == 0;
    if (!near || cfg->gateway == cfg->ip.address || is_edge(cfg->gateway, bits)) {
        char gw[16];
        char ip[16];
        complain_of(complain, "gw=%s must be another host's of %s/%u's network",
                    ipv4_format(gw, cfg->gateway), ipv4_format(ip, cfg->ip.address), bits);
        return;
    }
    cfg->ip.gateway = cfg->gateway;
}

void config_parse(struct root_config *out, struct cmdline *line, const char *text,
                  const char *app_name, config_complain_fn *complain)
{
    *out = (struct root_config){
        .ip = {.mode = NET_ADDRESS_DHCP},
        .log = LOG_INFO,
        .consoles = ROOT_CONSOLE_ALL,
        .irq = IRQ_AUTO,
        .panic = PANIC_REBOOT,
        .tap = "tap0",
        .memory_mib = HOSTED_MEMORY_MIB,
    };
    cmdline_parse(line, text, app_name, keys, ARRAY_SIZE(keys), out, report_bad, &complain);
    merge_gateway(out, complain);
}

void config_take_lease(struct root_config *out, const uint8_t *ack, size_t bytes)
{
    out->ip.dhcp_ack = ack;
    out->ip.dhcp_ack_bytes = bytes;
    bool is_ethernet = bytes >= BOOTP_CHADDR + sizeof(out->nic.mac) &&
                       ack[BOOTP_HTYPE] == BOOTP_ETHERNET &&
                       ack[BOOTP_HLEN] == sizeof(out->nic.mac);
    if (is_ethernet && out->nic.by == ROOT_NIC_ANY) {
        out->nic.by = ROOT_NIC_BOOT;
        memcpy(out->nic.mac, ack + BOOTP_CHADDR, sizeof(out->nic.mac));
    }
}

char *ipv4_format(char *buf, uint32_t addr)
{
    snprintf(buf, 16, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
    return buf;
}
