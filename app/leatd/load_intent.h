/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_INTENT_H
#define LEAT_LOAD_INTENT_H

/* load_intent: what is planned of a run, at first and after `leat ctl rate`.
 *
 *	leat ctl rate ─► leat_ctl_rate ─ words ─► leat_load_intent_look: control thread
 *	                     ▲                             │ a leg more for each shard
 *	                     └────────── answer ───────────┘
 *
 * The change holds from an instant on that is ahead, or named: segments that are told the same rate
 * and instant have the same plan, and sum to it.  There is one of a process, as there is one plan.
 *
 * Units      as load_plan.h.
 * Affinity   the control thread; leat_ctl_rate: any.
 * Errors     a rate that is none, is past, or needs more tuples than there are is refused, and
 *            nothing changes.  No change is begun while a shard does not turn; one that
 *            stands still since is named, and carries out what it was told when it wakes.
 * See        load_plan.h for what becomes of the plan; load_result.h for what is told of it. */

#include "load_view.h"

/* leat_load_intent_begin fills what was planned. */
void leat_load_intent_begin(
	struct load_result *r, const struct load_options *o, const struct load_need *need);

/* leat_load_intent_look carries out a change that is asked for, if one is; need is what v has.
 * From the first look on the rate can be changed, until leat_load_intent_end. */
void leat_load_intent_look(struct load_view *v, struct load_need *need);
void leat_load_intent_end(void);

#endif
