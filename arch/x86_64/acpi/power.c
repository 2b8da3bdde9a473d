/*
 * The decoders of power.h. Owns nothing and keeps nothing. ACPI specification 6.5.
 */
#include "arch/x86_64/acpi/power.h"

#include <string.h>

#include "kernel/bytes.h"

enum {
    TABLE_HEADER_BYTES = 36, /* 5.2.6 */

    /* FADT, 5.2.9; of some blocks also the extended address */
    FADT_DSDT = 40,
    FADT_SMI_CMD = 48,
    FADT_ACPI_ENABLE = 52,
    FADT_PM1A_EVT_BLK = 56,
    FADT_PM1B_EVT_BLK = 60,
    FADT_PM1A_CNT_BLK = 64,
    FADT_PM1B_CNT_BLK = 68,
    FADT_GPE0_BLK = 80,
    FADT_GPE1_BLK = 84,
    FADT_PM1_EVT_LEN = 88,
    FADT_PM1_CNT_LEN = 89,
    FADT_GPE0_BLK_LEN = 92,
    FADT_GPE1_BLK_LEN = 93,
    FADT_FLAGS = 112,
    FADT_X_DSDT = 140,
    FADT_X_PM1A_EVT_BLK = 148,
    FADT_X_PM1B_EVT_BLK = 160,
    FADT_X_PM1A_CNT_BLK = 172,
    FADT_X_PM1B_CNT_BLK = 184,
    FADT_X_GPE0_BLK = 220,
    FADT_X_GPE1_BLK = 232,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_SLEEP_CONTROL_REG = 244,
    FADT_SLEEP_STATUS_REG = 256,
    FADT_FLAG_PWR_BUTTON = 1 << 4, /* set: it is a control method device, which needs AML */
    FADT_FLAG_RESET_REG_SUP = 1 << 10,

    /* Generic address structure, 5.2.3.2 */
    GAS_ADDRESS = 4,
    GAS_BYTES = 12,
    PCI_DEVICE_MAX = 31,
    PCI_FUNCTION_MAX = 7,
    PCI_OFFSET_MAX = 255,

    PM1_EVENT_MIN_BYTES = 4, /* 4.8.3.1: a status and an enable register of 16 bits */
    PM1_CONTROL_MIN_BYTES = 2,

    /* AML encodings, 20.2.2 to 20.2.5 */
    AML_ZERO = 0x00,
    AML_ONE = 0x01,
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_PACKAGE = 0x12,
    AML_ROOT = '\\',
    AML_PKG_LENGTH_BYTES_SHIFT = 6, /* of the lead byte: how many bytes follow */
    AML_PKG_LENGTH_ALONE_MASK = 0x3f,
    AML_PKG_LENGTH_LOW_MASK = 0x0f,

    SLEEP_TYPE_MAX = 7, /* 4.8.3.2.1: three bits of PM1_CNT */
};

uint16_t acpi_fadt_port(const uint8_t *fadt, size_t len, bool old, size_t old_at, size_t x_at)
{
    uint64_t port = old ? load_le32(fadt + old_at) : 0;
    if (len >= x_at + GAS_BYTES) {
        const uint8_t *gas = fadt + x_at;
        uint64_t address = load_le64(gas + GAS_ADDRESS);
        if (address != 0 && gas[0] == ACPI_SPACE_IO) {
            port = address;
        }
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* 5.2.9: the 64-bit address counts where it is there and not 0. */
uint64_t acpi_decode_dsdt_address(const uint8_t *fadt, size_t len)
{
    uint64_t x = len >= FADT_X_DSDT + 8 ? load_le64(fadt + FADT_X_DSDT) : 0;
    return x != 0 ? x : load_le32(fadt + FADT_DSDT);
}

/* 5.2.3.2: device in bits 47:32, function in 31:16, offset in 15:0. */
static bool is_pci_register(uint64_t address)
{
    return address >> 32 <= PCI_DEVICE_MAX && (address >> 16 & UINT16_MAX) <= PCI_FUNCTION_MAX &&
           (address & UINT16_MAX) <= PCI_OFFSET_MAX;
}

/* The register at offset at, none where the table ends before it or nothing can be there. */
static struct acpi_register read_register(const uint8_t *fadt, size_t len, size_t at)
{
    struct acpi_register r = {ACPI_SPACE_IO, 0};
    if (len < at + GAS_BYTES) {
        return r;
    }
    uint64_t address = load_le64(fadt + at + GAS_ADDRESS);
    uint8_t space = fadt[at];
    if (space == ACPI_SPACE_MEMORY || (space == ACPI_SPACE_IO && address <= UINT16_MAX) ||
        (space == ACPI_SPACE_PCI && is_pci_register(address))) {
        r = (struct acpi_register){(enum acpi_space)space, address};
    }
    return r;
}

/* 4.8.3.6 and 4.8.3.7: what is there without the fixed hardware, too. */
static void decode_registers(const uint8_t *fadt, size_t len, struct acpi_power *p)
{
    bool has_reset = (load_le32(fadt + FADT_FLAGS) & FADT_FLAG_RESET_REG_SUP) != 0;
    if (has_reset && len > FADT_RESET_VALUE) {
        p->reset = read_register(fadt, len, FADT_RESET_REG);
        p->reset_value = fadt[FADT_RESET_VALUE];
    }
    p->sleep_control = read_register(fadt, len, FADT_SLEEP_CONTROL_REG);
    p->sleep_status = read_register(fadt, len, FADT_SLEEP_STATUS_REG);
}

struct block { /* offsets in the FADT */
    uint8_t old_at, x_at, len_at;
};

/* One without a length, or whose registers would reach beyond the ports, is none. */
static uint16_t block_port(const uint8_t *fadt, size_t len, const struct block *b)
{
    size_t bytes = fadt[b->len_at];
    uint16_t port = acpi_fadt_port(fadt, len, true, b->old_at, b->x_at);
    return bytes != 0 && (size_t)port + bytes <= (size_t)UINT16_MAX + 1 ? port : 0;
}

void acpi_decode_power(const uint8_t *fadt, size_t len, struct acpi_info *out)
{
    static const struct block blocks[] = {
        {FADT_PM1A_EVT_BLK, FADT_X_PM1A_EVT_BLK, FADT_PM1_EVT_LEN},
        {FADT_PM1B_EVT_BLK, FADT_X_PM1B_EVT_BLK, FADT_PM1_EVT_LEN},
        {FADT_PM1A_CNT_BLK, FADT_X_PM1A_CNT_BLK, FADT_PM1_CNT_LEN},
        {FADT_PM1B_CNT_BLK, FADT_X_PM1B_CNT_BLK, FADT_PM1_CNT_LEN},
        {FADT_GPE0_BLK, FADT_X_GPE0_BLK, FADT_GPE0_BLK_LEN},
        {FADT_GPE1_BLK, FADT_X_GPE1_BLK, FADT_GPE1_BLK_LEN},
    };
    struct acpi_power *p = &out->power;
    uint16_t *const ports[] = {&p->event[0],   &p->event[1], &p->control[0],
                               &p->control[1], &p->gpe[0],   &p->gpe[1]};
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        *ports[i] = block_port(fadt, len, &blocks[i]);
    }
    p->event_bytes = fadt[FADT_PM1_EVT_LEN];
    p->gpe_bytes[0] = fadt[FADT_GPE0_BLK_LEN];
    p->gpe_bytes[1] = fadt[FADT_GPE1_BLK_LEN];
    uint32_t smi_port = load_le32(fadt + FADT_SMI_CMD);
    p->smi_port = smi_port <= UINT16_MAX ? (uint16_t)smi_port : 0;
    p->smi_enable = fadt[FADT_ACPI_ENABLE];
    p->usable = !out->hardware_reduced && p->event[0] != 0 && p->control[0] != 0 &&
                p->event_bytes >= PM1_EVENT_MIN_BYTES && p->event_bytes % 2 == 0 &&
                fadt[FADT_PM1_CNT_LEN] >= PM1_CONTROL_MIN_BYTES;
    decode_registers(fadt, len, p);
    p->has_button = p->usable && (load_le32(fadt + FADT_FLAGS) & FADT_FLAG_PWR_BUTTON) == 0;
}

struct aml { /* what of a package is still to be read */
    const uint8_t *at;
    const uint8_t *end;
};

static bool aml_byte(struct aml *a, uint32_t *out)
{
    if (a->at == a->end) {
        return false;
    }
    *out = *a->at++;
    return true;
}

/* 20.2.4; narrows a to the package, whose length counts from its own first byte. */
static bool aml_enter_package(struct aml *a)
{
    const uint8_t *start = a->at;
    uint32_t lead = 0;
    if (!aml_byte(a, &lead)) {
        return false;
    }
    uint32_t more = lead >> AML_PKG_LENGTH_BYTES_SHIFT;
    uint32_t length = lead & (more == 0 ? AML_PKG_LENGTH_ALONE_MASK : AML_PKG_LENGTH_LOW_MASK);
    for (uint32_t i = 0; i < more; i++) {
        uint32_t byte = 0;
        if (!aml_byte(a, &byte)) {
            return false;
        }
        length |= byte << (4 + 8 * i);
    }
    if (length < (size_t)(a->at - start) || length > (size_t)(a->end - start)) {
        return false;
    }
    a->end = start + length;
    return true;
}

/* 20.2.3, the integers up to 32 bits. */
static bool aml_integer(struct aml *a, uint32_t *out)
{
    uint32_t op = 0;
    if (!aml_byte(a, &op)) {
        return false;
    }
    if (op == AML_ZERO || op == AML_ONE) {
        *out = op;
        return true;
    }
    uint32_t bytes = op == AML_BYTE ? 1 : op == AML_WORD ? 2 : op == AML_DWORD ? 4 : 0;
    *out = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        uint32_t byte = 0;
        if (!aml_byte(a, &byte)) {
            return false;
        }
        *out |= byte << (8 * i);
    }
    return bytes != 0;
}

/* 7.4.2: two integers or more; or one with both in its lowest bytes, as some boards have it. */
static bool read_sleep_types(struct aml a, uint8_t types[ACPI_PM1_COUNT])
{
    uint32_t op = 0;
    uint32_t count = 0;
    uint32_t value[ACPI_PM1_COUNT] = {0};
    if (!aml_byte(&a, &op) || op != AML_PACKAGE || !aml_enter_package(&a) ||
        !aml_byte(&a, &count) || count == 0 || !aml_integer(&a, &value[0])) {
        return false;
    }
    if (count == 1) {
        value[1] = value[0] >> 8 & 0xff;
        value[0] &= 0xff;
    } else if (!aml_integer(&a, &value[1])) {
        return false;
    }
    if (value[0] > SLEEP_TYPE_MAX || value[1] > SLEEP_TYPE_MAX) {
        return false;
    }
    types[0] = (uint8_t)value[0];
    types[1] = (uint8_t)value[1];
    return true;
}

/* Name(_S5_, or Name(\_S5_: the same four letters elsewhere are a use of it, or chance. */
static bool is_declared(const uint8_t *table, size_t at)
{
    assert(at > TABLE_HEADER_BYTES);
    return table[at - 1] == AML_NAME || (table[at - 1] == AML_ROOT && table[at - 2] == AML_NAME);
}

bool acpi_find_s5(const uint8_t *table, size_t len, uint8_t types[ACPI_PM1_COUNT])
{
    static const char name[] = "_S5_";
    const size_t name_bytes = sizeof(name) - 1;
    for (size_t at = TABLE_HEADER_BYTES + 1; len >= name_bytes && at <= len - name_bytes; at++) {
        struct aml body = {table + at + name_bytes, table + len};
        if (table[at + 1] == name[1] && memcmp(table + at, name, name_bytes) == 0 &&
            is_declared(table, at) && read_sleep_types(body, types)) {
            return true;
        }
    }
    return false;
}
