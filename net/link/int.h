/*
 * The link's own calls: between arp_table.c (who is in it), arp_pending.c (what waits for whom),
 * arp_send.c (questions and announcements), acd.c (conflicts) and arp.c (the protocol).
 */
#ifndef NET_LINK_INT_H
#define NET_LINK_INT_H

#include "net/link/arp.h"

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

/* Changes the state, or says that the address behind it is another one: what was found out about
 * the entry counts no more. Keeps the count of unresolved entries. */
void arp_set_state(struct arp_entry *e, enum arp_state state);

/* May one more neighbour be asked for by broadcast? */
bool arp_may_resolve(const struct arp *arp);

/* Takes p, which waits for e from now on. STATUS_BUSY: there is no room, and p was dropped
 * (counted). */
enum status arp_pending_add(struct arp_entry *e, struct pkt *p);

/* Would each buffer of p, as a packet, find room behind those that wait for e? */
bool arp_pending_admits(const struct arp_entry *e, const struct pkt *p);

/* A copy of p, which is sent to a neighbour in doubt, waits in case it has to be sent elsewhere, in
 * the place of the one before. Borrows p. */
void arp_pending_copy(struct arp_entry *e, const struct pkt *p);

/* Sends what waited, in the order it came; e is REACHABLE. */
void arp_pending_send(struct arp_entry *e);

/* Nobody answered: tells of every waiting packet and drops it. Who hears of it may send again: e
 * may be another neighbour's afterwards. */
void arp_pending_give_up(struct arp_entry *e);

/* Puts every waiting packet, for no reason to be counted here. */
void arp_pending_drop(struct arp_entry *e);

/* Writes and sends an ARP packet from the control reserve; data packets cannot starve it. False
 * (counted) when there is no buffer all the same. */
bool arp_send(struct net *n, const struct arp_packet *a, const uint8_t *dst);

/* Asks dst, everybody or one neighbour, who has address. False like arp_send. */
bool arp_send_request(struct net *n, uint32_t address, const uint8_t *dst);

/* An RFC 5227 packet about address: a probe (sender address 0) or an announcement. */
void arp_send_probe(struct net *n, uint32_t address);
void arp_send_announcement(struct net *n, uint32_t address);

/* Looks at a received ARP packet; true when it conflicts with the claim and must not be believed.
 */
bool acd_check(struct net *n, const struct arp_packet *a);

#endif
