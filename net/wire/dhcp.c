/*
 * DHCP messages as bytes: see dhcp.h.
 */
#include <string.h>

#include "kernel/bytes.h"
#include "net/wire/dhcp.h"

enum { /* RFC 2131 figure 1 */
       DHCP_OP_AT = 0,
       DHCP_HTYPE_AT = 1,
       DHCP_HLEN_AT = 2,
       DHCP_XID_AT = 4,
       DHCP_SECS_AT = 8,
       DHCP_CIADDR_AT = 12,
       DHCP_YIADDR_AT = 16,
       DHCP_CHADDR_AT = 28,
       DHCP_SNAME_AT = 44,
       DHCP_SNAME_BYTES = 64,
       DHCP_FILE_AT = 108,
       DHCP_FILE_BYTES = 128,
       DHCP_COOKIE_AT = 236,
       DHCP_OP_REQUEST = 1,
       DHCP_OP_REPLY = 2,
       DHCP_HTYPE_ETHERNET = 1,
};
#define DHCP_COOKIE 0x63825363u
static_assert(DHCP_COOKIE_AT + 4 == DHCP_FIXED_BYTES, "options follow the cookie");

enum { /* RFC 2132 */
       DHCP_OPT_PAD = 0,
       DHCP_OPT_NETMASK = 1,
       DHCP_OPT_ROUTER = 3,
       DHCP_OPT_REQUESTED = 50,
       DHCP_OPT_LEASE = 51,
       DHCP_OPT_OVERLOAD = 52,
       DHCP_OPT_TYPE = 53,
       DHCP_OPT_SERVER = 54,
       DHCP_OPT_PARAMETERS = 55,
       DHCP_OPT_MAX_SIZE = 57,
       DHCP_OPT_RENEW = 58,
       DHCP_OPT_REBIND = 59,
       DHCP_OPT_CLIENT_ID = 61,
       DHCP_OPT_ROUTES = 121,    /* RFC 3442 */
       DHCP_OPT_ROUTES_MS = 249, /* the same, by Microsoft's older number */
       DHCP_OPT_END = 255,
       DHCP_OVERLOAD_FILE = 1,
       DHCP_OVERLOAD_SNAME = 2,
       DHCP_MAX_SIZE_BYTES = 1500,
       DHCP_AREAS = 3,
       DHCP_ROUTE_MAX_BYTES = 9, /* prefix length, network, router */
};

/* Where options stand, in the order in which the parts of one belong together (RFC 3396 5). */
struct option_areas {
    struct {
        const uint8_t *at;
        size_t len;
    } areas[DHCP_AREAS];
    size_t count;
};

static void add_area(struct option_areas *o, const uint8_t *at, size_t len)
{
    assert(o->count < DHCP_AREAS);
    o->areas[o->count].at = at;
    o->areas[o->count].len = len;
    o->count++;
}

/* Joins the values of a code in one area behind the *have bytes in out, as far as max. It ends at
 * the end mark, at the area's end, or at an option that would reach beyond. */
static void join_area(const uint8_t *opt, size_t len, uint8_t code, uint8_t *out, size_t max,
                      size_t *have)
{
    size_t at = 0;
    while (at < len && opt[at] != DHCP_OPT_END) {
        if (opt[at] == DHCP_OPT_PAD) {
            at++;
            continue;
        }
        if (len - at < 2 || opt[at + 1] > len - at - 2) {
            return;
        }
        if (opt[at] == code) {
            size_t take = min_size(opt[at + 1], max - *have);
            memcpy(out + *have, opt + at + 2, take);
            *have += take;
        }
        at += 2u + opt[at + 1];
    }
}

/* An option's value, up to max bytes of it; returns how many. */
static size_t join_option(const struct option_areas *o, uint8_t code, uint8_t *out, size_t max)
{
    size_t have = 0;
    for (size_t i = 0; i < o->count; i++) {
        join_area(o->areas[i].at, o->areas[i].len, code, out, max, &have);
    }
    return have;
}

/* RFC 2131 4.1: the options field, then file, then sname when it says that they are used. An
 * overload option in those has no effect: no loops. */
static void find_areas(struct option_areas *o, const uint8_t *bytes, size_t len)
{
    uint8_t overload = 0;
    *o = (struct option_areas){0};
    add_area(o, bytes + DHCP_FIXED_BYTES, len - DHCP_FIXED_BYTES);
    (void)join_option(o, DHCP_OPT_OVERLOAD, &overload, 1);
    if ((overload & DHCP_OVERLOAD_FILE) != 0) {
        add_area(o, bytes + DHCP_FILE_AT, DHCP_FILE_BYTES);
    }
    if ((overload & DHCP_OVERLOAD_SNAME) != 0) {
        add_area(o, bytes + DHCP_SNAME_AT, DHCP_SNAME_BYTES);
    }
}

/* The first of an option's 32-bit values. False, and 0, when it has none, or something else. */
static bool take_u32(const struct option_areas *o, uint8_t code, uint32_t *out)
{
    uint8_t value[UINT8_MAX];
    size_t len = join_option(o, code, value, sizeof(value));
    *out = len >= 4 && len % 4 == 0 ? load_be32(value) : 0;
    return len >= 4 && len % 4 == 0;
}

static void take_routers(struct dhcp_reply *r, const struct option_areas *o)
{
    uint8_t value[DHCP_ROUTERS_MAX * 4];
    r->router_count = (uint8_t)(join_option(o, DHCP_OPT_ROUTER, value, sizeof(value)) / 4);
    for (uint32_t i = 0; i < r->router_count; i++) {
        r->routers[i] = load_be32(value + i * 4);
    }
}

/* RFC 3442 "Classless Route Option Format": of a network only the bytes that its prefix reaches
 * into. The first that cannot be read ends the list. */
static void take_routes(struct dhcp_reply *r, const struct option_areas *o, uint8_t code)
{
    uint8_t value[DHCP_ROUTES_MAX * DHCP_ROUTE_MAX_BYTES];
    size_t len = join_option(o, code, value, sizeof(value));
    size_t at = 0;
    while (at < len && r->route_count < DHCP_ROUTES_MAX && value[at] <= 32) {
        uint8_t bits = value[at];
        size_t network_bytes = (bits + 7u) / 8;
        if (len - at < 1 + network_bytes + 4) {
            return;
        }
        uint8_t network[4] = {0};
        memcpy(network, value + at + 1, network_bytes);
        uint32_t mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
        r->routes[r->route_count++] = (struct dhcp_route){
            .network = load_be32(network) & mask,
            .router = load_be32(value + at + 1 + network_bytes),
            .prefix_bits = bits,
        };
        at += 1 + network_bytes + 4;
    }
}

static void take_options(struct dhcp_reply *r, const struct option_areas *o)
{
    (void)join_option(o, DHCP_OPT_TYPE, &r->type, 1);
    r->has_lease = take_u32(o, DHCP_OPT_LEASE, &r->lease_s);
    (void)take_u32(o, DHCP_OPT_NETMASK, &r->netmask);
    (void)take_u32(o, DHCP_OPT_SERVER, &r->server);
    (void)take_u32(o, DHCP_OPT_RENEW, &r->renew_s);
    (void)take_u32(o, DHCP_OPT_REBIND, &r->rebind_s);
    take_routers(r, o);
    take_routes(r, o, DHCP_OPT_ROUTES);
    if (r->route_count == 0) {
        take_routes(r, o, DHCP_OPT_ROUTES_MS);
    }
}

enum dhcp_verdict dhcp_decode(struct dhcp_reply *r, const uint8_t *bytes, size_t len)
{
    *r = (struct dhcp_reply){0};
    if (len < DHCP_FIXED_BYTES || bytes[DHCP_OP_AT] != DHCP_OP_REPLY ||
        bytes[DHCP_HLEN_AT] != ETH_ADDR_BYTES) {
        return DHCP_MALFORMED;
    }
    uint32_t yiaddr = load_be32(bytes + DHCP_YIADDR_AT);
    r->xid = load_be32(bytes + DHCP_XID_AT);
    r->address = yiaddr != 0 ? yiaddr : load_be32(bytes + DHCP_CIADDR_AT);
    memcpy(r->chaddr, bytes + DHCP_CHADDR_AT, ETH_ADDR_BYTES);
    if (load_be32(bytes + DHCP_COOKIE_AT) != DHCP_COOKIE) {
        return DHCP_BAD_COOKIE;
    }
    struct option_areas o;
    find_areas(&o, bytes, len);
    take_options(r, &o);
    return DHCP_GOOD;
}

/* Appends an option and returns the place behind it. */
static uint8_t *put_option(uint8_t *at, uint8_t code, const void *value, uint8_t len)
{
    at[0] = code;
    at[1] = len;
    memcpy(at + 2, value, len);
    return at + 2 + len;
}

static uint8_t *put_address(uint8_t *at, uint8_t code, uint32_t address)
{
    uint8_t value[4];
    store_be32(value, address);
    return address != 0 ? put_option(at, code, value, sizeof(value)) : at;
}

static uint8_t *put_options(uint8_t *at, const struct dhcp_request *q)
{
    /* RFC 3442 "DHCP Client Behavior": classless routes are asked for before the router. */
    static const uint8_t wanted[] = {DHCP_OPT_NETMASK,  DHCP_OPT_ROUTES, DHCP_OPT_ROUTER,
                                     DHCP_OPT_LEASE,    DHCP_OPT_RENEW,  DHCP_OPT_REBIND,
                                     DHCP_OPT_ROUTES_MS};
    static const uint8_t max_size[] = {DHCP_MAX_SIZE_BYTES >> 8, DHCP_MAX_SIZE_BYTES & 255};
    uint8_t client_id[1 + ETH_ADDR_BYTES] = {DHCP_HTYPE_ETHERNET};
    memcpy(client_id + 1, q->mac, ETH_ADDR_BYTES);
    at = put_option(at, DHCP_OPT_TYPE, &q->type, 1);
    at = put_option(at, DHCP_OPT_CLIENT_ID, client_id, sizeof(client_id));
    at = put_address(at, DHCP_OPT_REQUESTED, q->requested);
    at = put_address(at, DHCP_OPT_SERVER, q->server);
    if (q->type != DHCP_DECLINE) { /* RFC 2131 table 5: MUST NOT */
        at = put_option(at, DHCP_OPT_PARAMETERS, wanted, sizeof(wanted));
        at = put_option(at, DHCP_OPT_MAX_SIZE, max_size, sizeof(max_size));
    }
    *at = DHCP_OPT_END;
    return at + 1;
}

/* The broadcast flag stays clear: IPv4 input takes a unicast to an address not yet ours. */
void dhcp_encode(uint8_t *bytes, const struct dhcp_request *q)
{
    assert(q->type == DHCP_DISCOVER || q->type == DHCP_REQUEST || q->type == DHCP_DECLINE);
    memset(bytes, 0, DHCP_MESSAGE_BYTES);
    bytes[DHCP_OP_AT] = DHCP_OP_REQUEST;
    bytes[DHCP_HTYPE_AT] = DHCP_HTYPE_ETHERNET;
    bytes[DHCP_HLEN_AT] = ETH_ADDR_BYTES;
    store_be32(bytes + DHCP_XID_AT, q->xid);
    store_be16(bytes + DHCP_SECS_AT, q->secs);
    store_be32(bytes + DHCP_CIADDR_AT, q->ciaddr);
    memcpy(bytes + DHCP_CHADDR_AT, q->mac, ETH_ADDR_BYTES);
    store_be32(bytes + DHCP_COOKIE_AT, DHCP_COOKIE);
    const uint8_t *end = put_options(bytes + DHCP_FIXED_BYTES, q);
    assert(end <= bytes + DHCP_MESSAGE_BYTES);
}
