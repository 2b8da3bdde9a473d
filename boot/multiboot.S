/*
 * The two headers a boot loader looks for near the start of the file. linker.ld puts them first:
 * inside the first 8192 bytes for Multiboot 1 (0.6.96, section 3.1), the first 32768 for
 * Multiboot 2 (2.0, section 3.1). One ELF32 file carries both; the loader takes the one it knows.
 */
        .set MB1_MAGIC, 0x1badb002
        .set MB1_ALIGN_MODULES, 1 << 0  /* section 3.1.2 */
        .set MB1_WANT_MEMORY, 1 << 1
        .set MB1_FLAGS, MB1_ALIGN_MODULES | MB1_WANT_MEMORY

        .set MB2_MAGIC, 0xe85250d6
        .set MB2_ARCH_I386, 0
        .set MB2_TAG_INFO_REQUEST, 1
        .set MB2_TAG_CONSOLE, 4
        .set MB2_TAG_FRAMEBUFFER, 5
        .set MB2_TAG_END, 0
        .set MB2_OPTIONAL, 1            /* a loader that does not know the tag boots all the same */
        .set MB2_CONSOLE_EGA_TEXT, 1 << 1
        .set MB2_INFO_MMAP, 6

        .section .multiboot, "a", @progbits
        .balign 8
        .long MB1_MAGIC
        .long MB1_FLAGS
        .long -(MB1_MAGIC + MB1_FLAGS)

        .balign 8
mb2_header:
        .long MB2_MAGIC
        .long MB2_ARCH_I386
        .long mb2_header_end - mb2_header
        .long -(MB2_MAGIC + MB2_ARCH_I386 + (mb2_header_end - mb2_header))

        /* section 3.1.4: without a memory map there is nothing to run in; the rest we can miss */
mb2_info:
        .short MB2_TAG_INFO_REQUEST, 0
        .long mb2_info_end - mb2_info
        .long MB2_INFO_MMAP
mb2_info_end:

        /* section 3.1.9: text mode is understood, so that GRUB leaves it on */
        .balign 8
        .short MB2_TAG_CONSOLE, MB2_OPTIONAL
        .long 12
        .long MB2_CONSOLE_EGA_TEXT

        /*
         * section 3.1.10: pixels are understood, in whatever mode. UEFI has nothing else; on a BIOS
         * GRUB leaves text on if it has no video driver. Multiboot 1 has a flag for it (bit 2),
         * which is not set: QEMU's -kernel would complain of it at every start, and on UEFI that
         * protocol has no ACPI root pointer to go on with.
         */
        .balign 8
        .short MB2_TAG_FRAMEBUFFER, MB2_OPTIONAL
        .long 20
        .long 0, 0, 0                   /* width, height, depth: no preference */

        .balign 8
        .short MB2_TAG_END, 0
        .long 8
mb2_header_end:

        .section .note.GNU-stack, "", @progbits
