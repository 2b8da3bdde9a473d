/*
 * Whose part of a connection a member is: TCP_PART(recv) is written by the files of net/tcp/recv
 * alone, those of every other room read it. Nothing to the compiler, but `make check` compiles each
 * room with the parts of all others const (tools/rooms.py).
 */
#ifndef NET_TCP_BLOCK_PARTS_H
#define NET_TCP_BLOCK_PARTS_H

#define TCP_PART(room)

#endif
