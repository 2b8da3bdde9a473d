/*
 * The thresholds follow from what a wire of 1 Gb/s brings in one interval: at 14 us a frame of 1514
 * bytes, or 20 of 60; at 50 us four, or 74; at 125 us ten, or 186. QEMU allows no interval below
 * 128 us in its e1000 and e1000e, whatever is written.
 */
#include "drivers/e1000/moderation.h"

struct bounds {
    uint32_t interval_256ns;
    uint64_t rise_frames, rise_bytes; /* as many of either: the next class */
    uint64_t fall_frames, fall_bytes; /* fewer of both: the class in front */
};

static const struct bounds classes[E1000_PACE_COUNT] = {
    [E1000_PACE_LOWEST] = {56, 12, 1000, 0, 0},                 /* 70 000 a second */
    [E1000_PACE_LOW] = {196, 48, 5000, 3, 700},                 /* 20 000 */
    [E1000_PACE_BULK] = {488, UINT64_MAX, UINT64_MAX, 24, 3000} /* 8 000 */
};

uint32_t e1000_pace_interval(enum e1000_pace_class class)
{
    assert(class < E1000_PACE_COUNT);
    return classes[class].interval_256ns;
}

/* 1: more of it, -1: less, 0: as it is. */
static int8_t vote(const struct bounds *b, uint64_t frames, uint64_t bytes)
{
    if (frames >= b->rise_frames || bytes >= b->rise_bytes) {
        return 1;
    }
    return frames < b->fall_frames && bytes < b->fall_bytes ? -1 : 0;
}

struct e1000_pace e1000_pace_next(struct e1000_pace pace, uint64_t frames, uint64_t bytes)
{
    int8_t v = vote(&classes[pace.class], frames, bytes);
    if (v == 0 || (v > 0) != (pace.votes > 0)) {
        pace.votes = v;
    } else {
        pace.votes = (int8_t)(pace.votes + v);
    }
    if (pace.votes >= E1000_PACE_VOTES || pace.votes <= -E1000_PACE_VOTES) {
        pace.class = (enum e1000_pace_class)((int)pace.class + v);
        pace.votes = 0;
    }
    assert(pace.class < E1000_PACE_COUNT);
    return pace;
}
