/*
 * Addresses as text. See sys/socket.h about the symbols. inet_ntoa is missing on purpose: it
 * answers from a static buffer; inet_ntop does the same better.
 */
#ifndef RS_ARPA_INET_H
#define RS_ARPA_INET_H

#include "../netinet/in.h"

int inet_pton(int family, const char *text, void *addr) __asm__("rs_inet_pton");
const char *inet_ntop(int family, const void *addr, char *text,
                      socklen_t size) __asm__("rs_inet_ntop");
int inet_aton(const char *text, struct in_addr *addr) __asm__("rs_inet_aton");
in_addr_t inet_addr(const char *text) __asm__("rs_inet_addr");

#endif
