/*
 * From the loader's 32-bit protected mode (Multiboot 0.6.96 section 3.2: flat segments, paging and
 * interrupts off, ESP undefined) to 64-bit C. What cannot run is said in plain words on COM1 and
 * in VGA text, without any of the kernel's own machinery. Intel SDM volume 3, section 9.8.5.
 *
 * The segment selectors differ between loaders and their GDT may lie in memory we shall overwrite:
 * our own is loaded before any selector is touched.
 */
        .set MB1_ENTRY_MAGIC, 0x2badb002
        .set MB2_ENTRY_MAGIC, 0x36d76289

        .set CR0_PE, 1 << 0
        .set CR0_MP, 1 << 1             /* EM and TS clear: nothing of x87 and SSE is emulated */
        .set CR0_ET, 1 << 4
        .set CR0_NE, 1 << 5
        .set CR0_WP, 1 << 16            /* read-only holds for the kernel too */
        .set CR0_PG, 1 << 31
        .set CR4_PAE, 1 << 5
        .set CR4_OSFXSR, 1 << 9         /* SSE: check_cpu */
        .set CR4_OSXMMEXCPT, 1 << 10    /* its exceptions come as #XM, not as #UD */
        .set MSR_EFER, 0xc0000080
        .set MSR_FS_BASE, 0xc0000100
        .set EFER_LME, 1 << 8
        .set EFLAGS_ID, 1 << 21
        .set CPUID_EXT1_EDX_LM, 1 << 29
        .set CPUID_1_EDX_SSE2, 1 << 24 | 1 << 25 | 1 << 26 /* FXSAVE, SSE and SSE2 */

        .set PTE_PRESENT, 1 << 0
        .set PTE_WRITE, 1 << 1
        .set PTE_LARGE, 1 << 7
        .set EARLY_GIB, 4               /* the early tables map this much, all of it writable */

        .set BOOT_STACK_BYTES, 64 * 1024

        .set SELECTOR_CODE32, 0x08
        .set SELECTOR_DATA, 0x10
        .set SELECTOR_CODE64, 0x18

        .set COM1, 0x3f8
        .set UART_LINE_CONTROL, COM1 + 3
        .set UART_LINE_STATUS, COM1 + 5
        .set UART_TX_EMPTY, 1 << 5
        .set UART_WAIT_MAX_POLLS, 100000
        .set VGA_TEXT, 0xb8000
        .set VGA_CELLS, 80 * 25
        .set VGA_BLANK_CELL, 0x0720
        .set VGA_ATTRIBUTE, 0x4f        /* white on red */

        .section .boot.text, "ax", @progbits
        .code32
        .globl boot_entry
        .type boot_entry, @function
boot_entry:
        cli
        cld
        movl %eax, %ebp                 /* magic and address survive in EBP and EBX */
        lgdt boot_gdt_pointer
        ljmp $SELECTOR_CODE32, $1f
1:      movl $SELECTOR_DATA, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        xorl %eax, %eax
        movl %eax, %fs
        movl %eax, %gs
        movl $boot_stack_top, %esp

        movl $message_no_multiboot, %esi
        cmpl $MB1_ENTRY_MAGIC, %ebp
        je 2f
        cmpl $MB2_ENTRY_MAGIC, %ebp
        jne boot_fail
2:      call check_cpu
        rdtsc                           /* time 0: a processor with long mode has a TSC */
        movl %eax, entry_tsc
        movl %edx, entry_tsc + 4
        call clear_bss
        call build_early_tables

        /* Every control register is written whole: loaders and firmware leave bits in them. */
        movl $(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT), %eax
        movl %eax, %cr4
        movl $early_pml4, %eax
        movl %eax, %cr3
        movl $MSR_EFER, %ecx
        movl $EFER_LME, %eax
        xorl %edx, %edx
        wrmsr
        movl $(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG), %eax
        movl %eax, %cr0
        ljmp $SELECTOR_CODE64, $boot_entry64
        .size boot_entry, . - boot_entry

/* Returns when the processor has long mode and SSE2. Changes EAX, ECX, EDX, ESI; keeps EBX. */
        .type check_cpu, @function
check_cpu:
        pushl %ebx
        movl $message_no_cpuid, %esi
        pushfl                          /* SDM volume 1, section 20.1.2: can EFLAGS.ID change? */
        popl %eax
        movl %eax, %ecx
        xorl $EFLAGS_ID, %eax
        pushl %eax
        popfl
        pushfl
        popl %eax
        pushl %ecx
        popfl
        xorl %ecx, %eax
        testl $EFLAGS_ID, %eax
        jz boot_fail

        movl $message_no_long_mode, %esi
        movl $0x80000000, %eax
        cpuid
        cmpl $0x80000001, %eax
        jb boot_fail
        movl $0x80000001, %eax
        cpuid
        testl $CPUID_EXT1_EDX_LM, %edx
        jz boot_fail

        movl $message_no_sse2, %esi     /* hypervisors can take it away */
        movl $1, %eax
        cpuid
        notl %edx
        testl $CPUID_1_EDX_SSE2, %edx
        jnz boot_fail
        popl %ebx
        ret
        .size check_cpu, . - check_cpu

/* ELF asks the loader for it; nothing is lost by not trusting that. The stack is not in .bss. */
        .type clear_bss, @function
clear_bss:
        movl $bss_start, %edi
        movl $bss_end, %ecx
        subl %edi, %ecx
        shrl $2, %ecx
        xorl %eax, %eax
        rep stosl
        ret
        .size clear_bss, . - clear_bss

/* Identity map of the first 4 GiB in 2 MiB pages; paging.c replaces it with the real one. */
        .type build_early_tables, @function
build_early_tables:
        movl $(early_pdpt + PTE_PRESENT + PTE_WRITE), early_pml4
        movl $early_pdpt, %edi
        movl $(early_pd + PTE_PRESENT + PTE_WRITE), %eax
        movl $EARLY_GIB, %ecx
1:      movl %eax, (%edi)
        addl $4096, %eax
        addl $8, %edi
        loop 1b
        movl $early_pd, %edi
        movl $(PTE_PRESENT | PTE_WRITE | PTE_LARGE), %eax
        movl $(EARLY_GIB * 512), %ecx
2:      movl %eax, (%edi)
        addl $(2 << 20), %eax
        addl $8, %edi
        loop 2b
        ret
        .size build_early_tables, . - build_early_tables

/*
 * ESI: the text. Says it on COM1 and on a cleared VGA screen, and stops for ever. Not on a
 * framebuffer: UEFI, which has nothing else, is of 64 bits and runs on no processor that is refused
 * here, and what is not multiboot has not told where one is. Where a VGA shows graphics the text
 * goes into memory that is not shown.
 */
        .type boot_fail, @function
boot_fail:
        movl $VGA_TEXT, %edi
        movl $(VGA_BLANK_CELL * 0x10001), %eax
        movl $(VGA_CELLS / 2), %ecx
        rep stosl
        movl $VGA_TEXT, %edi
        movl $UART_LINE_CONTROL, %edx   /* whatever speed firmware set, or 115200 8N1 */
        movb $0x80, %al
        outb %al, %dx
        movl $COM1, %edx
        movb $1, %al
        outb %al, %dx
        incl %edx
        xorl %eax, %eax
        outb %al, %dx
        movl $UART_LINE_CONTROL, %edx
        movb $0x03, %al
        outb %al, %dx
1:      lodsb
        testb %al, %al
        jz 4f
        movb $VGA_ATTRIBUTE, %ah
        stosw
        movl $UART_WAIT_MAX_POLLS, %ecx
        movl $UART_LINE_STATUS, %edx
        movb %al, %bl
2:      inb %dx, %al
        testb $UART_TX_EMPTY, %al
        jnz 3f
        loop 2b
3:      movl $COM1, %edx
        movb %bl, %al
        outb %al, %dx
        jmp 1b
4:      cli
        hlt
        jmp 4b
        .size boot_fail, . - boot_fail

        .code64
        .type boot_entry64, @function
boot_entry64:
        movl $SELECTOR_DATA, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        fninit                          /* what the ABI has at a program's start (3.4.1) */
        ldmxcsr mxcsr_initial
        movl $MSR_FS_BASE, %ecx         /* from here on functions look for their canary */
        movl $thread_block, %eax
        xorl %edx, %edx
        wrmsr
        movl %ebp, %edi                 /* start_main(magic, address, */
        movl %ebx, %esi
        movq entry_tsc, %rdx            /* entry_tsc, stack_guard) */
        movl $boot_stack_guard, %ecx
        movl $boot_stack_top, %esp
        xorl %ebp, %ebp                 /* here every backtrace ends */
        call start_main
        ud2
        .size boot_entry64, . - boot_entry64

        .section .boot.rodata, "a", @progbits
message_no_multiboot:
        .asciz "Ringside: not started by a multiboot 1 or multiboot 2 loader. Halted."
message_no_cpuid:
        .asciz "Ringside: the processor has no CPUID instruction; x86-64 is needed. Halted."
message_no_long_mode:
        .asciz "Ringside: the processor has no 64-bit long mode; x86-64 is needed. Halted."
message_no_sse2:
        .asciz "Ringside: the processor has no SSE2; all of x86-64 is needed. Halted."

        .balign 4
mxcsr_initial:
        .long 0x1f80                    /* all exceptions masked, to the nearest, no flags */
        .balign 8
boot_gdt:
        .quad 0
        .quad 0x00cf9b000000ffff        /* 0x08: 32-bit code, flat */
        .quad 0x00cf93000000ffff        /* 0x10: data, flat */
        .quad 0x00af9b000000ffff        /* 0x18: 64-bit code */
boot_gdt_end:
        .balign 4
        .short 0
boot_gdt_pointer:
        .short boot_gdt_end - boot_gdt - 1
        .long boot_gdt

        .section .data
        .balign 8
entry_tsc:                              /* written before .bss is cleared */
        .quad 0

        .section .bss.stacks, "aw", @nobits
        .balign 4096
boot_stack_guard:                       /* unmapped by start.c */
        .skip 4096
        .skip BOOT_STACK_BYTES
boot_stack_top:

        .section .bss.early, "aw", @nobits
        .balign 4096
early_pml4:
        .skip 4096
early_pdpt:
        .skip 4096
early_pd:
        .skip EARLY_GIB * 4096

        .section .note.GNU-stack, "", @progbits
