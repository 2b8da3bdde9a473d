/*
 * The framebuffer console: the screen of a machine that is in no text mode, as UEFI leaves it.
 */
#ifndef ARCH_X86_64_CONSOLE_FRAMEBUFFER_H
#define ARCH_X86_64_CONSOLE_FRAMEBUFFER_H

#include "boot/info/info.h"
#include "kernel/base.h"

/*
 * NULL: the console is there, and keeps what is written until it can be shown. Else why it cannot
 * be used, in words. Start-up, before paging.
 */
const char *framebuffer_init(const struct boot_framebuffer *fb);

/*
 * Maps the pixels and shows what was written until now. Else what paging_map_wc() said: there is no
 * such console any more. Start-up, when platform_arena() can be asked.
 */
enum status framebuffer_map(void) must_check;

/*
 * For a report that may be the last: shows what is written even if framebuffer_map() was not
 * reached, where all page tables there are have the pixels. Slow then. Any context.
 */
void framebuffer_reach(void);

/* Characters in a row, and rows. */
uint32_t framebuffer_columns(void);
uint32_t framebuffer_rows(void);

/* Any context; only after framebuffer_init() accepted. Bounded: draws each cell once at most. */
void framebuffer_write(const char *text, size_t len);

#endif
