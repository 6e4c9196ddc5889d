/* SPDX-License-Identifier: BSD-3-Clause */
/* What does a timer cost: to arm, to move later as an ACK does, to stop, to expire? */
#include "bench.h"

#include "base_prng.h"
#include "base_time.h"
#include "timer_ring.h"
#include "timer_wheel.h"

#define BURST   32
#define OPS_MIN 1000000

/* The ids in an order that no prefetcher knows. */
static void shuffle(uint32_t *id, uint32_t cnt, struct prng *p)
{
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t j = leat_prng_below(p, i + 1);

		id[i] = id[j];
		id[j] = i;
	}
}

struct run {
	uint32_t *id;
	uint64_t *span;
	uint32_t cnt;
	uint64_t now;
	uint64_t arm, later, stop, expire; /* cycles */
};

/* Time passes so that about half a burst is due at each call. */
static void expire_all(struct run *r, struct timer_wheel *w)
{
	uint64_t step = 800 * TIME_MS * BURST / 2 / r->cnt + 1;
	uint32_t id[BURST];

	while (leat_timer_wheel_cnt(w)) {
		r->now += step;
		leat_timer_wheel_expire(w, r->now, id, BURST);
	}
}

static void wheel_round(struct run *r, struct timer_wheel *w)
{
	uint64_t t[6];

	t[0] = bench_cycles();
	for (uint32_t i = 0; i < r->cnt; i++)
		leat_timer_wheel_set(w, r->id[i], r->now + r->span[i]);
	t[1] = bench_cycles();
	for (uint32_t i = 0; i < r->cnt; i++)
		leat_timer_wheel_stop(w, r->id[i]);
	t[2] = bench_cycles();
	for (uint32_t i = 0; i < r->cnt; i++)
		leat_timer_wheel_set(w, r->id[i], r->now + r->span[i]);
	t[3] = bench_cycles();
	for (uint32_t i = 0; i < r->cnt; i++)
		leat_timer_wheel_set(w, r->id[i], r->now + TIME_S + r->span[i]);
	t[4] = bench_cycles();
	r->now += TIME_S;
	expire_all(r, w);
	t[5] = bench_cycles();
	r->arm += t[1] - t[0];
	r->stop += t[2] - t[1];
	r->later += t[4] - t[3];
	r->expire += t[5] - t[4];
}

static void ring_round(struct run *r, struct timer_ring *ring)
{
	uint32_t id[BURST];
	uint64_t t[4];

	t[0] = bench_cycles();
	for (uint32_t i = 0; i < r->cnt; i++)
		leat_timer_ring_start(ring, r->id[i], r->now);
	t[1] = bench_cycles();
	for (uint32_t i = 0; i < r->cnt; i++)
		leat_timer_ring_start(ring, r->id[r->cnt - 1 - i], r->now);
	t[2] = bench_cycles();
	r->now += 60 * TIME_S;
	while (leat_timer_ring_expire(ring, r->now, id, BURST))
		continue;
	t[3] = bench_cycles();
	r->arm += t[1] - t[0];
	r->later += t[2] - t[1];
	r->expire += t[3] - t[2];
}

static void measure(const struct bench *b, uint32_t cnt)
{
	struct timer_wheel *w =
		leat_timer_wheel_new(bench_memory(leat_timer_wheel_footprint(cnt)), cnt, 0);
	struct timer_ring *ring =
		leat_timer_ring_new(bench_memory(leat_timer_ring_footprint(cnt)), cnt, 60 * TIME_S);
	struct run in_wheel = {.id = bench_memory(cnt * sizeof(uint32_t)),
		.span = bench_memory(cnt * sizeof(uint64_t)),
		.cnt = cnt};
	struct run in_ring = in_wheel;
	uint64_t rounds = u64_max(1, OPS_MIN / cnt), ops = rounds * cnt;
	struct prng p;

	leat_prng_seed(&p, cnt);
	shuffle(in_wheel.id, cnt, &p);
	for (uint32_t i = 0; i < cnt; i++)
		in_wheel.span[i] = 200 * TIME_MS + leat_prng_below(&p, 800000000);
	for (uint64_t i = 0; i < rounds; i++) {
		wheel_round(&in_wheel, w);
		ring_round(&in_ring, ring);
	}
	bench_row(b, "wheel_set_new", cnt, in_wheel.arm, ops);
	bench_row(b, "wheel_set_later", cnt, in_wheel.later, ops);
	bench_row(b, "wheel_stop", cnt, in_wheel.stop, ops);
	bench_row(b, "wheel_expire", cnt, in_wheel.expire, ops);
	bench_row(b, "ring_start", cnt, in_ring.arm, ops);
	bench_row(b, "ring_restart", cnt, in_ring.later, ops);
	bench_row(b, "ring_expire", cnt, in_ring.expire, ops);
	free(w);
	free(ring);
	free(in_wheel.id);
	free(in_wheel.span);
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);

	for (uint32_t i = 0; i < bench_size_cnt(&b); i++)
		measure(&b, bench_sizes[i]);
	return 0;
}
