/*
 * Of POSIX's unistd.h what a network server needs. See sys/socket.h about the symbols.
 * Descriptors 0, 1 and 2 are the console: reading finds its end, writing goes to every console.
 */
#ifndef RS_UNISTD_H
#define RS_UNISTD_H

#include <stddef.h>
#include <sys/types.h>

#define STDIN_FILENO  0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2

ssize_t read(int fd, void *buf, size_t len) __asm__("rs_read");
ssize_t write(int fd, const void *buf, size_t len) __asm__("rs_write");
int close(int fd) __asm__("rs_close");
unsigned int sleep(unsigned int seconds) __asm__("rs_sleep");
int usleep(unsigned int us) __asm__("rs_usleep");

#endif
