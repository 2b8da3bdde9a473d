/*
 * NUL-terminated strings for the metal. The blocks of memory are in memory.c.
 */
#include "kernel/libc/string.h"

#include "kernel/base.h"
#include "kernel/libc/ctype.h"
#include "kernel/libc/errno.h"
#include "kernel/libc/strings.h"

size_t strlen(const char *s)
{
    const char *end = s;
    while (*end != '\0') {
        end++;
    }
    return (size_t)(end - s);
}

size_t strnlen(const char *s, size_t max)
{
    const char *end = memchr(s, '\0', max);
    return end != NULL ? (size_t)(end - s) : max;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)a[i];
        unsigned char y = (unsigned char)b[i];
        if (x != y || x == '\0') {
            return x - y;
        }
    }
    return 0;
}

int strcasecmp(const char *a, const char *b)
{
    return strncasecmp(a, b, SIZE_MAX);
}

int strncasecmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int x = tolower((unsigned char)a[i]);
        int y = tolower((unsigned char)b[i]);
        if (x != y || x == '\0') {
            return x - y;
        }
    }
    return 0;
}

char *strcpy(char *restrict to, const char *restrict from)
{
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char *strncpy(char *restrict to, const char *restrict from, size_t n)
{
    size_t len = strnlen(from, n);
    memcpy(to, from, len);
    memset(to + len, 0, n - len);
    return to;
}

char *strcat(char *restrict to, const char *restrict from)
{
    memcpy(to + strlen(to), from, strlen(from) + 1);
    return to;
}

char *strncat(char *restrict to, const char *restrict from, size_t n)
{
    size_t len = strnlen(from, n);
    char *end = to + strlen(to);
    memcpy(end, from, len);
    end[len] = '\0';
    return to;
}

char *strchr(const char *s, int c)
{
    while (*s != (char)c) {
        if (*s == '\0') {
            return NULL;
        }
        s++;
    }
    return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
    return memrchr(s, c, strlen(s) + 1);
}

char *strstr(const char *hay, const char *needle)
{
    return memmem(hay, strlen(hay), needle, strlen(needle));
}

size_t strspn(const char *s, const char *accept)
{
    size_t len = 0;
    while (s[len] != '\0' && strchr(accept, s[len]) != NULL) {
        len++;
    }
    return len;
}

size_t strcspn(const char *s, const char *reject)
{
    size_t len = 0;
    while (s[len] != '\0' && strchr(reject, s[len]) == NULL) {
        len++;
    }
    return len;
}

char *strpbrk(const char *s, const char *accept)
{
    s += strcspn(s, accept);
    return *s != '\0' ? (char *)(uintptr_t)s : NULL;
}

char *strtok_r(char *restrict s, const char *restrict delimiters, char **restrict save)
{
    char *word = s != NULL ? s : *save;
    word += strspn(word, delimiters);
    char *end = word + strcspn(word, delimiters);
    if (*end != '\0') {
        *end++ = '\0';
    } else if (end == word) {
        *save = end;
        return NULL;
    }
    *save = end;
    return word;
}

struct error_text {
    int error;
    const char *text;
};

/* What a network server meets; the texts are ours. */
static const struct error_text error_texts[] = {
    {0, "no error"},
    {EINTR, "interrupted"},
    {EIO, "input or output failed"},
    {EBADF, "bad file descriptor"},
    {EAGAIN, "would block"},
    {ENOMEM, "out of memory"},
    {EFAULT, "bad address"},
    {EBUSY, "busy"},
    {EEXIST, "exists already"},
    {EINVAL, "invalid argument"},
    {EMFILE, "too many descriptors"},
    {ENOSPC, "no space left"},
    {EPIPE, "broken pipe"},
    {ERANGE, "out of range"},
    {ENOSYS, "not implemented"},
    {EOVERFLOW, "value too large"},
    {ENOTSOCK, "not a socket"},
    {EDESTADDRREQ, "destination address needed"},
    {EMSGSIZE, "message too long"},
    {ENOPROTOOPT, "no such option"},
    {EPROTONOSUPPORT, "protocol not supported"},
    {EOPNOTSUPP, "operation not supported"},
    {EAFNOSUPPORT, "address family not supported"},
    {EADDRINUSE, "address in use"},
    {EADDRNOTAVAIL, "address not available"},
    {ENETDOWN, "network is down"},
    {ENETUNREACH, "network unreachable"},
    {ECONNABORTED, "connection aborted"},
    {ECONNRESET, "connection reset by peer"},
    {ENOBUFS, "no buffers left"},
    {EISCONN, "already connected"},
    {ENOTCONN, "not connected"},
    {ETIMEDOUT, "timed out"},
    {ECONNREFUSED, "connection refused"},
    {EHOSTUNREACH, "host unreachable"},
    {EALREADY, "already in progress"},
    {EINPROGRESS, "in progress"},
};

char *strerror(int error)
{
    for (size_t i = 0; i < ARRAY_SIZE(error_texts); i++) {
        if (error_texts[i].error == error) {
            return (char *)(uintptr_t)error_texts[i].text;
        }
    }
    return (char *)(uintptr_t) "unknown error";
}
