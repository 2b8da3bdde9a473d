/*
 * Walks the chain of frame pointers (the whole image is compiled with them). Every pointer is
 * checked against the page tables before it is followed, must lead upward, and not far; one step
 * leaves an interrupt's stack for the interrupted one.
 * System V ABI for AMD64, section 3.2.2: [rbp] is the caller's rbp, [rbp + 8] the return address.
 */
#include "arch/x86_64/trap/backtrace.h"
#include "arch/x86_64/console/console.h"
#include "arch/x86_64/console/framebuffer.h"
#include "arch/x86_64/cpu/gdt.h"
#include "arch/x86_64/mm/paging.h"
#include "arch/x86_64/trap/trap.h"
#include "kernel/platform.h"

enum {
    INNER_LINES = 24,
    OUTER_LINES = 8,
    FRAMES_MAX = 100000,           /* a megabyte of the smallest frames and more */
    FRAME_MAX_BYTES = 1024 * 1024, /* a bigger step is no frame but a stray value */
};

struct frame {
    uint64_t rbp;
    uint64_t return_address;
};

static struct {
    const struct trap_frame *fault; /* the exception that is being reported, or NULL */
} start;

void backtrace_start_at(const struct trap_frame *fault)
{
    start.fault = fault;
}

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

static bool is_frame(uint64_t rbp)
{
    return rbp != 0 && rbp % sizeof(uint64_t) == 0 && paging_is_readable(rbp, sizeof(struct frame));
}

/*
 * True of the frame that stubs.S makes for an interrupt: what it points to lies on the interrupted
 * stack, wherever that is.
 */
static bool is_entry_frame(uint64_t rbp)
{
    uint64_t pushed = sizeof(struct trap_frame) + 2 * sizeof(uint64_t); /* and rip, rbp */
    return rbp == gdt_stack_top(IST_INTERRUPT) - pushed;
}

/* The next frame outward: its call's address and where its caller's frame is. False: the end. */
static bool step(uint64_t *rbp, uint64_t *address)
{
    if (!is_frame(*rbp)) {
        return false;
    }
    const struct frame *f = (const struct frame *)(uintptr_t)*rbp;
    if (!is_code(f->return_address)) {
        return false;
    }
    *address = f->return_address - 1;
    /* Stacks grow down: outward is up, but for the step from an interrupt's stack to any other. */
    bool leads_on = (f->rbp > *rbp && f->rbp - *rbp <= FRAME_MAX_BYTES) || is_entry_frame(*rbp);
    *rbp = leads_on ? f->rbp : 0;
    return true;
}

static uint32_t count_frames(uint64_t rbp)
{
    uint64_t address;
    uint32_t count = 0;
    while (count < FRAMES_MAX && step(&rbp, &address)) {
        count++;
    }
    return count;
}

struct listing {
    uint64_t last; /* address of the frame before */
    bool shown;    /* that one has a line, or stands for an equal one that has */
    uint32_t lines;
    uint32_t repeats;  /* frames equal to the last line's, and frames without a line: */
    uint32_t left_out; /* not said yet; at most one of the two is not 0 */
};

static void say_unsaid(struct listing *l)
{
    if (l->repeats > 0) {
        console_text("      ... repeated ");
        console_decimal(l->repeats);
        console_text(l->repeats == 1 ? " time\n" : " times\n");
    } else if (l->left_out > 0) {
        console_text("      ... ");
        console_decimal(l->left_out);
        console_text(l->left_out == 1 ? " frame\n" : " frames\n");
    }
    l->repeats = 0;
    l->left_out = 0;
}

/* outer: how many frames are left, this one included. */
static void list_frame(struct listing *l, uint32_t level, uint64_t address, uint32_t outer)
{
    bool equal = address == l->last;
    bool room = l->lines < INNER_LINES || outer <= OUTER_LINES;
    l->last = address;
    if (equal && l->shown) {
        l->repeats++;
    } else if (!room) {
        if (l->shown) {
            say_unsaid(l);
        }
        l->left_out++;
        l->shown = false;
    } else {
        say_unsaid(l);
        print_line(level, address);
        l->lines++;
        l->shown = true;
    }
}

/*
 * Prints rip as the given level, then the chain that starts at the frame rbp points to: the inner
 * frames and the outermost. Frames equal to the one before, as recursion makes them, share a line.
 */
static void walk(uint32_t level, uint64_t rip, uint64_t rbp)
{
    struct listing list = {.last = rip, .shown = true, .lines = 1};
    uint32_t count = count_frames(rbp);
    uint64_t address;
    print_line(level, rip);
    for (uint32_t i = 0; i < count && step(&rbp, &address); i++) {
        list_frame(&list, level + 1 + i, address, count - i);
    }
    say_unsaid(&list);
    if (rbp != 0 && !is_frame(rbp)) {
        console_text("  the chain breaks here: no frame at ");
        console_hex(rbp, 16);
        console_text("\n");
    }
}

/* Where it went wrong, not where it is being told. */
static void print_fault(const struct trap_frame *f)
{
    uint64_t offset = 0;
    bool known = symbol_find(f->rip, &offset) != NULL;
    if ((!known || offset == 0) && f->rsp % sizeof(uint64_t) == 0 &&
        paging_is_readable(f->rsp, sizeof(uint64_t))) {
        /*
         * A call through a wild pointer, or the function's first instruction: the return address
         * is all that was pushed yet.
         */
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
    framebuffer_reach(); /* a panic may come before the screen is mapped */
    console_text("backtrace, innermost first:\n");
    if (start.fault != NULL) {
        print_fault(start.fault);
        return;
    }
    const struct frame *own = __builtin_frame_address(0);
    walk(0, own->return_address - 1, own->rbp);
}
