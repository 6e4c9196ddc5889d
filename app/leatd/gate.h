/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_GATE_H
#define LEAT_GATE_H

/* gate: the word on which a load that was told to wait begins.
 *
 *	leat ctl start ─► ctl's thread: leat_ctl_begin ─┐
 *	kill -USR1     ─► pending ──────────────────────┴─► leat_gate_look: control thread
 *
 * There is one of a process, as there is one plan.
 *
 * Units      ns since 1970.
 * Affinity   block: before other threads; shut: the main thread; look: the control thread;
 *            leat_ctl_begin: any. */

#include <stdbool.h>
#include <stdint.h>

/* leat_gate_block keeps SIGUSR1 for leat_gate_look, in this thread and those it will make. */
void leat_gate_block(void);

/* leat_gate_shut: from now on the word is waited for; one that comes early is kept. */
void leat_gate_shut(void);

/* leat_gate_look says whether the word has come, and for which instant; 0: at once. */
bool leat_gate_look(uint64_t *at);

#endif
