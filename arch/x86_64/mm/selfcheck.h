/*
 * What the page tables in use say of memory protection.
 */
#ifndef ARCH_X86_64_MM_SELFCHECK_H
#define ARCH_X86_64_MM_SELFCHECK_H

#include "kernel/base.h"

struct arch_protection {
    bool page_zero_unmapped;
    bool write_xor_execute; /* no page is writable and executable */
    bool text_read_only;    /* the image's code and constants */
    bool stacks_guarded;    /* below the boot stack, and those of interrupts and faults */
};

/* For the self-test. Any context. */
void arch_check_protection(struct arch_protection *out);

#endif
