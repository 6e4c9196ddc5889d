/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory that the kernel promises, and memory that is there. */

#include "nic_numa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define OCTETS ((size_t)5 << 20)

/* How many pages of mem are there. */
static size_t resident(void *mem)
{
	size_t cnt = OCTETS / (size_t)sysconf(_SC_PAGESIZE), there = 0;
	unsigned char *in = malloc(cnt);

	assert_non_null(in);
	assert_int_equal(mincore(mem, OCTETS, in), 0);
	for (size_t i = 0; i < cnt; i++)
		there += in[i] & 1;
	free(in);
	return there;
}

static void memory_is_there_when_it_was_touched_and_zeroed(void **state)
{
	uint8_t *mem = leat_nic_numa_take(OCTETS, 0);

	(void)state;
	assert_non_null(mem);
	assert_int_equal(resident(mem), 0);
	assert_true(leat_nic_numa_touch(mem, OCTETS));
	assert_int_equal(resident(mem), OCTETS / (size_t)sysconf(_SC_PAGESIZE));
	for (size_t i = 0; i < OCTETS; i++)
		assert_int_equal(mem[i], 0);
	leat_nic_numa_free(mem, OCTETS);
}

static void what_the_kernel_does_not_have_is_refused(void **state)
{
	(void)state;
	assert_null(leat_nic_numa_take((size_t)1 << 60, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_there_when_it_was_touched_and_zeroed),
		cmocka_unit_test(what_the_kernel_does_not_have_is_refused),
	};

	return cmocka_run_group_tests_name("nic_numa", tests, NULL, NULL);
}
