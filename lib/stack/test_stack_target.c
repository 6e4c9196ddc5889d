/* SPDX-License-Identifier: BSD-3-Clause */

/* Where connections go to: found by hash, in the very places a walk over all would find. */

#include "base_bits.h"
#include "stack_core.h"
#include "test_stack_net.h"

#define STEPS 20000
#define MANY  20000

struct target {
	struct ip ip;
	uint32_t taken_cnt;
	uint16_t port;
};

struct model {
	struct target target[512];
	uint32_t cnt;
};

/* The place of the target, or else the first to which no port is taken. */
static uint32_t model_find(struct model *m, struct ip ip, uint16_t port)
{
	uint32_t empty = STACK_NONE;

	for (uint32_t i = 0; i < m->cnt; i++) {
		if (m->target[i].port == port && ip_eq(m->target[i].ip, ip))
			return i;
		if (m->target[i].taken_cnt == 0 && empty == STACK_NONE)
			empty = i;
	}
	if (empty != STACK_NONE)
		m->target[empty] = (struct target){.ip = ip, .port = port};
	return empty;
}

static void step(struct leat_stack *s, struct model *m, struct prng *p)
{
	uint32_t which = leat_prng_below(p, 2 * m->cnt + 1);
	struct ip ip = which % 3 == 0 ? ip_from4(0x0a000001 + which)
				      : (struct ip){UINT64_C(0xfd00) << 48, 1 + which / 7};
	uint16_t port = (uint16_t)(80 + which % 7);
	uint32_t idx = leat_stack_target_find(s, ip, port);

	assert_int_equal(idx, model_find(m, ip, port));
	if (idx == STACK_NONE)
		return;
	if (m->target[idx].taken_cnt > 0 && leat_prng_below(p, 2) == 0) {
		leat_stack_target_give(s, idx);
		m->target[idx].taken_cnt--;
	} else if (leat_prng_below(p, 4) != 0) {
		leat_stack_target_take(s, idx);
		m->target[idx].taken_cnt++;
	}
}

static void a_target_is_found_where_a_walk_over_all_would_find_it(void **state)
{
	static const uint32_t cnt[] = {1, 2, 3, 63, 64, 65, 500};
	static struct model m;
	struct prng p;

	(void)state;
	print_message("# seed 8\n");
	leat_prng_seed(&p, 8);
	for (uint32_t i = 0; i < COUNT_OF(cnt); i++) {
		struct net n;

		net_init(&n, i);
		n.config[0].target_max = cnt[i];
		n.config[0].port_from = n.config[0].port_to;
		net_start(&n);
		m = (struct model){.cnt = cnt[i]};
		for (uint32_t k = 0; k < STEPS; k++)
			step(n.stack[0], &m, &p);
		for (uint32_t k = 0; k < cnt[i]; k++)
			for (; m.target[k].taken_cnt > 0; m.target[k].taken_cnt--)
				leat_stack_target_give(n.stack[0], k);
		net_stop(&n);
	}
}

/* Each of many has ports of its own: one here, which nobody else takes. */
static void twenty_thousand_targets_have_their_own_ports_each(void **state)
{
	struct leat_addr any = {0}, remote;
	struct leat_conn c;
	struct net n;

	(void)state;
	net_init(&n, 9);
	n.config[0].target_max = MANY;
	n.config[0].tcp.tcb_max = MANY + 8;
	n.config[0].port_from = n.config[0].port_to = 40000;
	net_start(&n);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			remote = net_addr(1, 4, (uint16_t)(1 + i));
			assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c),
				round == 0 ? LEAT_OK : LEAT_ERR_NO_PORT);
		}
	}
	remote.port = MANY + 1;
	assert_int_equal(leat_connect(n.stack[0], &any, &remote, &c), LEAT_ERR_FULL);
	net_ledger(&n);
	net_stop(&n);
}

static void more_pairs_of_source_and_target_than_can_be_counted_are_refused(void **state)
{
	char text[128];
	struct net n;

	(void)state;
	net_init(&n, 10);
	n.config[0].target_max = STACK_TARGET_MAX;
	n.config[0].port_from = n.config[0].port_to;
	n.config[0].link.range_from = ip_from4(0x0a000000);
	n.config[0].link.range_to = ip_from4(0x0a000000 + 252);
	assert_null(leat_stack_config_error(&n.config[0], text, sizeof(text)));
	n.config[0].link.range_to = ip_from4(0x0a000000 + 253);
	assert_non_null(leat_stack_config_error(&n.config[0], text, sizeof(text)));
	assert_int_equal(leat_stack_footprint(&n.config[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_found_where_a_walk_over_all_would_find_it),
		cmocka_unit_test(twenty_thousand_targets_have_their_own_ports_each),
		cmocka_unit_test(more_pairs_of_source_and_target_than_can_be_counted_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
