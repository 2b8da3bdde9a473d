/*
 * Start-up of what platform_entropy() of kernel/platform.h hands out.
 */
#ifndef ARCH_X86_64_ENTROPY_ENTROPY_H
#define ARCH_X86_64_ENTROPY_ENTROPY_H

/* Tests the processor's generator, gathers timing jitter, and logs which. Start-up, after the
 * clock. */
void entropy_init(void);

#endif
