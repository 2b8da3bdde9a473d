/*
 * Letting connections in, and what happens when there is no room: somebody goes who can be spared
 * (evict.h), or the newcomer is told 503.
 */
#include "apps/httpd/accept.h"

#include "apps/httpd/client.h"
#include "apps/httpd/evict.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A client that there is no room for gets one of a few extra slots, just long enough to be told so
 * without a RST; when those are taken, too, the connection is closed without a word.
 */
static void admit(struct server *s, int fd)
{
    struct client *c = NULL;
    s->env.counters.accepted++;
    /* A new socket has no other flags to keep. */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
        c = client_alloc(s, false);
        /* Again where who left had one of the extra slots, which is no place: there are few. */
        while (c == NULL && evict_for_place(s)) {
            c = client_alloc(s, false);
        }
        if (c == NULL) {
            c = client_alloc(s, true);
        }
    }
    if (c == NULL) {
        s->env.counters.refused_closed++;
        close(fd);
        return;
    }
    if (!client_open(s, c, fd)) {
        return;
    }
    if (c->is_overflow) {
        s->env.counters.refused_full++;
        client_refuse(s, c);
    } else {
        /* The request is often there: a client that is answered at once does not risk its place. */
        client_turn(s, c, EPOLLIN);
    }
}

/* Level-triggered and not served, the listening socket would spin: it is left alone for a while. */
static void accept_pause(struct server *s)
{
    struct epoll_event e = {.events = 0, .data = {.ptr = NULL}};
    s->env.counters.accept_errors++;
    s->accept_resume_ms = s->now_ms + ACCEPT_PAUSE_MS;
    (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, s->listen_fd, &e);
}

void accept_clients(struct server *s)
{
    assert(s->listen_fd >= 0);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept(s->listen_fd, NULL, NULL);
        if (fd >= 0) {
            admit(s, fd);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!evict_for_place(s)) {
                accept_pause(s);
                return;
            }
        }
        /* Any other error is that of one connection, which is gone: the next may be well. */
    }
}
