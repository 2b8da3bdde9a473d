/*
 * The serial port over a UART of the test's with a FIFO of 16 bytes: nothing is written to a full
 * one, also when a panic comes in between; one that is missing or stuck holds nobody for long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/base.h"

/* Instead of the processor's. */
#define ARCH_X86_64_CPU_CPU_H
static uint8_t in8(uint16_t port);
static void out8(uint16_t port, uint8_t v);
#include "arch/x86_64/console/serial.c"

enum {
    FIFO_BYTES = 16,
};

static struct {
    bool missing;
    bool stuck; /* it sends nothing */
    uint8_t scratch, lcr;
    uint32_t fifo;     /* bytes in it */
    uint32_t overruns; /* written to a full one: lost */
    uint32_t reads;
    uint32_t reads_a_byte; /* how many looks a byte takes to leave */
    char text[4096];
    size_t len;
    uint32_t accesses;
    uint32_t stop_at; /* the access at which a panic comes; 0: never */
    jmp_buf panic;
} uart;

static uint8_t in8(uint16_t port)
{
    uart.reads++;
    if (uart.missing) {
        return 0xff;
    }
    if (++uart.accesses == uart.stop_at) {
        longjmp(uart.panic, 1);
    }
    if (port == COM1_PORT + UART_SCRATCH) {
        return uart.scratch;
    }
    if (port != COM1_PORT + UART_LSR) {
        return 0;
    }
    if (!uart.stuck && uart.fifo > 0 && uart.reads % uart.reads_a_byte == 0) {
        uart.fifo--;
    }
    return uart.fifo == 0 ? UART_LSR_TX_EMPTY : 0;
}

static void out8(uint16_t port, uint8_t v)
{
    if (uart.missing) {
        return;
    }
    if (port == COM1_PORT + UART_LCR) {
        uart.lcr = v;
    } else if (port == COM1_PORT + UART_SCRATCH) {
        uart.scratch = v;
    } else if (port == COM1_PORT + UART_DATA && (uart.lcr & UART_LCR_DLAB) == 0) {
        if (uart.fifo == FIFO_BYTES) {
            uart.overruns++;
        } else {
            uart.fifo++;
            uart.text[uart.len++ % sizeof(uart.text)] = (char)v;
        }
    }
    /* Behind the access: what was written is in the FIFO, and the driver does not know yet. */
    if (++uart.accesses == uart.stop_at) {
        longjmp(uart.panic, 1);
    }
}

static void begin(void)
{
    memset(&uart, 0, sizeof(uart));
    memset(&serial, 0, sizeof(serial));
    uart.reads_a_byte = 3;
    assert_true(serial_init());
    uart.len = 0;
}

static void a_long_text_goes_out_whole(void **state)
{
    static const char line[] = "the quick brown fox jumps over the lazy dog\n";
    begin();
    for (uint32_t i = 0; i < 50; i++) {
        serial_write(line, sizeof(line) - 1);
    }
    assert_int_equal(uart.overruns, 0);
    assert_int_equal(uart.len, 50 * sizeof(line)); /* a CR each */
    assert_memory_equal(uart.text + sizeof(line) - 2, "\r\nthe", 5);
}

static void a_panic_at_any_access_is_heard(void **state)
{
    static const char message[] = "panic: in the middle of it";
    for (volatile uint32_t at = 1; at < 200; at++) {
        begin();
        uart.accesses = 0;
        uart.stop_at = at;
        if (setjmp(uart.panic) == 0) {
            serial_write("0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                         144);
            fail_msg("no access %u", (unsigned)at);
        }
        uart.stop_at = 0;
        serial_write(message, sizeof(message) - 1);
        assert_int_equal(uart.overruns, 0);
        assert_memory_equal(uart.text + uart.len - (sizeof(message) - 1), message,
                            sizeof(message) - 1);
    }
}

/* The first wait has a bound, and who finds it stuck again does not wait: until bytes leave. */
static void a_stuck_port_holds_nobody(void **state)
{
    begin();
    uart.stuck = true;
    serial_write("0123456789abcdefX", 17);
    assert_in_range(uart.reads, 1, SERIAL_WAIT_MAX_POLLS + 100);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t before = uart.reads;
        serial_write("more of it\n", 11);
        assert_int_equal(uart.reads - before, 1);
    }
    assert_int_equal(uart.overruns, 0);
    uart.stuck = false;
    for (uint32_t i = 0; i < FIFO_BYTES * 3; i++) {
        serial_write("", 0);
        (void)in8(COM1_PORT + UART_LSR); /* time passes */
    }
    uart.len = 0;
    serial_write("back\n", 5);
    assert_memory_equal(uart.text, "back\r\n", 6);
}

static void a_missing_port_is_found_missing(void **state)
{
    memset(&uart, 0, sizeof(uart));
    memset(&serial, 0, sizeof(serial));
    uart.missing = true;
    assert_false(serial_init());
    assert_in_range(uart.reads, 1, 3 * SERIAL_WAIT_MAX_POLLS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_text_goes_out_whole),
        cmocka_unit_test(a_panic_at_any_access_is_heard),
        cmocka_unit_test(a_stuck_port_holds_nobody),
        cmocka_unit_test(a_missing_port_is_found_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
