/* SPDX-License-Identifier: BSD-3-Clause */
#include "prog.h"

#include "base_assert.h"
#include "base_bits.h"

#include <string.h>

STATIC_ASSERT(sizeof(struct prog_run) <= 64, "one cache line a connection");

void leat_prog_fill(uint8_t pattern[PROG_PERIOD + PROG_PIECE])
{
	for (uint32_t i = 0; i < PROG_PERIOD + PROG_PIECE; i++)
		pattern[i] = (uint8_t)('!' + i % PROG_PERIOD);
}

bool leat_prog_right(const uint8_t *pattern, uint64_t at, const uint8_t *data, size_t octets)
{
	while (octets) {
		size_t n = octets < PROG_PIECE ? octets : PROG_PIECE;

		if (memcmp(pattern + at % PROG_PERIOD, data, n) != 0)
			return false;
		at += n;
		data += n;
		octets -= n;
	}
	return true;
}

void leat_prog_begin(struct prog_run *run, uint64_t conn)
{
	*run = (struct prog_run){.conn = conn};
}

static uint64_t draw(struct prog_env *env, struct prog_run *run, const struct prog_op *op)
{
	uint64_t bits = dist_bits(env->seed, run->conn, run->draw_cnt++);

	return leat_dist_draw(&env->prog->dist[op->dist], bits);
}

/* What a statement under way waits for, or AGAIN: it is done. */
static enum prog_step send_some(
	struct prog_env *env, struct prog_run *run, struct leat_stack *s, struct leat_conn conn)
{
	while (run->out_at < run->out_end) {
		uint64_t want = u64_min(run->out_end - run->out_at, PROG_PIECE);
		int64_t n = leat_send(s, conn, env->pattern + run->out_at % PROG_PERIOD, want);

		if (n <= 0)
			return n == LEAT_ERR_AGAIN || n == 0 ? PROG_STEP_ROOM : PROG_STEP_ENDED;
		run->out_at += (uint64_t)n;
		env->octets_out += (uint64_t)n;
	}
	return PROG_STEP_AGAIN;
}

static enum prog_step read_some(
	struct prog_env *env, struct prog_run *run, struct leat_stack *s, struct leat_conn conn)
{
	const uint8_t *data;

	while (run->in_at < run->in_end) {
		int64_t n = leat_peek(s, conn, &data);

		if (n == 0)
			return PROG_STEP_SHORT;
		if (n < 0)
			return n == LEAT_ERR_AGAIN ? PROG_STEP_WAIT : PROG_STEP_ENDED;
		n = (int64_t)u64_min((uint64_t)n, run->in_end - run->in_at);
		if (env->verify && !leat_prog_right(env->pattern, run->in_at, data, (size_t)n))
			return PROG_STEP_WRONG;
		leat_take(s, conn, (size_t)n);
		run->in_at += (uint64_t)n;
		env->octets_in += (uint64_t)n;
	}
	return PROG_STEP_AGAIN;
}

static enum prog_step exchange(
	struct prog_env *env, struct prog_run *run, struct leat_stack *s, struct leat_conn conn)
{
	enum prog_step out = send_some(env, run, s, conn), in;

	if (out == PROG_STEP_ENDED)
		return out;
	in = read_some(env, run, s, conn);
	/* What was read may have made room at the peer, not here: room is asked for again. */
	return in != PROG_STEP_AGAIN && in != PROG_STEP_WAIT ? in
	       : out == PROG_STEP_AGAIN                      ? in
							     : out;
}

static enum prog_step expect_eof(struct leat_stack *s, struct leat_conn conn)
{
	const uint8_t *data;
	int64_t n = leat_peek(s, conn, &data);

	if (n > 0)
		return PROG_STEP_LONG;
	if (n < 0)
		return n == LEAT_ERR_AGAIN ? PROG_STEP_WAIT : PROG_STEP_ENDED;
	return PROG_STEP_AGAIN;
}

/* begin does what a statement does once, when it is come to. */
static void begin(struct prog_env *env, struct prog_run *run, const struct prog_op *op)
{
	uint64_t octets = 0;

	if (op->kind == PROG_OP_SEND || op->kind == PROG_OP_EXPECT || op->kind == PROG_OP_EXCHANGE)
		octets = draw(env, run, op);
	run->out_end = run->out_at + (op->kind != PROG_OP_EXPECT ? octets : 0);
	run->in_end = run->in_at + (op->kind != PROG_OP_SEND ? octets : 0);
	run->begun = true;
}

/* Statements that take no time.  false: op is another. */
static bool move(struct prog_run *run, const struct prog_op *op)
{
	if (op->kind == PROG_OP_LOOP)
		run->loop[op->loop] = op->cnt;
	else if (op->kind == PROG_OP_END && --run->loop[op->loop] != 0)
		run->pc = op->jump;
	else if (op->kind != PROG_OP_END)
		return false;
	run->pc++;
	return true;
}

/* do_op does the statement at pc; AGAIN: it is done. */
static enum prog_step do_op(struct prog_env *env, struct prog_run *run, struct leat_stack *s,
	struct leat_conn conn, uint64_t *for_ns)
{
	const struct prog_op *op = &env->prog->op[run->pc];
	bool first = !run->begun;

	if (first)
		begin(env, run, op);
	switch ((enum prog_op_kind)op->kind) {
	case PROG_OP_SEND:
		return send_some(env, run, s, conn);
	case PROG_OP_EXPECT:
		return read_some(env, run, s, conn);
	case PROG_OP_EXPECT_EOF:
		return expect_eof(s, conn);
	case PROG_OP_EXCHANGE:
		return exchange(env, run, s, conn);
	case PROG_OP_WAIT:
		if (!first)
			return PROG_STEP_AGAIN;
		*for_ns = draw(env, run, op);
		return PROG_STEP_PAUSE;
	case PROG_OP_HALF_CLOSE:
		run->shut = true;
		return leat_shutdown(s, conn) == LEAT_OK ? PROG_STEP_AGAIN : PROG_STEP_ENDED;
	case PROG_OP_CLOSE:
		return PROG_STEP_CLOSE;
	case PROG_OP_ABORT:
		return PROG_STEP_ABORT;
	case PROG_OP_LOOP:
	case PROG_OP_END:
	case PROG_OP_CNT:
		break;
	}
	UNREACHABLE("loops were done before");
}

enum prog_step leat_prog_step(struct prog_env *env, struct prog_run *run, struct leat_stack *s,
	struct leat_conn conn, uint64_t *for_ns)
{
	for (uint32_t i = 0; i < PROG_STEP_MAX; i++) {
		const struct prog_op *op = &env->prog->op[run->pc];

		if (run->pc == env->prog->op_cnt)
			return PROG_STEP_DONE;
		if (move(run, op))
			continue;
		enum prog_step step = do_op(env, run, s, conn, for_ns);
		if (step != PROG_STEP_AGAIN)
			return step;
		run->begun = false;
		run->pc++;
		if (op->kind == PROG_OP_EXPECT || op->kind == PROG_OP_EXCHANGE)
			return PROG_STEP_ANSWER;
	}
	return PROG_STEP_AGAIN;
}
