/*
 * Of <sys/reboot.h> what ends the machine that the server runs on: as on Linux, where it takes the
 * privilege to do so (CAP_SYS_BOOT) and is done at once. Here every connection is ended first: its
 * peer gets all that is queued for it and a FIN, for 2 s at most.
 */
#ifndef RINGSIDE_SYS_REBOOT_H
#define RINGSIDE_SYS_REBOOT_H

#define RB_AUTOBOOT    0x01234567 /* the machine starts anew */
#define RB_HALT_SYSTEM 0xcdef0123 /* it stands still, and stays on */
#define RB_POWER_OFF   0x4321fedc

/*
 * Does not return, and no thread runs any more. -1 with EINVAL when cmd is none of the above. A
 * hosted program ends: with status 0, and 1 for RB_AUTOBOOT.
 */
int reboot(int cmd) __asm__("rs_reboot");

#endif
