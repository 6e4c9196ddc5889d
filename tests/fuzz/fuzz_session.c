/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include "fuzz_twin.h"
#include "reach.h"

/* F5: a program of operations on two live stacks joined by a wire.  At the end the wire is good
 * and everybody reads and closes: then all must end, in bounded time, with nothing left.
 *
 *	octet    operation (low half)                      high half
 *	0        connect                                   side
 *	1 2      send 16 x next octet, receive as much     which end
 *	3 4 5    shutdown, close, abort                    which end
 *	6        to the next deadline                      how often
 *	7        next octet x 1 ms, or x 100 ms, pass      which
 *	8 9 10   deliver, drop, repeat a frame             which
 *	11       set an octet of a frame                   which
 *	12       deliver what there is, oldest first       whom to, or both
 *	13       listen, or stop to                        side
 *	14       stall one side, or go on                  side
 *	15       deliver the last first                    how often */

#define OPS_MAX      200
#define READ_FOR     (300 * TIME_S)
#define GIVE_UP_FOR  (1800 * TIME_S)
#define RECOVER_STEP TIME_S

static struct session_end *pick_end(struct session *s, uint32_t which)
{
	uint32_t cnt = s->serial_cnt * 2;

	return cnt ? &s->end[0][0] + (cnt - 1 - which % cnt) : NULL;
}

static void op_end(struct session *s, struct fuzz_in *in, uint32_t op, uint32_t high)
{
	struct session_end *e = pick_end(s, high);
	uint32_t octets = op <= 2 ? fuzz_u8(in) * 16U : 0;

	if (!e || !e->open)
		return;
	struct leat_stack *stack = s->stack[(e - s->end[0]) % 2];
	if (op == 1) {
		leat_session_send(s, e, octets);
	} else if (op == 2) {
		leat_session_recv(s, e, octets);
	} else if (op == 3) {
		e->shut = leat_shutdown(stack, e->conn) == LEAT_OK || e->shut;
	} else if (op == 4) {
		e->closed = true;
		leat_close(stack, e->conn);
		e->open = false;
	} else {
		e->aborted = true;
		leat_abort(stack, e->conn);
		e->open = false;
	}
}

static void op_time(struct session *s, struct fuzz_in *in, uint32_t op, uint32_t high)
{
	if (op == 7) {
		uint64_t step = high & 1 ? 100 * TIME_MS : TIME_MS;
		leat_session_until(s, s->now + fuzz_u8(in) * step, high & 2);
		return;
	}
	for (uint32_t i = 0; i <= high; i++) {
		uint64_t next = leat_session_next(s);
		if (next != TIME_NEVER)
			leat_session_until(s, u64_max(next, s->now), false);
	}
}

static void op_frame(struct session *s, struct fuzz_in *in, uint32_t op, uint32_t high)
{
	uint32_t at = op == 11 ? fuzz_u8(in) : 0, value = op == 11 ? fuzz_u8(in) : 0;
	uint32_t fix = op == 11 ? fuzz_u8(in) : 0;

	if (s->flight_cnt == 0)
		return;
	uint32_t k = high % s->flight_cnt;
	if (op == 8 && !s->stalled[s->flight[k].to])
		leat_session_deliver(s, k);
	else if (op == 9)
		leat_session_drop(s, k);
	else if (op == 10)
		leat_session_repeat(s, k);
	else if (op == 11)
		leat_session_bend(s, k, at, (uint8_t)value, fix % 8 == 0);
}

static void op_deliver(struct session *s, uint32_t high)
{
	for (uint32_t n = s->flight_cnt, k = 0; n > 0 && k < s->flight_cnt; n--) {
		uint32_t to = s->flight[k].to;
		if (s->stalled[to] || (high < 2 && to != high))
			k++;
		else
			leat_session_deliver(s, k);
	}
}

static void op(struct session *s, struct fuzz_in *in)
{
	uint8_t code = fuzz_u8(in);
	uint32_t what = code & 15, high = code >> 4;

	if (what == 0)
		leat_session_connect(s, high & 1);
	else if (what <= 5)
		op_end(s, in, what, high);
	else if (what <= 7)
		op_time(s, in, what, high);
	else if (what <= 11)
		op_frame(s, in, what, high);
	else if (what == 12)
		op_deliver(s, high);
	else if (what == 13)
		leat_session_listen(s, high & 1);
	else if (what == 14)
		s->stalled[high & 1] = !s->stalled[high & 1];
	else
		for (uint32_t i = 0; i <= high && s->flight_cnt > 0; i++)
			leat_session_deliver(s, s->flight_cnt - 1);
	leat_session_pump(s);
}

/* Most programs begin with connections that are open: three of four. */
static void begin_open(struct session *s, uint32_t how)
{
	leat_session_listen(s, 1);
	leat_session_pump(s);
	if (how % 4 == 0)
		return;
	for (uint32_t i = 0; i < how % 4; i++)
		leat_session_connect(s, 0);
	leat_session_pump(s);
	leat_session_until(s, s->now + 100 * TIME_MS, true);
}

static void read_all(struct session *s, struct session_end *e)
{
	uint64_t before;

	do {
		before = e->received;
		leat_session_recv(s, e, 4096);
	} while (e->received != before);
}

/* Everybody reads; who has nothing more to say shuts its direction; who is over is released. */
static void users_finish(struct session *s, bool patient)
{
	for (uint32_t i = 0; i < s->serial_cnt * 2; i++) {
		struct session_end *e = &s->end[0][0] + i;
		struct leat_stack *stack = s->stack[i % 2];

		if (!e->open)
			continue;
		read_all(s, e);
		if (e->over) {
			ASSERT(leat_release(stack, e->conn) == LEAT_OK);
			e->open = false;
		} else if (!patient) {
			e->closed = true;
			leat_close(stack, e->conn);
			e->open = false;
		} else if (!e->shut) {
			e->shut = leat_shutdown(stack, e->conn) == LEAT_OK;
		}
	}
	leat_session_pump(s);
}

static uint32_t present(const struct session *s)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < 2; i++) {
		const struct tcp_counters *t = leat_stack_tcp(s->stack[i]);
		for (uint32_t st = TCP_ST_CLOSED; st < TCP_ST_CNT; st++)
			cnt += t->present[st];
	}
	return cnt;
}

static void recover(struct session *s)
{
	uint64_t began = s->now;

	for (uint32_t i = 0; i < 2; i++) {
		if (s->listener[i].id != 0)
			leat_session_listen(s, i);
	}
	for (uint32_t k = 0; k < s->flight_cnt; k++)
		s->flight[k].due_at = s->now;
	while (s->now < began + GIVE_UP_FOR && present(s) > 0) {
		users_finish(s, s->now < began + READ_FOR);
		uint64_t next = s->flight_cnt > 0 ? s->now : leat_session_next(s);
		uint64_t at = u64_max(next, s->now + RECOVER_STEP);
		/* Who waits for a peer that is gone hears nothing until its user has enough. */
		leat_session_until(s, u64_min(at, s->now + READ_FOR), true);
	}
	leat_session_until(s, s->now + RECOVER_STEP, true);
	ASSERT(present(s) == 0);
	ASSERT(s->flight_cnt == 0);
	leat_session_check_streams(s);
}

static void run(const uint8_t *data, size_t size)
{
	static struct session s;
	struct fuzz_in in = {data, size};

	leat_session_begin(&s, &in);
	begin_open(&s, fuzz_u8(&in));
	for (uint32_t i = 0; i < OPS_MAX && in.left > 0; i++)
		op(&s, &in);
	recover(&s);
	for (uint32_t i = 0; i < 2; i++)
		leat_reach_stack(s.stack[i]);
	leat_session_end(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_twice(run, data, size);
	fuzz_oracle(run, data, size);
	return 0;
}
