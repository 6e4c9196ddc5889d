/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_bits.h"
#include "base_time.h"
#include "timer_wheel.h"

/* F9: arm, move, stop, let time pass, against an array that is searched from end to end.  Nothing
 * fires early, late, twice or out of the order (deadline, arming). */

#define ID_MAX  24
#define OPS_MAX 400

struct both {
	struct timer_wheel *w;
	uint64_t now;
	uint64_t at[ID_MAX], order[ID_MAX], orders;
};

static uint32_t first(const struct both *b)
{
	uint32_t f = 0;

	for (uint32_t i = 1; i < ID_MAX; i++) {
		if (b->at[i] < b->at[f] || (b->at[i] == b->at[f] && b->order[i] < b->order[f]))
			f = i;
	}
	return f;
}

/* A span that ends beside an edge of the wheel's slots, or anywhere. */
static uint64_t span(struct fuzz_in *in)
{
	uint8_t code = fuzz_u8(in);
	uint64_t slot = UINT64_C(1) << (17 + 8 * (code >> 6));

	switch (code & 7) {
	case 0:
		return code >> 3 & 7;
	case 1:
		return slot - 1 + (code >> 3 & 3);
	case 2:
		return slot * (1 + (code >> 3 & 7));
	case 3:
		return slot * 256 - 1 + (code >> 3 & 3);
	default:
		return ((uint64_t)fuzz_u16(in) << 17) >> (code >> 3 & 15) << (code >> 6) * 8;
	}
}

static void expire(struct both *b, uint32_t max)
{
	uint32_t id[ID_MAX];
	uint32_t cnt = leat_timer_wheel_expire(b->w, b->now, id, max);

	ASSERT(cnt <= max);
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t f = first(b);
		ASSERT(id[i] == f);
		ASSERT(b->at[f] <= b->now);
		b->at[f] = TIME_NEVER;
	}
	ASSERT(cnt == max || b->at[first(b)] > b->now);
}

static void check(const struct both *b)
{
	uint32_t armed = 0;

	for (uint32_t i = 0; i < ID_MAX; i++) {
		armed += b->at[i] != TIME_NEVER;
		ASSERT(leat_timer_wheel_deadline(b->w, i) == b->at[i]);
	}
	ASSERT(leat_timer_wheel_cnt(b->w) == armed);
}

static void op(struct both *b, struct fuzz_in *in)
{
	uint8_t code = fuzz_u8(in);
	uint32_t id = (code >> 3) % ID_MAX;

	switch (code & 7) {
	case 0:
	case 1:
	case 2:
		b->at[id] = code & 4 ? b->now - u64_min(span(in), b->now) : b->now + span(in);
		b->order[id] = ++b->orders;
		leat_timer_wheel_set(b->w, id, b->at[id]);
		break;
	case 3:
		b->at[id] = TIME_NEVER;
		leat_timer_wheel_stop(b->w, id);
		break;
	case 4:
		b->now += span(in);
		expire(b, 1 + id);
		break;
	case 5:
		ASSERT(leat_timer_wheel_next(b->w) == b->at[first(b)]);
		break;
	default: /* exactly to the next deadline, not 1 ns before */
		if (b->at[first(b)] == TIME_NEVER || b->at[first(b)] <= b->now)
			break;
		b->now = b->at[first(b)] - 1;
		expire(b, ID_MAX);
		b->now++;
		expire(b, ID_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	struct both b = {.now = (uint64_t)fuzz_u16(&in) << 40};

	memset(b.at, 0xff, sizeof(b.at));
	b.w = leat_timer_wheel_new(fuzz_mem(leat_timer_wheel_footprint(ID_MAX)), ID_MAX, b.now);
	for (uint32_t i = 0; i < OPS_MAX && in.left > 0; i++) {
		op(&b, &in);
		check(&b);
	}
	b.now = TIME_NEVER - 1;
	expire(&b, ID_MAX);
	check(&b);
	return 0;
}
