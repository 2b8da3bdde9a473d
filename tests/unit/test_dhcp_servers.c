/*
 * Every server of tests/dhcp/servers.txt, which says what its lines mean, against our client. The
 * same file is played to udhcpc and dhcpcd, beside ours, by tools/compare_dhcp.py.
 */
// LINK: tests/unit/dhcp_world.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dhcp_world.h"

#include "kernel/bytes.h"
#include "net/stack.h"
#include "net/wire/csum.h"
#include "net/wire/dhcp.h"

enum {
    LINE_MAX_BYTES = 1024,
    MESSAGE_MAX_BYTES = 1472,
    LEASED = 0x0a09014d, /* 10.9.1.77 */
    ODD_SERVER = 0x0a090101,
    SERVERS_LEAST = 20,
    ANSWER_S = 8, /* before a link-local address helps out */
};

/* A server: its lines of the file. */
struct odd {
    char name[LINE_MAX_BYTES];
    char offer[LINE_MAX_BYTES];
    char ack[LINE_MAX_BYTES];
    char nak[LINE_MAX_BYTES];
    char expected[LINE_MAX_BYTES];
};

/* A message in the making. */
struct message {
    uint8_t bytes[MESSAGE_MAX_BYTES];
    uint8_t *area; /* where the next option goes */
    uint8_t *end;  /* of the options field */
    uint32_t after;
    size_t size;
    struct frame_ip ip;
    uint16_t port;
    bool ended;
    bool without_checksum;
};

/* Writes behind what out holds already. */
static void append(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t used = strlen(out);
    va_start(ap, fmt);
    int len = vsnprintf(out + used, size - used, fmt, ap);
    va_end(ap);
    assert_in_range(len, 0, size - used - 1);
}

static void set_text(char *out, const char *text)
{
    out[0] = '\0';
    append(out, LINE_MAX_BYTES, "%s", text);
}

static void fail_token(const char *token)
{
    fail_msg("tests/dhcp/servers.txt: unknown token %s", token);
}

/* An address; *text is moved behind it, and behind a comma. */
static uint32_t take_address(const char **text)
{
    unsigned a, b, c, d;
    int used = 0;
    assert_int_equal(sscanf(*text, "%u.%u.%u.%u%n", &a, &b, &c, &d, &used), 4);
    *text += used + ((*text)[used] == ',');
    return a << 24 | b << 16 | c << 8 | d;
}

/* Addresses, a number, bytes, or nothing; returns how many bytes were written. */
static size_t take_value(uint8_t *out, const char *text)
{
    size_t len = 0;
    if (strncmp(text, "0x", 2) == 0) {
        for (text += 2; *text != '\0'; text += text[0] == '.' ? 1 : 2) {
            if (text[0] != '.') {
                char digits[3] = {text[0], text[1], '\0'};
                out[len++] = (uint8_t)strtoul(digits, NULL, 16);
            }
        }
    } else if (strchr(text, '.') != NULL) {
        for (; *text != '\0'; len += 4) {
            store_be32(out + len, take_address(&text));
        }
    } else if (*text != '\0') {
        store_be32(out, (uint32_t)strtoul(text, NULL, 10));
        len = 4;
    }
    return len;
}

static void put_option(struct message *m, uint8_t code, const char *value)
{
    size_t len = take_value(m->area + 2, value);
    m->area[0] = code;
    m->area[1] = (uint8_t)len;
    m->area += 2 + len;
}

/* Into the file or the sname field. */
static void change_area(struct message *m, size_t at)
{
    if (m->end == NULL) {
        m->end = m->area;
    }
    m->area = m->bytes + at;
}

/* One that is a word alone. */
static bool take_word(struct message *m, const char *word)
{
    if (strcmp(word, "end") == 0 || strcmp(word, "noend") == 0) {
        if (word[0] == 'e') {
            *m->area++ = 255;
        }
        m->ended = m->ended || m->end == NULL;
    } else if (strcmp(word, "file") == 0) {
        change_area(m, 108);
    } else if (strcmp(word, "sname") == 0) {
        change_area(m, 44);
    } else if (strcmp(word, "nosum") == 0) {
        m->without_checksum = true;
    } else {
        return false;
    }
    return true;
}

/* A header field, or what is said wrong in it. */
static bool take_field(struct message *m, const char *key, const char *value)
{
    static const struct {
        const char *key;
        size_t at;
    } fields[] = {{"ciaddr", 12}, {"yiaddr", 16}, {"siaddr", 20}, {"giaddr", 24},
                  {"xid", 4},     {"mac", 28},    {"cookie", 236}};
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (strcmp(key, fields[i].key) == 0) {
            bool wrong = strcmp(value, "wrong") == 0;
            store_be32(m->bytes + fields[i].at, wrong ? 0xdeadbeef : take_address(&value));
            return true;
        }
    }
    if (strcmp(key, "htype") == 0) {
        m->bytes[1] = 6;
        return true;
    }
    return false;
}

/* How the message is sent, and when. */
static bool take_sending(struct message *m, const char *key, const char *value)
{
    if (strcmp(key, "from") == 0) {
        m->ip.src = take_address(&value);
    } else if (strcmp(key, "to") == 0) {
        m->ip.dst = take_address(&value);
    } else if (strcmp(key, "port") == 0) {
        m->port = (uint16_t)strtoul(value, NULL, 10);
    } else if (strcmp(key, "size") == 0) {
        m->size = strtoul(value, NULL, 10);
    } else if (strcmp(key, "after") == 0) {
        m->after = (uint32_t)strtoul(value, NULL, 10);
    } else {
        return false;
    }
    return true;
}

static void take_token(struct message *m, char *token)
{
    char *value = strchr(token, '=');
    if (value == NULL) {
        if (!take_word(m, token)) {
            fail_token(token);
        }
        return;
    }
    *value++ = '\0';
    if (strcmp(token, "type") == 0) { /* the first option, there already */
        if (strcmp(value, "none") == 0) {
            memmove(m->bytes + 240, m->bytes + 243, MESSAGE_MAX_BYTES - 243);
            m->area -= 3;
        } else {
            m->bytes[242] = (uint8_t)strtoul(value, NULL, 10);
        }
    } else if (strcmp(token, "raw") == 0) {
        m->area += take_value(m->area, value);
    } else if (token[0] >= '0' && token[0] <= '9') {
        put_option(m, (uint8_t)strtoul(token, NULL, 10), value);
    } else if (!take_field(m, token, value) && !take_sending(m, token, value)) {
        fail_token(token);
    }
}

/* What the tokens make in answer to what was said. */
static void make_message(struct message *m, const char *tokens, const struct said *s, uint8_t type)
{
    char line[LINE_MAX_BYTES];
    *m = (struct message){.port = 67, .after = 1};
    m->ip.src = ODD_SERVER;
    memcpy(m->bytes, "\2\1\6", 3);
    store_be32(m->bytes + 4, s->xid);
    store_be32(m->bytes + 16, LEASED);
    memcpy(m->bytes + 28, fixture_mac, 6);
    memcpy(m->bytes + 236, "\143\202\123\143\65\1", 6);
    m->bytes[242] = type;
    m->area = m->bytes + 243;
    snprintf(line, sizeof(line), "%s", tokens);
    char *rest = NULL;
    for (char *t = strtok_r(line, " ", &rest); t != NULL; t = strtok_r(NULL, " ", &rest)) {
        take_token(m, t);
    }
    uint8_t *end = m->end != NULL ? m->end : m->area;
    if (!m->ended) {
        *end++ = 255;
    }
    size_t len = (size_t)(end - m->bytes);
    m->size = m->size > len ? m->size : len;
}

/* Frames are made by net_fixture, for which 0 is "the usual": 0.0.0.0 is written afterwards. */
static void send_message(struct net_fixture *f, struct message *m)
{
    struct frame fr;
    uint32_t src = m->ip.src;
    if (m->ip.dst == 0) {
        m->ip.dst = load_be32(m->bytes + 16);
    }
    if (m->ip.dst == UINT32_MAX) {
        m->ip.eth_dst = fixture_all;
    }
    frame_udp(&fr, &m->ip, m->port, 68, m->bytes, m->size);
    uint8_t *ip = fr.bytes + 14;
    store_be32(ip + 12, src);
    store_be32(ip + 16, m->ip.dst);
    store_be16(ip + 10, 0);
    store_be16(ip + 10, csum_finish(csum_add(0, ip, 20)));
    uint8_t *udp = ip + 20;
    uint16_t len = load_be16(udp + 4);
    store_be16(udp + 6, 0);
    if (!m->without_checksum) {
        store_be16(udp + 6, csum_finish(csum_add(csum_pseudo(src, m->ip.dst, 17, len), udp, len)));
    }
    fixture_input(f, &fr);
}

/* Answers as the server does, for a while or until there is an address of its. */
static void play(struct net_fixture *f, const struct odd *o)
{
    uint32_t counts[DHCP_NAK + 1] = {0};
    uint64_t end_ns = f->now_ns + ANSWER_S * NS_PER_S;
    while (f->now_ns < end_ns && f->net->dhcp.state != DHCP_BOUND) {
        struct said s;
        if (!next_said(f, &s)) {
            fixture_advance_ms(f, 100);
            continue;
        }
        struct message m;
        const char *tokens = o->offer;
        uint8_t type = DHCP_OFFER;
        assert_true(s.type == DHCP_DISCOVER || s.type == DHCP_REQUEST);
        counts[s.type]++;
        if (s.type == DHCP_REQUEST) {
            bool nak = o->nak[0] != '\0' && counts[s.type] == 1;
            tokens = nak ? o->nak : o->ack;
            type = nak ? DHCP_NAK : DHCP_ACK;
        }
        if (strcmp(tokens, "none") != 0) {
            make_message(&m, tokens, &s, type);
            if (counts[s.type] >= m.after) {
                send_message(f, &m);
            }
        }
    }
}

static void put_address(char *out, uint32_t a)
{
    append(out, LINE_MAX_BYTES, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

/* The outcome in the words of the file. */
static void describe(char *out, const struct net_fixture *f)
{
    const struct net_event *e = fixture_event(f, NET_EVENT_ADDRESS);
    if (f->net->dhcp.state != DHCP_BOUND || e == NULL || e->origin != NET_ORIGIN_DHCP) {
        set_text(out, "none");
        return;
    }
    set_text(out, "");
    put_address(out, e->address);
    append(out, LINE_MAX_BYTES, "/%u ", e->prefix_bits);
    if (e->gateway != 0) {
        put_address(out, e->gateway);
    } else {
        append(out, LINE_MAX_BYTES, "none");
    }
    if (e->value == UINT32_MAX) {
        append(out, LINE_MAX_BYTES, " infinity");
    } else {
        append(out, LINE_MAX_BYTES, " %u", e->value);
    }
    for (uint8_t i = 0; i < e->route_count; i++) {
        append(out, LINE_MAX_BYTES, " + ");
        put_address(out, e->routes[i].network);
        append(out, LINE_MAX_BYTES, "/%u ", e->routes[i].prefix_bits);
        put_address(out, e->routes[i].router);
    }
}

/* There is a way to the world when there is a gateway, and one to that. */
static void check_ways(const struct net_fixture *f)
{
    uint32_t src;
    uint16_t mtu;
    uint32_t gateway = f->net->iface.gateway;
    bool way = ipv4_route(f->net, 0x08080808, &src, &mtu) == STATUS_OK;
    assert_int_equal(way, gateway != 0);
    assert_true(gateway == 0 || gateway == net_address(f->net) ||
                iface_is_on_link(f->net, gateway));
}

/* Returns whether the outcome is the file's. What is refused is told, once. */
static bool check(const struct odd *o)
{
    void *state = NULL;
    char result[LINE_MAX_BYTES];
    assert_int_equal(dhcp_setup(&state), 0);
    struct net_fixture *f = state;
    play(f, o);
    describe(result, f);
    bool good = strcmp(result, o->expected) == 0;
    if (!good) {
        print_message("%s:\n  expected %s\n  became   %s\n", o->name, o->expected, result);
    }
    if (f->net->dhcp.state == DHCP_BOUND) {
        check_ways(f);
    }
    size_t refusals = 0;
    for (size_t i = 0; i < min_size(f->event_count, FIXTURE_EVENTS_MAX); i++) {
        refusals += f->events[i].kind == NET_EVENT_DHCP_REFUSED;
    }
    assert_true(refusals <= 1);
    assert_int_equal(refusals, fixture_counter(f, "dhcp_rx_bad_lease") > 0);
    assert_int_equal(fixture_teardown(&state), 0);
    return good;
}

/* Adds a line of the file to the server that it belongs to. */
static void take_line(struct odd *o, const char *line)
{
    const char *rest = strchr(line, ' ');
    size_t word = rest != NULL ? (size_t)(rest - line) : 0;
    bool all = strncmp(line, "all ", 4) == 0;
    if (all || strncmp(line, "offer ", 6) == 0) {
        set_text(o->offer, rest + 1);
    }
    if (all || strncmp(line, "ack ", 4) == 0) {
        set_text(o->ack, rest + 1);
    }
    if (strncmp(line, "nak ", 4) == 0) {
        set_text(o->nak, rest + 1);
    }
    if (strncmp(line, "lease ", 6) == 0) {
        set_text(o->expected, rest + 1);
    } else if (strncmp(line, "route ", 6) == 0) {
        append(o->expected, LINE_MAX_BYTES, " + %s", rest + 1);
    } else if (word == 0 && line[0] != '\0') {
        fail_token(line);
    }
}

static void test_every_server(void **state)
{
    (void)state;
    static struct odd o;
    char line[LINE_MAX_BYTES];
    uint32_t count = 0;
    uint32_t bad = 0;
    FILE *file = fopen("tests/dhcp/servers.txt", "r");
    assert_non_null(file); /* run from the project's folder */
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#') {
            continue;
        }
        if (strncmp(line, "server ", 7) != 0) {
            take_line(&o, line);
            continue;
        }
        bad += count > 0 && !check(&o);
        memset(&o, 0, sizeof(o));
        set_text(o.name, line + 7);
        count++;
    }
    fclose(file);
    bad += !check(&o);
    print_message("%u servers\n", count);
    assert_true(count >= SERVERS_LEAST);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
