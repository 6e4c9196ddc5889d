/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_assert.h"
#include "service_set.h"

#include <stdio.h>

STATIC_ASSERT(PROG_PERIOD == SERVICE_PERIOD, "one pattern of octets");
STATIC_ASSERT(PROG_PIECE == SERVICE_PIECE_OCTETS, "and one table of it");

const char *leat_service_program_error(
	const struct service_config *config, uint32_t i, char *text, size_t size)
{
	char why[PROG_WHY_MAX] = "no text";
	const char *program = config->listen[i].program;
	struct prog prog;

	if (program && leat_prog_parse(&prog, program, why, sizeof(why)))
		return NULL;
	snprintf(text, size, "service.listen[%u].program: %s", i, why);
	return text;
}

static enum service_step wrong(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	set->counters.wrong++;
	return leat_service_abort(set, s, c);
}

/* The program said nothing about closing: the peer is to do it first, unless we are told to. */
static enum service_step done(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	if (set->config.close == SERVICE_CLOSE_SERVER && !c->run.shut)
		return leat_service_linger(set, s, c);
	c->phase = SERVICE_PH_WAIT;
	return SERVICE_STEP_ON;
}

enum service_step leat_service_program(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	struct prog_env *env = &set->env[c->listen_idx];
	uint64_t in = env->octets_in, out = env->octets_out, for_ns = 0;
	enum prog_step step;

	if (set->draining && c->run.in_at == 0 && c->run.out_at == 0)
		return leat_service_linger(set, s, c); /* nothing is under way */
	step = leat_prog_step(env, &c->run, s, c->conn, &for_ns);
	set->counters.octets_in += env->octets_in - in;
	set->counters.octets_out += env->octets_out - out;
	switch (step) {
	case PROG_STEP_ANSWER:
		set->counters.answers++;
		return SERVICE_STEP_ON;
	case PROG_STEP_ROOM:
	case PROG_STEP_AGAIN:
		return leat_service_stall(set, s, c);
	case PROG_STEP_PAUSE:
		c->phase = SERVICE_PH_PAUSE;
		leat_timer_wheel_set(set->pause, (uint32_t)(c - set->conn), leat_now(s) + for_ns);
		return SERVICE_STEP_WAIT;
	case PROG_STEP_DONE:
		return done(set, s, c);
	case PROG_STEP_CLOSE:
		return leat_service_linger(set, s, c);
	case PROG_STEP_ABORT:
		return leat_service_abort(set, s, c);
	case PROG_STEP_WRONG:
	case PROG_STEP_LONG:
		return wrong(set, s, c);
	case PROG_STEP_SHORT:
		set->counters.early++;
		return leat_service_close(set, s, c);
	case PROG_STEP_WAIT:
	case PROG_STEP_ENDED:
		break;
	}
	return SERVICE_STEP_WAIT;
}
