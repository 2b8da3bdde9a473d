/*
 * DHCP messages as bytes: see dhcp_wire.h.
 */
#include <string.h>

#include "kernel/bytes.h"
#include "net/dhcp_wire.h"

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
       DHCP_OPT_END = 255,
       DHCP_OVERLOAD_FILE = 1,
       DHCP_OVERLOAD_SNAME = 2,
       DHCP_MAX_SIZE_BYTES = 1500,
};

/* Takes a 32-bit value; it must be exactly that. */
static bool take_u32(uint32_t *out, const uint8_t *value, size_t len)
{
    if (len != 4) {
        return false;
    }
    *out = load_be32(value);
    return true;
}

/* One option. False when its length is impossible; unknown options are none of ours. */
static bool take_option(struct dhcp_reply *r, uint8_t code, const uint8_t *value, size_t len)
{
    switch (code) {
    case DHCP_OPT_NETMASK:
        return take_u32(&r->netmask, value, len);
    case DHCP_OPT_ROUTER: /* a list, the best first */
        return len >= 4 && len % 4 == 0 && take_u32(&r->router, value, 4);
    case DHCP_OPT_LEASE:
        r->has_lease = true;
        return take_u32(&r->lease_s, value, len);
    case DHCP_OPT_SERVER:
        return take_u32(&r->server, value, len);
    case DHCP_OPT_RENEW:
        return take_u32(&r->renew_s, value, len);
    case DHCP_OPT_REBIND:
        return take_u32(&r->rebind_s, value, len);
    case DHCP_OPT_TYPE:
        r->type = len == 1 ? value[0] : 0;
        return len == 1;
    default:
        return true;
    }
}

/* The options of one field, to its end mark. overload gets option 52's value when there is one. */
static bool take_options(struct dhcp_reply *r, const uint8_t *opt, size_t len, uint8_t *overload)
{
    size_t at = 0;
    while (at < len && opt[at] != DHCP_OPT_END) {
        if (opt[at] == DHCP_OPT_PAD) {
            at++;
            continue;
        }
        if (len - at < 2 || opt[at + 1] > len - at - 2) {
            return false;
        }
        size_t value_len = opt[at + 1];
        const uint8_t *value = opt + at + 2;
        if (opt[at] == DHCP_OPT_OVERLOAD) {
            if (value_len != 1) {
                return false;
            }
            *overload = value[0];
        } else if (!take_option(r, opt[at], value, value_len)) {
            return false;
        }
        at += 2 + value_len;
    }
    return at < len; /* it was the end mark that ended it */
}

/* RFC 2131 4.1: the options field first, then file, then sname when it says that they are used. An
 * overload option in those has no effect: no loops. */
static bool take_all_options(struct dhcp_reply *r, const uint8_t *bytes, size_t len)
{
    uint8_t overload = 0;
    uint8_t ignored = 0;
    if (!take_options(r, bytes + DHCP_FIXED_BYTES, len - DHCP_FIXED_BYTES, &overload)) {
        return false;
    }
    if ((overload & DHCP_OVERLOAD_FILE) != 0 &&
        !take_options(r, bytes + DHCP_FILE_AT, DHCP_FILE_BYTES, &ignored)) {
        return false;
    }
    return (overload & DHCP_OVERLOAD_SNAME) == 0 ||
           take_options(r, bytes + DHCP_SNAME_AT, DHCP_SNAME_BYTES, &ignored);
}

bool dhcp_decode(struct dhcp_reply *r, const uint8_t *bytes, size_t len)
{
    *r = (struct dhcp_reply){0};
    if (len < DHCP_FIXED_BYTES || bytes[DHCP_OP_AT] != DHCP_OP_REPLY ||
        bytes[DHCP_HTYPE_AT] != DHCP_HTYPE_ETHERNET || bytes[DHCP_HLEN_AT] != ETH_ADDR_BYTES ||
        load_be32(bytes + DHCP_COOKIE_AT) != DHCP_COOKIE) {
        return false;
    }
    r->xid = load_be32(bytes + DHCP_XID_AT);
    r->address = load_be32(bytes + DHCP_YIADDR_AT);
    memcpy(r->chaddr, bytes + DHCP_CHADDR_AT, ETH_ADDR_BYTES);
    if (!take_all_options(r, bytes, len)) {
        return false;
    }
    return r->type == DHCP_OFFER || r->type == DHCP_ACK || r->type == DHCP_NAK;
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
    static const uint8_t wanted[] = {DHCP_OPT_NETMASK, DHCP_OPT_ROUTER, DHCP_OPT_LEASE,
                                     DHCP_OPT_RENEW, DHCP_OPT_REBIND};
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
