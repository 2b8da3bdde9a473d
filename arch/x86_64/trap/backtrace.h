/*
 * Addresses as function names. The call chain itself is platform_backtrace() of kernel/platform.h:
 * that of the exception being reported, if there is one, else of its caller. Any context.
 */
#ifndef ARCH_X86_64_TRAP_BACKTRACE_H
#define ARCH_X86_64_TRAP_BACKTRACE_H

#include "kernel/base.h"

struct trap_frame;

/* The exception that is being reported: platform_backtrace() starts there from now on. */
void backtrace_start_at(const struct trap_frame *fault);

/* "0x0000000000101234 tcp_input+0x20", no new line. */
void backtrace_print_address(uint64_t address);

/* The function that address lies in and how far behind its start. NULL when unknown. */
const char *symbol_find(uint64_t address, uint64_t *offset);

#endif
