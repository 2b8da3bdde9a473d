/*
 * Socket addresses between the user's form (struct sockaddr_in, network order) and the stack's.
 */
#include <errno.h>
#include <string.h>

#include "net/include/netinet/in.h"
#include "net/posix/call.h"

static_assert(sizeof(struct sockaddr_in) == 16, "Linux's layout");
static_assert(sizeof(struct sockaddr_storage) == 128, "Linux's layout");
static_assert(offsetof(struct sockaddr_in, sin_addr) == 4, "Linux's layout");
static_assert(sizeof(struct msghdr) == 56, "Linux's layout");

/* The address alone, with no look at the descriptor. */
static int decode(const struct sockaddr *addr, socklen_t len, struct sock_addr *out)
{
    if (addr == NULL) {
        return -EFAULT;
    }
    struct sockaddr_in in = {0};
    if (len < sizeof(in.sin_family)) {
        return -EINVAL;
    }
    memcpy(&in, addr, min_size(len, sizeof(in)));
    if (in.sin_family != AF_INET) {
        return -EAFNOSUPPORT;
    }
    if (len < sizeof(in)) {
        return -EINVAL;
    }
    out->addr = ntohl(in.sin_addr.s_addr);
    out->port = ntohs(in.sin_port);
    return 0;
}

int posix_addr_in(struct posix_env *env, int fd, const struct sockaddr *addr, socklen_t len,
                  struct sock_addr *out)
{
    int err = decode(addr, len, out);
    if (err != 0) {
        /* A bad descriptor is told of before a bad address. */
        struct sock_addr unused;
        int fd_err = sock_name(env->net, fd, &unused);
        return fd_err != 0 ? fd_err : err;
    }
    return 0;
}

int posix_addr_check(const struct sockaddr *addr, const socklen_t *len)
{
    return addr != NULL && len == NULL ? -EFAULT : 0;
}

/* POSIX: the address is cut to the room there is, and *len says how long it was. */
void posix_addr_out(const struct sock_addr *a, struct sockaddr *addr, socklen_t *len)
{
    if (addr == NULL) {
        return;
    }
    assert(len != NULL);
    struct sockaddr_in in = {
        .sin_family = AF_INET,
        .sin_port = htons(a->port),
        .sin_addr.s_addr = htonl(a->addr),
    };
    memcpy(addr, &in, min_size(*len, sizeof(in)));
    *len = sizeof(in);
}
