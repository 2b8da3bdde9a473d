/*
 * Runs of segments that came at once (net/gro/gro.h): which ones TCP takes as one. The others are
 * taken apart, and each segment arrives as it did.
 */
#include "net/tcp/fast.h"
#include "net/tcp/root.h"

/*
 * The first segment's ACK, window and timestamps are the others', too, and say nothing new in them:
 * what is left of each is its data. SND.WL1 is the first one's number then: what comes with one
 * behind that and not behind the last is of these segments, again.
 */
static bool goes_whole(struct tcp_cb *t, const struct tcp_segment *seg, uint32_t segments)
{
    if (!tcp_run_goes_whole(t) || tcp_fast_judge(t, seg) != TCP_FAST_TAKES ||
        !tcp_recv_has_room_for(t, seg->pkt->pool, segments)) {
        return false;
    }
    tcp_run_came(t, segments - 1);
    t->net->counters.tcp_rx_segments += segments - 1;
    t->net->counters.tcp_fast_hits += segments - 1;
    return true;
}

/*
 * A run of segments (net/gro/gro.h), whose checksums have been looked at. If it is the very next
 * data of an undisturbed connection it goes on as one. Otherwise p is made the first segment alone
 * again, and the others are left to who has put them together.
 */
void tcp_run_cut(struct net *n, struct pkt *p, const struct ipv4_header *h)
{
    struct tcp_segment seg = {.pkt = p, .id = {.laddr = h->dst, .raddr = h->src}};
    size_t header_bytes = 0;
    bool options_ok = true;
    enum tcp_bad bad = tcp_decode(&seg, p->data, pkt_len(p), &header_bytes, &options_ok);
    assert(bad == TCP_GOOD && options_ok && (p->rx_flags & PKT_RX_CSUM_GOOD) != 0);
    struct tcp_node *node = tcp_lookup(n, &seg.id);
    if (node != NULL && node->kind == TCP_NODE_CB) {
        struct tcp_cb *t = container_of(node, struct tcp_cb, node);
        seg.len = (uint32_t)(pkt_total(p) - header_bytes);
        seg.wnd = (uint32_t)seg.window << t->snd.wscale;
        if (goes_whole(t, &seg, pkt_buffers(p))) {
            return;
        }
    }
    n->run_rest = p->frag;
    p->frag = NULL;
}
