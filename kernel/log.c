/*
 * The log: formats an entry, keeps it in a ring of whole lines, writes it to the consoles. The
 * ring keeps every level, the consoles get what their level lets through. Also the one gate to the
 * consoles, for what an application writes there as well; a panic alone goes past it.
 *
 * Writing takes milliseconds on a serial line and is done with interrupts on. A line logged by an
 * interrupt meanwhile is not to land inside what is being written, nor in the middle of the
 * devices' own state: it is noted, and written behind by the writer that was interrupted.
 */
#include "kernel/log.h"

#include <stdio.h>
#include <string.h>

#include "kernel/platform.h"

enum {
    QUEUE_COUNT = 8, /* lines by interrupts during one line; more are counted on the console */
};

/* Of the consoles. Not with the rest, which so takes no room in the image. */
static enum log_level shown_level = LOG_INFO;

static struct {
    bool writing; /* somebody, perhaps interrupted now, writes to the consoles */
    bool open;    /* the last byte on the consoles did not end a line */
    uint32_t queued_count;
    uint32_t unshown_count;      /* lines that found no room in the queue */
    uint64_t queue[QUEUE_COUNT]; /* positions of lines to write after that, the oldest first */
    uint64_t start; /* of the oldest line; positions run freely, modulo LOG_RING_BYTES in ring */
    uint64_t end;   /* behind the newest line */
    char ring[LOG_RING_BYTES];
} logs;

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
    } else {
        logs.unshown_count++;
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

/* The next line that waits, or how many could not wait. False: nothing does. Interrupts are off. */
static bool next_line(char *line, size_t *len)
{
    if (logs.queued_count > 0) {
        *len = copy_line(line, logs.queue[0]);
        logs.queued_count--;
        memmove(logs.queue, logs.queue + 1, sizeof(logs.queue[0]) * logs.queued_count);
        return true;
    }
    if (logs.unshown_count > 0) {
        int answer = snprintf(line, LOG_LINE_MAX + 1, "log: %u more lines by interrupts\n",
                              (unsigned int)logs.unshown_count);
        *len = written(answer, LOG_LINE_MAX);
        logs.unshown_count = 0;
        return true;
    }
    return false;
}

/*
 * Takes the oldest queued line. False: there is none, or it is not the caller's turn any more, and
 * the consoles are free for anybody: what is left then waits for the next to write.
 */
static bool take_queued(char *line, size_t *len, uint32_t turn)
{
    uint64_t saved = platform_irq_save();
    bool found = turn <= QUEUE_COUNT && next_line(line, len);
    logs.writing = found;
    platform_irq_restore(saved);
    return found;
}

/* A line of the log begins where a line begins, whatever an application has written. */
static void put_line(const char *line, size_t len)
{
    if (logs.open) {
        platform_console_write("\n", 1);
        logs.open = false;
    }
    platform_console_write(line, len);
}

/* What interrupts have logged since the caller took the gate; then the gate is free. */
static void drain_and_leave(void)
{
    char line[LOG_LINE_MAX + 2];
    size_t len = 0;
    for (uint32_t turn = 0; take_queued(line, &len, turn); turn++) {
        put_line(line, len);
    }
}

void log_write_v(enum log_level level, const char *fmt, va_list ap)
{
    char line[LOG_LINE_MAX + 2];
    size_t len = format_line(line, fmt, ap);
    assert(len <= LOG_LINE_MAX + 1);
    uint64_t saved = platform_irq_save();
    uint64_t position = logs.end;
    ring_append(line, len);
    bool wanted = level <= shown_level;
    bool write = wanted && !logs.writing;
    if (write) {
        logs.writing = true;
    } else if (wanted) {
        queue_line(position);
    }
    platform_irq_restore(saved);
    if (write) {
        put_line(line, len);
        drain_and_leave();
    }
}

/* Up to the end of the last line that ends within a piece; what has no end in it is cut. */
static size_t piece_len(const char *text, size_t len)
{
    size_t piece = min_size(len, LOG_LINE_MAX);
    for (size_t i = piece; i > 0; i--) {
        if (text[i - 1] == '\n') {
            return i;
        }
    }
    return piece;
}

void log_console_write(const char *text, size_t len)
{
    assert(text != NULL || len == 0);
    while (len > 0) {
        size_t piece = piece_len(text, len);
        assert(!logs.writing); /* only an interrupt could find it so */
        logs.writing = true;
        platform_console_write(text, piece);
        logs.open = text[piece - 1] != '\n';
        drain_and_leave();
        text += piece;
        len -= piece;
    }
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
    shown_level = console_level;
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
