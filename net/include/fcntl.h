/*
 * fcntl() for sockets. See sys/socket.h about the symbols.
 */
#ifndef RS_FCNTL_H
#define RS_FCNTL_H

#define O_RDWR     0x002
#define O_NONBLOCK 0x800

#define F_GETFD    1
#define F_SETFD    2
#define F_GETFL    3
#define F_SETFL    4
#define FD_CLOEXEC 1 /* accepted; there is no exec */

int fcntl(int fd, int cmd, ...) __asm__("rs_fcntl");

#endif
