/*
 * What a request is addressed to: the request target and the host, by the grammar of RFC 3986 as
 * RFC 9110 and RFC 9112 use it. Pure.
 */
#ifndef HTTPD_TARGET_H
#define HTTPD_TARGET_H

#include "apps/httpd/span.h"

/*
 * uri-host [ ":" port ] (RFC 9110, 7.2): a name, an IPv4 address, or in brackets an IPv6 address,
 * with a zone (RFC 6874) or without, or whatever the future brings (IPvFuture). May be empty, as a
 * Host field may (RFC 9112, 3.2). A port is digits, any number of them or none (RFC 3986, 3.2.3).
 */
bool host_is_valid(struct span host);

/*
 * The path of a request target in origin, absolute or asterisk form (RFC 9112, 3.2), without the
 * query. target is not empty and holds visible ASCII only. False for any other form, for a
 * fragment, for an http URI without a host (RFC 9110, 4.2.1) and one with user information (4.2.4).
 */
bool target_path(struct span target, struct span *path);

#endif
