/*
 * A packet script after it was read: configuration, connections, and one event a line. The language
 * is described in tests/scripts/README.md. All sequence numbers, timestamps and times in here are
 * as written, that is relative; the player (play.c) makes them absolute for each run.
 */
#ifndef TESTS_SCRIPTS_ENGINE_SCRIPT_H
#define TESTS_SCRIPTS_ENGINE_SCRIPT_H

#include "kernel/base.h"

enum {
    PS_NAMES_MAX = 32, /* sockets of a script */
    PS_NAME_BYTES = 24,
    PS_CONNS_MAX = 16,
    PS_CONN_IN = 0,  /* always there: "1", from the usual peer to our port 80 */
    PS_CONN_OUT = 1, /* always there: "out", from a port of the stack's choice to the peer's 443 */
    PS_OPTIONS_MAX = 16,
    PS_SACKS_MAX = 4,
    PS_RAW_MAX = 64,
    PS_TEXT_MAX = 512,
    PS_DATA_MAX = 1 << 20,
    PS_PACKET_MAX = 65535,
};

/* Beside the flags of net/wire/tcp.h: the two of ECN (RFC 3168 6.1). */
enum ps_flag {
    PS_FIN = 1,
    PS_SYN = 2,
    PS_RST = 4,
    PS_PSH = 8,
    PS_ACK = 16,
    PS_URG = 32,
    PS_ECE = 64,
    PS_CWR = 128,
};

/* What `config` lines set; -1 is "not set". */
enum ps_config_item {
    PS_CONFIG_MTU,
    PS_CONFIG_RCVBUF,
    PS_CONFIG_SNDBUF,
    PS_CONFIG_IW,
    PS_CONFIG_MSL,
    PS_CONFIG_CONNECTIONS,
    PS_CONFIG_HALF_OPEN,
    PS_CONFIG_TIME_WAIT,
    PS_CONFIG_ISS,
    PS_CONFIG_IRS,
    PS_CONFIG_ECN,
    PS_CONFIG_COUNT,
};

/* What `config off` leaves out: bit numbers, in the order of enum net_tcp_off (net/net.h). */
enum ps_off {
    PS_OFF_TIMESTAMPS,
    PS_OFF_SACK,
    PS_OFF_WSCALE,
    PS_OFF_RACK,
    PS_OFF_TLP,
    PS_OFF_FRTO,
    PS_OFF_COOKIES,
    PS_OFF_PMTUD,
    PS_OFF_TUNING,
};

enum ps_where {
    PS_EVERYWHERE,
    PS_OURS,
    PS_LINUX,
};

/* Which packets an address or port in a line overrides, and fields compared only when written:
 * -1 is "not written". */
enum ps_option_kind {
    PS_OPT_EOL = 0,
    PS_OPT_NOP = 1,
    PS_OPT_MSS = 2,
    PS_OPT_WSCALE = 3,
    PS_OPT_SACKOK = 4,
    PS_OPT_SACK = 5,
    PS_OPT_TS = 8,
    PS_OPT_RAW = 256,
};

struct ps_option {
    enum ps_option_kind kind;
    int64_t value; /* mss, wscale, TSval; -1: any */
    int64_t ecr;   /* TSecr; -1: any */
    struct {
        int64_t from, to;
    } sacks[PS_SACKS_MAX];
    size_t sack_count;
    uint8_t raw[PS_RAW_MAX];
    size_t raw_len;
};

/* A number that may be absolute (=N), any (*), or relative to a base. */
struct ps_number {
    enum {
        PS_RELATIVE,
        PS_ABSOLUTE,
        PS_ANY,
    } how;
    int64_t value;
};

enum ps_packet_kind {
    PS_PACKET_TCP,
    PS_PACKET_ICMP,
    PS_PACKET_RAW,
};

struct ps_icmp {
    uint8_t type, code;
    int64_t mtu;       /* -1: 0 on the wire, or any */
    bool quotes;       /* a segment of ours is quoted; else the data is the body */
    int64_t quote_len; /* bytes quoted behind the IP header; -1: 8 */
    struct ps_number seq;
};

struct ps_packet {
    enum ps_packet_kind kind;
    int conn;
    bool fresh; /* out: learn the other side's first number again */
    uint8_t flags;
    struct ps_number seq, ack;
    uint32_t raw_seq, raw_ack; /* decoded: as on the wire */
    int64_t win;
    uint8_t *data; /* NULL with len > 0: the pattern of the stream */
    size_t len;
    bool options_any;
    struct ps_option options[PS_OPTIONS_MAX];
    size_t option_count;
    int64_t ttl, tos, ip_id, df, urgent, offset, reserved; /* -1: usual, or any */
    bool bad_checksum, bad_ip_checksum;
    int64_t src, dst, sport, dport; /* -1: the connection's */
    struct ps_icmp icmp;
};

enum ps_verb {
    PS_SOCKET,
    PS_BIND,
    PS_LISTEN,
    PS_ACCEPT,
    PS_CONNECT,
    PS_SEND,
    PS_RECV,
    PS_SHUTDOWN,
    PS_CLOSE,
    PS_SETOPT,
    PS_GETOPT,
    PS_READY,
    PS_STATE,
};

struct ps_call {
    enum ps_verb verb;
    int sock;  /* index of its name */
    int other; /* accept: the new one's */
    int conn;  /* connect: whose addresses and ports */
    int64_t number;
    uint32_t flags;   /* send, recv: enum ps_msg_flag */
    const char *word; /* option, state: from a const table */
    uint8_t *data;    /* send; NULL: pattern */
    size_t len;
    /* The result: ok (0 or a full count), an errno, a number, bytes, or any. */
    enum {
        PS_WANT_OK,
        PS_WANT_ERRNO,
        PS_WANT_NUMBER,
        PS_WANT_BYTES,
        PS_WANT_ANY,
    } want;
    int64_t want_number;
    uint8_t *want_data; /* NULL: pattern */
    size_t want_len;
};

enum ps_msg_flag {
    PS_MSG_PEEK = 1,
    PS_MSG_MORE = 2,
};

/* Bits of `ready`, with the values of poll(2). */
enum ps_ready {
    PS_READY_IN = 1,
    PS_READY_OUT = 4,
    PS_READY_ERR = 8,
    PS_READY_HUP = 16,
    PS_READY_RDHUP = 0x2000,
};

enum ps_event_kind {
    PS_EVENT_IN,
    PS_EVENT_OUT,
    PS_EVENT_CALL,
    PS_EVENT_COUNT,
    PS_EVENT_NOTHING,
    PS_EVENT_IGNORE,
};

struct ps_time {
    bool absolute; /* from the script's start; else from when the last event happened */
    uint64_t ns;
    uint64_t until_ns;    /* of A..B; else equal to ns */
    int64_t tolerance_ns; /* -1: the back-end's */
};

struct ps_event {
    int line;
    enum ps_where where;
    enum ps_event_kind kind;
    struct ps_time time;
    struct ps_packet packet;
    struct ps_call call;
    char counter[64];
    int64_t count;
    bool at_least;
};

struct ps_conn {
    char name[PS_NAME_BYTES];
    uint32_t peer;  /* address */
    uint16_t lport; /* 0: chosen by the stack, learnt from its SYN */
    uint16_t rport;
};

struct ps_script {
    const char *path;
    char title[PS_TEXT_MAX]; /* the first comment line */
    char only_ours[PS_TEXT_MAX];
    char differs_on_linux[PS_TEXT_MAX];
    int64_t config[PS_CONFIG_COUNT];
    uint32_t off;                   /* bits of enum ps_off */
    char congestion[PS_NAME_BYTES]; /* empty: the default */
    char sock_names[PS_NAMES_MAX][PS_NAME_BYTES];
    size_t sock_count;
    struct ps_conn conns[PS_CONNS_MAX];
    size_t conn_count;
    struct ps_event *events;
    size_t event_count;
    char error[PS_TEXT_MAX]; /* file:line: what is wrong; allowed is ... */
};

/* Addresses: ours, and the usual peer's. Both are given to every back-end. */
#define PS_OUR_ADDRESS  0x0a000001u /* 10.0.0.1 */
#define PS_PEER_ADDRESS 0x0a000002u /* 10.0.0.2 */
enum {
    PS_OUR_PORT = 80,
    PS_PEER_PORT = 4000,
    PS_SERVER_PORT = 443, /* of a peer that we connect to */
};

/* Reads path; false with s->error set. ps_script_free must follow in either case. */
bool ps_script_read(struct ps_script *s, const char *path);
void ps_script_free(struct ps_script *s);

/* The bytes of a stream where no text is given: a function of the relative sequence number. */
static inline uint8_t ps_pattern(uint32_t seq)
{
    return (uint8_t)(seq * 7 + (seq >> 8) * 13 + 5);
}

/* tables.c: names and what they stand for. NULL or -1: unknown. */
int ps_errno_of(const char *name); /* -1: unknown */
const char *ps_errno_name(int err);
const char *ps_option_word(const char *name);
const char *ps_state_word(const char *name);
const char *ps_option_words(void); /* all of them, for messages */

#endif
