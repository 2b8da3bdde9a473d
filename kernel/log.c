/*
 * The log: formats an entry, keeps it in a ring of whole lines, writes it to the consoles. The
 * ring keeps every level, the consoles get what their level lets through.
 *
 * Writing takes milliseconds on a serial line and is done with interrupts on. A line logged by an
 * interrupt meanwhile is not to land inside the one being written: it is noted, and written behind
 * it by the one who was interrupted.
 */
#include "kernel/log.h"

#include <stdio.h>
#include <string.h>

#include "kernel/platform.h"

enum {
    QUEUE_COUNT = 8, /* lines by interrupts during one line; of more, the ring alone tells */
};

static struct {
    enum log_level console_level;
    bool writing; /* somebody, perhaps interrupted now, writes to the consoles */
    uint32_t queued_count;
    uint64_t queue[QUEUE_COUNT]; /* positions of lines to write after that, the oldest first */
    uint64_t start; /* of the oldest line; positions run freely, modulo LOG_RING_BYTES in ring */
    uint64_t end;   /* behind the newest line */
    char ring[LOG_RING_BYTES];
} logs = {.console_level = LOG_INFO};

static const char CUT_MARK[] = "...";

static_assert((LOG_RING_BYTES & (LOG_RING_BYTES - 1)) == 0, "positions wrap with a mask");
static_assert(LOG_LINE_MAX + 1 < LOG_RING_BYTES, "the ring holds at least one line");

static char ring_at(uint64_t position)
{
    return logs.ring[position & (LOG_RING_BYTES - 1)];
}

/* Behind the line that begins at position. */
static uint64_t line_end(uint64_t position)
{
    while (position < logs.end && ring_at(position) != '\n') {
        position++;
    }
    assert(position < logs.end);
    return position + 1;
}

/* Appends a line with its newline; the oldest lines make room. Interrupts are off. */
static void ring_append(const char *line, size_t len)
{
    assert(len > 0 && len <= LOG_LINE_MAX + 1 && line[len - 1] == '\n');
    while (logs.end - logs.start + len > LOG_RING_BYTES) {
        logs.start = line_end(logs.start);
    }
    for (size_t i = 0; i < len; i++) {
        logs.ring[(logs.end + i) & (LOG_RING_BYTES - 1)] = line[i];
    }
    logs.end += len;
}

/* One entry is one line, whatever a name or a command line that is quoted in it contains. */
static void make_printable(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        }
    }
}

/* What snprintf answered, as bytes that really stand in a buffer with room for that many. */
static size_t written(int answer, size_t room)
{
    return answer < 0 ? 0 : min_size((size_t)answer, room);
}

/* Formats the entry and its newline; line has LOG_LINE_MAX + 2 bytes. Returns its length. */
static size_t format_line(char *line, const char *fmt, va_list ap)
{
    uint64_t now_us = platform_now_ns() / NS_PER_US;
    uint64_t us_per_s = (uint64_t)US_PER_MS * MS_PER_S;
    int answer = snprintf(line, LOG_LINE_MAX + 1, "[%5u.%06u] ", (unsigned int)(now_us / us_per_s),
                          (unsigned int)(now_us % us_per_s));
    size_t len = written(answer, LOG_LINE_MAX);
    size_t room = LOG_LINE_MAX - len;
    answer = vsnprintf(line + len, room + 1, fmt, ap);
    size_t text_len = written(answer, room);
    make_printable(line + len, text_len);
    len += text_len;
    if (answer > 0 && (size_t)answer > room) {
        memcpy(line + len - (sizeof(CUT_MARK) - 1), CUT_MARK, sizeof(CUT_MARK) - 1);
    }
    line[len] = '\n';
    return len + 1;
}

/* Interrupts are off. */
static void queue_line(uint64_t position)
{
    assert(logs.writing && logs.queued_count <= QUEUE_COUNT);
    if (logs.queued_count < QUEUE_COUNT) {
        logs.queue[logs.queued_count++] = position;
    }
}

/* Copies what of the ring's line at position is still there. Interrupts are off. */
static size_t copy_line(char *line, uint64_t position)
{
    if (position < logs.start) {
        return 0;
    }
    size_t len = (size_t)(line_end(position) - position);
    assert(len <= LOG_LINE_MAX + 1);
    for (size_t i = 0; i < len; i++) {
        line[i] = ring_at(position + i);
    }
    return len;
}

/*
 * Takes the oldest queued line. False: there is none, or it is not the caller's turn any more, and
 * the consoles are free for anybody: what is left then waits for the next to write.
 */
static bool take_queued(char *line, size_t *len, uint32_t turn)
{
    uint64_t saved = platform_irq_save();
    bool found = logs.queued_count > 0 && turn < QUEUE_COUNT;
    logs.writing = found;
    if (found) {
        *len = copy_line(line, logs.queue[0]);
        logs.queued_count--;
        memmove(logs.queue, logs.queue + 1, sizeof(logs.queue[0]) * logs.queued_count);
    }
    platform_irq_restore(saved);
    return found;
}

void log_write_v(enum log_level level, const char *fmt, va_list ap)
{
    char line[LOG_LINE_MAX + 2];
    size_t len = format_line(line, fmt, ap);
    assert(len <= LOG_LINE_MAX + 1);
    uint64_t saved = platform_irq_save();
    uint64_t position = logs.end;
    ring_append(line, len);
    bool wanted = level <= logs.console_level;
    bool write = wanted && !logs.writing;
    if (write) {
        logs.writing = true;
    } else if (wanted) {
        queue_line(position);
    }
    platform_irq_restore(saved);
    if (!write) {
        return;
    }
    uint32_t turn = 0;
    do {
        platform_console_write(line, len);
    } while (take_queued(line, &len, turn++));
}

void log_write(enum log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_write_v(level, fmt, ap);
    va_end(ap);
}

void log_set_level(enum log_level console_level)
{
    assert(console_level <= LOG_DEBUG);
    logs.console_level = console_level;
}

size_t log_read(char *buf, size_t size)
{
    uint64_t saved = platform_irq_save();
    uint64_t from = logs.start;
    while (logs.end - from > size) {
        from = line_end(from);
    }
    size_t len = (size_t)(logs.end - from);
    for (size_t i = 0; i < len; i++) {
        buf[i] = ring_at(from + i);
    }
    platform_irq_restore(saved);
    assert(len <= size);
    return len;
}
