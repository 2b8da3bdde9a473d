/*
 * The composition root of the hosted program: our stack and a server as one Linux process over a
 * TAP device.
 *
 *     build/host/httpd [key=value ...] [-- the server's own arguments]
 *
 * Who starts a program stands beside it: a word that is wrong ends it, before anything is opened.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/root/ending.h"
#include "apps/root/stack.h"
#include "arch/host/host.h"
#include "kernel/loop.h"
#include "kernel/platform.h"
#include "version.h"

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
    netdev_irq(arg, 0);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static uint64_t poll_ending(void *arg, uint64_t now_ns)
{
    return ending_poll(arg, now_ns);
}

static void watch_ending(struct root *root)
{
    static struct ending ending;
    static struct loop_source source = {.arg = &ending, .poll = poll_ending};
    ending.net = root->net;
    loop_add_source(&source);
}

enum {
    EXIT_BAD_ARGUMENTS = 2,
};

static void print_usage(FILE *to, const char *program)
{
    size_t count;
    const struct cmdline_key *keys = config_keys(&count);
    fprintf(to,
            "usage: %s [key=value ...] [-- the server's own arguments]\n"
            "a server on this network stack, over a TAP device; the keys are\n",
            program);
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "  %s=%*s%s\n", keys[i].name, (int)(12 - strlen(keys[i].name)), "",
                keys[i].allowed);
    }
}

static struct {
    const char *program;
    bool is_wrong;
} arguments;

static void refuse_word(const char *text)
{
    fprintf(stderr, "%s: %s\n", arguments.program, text);
    arguments.is_wrong = true;
}

/* --help among our own words, in front of the server's. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* False after a message that says what is wrong and what is allowed. */
static bool configure(struct root *root, int argc, char **argv)
{
    char text[CMDLINE_MAX_BYTES];
    arguments.program = argv[0];
    if (!join_arguments(text, sizeof(text), argc, argv)) {
        return false;
    }
    config_parse(&root->config, &root->line, text, base_name(argv[0]), refuse_word);
    if (root->config.ip_boot) {
        refuse_word("'ip=boot' is for a machine: no boot loader started this program");
    }
    if (arguments.is_wrong) {
        print_usage(stderr, argv[0]);
    }
    return !arguments.is_wrong;
}

int main(int argc, char **argv)
{
    static struct root root;
    static struct tap_nic tap;
    if (wants_help(argc, argv)) {
        print_usage(stdout, argv[0]);
        return 0;
    }
    if (!configure(&root, argc, argv)) {
        return EXIT_BAD_ARGUMENTS;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    host_init((size_t)root.config.memory_mib << 20);
    log_set_level(root.config.log);
    log_info("ringside: %s, hosted, %u MiB, TAP device %s", RINGSIDE_VERSION,
             root.config.memory_mib, root.config.tap);
    if (root_make_pools(&root, NULL /* no device does DMA here */) != STATUS_OK ||
        !tap_open(&tap, root.config.tap, &root.rx_pool) ||
        root_start(&root, &tap.nic) != STATUS_OK) {
        return 1;
    }
    host_watch_fd(tap.fd, readable, &root.dev);
    watch_ending(&root);
    return loop_run();
}
