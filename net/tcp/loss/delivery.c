/*
 * What follows from the news that a packet arrived, by SND.UNA or by a block: it is no longer in
 * the network, F-RTO is told whether it had gone once only, and RACK when it went.
 */
#include "net/tcp/loss/int.h"

void tcp_delivered(struct tcp_cb *t, struct pkt *p, struct tcp_delivery *d)
{
    const struct tcp_tx_note *note = tx_note(p);
    assert(note->sent_count > 0 && !note->sacked);
    tcp_inflight_arrived(t, p);
    d->delivered += note->len;
    /* RFC 5682: sent once, and before the timeout. */
    if (t->cc.recovery == TCP_RECOVERY_LOSS && note->sent_count == 1 &&
        seq_le(note->seq + note->len, t->loss.recover)) {
        d->original = true;
    }
    if (t->sack_on) {
        tcp_rack_delivered(t, note, d);
    }
}
