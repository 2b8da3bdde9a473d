/*
 * Time as drivers see it.
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "kernel/base.h"

uint64_t time_now_ns(void);
void time_delay_us(uint32_t us); /* spins; start-up only; at most 100 000 */

#endif
