/*
 * arch/x86_64/cpu/cpu.h with what only a kernel may do left to the test that includes this and,
 * behind it, the file under test: ports, MSRs, CPUID, the TSC.
 */
#ifndef TESTS_FAKE_CPU_H
#define TESTS_FAKE_CPU_H

#include "arch/x86_64/cpu/cpu.h"

uint8_t fake_in8(uint16_t port);
uint32_t fake_in32(uint16_t port);
void fake_out8(uint16_t port, uint8_t v);
uint64_t fake_rdmsr(uint32_t msr);
void fake_wrmsr(uint32_t msr, uint64_t v);
struct cpuid_regs fake_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t fake_rdtsc(void);

#define in8   fake_in8
#define in32  fake_in32
#define out8  fake_out8
#define rdmsr fake_rdmsr
#define wrmsr fake_wrmsr
#define cpuid fake_cpuid
#define rdtsc fake_rdtsc

#endif
