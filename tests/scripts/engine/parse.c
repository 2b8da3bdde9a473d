/*
 * Packet scripts: a file to a struct ps_script, line by line. See tests/scripts/README.md for the
 * language and lex.h for the parts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scripts/engine/lex.h"

static const struct {
    const char *name;
    int64_t min, max;
} config_items[PS_CONFIG_COUNT] = {
    [PS_CONFIG_MTU] = {"mtu", 576, 1500},
    [PS_CONFIG_RCVBUF] = {"rcvbuf", 2048, 4194304},
    [PS_CONFIG_SNDBUF] = {"sndbuf", 2048, 4194304},
    [PS_CONFIG_IW] = {"iw", 1, 64},
    [PS_CONFIG_MSL] = {"msl_ms", 1, 120000},
    [PS_CONFIG_CONNECTIONS] = {"connections", 1, 4096},
    [PS_CONFIG_HALF_OPEN] = {"half_open", 1, 4096},
    [PS_CONFIG_TIME_WAIT] = {"time_wait", 1, 4096},
    [PS_CONFIG_ISS] = {"iss", 0, UINT32_MAX},
    [PS_CONFIG_IRS] = {"irs", 0, UINT32_MAX},
    [PS_CONFIG_ECN] = {"ecn", 0, 1},
};

/* config off NAME ... */
static bool parse_off(struct ps_lexer *x)
{
    static const char *const names[] = {
        [PS_OFF_TIMESTAMPS] = "timestamps",
        [PS_OFF_SACK] = "sack",
        [PS_OFF_WSCALE] = "wscale",
        [PS_OFF_RACK] = "rack",
        [PS_OFF_TLP] = "tlp",
        [PS_OFF_FRTO] = "frto",
        [PS_OFF_COOKIES] = "cookies",
        [PS_OFF_PMTUD] = "pmtud",
        [PS_OFF_TUNING] = "tuning",
    };
    do {
        size_t i = 0;
        while (i < ARRAY_SIZE(names) && !ps_take(x, names[i])) {
            i++;
        }
        if (i == ARRAY_SIZE(names)) {
            return ps_error(x,
                            "config off '%s'; allowed are timestamps sack wscale rack tlp frto "
                            "cookies pmtud tuning",
                            ps_peek(x)->text);
        }
        x->script->off |= 1u << i;
    } while (!ps_at_end(x));
    return true;
}

static bool parse_congestion(struct ps_lexer *x)
{
    return ps_read_name(x, "congestion", x->script->congestion);
}

static bool parse_config(struct ps_lexer *x)
{
    char known[PS_TEXT_MAX / 2] = " off congestion";
    if (ps_take(x, "off")) {
        return parse_off(x);
    }
    if (ps_take(x, "congestion")) {
        return parse_congestion(x);
    }
    for (size_t i = 0; i < PS_CONFIG_COUNT; i++) {
        if (ps_take(x, config_items[i].name)) {
            return ps_read_int(x, config_items[i].name, config_items[i].min, config_items[i].max,
                               &x->script->config[i]);
        }
        snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s", config_items[i].name);
    }
    return ps_error(x, "config '%s'; allowed are%s", ps_peek(x)->text, known);
}

/* conn NAME [peer A.B.C.D[:PORT]] [local PORT] */
static bool parse_conn(struct ps_lexer *x)
{
    struct ps_script *s = x->script;
    int64_t address = PS_PEER_ADDRESS;
    int64_t peer_port = PS_PEER_PORT + (int64_t)s->conn_count;
    int64_t port = PS_OUR_PORT;
    if (s->conn_count == PS_CONNS_MAX) {
        return ps_error(x, "more than %d connections", PS_CONNS_MAX);
    }
    struct ps_conn *c = &s->conns[s->conn_count];
    if (!ps_read_name(x, "connection", c->name)) {
        return false;
    }
    if (ps_take(x, "peer") && !ps_read_address(x, &address, &peer_port)) {
        return false;
    }
    if (ps_take(x, "local") && !ps_read_int(x, "port", 0, 65535, &port)) {
        return false;
    }
    c->peer = (uint32_t)address;
    c->rport = (uint16_t)peer_port;
    c->lport = (uint16_t)port;
    s->conn_count++;
    return true;
}

/* +40ms  +0..40ms  @1s  +200ms~20ms */
static bool parse_time(struct ps_lexer *x, struct ps_time *t)
{
    *t = (struct ps_time){.tolerance_ns = -1};
    const struct ps_token *token = ps_peek(x);
    if (token->kind != PS_TOKEN_WORD || (token->text[0] != '+' && token->text[0] != '@')) {
        return true;
    }
    ps_next(x);
    t->absolute = token->text[0] == '@';
    const char *from = token->text + 1;
    const char *tilde = strchr(from, '~');
    const char *end = tilde != NULL ? tilde : token->text + token->len;
    const char *dots = strstr(from, "..");
    uint64_t tolerance_ns = 0;
    if (tilde != NULL) {
        if (!ps_read_duration(x, tilde + 1, strlen(tilde + 1), &tolerance_ns)) {
            return false;
        }
        t->tolerance_ns = (int64_t)tolerance_ns;
    }
    if (!ps_read_duration(x, from, (size_t)((dots != NULL ? dots : end) - from), &t->ns)) {
        return false;
    }
    t->until_ns = t->ns;
    if (dots != NULL && !ps_read_duration(x, dots + 2, (size_t)(end - dots - 2), &t->until_ns)) {
        return false;
    }
    return t->until_ns >= t->ns || ps_error(x, "a range of time that ends before it begins");
}

static struct ps_event *add_event(struct ps_lexer *x)
{
    struct ps_script *s = x->script;
    if (is_power_of_two(s->event_count) || s->event_count == 0) {
        size_t room = s->event_count == 0 ? 1 : s->event_count * 2;
        s->events = realloc(s->events, room * sizeof(*s->events));
        assert(s->events != NULL);
    }
    struct ps_event *e = &s->events[s->event_count++];
    memset(e, 0, sizeof(*e));
    e->line = x->line;
    return e;
}

static bool parse_count(struct ps_lexer *x, struct ps_event *e)
{
    const struct ps_token *t = ps_next(x);
    e->kind = PS_EVENT_COUNT;
    if (t->kind != PS_TOKEN_WORD || t->len >= sizeof(e->counter)) {
        return ps_error(x, "count: a counter's name is wanted (net/counters*.h)");
    }
    memcpy(e->counter, t->text, t->len + 1);
    e->at_least = ps_take(x, ">");
    if (!ps_take(x, "=")) {
        return ps_error(x, "count NAME = N, or count NAME >= N");
    }
    return ps_read_int(x, e->counter, 0, INT64_MAX, &e->count);
}

static bool parse_action(struct ps_lexer *x, struct ps_event *e)
{
    const struct ps_token *t = ps_peek(x);
    if (ps_take(x, "<")) {
        e->kind = PS_EVENT_IN;
        return ps_parse_packet(x, &e->packet, false);
    }
    if (ps_take(x, ">")) {
        e->kind = PS_EVENT_OUT;
        return ps_parse_packet(x, &e->packet, true);
    }
    if (ps_take(x, "count")) {
        return parse_count(x, e);
    }
    if (ps_take(x, "nothing") || ps_take(x, "ignore")) {
        e->kind = t->text[0] == 'n' ? PS_EVENT_NOTHING : PS_EVENT_IGNORE;
        return true;
    }
    if (t->kind == PS_TOKEN_WORD && ps_is_verb(t->text)) {
        e->kind = PS_EVENT_CALL;
        return ps_parse_call(x, &e->call);
    }
    return ps_error(x,
                    "'%s'; allowed are < > count nothing ignore, the calls (socket bind listen "
                    "accept connect send recv shutdown close setopt getopt ready state) and "
                    "listening, established, connected",
                    t->text);
}

static bool parse_line(struct ps_lexer *x, const char *text, bool nested);

static bool parse_text(struct ps_lexer *x, const char *fmt, ...) printf_like(2, 3);

/* A line that a shorthand stands for. */
static bool parse_text(struct ps_lexer *x, const char *fmt, ...)
{
    char text[PS_LINE_MAX / 2];
    struct ps_lexer *inner = malloc(sizeof(*inner));
    assert(inner != NULL);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    inner->script = x->script;
    inner->line = x->line;
    bool good = parse_line(inner, text, true);
    free(inner);
    return good;
}

/* What a shorthand may be told: [conn X] [win N] <options>. */
struct shorthand {
    char name[PS_NAME_BYTES];
    char conn[PS_NAME_BYTES];
    int64_t win, port, backlog;
    char options[PS_TEXT_MAX];
    bool ts;
};

/* The words of an option list again as text. */
static bool copy_options(struct ps_lexer *x, struct shorthand *h)
{
    size_t at = 0;
    h->options[0] = '\0';
    while (!ps_take(x, ">")) {
        const struct ps_token *t = ps_next(x);
        if (t->kind == PS_TOKEN_END || at + t->len + 2 >= sizeof(h->options)) {
            return ps_error(x, "options: > is wanted");
        }
        h->ts = h->ts || strcmp(t->text, "ts") == 0;
        at += (size_t)snprintf(h->options + at, sizeof(h->options) - at, "%s ", t->text);
    }
    return true;
}

static bool read_shorthand(struct ps_lexer *x, struct shorthand *h, int conn)
{
    *h = (struct shorthand){.win = 65535, .port = PS_OUR_PORT, .backlog = 8, .options = "mss 1460"};
    memcpy(h->conn, x->script->conns[conn].name, PS_NAME_BYTES);
    bool good = ps_read_name(x, "socket", h->name);
    while (good && !ps_at_end(x)) {
        if (ps_take(x, "conn")) {
            good = ps_read_name(x, "connection", h->conn);
        } else if (ps_take(x, "win")) {
            good = ps_read_int(x, "win", 0, 65535, &h->win);
        } else if (ps_take(x, "port")) {
            good = ps_read_int(x, "port", 1, 65535, &h->port);
        } else if (ps_take(x, "backlog")) {
            good = ps_read_int(x, "backlog", 0, 4096, &h->backlog);
        } else if (ps_take(x, "<")) {
            good = copy_options(x, h);
        } else {
            good = ps_error(x, "'%s'; allowed are conn NAME, win N, port N, backlog N, <options>",
                            ps_peek(x)->text);
        }
    }
    return good;
}

static bool expand_listening(struct ps_lexer *x)
{
    struct shorthand h;
    return read_shorthand(x, &h, PS_CONN_IN) && parse_text(x, "socket %s", h.name) &&
           parse_text(x, "bind %s %d", h.name, (int)h.port) &&
           parse_text(x, "listen %s %d", h.name, (int)h.backlog);
}

/* A passive open, accepted; makes the listener L unless the script has one. */
static bool expand_established(struct ps_lexer *x)
{
    struct shorthand h;
    bool have = false;
    for (size_t i = 0; i < x->script->sock_count; i++) {
        have = have || strcmp(x->script->sock_names[i], "L") == 0;
    }
    return read_shorthand(x, &h, PS_CONN_IN) && (have || parse_text(x, "listening L")) &&
           parse_text(x, "< [%s] S seq 0 win %d <%s>", h.conn, (int)h.win, h.options) &&
           parse_text(x, "> [%s] S. seq 0 ack 1 <...>", h.conn) &&
           parse_text(x, "< [%s] . seq 1 ack 1 win %d %s", h.conn, (int)h.win,
                      h.ts ? "<nop, nop, ts 0 ecr 0>" : "") &&
           parse_text(x, "accept L %s", h.name);
}

/* An active open to conn's peer. */
static bool expand_connected(struct ps_lexer *x)
{
    struct shorthand h;
    if (!read_shorthand(x, &h, PS_CONN_OUT)) {
        return false;
    }
    int conn = ps_conn_named(x, h.conn);
    if (conn < 0) {
        return false;
    }
    return parse_text(x, "socket %s", h.name) &&
           parse_text(x, "connect %s conn %s = EINPROGRESS", h.name, h.conn) &&
           parse_text(x, "> [%s] S seq 0 <...>", h.conn) &&
           parse_text(x, "< [%s] S. seq 0 ack 1 win %d <%s>", h.conn, (int)h.win, h.options) &&
           parse_text(x, "> [%s] . seq 1 ack 1 <...>", h.conn);
}

static bool parse_event(struct ps_lexer *x, enum ps_where where)
{
    struct ps_time time;
    if (!parse_time(x, &time)) {
        return false;
    }
    size_t first = x->script->event_count;
    bool good;
    if (ps_take(x, "listening")) {
        good = expand_listening(x);
    } else if (ps_take(x, "established")) {
        good = expand_established(x);
    } else if (ps_take(x, "connected")) {
        good = expand_connected(x);
    } else {
        good = parse_action(x, add_event(x));
    }
    if (!good) {
        return false;
    }
    x->script->events[first].time = time;
    for (size_t i = first; i < x->script->event_count; i++) {
        x->script->events[i].where = where;
    }
    return ps_at_end(x) ||
           ps_error(x, "'%s' behind the end of the line's meaning", ps_peek(x)->text);
}

static bool parse_line(struct ps_lexer *x, const char *text, bool nested)
{
    if (!ps_lex(x, text)) {
        return false;
    }
    if (ps_at_end(x)) {
        return true;
    }
    if (!nested && (ps_is_mark(x, "<") == false)) {
        bool conn = ps_take(x, "conn");
        if (conn || ps_take(x, "config")) {
            bool good = conn ? parse_conn(x) : parse_config(x);
            return good && (ps_at_end(x) || ps_error(x, "'%s' is too much", ps_peek(x)->text));
        }
    }
    enum ps_where where = ps_take(x, "ours:")    ? PS_OURS
                          : ps_take(x, "linux:") ? PS_LINUX
                                                 : PS_EVERYWHERE;
    return parse_event(x, where);
}

/* The lines that are text: "only-ours: ...", "differs-on-linux: ...", and the first comment. */
static bool take_prose(struct ps_script *s, char *line)
{
    static const char only[] = "only-ours:";
    static const char differs[] = "differs-on-linux:";
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '#' && s->title[0] == '\0') {
        snprintf(s->title, sizeof(s->title), "%.200s", line + 1 + (line[1] == ' '));
        return true;
    }
    if (strncmp(line, only, sizeof(only) - 1) == 0) {
        snprintf(s->only_ours, sizeof(s->only_ours), "%.400s", line + sizeof(only) - 1);
        return true;
    }
    if (strncmp(line, differs, sizeof(differs) - 1) == 0) {
        snprintf(s->differs_on_linux, sizeof(s->differs_on_linux), "%.400s",
                 line + sizeof(differs) - 1);
        return true;
    }
    return false;
}

static void script_init(struct ps_script *s, const char *path)
{
    memset(s, 0, sizeof(*s));
    s->path = path;
    for (size_t i = 0; i < PS_CONFIG_COUNT; i++) {
        s->config[i] = -1;
    }
    s->conns[PS_CONN_IN] = (struct ps_conn){"1", PS_PEER_ADDRESS, PS_OUR_PORT, PS_PEER_PORT};
    s->conns[PS_CONN_OUT] = (struct ps_conn){"out", PS_PEER_ADDRESS, 0, PS_SERVER_PORT};
    s->conn_count = 2;
}

bool ps_script_read(struct ps_script *s, const char *path)
{
    char line[PS_LINE_MAX];
    script_init(s, path);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        snprintf(s->error, sizeof(s->error), "%.200s: %s", path, strerror(errno));
        return false;
    }
    struct ps_lexer *x = calloc(1, sizeof(*x));
    assert(x != NULL);
    x->script = s;
    bool good = true;
    while (good && fgets(line, sizeof(line), f) != NULL) {
        x->line++;
        good = take_prose(s, line) || parse_line(x, line, false);
    }
    if (good && s->event_count == 0) {
        good = ps_error(x, "a script without an event");
    }
    if (good && s->title[0] == '\0') {
        good = ps_error(x, "a script without a comment that says what it shows");
    }
    free(x);
    fclose(f);
    return good;
}

void ps_script_free(struct ps_script *s)
{
    for (size_t i = 0; i < s->event_count; i++) {
        free(s->events[i].packet.data);
        free(s->events[i].call.data);
        free(s->events[i].call.want_data);
    }
    free(s->events);
}
