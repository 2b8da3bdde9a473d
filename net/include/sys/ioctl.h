/*
 * The two ioctls that socket programs use. See sys/socket.h about the symbols.
 */
#ifndef RS_SYS_IOCTL_H
#define RS_SYS_IOCTL_H

#define FIONREAD 0x541b
#define FIONBIO  0x5421

int ioctl(int fd, unsigned long request, ...) __asm__("rs_ioctl");

#endif
