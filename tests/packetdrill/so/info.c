/*
 * getsockopt() of the whole program, where the library is preloaded: the %{ }% blocks of a script
 * look at TCP_INFO with a call of the C library's, past the table. See run.py.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/packetdrill/so/adapter.h"

/* A program has one stack. */
static struct {
    struct pd *pd;
    const struct pd_table *table;
} stack;

void pd_info_begin(struct pd *pd, const struct pd_table *t)
{
    stack.pd = pd;
    stack.table = t;
}

void pd_info_end(void)
{
    stack.pd = NULL;
}

/* What we do not know is 0, up to the length asked for: the asker's structure may be longer. */
static int get(int fd, int level, int name, void *value, socklen_t *len)
{
    socklen_t room = *len;
    memset(value, 0, room);
    if (level == IPPROTO_TCP && name == TCP_CC_INFO) {
        *len = 0; /* as on Linux for an algorithm that has none */
        return 0;
    }
    if (level == SOL_SOCKET && name == SO_MEMINFO) {
        return 0;
    }
    int result = stack.table->getsockopt(stack.pd, fd, level, name, value, len);
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        *len = room;
    }
    return result;
}

__attribute__((visibility("default"))) int getsockopt(int fd, int level, int name,
                                                      void *restrict value, socklen_t *restrict len)
{
    if (stack.pd != NULL && pd_sock(stack.pd, fd) >= 0) {
        return get(fd, level, name, value, len);
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}
