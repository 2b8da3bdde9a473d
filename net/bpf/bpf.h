/*
 * Classic BPF (McCanne and Jacobson, "The BSD Packet Filter", 1993): the instructions, a check, an
 * interpreter, and a compiler of filters in the language of pcap-filter(7). Pure functions; a
 * program is an array of instructions that its owner keeps. Packets are Ethernet frames.
 */
#ifndef NET_BPF_BPF_H
#define NET_BPF_BPF_H

#include "kernel/base.h"

struct bpf_insn {
    uint16_t code; /* class | size | mode, class | operation | source */
    uint8_t jt;    /* of a conditional jump: how many instructions it passes over when true */
    uint8_t jf;    /* and when false */
    uint32_t k;
};

enum {
    BPF_INSNS_MAX = 4096, /* of a program */
    BPF_MEM_WORDS = 16,   /* of scratch memory, 0 at the start */
    BPF_TEXT_MAX = 1024,  /* characters of a filter */
    BPF_ERROR_MAX = 160,
};

enum bpf_code {
    /* Classes. */
    BPF_LD = 0x00,
    BPF_LDX = 0x01,
    BPF_ST = 0x02,
    BPF_STX = 0x03,
    BPF_ALU = 0x04,
    BPF_JMP = 0x05,
    BPF_RET = 0x06,
    BPF_MISC = 0x07,
    /* Sizes of a load from the packet, and modes. */
    BPF_W = 0x00,
    BPF_H = 0x08,
    BPF_B = 0x10,
    BPF_IMM = 0x00,
    BPF_ABS = 0x20,
    BPF_IND = 0x40,
    BPF_MEM = 0x60,
    BPF_LEN = 0x80,
    BPF_MSH = 0xa0, /* four times the low half of a byte: the length of an IPv4 header */
    /* Operations. */
    BPF_ADD = 0x00,
    BPF_SUB = 0x10,
    BPF_MUL = 0x20,
    BPF_DIV = 0x30,
    BPF_OR = 0x40,
    BPF_AND = 0x50,
    BPF_LSH = 0x60,
    BPF_RSH = 0x70,
    BPF_NEG = 0x80,
    BPF_MOD = 0x90,
    BPF_XOR = 0xa0,
    BPF_JA = 0x00,
    BPF_JEQ = 0x10,
    BPF_JGT = 0x20,
    BPF_JGE = 0x30,
    BPF_JSET = 0x40,
    /* The parts of a code. */
    BPF_CLASS_MASK = 0x07,
    BPF_SIZE_MASK = 0x18,
    BPF_OPERATION_MASK = 0xf0,
    /* Where the second operand, or what is returned, comes from. */
    BPF_K = 0x00,
    BPF_X = 0x08,
    BPF_A = 0x10,
    BPF_TAX = 0x00,
    BPF_TXA = 0x80,
};

/*
 * Is it a program? Known instructions, jumps forward and within it, scratch memory within its
 * bounds, no division by a constant 0, and the last instruction returns: so every program ends, and
 * touches nothing but its packet. bpf_run takes no other.
 */
bool bpf_check(const struct bpf_insn *program, size_t count) must_check;

/*
 * Runs a checked program over a packet, of whose bytes the first have are there and which had total
 * of them. Returns how many of its bytes are wanted; 0: none. A load from beyond have, or a
 * division by 0, ends it with 0. Shifts by 32 and more give 0.
 */
uint32_t bpf_run(const struct bpf_insn *program, const uint8_t *packet, size_t have, size_t total);

/*
 * Compiles a filter: the primitives, operators and arithmetic of pcap-filter(7) but for those of
 * other links than Ethernet, of VLAN, MPLS and PPPoE, of names that would have to be looked up, and
 * of IPv6 addresses. Means what libpcap means. No text, or blanks alone: every packet. The program
 * returns snaplen for what passes. Returns how many instructions it has, at most max and
 * BPF_INSNS_MAX; 0: error says what is wrong where, and what is allowed. work: memory of
 * bpf_work_bytes() for as long as it lasts, aligned as for malloc.
 */
size_t bpf_compile(void *work, struct bpf_insn *out, size_t max, const char *text, uint32_t snaplen,
                   char error[BPF_ERROR_MAX]) must_check;
size_t bpf_work_bytes(void);

#endif
