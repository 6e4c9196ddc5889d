/* SPDX-License-Identifier: BSD-3-Clause */

/* How many are in flight where nobody said it, beside the pairs of address and port there are. */

#include "load_need.h"

#include "base_bits.h"
#include "test_said.h"

#define PAIRS    64512 /* of one source and one target, with all of --source-ports */
#define WORD_MAX 20

/* need reads options, as of a device that is nothing and of one target, and works out what they
 * need. */
static struct load_need need(const char *options, struct load_options *o)
{
	char verb[] = "load", text[512], *word[WORD_MAX] = {verb}, *rest = NULL;
	struct load_need n;
	int cnt = 1;

	snprintf(text, sizeof(text),
		"--vdev=net_null0 --address=10.0.0.1/24 --target=10.0.0.2:80 --hugepages=no %s",
		options);
	for (char *at = strtok_r(text, " ", &rest); at != NULL; at = strtok_r(NULL, " ", &rest))
		word[cnt++] = at;
	assert_int_equal(leat_opt_parse(&leat_opt_load, cnt, word, o, NULL, stderr), OPT_RESULT_OK);
	assert_int_equal(leat_load_need(o, &n), OPT_EXIT_OK);
	return n;
}

static void a_concurrency_that_nobody_gave_is_no_more_than_the_pairs(void **state)
{
	static const struct {
		const char *options;
		uint64_t concurrency;
		bool enough;
	} row[] = {
		{"--rate=70k/s --duration=1s --closes=server", PAIRS, true},
		{"--rate=70k/s --duration=1s --closes=reset", PAIRS, true},
		{"--rate=70k/s --closes=server --concurrency=65536", 65536, false},
		{"--rate=70k/s --duration=500ms --closes=client", 65536, true}, /* for 2MSL */
		{"--rate=64k/s --closes=server", 64000, true},
		{"--rate=1/s --closes=server --source-ports=2000-2099", 100, true},
		{"--source-ports=2000-2009", 10, true},
		{"--source-ports=2000-2009 --concurrency=11", 11, false},
		{"--closes=client", 64, true},
		/* Fewer than one for each shard would be no plan. */
		{"--source-ports=2000-2000 --shards=2 --closes=server", 64, false},
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		struct load_options o;
		struct load_need n = need(row[i].options, &o);

		print_message("# %s\n", row[i].options);
		assert_int_equal(o.concurrency, row[i].concurrency);
		assert_int_equal(n.needed <= n.tuples, row[i].enough);
		leat_load_need_free(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_concurrency_that_nobody_gave_is_no_more_than_the_pairs),
	};

	return cmocka_run_group_tests_name("load_need", tests, NULL, NULL);
}
