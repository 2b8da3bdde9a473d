/*
 * The choice of the network device. All that may be used are opened, because a MAC address and a
 * link are known only then, and all but one are closed again.
 */
#include <stdio.h>
#include <string.h>

#include "apps/root/nics.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "kernel/time.h"

enum {
    CLASS_NETWORK = 0x02,    /* PCI 3.0, appendix D */
    CLASS_ETHERNET = 0x0200, /* with its subclass */
    LINK_LOOK_US = 10000,
    NIC_ALIGN_BYTES = 64, /* a cache line */
};

/* A supported device. why says the reason when it is not open. */
struct candidate {
    const struct pci_device *dev;
    struct e1000 *nic; /* its memory; it may be opened more than once */
    bool is_open;
    const char *why;
};

struct candidates {
    struct candidate list[NICS_MAX];
    size_t count;
    struct pkt_pool *pool;
    enum nic_offload offload;
    const char *unnamed; /* why one is passed over that the choice does not name */
};

/* A text that grows; what does not fit is cut. */
struct list_text {
    char text[160];
    size_t len;
};

static void list_add(struct list_text *l, const char *fmt, ...) printf_like(2, 3);
static void list_add(struct list_text *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
    va_end(ap);
    l->len = min_size(l->len + (n > 0 ? (size_t)n : 0), sizeof(l->text) - 1);
}

/* What there is and what would do: nobody has to look for either. */
static noreturn_fn void panic_no_nic(void)
{
    struct list_text here = {0};
    const struct pci_device *d;
    for (size_t i = 0; (d = pci_get(i)) != NULL; i++) {
        if (d->class_code >> 16 == CLASS_NETWORK) {
            list_add(&here, " %02x:%02x.%x %04x:%04x", d->bus, d->slot, d->func, d->vendor,
                     d->device);
        }
    }
    panic("no supported network device on the PCI bus; there:%s; supported: Intel's of 1 Gb/s, "
          "8254x to I219 and 82575 to I211 (docs/hardware.md)",
          here.len > 0 ? here.text : " none");
}

static void log_passed_over(const struct pci_device *d, const char *why)
{
    log_info("nic: %02x:%02x.%x %04x:%04x passed over: %s", d->bus, d->slot, d->func, d->vendor,
             d->device, why);
}

/* Every supported function; those that are Ethernet and not are named. */
static void collect(struct candidates *c)
{
    const struct pci_device *d;
    for (size_t i = 0; (d = pci_get(i)) != NULL; i++) {
        bool ours = e1000_match(d->vendor, d->device) != NULL;
        if (ours && c->count < NICS_MAX) {
            c->list[c->count++] = (struct candidate){.dev = d, .why = c->unnamed};
        } else if (ours) {
            log_passed_over(d, "too many network devices");
        } else if (d->class_code >> 8 == CLASS_ETHERNET) {
            log_passed_over(d, "no driver for it");
        }
    }
}

static void open_candidate(struct candidates *c, struct candidate *k)
{
    const struct e1000_config cfg = {.pool = c->pool, .offload = c->offload};
    enum status s = STATUS_NO_MEMORY;
    if (k->nic == NULL) {
        k->nic = arena_alloc(platform_arena(), sizeof(*k->nic), NIC_ALIGN_BYTES);
        if (k->nic != NULL) {
            memset(k->nic, 0, sizeof(*k->nic));
        }
    }
    if (k->nic != NULL) {
        s = e1000_open(k->nic, k->dev, &cfg);
    }
    k->is_open = s == STATUS_OK;
    k->why = s == STATUS_NO_MEMORY ? "not enough memory for its rings" : "it cannot be used";
}

static void close_candidate(struct candidate *k, const char *why)
{
    if (k->is_open) {
        e1000_close(k->nic);
        k->is_open = false;
        k->why = why;
    }
}

static bool is_named(const struct candidate *k, const struct root_nic_choice *choice)
{
    const struct pci_device *d = k->dev;
    if (choice->by == ROOT_NIC_PCI) {
        return d->bus == choice->bus && d->slot == choice->slot && d->func == choice->func;
    }
    return k->is_open && memcmp(k->nic->nic.mac, choice->mac, sizeof(choice->mac)) == 0;
}

/* The one that is named, or NULL. A function that is named by its address alone is opened. */
static struct candidate *open_named(struct candidates *c, const struct root_nic_choice *choice)
{
    struct candidate *named = NULL;
    for (size_t i = 0; i < c->count && named == NULL; i++) {
        struct candidate *k = &c->list[i];
        if (choice->by != ROOT_NIC_PCI || is_named(k, choice)) {
            open_candidate(c, k);
        }
        if (k->is_open && is_named(k, choice)) {
            named = k;
        } else {
            close_candidate(k, c->unnamed);
        }
    }
    return named;
}

static bool has_link(const struct candidate *k)
{
    struct nic_link link = {.up = false};
    if (k->is_open) {
        k->nic->nic.ops->link(&k->nic->nic, &link);
    }
    return link.up;
}

static struct candidate *first_open(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->list[i].is_open) {
            return &c->list[i];
        }
    }
    return NULL;
}

static size_t count_open(const struct candidates *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        count += c->list[i].is_open ? 1 : 0;
    }
    return count;
}

/*
 * The first in the order of the bus, so that it is the same at each boot however long the
 * negotiation of each takes: a later one is taken only when all before it had their time.
 */
static struct candidate *await_link(struct candidates *c)
{
    struct candidate *first = first_open(c);
    if (first == NULL || count_open(c) == 1) {
        return first;
    }
    uint64_t end_ns = time_now_ns() + NICS_LINK_WAIT_MS * (uint64_t)NS_PER_MS;
    while (!has_link(first) && time_now_ns() < end_ns) {
        time_delay_us(LINK_LOOK_US);
    }
    for (struct candidate *k = first; k < &c->list[c->count]; k++) {
        if (has_link(k)) {
            return k;
        }
    }
    log_warn("nic: none has a link: the first is used; nic= names another");
    return first;
}

static struct candidate *open_any(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++) {
        open_candidate(c, &c->list[i]);
    }
    return await_link(c);
}

static void log_chosen(const struct candidate *k)
{
    const struct pci_device *d = k->dev;
    const uint8_t *mac = k->nic->nic.mac;
    log_info("nic: %s at PCI %02x:%02x.%x, MAC %02x:%02x:%02x:%02x:%02x:%02x", k->nic->nic.name,
             d->bus, d->slot, d->func, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static noreturn_fn void panic_none_usable(const struct candidates *c)
{
    struct list_text why = {0};
    for (size_t i = 0; i < c->count; i++) {
        const struct candidate *k = &c->list[i];
        const struct pci_device *d = k->dev;
        list_add(&why, "%s %02x:%02x.%x %s: %s", i > 0 ? ";" : "", d->bus, d->slot, d->func,
                 e1000_match(d->vendor, d->device)->name, k->why);
    }
    panic("no network device can be used:%s", why.text);
}

struct e1000 *nics_open(const struct root_nic_choice *choice, enum nic_offload offload,
                        struct pkt_pool *pool)
{
    bool by_boot = choice->by == ROOT_NIC_BOOT;
    struct candidates c = {.pool = pool,
                           .offload = offload,
                           .unnamed =
                               by_boot ? "the boot went over another" : "nic= names another"};
    collect(&c);
    if (c.count == 0) {
        panic_no_nic();
    }
    struct candidate *chosen = NULL;
    if (choice->by != ROOT_NIC_ANY) {
        chosen = open_named(&c, choice);
        if (chosen == NULL) {
            log_warn("nic: %s none that can be used; the default stands",
                     by_boot ? "the boot went over" : "nic= names");
        }
    }
    if (chosen == NULL) {
        chosen = open_any(&c);
    }
    if (chosen == NULL) {
        panic_none_usable(&c);
    }
    for (size_t i = 0; i < c.count; i++) {
        struct candidate *k = &c.list[i];
        if (k != chosen) {
            bool link = has_link(k);
            close_candidate(k, link ? "another is in front of it" : "no link");
            log_passed_over(k->dev, k->why);
        }
    }
    log_chosen(chosen);
    return chosen->nic;
}
