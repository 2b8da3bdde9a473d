/*
 * The steps of the test, and what the report says of each.
 */
#include "apps/root/nic_test.h"

#include <stdio.h>
#include <string.h>

#include "apps/root/loopback.h"
#include "apps/root/nic_irqs.h"
#include "apps/root/offload_test.h"
#include "apps/root/report.h"
#include "drivers/e1000/selftest.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "kernel/time.h"
#include "version.h"

enum {
    LINK_LOOK_US = 10000,
    NVM_WORDS_SHOWN = 6,
    TITLE = REPORT_COLUMNS + 1,
};
#define ADDRESS_LOOK_NS (100 * NS_PER_MS)

static struct nic_test {
    struct root *root;       /* [I] */
    struct e1000 *nic;       /* [I] the one in use */
    struct e1000 other;      /* one after the other of those that are not */
    struct report report;    /* of the one at hand */
    struct nic_stats before; /* what the test itself has counted */
    const struct irq_client *client;
    struct loop_source source;
    uint64_t start_ns, look_ns; /* DEADLINE_NONE: the report was printed */
} test;

/* --- facts -------------------------------------------------------------------------------- */

static void report_bus(struct report *r, const struct pci_device *d, const struct e1000_facts *f)
{
    static const char *const speeds[] = {"unknown speed", "2.5 GT/s", "5 GT/s", "8 GT/s"};
    if (f->express) {
        const char *speed = speeds[f->express_speed < ARRAY_SIZE(speeds) ? f->express_speed : 0];
        report_add(r, REPORT_NOTE, "bus: subsystem %04x:%04x, PCI Express x%u, %s",
                   d->subsystem_vendor, d->subsystem, f->express_width, speed);
    } else {
        bool pcix = (f->status & E1000_STATUS_PCIX_MODE) != 0;
        report_add(r, REPORT_NOTE, "bus: subsystem %04x:%04x, %s", d->subsystem_vendor,
                   d->subsystem, pcix ? "PCI-X" : "PCI");
    }
}

/* As many to a line as there is room for. */
static void report_quirks(struct report *r, uint32_t quirks)
{
    char text[REPORT_COLUMNS - 16];
    size_t len = 0;
    const char *name;
    for (uint32_t n = 0; (name = e1000_quirk_name(n)) != NULL; n++) {
        if ((quirks >> n & 1) == 0) {
            continue;
        }
        if (len + 1 + strlen(name) >= sizeof(text)) {
            report_add(r, REPORT_NOTE, "quirks:%s", text);
            len = 0;
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, " %s", name);
    }
    if (len > 0) {
        report_add(r, REPORT_NOTE, "quirks:%s", text);
    }
}

static void report_mac(struct report *r, const struct e1000 *e)
{
    const uint8_t *mac = e->nic.mac;
    report_add(r, REPORT_PASSED, "mac: %02x:%02x:%02x:%02x:%02x:%02x, from %s", mac[0], mac[1],
               mac[2], mac[3], mac[4], mac[5],
               e->mac_from_nvm ? "the NVM" : "the address registers (RAL, RAH)");
}

/* An I210 without flash memory, and the I211, have no words to be read by EERD. */
static void report_nvm(struct report *r, const struct e1000 *e, const struct e1000_facts *f)
{
    char words[NVM_WORDS_SHOWN * 5 + 1];
    if (f->nvm != E1000_ANSWER_COMPLETE) {
        bool expected = f->nvm == E1000_ANSWER_NONE || e->id->gen == E1000_GEN_I210;
        report_add(r, expected ? REPORT_NOTE : REPORT_FAILED, "nvm: %s",
                   f->nvm == E1000_ANSWER_NONE ? "not read by registers in this part"
                                               : "does not answer");
        return;
    }
    for (uint32_t i = 0; i < NVM_WORDS_SHOWN; i++) {
        snprintf(words + i * 5, sizeof(words) - i * 5, " %04x", f->nvm_words[i]);
    }
    report_add(r, f->nvm_sum == E1000_NVM_SUM ? REPORT_PASSED : REPORT_FAILED,
               "nvm:%s ..., sum %04x, %s layout", words, f->nvm_sum,
               f->nvm_small ? "small" : "large");
}

static void report_phy(struct report *r, const struct e1000_facts *f)
{
    if (f->phy != E1000_ANSWER_COMPLETE) {
        report_add(r, f->phy == E1000_ANSWER_NONE ? REPORT_NOTE : REPORT_FAILED, "phy: %s",
                   f->phy == E1000_ANSWER_NONE ? "not asked in this part" : "does not answer");
        return;
    }
    report_add(r, REPORT_PASSED, "phy: %04x:%04x at %u, BMCR %04x, BMSR %04x", f->phy_id[0],
               f->phy_id[1], f->phy_addr, f->phy_bmcr, f->phy_bmsr);
}

static void report_facts(struct report *r, const struct e1000 *e, const struct e1000_facts *f)
{
    const struct pci_device *d = e->dev;
    report_add(r, REPORT_NOTE, "nic: %s (%s), PCI %02x:%02x.%x, %04x:%04x, revision %02x",
               e->nic.name, e->family->name, d->bus, d->slot, d->func, d->vendor, d->device,
               d->revision);
    report_bus(r, d, f);
    report_quirks(r, e->id->quirks);
    report_mac(r, e);
    report_nvm(r, e, f);
    report_phy(r, f);
}

/* Milliseconds that it took, or NIC_TEST_LINK_MS and more without a link. */
static unsigned await_link(struct e1000 *e, struct nic_link *link)
{
    uint64_t start_ns = time_now_ns();
    uint64_t end_ns = start_ns + NIC_TEST_LINK_MS * (uint64_t)NS_PER_MS;
    e->nic.ops->link(&e->nic, link);
    while (!link->up && time_now_ns() < end_ns) {
        time_delay_us(LINK_LOOK_US);
        e->nic.ops->link(&e->nic, link);
    }
    return (unsigned)((time_now_ns() - start_ns) / NS_PER_MS);
}

/* The link first: the PHY's registers and STATUS tell of it. */
static void test_facts(struct report *r, struct e1000 *e)
{
    struct e1000_facts f;
    struct nic_link link;
    unsigned ms = await_link(e, &link);
    e1000_read_facts(e, &f);
    report_facts(r, e, &f);
    if (link.up) {
        report_add(r, REPORT_PASSED, "link: %u Mb/s %s duplex in %u ms, CTRL %08x STATUS %08x",
                   link.speed_mbps, link.full_duplex ? "full" : "half", ms, f.ctrl, f.status);
    } else {
        report_add(r, REPORT_FAILED, "link: none in %u ms, CTRL %08x STATUS %08x", ms, f.ctrl,
                   f.status);
    }
}

/* --- loopback ----------------------------------------------------------------------------- */

/* What passed lost, repeated and spoilt none: the screen's line is for something else. */
static void report_loopback(struct report *r, const struct loopback_result *l, const char *name)
{
    bool passed = loopback_passed(l);
    report_add(r, passed ? REPORT_PASSED : REPORT_FAILED,
               "loopback (%s): %u of %u frames, 60 to 1514 bytes, in %u ms", name, l->good,
               LOOPBACK_FRAMES, l->took_us / US_PER_MS);
    if (passed) {
        return;
    }
    report_add(r, REPORT_NOTE, "    sent %u, lost %u, repeated %u, corrupt %u, foreign %u", l->sent,
               l->lost, l->repeated, l->corrupt, l->foreign);
}

/* What is not cut is an emulator's (drivers/e1000/offload.c): said, and nobody's fault. */
static void report_offloads(struct report *r, const struct offload_result *o)
{
    if (o->csums == 0) {
        report_add(r, REPORT_NOTE, "offloads: off");
        return;
    }
    report_add(r, offload_test_passed(o) ? REPORT_PASSED : REPORT_FAILED,
               "offloads: sums %u/%u, segments %u/%u%s, marked %u, wrong %u", o->csums_good,
               o->csums, o->segments_good, o->segments, o->uncut > 0 ? " (uncut)" : "", o->marked,
               o->wrong);
}

static bool ignore(void *arg, uint32_t vector)
{
    (void)arg;
    (void)vector;
    return false;
}

/*
 * Its frames are looked for in memory. As a polled client it is known to who ends the machine: no
 * DMA goes on behind a panic. False: the device cannot be opened any more.
 */
static bool try_loopback(struct e1000 *e, enum e1000_loopback where, struct loopback_result *out,
                         struct offload_result *offloads)
{
    const struct pci_device *dev = e->dev;
    const struct e1000_config cfg = {.pool = &test.root->rx_pool,
                                     .offload = test.root->config.offload};
    struct irq_client client = {
        .dev = dev,
        .handler = ignore,
        .arg = e,
        .trigger = e1000_irq_trigger,
        .quiet = e1000_irq_quiet,
        .shutdown = e1000_shutdown,
    };
    const char *why;
    enum irq_try got = irq_attach_way(&client, IRQ_KIND_POLL, &why);
    assert(got == IRQ_TAKEN);
    *out = (struct loopback_result){.answered = false};
    if (e1000_loopback_start(e, where) == STATUS_OK) {
        loopback_run(&e->nic, &test.root->tx_pool, out);
        if (out->answered) {
            offload_test_run(&e->nic, &test.root->tx_pool, offloads);
        }
    }
    e1000_loopback_end(e);
    irq_detach(&client);
    return e1000_open(e, dev, &cfg) == STATUS_OK;
}

/* The first that answers counts: of what a manual promises not every board has all. */
static bool test_loopback(struct report *r, struct e1000 *e)
{
    static const struct {
        enum e1000_loopback where;
        const char *name;
    } ways[] = {{E1000_LOOPBACK_MAC, "MAC"}, {E1000_LOOPBACK_PHY, "PHY"}};
    struct loopback_result l = {.answered = false};
    struct offload_result offloads;
    bool any = false;
    for (size_t i = 0; i < ARRAY_SIZE(ways) && !l.answered; i++) {
        if (!e1000_loopback_has(e, ways[i].where)) {
            continue;
        }
        any = true;
        if (!try_loopback(e, ways[i].where, &l, &offloads)) {
            report_add(r, REPORT_FAILED, "loopback (%s): no reset behind it", ways[i].name);
            return false;
        }
        if (l.answered) {
            report_loopback(r, &l, ways[i].name);
            report_offloads(r, &offloads);
        } else {
            report_add(r, REPORT_NOTE, "loopback (%s): nothing came back", ways[i].name);
        }
    }
    if (!l.answered) {
        report_add(r, any ? REPORT_FAILED : REPORT_NOTE, "loopback: %s",
                   any ? "in none of the ways" : "not in this part");
    }
    return true;
}

/* False: the device cannot be opened any more. */
static bool test_device(struct e1000 *e)
{
    struct report *r = &test.report;
    memset(r, 0, sizeof(*r));
    log_info("selftest: testing %s", e->nic.name);
    test_facts(r, e);
    nic_irqs_test(e, r);
    return test_loopback(r, e);
}

/* --- all of them -------------------------------------------------------------------------- */

static void print(const char *name)
{
    char title[TITLE];
    snprintf(title, sizeof(title), "Ringside %s, selftest=nic: %s", RINGSIDE_VERSION, name);
    report_print(&test.report, title, "nic");
}

static void test_other(const struct pci_device *dev)
{
    const struct e1000_config cfg = {.pool = &test.root->rx_pool,
                                     .offload = test.root->config.offload};
    struct e1000 *e = &test.other;
    const char *name = e1000_match(dev->vendor, dev->device)->name;
    if (e1000_open(e, dev, &cfg) == STATUS_OK) {
        (void)test_device(e);
        e1000_close(e);
    } else {
        memset(&test.report, 0, sizeof(test.report));
        report_add(&test.report, REPORT_FAILED, "nic: %s (PCI %02x:%02x.%x) cannot be opened", name,
                   dev->bus, dev->slot, dev->func);
    }
    print("a network controller that is not used");
}

void nic_test_run(struct root *r, struct e1000 *nic)
{
    const struct pci_device *d;
    test.root = r;
    test.nic = nic;
    for (size_t i = 0; (d = pci_get(i)) != NULL; i++) {
        if (d != nic->dev && e1000_match(d->vendor, d->device) != NULL) {
            test_other(d);
        }
    }
    if (!test_device(nic)) {
        print("the network controller");
        panic("%s cannot be opened again after its test", nic->nic.name);
    }
    test.before = nic->nic.stats;
}

/* --- address, statistics ------------------------------------------------------------------ */

static void report_address(struct report *r, const struct net_event *e, unsigned ms)
{
    char ip[16];
    char server[16];
    ipv4_format(ip, e->address);
    if (e->address == 0) {
        report_add(r, REPORT_FAILED, "dhcp: no address in %u ms", ms);
    } else if (e->origin == NET_ORIGIN_DHCP) {
        report_add(r, REPORT_PASSED, "dhcp: %s/%u by %s, lease %u s, after %u ms", ip,
                   e->prefix_bits, ipv4_format(server, e->server), e->value, ms);
    } else if (e->origin == NET_ORIGIN_LINK_LOCAL) {
        report_add(r, REPORT_FAILED, "dhcp: no server answered in %u ms; %s/%u", ms, ip,
                   e->prefix_bits);
    } else {
        report_add(r, REPORT_NOTE, "dhcp: not asked; %s/%u", ip, e->prefix_bits);
    }
}

static void report_stats(struct report *r, const struct nic_stats *now,
                         const struct nic_stats *before)
{
#define SINCE(field) (unsigned long long)(now->field - before->field)
    report_add(r, REPORT_NOTE, "received: %llu frames, %llu bytes; sent: %llu frames, %llu bytes",
               SINCE(rx_packets), SINCE(rx_bytes), SINCE(tx_packets), SINCE(tx_bytes));
    report_add(r, REPORT_NOTE, "errors: %llu bad, %llu CRC, %llu oversize, %llu missed, %llu dry",
               SINCE(rx_errors), SINCE(hw_crc_errors), SINCE(rx_oversize), SINCE(rx_missed),
               SINCE(rx_no_descriptor));
    report_add(r, REPORT_NOTE,
               "events: %llu interrupts (%llu lost), %llu link changes, %llu hangs, %llu stalls",
               SINCE(interrupts), SINCE(irqs_lost), SINCE(link_changes), SINCE(tx_hangs),
               SINCE(rx_stalls));
#undef SINCE
}

static void finish(uint64_t now_ns)
{
    struct report *r = &test.report;
    report_address(r, &test.root->address, (unsigned)((now_ns - test.start_ns) / NS_PER_MS));
    report_add(r, REPORT_NOTE, "in use: %s", test.client->route);
    report_stats(r, &test.nic->nic.stats, &test.before);
    print("the network controller that is used");
}

/* A link-local address is used until a DHCP server answers: it is waited for. */
static uint64_t poll_address(void *arg, uint64_t now_ns)
{
    (void)arg;
    if (test.look_ns == DEADLINE_NONE || now_ns < test.look_ns) {
        return test.look_ns;
    }
    const struct net_event *e = &test.root->address;
    bool settled = e->address != 0 && e->origin != NET_ORIGIN_LINK_LOCAL;
    if (settled || now_ns - test.start_ns >= NIC_TEST_DHCP_MS * (uint64_t)NS_PER_MS) {
        finish(now_ns);
        test.look_ns = DEADLINE_NONE;
    } else {
        test.look_ns = now_ns + ADDRESS_LOOK_NS;
    }
    return test.look_ns;
}

void nic_test_await(const struct irq_client *client)
{
    test.client = client;
    test.start_ns = test.look_ns = platform_now_ns();
    test.source = (struct loop_source){.poll = poll_address};
    loop_add_source(&test.source);
}
