/*
 * Start-up of the stack protector.
 */
#ifndef ARCH_X86_64_CPU_CANARY_H
#define ARCH_X86_64_CPU_CANARY_H

/* Gives the value something an attacker cannot know. The caller must be a function that never
 * returns: the value changes under it. Start-up, the first thing. */
void canary_seed(void);

#endif
