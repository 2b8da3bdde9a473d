/*
 * Whose part of a stack a member of struct net is: NET_PART(ip, struct ipv4 ip) is written by the
 * files of net/ip alone, read by those above it, and not there for those below. Nothing to the
 * compiler, but `make check` compiles each room with a struct net of its own (tools/rooms.py).
 */
#ifndef NET_PARTS_H
#define NET_PARTS_H

#define NET_PART(room, member) member

#endif
