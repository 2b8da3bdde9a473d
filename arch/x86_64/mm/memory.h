/*
 * Start-up of memory.c; what it serves is declared in kernel/platform.h, dma.h, mmio.h and arch.h.
 */
#ifndef ARCH_X86_64_MM_MEMORY_H
#define ARCH_X86_64_MM_MEMORY_H

#include "boot/info/info.h"
#include "kernel/base.h"

/*
 * Makes platform_arena() of all usable RAM, by address, up to MEMORY_MAX_BYTES of it, the image and
 * the first MiB kept out; maps what lies above 4 GiB. Everything a loader or firmware left in RAM
 * must have been copied before it is used. RAM that cannot be mapped is left out, and the log says
 * how much. STATUS_NO_MEMORY: there is none below 4 GiB. Start-up, after paging_init.
 */
enum status memory_init(const struct boot_info *info) must_check;

#endif
