/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CAPS_H
#define LEAT_CAPS_H

/* caps: what this process may do beyond its user, given away once nothing new is made.
 *
 * Linux keeps capabilities per thread, and not all threads are ours: EAL runs its interrupts,
 * telemetry and messages in threads of its own, and a driver may have more.  So each thread there
 * is gets a signal whose handler drops, and /proc tells which have: what one says of itself is not
 * asked.  The signal is SIGURG: one that comes too late is ignored by default.  Calls that the
 * kernel does not restart after a signal end early; EAL's threads, as ours, turn and wait again.
 *
 * Root without capabilities is the owner of root's files and nothing more: what is to be removed
 * at the end must lie in a directory that is its own (plane_dir.h).
 *
 * Affinity   the main thread, while lcores wait for their first task; threads made later inherit.
 * Errors     none: what cannot be dropped is a line on stderr.
 * See        capabilities(7). */

#include <stdint.h>

/* leat_caps_drop leaves to every thread of this process of its capabilities only those in keep, a
 * bit for each by its number, inheritable and ambient none; and no program it runs gets more. */
void leat_caps_drop(uint64_t keep);

#endif
