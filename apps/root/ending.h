/*
 * The end of a run in order: the server stops running, every connection is ended, and when all
 * peers have acknowledged that, or after a while, the machine is.
 */
#ifndef APPS_ROOT_ENDING_H
#define APPS_ROOT_ENDING_H

#include "kernel/reboot.h"
#include "net/net.h"

struct ending {
    struct net *net;
    enum reboot_kind kind; /* REBOOT_NONE: the machine goes on */
    uint64_t end_ns;       /* then without waiting any longer */
    uint64_t look_ns;
};

/* why: who asks for it, for the log. Asked again it is not waited any longer. Loop context. */
void ending_begin(struct ending *e, enum reboot_kind kind, const char *why, uint64_t now_ns);

/*
 * Each turn of the loop, from a source's poll: begins the end that the server asked for with
 * reboot(2), and ends the machine when it is time. Returns when it wants to be called next.
 */
uint64_t ending_poll(struct ending *e, uint64_t now_ns);

#endif
