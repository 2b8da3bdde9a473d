/*
 * COM1, write only, by polling: 115200 baud, 8 data bits, no parity. The port may be missing, and
 * a port that is there may stop taking bytes: no call waits longer than SERIAL_WAIT_MAX_POLLS.
 * National Semiconductor PC16550D data sheet, section 8.
 */
#include "arch/x86_64/console/device.h"
#include "arch/x86_64/cpu/cpu.h"

enum {
    COM1_PORT = 0x3f8,
    UART_DATA = 0, /* register offsets; with DLAB set, 0 and 1 are the divisor */
    UART_IER = 1,
    UART_FCR = 2,
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5,
    UART_SCRATCH = 7,

    UART_FCR_ENABLE_CLEAR = 0x07,
    UART_LCR_8N1 = 0x03,
    UART_LCR_DLAB = 0x80,
    UART_MCR_DTR_RTS = 0x03,
    UART_MCR_LOOP = 0x10,
    UART_LSR_DATA = 1 << 0,
    UART_LSR_TX_EMPTY = 1 << 5,
    UART_DIVISOR_115200 = 1,
    UART_FIFO_BYTES = 16,

    /* A port access takes 100 ns or more: at least the 1.4 ms that a full FIFO takes to drain. */
    SERIAL_WAIT_MAX_POLLS = 50000,
};

static struct {
    uint32_t room; /* bytes that fit into the FIFO without asking */
    bool stalled;  /* the last wait ran out: do not wait again until the port takes bytes */
} serial;

static void set(uint16_t reg, uint8_t value)
{
    out8(COM1_PORT + reg, value);
}

static uint8_t get(uint16_t reg)
{
    return in8(COM1_PORT + reg);
}

static bool wait_for(uint8_t status_bit, uint32_t max_polls)
{
    for (uint32_t i = 0; i < max_polls; i++) {
        if ((get(UART_LSR) & status_bit) != 0) {
            return true;
        }
    }
    return false;
}

static bool holds_scratch(uint8_t pattern)
{
    set(UART_SCRATCH, pattern);
    set(UART_IER, 0); /* something else on the bus, so that it cannot echo by itself */
    return get(UART_SCRATCH) == pattern;
}

/* The first UARTs have no scratch register: send a byte to itself. */
static bool loops_back(void)
{
    const uint8_t probe = 0xae;
    set(UART_MCR, UART_MCR_LOOP | UART_MCR_DTR_RTS);
    set(UART_DATA, probe);
    return wait_for(UART_LSR_DATA, SERIAL_WAIT_MAX_POLLS) && get(UART_DATA) == probe;
}

bool serial_init(void)
{
    const uint8_t nothing = 0xff; /* what an empty bus reads as */
    if (get(UART_LSR) == nothing) {
        return false;
    }
    set(UART_IER, 0);
    set(UART_LCR, UART_LCR_DLAB);
    set(UART_DATA, UART_DIVISOR_115200);
    set(UART_IER, 0);
    set(UART_LCR, UART_LCR_8N1);
    set(UART_FCR, UART_FCR_ENABLE_CLEAR);
    bool present = (holds_scratch(0x5a) && holds_scratch(0xa5)) || loops_back();
    set(UART_MCR, UART_MCR_DTR_RTS);
    return present;
}

/* False when the port takes no bytes: the byte is lost. */
static bool put(char c)
{
    if (serial.room == 0) {
        if (!wait_for(UART_LSR_TX_EMPTY, serial.stalled ? 1 : SERIAL_WAIT_MAX_POLLS)) {
            serial.stalled = true;
            return false;
        }
        serial.stalled = false;
        serial.room = UART_FIFO_BYTES;
    }
    serial.room--; /* first: a panic in between finds it too small rather than too large */
    set(UART_DATA, (uint8_t)c);
    return true;
}

void serial_write(const char *text, size_t len)
{
    assert(text != NULL || len == 0);
    for (size_t i = 0; i < len; i++) {
        if ((text[i] == '\n' && !put('\r')) || !put(text[i])) {
            return;
        }
    }
}
