/* SPDX-License-Identifier: BSD-3-Clause */

/* What a stranger could learn from initial sequence numbers and timestamps: N168, N169. */

#include "base_time.h"
#include "tcp_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TUPLES 1000

struct boot {
	struct tcp_engine *e;
	void *mem;
};

static struct boot boot_new(uint64_t key)
{
	const struct tcp_limits limits = {.tcb_max = 2, .rbuf_max = 1};
	struct tcp_knobs knobs;
	struct boot b;

	leat_tcp_knobs_default(&knobs);
	b.mem = aligned_alloc(64, leat_tcp_footprint(&limits));
	assert_non_null(b.mem);
	b.e = leat_tcp_new(b.mem, &limits, &knobs, (struct hash_key){key, ~key}, 0);
	return b;
}

/* The SYN that an open of tuple i sends at now. */
static struct seg syn_of(struct boot *b, uint32_t i, uint64_t now)
{
	struct tuple tuple = {ip_from4(1), ip_from4(2), (uint16_t)(1024 + i), 80, 0};
	struct tcb *tcb = leat_tcp_open_active(b->e, &tuple, now);
	struct tcp_io io = {.born = TCP_NONE};

	assert_non_null(tcb);
	leat_tcp_output(b->e, now, &io);
	assert_int_equal(io.emit_cnt, 1);
	assert_int_equal(leat_tcp_abort(b->e, tcb, now, &io), TCP_ERR_NONE);
	leat_tcp_free(b->e, tcb);
	return io.emit[0].seg;
}

static void numbers_of_one_tuple_follow_the_clock(void **state)
{
	struct boot b = boot_new(7);
	struct seg first = syn_of(&b, 0, 0);

	(void)state;
	for (uint64_t now = 0; now < 100000 * TIME_S; now += 777777777777) {
		struct seg syn = syn_of(&b, 0, now);

		assert_int_equal(syn.seq.v, (uint32_t)(first.seq.v + now / 4000)); /* MUST-8 */
		assert_int_equal(syn.ts_val, (uint32_t)(first.ts_val + now / TIME_MS));
	}
	free(b.mem);
}

/* Differences of neighbours, were they related, would fall together somewhere. */
static void numbers_of_neighbours_are_unrelated(void **state)
{
	struct boot b = boot_new(7);
	uint32_t isn_bit[32] = {0}, ts_bit[32] = {0};
	struct seg before = syn_of(&b, TUPLES, 0);

	(void)state;
	for (uint32_t i = 0; i < TUPLES; i++) {
		struct seg syn = syn_of(&b, i, 0);

		for (uint32_t k = 0; k < 32; k++) {
			isn_bit[k] += (syn.seq.v - before.seq.v) >> k & 1;
			ts_bit[k] += (syn.ts_val - before.ts_val) >> k & 1;
		}
		assert_int_not_equal(syn.seq.v - before.seq.v, syn.ts_val - before.ts_val);
		before = syn;
	}
	for (uint32_t k = 0; k < 32; k++) { /* half of them, within eight deviations */
		assert_in_range(isn_bit[k], TUPLES / 2 - 128, TUPLES / 2 + 128);
		assert_in_range(ts_bit[k], TUPLES / 2 - 128, TUPLES / 2 + 128);
	}
	free(b.mem);
}

static void another_boot_has_other_numbers(void **state)
{
	struct boot a = boot_new(7), b = boot_new(8);
	uint32_t same = 0;

	(void)state;
	for (uint32_t i = 0; i < TUPLES; i++) {
		struct seg of_a = syn_of(&a, i, 0), of_b = syn_of(&b, i, 0);

		same += of_a.seq.v == of_b.seq.v || of_a.ts_val == of_b.ts_val;
	}
	assert_int_equal(same, 0);
	free(a.mem);
	free(b.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_one_tuple_follow_the_clock),
		cmocka_unit_test(numbers_of_neighbours_are_unrelated),
		cmocka_unit_test(another_boot_has_other_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
