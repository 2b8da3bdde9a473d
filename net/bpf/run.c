/*
 * The interpreter: see bpf_run. Each instruction is one the check has let in.
 */
#include "kernel/bytes.h"
#include "net/bpf/bpf.h"

struct machine {
    uint32_t a, x;
    uint32_t mem[BPF_MEM_WORDS];
    const uint8_t *packet;
    size_t have;
    size_t total;
};

/* A word, half or byte at an offset; false: it is not there. */
static inline bool load(const struct machine *m, uint32_t code, uint64_t at, uint32_t *value)
{
    uint32_t size = code & BPF_SIZE_MASK;
    size_t bytes = size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
    if (at + bytes > m->have) {
        return false;
    }
    const uint8_t *p = m->packet + at;
    *value = bytes == 4 ? load_be32(p) : bytes == 2 ? load_be16(p) : *p;
    return true;
}

/* False: the packet is not there so far. */
static bool load_insn(struct machine *m, const struct bpf_insn *i)
{
    switch (i->code) {
    case BPF_LD | BPF_IMM:
        m->a = i->k;
        return true;
    case BPF_LD | BPF_LEN:
        m->a = (uint32_t)m->total;
        return true;
    case BPF_LD | BPF_MEM:
        m->a = m->mem[i->k];
        return true;
    case BPF_LDX | BPF_IMM:
        m->x = i->k;
        return true;
    case BPF_LDX | BPF_LEN:
        m->x = (uint32_t)m->total;
        return true;
    case BPF_LDX | BPF_MEM:
        m->x = m->mem[i->k];
        return true;
    case BPF_LDX | BPF_B | BPF_MSH:
        if (!load(m, BPF_B, i->k, &m->x)) {
            return false;
        }
        m->x = (m->x & 0xf) * 4;
        return true;
    default: {
        uint64_t from = (i->code & BPF_IND) != 0 ? m->x : 0;
        return load(m, i->code, from + i->k, &m->a);
    }
    }
}

/* False: a division by 0. */
static bool alu_insn(struct machine *m, const struct bpf_insn *i)
{
    uint32_t by = (i->code & BPF_X) != 0 ? m->x : i->k;
    switch (i->code & BPF_OPERATION_MASK) {
    case BPF_ADD:
        m->a += by;
        break;
    case BPF_SUB:
        m->a -= by;
        break;
    case BPF_MUL:
        m->a *= by;
        break;
    case BPF_DIV:
        if (by == 0) {
            return false;
        }
        m->a /= by;
        break;
    case BPF_MOD:
        if (by == 0) {
            return false;
        }
        m->a %= by;
        break;
    case BPF_OR:
        m->a |= by;
        break;
    case BPF_AND:
        m->a &= by;
        break;
    case BPF_XOR:
        m->a ^= by;
        break;
    case BPF_LSH:
        m->a = by < 32 ? m->a << by : 0;
        break;
    case BPF_RSH:
        m->a = by < 32 ? m->a >> by : 0;
        break;
    default: /* BPF_NEG */
        m->a = 0 - m->a;
    }
    return true;
}

/* How many instructions are passed over. */
static uint32_t jump_insn(const struct machine *m, const struct bpf_insn *i)
{
    uint32_t with = (i->code & BPF_X) != 0 ? m->x : i->k;
    switch (i->code & BPF_OPERATION_MASK) {
    case BPF_JEQ:
        return m->a == with ? i->jt : i->jf;
    case BPF_JGT:
        return m->a > with ? i->jt : i->jf;
    case BPF_JGE:
        return m->a >= with ? i->jt : i->jf;
    case BPF_JSET:
        return (m->a & with) != 0 ? i->jt : i->jf;
    default: /* BPF_JA */
        return i->k;
    }
}

static void move_insn(struct machine *m, const struct bpf_insn *i)
{
    if (i->code == BPF_ST) {
        m->mem[i->k] = m->a;
    } else if (i->code == BPF_STX) {
        m->mem[i->k] = m->x;
    } else if (i->code == (BPF_MISC | BPF_TAX)) {
        m->x = m->a;
    } else {
        m->a = m->x; /* BPF_TXA */
    }
}

uint32_t bpf_run(const struct bpf_insn *program, const uint8_t *packet, size_t have, size_t total)
{
    struct machine m = {.packet = packet, .have = have, .total = total};
    for (const struct bpf_insn *i = program;; i++) {
        bool good = true;
        switch (i->code & BPF_CLASS_MASK) {
        case BPF_LD:
        case BPF_LDX:
            good = load_insn(&m, i);
            break;
        case BPF_ALU:
            good = alu_insn(&m, i);
            break;
        case BPF_JMP:
            i += jump_insn(&m, i);
            break;
        case BPF_RET:
            return (i->code & BPF_A) != 0 ? m.a : i->k;
        default:
            move_insn(&m, i);
        }
        if (!good) {
            return 0;
        }
    }
}
