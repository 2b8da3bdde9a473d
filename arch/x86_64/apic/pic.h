/*
 * The 8259s, for apic.c.
 */
#ifndef ARCH_X86_64_APIC_PIC_H
#define ARCH_X86_64_APIC_PIC_H

/* Remaps and masks both. Start-up only. */
void pic_init(void);

#endif
