/*
 * F-RTO and undo: was a timeout or a fast retransmit for nothing? Signs that what was thought lost
 * had only been late are an ACK with an echo older than what was sent again (Eifel, RFC 3522), ACKs
 * of data that was not sent again after a timeout (F-RTO, RFC 5682), and duplicates reported for
 * all that was (RFC 3708). Then the reduction is undone (RFC 4015 and tcp_cc_undo), and what was
 * marked lost is not.
 */
#include "net/tcp/cc/cc.h"
#include "net/tcp/loss/int.h"

enum {
    FRTO_SEGMENTS = 3, /* RFC 5682 2.1 step 3a */
};

/* A reduction was made: from here on its grounds are watched. */
void tcp_undo_begin(struct tcp_cb *t)
{
    t->loss.undo_open = true;
    t->undo = (struct tcp_undo){.una = t->snd.una, .end = t->snd.nxt};
}

/* Something of the episode went again. */
void tcp_undo_resent(struct tcp_cb *t, uint32_t bytes)
{
    struct tcp_undo *u = &t->undo;
    if (!u->resent_any) {
        u->resent_any = true;
        u->ts_ms = tcp_ts_at(t->net->now_ns, t->ts.offset);
    }
    u->resent += bytes;
}

/* RFC 5682 2.1 step 1: only for a timeout that interrupts no other repair. */
void tcp_frto_begin(struct tcp_cb *t)
{
    bool may = t->loss.timeouts == 0 && t->cc.recovery == TCP_RECOVERY_NONE &&
               !(t->net->cfg.tcp_off & NET_TCP_OFF_FRTO);
    t->loss.frto = may ? TCP_FRTO_FIRST : TCP_FRTO_OFF;
}

/* RFC 3522 3.2 step 4: the first ACK that moves SND.UNA decides, whichever way. */
static bool echo_is_older(struct tcp_cb *t, const struct tcp_delivery *d)
{
    struct tcp_undo *u = &t->undo;
    if (!u->resent_any || u->decided || !d->advanced || t->cc.recovery == TCP_RECOVERY_NONE) {
        return false;
    }
    u->decided = true;
    return d->has_echo && d->ts_ecr != 0 && seq_lt(d->ts_ecr, u->ts_ms);
}

/* RFC 3708 2: all that was sent again was reported to have come twice. */
static bool all_came_twice(struct tcp_cb *t, const struct tcp_delivery *d)
{
    struct tcp_undo *u = &t->undo;
    const struct tcp_range *r = &d->duplicate_range;
    if (!t->loss.undo_open || !d->dsack || u->resent == 0 || !seq_ge(r->first, u->una) ||
        !seq_le(r->end, u->end)) {
        return false;
    }
    u->resent -= min_u32(u->resent, r->end - r->first);
    return u->resent == 0;
}

static bool may_send_new(const struct tcp_cb *t)
{
    uint32_t room = seq_ahead(t->snd.nxt, t->snd.una + t->snd.wnd);
    return t->snd.queue.unsent != NULL && room >= t->snd.mss;
}

/*
 * RFC 5682 2.1 and 3.1 steps 2 and 3. The first ACK after the timeout must move SND.UNA, and not
 * over everything: then new data goes instead of old. When the next one tells that data arrived
 * which was not sent again, the timeout was spurious.
 */
static bool frto(struct tcp_cb *t, const struct tcp_delivery *d)
{
    if (t->cc.recovery != TCP_RECOVERY_LOSS || t->loss.frto == TCP_FRTO_OFF) {
        return false;
    }
    bool second = t->loss.frto == TCP_FRTO_SECOND;
    bool go_on = !second && d->advanced && seq_lt(t->snd.una, t->loss.recover) && may_send_new(t);
    bool spurious = second && d->original && (t->sack_on || d->advanced);
    t->loss.frto = go_on ? TCP_FRTO_SECOND : TCP_FRTO_OFF;
    if (second && !spurious) {
        /* step 3a: on by slow start */
        tcp_cc_repair_window(t, FRTO_SEGMENTS * (uint32_t)t->snd.mss);
    }
    return spurious;
}

/* RFC 4015 3.2, 3.3: as if it had not been; but no burst. */
static void restore(struct tcp_cb *t)
{
    bool timeout = t->cc.recovery == TCP_RECOVERY_LOSS;
    if (timeout) {
        NET_COUNT(t->net, tcp_spurious_timeouts);
    } else {
        NET_COUNT(t->net, tcp_spurious_recoveries);
    }
    t->loss.undo_open = false;
    if (t->cc.recovery != TCP_RECOVERY_NONE) {
        tcp_unmark_lost(t);
        t->loss.recover = t->snd.una - 1;
    }
    tcp_cc_repair(t, TCP_RECOVERY_NONE);
    t->loss.frto = TCP_FRTO_OFF;
    t->loss.force_rtx = false;
    t->loss.dupacks = 0;
    tcp_cc_undo(t);
    tcp_cc_bound_burst(t, tcp_pipe(t));
}

/* Looks at an acceptable ACK that told something, while a reduction may still be undone. */
void tcp_undo_check(struct tcp_cb *t, const struct tcp_delivery *d)
{
    assert(t->loss.undo_open);
    /* After the repair a DSACK may still come for a while; then the numbers mean something else. */
    if (t->cc.recovery == TCP_RECOVERY_NONE && seq_gt(t->snd.una - t->undo.end, 0) &&
        t->snd.una - t->undo.end > t->snd.max_wnd) {
        t->loss.undo_open = false;
        return;
    }
    bool older = echo_is_older(t, d);
    bool twice = all_came_twice(t, d);
    bool late = frto(t, d);
    if (older || twice || late) {
        restore(t);
    }
}
