/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_twin.h"

#include <stdio.h>

struct twin fuzz_twin;

static void both(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
	struct twin *t = &fuzz_twin;

	leat_twin_begin(t);
	run(data, size);
	leat_twin_end(t);
	leat_twin_again(t);
	run(data, size);
	if (leat_twin_end(t))
		return;
	leat_twin_where(t);
	run(data, size);
	leat_twin_end(t);
	fprintf(stderr, "# %s\n", t->why);
	ASSERT(!t->differs);
}

void fuzz_twice(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
	fuzz_twin.oracle = false;
	both(run, data, size);
}

void fuzz_oracle(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size)
{
	fuzz_twin.oracle = true;
	both(run, data, size);
}
