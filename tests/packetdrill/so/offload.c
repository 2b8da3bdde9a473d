/*
 * Packets larger than a link carries: to Linux a network card with receive offload hands them as
 * one. Here such a packet goes in as the segments that it stands for, and of the bare ACKs they
 * bring only the last comes out, for one packet would have brought one.
 */
#include "tests/packetdrill/so/adapter.h"

#include <string.h>

#include "kernel/bytes.h"
#include "net/wire/csum.h"

enum {
    IP_MIN_BYTES = 20,
    TCP_MIN_BYTES = 20,
    SEGMENT_BYTES = 1000, /* the MSS of most scripts */
    FLAGS_AT = 13,
    FLAG_FIN = 1,
    FLAG_PSH = 8,
    FLAG_ACK = 16,
    PROTO_TCP = 6,
};

/* Where text begins; 0: not a TCP segment. */
static size_t text_at(const uint8_t *ip, size_t len)
{
    size_t ip_bytes = len >= IP_MIN_BYTES ? (size_t)(ip[0] & 15) * 4 : 0;
    if (ip_bytes < IP_MIN_BYTES || ip[9] != PROTO_TCP || len < ip_bytes + TCP_MIN_BYTES) {
        return 0;
    }
    size_t at = ip_bytes + (size_t)(ip[ip_bytes + 12] >> 4) * 4;
    return at <= len ? at : 0;
}

bool pd_is_bare_ack(const uint8_t *ip, size_t len)
{
    size_t at = text_at(ip, len);
    return at == len && at > 0 && ip[(size_t)(ip[0] & 15) * 4 + FLAGS_AT] == FLAG_ACK;
}

static bool put(struct pd *pd, const uint8_t *head, size_t head_len, const uint8_t *text,
                size_t len)
{
    struct pkt *p = head_len + len <= PKT_BUF_BYTES ? pkt_alloc(&pd->rx, 0) : NULL;
    if (p != NULL) {
        memcpy(pkt_append(p, head_len), head, head_len);
        memcpy(pkt_append(p, len), text, len);
        net_input_ip(pd->net, p, pd->now_ns);
        pd_settle(pd);
    }
    return p != NULL;
}

/* The segment of len bytes at `from` in the text behind head. */
static bool put_segment(struct pd *pd, const uint8_t *ip, size_t head_len, size_t from, size_t len)
{
    uint8_t head[120];
    size_t ip_bytes = (size_t)(ip[0] & 15) * 4;
    uint8_t *tcp = head + ip_bytes;
    const uint8_t *text = ip + head_len + from;
    uint16_t tcp_bytes = (uint16_t)(head_len - ip_bytes + len);
    bool last = head_len + from + len == load_be16(ip + 2);
    memcpy(head, ip, head_len);
    store_be16(head + 2, (uint16_t)(head_len + len));
    store_be16(head + 10, 0);
    store_be16(head + 10, csum_finish(csum_add(0, head, ip_bytes)));
    store_be32(tcp + 4, load_be32(tcp + 4) + (uint32_t)from);
    tcp[FLAGS_AT] &= (uint8_t) ~(last ? 0 : FLAG_FIN | FLAG_PSH);
    store_be16(tcp + 16, 0);
    uint32_t sum = csum_pseudo(load_be32(ip + 12), load_be32(ip + 16), PROTO_TCP, tcp_bytes);
    sum = csum_add(csum_add(sum, tcp, head_len - ip_bytes), text, len);
    store_be16(tcp + 16, csum_finish(sum));
    return put(pd, head, head_len, text, len);
}

bool pd_input(struct pd *pd, const uint8_t *ip, size_t len)
{
    size_t head_len = text_at(ip, len);
    if (len <= PD_LINK_BYTES || head_len == 0) {
        return put(pd, ip, len, ip, 0);
    }
    bool good = true;
    pd->merging = true;
    for (size_t from = 0; good && from < len - head_len; from += SEGMENT_BYTES) {
        good = put_segment(pd, ip, head_len, from, min_size(SEGMENT_BYTES, len - head_len - from));
    }
    pd->merging = false;
    if (pd->merged_ack != NULL) {
        pkt_queue_push(&pd->out, pd->merged_ack);
        pd->merged_ack = NULL;
    }
    return good;
}
