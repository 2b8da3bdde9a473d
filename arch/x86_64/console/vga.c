/*
 * The 80x25 text screen, write only. A copy of the screen in RAM makes scrolling cheap: device
 * memory is slow to read. There is no such screen on UEFI machines: it is probed for, and a VGA
 * that shows graphics is left alone.
 * IBM VGA: text memory at 0xb8000, CRT controller at 0x3d4 (colour), graphics controller at 0x3ce.
 */
#include <string.h>

#include "arch/x86_64/console/device.h"
#include "arch/x86_64/cpu/cpu.h"

enum {
    VGA_TEXT_ADDRESS = 0xb8000,
    VGA_COLUMNS = 80,
    VGA_ROWS = 25,
    VGA_CELLS = VGA_COLUMNS * VGA_ROWS,
    CELLS_PER_STORE = 4,
    VGA_TAB_COLUMNS = 8,
    VGA_ATTRIBUTE = 0x07 << 8, /* light grey on black */
    VGA_CELL_BLANK = VGA_ATTRIBUTE | ' ',

    CRTC_INDEX = 0x3d4,
    CRTC_DATA = 0x3d5,
    CRTC_START_HIGH = 0x0c,
    CRTC_START_LOW = 0x0d,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_CURSOR_LOW = 0x0f,

    GRAPHICS_INDEX = 0x3ce,
    GRAPHICS_DATA = 0x3cf,
    GRAPHICS_MISC = 0x06,
    MISC_GRAPHICS_MODE = 1 << 0, /* also what an empty bus reads as */
};

static struct {
    uint32_t row, column;
    uint16_t cells[VGA_CELLS]; /* what the screen shows */
} vga __attribute__((aligned(sizeof(uint64_t))));

static_assert(VGA_CELLS % CELLS_PER_STORE == 0, "the screen is a whole number of stores");

static volatile uint16_t *screen(void)
{
    return (volatile uint16_t *)(uintptr_t)VGA_TEXT_ADDRESS;
}

static void crtc_set(uint8_t reg_high, uint8_t reg_low, uint16_t value)
{
    out8(CRTC_INDEX, reg_high);
    out8(CRTC_DATA, (uint8_t)(value >> 8));
    out8(CRTC_INDEX, reg_low);
    out8(CRTC_DATA, (uint8_t)value);
}

/* Four cells a store: each store to the device costs the same. */
static void show_all(void)
{
    volatile uint64_t *to = (volatile uint64_t *)(uintptr_t)VGA_TEXT_ADDRESS;
    for (size_t i = 0; i < VGA_CELLS; i += CELLS_PER_STORE) {
        uint64_t four;
        memcpy(&four, &vga.cells[i], sizeof(four));
        to[i / CELLS_PER_STORE] = four;
    }
}

static bool cell_holds(uint16_t pattern)
{
    screen()[0] = pattern;
    screen()[1] = (uint16_t)~pattern; /* so that the bus cannot echo the pattern by itself */
    return screen()[0] == pattern;
}

/* Where no display adapter is, RAM may still answer at its address: its registers do not. */
static bool cursor_holds(uint8_t pattern)
{
    out8(CRTC_INDEX, CRTC_CURSOR_LOW);
    out8(CRTC_DATA, pattern);
    out8(CRTC_INDEX, CRTC_CURSOR_HIGH); /* something else on the bus in between */
    out8(CRTC_INDEX, CRTC_CURSOR_LOW);
    return in8(CRTC_DATA) == pattern;
}

/* The first to be asked: it changes nothing. */
static bool shows_text(void)
{
    out8(GRAPHICS_INDEX, GRAPHICS_MISC);
    return (in8(GRAPHICS_DATA) & MISC_GRAPHICS_MODE) == 0;
}

bool vga_init(void)
{
    if (!shows_text()) {
        return false;
    }
    if (!cursor_holds(0x55) || !cursor_holds(0xaa) || !cell_holds(0x0755) || !cell_holds(0x07aa)) {
        return false;
    }
    for (size_t i = 0; i < VGA_CELLS; i++) {
        vga.cells[i] = VGA_CELL_BLANK;
    }
    show_all();
    crtc_set(CRTC_START_HIGH, CRTC_START_LOW, 0);
    crtc_set(CRTC_CURSOR_HIGH, CRTC_CURSOR_LOW, 0);
    return true;
}

/* In the copy only: vga_write shows it once, however many lines its text has. */
static void scroll(void)
{
    for (size_t i = 0; i < VGA_CELLS - VGA_COLUMNS; i++) {
        vga.cells[i] = vga.cells[i + VGA_COLUMNS];
    }
    for (size_t i = VGA_CELLS - VGA_COLUMNS; i < VGA_CELLS; i++) {
        vga.cells[i] = VGA_CELL_BLANK;
    }
}

static void show(uint32_t row, uint32_t column, char c)
{
    size_t at = (size_t)row * VGA_COLUMNS + column;
    assert(at < VGA_CELLS);
    vga.cells[at] = (uint16_t)(VGA_ATTRIBUTE | (uint8_t)c);
    screen()[at] = vga.cells[at];
}

/*
 * Returns true when the screen scrolled, in the copy only. The place is written at the end, where
 * it is on the screen for certain: a panic may come in between, and must be able to write.
 */
static bool put(char c)
{
    uint32_t row = vga.row;
    uint32_t column = vga.column;
    if (c == '\n') {
        column = VGA_COLUMNS;
    } else if (c == '\r') {
        column = 0;
    } else if (c == '\t') {
        column = (uint32_t)align_up(column + 1, VGA_TAB_COLUMNS);
    } else {
        show(row, column, c);
        column++;
    }
    if (column >= VGA_COLUMNS) {
        column = 0;
        row++;
    }
    bool scrolled = row >= VGA_ROWS;
    if (scrolled) {
        scroll();
        row = VGA_ROWS - 1;
    }
    vga.row = row;
    vga.column = column;
    return scrolled;
}

void vga_write(const char *text, size_t len)
{
    assert(text != NULL || len == 0);
    bool scrolled = false;
    for (size_t i = 0; i < len; i++) {
        scrolled = put(text[i]) || scrolled;
    }
    if (scrolled) {
        show_all();
    }
    crtc_set(CRTC_CURSOR_HIGH, CRTC_CURSOR_LOW, (uint16_t)(vga.row * VGA_COLUMNS + vga.column));
}
