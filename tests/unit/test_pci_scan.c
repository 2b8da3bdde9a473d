/*
 * Finding what is on the PCI buses of machines that are made up here: bridges behind bridges,
 * several host bridges, ports behind which a device answers at every number, more functions than
 * there is room for, BARs of every kind, capability lists that are rings, and configuration space
 * in memory that is none.
 */
// LINK: arch/x86_64/pci/scan.c tests/unit/fake_platform.c
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/pci/scan.h"
#include "tests/unit/fake_platform.h"

enum {
    FUNCTIONS_MAX = 400,
    CONFIG_WORDS = 64,
    CLASS_NIC = 0x020000,
    CLASS_HOST = 0x060000,
    CLASS_PCI_BRIDGE = 0x060400,
    CLASS_SYSTEM = 0x088000,
};

struct function {
    uint8_t bus, slot, func;
    uint32_t config[CONFIG_WORDS];
    uint32_t writable[CONFIG_WORDS]; /* bits that take what is written */
};

struct machine {
    struct function functions[FUNCTIONS_MAX];
    size_t count;
    int alias_bus; /* whose function 0 of slot 0 answers in every slot */
    uint32_t looks[PCI_BUS_COUNT];
    uint32_t sizing_while_decoding;
    struct pci_tree tree;
    struct pci_bus_set may_try;
};

static struct function *function_at(struct machine *m, const struct pci_device *d)
{
    for (size_t i = 0; i < m->count; i++) {
        struct function *f = &m->functions[i];
        bool same = f->slot == d->slot || f->bus == m->alias_bus;
        if (f->bus == d->bus && same && f->func == d->func) {
            return f;
        }
    }
    return NULL;
}

static uint32_t config_read(void *ctx, const struct pci_device *d, uint16_t offset)
{
    struct machine *m = ctx;
    assert_true(offset % 4 == 0 && offset < 4 * CONFIG_WORDS);
    if (offset == 0) {
        m->looks[d->bus]++;
    }
    struct function *f = function_at(m, d);
    return f != NULL ? f->config[offset / 4] : UINT32_MAX;
}

static void config_write(void *ctx, const struct pci_device *d, uint16_t offset, uint32_t value)
{
    struct machine *m = ctx;
    struct function *f = function_at(m, d);
    assert_true(f != NULL && offset % 4 == 0 && offset < 4 * CONFIG_WORDS);
    if (offset >= 0x10 && offset < 0x28 && value == UINT32_MAX) {
        m->sizing_while_decoding += (f->config[1] & 3) != 0;
    }
    uint32_t bits = f->writable[offset / 4];
    f->config[offset / 4] = (f->config[offset / 4] & ~bits) | (value & bits);
}

static struct function *add(struct machine *m, unsigned bus, unsigned slot, unsigned func,
                            uint32_t class_code)
{
    assert_true(m->count < FUNCTIONS_MAX);
    struct function *f = &m->functions[m->count++];
    *f = (struct function){.bus = (uint8_t)bus, .slot = (uint8_t)slot, .func = (uint8_t)func};
    f->config[0] = 0x12348086;
    f->config[1] = 0x00000003;
    f->writable[1] = 0x7ff;
    f->config[2] = class_code << 8 | 0x05;
    f->config[0x2c / 4] = 0xcafe1028;
    f->config[0x3c / 4] = 0x010b;
    return f;
}

static struct function *add_bridge(struct machine *m, unsigned bus, unsigned slot,
                                   unsigned secondary, unsigned subordinate)
{
    struct function *f = add(m, bus, slot, 0, CLASS_PCI_BRIDGE);
    f->config[3] = 1 << 16;
    f->config[0x18 / 4] = bus | secondary << 8 | subordinate << 16;
    return f;
}

/* A capability list of two: something else in front, then PCI Express of a port type. */
static void make_port(struct function *f, uint32_t type)
{
    f->config[1] |= 1u << 20;
    f->config[0x34 / 4] = 0x40;
    f->config[0x40 / 4] = 0x5005;
    f->config[0x50 / 4] = 0x0010 | (type << 4 | 2) << 16;
}

static void scan(struct machine *m)
{
    const struct pci_access a = {m, config_read, config_write};
    pci_scan_tree(&m->tree, &a, &m->may_try);
}

static size_t count_on(const struct machine *m, unsigned bus)
{
    size_t n = 0;
    for (size_t i = 0; i < m->tree.count; i++) {
        n += m->tree.devices[i].bus == bus;
    }
    return n;
}

static int machine_new(void **state)
{
    struct machine *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    fake_reset(4096);
    m->alias_bus = -1;
    add(m, 0, 0, 0, CLASS_HOST);
    *state = m;
    return 0;
}

static int machine_free(void **state)
{
    struct machine *m = *state;
    assert_int_equal(fake.irq_depth, 0);
    assert_int_equal(m->sizing_while_decoding, 0);
    for (size_t bus = 0; bus < PCI_BUS_COUNT; bus++) {
        /* One look for each function there can be, and one more for its identity. */
        assert_true(m->looks[bus] <= 2 * PCI_SLOT_COUNT * PCI_FUNC_COUNT);
    }
    free(m);
    return 0;
}

static void test_fields(void **state)
{
    struct machine *m = *state;
    add(m, 0, 3, 0, CLASS_NIC);
    scan(m);
    assert_int_equal(m->tree.count, 2);
    const struct pci_device *d = &m->tree.devices[1];
    assert_true(d->bus == 0 && d->slot == 3 && d->func == 0);
    assert_int_equal(d->vendor, 0x8086);
    assert_int_equal(d->device, 0x1234);
    assert_int_equal(d->class_code, CLASS_NIC);
    assert_int_equal(d->revision, 5);
    assert_int_equal(d->subsystem_vendor, 0x1028);
    assert_int_equal(d->subsystem, 0xcafe);
    assert_int_equal(d->irq_pin, 1);
    assert_int_equal(d->irq_line, 11);
    assert_int_equal(m->tree.roots, 1);
}

static void test_functions_of_a_device(void **state)
{
    struct machine *m = *state;
    add(m, 0, 4, 0, CLASS_SYSTEM)->config[3] = 0x80 << 16;
    add(m, 0, 4, 7, CLASS_NIC);
    add(m, 0, 5, 0, CLASS_SYSTEM); /* of one function, whatever answers at its others */
    add(m, 0, 5, 1, CLASS_NIC);
    scan(m);
    assert_int_equal(m->tree.count, 4);
    assert_int_equal(m->tree.devices[2].func, 7);
}

static void test_bridges_behind_bridges(void **state)
{
    struct machine *m = *state;
    add_bridge(m, 0, 1, 5, 9);
    add_bridge(m, 5, 0, 9, 9);
    add_bridge(m, 9, 2, 7, 7); /* a lower number than its own bus has */
    add(m, 7, 31, 0, CLASS_NIC);
    scan(m);
    assert_int_equal(m->tree.count, 5);
    assert_int_equal(count_on(m, 7), 1);
    assert_int_equal(m->tree.roots, 1);
}

/* Two bridges to one bus, one to its own, and one that firmware left alone: no bus twice. */
static void test_bridges_that_lead_nowhere_new(void **state)
{
    struct machine *m = *state;
    add_bridge(m, 0, 1, 0, 0);
    add_bridge(m, 0, 2, 3, 3);
    add_bridge(m, 0, 3, 3, 3);
    add_bridge(m, 3, 0, 3, 255);
    add_bridge(m, 3, 1, 255, 255);
    scan(m);
    assert_int_equal(m->tree.count, 6);
    assert_int_equal(count_on(m, 3), 2);
}

static void test_other_host_bridges_in_memory(void **state)
{
    struct machine *m = *state;
    add(m, 0x80, 0, 0, CLASS_HOST);
    add_bridge(m, 0x80, 1, 0x81, 0x90);
    add(m, 0x81, 0, 0, CLASS_NIC);
    add(m, 0xff, 31, 0, CLASS_NIC);
    scan(m);
    assert_int_equal(m->tree.count, 1); /* nobody said that there may be something */
    for (uint32_t bus = 0; bus <= 0xff; bus++) {
        pci_bus_add(&m->may_try, bus);
    }
    scan(m);
    assert_int_equal(m->tree.count, 5);
    assert_int_equal(count_on(m, 0x81), 1);
    assert_int_equal(count_on(m, 0xff), 1);
    assert_int_equal(m->tree.roots, 3);
}

/* By ports every bus is looked at only where bus 0 shows more host bridges than one. */
static void test_other_host_bridges_by_ports(void **state)
{
    struct machine *m = *state;
    add(m, 0x40, 2, 0, CLASS_NIC);
    scan(m);
    assert_int_equal(m->tree.count, 1);
    assert_int_equal(m->looks[0x40], 0);
    add(m, 0, 9, 0, CLASS_HOST);
    scan(m);
    assert_int_equal(m->tree.count, 3);
    assert_int_equal(m->tree.roots, 2);
}

static void check_alias(void **state, uint32_t port_type, size_t found)
{
    struct machine *m = *state;
    make_port(add_bridge(m, 0, 1, 2, 2), port_type);
    add(m, 2, 0, 0, CLASS_NIC);
    m->alias_bus = 2;
    scan(m);
    assert_int_equal(count_on(m, 2), found);
}

static void test_a_link_has_one_device(void **state)
{
    check_alias(state, 4, 1);
}

static void test_a_switch_port_has_one_device(void **state)
{
    check_alias(state, 6, 1);
}

/* Behind an upstream port, or a bridge to PCI, every number may be a device of its own. */
static void test_a_bus_has_many_devices(void **state)
{
    check_alias(state, 5, PCI_SLOT_COUNT);
}

static void test_limit(void **state)
{
    struct machine *m = *state;
    for (unsigned slot = 1; slot < 30; slot++) {
        for (unsigned func = 0; func < 8; func++) {
            add(m, 0, slot, func, CLASS_SYSTEM)->config[3] = 0x80 << 16;
        }
    }
    add_bridge(m, 0, 30, 1, 1);
    for (unsigned slot = 0; slot < 32; slot++) {
        add(m, 1, slot, 0, CLASS_NIC);
    }
    scan(m);
    assert_int_equal(m->tree.count, PCI_DEVICES_MAX);
    assert_int_equal(count_on(m, 1), PCI_DEVICES_KEPT - 1); /* the bridge is among the kept */
    assert_int_equal(m->tree.count + m->tree.dropped, m->count);
}

static void set_bar(struct function *f, size_t i, uint32_t value, uint32_t writable)
{
    f->config[4 + i] = value;
    f->writable[4 + i] = writable;
}

static void test_bars(void **state)
{
    struct machine *m = *state;
    struct function *f = add(m, 0, 3, 0, CLASS_NIC);
    set_bar(f, 0, 0x00000004, 0xfffe0000); /* 64 bits, 128 KiB, above 4 GiB */
    set_bar(f, 1, 0x00000038, 0xffffffff);
    set_bar(f, 2, 0x0000e001, 0x0000ffe0); /* 32 ports; the upper half is hard-wired */
    set_bar(f, 3, 0xfebc0000, 0xffffc000); /* 32 bits, 16 KiB */
    set_bar(f, 4, 0x00000000, 0xfffff000); /* 4 KiB that firmware gave no address */
    set_bar(f, 5, 0x00000004, 0xffff0000); /* says 64 bits, and has no second half */
    scan(m);
    const struct pci_bar *b = m->tree.devices[1].bars;
    assert_true(b[0].is_64bit && !b[0].is_io);
    assert_int_equal(b[0].address, UINT64_C(0x3800000000));
    assert_int_equal(b[0].size_bytes, 128 * 1024);
    assert_int_equal(b[1].size_bytes, 0); /* the other half, not one of its own */
    assert_true(b[2].is_io);
    assert_int_equal(b[2].address, 0xe000);
    assert_int_equal(b[2].size_bytes, 32);
    assert_true(!b[3].is_64bit && b[3].address == 0xfebc0000 && b[3].size_bytes == 0x4000);
    assert_true(b[4].address == 0 && b[4].size_bytes == 0x1000);
    assert_true(!b[5].is_64bit && b[5].size_bytes == 0x10000);
    assert_int_equal(f->config[4], 0x00000004); /* all as it was */
    assert_int_equal(f->config[5], 0x00000038);
    assert_int_equal(f->config[1], 3);
}

/* Firmware's reception ends with the scan, for whatever device is used later. */
static void test_network_devices_stop(void **state)
{
    struct machine *m = *state;
    struct function *nic = add(m, 0, 3, 0, CLASS_NIC);
    struct function *wireless = add(m, 0, 4, 0, 0x028000);
    struct function *disk = add(m, 0, 5, 0, 0x010601);
    nic->config[1] = wireless->config[1] = disk->config[1] = 0x0407;
    scan(m);
    assert_int_equal(nic->config[1], 0x0403);
    assert_int_equal(wireless->config[1], 0x0403);
    assert_int_equal(disk->config[1], 0x0407); /* receives nothing unasked */
}

static void test_capabilities(void **state)
{
    struct machine *m = *state;
    const struct pci_access a = {m, config_read, config_write};
    const struct pci_device d = {.slot = 3};
    struct function *f = add(m, 0, 3, 0, CLASS_NIC);
    f->config[0x34 / 4] = 0x43; /* the lowest two bits are reserved */
    f->config[0x40 / 4] = 0xd005;
    f->config[0xd0 / 4] = 0x4011;                   /* a ring */
    assert_int_equal(pci_capability(&a, &d, 5), 0); /* the status register says there is no list */
    f->config[1] |= 1u << 20;
    assert_int_equal(pci_capability(&a, &d, 5), 0x40);
    assert_int_equal(pci_capability(&a, &d, 0x11), 0xd0);
    assert_int_equal(pci_capability(&a, &d, 1), 0);
    f->config[0xd0 / 4] = 0x2011; /* into the header */
    assert_int_equal(pci_capability(&a, &d, 1), 0);
}

/* Configuration space as a window in memory might have it that is none. */
static uint32_t constant_read(void *ctx, const struct pci_device *d, uint16_t offset)
{
    (void)d;
    (void)offset;
    return *(uint32_t *)ctx;
}

static void test_windows_that_are_believed(void **state)
{
    struct machine *m = *state;
    struct machine *other = calloc(1, sizeof(*other));
    assert_non_null(other);
    other->alias_bus = -1;
    add(other, 0, 0, 0, CLASS_HOST);
    const struct pci_access ports = {m, config_read, config_write};
    const struct pci_access memory = {other, config_read, config_write};
    assert_true(pci_access_agrees(&memory, &ports, 0, true));
    assert_true(pci_access_agrees(&memory, &ports, 0x80, false)); /* nobody there, both say */
    assert_false(pci_access_agrees(&memory, &ports, 0x80, true));
    add(m, 0, 2, 0, CLASS_NIC);
    assert_false(pci_access_agrees(&memory, &ports, 0, true));
    m->count = 0; /* a machine without the ports */
    assert_true(pci_access_agrees(&memory, &ports, 0, true));
    add(m, 0, 0, 0, CLASS_HOST);
    static uint32_t values[] = {0, UINT32_MAX, 0x12348086, 0x55aa55aa};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const struct pci_access constant = {&values[i], constant_read, NULL};
        assert_false(pci_access_agrees(&constant, &ports, 0, true));
        m->count = 0;
        assert_false(pci_access_agrees(&constant, &ports, 0, true));
        m->count = 1;
    }
    free(other);
}

#define MACHINE_TEST(f) cmocka_unit_test_setup_teardown(f, machine_new, machine_free)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        MACHINE_TEST(test_fields),
        MACHINE_TEST(test_functions_of_a_device),
        MACHINE_TEST(test_bridges_behind_bridges),
        MACHINE_TEST(test_bridges_that_lead_nowhere_new),
        MACHINE_TEST(test_other_host_bridges_in_memory),
        MACHINE_TEST(test_other_host_bridges_by_ports),
        MACHINE_TEST(test_a_link_has_one_device),
        MACHINE_TEST(test_a_switch_port_has_one_device),
        MACHINE_TEST(test_a_bus_has_many_devices),
        MACHINE_TEST(test_limit),
        MACHINE_TEST(test_bars),
        MACHINE_TEST(test_network_devices_stop),
        MACHINE_TEST(test_capabilities),
        MACHINE_TEST(test_windows_that_are_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
