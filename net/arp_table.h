/*
 * The neighbour table's own calls, between arp_table.c (who is in it) and arp.c (the protocol).
 */
#ifndef NET_ARP_TABLE_H
#define NET_ARP_TABLE_H

#include "net/arp.h"

/* The entry of an address, or NULL. */
struct arp_entry *arp_table_find(struct net *n, uint32_t address);

/*
 * A fresh entry in state FREE for an address that has none; the caller gives it a state at once.
 * for_sending: this host wants to send there; else a neighbour's request would make it. Evicts by
 * the rule in arp.h; NULL (counted) when nothing may go.
 */
struct arp_entry *arp_table_add(struct net *n, uint32_t address, bool for_sending) must_check;

/* Removes an entry and drops what waits for it. */
void arp_table_remove(struct arp_entry *e);

/* Puts every waiting packet. */
void arp_pending_drop(struct arp_entry *e);

/* Changes the state and keeps the count of unresolved entries. */
void arp_set_state(struct arp_entry *e, enum arp_state state);

#endif
