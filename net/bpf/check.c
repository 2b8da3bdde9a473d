/*
 * What a program may be: see bpf_check.
 */
#include "net/bpf/bpf.h"

static bool load_good(const struct bpf_insn *i)
{
    switch (i->code) {
    case BPF_LD | BPF_IMM:
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_LEN:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_LEN:
    case BPF_LDX | BPF_B | BPF_MSH:
        return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
        return i->k < BPF_MEM_WORDS;
    default:
        return false;
    }
}

static bool alu_good(const struct bpf_insn *i)
{
    uint32_t operation = i->code & BPF_OPERATION_MASK;
    bool by_k = (i->code & BPF_X) == 0;
    if ((i->code & ~(uint32_t)(BPF_CLASS_MASK | BPF_OPERATION_MASK | BPF_X)) != 0 ||
        operation > BPF_XOR) {
        return false;
    }
    if (operation == BPF_NEG) {
        return by_k;
    }
    return !(by_k && i->k == 0 && (operation == BPF_DIV || operation == BPF_MOD));
}

/* left: how many instructions follow. */
static bool jump_good(const struct bpf_insn *i, size_t left)
{
    switch (i->code & ~(uint32_t)BPF_X) {
    case BPF_JMP | BPF_JEQ:
    case BPF_JMP | BPF_JGT:
    case BPF_JMP | BPF_JGE:
    case BPF_JMP | BPF_JSET:
        return i->jt < left && i->jf < left;
    case BPF_JMP | BPF_JA:
        return i->code == (BPF_JMP | BPF_JA) && i->k < left;
    default:
        return false;
    }
}

static bool other_good(const struct bpf_insn *i)
{
    switch (i->code) {
    case BPF_ST:
    case BPF_STX:
        return i->k < BPF_MEM_WORDS;
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
        return true;
    default:
        return false;
    }
}

static bool insn_good(const struct bpf_insn *i, size_t left)
{
    switch (i->code & BPF_CLASS_MASK) {
    case BPF_LD:
    case BPF_LDX:
        return load_good(i);
    case BPF_ALU:
        return alu_good(i);
    case BPF_JMP:
        return jump_good(i, left);
    default:
        return other_good(i);
    }
}

bool bpf_check(const struct bpf_insn *program, size_t count)
{
    if (count == 0 || count > BPF_INSNS_MAX ||
        (program[count - 1].code & BPF_CLASS_MASK) != BPF_RET) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!insn_good(&program[i], count - i - 1)) {
            return false;
        }
    }
    return true;
}
