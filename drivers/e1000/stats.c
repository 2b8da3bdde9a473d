/*
 * The statistics registers, added up in struct nic_stats.
 */
#include "drivers/e1000/internal.h"

/*
 * The registers are 32 bits wide and clear on reading (13.7; in the 82575 and later, too, at the
 * same places): read often enough, then added up.
 */
void e1000_stats_collect(struct e1000 *e)
{
    struct nic_stats *stats = &e->nic.stats;
    stats->hw_crc_errors += e1000_read(e, E1000_CRCERRS);
    stats->rx_errors += e1000_read(e, E1000_RXERRC);
    stats->rx_missed += e1000_read(e, E1000_MPC);
    stats->rx_no_descriptor += e1000_read(e, E1000_RNBC);
    stats->hw_rx_packets += e1000_read(e, E1000_GPRC);
    stats->hw_tx_packets += e1000_read(e, E1000_GPTC);
}

void e1000_stats_discard(const struct e1000 *e)
{
    static const uint16_t counters[] = {E1000_CRCERRS, E1000_RXERRC, E1000_MPC,
                                        E1000_RNBC,    E1000_GPRC,   E1000_GPTC};
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        (void)e1000_read(e, counters[i]);
    }
}

uint64_t e1000_hw_frames(const struct e1000 *e)
{
    return e->nic.stats.hw_rx_packets + e->nic.stats.rx_missed;
}
