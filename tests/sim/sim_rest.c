/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_time.h"
#include "tcp_tw.h"

#include <stdlib.h>

/* 12, for TIME-WAIT as a record: each lasts until its end, from the first look at it to the last,
 * unless a reset that it may obey or an heir that is open ends it. */

static _Noreturn void broken(struct sim_world *w, const struct tuple *t, const char *what)
{
	leat_sim_fail(w, "%s (record, ports %u and %u)", what, t->lport, t->rport);
}

static struct sim_rest *rest_of(struct sim_shard *s, const struct tuple *tuple)
{
	for (uint32_t i = 0; i < s->rest_cnt; i++)
		if (tuple_eq(&s->rest[i].tuple, tuple))
			return &s->rest[i];
	return NULL;
}

static void rest_add(struct sim_shard *s, const struct sim_rest *rest)
{
	if (s->rest_cnt == s->rest_max) {
		s->rest_max = 2 * s->rest_max + 16;
		s->rest = realloc(s->rest, s->rest_max * sizeof(*s->rest));
		ASSERT(s->rest != NULL);
	}
	s->rest[s->rest_cnt++] = *rest;
}

/* An heir that is open, or was until a moment ago: what a tcb was tells one that is free, too. */
static bool has_heir(
	const struct sim_shard *s, const struct tcp_limits *limits, const struct sim_rest *rest)
{
	struct tcp_engine *e = leat_stack_engine(s->stack);

	for (uint32_t i = 0; i < limits->tcb_max; i++) {
		const struct tcb *t = leat_tcp_tcb(e, i);

		struct tuple tuple;

		leat_tcp_tuple(e, t, &tuple);
		if (tuple_eq(&tuple, &rest->tuple) && t->opened_at >= rest->seen_at &&
			!tcp_syn_unacked(t))
			return true;
	}
	return false;
}

static void look(struct sim_world *w, struct sim_shard *s, uint32_t name, uint64_t now,
	const struct stack_config *config)
{
	struct tcp_engine *e = leat_stack_engine(s->stack);
	struct sim_rest fresh = {.ends_at = leat_tcp_tw_ends_at(e, name), .seen_at = now};

	leat_tcp_tw_tuple(e, name, &fresh.tuple);
	struct sim_rest *rest = rest_of(s, &fresh.tuple);

	if (fresh.ends_at > now + config->knobs.two_msl_ns)
		broken(w, &fresh.tuple, "12 TIME-WAIT is longer than 2MSL");
	if (!rest) {
		rest_add(s, &fresh);
		rest = &s->rest[s->rest_cnt - 1];
	}
	if (fresh.ends_at < rest->ends_at)
		broken(w, &fresh.tuple, "12 TIME-WAIT was made shorter");
	rest->ends_at = fresh.ends_at;
	rest->there = true;
}

void leat_sim_check_rest(
	struct sim_world *w, struct sim_shard *s, const struct stack_config *config, uint64_t now)
{
	struct tcp_engine *e = leat_stack_engine(s->stack);
	uint32_t places = UINT32_MAX, unit = 0, name;

	leat_tcp_tw_check(e);
	for (uint32_t i = 0; i < s->rest_cnt; i++)
		s->rest[i].there = false;
	while (leat_tcp_tw_scan(e, &unit, &places, &name))
		look(w, s, name, now, config);
	for (uint32_t i = 0; i < s->rest_cnt;) {
		struct sim_rest gone = s->rest[i];

		if (gone.there) {
			i++;
			continue;
		}
		s->rest[i] = s->rest[--s->rest_cnt];
		bool may_end = config->knobs.rst_ends_time_wait || config->knobs.time_wait_evict;

		if (now < gone.ends_at && w->plan.check_every == 1 && !may_end &&
			!has_heir(s, &config->tcp, &gone))
			broken(w, &gone.tuple, "12 TIME-WAIT ended before 2MSL");
	}
}
