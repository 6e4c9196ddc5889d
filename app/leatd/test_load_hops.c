/* SPDX-License-Identifier: BSD-3-Clause */

/* How much of its targets a shard looks at in one turn, and what is said of one that did not. */

#include "load_hops.h"

#include "test_said.h"

#define ADDR_CNT (UINT32_C(1) << 20)

/* said is what leat_load_hops_say writes on stderr. */
static const char *said(const struct load_hops *hops, const struct plane *plane)
{
	static char text[512];
	struct said s = said_begin();

	leat_load_hops_say(hops, plane);
	said_end(&s, text, sizeof(text));
	return text;
}

/* No address is on a link of ours, and there is no gateway: nobody has to be asked for. */
static void many_targets_take_many_turns_and_each_ends(void **state)
{
	static struct load_need need;
	struct load_target target[2] = {{.addr_cnt = ADDR_CNT}, {.addr_cnt = 3}};
	struct load_hops h = {.need = &need};
	uint32_t asked = 0;

	(void)state;
	target[0].first = leat_load_addr(ip_from4(0x0a000000), 80);
	target[1].first = leat_load_addr(ip_from4(0x0b000000), 80);
	need.target = target;
	need.target_cnt = 2;
	for (uint64_t at = 0; !h.ended; asked++) {
		leat_load_hops_ask(&h);
		uint64_t next = h.target == 0 ? h.addr : ADDR_CNT + (h.target == 1 ? h.addr : 3);

		assert_true(h.all && h.more);
		assert_true(next > at && next - at <= LOAD_HOPS_LOOK);
		at = next;
	}
	assert_int_equal(h.target, 2);
	assert_int_equal(asked, ADDR_CNT / LOAD_HOPS_LOOK + 1);
	leat_load_hops_ask(&h);
	assert_true(h.ended && h.all && !h.more);
}

static void who_does_not_answer_is_named_the_hop_or_the_shard(void **state)
{
	static struct plane plane = {.shard_cnt = 3};
	struct load_hops hops[3] = {{.all = true}, {.all = false}, {.all = true}};

	(void)state;
	plane.shard[0].heard = plane.shard[2].heard = true;
	assert_non_null(strstr(said(hops, &plane), "shard 1 does not turn"));
	hops[2].all = false;
	hops[2].silent = ip_from4(0xc6120009);
	assert_non_null(strstr(said(hops, &plane), "198.18.0.9, does not answer who it is"));
	hops[2].all = plane.shard[1].heard = hops[1].all = true;
	assert_string_equal(said(hops, &plane), "");
}

static void no_line_of_a_shards_answer_is_anothers(void **state)
{
	struct load_hops hops[2];

	(void)state;
	assert_int_equal((uintptr_t)&hops[0] % CACHE_LINE, 0);
	assert_int_equal((uintptr_t)&hops[1] % CACHE_LINE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_targets_take_many_turns_and_each_ends),
		cmocka_unit_test(who_does_not_answer_is_named_the_hop_or_the_shard),
		cmocka_unit_test(no_line_of_a_shards_answer_is_anothers),
	};

	return cmocka_run_group_tests_name("load_hops", tests, NULL, NULL);
}
