/*
 * The framebuffer console on this machine: where the pixels are and when they can be reached. The
 * text is fb_text.c's. They are mapped write-combining once there is memory for page tables: until
 * then what is written waits in RAM, for uncached they would take longer than all of the boot.
 */
#include "arch/x86_64/console/framebuffer.h"
#include "arch/x86_64/console/fb_text.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/mm/paging.h"

/* Below it everything is mapped at all times: boot/entry.S and paging_init() see to that. */
#define ALWAYS_MAPPED_END (UINT64_C(4) << 30)

/* No pixels are in the image or below it: linker.ld lets it reach no further. */
#define IMAGE_LIMIT (UINT64_C(7) << 20)

static struct {
    bool present;
    uint64_t address;
    struct fb_text text;
} framebuffer;

const char *framebuffer_init(const struct boot_framebuffer *fb)
{
    assert(!framebuffer.present);
    const char *problem = raster_init(&framebuffer.text.raster, fb, &console_font);
    if (problem == NULL) {
        fb_text_init(&framebuffer.text);
        framebuffer.address = fb->address;
        framebuffer.present = true;
    }
    return problem;
}

/* Combining memory keeps what was written in the processor for a while: out with it. */
static void flush(void)
{
    cpu_mfence();
}

static void show(void)
{
    fb_text_show(&framebuffer.text, (void *)(uintptr_t)framebuffer.address);
    flush();
}

enum status framebuffer_map(void)
{
    assert(framebuffer.present);
    enum status s = paging_map_wc(framebuffer.address, framebuffer.text.raster.bytes);
    framebuffer.present = s == STATUS_OK; /* else nobody writes there, be it RAM or not */
    if (framebuffer.present) {
        show();
    }
    return s;
}

void framebuffer_reach(void)
{
    uint64_t end = framebuffer.address + framebuffer.text.raster.bytes;
    if (framebuffer.present && !framebuffer.text.visible && end <= ALWAYS_MAPPED_END &&
        framebuffer.address >= IMAGE_LIMIT) {
        show();
    }
}

uint32_t framebuffer_columns(void)
{
    return framebuffer.text.raster.columns;
}

uint32_t framebuffer_rows(void)
{
    return framebuffer.text.raster.rows;
}

void framebuffer_write(const char *text, size_t len)
{
    fb_text_write(&framebuffer.text, text, len);
    flush();
}
