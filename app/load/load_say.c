/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_core.h"

/* What a step that ends the connection makes of it; false: it goes on. */
static bool end_step(
	struct load *load, struct leat_stack *s, struct load_conn *c, enum prog_step step)
{
	switch (step) {
	case PROG_STEP_DONE:
		leat_load_exchanged(load, s, c, c->run.shut);
		return true;
	case PROG_STEP_CLOSE:
		if (!c->run.shut)
			leat_shutdown(s, c->conn);
		leat_load_exchanged(load, s, c, true);
		return true;
	case PROG_STEP_ABORT:
		leat_load_reset(load, s, c);
		return true;
	case PROG_STEP_WRONG:
		leat_load_fail(load, s, c, LOAD_FAIL_OCTETS);
		return true;
	case PROG_STEP_SHORT:
		leat_load_fail(load, s, c, LOAD_FAIL_SHORT);
		return true;
	case PROG_STEP_LONG:
		leat_load_fail(load, s, c, LOAD_FAIL_LONG);
		return true;
	default:
		return false;
	}
}

/* wait_step leaves it until something happens. */
static void wait_step(struct load *load, struct leat_stack *s, struct load_conn *c,
	enum prog_step step, uint64_t for_ns)
{
	if (step == PROG_STEP_PAUSE && load->stopped) {
		leat_load_part(load, s, c);
	} else if (step == PROG_STEP_PAUSE) {
		c->phase = LOAD_PH_PAUSE;
		leat_timer_ring_stop(load->timeout, load_idx(load, c));
		leat_load_pause(load, s, c, for_ns);
	} else if (step == PROG_STEP_ROOM) {
		load->counters.send_waits++;
		leat_load_pause(load, s, c, LOAD_RETRY_NS);
	} else if (step == PROG_STEP_AGAIN) {
		leat_load_pause(load, s, c, 0);
	}
}

void leat_load_say(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	uint64_t for_ns = 0, before = c->run.in_at + c->run.out_at;
	enum prog_step step;

	do {
		uint64_t out_at = c->run.out_at;

		step = leat_prog_step(&load->env, &c->run, s, c->conn, &for_ns);
		if (c->run.in_at)
			leat_load_answer(load, s, c);
		if (step == PROG_STEP_ANSWER) {
			leat_load_response(load, s, c);
			if (load->stopped && c->run.pc < load->prog->op_cnt && !c->run.shut)
				break;
		}
		if (c->run.out_at != out_at || step == PROG_STEP_ANSWER)
			c->asked_at = leat_now(s);
	} while (step == PROG_STEP_ANSWER);
	if (step == PROG_STEP_ANSWER) {
		leat_load_part(load, s, c);
	} else if (!end_step(load, s, c, step)) {
		if (c->run.in_at + c->run.out_at != before)
			leat_load_watch(load, s, c);
		wait_step(load, s, c, step, for_ns);
	}
}
