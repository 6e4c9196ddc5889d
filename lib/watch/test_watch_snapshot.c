/* SPDX-License-Identifier: BSD-3-Clause */

/* A snapshot as text and back, its sums, and what was not used. */

#include "watch_snapshot.h"

#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct watch_snapshot a, b;

static void fill(struct watch_snapshot *s, uint64_t seed)
{
	struct prng p;

	leat_prng_seed(&p, seed);
	*s = (struct watch_snapshot){.name = "lab a", .verb = "serve", .device = "net_tap0"};
	s->shard_cnt = 1 + (uint32_t)(leat_prng_next(&p) % WATCH_SHARD_MAX);
	for (uint32_t i = 0; i < WATCH_HEAD_CNT; i++)
		s->head[i] = leat_prng_next(&p) >> (leat_prng_next(&p) % 64);
	for (uint32_t i = 0; i < s->shard_cnt; i++)
		for (uint32_t c = 0; c < WATCH_CELL_CNT; c++)
			s->cell[i][c] = leat_prng_next(&p) % 3 == 0 ? leat_prng_next(&p) : 0;
}

static void round_trip(FILE *f)
{
	rewind(f);
	leat_watch_snapshot_print(&a, f);
	rewind(f);
	assert_true(leat_watch_snapshot_read(&b, f));
	assert_memory_equal(&a, &b, sizeof(a));
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		FILE *f = tmpfile();

		assert_non_null(f);
		fill(&a, seed);
		round_trip(f);
		fclose(f);
	}
}

static bool reads(const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool read = leat_watch_snapshot_read(&b, f);

	fclose(f);
	return read;
}

static void what_is_unknown_is_passed_over_and_what_is_cut_is_refused(void **state)
{
	(void)state;
	assert_true(reads("leat.snapshot/1\ntext name x\nhead up_ns 7\nhead new 1\nshards 2\n"
			  "row turns 4 5 6\nrow of_tomorrow 1 2\nrow\nrow turns\nword\nend\n"));
	assert_string_equal(b.name, "x");
	assert_int_equal(b.head[WATCH_H_UP_NS], 7);
	assert_int_equal(b.shard_cnt, 2);
	assert_int_equal(b.cell[0][WATCH_C_TURNS], 4);
	assert_int_equal(b.cell[1][WATCH_C_TURNS], 5);
	assert_true(reads("leat.snapshot/1\nshards 99999\nend\n"));
	assert_int_equal(b.shard_cnt, WATCH_SHARD_MAX);
	assert_false(reads("leat.snapshot/1\nshards 2\nrow turns 4 5\n"));
	assert_false(reads("leat.snapshot/2\nend\n"));
	assert_false(reads("no 1 0 this leatd does not know `snapshot`\n"));
}

static void every_cell_has_a_name_of_its_own(void **state)
{
	static char name[WATCH_CELL_CNT][WATCH_NAME_MAX];

	(void)state;
	for (uint32_t i = 0; i < WATCH_CELL_CNT; i++) {
		leat_watch_cell_name(i, name[i]);
		assert_true(name[i][0] != '\0' && strchr(name[i], ' ') == NULL);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(name[i], name[k]);
	}
	assert_string_equal(name[WATCH_C_BUSY_NS], "busy_ns");
	assert_string_equal(name[WATCH_PRESENT + TCP_ST_TIME_WAIT], "present.time_wait");
	assert_string_equal(
		name[WATCH_ARROW + TCP_ARROW_TIME_WAIT_TWO_MSL], "arrow.TIME_WAIT.TWO_MSL");
	assert_string_equal(name[WATCH_OUTCOME], "time_wait.entered");
	assert_string_equal(name[WATCH_RESPONSE], "response.0");
}

static void sums_add_counts_and_keep_the_greatest_of_the_rest(void **state)
{
	static uint64_t sum[WATCH_CELL_CNT];

	(void)state;
	a = (struct watch_snapshot){.shard_cnt = 3};
	for (uint32_t i = 0; i < 3; i++) {
		a.cell[i][WATCH_C_ROLE] = i == 2 ? WATCH_CLIENT : WATCH_SERVER;
		a.cell[i][WATCH_C_TURNS] = i + 1;
		a.cell[i][WATCH_C_NOW] = 10 - i;
		a.cell[i][WATCH_OLDEST + TCP_ST_ESTABLISHED] = 5 + i;
	}
	leat_watch_snapshot_sum(&a, WATCH_ROLE_CNT, sum);
	assert_int_equal(sum[WATCH_C_TURNS], 6);
	assert_int_equal(sum[WATCH_C_NOW], 10);
	assert_int_equal(sum[WATCH_OLDEST + TCP_ST_ESTABLISHED], 7);
	leat_watch_snapshot_sum(&a, WATCH_SERVER, sum);
	assert_int_equal(sum[WATCH_C_TURNS], 3);
	assert_int_equal(sum[WATCH_OLDEST + TCP_ST_ESTABLISHED], 6);
}

/* N236: what 32 bits, or a double, would have lost is there in text, when it is read, and in the
 * sum, of however many shards. */
static void counts_are_whole_beyond_32_bits_and_beyond_53(void **state)
{
	static const uint64_t big[] = {UINT64_C(1) << 32, (UINT64_C(1) << 53) + 1, UINT64_MAX / 64};
	static uint64_t sum[WATCH_CELL_CNT];

	(void)state;
	for (uint32_t k = 0; k < COUNT_OF(big); k++) {
		FILE *f = tmpfile();

		assert_non_null(f);
		for (uint32_t shards = 1; shards <= WATCH_SHARD_MAX; shards += 21) {
			a = (struct watch_snapshot){.shard_cnt = shards};
			for (uint32_t i = 0; i < shards; i++)
				for (uint32_t c = WATCH_SEGMENT; c < WATCH_PRESENT; c++)
					a.cell[i][c] = big[k] - i;
			round_trip(f);
			leat_watch_snapshot_sum(&b, WATCH_ROLE_CNT, sum);
			for (uint32_t c = WATCH_SEGMENT; c < WATCH_PRESENT; c++)
				assert_true(sum[c] == shards * big[k] - shards * (shards - 1) / 2);
		}
		fclose(f);
	}
}

static void each_reason_of_a_drop_counts_once(void **state)
{
	static uint64_t cell[WATCH_CELL_CNT];
	struct watch_drop d;

	(void)state;
	for (uint32_t i = 0; leat_watch_drop(cell, i, &d); i++) {
		assert_true(strlen(d.name) > 2 && d.sentence[strlen(d.sentence) - 1] == '.');
		assert_int_equal(d.cnt, 0);
	}
	cell[WATCH_WIRE + WIRE_V_TCP] = 1000; /* no drop, as are the next two */
	cell[WATCH_SEGMENT + TCP_V_OK] = 1000;
	cell[WATCH_SEGMENT + TCP_V_SYN_AGAIN] = 1000;
	cell[WATCH_WIRE + WIRE_V_DROP_TCP_CSUM] = 1;
	cell[WATCH_C_RX_DROP_NO_BUF] = 10;
	cell[WATCH_SEGMENT + TCP_V_TIME_WAIT_OLD] = 100;
	cell[WATCH_C_ACCEPT_REFUSED] = 10000;
	assert_int_equal(leat_watch_drops(cell), 10111);
}

static void shares_of_counts_are_ends_of_places(void **state)
{
	static uint64_t octave[HIST_OCTAVE_CNT], turn[WATCH_TURN_CNT];

	(void)state;
	assert_int_equal(leat_watch_octave_at(octave, 990000), 0);
	octave[hist_octave(1000)] = 99;
	octave[hist_octave(5000000)] = 1;
	assert_int_equal(leat_watch_octave_at(octave, 500000), 1023);
	assert_int_equal(leat_watch_octave_at(octave, 990000), 1023);
	assert_int_equal(leat_watch_octave_at(octave, 1000000), (1 << 23) - 1);
	for (uint64_t ns = 1; ns < HIST_NS_MAX; ns = ns * 9 / 8 + 1) {
		memset(turn, 0, sizeof(turn));
		turn[hist_slot(ns) >> WATCH_TURN_SHIFT] = 1;
		uint64_t at = leat_watch_turn_at(turn, 990000);
		assert_true(at >= ns && (at <= ns + ns / 2 || at < 256));
		assert_true(ns <= hist_octave_end(hist_octave(ns)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_unknown_is_passed_over_and_what_is_cut_is_refused),
		cmocka_unit_test(every_cell_has_a_name_of_its_own),
		cmocka_unit_test(sums_add_counts_and_keep_the_greatest_of_the_rest),
		cmocka_unit_test(counts_are_whole_beyond_32_bits_and_beyond_53),
		cmocka_unit_test(each_reason_of_a_drop_counts_once),
		cmocka_unit_test(shares_of_counts_are_ends_of_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
