/*
 * Walks the chain of frame pointers (the whole image is compiled with them). Every pointer is
 * checked against the page tables before it is followed, must lead upward, and not far.
 * System V ABI for AMD64, section 3.2.2: [rbp] is the caller's rbp, [rbp + 8] the return address.
 */
#include "arch/x86_64/backtrace.h"
#include "arch/x86_64/console.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/trap.h"
#include "kernel/platform.h"

enum {
    BACKTRACE_MAX = 32,
    FRAME_MAX_BYTES = 1024 * 1024, /* a bigger step is no frame but a stray value */
};

struct frame {
    uint64_t rbp;
    uint64_t return_address;
};

void backtrace_print_address(uint64_t address)
{
    uint64_t offset = 0;
    const char *name = symbol_find(address, &offset);
    console_hex(address, 16);
    console_text(" ");
    if (name == NULL) {
        console_text("?");
        return;
    }
    console_text(name);
    console_text("+");
    console_hex(offset, offset > 0xffff ? 8 : 4);
}

static void print_line(uint32_t level, uint64_t address)
{
    console_text(level < 10 ? "  #" : " #");
    console_decimal(level);
    console_text(" ");
    backtrace_print_address(address);
    console_text("\n");
}

/* A return address points behind the call, which may be the next function's start: look at -1. */
static bool is_code(uint64_t return_address)
{
    uint64_t offset;
    return symbol_find(return_address - 1, &offset) != NULL;
}

/* Prints rip as the given level, then the chain that starts at the frame rbp points to. */
static void walk(uint32_t level, uint64_t rip, uint64_t rbp)
{
    print_line(level, rip);
    for (level++; level < BACKTRACE_MAX && rbp != 0; level++) {
        if (rbp % sizeof(uint64_t) != 0 || !paging_is_readable(rbp, sizeof(struct frame))) {
            console_text("  the chain breaks here: no frame at ");
            console_hex(rbp, 16);
            console_text("\n");
            return;
        }
        const struct frame *f = (const struct frame *)(uintptr_t)rbp;
        if (!is_code(f->return_address)) {
            return;
        }
        print_line(level, f->return_address - 1);
        if (f->rbp != 0 && (f->rbp <= rbp || f->rbp - rbp > FRAME_MAX_BYTES)) {
            return;
        }
        rbp = f->rbp;
    }
}

/* Where it went wrong, not where it is being told. */
static void print_fault(const struct trap_frame *f)
{
    uint64_t offset;
    if (symbol_find(f->rip, &offset) == NULL && f->rsp % sizeof(uint64_t) == 0 &&
        paging_is_readable(f->rsp, sizeof(uint64_t))) {
        /* A call through a wild pointer: the return address is all that was pushed yet. */
        uint64_t return_address = *(const uint64_t *)(uintptr_t)f->rsp;
        if (is_code(return_address)) {
            print_line(0, f->rip);
            walk(1, return_address - 1, f->rbp);
            return;
        }
    }
    walk(0, f->rip, f->rbp);
}

void platform_backtrace(void)
{
    const struct trap_frame *fault = trap_reported();
    console_text("backtrace, innermost first:\n");
    if (fault != NULL) {
        print_fault(fault);
        return;
    }
    const struct frame *own = __builtin_frame_address(0);
    walk(0, own->return_address - 1, own->rbp);
}
