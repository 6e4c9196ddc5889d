/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_tw_ring.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TWO_MSL TIME_S

static const uint32_t local4[] = {0x0a000001, 0x0a000002, 0xc0a80101};

static struct tw_ring *ring_new(uint32_t record_max, bool wide)
{
	void *mem = aligned_alloc(CACHE_LINE, leat_tcp_tw_ring_footprint(record_max, wide));

	assert_non_null(mem);
	struct tw_ring *r = leat_tcp_tw_ring_new(mem, record_max, wide);

	leat_tcp_tw_ring_locals(r, local4);
	return r;
}

/* The n-th of many that differ in all. */
static struct tw_info info_at(uint32_t n, bool wide, uint64_t ends_at)
{
	struct tw_info info = {
		.tuple = {ip_from4(local4[n % 3]), ip_from4(0x0b000000 + n), (uint16_t)(80 + n % 7),
			(uint16_t)n, 0},
		.snd_nxt = seq_of(n * 1000003U),
		.rcv_nxt = seq_of(~n),
		.ts_recent = n * 77,
		.ends_at = ends_at,
		.stamp = n % (TW_STAMP_MAX + 1),
		.mark = (uint16_t)(n % 0x800),
		.flags = (uint8_t)(n % 2 ? TW_F_PORT : 0),
	};

	if (wide)
		info.tuple.local = info.tuple.remote =
			(struct ip){UINT64_C(0x20010db8) << 32 | n, n};
	return info;
}

static void same(const struct tw_info *a, const struct tw_info *b)
{
	assert_true(tuple_eq(&a->tuple, &b->tuple));
	assert_true(seq_eq(a->snd_nxt, b->snd_nxt));
	assert_true(seq_eq(a->rcv_nxt, b->rcv_nxt));
	assert_int_equal(a->ts_recent, b->ts_recent);
	assert_true(a->ends_at == b->ends_at);
	assert_int_equal(a->stamp, b->stamp);
	assert_int_equal(a->mark, b->mark);
	assert_int_equal(a->flags, b->flags);
}

/* ---- against a list that is searched ---- */

enum {
	RECORDS = 300,
	ROOM = 200
};

struct model {
	struct tw_info info[RECORDS];
	uint32_t name[RECORDS], length[RECORDS];
	uint64_t order[RECORDS]; /* of coming, among equal ends */
	bool live[RECORDS];
	uint32_t cnt;
	uint64_t clock;
};

static uint32_t local_of(const struct tw_info *info)
{
	for (uint32_t i = 0; ip_is4(info->tuple.local) && i < COUNT_OF(local4); i++)
		if (ip_to4(info->tuple.local) == local4[i])
			return i;
	return TCP_NONE;
}

static uint64_t lasts(uint32_t length)
{
	return TWO_MSL * (length + 1);
}

static void step_add(struct tw_ring *r, struct model *m, uint32_t i, uint64_t now)
{
	m->length[i] = i % 5 == 0 ? 1 : 0;
	m->info[i] = info_at(i, i % 4 == 0, now + lasts(m->length[i]));
	m->name[i] = leat_tcp_tw_ring_add(r, m->length[i], local_of(&m->info[i]), &m->info[i]);
	m->live[i] = m->name[i] != TCP_NONE;
	m->cnt += m->live[i];
	m->order[i] = m->clock++;
	/* There is a place for all that were promised one, in so few queues. */
	assert_true(m->live[i] || m->cnt > ROOM / 2);
}

static void step_again(struct tw_ring *r, struct model *m, uint32_t i, uint64_t now)
{
	uint64_t ends_at = now + lasts(m->length[i]);
	uint32_t to = leat_tcp_tw_ring_again(r, m->name[i], ends_at, TW_NEED_AGAIN);

	if (to == TCP_NONE)
		return;
	m->name[i] = to;
	m->info[i].ends_at = ends_at;
	m->order[i] = m->clock++;
}

/* Some holes are closed, and records have other names: in the order in which they are told. */
static void step_pack(struct tw_ring *r, struct model *m)
{
	struct tw_move move[TW_MOVE_MAX];
	uint32_t cnt = leat_tcp_tw_ring_pack(r, move);

	assert_true(cnt <= TW_MOVE_MAX);
	for (uint32_t k = 0; k < cnt; k++) {
		uint32_t i = 0;

		while (i < RECORDS && !(m->live[i] && m->name[i] == move[k].from))
			i++;
		assert_true(i < RECORDS);
		m->name[i] = move[k].to;
	}
	leat_tcp_tw_ring_check(r);
}

static void step_over(struct tw_ring *r, struct model *m, uint32_t i)
{
	leat_tcp_tw_ring_end(r, m->name[i]);
	m->live[i] = false;
	m->cnt--;
}

static void step_due(struct tw_ring *r, struct model *m, uint64_t now)
{
	uint32_t name[7], cnt;

	while ((cnt = leat_tcp_tw_ring_due(r, now, name, COUNT_OF(name))) > 0) {
		uint64_t before = 0;

		for (uint32_t k = 0; k < cnt; k++) {
			uint32_t i = 0;

			while (i < RECORDS && !(m->live[i] && m->name[i] == name[k]))
				i++;
			assert_true(i < RECORDS);
			assert_true(m->info[i].ends_at <= now);
			assert_true(m->info[i].ends_at >= before);
			before = m->info[i].ends_at;
			step_over(r, m, i);
		}
	}
	for (uint32_t i = 0; i < RECORDS; i++)
		assert_true(!m->live[i] || m->info[i].ends_at > now);
}

static void compare(const struct tw_ring *r, const struct model *m)
{
	uint64_t next = TIME_NEVER;
	uint32_t unit = 0, look = UINT32_MAX, name, found = 0;

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct tw_info info;

		if (!m->live[i])
			continue;
		leat_tcp_tw_ring_read(r, m->name[i], &info);
		same(&info, &m->info[i]);
		assert_int_equal(leat_tcp_tw_ring_length(r, m->name[i]), m->length[i]);
		next = u64_min(next, info.ends_at);
	}
	while (leat_tcp_tw_ring_scan(r, &unit, &look, &name))
		found++;
	assert_int_equal(found, m->cnt);
	assert_int_equal(leat_tcp_tw_ring_cnt(r), m->cnt);
	assert_true(leat_tcp_tw_ring_next(r) == next);
	leat_tcp_tw_ring_check(r);
}

static void a_random_life_equals_the_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct tw_ring *r = ring_new(ROOM, true);
		static struct model m;
		struct prng p;
		uint64_t now = 1;

		memset(&m, 0, sizeof(m));
		leat_prng_seed(&p, seed);
		print_message("# seed %llu\n", (unsigned long long)seed);
		for (uint32_t step = 0; step < 20000; step++) {
			uint32_t i = leat_prng_below(&p, RECORDS), what = leat_prng_below(&p, 8);

			now += leat_prng_below(&p, 3) == 0 ? leat_prng_below(&p, TWO_MSL / 50) : 0;
			step_due(r, &m, now);
			if (!m.live[i] && m.cnt < ROOM)
				step_add(r, &m, i, now);
			else if (m.live[i] && what < 4)
				step_again(r, &m, i, now);
			else if (m.live[i] && what == 4)
				step_over(r, &m, i);
			if (step % 16 == 0 && step / 4000 % 2 == 0)
				step_pack(r, &m);
			if (step % 64 == 0) {
				compare(r, &m);
			}
		}
		step_due(r, &m, now + 10 * TWO_MSL);
		compare(r, &m);
		assert_int_equal(m.cnt, 0);
		free(r);
	}
}

static void what_changes_in_its_place_is_read_again(void **state)
{
	struct tw_ring *r = ring_new(10, false);
	struct tw_info info = info_at(5, false, TWO_MSL), got;
	uint32_t name = leat_tcp_tw_ring_add(r, 0, 2, &info);

	(void)state;
	leat_tcp_tw_ring_note(r, name, 4711, TW_STAMP_MAX);
	leat_tcp_tw_ring_flag(r, name, TW_F_ASIDE, true);
	leat_tcp_tw_ring_flag(r, name, TW_F_PORT, false);
	info.ts_recent = 4711;
	info.stamp = TW_STAMP_MAX;
	info.flags = TW_F_ASIDE;
	leat_tcp_tw_ring_read(r, name, &got);
	same(&got, &info);
	name = leat_tcp_tw_ring_again(r, name, TWO_MSL + 1, TW_NEED_AGAIN);
	info.ends_at++;
	leat_tcp_tw_ring_read(r, name, &got);
	same(&got, &info);
	free(r);
}

/* The clock may jump by days between two records of one block: an end is exact all the same. */
static void an_end_is_exact_however_far_the_clock_jumps(void **state)
{
	struct tw_ring *r = ring_new(100, false);
	uint32_t name[20];
	uint64_t ends_at = 1;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(name); i++) {
		struct tw_info info = info_at(i, false, ends_at);

		name[i] = leat_tcp_tw_ring_add(r, 0, i % 3, &info);
		assert_true(name[i] != TCP_NONE);
		assert_true(leat_tcp_tw_ring_ends_at(r, name[i]) == ends_at);
		ends_at += i % 10 == 9 ? 86400 * TIME_S : (UINT64_C(1) << 36) + i;
	}
	leat_tcp_tw_ring_check(r);
	assert_true(leat_tcp_tw_ring_next(r) == 1);
	free(r);
}

/* What a block's first record was says nothing of how long those may last that are moved to it:
 * else it would stay half empty when holes are closed. */
static void a_block_that_has_been_there_for_long_is_filled_again(void **state)
{
	enum {
		BLOCK = 32,
		GONE = BLOCK / 2
	};
	struct tw_ring *r = ring_new(100, false);
	static struct tw_move move[TW_MOVE_MAX];
	uint32_t name[2 * BLOCK];

	(void)state;
	for (uint32_t i = 0; i < 2 * BLOCK; i++) {
		struct tw_info info = info_at(i, false, (uint64_t)i << 35);

		name[i] = leat_tcp_tw_ring_add(r, 0, i % 3, &info);
		assert_true(name[i] != TCP_NONE);
	}
	for (uint32_t i = 0; i < GONE; i++)
		leat_tcp_tw_ring_end(r, name[i]);
	assert_int_equal(leat_tcp_tw_ring_pack(r, move), BLOCK);
	for (uint32_t i = 0; i < BLOCK; i++) {
		assert_int_equal(move[i].from, name[GONE + i]);
		name[GONE + i] = move[i].to;
	}
	for (uint32_t i = GONE; i < 2 * BLOCK; i++)
		assert_true(leat_tcp_tw_ring_ends_at(r, name[i]) == (uint64_t)i << 35);
	leat_tcp_tw_ring_check(r);
	free(r);
}

/* What ends before the others of its length finds no place among them. */
static void who_comes_out_of_order_is_not_taken(void **state)
{
	struct tw_ring *r = ring_new(10, false);
	struct tw_info info = info_at(1, false, 100), early = info_at(2, false, 99);

	(void)state;
	assert_true(leat_tcp_tw_ring_add(r, 0, 0, &info) != TCP_NONE);
	assert_true(leat_tcp_tw_ring_add(r, 0, 0, &early) == TCP_NONE);
	assert_true(leat_tcp_tw_ring_add(r, 1, 0, &early) != TCP_NONE);
	leat_tcp_tw_ring_check(r);
	free(r);
}

enum {
	MAX = 20000,
	TURN = 32,     /* that come in one */
	LOOK_MAX = 16, /* blocks, and what one of them costs, as in stack_time_wait.c */
	LOOK_PAY = 8,
};

/* Closes holes for one that comes, and has the names of those that move in name; gives how many. */
static uint32_t packed(struct tw_ring *r, int64_t *owed, uint32_t *name)
{
	static struct tw_move move[TW_MOVE_MAX];
	uint32_t moved = 0, pace = leat_tcp_tw_ring_pace(r);

	*owed = pace == 0 ? 0 : pace + (*owed < 0 ? *owed : 0);
	for (uint32_t i = 0; *owed > 0 && i < LOOK_MAX; i++) {
		uint32_t cnt = leat_tcp_tw_ring_pack(r, move);

		moved += cnt;
		*owed -= LOOK_PAY + cnt;
		for (uint32_t m = 0; m < cnt; m++) {
			struct tuple t;

			leat_tcp_tw_ring_tuple(r, move[m].to, &t);
			uint32_t who = ip_to4(t.remote) - 0x0b000000;

			assert_int_equal(name[who], move[m].from);
			name[who] = move[m].to;
		}
	}
	return moved;
}

/* FINs again and again, and nobody closes the holes: those that may still come have places when
 * holes are closed for them, and what is put off finds one when the head comes to it. */
static void restarts_leave_room_for_those_that_come_and_for_the_head(void **state)
{
	enum {
		CNT = 1000
	};
	struct tw_ring *r = ring_new(CNT, false);
	static uint32_t name[CNT];
	uint32_t put_off = 0, due;
	uint64_t now = 1;
	int64_t owed = 0;
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 9);
	for (uint32_t i = 0; i < CNT / 2; i++) {
		struct tw_info info = info_at(i, false, now + TWO_MSL);

		name[i] = leat_tcp_tw_ring_add(r, 0, i % 3, &info);
	}
	for (uint32_t k = 0; k < 10 * CNT; k++) {
		uint32_t *at = &name[leat_prng_below(&p, CNT / 2)];
		uint32_t to = leat_tcp_tw_ring_again(r, *at, ++now + TWO_MSL, TW_NEED_AGAIN);

		if (to == TCP_NONE)
			leat_tcp_tw_ring_flag(r, *at, TW_F_LATER, true);
		else
			*at = to;
		put_off += to == TCP_NONE;
	}
	assert_true(put_off > 0);
	leat_tcp_tw_ring_check(r);
	for (uint32_t i = CNT / 2; i < CNT; i++) {
		struct tw_info info = info_at(i, false, now + TWO_MSL);

		(void)packed(r, &owed, name);
		name[i] = leat_tcp_tw_ring_add(r, 0, i % 3, &info);
		assert_true(name[i] != TCP_NONE);
	}
	now += TWO_MSL - CNT; /* some are due, and are to begin again */
	for (uint32_t cnt = 0; leat_tcp_tw_ring_due(r, now + CNT, &due, 1) == 1 && cnt < 3 * CNT;
		cnt++) {
		if (leat_tcp_tw_ring_flags(r, due) & TW_F_LATER)
			assert_true(leat_tcp_tw_ring_again(r, due, now + TWO_MSL + CNT,
					    TW_NEED_LATER) != TCP_NONE);
		else
			leat_tcp_tw_ring_end(r, due);
	}
	leat_tcp_tw_ring_check(r);
	free(r);
}

/* However those of several lengths and kinds share the blocks: for the head of each queue one is
 * left, so that what was put off there begins again. */
static void each_queue_has_the_block_that_is_kept_for_its_head(void **state)
{
	const uint64_t seed = 20221103;
	struct prng p;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&p, seed);
	for (uint32_t round = 0; round < 500; round++) {
		struct tw_ring *r = ring_new(1 + leat_prng_below(&p, 200), round % 2);
		uint64_t now = 1;

		for (uint32_t i = 0, refused = 0; refused < 4; i++, now++) {
			uint32_t length = leat_prng_below(&p, TW_LENGTH_MAX);
			uint32_t many = leat_prng_below(&p, 50);

			for (uint32_t k = 0; k < many; k++) {
				struct tw_info info = info_at(i, false, now + lasts(length));

				refused += leat_tcp_tw_ring_add(r, length, i % 2 ? 0 : TCP_NONE,
						   &info) == TCP_NONE;
			}
		}
		leat_tcp_tw_ring_check(r);
		for (uint32_t k = 0; k < 1000; k++, now++) {
			for (uint32_t i = 0; i < TW_LENGTH_MAX; i++) {
				uint32_t name = leat_tcp_tw_ring_first(r, i, TCP_NONE);

				if (name == TCP_NONE)
					continue;
				assert_int_equal(leat_tcp_tw_ring_length(r, name), i);
				assert_true(leat_tcp_tw_ring_again(r, name, now + lasts(i) + 1,
						    TW_NEED_LATER) != TCP_NONE);
			}
		}
		leat_tcp_tw_ring_check(r);
		free(r);
	}
}

/* Connection i, which is gone if it was there, comes: there is a place.  Gives how many moved. */
static uint32_t comes(struct tw_ring *r, int64_t *owed, uint32_t *name, uint32_t i, uint32_t length,
	uint64_t ends_at)
{
	struct tw_info info = info_at(i, false, ends_at);

	if (name[i] != 0)
		leat_tcp_tw_ring_end(r, name[i]);
	uint32_t moved = packed(r, owed, name);

	name[i] = leat_tcp_tw_ring_add(r, length, i % 3, &info);
	assert_true(name[i] != TCP_NONE);
	return moved;
}

/* As many as there may be; each is gone and comes again, many times over: the holes are closed, and
 * the work is spread. */
static void a_full_ring_takes_whoever_comes_for_one_that_is_gone(void **state)
{
	struct tw_ring *r = ring_new(MAX, false);
	static uint32_t name[MAX]; /* 0: it was not there yet */
	uint64_t moved = 0, of_turn = 0, most = 0;
	int64_t owed = 0;
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 7);
	for (uint32_t k = 0; k < 4 * MAX; k++) {
		uint32_t i = k < MAX ? k : leat_prng_below(&p, MAX);

		of_turn += comes(r, &owed, name, i, 0, TWO_MSL + k);
		if (k % TURN == 0) {
			moved += of_turn;
			most = of_turn > most ? of_turn : most;
			of_turn = 0;
		}
	}
	leat_tcp_tw_ring_check(r);
	print_message("# %llu moves for %u, %llu in a turn\n", (unsigned long long)moved, 3 * MAX,
		(unsigned long long)most);
	assert_true(moved < UINT64_C(128) * 3 * MAX);
	assert_true(most < UINT64_C(160) * TURN);
	free(r);
}

/* Of two lengths, so that fewer blocks are left to begin with: as they get fewer the work gets
 * more, down to the last. */
static void a_full_ring_of_two_lengths_takes_whoever_comes(void **state)
{
	enum {
		ALL = 5991
	};
	struct tw_ring *r = ring_new(ALL, false);
	static uint32_t name[ALL];
	int64_t owed = 0;
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 11);
	for (uint32_t k = 0; k < 8 * ALL; k++) {
		uint32_t i = k < ALL ? k : leat_prng_below(&p, ALL);

		(void)comes(r, &owed, name, i, leat_prng_below(&p, 2), TWO_MSL + k);
	}
	leat_tcp_tw_ring_check(r);
	free(r);
}

/* Of each eight that come one begins anew later, so that a ninth of the units are holes; as long as
 * there is room for them, nobody is moved, whether or not others may still come. */
static void holes_for_which_there_is_room_are_left_alone(void **state)
{
	enum {
		STAY = MAX - MAX / 8
	};
	struct tw_ring *r = ring_new(MAX, false);
	static uint32_t name[4 * MAX];
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 8);
	for (uint32_t k = 0; k < 4 * MAX; k++) {
		struct tw_info info = info_at(k, false, TWO_MSL + k);

		if (k >= STAY)
			leat_tcp_tw_ring_end(r, leat_tcp_tw_ring_first(r, 0, TCP_NONE));
		assert_int_equal(leat_tcp_tw_ring_pace(r), 0);
		name[k] = leat_tcp_tw_ring_add(r, 0, 0, &info);
		assert_true(name[k] != TCP_NONE);
		if (k % 9 != 0 || k < STAY / 2)
			continue;
		uint32_t who = k - leat_prng_below(&p, STAY / 2);

		name[who] = leat_tcp_tw_ring_again(r, name[who], TWO_MSL + k, TW_NEED_AGAIN);
		assert_true(name[who] != TCP_NONE);
	}
	leat_tcp_tw_ring_check(r);
	free(r);
}

/* One that waits, and one that begins again and again: holes are closed before it would
 * find no block, however few may come. */
static void in_a_small_ring_no_restart_is_put_off(void **state)
{
	struct tw_move move[TW_MOVE_MAX];

	(void)state;
	for (uint32_t max = 2; max < 100; max++) {
		struct tw_ring *r = ring_new(max, true);
		struct tw_info info[2] = {info_at(0, true, 1), info_at(1, true, 1)};
		uint32_t name[2];

		for (uint32_t i = 0; i < 2; i++)
			name[i] = leat_tcp_tw_ring_add(r, 0, TCP_NONE, &info[i]);
		for (uint32_t k = 2; k < 1000; k++) {
			name[1] = leat_tcp_tw_ring_again(r, name[1], k, TW_NEED_AGAIN);
			assert_true(name[1] != TCP_NONE);
			if (leat_tcp_tw_ring_pace(r) == 0)
				continue;
			uint32_t cnt = leat_tcp_tw_ring_pack(r, move);

			for (uint32_t m = 0; m < cnt; m++)
				name[name[1] == move[m].from] = move[m].to;
		}
		leat_tcp_tw_ring_check(r);
		assert_int_equal(leat_tcp_tw_ring_next(r), 1);
		free(r);
	}
}

/* Most are quiet, and came first; of those that came then seven of eight began anew.  Their holes
 * are behind thousands of blocks without any. */
static void holes_behind_many_full_blocks_are_closed_in_time(void **state)
{
	enum {
		ALL = 524288,
		QUIET = ALL / 4 * 3,
		AGAIN = ALL / 8
	};
	struct tw_ring *r = ring_new(ALL, false);
	static uint32_t name[ALL];
	int64_t owed = 0;

	(void)state;
	for (uint32_t i = 0; i < ALL; i++) {
		struct tw_info info = info_at(i, false, TWO_MSL + (i < QUIET + AGAIN ? 0 : 1));

		for (uint32_t k = QUIET; i == QUIET + AGAIN && k < i; k++) {
			if (k % 8 == 0)
				continue;
			name[k] = leat_tcp_tw_ring_again(r, name[k], TWO_MSL + 1, TW_NEED_AGAIN);
			assert_true(name[k] != TCP_NONE);
			(void)packed(r, &owed, name);
		}
		(void)packed(r, &owed, name);
		name[i] = leat_tcp_tw_ring_add(r, 0, i % 3, &info);
		assert_true(name[i] != TCP_NONE);
	}
	leat_tcp_tw_ring_check(r);
	free(r);
}

/* Two lengths of 2MSL in a ring of six blocks, of which each has one for its tail and one is kept
 * for its head: of the two that are left the few that may still come keep but one. */
static void where_few_may_still_come_restarts_have_the_other_blocks(void **state)
{
	enum {
		EACH = 20
	};
	struct tw_ring *r = ring_new(60, false);
	static uint32_t name[2 * EACH];
	int64_t owed = 0;
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 10);
	for (uint32_t i = 0; i < 2 * EACH; i++) {
		struct tw_info info = info_at(i, false, TWO_MSL);

		name[i] = leat_tcp_tw_ring_add(r, i / EACH, i % 3, &info);
	}
	for (uint32_t k = 0; k < 100000; k++) {
		uint32_t *at = &name[leat_prng_below(&p, 2 * EACH)];

		*at = leat_tcp_tw_ring_again(r, *at, TWO_MSL + k, TW_NEED_AGAIN);
		assert_true(*at != TCP_NONE);
		(void)packed(r, &owed, name);
	}
	leat_tcp_tw_ring_check(r);
	free(r);
}

/* 40 octets for IPv4 and 72 for IPv6 with the index (flow_table has 7.315 at its highest load), and
 * what is fixed is little. */
static void a_record_costs_what_was_promised(void **state)
{
	(void)state;
	assert_int_equal(leat_tcp_tw_ring_footprint(UINT32_MAX, false), 0);
	assert_int_equal(leat_tcp_tw_ring_footprint(UINT32_MAX / 8, true), 0);
	for (uint64_t cnt = 1000000; cnt <= 200000000; cnt *= 10) {
		double small = (double)leat_tcp_tw_ring_footprint((uint32_t)cnt, false);
		double wide = (double)leat_tcp_tw_ring_footprint((uint32_t)cnt, true);

		assert_true(small / (double)cnt + 7.315 < 40);
		assert_true(wide / (double)cnt + 7.315 < 72);
	}
	assert_true(leat_tcp_tw_ring_footprint(1000, false) < 38 * 1000);
	assert_true(leat_tcp_tw_ring_footprint(8, false) < 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_random_life_equals_the_model),
		cmocka_unit_test(what_changes_in_its_place_is_read_again),
		cmocka_unit_test(an_end_is_exact_however_far_the_clock_jumps),
		cmocka_unit_test(a_block_that_has_been_there_for_long_is_filled_again),
		cmocka_unit_test(who_comes_out_of_order_is_not_taken),
		cmocka_unit_test(restarts_leave_room_for_those_that_come_and_for_the_head),
		cmocka_unit_test(each_queue_has_the_block_that_is_kept_for_its_head),
		cmocka_unit_test(a_full_ring_takes_whoever_comes_for_one_that_is_gone),
		cmocka_unit_test(a_full_ring_of_two_lengths_takes_whoever_comes),
		cmocka_unit_test(holes_for_which_there_is_room_are_left_alone),
		cmocka_unit_test(in_a_small_ring_no_restart_is_put_off),
		cmocka_unit_test(holes_behind_many_full_blocks_are_closed_in_time),
		cmocka_unit_test(where_few_may_still_come_restarts_have_the_other_blocks),
		cmocka_unit_test(a_record_costs_what_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
