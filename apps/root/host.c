/*
 * The composition root of the hosted program: our stack and a server as one Linux process over a
 * TAP device.
 *
 *     build/host/httpd [key=value ...] [-- the server's own arguments]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/root/stack.h"
#include "arch/host/host.h"
#include "kernel/dma.h"
#include "kernel/loop.h"
#include "kernel/platform.h"
#include "version.h"

uint64_t dma_bus_address(const void *virt)
{
    return 0; /* no device does DMA here */
}

/* The words of argv as one command line. */
static bool join_arguments(char *text, size_t size, int argc, char **argv)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 1; i < argc; i++) {
        size_t len = strlen(argv[i]);
        if (used + len + 2 > size) {
            fprintf(stderr, "%s: more than %zu bytes of arguments\n", argv[0], size - 1);
            return false;
        }
        memcpy(text + used, argv[i], len);
        used += len;
        text[used++] = ' ';
        text[used] = '\0';
    }
    return true;
}

static void readable(void *arg)
{
    netdev_irq(arg);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The memory is reserved before the command line is parsed by the rules of it: mem= is looked up
 * by a parse of its own, whose complaints come again, and are shown, in the real one. */
static size_t arena_bytes(const char *text)
{
    struct root_config cfg;
    struct cmdline line;
    log_set_level(LOG_ERROR);
    config_parse(&cfg, &line, text, "hosted");
    return (size_t)cfg.memory_mib << 20;
}

int main(int argc, char **argv)
{
    static struct root root;
    static struct tap_nic tap;
    char text[CMDLINE_MAX_BYTES];
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!join_arguments(text, sizeof(text), argc, argv)) {
        return 2;
    }
    host_init(arena_bytes(text));
    log_set_level(LOG_INFO);
    config_parse(&root.config, &root.line, text, base_name(argv[0]));
    log_set_level(root.config.log);
    log_info("ringside: %s, hosted, %u MiB, TAP device %s", RINGSIDE_VERSION,
             root.config.memory_mib, root.config.tap);
    if (root_make_pools(&root) != STATUS_OK || !tap_open(&tap, root.config.tap, &root.rx_pool) ||
        root_start(&root, &tap.nic) != STATUS_OK) {
        return 1;
    }
    host_watch_fd(tap.fd, readable, &root.dev);
    return loop_run();
}
