/* SPDX-License-Identifier: BSD-3-Clause */

/* Why it is not faster: each answer by what makes it, and which goes before which. */

#include "watch_why.h"

#include "base_bits.h"
#include "base_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct watch_snapshot before, now;

static void calm(void)
{
	before = (struct watch_snapshot){.shard_cnt = 2};
	before.head[WATCH_H_LINK_UP] = 1;
	before.head[WATCH_H_POOL_SIZE] = before.head[WATCH_H_POOL_FREE] = 1000;
	before.head[WATCH_H_WAIT_MAX] = 2000;
	before.cell[0][WATCH_C_PLACES] = before.cell[1][WATCH_C_PLACES] = 1000;
	before.cell[0][WATCH_C_NOW] = before.cell[1][WATCH_C_NOW] = TIME_S;
	now = before;
	now.cell[0][WATCH_C_NOW] = now.cell[1][WATCH_C_NOW] = 2 * TIME_S;
	now.cell[0][WATCH_C_BUSY_NS] = TIME_S / 4;
	now.cell[1][WATCH_C_BUSY_NS] = TIME_S / 100 * 44;
}

static void says(const char *words, bool limit)
{
	char text[WATCH_REASON_MAX];

	assert_int_equal(leat_watch_why(&before, &now, text), limit);
	if (strstr(text, words) == NULL)
		fail_msg("`%s` is not in `%s`", words, text);
}

static void nothing_names_the_busiest_shard(void **state)
{
	(void)state;
	calm();
	says("nothing here: shard 1 is the busiest at 44 %", false);
	assert_int_equal(leat_watch_busiest(&before, &now), 1);
	assert_int_equal(leat_watch_busy(&before, &now, 0), 250);
	now.head[WATCH_H_RATE_MILLI] = 1000;
	now.cell[0][WATCH_LOAD + WATCH_L_PLANNED] = 100;
	now.cell[0][WATCH_LOAD + WATCH_L_STARTED] = 98;
	says("nothing here", false);
	now.cell[0][WATCH_LOAD + WATCH_L_STARTED] = 99;
	says("the rate is as asked", false);
}

/* From the last to be asked to the first: each hides those above it. */
static void each_limit_is_named_and_the_first_of_them_alone(void **state)
{
	(void)state;
	calm();
	now.cell[0][WATCH_LOAD + WATCH_L_STARTED] = 100;
	now.cell[1][WATCH_LOAD + WATCH_L_LATE] = 2;
	says("starts are late, 2 of 100", true);
	now.cell[1][WATCH_SKIP + 2] = 4;
	says("the peer is slow: 4 were not begun, as many are in flight", true);
	now.cell[1][WATCH_C_PROBE_FIRED] = 3;
	says("the peer's window is closed: 3 probes", true);
	now.cell[1][WATCH_C_AGAIN_SYN] = 7;
	says("SYNs are not answered: 7 went again", true);
	now.cell[0][WATCH_TW_LATE + hist_octave(20 * TIME_MS)] = 5;
	says("timers fire late: 2MSL by up to 33 ms", true);
	now.head[WATCH_H_POOL_FREE] = 49;
	says("packet buffers are low: 49 of 1000", true);
	now.head[WATCH_H_RX_MISSED] = 9;
	says("the device missed 9 frames", true);
	now.cell[0][WATCH_C_BUSY_NS] = TIME_S / 100 * 97;
	now.cell[0][WATCH_STAGE + 2] = TIME_S / 2;
	says("shard 0 is saturated: 97 % busy, most of it in tcp", true);
	now.cell[1][WATCH_PRESENT + TCP_ST_TIME_WAIT] = 990;
	says("TIME-WAIT is full: shard 1: 990 of 1000", true);
	now.cell[1][WATCH_C_NO_PORT] = 1;
	says("tuples exhausted: TIME-WAIT has most", true);
	now.cell[0][WATCH_LOAD + WATCH_L_IN_FLIGHT] = 991;
	says("tuples exhausted: those in flight have most", true);
	now.cell[1][WATCH_PRESENT + TCP_ST_TIME_WAIT] = 0;
	now.cell[0][WATCH_LOAD + WATCH_L_IN_FLIGHT] = 0;
	says("tuples exhausted: those in flight have most", true);
	now.cell[1][WATCH_C_CPU] = 5;
	now.cell[1][WATCH_C_SILENT] = 1;
	says("shard 1 on cpu 5 does not turn", true);
	now.head[WATCH_H_LINK_UP] = 0;
	says("the link is down", true);
	now.head[WATCH_H_STARTS_NS] = UINT64_MAX;
	says("it is paused: leat ctl start begins it", true);
	now.head[WATCH_H_WALL_NS] = 1000 * TIME_S;
	now.head[WATCH_H_STARTS_NS] = 1012 * TIME_S + 345 * TIME_MS;
	says("it waits for its instant: it begins in 12.3 s", true);
	now.head[WATCH_H_WALL_NS] = 1013 * TIME_S;
	says("it begins in 0.0 s", true);
	now.head[WATCH_H_DRAINING] = 1;
	says("it drains", true);
}

/* Places are kept for those that are open, too: it is full before all of them wait. */
static void time_wait_is_full_when_it_refuses(void **state)
{
	static const uint32_t cell[] = {WATCH_OUTCOME + 11, WATCH_SKIP + 5};
	char name[WATCH_NAME_MAX];

	(void)state;
	assert_string_equal(leat_watch_cell_name(cell[0], name), "time_wait.refused");
	for (uint32_t i = 0; i < COUNT_OF(cell); i++) {
		calm();
		now.cell[0][cell[i]] = 1;
		now.cell[1][WATCH_PRESENT + TCP_ST_TIME_WAIT] = 500;
		says("TIME-WAIT is full: shard 1: 500 of 1000", true);
	}
}

/* A table that gives way is no limit, however full; what it refuses all the same is. */
static void a_full_time_wait_that_evicts_limits_nothing(void **state)
{
	(void)state;
	calm();
	now.head[WATCH_H_EVICTS] = 1;
	now.cell[1][WATCH_PRESENT + TCP_ST_TIME_WAIT] = 1000;
	now.cell[1][WATCH_ENDED + TCP_END_GAVE_WAY] = 500;
	says("nothing here", false);
	now.cell[1][WATCH_OUTCOME + 11] = 1;
	says("TIME-WAIT is full: shard 1: 1000 of 1000", true);
}

/* All of these were refused before this second, and ask again in a later one. */
static void what_was_refused_lately_is_a_reason(void **state)
{
	char name[WATCH_NAME_MAX];

	(void)state;
	calm();
	before.cell[0][WATCH_C_LATELY_FULL] = now.cell[0][WATCH_C_LATELY_FULL] = 7;
	now.cell[0][WATCH_PRESENT + TCP_ST_TIME_WAIT] = 900;
	says("TIME-WAIT had no place: 7 refused lately, shard 0 has 900 of 1000", true);
	calm();
	now.cell[0][WATCH_C_LATELY_REJECTED] = 9;
	says("TIME-WAIT rejects SYNs: 9 lately, 0 opened", true);
	now.cell[1][WATCH_C_OPENED_PASSIVE] = 10; /* others come in meanwhile */
	says("nothing here", false);
	now.cell[1][WATCH_OUTCOME + 6] = 10;
	says("TIME-WAIT rejects SYNs: 10 lately, 10 opened", true);
	calm();
	assert_string_equal(
		leat_watch_cell_name(WATCH_OUTCOME + 6, name), "time_wait.reuse_rejected");
	now.cell[0][WATCH_OUTCOME + 6] = 5;
	says("TIME-WAIT rejects SYNs: 5 lately, 0 opened", true);
}

/* Nothing happens in this second, and nothing is well. */
static void connections_that_stand_still_are_a_reason(void **state)
{
	(void)state;
	calm();
	now.cell[1][WATCH_PRESENT + TCP_ST_SYN_SENT] = 256;
	now.cell[0][WATCH_PRESENT + TCP_ST_TIME_WAIT] = 900; /* not among the open ones */
	says("SYNs are not answered: 256 of 256 open are in SYN-SENT", true);
	now.cell[1][WATCH_LOAD + WATCH_L_CONNECTED] = 1; /* they come and go */
	says("nothing here", false);
	now.cell[1][WATCH_OLDEST + TCP_ST_SYN_SENT] = 4 * TIME_S;
	says("256 of 256 open are in SYN-SENT", true);
	now.cell[0][WATCH_PRESENT + TCP_ST_ESTABLISHED] = 300;
	says("nothing here", false);
	now.cell[0][WATCH_C_PERSISTS] = 277;
	says("nothing here", false);
	now.cell[0][WATCH_C_PERSISTS] = 278;
	says("the peer's window is closed: 278 of 556 open wait for it", true);
	now.cell[0][WATCH_C_PERSISTS] = 0;
	now.cell[1][WATCH_C_UNHEARD] = 278;
	says("the peer does not acknowledge: 278 of 556 open send again", true);
	now.cell[0][WATCH_C_BUSY_NS] = TIME_S;
	says("is saturated", true);
}

/* Between two looks that are close together none need be connected. */
static void a_short_time_without_a_connection_is_no_standstill(void **state)
{
	(void)state;
	calm();
	now.cell[0][WATCH_C_NOW] = now.cell[1][WATCH_C_NOW] = TIME_S + 100 * TIME_MS;
	now.cell[0][WATCH_C_BUSY_NS] = now.cell[1][WATCH_C_BUSY_NS] = 0;
	now.cell[1][WATCH_PRESENT + TCP_ST_SYN_SENT] = 256;
	says("nothing here", false);
}

static void one_probe_is_one(void **state)
{
	(void)state;
	calm();
	now.cell[0][WATCH_C_PROBE_FIRED] = 1;
	says("the peer's window is closed: 1 probe of it", true);
}

static void what_happened_before_is_no_reason(void **state)
{
	(void)state;
	calm();
	before.cell[0][WATCH_C_PROBE_FIRED] = now.cell[0][WATCH_C_PROBE_FIRED] = 5;
	before.cell[0][WATCH_C_NO_PORT] = now.cell[0][WATCH_C_NO_PORT] = 5;
	before.head[WATCH_H_RX_MISSED] = now.head[WATCH_H_RX_MISSED] = 5;
	says("nothing here", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_names_the_busiest_shard),
		cmocka_unit_test(each_limit_is_named_and_the_first_of_them_alone),
		cmocka_unit_test(time_wait_is_full_when_it_refuses),
		cmocka_unit_test(a_full_time_wait_that_evicts_limits_nothing),
		cmocka_unit_test(what_was_refused_lately_is_a_reason),
		cmocka_unit_test(connections_that_stand_still_are_a_reason),
		cmocka_unit_test(a_short_time_without_a_connection_is_no_standstill),
		cmocka_unit_test(one_probe_is_one),
		cmocka_unit_test(what_happened_before_is_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
