/*
 * Grammar only: no name is looked up, nothing is decoded, and what the host says does not matter to
 * a server that serves the same under every name.
 */
#include "apps/httpd/target.h"

#include <assert.h>
#include <string.h>

enum {
    IPV6_GROUPS = 8,
    IPV6_GROUP_DIGITS = 4,
    IPV4_OCTETS = 4,
};

/* RFC 3986, 2.2: stands in a host's name as it is, but not in a zone's. */
static bool is_sub_delim(char c)
{
    return c != '\0' && strchr("!$&'()*+,;=", c) != NULL;
}

/* "%" and two hexadecimal digits at at[0] (RFC 3986, 2.1). */
static bool is_escape(const char *at, size_t len)
{
    return len >= 3 && at[0] == '%' && span_hex(at[1]) >= 0 && span_hex(at[2]) >= 0;
}

/* Behind the last of the unreserved characters, sub-delims and escapes that a host's name is made
 * of (RFC 3986, 3.2.2). */
static size_t name_end(struct span s)
{
    size_t i = span_skip(s.at, 0, s.len, SPAN_NAME);
    while (i < s.len && is_escape(s.at + i, s.len - i)) {
        i = span_skip(s.at, i + 3, s.len, SPAN_NAME);
    }
    return i;
}

/* RFC 6874, 2: not empty; unreserved characters and escapes alone. */
static bool is_zone(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_sub_delim(s.at[i])) {
            return false;
        }
    }
    return s.len > 0 && name_end(s) == s.len;
}

/* dec-octet: 0 to 255 without leading zeros. Returns its length, or 0. */
static size_t octet_len(const char *at, size_t len)
{
    unsigned n = 0;
    size_t i = 0;
    while (i < len && i < 3 && span_is_digit(at[i])) {
        n = n * 10 + (unsigned)(at[i++] - '0');
    }
    return n <= 255 && !(i > 1 && at[0] == '0') ? i : 0;
}

static bool is_ipv4(struct span s)
{
    for (int octet = 0; octet < IPV4_OCTETS; octet++) {
        if (octet > 0) {
            if (s.len == 0 || s.at[0] != '.') {
                return false;
            }
            s = (struct span){s.at + 1, s.len - 1};
        }
        size_t n = octet_len(s.at, s.len);
        if (n == 0) {
            return false;
        }
        s = (struct span){s.at + n, s.len - n};
    }
    return s.len == 0;
}

static bool has_two_colons(struct span s, size_t i)
{
    return s.len - i >= 2 && s.at[i] == ':' && s.at[i + 1] == ':';
}

static size_t group_end(struct span s, size_t i)
{
    size_t max = s.len - i < IPV6_GROUP_DIGITS ? s.len : i + IPV6_GROUP_DIGITS;
    while (i < max && span_hex(s.at[i]) >= 0) {
        i++;
    }
    return i;
}

/* RFC 3986, 3.2.2: eight groups, or fewer with one "::"; the last two may be an IPv4 address. */
static bool is_ipv6(struct span s)
{
    int groups = 0;
    bool elided = false;
    for (size_t i = 0; i < s.len;) {
        if (has_two_colons(s, i)) {
            if (elided) {
                return false;
            }
            elided = true;
            i += 2;
            continue;
        }
        size_t end = group_end(s, i);
        if (end < s.len && s.at[end] == '.') {
            groups += 2;
            if (!is_ipv4((struct span){s.at + i, s.len - i})) {
                return false;
            }
            break;
        }
        if (end == i) {
            return false;
        }
        groups++;
        if (end < s.len && !has_two_colons(s, end)) {
            if (s.at[end] != ':' || end + 1 == s.len) {
                return false;
            }
            end++;
        }
        i = end;
    }
    return elided ? groups < IPV6_GROUPS : groups == IPV6_GROUPS;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_ip_future(struct span s)
{
    size_t i = 1;
    while (i < s.len && span_hex(s.at[i]) >= 0) {
        i++;
    }
    if (s.len < 4 || span_lower(s.at[0]) != 'v' || i == 1 || i + 1 >= s.len || s.at[i] != '.') {
        return false;
    }
    for (i++; i < s.len; i++) {
        if (!span_may(s.at[i], SPAN_NAME) && s.at[i] != ':') {
            return false;
        }
    }
    return true;
}

/* What stands between the brackets. A zone follows "%25" (RFC 6874, 2). */
static bool is_ip_literal(struct span s)
{
    const char *percent = s.len > 0 ? memchr(s.at, '%', s.len) : NULL;
    if (percent == NULL) {
        return is_ipv6(s) || is_ip_future(s);
    }
    struct span address = {s.at, (size_t)(percent - s.at)};
    struct span zone = {percent + 3, 0};
    if (s.len - address.len <= 3 || memcmp(percent, "%25", 3) != 0) {
        return false;
    }
    zone.len = s.len - address.len - 3;
    return is_ipv6(address) && is_zone(zone);
}

/* Cuts host [ ":" port ] in two and checks both; *name is then the host, with its brackets. */
static bool split_host(struct span host, struct span *name)
{
    size_t end = 0;
    if (host.len > 0 && host.at[0] == '[') {
        const char *bracket = memchr(host.at, ']', host.len);
        if (bracket == NULL) {
            return false;
        }
        end = (size_t)(bracket - host.at) + 1;
        if (!is_ip_literal((struct span){host.at + 1, end - 2})) {
            return false;
        }
    } else {
        end = name_end(host);
    }
    *name = (struct span){host.at, end};
    if (end < host.len && host.at[end++] != ':') {
        return false;
    }
    while (end < host.len && span_is_digit(host.at[end])) {
        end++;
    }
    return end == host.len;
}

bool host_is_valid(struct span host)
{
    struct span name;
    assert(host.len == 0 || host.at != NULL);
    return split_host(host, &name);
}

/* The rest behind "http://": takes the authority away, which must have a host. "@" is in no host.
 */
static bool skip_authority(struct span *rest)
{
    struct span host;
    size_t len = 0;
    while (len < rest->len && rest->at[len] != '/' && rest->at[len] != '?') {
        len++;
    }
    if (!split_host((struct span){rest->at, len}, &host) || host.len == 0) {
        return false;
    }
    *rest = (struct span){rest->at + len, rest->len - len};
    return true;
}

bool target_path(struct span target, struct span *path)
{
    static const char scheme[] = "http://";
    size_t scheme_len = sizeof(scheme) - 1;
    assert(target.len > 0);
    if (memchr(target.at, '#', target.len) != NULL) {
        return false;
    }
    if (target.len == 1 && target.at[0] == '*') {
        *path = target;
        return true;
    }
    if (target.at[0] != '/') {
        if (target.len < scheme_len || !span_equals_folded(target, scheme, scheme_len)) {
            return false;
        }
        target = (struct span){target.at + scheme_len, target.len - scheme_len};
        if (!skip_authority(&target)) {
            return false;
        }
    }
    const char *query = target.len > 0 ? memchr(target.at, '?', target.len) : NULL;
    *path = (struct span){target.at, query != NULL ? (size_t)(query - target.at) : target.len};
    if (path->len == 0) { /* http://host and http://host?query mean the root */
        *path = (struct span){"/", 1};
    }
    return true;
}
