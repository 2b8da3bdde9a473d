/*
 * HTTP as far as a picture needs it: the request's first line, an answer that ends with the
 * connection. "GET /?x=-0.5&y=0&width=3" says what to show; another server checks more.
 */
#include "apps/mandel/client.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apps/mandel/picture.h"
#include "apps/mandel/png.h"

enum {
    REQUEST_BYTES = 2048,
    ANSWER_BYTES = 256,
};

static bool send_all(void *arg, const void *bytes, size_t len)
{
    int fd = *(const int *)arg;
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* The request's head, up to the empty line, as a string. False: it is none, or too long. */
static bool receive_head(int fd, char head[REQUEST_BYTES])
{
    size_t len = 0;
    while (len < REQUEST_BYTES - 1) {
        ssize_t n = recv(fd, head + len, REQUEST_BYTES - 1 - len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        head[len] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL) {
            return true;
        }
    }
    return false;
}

/* "name=NUMBER" in the first line. False: it is there, and no finite number. */
static bool take_number(const char *line, const char *name, double *out)
{
    const char *at = strstr(line, name);
    if (at == NULL) {
        return true;
    }
    char *end;
    double value = strtod(at + strlen(name), &end);
    if (end == at + strlen(name) || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

static bool parse_request(char *head, struct view *v)
{
    *strstr(head, "\r\n") = '\0';
    *v = (struct view){.x = -0.5, .y = 0.0, .width = 3.0};
    return strncmp(head, "GET /", 5) == 0 && take_number(head, "x=", &v->x) &&
           take_number(head, "y=", &v->y) && take_number(head, "width=", &v->width) &&
           v->width > 0.0;
}

static void send_text(int fd, const char *status, const char *text)
{
    char answer[ANSWER_BYTES];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n%s",
                       status, strlen(text), text);
    (void)send_all(&fd, answer, (size_t)len);
}

/* Others run between two rows: on our stack, only then. */
static void send_picture(int fd, struct png *png, const struct view *v)
{
    char answer[ANSWER_BYTES];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"
                       "X-View: x=%.17g y=%.17g width=%g\r\nConnection: close\r\n\r\n",
                       v->x, v->y, v->width);
    uint8_t pixels[PICTURE_COLUMNS];
    if (!send_all(&fd, answer, (size_t)len) ||
        !png_begin(png, send_all, &fd, PICTURE_COLUMNS, PICTURE_ROWS)) {
        return;
    }
    for (int row = 0; row < PICTURE_ROWS && png->ok; row++) {
        picture_row(v, row, pixels);
        png_row(png, pixels, sizeof(pixels));
        (void)sched_yield();
    }
    (void)png_end(png);
}

void client_serve(int fd)
{
    char head[REQUEST_BYTES];
    struct view v;
    struct png *png = NULL;
    if (!receive_head(fd, head)) {
        close(fd);
        return;
    }
    if (!parse_request(head, &v)) {
        send_text(fd, "400 Bad Request", "GET /?x=-0.5&y=0&width=3\n");
    } else if ((png = malloc(sizeof(*png))) == NULL) {
        send_text(fd, "503 Service Unavailable", "no memory\n");
    } else {
        send_picture(fd, png, &v);
    }
    free(png);
    (void)shutdown(fd, SHUT_WR);
    close(fd);
}
