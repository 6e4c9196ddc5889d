/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_follow.h"

#include "tcp_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct tcp_follow f;
static uint64_t now;

static void begin(uint32_t states)
{
	memset(&f, 0, sizeof(f));
	f.now = &now;
	f.states = states;
}

static void note(uint8_t from, uint8_t to, uint16_t port)
{
	leat_tcp_follow_note(
		&f, &(struct tcp_follow_event){.tuple = {.rport = port}, .from = from, .to = to});
}

static void events_come_in_order_with_the_instant_they_were_noted(void **state)
{
	struct tcp_follow_event e;

	(void)state;
	begin(UINT32_MAX);
	for (uint32_t round = 0; round < 3 * TCP_FOLLOW_SLOTS; round += 100) {
		for (uint32_t i = 0; i < 100; i++) {
			now = round + i;
			note(TCP_ST_LISTEN, TCP_ST_SYN_RECEIVED, (uint16_t)(round + i));
		}
		for (uint32_t i = 0; i < 100; i++) {
			assert_true(leat_tcp_follow_take(&f, &e));
			assert_int_equal(e.at, round + i);
			assert_int_equal(e.tuple.rport, (uint16_t)(round + i));
		}
		assert_false(leat_tcp_follow_take(&f, &e));
	}
	assert_int_equal(atomic_load(&f.lost), 0);
}

static void a_full_ring_loses_what_comes_and_counts_it(void **state)
{
	struct tcp_follow_event e;
	uint32_t cnt = 0;

	(void)state;
	begin(UINT32_MAX);
	for (uint32_t i = 0; i < TCP_FOLLOW_SLOTS + 17; i++)
		note(TCP_ST_ESTABLISHED, TCP_ST_CLOSE_WAIT, (uint16_t)i);
	assert_int_equal(atomic_load(&f.lost), 17);
	for (; leat_tcp_follow_take(&f, &e); cnt++)
		assert_int_equal(e.tuple.rport, (uint16_t)cnt); /* those that were first */
	assert_int_equal(cnt, TCP_FOLLOW_SLOTS);
}

static void an_arrow_that_touches_none_of_the_states_is_not_noted(void **state)
{
	struct tcp_follow_event e;

	(void)state;
	begin(TCP_SET(CLOSE_WAIT));
	note(TCP_ST_LISTEN, TCP_ST_SYN_RECEIVED, 1);
	note(TCP_ST_ESTABLISHED, TCP_ST_CLOSE_WAIT, 2);
	note(TCP_ST_CLOSE_WAIT, TCP_ST_LAST_ACK, 3);
	note(TCP_ST_LAST_ACK, TCP_ST_CLOSED, 4);
	assert_true(leat_tcp_follow_take(&f, &e) && e.tuple.rport == 2);
	assert_true(leat_tcp_follow_take(&f, &e) && e.tuple.rport == 3);
	assert_false(leat_tcp_follow_take(&f, &e));
	assert_int_equal(atomic_load(&f.lost), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_in_order_with_the_instant_they_were_noted),
		cmocka_unit_test(a_full_ring_loses_what_comes_and_counts_it),
		cmocka_unit_test(an_arrow_that_touches_none_of_the_states_is_not_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
