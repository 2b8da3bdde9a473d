// LINK: boot/info/info.c boot/info/mb1.c boot/info/mb2.c boot/info/memory_map.c
// LINK: boot/info/read.c boot/info/screen.c
/*
 * Any bytes as physical memory for the boot information decoder: the first one chooses the
 * protocol, the rest lies at 1 MiB and is all that may be read.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/info/info.h"
#include "kernel/base.h"

#define MEMORY_AT UINT64_C(0x100000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *bytes;
    size_t size;
};

static const void *read_input(void *ctx, uint64_t address, size_t len)
{
    const struct input *in = ctx;
    if (address < MEMORY_AT || address - MEMORY_AT > in->size ||
        len > in->size - (address - MEMORY_AT)) {
        return NULL;
    }
    return in->bytes + (address - MEMORY_AT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct input in = {data + 1, size - 1};
    struct boot_info info;
    uint32_t magic = (data[0] & 1) != 0 ? 0x2badb002u : 0x36d76289u;
    enum boot_error e = boot_info_decode(&info, magic, MEMORY_AT, read_input, &in);
    assert(e != BOOT_BAD_MAGIC);
    assert(e != BOOT_OK || info.memory_count > 0);
    assert(info.memory_count <= BOOT_MEMORY_MAX);
    for (uint32_t i = 0; i < info.memory_count; i++) {
        assert(info.memory[i].start < info.memory[i].end);
        assert(i == 0 || info.memory[i - 1].end < info.memory[i].start);
    }
    assert(memchr(info.cmdline, 0, sizeof(info.cmdline)) != NULL);
    assert(memchr(info.loader, 0, sizeof(info.loader)) != NULL);
    assert(info.dhcp_ack_bytes <= BOOT_DHCP_ACK_MAX);
    assert(info.framebuffer.screen <= BOOT_SCREEN_OTHER);
    assert(info.framebuffer.screen != BOOT_SCREEN_UNKNOWN || info.framebuffer.address == 0);
    return 0;
}
