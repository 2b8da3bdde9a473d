/*
 * The two 8259 interrupt controllers: moved away from the processor's exception vectors and masked
 * for ever, for the IOAPIC does their work. Intel 8259A data sheet, initialization command words.
 */
#include "arch/x86_64/apic/pic.h"
#include "arch/x86_64/cpu/cpu.h"
#include "arch/x86_64/cpu/vectors.h"

enum {
    PIC1_COMMAND_PORT = 0x20,
    PIC1_DATA_PORT = 0x21,
    PIC2_COMMAND_PORT = 0xa0,
    PIC2_DATA_PORT = 0xa1,
    DELAY_PORT = 0x80, /* POST codes: a write takes about a microsecond and does nothing */
    ICW1_INIT_WITH_ICW4 = 0x11,
    ICW3_PIC1_CASCADE_ON_2 = 1 << 2,
    ICW3_PIC2_IDENTITY = 2,
    ICW4_8086_MODE = 1,
    PIC_LINES = 8,
    MASK_ALL = 0xff,
};

/* The 8259 of old boards needs a pause between two writes. */
static void write_slowly(uint16_t port, uint8_t value)
{
    out8(port, value);
    out8(DELAY_PORT, 0);
}

/*
 * Even masked, an 8259 can deliver its spurious vector (line 7 of each): that is why they are given
 * vectors of their own, where the trap code counts and ignores them. Not where the MADT says that
 * there are none: the ports may be anything else's. Should they be there all the same, LINT0 and
 * every IOAPIC pin are masked, and so nothing of theirs arrives (SDM volume 3, 11.5.1).
 */
void pic_init(void)
{
    write_slowly(PIC1_COMMAND_PORT, ICW1_INIT_WITH_ICW4);
    write_slowly(PIC2_COMMAND_PORT, ICW1_INIT_WITH_ICW4);
    write_slowly(PIC1_DATA_PORT, VECTOR_8259_FIRST);
    write_slowly(PIC2_DATA_PORT, VECTOR_8259_FIRST + PIC_LINES);
    write_slowly(PIC1_DATA_PORT, ICW3_PIC1_CASCADE_ON_2);
    write_slowly(PIC2_DATA_PORT, ICW3_PIC2_IDENTITY);
    write_slowly(PIC1_DATA_PORT, ICW4_8086_MODE);
    write_slowly(PIC2_DATA_PORT, ICW4_8086_MODE);
    write_slowly(PIC1_DATA_PORT, MASK_ALL);
    write_slowly(PIC2_DATA_PORT, MASK_ALL);
}
