/*
 * The configuration: one place, the kernel command line (GRUB entry, -append, or the arguments of
 * the hosted program). docs: README.md, "Configuration".
 */
#ifndef APPS_ROOT_CONFIG_H
#define APPS_ROOT_CONFIG_H

#include "drivers/nic.h"
#include "kernel/base.h"
#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "net/net.h"

enum root_console { /* bits of console= */
                    ROOT_CONSOLE_SERIAL = 1 << 0,
                    ROOT_CONSOLE_VGA = 1 << 1,
                    ROOT_CONSOLE_FRAMEBUFFER = 1 << 2,
                    ROOT_CONSOLE_ALL = 7,
};

enum root_selftest {
    SELFTEST_NONE,
    SELFTEST_ALL,   /* check what can be checked from inside, then serve */
    SELFTEST_FAULT, /* a deliberate page fault: shows what a crash looks like */
    SELFTEST_STACK, /* a deliberate stack overflow: shows that the guard page holds */
    SELFTEST_ASSERT,
    SELFTEST_WRAP, /* serve with sequence numbers and timestamps that wrap at once */
    SELFTEST_NIC,  /* test the network devices, then serve; metal */
};

enum root_nic { /* by what nic= names a network device */
                ROOT_NIC_ANY,
                ROOT_NIC_PCI,
                ROOT_NIC_MAC,
                ROOT_NIC_BOOT, /* not by nic=, but by the lease of the boot */
};

struct root_nic_choice {
    enum root_nic by;
    uint8_t bus, slot, func; /* ROOT_NIC_PCI */
    uint8_t mac[6];          /* ROOT_NIC_MAC, ROOT_NIC_BOOT */
};

struct root_config {
    struct net_config_ip ip;
    bool ip_boot;     /* ip=boot: the address that the boot loader was given; else as ip=dhcp */
    uint32_t gateway; /* gw=, merged into ip by config_parse */
    enum log_level log;
    uint32_t consoles;
    enum irq_policy irq;
    struct root_nic_choice nic; /* metal */
    enum nic_offload offload;   /* of the network device; metal */
    enum panic_action panic;
    enum root_selftest selftest;
    bool ecn;
    bool gro_off;
    const char *congestion; /* NULL: the stack's default */
    char tap[16];           /* hosted: the TAP device */
    uint32_t memory_mib;    /* hosted: what the machine's RAM would be */
};

/* Told what is wrong with the command line: one line of text without a newline, borrowed. */
typedef void config_complain_fn(const char *text);

/*
 * Parses text into *out (defaults for what is not said) and the application's arguments into
 * *line. Each word that is wrong is named to complain, with what is allowed; its default stands.
 */
void config_parse(struct root_config *out, struct cmdline *line, const char *text,
                  const char *app_name, config_complain_fn *complain);

/*
 * Takes over the lease of the boot: the BOOTP message of so many bytes, borrowed for ever. Unless
 * nic= names another, the device is used that it was for. Any bytes: net/dhcp/client.c checks the
 * rest.
 */
void config_take_lease(struct root_config *out, const uint8_t *ack, size_t bytes);

/* The keys there are, *count of them: what a usage text lists. */
const struct cmdline_key *config_keys(size_t *count);

/* Writes "10.0.2.15" to buf (at least 16 bytes) and returns it. */
char *ipv4_format(char *buf, uint32_t addr);

#endif
